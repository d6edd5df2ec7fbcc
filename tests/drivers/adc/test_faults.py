"""Random faults at every converter: nothing raises, nothing old or wrong is presented as fresh, and all is measured again when the fault ends."""
import errno
import math
import random

import pytest

from drivers.adc.ads1x15 import Ads1x15, Ads1x15Config
from drivers.adc.iio import Iio, IioConfig
from drivers.adc.mcp3208 import Mcp3208, Mcp3208Config
from kernel.timer import MS, S
from tests.drivers.adc.twins import Ads1x15Twin, FakeSmbus, IioTree, Mcp3208Twin, Now

BOUND = 100 * MS
WINDOW = 200 * MS             # of the filters; three samples of each of three channels take 138 ms when every tick is 13 ms late
BUS = (errno.EREMOTEIO, errno.ENXIO, errno.ETIMEDOUT, errno.EAGAIN, errno.EIO, errno.ENODEV, errno.EBUSY)
QUIET = 2 * S                 # after the last fault: one back-off of a second at most, and a round


def wave(n):
    """V at pin n: moves all the time, so that an old or foreign sample is seen; the pins' ranges do not touch."""
    return lambda at: 0.3 + 0.7 * n + 0.25 * math.sin(at / (300 * MS) + n)


RANGE = {str(n): (0.05 + 0.7 * n, 0.55 + 0.7 * n) for n in range(4)}       # all that a wave can be, for a filter that never forgets quite


class AdsRig:
    """`truth`: V of a channel at a time; `worsen`, `mend`: a random fault begins, all faults end; `count`: V of one count."""

    def __init__(self, rng, mode="split", filter="none"):
        self.mode = mode
        self.channels = ["0", "1", "3"] if mode == "split" else ["1"]
        self.now, self.rng, self.count = Now(), rng, 4.096 / 32768
        self.twin = Ads1x15Twin(self.now, slowness=rng.uniform(0.9, 1.1))
        for n in range(4):
            self.twin.pins[str(n)] = wave(n)
        self.bus = FakeSmbus(self.twin)
        self.driver = Ads1x15(Ads1x15Config(channels=self.channels, mode=mode, filter=filter, filter_ms=WINDOW // MS), self.bus)

    def truth(self, channel, at):
        return wave(int(channel))(at)

    def worsen(self):
        kind = self.rng.randrange(6)
        if kind == 0:
            self.twin.absent = True
        elif kind == 1:
            self.bus.stuck = self.rng.choice(BUS)
        elif kind == 2 and self.mode == "split":         # continuous mode has no sign of a stall (drivers/adc/README.md)
            self.twin.stalls = True
        elif kind == 3:
            self.twin.brown_out()
        elif kind == 4:
            self.bus.fault = lambda: self.rng.choice(BUS) if self.rng.random() < 0.3 else 0
        else:                                            # in the middle of whatever the driver does next
            def once():
                self.twin.brown_out()
                self.bus.fault = lambda: 0
                return 0
            self.bus.fault = once

    def mend(self):
        self.twin.absent = self.twin.stalls = False
        self.bus.stuck, self.bus.fault = 0, lambda: 0


class McpRig:
    """The same for an MCP3208; a data line that is held low is not among the faults (test_mcp3208.py: it needs a witness)."""

    channels = ["0", "1", "3"]

    def __init__(self, rng):
        self.now, self.rng, self.count = Now(), rng, 3.3 / 4096
        self.twin = Mcp3208Twin(self.now)
        self.twin.pins = [wave(n) for n in range(8)]
        self.driver = Mcp3208(Mcp3208Config(channels=self.channels), self.twin)

    def truth(self, channel, at):
        return wave(int(channel))(at)

    def worsen(self):
        if self.rng.random() < 0.5:
            self.twin.line = 1
        else:
            self.twin.code = self.rng.choice(BUS)

    def mend(self):
        self.twin.line, self.twin.code = None, 0


class IioRig:
    """The same for sysfs; the counts are made when they are asked for."""

    channels = ["0", "1", "3"]

    def __init__(self, rng, root):
        self.now, self.rng, self.count = Now(), rng, 0.001
        self.tree = IioTree(root, scale="1.0")
        for channel in self.channels:
            self.tree.put(f"in_voltage{channel}_raw", 0)
            self.tree.live[f"in_voltage{channel}_raw"] = lambda channel=channel: int(1000 * self.truth(channel, self.now.ns))
        self.driver = Iio(IioConfig(channels=self.channels), str(root), self.tree)

    def truth(self, channel, at):
        return wave(int(channel))(at)

    def worsen(self):
        kind = self.rng.randrange(3)
        if kind == 0:
            self.tree.code = self.rng.choice(BUS)
        elif kind == 1:
            self.tree.rename(self.rng.randrange(100, 10**6))
        else:
            self.tree.put("name", "another")

    def mend(self):
        self.tree.code = 0
        self.tree.put("name", "TI-am335x-adc")


def rigs(rng, tmp_path):
    return {"split": lambda: AdsRig(rng), "continuous": lambda: AdsRig(rng, "continuous"), "median": lambda: AdsRig(rng, filter="median"),
            "exponential": lambda: AdsRig(rng, filter="exponential"), "mcp3208": lambda: McpRig(rng), "iio": lambda: IioRig(rng, tmp_path / "devices")}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", ["split", "continuous", "median", "exponential", "mcp3208", "iio"])
def test_no_fault_shows_a_wrong_value_as_fresh_and_every_fault_is_recovered_from(kind, seed, tmp_path):
    rng = random.Random(f"{kind} {seed}")
    rig = rigs(rng, tmp_path)[kind]()
    driver, due, told, fresh = rig.driver, 0, set(), 0
    back = WINDOW if kind == "median" else 0                               # what a filter looks back to
    for episode in range(10):
        if episode:
            rig.worsen()
        for calm in (False, True):
            if calm:
                rig.mend()
            end = rig.now.ns + (QUIET if calm else rng.randrange(5 * MS, 1500 * MS))
            while rig.now.ns < end:
                rig.now.ns += rng.choice((1, 5, 10, 10, 10, 23)) * MS      # a tick, and now and then a late one
                if rig.now.ns >= due:
                    due = driver.run(rig.now.ns)
                    assert rig.now.ns < due <= rig.now.ns + S
                assert len(driver.fault) <= 19 and bool(driver.fault) == bool(driver.remedy)
                told.add(driver.fault)
                for channel in rig.channels:
                    value = driver.volts(channel, rig.now.ns)
                    if value is not None:
                        fresh += 1
                        times = range(max(0, rig.now.ns - BOUND - back), rig.now.ns + 1, 10 * MS)
                        seen = [rig.truth(channel, at) for at in (*times, rig.now.ns)] if kind != "exponential" else RANGE[channel]
                        assert min(seen) - 2 * rig.count <= value <= max(seen) + 2 * rig.count
        assert driver.fault == "" and all(driver.volts(channel, rig.now.ns) is not None for channel in rig.channels)
    assert fresh and told - {""} and driver.errors and driver.recoveries
    driver.close()
