"""View -> lines of a terminal for a bridge: CCS at the left, CHAdeMO at the right, between them what joins both; its display, and both journals."""
from __future__ import annotations

from typing import Sequence

from kernel.journal import Event
from tools.show.bridge_view import CHARGER_BITS, FAULT_BITS, VEHICLE_BITS, BridgeView, words
from tools.show.pieces import BOX, BOX_LINES, Journals, event_line, framed_display, lamp, merged, number, pilot_text, power_line, state_words
from tools.show.text import ACCENT, BAD, DIM, GOOD, LABEL, PLAIN, TITLE, WARN, Line, fit
from tools.show.view import SideView, View

PANEL_LINES = 11
LEAST = 60                           # columns of the panel
WIDE = BOX + 1 + LEAST               # the display beside the panel
MIDDLE = 28                          # columns of the wires at most
TWO_JOURNALS = 100                   # columns from which both journals stand beside each other
CHADEMO_SOURCES = frozenset({"chademo", "bridge", "vehicle"})
OVER_TEXTS = frozenset({"Over", "Rest"})


def turns(columns: int, rows: int) -> bool:
    """Panel and display do not fit together: a key turns between them."""
    return BOX <= columns < WIDE and BOX_LINES <= rows < PANEL_LINES + BOX_LINES


def body(view: View, journals: Journals, columns: int, rows: int, chosen: str) -> list[Line]:
    """At most `rows` lines below header and progress. `chosen` "evse": the display where only one of both fits."""
    bridge = view.bridge or BridgeView()
    if columns >= WIDE and rows >= BOX_LINES:
        panel = _panel(view, bridge, columns - BOX - 1, BOX_LINES)
        lines = [fit(a, BOX) + [(" ", PLAIN)] + b for a, b in zip(framed_display("bridge", view.car, BOX), panel)]
    elif columns >= BOX and rows >= PANEL_LINES + BOX_LINES:
        lines = _panel(view, bridge, columns, PANEL_LINES) + framed_display("bridge", view.car, BOX)
    elif turns(columns, rows) and chosen == "evse":
        lines = framed_display("bridge", view.car, BOX)
    else:
        lines = _panel(view, bridge, columns, PANEL_LINES) if columns >= LEAST else _narrow(view, bridge)
    return lines + _journals(journals, columns, rows - len(lines))


# --- the panel -------------------------------------------------------------------------------------------------------

def _panel(view: View, b: BridgeView, columns: int, height: int) -> list[Line]:
    """Three columns of `height` lines."""
    middle = min(MIDDLE, columns // 3)
    left = (columns - middle - 2) // 2
    right = columns - middle - 2 - left
    parts = [(_ccs(view, left), left), (_wires(view.car, b), middle), (_chademo(b, right), right)]
    lines = []
    for n in range(height):
        line: Line = []
        for lines_of, room in parts:
            line += [*fit(lines_of[n] if n < len(lines_of) else [], room), (" ", PLAIN)]
        lines.append(line[:-1])
    return lines


def _ccs(view: View, room: int) -> list[Line]:
    """What the box, as a car, says to the charger and hears from it."""
    side, b = view.car, view.bridge or BridgeView()
    states: Line = [(f"{text} ", ACCENT if last else PLAIN) for text, last in state_words(side)]
    limits = [number(b.evse_max[0], ".0f", "V"), number(b.evse_max[1], ".0f", "A"),
              number(None if b.evse_max[2] is None else b.evse_max[2] / 1000, ".0f", "kW")]
    energy = None if view.energy is None else view.energy / 1000
    lines: list[Line] = [
        [("CCS ", TITLE), (b.protocol or "", LABEL)], states,
        _pair("asks", [number(b.asked[0], ".0f", "V"), number(b.asked[1], ".0f", "A")]),
        _pair("charger", [number(b.evse_present[0], ".1f", "V"), number(b.evse_present[1], ".1f", "A")]),
        _pair("at most", limits), [("CP ", LABEL), (pilot_text(side), PLAIN), ("  safety ", LABEL), (side.safety_state or "-", BAD if side.trip else PLAIN)],
        [("link ", LABEL), (side.link_state or "-", PLAIN), ("  ", PLAIN), *power_line(side, short=True)],
        _pair("charged", [number(energy, ".2f", "kWh"), *([] if b.energy_out is None else [f"out {number(b.energy_out / 1000, '.2f', 'kWh')}"])]),
        [("charger: ", LABEL), (view.charger.v2g_state or view.charger.connection_state or "-", PLAIN)]]
    if side.trip:
        lines += _wrapped(side.trip, room, BAD)
    return lines


def _wires(side: SideView, b: BridgeView) -> list[Line]:
    """From the charger's voltage to the battery's, then the wires, then who waits for whom."""
    return [[("bridge ", TITLE), (b.phase or "-", ACCENT)],
            [("V_evse", LABEL), (f"{number(side.voltage, '.1f', 'V'):>8}", TITLE), (f" {number(side.current, '.0f', 'A')}", TITLE)],
            [("contactor   ", LABEL), *lamp(side.contactors, "closed", "open")],
            [("V_car ", LABEL), (f"{number(b.plug_voltage, '.1f', 'V'):>8}", TITLE)],
            [("car's       ", LABEL), *lamp(b.vehicle_contactors, "closed", "open")],
            [("battery ", LABEL), (number(side.battery_voltage, ".0f", "V"), PLAIN), (f" {b.battery.replace('+-', '±')}", LABEL)],
            [*_wire("d1", b.d1), *_wire("d2", b.d2), *_wire("k", b.k)],
            [("lock ", LABEL), *_wire("CCS", side.lock), *_wire("CHAdeMO", b.lock)],
            [(b.wait, WARN)] if b.wait else [],
            [(f"CCS held: {b.hold}", WARN)] if b.hold and b.phase not in OVER_TEXTS else []]


def _wire(name: str, on: bool | None) -> Line:
    mark, style = ("?", WARN) if on is None else ("●", GOOD) if on else ("○", DIM)
    return [(f"{name} ", LABEL), (f"{mark} ", style)]


def _chademo(b: BridgeView, room: int) -> list[Line]:
    """What the box, as a charger, says to the car and hears from it."""
    says, offer = b.says, b.offer
    given = "--" if offer is None or offer.wanted == "nothing" else f"{offer.voltage:.0f} V {offer.current:.0f} A"
    lines: list[Line] = [
        [("CHAdeMO ", TITLE), ("" if says.protocol is None else f"protocol {says.protocol}", LABEL)],
        [(f"{b.state or '-'} ", ACCENT), (b.text, PLAIN)],
        _pair("asks", [number(says.target_voltage, ".0f", "V"), f"{says.current_request:.0f} A"]),
        _pair("at most", [number(says.max_voltage, ".0f", "V"), _minutes(says.max_seconds)]),
        _pair("offered", [given]),
        _pair("SoC", [number(says.soc, ".0f", "%"), number(None if says.capacity is None else says.capacity / 1000, ".0f", "kWh")]),
        *_bits("109.5", b.status, words(b.status, CHARGER_BITS), room),
        *_bits("102.5", b.vehicle_status, words(b.vehicle_status, VEHICLE_BITS), room)]
    if b.vehicle_faults:
        lines += _wrapped(f"102.4 {words(b.vehicle_faults, FAULT_BITS)}", room, BAD)
    if b.waits_for:
        lines += _wrapped(f"awaits {b.waits_for}", room, WARN)
    return lines


def _minutes(seconds: float | None) -> str:
    return "-- min" if seconds is None else f"{seconds / 60:.0f} min"


def _pair(label: str, values: Sequence[str]) -> Line:
    return [(f"{label:<8}", LABEL), (" ".join(values), PLAIN)]


def _bits(name: str, value: int | None, text: str, room: int) -> list[Line]:
    """`102.5 C9 enabled, contactors open`, over as many lines as it needs."""
    if value is None:
        return [[(f"{name} ", LABEL), ("not sent", DIM)]]
    first, *rest = _wrapped(f"{name} {value:02X} {text}", room, PLAIN)
    return [first, *([("  ", PLAIN), *line] for line in rest)]


def _wrapped(text: str, room: int, style: int) -> list[Line]:
    lines: list[str] = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > room - 2:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return [[(line, style)] for line in lines]


def _narrow(view: View, b: BridgeView) -> list[Line]:
    """A terminal below every size: the states, the voltages, who waits."""
    side = view.car
    return [[(" CCS ", TITLE), *((f"{text} ", ACCENT if last else LABEL) for text, last in state_words(side))],
            [(" CHAdeMO ", TITLE), (b.state or "-", ACCENT)],
            [(" " + number(side.voltage, ".0f", "V"), PLAIN), (" " + number(b.plug_voltage, ".0f", "V"), PLAIN), (" " + number(side.current, ".0f", "A"), TITLE)],
            [(" " + (side.trip or b.wait), BAD if side.trip else WARN)]]


# --- the journals ----------------------------------------------------------------------------------------------------

def _journals(journals: Journals, columns: int, rows: int) -> list[Line]:
    """CCS at the left and CHAdeMO at the right where there is room, else in order of time."""
    if rows <= 0:
        return []
    if columns < TWO_JOURNALS or rows < 2:
        return merged(journals, columns, rows)
    left = columns // 2
    heads: list[Line] = [fit([("─ CCS " + "─" * (left - 7), DIM)], left), [("─ CHAdeMO " + "─" * (columns - left - 10), DIM)]]
    own = journals.get("bridge", ())
    ccs: Journals = {name: [item for item in items if name != "bridge" or not _of_vehicle(item[1])] for name, items in journals.items()}
    beside = [event_line(event, "", columns - left) for _, event in own if _of_vehicle(event)][-(rows - 1):]
    beside += [[] for _ in range(rows - 1 - len(beside))]
    return [heads[0] + heads[1], *(fit(a, left) + b for a, b in zip(merged(ccs, left - 1, rows - 1), beside))]


def _of_vehicle(event: Event) -> bool:
    return event.source.rpartition("/")[2] in CHADEMO_SOURCES
