"""Signals of a DBC file: found by name when the program starts (cantools), read from octets in a microsecond while it runs.

cantools reads the file and is then let go: what stays is where each wanted signal sits. `Place.read` gives what cantools gives (a test
compares them bit by bit). Numbering of bits: a DBC counts them in octets from the left, within an octet bit 0 is the least significant;
a little endian signal starts at its least significant bit, a big endian one at its most significant.
"""
from __future__ import annotations

import operator
import re
import struct
from typing import Any, Callable

from drivers.can.settings import MAX_OCTETS
from drivers.errors import DriverError
from kernel.record import dataclass

NUMBER = r"[-+]?(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"
NAME = r"(?P<message>\w+)\.(?P<signal>\w+)"
REFERENCE = re.compile(rf"{NAME}(?:\s*(?P<op>[*/])\s*(?P<factor>{NUMBER}))?(?:\s*(?P<sign>[+-])\s*(?P<offset>{NUMBER}))?")
CONDITION = re.compile(rf"{NAME}\s*(?P<op>==|!=|<=|>=|<|>|&)\s*(?P<value>.+)")
AND = re.compile(r"\s+and\s+")
SHOWN = 8              # names that a refusal repeats

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt, "&": lambda a, b: bool(int(a) & int(b))}

UNITS = {"V": ("v", "volt", "volts"), "A": ("a", "amp", "amps", "ampere", "amperes"), "%": ("%", "percent", "pct"), "W": ("w", "watt", "watts"),
         "Wh": ("wh",), "degC": ("degc", "c", "\u00b0c", "deg c", "celsius", "grad c")}
"""Spellings of a unit in DBC files, in small letters."""


class DbcError(Exception):
    """One sentence: what is wrong with one mapping, and what is there instead."""


@dataclass(slots=True, frozen=True)
class Place:
    """Where a signal sits in its message. `mux`: it is there only while each of these multiplexers has one of these values."""

    shift: int
    length: int
    big: bool
    signed: bool
    real: bool                   # IEEE 754, 32 or 64 bit
    scale: float
    offset: float
    low: float | None            # as the file declares, in the signal's unit
    high: float | None
    mux: tuple[tuple[Place, frozenset[int]], ...] = ()

    def raw(self, little: int, big: int) -> int | float:
        """`little`, `big`: the message as one number in either order."""
        value = ((big if self.big else little) >> self.shift) & ((1 << self.length) - 1)
        if self.real:
            size = self.length // 8
            return struct.unpack({2: "<e", 4: "<f", 8: "<d"}[size], value.to_bytes(size, "little"))[0]
        if self.signed and value >> (self.length - 1):
            value -= 1 << self.length
        return value

    def present(self, little: int, big: int) -> bool:
        return all(place.raw(little, big) in ids for place, ids in self.mux)

    def read(self, little: int, big: int) -> float:
        return self.raw(little, big) * self.scale + self.offset


@dataclass(slots=True, frozen=True)
class Reference:
    """A signal with what is done to it: value * factor + offset."""

    message: str
    signal: str
    place: Place
    factor: float = 1.0
    offset: float = 0.0


@dataclass(slots=True, frozen=True)
class Condition:
    """A signal compared with a number."""

    message: str
    signal: str
    place: Place
    holds: Callable[[float, float], bool]
    value: float


@dataclass(slots=True, frozen=True)
class MessageFacts:
    """What identifies a message on the bus."""

    name: str
    id: int
    extended: bool
    length: int


class DbcFile:
    """The messages of a file, for the time of starting. `warnings` are sentences that a person should read once."""

    def __init__(self, path: str) -> None:
        """DriverError when the file cannot be read, or cantools is missing."""
        try:
            import cantools
            from cantools.database.errors import Error
        except ImportError as error:
            raise DriverError(f"dbc_battery.file needs cantools, which cannot be imported ({error}).", "Install it: pip install cantools.") from error
        try:
            # strict=False: files that overlap their signals are common, and only those that are asked for matter
            database = cantools.database.load_file(path, strict=False)
        except (OSError, UnicodeError, ValueError, Error) as error:
            raise DriverError(f"dbc_battery.file {str(path)!r} cannot be read: {_short(error)}.", "Give the path of the DBC file of your battery management; a relative one counts from the folder where the program is started.") from error
        self.path = path
        self.warnings: list[str] = []
        self._messages = {message.name: message for message in getattr(database, "messages", ())}

    def facts(self, name: str) -> MessageFacts:
        m = self._messages[name]
        return MessageFacts(name, m.frame_id, m.is_extended_frame, m.length)

    def quantity(self, text: str, key: str, unit: str) -> Reference:
        """`Message.Signal`, perhaps followed by `* 0.1` and `+ 3`; a unit in the file other than `unit` is warned of."""
        match = REFERENCE.fullmatch(text.strip())
        if match is None:
            raise DbcError(f"{key} = {text!r} is not Message.Signal with perhaps a factor and an offset behind it, as Pack_1.Voltage * 0.1 + 3")
        message, signal = self._find(match, key)
        factor = 1.0 if match["factor"] is None else number(match["factor"])
        if not factor:
            raise DbcError(f"{key} = {text!r} has zero as its factor")
        if match["op"] == "/":
            factor = 1.0 / factor
        offset = 0.0 if match["offset"] is None else number(match["offset"]) * (-1.0 if match["sign"] == "-" else 1.0)
        told = (signal.unit or "").strip()
        if told and told.lower() not in UNITS[unit] and match["factor"] is None:
            self.warnings.append(f"dbc_battery.{key}: {self.path} gives {message.name}.{signal.name} in {told!r}, but {unit} is wanted; if that is another unit, "
                                 f"write a factor behind it: {message.name}.{signal.name} * 1000")
        return Reference(message.name, signal.name, self._place(message, signal, key), factor, offset)

    def conditions(self, text: str, key: str) -> list[Condition]:
        """`Message.Signal == 1 and Message.Other != FAULT`: numbers, or names of the file's value table."""
        found = []
        for part in AND.split(text.strip()):
            match = CONDITION.fullmatch(part.strip())
            if match is None:
                raise DbcError(f"{key}: {part!r} is not a comparison, as Pack_3.State == 2 or Pack_3.Flags & 0x10; several are joined by `and`")
            message, signal = self._find(match, key)
            found.append(Condition(message.name, signal.name, self._place(message, signal, key), OPERATORS[match["op"]], _choice(signal, match["value"], key)))
        return found

    def signal(self, text: str, key: str) -> Reference:
        """A bare `Message.Signal`."""
        match = re.fullmatch(NAME, text.strip())
        if match is None:
            raise DbcError(f"{key} = {text!r} is not Message.Signal")
        message, signal = self._find(match, key)
        return Reference(message.name, signal.name, self._place(message, signal, key))

    def _find(self, match: re.Match[str], key: str) -> tuple[Any, Any]:
        message = self._messages.get(match["message"])
        if message is None:
            raise DbcError(f"{key}: {self.path} has no message {match['message']}{_near(match['message'], self._messages, self._elsewhere(match['signal']))}")
        signals = {signal.name: signal for signal in message.signals}
        signal = signals.get(match["signal"])
        if signal is None:
            raise DbcError(f"{key}: message {message.name} has no signal {match['signal']}{_near(match['signal'], signals, self._elsewhere(match['signal']))}")
        if message.length > MAX_OCTETS or getattr(message, "is_fd", False):
            raise DbcError(f"{key}: message {message.name} has {message.length} octets (CAN FD); only classical CAN with at most {MAX_OCTETS} is heard")
        return message, signal

    def _elsewhere(self, signal: str) -> list[str]:
        return [f"{m.name}.{signal}" for m in self._messages.values() if any(s.name == signal for s in m.signals)]

    def _place(self, message: Any, signal: Any, key: str, depth: int = 0) -> Place:
        big = signal.byte_order == "big_endian"
        if big:
            shift = 8 * message.length - (8 * (signal.start // 8) + 7 - signal.start % 8) - signal.length
        else:
            shift = signal.start
        if shift < 0 or shift + signal.length > 8 * message.length:
            raise DbcError(f"{key}: {message.name}.{signal.name} lies outside the {message.length} octets of its message: the file is wrong")
        mux: list[tuple[Place, frozenset[int]]] = []
        if signal.multiplexer_ids is not None and signal.multiplexer_signal is not None:
            if depth > MAX_OCTETS:
                raise DbcError(f"{key}: the multiplexers of {message.name}.{signal.name} go in a circle: the file is wrong")
            above = next((s for s in message.signals if s.name == signal.multiplexer_signal), None)
            if above is None:
                raise DbcError(f"{key}: {message.name}.{signal.name} is multiplexed by {signal.multiplexer_signal}, which the file does not have")
            place = self._place(message, above, key, depth + 1)
            mux = [*place.mux, (place, frozenset(signal.multiplexer_ids))]
        return Place(shift, signal.length, big, bool(signal.is_signed), bool(signal.is_float), float(signal.scale), float(signal.offset),
                     _number_or_none(signal.minimum), _number_or_none(signal.maximum), tuple(mux))


def number(text: str) -> float:
    """Decimal, or hexadecimal with 0x."""
    return float(int(text, 16)) if "x" in text.lower() else float(text)


def _choice(signal: Any, text: str, key: str) -> float:
    text = text.strip().strip("'\"")
    if re.fullmatch(NUMBER, text):
        return number(text)
    choices = {str(name): value for value, name in (signal.choices or {}).items()}
    if text not in choices:
        raise DbcError(f"{key}: {signal.name} is compared with {text!r}, which is neither a number nor one of its names{_near(text, choices, [])}")
    return choices[text] * float(signal.scale) + float(signal.offset)


def _near(name: str, names: Any, elsewhere: list[str]) -> str:
    """What was perhaps meant."""
    if elsewhere:
        return f"; did you mean {elsewhere[0]}?"
    import difflib                               # for who has made a mistake
    small = {known.lower(): known for known in names}
    near = [small[n] for n in difflib.get_close_matches(name.lower(), small, 3, 0.5)]
    if near:
        return f"; did you mean {' or '.join(near)}?"
    known = sorted(names)
    return f"; it has {', '.join(known[:SHOWN])}{' ...' if len(known) > SHOWN else ''}" if known else "; it has none"


def _number_or_none(value: Any) -> float | None:
    return None if value is None else float(value)


def _short(error: Exception) -> str:
    """The first line of what cantools says, which may repeat the whole file."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:160]}" if lines else type(error).__name__
