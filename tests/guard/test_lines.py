"""Output lines that two processes hold, the drivers over them, and the wire that carries the signs of life."""
import os

import pytest

from drivers import interfaces
from drivers.guard import MAX_DRAIN, Beat, Channel, read_beat
from drivers.interfaces import PilotState
from drivers.sim.lines import CONTACTORS, DUTY, LINES, LOCK, PILOT_C, POWER, STEADY, UNLOCK, Lines
from drivers.sim.plant import Plant
from drivers.sim.plant_config import PlantConfig
from drivers.sim.relays import (CarRelays, ChargerRelays, LineConnectorLock, LineContactors, LineControlPilot, LinePilotSource,
                                LinePowerSupply)
from kernel.timer import S


class Time:
    """A clock that the test moves."""

    def __init__(self):
        self.now = 0

    def __call__(self):
        self.now += 1
        return self.now


@pytest.fixture
def lines():
    made = Lines.create(Time())
    yield made
    made.close()


@pytest.fixture
def car(lines):
    plant = Plant(PlantConfig(plugged=True))
    relays = CarRelays(plant, lines)
    return plant, LineControlPilot(relays), LineContactors(relays), LineConnectorLock(relays)


@pytest.fixture(params=[True, False], ids=["contactor", "none"])
def charger(lines, request):
    plant = Plant(PlantConfig(plugged=True, output_contactor=request.param, stage_discharge_ohm=100))
    relays = ChargerRelays(plant, lines)
    return plant, LinePowerSupply(relays), LinePilotSource(relays), LineContactors(relays, charger=True), LineConnectorLock(relays, charger=True)


def test_everything_is_low_at_the_beginning_and_a_second_holder_sees_the_same_lines(lines):
    other = Lines(os.dup(lines.fd))
    assert not any(other.level(n) for n in range(len(LINES))) and not other.armed and not other.held
    assert lines.set(PILOT_C, True) and other.level(PILOT_C) and other.armed and other.changed_at(PILOT_C) > 0
    assert lines.set(PILOT_C, False) and lines.set(CONTACTORS, True) and other.armed
    other.close()


@pytest.mark.parametrize("line", range(4))
def test_a_held_line_is_raised_by_nobody_and_the_answer_is_the_truth(lines, line):
    other = Lines(os.dup(lines.fd))
    lines.set(line, True)
    other.hold()
    assert lines.held and not lines.set(line, False) and lines.level(line), "the guard decides when it falls"
    other.force(line, False)
    assert lines.set(line, False), "it is where it is wanted"
    assert not lines.set(line, True) and not lines.level(line)
    other.close()


def test_a_line_raised_while_the_guard_takes_over_falls_again():
    """The process was stopped between the question and the deed."""
    class Late(Lines):
        def force(self, line, on):
            super().force(line, on)
            if line == CONTACTORS and on:
                self.hold()
    late = Late.create(Time())
    assert not late.set(CONTACTORS, True) and not late.level(CONTACTORS)
    late.close()


def test_relays_follow_their_lines_whoever_set_them(lines, car):
    plant, pilot, contactors, lock = car
    assert pilot.set_state_c(True, S) and contactors.set_closed(True, S) and lock.set_locked(True, S)
    assert [lines.level(n) for n in (PILOT_C, CONTACTORS, LOCK, UNLOCK)] == [True, True, True, False]
    assert contactors.feedback(2 * S) is True and lock.feedback(2 * S) is True and plant.pilot.at_charger.state is PilotState.C
    lines.hold()
    for line in (PILOT_C, CONTACTORS, LOCK, UNLOCK):
        lines.force(line, False)
    contactors.feedback(3 * S)
    assert contactors.feedback(4 * S) is False and plant.pilot.at_charger.state is PilotState.B
    assert lock.feedback(4 * S) is True, "a motor without current stays where it is"


def test_drivers_refuse_and_count_when_the_guard_holds(lines, car):
    _, pilot, contactors, lock = car
    lines.hold()
    assert not pilot.set_state_c(True, S) and not contactors.set_closed(True, S) and not lock.set_locked(False, S)
    assert (pilot.errors, contactors.errors, lock.errors) == (1, 1, 1)
    assert pilot.set_state_c(False, S) and contactors.set_closed(False, S)


def test_the_motor_lines_are_never_both_high(lines, car):
    lock = car[3]
    for n, locked in enumerate((True, False, True)):
        assert lock.set_locked(locked, n * S)
        assert (lines.level(LOCK), lines.level(UNLOCK)) == (locked, not locked)


def test_failed_drivers_refuse_and_keep_the_contract(lines, car):
    plant, *drivers = car
    for driver, protocol, call in zip(drivers, (interfaces.ControlPilot, interfaces.Contactors, interfaces.ConnectorLock),
                                      ("set_state_c", "set_closed", "set_locked")):
        assert not [n for n in vars(protocol) if not n.startswith("_") and not hasattr(driver, n)]
        driver.failed = True
        assert not getattr(driver, call)(True, S) and driver.errors == 1
    assert not any(lines.level(n) for n in range(4))


# --- a charger ---------------------------------------------------------------------------------------------------------

def test_a_chargers_parts_follow_their_lines_whoever_set_them(lines, charger):
    plant, stage, source, contactors, lock = charger
    assert source.set_duty(5.0, S) and lock.set_locked(True, S) and contactors.set_closed(True, S) and stage.set(350.0, 2.0, S)
    assert lines.armed and lines.level(POWER) and lines.duty == 5.0 and plant.pilot.at_charger.duty_percent == 5.0
    assert lock.feedback(4 * S) is True and contactors.feedback(4 * S) is True
    plant.advance(4 * S)
    assert plant.stage.on and plant.output_voltage == 350.0
    lines.hold()
    for line in (POWER, CONTACTORS, LOCK, UNLOCK):
        lines.force(line, False)
    lines.force_duty(STEADY)
    lock.feedback(5 * S)
    plant.advance(7 * S)
    assert not plant.stage.on and plant.output_voltage < 60.0 and plant.pilot.at_charger.duty_percent == STEADY
    assert contactors.feedback(7 * S) is (not plant.config.output_contactor), "what is not there does not open"
    assert lock.feedback(7 * S) is True, "a motor without current stays where it is"


def test_a_chargers_drivers_refuse_and_count_when_the_guard_holds(lines, charger):
    plant, stage, source, contactors, lock = charger
    assert source.set_duty(5.0, S)
    lines.hold()
    assert not stage.set(400.0, 10.0, S) and not contactors.set_closed(True, S) and not lock.set_locked(True, S) and not source.set_duty(100.0, S)
    assert (stage.errors, contactors.errors, lock.errors, source.errors) == (1, 1, 1, 1) and not plant.stage.on
    assert stage.off(S) and contactors.set_closed(False, S) and source.set_duty(5.0, S), "it is where it is wanted"


def test_a_stage_that_refuses_is_switched_off_by_its_line_all_the_same(lines, charger):
    plant, stage, *_ = charger
    assert stage.set(350.0, 2.0, S)
    plant.stage.refuses = True
    assert not stage.set(400.0, 2.0, 2 * S) and not stage.off(2 * S) and stage.errors == 2
    assert not lines.level(POWER) and not plant.stage.on


@pytest.mark.parametrize("percent", [STEADY, 0.0, 3.0, 5.0, 99.5, None])
def test_a_duty_stays_as_it_was_set(lines, percent):
    other = Lines(os.dup(lines.fd))
    assert other.duty == STEADY and other.changed_at(DUTY) == 0, "+12 V is what a generator begins with"
    assert lines.set_duty(percent) and other.duty == percent and not lines.armed
    assert (other.changed_at(DUTY) > 0) is (percent != STEADY)
    other.close()


def test_a_duty_set_while_the_guard_takes_over_falls_back():
    class Late(Lines):
        def force_duty(self, percent):
            super().force_duty(percent)
            self.hold()
    late = Late.create(Time())
    assert not late.set_duty(5.0) and late.duty == STEADY
    late.close()


# --- the wire ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("beat", [Beat(), Beat(5, True, 49.9, 4, 350.0), Beat(1 << 60, False, -1.0, 0, None), Beat(7, None, None, -1, 0.0)])
def test_a_beat_arrives_as_it_was_sent(beat):
    one, other = Channel.pair()
    assert one.send_beat(beat)
    assert [read_beat(data) for data in other.receive()] == [beat]
    one.close()
    assert other.receive() == [] and other.closed
    assert not other.send(b"E")
    other.close()


@pytest.mark.parametrize("data", [b"", b"B", b"E", b"X" * 42, b"B" * 41])
def test_what_is_no_beat_is_none(data):
    assert read_beat(data) is None


def test_a_receiver_that_does_not_read_blocks_nobody():
    one, other = Channel.pair()
    sent = 0
    while one.send_beat(Beat(sent)):
        sent += 1
        assert sent < 100_000
    assert not one.closed and len(other.receive()) == MAX_DRAIN
    one.close(), other.close()


def test_a_duty_between_the_steps_is_kept_at_the_next_one_also_while_the_guard_holds_it():
    lines = Lines.create()
    assert lines.set_duty(26.7) and lines.duty == 26.5
    lines.hold()
    assert lines.set_duty(26.7) and lines.set_duty(26.4) and not lines.set_duty(27.0) and lines.duty == 26.5
    lines.close()
