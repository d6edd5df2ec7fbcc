"""An AC charger without a session: the car's state C is the request, while a nominal duty stands and somebody allows it."""
import pytest

from drivers.interfaces import PilotState
from kernel.channels import Lease
from kernel.timer import MS, S
from tasks.safety.ac_supervisor import PILOT_REST, READY_HOLD
from tasks.safety.config import AcSafetyConfig
from tests.safety.ac_bench import AcBench
from tests.safety.given_ac import NOMINAL, Closing, CurrentOff, Delivering, Idle, Opening, ac, ac_facts, alone, by_pilot, close, rest, told

B, C, D = PilotState.B, PilotState.C, PilotState.D
SEEN = {"duty": NOMINAL, "duty_set": NOMINAL}


def idle(s, pilot, now, request=None):
    s.step(rest(pilot=pilot, **SEEN), request or by_pilot(), now)
    return s.state


def test_state_c_for_a_second_closes_and_a_toggle_does_not():
    s, now = alone(Idle)
    assert idle(s, C, now + READY_HOLD - 1) is Idle and s.next_timer() == now + READY_HOLD
    assert idle(s, B, now + READY_HOLD) is Idle, "the toggle ends before its second"
    assert s.next_timer() > now + READY_HOLD, "nobody waits for it any more"
    assert idle(s, C, now + 2 * S) is Idle and idle(s, C, now + 3 * S - 1) is Idle
    assert idle(s, C, now + 3 * S) is Closing and s.outputs.contactors


@pytest.mark.parametrize("request_", [by_pilot(by_pilot=False), by_pilot(duty=5.0), by_pilot(duty=9.5), by_pilot(duty=100.0), by_pilot(duty=None), by_pilot(duty=27.0)])
def test_not_without_leave_nor_without_a_duty_that_promises_a_current_within_the_rating(request_):
    s, now = alone(Idle)
    for later in (1, 2, 3):
        assert idle(s, C, now + later * S, request_) is Idle
    assert not s.outputs.contactors


def test_a_duty_above_the_rating_is_not_even_shown():
    s, now = alone(Idle, config=AcSafetyConfig(max_current_a=10.0))
    assert s.outputs.duty == 100.0
    idle(s, B, now, by_pilot(duty=16.5))
    assert s.outputs.duty == 16.5, "9.9 A"
    s, now = alone(Idle, config=AcSafetyConfig(max_current_a=50.9))
    idle(s, B, now, by_pilot(duty=85.0))
    assert s.outputs.duty == 85.0, "51 A: the tolerance of 0.1 A belongs to what is allowed"


def test_the_car_s_state_b_opens_at_once_and_its_next_wish_waits_for_the_rest():
    s, now = alone(Delivering)
    s.step(ac_facts(pilot=B, current=16.0, current_at=now, **SEEN), by_pilot(), now)
    assert s.state is Opening and not s.outputs.contactors and told(s)[0].startswith("info: car left state C")
    assert idle(s, B, now + 20 * MS) is Idle
    assert idle(s, C, now + S) is Idle and idle(s, C, now + PILOT_REST - 1) is Idle and s.next_timer() == now + PILOT_REST == now + 10 * S
    assert idle(s, C, now + PILOT_REST) is Closing


def test_the_duty_goes_from_one_current_to_another_under_load():
    s, now = alone(Delivering)
    s.step(ac_facts(current=16.0, current_at=now, **SEEN), by_pilot(duty=10.0), now)
    assert s.state is Delivering and s.outputs.duty == 10.0 and s.outputs.contactors
    assert told(s) == ["info: the duty goes from 26.5 to 10.0 % with the mains connected; the car follows"]
    s, now = alone(Closing)
    s.step(ac_facts(**SEEN), by_pilot(duty=10.0), now)
    assert s.state is Delivering and s.outputs.duty == 10.0, "also in the instant at which the contactor confirms"


@pytest.mark.parametrize("request_", [by_pilot(duty=100.0), by_pilot(by_pilot=False, duty=NOMINAL), by_pilot(by_pilot=False, duty=None)])
def test_the_end_of_leave_or_duty_gives_the_car_3_s(request_):
    s, now = alone(Delivering)
    s.step(ac_facts(current=16.0, current_at=now, **SEEN), request_, now)
    assert s.state is CurrentOff and s.outputs.duty == 100.0 and s.outputs.contactors
    s.step(ac_facts(current=16.0, current_at=now + 1, duty=100.0, duty_set=100.0), request_, now + 3 * S - 1)
    assert s.outputs.contactors
    s.step(ac_facts(current=16.0, current_at=now + 1, duty=100.0, duty_set=100.0), request_, now + 3 * S)
    assert s.state is Opening and not s.outputs.contactors


def test_from_a_session_to_the_pilot_alone_is_an_end_of_the_load():
    s, now = ac(Delivering)
    s.step(ac_facts(current=16.0, current_at=now), by_pilot(), now)
    assert s.state is CurrentOff and s.outputs.duty == 100.0


def test_a_car_that_leaves_state_c_in_a_session_is_a_warning():
    s, now = ac(Delivering)
    s.step(ac_facts(pilot=B), close(), now)
    assert s.state is Opening and told(s)[0].startswith("warning: car left state C")


def test_a_session_takes_over_from_the_pilot_only_after_the_load_has_ended():
    s, now = alone(Delivering)
    s.step(ac_facts(current=16.0, current_at=now, **SEEN), close(), now)
    assert s.state is CurrentOff and s.outputs.duty == 100.0


def test_state_d_counts_where_the_place_is_ventilated():
    s, now = alone(Idle)
    assert idle(s, D, now + S) is Idle and idle(s, D, now + 3 * S) is Idle
    s, now = alone(Idle, config=AcSafetyConfig(ventilation_fitted=True))
    assert idle(s, D, now + S) is Closing


# --- through the task: the leave is a lease, and a session's word goes before it ------------------------------------------------

def plugged(leave: bool = True) -> tuple[AcBench, object]:
    b = AcBench()
    lease = Lease(b.signals.by_pilot_request.claim("connection"))
    b.want(duty=NOMINAL)
    b.run(500 * MS)
    b.car(True)
    for _ in range(20):
        if leave:
            lease.renew(True, b.now)
        b.run(200 * MS)
    return b, lease


def test_a_leave_that_is_renewed_charges_and_one_that_lapses_ends_the_load():
    b, _ = plugged()
    assert b.plant.ac.live and b.plant.ac.current > 10.0
    b.run(8 * S)
    assert not b.plant.ac.live and b.plant.ac.opened_under_load == 0 and any("lapsed" in line for line in b.lines)


def test_without_a_leave_state_c_is_no_wish():
    b, _ = plugged(leave=False)
    assert not b.plant.ac.live


def test_a_session_that_has_said_something_is_not_by_the_pilot():
    """False: its load has ended, and its word is fresh; the car's state C must not close at once again."""
    b = AcBench()
    lease = Lease(b.signals.by_pilot_request.claim("connection"))
    b.want(duty=NOMINAL, ac=False)
    b.run(500 * MS)
    b.car(True)
    for _ in range(20):
        lease.renew(True, b.now)
        b.run(200 * MS)
    assert not b.plant.ac.live and b.safety.requests.by_pilot is False
