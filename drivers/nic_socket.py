"""The real network interface through plain packet sockets of Linux: the same frames as over libpcap without a library; packet(7), socket(7), linux/filter.h.

The filter is a program for the kernel's classic BPF machine. It is attached while the socket still has protocol 0, which receives
nothing, so that no frame slips in before it. Frames carry the time at which the kernel received them, told in the monotonic clock.
"""
from __future__ import annotations

import array
import errno
import socket
import struct
import time
from pathlib import Path

from drivers.errors import DriverError
from drivers.nic_ears import PACKET_MR_PROMISC, SNAPLEN, SOL_PACKET, SYS_NET, Admission, Ears, NicConfig, is_down, join, packet_socket
from kernel.timer import S

RING_OCTETS = 1 << 20     # asked for; the kernel counts double (socket(7)), a short frame as some 768 octets: 2700 of them
ETH_P_ALL = 0x0003        # linux/if_ether.h: the filter chooses among all
# asm-generic/socket.h and linux/if_packet.h, not in the socket module of Python 3.11
SO_ATTACH_FILTER = 26
SO_RCVBUFFORCE = 33       # beyond net.core.rmem_max, where CAP_NET_ADMIN is had
SO_TIMESTAMPNS = 35       # SO_TIMESTAMPNS_OLD: two C longs, on all our boards
PACKET_STATISTICS = 6
PACKET_IGNORE_OUTGOING = 23
TIMESPEC = struct.Struct("@ll")
ANCILLARY = socket.CMSG_SPACE(TIMESPEC.size)

# linux/bpf_common.h: load a word, half word or octet from a fixed place, compare with a constant, end
LD_W, LD_H, LD_B, JEQ, JSET, RET = 0x20, 0x28, 0x30, 0x15, 0x45, 0x06
# linux/filter.h: facts about the frame that are not in it
PACKET_TYPE, VLAN_PRESENT = 0xFFFFF004, 0xFFFFF030
OUTGOING = 4              # PACKET_OUTGOING: a kernel before 4.20 has no PACKET_IGNORE_OUTGOING
HOMEPLUG, IPV6 = 0x88E1, 0x86DD

# A line: code, constant, where to go when true, where when false; "" is the next line, else the next label of that name.
# Own frames and those with a VLAN tag are not ours (a tag that the card has taken off stands beside the frame); then the EtherType.
HEAD = ((LD_H, PACKET_TYPE, "", ""), (JEQ, OUTGOING, "drop", ""), (LD_H, VLAN_PRESENT, "", ""), (JEQ, 0, "", "drop"),
        (LD_H, 12, "", ""), (JEQ, IPV6, "known", ""), (JEQ, HOMEPLUG, "", "drop"), "known")
GROUP = ((LD_B, 0, "", ""), (JSET, 1, "mine", ""))                       # broadcast and multicast: the lowest bit of the first octet
END = ((RET, SNAPLEN, "", ""), "drop", (RET, 0, "", ""))
NOTHING = ("drop", (RET, 0, "", ""))


class SocketHandle:
    """Handle over one packet socket."""

    def __init__(self, name: str, promiscuous: bool, admission: Admission) -> None:
        self.socket = packet_socket(name, socket.SOCK_NONBLOCK)
        self.long = 0             # frames longer than Ethernet has: what the kernel glued together (GRO); useless, not handed on
        self._buffer = bytearray(SNAPLEN)
        self._lost = 0
        self._last = 0            # no frame is told to be older than the one before it, or than the last look
        try:
            self.admit(admission)
            self._options(name, promiscuous)
            self.socket.bind((name, ETH_P_ALL))
            trouble = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if trouble:
                raise OSError(trouble, "down" if trouble == errno.ENETDOWN else "bound with an error")
        except OSError as e:
            self.socket.close()
            if e.errno == errno.ENETDOWN:
                raise is_down(name) from e
            raise DriverError(f"Network interface {name!r} cannot be opened with a packet socket ({e}).", "Set nic to pcap.") from e

    def _options(self, name: str, promiscuous: bool) -> None:
        """What only saves work may be refused by an old kernel; the filter and the time stamp of the call stand in."""
        s = self.socket
        try:
            s.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        except OSError as e:
            if e.errno != errno.ENOPROTOOPT:
                raise
        try:
            s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RING_OCTETS)
        except PermissionError:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RING_OCTETS)       # cut by the kernel to net.core.rmem_max
        s.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        if promiscuous:
            join(s, name, PACKET_MR_PROMISC)

    def fileno(self) -> int:
        return self.socket.fileno()

    def fetch(self, limit: int, now: int, frames: list[tuple[int, bytes]]) -> int:
        receive, buffers, view = self.socket.recvmsg_into, (self._buffer,), memoryview(self._buffer)
        wall_to_monotonic = 0
        taken = 0
        while taken < limit:
            try:
                n, ancillary, flags, _ = receive(buffers, ANCILLARY)
            except BlockingIOError:
                break
            taken += 1
            if flags & socket.MSG_TRUNC:
                self.long += 1
                continue
            if not wall_to_monotonic:
                wall_to_monotonic = now - time.time_ns()
            frames.append((self._arrival(ancillary, wall_to_monotonic, now), bytes(view[:n])))
        self._last = now
        return taken

    def _arrival(self, ancillary: list, wall_to_monotonic: int, now: int) -> int:
        """The kernel's wall clock stamp in the monotonic clock, between the last look and `now`: time never runs backwards for those who get it."""
        if ancillary and len(ancillary[0][2]) == TIMESPEC.size:
            seconds, nanoseconds = TIMESPEC.unpack(ancillary[0][2])
            at = seconds * S + nanoseconds + wall_to_monotonic
            if at < now:                       # else: wall clock set meanwhile
                if at > self._last:
                    self._last = at
                return self._last
        self._last = now
        return now

    def admit(self, admission: Admission) -> None:
        """For frames that come from now on; those that wait in the ring stay."""
        attach(self.socket, program(admission))

    def drops(self) -> int:
        _, lost = struct.unpack("II", self.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        self._lost += lost                     # the kernel begins anew with each answer
        return self._lost

    def close(self) -> None:
        self.socket.close()


class SocketEars(Ears):
    """Ears over packet sockets."""

    def __init__(self, config: NicConfig, sys_net: Path = SYS_NET) -> None:
        """DriverError when the interface or the permission is missing."""
        super().__init__(config, sys_net, SocketHandle)


class SocketNic(SocketEars):
    """Nic over packet sockets: the same, and sends."""

    def send(self, frame: bytes, now: int) -> bool:
        return self._put(frame, self._handles[0].socket.send)


def program(admission: Admission) -> bytes:
    """The admission as instructions of the kernel's BPF machine (struct sock_filter)."""
    if admission.nothing:
        return assemble(NOTHING)
    lines: tuple = HEAD
    if admission.mine is not None:
        lines += (*GROUP, *_equal(0, admission.mine, "drop"), "mine")
    if admission.only is not None:
        lines += ((LD_H, 12, "", ""), (JEQ, IPV6, "", "drop"), *_equal(6, admission.only, "drop"))
    if admission.without is not None:
        lines += ((LD_H, 12, "", ""), (JEQ, IPV6, "", "take"), *_equal(6, admission.without, "take"), (RET, 0, "", ""))
    return assemble((*lines, "take", *END))


def _equal(place: int, mac: bytes, otherwise: str) -> tuple:
    """Goes on where the address at `place` is `mac`."""
    head, tail = struct.unpack("!HI", mac)
    return (LD_W, place + 2, "", ""), (JEQ, tail, "", otherwise), (LD_H, place, "", ""), (JEQ, head, "", otherwise)


def assemble(lines: tuple) -> bytes:
    """Labels become distances; jumps go forward only, as the kernel demands."""
    places: dict[str, int] = {}
    count = 0
    for line in lines:
        if isinstance(line, str):
            places[line] = count
        else:
            count += 1
    out = []
    for line in lines:
        if not isinstance(line, str):
            code, constant, true, false = line
            after = len(out) + 1
            out.append(struct.pack("HBBI", code, places[true] - after if true else 0, places[false] - after if false else 0, constant))
    return b"".join(out)


def attach(s: socket.socket, instructions: bytes) -> None:
    """The socket receives only what the program lets through. OSError when the kernel does not like the program."""
    memory = array.array("B", instructions)              # lives until the kernel has copied it
    s.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(instructions) // 8, memory.buffer_info()[0]))
