"""What a car may send wrong, in every state of the CHAdeMO side: a slice of `python -m tests.bridge_sessions.bad_input`."""
import pytest

from tests.bridge_sessions.bad_input import FAULTS, STATES, judge, play

EVERYWHERE = ("CAN lost", "CAN deaf", "late 300 ms", "random octets", "k open", "k stuck")
HERE = tuple((state, fault) for n, state in enumerate(STATES) for m, fault in enumerate(FAULTS)
             if fault in EVERYWHERE and (n + m) % 2 == 0 or fault not in EVERYWHERE and (5 * m + n) % 13 == 0)
"""Half of the losses, and one state for each of the rest; the command plays all."""


@pytest.mark.parametrize("state, fault", HERE, ids=[f"{state}-{fault.replace(' ', '_')}" for state, fault in HERE])
def test_it_stops_safely_with_a_reason_that_a_person_can_read(state, fault):
    came = play(state, fault)
    assert not judge(came, fault), came.world.story()


def test_every_state_and_every_fault_is_in_the_slice():
    assert {state for state, _ in HERE} == set(STATES) and {fault for _, fault in HERE} == set(FAULTS)


@pytest.mark.parametrize("fault", ["CAN lost", "k open", "everything told", "7 octets", "target 0"])
def test_what_must_end_a_charge_ends_it(fault):
    came = play("Charge", fault)
    assert came.ended and not judge(came, fault), came.world.story()


@pytest.mark.parametrize("fault", ["late 300 ms", "foreign identifiers", "1000 frames per second", "reversed", "state of charge 255", "time 255"])
def test_what_does_no_harm_does_not_end_it(fault):
    came = play("Charge", fault)
    assert not came.ended and not judge(came, fault), came.world.story()
