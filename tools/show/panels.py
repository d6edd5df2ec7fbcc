"""View -> lines of a terminal, pure: a layout for wide, one for common and one for small terminals."""
from __future__ import annotations

from kernel.timer import S
from tools.show import bridge_panels
from tools.show.pieces import (BOX, BOX_LINES, NAMES, Journals, event_line, framed_display, lamp, merged, number, pilot_text, power_line, state_words)
from tools.show.text import ACCENT, BAD, DIM, GOOD, LABEL, PLAIN, TITLE, WARN, Line, fit, minutes, spread
from tools.show.view import SideView, View

WIDE = 2 * BOX                       # two displays side by side
SMALL = (BOX + 14, 24)               # below this the displays do not fit
KEYS = "q stop · p pause · s go on · -+ power"


def picture(view: View, journals: Journals, columns: int, rows: int, chosen: str = "pev", speed: float | None = None,
            stopping: bool = False) -> list[Line]:
    """Exactly `rows` lines of exactly `columns` characters.

    `chosen`: whose display is shown where only one fits; of a bridge "evse" is its display in place of the panel.
    `speed`: virtual seconds per second of the wall.
    """
    bridge = view.bridge is not None
    if bridge:
        body = bridge_panels.body(view, journals, columns, rows - 3, chosen)
    elif columns >= WIDE and rows >= 2 + BOX_LINES + 5:
        body = _side_by_side(view, journals, columns, rows - 3)
    elif columns >= SMALL[0] and rows >= SMALL[1]:
        body = _stacked(view, journals, columns, rows - 3, chosen)
    else:
        body = _compact(view, journals, columns, rows - 3)
    one_display = bridge_panels.turns(columns, rows - 3) if bridge else SMALL[0] <= columns < WIDE and SMALL[1] <= rows < 3 + 2 * BOX_LINES
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
    lines = framed_display(name, side, columns - 1)
    lines += _facts_wide(side, view)
    events = rows - len(lines) - 1
    lines.append([("─" * (columns - 1), DIM)])
    lines += [event_line(event, "", columns - 1) for _, event in journals.get(name, ())[-events:]] if events > 0 else []
    lines += [[] for _ in range(rows - len(lines))]
    return lines[:rows]


def _stacked(view: View, journals: Journals, columns: int, rows: int, chosen: str) -> list[Line]:
    beside = columns - BOX - 2
    both = rows >= 2 * BOX_LINES + 1
    lines: list[Line] = []
    for name in (("pev", "evse") if both else (chosen,)):
        box = framed_display(name, _side(view, name), BOX)
        if both:
            facts = _facts_narrow(_side(view, name), view, beside, full=True)
        elif beside >= 24:
            facts = _facts_both(view, beside)
        else:
            facts = [[(NAMES[name], TITLE)], *_facts_narrow(_side(view, name), view, beside, full=False)]
        facts += [[] for _ in range(BOX_LINES - len(facts))]
        lines += [fit(b, BOX) + [("  ", PLAIN)] + fit(f, beside) for b, f in zip(box, facts)]
    return lines + merged(journals, columns, rows - len(lines))


def _compact(view: View, journals: Journals, columns: int, rows: int) -> list[Line]:
    lines: list[Line] = []
    for name in ("pev", "evse"):
        side = _side(view, name)
        lines += [_states(NAMES[name], side), *_facts_wide(side, view)[:2]]
    return lines + merged(journals, columns, rows - len(lines))


def _side(view: View, name: str) -> SideView:
    return view.car if name == "pev" else view.charger


# --- pieces ----------------------------------------------------------------------------------------------------------

def _header(view: View, columns: int, speed: float | None) -> Line:
    what = "a simulated charge" if view.bridge is None else f"{view.bridge.vehicle} at {view.bridge.charger}, through a bridge"
    left: Line = [(" ccsbox ", TITLE), (what, PLAIN)]
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
    tab = (" · Tab: display" if view.bridge is not None else " · Tab: other side") if one_display else ""
    return spread([(f" {KEYS}{tab}", DIM)], right, columns)




def _states(name: str, side: SideView) -> Line:
    if side.trip:
        return [(f" {name:<8}", TITLE), (side.trip, BAD)]
    return [(f" {name:<8}", TITLE)] + [(f"{text} ", ACCENT if last else LABEL) for text, last in state_words(side)]




def _switch_name(side: SideView) -> str:
    """A charger without contactors switches its power stage."""
    return "output" if side.contactors is None and side.output is not None else "contactors"


def _switch(side: SideView) -> Line:
    if side.contactors is None and side.output is not None:
        return lamp(side.output, "on ", "off")
    return lamp(side.contactors, "closed", "open  ")


def _power(side: SideView) -> float | None:
    if side.power is not None:
        return side.power / 1000
    return None if side.voltage is None or side.current is None else side.voltage * side.current / 1000




def _facts_wide(side: SideView, view: View) -> list[Line]:
    """Three or, once the modems have met, four lines of at most 64 columns."""
    energy = None if view.energy is None else view.energy / 1000
    first: Line = [(f" {number(side.voltage, '.1f', 'V'):>8}  {number(side.current, '.1f', 'A'):>8}  {number(_power(side), '.1f', 'kW'):>8}", TITLE),
                   (f"  {number(energy, '.2f', 'kWh'):>9}", PLAIN), ("   SoC ", LABEL), (number(side.soc, ".1f", "%"), PLAIN)]
    second: Line = [(" CP ", LABEL), (f"{pilot_text(side):<6}", PLAIN), (f" {_switch_name(side)} ", LABEL), *_switch(side),
                    ("  lock ", LABEL), *lamp(side.lock, "locked", "open")]
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
        ("voltage", lambda s: [(number(s.voltage, ".1f", "V"), PLAIN)]), ("current", lambda s: [(number(s.current, ".1f", "A"), PLAIN)]),
        ("power", lambda s: [(number(_power(s), ".1f", "kW"), TITLE)]), ("SoC", lambda s: [(number(s.soc, ".1f", "%"), PLAIN)]),
        ("pilot", lambda s: [(pilot_text(s), PLAIN)]), ("contactors", _switch),
        ("lock", lambda s: lamp(s.lock, "locked", "open")),
        ("link", lambda s: [(s.link_state or "-", PLAIN)]), ("power line", lambda s: power_line(s, short=True)[:1] or [("-", PLAIN)]),
        ("rate", lambda s: [(number(None if s.rate_tx is None or s.rate_rx is None else min(s.rate_tx, s.rate_rx), "d", "Mbit/s"), PLAIN)]), ("safety", lambda s: [(s.safety_state or "-", BAD if s.trip else PLAIN)]))]
    for label, values in table:
        if values is None:
            lines.append([])
        else:
            lines.append([(f"{label:<11}", LABEL), *fit(values[0], room), (" ", PLAIN), *fit(values[1], room)])
    lines += [[], [(f"{'battery':<11}", LABEL), (number(view.car.battery_voltage, ".1f", "V"), PLAIN)],
              [(f"{'energy':<11}", LABEL), (number(energy, ".2f", "kWh"), PLAIN)]]
    for name, side in (("CAR", view.car), ("CHARGER", view.charger)):
        if side.trip:
            lines.append([(f"{name}: {side.trip}", BAD)])
        else:
            lines.append([(f"{name:<11}", LABEL), (side.v2g_state or side.connection_state or "-", ACCENT)])
    return lines


def _facts_narrow(side: SideView, view: View, columns: int, full: bool) -> list[Line]:
    """One side in 14 columns or more."""
    energy = None if view.energy is None else view.energy / 1000
    lines: list[Line] = [[], [(number(side.voltage, ".1f", "V"), TITLE)], [(number(side.current, ".1f", "A"), TITLE)],
                         [(number(_power(side), ".1f", "kW"), TITLE)], [(number(energy, ".2f", "kWh"), PLAIN)],
                         [("SoC ", LABEL), (number(side.soc, ".1f", "%"), PLAIN)], [],
                         [("CP ", LABEL), (pilot_text(side), PLAIN)], [("K ", LABEL), *_switch(side)],
                         [("L ", LABEL), *lamp(side.lock, "locked", "open")]]
    met = power_line(side, short=True)
    if met:
        lines.append(met)
    if side.battery_voltage is not None:
        lines.append([("bat ", LABEL), (f"{side.battery_voltage:.0f} V", PLAIN)])
    lines += [[], [(side.safety_state or "-", BAD if side.trip else PLAIN)]]
    if full and side.trip:
        lines.append([(side.trip, BAD)])
    return lines




def duration_text(ns: int) -> str:
    """`3412 ms` as long as it is short, then `31:42`, minutes and seconds."""
    return f"{ns // 1_000_000} ms" if ns < 100 * S else minutes(ns)
