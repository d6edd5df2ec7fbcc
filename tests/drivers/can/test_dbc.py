"""Signals of a DBC file read from octets as cantools reads them; names, units and expressions that are wrong are told with what is near."""
import random
import struct
from pathlib import Path

import cantools
import pytest

from drivers.can.checksum import KINDS
from drivers.can.dbc import DbcError, DbcFile
from drivers.errors import DriverError

PATH = str(Path(__file__).with_name("made_up_bms.dbc"))


@pytest.fixture(scope="module")
def file():
    return DbcFile(PATH)


@pytest.fixture(scope="module")
def oracle():
    return cantools.database.load_file(PATH)


def numbers(data):
    return int.from_bytes(data, "little"), int.from_bytes(data, "big")


def test_hand_packed_octets(file):
    data = struct.pack(">HhBBBB", 3551, -125, 0x0A, 0, 0, 0x5C)
    little, big = numbers(data)
    assert file.quantity("Pack_1.Voltage", "k", "V").place.read(little, big) == pytest.approx(355.1)
    assert file.quantity("Pack_1.Current", "k", "A").place.read(little, big) == -12.5
    assert file.signal("Pack_1.Counter", "k").place.raw(little, big) == 10 and file.signal("Pack_1.Checksum", "k").place.raw(little, big) == 0x5C


@pytest.mark.parametrize("message", ["Pack_1", "Pack_2", "Limits"])
def test_every_signal_of_random_octets_is_what_cantools_says(file, oracle, message):
    rng = random.Random(message)
    m = oracle.get_message_by_name(message)
    places = {s.name: file.signal(f"{message}.{s.name}", "k").place for s in m.signals}
    seen = set()
    for _ in range(3000):
        data = bytearray(rng.randbytes(m.length))
        if message == "Limits":
            data[0] = rng.randrange(4)
            data[1] = 5 if data[0] == 3 else data[1]
        expected = m.decode(bytes(data), decode_choices=False)
        little, big = numbers(data)
        found = {name: place.read(little, big) for name, place in places.items() if place.present(little, big)}
        assert set(found) == set(expected)
        for name, value in expected.items():
            assert found[name] == pytest.approx(value, rel=1e-12, abs=1e-9, nan_ok=True), name
        seen |= set(found)
    assert seen == set(places), "each page was looked at"


def test_factor_and_offset(file):
    for text, factor, offset in (("Pack_1.Voltage", 1, 0), ("Pack_1.Voltage*0.1", 0.1, 0), (" Pack_1.Voltage * -1 ", -1, 0), ("Pack_1.Voltage / 4", 0.25, 0),
                                 ("Pack_1.Voltage * 2 - 3.5", 2, -3.5), ("Pack_1.Voltage + 1e2", 1, 100), ("Pack_1.Voltage*0x10-0x1", 16, -1)):
        found = file.quantity(text, "k", "V")
        assert (found.factor, found.offset) == (factor, offset), text


def test_conditions(file):
    found = file.conditions("Pack_2.Allowed == YES and Pack_2.Flags & 0x4 and Pack_2.Soc < 98.5", "permission")
    assert [(c.signal, c.value) for c in found] == [("Allowed", 1), ("Flags", 4), ("Soc", 98.5)]
    assert found[1].holds(6, found[1].value) and not found[1].holds(3, found[1].value) and found[2].holds(98, 98.5) and not found[2].holds(98.5, 98.5)


@pytest.mark.parametrize("call, text, words", [
    ("quantity", "Pack1.Voltage", "did you mean Pack_1.Voltage?"),
    ("quantity", "Pck_1.Volt", "did you mean Pack_1"),
    ("quantity", "Pack_1.Volage", "did you mean Voltage?"),
    ("quantity", "Pack_1.Soc", "did you mean Pack_2.Soc?"),
    ("quantity", "Zzz.Qqq", "it has Limits, Pack_1, Pack_2, Wide"),
    ("quantity", "Pack_1", "is not Message.Signal"),
    ("quantity", "Pack_1.Voltage * zero", "is not Message.Signal"),
    ("quantity", "Pack_1.Voltage / 0", "zero as its factor"),
    ("quantity", "Pack_1.Voltage * 0x0", "zero as its factor"),
    ("quantity", "Wide.Far", "64 octets"),
    ("conditions", "Pack_2.Allowed", "not a comparison"),
    ("conditions", "Pack_2.Allowed == Yes", "did you mean YES?"),
    ("conditions", "Pack_2.Soc == FULL", "neither a number nor one of its names"),
    ("signal", "Pack_1.Counter + 1", "is not Message.Signal"),
])
def test_what_is_wrong_is_told_with_what_is_near(file, call, text, words):
    with pytest.raises(DbcError) as refused:
        getattr(file, call)(text, "key", *(["V"] if call == "quantity" else []))
    assert words in str(refused.value) and "\n" not in str(refused.value)


def test_another_unit_is_warned_of_once_it_has_no_factor():
    file = DbcFile(PATH)
    file.quantity("Pack_2.Power_kW * 1000", "max_power", "W")
    file.quantity("Pack_1.Voltage", "battery_voltage", "V")
    file.quantity("Pack_2.Allowed", "soc", "%")          # no unit in the file
    assert file.warnings == []
    file.quantity("Pack_2.Power_kW", "max_power", "W")
    assert len(file.warnings) == 1 and "'kW'" in file.warnings[0] and "Pack_2.Power_kW * 1000" in file.warnings[0]


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00nonsense", b"BO_ nonsense", b"\x00" * 5000])
def test_a_file_that_is_none_is_refused_with_a_sentence(tmp_path, content):
    path = tmp_path / "x.dbc"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DriverError) as refused:
        DbcFile(str(path))
    assert str(path) in refused.value.problem and "DBC" in refused.value.remedy and len(refused.value.problem) < 600


def test_a_signal_beyond_its_message_is_refused(tmp_path):
    path = tmp_path / "x.dbc"
    path.write_text('VERSION ""\n\nBU_: A\n\nBO_ 1 M: 2 A\n SG_ S : 12|8@1+ (1,0) [0|0] "V" A\n')
    with pytest.raises(DbcError, match="outside the 2 octets"):
        DbcFile(str(path)).quantity("M.S", "k", "V")


@pytest.mark.parametrize("kind, check", [("crc8_j1850", 0x4B), ("crc8_h2f", 0xDF), ("sum8", sum(b"123456789") & 0xFF), ("xor8", 0x31), ("sum8_id_length", 0xE6)])
def test_checksums_have_their_check_values(kind, check):
    """Of b'123456789': the first two from the catalogue of CRC algorithms (CRC-8/SAE-J1850, CRC-8/AUTOSAR)."""
    assert KINDS[kind](0x701, 8, b"123456789") == check
