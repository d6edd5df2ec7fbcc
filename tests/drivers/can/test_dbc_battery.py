"""A battery management by CAN: the made up one of made_up_bms.dbc, its frames packed by cantools, over a bus of the kernel's octets."""
import random
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace

import cantools
import pytest

from drivers.can.bus import CanBus
from drivers.can.checksum import KINDS
from drivers.can.dbc_battery import FRAMES_PER_TURN, DbcBattery, DbcBatteryConfig
from drivers.can.raw import RawLink
from drivers.can.settings import CanConfig
from drivers.errors import DriverError
from kernel.timer import MS, S
from tests.drivers.can.fakes import EXTENDED, FakeKernel

PATH = str(Path(__file__).with_name("made_up_bms.dbc"))
MAPPING = {
    "file": PATH, "battery_voltage": "Pack_1.Voltage", "soc": "Pack_2.Soc", "target_voltage": "Pack_2.Target_V", "target_current": "Pack_2.Target_A * -1",
    "max_voltage": "Limits.Max_V", "max_current": "Limits.Max_A", "capacity": "Limits.Capacity", "max_power": "Pack_2.Power_kW * 1000",
    "permission": "Pack_2.Allowed == YES and Pack_2.Flags & 1", "temperatures": ["Limits.Coldest", "Limits.Hottest"],
    "counters": ["Pack_1.Counter"], "checksums": ["Pack_1.Checksum sum8_id_length"]}


def plain(reading):
    """The values of a BatteryReading without their times."""
    return None if reading is None else SimpleNamespace(**{f.name: getattr(reading, f.name).value for f in fields(reading)})


class Bench:
    """A box with this battery; `send` packs a message as the BMS would."""

    def __init__(self, **changes):
        self.kernel = FakeKernel()
        self.can = CanBus(CanConfig(), RawLink(CanConfig(), self.kernel.socket))
        self.battery = DbcBattery(DbcBatteryConfig(**{**MAPPING, **changes}), self.can)
        self.database = cantools.database.load_file(PATH)
        self.now, self.count = S, 0
        self.values = {"Pack_1": {"Voltage": 355.1, "Current": -3.2}, "Pack_2": {"Soc": 43.5, "Target_V": 398.25, "Target_A": -60.5, "Power_kW": 50, "Allowed": 1, "Flags": 1}}
        self.pages = [{"Page": 0, "Max_V": 402.5, "Max_A": 125.0}, {"Page": 1, "Capacity": 24000.0}, {"Page": 2, "Coldest": 12, "Hottest": 31}]

    def pack(self, name, values):
        return self.database.encode_message(name, values, padding=True)

    def pack_1(self, count=None):
        self.count = (self.count + 1) % 16 if count is None else count
        data = bytearray(self.pack("Pack_1", {**self.values["Pack_1"], "Counter": self.count, "Checksum": 0}))
        data[7] = KINDS["sum8_id_length"](0x6B0, 8, bytes(data[:7]))
        return bytes(data)

    def send_all(self, but=()):
        if "Pack_1" not in but:
            self.kernel.frame(0x6B0, self.pack_1())
        if "Pack_2" not in but:
            self.kernel.frame(0x6B1, self.pack("Pack_2", self.values["Pack_2"]))
        if "Limits" not in but:
            for page in self.pages:
                self.kernel.frame(0x19FF0101, self.pack("Limits", page), EXTENDED)

    def turn(self, times=1, but=None):
        for _ in range(times):
            self.now += 10 * MS
            if but is not None and self.now // MS % 100 == 0:
                self.send_all(but)
            self.can.run(self.now)
            self.battery.run(self.now)
            assert len(self.battery.fault) <= 19 and bool(self.battery.fault) == bool(self.battery.remedy)
        return plain(self.battery.read(self.now))


def test_everything_is_read_where_the_mapping_says():
    b = Bench()
    assert b.turn() is None and b.battery.fault == ""
    r = b.turn(20, but=())
    assert (r.voltage, r.soc_percent, r.target_voltage, r.target_current, r.max_voltage, r.max_current, r.max_power, r.capacity, r.permission) == pytest.approx(
        (355.1, 43.5, 398.25, 60.5, 402.5, 125.0, 50_000, 24_000, True))
    assert b.battery.fault == "" and b.battery.errors == 0 and b.battery.warnings == []
    assert b.battery._extremes(b.now)["hottest"][0] == 31 and b.battery._extremes(b.now)["coldest"][0] == 12
    assert b.kernel.bound.filters == {(0x6B0, 0xC00007FF), (0x6B1, 0xC00007FF), (0x99FF0101, 0xDFFFFFFF)}


def test_numbers_stand_for_what_the_bms_does_not_say():
    b = Bench(max_voltage="410", max_current="1.2e2", max_power="", capacity="", temperatures=[])
    r = b.turn(20, but=("Limits",))
    assert (r.max_voltage, r.max_current, r.max_power, r.capacity, r.permission) == (410, 120, 410 * 120, None, True)
    assert b.turn(3000, but=("Limits", "Pack_2")).max_voltage == 410


def test_each_value_has_its_own_age():
    b = Bench()
    b.turn(20, but=())
    b.turn(60, but=("Pack_1",))
    r = plain(b.battery.read(b.now))
    assert r.voltage is None and r.soc_percent == 43.5 and r.permission is True
    b.turn(300, but=("Pack_1",))
    assert b.battery.fault == "BMS: no voltage" and "Pack_1 (0x6B0) has not come for 3 s" in b.battery.remedy
    b.turn(60, but=("Pack_1", "Pack_2"))
    r = plain(b.battery.read(b.now))
    assert (r.soc_percent, r.target_voltage, r.target_current, r.permission) == (43.5, None, None, None) and r.max_voltage == 402.5
    b.turn(300, but=("Pack_1", "Pack_2", "Limits"))
    assert plain(b.battery.read(b.now)) is None and b.battery.fault == "BMS: silent" and "bit rate" in b.battery.remedy
    b.turn(30, but=())
    assert b.battery.fault == "" and plain(b.battery.read(b.now)).permission is True


def test_a_page_that_is_not_sent_is_named():
    b = Bench()
    b.pages.pop(1)
    b.turn(300, but=())
    assert b.battery.fault == "BMS: no capacity" and "multiplexed" in b.battery.remedy
    assert plain(b.battery.read(b.now)).capacity is None and plain(b.battery.read(b.now)).max_voltage == 402.5


@pytest.mark.parametrize("octets", [0, 5, 7, 8])
def test_a_wrong_length_is_refused(octets):
    b = Bench()
    b.turn(20, but=())
    for _ in range(300):
        b.kernel.frame(0x6B1, bytes(octets))
        b.turn(but=("Pack_2",))
    assert plain(b.battery.read(b.now)).soc_percent is None and b.battery.refused_frames >= 300 and b.battery.fault == "BMS: no SoC"
    assert f"{octets} octets instead of 6" in b.battery.remedy


def test_a_counter_that_stands_still_and_a_wrong_checksum_are_refused():
    b = Bench()
    b.turn(20, but=())
    errors = b.battery.errors
    for _ in range(300):
        b.kernel.frame(0x6B0, b.pack_1(count=3))
        b.turn(but=("Pack_1",))
    assert plain(b.battery.read(b.now)).voltage is None and "counter stands still" in b.battery.remedy and b.battery.errors - errors >= 299
    for n in range(300):
        data = bytearray(b.pack_1())
        data[n % 8] ^= 1 << n % 5
        b.kernel.frame(0x6B0, bytes(data))
        b.turn(but=("Pack_1",))
    assert plain(b.battery.read(b.now)).voltage is None and "wrong checksum" in b.battery.remedy
    assert b.turn(20, but=()).voltage == pytest.approx(355.1)


def test_an_impossible_value_is_unknown_at_once_and_named():
    b = Bench()
    b.turn(20, but=())
    b.values["Pack_2"]["Soc"] = 127.0
    b.database.get_message_by_name("Pack_2").get_signal_by_name("Soc").maximum = None        # cantools refuses to pack it otherwise
    r = b.turn(20, but=())
    assert r.soc_percent is None and r.target_voltage == 398.25 and b.battery.refused_values > 0
    b.turn(300, but=())
    assert b.battery.fault == "BMS: no SoC" and "says 127, which is out of range" in b.battery.remedy


@pytest.mark.parametrize("change, permission", [({"Allowed": 0}, False), ({"Allowed": 2}, False), ({"Flags": 2}, False), ({"Flags": 63}, True)])
def test_permission_needs_every_condition(change, permission):
    b = Bench()
    b.values["Pack_2"].update(change)
    assert b.turn(20, but=()).permission is permission


@pytest.mark.parametrize("cold, hot, permission", [(-1, 20, False), (0, 50, True), (10, 51, False), (None, None, None)])
def test_temperatures_forbid(cold, hot, permission):
    b = Bench()
    b.pages[2] = {"Page": 2, "Coldest": cold, "Hottest": hot} if cold is not None else {"Page": 0, "Max_V": 402.5, "Max_A": 125.0}
    assert b.turn(20, but=()).permission is permission


def test_the_worst_news_wins_over_the_unknown():
    b = Bench()
    b.values["Pack_2"]["Allowed"] = 2
    assert b.turn(20, but=("Limits",)).permission is False


def test_everything_that_is_wrong_with_the_mapping_is_said_at_once():
    with pytest.raises(DriverError) as refused:
        Bench(battery_voltage="Pack_1.Volage", soc="", max_voltage="1200", permission="", counters=["Pack_1.Countr", "Wide.Far"],
              checksums=["Pack_2.Soc", "Pack_2.Flags sum8", "Pack_2.Soc md5"], temperature_min_c=50.0)
    for words in ("did you mean Voltage?", "soc is empty", "max_voltage = 1200 is outside", "permission is empty", "did you mean Counter", "names no kind",
                  "not one whole octet", "Wide has 64 octets", "temperature_min_c = 50 is not below"):
        assert words in refused.value.problem, words
    with pytest.raises(DriverError, match="nothing is read from message"):
        Bench(max_voltage="400", max_current="100", capacity="", temperatures=[], counters=["Limits.Page"])


def test_floods_nonsense_and_bus_off_leave_only_true_values():
    rng = random.Random(5)
    b = Bench()
    for n in range(600):
        for _ in range(rng.choice((0, 0, 0, 5000)) if n % 20 == 0 else rng.randrange(4)):
            id = rng.choice((0x6B0, 0x6B1, 0x19FF0101, rng.randrange(0x800)))
            b.kernel.frame(id, rng.randbytes(rng.randrange(9)), EXTENDED if id > 0x7FF else 0)
        if rng.random() < 0.05:
            b.kernel.error(rng.choice((0x40, 0x04, 0x100)), rng.randrange(256))
        b.kernel.up = rng.random() < 0.99
        decoded, refused = b.battery.decoded, b.battery.refused_frames
        r = b.turn()
        assert b.battery.decoded + b.battery.refused_frames - decoded - refused <= FRAMES_PER_TURN
        if r is not None:
            for value, low, high in ((r.voltage, 0, 1000), (r.soc_percent, 0, 100), (r.target_current, 0, 500), (r.max_voltage, 0, 1000), (r.capacity, 0, 300_000)):
                assert value is None or low <= value <= high
    b.kernel.up = True
    b.kernel.waiting.clear()
    b.kernel.error(0x100)
    b.turn(800, but=())
    assert b.can.fault == "" and b.battery.fault == "" and plain(b.battery.read(b.now)).voltage == pytest.approx(355.1)


def test_two_kinds_of_identifier_share_the_turn():
    b = Bench()
    b.turn(2)
    for _ in range(3):
        for n in range(64):
            b.kernel.frame(0x6B1, bytes(6))
            b.kernel.frame(0x19FF0101, bytes(8), EXTENDED)
        before = b.battery.decoded
        b.turn()
        assert b.battery.decoded - before == FRAMES_PER_TURN
    r = plain(b.battery.read(b.now))
    assert r.soc_percent == 0 and r.max_voltage == 0
