"""The show on a terminal and in a pipe, with a stream, keys and a clock that are not real."""
import io
import re

import pytest

from drivers.interfaces import PilotState
from kernel.journal import Event
from kernel.timer import MS, S
from tasks.display.picture import as_text, draw
from tasks.display.screens import screen
from tasks.stop_reasons import StopReason
from tests.display.scenes import AC_CAR, AC_CHARGER, CAR, CHARGER, NOW, signals
from tools.show.panels import picture
from tools.show.canvas import ENTER, LEAVE
from tools.show.terminal import TerminalShow
from tools.show.text import ascii_only, fit, paint, spread, width
from tools.show.view import SideView, View, side_view

ESCAPE = re.compile(r"\x1b\[(\??[\d;]*)([A-Za-z])")
SIZES = [(140, 45), (132, 25), (200, 60), (100, 30), (100, 50), (80, 24), (79, 24), (80, 23), (66, 20), (40, 10), (20, 4), (1, 3)]


class Stream(io.StringIO):
    encoding = "utf-8"

    def __init__(self, terminal):
        super().__init__()
        self.terminal, self.flushes = terminal, 0

    def isatty(self):
        return self.terminal

    def flush(self):
        self.flushes += 1


class Keys:
    def __init__(self):
        self.typed, self.closed = "", 0

    def read(self):
        typed, self.typed = self.typed, ""
        return typed

    def close(self):
        self.closed += 1


class Wall:
    def __init__(self):
        self.ns = 0

    def __call__(self):
        return self.ns


def view(now=NOW, **values):
    car = signals(**CAR, connection_state="Session", v2g_state="CurrentDemand", link_state="Matched", safety_state="Charging")
    charger = signals(**CHARGER, connection_state="Session", v2g_state="CurrentDemand", link_state="Matched", safety_state="Charging")
    for name, value in values.items():
        getattr(car, name).value = value
    return View(now, side_view(car, NOW, True, draw(screen(car, NOW, "pev", NOW))), side_view(charger, NOW, False, draw(screen(charger, NOW, "evse", NOW))),
                progress=0.37, soc_from=20.0, soc_to=80.0, energy=12_340.0, frames=28_801, dropped=12)


def event(at, text, *args, source="pev/v2g", level="info", number=0):
    return Event(at, source, level, text, args, number)


JOURNALS = {"pev": [(1, event(1 * S, "CM_SLAC_PARM.REQ sent", level="checkpoint", number=100)), (3, event(3 * S, "odd %d", 5, level="warning"))],
            "evse": [(2, event(2 * S, "a defect", level="error", source="evse/safety"))]}


def text_of(lines):
    return [paint(line, False) for line in lines]


def show(terminal=True, **options):
    out, keys, wall = Stream(terminal), Keys(), Wall()
    return TerminalShow(out, keys=keys, wall=wall, **{"columns": 100, "rows": 30, "color": False, **options}), out, keys, wall


class Emulator:
    """As much of a terminal as the show uses: cursor addressing, clearing, the private modes."""

    def __init__(self, columns, rows):
        self.columns, self.rows = columns, rows
        self.clear()
        self.modes = {"?25": True, "?7": True, "?1049": False}

    def clear(self):
        self.cells = [[" "] * self.columns for _ in range(self.rows)]
        self.y = self.x = 0

    def feed(self, text):
        at = 0
        while at < len(text):
            match = ESCAPE.match(text, at)
            if match is None:
                assert text[at] >= " ", repr(text[at])
                assert self.x < self.columns, "wrote beyond the last column"
                self.cells[self.y][self.x] = text[at]
                self.x += 1
                at += 1
                continue
            arguments, final = match.groups()
            if final == "H":
                self.y, self.x = (int(a) - 1 for a in arguments.split(";"))
            elif final == "J":
                self.clear()
            elif final in "hl":
                self.modes[arguments] = final == "h"
            else:
                assert final == "m", match.group()
            at = match.end()

    def lines(self):
        return ["".join(row) for row in self.cells]


# --- the picture ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("columns, rows", SIZES)
def test_the_picture_has_exactly_the_size_of_the_terminal(columns, rows):
    for v in (view(), View(0, SideView(), SideView()), view(safety_trip="Inlet voltage " * 9)):
        lines = picture(v, JOURNALS, columns, rows)
        assert len(lines) == rows and {width(line) for line in lines} == {columns}


def test_wide_terminals_show_both_displays_beside_each_other():
    v = view()
    lines = text_of(picture(v, JOURNALS, 140, 45))
    for n, (car, charger) in enumerate(zip(as_text(v.car.pages), as_text(v.charger.pages))):
        assert car.replace("\u2800", " ") in lines[3 + n][:70] and charger.replace("\u2800", " ") in lines[3 + n][70:]
    assert "CAR Session · CurrentDemand" in lines[2][:70] and "CHARGER Session · CurrentDemand" in lines[2][70:]
    assert any("[100] CM_SLAC_PARM.REQ sent" in line[:70] for line in lines) and any("safety: a defect" in line[70:] for line in lines)


def test_high_terminals_stack_both_displays():
    v = view()
    text = "\n".join(text_of(picture(v, JOURNALS, 100, 50)))
    assert text.count("╭─ CAR") == 1 and text.count("╭─ CHARGER") == 1


@pytest.mark.parametrize("chosen, other, missing", [("pev", "╭─ CAR", "╭─ CHARGER"), ("evse", "╭─ CHARGER", "╭─ CAR")])
@pytest.mark.parametrize("columns, rows", [(80, 24), (100, 30)])
def test_common_terminals_show_one_display_and_the_key_for_the_other(columns, rows, chosen, other, missing):
    text = "\n".join(text_of(picture(view(), JOURNALS, columns, rows, chosen)))
    assert other in text and missing not in text and "Tab: other side" in text


@pytest.mark.parametrize("columns, rows", [(140, 45), (100, 30), (80, 24), (66, 20)])
def test_every_layout_tells_the_essentials(columns, rows):
    text = "\n".join(text_of(picture(view(), JOURNALS, columns, rows)))
    for words in ("381.2 V", "120.4 A", "45.9 kW", "12.34 kWh", "42.0 %", "C 5%", "● closed", "● locked", "28801 frames, 12 lost", "1:40.000",
                  " 20% ", " 80%", "1.000", "[100] CM_SLAC_PARM.REQ sent", "q stop · p pause · s go on · -+ power"):
        assert words in text, words


@pytest.mark.parametrize("columns, rows", [(140, 45), (100, 30), (100, 50), (66, 20)])
def test_a_trip_is_told_in_every_layout(columns, rows):
    assert "Hot inlet" in "\n".join(text_of(picture(view(safety_trip="Hot inlet"), {}, columns, rows)))


def test_unknown_is_shown_as_unknown():
    text = "\n".join(text_of(picture(View(0, SideView(), SideView()), {}, 140, 45)))
    assert "-- V" in text and "-- kWh" in text and "? unknown" in text and "None" not in text


def test_events_of_both_sides_are_merged_by_time():
    lines = text_of(picture(view(), JOURNALS, 100, 30))
    found = [line.split()[1] for line in lines if re.match(r"\s+\d\.000 ", line)]
    assert found == ["CAR", "CHARGER", "CAR"]


def test_the_end_is_told_in_the_frame():
    v = view(connection_state="Finished", stop_reason=StopReason.TCP_RESET)
    assert "Finished · TCP reset" in text_of(picture(v, {}, 100, 30))[2]


def test_a_snapshot_knows_stale_from_fresh():
    s = signals(**CAR, connection_state="Session")
    fresh, stale = side_view(s, NOW, True, []), side_view(s, NOW + 60 * S, True, [])
    assert (fresh.voltage, fresh.pilot, fresh.contactors) == (381.2, PilotState.C.value, True)
    assert (stale.voltage, stale.pilot, stale.contactors, stale.connection_state) == (None, None, None, "Session")


# --- on a terminal ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("color", [False, True])
def test_what_arrives_on_the_terminal_is_the_picture(color):
    live, out, _, _ = show(color=color)
    screen_ = Emulator(100, 30)
    for now in (NOW, NOW + 1234 * MS):
        live.update(view(now))
        screen_.feed(out.getvalue())
        out.seek(0)
        out.truncate()
    assert screen_.lines() == text_of(picture(view(NOW + 1234 * MS), {}, 100, 30))
    assert screen_.modes == {"?25": False, "?7": False, "?1049": True}


def test_only_changed_lines_are_written_again():
    live, out, _, _ = show()
    live.update(view())
    first = live.octets
    live.update(view())
    assert live.octets == first
    live.update(view(NOW + 10 * MS))
    assert 0 < live.octets - first < 130             # the line with the time


def test_the_terminal_is_given_back_also_when_the_user_breaks_in():
    live, out, keys, _ = show()
    with pytest.raises(KeyboardInterrupt):
        with live:
            live.update(view())
            raise KeyboardInterrupt
    text = out.getvalue()
    assert text.startswith(ENTER) and text.endswith(LEAVE) and keys.closed == 1
    terminal = Emulator(100, 30)
    terminal.feed(text)
    assert terminal.modes == {"?25": True, "?7": True, "?1049": False}
    live.close()
    assert out.getvalue() == text                     # once is enough


def test_a_show_that_never_showed_leaves_no_trace():
    live, out, keys, _ = show()
    live.close()
    assert out.getvalue() == "" and keys.closed == 1


def test_another_size_starts_afresh():
    live, out, _, _ = show()
    live.update(view())
    live._size = (80, 24)
    before = len(out.getvalue())
    live.update(view())
    terminal = Emulator(80, 24)
    terminal.feed(out.getvalue()[before:])
    assert terminal.lines() == text_of(picture(view(), {}, 80, 24))


@pytest.mark.parametrize("key", ["q", "Q", " "])
def test_a_stop_key_is_told_once(key):
    pressed = []
    live, _, keys, _ = show()
    live.on_stop(lambda: pressed.append(1))
    live.update(view())
    keys.typed = "x" + key
    live.update(view())
    keys.typed = key * 3
    live.poll()
    assert pressed == [1] and live.stopping


def test_other_keys_go_to_the_box_whose_display_is_shown():
    pressed = []
    live, _, keys, _ = show()
    live.on_key(lambda node, key: pressed.append((node, key)))
    live.update(view())
    keys.typed = "px"
    live.poll()
    keys.typed = "\t-+s"
    live.poll()
    assert pressed == [("pev", "p"), ("evse", "-"), ("evse", "+"), ("evse", "s")] and not live.stopping


def test_the_stop_is_acknowledged_on_the_screen():
    live, out, keys, _ = show()
    keys.typed = "q"
    live.update(view())
    assert "stopping the charge" in out.getvalue()


def test_tab_shows_the_other_side():
    live, out, keys, _ = show()
    live.update(view())
    assert "╭─ CAR" in out.getvalue() and "╭─ CHARGER" not in out.getvalue()
    keys.typed = "\t"
    live.update(view())
    assert "╭─ CHARGER" in out.getvalue()


def test_the_speed_is_measured_against_the_wall():
    live, out, _, wall = show()
    live.update(view(0))
    wall.ns += S
    live.update(view(213 * S))
    assert "×213" in out.getvalue()


def test_a_charger_without_contactors_tells_of_its_power_stage():
    s = signals(**{**CHARGER, "contactors_closed": None}, safety_state="Delivering")
    v = View(NOW, SideView(), side_view(s, NOW, False, [bytes(128)] * 8))
    for columns, rows in ((140, 45), (100, 30), (66, 20)):
        text = "\n".join(text_of(picture(v, {}, columns, rows)))
        assert "● on" in text and ("Delivering" in text or rows == 20)
    s.safety_state.value = "Idle"
    assert side_view(s, NOW, False, []).output is False and side_view(s, NOW, True, []).output is None


def test_reports_do_not_drown_the_sequence_but_warnings_are_shown():
    live, out, _, _ = show()
    live.note("pev", event(0, "ticks 0 missed 0", source="health"))
    live.note("pev", event(0, "the journal lost 5 events", source="health", level="warning"))
    live.update(view())
    assert "ticks 0" not in out.getvalue() and "lost 5 events" in out.getvalue()


def test_only_the_newest_events_are_kept():
    live, out, _, _ = show()
    for n in range(10_000):
        live.note("pev", event(n * MS, "number %d", n))
    live.update(view())
    assert "number 9999" in out.getvalue() and "number 9000" not in out.getvalue()


def test_a_terminal_without_unicode_gets_ascii():
    live, out, _, _ = show()
    live._unicode = False
    live.update(view())
    assert out.getvalue().isascii()


# --- styled text ------------------------------------------------------------------------------------------------------

def test_lines_are_cut_and_padded_by_what_is_visible():
    assert fit([("abc", 1)], 5) == [("abc", 1), ("  ", 0)]
    assert text_of([fit([("abc", 1), ("defg", 2)], 5)]) == ["abcd…"]
    assert text_of([fit([("abc", 1)], 1), fit([("abc", 1)], 0), fit([("abc", 1)], 3)]) == ["…", "", "abc"]
    assert text_of([spread([("left", 0)], [("right", 0)], 12), spread([("left", 0)], [("right", 0)], 7), spread([("left", 0)], [("right", 0)], 3)]) == [
        "left   right", "l…right", "le…"]
    assert paint([("a", 5), ("b", 0)], True) == "\x1b[1;31ma\x1b[0mb"
    assert ascii_only("╭─●…⠿") == "+-*~?"


@pytest.mark.parametrize("size", SIZES)
def test_an_ac_charge_shows_the_power_of_all_phases(size):
    car = side_view(signals(**AC_CAR, connection_state="Session", v2g_state="ChargingStatus"), NOW, True, [bytes(128)] * 8)
    charger = side_view(signals(**AC_CHARGER, connection_state="Session", v2g_state="ChargingStatus"), NOW, False, [bytes(128)] * 8)
    assert (charger.voltage, charger.current, charger.power, car.current, car.power) == (230.4, 16.0, 11_040.0, 16.0, 11_040.0)
    lines = picture(View(NOW, car, charger), {}, *size)
    text = "\n".join("".join(piece for piece, _ in line) for line in lines)
    assert len(lines) == size[1] and all(width(line) == size[0] for line in lines)
    assert size[0] < 66 or "11.0 kW" in text


def test_dc_values_do_not_become_ac_ones():
    view = side_view(signals(**CAR, ac_power=3.0, ac_current=1.0), NOW, True, [bytes(128)] * 8)
    assert view.power is None and (view.voltage, view.current) == (381.2, 120.4)


@pytest.mark.parametrize("columns, rows", [(140, 45), (100, 30), (100, 50), (80, 24)])
def test_the_power_line_is_one_look(columns, rows):
    for values, wanted in ((dict(attenuation=11.2, rate_tx=9, rate_rx=5, quality="weak"), "weak"), (dict(quality=None), None)):
        shown = view()
        for side in (shown.car, shown.charger):
            for name, value in values.items():
                setattr(side, name, value)
        text = "\n".join("".join(piece for piece, _ in line) for line in picture(shown, {}, columns, rows))
        if wanted is None:
            assert "9/5 Mbit/s" not in text and "5 Mbit/s" not in text and "5 Mb/s" not in text
        else:
            assert {140: "weak  11.2 dB  9/5 Mbit/s", 100: "5 Mbit/s" if rows == 30 else "weak 5 Mb/s", 80: "weak 5 Mb/s"}[columns] in text and "weak" in text


def test_the_power_line_comes_from_the_signals():
    side = side_view(signals(attenuation=11.2, link_rate_tx=9, link_rate_rx=5, link_quality="weak"), NOW, True, SideView().pages)
    assert (side.attenuation, side.rate_tx, side.rate_rx, side.quality) == (11.2, 9, 5, "weak")
    assert side_view(signals(link_rate_tx=9), NOW + 6 * S, True, SideView().pages).rate_tx is None
