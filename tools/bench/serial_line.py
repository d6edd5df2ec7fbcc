"""Serial line figures: what a turn costs at rest, at full rate, in a flood and without a device; tick lateness; octets; import and memory."""
from __future__ import annotations

import os
import subprocess
import sys
import time
import tty
from statistics import median, quantiles
from types import SimpleNamespace
from typing import Callable

from drivers.serial_line.device import Wiring
from drivers.serial_line.dieter import Dieter, DieterConfig
from drivers.serial_line.find import Finder, system_ports
from drivers.serial_line.text_display import TextDisplay, TextDisplayConfig
from kernel.clock import MonotonicClock
from kernel.timer import MS, US

TURNS = 300
TICK = 10 * MS
FULL_RATE = b"A0=0512\r\n" * 2           # 18 octets in 10 ms: 19,200 Bd carry 19
FLOOD = "import os, sys\ndata = os.urandom(4096)\nwhile True: os.write(int(sys.argv[1]), data)"
IMPORT = """
import time
{}
def rss(): return next(int(l.split()[1]) for l in open("/proc/self/status") if l.startswith("VmRSS"))
before, start = rss(), time.process_time_ns()
{}
print((time.process_time_ns() - start) / 1e6, rss() - before)
"""
BOX = "import drivers.board"             # what a box has loaded in any case
IMPORTS = (("pyserial", BOX, "import serial"), ("its list of ports (auto)", BOX + ", serial", "from serial.tools import list_ports"),
           ("drivers.serial_line.dieter", BOX, "import drivers.serial_line.dieter"),
           ("drivers.serial_line.celeron55", BOX, "import drivers.serial_line.celeron55"),
           ("drivers.serial_line.lines into the guard", "import tools.appliance.guard_process", "import drivers.serial_line.lines"))


def open_box() -> tuple[int, Dieter, TextDisplay]:
    """The far end of a pty, and a Dieter with a display at it."""
    master, slave = os.openpty()
    tty.setraw(slave)
    ports = [SimpleNamespace(device=os.ttyname(slave), vid=0x2341)]
    device = Dieter(DieterConfig(), MonotonicClock().now(), Wiring(finder=Finder(lambda: ports)))
    os.close(slave)
    return master, device, device.attach(TextDisplayConfig())


def turns(feed: Callable[[int, int], None]) -> tuple[list[float], list[float]]:
    """us of CPU of each turn and of each tick's lateness, on the real clock; `feed` (master, number) plays the device before it."""
    master, device, display = open_box()
    clock, costs, late = MonotonicClock(), [], []
    at = clock.now()
    for n in range(TURNS):
        at += TICK
        feed(master, n)
        clock.wait_until(at, [])
        begun, cpu = clock.now(), time.thread_time_ns()
        display.show(("CCS", f"{n} V", "10 A"), begun)
        device.run(begun)
        costs.append((time.thread_time_ns() - cpu) / US)
        late.append((begun - at) / US)
    device.close()
    os.close(master)
    return costs, late


def _quiet(master: int, n: int) -> None:
    os.set_blocking(master, False)
    try:
        os.read(master, 4096)
    except BlockingIOError:
        return


def _talking(master: int, n: int) -> None:
    _quiet(master, n)
    os.write(master, FULL_RATE)


def show(what: str, costs: list[float], late: list[float]) -> None:
    print(f"serial: a turn {what}: median {median(costs):.0f}, 99 % {quantiles(costs, n=100)[98]:.0f}, worst {max(costs):.0f} us of CPU; "
          f"tick late by median {median(late):.0f}, 99 % {quantiles(late, n=100)[98]:.0f} us", flush=True)


def flood() -> tuple[list[float], list[float]]:
    """Another process writes random octets as fast as the line takes them."""
    children: list[subprocess.Popen] = []

    def begin(master: int, n: int) -> None:
        if not n:
            children.append(subprocess.Popen([sys.executable, "-S", "-c", FLOOD, str(master)], pass_fds=[master], stderr=subprocess.DEVNULL))
    try:
        return turns(begin)
    finally:
        for child in children:
            child.kill()
            child.wait()


def without_device() -> tuple[list[float], list[float]]:
    """Nothing is plugged in; some of the turns look for it."""
    clock, costs, late = MonotonicClock(), [], []
    device = Dieter(DieterConfig(), clock.now(), Wiring(finder=Finder(system_ports)))
    at = clock.now()
    for _ in range(TURNS):
        at += TICK
        clock.wait_until(at, [])
        begun, cpu = clock.now(), time.thread_time_ns()
        device.run(begun)
        costs.append((time.thread_time_ns() - cpu) / US)
        late.append((begun - at) / US)
    return costs, late


def without_anything() -> list[float]:
    """us of lateness of ticks in which nothing is done: the machine's own."""
    clock, late = MonotonicClock(), []
    at = clock.now()
    for _ in range(TURNS):
        at += TICK
        clock.wait_until(at, [])
        late.append((clock.now() - at) / US)
    return late


def main() -> None:
    """Print them."""
    for what, loaded, code in IMPORTS:
        found = [subprocess.run([sys.executable, "-c", IMPORT.format(loaded, code)], capture_output=True, text=True, check=True).stdout.split() for _ in range(5)]
        print(f"serial: import of {what}: {median(float(ms) for ms, _ in found):.1f} ms of CPU, {median(int(kb) for _, kb in found) / 1024:.2f} MB", flush=True)
    late = without_anything()
    print(f"serial: ticks without any device: late by median {median(late):.0f}, 99 % {quantiles(late, n=100)[98]:.0f} us", flush=True)
    show("with nothing on the line", *turns(_quiet))
    show("at the line's full rate", *turns(_talking))
    show("in a flood", *flood())
    show("without a device", *without_device())
    master, device, display = open_box()
    before, now, cpu = device.port.sent, MonotonicClock().now(), 0
    for n in range(1000):
        now += TICK
        _talking(master, n)
        begun = time.thread_time_ns()
        display.show(("CCS", f"{n} V", "10 A"), now)
        device.run(now)
        cpu += time.thread_time_ns() - begun
    print(f"serial: octets out with a display that always changes: {(device.port.sent - before) / 10:.0f} per second of the 1920 that 19,200 Bd carry; "
          f"{cpu / 1000 / US:.0f} us of CPU per turn back to back", flush=True)
    device.close()
    os.close(master)
