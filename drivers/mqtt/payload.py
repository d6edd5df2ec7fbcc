"""What the octets of an MQTT message mean: a plain decimal number within its range, or a switch; everything else is refused.

Python's own float() would take "nan", "inf", "1_000", "\u0663" and 5,000 digits, and some of them as values that pass a
comparison. Here only what a person or a small controller prints is a number.
"""
from __future__ import annotations

import re
from typing import Callable

from drivers.interfaces import Quantity

LONGEST = 24                         # octets of a value; "-1234567.123456" and a line end are 17
DECIMAL = re.compile(rb"-?[0-9]{1,9}(\.[0-9]{1,9})?", re.ASCII)
SPACE = b" \t\r\n\0"                 # `mosquitto_pub -l` and println() leave a line end, C programs a zero octet
SWITCH = {b"0": False, b"1": True, b"off": False, b"on": True, b"false": False, b"true": True}
SHOWN = 24                           # octets of a refused payload that are repeated in the message

Value = float | bool
Parse = Callable[[bytes], Value | None]


def number(low: float, high: float) -> Parse:
    """A parser for numbers from `low` to `high`; None: refused."""
    def parse(payload: bytes) -> float | None:
        text = payload.strip(SPACE)
        if len(payload) > LONGEST or not DECIMAL.fullmatch(text):
            return None
        value = float(text)
        return value if low <= value <= high else None
    return parse


def switch(payload: bytes) -> bool | None:
    """0 or 1 (pyPLC's `enabled`), or the words of home automation, in any case."""
    return SWITCH.get(payload.strip(SPACE).lower()) if len(payload) <= LONGEST else None


class Input:
    """One topic that is listened to: its last good value with the time it was heard, and what was refused.

    `retained`: a message that the broker had kept is taken (only for a switch that is a state and not a measurement);
    its age is unknown, so a measurement of yesterday would look like one of now. `within`: ns within which a value has
    to come again, None when nobody depends on it. Counters: `heard`, `refused` (payloads), `stored` (retained ones).
    """

    __slots__ = ("name", "quantity", "expected", "retained", "within", "heard", "refused", "stored", "complaint", "_parse")

    def __init__(self, name: str, parse: Parse, expected: str, *, retained: bool = False, within: int | None = None) -> None:
        self.name = name
        self.quantity: Quantity = Quantity()
        self.expected = expected
        self.retained = retained
        self.within = within
        self.heard = self.refused = self.stored = 0
        self.complaint = ""              # what was wrong with the last message; empty when it was good
        self._parse = parse

    def take(self, payload: bytes, retained: bool, at: int) -> bool:
        """A message of `at`; False when it was refused: the old value then stays and grows old."""
        if retained and not self.retained:
            self.stored += 1
            self.complaint = "the broker had kept it (retained), so its age is unknown; publish it without retain"
            return False
        value = self._parse(payload)
        if value is None:
            self.refused += 1
            self.complaint = f"expected {self.expected}, came {payload[:SHOWN]!r}{' and more' if len(payload) > SHOWN else ''}"
            return False
        self.heard += 1
        self.complaint = ""
        self.quantity.hear(value, at)
        return True


def measurement(name: str, low: float, high: float, unit: str, within: int | None = None) -> Input:
    """A number with a unit, never taken from the broker's store."""
    return Input(name, number(low, high), f"a decimal number from {low:g} to {high:g} {unit}", within=within)


def permission(name: str, within: int | None = None) -> Input:
    """A yes that has to be repeated to stay one."""
    return Input(name, switch, "0 or 1", within=within)


def sign(name: str) -> Input:
    """That somebody speaks there, whatever he says."""
    return Input(name, lambda payload: True, "nothing")


def state(name: str) -> Input:
    """A switch that stays as it was last set, however long ago."""
    return Input(name, switch, "0 or 1", retained=True)
