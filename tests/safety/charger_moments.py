"""A charger of any equipment brought into each of its states by the regular way, and to the instants at which time alone decides there."""
from __future__ import annotations

from dataclasses import dataclass

from drivers.interfaces import PilotState
from kernel.timer import MS, S
from tasks.safety.config import EvseSafetyConfig
from tasks.safety.evse_supervisor import EvseSupervisor
from tasks.safety.facts import EvseRequests, SafetyState
from tests.safety.given import evse_facts, output
from tests.safety.saved import Saved

AFTER = 100 * MS
CONFIG = EvseSafetyConfig(max_current_a=30.0)       # so that 50 A are beyond what it may deliver (30 A and 10 A of margin)
EQUIPMENT = ((False, False), (False, True), (True, False), (True, True))       # contactor, lock
RELEASED = EvseRequests(duty=5.0)
TRIP_TO_STEADY = 2500 * MS                          # S12


class Way:
    """The facts follow what is commanded, unless `step` is told otherwise; `off_at`, `tripped_at`: when the power went off, when the first trip came."""

    def __init__(self, contactor: bool, lock: bool) -> None:
        self.contactor, self.lock = contactor, lock
        self.supervisor = EvseSupervisor(CONFIG, contactor=contactor, lock=lock)
        self.now = S
        self.off_at = 0
        self.tripped_at: int | None = None
        self.step(RELEASED, output_voltage=0.0)

    def step(self, wish: EvseRequests, after: int = AFTER, **facts) -> Way:
        s, was_on = self.supervisor, self.supervisor.outputs.on
        self.now += after
        facts = {"contactors": s.outputs.contactors if self.contactor else None, "lock": True if self.lock else None, "output_current_at": self.now} | facts
        s.step(evse_facts(**facts), wish, self.now)
        if was_on and not s.outputs.on:
            self.off_at = self.now
        if s.latch.trips and self.tripped_at is None:
            self.tripped_at = self.now
        return self

    def closing(self) -> Way:
        return self.step(output(), output_voltage=0.0)

    def delivering(self, **facts) -> Way:
        self.closing()
        if self.contactor:
            self.step(output(), output_voltage=0.0)
        return self.step(output(), **facts)

    def current_off(self, wish: EvseRequests = RELEASED, **facts) -> Way:
        return self.delivering().step(wish, output_current=50.0, **facts)

    def opening(self, wish: EvseRequests = RELEASED, **facts) -> Way:
        """Without a contactor: already in Decay."""
        return self.current_off(wish, **facts).step(wish, output_current=0.0)

    def decay(self, wish: EvseRequests = RELEASED, **facts) -> Way:
        self.opening(wish, **facts)
        return self.step(wish) if self.contactor else self

    def rest(self, wish: EvseRequests = RELEASED, **facts) -> Way:
        """Through the whole sequence: Idle, or Tripped."""
        return self.decay(wish, **facts).step(wish, output_voltage=0.0)


@dataclass(slots=True, frozen=True)
class Moment:
    """Where a single step begins. `bad_since`: since when a fact that may be bad for a while has been so, by trip."""

    name: str
    state: SafetyState
    regular: bool               # one of the states as such, and not an instant at which time decides
    contactor: bool
    lock: bool
    saved: Saved
    now: int                    # of the step that is to come
    off_at: int | None          # None: power is on, or may come on
    tripped_at: int | None
    armed: bool                 # the request was seen released
    duty: float                 # percent on the line
    trips: tuple
    bad_since: dict[str, int]


STOP = {"stop_button": True}
SILENT = {"connection_alive": False}
State = SafetyState


def moments(contactor: bool, lock: bool) -> list[Moment]:
    """The states first, then the instants."""
    found: list[Moment] = []

    def add(name: str, state: SafetyState, way: Way, at: int | None = None, regular: bool = False, armed: bool = True, **bad_since: int) -> None:
        s = way.supervisor
        assert s.state is state, (name, s.state, s.latch.trips)
        off_at = None if state in (State.Closing, State.Delivering) else way.off_at
        found.append(Moment(name, state, regular, contactor, lock, Saved(s, way.now), way.now + AFTER if at is None else at, off_at, way.tripped_at, armed,
                            s.outputs.duty, tuple(s.latch.trips), bad_since))

    def way() -> Way:
        return Way(contactor, lock)

    add("rest", State.Idle, way(), regular=True)
    if contactor:
        add("closing", State.Closing, way().closing(), regular=True)
    add("delivering", State.Delivering, way().delivering(), regular=True)
    add("power off", State.CurrentOff, way().current_off(), regular=True)
    if contactor:
        add("opening", State.Opening, way().opening(), regular=True)
    add("decay", State.Decay, way().decay(), regular=True)
    add("tripped", State.Tripped, way().rest(**STOP), regular=True)

    outlived = way().rest(output(), pilot=PilotState.B)
    add("rest, a request outlived the output", State.Idle, outlived, armed=False)
    add("rest, no PWM on the line", State.Idle, way().step(EvseRequests(duty=100.0), output_voltage=0.0))
    if contactor:
        odd = way().step(RELEASED, output_voltage=0.0, contactors=True)
        add("rest, contactor not open for 0.5 s", State.Idle, odd, odd.now + 500 * MS, contactor_uncommanded=odd.now)
        late = way().closing()
        add("closing, travel over", State.Closing, late, late.now + 200 * MS)
        late = way().opening()
        add("opening, travel over", State.Opening, late, late.now + 200 * MS)
    low = way().delivering(isolation=10.0, output_current=50.0)
    add("insulation low and current high for 3 s", State.Delivering, low, low.now + 3 * S, isolation=low.now, output_overcurrent=low.now)
    none = way().delivering(isolation=None)
    add("insulation unknown for 10 s", State.Delivering, none, none.now + 10 * S, isolation_unknown=none.now)
    late = way().current_off()
    add("power off for 3 s", State.CurrentOff, late, late.now + 3 * S)
    add("emergency", State.CurrentOff, way().current_off(**STOP))
    late = way().current_off(**STOP)
    add("emergency for 1.5 s", State.CurrentOff, late, late.now + 1500 * MS)
    late = way().current_off(**SILENT)
    add("ordinary trip 2.5 s ago, power off", State.CurrentOff, late, late.now + TRIP_TO_STEADY)
    late = way().decay()
    add("decay for 30 s", State.Decay, late, late.now + 30 * S)
    add("decay after a trip", State.Decay, way().decay(**STOP))
    late = way().rest(**STOP)
    add("tripped 2.5 s ago", State.Tripped, late, late.tripped_at + TRIP_TO_STEADY)
    return found
