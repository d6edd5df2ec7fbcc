"""Reads an HTTP/1.x answer octet by octet, as far as it is needed: its status and where it ends. Pure, bounded, raises nothing.

Source: RFC 9112 (message syntax; 6.3: how long a body is; 7.1: chunks). The status decides; what is in the body nobody wants, it is read to leave the server
in peace, and damage in it changes nothing.
"""
from __future__ import annotations

import re

LINE = 512                # octets of the status line
HEAD = 8 * 1024           # octets of the status line and all fields, of interim answers (1xx) as well
BODY = 16 * 1024          # octets of the body that are read
CHUNKS = 100              # of it, each of which costs a turn 2 us
SHOWN = 60                # octets of what came that are told
_STATUS = re.compile(rb"HTTP/1\.[0-9] ([1-5][0-9]{2})(?: .*)?\r?", re.DOTALL)
_CHUNK = re.compile(rb"[ \t]*([0-9a-fA-F]{1,8})[ \t]*(?:;.*)?\r?", re.DOTALL)


class Answer:
    """`done`: nothing more is wanted. Then `problem` says what is wrong with it, or `status` is its number; `location` of a redirect.

    `cut`: its body was too long, damaged or ended early.
    """

    def __init__(self) -> None:
        self.done = self.cut = False
        self.status = 0
        self.location = self.problem = ""
        self._octets = 0             # of all heads, then of the body
        self._waiting = b""          # of a head or of a chunk's size
        self._head = True
        self._left: int | None = None        # octets of the body or of this chunk; None: until the server closes
        self._chunked = False
        self._chunks = 0

    def receive(self, data: bytes) -> None:
        """More octets, cut anywhere."""
        while data and not self.done:
            data = self._of_head(data) if self._head else self._of_body(data)

    def ended(self) -> None:
        """The server closes the connection."""
        if self.done:
            return
        if self._head:
            self._bad(f"it ends within its head ({self._octets} octets)" if self._octets else "the server closes the connection without one")
        else:
            self.cut = self._chunked or self._left is not None
            self.done = True

    def _bad(self, problem: str) -> None:
        self.problem, self.done = problem, True

    def _of_head(self, data: bytes) -> bytes:
        """What belongs to the body is returned."""
        seen = len(self._waiting)
        whole = self._waiting + data
        first = whole.find(b"\n")
        if not (_STATUS.fullmatch(whole[:first]) if 0 <= first <= LINE else first < 0 and len(whole) <= LINE and whole[:5] == b"HTTP/"[:len(whole)]):
            self._bad(f"it does not begin with an HTTP/1 status line but with {whole[:SHOWN]!r}")
            return b""
        end = re.compile(rb"\n\r?\n").search(whole, max(0, seen - 2))
        if self._octets + (end.end() - seen if end else len(data)) > HEAD:
            self._bad(f"its head has more than {HEAD} octets")
            return b""
        if end is None:
            self._octets += len(data)
            self._waiting = whole
            return b""
        self._octets += end.end() - seen
        self._waiting = b""
        self._fields(whole[:end.start()].split(b"\n"))
        return whole[end.end():]

    def _fields(self, lines: list[bytes]) -> None:
        match = _STATUS.fullmatch(lines[0])
        self.status = int(match[1]) if match else 0
        if self.status < 200 and self.status != 101:         # interim: the answer follows
            self.status = 0
            return
        fields = {}
        for line in lines[1:]:
            name, _, value = line.partition(b":")
            fields[name.strip().lower()] = value.strip()
        self._head = False
        self._octets = 0
        self.location = "".join(c if c.isprintable() and c.isascii() else "?" for c in fields.get(b"location", b"")[:SHOWN * 2].decode("latin-1"))
        length = fields.get(b"content-length", b"")
        self._chunked = fields.get(b"transfer-encoding", b"").lower().endswith(b"chunked")
        if self._chunked:
            self._left = 0
        elif re.fullmatch(rb"[0-9]{1,15}", length):
            self._left = int(length)
        self.done = self.status in (204, 304) or not self._chunked and self._left == 0

    def _of_body(self, data: bytes) -> bytes:
        self._octets += len(data)
        if self._octets > BODY:
            self.cut = self.done = True
            return b""
        if self._left is None:
            return b""
        if self._left or not self._chunked:
            taken = min(self._left, len(data))
            self._left -= taken
            self._octets -= len(data) - taken                # they come again
            self.done = not self._chunked and not self._left
            return data[taken:]
        line, newline, rest = (self._waiting + data).partition(b"\n")
        if not newline and len(line) <= LINE:
            self._waiting = line
            return b""
        self._waiting = b""
        self._chunks += 1
        size = _CHUNK.fullmatch(line) if newline and self._chunks <= CHUNKS else None
        if size is None:
            self.cut = self.done = True
            return b""
        self._octets -= len(rest)
        self._left = int(size[1], 16) + 2                    # with the line end behind it
        self.done = self._left == 2                          # the last one; what follows it is not awaited
        return rest
