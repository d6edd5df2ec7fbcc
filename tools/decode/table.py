"""A whole folder of records as one table, a row per session: who met whom, how long CableCheck and PreCharge took, how far it came, why it ended."""
from __future__ import annotations

import csv
import io
import os
import re
import time
from pathlib import Path
from typing import TextIO

from drivers.blackbox.reader import is_box
from tasks.listen.columns import field
from tasks.listen.conversation import Decode
from tools.decode.output import Output
from tools.history.model import History
from tools.history.opening import NotARecord, open_history
from tools.history.vendors import maker

COLUMNS = ("file", "session", "began", "vendor", "charger", "car", "protocol", "cable_check_s", "precharge_s", "length_s", "reached", "outcome", "damage")
SHOWN = (("file", 60), ("vendor", 36), ("car", 32), ("protocol", 18), ("CableCheck", 10), ("PreCharge", 9), ("reached", 24), ("outcome", 90))
MAX_FILES = 10_000           # of one folder and what is below it; more are told
FRAMES = re.compile(r"frames(-\d{1,6})?\.pcap")      # as drivers/recording names its pieces
PROGRESS_EVERY = 2.0         # s


def table(folder: str, decode: Decode, as_csv: bool, out: Output, err: TextIO) -> int:
    """Exit code: 0, 1 where a file is damaged, 2 where no record is in the folder."""
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    if len(files) > MAX_FILES:
        print(f"{folder}: {len(files)} files, the first {MAX_FILES} are looked at", file=err)
    rows: list[tuple[str, int, History]] = []
    foreign, code, shown = 0, 0, time.monotonic() + PROGRESS_EVERY
    twins = _twins(files[:MAX_FILES])
    for number, path in enumerate(files[:MAX_FILES], 1):
        if path in twins:
            continue
        try:
            histories = open_history(str(path), decode)
        except NotARecord:
            foreign += 1
            continue
        except OSError as trouble:
            print(f"{path}: cannot be read: {trouble.strerror or trouble}", file=err)
            code = 1
            continue
        if histories[-1].damage:
            print(f"{path}: damaged: {histories[-1].damage}", file=err)
            code = 1
        rows += [(os.path.relpath(path, folder), i, history) for i, history in enumerate(histories, 1)]
        if time.monotonic() > shown:
            shown = time.monotonic() + PROGRESS_EVERY
            print(f"{number} of {len(files)} files, {len(rows)} sessions", file=err, flush=True)
    if not rows:
        print(f"{folder}: no record of a session in {len(files)} files; expected black box files, captures (pcap, pcapng), pyPLC's EXI logs, logs of Clara", file=err)
        return 2
    for line in _csv(rows) if as_csv else _text(rows):
        out.line(line)
    out.flush()
    if twins:
        print(f"{len(twins)} records passed over: the black box beside them has the same session", file=err)
    if foreign:
        print(f"{foreign} other files passed over", file=err)
    return code


def _twins(files: list[Path]) -> set[Path]:
    """Records of a session that a black box beside them has as well: frames (drivers/recording), and the other side's box of a simulation."""
    boxes: dict[Path, list[Path]] = {}
    for path in files:
        try:
            if path.stat().st_size and is_box(path):
                boxes.setdefault(path.parent, []).append(path)
        except OSError:
            continue                             # told when its turn comes
    twins = {path for path in files if path.parent in boxes and FRAMES.fullmatch(path.name)}
    for those in boxes.values():
        if {path.name for path in those} == {"car.ccsbox", "charger.ccsbox"}:
            twins.add(next(path for path in those if path.name == "charger.ccsbox"))
    return twins


def seconds(history: History, name: str) -> str:
    """What the phase of that name took (also as -20 calls it), "" where it was not reached."""
    phase = history.phase(name) or history.phase("DC_" + name)
    return "" if phase is None else f"{phase.duration:.2f}"


def _csv(rows: list[tuple[str, int, History]]) -> list[str]:
    lines = [",".join(COLUMNS)]
    for name, number, h in rows:
        text = io.StringIO()
        csv.writer(text, lineterminator="").writerow([
            field(name), number, "" if h.began_unix_s is None else f"{h.began_unix_s:.3f}", field(h.vendor or ""), field(h.charger or ""), field(h.car or ""),
            field(h.protocol or ""), seconds(h, "CableCheck"), seconds(h, "PreCharge"), f"{h.duration:.3f}", field(h.reached), field(h.outcome), field(h.damage or "")])
        lines.append(text.getvalue())
    return lines


def _text(rows: list[tuple[str, int, History]]) -> list[str]:
    """Columns as wide as their content, within SHOWN; an excess over a phase's limit has an exclamation mark."""
    cells = [[title for title, _ in SHOWN]]
    for name, number, h in rows:
        several = sum(other == name for other, _, _ in rows) > 1
        cells.append([f"{name} ({number})" if several else name, h.vendor or "", _car(h), h.protocol or "", _marked(h, "CableCheck"), _marked(h, "PreCharge"),
                      h.reached, h.outcome])
    widths = [min(most, max(len(row[i]) for row in cells)) for i, (_, most) in enumerate(SHOWN)]
    lines = []
    for row in cells:
        parts = [_cut(cell, width, head=i == 0) for i, (cell, width) in enumerate(zip(row, widths, strict=True))]
        lines.append("  ".join(f"{part:>{width}}" if i in (4, 5) else f"{part:<{width}}" for i, (part, width) in enumerate(zip(parts, widths, strict=True))).rstrip())
    return lines


def _car(history: History) -> str:
    """Its maker where that is known, else its address."""
    words = (history.car or "").split(" ", 1)
    return maker(words[0]) or words[0]


def _marked(history: History, name: str) -> str:
    phase = history.phase(name) or history.phase("DC_" + name)
    late = phase is not None and phase.limit is not None and phase.duration > phase.limit
    return seconds(history, name) + ("!" if late else "")


def _cut(text: str, width: int, head: bool) -> str:
    """A name too long keeps its end, where the session's number is; other texts their beginning."""
    if len(text) <= width:
        return text
    return "…" + text[-(width - 1):] if head else text[:width - 1] + "…"
