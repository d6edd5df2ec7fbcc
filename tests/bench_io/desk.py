"""A workbench without hardware: a clock that jumps, a person who types, a guard that listens, and boards on twins down to their registers."""
from __future__ import annotations

import io
import os
from types import SimpleNamespace
from typing import Any, Callable

from drivers.adc.pilot import AnalogPilotConfig
from drivers.adc.quantity import CheckedConfig, LinearConfig, TemperatureConfig
from drivers.pins.library import Pins, load_api
from tasks.config import Config
from tests.drivers.adc.twins import Ads1x15Twin, FakeSmbus, Now
from tests.drivers.pins import kernel
from tests.drivers.pins.libraries import gpiod_v2, raspberry
from tools.bench_io.__main__ import World, parser
from tools.bench_io.bench import Bench

DIVIDER, CP_GAIN, CP_OFFSET = 300.0, 10.0, -15.0       # as in tests/drivers/adc/rig.py
LONGEST_WAIT = 1_000_000_000


class JumpingClock:
    """Nobody waits; `now` is shared with the twins. `at` (ns from the beginning, action): happens on the way."""

    def __init__(self) -> None:
        self.shared = Now()
        self.shared.ns = self.began = 10_000_000_000
        self.at: list[tuple[int, Callable[[], object]]] = []

    def now(self) -> int:
        return self.shared.ns

    def wait_until(self, deadline: int, fds: Any) -> list[int]:
        assert deadline - self.shared.ns <= LONGEST_WAIT
        self.shared.ns = max(self.shared.ns, deadline)
        while self.at and self.at[0][0] <= self.shared.ns - self.began:
            self.at.pop(0)[1]()
        return []


class Ear:
    """The guard's end: what it heard. `dead`: it is gone."""

    def __init__(self, clock: JumpingClock) -> None:
        self.clock, self.beats, self.closed, self.ended = clock, [], False, False

    def receive(self) -> list[bytes]:
        return []

    def send_beat(self, beat: Any) -> bool:
        self.beats.append(self.clock.now())
        return True

    def close(self) -> None:
        self.ended = True


class Desk:
    """Runs commands of the tool in virtual time. `typed`: what the person answers, None: no terminal. `asked`: what was asked."""

    def __init__(self, config: Config, typed: str | None = None) -> None:
        self.config, self.clock, self.out = config, JumpingClock(), io.StringIO()
        self.ear = Ear(self.clock)
        self.asked: list[str] = []
        self.process = SimpleNamespace(terminate=False)
        self.guards = 0

        def ask(question: str) -> str:
            self.asked.append(question)
            return typed or ""

        def make_guard(bench: Bench) -> Any:
            self.guards += 1
            return SimpleNamespace(channel=self.ear)
        self.world = World(self.out, ask if typed is not None else None, self.clock, self.process, make_guard)

    def bench(self, volts: float = 0.0) -> Bench:
        return Bench(self.config, self.clock, volts)

    def run(self, *words: str, look: Callable[[Bench], None] | None = None) -> int:
        """Exit code of a command. `look` gets the bench before it begins."""
        from tools.bench_io.__main__ import COMMANDS
        args = parser().parse_args(words)
        bench = self.bench(args.simulate_voltage)
        try:
            if look is not None:
                look(bench)
            return COMMANDS[args.command](self.world, bench, args)
        finally:
            bench.close()

    @property
    def text(self) -> str:
        return self.out.getvalue()

    def one_line(self) -> str:
        return " ".join(self.text.split())


class Raspberry:
    """A Raspberry Pi with an ADS1115 and the default wiring. `volts` at the inlet, `pilot` V: set them. `high(17)`: the level of a pin."""

    def __init__(self, monkeypatch: Any, clock: JumpingClock) -> None:
        self.volts, self.pilot = 0.0, 12.0
        self.adc = Ads1x15Twin(clock.shared)
        self.adc.pins = {"0": lambda at: self.volts / DIVIDER, "1": lambda at: (self.pilot - CP_OFFSET) / CP_GAIN, "2": lambda at: 1.5, "3": lambda at: 1.1}
        self.bus = FakeSmbus(self.adc)
        self.bus.fd = os.open(os.devnull, os.O_RDONLY)
        self.kernel = raspberry()
        monkeypatch.setattr("smbus2.SMBus", lambda number: self.bus)
        for board in ("gpio", "focccicape"):
            monkeypatch.setattr(f"drivers.boards.{board}.Pins",
                                lambda library: Pins("gpiod", load_api(gpiod_v2(self.kernel), kernel.ioctl), None, self.kernel.paths, patience_s=0.0))
        for offset in (20, 21, 16, 26, 25):                       # contacts to ground with a pull-up: open is high
            self.kernel.levels["/dev/gpiochip0", offset] = 1

    def high(self, offset: int) -> bool:
        return self.kernel.wire(offset).high

    def close(self) -> None:
        os.close(self.bus.fd)


def car_config(complete: bool = True) -> Config:
    """A car on a Raspberry Pi; `complete` False: as it comes out of the box, no gain known."""
    config = Config(board="raspberry_pi", interface=f"bench-{os.getpid()}")
    config.raspberry_pi.car.library = "gpiod"
    if complete:
        measuring = config.raspberry_pi.measuring
        measuring.voltmeter.inlet_voltage = CheckedConfig("ads1x15:0", DIVIDER)
        measuring.voltmeter.inlet_current = LinearConfig("ads1x15:2", 200.0, -300.0)
        measuring.voltmeter.inlet_temperature = TemperatureConfig(["ads1x15:3"])
        measuring.pilot = AnalogPilotConfig("ads1x15:1", CP_GAIN, CP_OFFSET)
        config.charge_parameter_backend = "fixed"
        fixed = config.vehicle_fixed
        fixed.battery_voltage_v, fixed.target_voltage_v, fixed.max_voltage_v, fixed.charge_permission = 355.0, 390.0, 400.0, True
    return config
