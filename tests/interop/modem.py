"""A modem for somebody else's program: bridges the interface of that program and the power line through our emulated modem.

`python -m tests.interop.modem HOST_INTERFACE LINE_INTERFACE pev|evse PROGRAM_INTERFACE [--loss PERCENT --seed N]`, inside the peer's namespace; prints
READY, and on SIGTERM what passed. The modem is the one that our own boxes put in front of their interface (tasks/homeplug/emulator.py): keys, joining,
sounds, beacons. With --loss the power line between the two modems loses frames in both directions: a sound that is lost is not measured either. The
emulators' own beacons are spared: they stand for what real modems settle among themselves.
"""
from __future__ import annotations

import argparse
import random
import select
import signal
import socket
from types import FrameType

from kernel.clock import MonotonicClock
from tasks.homeplug.config import EmulatorConfig
from tasks.homeplug.emulator import EmulatedModem
from tasks.homeplug.wire_emulator import BEACON_MARK

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


class Line:
    """The power line's frames: all of them, or all but `percent` of 100, by `seed`."""

    def __init__(self, percent: float, seed: int) -> None:
        self._part = percent / 100
        self._rng = random.Random(seed)
        self.lost = 0

    def carries(self, frame: bytes) -> bool:
        if not self._part or frame[12:20] == BEACON_MARK or self._rng.random() >= self._part:
            return True
        self.lost += 1
        return False


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.interop.modem", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("host_interface")
    parser.add_argument("line_interface")
    parser.add_argument("role", choices=("pev", "evse"))
    parser.add_argument("program_interface")
    parser.add_argument("--loss", type=float, default=0.0, metavar="PERCENT")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    clock, ended = MonotonicClock(), []

    def end(number: int, frame: FrameType | None) -> None:
        ended.append(number)
    signal.signal(signal.SIGTERM, end)
    host, line, carrier = opened(chosen.host_interface), opened(chosen.line_interface), Line(chosen.loss, chosen.seed)
    modem = EmulatedModem(EmulatorConfig(enabled=True), host_mac(chosen.program_interface), chosen.role == "evse", random.SystemRandom())
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
            if carrier.carries(frame):
                modem.from_line(frame, now)
        modem.handle_timer(now)
        for frame in modem.to_line():
            if carrier.carries(frame):
                line.send(frame)
        for _, frame in modem.to_host(FRAMES_AT_ONCE, now):
            host.send(frame)
    print(f"modem: {from_host} frames from the host, {from_line} from the line, {modem.blocked} blocked, {carrier.lost} lost, "
          f"{sum(n.joined_at <= clock.now() for n in modem.neighbours.values())} joined", flush=True)


if __name__ == "__main__":
    main()
