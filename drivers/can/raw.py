"""The way to a CAN bus through a raw socket of Linux: a third of python-can's cost per frame, and nothing to import (boards sheet 7)."""
from __future__ import annotations

import errno
import socket
import struct
from typing import Any, Callable

from drivers.can.settings import ACTIVE, BUS_OFF, EXTENDED, MAX_EXTENDED, MAX_FILTERS, MAX_OCTETS, MAX_STANDARD, PASSIVE, CanConfig, LinkDown

FRAME = struct.Struct("=IB3x8s")           # struct can_frame of linux/can.h: identifier and flags, length, padding, data
FILTER = struct.Struct("=II")              # struct can_filter: identifier, mask
COUNT = struct.Struct("=I")
REMOTE, ERROR = 0x4000_0000, 0x2000_0000   # CAN_RTR_FLAG, CAN_ERR_FLAG

# linux/can/error.h: classes in the identifier of an error frame, and what octet 1 says of the controller
TX_TIMEOUT, CONTROLLER, PROTOCOL, TRANSCEIVER, NO_ACK, OFF, RESTARTED = 0x01, 0x04, 0x08, 0x10, 0x20, 0x40, 0x100
WANTED_ERRORS = TX_TIMEOUT | CONTROLLER | PROTOCOL | TRANSCEIVER | NO_ACK | OFF | RESTARTED      # not lost arbitration, which is normal
RX_OVERFLOW, RX_PASSIVE, TX_PASSIVE, AGAIN_ACTIVE = 0x01, 0x10, 0x20, 0x40

SO_RXQ_OVFL = 40                           # asm-generic/socket.h: with each message the number of those that found no room so far
SOL_CAN_RAW, CAN_RAW_FILTER, CAN_RAW_ERR_FILTER = 101, 1, 2      # linux/can.h, linux/can/raw.h: not in `socket` where Python was built without them
ANCILLARY = socket.CMSG_SPACE(COUNT.size)
NO_ROOM = (errno.ENOBUFS, errno.EAGAIN, errno.EWOULDBLOCK)
DOWN = "CAN: interface down"


class Octets:
    """What comes as struct can_frame: data frames, and what the controller says about itself."""

    def __init__(self) -> None:
        self.state = ACTIVE
        self.ready = False
        self.error_frames = 0
        self.lost = 0
        self.malformed = 0
        self._lost_before = 0

    def _take(self, packet: bytes, frames: list[tuple[int, bytes]]) -> None:
        if len(packet) != FRAME.size:
            self.malformed += 1
            return
        word, length, data = FRAME.unpack(packet)
        if word & ERROR:
            self._hear_error(word, data)
        elif word & REMOTE or length > MAX_OCTETS or MAX_STANDARD < word < EXTENDED:
            self.malformed += 1
        else:
            frames.append((word, data[:length]))

    def _hear_error(self, word: int, data: bytes) -> None:
        """What the controller says about itself."""
        self.error_frames += 1
        if word & OFF:
            self.state = BUS_OFF
        elif word & RESTARTED:
            self.state = ACTIVE
        elif word & CONTROLLER:
            if data[1] & RX_OVERFLOW:
                self.lost += 1
            if data[1] & (RX_PASSIVE | TX_PASSIVE):
                self.state = PASSIVE
            elif data[1] & AGAIN_ACTIVE:
                self.state = ACTIVE

    def _count_lost(self, total: int) -> None:
        self.lost += (total - self._lost_before) & 0xFFFF_FFFF
        self._lost_before = total


class RawLink(Octets):
    """Link over AF_CAN. Never waits: the socket does not block."""

    def __init__(self, config: CanConfig, make: Callable[[], Any] | None = None) -> None:
        """`make` gives the socket (tests)."""
        super().__init__()
        self._channel = config.channel
        self._up = f"`ip link set {config.channel} up type can bitrate {config.bitrate} restart-ms 100`"
        self._make = make or _can_socket
        self._socket: Any = None

    def start(self, keys: tuple[int, ...] | None) -> None:
        try:
            self._socket = s = self._make()
            s.setblocking(False)
            if keys is not None and len(keys) <= MAX_FILTERS:
                s.setsockopt(SOL_CAN_RAW, CAN_RAW_FILTER, b"".join(_filter(key) for key in keys))
            s.setsockopt(SOL_CAN_RAW, CAN_RAW_ERR_FILTER, COUNT.pack(WANTED_ERRORS))
            s.setsockopt(socket.SOL_SOCKET, SO_RXQ_OVFL, 1)
            s.bind((self._channel,))
        except OSError as error:
            self.stop()
            raise self._down(error) from error
        self.state = ACTIVE
        self._lost_before = 0

    def receive(self, limit: int) -> list[tuple[int, bytes]]:
        frames: list[tuple[int, bytes]] = []
        try:
            # the first one with the count of frames that found no room in the socket; it is counted up, so one in a turn suffices
            packet, ancillary, _, _ = self._socket.recvmsg(FRAME.size, ANCILLARY)
            for level, kind, data in ancillary:
                if level == socket.SOL_SOCKET and kind == SO_RXQ_OVFL and len(data) == COUNT.size:
                    self._count_lost(COUNT.unpack(data)[0])
            self._take(packet, frames)
            receive = self._socket.recv
            for _ in range(limit - 1):
                self._take(receive(FRAME.size), frames)
        except BlockingIOError:
            self.ready = True              # open and empty: a socket on an interface that is down says so at its first reading
            return frames
        except OSError as error:
            self.stop()
            raise self._down(error) from error
        self.ready = True
        return frames

    def send(self, key: int, data: bytes) -> bool:
        try:
            self._socket.send(FRAME.pack(key, len(data), data))
        except OSError as error:
            if error.errno in NO_ROOM:
                return False
            self.stop()
            raise self._down(error) from error
        return True

    def stop(self) -> None:
        self.ready = False
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _down(self, error: OSError) -> LinkDown:
        """The sentence for a person, by the errno that Linux gives (raw(7), net/can/raw.c)."""
        name = self._channel
        if error.errno == errno.ENETDOWN:
            return LinkDown(DOWN, f"{name} is down: {self._up}.")
        if error.errno in (errno.ENODEV, errno.ENXIO):
            return LinkDown("CAN: interface gone", f"There is no interface {name}: check the adapter's plug and `ip link`, then {self._up}.")
        if error.errno in (errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT):
            return LinkDown("CAN: not in kernel", "This kernel has no CAN: load the modules can and can_raw (`modprobe can_raw`), or set can.interface to another adapter.")
        if error.errno in (errno.EPERM, errno.EACCES):
            return LinkDown("CAN: not permitted", f"The system does not allow a CAN socket on {name}: the service's RestrictAddressFamilies needs AF_CAN.")
        return LinkDown("CAN: " + errno.errorcode.get(error.errno or 0, "fault"), f"{name} failed: {error}. Look at `ip -details link show {name}` and `dmesg`.")


def _filter(key: int) -> bytes:
    """Exactly this identifier of this length, data frames only. Never with ERROR in the mask: the kernel then looks for it among error frames alone
    (linux/net/can/af_can.c, can_rcv_list_find), and no data frame comes."""
    return FILTER.pack(key, EXTENDED | REMOTE | (MAX_EXTENDED if key & EXTENDED else MAX_STANDARD))


def _can_socket() -> socket.socket:
    return socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW)
