"""ADS1115 and ADS1015 against a twin of their registers: conversions are never waited for, and no result of a chip that forgot is believed."""
import errno
import os

import pytest

from drivers.adc.ads1x15 import Ads1x15, Ads1x15Config
from drivers.errors import DriverError
from drivers.i2c import I2cChip
from kernel.settings import SettingsError, build
from kernel.timer import MS, S
from tests.drivers.adc.twins import Ads1x15Twin, FakeSmbus, Now


class Bench:
    """One driver on one twin; `go` gives it turns when it wants them, but never two within `tick`."""

    def __init__(self, slowness=1.0, twin_chip=None, **settings):
        settings.setdefault("channels", ["0"])
        self.now = Now()
        self.twin = Ads1x15Twin(self.now, twin_chip or settings.get("chip", "ads1115"), slowness=slowness)
        self.bus = FakeSmbus(self.twin)
        self.driver = Ads1x15(Ads1x15Config(**settings), self.bus)

    def go(self, ns, tick=10 * MS):
        end = self.now.ns + ns
        while self.now.ns < end:
            due = self.driver.run(self.now.ns)
            assert self.now.ns < due <= self.now.ns + S
            self.now.ns = min(end, max(self.now.ns + tick, -(-due // tick) * tick))
        return self

    def volts(self, channel="0"):
        return self.driver.volts(channel, self.now.ns)


@pytest.mark.parametrize("chip, rate", [("ads1115", 8), ("ads1115", 128), ("ads1115", 860), ("ads1015", 128), ("ads1015", 3300)])
@pytest.mark.parametrize("mode", ["split", "continuous"])
@pytest.mark.parametrize("full_scale", [6.144, 4.096, 2.048, 1.024, 0.512, 0.256])
def test_every_rate_and_gain_reads_the_pin(chip, rate, mode, full_scale):
    b = Bench(chip=chip, rate_sps=rate, mode=mode, full_scale_v=[full_scale], max_age_ms=1000)
    b.twin.pins["0"] = lambda at: 0.2
    assert b.volts() is None
    b.go(S)
    assert b.volts() == pytest.approx(0.2, abs=full_scale / (2048 if chip == "ads1015" else 32768))
    assert b.driver.errors == 0 and b.driver.fault == ""


def test_channels_are_read_in_turn_with_their_own_gain():
    b = Bench(channels=["0", "1", "2-3", "3"], full_scale_v=[4.096, 0.512, 2.048, 6.144])
    for pin, volts in (("0", 3.1), ("1", 0.4), ("2", 0.5), ("3", 1.75)):
        b.twin.pins[pin] = lambda at, volts=volts: volts
    b.go(200 * MS)
    assert [round(b.volts(c), 3) for c in b.driver.channels] == [3.1, 0.4, -1.25, 1.75]
    assert b.driver.raw("2-3") == -20000 and b.driver.raw("1-3") is None and b.volts("1-3") is None


def test_a_turn_starts_or_collects_and_never_waits():
    b = Bench(channels=["0", "1"], rate_sps=128)
    b.twin.pins["0"] = lambda at: 1.0
    due = b.driver.run(0)
    assert b.bus.transfers == 1 and 8.6 * MS < due < 8.8 * MS                               # 1/128 s is 7.8 ms, 10 % and the wake-up
    assert b.driver.run(5 * MS) == due and b.bus.transfers == 1                             # too early: nothing happens
    b.now.ns = due
    assert b.driver.run(due) > due and b.bus.transfers == 4 and b.bus.longest == 5          # config, result, and the next start


def test_a_conversion_that_takes_longer_is_asked_for_later():
    b = Bench(slowness=1.5, rate_sps=128)
    b.twin.pins["0"] = lambda at: 1.0
    b.go(30 * MS, tick=MS)
    assert b.volts() == 1.0 and b.driver.errors == 0


def test_an_ads1115_that_was_taken_for_an_ads1015_reads_right_and_slower():
    b = Bench(twin_chip="ads1115", chip="ads1015", rate_sps=1600)
    b.twin.pins["0"] = lambda at: 1.0
    b.go(100 * MS, tick=MS)
    assert b.volts() == 1.0 and b.driver.errors == 0 and b.twin.conversion_ns() > 7 * MS


def test_a_sample_ages_from_the_start_of_its_conversion():
    b = Bench(rate_sps=128, max_age_ms=40)
    b.twin.pins["0"] = lambda at: 1.0
    b.go(11 * MS, tick=MS)
    assert b.driver.volts("0", 40 * MS) == 1.0 and b.driver.volts("0", 40 * MS + 1) is None
    assert b.driver.raw("0") == 8000


@pytest.mark.parametrize("mode", ["split", "continuous"])
@pytest.mark.parametrize("chip", ["ads1115", "ads1015"])
def test_the_end_of_the_range_is_unknown_and_told(mode, chip):
    b = Bench(chip=chip, rate_sps=128, mode=mode, full_scale_v=[2.048])
    b.twin.pins["0"] = lambda at: 3.0
    b.go(100 * MS)
    assert b.volts() is None and b.driver.off_range("0") and b.driver.raw("0") >= 0x7FF0
    assert b.driver.fault == "ADC: 0 off range" and "full scale" in b.driver.remedy
    b.twin.pins["0"] = lambda at: 2.0
    b.go(100 * MS)
    assert b.volts() == pytest.approx(2.0, abs=0.001) and b.driver.fault == b.driver.remedy == ""


def test_a_pin_above_the_supply_is_unknown():
    b = Bench(full_scale_v=[6.144], supply_v=3.3)
    b.twin.pins["0"] = lambda at: 3.34
    b.go(50 * MS)
    assert b.volts() == pytest.approx(3.34, abs=0.001)
    b.twin.pins["0"] = lambda at: 3.6           # what the protection leaves of 5 V
    b.go(50 * MS)
    assert b.volts() is None and b.driver.fault == "ADC: 0 off range"


@pytest.mark.parametrize("mode", ["split", "continuous"])
@pytest.mark.parametrize("phase", [1 * MS, 9 * MS, 14 * MS, 20 * MS])
def test_a_brown_out_is_never_taken_for_0_volts(mode, phase):
    b = Bench(mode=mode, rate_sps=128)
    b.twin.pins["0"] = lambda at: 1.5
    b.go(100 * MS + phase, tick=MS)
    b.twin.brown_out()
    seen, told = set(), set()
    for _ in range(300):
        b.go(MS, tick=MS)
        seen.add(b.volts())
        told.add(b.driver.fault)
    assert seen <= {1.5, None} and b.volts() == 1.5
    assert told == {"", "ADC: restarted"} and b.driver.errors == 1 and b.driver.recoveries == 1 and b.driver.fault == ""


def test_a_brown_out_between_config_and_result_is_seen_as_well():
    b = Bench()
    b.twin.pins["0"] = lambda at: 1.5
    b.go(50 * MS)
    read, asked = b.twin.read, []

    def forget_before_the_result(length):
        asked.append(b.twin.pointer)
        if len(asked) == 2:
            b.twin.brown_out()
        return read(length)
    b.twin.read = forget_before_the_result
    b.driver.run(60 * MS)
    assert asked == [1, 0, 1] and b.driver.errors == 1 and b.driver.fault == "ADC: restarted" and b.driver.raw("0") == 12000


@pytest.mark.parametrize("code, fault", [(errno.EREMOTEIO, "ADC: no answer"), (errno.ENXIO, "ADC: no answer"), (errno.ETIMEDOUT, "ADC: bus stuck"),
                                         (errno.EAGAIN, "ADC: bus stuck"), (errno.ENODEV, "ADC: no I2C bus"), (errno.EOPNOTSUPP, "ADC: bus unfit"),
                                         (errno.EPROTO, "ADC: bus error"), (0, "ADC: bus error")])
def test_bus_errors_are_told_backed_off_and_mended(code, fault):
    b = Bench()
    b.twin.pins["0"] = lambda at: 1.0
    b.go(100 * MS)
    before = b.bus.transfers
    b.bus.fault = lambda: (_ for _ in ()).throw(OSError(code, "x") if code else OSError("x"))
    b.go(60 * S)
    assert b.volts() is None and b.driver.fault == fault and len(fault) <= 19 and b.driver.remedy.endswith(".")
    assert 60 < b.driver.errors < 70 and b.bus.transfers - before < 70                # once a second, not once a tick
    b.bus.fault = lambda: 0
    b.go(S + 100 * MS)
    assert b.volts() == 1.0 and b.driver.fault == "" and b.driver.recoveries == 1
    assert b.bus.closed == (b.driver.errors if code == errno.ENODEV else 0)           # an adapter that is gone is opened anew


def test_one_disturbed_transfer_is_counted_and_not_told():
    b = Bench(mode="continuous")
    b.twin.pins["0"] = lambda at: 1.0
    b.go(100 * MS)
    faults = iter([errno.EREMOTEIO])
    b.bus.fault = lambda: next(faults, 0)
    told = set()
    for _ in range(50):
        b.go(2 * MS, tick=2 * MS)
        told.add(b.driver.fault)
        assert b.volts() == 1.0
    assert told == {""} and b.driver.errors == 1


def test_after_a_long_fault_a_short_one_is_retried_soon_again():
    b = Bench()
    b.twin.pins["0"] = lambda at: 1.0
    b.bus.stuck = errno.ETIMEDOUT
    b.go(30 * S)
    b.bus.stuck = 0
    b.go(2 * S)
    assert b.volts() == 1.0
    faults = iter([errno.EREMOTEIO])
    b.bus.fault = lambda: next(faults, 0)
    for _ in range(20):
        b.go(10 * MS)
        assert b.volts() == 1.0                   # 20 ms later it answers again, long before the bound of age
    assert b.driver.recoveries == 2


def test_a_chip_that_is_plugged_in_later_is_found():
    b = Bench()
    b.twin.pins["0"] = lambda at: 1.0
    b.twin.absent = True
    b.go(5 * S)
    assert b.volts() is None and b.driver.fault == "ADC: no answer" and "i2cdetect -y 1" in b.driver.remedy and "48" in b.driver.remedy
    b.twin.absent = False
    b.twin.brown_out()
    b.go(1200 * MS)
    assert b.volts() == 1.0 and b.driver.fault == ""


def test_a_chip_whose_conversions_do_not_end_is_a_fault():
    b = Bench(channels=["0", "1"])
    b.twin.pins["0"] = b.twin.pins["1"] = lambda at: 1.0
    b.go(100 * MS)
    b.twin.stalls = True
    b.go(3 * S)
    assert b.volts() is b.volts("1") is None and b.driver.fault == "ADC: stalled" and b.driver.errors >= 3
    b.twin.stalls = False
    b.go(1200 * MS)
    assert b.volts() == b.volts("1") == 1.0 and b.driver.fault == ""


def test_another_program_at_the_same_chip_is_told():
    b = Bench()
    b.twin.pins["1"] = lambda at: 2.0
    b.go(50 * MS)
    for _ in range(40):                           # it asks for the voltage at another pin, again and again
        b.twin.write(bytes((1, 0xD3, 0xE3)))
        b.go(10 * MS)
        assert b.volts() in (0.0, None)
    assert b.driver.fault == "ADC: wrong config" and "another program" in b.driver.remedy and b.volts() is None


def test_the_witness_vouches_for_all_channels():
    b = Bench(channels=["0", "3"], witness_channel="3", witness_v=2.5, witness_tolerance_v=0.05)
    b.twin.pins["0"], b.twin.pins["3"] = lambda at: 1.0, lambda at: 2.5
    b.go(100 * MS)
    assert b.volts() == 1.0
    b.twin.pins["3"] = lambda at: 2.3
    b.go(100 * MS)
    assert b.volts() is None and b.driver.fault == "ADC: witness wrong" and "2.300 V" in b.driver.remedy
    b.twin.pins["3"] = lambda at: 2.5
    b.go(100 * MS)
    assert b.volts() == 1.0 and b.driver.fault == ""


@pytest.mark.parametrize("settings, words", [
    ({"channels": ["0", "4"]}, "has channel 4"),
    ({"channels": ["0", "0"]}, "twice"),
    ({"channels": ["0"], "rate_sps": 1600}, "ads1115 has 8, 16"),
    ({"channels": ["0"], "full_scale_v": [5.0]}, "6.144, 4.096"),
    ({"channels": ["0", "1", "2"], "full_scale_v": [4.096, 2.048]}, "one for all or one for each"),
    ({"channels": ["0", "1"], "mode": "continuous"}, "use split"),
    ({"channels": ["0", "1", "2", "3"], "rate_sps": 8}, "max_age_ms = 100"),
    ({"channels": ["0", "1", "2", "3"], "filter": "median", "filter_ms": 60}, "filter_ms = 60"),
    ({"channels": ["0"], "witness_channel": "2"}, "witness_channel = 2"),
])
def test_settings_that_cannot_be_are_refused_with_the_reason(settings, words):
    with pytest.raises(SettingsError) as refused:
        build(Ads1x15Config, settings, {}, "test.yaml")
    assert words in str(refused.value)


def test_what_a_person_must_mend_at_the_start_is_a_driver_error():
    with pytest.raises(DriverError, match="no channels"):
        Ads1x15(Ads1x15Config(), FakeSmbus())
    with pytest.raises(DriverError) as refused:
        Ads1x15(Ads1x15Config(channels=["0"], i2c_bus=31))
    assert "/dev/i2c-31" in refused.value.problem and "i2cdetect -l" in refused.value.remedy


def test_an_adapter_that_is_unplugged_is_opened_again_when_it_is_back(monkeypatch):
    now, opened = Now(), []
    twin = Ads1x15Twin(now)
    twin.pins["0"] = lambda at: 1.0

    class Adapter(FakeSmbus):
        plugged, fd = True, os.open(os.devnull, os.O_RDONLY)

        def __init__(self, number):
            if not Adapter.plugged:
                raise FileNotFoundError(errno.ENOENT, "No such file or directory")
            super().__init__(twin)
            self.fault = lambda: 0 if Adapter.plugged else errno.ENODEV
            opened.append(number)
    monkeypatch.setattr("smbus2.SMBus", Adapter)
    driver = Ads1x15(Ads1x15Config(channels=["0"], i2c_bus=7))

    def go(ns):
        end = now.ns + ns
        while now.ns < end:
            now.ns += 10 * MS
            driver.run(now.ns)
        return driver.volts("0", now.ns), driver.fault
    try:
        assert go(100 * MS) == (1.0, "") and opened == [7]
        Adapter.plugged = False
        assert go(5 * S) == (None, "ADC: no I2C bus") and opened == [7]
        Adapter.plugged = True
        assert go(1100 * MS) == (1.0, "") and opened == [7, 7]
    finally:
        os.close(Adapter.fd)
    driver.close()


def test_a_bus_that_cannot_be_closed_is_left():
    b = Bench()
    b.bus.close = lambda: (_ for _ in ()).throw(OSError(errno.EBADF, "x"))
    b.driver.close()
    b.driver.close()


def test_registers_are_read_one_per_transfer_as_the_raspberry_wants():
    now = Now()
    bus = FakeSmbus(Ads1x15Twin(now))
    chip = I2cChip(1, 0x48, bus)
    assert chip.read_word(1) == 0x8583 and chip.octets == bus.octets == 5
    from smbus2 import i2c_msg
    with pytest.raises(OSError, match="last"):
        bus.i2c_rdwr(i2c_msg.read(0x48, 2), i2c_msg.write(0x48, [1]))
    assert bus.bits == 2 * 10 + 3 * 9 + 1            # START and address twice, pointer and two octets, STOP
