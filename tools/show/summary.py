"""What remains on the terminal after a simulated charge: the result, the phases, the proof, and where the files are."""
from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from typing import Sequence, TextIO

from tasks.stop_reasons import NORMAL_ENDS, StopReason
from tools.show.panels import duration_text
from tools.show.text import ACCENT, BAD, DIM, GOOD, LABEL, PLAIN, TITLE, WARN, Line, ascii_only, clock, paint

BAR = 24                     # columns of the longest bar
COLUMNS = 78
NAME = 12                    # columns of the labels


@dataclass(slots=True)
class PhaseTime:
    """One phase of the session: its name, when it began (virtual ns), how long it took (ns)."""

    name: str
    began: int
    took: int


@dataclass(slots=True)
class Summary:
    """Energy in Wh, times in virtual ns, `wall` in real ns, SoC in percent; None = unknown."""

    reason: StopReason | None
    duration: int
    wall: int | None = None
    energy: float | None = None                          # in the battery
    through_plug: float | None = None                    # what the car has counted at its inlet: with what cable and battery turn into heat
    soc_from: float | None = None
    soc_to: float | None = None
    phases: Sequence[PhaseTime] = ()
    beside: tuple[str, Sequence[PhaseTime]] = ("", ())   # another protocol's name and phases
    remarks: Sequence[tuple[str, str]] = ()              # (what, a sentence)
    trip: str = ""                                       # text of a safety trip
    trip_hint: str = ""
    damage: Sequence[str] = ()                           # what the simulated plant suffered
    broken: Sequence[str] = ()                           # invariants that did not hold
    looked: int = 0                                      # instants at which they were looked at, 0 when nobody did
    sessions: int = 1                                    # SessionSetupReq: more than one after a lost link or a pause
    frames: int = 0
    dropped: int = 0
    trace_hash: str = ""
    files: Sequence[tuple[str, str]] = field(default_factory=tuple)      # (what, path)

    @property
    def good(self) -> bool:
        """Ended in order, nothing tripped, nothing broken."""
        return self.reason in NORMAL_ENDS and not self.trip and not self.damage and not self.broken


def summary_lines(s: Summary) -> list[Line]:
    """The block as styled lines."""
    return [*_headline(s), [], *_amounts(s), *_phases(s.phases), *_phases(s.beside[1], s.beside[0]), [], *_labelled_all(s.remarks), *_proof(s)]


def write_summary(out: TextIO, s: Summary, color: bool | None = None) -> None:
    """Print the block; `color` None: on a terminal unless NO_COLOR is set."""
    if color is None:
        color = out.isatty() and "NO_COLOR" not in os.environ
    unicode = (getattr(out, "encoding", None) or "ascii").lower().replace("-", "").startswith("utf")
    for line in summary_lines(s):
        pieces = line if unicode else [(ascii_only(text), style) for text, style in line]
        out.write(paint(pieces, color).rstrip() + "\n")
    out.flush()


def _headline(s: Summary) -> list[Line]:
    if s.reason is None:
        text, hint, style = "The session did not end", "The simulation was left before.", WARN
    else:
        text, hint, style = s.reason.text, s.reason.hint, GOOD if s.good else WARN if s.reason in NORMAL_ENDS and not s.damage and not s.broken else BAD
    if s.trip and s.reason in NORMAL_ENDS:               # "nothing to do" would not be true
        hint = "The session ended in order, and then:"
    mark = "✔" if s.good else "✘"
    lines: list[Line] = [[], [(f" {mark} {text} ", style), ("─" * (COLUMNS - len(text) - 4), DIM)], *_wrapped("   ", hint)]
    if s.trip:
        lines += [[("   safety trip: ", LABEL), (s.trip, BAD)], *(_wrapped("   ", s.trip_hint) if s.trip_hint else ())]
    return lines


def _amounts(s: Summary) -> list[Line]:
    energy = "--" if s.energy is None else f"{s.energy / 1000:.2f} kWh"
    soc = "--" if s.soc_from is None or s.soc_to is None else f"{s.soc_from:.1f} → {s.soc_to:.1f} %"
    if s.energy is not None and s.through_plug is not None and s.sessions == 1 and round(s.energy, -1) != round(s.through_plug, -1):
        energy += f" in the battery, {s.through_plug / 1000:.2f} kWh through the plug"
    wall = ""
    if s.wall:
        wall = f"   in {s.wall / 1e9:.1f} s of wall time (×{s.duration / s.wall:.0f})"
    several = [_labelled("sessions", [(str(s.sessions), WARN), ("   energy is that of all; phases begin with the first, breaks included", DIM)])]
    return [_labelled("energy", [(energy, TITLE), ("    SoC ", LABEL), (soc, TITLE)]),
            _labelled("duration", [(_long(s.duration), TITLE), (wall, DIM)]), *(several if s.sessions > 1 else ())]


def _long(ns: int) -> str:
    """`30 min 22.0 s`."""
    tenths = ns // 100_000_000
    return f"{tenths // 600} min {tenths % 600 / 10:.1f} s"


def _phases(phases: Sequence[PhaseTime], title: str = "phase") -> list[Line]:
    """Bars on a logarithmic scale: the shortest phases take milliseconds, the longest half an hour."""
    if not phases:
        return []
    longest = max(max(phase.took for phase in phases), 1_000_000)
    name_width = max(max(len(phase.name) for phase in phases), len(title))
    lines: list[Line] = [[], [(f"   {title:<{name_width}}  {'begins':>10}  {'takes':>11}   (bar: logarithmic)", LABEL)]]
    for phase in phases:
        share = math.log10(max(phase.took / 1e6, 1)) / max(math.log10(longest / 1e6), 1e-9)
        lines.append([(f"   {phase.name:<{name_width}}  ", PLAIN), (f"{clock(phase.began):>8} s  ", DIM),
                      (f"{duration_text(phase.took):>11}   ", TITLE), ("█" * round(min(share, 1) * BAR), ACCENT)])
    return lines


def _proof(s: Summary) -> list[Line]:
    lost = [(f", {s.dropped} lost", WARN)] if s.dropped else [(", none lost", DIM)]
    lines: list[Line] = [_labelled("damage", [("none", GOOD)] if not s.damage else [(s.damage[0], BAD)])]
    lines += [_labelled("", [(text, BAD)]) for text in s.damage[1:]]
    if s.broken:
        lines += [_labelled("INVARIANT" if n == 0 else "", [(text, BAD)]) for n, text in enumerate(s.broken)]
    elif s.looked:
        lines.append(_labelled("invariants", [("all held", GOOD), (f" at {s.looked} instants", DIM)]))
    lines.append(_labelled("link", [(f"{s.frames} frames", PLAIN), *lost]))
    if s.trace_hash:
        lines.append(_labelled("trace", [(s.trace_hash, PLAIN), ("  equal seeds give equal hashes", DIM)]))
    return [*lines, *_labelled_all(s.files)]


def _labelled_all(pairs: Sequence[tuple[str, str]]) -> list[Line]:
    return [_labelled(label, [(text, PLAIN)]) for label, text in pairs]


def _labelled(label: str, pieces: Line) -> Line:
    return [(f"   {label:<{NAME}}", LABEL), *pieces]


def _wrapped(indent: str, text: str) -> list[Line]:
    lines, line = [], ""
    for word in text.split():
        if line and len(indent) + len(line) + 1 + len(word) > COLUMNS:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [[(indent + line, PLAIN)] for line in (*lines, line)]
