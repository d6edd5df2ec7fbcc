"""FoccciCape's outputs at the pins of a BeagleBone: each weight alone, the life sign only when it is what is tried."""
import os

import pytest

from drivers.adc.iio import Iio
from drivers.adc.pilot import AnalogPilotConfig
from drivers.pins.build import charger_lines
from drivers.pins.config import PwmPin
from drivers.pins.library import Pins, load_api
from tasks.config import Config
from tests.bench_io.desk import Desk
from tests.drivers.adc.twins import IioTree
from tests.drivers.pins import kernel
from tests.drivers.pins.libraries import gpiod_v2
from tests.drivers.pins.test_library import beaglebone
from tests.guard.pin_stand_in import make_pwm
from tools.bench_io.outputs import outputs

ZERO = 0.510                                 # V at the converter with nothing at the output (drivers/focccicape/didebo.py)
STEP = 0.439453125e-3
REASON = ("--i-measured-0-volts", "multimeter at the output")


class Cape:
    """`volts` at the output; `seen`: which outputs were high together, by name."""

    def __init__(self, monkeypatch, folder):
        (folder / "gpio").mkdir()
        self.twin, self.tree, self.seen, self.wires = beaglebone(folder / "gpio"), IioTree(folder / "iio"), set(), {}
        self.twin._tag = str(folder)                                 # the lines of an earlier test end with the process, as the box's do
        make_pwm(folder)
        self.put(0.0)
        self.tree.put("in_voltage0_raw", round(1.2 / STEP))          # pilot: 12 V
        monkeypatch.setattr("drivers.boards.focccicape.Pins", lambda library: Pins("gpiod", load_api(gpiod_v2(self.twin), kernel.ioctl), None, self.twin.paths,
                                                                                   str(folder / "gpio"), patience_s=0.0))
        monkeypatch.setattr("drivers.boards.focccicape.charger_lines", lambda config, pins: charger_lines(config, pins, str(folder)))
        monkeypatch.setattr("drivers.boards.focccicape.Iio", lambda config: Iio(config, str(folder / "iio"), self.tree))

    def put(self, volts):
        self.tree.put("in_voltage1_raw", round((ZERO + volts / 386) / STEP))

    def look(self, bench):
        """Hands by name, read before every turn."""
        hands = {output.name: output.hand for output in outputs(bench) if output.hand is not None}
        turn = bench.turn
        bench.turn = lambda now: (self.seen.add(tuple(name for name, hand in hands.items() if hand.get())), turn(now))[1]


@pytest.fixture
def cape(monkeypatch, tmp_path):
    return Cape(monkeypatch, tmp_path)


def desk(typed=None):
    config = Config(mode="evse", board="focccicape", interface=f"cape-{os.getpid()}", realtime=False)
    section = config.focccicape
    section.pilot, section.pins.pwm, section.can_info = AnalogPilotConfig("iio:0", 10.0), PwmPin(chip=0, channel=0), False
    section.pins.library = "gpiod"
    return Desk(config, typed)


def test_every_output_is_listed(cape):
    table = desk()
    assert table.run("outputs") == 0
    assert [line.split()[0] for line in table.text.splitlines() if not line.startswith((" ", "note"))][1:] == [
        "power", "weight_225", "weight_100", "weight_50", "weight_25", "weight_12", "load", "pwm", "state_f", "life_sign"]


def test_inputs_with_their_channels(cape):
    cape.put(48.0)
    table = desk()
    assert table.run("inputs") == 0
    assert any(line.startswith("output V ") and "iio:1" in line for line in table.text.splitlines())
    (shown,) = [float(line.split()[6]) for line in table.text.splitlines() if line.startswith("output voltage")]
    assert abs(shown - 48.0) < 0.2, "steps of 0.17 V"
    assert any(line.startswith("pilot state") and " A " in line for line in table.text.splitlines())


@pytest.mark.parametrize("name", ["weight_225", "weight_12", "load", "power"])
def test_one_alone_and_no_life_sign_meanwhile(cape, name):
    table = desk(name)
    assert table.run("switch", name, "--for", "1", *REASON, look=cape.look) == 0, table.text
    assert cape.seen == {(), (name,)}


def test_the_output_that_makes_a_voltage_goes_off_again(cape):
    """The enable was bridged: the transformer is on the mains."""
    table = desk("weight_225")
    table.clock.at = [(1_800_000_000, lambda: cape.put(225.0))]
    assert table.run("switch", "weight_225", "--for", "10", look=cape.look) == 1
    assert "have appeared at the output" in table.one_line() and "all outputs are off" in table.text


def test_the_life_sign_beats_while_it_is_tried_and_rests_afterwards(cape):
    table = desk()
    ends = []

    def look(bench):
        cape.look(bench)
        ends.append(bench)
    assert table.run("switch", "life_sign", "--yes", "--for", "1", look=look) == 0, table.text
    assert cape.seen == {(), ("life_sign",)} and 30 <= ends[0].cape.edges <= 35, "an edge each 30 ms"


def test_a_pwm_alone(cape):
    assert desk().run("switch", "pwm", "--yes", look=cape.look) == 0 and cape.seen == {()}
