"""The summary of one capture: frames by kind, messages by name, sessions with their phases, answer times."""
from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Iterator

from drivers.capture_file import CaptureError
from kernel.timer import MS, S
from tasks.listen.account import session_dict
from tasks.listen.columns import id_text
from tasks.listen.hearing import Hearing
from tasks.listen.lines import printable
from tasks.listen.record import Category
from tasks.listen.session import Session
from tasks.listen.values import mac_text
from tasks.listen.verdict import stop_reason
from tools.decode.logs import LogHearing

MAX_PORTS = 64               # interfaces that are counted
_YEAR_2000 = 946_684_800 * S         # an earlier clock is not a clock: show no date


class Summary:
    """Collects times while the file is read; renders at the end."""

    def __init__(self, path: str, hearing: Hearing | LogHearing, unit: str = "frames") -> None:
        """`unit`: what the file consists of."""
        self.path = path
        self.unit = unit
        self.hearing = hearing
        self.follow = hearing.follow
        self.sessions = hearing.sessions
        self.first: int | None = None
        self.last = 0
        self.cut_short = False
        self.ports: dict[str, list[int]] = {}    # interface that is no Ethernet -> frames without direction, in, out

    def saw_port(self, name: str, direction: int) -> None:
        """A frame of an interface that is no Ethernet (CAN)."""
        if name in self.ports or len(self.ports) < MAX_PORTS:
            self.ports.setdefault(name, [0, 0, 0])[direction if direction in (1, 2) else 0] += 1

    def saw(self, at: int) -> None:
        """Notes a frame's time."""
        if self.first is None:
            self.first = self.last = at
        elif at > self.last:
            self.last = at

    # --- for people -----------------------------------------------------------------------------------------------

    def lines(self, problem: CaptureError | None) -> Iterator[str]:
        tally = self.follow.tally
        first = self.first or 0
        yield ""
        begin = ""
        if first > _YEAR_2000:
            begin = f", from {datetime.fromtimestamp(first // S, timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
        part = " (up to --to)" if self.cut_short else ""
        yield f"{tally.frames} {self.unit} in {(self.last - first) / S:.3f} s{begin}{part}: " + ", ".join(
            f"{tally.of(category)} {category.value}" for category in Category)
        if problem is not None:
            yield f"DAMAGED FILE: {problem}"
        if tally.bad_checksums:
            yield f"{tally.bad_checksums} IPv6 frames with a wrong checksum were read all the same (usual for frames of the capturing computer)"
        for name, (unknown, came, went) in self.ports.items():
            yield f"interface {printable(name)}: {unknown + came + went} CAN frames" + (f", {came} came in, {went} went out" if came or went else "")
        for category in Category:
            kinds = sorted(((n, kind) for (c, kind), n in tally.kinds.items() if c is category), key=lambda item: (-item[0], item[1]))
            if kinds:
                yield f"{category.value}:"
                yield from _columns([f"{n} {printable(kind)}" for n, kind in kinds])
        if tally.reasons:
            yield "reasons:"
            for reason, n in sorted(tally.reasons.items(), key=lambda item: -item[1]):
                yield f"  {n} {printable(reason)}"
        if self.sessions.messages:
            yield "V2G messages decoded:"
            yield from _columns([f"{n} {name}" for name, n in self.sessions.messages.items()])
        if self.sessions.latencies:
            yield f"{'answer times (ms)':<32} {'count':>6} {'p50':>9} {'max':>9}"
            for name, latency in self.sessions.latencies.items():
                yield f"  {name:<30} {latency.count:>6} {latency.median() / MS:>9.1f} {latency.greatest / MS:>9.1f}"
        for session in self.sessions.sessions:
            yield from self.session_lines(session, first)
        if self.sessions.not_kept:
            yield f"{self.sessions.not_kept} more sessions not shown"
        yield from self._blind()

    def _blind(self) -> Iterator[str]:
        """What a capture of this kind cannot show, so that nobody takes silence for nothing."""
        blind = self.hearing.tier(self.last).blind
        if blind and self.follow.tally.frames:
            yield ""
            yield "not to be seen here:"
            for sentence in blind.values():
                yield f"  {sentence}"

    def session_lines(self, s: Session, first: int) -> Iterator[str]:
        """One session; `first`: time of the first frame."""
        yield ""
        yield f"session {s.number}: at {(s.start - first) / S:.3f} s, {(s.end - s.start) / S:.3f} s long"
        evccid = f", EVCCID {printable(id_text(s.evccid, False))}" if s.evccid else ""
        evseid = f", EVSEID {printable(id_text(s.evseid))}" if s.evseid else ""
        yield f"  car {mac_text(s.car) if any(s.car) else 'unknown'}{evccid}; charger {mac_text(s.charger) if any(s.charger) else 'unknown'}{evseid}"
        link = []
        if s.protocol:
            link.append(f"protocol {s.protocol}")
        if s.session_id:
            link.append(f"SessionID {s.session_id.hex()}")
        if s.attenuation is not None:
            link.append(f"attenuation {s.attenuation:.1f} dB")
        if s.nid:
            link.append(f"NID {s.nid.hex()}")
        if link:
            yield "  " + ", ".join(link)
        for phase in s.phases:
            yield f"  {(phase.start - s.start) / S:>10.3f} s  {phase.name:<30} {(phase.end - phase.start) / S:>9.3f} s  {phase.messages:>5} messages"
        values = []
        if s.soc_first is not None:
            values.append(f"SoC {s.soc_first} % to {s.soc_last} %")
        if s.voltage_max is not None:
            values.append(f"charger voltage up to {s.voltage_max:g} V, at the end {s.voltage_last:g} V")
        if s.current_max is not None:
            values.append(f"current up to {s.current_max:g} A")
        if values:
            yield "  " + "; ".join(values)
        readings = self.hearing.readings.get(s.number)
        if readings is not None and readings.energy:
            values = [f"{readings.energy / 1000:.2f} kWh delivered"]
            values += [f"{count} x {side.value if side else 'neither side'} ({by})" for (side, by), count in readings.judged.items()]
            yield "  " + "; limited by: ".join((values[0], ", ".join(values[1:])))
        for remark in s.remarks:
            yield f"  remark: {printable(remark)}"
        yield f"  reached: {s.reached}"
        yield f"  ended: {printable(stop_reason(s, self.last))}"

    # --- for programs ---------------------------------------------------------------------------------------------

    def as_dict(self, problem: CaptureError | None) -> dict[str, Any]:
        tally = self.follow.tally
        first = self.first or 0
        return {
            "file": self.path, "frames": tally.frames, "duration_s": (self.last - first) / S, "first_frame_s": first / S,
            "complete": problem is None and not self.cut_short,
            "damage": None if problem is None else {"reason": problem.reason, "offset": problem.offset, "frames": problem.frames},
            **{category.value: {kind: n for (c, kind), n in tally.kinds.items() if c is category} for category in Category},
            "reasons": tally.reasons, "bad_checksums": tally.bad_checksums,
            "can_interfaces": {name: {"frames": sum(counts), "in": counts[1], "out": counts[2]} for name, counts in self.ports.items()}, "messages": self.sessions.messages,
            "answer_times_ms": {name: {"count": x.count, "p50": x.median() / MS, "max": x.greatest / MS}
                                for name, x in self.sessions.latencies.items()},
            "sessions": [session_dict(s, first, self.last, self.hearing.readings.get(s.number)) for s in self.sessions.sessions], "sessions_not_kept": self.sessions.not_kept,
        }


def _columns(cells: list[str], width: int = 110) -> Iterator[str]:
    """Cells side by side, as many as fit."""
    line = " "
    for cell in cells:
        if len(line) + len(cell) + 2 > width and line.strip():
            yield line
            line = " "
        line += f" {cell}," if cell is not cells[-1] else f" {cell}"
    if line.strip():
        yield line
