"""Octets of a serial line into lines of text: bounded, whatever comes."""
from __future__ import annotations

MAX_LINE = 80            # octets; the longest line that any of the devices sends has 29 (`ccs_contactor_wanted_closed=1`)
PRINTABLE = frozenset(range(0x20, 0x7F))


class LineSplitter:
    """`feed` octets, get whole lines. CR, LF or both end one; NUL (a break on the wire) is left out, empty lines are not told.

    A line with an octet that is no printable ASCII, or longer than MAX_LINE, is thrown away whole: half of a number is a
    wrong number. Counted in `garbage` and `overlong`.
    """

    __slots__ = ("garbage", "overlong", "_line", "_bad")

    def __init__(self) -> None:
        self.garbage = 0
        self.overlong = 0
        self._line = bytearray()
        self._bad = True         # what comes first may be the end of a line whose beginning was not heard

    def restart(self) -> None:
        """The octets have a gap here: nothing counts before the next end of a line."""
        self._line.clear()
        self._bad = True

    def feed(self, data: bytes) -> list[str]:
        """The lines that end in `data`, in order."""
        lines: list[str] = []
        for octet in data:
            if octet == 0x0A or octet == 0x0D:
                if self._line and not self._bad:
                    lines.append(self._line.decode("ascii"))
                self._line.clear()
                self._bad = False
            elif self._bad or octet == 0:
                continue
            elif octet not in PRINTABLE:
                self.garbage += 1
                self._bad = True
            elif len(self._line) >= MAX_LINE:
                self.overlong += 1
                self._bad = True
            else:
                self._line.append(octet)
        return lines
