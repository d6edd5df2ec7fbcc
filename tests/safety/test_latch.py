"""The latch by itself, over a table of three rows: what is kept, what is forgotten, and when it wants to be asked again."""
import pytest

from kernel.timer import MS, NEVER, S
from tasks.safety.facts import Report, SafetyState
from tasks.safety.latch import MAX_TRIPS, Latch
from tasks.safety.trips import Trip

Idle, Ready, Closing, Closed = SafetyState.Idle, SafetyState.Ready, SafetyState.Closing, SafetyState.Closed
HOLD = 300 * MS
FAST = Trip("fast", frozenset({Ready, Closed}), lambda f, c: "fast" in f, "Fast", "At once.", emergency=True)
SLOW = Trip("slow", frozenset({Closing, Closed}), lambda f, c: "slow" in f, "Slow", "After a hold.", hold=HOLD)
MILD = Trip("mild", frozenset({Ready, Closed}), lambda f, c: "mild" in f, "Mild", "No emergency.")
TABLE = (FAST, SLOW, MILD)


def made() -> Latch:
    return Latch(TABLE, None, Report())


def names(latch: Latch) -> list[str]:
    return [t.name for t in latch.trips]


def test_only_the_rows_of_the_present_state_are_judged():
    for state, wanted in ((Idle, []), (Ready, ["fast", "mild"]), (Closing, []), (Closed, ["fast", "mild"])):
        latch = made()
        assert latch.watch(state, {"fast", "slow", "mild"}, S) is bool(wanted)
        assert names(latch) == wanted


def test_a_state_that_comes_back_has_its_own_rows_again():
    latch = made()
    assert not latch.watch(Closed, set(), S)
    assert not latch.watch(Idle, {"fast", "mild"}, S)
    assert latch.watch(Ready, {"mild"}, S) and names(latch) == ["mild"]


@pytest.mark.parametrize("late, trips", [(HOLD - 1, False), (HOLD, True)])
def test_a_hold_is_over_at_its_very_nanosecond(late, trips):
    latch = made()
    assert latch.watch(Closed, {"slow"}, S) is False
    assert latch.next_timer() == S + HOLD
    assert latch.watch(Closed, {"slow"}, S + late) is trips


def test_a_hold_goes_on_where_its_row_still_applies_and_is_forgotten_where_it_does_not():
    latch = made()
    latch.watch(Closing, {"slow"}, S)
    assert latch.watch(Closed, {"slow"}, S + HOLD) is True
    latch = made()
    latch.watch(Closed, {"slow"}, S)
    latch.watch(Idle, {"slow"}, S + HOLD)
    assert latch.next_timer() == NEVER
    assert latch.watch(Closed, {"slow"}, S + 2 * HOLD) is False
    assert latch.next_timer() == S + 3 * HOLD


def test_one_good_look_ends_a_hold():
    latch = made()
    latch.watch(Closed, {"slow"}, S)
    latch.watch(Closed, set(), S + HOLD - 1)
    assert latch.next_timer() == NEVER
    assert latch.watch(Closed, {"slow"}, S + HOLD) is False


def test_what_is_latched_wants_no_timer_any_more():
    latch = made()
    latch.watch(Closed, {"slow"}, S)
    latch.watch(Closed, {"slow"}, S + HOLD)
    assert names(latch) == ["slow"] and latch.next_timer() == NEVER


def test_a_trip_is_latched_and_told_once():
    latch = made()
    assert latch.latch(FAST, S) is True
    assert latch.latch(FAST, S) is False
    assert names(latch) == ["fast"] and len(latch._report.notes) == 1
    text, arguments, level = latch._report.notes[0]
    assert text % arguments == "TRIP fast: Fast. At once." and level == "error"


def test_a_new_trip_is_seen_although_an_old_one_is_still_bad():
    latch = made()
    latch.latch(MILD, S)
    assert latch.watch(Closed, {"fast", "mild"}, S) is True          # fast is new, mild is not and comes last
    assert latch.watch(Closed, {"fast", "mild"}, S) is False
    assert names(latch) == ["mild", "fast"] and latch.text == "Mild"


def test_an_emergency_stays_one():
    latch = made()
    latch.latch(MILD, S)
    assert latch.emergency is False
    latch.latch(FAST, S)
    latch.latch(SLOW, S)
    assert latch.emergency is True


def test_the_list_of_trips_is_bounded():
    latch = made()
    many = [Trip(f"n{n}", frozenset(), lambda f, c: False, f"N{n}", "One of many.") for n in range(17)]
    assert [latch.latch(trip, S) for trip in many] == [True] * 16 + [False]
    assert MAX_TRIPS == len(latch.trips) == 16


def test_what_would_be_bad_ignores_holds_and_latches_nothing():
    latch = made()
    assert latch.first_bad(Closed, {"slow", "mild"}) is SLOW
    assert latch.first_bad(Closed, set()) is None and latch.first_bad(Idle, {"slow"}) is None
    assert not latch.trips and latch.next_timer() == NEVER


def test_the_first_trip_is_what_the_person_reads():
    latch = made()
    assert (latch.text, latch.hint) == ("", "")
    latch.latch(SLOW, S)
    latch.latch(FAST, S)
    assert (latch.text, latch.hint) == ("Slow", "After a hold.")


def test_clearing_forgets_everything():
    latch = made()
    latch.watch(Closed, {"fast", "slow"}, S)
    latch.clear()
    assert (latch.trips, latch.emergency, latch.text, latch.next_timer()) == ([], False, "", NEVER)
    assert latch.watch(Closed, {"slow"}, S + HOLD) is False          # the hold begins anew
