"""The gate for what comes from the live view: an end, or less power. Everything else is counted.

The process that serves the page is not trusted: it speaks with browsers. So the grammar is two sentences, compared octet by octet, and there is
no word in it for more power, a new beginning, a reset, a pause, a lock or a contactor. Whether a share is really less than the present one is
asked where the present one is known (task.py).

    stop FROM            end the session in order
    share NN FROM        no more than NN percent of the power limit, 10 to 99

FROM is the address of the browser, for the journal.
"""
from __future__ import annotations

from kernel.timer import MS, S
from tasks.messages import RemoteLower, RemoteStop

MAX_OCTETS = 64
LEAST, MOST = 10, 99             # percent; the least is that of the keys (task.py)
STOP_GAP = S                     # the next end is taken so much later: one is enough, and each is a line of the journal
SHARE_GAP = 500 * MS
SOURCE_OCTETS = frozenset(b"0123456789abcdef.:")
MAX_SOURCE = 45                  # octets of an IPv6 address as text


class RemoteGate:
    """Counters: `admitted`; `refused` were no command, `limited` came too fast."""

    def __init__(self) -> None:
        self.admitted = 0
        self.refused = 0
        self.limited = 0
        self._next_stop = 0
        self._next_share = 0

    def admit(self, data: bytes, now: int) -> RemoteStop | RemoteLower | None:
        """What one datagram asks for; None: nothing that may be asked for."""
        wish = read(data)
        if wish is None:
            self.refused += 1
            return None
        if type(wish) is RemoteStop:
            if now < self._next_stop:
                self.limited += 1
                return None
            self._next_stop = now + STOP_GAP
        else:
            if now < self._next_share:
                self.limited += 1
                return None
            self._next_share = now + SHARE_GAP
        self.admitted += 1
        return wish


def read(data: bytes) -> RemoteStop | RemoteLower | None:
    """None when `data` is neither of the two sentences."""
    if len(data) > MAX_OCTETS:
        return None
    words = data.split(b" ")
    source = words[-1]
    if not 2 <= len(source) <= MAX_SOURCE or not SOURCE_OCTETS.issuperset(source):
        return None
    if words[:-1] == [b"stop"]:
        return RemoteStop(source.decode("ascii"))
    if len(words) == 3 and words[0] == b"share" and len(words[1]) == 2 and words[1].isdigit() and LEAST <= int(words[1]) <= MOST:
        return RemoteLower(int(words[1]), source.decode("ascii"))
    return None
