"""The sequence by itself: limits, bounds, and that only measurements after the beginning count."""
import pytest

from kernel.timer import MS, NEVER, S
from tasks.safety.config import EvseSafetyConfig, PevSafetyConfig
from tasks.safety.shutdown import LOCK_VOLTAGE_CEILING, Phase, Shutdown
from tasks.safety.trips import CONTACTOR_WELDED, CURRENT_NOT_GONE, VOLTAGE_STAYS


def begun(emergency: bool = False, sensor: bool = True, **config) -> Shutdown:
    s = Shutdown(PevSafetyConfig(**config), sensor=sensor, contactor=True)
    s.begin(S, emergency, False)
    return s


@pytest.mark.parametrize("emergency, current, opens", [
    (False, 0.99, True), (False, 1.0, False), (False, -0.99, True), (False, -3.0, False), (False, None, False), (False, float("nan"), False),
    (True, 4.99, True), (True, 5.0, False), (True, -4.99, True), (True, None, False),
])
def test_the_limit_of_the_current(emergency, current, opens):
    s = begun(emergency)
    s.step(S + 20 * MS, current, S + 20 * MS, True, 400.0)
    assert (s.phase is Phase.Opening) is opens and not s.forced


def test_a_current_measured_before_state_b_does_not_count():
    s = begun()
    s.step(S, 0.0, S, True, 400.0)
    s.step(S + 10 * MS, 0.0, S, True, 400.0)
    assert s.phase is Phase.CurrentOff
    s.step(S + 20 * MS, 0.0, S + 20 * MS, True, 400.0)
    assert s.phase is Phase.Opening


@pytest.mark.parametrize("config, bound", [({}, 1500), ({"emergency_open_ms": 1000}, 1000)])
def test_the_emergency_bound(config, bound):
    s = begun(True, **config)
    assert s.next_timer() == S + bound * MS
    assert s.step(S + bound * MS - 1, 80.0, S + 10, True, 400.0) is None and s.phase is Phase.CurrentOff
    s.step(S + bound * MS, 80.0, S + 10, True, 400.0)
    assert s.phase is Phase.Opening and s.forced


def test_a_normal_end_escalates_but_never_opens_before_the_bound():
    s = begun(current_wait_ms=500, emergency_open_ms=2000)
    assert s.step(S + 499 * MS, 3.0, S + 400 * MS, True, 400.0) is None
    assert s.step(S + 500 * MS, 80.0, S + 400 * MS, True, 400.0) is CURRENT_NOT_GONE and s.phase is Phase.CurrentOff and s.emergency
    s.step(S + 1999 * MS, 80.0, S + 1900 * MS, True, 400.0)
    assert s.phase is Phase.CurrentOff
    s.step(S + 2000 * MS, 80.0, S + 1900 * MS, True, 400.0)
    assert s.phase is Phase.Opening and s.forced


def test_without_a_sensor_time_decides_and_a_known_current_postpones():
    s = begun(sensor=False)
    assert s.next_timer() == S + 2 * S
    s.step(3 * S - 1, 0.0, 2 * S, True, 400.0)
    assert s.phase is Phase.CurrentOff
    s.step(3 * S, None, -1, True, 400.0)
    assert s.phase is Phase.Opening and s.unverified
    s = begun(sensor=False)
    s.step(3 * S, 40.0, 2 * S, True, 400.0)
    assert s.phase is Phase.CurrentOff
    assert s.step(4 * S, 40.0, 2 * S, True, 400.0) is CURRENT_NOT_GONE


def test_open_must_be_confirmed_after_the_command_and_within_the_travel_time():
    s = begun()
    at = S + 20 * MS
    s.step(at, 0.0, at, False, 400.0)
    assert s.phase is Phase.Opening                    # this feedback was read before the command
    s.step(at + 10 * MS, 0.0, at, None, 400.0)
    assert s.phase is Phase.Opening
    s.step(at + 20 * MS, 0.0, at, False, 400.0)
    assert s.phase is Phase.Decay
    for feedback in (True, None):
        s = begun()
        s.step(at, 0.0, at, True, 400.0)
        assert s.step(at + 199 * MS, 0.0, at, feedback, 400.0) is None
        assert s.step(at + 200 * MS, 0.0, at, feedback, 400.0) is CONTACTOR_WELDED and s.phase is Phase.Done


@pytest.mark.parametrize("voltage, done", [(60.0, True), (60.1, False), (-60.0, True), (-61.0, False), (None, False), (float("nan"), False)])
def test_decay_ends_at_60_v_known(voltage, done):
    s = Shutdown(PevSafetyConfig(), sensor=True, contactor=True)
    s.begin(S, False, True)
    assert s.step(2 * S, None, -1, False, voltage) is None
    assert (s.phase is Phase.Done) is done
    if not done:
        assert s.next_timer() == S + 30 * S
        assert s.step(31 * S, None, -1, False, voltage) is VOLTAGE_STAYS and s.phase is Phase.Done
    assert s.next_timer() == NEVER


@pytest.mark.parametrize("contactor, voltage, allowed", [
    (False, 60.0, True), (False, 60.01, False), (False, -60.0, True), (False, -70.0, False), (False, None, False), (False, float("nan"), False),
    (True, 0.0, False), (None, 0.0, False),
])
def test_when_the_lock_may_open(contactor, voltage, allowed):
    s = Shutdown(PevSafetyConfig(), sensor=True, contactor=True)
    assert s.may_unlock(contactor, voltage, 0) is allowed
    assert LOCK_VOLTAGE_CEILING == 60.0
    assert Shutdown(PevSafetyConfig(unlock_v=30.0), sensor=True, contactor=True).may_unlock(False, 31.0, 0) is False


def test_a_charger_without_a_contactor_goes_from_current_to_voltage():
    s = Shutdown(EvseSafetyConfig(), sensor=True, contactor=False)
    s.begin(S, False, False)
    s.step(S + 20 * MS, 0.5, S + 20 * MS, None, 400.0)
    assert s.phase is Phase.Decay and s.may_unlock(None, 10.0, 0)
