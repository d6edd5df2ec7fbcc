"""The OLED on a slow bus: octets per update, and how late the ticks become while everything is redrawn every second.

The bus is simulated and takes real time: it sleeps as long as its octets take on the wire (9 clocks each), as the kernel's driver
does; a bus that takes no time stands first, so that the machine's own lateness is known. Beside it runs a task that wants every tick, on the real clock.
"""
from __future__ import annotations

import random
import time
from typing import Any

from drivers.errors import DriverError
from drivers.oled_luma import OledConfig, OledLuma
from kernel.clock import MonotonicClock
from kernel.journal import Journal
from kernel.scheduler import TICK, Kernel
from kernel.task import ALWAYS, CRITICAL, TIMED, WHEN_IDLE, Row
from kernel.timer import MS, S, US
from tasks.display.task import DisplayTask
from tasks.signals import Signals
from tools.screens.scenes import KNOWN_CAR

SECONDS = 6
CLOCKS = 9                       # per octet: eight bits and the acknowledge
CASES = ((0, None), (100_000, None), (100_000, 128), (100_000, 32), (400_000, None), (400_000, 128))
SPIN = 200 * US                  # the end of a transfer is waited for awake, for sleeping is too coarse


class SlowBus:
    """An SMBus behind luma: `octets` and `transfers` on the wire."""

    def __init__(self, hertz: int) -> None:
        self.per_octet = CLOCKS * S // hertz if hertz else 0
        self.octets = self.transfers = 0

    def write_i2c_block_data(self, address: int, mode: int, data: list[int]) -> None:
        began = time.monotonic_ns()
        octets = 2 + len(data)
        self.octets += octets
        self.transfers += 1
        until = began + octets * self.per_octet
        if until - began > SPIN:
            time.sleep((until - began - SPIN) / S)
        while time.monotonic_ns() < until:
            continue


class _Changing:
    """All values of a charging car, other digits in each every second; every third second another page, so that nothing is as before."""

    def __init__(self, signals: Signals) -> None:
        self._signals = signals
        self._rng = random.Random(1)
        self._turned = 0

    def run(self, now: int) -> int:
        for name, value in KNOWN_CAR.items():
            signal = getattr(self._signals, name)
            signal.value, signal.at = self._rng.uniform(0.9, 1.1) * value if isinstance(value, float) else value, now
        self._turned += 1
        self._signals.display_keys.value = (self._turned, 0)
        return now + S


class _Counted:
    """The display's task; `most` octets on the wire in one run: what no other load of the machine can change."""

    inboxes = ()

    def __init__(self, display: DisplayTask, bus: SlowBus) -> None:
        self._display = display
        self._bus = bus
        self.most = 0

    def run(self, now: int) -> int:
        before = self._bus.octets
        wanted = self._display.run(now)
        self.most = max(self.most, self._bus.octets - before)
        return wanted


class _Ticking:
    """Wants every tick, as the supervisor does under power."""

    def run(self, now: int) -> int:
        return now + 1           # rounded up to the tick


def measure(hertz: int, octets_per_run: int | None, seconds: float = SECONDS) -> tuple[SlowBus, DisplayTask, _Counted, Kernel, OledLuma | _Fixed]:
    """`octets_per_run` None: what the driver has measured."""
    from luma.core.interface.serial import i2c
    bus: Any = SlowBus(hertz)
    driver = OledLuma(OledConfig(controller="ssd1306"), i2c(bus=bus, address=0x3C))
    oled = driver if octets_per_run is None else _Fixed(driver, octets_per_run)
    bus.octets = bus.transfers = 0
    signals, clock, journal = Signals(), MonotonicClock(), Journal()
    signals.connection_state.value, signals.v2g_state.value = "Session", "CurrentDemand"
    display = DisplayTask(oled, signals, "pev", journal)
    counted = _Counted(display, bus)
    kernel = Kernel([Row("changing", _Changing(signals), TIMED, 200 * US, CRITICAL), Row("ticking", _Ticking(), TIMED, 100 * US, ALWAYS),
                     Row("display", counted, TIMED, 3000 * US, WHEN_IDLE)], journal, cost=clock.now)
    end = clock.now() + int(seconds * S)
    kernel.run(clock, until=lambda: clock.now() >= end)
    return bus, display, counted, kernel, oled


class _Fixed:
    """The same driver with a slice that somebody has fixed."""

    def __init__(self, oled: OledLuma, octets_per_run: int) -> None:
        self._oled = oled
        self.octets_per_run = octets_per_run
        self.write, self.set_contrast = oled.write, oled.set_contrast

    @property
    def errors(self) -> int:
        return self._oled.errors


def main() -> None:
    print(f"OLED (SSD1306), every value changed and a page turned every second, {SECONDS} s each, tick {TICK // MS} ms, a row that wants every tick beside it")
    try:
        for hertz, fixed in CASES:
            bus, display, counted, kernel, oled = measure(hertz, fixed)
            p50, p99, worst = kernel.lateness()
            slices = f"{fixed} octets" if fixed else f"measured: {oled.octets_per_run}"
            redraws = max(1, display.redraws)
            print(f"  {f'{hertz // 1000} kHz' if hertz else 'no time'}, slice {slices:13} {redraws} updates of {display.octets / redraws:.0f} picture octets "
                  f"({bus.octets / redraws:.0f} on the wire, {bus.transfers / redraws:.0f} transfers, at most {counted.most * bus.per_octet / MS:.1f} ms of bus in a tick); "
                  f"tick lateness p50 {p50 / MS:.2f} p99 {p99 / MS:.2f} worst {worst / MS:.2f} ms, {kernel.missed} of {kernel.ticks} missed")
    except (DriverError, ImportError) as error:
        print(f"  not measured: {error}")
