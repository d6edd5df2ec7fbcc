"""The shutdown sequence over all combinations of discretised measurements, times and equipment, against its rules written anew."""
import itertools
import math

import pytest

from kernel.timer import MS, NEVER, S
from tasks.safety.config import PevSafetyConfig
from tasks.safety.shutdown import Phase, Shutdown
from tasks.safety.trips import CONTACTOR_WELDED, CURRENT_NOT_GONE, VOLTAGE_STAYS

NAN = math.nan
BEGAN = 100 * S
BOUND, WAIT, BLIND, TRAVEL, DECAY, BLIND_DECAY = 1500 * MS, 3000 * MS, 2000 * MS, 200 * MS, 30 * S, 10 * S
CURRENTS = (None, NAN, 0.0, 0.99, -0.99, 1.0, -1.0, 4.99, -4.99, 5.0, -5.0, 80.0)
VOLTAGES = (None, NAN, 0.0, 60.0, -60.0, 60.01, -60.01, 400.0)
EQUIPMENT = tuple(itertools.product((True, False), repeat=3))         # current sensor, contactor, voltmeter


def made(sensor: bool, contactor: bool, voltmeter: bool) -> Shutdown:
    return Shutdown(PevSafetyConfig(), sensor=sensor, contactor=contactor, voltmeter=voltmeter)


def dead(voltage: float | None) -> bool:
    return voltage is not None and -60.0 <= voltage <= 60.0


@pytest.mark.parametrize("sensor, contactor, voltmeter", EQUIPMENT)
def test_it_leaves_the_current_behind_only_when_it_is_gone_or_the_bound_is_over(sensor, contactor, voltmeter):
    moments = sorted({edge + d for edge in (0, BOUND, WAIT, BLIND) for d in (-1, 0, 1) if edge + d >= 0})
    for emergency, current, measured, waited, feedback in itertools.product((False, True), CURRENTS, (-1, 0, 1), moments, (True, False, None)):
        s = made(sensor, contactor, voltmeter)
        s.begin(BEGAN, emergency, False)
        found = s.step(BEGAN + waited, current, BEGAN + measured, feedback, 400.0)
        late = waited >= WAIT and not emergency
        urgent = emergency or late
        known = current is not None and measured > 0
        small = known and (-5.0 < current < 5.0 if urgent else -1.0 < current < 1.0)
        gone = small if sensor else waited >= BLIND and (small or not known)
        opens = gone or (urgent and waited >= BOUND)
        assert (found is CURRENT_NOT_GONE) is late and (found is None) is not late
        assert s.emergency is urgent
        assert (s.phase is not Phase.CurrentOff) is opens
        assert s.forced is (opens and not gone) and s.unverified is (opens and gone and not sensor)
        if opens:
            assert s.phase is (Phase.Opening if contactor else Phase.Decay) and s.at == BEGAN + waited
        else:
            urge = BOUND if urgent else WAIT
            assert s.at == BEGAN and s.next_timer() == BEGAN + (urge if sensor else min(urge, BLIND))


@pytest.mark.parametrize("contactor, voltmeter", list(itertools.product((True, False), repeat=2)))
def test_a_doubted_sensor_is_none_and_the_next_sequence_believes_it_again(contactor, voltmeter):
    for emergency, current, measured, waited in itertools.product((False, True), CURRENTS, (0, 1), (0, BOUND, WAIT, BLIND - 1, BLIND)):
        doubted, none = made(True, contactor, voltmeter), made(False, contactor, voltmeter)
        doubted.begin(BEGAN, emergency, False, doubted=True)
        none.begin(BEGAN, emergency, False)
        assert doubted.next_timer() == none.next_timer() and doubted.measured is none.measured is False
        for s in (doubted, none):
            s.step(BEGAN + waited, current, BEGAN + measured, None, 400.0)
        assert (doubted.phase, doubted.unverified, doubted.forced, doubted.emergency) == (none.phase, none.unverified, none.forced, none.emergency)
        doubted.begin(BEGAN, False, False)
        assert doubted.measured and doubted.next_timer() == BEGAN + WAIT
        none.begin(BEGAN, False, False)
        assert not none.measured


@pytest.mark.parametrize("sensor, contactor, voltmeter", EQUIPMENT)
def test_it_leaves_the_opening_only_when_it_is_confirmed_or_the_travel_is_over(sensor, contactor, voltmeter):
    for waited, feedback in itertools.product((0, 1, TRAVEL - 1, TRAVEL, TRAVEL + 1), (True, False, None)):
        s = made(sensor, contactor, voltmeter)
        s.begin(BEGAN, False, False, True)
        assert s.phase is Phase.Opening and s.next_timer() == BEGAN + 1
        found = s.step(BEGAN + waited, None, -1, feedback, 400.0)
        confirmed = not contactor or (feedback is False and waited > 0)        # a feedback of the same instant is older than the command
        welded = not confirmed and waited >= TRAVEL
        assert (found is CONTACTOR_WELDED) is welded and (found is None) is not welded
        assert s.phase is (Phase.Decay if confirmed else Phase.Done if welded else Phase.Opening)


@pytest.mark.parametrize("sensor, contactor, voltmeter", EQUIPMENT)
def test_it_leaves_the_decay_only_when_the_voltage_is_gone_or_its_time_is_over(sensor, contactor, voltmeter):
    for waited, voltage in itertools.product((0, 1, BLIND_DECAY - 1, BLIND_DECAY, DECAY - 1, DECAY), VOLTAGES):
        s = made(sensor, contactor, voltmeter)
        s.begin(BEGAN, False, True)
        assert s.phase is Phase.Decay and s.next_timer() == BEGAN + (DECAY if voltmeter else BLIND_DECAY)
        found = s.step(BEGAN + waited, None, -1, False, voltage)
        calm = dead(voltage) if voltmeter else waited >= BLIND_DECAY
        stays = voltmeter and not calm and waited >= DECAY
        assert (found is VOLTAGE_STAYS) is stays and (found is None) is not stays
        assert s.phase is (Phase.Done if calm or stays else Phase.Decay)
        if s.phase is Phase.Done:
            assert s.next_timer() == NEVER and s.step(BEGAN + 99 * S, 80.0, BEGAN + 99 * S, True, 400.0) is None


@pytest.mark.parametrize("sensor, contactor, voltmeter", EQUIPMENT)
def test_the_lock_may_open_only_with_contactors_open_and_a_voltage_known_to_be_gone(sensor, contactor, voltmeter):
    for feedback, voltage, done in itertools.product((True, False, None), VOLTAGES, (False, True)):
        s = made(sensor, contactor, voltmeter)
        if not done:
            s.begin(BEGAN, False, False)
        first, second = s.may_unlock(feedback, voltage, BEGAN), s.may_unlock(feedback, voltage, BEGAN + BLIND_DECAY - 1)
        third = s.may_unlock(feedback, voltage, BEGAN + BLIND_DECAY)
        if voltmeter:
            allowed = (feedback is False or not contactor) and dead(voltage)
            assert (first, second, third) == (allowed,) * 3
        else:                            # by time: counted from the first question, because what was before the start is not known
            assert (first, second, third) == (False, False, feedback is False and done)


def test_the_blind_time_counts_from_the_very_first_question():
    s = made(True, True, False)
    assert not s.may_unlock(False, None, 0)
    assert s.may_unlock(False, None, BLIND_DECAY)


def test_a_new_shutdown_forgets_how_the_last_one_ended():
    s = made(True, True, True)
    s.begin(BEGAN, True, False)
    s.step(BEGAN + BOUND, None, -1, True, 400.0)
    assert s.forced
    s.begin(BEGAN + 9 * S, False, False)
    assert (s.forced, s.unverified, s.emergency, s.phase, s.began, s.at) == (False, False, False, Phase.CurrentOff, BEGAN + 9 * S, BEGAN + 9 * S)


def test_before_the_first_shutdown_nothing_runs():
    s = made(True, True, True)
    assert (s.phase, s.emergency, s.began, s.at, s.forced, s.unverified) == (Phase.Done, False, 0, 0, False, False)
    assert s.next_timer() == NEVER
    s.begin(BEGAN, False, False)
    s.escalate()
    assert s.emergency is True and s.next_timer() == BEGAN + BOUND


def test_without_a_contactor_the_sequence_goes_through_in_one_step():
    s = made(True, False, True)
    s.begin(BEGAN, False, False)
    assert s.step(BEGAN + 1, 0.0, BEGAN + 1, None, 60.0) is None and s.phase is Phase.Done


def test_every_time_of_the_sequence_comes_from_the_configuration():
    config = PevSafetyConfig(current_wait_ms=700, emergency_open_ms=1100, unverified_wait_ms=2300, contactor_travel_ms=130, decay_ms=1700, unlock_v=31.0,
                             unverified_decay_ms=5300)
    s = Shutdown(config, sensor=True, contactor=True)
    s.begin(BEGAN, False, False)
    assert s.next_timer() == BEGAN + 700 * MS
    s.escalate()
    assert s.next_timer() == BEGAN + 1100 * MS
    s = Shutdown(config, sensor=False, contactor=True)
    s.begin(BEGAN, False, False)
    assert s.step(BEGAN + 2300 * MS - 1, None, -1, True, 400.0) is CURRENT_NOT_GONE and s.forced      # 0.7 s, and then the bound is over, too
    s.begin(BEGAN, False, False, True)
    assert s.step(BEGAN + 130 * MS, None, -1, True, 400.0) is CONTACTOR_WELDED
    s.begin(BEGAN, False, True)
    assert s.next_timer() == BEGAN + 1700 * MS
    assert s.may_unlock(False, 31.0, 0) and not s.may_unlock(False, 31.5, 0)
    blind = Shutdown(config, sensor=False, contactor=True, voltmeter=False)
    blind.begin(BEGAN, False, True)
    assert blind.next_timer() == BEGAN + 5300 * MS
