"""Stored results: per message, what the oracle said the octets of each instance are, short enough to be kept."""
from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from pathlib import Path

STORED = Path(__file__).resolve().parent / "stored"
#: Octets of the SHA-256 that are kept of each instance: a wrong one passes once in 16 million times.
_KEPT = 3
#: The same in base64 digits.
DIGITS = 4


def digest(octets: bytes) -> str:
    """What is kept of the octets of one instance."""
    return base64.b64encode(hashlib.sha256(octets).digest()[:_KEPT]).decode()


@dataclass
class MessageResult:
    """What one message gave. `other_form` are the instances that the oracle writes with another form of empty values."""

    name: str
    digests: list[str] = field(default_factory=list)
    other_form: list[int] = field(default_factory=list)
    points: int = 0
    covered_after: int = 0


@dataclass
class SchemaResult:
    """What one schema gave; `notes` are lines for people (command, date of the oracle, counts)."""

    key: str
    notes: list[str] = field(default_factory=list)
    messages: list[MessageResult] = field(default_factory=list)


def write(result: SchemaResult, folder: Path = STORED) -> Path:
    """Write <folder>/<schema>.txt."""
    lines = [f"# Octets of the campaign's instances of {result.key}, as the oracle encoded them (README.md).", *(f"# {n}" for n in result.notes),
             f"# message points covered_after other_form(instances) digests({DIGITS} base64 digits each)"]
    for one in result.messages:
        other = ",".join(str(n) for n in one.other_form) or "-"
        lines.append(f"{one.name} {one.points} {one.covered_after} {other} {''.join(one.digests)}")
    folder.mkdir(exist_ok=True)
    path = folder / f"{result.key}.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


def read(path: Path) -> SchemaResult:
    """Read one file that `write` made."""
    result = SchemaResult(path.stem)
    for line in path.read_text().splitlines():
        if line.startswith("#"):
            result.notes.append(line[2:])
            continue
        name, points, covered, other, digits = line.split(" ")
        digests = [digits[at:at + DIGITS] for at in range(0, len(digits), DIGITS)]
        result.messages.append(MessageResult(name, digests, [] if other == "-" else [int(n) for n in other.split(",")],
                                             int(points), int(covered)))
    return result
