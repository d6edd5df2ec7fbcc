"""View -> lines of a terminal, pure: a layout for wide, one for common and one for small terminals."""
from __future__ import annotations

from typing import Mapping, Sequence

from kernel.journal import Event
from kernel.timer import S
from tasks.display.picture import BRAILLE_CELLS, BRAILLE_LINES, as_text
from tasks.stop_reasons import NORMAL_ENDS
from tools.show.text import (ACCENT, BAD, DIM, GOOD, LABEL, PIXEL, PLAIN, TITLE, WARN, Line, clock, fit, minutes, spread, width)
from tools.show.view import SideView, View

NAMES = {"pev": "CAR", "evse": "CHARGER"}
BOX = BRAILLE_CELLS + 2              # columns of a framed display
BOX_LINES = BRAILLE_LINES + 2
WIDE = 2 * BOX                       # two displays side by side
SMALL = (BOX + 14, 24)               # below this the displays do not fit
KEYS = "q stop · p pause · s go on · -+ power"
DISPLAY_KEYS = " d page · D light "
LINK = frozenset({"Preparing", "Matching"})              # states of the connection in which a finer machine is at work
V2G = frozenset({"Session", "Ending"})
OVER = frozenset({"Pausing", "Finished", "Failed"})
Journals = Mapping[str, Sequence[tuple[int, Event]]]


def picture(view: View, journals: Journals, columns: int, rows: int, chosen: str = "pev", speed: float | None = None,
            stopping: bool = False) -> list[Line]:
    """Exactly `rows` lines of exactly `columns` characters.

    `journals`: node name -> (running number, event), oldest first. `chosen`: whose display is shown where only one fits.
    `speed`: virtual seconds per second of the wall.
    """
    if columns >= WIDE and rows >= 2 + BOX_LINES + 5:
        body = _side_by_side(view, journals, columns, rows - 3)
    elif columns >= SMALL[0] and rows >= SMALL[1]:
        body = _stacked(view, journals, columns, rows - 3, chosen)
    else:
        body = _compact(view, journals, columns, rows - 3)
    one_display = SMALL[0] <= columns < WIDE and SMALL[1] <= rows < 3 + 2 * BOX_LINES
    lines = [_header(view, columns, speed), _progress(view, columns), *body, _footer(view, columns, stopping, one_display)]
    lines = lines[:rows - 1] + lines[-1:] if len(lines) > rows else lines
    while len(lines) < rows:
        lines.insert(len(lines) - 1, [])
    return [fit(line, columns) for line in lines[:rows]]


# --- layouts ---------------------------------------------------------------------------------------------------------

def _side_by_side(view: View, journals: Journals, columns: int, rows: int) -> list[Line]:
    left_width = columns // 2
    left = _column("pev", view.car, view, journals, left_width, rows)
    right = _column("evse", view.charger, view, journals, columns - left_width, rows)
    return [fit(a, left_width) + b for a, b in zip(left, right)]


def _column(name: str, side: SideView, view: View, journals: Journals, columns: int, rows: int) -> list[Line]:
    lines = _box(name, side, columns - 1)
    lines += _facts_wide(side, view)
    events = rows - len(lines) - 1
    lines.append([("─" * (columns - 1), DIM)])
    lines += [_event(event, "", columns - 1) for _, event in journals.get(name, ())[-events:]] if events > 0 else []
    lines += [[] for _ in range(rows - len(lines))]
    return lines[:rows]


def _stacked(view: View, journals: Journals, columns: int, rows: int, chosen: str) -> list[Line]:
    beside = columns - BOX - 2
    both = rows >= 2 * BOX_LINES + 1
    lines: list[Line] = []
    for name in (("pev", "evse") if both else (chosen,)):
        box = _box(name, _side(view, name), BOX)
        if both:
            facts = _facts_narrow(_side(view, name), view, beside, full=True)
        elif beside >= 24:
            facts = _facts_both(view, beside)
        else:
            facts = [[(NAMES[name], TITLE)], *_facts_narrow(_side(view, name), view, beside, full=False)]
        facts += [[] for _ in range(BOX_LINES - len(facts))]
        lines += [fit(b, BOX) + [("  ", PLAIN)] + fit(f, beside) for b, f in zip(box, facts)]
    return lines + _merged(journals, columns, rows - len(lines))


def _compact(view: View, journals: Journals, columns: int, rows: int) -> list[Line]:
    lines: list[Line] = []
    for name in ("pev", "evse"):
        side = _side(view, name)
        lines += [_states(NAMES[name], side), *_facts_wide(side, view)[:2]]
    return lines + _merged(journals, columns, rows - len(lines))


def _side(view: View, name: str) -> SideView:
    return view.car if name == "pev" else view.charger


# --- pieces ----------------------------------------------------------------------------------------------------------

def _header(view: View, columns: int, speed: float | None) -> Line:
    left: Line = [(" ccsbox ", TITLE), ("a simulated charge", PLAIN)]
    pace = "" if speed is None else f"  ×{speed:.0f}" if speed >= 1.5 else "  real time"
    return spread(left, [(f"{minutes(view.now)}", TITLE), (f".{view.now // 1_000_000 % 1000:03d}", DIM), (f"{pace} ", ACCENT)], columns)


def _progress(view: View, columns: int) -> Line:
    start = f" {view.soc_from:.0f}% " if view.soc_from is not None else " "
    end = f" {view.soc_to:.0f}%" if view.soc_to is not None else ""
    soc = view.car.soc
    end += f"   SoC {soc:4.1f} % " if soc is not None else " "
    room = max(columns - len(start) - len(end), 4)
    share = min(max(view.progress or 0.0, 0.0), 1.0)
    full = int(share * room * 2)
    bar = "━" * (full // 2) + ("╸" if full % 2 else "")
    return [(start, LABEL), (bar, GOOD), ("─" * (room - len(bar)), DIM), (end, PLAIN)]


def _footer(view: View, columns: int, stopping: bool, one_display: bool) -> Line:
    lost = f", {view.dropped} lost" if view.dropped else ""
    right: Line = [(f"{view.frames} frames", DIM), (lost, WARN), (" ", PLAIN)]
    if stopping:
        return spread([(" stopping the charge …", WARN)], right, columns)
    tab = " · Tab: other side" if one_display else ""
    return spread([(f" {KEYS}{tab}", DIM)], right, columns)


def _box(name: str, side: SideView, columns: int) -> list[Line]:
    """The framed display; its frame tells the states and turns red with a trip."""
    failed = side.connection_state in OVER and side.stop_reason is not None and side.stop_reason not in NORMAL_ENDS
    style = BAD if side.trip else WARN if failed else DIM
    inner = columns - 2
    head: Line = [(f" {NAMES[name]} ", TITLE), *((f"{text} ", ACCENT if last else LABEL) for text, last in _state_words(side))]
    if width(head) > inner - 1:
        head = fit(head, inner - 1)
    lines = [[("╭─", style), *head, ("─" * (inner - 1 - width(head)), style), ("╮", style)]]
    left = (inner - BRAILLE_CELLS) // 2
    for text in as_text(side.pages):
        lines.append([("│", style), (" " * left, PLAIN), (text.replace("\u2800", " "), PIXEL), (" " * (inner - BRAILLE_CELLS - left), PLAIN), ("│", style)])
    lines.append([("╰" + "─" * (inner - len(DISPLAY_KEYS) - 1), style), (DISPLAY_KEYS, DIM), ("─╯", style)])
    return lines


def _state_words(side: SideView) -> list[tuple[str, bool]]:
    """The states that matter now: connection, then the machine at work."""
    words = [(side.connection_state or "-", False)]
    if side.connection_state in OVER:
        finer = None if side.stop_reason is None else side.stop_reason.text
    elif side.connection_state in LINK:
        finer = side.link_state
    else:
        finer = side.v2g_state if side.connection_state in V2G else None
    if finer:
        words += [("·", False), (finer, True)]
    return words


def _states(name: str, side: SideView) -> Line:
    if side.trip:
        return [(f" {name:<8}", TITLE), (side.trip, BAD)]
    return [(f" {name:<8}", TITLE)] + [(f"{text} ", ACCENT if last else LABEL) for text, last in _state_words(side)]


def _number(value: float | None, form: str, unit: str) -> str:
    return f"-- {unit}" if value is None else f"{value:{form}} {unit}"


def _lamp(state: bool | None, yes: str, no: str) -> Line:
    if state is None:
        return [("? ", WARN), ("unknown", DIM)]
    return [("● ", GOOD), (yes, PLAIN)] if state else [("○ ", DIM), (no, PLAIN)]


def _switch_name(side: SideView) -> str:
    """A charger without contactors switches its power stage."""
    return "output" if side.contactors is None and side.output is not None else "contactors"


def _switch(side: SideView) -> Line:
    if side.contactors is None and side.output is not None:
        return _lamp(side.output, "on ", "off")
    return _lamp(side.contactors, "closed", "open  ")


def _power(side: SideView) -> float | None:
    if side.power is not None:
        return side.power / 1000
    return None if side.voltage is None or side.current is None else side.voltage * side.current / 1000


def _pilot(side: SideView) -> str:
    if side.pilot is None:
        return "?"
    return side.pilot if side.duty is None or side.duty >= 99.5 else f"{side.pilot} {side.duty:.0f}%"


def power_line(side: SideView, short: bool = False) -> Line:
    """`good  11.4 dB  9/9 Mbit/s` (rates to and from the peer's modem), short: `good 9 Mb/s`, 11 columns; empty while nothing is known."""
    rates = None if side.rate_tx is None or side.rate_rx is None else (side.rate_tx, side.rate_rx)
    if side.quality is None:
        return []
    word: Line = [(side.quality, GOOD if side.quality == "good" else WARN if side.quality == "weak" else BAD)]
    if short:
        return word + ([] if rates is None else [(f" {min(rates)} Mb/s", PLAIN)])
    figures = [] if side.attenuation is None else [f"{side.attenuation:.1f} dB"]
    if rates is not None:
        figures.append(f"{rates[0]}/{rates[1]} Mbit/s")
    return word + [("  " + "  ".join(figures), PLAIN)]


def _facts_wide(side: SideView, view: View) -> list[Line]:
    """Three or, once the modems have met, four lines of at most 64 columns."""
    energy = None if view.energy is None else view.energy / 1000
    first: Line = [(f" {_number(side.voltage, '.1f', 'V'):>8}  {_number(side.current, '.1f', 'A'):>8}  {_number(_power(side), '.1f', 'kW'):>8}", TITLE),
                   (f"  {_number(energy, '.2f', 'kWh'):>9}", PLAIN), ("   SoC ", LABEL), (_number(side.soc, ".1f", "%"), PLAIN)]
    second: Line = [(" CP ", LABEL), (f"{_pilot(side):<6}", PLAIN), (f" {_switch_name(side)} ", LABEL), *_switch(side),
                    ("  lock ", LABEL), *_lamp(side.lock, "locked", "open")]
    if side.battery_voltage is not None:
        second += [("  battery ", LABEL), (f"{side.battery_voltage:.1f} V", PLAIN)]
    third: Line = [(" safety ", LABEL), (side.safety_state or "-", BAD if side.trip else PLAIN)]
    if side.trip:
        third += [("  ", PLAIN), (side.trip, BAD)]
    else:
        third += [("  link ", LABEL), (side.link_state or "-", PLAIN), ("  v2g ", LABEL), (side.v2g_state or "-", PLAIN)]
    met = power_line(side)
    return [first, second, third] + ([[(" power line ", LABEL), *met]] if met else [])


def _facts_both(view: View, columns: int) -> list[Line]:
    """Both sides as two columns of values under each other, for at least 24 columns; as high as a display."""
    room = (columns - 12) // 2
    lines: list[Line] = [[(" " * 11, PLAIN), (f"{'CAR':<{room + 1}}", TITLE), ("CHARGER", TITLE)]]
    energy = None if view.energy is None else view.energy / 1000
    table: list[tuple[str, list[Line] | None]] = [("", None)]
    table += [(label, [value(view.car), value(view.charger)]) for label, value in (
        ("voltage", lambda s: [(_number(s.voltage, ".1f", "V"), PLAIN)]), ("current", lambda s: [(_number(s.current, ".1f", "A"), PLAIN)]),
        ("power", lambda s: [(_number(_power(s), ".1f", "kW"), TITLE)]), ("SoC", lambda s: [(_number(s.soc, ".1f", "%"), PLAIN)]),
        ("pilot", lambda s: [(_pilot(s), PLAIN)]), ("contactors", _switch),
        ("lock", lambda s: _lamp(s.lock, "locked", "open")),
        ("link", lambda s: [(s.link_state or "-", PLAIN)]), ("power line", lambda s: power_line(s, short=True)[:1] or [("-", PLAIN)]),
        ("rate", lambda s: [(_number(None if s.rate_tx is None or s.rate_rx is None else min(s.rate_tx, s.rate_rx), "d", "Mbit/s"), PLAIN)]), ("safety", lambda s: [(s.safety_state or "-", BAD if s.trip else PLAIN)]))]
    for label, values in table:
        if values is None:
            lines.append([])
        else:
            lines.append([(f"{label:<11}", LABEL), *fit(values[0], room), (" ", PLAIN), *fit(values[1], room)])
    lines += [[], [(f"{'battery':<11}", LABEL), (_number(view.car.battery_voltage, ".1f", "V"), PLAIN)],
              [(f"{'energy':<11}", LABEL), (_number(energy, ".2f", "kWh"), PLAIN)]]
    for name, side in (("CAR", view.car), ("CHARGER", view.charger)):
        if side.trip:
            lines.append([(f"{name}: {side.trip}", BAD)])
        else:
            lines.append([(f"{name:<11}", LABEL), (side.v2g_state or side.connection_state or "-", ACCENT)])
    return lines


def _facts_narrow(side: SideView, view: View, columns: int, full: bool) -> list[Line]:
    """One side in 14 columns or more."""
    energy = None if view.energy is None else view.energy / 1000
    lines: list[Line] = [[], [(_number(side.voltage, ".1f", "V"), TITLE)], [(_number(side.current, ".1f", "A"), TITLE)],
                         [(_number(_power(side), ".1f", "kW"), TITLE)], [(_number(energy, ".2f", "kWh"), PLAIN)],
                         [("SoC ", LABEL), (_number(side.soc, ".1f", "%"), PLAIN)], [],
                         [("CP ", LABEL), (_pilot(side), PLAIN)], [("K ", LABEL), *_switch(side)],
                         [("L ", LABEL), *_lamp(side.lock, "locked", "open")]]
    met = power_line(side, short=True)
    if met:
        lines.append(met)
    if side.battery_voltage is not None:
        lines.append([("bat ", LABEL), (f"{side.battery_voltage:.0f} V", PLAIN)])
    lines += [[], [(side.safety_state or "-", BAD if side.trip else PLAIN)]]
    if full and side.trip:
        lines.append([(side.trip, BAD)])
    return lines


def _merged(journals: Journals, columns: int, rows: int) -> list[Line]:
    """The newest events of both sides in order of time."""
    if rows <= 0:
        return []
    events = sorted((event.at, name, number, event) for name, items in journals.items() for number, event in items[-rows:])
    lines = [_event(event, NAMES.get(name, name), columns) for _, name, _, event in events[-rows:]]
    return lines + [[] for _ in range(rows - len(lines))]


def _event(event: Event, name: str, columns: int) -> Line:
    style = BAD if event.level == "error" else WARN if event.level == "warning" else PLAIN if event.number else DIM
    line: Line = [(f" {clock(event.at)} ", LABEL)]
    if name:
        line.append((f"{name:<8}", LABEL))
    line.append((f"[{event.number:3d}] ", ACCENT) if event.number else (f"{event.source.rpartition('/')[2][:10]}: ", LABEL))
    line.append((" ".join(event.message().split()), style))
    return fit(line, columns)


def duration_text(ns: int) -> str:
    """`3412 ms` as long as it is short, then `31:42`, minutes and seconds."""
    return f"{ns // 1_000_000} ms" if ns < 100 * S else minutes(ns)
