"""All that a recording gives to one side of ours: matching, SECC discovery, TCP, TLS, and every talk."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from exi_native.codec import Codec
from tasks.listen.record import Role
from tests.replay import car, charger, network, slac
from tests.replay.recording import Recording, captures, read
from tests.replay.result import Difference, Result, Verdict
from tests.replay.rules import judge

SIDES = ("charger", "car")


@dataclass(slots=True)
class Replay:
    """One capture and one side of ours."""

    capture: str
    side: str
    results: list[Result] = field(default_factory=list)

    @property
    def fed(self) -> int:
        """But for what was only heard."""
        return sum(r.fed for r in self.results if r.part != "MME")

    @property
    def left_out(self) -> int:
        return sum(r.left_out for r in self.results)

    @property
    def unanswered(self) -> int:
        return sum(r.unanswered for r in self.results)

    def count(self, verdict: Verdict) -> int:
        return sum(r.count(verdict) for r in self.results)

    def grouped(self) -> Iterator[tuple[str, Difference, int]]:
        """(part, difference, how many), the worst first within each part; the same of several talks once."""
        for part in dict.fromkeys(r.part for r in self.results):
            whole = Result(part, self.side)
            for r in self.results:
                if r.part == part:
                    whole.remarks += r.differences()
            for difference, count in whole.grouped():
                yield part, difference, count

    def unexplained(self) -> list[str]:
        """What no rule and no judgement covers."""
        return [f"{part} {d}" for part, d, _ in self.grouped() if d.verdict is Verdict.UNEXPLAINED]


def _parts(recording: Recording, side: str, codec: Codec) -> Iterator[Callable[[], Result]]:
    """Each part as something to be played."""
    if recording.others:
        yield lambda: slac.others(recording.others, side)
    for attempt in recording.matching:
        if attempt:
            yield lambda a=attempt: (slac.charger if side == "charger" else slac.car)(a)
    refused = recording.refused if not recording.talks else []       # later ones are those of a car that tries on after its session
    for run in network.attempts(recording):
        if any(item.name == "SDP request" for _, item in run):
            if side == "charger":
                yield lambda r=run: network.sdp_charger(r)
            else:
                yield lambda r=run: network.sdp_car(r, refused[0].message.dst_port if refused else None)
    if refused and side == "charger":
        yield lambda: network.tcp_charger(recording)
    if recording.tls:
        yield lambda: network.tls(recording, codec, Role.CHARGER if side == "charger" else Role.CAR)
    for talk, end in zip(recording.talks, recording.ends()):
        yield lambda t=talk, e=end: (charger.play if side == "charger" else car.play)(t, codec, e)


def play(recording: Recording, side: str, codec: Codec) -> Replay:
    """Everything of one side, judged."""
    replay = Replay(recording.name, side)
    for part in _parts(recording, side, codec):
        result = part()
        judge(result, recording.name)
        replay.results.append(result)
    return replay


def chosen(names: list[str]) -> list[Path]:
    """The captures whose names contain one of these words; all without any."""
    return [p for p in captures() if not names or any(n in p.name for n in names)]


def replays(names: list[str], codec: Codec, sides: tuple[str, ...] = SIDES) -> Iterator[Replay]:
    """One after the other."""
    for path in chosen(names):
        recording = read(path, codec)
        for side in sides:
            yield play(recording, side, codec)
