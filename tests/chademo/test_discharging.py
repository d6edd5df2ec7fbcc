"""Discharging at the machine: when it is announced, 0x208 and 0x209, what may be drawn, what ends it and how soon."""
from dataclasses import replace

import pytest

from kernel.timer import MS, S
from tasks.chademo import wire
from tasks.chademo.discharge import Discharging, drawn
from tasks.chademo.states import Side
from tasks.signals import ChargerOffer
from tasks.stop_reasons import StopReason as R
from tests.chademo.bench import CLOSED, ENABLED, IDLE, Bench

V2X = wire.CAN_DISCHARGE
LETS = wire.Discharge(40, 250, 10, 100)
ZE1 = wire.DischargeEnergy(2)
HOLD = 500 * MS


class Car(Bench):
    """With 102.5.7, 0x200 and 0x201; the bridge takes 20 A."""

    def __init__(self, discharge_a=20.0, lets=LETS, energy=ZE1, bit=V2X, **config):
        super().__init__(discharge_a=discharge_a, **config)
        self.bit = bit
        self.more = tuple(message for message in (lets, energy) if message is not None)
        self.offer.input_current = discharge_a
        self.status |= bit

    def permit(self, yes=True):
        super().permit(yes)
        self.status = (ENABLED if yes else IDLE) | self.bit

    def close(self):
        super().close()
        self.status = CLOSED | self.bit

    def draw(self, amperes, reported=None):
        self.offer.present_current, self.offer.reported_current = -float(amperes), reported
        return self.now

    def charging(self):
        self.to(Side.Charge)
        self.run(0.5)
        return self


def frames(b, kind, since=0):
    return [message for at, message in b.sent if type(message) is kind and at >= since]


# --- what is announced

def test_it_is_announced_with_its_frames_from_the_first_0x109_on():
    b = Car()
    b.until(Side.Param)
    b.run(0.35)
    assert [m.id for _, m in b.sent[:10]] == [0x108, 0x109, 0x118, 0x208, 0x209] * 2
    assert {m.discharge for m in frames(b, wire.ChargerStatus)} == {True} and b.last(wire.ChargerStatus).emit()[4] == 1
    assert b.last(wire.DischargeCharger) == wire.DischargeCharger(0, 500, 20, 250) and b.last(wire.DischargeTime) == wire.DischargeTime(2, 0)


@pytest.mark.parametrize("made", [lambda: Car(0.0), lambda: Car(bit=0), lambda: Car(announce_protocol=1)], ids=["not configured", "the car has no bit", "version 0.9"])
def test_it_is_not_announced(made):
    b = made().charging()
    assert {m.discharge for m in frames(b, wire.ChargerStatus)} == {False} and {m.id for _, m in b.sent} == {0x108, 0x109, 0x118}
    assert b.side.says(b.now).max_discharge is None


def test_a_discovery_does_not_announce_it():
    """Sheet 3.7: with the bit in it a ZE0 hangs in the session after."""
    b = Car()
    b.offer.wanted = "discovery"
    b.until(Side.Param)
    b.run(3.5)
    b.permit()
    b.until(Side.Ended)
    assert b.sent and not any(m.discharge for m in frames(b, wire.ChargerStatus)) and {m.id for _, m in b.sent} == {0x108, 0x109, 0x118}
    assert sum("can discharge (0x200)" in text for text in b.told) == 1


def test_the_car_toggles_its_bit():
    """Sheet 1.5: some do at random. Once it was said it stays; after d2 nothing new is said."""
    b = Car()
    b.bit = 0                                                           # in its first frames, and not after k
    b.charging()
    assert not b.side.vehicle.bit(V2X)
    assert {m.discharge for m in frames(b, wire.ChargerStatus)} == {True}
    late = Car(bit=0).charging()
    late.status |= V2X
    late.run(0.5)
    assert {m.discharge for m in frames(late, wire.ChargerStatus)} == {False}


@pytest.mark.parametrize("configured, words", [(0.0, "refused, bridge.discharge_a is 0"), (12.0, "allowed in the charge up to 12 A")])
def test_it_is_told_once(configured, words):
    b = Car(configured).charging()
    assert [text for text in b.told if "can discharge" in text] == [f"the car can discharge (0x200): {words}"]


@pytest.mark.parametrize("energy, told", [(None, 1), (wire.DischargeEnergy(0), 1), (wire.DischargeEnergy(1), 1), (ZE1, 2), (wire.DischargeEnergy(7), 1)])
def test_the_sequence_number_is_the_cars_where_it_has_one(energy, told):
    b = Car(energy=energy).charging()
    assert b.last(wire.DischargeTime) == wire.DischargeTime(told, 5)


def test_the_lower_threshold_is_the_higher_of_both_minima():
    b = Car(lets=replace(LETS, min_voltage=100)).charging()
    assert b.last(wire.DischargeCharger).lower_threshold == 150                    # of the charger
    assert Car().charging().last(wire.DischargeCharger).lower_threshold == 250     # 200.4-5


# --- what is told while it is drawn

def test_109_3_is_0_while_current_is_drawn_and_208_0_has_it():
    b = Car().charging()
    since = b.draw(15.4) + 150 * MS
    b.run(5.0)
    assert {m.current for m in frames(b, wire.ChargerStatus, since)} == {0.0} and {m.present_current for m in frames(b, wire.DischargeCharger, since)} == {15}
    assert b.last(wire.DischargeCharger).emit()[0] == 0xFF - 15
    b.draw(-30.0)
    b.run(0.2)
    assert b.last(wire.ChargerStatus).current == 30.0 and b.last(wire.DischargeCharger).present_current == 0


@pytest.mark.parametrize("idle", [0, 1])
def test_one_ampere_in_one_cycle_of_every_60_s(idle):
    """Sheet 1.10, 3.7."""
    b = Car(idle_current_a=idle).charging()
    since = b.draw(15.0) + 150 * MS
    b.run(185.0)
    told = [at for at, m in b.sent if type(m) is wire.ChargerStatus and m.current and at >= since]
    assert len(told) == 3 and all(60 * S <= later - at <= 60 * S + 100 * MS for at, later in zip(told, told[1:])) and b.side.state is Side.Charge
    assert {m.current for m in frames(b, wire.ChargerStatus, since)} == {0.0, 1.0}


def test_the_charging_time_does_not_run_while_it_is_discharged():
    b = Car().charging()
    left = b.last(wire.ChargerStatus).remaining
    b.draw(15.0)
    b.run(120.0)
    assert b.last(wire.ChargerStatus).remaining == left


def test_the_end_waits_for_the_current_that_is_drawn():
    b = Car().charging()
    b.draw(15.0)
    b.run(1.0)
    b.offer.stop = R.USER_STOP
    b.run(1.0)
    assert b.side.state is Side.StopRamp and b.last(wire.ChargerStatus).status == 0x25
    b.draw(5.1)
    b.run(0.2)
    assert b.side.state is Side.StopRamp
    b.draw(5.0)
    b.until(Side.StopWd, 0.2)
    b.run(0.1)
    assert b.last(wire.DischargeTime).remaining == 0


# --- what ends it

def ended(b, since, reason, *, urgent=False, hold=HOLD):
    b.until(lambda: b.side.reason is not None, 5)
    assert b.side.reason is reason and hold <= b.now - since <= hold + 30 * MS and b.side.urgent is urgent and b.side.state is Side.StopRamp


@pytest.mark.parametrize("amperes, reported, goes_on", [(25.0, None, True), (25.1, None, False), (0.0, -25.0, True), (0.0, -25.1, False), (25.0, -3.0, True),
                                                        (-60.0, -25.1, False)])
def test_more_than_the_bridge_takes(amperes, reported, goes_on):
    b = Car().charging()
    since = b.draw(amperes, reported)
    if goes_on:
        b.run(3.0)
        assert b.side.state is Side.Charge and b.side.says(b.now).max_discharge == 20.0
    else:
        ended(b, since, R.DISCHARGE_OVERCURRENT)
        assert any("allowed are 20 A" in text for text in b.told)


def test_a_peak_ends_nothing():
    b = Car().charging()
    for _ in range(5):
        b.draw(100.0)
        b.run(0.49)
        b.draw(10.0)
        b.run(0.05)
    assert b.side.state is Side.Charge


@pytest.mark.parametrize("lets, soc, most", [(replace(LETS, max_current=8), 73, 8), (replace(LETS, max_current=0), 73, 0), (None, 73, 0), (LETS, 73, 20)])
def test_the_car_may_allow_less(lets, soc, most):
    b = Car(lets=lets)
    b.rate = soc
    b.charging()
    assert b.side.says(b.now).max_discharge == most
    b.draw(most + 5.0)
    b.run(2.0)
    assert b.side.state is Side.Charge
    ended(b, b.draw(most + 5.1), R.DISCHARGE_OVERCURRENT)


def test_0x200_that_fails_to_come_allows_nothing():
    b = Car().charging()
    b.draw(15.0)
    b.run(1.0)
    b.missing = (wire.DISCHARGE,)
    b.run(0.9)
    assert b.side.says(b.now).max_discharge == 20.0
    b.run(0.2)
    assert b.side.says(b.now).max_discharge == 0.0
    b.until(lambda: b.side.reason is R.DISCHARGE_OVERCURRENT, 1)


@pytest.mark.parametrize("made", [lambda: Car(0.0), lambda: Car(bit=0)], ids=["not configured", "the car has no bit"])
@pytest.mark.parametrize("measured, reported", [(20.0, None), (0.0, -20.0), (-40.0, -20.0), (5.1, None)])
def test_a_charger_that_draws_unasked(made, measured, reported):
    b = made().charging()
    ended(b, b.draw(measured, reported), R.CHARGER_DRAWS, urgent=True)


@pytest.mark.parametrize("measured", [5.0, 1.0])
def test_a_reading_that_is_slightly_negative_is_no_draw_and_no_charge_either(measured):
    """Sheet 7.4: a sensor of +-2.5 A; but a car that asks and gets nothing for 3 s is not charged (3.7)."""
    b = Car(0.0).charging()
    since = b.draw(measured)
    b.request = 40
    ended(b, since, R.CHARGER_NO_CURRENT, hold=3 * S)


@pytest.mark.parametrize("bits", [False, True])
def test_109_5_1_says_whose_fault_it_is_where_that_is_configured(bits):
    b = Car(send_error_bits=bits).charging()
    b.draw(40.0)
    b.until(Side.StopRamp, 2)
    b.run(0.2)
    assert b.last(wire.ChargerStatus).status & wire.MALFUNCTION == (wire.MALFUNCTION if bits else 0)


@pytest.mark.parametrize("voltage, low", [(250.0, False), (249.9, True)])
def test_the_lowest_voltage(voltage, low):
    b = Car().charging()
    since = b.draw(10.0)
    b.facts.plug_voltage = voltage
    if low:
        ended(b, since, R.DISCHARGE_VOLTAGE)
        assert any("249.9 V" in text and "250 V" in text for text in b.told)
    else:
        b.run(3.0)
        assert b.side.state is Side.Charge


def test_an_unknown_voltage_is_too_low():
    b = Car().charging()
    since = b.draw(10.0)
    b.facts.plug_voltage = None
    ended(b, since, R.DISCHARGE_VOLTAGE)


LEVELS = [  # 200.6, 201.0, capacity in Wh, rate of 100, ends
    (10, ZE1, 22_200.0, 11, False), (10, ZE1, 22_200.0, 10, True), (10, ZE1, 0.0, 10, True), (0, ZE1, 22_200.0, 0, False), (0, None, 0.0, 0, False),
    (0x43, None, 22_200.0, 31, False), (0x43, None, 22_200.0, 30, True),                        # log A: 6.7 kWh of 22.2, 30 %
    (0x43, wire.DischargeEnergy(0), 22_200.0, 31, False), (0x43, wire.DischargeEnergy(0), 22_200.0, 30, True)]


@pytest.mark.parametrize("level, energy, capacity, rate, ends", LEVELS)
def test_the_level_that_the_car_keeps(level, energy, capacity, rate, ends):
    b = Car(lets=replace(LETS, min_level=level), energy=energy)
    b.times, b.rate = wire.ChargingTime(0xFF, 60, 0, capacity), rate
    b.charging()
    b.draw(2.4)
    b.run(2.0)
    assert b.side.state is Side.Charge, "that may be the sensor's error"
    since = b.draw(2.5)
    if ends:
        ended(b, since, R.DISCHARGE_LEVEL)
    else:
        b.run(3.0)
        assert b.side.state is Side.Charge


@pytest.mark.parametrize("energy, capacity, rate_at_full", [(None, 0.0, 100), (ZE1, 22_200.0, 240)], ids=["0.1 kWh of an unknown capacity", "no state of charge"])
def test_a_level_that_cannot_be_judged_allows_nothing(energy, capacity, rate_at_full):
    b = Car(energy=energy)
    b.times, b.limits = wire.ChargingTime(0xFF, 60, 0, capacity), wire.BatteryLimits(0, 0, 0, 435, rate_at_full)
    b.charging()
    assert b.side.says(b.now).max_discharge == 0.0
    ended(b, b.draw(10.0), R.DISCHARGE_OVERCURRENT)


def test_nothing_flows_in_a_v2x_session_once_something_has():
    b = Car()
    b.to(Side.Charge)
    b.request, b.offer.present_current = 40, 0.0
    ended(b, b.now, R.CHARGER_NO_CURRENT, hold=3 * S)
    b = Car().charging()
    b.offer.present_current, b.request = 0.0, 40
    b.run(60.0)
    assert b.side.state is Side.Charge and b.last(wire.ChargerStatus).current == 1.0
    b.offer.present_current = 51.0
    b.until(lambda: b.side.reason is R.CHARGER_OVERCURRENT, 2)


def test_at_the_threshold_a_session_that_could_discharge_ends_as_any():
    b = Car().charging()
    b.facts.plug_voltage = 436.0
    b.run(0.02)
    assert b.side.reason is R.CAR_THRESHOLD


@pytest.mark.parametrize("present, reported, out", [(10.0, None, 0.0), (-10.0, None, 10.0), (-10.0, 3.0, 10.0), (4.0, -7.0, 7.0), (-8.0, -7.0, 8.0), (0.0, 0.0, 0.0)])
def test_what_is_drawn_is_the_worse_of_two_words(present, reported, out):
    assert drawn(ChargerOffer(present_current=present, reported_current=reported)) == out


def test_without_an_offer_the_frames_go_on():
    b = Car().charging()
    assert [type(m) for m in b.side.discharge.frames(b.side.vehicle, None, 500.0, False)] == [wire.DischargeCharger, wire.DischargeTime]
    assert Discharging(b.config).frames(b.side.vehicle, b.offer, 500.0, True) == []
