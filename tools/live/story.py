"""The timeline of the present plug-in, grown from what the box tells: lanes of states, series of values, marks. Bounded; pure.

The shape is the neutral model of a timeline (kind "live"); times are seconds since the plug-in.
"""
from __future__ import annotations

import re
from typing import Any

LANES = (("connection", "connection_state"), ("link", "link_state"), ("V2G", "v2g_state"), ("CHAdeMO", "chademo_state"), ("safety", "safety_state"),
         ("pilot", "pilot_state"), ("contactors", "contactors_closed"))
WORDS = {True: "closed", False: "open"}
SERIES = (("EVSEPresentVoltage", "evse_present_voltage", "V", "charger"), ("inlet voltage", "inlet_voltage", "V", "box"), ("battery voltage", "battery_voltage", "V", "car"),
          ("output voltage", "output_voltage", "V", "box"), ("EVTargetVoltage", "ev_target_voltage", "V", "car"), ("AC voltage", "ac_voltage", "V", "box"),
          ("EVSEPresentCurrent", "evse_present_current", "A", "charger"), ("inlet current", "inlet_current", "A", "box"), ("EVTargetCurrent", "ev_target_current", "A", "car"),
          ("EVSEMaximumCurrentLimit", "evse_max_current", "A", "charger"), ("output current", "output_current", "A", "box"), ("AC current", "ac_current", "A", "box"),
          ("SoC", "battery_soc", "%", "car"), ("EVRESSSOC", "ev_soc", "%", "car"), ("power share", "power_share", "%", "box"),
          ("inlet temperature", "inlet_temperature", "degC", "box"))
MARK_LEVELS = frozenset({"checkpoint", "warning", "error"})
COMMAND = re.compile(r"(stop|pause|new beginning) asked for by|power limited to|power stays at")
MAX_POINTS = 2000            # of one series; every other one of the older half goes when there are more
MAX_SPANS = 400              # of one lane, the oldest goes first
MAX_MARKS = 600
MAX_DELTA = 200              # points, spans and marks that one delta may carry: more only where the box was silent for long
RESTING = frozenset({None, "Unplugged"})


class Story:
    """`values` and `event` take what the box tells; `model` is the whole, `delta` what has come since the last one."""

    def __init__(self, about: str, role: str, epoch: float, at: float) -> None:
        """`epoch`: s to add to the box's time for seconds since 1970. `at`: the box's time now."""
        self.title = f"{about}, {role}"
        self.generation = 0                      # counts plug-ins: a page that knows another one begins anew
        self._epoch = epoch
        self._known: dict[str, Any] = {}
        self._begin(at)

    def _begin(self, at: float) -> None:
        self.generation += 1
        self._zero = at
        self._now = 0.0
        self._lanes: dict[str, list[dict[str, Any]]] = {name: [] for name, _ in LANES}
        self._points: dict[str, list[list[Any]]] = {name: [] for name, *_ in SERIES}
        self._marks: list[dict[str, Any]] = []
        self._fresh: dict[str, Any] = {"lanes": {}, "series": {}, "marks": []}

    def values(self, at: float, changed: dict[str, Any]) -> None:
        """Signals that changed at `at` (s, the box's time)."""
        before = self._known.get("connection_state")
        self._known.update(changed)
        state = self._known.get("connection_state")
        if before in RESTING and state not in RESTING:
            self._begin(at)
            changed = dict(self._known)          # what holds now holds from the beginning
        t = self._time(at)
        for lane, name in LANES:
            if name in changed:
                value = changed[name]
                self._state(lane, t, "" if value is None else WORDS.get(value, str(value)) if isinstance(value, bool) else str(value))
        for series, name, _, _ in SERIES:
            if name in changed and (changed[name] is None or isinstance(changed[name], (int, float))):
                self._point(series, t, changed[name])

    def event(self, at: float, source: str, level: str, text: str, number: int) -> None:
        command = bool(COMMAND.match(text))
        if level not in MARK_LEVELS and not command or at < self._zero:
            return
        mark = {"t": self._time(at), "kind": "command" if command else level, "lane": "V2G" if source == "v2g" else "safety" if source == "safety" else "connection",
                "text": (f"{number} {text}" if number else text)[:200], "detail": source}
        if len(self._marks) >= MAX_MARKS:
            del self._marks[0]
        self._marks.append(mark)
        self._fresh["marks"] = [*self._fresh["marks"], mark][-MAX_DELTA:]

    def beat(self, at: float) -> None:
        """Time goes on: what holds, holds until now."""
        self._now = max(self._now, self._time(at))
        for spans in self._lanes.values():
            if spans:
                spans[-1]["to"] = self._now

    def _time(self, at: float) -> float:
        return round(max(0.0, at - self._zero), 3)

    def _state(self, lane: str, t: float, text: str) -> None:
        spans = self._lanes[lane]
        if spans:
            if spans[-1]["text"] == text:
                return
            spans[-1]["to"] = t
        if len(spans) >= MAX_SPANS:
            del spans[0]
        span = {"from": t, "to": t, "text": text}
        spans.append(span)
        self._fresh["lanes"][lane] = [*self._fresh["lanes"].get(lane, ()), {"from": t, "to": t, "text": text}][-MAX_DELTA:]

    def _point(self, series: str, t: float, value: float | None) -> None:
        points = self._points[series]
        if not points and value is None:
            return                               # never known: no line
        if len(points) >= MAX_POINTS:
            half = len(points) // 2
            points[:half] = points[:half:2]
        points.append([t, value])
        self._fresh["series"][series] = [*self._fresh["series"].get(series, ()), [t, value]][-MAX_DELTA:]

    # --- for the pages

    def delta(self) -> dict[str, Any]:
        """What came since the last call; the end of an open span is `now`."""
        fresh, self._fresh = self._fresh, {"lanes": {}, "series": {}, "marks": []}
        return {"now": self._now, **{key: value for key, value in fresh.items() if value}}

    def model(self) -> dict[str, Any]:
        """The whole; spans without a text (unknown) are left out."""
        known = self._known
        return {"title": self.title, "source": "", "kind": "live", "began_unix_s": round(self._zero + self._epoch, 3), "duration_s": self._now, "vendor": None,
                "car": known.get("evccid"), "charger": known.get("evse_id"), "protocol": known.get("v2g_protocol"), "outcome": known.get("box.end") or "",
                "lanes": [{"name": name, "spans": [dict(span) for span in spans if span["text"]]} for name, spans in self._lanes.items() if any(s["text"] for s in spans)],
                "series": [{"name": name, "unit": unit, "side": side, "step": True, "points": [list(p) for p in self._points[name]]}
                           for name, _, unit, side in SERIES if self._points[name]],
                "marks": [dict(mark) for mark in self._marks], "phases": []}
