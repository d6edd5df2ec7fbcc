"""What comes of a replay: each of our answers beside the recorded one, differences with their verdict and reason, both ends."""
from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum

from kernel.timer import MS


class Verdict(Enum):
    """Ours compared with the recorded stack, the worst last but one; `UNEXPLAINED` is no verdict yet and fails the test."""

    EQUAL = "equal"
    OTHER = "other"              # a free choice
    BETTER = "better"
    WORSE = "worse"
    UNEXPLAINED = "unexplained"


ORDER = list(Verdict)


@dataclass(slots=True)
class Difference:
    """One field that differs. `field`: message and path, `recorded` and `ours` as text, "-" where it is absent."""

    field: str
    recorded: str
    ours: str
    verdict: Verdict = Verdict.UNEXPLAINED
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.field}: recorded {self.recorded}, ours {self.ours}"


@dataclass(slots=True)
class Answer:
    """One message of ours. `took` and `recorded_took`: ns to answer (charger), or since the answer before (car); None: not known."""

    at: int
    name: str
    text: str                            # key fields of ours
    recorded: str                        # of the recorded stack, "" when it sent nothing there
    took: int | None = None
    recorded_took: int | None = None
    differences: list[Difference] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict:
        """Its worst difference; one that is better outweighs free choices beside it."""
        return max((d.verdict for d in self.differences), key=ORDER.index, default=Verdict.EQUAL)

    def line(self) -> str:
        """For `--answers`."""
        times = " / ".join("-" if t is None else f"{t / MS:.0f}" for t in (self.recorded_took, self.took))
        return f"{self.at / 1e9:9.3f} s  {self.verdict.value:11}  {times + ' ms':>16}  {self.name}: {self.text or '-'}  |  " \
               f"recorded: {self.recorded or 'nothing'}"


@dataclass(slots=True)
class Result:
    """One side of one part of a recording. `part`: SLAC, SDP, TCP, TLS or V2G."""

    part: str
    side: str                            # ours: charger or car
    fed: int = 0                         # messages of the recorded peer that our machine was given
    left_out: int = 0                    # repetitions that only the recorded stack's Ongoing had caused
    again: int = 0                       # repetitions that our Ongoing wanted
    unanswered: int = 0                  # our requests that the recording has no answer for
    answers: list[Answer] = field(default_factory=list)
    remarks: list[Difference] = field(default_factory=list)      # of the whole, not of one message
    recorded_end: str = ""
    end: str = ""

    def count(self, verdict: Verdict) -> int:
        return sum(a.verdict is verdict for a in self.answers)

    def differences(self) -> list[Difference]:
        return self.remarks + [d for a in self.answers for d in a.differences]

    def grouped(self) -> list[tuple[Difference, int]]:
        """Differences of the same field and reason once, with how many there are; the first one as the example."""
        count: Counter[tuple[str, str, Verdict]] = Counter()
        first: dict[tuple[str, str, Verdict], Difference] = {}
        for d in self.differences():
            key = (d.field, d.reason, d.verdict)
            count[key] += 1
            first.setdefault(key, d)
        return sorted(((d, count[key]) for key, d in first.items()), key=lambda pair: (-ORDER.index(pair[0].verdict), pair[0].field))
