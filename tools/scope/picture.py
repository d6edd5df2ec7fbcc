"""The timeline of a session as a PNG for a forum post: the page's rows, colours and phases, drawn by Pillow, without a browser.

The colours and the order of the rows are those of page/theme.json and page/painting.js; where that changes, this does.
"""
from __future__ import annotations

import math
from datetime import datetime, timezone
from typing import Any, Callable

from tools.history.limits import READY, SETUP
from tools.history.model import History, Lane, Mark, Phase, Series
from tools.scope.brush import Brush, mixed
from tools.scope.page_file import theme

WIDTH = 1600
LEFT, RIGHT = 150, 16        # where the timeline begins; the margin
LINE, PANEL, PANEL_LOW, GAP = 22, 130, 80, 6
TABLE_LINE = 21
STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 36000, 86400)
MAX_EVENTS = 14              # errors and warnings that are written out
_STROKES: dict[str, tuple[float, tuple[float, float] | None]] = {"measured": (1.7, None), "target": (1.3, (7, 4)), "limit": (1.3, (2, 4))}
_TEXT = {"error": "bad", "warning": "wait", "command": "box"}


def draw(history: History, path: str, scheme: str = "dark") -> None:
    """One session into `path`. OSError when it cannot be written; ImportError without Pillow."""
    Picture(history, scheme).save(path)


class Picture:
    """Lays out from top to bottom, then draws; `save` writes."""

    def __init__(self, history: History, scheme: str) -> None:
        self.h = history
        self.theme = theme()
        self.colour: dict[str, str] = self.theme[scheme]
        self.hues: list[str] = self.theme["hues"][scheme]
        self.end = max(history.duration * 1.01, 0.01)
        self.events = [mark for mark in history.marks if mark.kind in ("error", "warning", "command")]
        self.units = sorted({series.unit for series in history.series}, key=self._order)
        rows = 1 + bool(history.phases) + any(m.kind == "checkpoint" for m in history.marks) + bool(self.events) + len(history.lanes)
        panels = sum(self._high(unit) + GAP for unit in self.units)
        self.table = max(len(history.phases), min(len(self.events), MAX_EVENTS)) * TABLE_LINE + 40
        self.brush = Brush(WIDTH, 108 + rows * LINE + panels + self.table + 24, self.colour["ground"])
        self._render()

    def save(self, path: str) -> None:
        self.brush.save(path)

    def _order(self, unit: str) -> tuple[int, str]:
        units = self.theme["units"]
        return (units.index(unit) if unit in units else len(units)), unit

    def _high(self, unit: str) -> int:
        return PANEL if unit in ("V", "A") else PANEL_LOW

    def x(self, at: float) -> float:
        return LEFT + at / self.end * (WIDTH - LEFT - RIGHT)

    def _render(self) -> None:
        top = self._head()
        rows = self._grid(top)
        y = top + LINE
        if self.h.phases:
            self._name("phases", y)
            self._phases(y)
            y += LINE
        checkpoints = [mark for mark in self.h.marks if mark.kind == "checkpoint"]
        if checkpoints:
            self._name("checkpoints", y)
            self._checkpoints(checkpoints, y)
            y += LINE
        if self.events:
            self._name("events", y)
            for mark in self.events:
                self._symbol(mark, y)
            y += LINE
        for lane in self.h.lanes:
            self._name(lane.name, y)
            self._lane(lane, y)
            y += LINE
        for unit in self.units:
            y += GAP
            self._panel(unit, y, rows)
            y += self._high(unit)
        self._tables(y + 14)

    # --- the parts ------------------------------------------------------------------------------------------------

    def _head(self) -> int:
        c, h = self.colour, self.h
        self.brush.text(16, 22, h.title, c["text"], 18, WIDTH - 32)
        self.brush.text(16, 46, h.outcome, c["text"], 14, WIDTH - 32)
        facts = [f"{name} {value}" for name, value in (("charger", h.charger), ("vendor", h.vendor), ("car", h.car), ("protocol", h.protocol),
                                                       ("began", _date(h.began_unix_s)), ("length", took(h.duration))) if value]
        self.brush.text(16, 68, "   ·   ".join(facts), c["dim"], 12, WIDTH - 32)
        said = f"damaged file: {h.damage}" if h.damage else "   ·   ".join(h.remarks)
        self.brush.text(16, 86, said, c["wait"] if said else c["dim"], 12, WIDTH - 32)
        return 100

    def _grid(self, top: int) -> int:
        step = next((step for step in STEPS if self.x(step) - LEFT >= 84), STEPS[-1])
        bottom = self.brush.height - self.table - 20
        at = 0.0
        while at <= self.end:
            x = self.x(at)
            self.brush.box(x, top + LINE - 4, 0.5, bottom - top - LINE, self.colour["grid"])
            if x < WIDTH - 50:
                self.brush.text(x + 4, top + 10, clock(at, step), self.colour["dim"])
            at = round(at + step, 6)
        return bottom

    def _name(self, name: str, y: float) -> None:
        self.brush.text(16, y + LINE / 2, name, self.colour["dim"], 12, LEFT - 24)
        self.brush.box(16, y + LINE - 1, WIDTH - 16 - RIGHT, 0.5, self.colour["grid"])

    def _bar(self, begin: float, end: float, y: float, colour: str, words: str, edge: str | None = None) -> None:
        x, wide = self.x(begin), max(self.x(end) - self.x(begin) - 0.5, 0.7)
        self.brush.box(x, y + 2, wide, LINE - 5, colour, 3 if wide > 7 else 0, edge)
        if wide > 28:
            self.brush.text(x + 5, y + LINE / 2, words, self.colour["text"], 11, wide - 9)

    def _phases(self, y: float) -> None:
        until = -math.inf
        for phase in self.h.phases:
            if phase.name in (SETUP, READY) or phase.begin < until - 0.0005:
                continue
            until = phase.end
            self._bar(phase.begin, phase.end, y, self._hue(phase.name), f"{phase.name}  {took(phase.duration)}", self.colour["bad"] if _late(phase) else None)

    def _checkpoints(self, marks: list[Mark], y: float) -> None:
        free = -math.inf
        for mark in marks:
            x, number = self.x(mark.at), mark.text.split(" ")[0]
            room = x > free
            self.brush.box(x, y + 2 if room else y + LINE - 7, 1, LINE - 5 if room else 4, self.colour["good"])
            if room:
                self.brush.text(x + 3, y + LINE / 2, number, self.colour["dim"])
                free = x + 10 + self.brush.wide(number)

    def _symbol(self, mark: Mark, y: float) -> None:
        x, middle, colour = self.x(mark.at), y + LINE / 2, self.colour[_TEXT[mark.kind]]
        if mark.kind == "error":
            self.brush.shape([(x, middle - 6), (x + 6, middle), (x, middle + 6), (x - 6, middle)], colour)
        else:
            self.brush.shape([(x, middle - 5), (x + 5, middle + 4), (x - 5, middle + 4)], colour)

    def _lane(self, lane: Lane, y: float) -> None:
        drawn = -1.0
        for span in lane.spans:
            if self.x(span.end) - drawn >= 0.7:
                self._bar(span.begin, span.end, y, self._span_colour(lane.name, span.text), span.text)
                drawn = self.x(span.end)
        column = -1
        for mark in self.h.marks:
            if mark.lane == lane.name and mark.kind in ("message", "frame") and int(self.x(mark.at)) != column:
                column = int(self.x(mark.at))
                self.brush.box(column, y + LINE - 4, 0.5, 3, self.colour["quiet"])

    def _panel(self, unit: str, y: float, bottom: int) -> None:
        c, high = self.colour, self._high(unit)
        series = [one for one in self.h.series if one.unit == unit]
        self.brush.box(LEFT, y, WIDTH - LEFT - RIGHT, high, c["row"])
        self.brush.text(16, y + 10, self.theme["panel"].get(unit, unit), c["dim"], 12, LEFT - 24)
        self.brush.text(16, y + 26, unit, c["text"])
        values = [value for one in series for _, value in one.points if value is not None]
        if not values:
            return
        low, great = _rounded(min(values), max(values))

        def place(value: float) -> float:
            return y + high - 6 - (value - low) / (great - low) * (high - 12)

        step = nice_step((great - low) / max(2, (high - 12) // 26))
        line = math.ceil(low / step) * step
        levels = []
        while line <= great + step / 1e6:
            self.brush.box(LEFT, place(line), WIDTH - LEFT - RIGHT, 0.5, c["line"])
            levels.append(line)
            line += step
        for one in series:
            for points in self._paths(one, place):
                self.brush.line(points, c[one.side] if line_kind(one) != "limit" else mixed(c[one.side], c["row"], 0.8), *_STROKES[line_kind(one)])
        for level in levels:
            self.brush.text(LEFT + 3, place(level), f"{level:.4g}", c["dim"], 10)
        self._legend(series, y + 9)

    def _legend(self, series: list[Series], y: float) -> None:
        """From the right: a piece of the line and the name, on the panel's ground so that no line runs through it."""
        at = WIDTH - RIGHT - 6.0
        for number, one in enumerate(reversed(series)):
            wide, colour = self.brush.wide(one.name, 10), self.colour[one.side]
            if at - wide - 30 < LEFT + 60 and number + 1 < len(series):
                self.brush.text(at, y, f"{len(series) - number} more", self.colour["dim"], 10, anchor="rm")
                return
            self.brush.box(at - wide - 30, y - 7, wide + 34, 14, self.colour["row"])
            self.brush.text(at, y, one.name, colour, 10, anchor="rm")
            self.brush.line([(at - wide - 26, y), (at - wide - 5, y)], colour, *_STROKES[line_kind(one)])
            at -= wide + 36

    def _paths(self, series: Series, place: Callable[[float], float]) -> list[list[tuple[float, float]]]:
        """Unbroken stretches; of each column of pixels the first, least, greatest and last value."""
        paths: list[list[tuple[float, float]]] = [[]]
        column = -1
        members: list[float] = []                            # the values of one column

        def flush() -> None:
            if members:
                x = column / 2
                for value in dict.fromkeys((members[0], min(members), max(members), members[-1])):
                    paths[-1].append((x, place(value)))
                members.clear()

        for at, value in series.points:
            here = int(self.x(at) * 2)
            if value is None:
                flush()
                if series.step and paths[-1]:
                    paths[-1].append((here / 2, paths[-1][-1][1]))
                paths.append([])
                continue
            if here != column:
                flush()
                if series.step and paths[-1]:
                    paths[-1].append((here / 2, paths[-1][-1][1]))
                column = here
            members.append(value)
        flush()
        return paths

    def _tables(self, y: float) -> None:
        c = self.colour
        self.brush.text(16, y + 8, "phase", c["dim"], 12)
        for x, words in ((330, "took"), (430, "limit"), (790, "usual (lowest, median, highest)")):
            self.brush.text(x, y + 8, words, c["dim"], 12)
        for number, phase in enumerate(self.h.phases, 1):
            line = y + 8 + number * TABLE_LINE
            self.brush.text(16, line, phase.name, c["text"], 12, 200)
            self._track(phase, 220, line)
            self.brush.text(330, line, took(phase.duration), c["bad"] if _late(phase) else c["text"], 12)
            if phase.limit is not None:
                self.brush.text(430, line, f"{took(phase.limit)}  {phase.limit_name}", c["dim"], 12, 350)
            if phase.usual:
                self.brush.text(790, line, ",  ".join(took(seconds) for seconds in phase.usual), c["dim"], 12)
        if self.events:
            self.brush.text(1040, y + 8, "errors and warnings" if any(mark.kind != "command" for mark in self.events) else "commands", c["dim"], 12)
        events = [mark for mark in self.events if mark.kind != "command"] or self.events        # what went wrong goes first
        for number, mark in enumerate(events[:MAX_EVENTS], 1):
            words = mark.text if number < MAX_EVENTS or len(events) == MAX_EVENTS else f"{len(events) - MAX_EVENTS + 1} more"
            self.brush.text(1040, y + 8 + number * TABLE_LINE, f"{clock(mark.at, 0.001)}   {words}", c[_TEXT[mark.kind]], 12, WIDTH - 1056)

    def _track(self, phase: Phase, x: float, y: float) -> None:
        c, wide = self.colour, 96
        most = max(phase.duration, phase.limit or 0, phase.usual[2] if phase.usual else 0) * 1.05 or 1
        self.brush.box(x, y - 6, wide, 12, c["grid"], 3)
        if phase.usual:
            self.brush.box(x + phase.usual[0] / most * wide, y - 6, (phase.usual[2] - phase.usual[0]) / most * wide, 12, c["quiet"])
        self.brush.box(x, y - 3, max(1.5, phase.duration / most * wide), 6, c["bad"] if _late(phase) else c["good"])
        if phase.limit is not None:
            self.brush.box(x + phase.limit / most * wide, y - 6, 1.5, 12, c["text"])

    # --- colours --------------------------------------------------------------------------------------------------

    def _hue(self, name: str) -> str:
        known: dict[str, Any] = self.theme["phases"]
        number = known.get(name.split(" (")[0], known.get(name))
        if number is None:
            number = 0
            for letter in name:
                number = (number * 31 + ord(letter)) & 0xFFFFFFFF
        return self.hues[number % len(self.hues)]

    def _span_colour(self, lane: str, text: str) -> str:
        if lane in ("car V2G", "SLAC", "connection"):
            return self._hue(text)
        for kind in ("bad", "wait", "good"):
            if any(word in text for word in self.theme["words"][kind]):
                return mixed(self.colour[kind], self.colour["card"], 0.75 if kind == "bad" else 0.42)
        if lane == "limited by":
            return mixed(self.colour.get(text.split(":")[0], self.colour["quiet"]), self.colour["card"], 0.38)
        return self._hue(text)


def line_kind(series: Series) -> str:
    """As the page draws it: measured full, wanted dashed, limits dotted."""
    if "Target" in series.name:
        return "target"
    return "limit" if any(word in series.name for word in ("Maximum", "Minimum", "Limit", "limit")) else "measured"


def clock(at: float, step: float) -> str:
    """75.25 s as 1:15.25, to the digits of `step`."""
    digits = max(0, min(4, -math.floor(math.log10(step) + 1e-9)))
    sign, at = ("-", -at) if at < 0 else ("", at)
    at = round(at, digits)
    if at < 60:
        return f"{sign}{at:.{digits}f} s"
    rest = f"{at % 60:0{digits + 3 if digits else 2}.{digits}f}"
    minutes = int(at // 60)
    return f"{sign}{minutes // 60}:{minutes % 60:02}:{rest}" if minutes >= 60 else f"{sign}{minutes}:{rest}"


def took(seconds: float) -> str:
    if seconds < 0.9995:
        return f"{seconds * 1000:.{1 if seconds < 0.01 else 0}f} ms"
    return f"{seconds:.2f} s" if seconds < 60 else clock(seconds, 1) + (" min" if seconds < 3600 else " h")


def nice_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999999)


def _rounded(low: float, great: float) -> tuple[float, float]:
    if 0 < low < great * 0.7:
        low = 0
    room = (great - low) * 0.04 or abs(great) * 0.1 or 1
    return (0 if low == 0 else low - room), great + room


def _late(phase: Phase) -> bool:
    return phase.limit is not None and phase.duration > phase.limit


def _date(unix: float | None) -> str:
    return "" if unix is None else f"{datetime.fromtimestamp(unix, timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
