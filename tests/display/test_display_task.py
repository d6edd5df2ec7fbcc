"""What leaves for the panel, when, and how many octets of it."""
from tests.display.scenes import CAR, NOW, put, signals

from kernel.journal import Journal
from kernel.timer import MS, S
from tasks.display.picture import WANDER, draw, shifted
from tasks.display.screens import screen
from tasks.display.task import REDRAW, DisplayTask
from tasks.signals import Signals

TICK = 10 * MS


class Panel:
    """Remembers what it is told; `works` False refuses."""

    def __init__(self):
        self.errors, self.works = 0, True
        self.octets_per_run, self.contrasts = 128, []
        self.pages = [bytearray(b"\xAA" * 128) for _ in range(8)]     # memory is random at power-on
        self.writes = []

    def write(self, page, column, data, now):
        if not self.works:
            self.errors += 1
            return False
        assert 0 <= page < 8 and 0 <= column and 0 < len(data) <= 128 - column
        self.pages[page][column:column + len(data)] = data
        self.writes.append((now, page, column, len(data)))
        return True

    def set_contrast(self, value, now):
        if not self.works:
            self.errors += 1
            return False
        self.contrasts.append((now, value))
        return True

    def octets(self):
        return sum(length for *_, length in self.writes)


def task(s, limit=128, role="pev"):
    panel, journal = Panel(), Journal()
    return DisplayTask(panel, s, role, journal, limit), panel, journal


def run(display, now, until):
    """As the scheduler does: on ticks at or after the returned deadline. Returns the times of the runs."""
    times = []
    while now <= until:
        times.append(now)
        wanted = display.run(now)
        assert wanted > now
        now = -(-wanted // TICK) * TICK
    return times


def charging():
    return signals(**CAR, connection_state="Session", v2g_state="CurrentDemand")


def test_the_whole_picture_arrives_in_slices_of_at_most_128_octets():
    s = charging()
    display, panel, _ = task(s)
    times = run(display, NOW, NOW + 100 * MS)
    assert times == [NOW + k * TICK for k in range(8)]                     # one page per tick, then quiet
    assert panel.octets() == 1024
    assert [bytes(p) for p in panel.pages] == draw(screen(s, NOW, "pev", NOW)) == display.pages()


def test_the_slice_is_configurable():
    display, panel, _ = task(charging(), limit=32)
    run(display, NOW, NOW + 31 * TICK)
    for at in {w[0] for w in panel.writes}:
        assert sum(w[3] for w in panel.writes if w[0] == at) <= 32
    assert panel.octets() == 1024


def test_an_unchanged_screen_sends_nothing():
    s = charging()
    display, panel, _ = task(s)
    run(display, NOW, NOW + 100 * MS)
    sent = panel.octets()
    run(display, NOW + 250 * MS, NOW + 900 * MS)
    assert panel.octets() == sent and display.redraws == 1


def test_a_changed_digit_and_the_life_sign_cost_a_few_octets():
    s = charging()
    display, panel, _ = task(s)
    run(display, NOW, NOW + 990 * MS)
    panel.writes.clear()
    for name, value in CAR.items():
        put(s, NOW + S, **{name: value})
    put(s, NOW + S, inlet_voltage=382.4, inlet_current=120.0)
    run(display, NOW + S, NOW + S + 200 * MS)
    assert [(page, length) for _, page, _, length in panel.writes] == [(0, 5), (4, 10), (5, 10), (6, 5)]   # life sign, 381 -> 382 V, 0 -> 1 s
    assert [bytes(p) for p in panel.pages] == draw(screen(s, NOW + S, "pev", NOW))


def test_at_most_two_redraws_per_second_even_when_everything_moves():
    s = signals(**CAR, connection_state="Session", v2g_state="PreCharge")
    display, panel, _ = task(s)
    now = NOW
    for k in range(1000):
        put(s, now, inlet_voltage=float(k % 1000), battery_voltage=381.0)
        display.run(now)
        now += TICK
    assert 19 <= display.redraws <= 21
    assert REDRAW == 500 * MS


def test_calm_values_are_redrawn_once_per_second():
    s = charging()
    display, _, _ = task(s)
    now = NOW
    for k in range(1000):
        put(s, now, inlet_voltage=float(k))
        display.run(now)
        now += TICK
    assert display.redraws == 10


def test_a_new_phase_is_seen_within_a_quarter_second():
    s = signals(**CAR, connection_state="Session", v2g_state="CableCheck")
    display, panel, _ = task(s)
    run(display, NOW, NOW + 300 * MS)
    s.v2g_state.value = "CurrentDemand"
    run(display, NOW + 500 * MS, NOW + 500 * MS + 100 * MS)
    assert [bytes(p) for p in panel.pages] == draw(screen(s, NOW + 500 * MS, "pev", NOW + 500 * MS))


def test_a_sleeping_display_is_looked_at_once_per_second_and_only_its_life_sign_moves():
    s = signals(modem="x")
    display, panel, _ = task(s)
    run(display, NOW, NOW + 100 * MS)
    panel.writes.clear()
    assert run(display, NOW + S, NOW + 10 * S) == [NOW + k * S for k in range(1, 11)]
    assert len(panel.writes) == 10 and all(page == 0 and length <= 5 for _, page, _, length in panel.writes)


def test_a_dead_panel_is_told_once_and_asked_ever_more_rarely():
    s = signals(modem="x")
    display, panel, journal = task(s)
    panel.works = False
    run(display, NOW, NOW + 200 * S)
    assert display.failures == panel.errors == 9         # at 0 1 3 7 15 31 63 123 and 183 s
    events = []
    journal.add_sink(events.append)
    journal.flush()
    assert [e.level for e in events] == ["warning"]


def test_a_panel_that_comes_back_gets_the_whole_picture_again():
    s = signals(modem="x")
    display, panel, journal = task(s)
    run(display, NOW, NOW + 200 * MS)
    panel.works = False
    run(display, NOW + S, NOW + 1500 * MS)
    panel.works = True
    panel.pages = [bytearray(b"\x55" * 128) for _ in range(8)]            # it lost its memory
    run(display, NOW + 2 * S, NOW + 2500 * MS)
    assert [bytes(p) for p in panel.pages] == display.pages()
    events = []
    journal.add_sink(events.append)
    journal.flush()
    assert [e.message() for e in events][-1] == "the display answers again"


def test_a_run_is_bounded_even_when_single_octets_differ_everywhere():
    s = charging()
    display, panel, _ = task(s)
    run(display, NOW, NOW + 200 * MS)
    panel.writes.clear()
    s.v2g_state.value = "PreCharge"
    for at in run(display, NOW + S, NOW + 1200 * MS):
        mine = [w for w in panel.writes if w[0] == at]
        assert len(mine) <= 4 and sum(w[3] for w in mine) <= 128


def test_it_starts_with_signals_that_nobody_wrote_yet():
    display, panel, _ = task(Signals(), role="evse")
    run(display, 0, 100 * MS)
    assert panel.octets() == 1024


def test_the_minutes_of_a_charge_count_on_through_a_renegotiation():
    s = charging()
    for signal in s:
        signal.max_age = None
    display, panel, _ = task(s)
    run(display, NOW, NOW + 600 * S)
    for n, (state, minutes) in enumerate((("PowerDeliveryRenegotiate", None), ("CurrentDemand", 10), ("SessionStop", None), ("CurrentDemand", 0))):
        s.v2g_state.value = state
        now = NOW + 601 * S + 3 * S * n
        run(display, now, now + 2 * S)
        if minutes is not None:
            assert display.pages() in [shifted(draw(screen(s, at, "pev", at - k * S)), *WANDER[(now - NOW) // (180 * S) % len(WANDER)])
                                       for at in (now + S, now + 2 * S) for k in range(minutes * 60, minutes * 60 + 9)]
