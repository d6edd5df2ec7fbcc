"""What every kind of record is turned into before anybody looks at it, and what a module that reads one kind has to offer."""
from __future__ import annotations

from pathlib import Path
from typing import Iterator, Protocol, Sequence

from drivers.capture_file import CapturedFrame
from kernel.record import dataclass
from tools.explain.evidence import Change, Line


class Unreadable(Exception):
    """No record: what was expected, what is there."""


@dataclass(slots=True)
class Material:
    """`frames`: to be read once; CaptureError where the file is damaged. `lines`: the box's journal, with times in s on the frames' clock
    (since 1970). `role`: pev | evse | bridge of the box, "" when nobody's. `notes`: what a reader should know about the record itself.
    `changes`: of signals and devices, on the same clock, where the record has them."""

    title: str
    kind: str
    frames: Iterator[CapturedFrame]
    lines: Sequence[Line] = ()
    role: str = ""
    notes: tuple[str, ...] = ()
    changes: Sequence[Change] = ()


class Source(Protocol):
    """One kind of record."""

    def claims(self, path: Path) -> bool:
        """True when what lies at `path` is of this kind, by its content. OSError as the file has it."""

    def read(self, path: Path) -> Material:
        """Unreadable, OSError."""
