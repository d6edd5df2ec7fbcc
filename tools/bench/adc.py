"""Octets and time on the I2C bus for one round of an ADS1115's channels, counted at its twin's registers; CPU of a turn without the bus."""
from __future__ import annotations

import time

from drivers.adc.ads1x15 import Ads1x15, Ads1x15Config
from kernel.timer import MS, S
from tests.drivers.adc.twins import Ads1x15Twin, FakeSmbus, Now

SPEEDS = (100_000, 400_000)          # Hz: a Raspberry Pi's default, and i2c_arm_baudrate=400000
ROUNDS = 500
VARIANTS = (
    ("split, 4 channels", 1.0, {"channels": ["0", "1", "2", "3"]}),
    ("split, 2 channels", 1.0, {"channels": ["0", "1"]}),
    ("split, 4 channels at 0 V", 0.0, {"channels": ["0", "1", "2", "3"]}),
    ("continuous", 1.0, {"channels": ["0"], "mode": "continuous"}),
)


def rounds(volts: float, settings: dict[str, object], tick: int) -> tuple[FakeSmbus, int, int, float]:
    """The bus, its longest turn in bits, ms of a round, and us of CPU per turn, with a turn each `tick`."""
    now = Now()
    twin = Ads1x15Twin(now)
    twin.pins = {pin: lambda at: volts for pin in "0123"}
    bus = FakeSmbus(twin)
    driver = Ads1x15(Ads1x15Config(**settings), bus)
    driver.run(0)
    bus.octets = bus.bits = bus.transfers = longest = turns = 0
    began, conversions, spent = now.ns, twin.conversions, 0
    while turns < ROUNDS * len(driver.channels):
        now.ns += tick
        before, clock = bus.bits, time.perf_counter_ns()
        driver.run(now.ns)
        spent += time.perf_counter_ns() - clock
        longest, turns = max(longest, bus.bits - before), turns + 1
    done = turns if settings.get("mode") == "continuous" else (twin.conversions - conversions) // len(driver.channels)
    bus.octets //= done
    bus.bits //= done
    bus.transfers //= done
    return bus, longest, (now.ns - began) // done, spent / turns / 1000


def main() -> None:
    """One line for each way of reading."""
    print("adc: ADS1115 at 860 samples/s, a turn in each tick of 10 ms; octets with addresses, bus time with START, acknowledge and STOP bits")
    print(f"  {'':<26}{'octets':>7}{'transfers':>10}{'ms per round':>13}" + "".join(
        f"{f'ms at {hz // 1000} kHz':>15}{'load':>8}{'longest turn':>14}" for hz in SPEEDS) + f"{'us CPU (twin)':>15}")
    for name, volts, settings in VARIANTS:
        bus, longest, each, cpu = rounds(volts, settings, 10 * MS)
        cells = "".join(f"{bus.bits / hz * 1000:>15.2f}{bus.bits / hz * S / each:>8.1%}{longest / hz * 1000:>11.2f} ms" for hz in SPEEDS)
        print(f"  {name:<26}{bus.octets:>7}{bus.transfers:>10}{each / MS:>13.1f}{cells}{cpu:>15.1f}")
