"""A modem for somebody else's program: bridges the interface of that program and the power line through our emulated modem.

`python -m tests.interop.modem HOST_INTERFACE LINE_INTERFACE pev|evse`, inside the peer's namespace; prints READY, and on SIGTERM what passed.
The modem is the one that our own boxes put in front of their interface (tasks/homeplug/emulator.py): keys, joining, sounds, beacons.
"""
from __future__ import annotations

import random
import select
import signal
import socket
import sys
from types import FrameType

from kernel.clock import MonotonicClock
from tasks.homeplug.config import EmulatorConfig
from tasks.homeplug.emulator import EmulatedModem

ETH_P_ALL = 3
FRAME = 2048
FRAMES_AT_ONCE = 64
LONGEST_WAIT_S = 0.1


def opened(interface: str) -> socket.socket:
    """A packet socket for every frame of one interface."""
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    made.bind((interface, 0))
    made.setblocking(False)
    return made


def frames(source: socket.socket) -> list[bytes]:
    """What has come in from outside."""
    found: list[bytes] = []
    while len(found) < FRAMES_AT_ONCE:
        try:
            frame, address = source.recvfrom(FRAME)
        except BlockingIOError:
            break
        if address[2] != socket.PACKET_OUTGOING:
            found.append(frame)
    return found


def host_mac(interface: str) -> bytes:
    """MAC of the other end of the host's cable: that of the program behind `interface`."""
    with open(f"/sys/class/net/{interface}/address", encoding="ascii") as file:
        return bytes.fromhex(file.read().strip().replace(":", ""))


def main(host_interface: str, line_interface: str, role: str, program_interface: str) -> None:
    clock, ended = MonotonicClock(), []

    def end(number: int, frame: FrameType | None) -> None:
        ended.append(number)
    signal.signal(signal.SIGTERM, end)
    host, line = opened(host_interface), opened(line_interface)
    modem = EmulatedModem(EmulatorConfig(enabled=True), host_mac(program_interface), role == "evse", random.SystemRandom())
    from_host = from_line = 0
    print("READY", flush=True)
    while not ended:
        now = clock.now()
        wait = min(max((modem.next_timer() - now) / 1e9, 0.0), LONGEST_WAIT_S)
        select.select((host, line), (), (), wait)
        now = clock.now()
        for frame in frames(host):
            from_host += 1
            modem.from_host(frame, now)
        for frame in frames(line):
            from_line += 1
            modem.from_line(frame, now)
        modem.handle_timer(now)
        for frame in modem.to_line():
            line.send(frame)
        for _, frame in modem.to_host(FRAMES_AT_ONCE, now):
            host.send(frame)
    print(f"modem: {from_host} frames from the host, {from_line} from the line, {modem.blocked} blocked, "
          f"{sum(n.joined_at <= clock.now() for n in modem.neighbours.values())} joined", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
