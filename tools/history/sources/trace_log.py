"""The text log of a controller with messages in hexadecimal among its lines: Clara's serial log and pyPLC's trace.

Each line begins with the milliseconds since the start: `[215900] ...` of Clara, `[215900ms] ...` of pyPLC (field-pyplc-clara sheet 1.7, 8.1: the
same callback). Messages are found wherever octets stand that begin like one; what else a line says: trace_text.py.
"""
from __future__ import annotations

import re
from pathlib import Path

from tasks.listen.conversation import Decode
from tools.exi.octets import in_line
from tools.history.model import History
from tools.history.progress import Progress, silent
from tools.history.quiet import nothing
from tools.history.sources.messages import LoggedMessages

SAYS = "a text log of Clara (lines `[215900] ...`) or pyPLC (`[215900ms] ...`)"
MAX_LINE = 64 * 1024
HEAD_LINES = 40
_STAMP = re.compile(r"\s*\[\s*(\d{1,12})\s*(ms)?\]\s?(.*)", re.DOTALL)
_MS = 1_000_000
_LOOK = 512


def matches(head: bytes) -> bool:
    lines = head.decode("utf-8", "replace").splitlines()[:HEAD_LINES]
    return b"\0" not in head and sum(_STAMP.match(line) is not None for line in lines) > len(lines) // 3


def read(path: str, decode: Decode, progress: Progress = silent) -> list[History]:
    """One history per session. A clock that jumps back is a restart of the controller: later lines go on behind the earlier ones."""
    messages = LoggedMessages(decode)
    name, kind, restarts, base, last, unstamped = Path(path).name, "clara", 0, 0, 0, 0
    with open(path, "rb") as file:
        number = octets = 0
        while raw := file.readline(MAX_LINE):
            number += 1
            octets += len(raw)
            match = _STAMP.match(raw.decode("utf-8", "replace"))
            if match is None:
                unstamped += bool(raw.strip())
                continue
            if match[2]:
                kind = "pyplc-log"
            at = base + int(match[1]) * _MS
            if at < last:
                restarts += 1
                base, at = last, last + int(match[1]) * _MS
            last = at
            text = match[3].rstrip()
            found = in_line(text)
            if not found or not messages.message(at, found[0].octets, "", found[0].kind, found[0].loose and found[0].kind is None):
                messages.line(at, text)
            if number % _LOOK == 0:
                progress(octets, number)
    histories = messages.histories(name, kind) or [nothing(name, kind, "no message in this log", last / 1e9)]
    if restarts:
        histories[-1].remarks.append(f"the log's clock began anew {restarts} times")
    if unstamped:
        histories[-1].remarks.append(f"{unstamped} lines of the log have no time")
    return histories

