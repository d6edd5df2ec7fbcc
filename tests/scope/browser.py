"""Runs a page in Debian's headless Chromium and gives what its scripts left behind; a test that wants it is skipped where there is none."""
from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

BUDGET_MS = 8_000            # of virtual time: the page's own clock, not the machine's
TIMEOUT_S = 120
_PROGRAMS = ("chromium", "chromium-headless-shell", "chromium-browser", "google-chrome")
_RESULT = re.compile(r'data-result="([^"]*)"')


def program() -> str:
    """Its path; skips the test."""
    found = next((path for name in _PROGRAMS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no chromium here: apt-get install chromium")
    return found


def command(path: Path, *words: str, size: str = "1200,1000") -> list[str]:
    return [program(), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={path.parent / 'profile'}",
            f"--window-size={size}", f"--virtual-time-budget={BUDGET_MS}", *words, path.as_uri()]


def result(page: str, code: str, folder: Path, size: str = "1200,1000") -> Any:
    """What `code`, the body of an async function that runs when the page is ready, returns: JSON. Raises AssertionError with what the page says."""
    path = folder / "page.html"
    runner = """<script>
(async () => {
  const frame = () => { page.timeline.draw(); return new Promise((go) => setTimeout(go, 5)); };      // virtual time brings no frames by itself
  let tries = 0;
  while (!document.documentElement.dataset.ready && !document.documentElement.dataset.failed && tries++ < 200) await new Promise((go) => setTimeout(go, 20));
  let said;
  try { said = await (async () => { %s })(); } catch (error) { said = { thrown: String(error.stack || error) }; }
  document.documentElement.dataset.result = JSON.stringify(said === undefined ? null : said);
})();
</script></body>""" % code
    path.write_text(page.replace("</body>", runner), encoding="utf-8")
    done = subprocess.run(command(path, "--dump-dom", size=size), capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    match = _RESULT.search(done.stdout)
    assert match, f"the page has left nothing behind: {done.stdout[:300]} {done.stderr[-600:]}"
    said = json.loads(html.unescape(match[1]))
    assert not (isinstance(said, dict) and "thrown" in said), said
    return said
