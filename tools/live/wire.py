"""The wire between the box and the process that serves its page: bounded JSON datagrams one way, two short sentences the other way.

Box to viewer, one JSON object per datagram of at most MAX_DATAGRAM octets, `k` says which:

    {"k": "box", "about": "ccsbox 0.1.0", "role": "pev", "commands": true, "epoch": s}   first of a full picture: forget what was known
    {"k": "values", "t": s, "v": {name: value}}           signals and facts that changed; null: unknown or stale
    {"k": "events", "t": s, "e": [[t, source, level, text, number], ...]}   journal events; number: of a checkpoint, else 0
    {"k": "oled", "t": s, "p": {"0": base64 of 128 octets, ...}}    pages of the display that changed
    {"k": "beat", "t": s, "lost": n}                      each PERIOD, also when nothing changed; `lost` events found no room since the start

Viewer to box: `hello` asks for the full picture, `pages N` says how many are open (one digit or two); the commands are those of tasks/user/remote.py.
Times are seconds of the box's own clock, `epoch` is what to add for seconds since 1970.
"""
from __future__ import annotations

import json
from typing import Any

MAX_DATAGRAM = 8 * 1024
MAX_TEXT = 400                   # characters of a text value or an event
HELLO = b"hello"
PAGES = b"pages "


def pack(kind: str, **words: Any) -> bytes:
    """A datagram; ValueError where it would be longer than MAX_DATAGRAM (its maker splits what it sends)."""
    data = json.dumps({"k": kind, **words}, separators=(",", ":"), allow_nan=False).encode()
    if len(data) > MAX_DATAGRAM:
        raise ValueError(f"a datagram of {len(data)} octets, allowed are {MAX_DATAGRAM}")
    return data


def read(data: bytes) -> dict[str, Any] | None:
    """None when it is no datagram of the box."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("k"), str) else None


def pages(number: int) -> bytes:
    return PAGES + b"%d" % min(number, 99)


def read_pages(data: bytes) -> int | None:
    """None when it is another sentence."""
    digits = data[len(PAGES):]
    return int(digits) if data.startswith(PAGES) and 1 <= len(digits) <= 2 and digits.isdigit() else None


def stop(source: str) -> bytes:
    return b"stop " + source.encode()


def share(percent: int, source: str) -> bytes:
    return b"share %02d " % percent + source.encode()
