"""Figures of this board: time per I2C transfer, and how late ticks are while all devices have their turns."""
from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median
from typing import Any, Callable

from drivers.boards.assumed import NoDisplay
from drivers.errors import DriverError
from drivers.i2c import I2cChip
from drivers.oled_luma import WINDOW_OCTETS
from kernel.journal import Journal
from kernel.realtime import go_realtime
from kernel.scheduler import Kernel
from kernel.task import ALWAYS, CRITICAL, TIMED, Row
from kernel.timer import MS, S, US
from tasks.devices.task import DevicesTask
from tasks.signals import Signals
from tools.bench_io.bench import Bench
from tools.bench_io.look import instruments, section
from tools.bench_io.oled import sizes
from tools.bench_io.text import cells, wrapped

READS = 200                  # of one register, three octets and two addresses each
CLOCKS = 9                   # per octet: eight bits and the acknowledge
WORD_OCTETS = 5              # address, register, address, two octets (drivers/i2c.py)
CONFIG_REGISTER = 1
SLICE = 32                   # octets of a picture per measured transfer
SLOW = 5 * MS                # half a tick: a turn that takes longer endangers the next tick


@dataclass(slots=True)
class Transfers:
    """Times of equal transfers to one chip, ns."""

    name: str
    octets: int
    times: list[int]
    refused: int

    def line(self) -> str:
        if not self.times:
            return cells((self.name, f"none of {self.refused} answered"), (30,))
        low, middle, high = min(self.times), median(self.times), max(self.times)
        khz = CLOCKS * self.octets * 1e6 / middle
        return cells((self.name, str(len(self.times)), str(self.octets), f"{low / MS:.3f}", f"{middle / MS:.3f}", f"{high / MS:.3f}", f"{khz:.0f}",
                      str(self.refused)), (30, 8, 8, 10, 10, 10, 8))


HEAD = cells(("chip", "number", "octets", "min ms", "median ms", "max ms", "kHz", "refused"), (30, 8, 8, 10, 10, 10, 8))


def i2c(bench: Bench, bus: Any = None, clock: Callable[[], int] = time.monotonic_ns, reads: int = READS) -> list[str]:
    """Every chip of the configuration that is on I2C. `bus`: a test's."""
    found: list[Transfers] = []
    measuring = getattr(section(bench), "measuring", None)
    if measuring is not None and "ads1x15" in measuring.converters:
        chip = measuring.ads1x15
        try:
            found.append(_registers(f"{chip.chip.upper()} 0x{chip.i2c_address:02X} bus {chip.i2c_bus}", I2cChip(chip.i2c_bus, chip.i2c_address, bus), clock, reads))
        except DriverError as error:
            return wrapped(str(error))
    if not isinstance(bench.board.oled, NoDisplay):
        found.append(_picture(bench, clock))
    if found and not bench.real:
        return ["The simulated board has no bus. On a real one this says, for every chip on I2C:", HEAD]
    if not found:
        return ["Nothing of this configuration is on I2C (no ads1x15 among the converters, oled.controller = none)."]
    return [HEAD, *[transfers.line() for transfers in found], *wrapped(
        "kHz is what the octets alone would need at the median: the bus is at least so fast. 100 kHz is a Raspberry Pi's default; with an OLED set "
        "dtparam=i2c_arm_baudrate=400000 in config.txt.")]


def _registers(name: str, chip: I2cChip, clock: Callable[[], int], reads: int) -> Transfers:
    """The config register again and again: reading it disturbs no conversion."""
    times, refused = [], 0
    for _ in range(reads):
        began = clock()
        try:
            chip.read_word(CONFIG_REGISTER)
        except OSError:
            refused += 1
            continue
        times.append(max(1, clock() - began))
    return Transfers(name, WORD_OCTETS, times, refused)


def _picture(bench: Bench, clock: Callable[[], int]) -> Transfers:
    oled, times, refused = bench.board.oled, [], 0
    for page, octets in enumerate(sizes()):
        for column in range(0, len(octets), SLICE):
            began = clock()
            if oled.write(page, column, octets[column:column + SLICE], bench.clock.now()):
                times.append(max(1, clock() - began))
            else:
                refused += 1
    return Transfers(getattr(oled, "name", "display"), SLICE + WINDOW_OCTETS, times, refused)


class Timed:
    """Polled, with the time that its turns take."""

    def __init__(self, device: Any, clock: Callable[[], int]) -> None:
        self.device, self._clock = device, clock
        self.worst = self.total = self.turns = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.device, name)

    def run(self, now: int) -> int:
        began = self._clock()
        wanted = self.device.run(now)
        spent = self._clock() - began
        self.worst, self.total, self.turns = max(self.worst, spent), self.total + spent, self.turns + 1
        return wanted


class _Every:
    """Wants every tick, as the supervisor does under power."""

    def run(self, now: int) -> int:
        return now + 1


class _Look:
    """Reads everything that the box would read."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def run(self, now: int) -> int:
        for _ in instruments(self._bench, now):
            continue
        self._bench.board.pilot_monitor.read(now)
        return now + 50 * MS


def ticks(bench: Bench, seconds: float, stop: Callable[[], bool] = lambda: False) -> list[str]:
    """The real scheduler with the real devices for so long, without network and protocol."""
    clock, journal = bench.clock, Journal()
    timed = [Timed(device, clock.now) for device in bench.quiet]
    lines = [f"  {report}" for report in go_realtime()] if bench.config.realtime else ["  realtime = false: without SCHED_FIFO, as configured"]
    kernel = Kernel([Row("devices", DevicesTask(timed, Signals(), journal), TIMED, 700 * US, CRITICAL), Row("look", _Look(bench), TIMED, 300 * US, CRITICAL),
                     Row("every tick", _Every(), TIMED, 100 * US, ALWAYS)], journal, cost=clock.now)
    end = clock.now() + int(seconds * S)
    kernel.run(clock, until=lambda: stop() or clock.now() >= end)
    p50, p99, worst = kernel.lateness()
    lines += [f"{kernel.ticks} ticks of {kernel.tick // MS} ms: late by p50 {p50 / MS:.2f}, p99 {p99 / MS:.2f}, worst {worst / MS:.2f} ms; {kernel.missed} missed",
              cells(("device", "turns", "mean ms", "worst ms", ""), (46, 10, 10, 10))]
    for device in sorted(timed, key=lambda device: -device.worst):
        mean = device.total / device.turns / MS if device.turns else 0.0
        lines.append(cells((device.device.name, str(device.turns), f"{mean:.3f}", f"{device.worst / MS:.3f}", "SLOW" if device.worst > SLOW else ""), (46, 10, 10, 10)))
    if kernel.missed or worst > kernel.tick // 2:
        lines += wrapped("Late ticks: a device above 1 ms (I2C at 100 kHz?), another program on the processor (`top`), no real-time rights (run as the service does), "
                         "or an SD card that is being written.")
    return lines
