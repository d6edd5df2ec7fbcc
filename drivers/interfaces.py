"""The small Protocols between tasks and hardware: SI units, `now` in ns comes in, unknown is None, nothing raises into a task.

A driver that cannot read returns None and counts the error in `errors`; a driver that cannot write returns False.
Real drivers and simulated twins obey the same contract. `next_event()` tells when a simulated device has something
to do by itself; a real device says NEVER because its file descriptor wakes the kernel.
"""
from __future__ import annotations

from dataclasses import field
from typing import Any, Callable, Generic, Mapping, NamedTuple, Protocol, TypeVar

from kernel.record import dataclass
from kernel.word import Word

T = TypeVar("T")


class PilotState(Word):
    """Control pilot states of IEC 61851-1 (slac-and-network sheet, section 3)."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"
    E = "E"
    F = "F"


@dataclass(slots=True)
class PilotReading:
    """State and PWM duty cycle (percent; 100 = no PWM, X1; None = not measurable on this board)."""

    state: PilotState
    duty_percent: float | None


class Ears(Protocol):
    """A network interface that only hears: whole Ethernet frames without FCS, as they arrive."""

    mac: bytes
    errors: int

    def fileno(self) -> int:
        """File descriptor that becomes readable with a frame; -1 where there is none (simulation)."""
        ...

    def receive(self, limit: int, now: int) -> list[tuple[int, bytes]]:
        """At most `limit` frames with their arrival time in ns."""
        ...

    def next_event(self) -> int:
        """When `receive` has something to do without the descriptor becoming readable; NEVER otherwise."""
        ...

    def favour(self, station: bytes | None) -> None:
        """The IPv6 frames of this MAC are to come first and not to be lost in a flood of others; None: all are equal."""
        ...

    @property
    def drops(self) -> int:
        """Frames lost because nobody fetched them in time."""
        ...

    def close(self) -> None: ...


class Nic(Ears, Protocol):
    """A network interface that sends as well."""

    def send(self, frame: bytes, now: int) -> bool: ...


class OwnModem(Protocol):
    """The way to the own modem, and to nothing else: management messages to its local address, never sent to the power line."""

    errors: int
    refused: int

    def send(self, frame: bytes, now: int) -> bool:
        """False when it was refused (counted in `refused`) or could not be sent."""
        ...


class Voltmeter(Protocol):
    """High-voltage measurements on the vehicle side of the inlet, and the inlet's temperature."""

    errors: int

    def inlet_voltage(self, now: int) -> float | None:
        """V between DC+ and DC- at the inlet, before the contactors."""
        ...

    def inlet_current(self, now: int) -> float | None:
        """A into the battery; None where no sensor is fitted."""
        ...

    def inlet_temperature(self, now: int) -> float | None:
        """Hottest inlet pin in degrees Celsius; None where no sensor is fitted."""
        ...

    def supply_voltage(self, now: int) -> float | None:
        """V of the supply of the box itself; None where no sensor is fitted."""
        ...


def measured_at(meter: object) -> Callable[[str, int], int]:
    """When a Voltmeter or PowerMeter took what its method `what` says at `now` (ns): its own `measured_at`, where its measurements are older than the call.

    Two looks at one measurement are not two measurements: the supervisor judges by this time what is steady, and what came after its command.
    """
    return getattr(meter, "measured_at", _at_once)


def _at_once(what: str, now: int) -> int:
    return now


class PilotMonitor(Protocol):
    """Reads the control pilot; cannot change it."""

    errors: int

    def read(self, now: int) -> PilotReading | None: ...


class Inputs(Protocol):
    """Read-only digital inputs."""

    errors: int

    def stop_button(self, now: int) -> bool | None: ...

    def display_button(self, now: int) -> bool | None:
        """The button that turns the display's pages; None where it is not fitted or not known."""
        ...


class ControlPilot(Protocol):
    """The car's end of the control pilot: state B (2.74 kOhm) or C (882 Ohm). Held by tasks/safety only."""

    errors: int

    def set_state_c(self, c: bool, now: int) -> bool:
        """True: ready (state C). False: not ready (state B)."""
        ...


class PilotSource(Protocol):
    """The charger's end of the control pilot. Held by tasks/safety only."""

    errors: int

    def set_duty(self, percent: float | None, now: int) -> bool:
        """PWM duty in percent; 100 = steady +12 V (X1); None = state F (-12 V)."""
        ...


class Contactors(Protocol):
    """Both HV contactors as one, or the mains contactor of an AC charger with all its poles. Held by tasks/safety only."""

    errors: int

    def set_closed(self, closed: bool, now: int) -> bool: ...

    def feedback(self, now: int) -> bool | None:
        """True: measured closed. False: measured open. None: no feedback, moving, or the two disagree."""
        ...


class ConnectorLock(Protocol):
    """The motor that holds the plug. Held by tasks/safety only."""

    errors: int

    def set_locked(self, locked: bool, now: int) -> bool: ...

    def feedback(self, now: int) -> bool | None: ...


class PowerSupply(Protocol):
    """The charger's power stage. `set` is held by tasks/safety only; reading goes through PowerMeter."""

    errors: int

    def set(self, voltage: float, current: float, now: int) -> bool:
        """Regulate to at most `voltage` V and `current` A."""
        ...

    def off(self, now: int) -> bool: ...


class PowerMeter(Protocol):
    """Measurements at the charger's output."""

    errors: int

    def voltage(self, now: int) -> float | None: ...

    def current(self, now: int) -> float | None: ...

    def isolation(self, now: int) -> float | None:
        """Ohm between the DC output and PE as the insulation monitor sees it; None while not measured."""
        ...


class ResidualCurrent(Protocol):
    """An AC charger's RCD or 6 mA DC detector (IEC 62955)."""

    errors: int

    def tripped(self, now: int) -> bool | None:
        """True: it has tripped. False: sound and self-tested. None: not known."""
        ...


class AcMeter(Protocol):
    """What an AC charger's energy meter says; a meter on a slow bus answers from what it last received."""

    errors: int

    def voltage(self, now: int) -> float | None:
        """V, phase to neutral."""
        ...

    def current(self, now: int) -> float | None:
        """A of the phase that carries most."""
        ...

    def power(self, now: int) -> float | None:
        """W of all phases."""
        ...

    def energy(self, now: int) -> float | None:
        """Wh, the meter's register; never falls."""
        ...


class OnBoardCharger(Protocol):
    """The car's AC charger. It obeys pilot and PWM by itself; this only tells it the limit that was agreed, and hears what it draws."""

    errors: int

    def set_limit(self, amperes: float, now: int) -> bool:
        """A per phase; 0: end the load."""
        ...

    def current(self, now: int) -> float | None:
        """A per phase that it draws."""
        ...

    def power(self, now: int) -> float | None:
        """W of all phases."""
        ...


@dataclass(slots=True)
class Quantity(Generic[T]):
    """One quantity and when it was measured or heard (ns; -1: never). None: not known. An old value is left as it is: its time tells."""

    value: T | None = None
    at: int = -1

    def hear(self, value: T | None, at: int) -> None:
        """A new value, or the news that it is not known."""
        self.value = value
        self.at = at


def _quantity() -> Quantity:
    return Quantity()


@dataclass(slots=True)
class BatteryReading:
    """What is known of the vehicle's battery; each quantity by itself may be unknown or old. V, A, W, Wh, percent, degrees Celsius.

    A driver keeps one for its whole life and changes its quantities as they come: `reading.voltage.hear(355.2, now)`.
    """

    voltage: Quantity[float] = field(default_factory=_quantity)
    soc_percent: Quantity[float] = field(default_factory=_quantity)
    target_voltage: Quantity[float] = field(default_factory=_quantity)
    target_current: Quantity[float] = field(default_factory=_quantity)
    max_voltage: Quantity[float] = field(default_factory=_quantity)
    max_current: Quantity[float] = field(default_factory=_quantity)
    max_power: Quantity[float] = field(default_factory=_quantity)
    capacity: Quantity[float] = field(default_factory=_quantity)
    permission: Quantity[bool] = field(default_factory=_quantity)
    hottest: Quantity[float] = field(default_factory=_quantity)       # of the cells
    coldest: Quantity[float] = field(default_factory=_quantity)

    @classmethod
    def of(cls, at: int, **values: float | bool | None) -> BatteryReading:
        """Everything that is named, heard at one time; what is not named was never heard."""
        return cls(**{name: Quantity(value, at) for name, value in values.items()})


class VehicleData(Protocol):
    """Where the vehicle's data comes from (`charge_parameter_backend`)."""

    errors: int

    def read(self, now: int) -> BatteryReading | None:
        """What is known now, to be looked at before the next call; None: nothing at all is."""
        ...


class ChargeCounter(Protocol):
    """A VehicleData that counts by itself what is charged; tasks/vehicle tells it when it has this method."""

    def observe(self, power: float | None, closed: bool | None, plugged: bool | None, now: int) -> None:
        """W into the battery (None: not known), contactors confirmed closed, connector in the inlet."""
        ...


class Publisher(Protocol):
    """Tells others what goes on (MQTT); bounded, never waits."""

    errors: int

    def publish(self, name: str, text: str, now: int) -> bool:
        """The newest text of a topic. False: this topic is not published here."""
        ...

    def announce(self, name: str, component: str, meaning: Mapping[str, Any]) -> bool:
        """What a topic is, for Home Assistant's discovery: its `component` (sensor ...), and its keys except for addresses. False: there are too many."""
        ...


class ValueSink(Protocol):
    """Is called with values (REST); bounded, never waits."""

    errors: int

    def tell(self, values: Mapping[str, str], now: int) -> None:
        """These are told next; what was not told yet is forgotten."""
        ...


class Oled(Protocol):
    """A 128x64 display of eight pages of 128 columns; bit 0 of an octet is the upper pixel."""

    errors: int

    @property
    def octets_per_run(self) -> int:
        """Picture octets that one run may send without holding up a tick."""
        ...

    def write(self, page: int, column: int, data: bytes, now: int) -> bool: ...

    def set_contrast(self, value: int, now: int) -> bool:
        """0 to 255, the panel's contrast register; one short command."""
        ...


class TextLines(Protocol):
    """A display of three lines of text."""

    def show(self, lines: tuple[str, str, str], now: int) -> None: ...


class Polled(Protocol):
    """A device that needs a turn: one bounded piece of work per call, never waiting."""

    name: str                      # for the journal: "ADS1115 at 0x48 of I2C bus 1"
    fault: str                     # "" while all is well; else at most 19 characters for the display: "ADC: no answer"
    remedy: str                    # one sentence of what to do, for the journal; "" while all is well
    errors: int                    # counts every failure

    def run(self, now: int) -> int:
        """ns: when it wants its next turn (at most 1 s away)."""
        ...


class CanFrame(NamedTuple):
    """A data frame of classical CAN (ISO 11898-1): at most 8 octets; `at` is ns, when the driver fetched it."""

    id: int
    data: bytes
    extended: bool       # 29 bit identifier
    at: int


class CanPort(Protocol):
    """One user's end of a CAN bus: its own queue of the identifiers that it asked for."""

    errors: int

    def send(self, id: int, data: bytes, extended: bool, now: int) -> bool:
        """Queued for the bus's next turn; False while the bus is out of order, or the queue is full."""
        ...

    def receive(self, limit: int, now: int) -> list[CanFrame]:
        """At most `limit` frames, the oldest first."""
        ...
