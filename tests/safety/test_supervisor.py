"""Rules of the car's supervisor that no single condition shows: order, rearming, escalation, dead measurements."""
from drivers.interfaces import PilotState
from kernel.journal import Journal
from kernel.timer import MS, NEVER, S
from tasks.safety.config import PevSafetyConfig, SafetyConfig
from tasks.safety.facts import PevRequests, SafetyState
from tasks.safety.feedback import Assumed
from tasks.safety.shutdown import Shutdown
from tasks.safety.task import SafetyTask
from tasks.signals import Signals
from tests.safety.given import NOTHING, STEP, evse, evse_facts, facts, output, pev, requests


def test_two_dead_voltmeters_agree_and_nothing_closes():
    s, now = pev(SafetyState.Ready)
    s.step(facts(inlet_voltage=0.0, battery_voltage=0.0), requests(), now + STEP)
    assert s.state is SafetyState.Ready and s.blocked == "Battery voltage low"
    s.step(facts(inlet_voltage=100.0, battery_voltage=100.0), requests(), now + 2 * STEP)
    assert s.state is SafetyState.Closing


def test_the_difference_at_closing_is_the_tighter_of_the_two_limits():
    for inlet, closes in ((340.0, True), (339.9, False), (360.0, True), (360.1, False)):
        s, now = pev(SafetyState.Ready)
        s.step(facts(inlet_voltage=inlet), requests(), now + STEP)
        assert (s.state is SafetyState.Closing) is closes


def test_after_a_shutdown_a_request_that_was_never_released_does_not_count():
    s, now = pev(SafetyState.Closed)
    held = requests(contactors=False)                 # pilot_c stands all the time
    for n in range(1, 100):
        at = now + n * STEP
        contactors = None if n == 3 else s.outputs.contactors
        pilot, volts = (PilotState.C, 352.0) if s.outputs.pilot_c else (PilotState.B, 0.0)
        s.step(facts(pilot=pilot, contactors=contactors, inlet_voltage=volts, inlet_current_at=at), held, at)
    assert s.state is SafetyState.Idle and not s.outputs.pilot_c
    s.step(facts(pilot=PilotState.B, inlet_voltage=0.0), NOTHING, now + 2 * S)
    s.step(facts(pilot=PilotState.B, inlet_voltage=0.0), held, now + 2 * S + STEP)
    assert s.state is SafetyState.Ready and s.outputs.pilot_c


def test_an_emergency_during_a_normal_end_raises_the_limit_to_five_amperes():
    s, now = pev(SafetyState.Closed)
    s.step(facts(contactors=True, inlet_current=3.0, inlet_current_at=now), NOTHING, now + STEP)
    s.step(facts(contactors=True, inlet_current=3.0, inlet_current_at=now + 2 * STEP), NOTHING, now + 2 * STEP)
    assert s.outputs.contactors
    s.fault(facts(contactors=True), now + 3 * STEP)
    s.step(facts(contactors=True, inlet_current=3.0, inlet_current_at=now + 4 * STEP), NOTHING, now + 4 * STEP)
    assert not s.outputs.contactors


def test_the_unlock_voltage_has_a_ceiling_that_no_configuration_passes():
    config = PevSafetyConfig()
    config.unlock_v = 500.0                            # past the check at construction
    assert not Shutdown(config, sensor=True, contactor=True).may_unlock(False, 61.0, 0)


def test_ready_falls_back_to_state_b_when_the_request_goes():
    s, now = pev(SafetyState.Ready)
    s.step(facts(), NOTHING, now + STEP)
    assert s.state is SafetyState.Decay and not s.outputs.pilot_c and not s.latch.trips
    s.step(facts(inlet_voltage=10.0), NOTHING, now + 2 * STEP)
    assert s.state is SafetyState.Idle


def test_the_lock_is_left_alone_while_energised_whatever_is_asked():
    for state in (SafetyState.Closing, SafetyState.Closed, SafetyState.CurrentOff, SafetyState.Opening, SafetyState.Decay):
        for lock in (True, False):
            s, now = pev(state)
            s.step(facts(contactors=state is not SafetyState.Closing, inlet_voltage=352.0, inlet_current=50.0, inlet_current_at=now),
                   PevRequests(pilot_c=True, contactors=True, lock=lock), now + STEP)
            assert s.outputs.lock is None, state


def test_a_charger_does_not_even_begin_without_state_c():
    s, now = evse(delivering=False)
    s.step(evse_facts(output_voltage=0.0, pilot=PilotState.B), output(), now + S)
    assert s.state is SafetyState.Idle and s.blocked == "Car not in state C" and not s.report.notes


class Recorder:
    """All three actuators in one, noting the order of the calls."""

    def __init__(self) -> None:
        self.errors = 0
        self.calls: list[tuple] = []

    def set_state_c(self, c, now):
        self.calls.append(("pilot", c))
        return True

    def set_closed(self, closed, now):
        self.calls.append(("contactors", closed))
        return True

    def set_locked(self, locked, now):
        self.calls.append(("lock", locked))
        return True

    def feedback(self, now):
        return False


def test_the_first_run_commands_state_b_and_then_open():
    drivers = Recorder()
    task = SafetyTask(drivers, drivers, drivers, Signals(), SafetyConfig(), Journal())
    task.run(S)
    assert drivers.calls == [("pilot", False), ("contactors", False)]      # no unlocking: the voltage is unknown
    assert task.safe
    task.run(S + 10 * MS)
    assert len(drivers.calls) == 2


def test_an_assumed_position_is_unknown_until_commanded_and_during_the_travel():
    inner = Recorder()
    switch = Assumed(inner, 100 * MS)
    assert switch.feedback(S) is None
    assert switch.set_closed(False, S) and switch.feedback(S + 99 * MS) is None and switch.feedback(S + 100 * MS) is False
    switch.set_closed(True, 2 * S)
    switch.set_closed(True, 2 * S + 90 * MS)           # repeating the command does not start the travel again
    assert switch.feedback(2 * S + 99 * MS) is None and switch.feedback(2 * S + 100 * MS) is True
    inner.set_locked = lambda locked, now: False
    assert switch.set_locked(False, 3 * S) is False and switch.feedback(4 * S) is True and switch.errors == 0


def test_nothing_is_assumed_of_a_driver_that_has_lost_its_device():
    inner = Recorder()
    switch = Assumed(inner, 100 * MS)
    assert switch.set_closed(True, S) and switch.feedback(2 * S) is True
    inner.lost = True
    assert switch.feedback(2 * S) is None
    inner.lost = False
    assert switch.feedback(2 * S) is True


def test_a_time_stamp_from_the_future_is_unknown_until_then():
    drivers, signals = Recorder(), Signals()
    task = SafetyTask(drivers, drivers, drivers, signals, SafetyConfig(), Journal())
    voltage = signals.inlet_voltage.claim("test")
    voltage.set(10.0, 2 * S)
    task.run(S)
    assert task.facts.inlet_voltage is None and ("lock", False) not in drivers.calls
    task.run(2 * S)
    assert task.facts.inlet_voltage == 10.0 and ("lock", False) not in drivers.calls      # one measurement says not where it is going
    voltage.set(12.0, 2 * S + 50 * MS)
    task.run(2 * S + 50 * MS)
    assert ("lock", False) in drivers.calls


def test_ready_asks_to_be_judged_again_at_once_and_then_rests():
    s, now = pev(SafetyState.Ready)
    assert s.next_timer() == now + 1
    s.step(facts(), requests(contactors=False), now + STEP)
    assert s.next_timer() == NEVER


def test_contacts_that_still_travel_are_told_to_open_at_once():
    """The charger's voltage falls as soon as its request is gone: waiting would let them close on the difference."""
    s, now = pev(SafetyState.Closing)
    out = s.step(facts(), NOTHING, now + STEP)
    assert not out.pilot_c and not out.contactors and s.state is SafetyState.Opening


def test_contacts_that_have_closed_or_carry_or_may_carry_current_wait_for_the_measurement():
    for change in ({"contactors": True}, {"inlet_current": 1.0}, {"inlet_current": None}):
        s, now = pev(SafetyState.Closing)
        out = s.step(facts(**change), NOTHING, now + STEP)
        assert not out.pilot_c and out.contactors and s.state is SafetyState.CurrentOff
