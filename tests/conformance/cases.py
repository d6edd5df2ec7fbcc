"""What a conformance case is, and the list of all of them: each family of a room registers itself here."""
from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Callable, Iterator

ROOMS = ("handshake", "evcc", "evcc_values", "evcc_course", "secc", "secc_setup", "secc_power", "secc_iso2", "notice")
"""Modules whose import registers families."""


@dataclass(frozen=True, slots=True)
class Case:
    """`run` drives the machine of `role` through its bench and asserts; nothing else says that the case has passed."""

    role: str                        # EVCC, SECC
    protocol: str                    # DIN, ISO2; SAP: before one is agreed
    message: str                     # without Req and Res, as in sheet.py
    subject: str
    requirement: str                 # one sentence
    source: str                      # sheet and section
    run: Callable[[], None]
    defect: str = ""                 # why the machine does not meet it yet: expected to fail, and strictly so

    @property
    def id(self) -> str:
        return f"{self.role}_{self.protocol}_{self.subject}"


Family = Callable[[], Iterator[Case]]
FAMILIES: list[Family] = []


def family(make: Family) -> Family:
    """Decorator: `make` yields cases."""
    FAMILIES.append(make)
    return make


def everything() -> list[Case]:
    for room in ROOMS:
        importlib.import_module(f"tests.conformance.{room}")
    return [case for make in FAMILIES for case in make()]
