"""What must hold at every instant of every simulated charge, as code that reads like the sentences; `look` is called after each step.

The truth is the plant; what a box may know are its signals. Nothing here looks into a supervisor. Where a device lies or
refuses (a frozen voltmeter, a pilot switch that does not obey) only what the box could know is asked of it.
Numbers: safety sheet 4.3 (S1, S5, S6, S9) and its I1 to I5.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable

from drivers.interfaces import PilotState
from kernel.scheduler import TICK
from kernel.timer import MS, NEVER, S
from tasks.signals import Signals
from tools.simulate.ac_invariants import AcInvariants

REACTION = 2 * TICK
MATCH_VOLTAGE = 20.0         # V, S1: the ceiling
NORMAL_CURRENT = 1.0         # A, S5: opening in order
EMERGENCY_CURRENT = 5.0      # A, S5: opening in an emergency
UNLOCK_VOLTAGE = 60.0        # V, S6
V2G_MESSAGE = "V2G_Message"
MAX_BROKEN = 50              # sentences kept of one charge
TOGGLE = 400 * MS + REACTION     # TP_EV_vald_state_duration, its longest: state C that wakes a charger, or that it counts
NO_PWM = 97.0                # percent: above, nothing is offered (X1)
DIGITAL = (3.0, 7.0)         # percent: power only by messages
STOPPED = frozenset({"Finished", "Failed", "Paused", "Pausing"})
READY = frozenset({PilotState.C, PilotState.D})

CLOSED_WITH_PERMITS = "contactors are closed only with every permit fresh and true"
VOLTAGE_ALONE = "the charger's voltage alone never closes"
LOCKED_FIRST = "contactors are closed only while the plug is locked"
OPENED_BELOW = "contactors never open above the limit except on the emergency path"
B_BEFORE_OPENING = "state B comes before opening"
UNLOCKED = "the plug is never unlocked above 60 V or on stale data"
C_WITH_A_WISH = "state C comes with a wish to charge, or for a moment where nobody offers power"
B_AFTER_TRIP = "state B within 2 ticks of a trip"
OFF_AFTER_TRIP = "power stage off within 2 ticks of a charger's trip"
NO_REQUEST = "no current request after a trip"
FOREIGN_SESSION = "a wrong or replayed session id never changes a running session"
FOREIGN_PEER = "a foreign MAC or a second SLAC never changes a running session"
REASON = "every stop has a reason"
SENTENCES = (CLOSED_WITH_PERMITS, VOLTAGE_ALONE, LOCKED_FIRST, OPENED_BELOW, B_BEFORE_OPENING, UNLOCKED, C_WITH_A_WISH, B_AFTER_TRIP, OFF_AFTER_TRIP,
             NO_REQUEST, FOREIGN_SESSION, FOREIGN_PEER, REASON)

PERMITS: tuple[tuple[str, Callable[[Signals, int, Any], bool]], ...] = (
    ("contactors requested", lambda s, now, limits: s.contactor_request.get(now) is True),
    ("state C requested", lambda s, now, limits: s.pilot_c_request.get(now) is True),
    ("state C measured", lambda s, now, limits: s.pilot_state.get(now) in READY),
    ("plug locked", lambda s, now, limits: s.lock_confirmed.get(now) is True),
    ("inlet voltage known", lambda s, now, limits: s.inlet_voltage.get(now) is not None),
    ("inlet current known", lambda s, now, limits: not limits.current_sensor_fitted or s.inlet_current.get(now) is not None),
    ("inlet not too hot", lambda s, now, limits: not limits.temperature_sensor_fitted or _at_most(s.inlet_temperature.get(now), limits.inlet_max_temperature_c)),
    ("battery management allows", lambda s, now, limits: s.charge_permission.get(now) is True),
    ("battery's voltage and limits known", lambda s, now, limits: None not in (
        s.battery_voltage.get(now), s.battery_max_voltage.get(now), s.battery_max_current.get(now))),
    ("stop button not pressed", lambda s, now, limits: limits.stop_button == "none" or s.stop_button.get(now) is False),
    ("no trip", lambda s, now, limits: not s.safety_trip.value),
)
"""What has to be so while the contactors are closed and state C is commanded."""


def _asks_for_power(kind: str, body: Any) -> bool:
    """A request of a car that wants voltage or current, in DIN 70121 or ISO 15118-2."""
    if kind == "PowerDeliveryReq":
        return body.ReadyToChargeState if hasattr(body, "ReadyToChargeState") else body.ChargeProgress.name != "Stop"
    return kind == "PreChargeReq" or kind == "CurrentDemandReq" and body.EVTargetCurrent.Value > 0


def _at_most(value: float | None, limit: float) -> bool:
    return value is not None and value <= limit


@dataclass(slots=True, frozen=True)
class Broken:
    """An invariant that did not hold, with what was seen instead."""

    at: int
    sentence: str
    seen: str

    def __str__(self) -> str:
        return f"{self.at / S:.3f} s: {self.sentence}: {self.seen}"


class Overheard:
    """The codec of one box with an ear: `said` gets each V2G message it sends, `heard` each that it receives."""

    def __init__(self, codec: Any, said: Callable[[object], None], heard: Callable[[object], None]) -> None:
        self._codec = codec
        self._said = said
        self._heard = heard
        self.prepare = codec.prepare

    def encode(self, schema: str, message: object) -> bytes:
        self._said(message)
        return self._codec.encode(schema, message)

    def decode(self, schema: str, data: bytes) -> object:
        message = self._codec.decode(schema, data)
        self._heard(message)
        return message


@dataclass(slots=True)
class Talk:
    """What one box has said and heard, and its trip."""

    session_id: bytes | None = None
    foreign_at: int = NEVER          # when a message with another session id came
    trip: str = ""
    tripped_at: int = NEVER
    connection: str | None = None
    peer_mac: bytes | None = None    # that of the running session


class Invariants:
    """Looks at one Charge. `broken` is empty as long as everything holds; `looked` counts the instants."""

    def __init__(self, plant: Any, clock: Any, safety: Any, ac: bool = False) -> None:
        """`safety`: that section of the configuration. `ac`: the charger is an AC charger."""
        self.broken: list[Broken] = []
        self.looked = 0
        self.talks = {"pev": Talk(), "evse": Talk()}
        self._plant = plant
        self._clock = clock
        self._limits = safety.pev
        self._ac_limits = safety.ac if ac else None
        self._ac: AcInvariants | None = None
        self._car: Any = None
        self._charger: Any = None
        self._closed = self._locked = self._charger_locked = False
        self._b_since = 0                # state B has been on the line since
        self._toggling_since = NEVER     # state C that is to wake a charger
        self._lacking_since = NEVER      # a permit has been missing since, state C commanded
        self._last: tuple = ()
        self._granted: tuple | None = None       # values under which every permit was granted
        self._granted_until = 0
        self._permitting: tuple = ()
        self._waiting = False            # a reaction is due: to a trip, to a foreign message

    def overhear(self, name: str, codec: Any) -> Overheard:
        """`codec` for the box `name`, so that what it says is known here."""
        talk = self.talks[name]
        return Overheard(codec, lambda message: self._said(talk, message), lambda message: self._heard(talk, message))

    def watch(self, car: Any, charger: Any) -> None:
        """The two boxes exist now."""
        self._car, self._charger = car, charger
        if self._ac_limits is not None:
            self._ac = AcInvariants(self._plant, self._ac_limits, car, charger, self._break)
        s = car.signals
        self._permitting = (s.contactor_request, s.pilot_c_request, s.pilot_state, s.lock_confirmed, s.inlet_voltage, s.inlet_current,
                            s.inlet_temperature, s.charge_permission, s.battery_voltage, s.battery_max_voltage, s.battery_max_current,
                            s.stop_button)

    # --- each instant -----------------------------------------------------------------------------------------------

    def look(self) -> None:
        """After each instant: what has changed, and what goes on."""
        self.looked += 1
        plant, car, charger = self._plant, self._car.signals, self._charger.signals
        contactors, pilot = plant.car_contactors, plant.pilot
        seen = (contactors.commanded, contactors.position, plant.car_lock.commanded, plant.charger_lock.commanded, pilot.state_c,
                plant.stage.on, car.safety_trip.value, charger.safety_trip.value, car.connection_state.value,
                charger.connection_state.value, car.peer_mac.value, charger.peer_mac.value)
        if seen != self._last:
            self._last = seen
            self._changed(self._clock.time)
        if self._closed:
            self._while_closed(self._clock.time)
        if self._toggling_since != NEVER and self._clock.time - self._toggling_since > TOGGLE:
            self._break(self._clock.time, C_WITH_A_WISH, f"toggled to C {(self._clock.time - self._toggling_since) / MS:.0f} ms ago")
            self._toggling_since = NEVER
        if self._ac is not None:
            self._ac.look(self._clock.time)
        if not self._waiting:
            return
        for name, talk in self.talks.items():
            if talk.tripped_at != NEVER:
                self._after_trip(name, talk, self._clock.time)
            if talk.foreign_at != NEVER:
                self._after_foreign(name, talk, self._clock.time)

    def _changed(self, now: int) -> None:
        plant = self._plant
        commanded = plant.car_contactors.commanded
        locked, charger_locked = plant.car_lock.commanded, plant.charger_lock.commanded
        if plant.pilot.state_c:
            if self._b_since != NEVER:
                self._to_state_c(now)
            self._b_since = NEVER
        elif self._b_since == NEVER:
            self._b_since = now
            self._toggling_since = NEVER
        if commanded and not self._closed:
            self._closing(now)
        elif self._closed and not commanded:
            self._opening(now)
        if self._locked and not locked:
            self._unlocking(now, "car", self._car.signals.inlet_voltage.get(now), self._truthful(self._car.board.voltmeter), plant.inlet_voltage)
            if self._car.signals.contactors_closed.get(now) is not False:
                self._break(now, UNLOCKED, "contactors not confirmed open")
        if self._charger_locked and not charger_locked and self._ac is None:
            self._unlocking(now, "charger", self._charger.signals.output_voltage.get(now), self._truthful(self._charger.board.power_meter),
                            plant.output_voltage)
        self._closed, self._locked, self._charger_locked = commanded, locked, charger_locked
        for name, node in (("pev", self._car), ("evse", self._charger)):
            self._watch_box(now, name, node, self.talks[name])

    def _watch_box(self, now: int, name: str, node: Any, talk: Talk) -> None:
        signals = node.signals
        trip = signals.safety_trip.value or ""
        if trip != talk.trip:
            talk.trip = trip
            talk.tripped_at = now if trip else NEVER
            self._waiting = True
        state = signals.connection_state.value
        if state != talk.connection:
            talk.connection = state
            talk.peer_mac = None
            if state in STOPPED and signals.stop_reason.value is None:
                self._break(now, REASON, f"{name} is {state} without one")
        if state == "Session":
            if talk.peer_mac is None:
                talk.peer_mac = signals.peer_mac.value
            elif signals.peer_mac.value not in (None, talk.peer_mac):        # None: the link is reported lost
                self._break(now, FOREIGN_PEER, f"{name} takes {signals.peer_mac.value!r} for its peer {talk.peer_mac!r}")

    def _to_state_c(self, now: int) -> None:
        s = self._car.signals
        if s.pilot_c_request.get(now) is True or getattr(self._car.board.control_pilot, "failed", False):
            return
        duty, inlet = s.pilot_duty.get(now), s.inlet_voltage.get(now)
        offers_none = duty is not None and (duty > NO_PWM or DIGITAL[0] <= duty <= DIGITAL[1])
        asleep = offers_none and (inlet is None and not self._limits.voltage_sensor_fitted or _at_most(inlet, UNLOCK_VOLTAGE))
        if s.pilot_wake_request.get(now) is True and asleep and s.contactors_closed.get(now) is False:
            self._toggling_since = now
        else:
            self._break(now, C_WITH_A_WISH, f"PWM {duty} %, inlet {inlet} V, wake request {s.pilot_wake_request.get(now)}")

    # --- contactors -------------------------------------------------------------------------------------------------

    def _closing(self, now: int) -> None:
        plant, signals = self._plant, self._car.signals
        for name in self._lacking(now):
            self._break(now, CLOSED_WITH_PERMITS, f"closing, but not: {name}")
        inlet, battery = signals.inlet_voltage.get(now), signals.battery_voltage.get(now)
        if inlet is None or battery is None or not abs(inlet - battery) <= MATCH_VOLTAGE:
            self._break(now, VOLTAGE_ALONE, f"closing with {inlet} V measured at the inlet, battery {battery} V")
        plant.advance(now)
        truth = plant.battery.precharge_voltage()
        if self._truthful(self._car.board.voltmeter) and not abs(plant.inlet_voltage - truth) <= MATCH_VOLTAGE:
            self._break(now, VOLTAGE_ALONE, f"closing on {plant.inlet_voltage:.1f} V against {truth:.1f} V")

    def _while_closed(self, now: int) -> None:
        """As long as state C is commanded, a missing permit has two ticks to be noticed."""
        plant = self._plant
        if plant.car_contactors.position and not plant.car_lock.position:
            self._break(now, LOCKED_FIRST, "closed, not locked")
        lacking = self._lacking(now) if plant.pilot.state_c and not getattr(self._car.board.control_pilot, "failed", False) else []
        if not lacking:
            self._lacking_since = NEVER
        elif self._lacking_since == NEVER:
            self._lacking_since = now
        elif now - self._lacking_since > REACTION:
            self._break(now, CLOSED_WITH_PERMITS, "still in state C, but not: " + ", ".join(lacking))

    def _lacking(self, now: int) -> list[str]:
        """The permits that are not granted. What was granted stays so while no value has changed and none has grown stale."""
        signals, limits = self._car.signals, self._limits
        values = (signals.inlet_voltage.revision.count, signals.lock_confirmed.value, signals.safety_trip.value)
        if values == self._granted and now < self._granted_until:
            return []
        lacking = [name for name, granted in PERMITS if not granted(signals, now, limits)]
        self._granted = None if lacking else values
        self._granted_until = min(signal.stale_at() for signal in self._permitting if signal.value is not None)
        return lacking

    def _opening(self, now: int) -> None:
        plant = self._plant
        self._lacking_since = NEVER
        plant.advance(now)
        if plant.pilot.state_c and not getattr(self._car.board.control_pilot, "failed", False):
            self._break(now, B_BEFORE_OPENING, "opening while the pilot says C")
        current = abs(plant.current) if plant.car_contactors.position else 0.0
        measured = self._car.signals.inlet_current.get(now)
        sensor = self._car.board.voltmeter
        if measured is not None and not (self._truthful(sensor) and self._truthful(sensor, "current")):
            current = abs(measured)
        tripped = bool(self._car.signals.safety_trip.value)
        limits, since = self._limits, now - self._b_since
        waited = since >= limits.emergency_open_ms * MS
        blind = not limits.current_sensor_fitted and since >= limits.unverified_wait_ms * MS        # I2: by time, and told
        if not (current < NORMAL_CURRENT or tripped and (current < EMERGENCY_CURRENT or waited) or blind):
            self._break(now, OPENED_BELOW, f"opening under {current:.1f} A, {'tripped' if tripped else 'no trip'}, state B since {since / S:.3f} s")

    def _unlocking(self, now: int, whose: str, measured: float | None, truthful: bool, truth: float) -> None:
        if measured is None or not measured <= UNLOCK_VOLTAGE:
            self._break(now, UNLOCKED, f"{whose} unlocks with {measured} V measured")
        if truthful and truth > UNLOCK_VOLTAGE + 1.0:        # V: one period of the sensor behind
            self._break(now, UNLOCKED, f"{whose} unlocks at {truth:.1f} V")
        contactors = self._plant.car_contactors
        if whose == "car" and contactors.position and not contactors.feedback_fault:
            self._break(now, UNLOCKED, "contactors closed")

    @staticmethod
    def _truthful(sensor: Any, quantity: str = "voltage") -> bool:
        return not any(getattr(sensor, fault, False) for fault in ("failed", "frozen", "offset")) and quantity not in getattr(sensor, "distorted", ())

    # --- trips ------------------------------------------------------------------------------------------------------

    def _after_trip(self, name: str, talk: Talk, now: int) -> None:
        if now - talk.tripped_at <= REACTION:
            return
        if name == "pev":
            if self._plant.pilot.state_c and not getattr(self._car.board.control_pilot, "failed", False):
                self._break(now, B_AFTER_TRIP, f"state C {(now - talk.tripped_at) / MS:.0f} ms after {talk.trip}")
        elif self._ac is None and self._plant.stage.on and not (self._plant.stage.stuck_on or self._plant.stage.refuses):
            self._break(now, OFF_AFTER_TRIP, f"on {(now - talk.tripped_at) / MS:.0f} ms after {talk.trip}")

    # --- what is said -----------------------------------------------------------------------------------------------

    def _said(self, talk: Talk, message: object) -> None:
        if type(message).__name__ != V2G_MESSAGE:
            talk.session_id = None           # a handshake: a new session
            talk.foreign_at = NEVER
            return
        body = message.Body.BodyElement
        kind = type(body).__name__           # the same in both protocols
        if kind == "SessionSetupRes":
            talk.session_id = message.Header.SessionID
        elif kind != "SessionSetupReq" and talk.session_id is not None and message.Header.SessionID != talk.session_id:
            self._break(self._clock.time, FOREIGN_SESSION, f"{kind} carries {message.Header.SessionID.hex()} in session {talk.session_id.hex()}")
        if talk.trip and _asks_for_power(kind, body):
            self._break(self._clock.time, NO_REQUEST, f"{kind} after {talk.trip}")

    def _heard(self, talk: Talk, message: object) -> None:
        if type(message).__name__ != V2G_MESSAGE:
            talk.session_id = None
            talk.foreign_at = NEVER
            return
        if type(message.Body.BodyElement).__name__ == "SessionSetupRes" and talk.session_id is None:
            talk.session_id = message.Header.SessionID
        elif talk.session_id is not None and message.Header.SessionID != talk.session_id and talk.foreign_at == NEVER:
            talk.foreign_at = self._clock.time
            self._waiting = True

    def _after_foreign(self, name: str, talk: Talk, now: int) -> None:
        """It may only end the session, and at once."""
        if now - talk.foreign_at > REACTION:
            talk.foreign_at = NEVER
            state = (self._car if name == "pev" else self._charger).signals.v2g_state.value
            if state != "Ended":
                self._break(now, FOREIGN_SESSION, f"{name} goes on in {state}")

    def _break(self, now: int, sentence: str, seen: str) -> None:
        if len(self.broken) < MAX_BROKEN:
            self.broken.append(Broken(now, sentence, seen))
