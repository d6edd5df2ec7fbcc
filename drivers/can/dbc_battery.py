"""The battery management by CAN, described by a DBC file: which signal is which quantity stands in the configuration.

Each value has an age of its own; what has not come in time, was out of range, or came in a refused frame is unknown. Refused are
frames of a wrong length, with a wrong checksum, or with a counter that stands still. Decoding: some 1 us per signal on a PC.
"""
from __future__ import annotations

import re
from dataclasses import fields
from typing import Any, Protocol

from drivers.can.checksum import KINDS, Checksum
from drivers.can.dbc import NUMBER, Condition, DbcError, DbcFile, MessageFacts, Place, Reference, number
from drivers.errors import DriverError
from drivers.interfaces import BatteryReading, CanFrame, CanPort, Quantity
from kernel.record import dataclass, settings_class
from kernel.settings import setting
from kernel.timer import MS, S

FRAMES_PER_TURN = 32       # of 5 us each on a PC; a bus of 500 kbit/s that carries nothing else brings 40, of which the newest are kept
TURN = 10 * MS
INFINITE = float("inf")
ROUNDING = 1e-9            # a declared maximum of 1000 allows 10000 * 0.1
FAST, SLOW = "fast", "slow"
REFERENCE_MEANING = "Message.Signal, perhaps with a factor and an offset: Pack_1.Voltage * 0.1 + 3; or a number that stays"


@settings_class(slots=True)
class DbcBatteryConfig:
    """Section `dbc_battery` of the configuration."""

    file: str = setting("", meaning="path of the DBC file of the battery management")
    battery_voltage: str = setting("", meaning=f"V at its terminals, inside the contactors; {REFERENCE_MEANING}")
    soc: str = setting("", meaning="state of charge in %")
    target_voltage: str = setting("", meaning="V that it wants")
    target_current: str = setting("", meaning="A that it wants; where the file counts charging as negative: Pack_2.Target * -1")
    max_voltage: str = setting("", meaning="V that it must never have more of; a number from its data sheet will do")
    max_current: str = setting("", meaning="A that it must never have more of")
    max_power: str = setting("", meaning="W that it must never have more of; empty: max_voltage times max_current")
    capacity: str = setting("", meaning="usable energy content in Wh; empty: not told to the charger")
    permission: str = setting("", meaning="when charging is allowed: Pack_3.State == 2 and Pack_3.Faults == 0; names of the file's value table do as well")
    temperatures: list[str] = setting([], meaning="degrees Celsius of its cells, all or coldest and hottest; outside the two limits below there is no permission")
    temperature_min_c: float = setting(0.0, low=-60, high=60, meaning="charge no cell that is colder; its data sheet says it")
    temperature_max_c: float = setting(50.0, low=0, high=100, meaning="charge no cell that is hotter")
    counters: list[str] = setting([], meaning="Message.Signal that changes with each frame; frames in which it stands still are refused")
    checksums: list[str] = setting([], meaning=f"Message.Signal and one of {', '.join(KINDS)}: Pack_1.Checksum sum8; over all other octets of the frame")
    fast_age_ms: int = setting(500, unit="ms", low=100, high=2000, meaning="voltages, current and permission are unknown when they are older")
    slow_age_ms: int = setting(2000, unit="ms", low=200, high=10_000, meaning="state of charge, limits, capacity and temperatures likewise")


@dataclass(slots=True, frozen=True)
class Wanted:
    """One key of the section: range of the signal that it becomes (tasks/signals.py has the same), and how fast it changes."""

    key: str
    unit: str
    low: float
    high: float
    pace: str
    short: str               # for the display
    required: bool = True


QUANTITIES = (
    Wanted("battery_voltage", "V", 0, 1000, FAST, "voltage"),
    Wanted("soc", "%", 0, 100, SLOW, "SoC"),
    Wanted("target_voltage", "V", 0, 1000, FAST, "target V"),
    Wanted("target_current", "A", 0, 500, FAST, "target A"),
    Wanted("max_voltage", "V", 0, 1000, SLOW, "max V"),
    Wanted("max_current", "A", 0, 500, SLOW, "max A"),
    Wanted("max_power", "W", 0, 400_000, SLOW, "max W", required=False),
    Wanted("capacity", "Wh", 0, 300_000, SLOW, "capacity", required=False),
)
TEMPERATURE = Wanted("temperatures", "degC", -60, 200, SLOW, "temperature", required=False)


FIELDS = {q.key: {"battery_voltage": "voltage", "soc": "soc_percent"}.get(q.key, q.key) for q in QUANTITIES}
"""Key of the section -> field of BatteryReading."""

Aged = tuple[float | bool | None, int]       # a value and when it was heard, in ns


class Value:
    """The newest value of one mapping. `at` -1: never. Flat fields instead of calls: 32 frames of six signals may be decoded in one turn."""

    __slots__ = ("key", "short", "place", "plain", "big", "shift", "mask", "sign", "scale", "offset", "low", "high", "condition", "value", "at", "bound",
                 "message", "refused")

    def __init__(self, quantity: Wanted, source: Reference | Condition | float, bound: int) -> None:
        self.key = quantity.key
        self.short = quantity.short
        self.value: float | None = source if isinstance(source, float) else None
        self.at = -1
        self.bound = bound
        self.refused: float | None = None          # what was out of range
        self.message = "" if isinstance(source, float) else source.message
        self.condition = source if isinstance(source, Condition) else None
        self.place: Place | None = None
        if isinstance(source, float):
            return
        self.place = p = source.place
        self.plain = not p.mux and not p.real
        self.big, self.shift, self.mask = p.big, p.shift, (1 << p.length) - 1
        self.sign = 1 << (p.length - 1) if p.signed and not p.real else 0
        factor, offset = (source.factor, source.offset) if isinstance(source, Reference) else (1.0, 0.0)
        self.scale, self.offset = p.scale * factor, p.offset * factor + offset
        declared = [-INFINITE if p.low is None else p.low, INFINITE if p.high is None else p.high]
        low, high = sorted(limit * factor + offset for limit in declared)
        if self.condition is None:
            low, high = max(low, quantity.low), min(high, quantity.high)
        self.low, self.high = low - ROUNDING * abs(low) if low > -INFINITE else low, high + ROUNDING * abs(high) if high < INFINITE else high

    def take(self, little: int, big: int, now: int) -> bool:
        """From a frame in which it stands. False when it was out of range, and is unknown now."""
        if self.plain:
            raw: float = (big if self.big else little) >> self.shift & self.mask
            if self.sign and raw >= self.sign:
                raw -= self.mask + 1
        else:
            place = self.place
            if place is None or not place.present(little, big):
                return True
            raw = place.raw(little, big)
        value = raw * self.scale + self.offset
        self.at = now
        if not self.low <= value <= self.high:      # also NaN
            self.value, self.refused = None, value
            return False
        self.value = value if self.condition is None else self.condition.holds(value, self.condition.value)
        self.refused = None
        return True

    def get(self, now: int) -> float | None:
        """None when unknown or too old."""
        if self.place is not None and (self.at < 0 or now - self.at > self.bound):
            return None
        return self.value

    def aged(self, now: int) -> Aged:
        """The same with its time; what the configuration says is always of now."""
        return self.get(now), now if self.place is None else self.at


class _Watched:
    """One message on the bus, and what is read from it."""

    __slots__ = ("facts", "values", "counter", "checksum", "checksum_at", "last_count", "heard_at", "refused")

    def __init__(self, facts: MessageFacts) -> None:
        self.facts = facts
        self.values: list[Value] = []
        self.counter: Place | None = None
        self.checksum: Checksum | None = None
        self.checksum_at = 0
        self.last_count: float | None = None
        self.heard_at = -1
        self.refused = ""

    def complaint(self, data: bytes, little: int, big: int) -> str:
        """Why this frame is refused, empty when it is not."""
        facts = self.facts
        if len(data) != facts.length:
            return f"{len(data)} octets instead of {facts.length}"
        if self.checksum is not None:
            at = self.checksum_at
            if self.checksum(facts.id, facts.length, data[:at] + data[at + 1:]) != data[at]:
                return "wrong checksum"
        if self.counter is not None:
            count = self.counter.raw(little, big)
            if count == self.last_count:
                return "its counter stands still"
            self.last_count = count
        return ""


class Bus(Protocol):
    """What this driver wants of drivers.can.bus.CanBus."""

    name: str

    def port(self, name: str, ids: Any, extended: bool | None = None) -> CanPort: ...


class DbcBattery:
    """VehicleData and Polled. Counters besides `errors` (all of them): `refused_frames`, `refused_values`, `decoded` frames."""

    def __init__(self, config: DbcBatteryConfig, bus: Bus) -> None:
        """DriverError with everything that is wrong with the mapping. `warnings`: sentences for the journal, once."""
        self.name = f"battery management ({config.file}) on {bus.name}"
        self.fault = ""
        self.remedy = ""
        self.errors = self.refused_frames = self.refused_values = self.decoded = 0
        file = DbcFile(config.file)
        self._problems: list[str] = []
        self._watched: dict[str, _Watched] = {}
        fast, slow = config.fast_age_ms * MS, config.slow_age_ms * MS
        self._values = {q.key: found for q in QUANTITIES if (found := self._map(file, q, getattr(config, q.key), fast if q.pace is FAST else slow))}
        self._temperatures = [found for text in config.temperatures if (found := self._map(file, TEMPERATURE, text, slow))]
        self._permission = self._map_permission(file, config.permission, fast)
        self._guard_frames(file, config)
        if config.temperature_min_c >= config.temperature_max_c:
            self._problems.append(f"temperature_min_c = {config.temperature_min_c:g} is not below temperature_max_c = {config.temperature_max_c:g}")
        if self._problems:
            raise DriverError("dbc_battery: " + "; ".join(self._problems) + ".", f"Mend these keys; the names stand in {config.file} after BO_ (messages) and SG_ (signals).")
        self.warnings = file.warnings
        self._limits = (config.temperature_min_c, config.temperature_max_c)
        self._order = [*self._values.values(), *self._permission, *self._temperatures]
        by_kind = {kind: [w for w in self._watched.values() if w.facts.extended is kind] for kind in (False, True)}
        self._by_key = {(w.facts.id, w.facts.extended): w for w in self._watched.values()}
        self._ports = [bus.port("battery", [w.facts.id for w in watched], kind) for kind, watched in by_kind.items() if watched]
        self._since: int | None = None

    def run(self, now: int) -> int:
        if self._since is None:
            self._since = now
        budget = FRAMES_PER_TURN
        self._ports.reverse()          # 11 and 29 bits take turns in being first
        for port in self._ports:
            frames = port.receive(budget, now)
            budget -= len(frames)
            for frame in frames:
                self._take(frame)
        self._judge(now)
        return now + TURN

    def read(self, now: int) -> BatteryReading | None:
        known = {FIELDS[key]: value.aged(now) for key, value in self._values.items()}
        if all(value is None for value, _ in known.values()):
            return None
        if "max_power" not in known:
            (voltage, heard), (current, heard_too) = known["max_voltage"], known["max_current"]
            known["max_power"] = (None if voltage is None or current is None else voltage * current, min(heard, heard_too))
        known["permission"] = self.permission(now)
        known.update(self._extremes(now))
        return reading_of(known)

    def permission(self, now: int) -> Aged:
        """False where anything forbids it, None while anything is unknown; as old as the oldest that it rests on."""
        aged = [v.aged(now) for v in (*self._permission, *self._temperatures)]
        low, high = self._limits
        answers = [None if v is None else bool(v) for v, _ in aged[:len(self._permission)]]
        answers += [None if v is None else low <= v <= high for v, _ in aged[len(self._permission):]]
        return False if False in answers else None if None in answers else True, min(at for _, at in aged)

    def _extremes(self, now: int) -> dict[str, Aged]:
        """Hottest and coldest cell; unknown while any of those that are mapped is."""
        if not self._temperatures:
            return {}
        aged = [v.aged(now) for v in self._temperatures]
        values, oldest = [v for v, _ in aged if v is not None], min(at for _, at in aged)
        complete = len(values) == len(aged)
        return {"hottest": (max(values) if complete else None, oldest), "coldest": (min(values) if complete else None, oldest)}

    def _take(self, frame: CanFrame) -> None:
        watched = self._by_key.get((frame.id, frame.extended))
        if watched is None:
            return
        data = frame.data
        little, big = int.from_bytes(data, "little"), int.from_bytes(data, "big")
        watched.heard_at = frame.at
        watched.refused = watched.complaint(data, little, big)
        if watched.refused:
            self.refused_frames += 1
            self.errors += 1
            return
        self.decoded += 1
        for value in watched.values:
            if not value.take(little, big, frame.at):
                self.refused_values += 1
                self.errors += 1

    def _judge(self, now: int) -> None:
        """The first thing that is unknown, and why."""
        missing = next((v for v in self._order if v.get(now) is None), None)
        if missing is None:
            self.fault = self.remedy = ""
            return
        if self._since is None or now - self._since <= max(v.bound for v in self._order):
            return
        watched = self._watched[missing.message]
        facts = watched.facts
        what = f"dbc_battery.{missing.key}: message {facts.name} (0x{facts.id:X})"
        heard = watched.heard_at >= 0 and now - watched.heard_at <= missing.bound
        if all(w.heard_at < 0 or now - w.heard_at > missing.bound for w in self._watched.values()):
            self.fault = "BMS: silent"
            self.remedy = "No message of the battery management comes. Is it on, is it set to send them, is the bit rate of the bus its own?"
            return
        self.fault = f"BMS: no {missing.short}"
        if heard and watched.refused:
            self.remedy = f"{what} is refused: {watched.refused}. Is it the right DBC file, and dbc_battery.counters and checksums as this BMS has them?"
        elif heard and missing.refused is not None:
            self.remedy = f"{what} says {missing.refused:g}, which is out of range. The sensor may be broken; or the DBC file, factor or unit is wrong."
        elif heard:
            self.remedy = f"{what} comes, but not with this signal: it is multiplexed, and the page that has it is not sent."
        else:
            self.remedy = f"{what} {'has never come' if watched.heard_at < 0 else 'has not come for %d s' % ((now - watched.heard_at) // S)}; the battery management sends others. Switch it on there."

    # --- the mapping, when the program starts

    def _map(self, file: DbcFile, quantity: Wanted, text: str, bound: int) -> Value | None:
        text = text.strip()
        if not text:
            if quantity.required:
                self._problems.append(f"{quantity.key} is empty; it needs Message.Signal or a number in {quantity.unit}")
            return None
        if re.fullmatch(NUMBER, text):
            constant = number(text)
            if not quantity.low <= constant <= quantity.high:
                self._problems.append(f"{quantity.key} = {text} is outside {quantity.low:g} to {quantity.high:g} {quantity.unit}")
            return Value(quantity, constant, bound)
        try:
            return self._watch(file, Value(quantity, file.quantity(text, quantity.key, quantity.unit), bound))
        except DbcError as error:
            self._problems.append(str(error))
            return None

    def _map_permission(self, file: DbcFile, text: str, bound: int) -> list[Value]:
        quantity = Wanted("permission", "", 0, 1, FAST, "permission")
        if not text.strip():
            self._problems.append("permission is empty; it needs a comparison, as Pack_3.State == 2")
            return []
        try:
            return [self._watch(file, Value(quantity, condition, bound)) for condition in file.conditions(text, "permission")]
        except DbcError as error:
            self._problems.append(str(error))
            return []

    def _watch(self, file: DbcFile, value: Value) -> Value:
        self._message(file, value.message).values.append(value)
        return value

    def _message(self, file: DbcFile, name: str) -> _Watched:
        if name not in self._watched:
            self._watched[name] = _Watched(file.facts(name))
        return self._watched[name]

    def _guard_frames(self, file: DbcFile, config: DbcBatteryConfig) -> None:
        """Counters and checksums, only of messages that something is read from."""
        for key, texts in (("counters", config.counters), ("checksums", config.checksums)):
            for text in texts:
                name, _, kind = text.strip().partition(" ")
                try:
                    found = file.signal(name, key)
                except DbcError as error:
                    self._problems.append(str(error))
                    continue
                watched = self._watched.get(found.message)
                if watched is None:
                    self._problems.append(f"{key}: nothing is read from message {found.message} of {text!r}; leave it out")
                elif key == "counters":
                    watched.counter = found.place
                elif kind.strip() not in KINDS:
                    self._problems.append(f"checksums: {text!r} names no kind; write {name} and one of {', '.join(KINDS)}")
                elif found.place.length != 8 or found.place.shift % 8:
                    self._problems.append(f"checksums: {name} is not one whole octet")
                else:
                    octet = found.place.shift // 8
                    watched.checksum = KINDS[kind.strip()]
                    watched.checksum_at = watched.facts.length - 1 - octet if found.place.big else octet


def reading_of(known: dict[str, Aged]) -> BatteryReading:
    """The only place that knows how a BatteryReading looks; what the file does not have was never heard."""
    return BatteryReading(**{f.name: Quantity(*known.get(f.name, (None, -1))) for f in fields(BatteryReading)})
