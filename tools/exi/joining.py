"""Puts messages together that stand in several lines: wrapped hexadecimal text, and hex dumps with offsets."""
from __future__ import annotations

from typing import Callable

from tools.exi.octets import MAX_MESSAGE_OCTETS, Found, NotOctets, begins, binary, continues, dumped, in_line, only_octets, pasted

#: Lines that one message may take: a dump of the largest, 16 octets in a line.
MAX_LINES = MAX_MESSAGE_OCTETS // 16


class Joining:
    """Takes lines one by one and gives the messages that are complete with them."""

    def __init__(self, complete: Callable[[Found], bool]) -> None:
        """`complete` says that a message decodes as it is: no further line is waited for then."""
        self._complete = complete
        self._wrapped: list[str] = []        # lines of octets alone, the first of which begins a message
        self._dump = bytearray()             # octets of the lines of a dump so far
        self._where = ""                     # of the first line of either
        self._lines = 0

    def feed(self, line: str, where: str) -> list[Found]:
        """Messages that ended before this line, and those that this line completes."""
        self._lines += 1
        room = self._lines < MAX_LINES
        octets = dumped(line, len(self._dump)) if room else None
        if octets is not None:
            ended = [] if self._dump else self.end()
            self._where = self._where or where
            self._dump += octets
            return ended
        if self._wrapped and room and continues(line):
            self._wrapped.append(line)
            return []
        ended = self.end()
        found = _placed(in_line(line), where)
        if len(found) == 1 and only_octets(line) and (found[0].note or found[0].kind is None and not self._complete(found[0])):
            self._wrapped, self._where = [line], where
            return ended
        return ended + found

    def end(self) -> list[Found]:
        """What was still waiting for a further line."""
        wrapped, dump, where = self._wrapped, bytes(self._dump), self._where
        self._wrapped, self._dump, self._where, self._lines = [], bytearray(), "", 0
        if dump:
            return _placed(binary(dump) if begins(dump) else in_line(f"dump {dump.hex()}"), where)
        if not wrapped:
            return []
        try:
            return _placed(pasted("".join(wrapped)), where)
        except NotOctets:                    # half an octet is missing somewhere: the first line is what is certain
            return _placed(in_line(wrapped[0]), where)


def _placed(found: list[Found], where: str) -> list[Found]:
    for one in found:
        one.where = where
    return found
