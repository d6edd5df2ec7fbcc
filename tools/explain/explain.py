"""A record explained: its material through evidence and judgement."""
from __future__ import annotations

from typing import Iterable

from drivers.capture_file import CaptureError, CapturedFrame
from kernel.record import dataclass
from kernel.timer import S
from tasks.listen.conversation import Decode
from tools.explain.box import shared_out
from tools.explain.evidence import Change, Evidence, Line
from tools.explain.frames import FrameWatch
from tools.explain.judge import Diagnosis, diagnose, main_attempt
from tools.explain.plant import seen
from tools.explain.sources.material import Material


@dataclass(slots=True)
class Explanation:
    """All attempts of one record; `main` is the index of the one that tells most. `began`: s since 1970 (or what the file counts from)."""

    title: str
    kind: str
    began: float | None
    duration: float
    frames: int
    diagnoses: list[Diagnosis]
    main: int
    notes: tuple[str, ...] = ()

    @property
    def diagnosis(self) -> Diagnosis:
        return self.diagnoses[self.main]


def explain(material: Material, decode: Decode) -> Explanation:
    """OSError as the file has it; a damaged file is explained up to the damage, which a note tells."""
    watch = FrameWatch(decode)
    notes = list(material.notes)
    try:
        for frame in material.frames:
            watch.take(frame)
    except CaptureError as damage:
        notes.append(f"the record is damaged: {damage}; explained is what comes before")
    began = None if watch.began is None else watch.began / S
    lines = material.lines
    if began is None and lines:
        began = lines[0].at
    lines = [Line(line.at - (began or 0.0), line.source, line.level, line.number, line.text) for line in lines]
    changes = [Change(change.at - (began or 0.0), change.name, change.value) for change in material.changes]
    attempts = seen(shared_out(watch.evidence(), lines, material.role), changes, material.role)
    if not attempts:
        attempts = [Evidence(1, 0.0, 0.0)]
    diagnoses = [diagnose(attempt) for attempt in attempts]
    last = max([watch.last / S - (began or 0.0)] + [line.at for line in lines[-1:]], default=0.0) if watch.frames or lines else 0.0
    return Explanation(material.title, material.kind, began, max(0.0, last), watch.frames, diagnoses, main_attempt(diagnoses), tuple(notes))


def explain_frames(frames: Iterable[CapturedFrame], lines: Iterable[Line], role: str, decode: Decode, title: str = "") -> Explanation:
    """Of what is in memory; `lines` on the frames' clock, in s."""
    return explain(Material(title, "memory", iter(frames), tuple(lines), role), decode)
