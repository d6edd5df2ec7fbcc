"""The wire between the box and the process that writes its sessions: datagrams of one letter and a content, bounded in size."""
from __future__ import annotations

import json
from typing import Any

BEGIN, FRAMES, JOURNAL, BOX, FILE, END = b"B", b"F", b"J", b"X", b"N", b"E"
MAX_BLOCK = 16 * 1024        # octets of records in one datagram: a socket's buffer holds some ten of them
MAX_FILE = 48 * 1024         # octets of a named file
MAX_DATAGRAM = 64 * 1024
MAX_STATUS = 1500            # octets of an answer: what a Channel reads


def begin(role: str, began: str, again: str = "") -> bytes:
    """`role`: pev, evse, bridge. `began`: UTC as 20261121T031245Z. `again`: the name of a session that a lost process had begun."""
    return BEGIN + json.dumps([role, began, again]).encode()


def file(name: str, text: str) -> bytes:
    """A small file that is replaced as a whole; what exceeds MAX_FILE octets is cut."""
    return FILE + name.encode() + b"\0" + text.encode("utf-8", "backslashreplace")[:MAX_FILE]


def status(**words: Any) -> bytes:
    """What the writer has to say; a sentence that is too long is cut."""
    return json.dumps({key: value[:500] if isinstance(value, str) else value for key, value in words.items()}).encode()[:MAX_STATUS]


def read_status(data: bytes) -> dict[str, Any]:
    """{} when it is none."""
    try:
        found = json.loads(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
