"""The converters, read twice: over the ADS1115's twin, register by register, in virtual time."""
import pytest

from drivers.adc.ads1x15 import Ads1x15
from tests.doctor.made import ALONE, BESIDE, Made, levels, only, settings
from tests.drivers.adc.twins import Ads1x15Twin, FakeSmbus
from tools.doctor.adc import adc


class Ticking:
    """The twin's time is the clock's."""

    def __init__(self, clock):
        self.clock = clock

    @property
    def ns(self):
        return self.clock.now()


def wired(mode="pev"):
    """Inlet 0 to 500 V at pin 0, pilot at pin 1, supply at pin 2."""
    config = settings(mode=mode)
    measuring = config.raspberry_pi.measuring
    inlet, supply = measuring.voltmeter.inlet_voltage, measuring.voltmeter.supply_voltage
    inlet.channel, inlet.gain, inlet.low, inlet.high = "ads1x15:0", 200.0, -20.0, 520.0
    supply.channel, supply.gain = "ads1x15:2", 10.0
    measuring.pilot.channel, measuring.pilot.gain = "ads1x15:1", 5.0
    return config


def looked(tmp_path, config=None, running=None, **volts):
    """(findings, twin): pins by name p0 to p3, V or functions of ns."""
    made = Made(tmp_path)
    twin = Ads1x15Twin(Ticking(made.machine.clock))
    bus = FakeSmbus(twin)
    twin.absent = volts.pop("absent", False)
    for name, value in ({"p0": 0.0, "p1": 0.0, "p2": 1.25} | volts).items():
        twin.pins[name[1:]] = value if callable(value) else lambda at, value=value: value
    made.machine.make_converters = lambda measuring, shared: {"ads1x15": Ads1x15(measuring.ads1x15, bus)}
    found = list(adc(made.patient(wired() if config is None else config, running=running)))
    assert running is not None or bus.closed == 1
    return found


def test_unplugged_everything_is_as_it_should_be(tmp_path):
    found = looked(tmp_path)
    assert levels(found) == [("ADC", "ok")] * 3 + [("pilot", "ok")]
    assert "12.5 V" in found[2].found and "nothing plugged in" in found[3].found


@pytest.mark.parametrize("volts, level, word", [
    (dict(p0=3.34), "fail", "range"),                          # 668 V cannot be
    (dict(p0=3.5), "fail", "end of the converter's range"),    # above the chip's supply
    (dict(p0=2.0), "warn", "unusual with nothing plugged in"), (dict(p0=lambda at: at / 1e9 % 4 / 4), "warn", "a second before")])
def test_the_inlet_voltage(tmp_path, volts, level, word):
    finding = looked(tmp_path, **volts)[1]
    assert (finding.check, finding.level) == ("ADC", level) and word in finding.found and "inlet voltage (ads1x15:0" in finding.found
    levels([finding])


def test_a_supply_that_cannot_carry_a_box(tmp_path):
    assert looked(tmp_path, p2=0.6)[2].level == "warn"


@pytest.mark.parametrize("volts, mode, level, word", [
    (1.8, "pev", "ok", "state B: something is plugged in"), (0.9, "pev", "warn", "none of"), (2.4, "pev", "warn", "does not see at rest"), (3.5, "pev", "fail",
                                                                                                                                            "unknown"),
    (2.4, "evse", "ok", "nothing plugged in"), (0.0, "evse", "ok", "nothing plugged in"), (1.2, "evse", "ok", "state C")])
def test_the_pilot(tmp_path, volts, mode, level, word):
    finding = looked(tmp_path, wired(mode), p1=volts)[-1]
    assert (finding.check, finding.level) == ("pilot", level) and word in finding.found
    levels([finding])


def test_a_converter_that_is_silent_is_one_line(tmp_path):
    finding = only(looked(tmp_path, absent=True))
    assert finding.level == "fail" and finding.short == "ADC: no answer" and "i2cdetect" in finding.remedy


def test_a_channel_at_its_end_that_nobody_reads_is_a_warning(tmp_path):
    assert levels(looked(tmp_path, p3=3.5)) == [("ADC", "warn"), ("ADC", "ok"), ("ADC", "ok"), ("pilot", "ok")]


def test_a_witness_that_is_wrong_spoils_everything(tmp_path):
    config = wired()
    chip = config.raspberry_pi.measuring.ads1x15
    chip.witness_channel, chip.witness_v = "3", 2.5
    finding = only(looked(tmp_path, config))
    assert finding.level == "fail" and "witness wrong" in finding.found


def test_a_channel_of_a_converter_that_is_not_there(tmp_path):
    config = wired()
    config.raspberry_pi.measuring.voltmeter.inlet_voltage.channel = "iio:0"
    finding = only(looked(tmp_path, config))
    assert finding.level == "fail" and "no converter is called 'iio'" in finding.found


def test_a_pilot_that_nobody_measures_is_a_warning(tmp_path):
    config = wired()
    config.raspberry_pi.measuring.pilot.channel = ""
    assert levels(looked(tmp_path, config))[-1] == ("pilot", "warn")


def test_what_a_running_box_reads_is_left_to_it(tmp_path):
    assert levels(looked(tmp_path, running=ALONE))[0] == ("ADC", "ok"), "the guard of a dead one measures nothing"
    assert levels(adc(Made(tmp_path).patient(wired(), running=BESIDE))) == [("ADC", "ok")]
    assert levels(adc(Made(tmp_path).patient(wired(), simulate_io=True))) == [("ADC", "ok")]
    assert levels(adc(Made(tmp_path).patient(settings(board="dieter")))) == [("ADC", "ok")]
