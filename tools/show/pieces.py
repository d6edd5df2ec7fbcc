"""Pieces that every layout of the show is put together from: the framed display, numbers, lamps, lines of the journal."""
from __future__ import annotations

from typing import Mapping, Sequence

from kernel.journal import Event
from tasks.display.picture import BRAILLE_CELLS, BRAILLE_LINES, as_text
from tasks.stop_reasons import NORMAL_ENDS
from tools.show.text import ACCENT, BAD, DIM, GOOD, LABEL, PIXEL, PLAIN, TITLE, WARN, Line, clock, fit, width
from tools.show.view import SideView

NAMES = {"pev": "CAR", "evse": "CHARGER", "bridge": "BRIDGE"}
BOX = BRAILLE_CELLS + 2              # columns of a framed display
BOX_LINES = BRAILLE_LINES + 2
DISPLAY_KEYS = " d page · D light "
LINK = frozenset({"Preparing", "Matching"})              # states of the connection in which a finer machine is at work
V2G = frozenset({"Session", "Ending"})
OVER = frozenset({"Pausing", "Finished", "Failed"})
Journals = Mapping[str, Sequence[tuple[int, Event]]]
"""Node name -> (running number, event), oldest first."""


def framed_display(name: str, side: SideView, columns: int) -> list[Line]:
    """The framed display; its frame tells the states and turns red with a trip."""
    failed = side.connection_state in OVER and side.stop_reason is not None and side.stop_reason not in NORMAL_ENDS
    style = BAD if side.trip else WARN if failed else DIM
    inner = columns - 2
    head: Line = [(f" {NAMES[name]} ", TITLE), *((f"{text} ", ACCENT if last else LABEL) for text, last in state_words(side))]
    if width(head) > inner - 1:
        head = fit(head, inner - 1)
    lines = [[("╭─", style), *head, ("─" * (inner - 1 - width(head)), style), ("╮", style)]]
    left = (inner - BRAILLE_CELLS) // 2
    for text in as_text(side.pages):
        lines.append([("│", style), (" " * left, PLAIN), (text.replace("\u2800", " "), PIXEL), (" " * (inner - BRAILLE_CELLS - left), PLAIN), ("│", style)])
    lines.append([("╰" + "─" * (inner - len(DISPLAY_KEYS) - 1), style), (DISPLAY_KEYS, DIM), ("─╯", style)])
    return lines


def state_words(side: SideView) -> list[tuple[str, bool]]:
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


def number(value: float | None, form: str, unit: str) -> str:
    return f"-- {unit}" if value is None else f"{value:{form}} {unit}"


def lamp(state: bool | None, yes: str, no: str) -> Line:
    if state is None:
        return [("? ", WARN), ("unknown", DIM)]
    return [("● ", GOOD), (yes, PLAIN)] if state else [("○ ", DIM), (no, PLAIN)]


def pilot_text(side: SideView) -> str:
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


def merged(journals: Journals, columns: int, rows: int) -> list[Line]:
    """The newest events of both sides in order of time."""
    if rows <= 0:
        return []
    events = sorted((event.at, name, number, event) for name, items in journals.items() for number, event in items[-rows:])
    lines = [event_line(event, NAMES.get(name, name), columns) for _, name, _, event in events[-rows:]]
    return lines + [[] for _ in range(rows - len(lines))]


def event_line(event: Event, name: str, columns: int) -> Line:
    style = BAD if event.level == "error" else WARN if event.level == "warning" else PLAIN if event.number else DIM
    line: Line = [(f" {clock(event.at)} ", LABEL)]
    if name:
        line.append((f"{name:<8}", LABEL))
    line.append((f"[{event.number:3d}] ", ACCENT) if event.number else (f"{event.source.rpartition('/')[2][:10]}: ", LABEL))
    line.append((" ".join(event.message().split()), style))
    return fit(line, columns)
