"""Writes every frame of an interface into a pcap file until it is terminated: python capture.py INTERFACE FILE."""
from __future__ import annotations

import select
import signal
import socket
import struct
import sys

SNAPLEN = 65535
MAGIC_NS = 0xA1B23C4D    # pcap with time stamps in ns
LINKTYPE_ETHERNET = 1
ETH_P_ALL = 3
SO_TIMESTAMPNS = 35      # <asm-generic/socket.h>; the kernel's time of arrival: this process may be woken late
TIMESPEC = struct.Struct("@ll")


def header() -> bytes:
    return struct.pack("<IHHiIII", MAGIC_NS, 2, 4, 0, 0, SNAPLEN, LINKTYPE_ETHERNET)


def record(at: int, frame: bytes) -> bytes:
    """`at` in ns since 1970."""
    return struct.pack("<IIII", at // 10**9, at % 10**9, len(frame), len(frame)) + frame


def receive(tap: socket.socket) -> tuple[int, bytes]:
    """(ns since 1970 by the kernel, frame)."""
    frame, ancillary, _, _ = tap.recvmsg(SNAPLEN, socket.CMSG_SPACE(TIMESPEC.size))
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
            seconds, ns = TIMESPEC.unpack(data[:TIMESPEC.size])
            return seconds * 10**9 + ns, frame
    raise OSError("the kernel gave no time stamp")


def main() -> int:
    interface, path = sys.argv[1:]
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    tap.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    tap.bind((interface, 0))
    wake, wakened = socket.socketpair()
    wakened.setblocking(False)
    signal.set_wakeup_fd(wakened.fileno())
    signal.signal(signal.SIGTERM, lambda *_: None)
    with open(path, "wb", buffering=0) as out:
        out.write(header())
        print("CAPTURING", flush=True)
        while True:
            readable, _, _ = select.select([tap, wake], [], [])
            if tap in readable:
                out.write(record(*receive(tap)))
            elif wake in readable:
                return 0


if __name__ == "__main__":
    sys.exit(main())
