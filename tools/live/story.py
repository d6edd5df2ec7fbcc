"""The timeline of the present plug-in, grown from what the box tells: lanes of states, series of values, marks. Bounded; pure.

The shape is the neutral model of a timeline (tools/history, kind "live"); times are seconds since the plug-in.
"""
from __future__ import annotations

import re
from typing import Any

from tools.history.limits import ONGOING, USUAL, limit_of

LANES = (("connection", "connection_state"), ("link", "link_state"), ("V2G", "v2g_state"), ("CHAdeMO", "chademo_state"), ("safety", "safety_state"),
         ("pilot", "pilot_state"), ("contactors", "contactors_closed"))
WORDS = {True: "closed", False: "open"}
SERIES = (("EVSEPresentVoltage", "evse_present_voltage", "V", "charger"), ("inlet voltage", "inlet_voltage", "V", "box"), ("battery voltage", "battery_voltage", "V", "car"),
          ("output voltage", "output_voltage", "V", "box"), ("EVTargetVoltage", "ev_target_voltage", "V", "car"), ("AC voltage", "ac_voltage", "V", "box"),
          ("EVSEPresentCurrent", "evse_present_current", "A", "charger"), ("inlet current", "inlet_current", "A", "box"), ("EVTargetCurrent", "ev_target_current", "A", "car"),
          ("EVSEMaximumCurrentLimit", "evse_max_current", "A", "charger"), ("output current", "output_current", "A", "box"), ("AC current", "ac_current", "A", "box"),
          ("SoC", "battery_soc", "%", "car"), ("EVRESSSOC", "ev_soc", "%", "car"), ("power share", "power_share", "%", "box"),
          ("inlet temperature", "inlet_temperature", "degC", "box"))
POWER = (("output_voltage", "output_current"), ("inlet_voltage", "inlet_current"), ("evse_present_voltage", "evse_present_current"))      # the first pair that is known
POWER_NAMES = frozenset(name for pair in POWER for name in pair)
ALL_SERIES = (*SERIES, ("power", "", "kW", "box"))
BEFORE = {"Matching": "matching", "Discovering": "SDP", "Connecting": "TCP connection"}      # phases before the session, by state of the connection
JOINING = frozenset({"Join", "WaitLink", "Resume"})                                           # states of the link in which the modems join
RENAMED = {"PowerDeliveryStart": "PowerDelivery (start)", "PowerDeliveryStop": "PowerDelivery (stop)", "PowerDeliveryRenegotiate": "PowerDelivery (renegotiate)"}
MARK_LEVELS = frozenset({"checkpoint", "warning", "error"})
COMMAND = re.compile(r"(stop|pause|new beginning) asked for by|power limited to|power stays at")
MAX_POINTS = 2000            # of one series; every other one of the older half goes when there are more
MAX_SPANS = 400              # of one lane, the oldest goes first
MAX_MARKS = 600
MAX_PHASES = 200
HOLDS_S = 2.0                # a value that does not change is told again: a line ends at its last point
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
        self._points: dict[str, list[list[Any]]] = {name: [] for name, *_ in ALL_SERIES}
        self._marks: list[dict[str, Any]] = []
        self._phases: list[dict[str, Any]] = []
        self._fresh_lanes: dict[str, list[dict[str, Any]]] = {}      # spans that are closed since the last delta
        self._fresh_points: dict[str, list[list[Any]]] = {}
        self._fresh_marks: list[dict[str, Any]] = []
        self._fresh_phases: list[dict[str, Any]] = []

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
        if changed.keys() & POWER_NAMES:
            self._point("power", t, self._power())
        self._phase(t)

    def event(self, at: float, source: str, level: str, text: str, number: int) -> None:
        command = bool(COMMAND.match(text))
        if level not in MARK_LEVELS and not command or at < self._zero:
            return
        mark = {"t": self._time(at), "kind": "command" if command else level, "lane": "V2G" if source == "v2g" else "safety" if source == "safety" else "connection",
                "text": (f"{number} {text}" if number else text)[:200], "detail": source}
        if len(self._marks) >= MAX_MARKS:
            del self._marks[0]
        self._marks.append(mark)
        self._fresh_marks = [*self._fresh_marks, mark][-MAX_DELTA:]

    def beat(self, at: float) -> None:
        """Time goes on: what holds, holds until now."""
        self._now = max(self._now, self._time(at))
        for spans in self._lanes.values():
            if spans:
                spans[-1]["to"] = self._now
        if self._phases and self._phases[-1]["open"]:
            self._phases[-1]["to"] = self._now
        for series, points in self._points.items():
            if points and points[-1][1] is not None and self._now - points[-1][0] >= HOLDS_S:
                self._point(series, self._now, points[-1][1])

    def _time(self, at: float) -> float:
        return round(max(0.0, at - self._zero), 3)

    def _state(self, lane: str, t: float, text: str) -> None:
        spans = self._lanes[lane]
        if spans:
            if spans[-1]["text"] == text:
                return
            spans[-1]["to"] = t
            self._fresh_lanes[lane] = [*self._fresh_lanes.get(lane, ()), dict(spans[-1])][-MAX_DELTA:]
        if len(spans) >= MAX_SPANS:
            del spans[0]
        spans.append({"from": t, "to": t, "text": text})

    def _point(self, series: str, t: float, value: float | None) -> None:
        points = self._points[series]
        if value is None and (not points or points[-1][1] is None):
            return                               # not known, and not known before
        if len(points) >= MAX_POINTS:
            half = len(points) // 2
            points[:half] = points[:half:2]
        points.append([t, value])
        self._fresh_points[series] = [*self._fresh_points.get(series, ()), [t, value]][-MAX_DELTA:]

    def _power(self) -> float | None:
        """kW; None while nobody knows voltage and current."""
        known = self._known
        for volts, amperes in POWER:
            if isinstance(known.get(volts), (int, float)) and isinstance(known.get(amperes), (int, float)):
                return round(known[volts] * known[amperes] / 1000, 3)
        return None

    def _phase_name(self) -> str:
        """As the neutral model names phases; empty outside of them."""
        state, v2g = self._known.get("connection_state"), self._known.get("v2g_state")
        if state == "Session":
            return RENAMED.get(str(v2g), str(v2g)) if v2g not in (None, "Idle", "Ended") else ""
        if state == "Matching" and self._known.get("link_state") in JOINING:
            return "joining the network"
        return BEFORE.get(str(state), "")

    def _phase(self, t: float) -> None:
        name, phases = self._phase_name(), self._phases
        if phases and phases[-1]["name"] != name and phases[-1]["open"]:
            phases[-1] |= {"to": t, "open": False}
            self._fresh_phases = [*self._fresh_phases, dict(phases[-1])][-MAX_DELTA:]
        if not name or phases and phases[-1]["open"]:
            return
        if len(phases) >= MAX_PHASES:
            del phases[0]
        limit = limit_of(name, "", 2 if name in ONGOING else 0, False)
        phases.append({"name": name, "from": t, "to": t, "limit_s": limit[0] if limit else None, "limit_name": limit[1] if limit else None,
                       "usual_s": list(USUAL[name]) if name in USUAL else None, "open": True})

    # --- for the pages

    def delta(self) -> dict[str, Any]:
        """What came since the last call, in the shape of the model: what is closed, and what is open as far as it is now."""
        lanes = []
        for name, spans in self._lanes.items():
            told = [*self._fresh_lanes.get(name, ()), *(dict(span) for span in spans[-1:])]
            told = [span for span in told if span["text"]]
            if told:
                lanes.append({"name": name, "spans": told})
        phases = [*self._fresh_phases, *(dict(phase) for phase in self._phases[-1:] if phase["open"])]
        series = [{"name": name, "unit": unit, "side": side, "step": True, "points": self._fresh_points[name]} for name, _, unit, side in ALL_SERIES if name in self._fresh_points]
        found = {"duration_s": self._now, "lanes": lanes, "series": series, "marks": self._fresh_marks, "phases": [_told(phase) for phase in phases]}
        self._fresh_lanes, self._fresh_points, self._fresh_marks, self._fresh_phases = {}, {}, [], []
        return {key: value for key, value in found.items() if value or key == "duration_s"}

    def model(self) -> dict[str, Any]:
        """The whole; spans without a text (unknown) are left out."""
        known = self._known
        return {"title": self.title, "source": "", "kind": "live", "began_unix_s": round(self._zero + self._epoch, 3), "duration_s": self._now, "vendor": None,
                "car": known.get("evccid"), "charger": known.get("evse_id"), "protocol": known.get("v2g_protocol"), "outcome": known.get("box.end") or "",
                "lanes": [{"name": name, "spans": [dict(span) for span in spans if span["text"]]} for name, spans in self._lanes.items() if any(s["text"] for s in spans)],
                "series": [{"name": name, "unit": unit, "side": side, "step": True, "points": [list(p) for p in self._points[name]]}
                           for name, _, unit, side in ALL_SERIES if self._points[name]],
                "marks": [dict(mark) for mark in self._marks], "phases": [_told(phase) for phase in self._phases]}


def _told(phase: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in phase.items() if key != "open"}
