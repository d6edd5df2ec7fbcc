"""The wire between the main process and its guard: one datagram per sign of life, echoed; its end is the end of a process."""
from __future__ import annotations

import socket
import struct

from kernel.record import dataclass

MAX_TEXT = 2000          # octets of a report
MAX_DRAIN = 64           # datagrams read at once: three times what 100 ms can hold at one per 5 ms
BEAT = struct.Struct("=cqbdqd")
DOOR = "\0ccsbox-guard-"        # abstract address, with the name of the box: where a new main process asks an old guard for the lines
SERIAL = "serial:"              # begins the word of lines behind a serial port: what tells them from a page alone and from pins
UNKNOWN = float("nan")
TRI = {None: -1, False: 0, True: 1}


@dataclass(slots=True)
class Beat:
    """What the main process knew when it last lived. A, V, ns; None unknown."""

    at: int = 0
    contactors: bool | None = None       # measured
    current: float | None = None
    current_at: int = -1
    voltage: float | None = None


class Channel:
    """One end of the pair. Never blocks, never raises: what did not go is False, what did not come is not there."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._end = end
        self.closed = False              # the other process is gone

    @classmethod
    def pair(cls) -> tuple[Channel, Channel]:
        """SEQPACKET: keeps datagrams apart and tells the end of the other process."""
        one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        return cls(one), cls(other)

    @classmethod
    def of(cls, fd: int) -> Channel:
        """The end that was inherited as descriptor `fd`."""
        return cls(socket.socket(fileno=fd))

    def fileno(self) -> int:
        return self._end.fileno()

    def send_beat(self, beat: Beat) -> bool:
        known = UNKNOWN if beat.current is None else beat.current
        voltage = UNKNOWN if beat.voltage is None else beat.voltage
        return self.send(BEAT.pack(b"B", beat.at, TRI[beat.contactors], known, beat.current_at, voltage))

    def send(self, data: bytes) -> bool:
        try:
            self._end.send(data, socket.MSG_NOSIGNAL)
        except BlockingIOError:          # the other one reads nothing: it is stopped
            return False
        except OSError:
            self.closed = True
            return False
        return True

    def receive(self, limit: int = MAX_DRAIN) -> list[bytes]:
        """At most `limit` datagrams; sets `closed` at the end of the other process."""
        got: list[bytes] = []
        while len(got) < limit:
            try:
                data = self._end.recv(MAX_TEXT)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            if not data:
                self.closed = True
                break
            got.append(data)
        return got

    def close(self) -> None:
        self._end.close()


def read_beat(data: bytes) -> Beat | None:
    """None when `data` is no beat."""
    if len(data) != BEAT.size or data[:1] != b"B":
        return None
    _, at, contactors, current, current_at, voltage = BEAT.unpack(data)
    return Beat(at, None if contactors < 0 else contactors > 0, None if current != current else current, current_at,
                None if voltage != voltage else voltage)
