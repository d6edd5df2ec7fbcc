"""The neutral model of a session's timeline, and its JSON: what every source makes and every view shows.

Times are s since the session began (as floats); absolute time is `began_unix_s`. Units stand in each series.
"""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

MARK_KINDS = ("checkpoint", "error", "warning", "message", "frame", "command")
SIDES = ("car", "charger", "box")
KINDS = ("pcap", "pcapng", "ccsbox", "pyplc-exi", "pyplc-log", "clara", "live")


@dataclass(slots=True)
class Span:
    """A state of a lane from `begin` to `end`."""

    begin: float
    end: float
    text: str
    detail: str = ""

    def json(self) -> dict[str, Any]:
        out = {"from": _short(self.begin), "to": _short(self.end), "text": self.text}
        return out | {"detail": self.detail} if self.detail else out


@dataclass(slots=True)
class Lane:
    """States of one side or one part, one after another; spans do not overlap."""

    name: str
    spans: list[Span] = field(default_factory=list)

    def json(self) -> dict[str, Any]:
        return {"name": self.name, "spans": [span.json() for span in self.spans]}


@dataclass(slots=True)
class Series:
    """One value over time. `points`: (s, value), None where it is not known any more; `step`: it holds until the next one."""

    name: str
    unit: str
    side: str
    step: bool = False
    points: list[tuple[float, float | None]] = field(default_factory=list)

    def json(self) -> dict[str, Any]:
        return {"name": self.name, "unit": self.unit, "side": self.side, "step": self.step,
                "points": [[_short(at), value if value is None else float(f"{value:.7g}")] for at, value in self.points]}


@dataclass(slots=True)
class Mark:
    """One thing that happened; `kind` is one of MARK_KINDS, `lane` names the lane that it is drawn in ("" for none)."""

    at: float
    kind: str
    lane: str
    text: str
    detail: str = ""

    def json(self) -> dict[str, Any]:
        out = {"t": _short(self.at), "kind": self.kind, "lane": self.lane, "text": self.text}
        return out | {"detail": self.detail} if self.detail else out


@dataclass(slots=True)
class Phase:
    """A part of the session with its measured length; `usual` is (lowest, median, highest) of recorded sessions, s."""

    name: str
    begin: float
    end: float
    limit: float | None = None
    limit_name: str | None = None
    usual: tuple[float, float, float] | None = None

    @property
    def duration(self) -> float:
        return self.end - self.begin

    def json(self) -> dict[str, Any]:
        return {"name": self.name, "from": _short(self.begin), "to": _short(self.end), "limit_s": self.limit, "limit_name": self.limit_name,
                "usual_s": list(self.usual) if self.usual else None}


@dataclass(slots=True)
class History:
    """One session. `reached` is the last phase; `damage` says where the file could not be read any further; `not_kept`: how much exceeded a bound."""

    title: str
    source: str
    kind: str
    began_unix_s: float | None = None
    duration: float = 0.0
    vendor: str | None = None
    car: str | None = None
    charger: str | None = None
    protocol: str | None = None
    outcome: str = ""
    reached: str = "nothing"
    damage: str | None = None
    remarks: list[str] = field(default_factory=list)
    not_kept: int = 0
    lanes: list[Lane] = field(default_factory=list)
    series: list[Series] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    phases: list[Phase] = field(default_factory=list)

    def phase(self, name: str) -> Phase | None:
        """The first phase of that name."""
        return next((phase for phase in self.phases if phase.name == name), None)

    def json(self) -> dict[str, Any]:
        """What `Timeline` of tools/scope and the live page take; strings come from the wire and are to be shown as text, never as markup."""
        return {
            "title": self.title, "source": self.source, "kind": self.kind, "began_unix_s": self.began_unix_s, "duration_s": _short(self.duration),
            "vendor": self.vendor, "car": self.car, "charger": self.charger, "protocol": self.protocol, "outcome": self.outcome,
            "reached": self.reached, "damage": self.damage, "remarks": self.remarks, "not_kept": self.not_kept,
            "lanes": [lane.json() for lane in self.lanes], "series": [series.json() for series in self.series],
            "marks": [mark.json() for mark in self.marks], "phases": [phase.json() for phase in self.phases]}


def _short(seconds: float) -> float:
    """To 0.1 ms: what a screen can show, and what a capture's clock is good for."""
    return round(seconds, 4)
