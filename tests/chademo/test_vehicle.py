"""What of a vehicle's words may be believed, and when (chademo sheet 1.2 to 1.6, 4.4.4, scenario 41)."""
import pytest

from kernel.timer import MS, S
from tasks.chademo import wire
from tasks.chademo.vehicle import Vehicle

SETTLED = 10 * S


def vehicle(*messages, announced=2, private=False, told=True, at=0):
    found = Vehicle(announced, private)
    for message in messages or (wire.BatteryLimits(0, 0, 0, 435, 100), wire.ChargingTime(0xFF, 60, 0, 22_200.0), wire.VehicleStatus(2, 410, 0, 0, 0xC8, 73)):
        found.receive(message, at)
    if told:
        found.told_at = at
    return found


def limits(**values):
    return wire.BatteryLimits(**{"max_voltage": 435, **values})


@pytest.mark.parametrize("full, rate, expected", [(0xF0, 3, None), (0x64, 73, 73.0), (0xFF, 0x8F, 56.0), (0xC8, 100, 50.0), (0, 40, 40.0), (0x64, 0x78, 100.0),
                                                  (0, 0xFF, 100.0), (1, 0xFF, 100.0), (0x64, 0, 0.0)])
def test_scenario_41_the_encodings_of_the_state_of_charge(full, rate, expected):
    v = vehicle(limits(rate_at_full=full), wire.VehicleStatus(2, 410, 0, 0, 0xC8, rate))
    assert v.soc(SETTLED) == (expected if expected is None else pytest.approx(expected, abs=0.1))


def test_scenario_41_the_first_frames_carry_nonsense():
    """(64, 1) is unknown by its time alone: log A says 1 until 2.12 s after the first frame, log B until 2.0 s."""
    v = vehicle(limits(rate_at_full=0x64), wire.VehicleStatus(2, 410, 0, 0, 0xC8, 1))
    assert v.soc(1999 * MS) is None
    assert v.soc(2110 * MS) is None, "log A has its state of charge 2.12 s after the first frame, and says 1 before"
    v.receive(wire.VehicleStatus(2, 410, 0, 0, 0xC8, 73), 2120 * MS)
    assert v.soc(3 * S) == 73.0


def test_the_lower_version_counts_and_the_contactor_bit_exists_from_1_0_on():
    for own, announced, effective, has in ((2, 2, 2, True), (1, 2, 1, False), (2, 1, 1, False), (3, 2, 2, True), (0, 2, 0, False)):
        v = vehicle(wire.VehicleStatus(own, 410, 0, 0, 0x08, 0), announced=announced)
        assert v.protocol == effective and v.tells_contactors is has
        assert v.contactors_closed(SETTLED) is (False if has else None)


def test_the_contactor_bit_counts_300_ms_after_our_first_0x109():
    """A ZE1 says 0x80 first and 0x88 once it has seen 109.0 (sheet 1.5)."""
    v = vehicle(wire.VehicleStatus(2, 410, 0, 0, 0x80, 0), told=False)
    assert v.contactors_closed(SETTLED) is None
    v.told_at = 5 * S
    assert v.contactors_closed(5 * S + 299 * MS) is None and v.contactors_closed(5 * S + 300 * MS) is True
    v.receive(wire.VehicleStatus(2, 410, 0, 0, 0x88, 0), 6 * S)
    assert v.contactors_closed(6 * S) is False


def test_the_maximum_voltage_is_never_below_the_target():
    assert vehicle(limits(max_voltage=435), wire.VehicleStatus(2, 410)).max_voltage == 435
    assert vehicle(limits(max_voltage=400), wire.VehicleStatus(2, 410)).max_voltage == 411            # 2.4.3
    assert vehicle(limits(max_voltage=410), wire.VehicleStatus(2, 410)).max_voltage == 410
    assert vehicle(limits(max_voltage=0), wire.VehicleStatus(2, 410)).max_voltage == 411
    assert vehicle(limits(max_voltage=435), wire.VehicleStatus(2, 0)).max_voltage == 435
    assert vehicle(limits(max_voltage=0), wire.VehicleStatus(2, 0)).max_voltage is None


def test_a_minimum_voltage_of_a_volt_says_nothing():
    for told, believed in ((0, None), (1, None), (250, 250.0)):
        assert vehicle(limits(min_voltage=told), wire.VehicleStatus(2, 410)).min_voltage == believed


def test_the_frozen_target_stays():
    v = vehicle(wire.VehicleStatus(2, 434))
    v.frozen_target = v.target_voltage
    v.receive(wire.VehicleStatus(2, 450), S)
    assert v.target_voltage == 434 and v.says(S).target_voltage == 434


def test_who_lets_the_available_current_fall():
    status = wire.VehicleStatus(2, 410, status=wire.ACCEPTS_DYNAMIC)
    assert vehicle(status).dynamic and not vehicle(wire.VehicleStatus(2, 410, status=0x88)).dynamic
    assert vehicle(wire.VehicleStatus(2, 410), wire.DynamicControl(0x110, 1)).dynamic
    assert not vehicle(status, wire.DynamicControl(0x110, 6)).dynamic                                 # it says itself what it takes
    assert not vehicle(wire.VehicleStatus(2, 410), wire.DynamicControl(0x118, 1)).dynamic             # a charger's


def test_octets_0_and_1_are_a_voltage_only_where_it_is_configured():
    frame = wire.BatteryLimits(0x60, 0x01, 0, 435, 100)
    assert vehicle(frame, wire.VehicleStatus(10, 410)).says(S).battery_voltage is None
    said = vehicle(frame, wire.VehicleStatus(10, 410), private=True).says(S)
    assert said.battery_voltage == 352.0 and said.max_current is None
    assert vehicle(wire.MeasuredVoltage(352), wire.VehicleStatus(2, 403)).says(S).battery_voltage == 352.0
    assert vehicle(wire.MeasuredVoltage(0), wire.VehicleStatus(2, 403)).says(S).battery_voltage is None


def test_nothing_is_said_before_anything_came():
    v = Vehicle(2)
    said = v.says(SETTLED)
    assert said.target_voltage is None and said.soc is None and said.fingerprint == () and not said.enabled and said.current_request == 0.0
    assert not v.complete and v.protocol is None and v.contactors_closed(SETTLED) is None and v.fingerprint() == ()


def test_a_chargers_frames_are_ignored():
    v = Vehicle(2)
    v.receive(wire.Capability(True, 500.0, 100.0, 435.0), 0)
    v.receive(wire.ChargerStatus(), 0)
    assert v.status is None and v.limits is None and v.first_at > SETTLED


def test_complete_needs_all_three():
    frames = (wire.BatteryLimits(), wire.ChargingTime(), wire.VehicleStatus())
    for left_out in range(3):
        assert not vehicle(*(frame for n, frame in enumerate(frames) if n != left_out)).complete
    assert vehicle(*frames).complete


def test_a_fingerprint_tells_vehicles_apart_and_not_their_sessions():
    aze0 = vehicle()
    again = vehicle(wire.BatteryLimits(0, 0, 0, 435, 240), wire.ChargingTime(0, 0, 0, 22_200.0), wire.VehicleStatus(2, 410, 60, 0, 0x41, 12))
    assert aze0.fingerprint() == again.fingerprint() != ()                # 102.5.7, request, SOC and time are of the moment
    for other in (wire.VehicleStatus(2, 404, 0, 0, 0xC8), wire.VehicleStatus(2, 410, 0, 0, 0x88), wire.DynamicControl(0x110, 1), wire.Discharge(),
                  wire.DischargeEnergy(2), wire.Maker(b"\x01\x02"), wire.BatteryLimits(0, 0, 0, 430, 100), wire.ChargingTime(0xFF, 60, 0, 35_400.0)):
        v = vehicle()
        v.receive(other, 0)
        assert v.fingerprint() != aze0.fingerprint(), other


def test_values_at_their_ends_are_told_and_do_no_harm():
    for octet in (0, 255):
        for word in (0, 65535):
            v = vehicle(wire.BatteryLimits(octet, octet, word, word, octet), wire.ChargingTime(octet, octet, octet, word * 100.0),
                        wire.VehicleStatus(octet, word, octet, octet, octet, octet))
            said = v.says(SETTLED)
            assert said.soc is None or 0.0 <= said.soc <= 100.0
            assert said.target_voltage in (None, 65535.0) and said.current_request == octet
