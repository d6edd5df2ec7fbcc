"""The charger's supervisor rule by rule: what counts as a request, exact instants, failures outside, what is told."""
import pytest

from drivers.interfaces import PilotState
from kernel.timer import MS, NEVER, S
from tasks.safety.config import EvseSafetyConfig
from tasks.safety.evse_supervisor import EvseSupervisor
from tasks.safety.facts import EvseRequests, SafetyState
from tasks.safety.trips import END_OVERDUE, INSISTED, INTERNAL_FAULT
from tests.safety.charger_states import RELEASED, REST, STATES, driven, told
from tests.safety.given import STEP, evse, evse_facts, output

A, B, C, D, E, F = PilotState
Idle, Closing, Delivering = SafetyState.Idle, SafetyState.Closing, SafetyState.Delivering
CurrentOff, Opening, Decay, Tripped = SafetyState.CurrentOff, SafetyState.Opening, SafetyState.Decay, SafetyState.Tripped


@pytest.mark.parametrize("state", STATES)
def test_each_state_is_reached_and_power_is_on_in_one_only(state):
    supervisor, _ = driven(state)
    out = supervisor.outputs
    assert supervisor.state is state and out.on is (state is Delivering)
    assert (out.voltage, out.current) == ((400.0, 100.0) if state is Delivering else (0.0, 0.0))
    assert out.contactors is (state in (Closing, Delivering, CurrentOff))


# --- requests -------------------------------------------------------------------------------------------------------------

def test_a_request_counts_only_after_it_was_seen_released():
    supervisor = EvseSupervisor(EvseSafetyConfig(), contactor=False, lock=False)
    for n in range(3):
        assert not supervisor.step(evse_facts(**REST), output(), S + n * STEP).on
    supervisor.step(evse_facts(**REST), RELEASED, 2 * S)
    assert supervisor.step(evse_facts(**REST), output(), 3 * S).on


@pytest.mark.parametrize("end", ["trip", "state B", "duty"])
def test_a_request_that_outlived_the_output_must_be_released(end):
    supervisor, now = evse()
    if end == "trip":
        supervisor.fault(evse_facts(), now + S)
        supervisor.step(evse_facts(output_voltage=0.0, output_current_at=now + 2 * S), output(), now + 2 * S)
        assert supervisor.reset(evse_facts())
    else:
        change = {"pilot": B} if end == "state B" else {}
        supervisor.step(evse_facts(output_current=9.0, **change), output(duty=5.0 if end == "state B" else 6.0), now + S)
        assert supervisor.state is CurrentOff
        supervisor.step(evse_facts(output_voltage=0.0, output_current_at=now + 2 * S), output(), now + 2 * S)
    assert supervisor.state is Idle
    assert not supervisor.step(evse_facts(**REST), output(), now + 3 * S).on
    supervisor.step(evse_facts(**REST), RELEASED, now + 4 * S)
    assert supervisor.step(evse_facts(**REST), output(), now + 5 * S).on


def test_a_request_that_was_released_may_come_back_at_once():
    supervisor, now = evse()
    supervisor.step(evse_facts(output_current=9.0), RELEASED, now + S)
    supervisor.step(evse_facts(output_voltage=0.0, output_current_at=now + 2 * S), RELEASED, now + 2 * S)
    assert supervisor.state is Idle and supervisor.step(evse_facts(**REST), output(), now + 3 * S).on


def test_a_request_that_was_released_for_one_step_is_a_new_one():
    supervisor, now = evse()
    supervisor.step(evse_facts(output_current=9.0), RELEASED, now + S)
    assert not supervisor.step(evse_facts(output_current=50.0, output_current_at=now + S + STEP), output(), now + S + STEP).on      # current still flows
    assert supervisor.state is CurrentOff
    assert supervisor.step(evse_facts(output_current_at=now + S + 2 * STEP), output(), now + S + 2 * STEP).on


def test_a_request_made_while_tripped_does_not_count_after_the_reset():
    supervisor, now = driven(Tripped)
    supervisor.step(evse_facts(**REST), RELEASED, now + STEP)
    supervisor.step(evse_facts(**REST), output(), now + 2 * STEP)
    assert supervisor.reset(evse_facts(**REST))
    supervisor.step(evse_facts(**REST), output(), now + 3 * STEP)
    assert supervisor.state is Idle and not supervisor.outputs.contactors


def decaying(current: float, contactor: bool = True, asked: float = 2.0, voltage: float = 350.0):
    """After an output of `current` A that was released: contactor open, output not yet discharged, the car in state C all the time."""
    supervisor, now = evse(True, contactor, True)
    supervisor.step(evse_facts(output_current=current), output(voltage, asked), now + STEP)
    supervisor.step(evse_facts(output_current=current), RELEASED, now + 2 * STEP)
    supervisor.step(evse_facts(output_current_at=now + 3 * STEP), RELEASED, now + 3 * STEP)
    supervisor.step(evse_facts(contactors=False), RELEASED, now + 4 * STEP)
    assert supervisor.state is Decay
    return supervisor, now + 4 * STEP


@pytest.mark.parametrize("current, asked, voltage, connected", [
    (0.0, 2.0, 350.0, False), (2.4, 2.4, 350.0, False), (2.5, 2.0, 350.0, True), (-2.5, 2.0, 350.0, True), (100.0, 100.0, 350.0, True),
    (0.0, 2.5, 350.0, True), (0.0, 100.0, 0.0, True), (2.5, float("nan"), 350.0, True), (0.0, float("nan"), 350.0, False)])
def test_after_a_charging_current_the_output_contactor_stays_open_until_the_car_has_left_state_c(current, asked, voltage, connected):
    """A car that asks for 0 V for a moment, also at once, keeps its contactors closed: ours would close onto its battery."""
    for left in (C, B, PilotState.A, None):
        supervisor, now = decaying(current, asked=asked, voltage=voltage)
        supervisor.step(evse_facts(contactors=False, output_voltage=0.0, pilot=left), RELEASED, now + STEP)
        out = supervisor.step(evse_facts(**REST), output(), now + 2 * STEP)
        held = connected and left in (C, None)
        assert out.contactors is not held and supervisor.blocked == ("Car still connected" if held else "")


def test_without_a_contactor_of_its_own_a_charger_closes_onto_nothing():
    supervisor, now = decaying(100.0, contactor=False)
    assert supervisor.step(evse_facts(output_voltage=0.0), output(), now + STEP).on


def test_only_a_current_of_the_own_output_says_that_a_battery_is_there():
    supervisor, now = driven(Closing)
    supervisor.step(evse_facts(contactors=None, output_voltage=0.0, output_current=100.0), output(350.0, 2.0), now + STEP)
    supervisor.step(evse_facts(contactors=None, output_voltage=0.0), RELEASED, now + 2 * STEP)
    supervisor.step(evse_facts(contactors=False, output_voltage=0.0, output_current_at=now + 3 * STEP, output_voltage_at=now + 3 * STEP), RELEASED, now + 3 * STEP)
    supervisor.step(evse_facts(**REST), RELEASED, now + 4 * STEP)
    assert supervisor.step(evse_facts(**REST), output(), now + 5 * STEP).contactors


def test_with_a_contactor_a_discharged_output_may_begin_again_in_the_same_step():
    supervisor, now = decaying(2.4)
    supervisor.step(evse_facts(contactors=False, output_voltage=50.0), output(), now + STEP)
    assert supervisor.state is Closing
    supervisor, now = driven(Decay)
    supervisor.step(evse_facts(contactors=False), output(), now + STEP)
    assert supervisor.state is Decay and supervisor.blocked == ""         # nothing is asked before it is discharged


@pytest.mark.parametrize("ready", ["armed", "not armed", "tripped", "no state C", "with contactor"])
def test_from_decay_the_output_comes_back_only_when_all_is_as_at_rest(ready):
    supervisor, now = driven(Decay) if ready == "with contactor" else evse()
    if ready != "with contactor":
        wish = output() if ready == "not armed" else RELEASED
        pilot = B if ready == "not armed" else C
        if ready == "tripped":
            supervisor.fault(evse_facts(), now + S)
        supervisor.step(evse_facts(pilot=pilot, output_current=50.0), wish, now + S)
        supervisor.step(evse_facts(pilot=pilot, output_current_at=now + 2 * S), wish, now + 2 * S)
        assert supervisor.state is Decay
    out = supervisor.step(evse_facts(pilot=B if ready == "no state C" else C, contactors=False), output(), now + 3 * S)
    assert out.on is (ready == "armed") and (supervisor.state is Delivering) is (ready == "armed")
    assert ready == "armed" or supervisor.state is Decay
    if ready == "no state C":                          # the decay goes on meanwhile
        supervisor.step(evse_facts(pilot=B, output_voltage=10.0), output(), now + 4 * S)
        assert supervisor.state is Idle


@pytest.mark.parametrize("pilot, goes_on", [(A, False), (B, False), (C, True), (D, True)])
def test_the_output_lives_on_state_c(pilot, goes_on):
    supervisor, now = evse()
    assert supervisor.step(evse_facts(pilot=pilot), output(), now + S).on is goes_on


def test_why_the_output_ended_is_told():
    supervisor, now = evse()
    supervisor.step(evse_facts(pilot=B), output(), now + S)
    assert "warning: car left state C while energised, pilot PilotState.B" in told(supervisor)
    supervisor, now = evse()
    supervisor.step(evse_facts(), output(duty=6.0), now + S)
    assert "warning: pilot duty was to change from 5.0 to 6.0 % while energised" in told(supervisor)
    for lapsed in (True, False):
        supervisor, now = evse()
        supervisor.step(evse_facts(), EvseRequests(duty=5.0, lapsed=lapsed), now + S)
        assert ("warning: the output request lapsed: nobody renewed it" in told(supervisor)) is lapsed
        assert supervisor.state is Decay or supervisor.state is CurrentOff


# --- instants -----------------------------------------------------------------------------------------------------------------

def test_the_output_contactor_must_confirm_within_the_travel_time():
    supervisor, now = driven(Closing)
    assert supervisor.next_timer() == now + 200 * MS
    for feedback in (None, False):
        supervisor, now = driven(Closing)
        out = supervisor.step(evse_facts(contactors=feedback, output_voltage=0.0), output(), now + 200 * MS - 1)
        assert supervisor.state is Closing and not out.on and out.contactors
        supervisor.step(evse_facts(contactors=feedback, output_voltage=0.0), output(), now + 200 * MS)
        assert supervisor.latch.text == "Contactor did not close" and supervisor.state is not Closing
    supervisor, now = driven(Closing)
    assert supervisor.step(evse_facts(output_voltage=0.0), output(), now + 200 * MS).on


def test_closing_ends_with_its_request_also_when_it_confirms_at_that_moment():
    supervisor, now = driven(Closing)
    assert not supervisor.step(evse_facts(output_voltage=0.0), RELEASED, now + STEP).on and supervisor.state is CurrentOff
    assert not any("Delivering" in line for line in told(supervisor))
    supervisor, now = driven(Closing)
    supervisor.step(evse_facts(contactors=None, output_voltage=0.0), RELEASED, now + STEP)
    assert supervisor.state is CurrentOff and not supervisor.latch.trips


@pytest.mark.parametrize("contactor", [True, False])
def test_unplugged_means_state_a_for_half_a_second_without_interruption(contactor):
    supervisor, now = driven(Tripped) if contactor else evse(True)
    if not contactor:
        supervisor.step(evse_facts(stop_button=True), RELEASED, now)
        supervisor.step(evse_facts(output_voltage=0.0, output_current_at=now + 1), RELEASED, now + 1)
    feedback = False if contactor else None
    now += 5 * S
    away, back = evse_facts(pilot=A, output_voltage=0.0, contactors=feedback), evse_facts(pilot=B, output_voltage=0.0, contactors=feedback)
    supervisor.step(back, RELEASED, now)
    assert supervisor.state is Tripped and supervisor.next_timer() == NEVER
    supervisor.step(away, RELEASED, now)
    assert supervisor.next_timer() == now + 500 * MS
    supervisor.step(back, RELEASED, now + 400 * MS)
    supervisor.step(away, RELEASED, now + S)
    supervisor.step(away, RELEASED, now + 1500 * MS - 1)
    assert supervisor.state is Tripped
    supervisor.report.drain()
    for feedback in (True, None) if contactor else ():
        supervisor.step(evse_facts(pilot=A, output_voltage=0.0, contactors=feedback), RELEASED, now + 1500 * MS)
        assert supervisor.state is Tripped
    supervisor.step(away, RELEASED, now + 1500 * MS)
    assert supervisor.state is Idle and "info: trip Stop button left: unplugged" in told(supervisor)


def test_after_a_trip_the_pwm_stays_for_two_and_a_half_seconds_to_the_nanosecond():
    supervisor, now = evse()
    supervisor.fault(evse_facts(), now)
    supervisor.step(evse_facts(output_current=9.0), RELEASED, now)
    assert supervisor.next_timer() == now + 1500 * MS            # first the emergency bound
    assert supervisor.step(evse_facts(output_voltage=0.0, output_current_at=now + 1), RELEASED, now + 1).duty == 5.0
    assert supervisor.state is Tripped and supervisor.next_timer() == now + 2500 * MS
    assert supervisor.step(evse_facts(output_voltage=0.0), RELEASED, now + 2500 * MS - 1).duty == 5.0
    assert supervisor.step(evse_facts(output_voltage=0.0), RELEASED, now + 2500 * MS).duty == 100.0
    assert supervisor.next_timer() == NEVER


def test_the_time_of_a_trip_is_that_of_the_first():
    supervisor, now = evse()
    supervisor.fault(evse_facts(), now)
    supervisor.refused(evse_facts(), now + S)
    supervisor.step(evse_facts(output_current=9.0), RELEASED, now + S)
    assert supervisor.step(evse_facts(output_current=9.0), RELEASED, now + 2500 * MS).duty == 100.0


def test_what_the_sequence_finds_later_does_not_keep_the_pwm_longer():
    supervisor, now = driven(Delivering)
    supervisor.fault(evse_facts(), now)
    supervisor.step(evse_facts(output_current=0.0, output_current_at=now + 2 * S), RELEASED, now + 2 * S)
    supervisor.step(evse_facts(), RELEASED, now + 2200 * MS)
    assert [t.name for t in supervisor.latch.trips] == ["internal_fault", "contactor_welded"]
    assert supervisor.step(evse_facts(), RELEASED, now + 2500 * MS).duty == 100.0


def test_a_state_is_told_when_it_begins():
    supervisor, now = driven(CurrentOff)
    supervisor.report.drain()
    supervisor.step(evse_facts(output_current=50.0), RELEASED, now + STEP)
    assert supervisor.state is CurrentOff and told(supervisor) == []


def test_only_a_voltage_measured_after_the_beginning_counts():
    for late, counts in ((-1, False), (0, False), (1, True)):
        supervisor, now = evse(True, False, True)
        began = now + S
        supervisor.step(evse_facts(pilot=B, output_current=9.0), RELEASED, began)
        f = evse_facts(pilot=B, output_voltage=10.0, output_voltage_at=began + late, output_current_at=began + STEP)
        out = supervisor.step(f, RELEASED, began + STEP)
        assert (supervisor.state is Idle) is counts and (out.lock is False) is counts


def test_a_trip_that_the_sequence_finds_ends_the_pwm_too():
    supervisor, now = evse()
    supervisor.step(evse_facts(output_current=9.0), RELEASED, now)
    supervisor.step(evse_facts(output_current=9.0), RELEASED, now + 3 * S)
    assert supervisor.latch.text == "Current not gone" and supervisor.outputs.duty == 5.0
    for late, duty in ((2500 * MS - 1, 5.0), (2500 * MS, 100.0)):
        assert supervisor.step(evse_facts(output_current=9.0), RELEASED, now + 3 * S + late).duty == duty


def test_a_charger_without_a_car_at_the_start_waits_for_nothing():
    supervisor = EvseSupervisor(EvseSafetyConfig(), contactor=False, lock=True)
    assert supervisor.blocked == ""
    supervisor.step(evse_facts(pilot=A, **REST), RELEASED, S)
    assert supervisor.state is Idle and supervisor.next_timer() == NEVER


def test_a_fault_before_the_first_step_leaves_the_pilot_steady():
    supervisor = EvseSupervisor(EvseSafetyConfig(), contactor=False, lock=True)
    supervisor.fault(evse_facts(**REST), S)
    assert supervisor.step(evse_facts(**REST), RELEASED, S).duty == 100.0


def test_the_timer_of_each_state():
    for state in (Idle, Delivering):
        assert driven(state)[0].next_timer() == NEVER, state
    supervisor, now = driven(CurrentOff)
    assert supervisor.next_timer() == now + 3 * S
    supervisor, now = driven(Opening)
    assert supervisor.next_timer() == now + 1
    supervisor, now = driven(Decay)
    assert supervisor.next_timer() == now + 30 * S
    supervisor, now = driven(Delivering)
    supervisor.step(evse_facts(isolation=10.0), output(), now + S)
    assert supervisor.next_timer() == now + S + 3 * S


# --- from outside ---------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("call, name", [("fault", "internal_fault"), ("stalled", "stalled"), ("refused", "output_refused")])
@pytest.mark.parametrize("state", STATES)
def test_a_failure_outside_ends_every_state_as_an_emergency(call, name, state):
    supervisor, now = driven(state)
    f = evse_facts(contactors=state in (Delivering, CurrentOff, Opening), output_current=50.0)
    getattr(supervisor, call)(f, now)
    names = [t.name for t in supervisor.latch.trips]
    if call == "stalled" and state is Idle:
        assert supervisor.state is Idle and not names
        return
    assert name in names and supervisor.latch.emergency and not supervisor.outputs.on
    assert supervisor.state is {Idle: Decay, Closing: CurrentOff, Delivering: CurrentOff}.get(state, state)
    if state is not Tripped:
        assert supervisor._shutdown.emergency
    count, began = len(names), supervisor._shutdown.began
    getattr(supervisor, call)(f, now + STEP)
    assert len(supervisor.latch.trips) == count and supervisor._shutdown.began == began


@pytest.mark.parametrize("cause", [INSISTED, END_OVERDUE])
@pytest.mark.parametrize("state", STATES)
def test_who_insists_gets_what_a_failure_gets_under_a_name_of_its_own(state, cause):
    f = evse_facts(contactors=state in (Delivering, CurrentOff, Opening), output_current=50.0)
    (one, now), (other, _) = driven(state), driven(state)
    one.fault(f, now)
    other.fault(f, now, cause)
    assert (other.state, other.outputs, other.latch.emergency) == (one.state, one.outputs, one.latch.emergency) and cause in other.latch.trips
    began = other._shutdown.began
    other.fault(f, now + STEP)
    assert other._shutdown.began == began and other.outputs == one.outputs and INTERNAL_FAULT in other.latch.trips


def test_a_fault_at_rest_with_a_closed_contactor_runs_the_whole_sequence():
    for contactor, feedback, state in ((True, True, CurrentOff), (True, None, CurrentOff), (True, False, Decay), (False, None, Decay)):
        supervisor, now = evse(False, contactor, True)
        supervisor.fault(evse_facts(output_voltage=350.0, contactors=feedback), now)
        assert supervisor.state is state


def test_a_trip_is_left_by_a_person_only_when_the_contactor_is_open():
    for state in STATES:
        supervisor, _ = driven(state)
        for feedback in (True, None):
            assert supervisor.reset(evse_facts(contactors=feedback)) is False
        supervisor.report.drain()
        assert supervisor.reset(evse_facts(contactors=False)) is (state is Tripped)
        assert supervisor.state is (Idle if state is Tripped else state)
        if state is Tripped:
            assert told(supervisor) == ["info: trip Stop button left: reset", "info: Tripped -> Idle"]
            assert not supervisor.latch.trips


def test_what_blocks_is_told_and_forgotten():
    for change, reason in (({"pilot": B}, "Car not in state C"), ({"stop_button": True}, "Stop button"), ({"output_voltage": 61.0}, "Contactor not at rest"),
                           ({"output_voltage": -61.0}, "Contactor not at rest"), ({"contactors": None}, "Contactor not at rest")):
        supervisor, now = evse(False, True, True)
        supervisor.step(evse_facts(**{**REST, **change}), output(), now + STEP)
        assert supervisor.blocked == reason and supervisor.state is Idle
        supervisor.step(evse_facts(**{**REST, **change}), RELEASED, now + STEP)
        assert supervisor.blocked == "" and supervisor.state is Idle          # nobody asks any more
        supervisor.step(evse_facts(**{**REST, **change}), output(), now + STEP)
        assert supervisor.blocked == reason
        supervisor.fault(evse_facts(**REST), now + STEP)
        assert supervisor.blocked == ""
    supervisor, now = evse(False, True, True)
    supervisor.step(evse_facts(pilot=B, **REST), output(), now + STEP)
    supervisor.step(evse_facts(**REST), output(), now + 2 * STEP)
    assert supervisor.blocked == "" and supervisor.state is Closing
