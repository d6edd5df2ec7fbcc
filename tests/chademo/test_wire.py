"""CHAdeMO's frames: octets of the recorded logs in both directions, round trips, clamping, and anything at all as input."""
import random

import pytest

from tasks.chademo import wire
from tasks.errors import WireError

GOLDEN = [
    # chademo sheet 2.7, 1.3 to 1.11; log A: AZE0, log B: ZE1, B2: a ZE1 at a 0.9 charger
    (0x100, "00000000b301f000", wire.BatteryLimits(0, 0, 0, 435, 240)),                          # A, before the first charger frame
    (0x100, "06000000b3016400", wire.BatteryLimits(6, 0, 0, 435, 100)),                          # B
    (0x101, "00ff3c0000de0000", wire.ChargingTime(0xFF, 60, 0, 22_200.0)),                       # A from 2.91 s on
    (0x101, "0000000000f40100", wire.ChargingTime(0, 0, 0, 50_000.0)),                           # B, the times not known yet
    (0x101, "00ff500000620100", wire.ChargingTime(0xFF, 80, 0, 35_400.0)),                       # B
    (0x101, "00e4240000620100", wire.ChargingTime(0xE4, 36, 0, 35_400.0)),                       # B2
    (0x102, "029a010000c80300", wire.VehicleStatus(2, 410, 0, 0, 0xC8, 3)),                      # A, idle, SOC unknown
    (0x102, "029a010e00c14900", wire.VehicleStatus(2, 410, 14, 0, 0xC1, 73)),                    # A, charging at 73 %
    (0x102, "029a011f00814800", wire.VehicleStatus(2, 410, 31, 0, 0x81, 72)),                    # B
    (0x103, "6001000000000000", wire.MeasuredVoltage(352)),                                      # scenario 49
    (0x110, "0100000000000000", wire.DynamicControl(0x110, 1, 0)),                               # B
    (0x200, "ff000000fa0043b2", wire.Discharge(0, 250, 0x43, 0xB2)),                             # A, 0 A
    (0x200, "f0000000fa0043b2", wire.Discharge(15, 250, 0x43, 0xB2)),                            # A, 15 A
    (0x201, "0200000000000000", wire.DischargeEnergy(2)),                                        # B
    (0x700, "0102000006000000", wire.Maker(bytes((1, 2, 0, 0, 6, 0, 0, 0)))),                    # B
    (0x108, "01f4010fb3010000", wire.Capability(True, 500.0, 15.0, 435.0)),                      # A
    (0x108, "01f40176f4010000", wire.Capability(True, 500.0, 118.0, 500.0)),                     # B, first
    (0x108, "01f4011fb3010000", wire.Capability(True, 500.0, 31.0, 435.0)),                      # B, after the first car frame
    (0x109, "020000000020ffff", wire.ChargerStatus(2, 0.0, 0.0, 0x20, None)),                    # A, the car's time not known yet
    (0x109, "0274010e0005ff3c", wire.ChargerStatus(2, 372.0, 14.0, 0x05, 3600.0)),               # A, charging
    (0x109, "027c01000024ff50", wire.ChargerStatus(2, 380.0, 0.0, 0x24, 4800.0)),                # B
    (0x109, "0269010000240000", wire.ChargerStatus(2, 361.0, 0.0, 0x24, 0.0)),                   # A, stopped
    (0x118, "0100000000000000", wire.DynamicControl(0x118, 1, 0)),
    (0x208, "fff401f00000fa00", wire.DischargeCharger(0, 500, 15, 250)),                         # A
    (0x209, "0105000000000000", wire.DischargeTime(1, 5)),                                       # A
]


@pytest.mark.parametrize("id, octets, message", GOLDEN, ids=[f"{id:03X}-{octets}" for id, octets, _ in GOLDEN])
def test_the_octets_of_the_logs_in_both_directions(id, octets, message):
    data = bytes.fromhex(octets)
    assert wire.parse(id, data) == message and message.id == id
    assert message.emit() == data


def test_the_longest_time_in_both_codings():
    assert wire.ChargingTime(0xFF, 60).max_seconds == 3600
    assert wire.ChargingTime(0xE4, 36).max_seconds == 2280                        # B2: the fine one counts
    assert wire.ChargingTime(0, 60).max_seconds == 0                              # before it is valid
    assert wire.parse(0x109, bytes.fromhex("020000000020d724")).remaining == 2150.0


@pytest.mark.parametrize("seconds, octets", [(None, (0xFF, 0xFF)), (4800, (0xFF, 80)), (61, (0xFF, 2)), (60, (0xFF, 1)), (51, (0xFF, 1)), (50, (5, 0)), (49.9, (5, 0)),
                                             (1, (1, 0)), (0.1, (1, 0)), (0, (0, 0)), (-3, (0, 0)), (1e9, (0xFF, 0xFE))])
def test_the_remaining_time_counts_down_as_in_scenario_39_and_shows_0_only_when_it_is_over(seconds, octets):
    assert wire.remaining_octets(seconds) == octets


def _any_message(rng):
    def octet():
        return rng.randrange(256)

    def word():
        return rng.randrange(65536)
    return rng.choice([
        wire.BatteryLimits(octet(), octet(), word(), word(), octet()), wire.ChargingTime(octet(), octet(), octet(), word() * 100.0),
        wire.VehicleStatus(octet(), word(), octet(), octet(), octet(), octet()), wire.MeasuredVoltage(word()),
        wire.DynamicControl(rng.choice((0x110, 0x118)), octet(), word()), wire.Discharge(octet(), word(), octet(), octet()), wire.DischargeEnergy(octet()),
        wire.DischargeCharger(octet(), word(), octet(), word()), wire.DischargeTime(octet(), word()), wire.Maker(rng.randbytes(8)),
        wire.Capability(bool(octet() & 1), float(word()), float(octet()), float(word())),
        wire.ChargerStatus(octet(), float(word()), float(octet()), octet(), rng.choice([None, *range(0, 60, 10), *range(60, 255 * 60, 60)]), bool(octet() & 1))])


def test_every_message_survives_the_wire():
    rng = random.Random(8)
    seen = set()
    for _ in range(6000):
        message = _any_message(rng)
        seen.add(type(message))
        assert wire.parse(message.id, message.emit()) == message
    assert len(seen) == 12


def test_anything_at_all_is_a_message_or_a_wire_error():
    rng = random.Random(9)
    known = (*wire.VEHICLE_IDS, *wire.CHARGER_IDS, 0x208, 0x209)
    errors = messages = 0
    for _ in range(20_000):
        id = rng.choice(known) if rng.random() < 0.8 else rng.randrange(2048)
        data = rng.randbytes(8 if rng.random() < 0.8 else rng.randrange(9))
        try:
            message = wire.parse(id, data)
        except WireError as problem:
            errors += 1
            assert len(data) != 8 or id not in known, problem
            assert f"{id:03X}" in str(problem) and "expected" in str(problem)
        else:
            messages += 1
            assert len(message.emit()) == 8
            again = wire.parse(id, message.emit())
            assert again == wire.parse(id, again.emit())
    assert errors > 1000 and messages > 10_000


@pytest.mark.parametrize("length", [n for n in range(9) if n != 8])
def test_only_eight_octets_are_a_frame(length):
    with pytest.raises(WireError, match="8 octets, came"):
        wire.parse(0x102, bytes(length))


def test_what_a_frame_cannot_carry_is_clamped():
    assert wire.Capability(True, 1e9, 300.0, -5.0).emit() == bytes.fromhex("01ffffff00000000")
    assert wire.ChargerStatus(2, -10.0, 1000.0, 0x105, 1e12).emit() == bytes.fromhex("020000ff00fffffe")
    assert wire.ChargerStatus(2, float("nan"), float("inf")).emit()[1:4] == bytes.fromhex("0000ff")
    assert wire.Maker(b"ab").emit() == b"ab" + bytes(6)
