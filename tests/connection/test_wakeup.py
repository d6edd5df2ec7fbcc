"""The toggle that wakes a charger, and a charger's eye for it."""
import pytest

from drivers.interfaces import PilotState
from kernel.timer import MS, NEVER, S
from tasks.connection.wakeup import Toggle, ToggleSeen

B, C, D = PilotState.B, PilotState.C, PilotState.D


def phases(toggle, until=10 * S):
    """(s state C, ns) changes of one toggle."""
    toggle.begin(2, 0)
    out, at = [(0, toggle.c)], 0
    while toggle.next_timer() <= until:
        at = toggle.next_timer()
        toggle.handle_timer(at)
        if toggle.c is not out[-1][1]:
            out.append((at, toggle.c))
    return out


def test_two_phases_of_c_with_b_between_each_of_300_ms():
    toggle = Toggle()
    assert phases(toggle) == [(0, True), (300 * MS, False), (600 * MS, True), (900 * MS, False)]
    assert toggle.next_timer() == NEVER and not toggle.c
    assert phases(toggle)[-1] == (900 * MS, False), "and again"


@pytest.mark.parametrize("at", [0, 100, 300, 450, 700])
def test_a_toggle_is_broken_off_in_state_b(at):
    toggle = Toggle()
    toggle.begin(2, 0)
    for t in range(0, at * MS + 1, 50 * MS):
        toggle.handle_timer(t)
    toggle.cancel()
    assert not toggle.c and toggle.next_timer() == NEVER
    toggle.handle_timer(10 * S)
    assert not toggle.c


def seen(*row, step=50):
    """Each item (state, ms); the instants at which the eye says yes."""
    eye, now, out = ToggleSeen(), 0, []
    for state, duration in row:
        for _ in range(duration // step):
            if eye.look(state, now):
                out.append(now // MS)
            now += step * MS
    return out


@pytest.mark.parametrize("c", [150, 200, 300, 400, 450])
def test_a_phase_of_c_between_two_of_b_wakes_when_it_ends(c):
    assert seen((B, 500), (C, c), (B, 500)) == [500 + c]


@pytest.mark.parametrize("row", [
    [(B, 2000)], [(B, 500), (C, 50), (B, 500)], [(B, 500), (C, 600), (B, 500)], [(C, 5000)], [(C, 300), (B, 2000)], [(None, 300), (B, 500)],
    [(PilotState.A, 300), (B, 500)], [(C, 1500), (None, 100), (C, 1500)]])
def test_what_is_no_toggle_does_not(row):
    assert seen(*row) == []


def test_unknown_readings_in_between_change_nothing():
    assert seen((B, 500), (C, 150), (None, 50), (C, 100), (B, 200)) == [800]
    assert seen((B, 500), (None, 500), (C, 300), (B, 200)) == [1300]


def test_d_counts_as_c():
    assert seen((B, 500), (D, 300), (B, 200)) == [800]


def test_a_car_that_is_simply_ready_wakes_too_after_a_second():
    assert seen((B, 500), (C, 1300))[0] == 1500


def test_the_state_c_of_the_session_before_does_not_count_until_b_was_seen():
    assert seen((C, 3000), (B, 500), (C, 300), (B, 200)) == [3800]
    eye = ToggleSeen()
    eye.look(B, 0)
    eye.look(C, 100 * MS)
    eye.forget()
    assert not eye.look(C, 200 * MS) and not eye.look(B, 400 * MS)
