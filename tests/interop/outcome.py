"""What came of a case: judgement, figures of the wire, and what each side did and cost."""
from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Iterator

from tests.interop.cases import Case, SlacCase
from tests.interop.measure import Memory
from tests.interop.network import Program
from tests.interop.phases import CAR, CHARGER, Share
from tests.interop.readers import Reading
from tests.interop.report import Figures


@dataclass(slots=True)
class Side:
    """One end: whose software, its share of the session, CPU seconds of its whole process group, peak memory."""

    software: str = ""
    share: Share = field(default_factory=Share)
    program: Program | None = None
    memory: Memory = field(default_factory=Memory)

    @property
    def cpu_s(self) -> float | None:
        return None if self.program is None else self.program.cpu_s


@dataclass(slots=True)
class Outcome:
    """`objections` empty = passed; `seconds` from the car's start to the end of the session or the match."""

    case: Case | SlacCase
    seconds: float = 0.0
    figures: Figures = field(default_factory=Figures)
    reading: Reading = field(default_factory=Reading)
    sides: dict[str, Side] = field(default_factory=lambda: {CAR: Side(), CHARGER: Side()})
    objections: list[str] = field(default_factory=list)
    logs: list[Path] = field(default_factory=list)
    whole_s: float = 0.0             # of the case with preparing and reading

    @contextmanager
    def timed(self) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self.whole_s = time.monotonic() - began
