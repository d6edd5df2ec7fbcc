"""A box at a serial device, as a program: it commands state C and contactors, says `closed`, and lives until somebody kills it.

`python -m tests.drivers.serial_line.box main PORT DEVICE INHERIT FD` starts `... guard` as tools/appliance/guard.py starts its guard: the
page as a descriptor, and with INHERIT 1 that of the open port as well. FD is the page, so that a test can look at it.
"""
from __future__ import annotations

import os
import subprocess
import sys

from drivers.guard import Beat, Channel
from drivers.serial_line.celeron55 import Celeron55, Celeron55Config
from drivers.serial_line.device import Wiring
from drivers.serial_line.dieter import Dieter, DieterConfig
from drivers.serial_line.lines import SerialLines
from drivers.serial_line.port import SerialPortConfig
from kernel.clock import MonotonicClock
from kernel.timer import MS
from tools.appliance.guard_policy import GuardPolicy, Limits
from tools.appliance.guard_process import GuardProcess


def main(path: str, name: str, inherit: bool, page: int) -> None:
    """The box: beats as long as it lives."""
    clock = MonotonicClock()
    lines = SerialLines(page, guarding=False)
    serial = SerialPortConfig(port=path)
    wiring = Wiring(lines=lines)
    device = Dieter(DieterConfig(serial=serial), clock.now(), wiring) if name == "dieter" else Celeron55(
        Celeron55Config(serial=serial), clock.now(), wiring, vehicle=False)
    channel, other = Channel.pair()
    passed = [page, other.fileno(), *([device.port.fileno()] if inherit else [])]
    subprocess.Popen([sys.executable, "-m", "tests.drivers.serial_line.box", "guard", str(page), str(other.fileno()),
                      str(device.port.fileno() if inherit else -1)], pass_fds=passed)
    other.close()
    while not channel.receive():
        clock.wait_until(clock.now() + MS, [channel.fileno()])
    device.control_pilot.set_state_c(True, clock.now())
    device.contactors.set_closed(True, clock.now())
    print("closed", flush=True)
    while not channel.closed:
        now = clock.now()
        channel.send_beat(Beat(now, True, 50.0, now, 400.0))
        channel.receive()
        clock.wait_until(device.run(now), [])


def guard(page: int, channel_fd: int, port: int) -> None:
    """What tools/appliance/guard_process.py does, on these lines."""
    clock = MonotonicClock()
    channel, lines = Channel.of(channel_fd), SerialLines(page, port)
    policy = GuardPolicy(Limits(emergency_open_ms=1000), lines, clock.now())
    process = GuardProcess(policy, channel, f"test-serial-{os.getpid()}", clock.now)
    channel.send(b"R")
    process.serve()


if __name__ == "__main__":
    if sys.argv[1] == "main":
        main(sys.argv[2], sys.argv[3], sys.argv[4] == "1", int(sys.argv[5]))
    else:
        guard(*(int(argument) for argument in sys.argv[2:5]))
