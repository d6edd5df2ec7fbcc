"""A raw CAN socket of the kernel's octets, driven by a test: frames, error frames, refusals, an interface that goes."""
from __future__ import annotations

import errno
import socket
import struct
from collections import deque

FRAME = struct.Struct("=IB3x8s")      # linux/can.h, written down once more: the driver's own is what is tested
EXTENDED, REMOTE, ERROR = 1 << 31, 1 << 30, 1 << 29
BUS_OFF, RESTARTED, CONTROLLER = 0x40, 0x100, 0x04
RX_PASSIVE, ACTIVE_AGAIN, RX_OVERFLOW = 0x10, 0x40, 0x01


class FakeSocket:
    """What AF_CAN does, as far as the driver uses it. Anything that would block raises instead."""

    def __init__(self, kernel: FakeKernel) -> None:
        self.kernel = kernel
        self.filters: set[tuple[int, int]] | None = None
        self.error_mask = 0
        self.blocking = True
        self.told_down = False
        self.closed = False

    def setblocking(self, flag: bool) -> None:
        self.blocking = flag

    def setsockopt(self, level: int, option: int, value: bytes | int) -> None:
        if (level, option) == (101, 1):
            self.filters = set(struct.iter_unpack("=II", value))
        elif (level, option) == (101, 2):
            self.error_mask = struct.unpack("=I", value)[0]

    def bind(self, address: tuple[str]) -> None:
        if not self.kernel.present:
            raise OSError(errno.ENODEV, "No such device")
        self.kernel.bound = self

    def recvmsg(self, size: int, ancillary: int):
        lost = struct.pack("=I", self.kernel.lost & 0xFFFF_FFFF)
        return self.recv(size), [(socket.SOL_SOCKET, 40, lost)] if self.kernel.lost else [], 0, None

    def recv(self, size: int) -> bytes:
        self._alive()
        kernel = self.kernel
        kernel.reads += 1
        while kernel.waiting:
            packet = kernel.waiting.popleft()
            if self._passes(packet):
                return packet
        raise BlockingIOError(errno.EAGAIN, "nothing there")

    def send(self, packet: bytes) -> int:
        self._alive()
        if self.kernel.no_room:
            raise OSError(errno.ENOBUFS, "No buffer space available")
        self.kernel.sent.append(FRAME.unpack(packet))
        return len(packet)

    def close(self) -> None:
        self.closed = True

    def _alive(self) -> None:
        assert not self.blocking and not self.closed
        if not self.kernel.present:
            raise OSError(errno.ENODEV, "No such device")
        if not self.kernel.up:
            raise OSError(errno.ENETDOWN, "Network is down")

    def _passes(self, packet: bytes) -> bool:
        if len(packet) < 4:
            return True
        word = struct.unpack_from("=I", packet)[0]
        if word & ERROR:
            return bool(word & self.error_mask & 0x1FFF_FFFF)
        # a mask with ERROR puts its filter into the list of error frames, where no data frame is looked for (linux/net/can/af_can.c, can_rcv_list_find)
        return self.filters is None or any(word & mask == id & mask for id, mask in self.filters if not mask & ERROR)


class FakeKernel:
    """The interface can0."""

    def __init__(self) -> None:
        self.present = self.up = True
        self.no_room = False
        self.lost = 0
        self.reads = 0
        self.sockets = 0
        self.waiting: deque[bytes] = deque()
        self.sent: list[tuple[int, int, bytes]] = []
        self.bound: FakeSocket | None = None

    def socket(self) -> FakeSocket:
        self.sockets += 1
        return FakeSocket(self)

    def frame(self, id: int, data: bytes = b"", flags: int = 0) -> None:
        self.waiting.append(FRAME.pack(id | flags, len(data), data))

    def error(self, kind: int, controller: int = 0) -> None:
        self.frame(kind, bytes((0, controller, 0, 0, 0, 0, 0, 0)), ERROR)
