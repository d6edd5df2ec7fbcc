"""Button and events become page and brightness; time is a number."""
import pytest
from tests.display.scenes import CAR, KNOWN_CAR, put, signals
from tests.display.test_display_task import run, task

from kernel.journal import Journal
from kernel.settings import build
from kernel.timer import MS, S
from tasks.display.attention import LONG_PRESS, MINUTE, Attention, Light
from tasks.display.config import DisplayConfig
from tasks.display.pages import Box, page_screen
from tasks.display.picture import WANDER, dot, draw, shifted
from tasks.display.screens import screen
from tasks.display.task import DisplayTask
from tasks.stop_reasons import StopReason

PAGES = 6


class Bench:
    """An Attention with a clock."""

    def __init__(self, **settings):
        self.a, self.now = Attention(DisplayConfig(**settings), PAGES), 0
        self.happening, self.grave, self.idle, self.keys = "x", False, True, None
        self.look()

    def look(self, held=False, after=100 * MS):
        self.now += after
        self.a.step(self.now, held, self.keys, self.happening, self.grave, self.idle)
        return self.a.page, self.a.light

    def press(self, duration):
        self.look(True)
        self.look(True, duration)
        return self.look(False)


def test_short_presses_turn_the_pages_and_come_round():
    b = Bench()
    assert [b.press(200 * MS)[0] for _ in range(7)] == [1, 2, 3, 4, 5, 0, 1]
    assert b.a.presses == 7


def test_a_page_falls_back_to_the_first():
    b = Bench(page_s=30)
    b.press(100 * MS)
    b.press(100 * MS)
    assert b.look(after=29 * S)[0] == 2
    assert b.look(after=2 * S)[0] == 0


def test_whatever_happens_shows_the_first_page():
    b = Bench()
    b.press(100 * MS)
    b.happening = "charging"
    assert b.look()[0] == 0


def test_it_dims_and_goes_dark_and_an_event_makes_it_bright():
    b = Bench(dim_after_min=5, dark_after_min=60)
    assert b.look(after=5 * MINUTE - S)[1] is Light.BRIGHT
    assert b.look(after=2 * S)[1] is Light.DIM
    assert b.look(after=54 * MINUTE)[1] is Light.DIM
    assert b.look(after=2 * MINUTE)[1] is Light.DARK
    b.idle = False                                       # a charge that runs is never dark
    assert b.look()[1] is Light.DIM
    b.happening = "stopping"
    assert b.look()[1] is Light.BRIGHT


def test_a_press_on_a_dark_display_only_lights_it():
    b = Bench(dark_after_min=10)
    assert b.look(after=11 * MINUTE)[1] is Light.DARK
    assert b.press(200 * MS) == (0, Light.BRIGHT)
    assert b.press(200 * MS) == (1, Light.BRIGHT)


def test_a_long_press_dims_and_brightens_and_counts_once():
    b = Bench()
    b.look(True)
    assert b.look(True, LONG_PRESS - 10 * MS)[1] is Light.BRIGHT
    assert b.look(True, 20 * MS) == (0, Light.DIM)       # while it is still held
    assert b.look(True, 5 * S)[1] is Light.DIM and b.look(False) == (0, Light.DIM) and b.a.presses == 1
    assert b.press(200 * MS) == (1, Light.DIM)           # who has dimmed it may turn pages in the dark
    assert b.press(LONG_PRESS)[1] is Light.BRIGHT


def test_a_display_dimmed_by_hand_stays_so_but_for_an_end():
    b = Bench()
    b.press(LONG_PRESS)
    b.happening = "charging"
    assert b.look()[1] is Light.DIM
    b.happening, b.grave = "over", True
    assert b.look()[1] is Light.BRIGHT
    b.happening, b.grave = "idle", False
    b.press(LONG_PRESS)
    b.happening = "charging"
    assert b.look()[1] is Light.DIM


def test_a_button_that_becomes_unknown_says_nothing():
    b = Bench()
    b.look(True)
    assert b.look(None)[0] == 0
    assert b.look(False)[0] == 0 and b.a.presses == 0
    b.look(None)
    b.look(True, 100 * MS)
    assert b.look(False)[0] == 1


def test_keys_count_like_presses():
    b = Bench()
    b.keys = (2, 0)
    assert b.look() == (2, Light.BRIGHT)
    b.keys = (2, 1)
    assert b.look() == (2, Light.DIM)
    b.keys = (2, 2)
    assert b.look() == (2, Light.BRIGHT)
    b.keys = (10**9, 2)                                  # bounded
    assert b.look()[0] == 2 and b.a.presses == 4 + PAGES
    b.keys = None
    assert b.look(after=600 * S)[0] == 2                # turned by key: it stays, until something happens
    b.press(100 * MS)
    assert b.look(after=40 * S)[0] == 0


def test_zero_means_never():
    b = Bench(dim_after_min=0, dark_after_min=0)
    assert b.look(after=1000 * 60 * MINUTE)[1] is Light.BRIGHT


def test_the_settings_are_sound():
    assert build(DisplayConfig, {}, {}, "x.yaml") == DisplayConfig()


# --- the same through the task -----------------------------------------------------------------------------------------

def test_a_fitted_button_is_looked_at_ten_times_a_second_and_turns_the_page():
    s = signals(modem="x", display_button=False)
    s.display_button.max_age = None                      # sense renews it every 50 ms
    display, panel, _ = task(s)
    times = run(display, 100 * S, 101 * S)
    assert len([t for t in times if t > 100 * S + 200 * MS]) == 8
    put(s, 102 * S, display_button=True)
    run(display, 102 * S, 102 * S + 200 * MS)
    put(s, 102 * S + 300 * MS, display_button=False)
    run(display, 102 * S + 300 * MS, 102 * S + 500 * MS)
    assert [bytes(p) for p in panel.pages] == display.pages() == draw(page_screen("battery", s, 102 * S + 300 * MS, Box("ccsbox", "pev", 100 * S)))


def test_brightness_follows_and_is_told_again_after_a_fault():
    s = signals(modem="x")
    display, panel, _ = task(s)
    run(display, 100 * S, 100 * S + 6 * MINUTE)
    assert [value for _, value in panel.contrasts] == [160, 8]
    s.stop_reason.value, s.connection_state.value = StopReason.NO_LINK, "Failed"
    run(display, 101 * S + 6 * MINUTE, 103 * S + 6 * MINUTE)
    assert [value for _, value in panel.contrasts] == [160, 8, 160]
    panel.works = False
    run(display, 104 * S + 6 * MINUTE, 106 * S + 6 * MINUTE)
    panel.works = True
    run(display, 107 * S + 6 * MINUTE, 112 * S + 6 * MINUTE)
    assert [value for _, value in panel.contrasts] == [160, 8, 160, 160]


def test_an_idle_display_ends_as_a_dot_that_moves():
    s = signals(modem="x")
    display, panel, _ = task(s)
    end = 100 * S + 61 * MINUTE
    run(display, 100 * S, end)
    assert [bytes(p) for p in panel.pages] == dot(end // S)
    run(display, end + S, end + S)
    assert [bytes(p) for p in panel.pages] == dot(end // S + 1)


def test_the_reason_of_an_end_goes_dark_only_where_a_button_brings_it_back():
    for button, dark in ((None, False), (False, True)):
        s = signals(modem="x", connection_state="Failed", stop_reason=StopReason.NO_LINK, display_button=button)
        s.display_button.max_age = None
        display, panel, _ = task(s)
        for now in (100 * S, 100 * S + 59 * MINUTE, 100 * S + 61 * MINUTE):
            run(display, now, now + S)
        assert ([bytes(p) for p in panel.pages] == dot((now + S) // S)) is dark and panel.contrasts[-1][1] == 8


def test_the_picture_wanders_through_all_its_places():
    s = signals(**CAR, connection_state="Failed", stop_reason=StopReason.NO_LINK)
    panel_task = DisplayTask(task(s)[1], s, "pev", Journal(), config=DisplayConfig(dark_after_min=0, wander_min=3))
    for step in range(2 * len(WANDER)):
        now = 100 * S + step * 3 * MINUTE + S
        run(panel_task, now if step else 100 * S, now)
        right, down = WANDER[step % len(WANDER)]
        assert panel_task.pages() == shifted(draw(screen(s, now, "pev", 100 * S)), right, down)


@pytest.mark.parametrize("limit", [23, 128])
def test_no_run_costs_the_bus_more_than_its_share(limit):
    s = signals(**KNOWN_CAR, connection_state="Session", v2g_state="CurrentDemand")
    display, panel, _ = task(s)
    panel.octets_per_run = limit
    now = 100 * S
    for step in range(20):
        for name, value in KNOWN_CAR.items():
            put(s, now, **{name: value})
        put(s, now, inlet_voltage=300.0 + 7 * step, inlet_current=13.0 * step, display_keys=(step, 0))
        run(display, now, now + 980 * MS)
        assert [bytes(p) for p in panel.pages] == display.pages()
        now += S
    for at in {w[0] for w in panel.writes}:
        mine = [w for w in panel.writes if w[0] == at]
        assert len(mine) <= 4 and sum(length + 10 for *_, length in mine) <= limit + 10
