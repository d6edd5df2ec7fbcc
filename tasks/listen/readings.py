"""The latest values of one V2G session, of both sides: taken from each decoded message by the names that the standards give.

DIN 70121, ISO 15118-2 and -20 name the same things alike, so one table of names serves all three. V, A, W, percent, s.
"""
from __future__ import annotations

from dataclasses import field, fields, is_dataclass
from enum import Enum
from typing import Any, Iterator

from kernel.record import dataclass
from kernel.timer import S
from tasks.listen.latency import Latency
from tasks.listen.limiting import Demand, Limiting, Limits, limiting
from tasks.listen.record import Category, Record, Role
from tasks.listen.values import is_physical, physical

MAX_LEAVES = 256         # values looked at per message; certificates and lists of schedules are longer, what is wanted stands elsewhere
MAX_TROUBLES = 6         # of one session: the latest are kept
MAX_STEP = 5 * S         # answers further apart are not one delivery: V2G_SECC_Sequence_Timeout aside, CurrentDemand comes every 0.25 s
HOUR = 3600 * S
PLAUSIBLE = {            # attribute -> least and greatest value that is believed; PhysicalValue and RationalNumber can say anything up to 1e131
    "voltage": (-9_999, 9_999), "current": (-9_999, 9_999), "target_voltage": (-9_999, 9_999), "target_current": (-9_999, 9_999),
    "power": (-99_999_999, 99_999_999), "active_power": (-99_999_999, 99_999_999), "soc": (0, 100), "full_in": (0, 9_999_999),
    "energy_request": (-9_999_999, 9_999_999),
}
LOOPS = ("CurrentDemandRes", "DC_ChargeLoopRes")     # the answers that tell what is delivered
PHASES = ("_L2", "_L3")      # of a field whose plain name is the first phase, or all of them where these are absent
GOOD_CODES = ("OK",)     # and every code that begins so: OK_NewSessionEstablished, OK_CertificateExpiresSoon ...

_CAR_LIMITS = {          # field -> attribute of Limits; -20 says EVMaximumVoltage and EVMaximumChargeCurrent, AC says EVMaxCurrent
    "EVMaximumVoltageLimit": "voltage", "EVMaximumVoltage": "voltage", "EVMaxVoltage": "voltage",
    "EVMaximumCurrentLimit": "current", "EVMaximumChargeCurrent": "current", "EVMaxCurrent": "current",
    "EVMaximumPowerLimit": "power", "EVMaximumChargePower": "power",
}
_CHARGER_LIMITS = {
    "EVSEMaximumVoltageLimit": "voltage", "EVSEMaximumVoltage": "voltage",
    "EVSEMaximumCurrentLimit": "current", "EVSEMaximumChargeCurrent": "current", "EVSEMaxCurrent": "current",
    "EVSEMaximumPowerLimit": "power", "EVSEMaximumChargePower": "power",
}
_NUMBERS = {
    "EVTargetVoltage": "target_voltage", "EVTargetCurrent": "target_current",
    "EVSEPresentVoltage": "voltage", "EVSEPresentCurrent": "current",
    "EVSEPresentActivePower": "active_power", "EVRESSSOC": "soc", "PresentSOC": "soc", "RemainingTimeToFullSoC": "full_in",
    "EVEnergyRequest": "energy_request",
}
_WORDS = {
    "EVErrorCode": "car_error", "EVSEStatusCode": "charger_status", "EVSEIsolationStatus": "isolation", "EVSEProcessing": "processing",
    "EVSENotification": "notification", "ResponseCode": "response",
}
_FLAGS = {"EVSECurrentLimitAchieved": "current_limit_achieved", "EVSEVoltageLimitAchieved": "voltage_limit_achieved", "EVSEPowerLimitAchieved": "power_limit_achieved"}


@dataclass(slots=True)
class Readings:
    """None and "" are unknown. `limiting` only while power is asked for; `answers` of the V2G messages."""

    car: Limits = field(default_factory=Limits)
    charger: Limits = field(default_factory=Limits)
    target_voltage: float | None = None
    target_current: float | None = None
    voltage: float | None = None
    current: float | None = None
    active_power: float | None = None
    soc: float | None = None
    full_in: float | None = None
    energy_request: float | None = None
    car_error: str = ""
    charger_status: str = ""
    isolation: str = ""
    processing: str = ""
    notification: str = ""
    response: str = ""
    troubles: list[str] = field(default_factory=list)
    limiting: Limiting | None = None
    judged: dict[tuple[Role | None, str], int] = field(default_factory=dict)     # how often which side was found to limit, and by what
    answers: Latency = field(default_factory=Latency)
    requests: int = 0
    responses: int = 0
    energy: float | None = None          # Wh, summed up from V and A as they were told
    told_at: int | None = None           # when the present power was told
    asked_before: float | None = None    # EVTargetCurrent of the exchange before

    @property
    def power(self) -> float | None:
        """W that the charger delivers."""
        if self.voltage is None or self.current is None:
            return self.active_power
        return self.voltage * self.current

    def take(self, record: Record) -> None:
        """A V2G record; what is not decoded is only counted."""
        if record.sender is Role.CAR:
            self.requests += 1
        elif record.sender is Role.CHARGER:
            self.responses += 1
        if record.latency is not None:
            self.answers.add(record.latency)
        if record.category is not Category.DECODED:
            return
        demand = Demand(None, None, None, None)
        if record.sender is Role.CHARGER:        # what an answer does not tell is not known any more
            self.voltage = self.current = self.active_power = None
        values = dict(leaves(record.message))
        for name in [n for n in values if n.endswith(PHASES)]:       # ISO 15118-20 AC tells power per phase
            base = name[:-len(PHASES[0])]
            if base in values and not isinstance(values[base], str):
                values[base] += values[name]
        for name, value in values.items():
            self._value(record, name, value, demand)
        if record.name in LOOPS:
            demand.target_voltage, demand.target_current = self.target_voltage, self.target_current
            demand.voltage, demand.current = self.voltage, self.current
            demand.asked_before, self.asked_before = self.asked_before, self.target_current
            self.limiting = limiting(demand, self.car, self.charger)
            if self.limiting is not None:        # few kinds exist: limiting.py names seven
                key = self.limiting.side, self.limiting.by
                self.judged[key] = self.judged.get(key, 0) + 1
            self._count(record.at)
        elif record.name[:-3] + "Res" not in LOOPS:
            self.limiting = self.asked_before = self.told_at = None

    def _count(self, now: int) -> None:
        """Adds what the power told now has brought since the last answer; longer silences count for nothing."""
        power = self.power
        if power is not None and self.told_at is not None and 0 <= now - self.told_at <= MAX_STEP:
            self.energy = (self.energy or 0.0) + power * (now - self.told_at) / HOUR
        self.told_at = now

    def _value(self, record: Record, name: str, value: Any, demand: Demand) -> None:
        if name in _NUMBERS:
            self._number(self, _NUMBERS[name], name, value)
        elif name in _CAR_LIMITS:
            self._number(self.car, _CAR_LIMITS[name], name, value)
        elif name in _CHARGER_LIMITS:
            self._number(self.charger, _CHARGER_LIMITS[name], name, value)
        elif name in _FLAGS:
            setattr(demand, _FLAGS[name], bool(value))
        elif name in _WORDS:
            setattr(self, _WORDS[name], value)
            if name == "ResponseCode" and not value.startswith(GOOD_CODES):
                self._trouble(f"{record.name}: {value}")
            elif name == "EVErrorCode" and value != "NO_ERROR":
                self._trouble(f"car: {value}")
            elif name == "EVSEStatusCode" and value in TROUBLED:
                self._trouble(f"charger: {value}")

    def _number(self, where: Readings | Limits, attribute: str, name: str, value: float) -> None:
        """A number that cannot be is unknown, and a trouble worth telling."""
        low, high = PLAUSIBLE[attribute]
        if not low <= value <= high:
            self._trouble(f"{name} cannot be: {value:g}")
            setattr(where, attribute, None)
        else:
            setattr(where, attribute, value)

    def _trouble(self, text: str) -> None:
        if text in self.troubles:
            return
        self.troubles.append(text)
        del self.troubles[:-MAX_TROUBLES]


TROUBLED = frozenset(("EVSE_Shutdown", "EVSE_UtilityInterruptEvent", "EVSE_EmergencyShutdown", "EVSE_Malfunction"))


def leaves(message: object) -> Iterator[tuple[str, Any]]:
    """(field name, value) of everything below a message: physical values as numbers, enumerations as their words."""
    left, queue = MAX_LEAVES, [("", getattr(message, "Body", None) or message)]
    while queue and left:
        name, value = queue.pop()
        if isinstance(value, Enum):
            yield name, value.value
        elif is_dataclass(value) and is_physical(value):
            yield name, physical(value, name)["value"]
        elif is_dataclass(value):
            queue += [(f.name, item) for f in fields(value) if (item := getattr(value, f.name)) is not None]
        elif isinstance(value, (bool, int, float)):
            yield name, value
        else:
            continue
        left -= 1
