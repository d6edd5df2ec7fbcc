"""The list of cases with what was wanted and what came, and the share that was right first."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable, Iterator

from tools.explain.judge import Diagnosis


@dataclass(slots=True)
class Case:
    """`wanted`: names that are right; `came`: (name, score) in order; `answer`: what a person reads."""

    name: str
    wanted: tuple[str, ...]
    came: list[tuple[str, int]]
    answer: str

    @property
    def right(self) -> bool:
        return bool(self.came) and self.came[0][0] in self.wanted

    @property
    def rank(self) -> int | None:
        """Place of the first right one, from 1."""
        return next((n for n, (name, _) in enumerate(self.came, 1) if name in self.wanted), None)


def case(name: str, wanted: tuple[str, ...], diagnosis: Diagnosis) -> Case:
    first = diagnosis.first
    return Case(name, wanted, [(j.cause.name, j.found.score) for j in diagnosis.causes], first.found.what if first is not None else "nothing fits")


def share(cases: Iterable[Case]) -> float:
    """Percent that is right first."""
    all_of_them = list(cases)
    return 100.0 * sum(c.right for c in all_of_them) / len(all_of_them)


def table(title: str, cases: list[Case], every: bool = False) -> Iterator[str]:
    """The wrong ones, or all."""
    right = sum(c.right for c in cases)
    second = sum(c.rank in (2, 3) for c in cases)
    yield f"{title}: {right} of {len(cases)} right first ({share(cases):.1f} %), {second} more among the first three"
    for c in cases:
        if every or not c.right:
            came = ", ".join(f"{name} {score}" for name, score in c.came[:3]) or "nothing"
            yield f"  {'ok ' if c.right else 'BAD'} {c.name:<44} wanted {' or '.join(c.wanted)}; came {came}"
