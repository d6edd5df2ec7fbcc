"""Figures of the page for an hour's charge: octets, time to make it, ms until it can be used, ms per drawing (Debian's headless Chromium)."""
from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from tools.bench.recording import hour
from tools.history.opening import open_history
from tools.scope.page_file import page
from tools.scope.picture import draw

PROGRAMS = ("chromium", "chromium-headless-shell", "google-chrome")
TIMEOUT_S = 120
ROUNDS = 3
DRAWINGS = 40                # views from the whole session down to 4 s
_RESULT = re.compile(r"figures:(\{.*?\}):end")
MEASURE = """<script>
(async () => {
  while (!document.documentElement.dataset.ready) await new Promise((go) => setTimeout(go, 5));
  const t = page.timeline, times = [], drawn = [], end = t.end();
  for (let i = 0; i < %d; i++) {
    const wide = end * Math.pow(4 / end, i / %d), middle = end * (0.1 + 0.8 * ((i * 7919) %% 100) / 100);
    t.show(middle - wide / 2, middle + wide / 2);
    const began = performance.now();
    t.draw();
    drawn.push(performance.now() - began);
    t.canvas.getContext("2d").getImageData(0, 0, 1, 1);
    times.push(performance.now() - began);
  }
  times.sort((a, b) => a - b);
  drawn.sort((a, b) => a - b);
  console.log("figures:" + JSON.stringify({ ready: +document.documentElement.dataset.ready, marks: t.store.count(),
    script: drawn[drawn.length >> 1], median: times[times.length >> 1], worst: times[times.length - 1] }) + ":end");
})();
</script></body>""" % (DRAWINGS, DRAWINGS)


def measured(program: str, path: Path) -> dict[str, float]:
    """What a fresh browser on a real clock writes to its console; OSError, ValueError when it does not."""
    with subprocess.Popen([program, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--remote-debugging-port=0",
                           f"--user-data-dir={path.parent / 'profile'}", "--window-size=1400,1000", path.as_uri()],
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True) as browser:
        late = threading.Timer(TIMEOUT_S, os.killpg, (browser.pid, signal.SIGKILL))
        late.start()
        said = ""
        try:
            for line in browser.stderr or ():
                match = _RESULT.search(line)
                if match is not None:
                    return json.loads(match[1])
                said = line
        finally:
            late.cancel()
            with contextlib.suppress(ProcessLookupError):        # the group that this call has started
                os.killpg(browser.pid, signal.SIGKILL)
    raise ValueError(f"the browser has left no figures: {said.strip()[-200:]}")


def main() -> None:
    """Print all figures."""
    with tempfile.TemporaryDirectory() as folder:
        path = hour(folder)
        began = time.perf_counter()
        histories = open_history(str(path))
        read = time.perf_counter() - began
        began = time.perf_counter()
        text = page(histories)
        made = time.perf_counter() - began
        history = histories[0]
        plain = len(json.dumps([h.json() for h in histories], separators=(",", ":")))
        print(f"scope: {history.duration / 60:.0f} minutes, {sum(mark.kind == 'message' for mark in history.marks)} messages, {len(history.marks)} marks, "
              f"{sum(len(series.points) for series in history.series)} points: read in {read:.1f} s, page made in {made:.2f} s", flush=True)
        print(f"scope: page {len(text) / 1024:.0f} KiB, of it {_shell() / 1024:.0f} KiB renderer and style; the model as plain JSON "
              f"{plain / 1024:.0f} KiB", flush=True)
        began = time.perf_counter()
        draw(history, f"{folder}/p.png")
        print(f"scope: picture drawn in {time.perf_counter() - began:.1f} s, {Path(folder, 'p.png').stat().st_size / 1024:.0f} KiB", flush=True)
        program = next((found for name in PROGRAMS if (found := shutil.which(name))), None)
        if program is None:
            print("scope: time to interactive left out: apt-get install chromium", flush=True)
            return
        file = Path(folder, "page.html")
        file.write_text(text.replace("</body>", MEASURE), encoding="utf-8")
        try:
            figures = [measured(program, file) for _ in range(ROUNDS)]
        except (OSError, ValueError) as problem:
            print(f"scope: time to interactive left out: {problem}", flush=True)
            return
        best = min(figures, key=lambda one: one["ready"])
        print(f"scope: interactive {best['ready']:.0f} ms after the browser began to load it (best of {ROUNDS}), a drawing {min(f['script'] for f in figures):.1f} ms of "
              f"script, {min(f['median'] for f in figures):.1f} ms with its pixels in software (median of {DRAWINGS} views from all to 4 s), worst "
              f"{min(f['worst'] for f in figures):.1f} ms; 16.7 ms are 60 per second", flush=True)


def _shell() -> int:
    """Octets of everything but the data."""
    from tools.history.model import History
    return len(page([History("", "", "pcap")]))
