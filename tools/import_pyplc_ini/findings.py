"""What can become of one key of a pyPlc.ini."""
from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Mapping

YES = frozenset(("yes", "true", "on", "1"))
NO = frozenset(("no", "false", "off", "0"))


@dataclass(slots=True, frozen=True)
class Set:
    """A value for a setting of ours; where this version has no such setting, or refuses the value, it is set by hand."""

    path: str                # such as `ev.light_bulb_demo`
    value: Any
    remark: str = ""


@dataclass(slots=True, frozen=True)
class Hand:
    """Something a person has to decide or to enter."""

    what: str


@dataclass(slots=True, frozen=True)
class Danger:
    """A setting that pyPLC takes and that can do harm: not taken over."""

    why: str


@dataclass(slots=True, frozen=True)
class Gone:
    """Has no counterpart, and why that is right, or what there is instead."""

    why: str


@dataclass(slots=True, frozen=True)
class Other:
    """Goes over, with another name, unit or meaning that a person ought to know."""

    text: str


Finding = Set | Hand | Danger | Gone | Other


class NotUnderstood(ValueError):
    """The value of a key is none that pyPLC knows; the text says what was expected."""


class Ini(Mapping[str, str]):
    """The keys of section [general], with the questions that rules ask about other keys."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = {key: value.strip() for key, value in values.items()}

    def __getitem__(self, key: str) -> str:
        return self._values[key]

    def __iter__(self):
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def says(self, key: str, *words: str) -> bool:
        """The key is there and has one of these values, in small letters."""
        return self._values.get(key, "").lower() in words

    def yes(self, key: str) -> bool:
        return self.says(key, *YES)


def truth(value: str) -> bool:
    if value.lower() in YES | NO:
        return value.lower() in YES
    raise NotUnderstood(f"expected yes or no, came {value!r}")


def number(value: str) -> float:
    try:
        found = float(value)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise NotUnderstood(f"expected a number, came {value!r}")
    return found


def one_of(value: str, choices: Mapping[str, Any] | tuple[str, ...]) -> str:
    """The choice as we write it, whatever the case. pyPLC compares exactly, and silently takes everything else for its default."""
    for choice in choices:
        if choice.lower() == value.lower():
            return choice
    raise NotUnderstood(f"expected one of {', '.join(choices)}, came {value!r}")
