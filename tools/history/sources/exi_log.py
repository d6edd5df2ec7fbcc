"""pyPLC's EXI log (PevExiLog.txt): a line per message, `<ISO time>=<schema> <octets in hexadecimal>`.

Source: field-pyplc-clara sheet 1.3 row 19 and 1.9: DH, Dh, DD, D1 for what was decoded (handshake request and answer, DIN, ISO 15118-2), words
that begin with E for what was encoded (EH, ED..., E1...). The clock is the computer's, without its zone: taken as UTC.
"""
from __future__ import annotations

import re
from datetime import datetime, timezone
from pathlib import Path

from tasks.listen.conversation import Decode
from tools.history.model import History
from tools.history.progress import Progress, silent
from tools.history.quiet import nothing
from tools.history.sources.messages import LoggedMessages

SAYS = "pyPLC's EXI log (lines `2024-05-01T12:00:00.123456=DD 809a...`)"
KIND = "pyplc-exi"
MAX_LINE = 64 * 1024         # characters of one line
HEAD_LINES = 40              # of the beginning that are looked at: the log is appended to, and begins with other lines here and there
_LINE = re.compile(rb"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,6})?)\s*=\s*(?:([A-Za-z]\w{0,60}?)\s+)?((?:[0-9A-Fa-f]{2}[ \t]*){3,})\s*")
_SCHEMAS = {"H": "SAP", "h": "SAP", "D": "DIN", "1": "ISO2"}
_LOOK = 512


def matches(head: bytes) -> bool:
    return any(_LINE.fullmatch(line) for line in head.splitlines()[:HEAD_LINES])


def read(path: str, decode: Decode, progress: Progress = silent) -> list[History]:
    """One history per session. A line that is no message is passed over and counted in the remarks."""
    messages = LoggedMessages(decode)
    name, bad, damage = Path(path).name, 0, None
    with open(path, "rb") as file:
        number = octets = 0
        while line := file.readline(MAX_LINE):
            number += 1
            octets += len(line)
            match = _LINE.fullmatch(line)
            at = None if match is None else _time(match[1])
            if match is None or at is None:
                bad += bool(line.strip())
                if not line.endswith(b"\n"):
                    damage = f"line {number}, the last one, is cut off: {line[:40].decode('ascii', 'backslashreplace')!r}"
                continue
            word = (match[2] or b"").decode()
            messages.message(at, bytes.fromhex(match[3].decode()), _SCHEMAS.get(word[1:2], "") if word[:1] in "DE" else "")
            if number % _LOOK == 0:
                progress(octets, number)
    histories = messages.histories(name, KIND) or [nothing(name, KIND, "no message in this log")]
    if bad:
        histories[-1].remarks.append(f"{bad} lines of the log are no messages")
    histories[-1].damage = damage
    return histories


def _time(text: bytes) -> int | None:
    try:
        stamp = datetime.fromisoformat(text.decode().replace(",", ".")).replace(tzinfo=timezone.utc)
    except ValueError:
        return None
    return int(stamp.timestamp()) * 1_000_000_000 + stamp.microsecond * 1000
