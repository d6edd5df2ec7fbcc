"""The fields of one V2G message by their standard names, in every protocol, and which of them cannot be true."""
from __future__ import annotations

from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, Iterator

from tasks.listen.values import is_physical, physical

MAX_FIELDS = 400             # looked at per message: a list of schedules has up to 3 x 1024 entries
UNITS = (("Voltage", ("V",)), ("Current", ("A",)), ("PowerLimit", ("W",)), ("Energy", ("Wh",)))
SIGNED = ("EVSEPresentCurrent", "EVTargetCurrent", "EVSEPresentVoltage")     # a meter at rest, and a car that gives current back, are below zero
BELIEVED = {"V": 1500.0, "A": 3000.0, "W": 1_000_000.0, "Wh": 10_000_000.0}     # more is in no charger; limits are not looked at
LEAST_NOISE = -5.0           # V, A: what a meter at rest may say


class Fields:
    """`words`: enumerations by name, the first of each; `numbers`: physical values and plain numbers; `lists`: words of fields that are lists;
    `wrong`: sentences about values that cannot be true."""

    __slots__ = ("words", "numbers", "lists", "wrong")

    def __init__(self, message: Any) -> None:
        self.words: dict[str, str] = {}
        self.numbers: dict[str, float] = {}
        self.lists: dict[str, list[str]] = {}
        self.wrong: list[str] = []
        body = getattr(message, "Body", None)
        left = MAX_FIELDS
        for name, value in _walk("", body.BodyElement if body is not None else message):
            left -= 1
            if not left:
                break
            self._take(name, value)

    def _take(self, name: str, value: Any) -> None:
        if isinstance(value, Enum):
            self.words.setdefault(name, str(value.value))
            self.lists.setdefault(name, []).append(str(value.value))
        elif isinstance(value, str):
            self.words.setdefault(name, value)
        elif isinstance(value, (bool, int)):
            self.numbers.setdefault(name, value)
            if name == "start":
                self._rising(value)
        else:
            told = physical(value, name)
            self.numbers.setdefault(name, told["value"])
            self._plausible(name, told["value"], told["unit"], getattr(value, "Unit", None) is not None)

    def _rising(self, start: float) -> None:
        """Entries of one schedule begin one after the other; a schedule begins at 0."""
        before = self.numbers.get("start of the entry before")
        if before is not None and 0 <= start < before and (start > 0 or self.numbers.get("first start") != 0):
            self.wrong.append("the starts of a schedule's entries go back")
        self.numbers.setdefault("first start", start)
        self.numbers["start of the entry before"] = start

    def _plausible(self, name: str, value: float, unit: str, told: bool) -> None:
        wanted = next((units for word, units in UNITS if word in name), None)
        if wanted and told and unit not in wanted:
            self.wrong.append(f"{name}: expected the unit {wanted[0]}, it says {unit}")
        elif name.startswith(("EVSEPresent", "EVTarget")) and abs(value) > BELIEVED.get(unit, abs(value)):
            self.wrong.append(f"{name}: {value:g} {unit} cannot be")
        elif wanted in (("V",), ("A",)) and value < (LEAST_NOISE if name in SIGNED else 0.0) and not (name in SIGNED and "Current" in name):
            self.wrong.append(f"{name}: {value:g} {unit} cannot be below zero")


def _walk(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """(field name, value) in the order of the message: enumerations, numbers, strings, physical values."""
    if value is None or isinstance(value, bytes):
        return
    if isinstance(value, (Enum, str, bool, int)):
        yield name, value
    elif isinstance(value, list):
        for item in value:
            yield from _walk(name, item)
    elif is_dataclass(value):
        if is_physical(value):
            yield name, value
            return
        for field in fields(value):
            yield from _walk(field.name, getattr(value, field.name))
