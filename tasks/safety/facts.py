"""What the supervisors look at and what they decide: plain values, None when unknown or stale."""
from __future__ import annotations

from dataclasses import field

from drivers.interfaces import PilotState
from kernel.record import dataclass
from kernel.word import Word


class SafetyState(Word):
    """States of all supervisors; Waking, Ready and Closed are the car's only, Delivering the chargers' only, Decay not an AC charger's."""

    Idle = "Idle"                # contactors open, pilot B, output off
    Waking = "Waking"            # car: pilot C for a moment while nobody offers power: wakes a charger that sleeps, is counted by one that validates
    Ready = "Ready"              # car: pilot C, contactors open; the charger may put voltage on the inlet
    Closing = "Closing"          # contactors commanded closed, not yet confirmed
    Closed = "Closed"            # car: contactors confirmed closed
    Delivering = "Delivering"    # charger: power stage on
    CurrentOff = "CurrentOff"    # pilot B commanded or power stage off; waiting for the current to vanish (AC: for the car to end its load)
    Opening = "Opening"          # contactors commanded open, not yet confirmed
    Decay = "Decay"              # contactors open; waiting for the voltage to fall
    Tripped = "Tripped"          # a trip is latched and the shutdown sequence is through


@dataclass(slots=True)
class PevFacts:
    """The car. V, A, degC, percent; `_at` in ns."""

    pilot: PilotState | None = None
    duty: float | None = None
    inlet_voltage: float | None = None
    inlet_voltage_at: int = -1
    inlet_steady: bool = False                 # its last two measurements hardly differ
    inlet_current: float | None = None
    inlet_current_at: int = -1
    temperature: float | None = None
    supply_voltage: float | None = None
    connection_alive: bool | None = None
    stop_button: bool | None = None
    battery_voltage: float | None = None
    battery_max_voltage: float | None = None
    battery_max_current: float | None = None
    battery_target_current: float | None = None
    permission: bool | None = None
    reported_current: float | None = None      # EVSEPresentCurrent
    reported_current_at: int = -1
    contactors: bool | None = None
    lock: bool | None = None


@dataclass(slots=True)
class PevRequests:
    """Leases as they stand: a lapsed request is False, and `lapsed` says that there was one."""

    pilot_c: bool = False
    wake: bool = False
    lock: bool = False
    contactors: bool = False
    lapsed: bool = False


@dataclass(slots=True)
class PevOutputs:
    """`lock` None: leave the motor alone."""

    pilot_c: bool = False
    contactors: bool = False
    lock: bool | None = None


@dataclass(slots=True)
class BridgeFacts(PevFacts):
    """A bridge: towards the charger a car, whose battery is what is measured at the CHAdeMO plug. V; `_at` in ns."""

    vehicle_voltage: float | None = None
    vehicle_voltage_at: int = -1
    vehicle_steady: bool = False               # its last two measurements hardly differ
    k: bool | None = None                      # the vehicle's switch k is closed: it permits charging
    d1: bool | None = None                     # what the drivers have acknowledged
    d2: bool | None = None
    vehicle_lock: bool | None = None
    vehicle_plug: bool | None = None           # None where nothing tells it
    plug_was_dead: bool = False                # measured since d2 was last on; the supervisor keeps it
    discharge_allowed: float | None = None     # A that the vehicle lets out now


@dataclass(slots=True)
class BridgeRequests(PevRequests):
    """Leases, as above."""

    d1: bool = False
    d2: bool = False
    vehicle_lock: bool = False


@dataclass(slots=True)
class BridgeOutputs(PevOutputs):
    """`vehicle_lock` None: leave it alone."""

    d1: bool = False
    d2: bool = False
    vehicle_lock: bool | None = None


@dataclass(slots=True)
class EvseFacts:
    """The charger. V, A, Ohm; `contactors` and `lock` None also where not fitted."""

    pilot: PilotState | None = None
    output_voltage: float | None = None
    output_voltage_at: int = -1
    output_current: float | None = None
    output_current_at: int = -1
    isolation: float | None = None
    connection_alive: bool | None = None
    stop_button: bool | None = None
    contactors: bool | None = None
    lock: bool | None = None


@dataclass(slots=True)
class EvseRequests:
    """`voltage` 0: no output is wanted. `duty` None: no wish, which means steady +12 V."""

    voltage: float = 0.0
    current: float = 0.0
    duty: float | None = None
    lock: bool = False
    lapsed: bool = False


@dataclass(slots=True)
class EvseOutputs:
    """`on` with set points; `duty` in percent, 100 = steady; `lock` None: leave the motor alone."""

    on: bool = False
    voltage: float = 0.0
    current: float = 0.0
    duty: float = 100.0
    contactors: bool = False
    lock: bool | None = None


@dataclass(slots=True)
class AcFacts:
    """An AC charger. A, percent; `current` None without a meter, `lock` None where a cable is fixed to the charger."""

    pilot: PilotState | None = None
    duty: float | None = None                  # measured, None where the board cannot
    duty_set: float | None = None              # what the pilot source has acknowledged
    current: float | None = None
    current_at: int = -1
    residual_current: bool | None = None       # tripped
    connection_alive: bool | None = None
    stop_button: bool | None = None
    contactors: bool | None = None
    lock: bool | None = None


@dataclass(slots=True)
class AcRequests:
    """`close`: power is wanted. `ended`: it is not, and the car has said that its load has ended. `duty` None: steady +12 V.

    `by_pilot`: there is no session, and a car may charge by the pilot alone while a nominal duty stands.
    """

    close: bool = False
    by_pilot: bool = False
    ended: bool = False
    duty: float | None = None
    lock: bool = False
    lapsed: bool = False


@dataclass(slots=True)
class AcOutputs:
    """`duty` in percent, 100 = steady; `lock` None: leave the motor alone."""

    contactors: bool = False
    duty: float = 100.0
    lock: bool | None = None


@dataclass(slots=True)
class Report:
    """What a step found worth telling: (text, args, level) for the journal."""

    notes: list[tuple[str, tuple, str]] = field(default_factory=list)

    def tell(self, text: str, *args: object, level: str = "info") -> None:
        self.notes.append((text, args, level))

    def drain(self) -> list[tuple[str, tuple, str]]:
        notes, self.notes = self.notes, []
        return notes
