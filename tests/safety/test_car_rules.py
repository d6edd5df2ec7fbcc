"""The car's supervisor rule by rule: what counts as a request, exact instants, what is told, who may lock, when it wants to be asked again."""
import pytest

from drivers.interfaces import PilotState
from kernel.timer import MS, NEVER, S
from tasks.safety.config import PevSafetyConfig
from tasks.safety.facts import PevRequests, SafetyState
from tasks.safety.supervisor import NO_LIMIT, PevSupervisor
from tasks.safety.trips import END_OVERDUE, INSISTED, INTERNAL_FAULT
from tests.safety.given import NOTHING, STEP, facts, pev, requests

A, B, C, D, E, F = PilotState
Idle, Ready, Closing, Closed = SafetyState.Idle, SafetyState.Ready, SafetyState.Closing, SafetyState.Closed
CurrentOff, Opening, Decay, Tripped = SafetyState.CurrentOff, SafetyState.Opening, SafetyState.Decay, SafetyState.Tripped
REST = {"pilot": B, "inlet_voltage": 0.0}
ALL_STATES = (Idle, Ready, Closing, Closed, CurrentOff, Opening, Decay, Tripped)


def told(supervisor: PevSupervisor) -> list[str]:
    return [f"{level}: {text % arguments}" for text, arguments, level in supervisor.report.drain()]


# --- requests ---------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("before, counts", [
    (requests(), False), (requests(contactors=False), False), (requests(pilot_c=False), False), (requests(False, False, True), True), (NOTHING, True),
])
def test_requests_count_only_after_both_were_seen_released(before, counts):
    supervisor = PevSupervisor(PevSafetyConfig())
    supervisor.step(facts(**REST), before, S)
    supervisor.step(facts(**REST), requests(contactors=False), S + STEP)
    assert (supervisor.state is Ready) is counts


@pytest.mark.parametrize("state", [Closing, Closed])
@pytest.mark.parametrize("wish", [requests(pilot_c=False), requests(contactors=False), NOTHING])
def test_contactors_need_both_requests_all_the_time(state, wish):
    supervisor, now = pev(state)
    out = supervisor.step(facts(contactors=state is Closed, inlet_current=80.0), wish, now + STEP)
    assert supervisor.state is CurrentOff and not out.pilot_c and not supervisor.latch.trips


def test_a_contactor_request_alone_invites_nothing():
    supervisor, now = pev(Idle)
    assert not supervisor.step(facts(**REST), requests(pilot_c=False), now + STEP).pilot_c and supervisor.state is Idle


def test_closing_waits_for_a_measurement_after_state_c_was_commanded():
    supervisor, now = pev(Idle)
    out = supervisor.step(facts(), requests(), now + STEP)             # everything agrees already, and both are asked for
    assert supervisor.state is Ready and out.pilot_c and not out.contactors
    out = supervisor.step(facts(), requests(), now + STEP)             # the same instant again
    assert supervisor.state is Ready and not out.contactors
    out = supervisor.step(facts(), requests(), now + STEP + 1)
    assert supervisor.state is Closing and out.contactors


def test_ready_without_a_contactor_request_stays_ready():
    supervisor, now = pev(Ready)
    assert not supervisor.step(facts(), requests(contactors=False), now + S).contactors and supervisor.state is Ready


@pytest.mark.parametrize("state", [Ready, Closing, Closed])
def test_a_lapsed_request_is_told(state):
    for lapsed in (True, False):
        supervisor, now = pev(state)
        supervisor.report.drain()
        supervisor.step(facts(contactors=state is Closed), PevRequests(lapsed=lapsed), now + STEP)
        assert ("warning: a request lapsed: nobody renewed it" in told(supervisor)) is lapsed


def test_after_a_trip_was_left_requests_must_be_released_again():
    for leave in ("reset", "unplugged"):
        supervisor, now = pev(Tripped)
        supervisor.report.drain()
        if leave == "reset":
            assert supervisor.reset(facts(contactors=False))
        else:
            supervisor.step(facts(pilot=A, contactors=False), requests(), now + S)
            supervisor.step(facts(pilot=A, contactors=False), requests(), now + 2 * S)
        assert f"info: trip Internal fault left: {leave}" in told(supervisor)
        supervisor.step(facts(**REST), requests(), now + 3 * S)
        assert supervisor.state is Idle and not supervisor.latch.trips
        supervisor.step(facts(**REST), NOTHING, now + 4 * S)
        supervisor.step(facts(**REST), requests(), now + 5 * S)
        assert supervisor.state is Ready


# --- instants ---------------------------------------------------------------------------------------------------------------

def test_contactors_must_confirm_within_the_travel_time():
    supervisor, now = pev(Closing)
    assert supervisor.next_timer() == now + 200 * MS
    supervisor.step(facts(contactors=None), requests(), now + 200 * MS - 1)
    assert supervisor.state is Closing
    out = supervisor.step(facts(contactors=None), requests(), now + 200 * MS)
    assert supervisor.latch.text == "Contactor did not close" and not out.pilot_c
    supervisor, now = pev(Closing)
    supervisor.step(facts(contactors=True), requests(), now + 200 * MS)
    assert supervisor.state is Closed


def test_unplugged_means_state_a_for_half_a_second_without_interruption():
    supervisor, now = pev(Tripped)
    away, back = facts(pilot=A, contactors=False, inlet_voltage=0.0), facts(pilot=B, contactors=False, inlet_voltage=0.0)
    assert supervisor.next_timer() == NEVER
    supervisor.step(away, NOTHING, now + S)
    assert supervisor.next_timer() == now + S + 500 * MS
    supervisor.step(away, NOTHING, now + S + 500 * MS - 1)
    assert supervisor.state is Tripped
    supervisor.step(back, NOTHING, now + S + 500 * MS - 1)
    assert supervisor.next_timer() == NEVER
    supervisor.step(away, NOTHING, now + 2 * S)
    supervisor.step(away, NOTHING, now + 2 * S + 500 * MS - 1)
    assert supervisor.state is Tripped
    supervisor.step(facts(pilot=A, contactors=None, inlet_voltage=0.0), NOTHING, now + 2 * S + 500 * MS)
    assert supervisor.state is Tripped                    # not confirmed open
    supervisor.step(away, NOTHING, now + 2 * S + 500 * MS)
    assert supervisor.state is Idle


def test_a_discharged_inlet_needs_one_step_from_ready_to_idle():
    supervisor, now = pev(Ready)
    supervisor.step(facts(inlet_voltage=10.0), NOTHING, now + STEP)
    assert supervisor.state is Idle


def test_a_car_without_a_plug_at_the_start_waits_for_nothing():
    supervisor = PevSupervisor(PevSafetyConfig())
    supervisor.step(facts(pilot=A, inlet_voltage=0.0), NOTHING, S)
    assert supervisor.state is Idle and supervisor.next_timer() == NEVER and supervisor.blocked == ""


def test_the_timer_of_each_state():
    expected = {Idle: NEVER, Closed: NEVER, Tripped: NEVER}
    for state, at in expected.items():
        assert pev(state)[0].next_timer() == at, state
    supervisor, now = pev(Ready)
    assert supervisor.next_timer() == now + 1
    supervisor, now = pev(CurrentOff)
    assert supervisor.next_timer() == now + 3 * S                     # the normal wait for the current
    supervisor, now = pev(Opening)
    assert supervisor.next_timer() == now + 1
    supervisor, now = pev(Decay)
    assert supervisor.next_timer() == now + 30 * S
    supervisor, now = pev(Closed)
    supervisor.step(facts(contactors=True, duty=100.0), requests(), now + STEP)
    assert supervisor.next_timer() == now + STEP + S                  # a hold that runs
    supervisor.step(facts(pilot=A, contactors=True), requests(), now + 2 * STEP)
    assert supervisor.next_timer() == now + 2 * STEP + 1500 * MS      # an emergency, and not the half second of the unplugging


# --- permits are told -----------------------------------------------------------------------------------------------------------

def test_what_blocks_is_told_and_forgotten():
    supervisor, now = pev(Ready)
    for n, (change, reason) in enumerate((
            ({"temperature": 80.0}, "Inlet too hot"), ({"battery_voltage": 99.0}, "Battery voltage low"), ({"battery_voltage": None}, "Battery voltage low"),
            ({"inlet_voltage": 100.0}, "Inlet does not match"), ({"inlet_steady": False}, "Inlet not steady"), ({"permission": False}, "BMS forbids charging"))):
        supervisor, now = pev(Ready)
        if reason == "Inlet too hot":                                  # bad in Ready: a trip, and nothing waits
            supervisor.step(facts(**change), requests(), now + STEP)
            assert supervisor.latch.text == reason and supervisor.blocked == ""
            continue
        supervisor.step(facts(**change), requests(), now + STEP)
        assert supervisor.blocked == reason, n
        supervisor.step(facts(), requests(), now + 2 * STEP)
        assert supervisor.blocked == "" and supervisor.state is Closing
    supervisor, now = pev(Ready)
    supervisor.step(facts(inlet_voltage=100.0), requests(), now + STEP)
    supervisor.step(facts(inlet_voltage=100.0), NOTHING, now + 2 * STEP)
    assert supervisor.blocked == ""                                    # nobody asks any more


def test_what_blocks_is_forgotten_in_the_same_state_when_nobody_asks_any_more():
    supervisor = PevSupervisor(PevSafetyConfig())
    assert supervisor.blocked == ""                                    # nobody asked yet
    supervisor.step(facts(**REST), NOTHING, S)
    for wish, reason in ((requests(contactors=False), "Not locked"), (NOTHING, ""), (requests(contactors=False), "Not locked")):
        supervisor.step(facts(lock=False, **REST), wish, S + STEP)
        assert supervisor.blocked == reason and supervisor.state is Idle
    supervisor, now = pev(Ready)
    for wish, reason in ((requests(), "Inlet does not match"), (requests(contactors=False), "")):
        supervisor.step(facts(inlet_voltage=100.0), wish, now + STEP)
        assert supervisor.blocked == reason and supervisor.state is Ready


def test_closing_without_a_voltmeter_is_told():
    for fitted in (True, False):
        supervisor, _ = pev(Closing, PevSafetyConfig(voltage_sensor_fitted=fitted))
        lines = told(supervisor)
        assert ("warning: closing on the charger's word alone: 352.0 V reported, battery 350.0 V (unverified)" in lines) is not fitted
        assert "info: Idle -> Ready" in lines and "info: Ready -> Closing" in lines


@pytest.mark.parametrize("temperature, maximum, allowed", [
    (60.0, 125.0, 1000.0), (60.5, 125.0, 118.0), (65.0, 125.0, 62.0), (69.5, 125.0, 6.0), (69.0, 10.0, 1.0), (69.0, 9.0, 0.0), (70.0, 125.0, 0.0), (75.0, 125.0, 0.0), (None, 125.0, 0.0),
    (65.0, None, 0.0), (None, None, 0.0), (20.0, None, 0.0),
])
def test_the_allowed_current_falls_with_the_temperature_in_whole_amperes(temperature, maximum, allowed):
    f = facts(temperature=temperature, battery_max_current=maximum)
    supervisor = PevSupervisor(PevSafetyConfig())
    assert supervisor.current_limit(f) == allowed and isinstance(supervisor.current_limit(f), float)
    assert PevSupervisor(PevSafetyConfig(temperature_sensor_fitted=False)).current_limit(f) == NO_LIMIT == 1000.0


# --- shutdown -----------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("current, at_once", [(0.0, True), (0.99, True), (-0.99, True), (1.0, False), (-1.0, False), (None, False)])
def test_contacts_that_travel_turn_back_only_without_current(current, at_once):
    supervisor, now = pev(Closing)
    out = supervisor.step(facts(inlet_current=current), NOTHING, now + STEP)
    assert out.contactors is not at_once
    supervisor, now = pev(Closing, PevSafetyConfig(current_sensor_fitted=False))
    assert supervisor.step(facts(inlet_current=current), NOTHING, now + STEP).contactors is False


def test_contacts_that_travel_turn_back_before_the_call_from_outside_returns():
    supervisor, now = pev(Closing)
    supervisor.fault(facts(), now + STEP)
    assert supervisor.state is Opening and not supervisor.outputs.contactors and not supervisor.outputs.pilot_c


@pytest.mark.parametrize("config, words", [(PevSafetyConfig(), "emergency bound"), (PevSafetyConfig(voltage_sensor_fitted=False), "no voltage sensor")])
def test_the_opening_is_told_once_and_not_before(config, words):
    supervisor, now = pev(Closed, config)
    supervisor.fault(facts(contactors=True), now)
    for at in range(now, now + 1500 * MS, 10 * STEP):
        supervisor.step(facts(contactors=True, inlet_current=80.0, inlet_current_at=at), NOTHING, at)
    assert not any(words in line for line in told(supervisor))
    for at in range(now + 1500 * MS, now + 3 * S, STEP):
        supervisor.step(facts(pilot=B, contactors=False, inlet_current=80.0, inlet_current_at=at), NOTHING, at)
    assert [words in line for line in told(supervisor)].count(True) == 1


def test_without_a_voltmeter_the_decay_ends_by_time():
    supervisor, now = pev(Decay, PevSafetyConfig(voltage_sensor_fitted=False))
    assert supervisor.next_timer() == now + 10 * S
    supervisor.step(facts(pilot=B, contactors=False, inlet_voltage=None), NOTHING, now + 10 * S)
    assert supervisor.state is Idle


def test_only_a_voltage_measured_after_the_beginning_counts():
    for late, counts in ((-1, False), (0, False), (1, True)):
        supervisor, now = pev(Ready)
        began = now + STEP
        f = facts(pilot=B, inlet_voltage=10.0, inlet_voltage_at=began + late)
        supervisor.step(f, NOTHING, began)
        out = supervisor.step(f, NOTHING, began + STEP)
        assert (supervisor.state is Idle) is counts and (out.lock is False) is counts


def test_only_the_sensor_that_is_fitted_tells_that_the_current_is_gone():
    supervisor, now = pev(CurrentOff)
    at = now + STEP
    assert supervisor.step(facts(contactors=True, inlet_current=50.0, inlet_current_at=at, reported_current=0.0, reported_current_at=at), NOTHING, at).contactors
    blind, now = pev(CurrentOff, PevSafetyConfig(current_sensor_fitted=False))
    at = now + 2 * S
    assert blind.step(facts(contactors=True, inlet_current=0.0, inlet_current_at=at, reported_current=50.0, reported_current_at=at), NOTHING, at).contactors
    out = blind.step(facts(contactors=True, inlet_current=50.0, inlet_current_at=at, reported_current=0.5, reported_current_at=at + 1), NOTHING, at + 1)
    assert not out.contactors and blind.state is Opening
    assert "warning: contactors opened by time, no current measured (unverified), charger said 0.5 A" in told(blind)


def test_how_the_contactors_were_opened_is_told():
    supervisor, now = pev(CurrentOff)
    supervisor.report.drain()
    supervisor.step(facts(contactors=True, inlet_current=0.2, inlet_current_at=now + STEP), NOTHING, now + STEP)
    assert told(supervisor) == ["info: CurrentOff -> Opening"]
    supervisor, now = pev(Closed)
    supervisor.fault(facts(contactors=True), now)
    supervisor.step(facts(contactors=True, inlet_current=80.0, inlet_current_at=now + 1), NOTHING, now + 1500 * MS)
    assert "error: contactors opened at the emergency bound, current 80.0 A" in told(supervisor)
    supervisor, now = pev(CurrentOff, PevSafetyConfig(voltage_sensor_fitted=False))
    supervisor.step(facts(contactors=True, inlet_current=0.2, inlet_current_at=now + STEP), NOTHING, now + STEP)
    assert "warning: no voltage sensor: the inlet counts as discharged 10000 ms after opening (unverified)" in told(supervisor)


def test_a_stop_while_the_contactors_are_open_only_watches_the_voltage():
    supervisor, now = pev(Ready)
    supervisor.step(facts(inlet_voltage=352.0, contactors=False), NOTHING, now + STEP)
    assert supervisor.state is Decay
    for feedback in (True, None):                       # commanded open but not confirmed: the whole sequence
        supervisor, now = pev(Ready)
        supervisor.step(facts(contactors=feedback), NOTHING, now + STEP)
        assert supervisor.state is CurrentOff


def test_what_the_sequence_finds_is_latched_and_ends_in_tripped():
    supervisor, now = pev(Opening)
    supervisor.step(facts(pilot=B, contactors=True), NOTHING, now + 200 * MS)
    assert supervisor.state is Tripped and supervisor.latch.text == "Contactor welded?"
    supervisor, now = pev(Decay)
    supervisor.step(facts(pilot=B, contactors=False), NOTHING, now + 30 * S)
    assert supervisor.state is Tripped and supervisor.latch.text == "Inlet stays live"


# --- lock ---------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("pilot, locks", [(A, None), (B, True), (C, True), (D, True), (E, None), (F, None), (None, None)])
def test_the_lock_closes_only_on_a_plug(pilot, locks):
    supervisor, now = pev(Idle)
    assert supervisor.step(facts(pilot=pilot, inlet_voltage=0.0), requests(False, False, True), now + STEP).lock is locks


@pytest.mark.parametrize("state, asked, lock", [(Idle, False, False), (Idle, True, True), (Ready, False, None), (Ready, True, True), (Tripped, False, False),
                                                (Tripped, True, False)])
def test_the_lock_moves_only_at_rest(state, asked, lock):
    supervisor, now = pev(state)
    wish = requests(pilot_c=state is Ready, contactors=False, lock=asked)
    assert supervisor.step(facts(**REST), wish, now + STEP).lock is lock and supervisor.state is state


def test_a_live_inlet_does_not_keep_the_lock_from_closing():
    supervisor, now = pev(Idle)
    assert supervisor.step(facts(pilot=B, inlet_voltage=400.0, lock=False), requests(False, False, True), now + STEP).lock is True


# --- from outside -----------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("call, name", [("fault", "internal_fault"), ("stalled", "stalled"), ("refused", "output_refused")])
@pytest.mark.parametrize("state", ALL_STATES)
def test_a_failure_outside_ends_every_state_as_an_emergency(call, name, state):
    supervisor, now = pev(state)
    energised = state in (Closed, CurrentOff, Opening)
    f = facts(contactors=energised, inlet_current=50.0)
    before = list(supervisor.latch.trips)
    getattr(supervisor, call)(f, now)
    names = [t.name for t in supervisor.latch.trips]
    if call == "stalled" and state is Idle:                   # at rest nothing needs to run
        assert supervisor.state is Idle and not names
        return
    assert name in names and supervisor.latch.emergency and not supervisor.outputs.pilot_c
    stopped = {Idle: Decay, Ready: Decay, Closing: CurrentOff, Closed: CurrentOff}
    assert supervisor.state is stopped.get(state, state)
    if state is not Tripped:
        assert supervisor._shutdown.emergency
    count = len(supervisor.latch.trips)
    began = supervisor._shutdown.began
    getattr(supervisor, call)(f, now + STEP)                  # once is enough
    assert len(supervisor.latch.trips) == count and supervisor._shutdown.began == began
    assert len(before) <= count


@pytest.mark.parametrize("cause", [INSISTED, END_OVERDUE])
@pytest.mark.parametrize("state", ALL_STATES)
def test_who_insists_gets_what_a_failure_gets_under_a_name_of_its_own(state, cause):
    f = facts(contactors=state in (Closed, CurrentOff, Opening), inlet_current=50.0)
    (one, now), (other, _) = pev(state), pev(state)
    one.fault(f, now)
    other.fault(f, now, cause)
    assert (other.state, other.outputs, other.latch.emergency) == (one.state, one.outputs, one.latch.emergency)
    assert cause in other.latch.trips
    began = other._shutdown.began
    other.fault(f, now + STEP)                                # a task fails besides: told, and nothing begins anew
    assert other._shutdown.began == began and other.outputs == one.outputs and INTERNAL_FAULT in other.latch.trips


def test_a_trip_is_left_by_a_person_only_when_the_contactors_are_open():
    for state in ALL_STATES:
        supervisor, _ = pev(state)
        for feedback in (True, None):
            assert supervisor.reset(facts(contactors=feedback)) is False
        assert supervisor.reset(facts(contactors=False)) is (state is Tripped)
        assert supervisor.state is (Idle if state is Tripped else state)
