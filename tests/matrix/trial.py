"""One clean charge that can stop at every trigger and go on with a fault (play.py forks there), and what is observed of it.

Equal seeds give equal cases.
"""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Iterator

from drivers.sim.car import SimVoltmeter
from exi_native import codec
from kernel.scheduler import Dead
from kernel.timer import MS, NEVER, S
from tasks.v2g.protocols import ISO2
from tests.matrix import in_the_loop, worlds
from tests.matrix.middle import Middle, Passing
from tools.simulate.charge import PLUG_IN, Charge

CHARGING_TIME = 1500 * MS        # of the clean charge, until the driver presses stop
AFTER_FAULT = 2500 * MS          # the driver presses stop not before
REST_TIME = 700 * MS             # both boxes at rest for so long: the case is over; a lock's motor takes 600 ms
LIMIT = 200 * S                  # I8: both at rest within this virtual time of the fault
PLUGGED = PLUG_IN + S            # both have seen the plug
PRESSED = NEVER - 1              # the driver has pressed stop
AT_REST = frozenset({"Idle", "Tripped"})
ENDED = frozenset({"Finished", "Failed", "Paused", "Unplugged"})
CONNECTION = "connection"
WAITING = frozenset({"WaitPilot", "Matching", "Preparing"})       # no session, and the other side may still begin one


@dataclass(slots=True)
class Case:
    """`trigger`: (role, message or @state, n). `begin(middle, message or None, charge)` starts the fault; `plant` the second one."""

    name: str
    group: str
    trigger: tuple[str, str, int]
    begin: Callable[[Middle, Passing | None, Any], bool]      # True: it has dealt with the message
    world: str = ""                                           # of worlds.py


@dataclass(slots=True)
class Moments:
    """ns after the fault, None: did not happen (or was so before)."""

    state_b: int | None = None
    off: int | None = None           # power stage
    opened: int | None = None
    unlocked: int | None = None
    trip: dict[str, int] = field(default_factory=dict)        # by role


@dataclass(slots=True)
class Outcome:
    """What came of a case. `armed`: state C was on the line when the fault came; `closed`: contactors were closed."""

    name: str
    group: str
    role: str
    world: str = ""
    at: int = 0
    armed: bool = False
    closed: bool = False
    locked: bool = False
    stopped: bool = False            # the driver had pressed stop before
    session: bool = False            # a V2G session was reached, before the fault or after it
    reasons: dict[str, str | None] = field(default_factory=dict)
    ends: dict[str, str | None] = field(default_factory=dict)         # connection state
    safety: dict[str, str | None] = field(default_factory=dict)
    trips: dict[str, str] = field(default_factory=dict)
    moments: Moments = field(default_factory=Moments)
    at_rest: bool = False
    still: list[str] = field(default_factory=list)           # what is not at rest at the end
    broken: list[str] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)          # tasks that raised, as "role: row"
    mute: list[str] = field(default_factory=list)            # roles whose connection does nothing any more: their reasons and states are old
    locked_at_end: bool = False
    charger_locked_at_end: bool = False
    live_at_end: bool = False
    looked: int = 0
    virtual: int = 0
    error: str = ""
    retried: Any = None              # of retry.py, in that world
    looked_at: str = ""              # what somebody found who looked at the world at its end (play)
    bridged: Any = None              # of bridge.py, in its worlds


class Trial(Charge):
    """The clean charge. `forks` says which cases begin at a trigger; in a child `outcome` is set."""

    def __init__(self, seed: int, on_trigger: Callable[[Trial, tuple[str, str, int], Passing | None], bool], world: str = "",
                 recorded: frozenset[str] = frozenset()) -> None:
        self._equipment = world
        super().__init__(*worlds.settings(world), codec.load(), seed, recorded=recorded)
        self.silenced: set[tuple[str, str]] = set()      # (role, row) that a fault has put out of action
        if worlds.protocol(world) is ISO2:
            in_the_loop.ask(next(row.task for row in self.charger.kernel.rows if row.name == "v2g").side)
        self.on_trigger = on_trigger
        self.codec = codec.load()
        self.middle = Middle(self.link, {"pev": self.car.nic, "evse": self.charger.nic}, self.codec, self._message)
        self.outcome: Outcome | None = None
        self.done = False
        self._stop_at = NEVER
        self._states: tuple = ()
        self._reached: set[tuple[str, str]] = set()
        self._resting_since = NEVER

    def _board(self, name: str, board: Any) -> Any:
        if name == "pev" and self._equipment == worlds.NO_CURRENT_SENSOR:
            board.voltmeter = SimVoltmeter(self.plant, current_sensor=False)
        return board

    def play(self, limit: int = 120 * S) -> None:
        """To the end of the clean charge; a child to the end of its case."""
        step = self.world.step
        while not self.done and step(self.limit if self.outcome is not None else limit) != NEVER:
            self._watch()
        if self.outcome is not None:
            self._judge()

    limit = NEVER - 1
    charging_time, after_fault, rest_time = CHARGING_TIME, AFTER_FAULT, REST_TIME

    def begin(self, case: Case, message: Passing | None) -> bool:
        """From here on this is a world with a fault."""
        now, plant = self.clock.time, self.plant
        self.outcome = Outcome(case.name, case.group, case.trigger[0], case.world, now, plant.pilot.state_c, plant.car_contactors.position,
                               plant.car_lock.position, self._stop_at == PRESSED)
        self.limit = now + LIMIT
        if self._stop_at < PRESSED:
            self._stop_at = max(self._stop_at, now + self.after_fault)
        self.done = False
        self._resting_since = max(now, PLUGGED) if self._states and self._quiet(self._states) else NEVER
        self._before = (plant.pilot.state_c, plant.stage.on, plant.car_contactors.position, plant.car_lock.position)
        try:
            return case.begin(self.middle, message, self)
        except Exception as problem:  # noqa: BLE001 - else the kernel would take it for a fault of the row that sends
            self.outcome.error = f"{type(problem).__name__}: {problem}"
            self.done = True
            return False

    # --- triggers -----------------------------------------------------------------------------------------------------

    def _message(self, p: Passing) -> bool:
        if self.outcome is not None:
            again = self.again
            if again is not None and (p.to, p.name) == again[0]:
                again[1](self.middle, p, self)
                return True
            return False
        return self.on_trigger(self, (p.to, p.name, p.n), p)

    again: tuple[tuple[str, str], Callable] | None = None

    def _watch(self) -> None:
        self.invariants.look()
        now = self.clock.time
        states = self._read_states()
        if states != self._states:
            self._states = states
            self._decide(now, states)
            self._changed(now, states)
        if self.outcome is not None:
            self._observe(now)
        if now >= self._stop_at:
            self._stop_at = PRESSED
            if states[1] == "Session":           # a stop that is pressed later would hide the reason
                self.stop()

    def _read_states(self) -> tuple:
        """What is at rest or not: the states of both boxes."""
        car, charger = self.car.signals, self.charger.signals
        return (car.v2g_state.value, car.connection_state.value, car.safety_state.value,
                charger.v2g_state.value, charger.connection_state.value, charger.safety_state.value)

    def _decide(self, now: int, states: tuple) -> None:
        """When the driver presses stop."""
        if self._charges(states) and self._stop_at == NEVER:
            charged = now + self.charging_time
            self._stop_at = charged if self.outcome is None else max(charged, self.outcome.at + self.after_fault)

    def _charges(self, states: tuple) -> bool:
        return states[0] == "CurrentDemand"

    def _newly(self, states: tuple) -> Iterator[tuple[str, str, int]]:
        """Triggers that come with these states."""
        names = zip(("pev",) * 3 + ("evse",) * 3, ("v2g", "connection", "safety") * 2, states)
        for role, machine, state in names:
            key = (role, f"@{machine}.{state}")
            if state is not None and key not in self._reached:
                self._reached.add(key)
                yield *key, 1

    def _changed(self, now: int, states: tuple) -> None:
        if self.outcome is None:
            for trigger in self._newly(states):
                self.on_trigger(self, trigger, None)
                if self.outcome is not None:
                    return
        if not self._quiet(states):
            self._resting_since = NEVER
        elif self._resting_since == NEVER:
            self._resting_since = max(now, PLUGGED)

    def _quiet(self, states: tuple) -> bool:
        """Both at rest. A connection that does nothing any more tells nothing: its box rests when its supervisor does."""
        return ((states[1] in ENDED or ("pev", CONNECTION) in self.silenced) and (states[4] in ENDED or ("evse", CONNECTION) in self.silenced)
                and states[2] in AT_REST and states[5] in AT_REST)

    def _observe(self, now: int) -> None:
        plant, moments, at = self.plant, self.outcome.moments, self.outcome.at
        seen = (plant.pilot.state_c, plant.stage.on, plant.car_contactors.position, plant.car_lock.position)
        if seen != self._before:
            for name, was, present in zip(("state_b", "off", "opened", "unlocked"), self._before, seen):
                if was and not present:
                    setattr(moments, name, now - at)         # the last one counts
            self._before = seen
        for role, node in (("pev", self.car), ("evse", self.charger)):
            if role not in moments.trip and node.signals.safety_trip.value:
                moments.trip[role] = now - at
                self.outcome.trips[role] = node.signals.safety_trip.value
        if self._resting_since != NEVER and now - self._resting_since >= self.rest_time:
            self.done = True

    # --- the end ------------------------------------------------------------------------------------------------------

    def _judge(self) -> None:
        o, plant, now = self.outcome, self.plant, self.clock.time
        plant.advance(now)
        for role, node in (("pev", self.car), ("evse", self.charger)):
            reason = node.signals.stop_reason.value
            o.reasons[role] = None if reason is None else reason.name
            o.ends[role] = node.signals.connection_state.value
            o.safety[role] = node.signals.safety_state.value
            o.faults += [f"{role}: {row.name}" for row in node.kernel.rows if type(row.task) is Dead]
            if (role, CONNECTION) in self.silenced:
                o.mute.append(role)
        o.session = self.car.signals.v2g_state.value is not None or self.charger.signals.v2g_state.value is not None
        o.still = [f"{role} {o.ends[role]}/{o.safety[role]}" for role in o.ends
                   if o.ends[role] not in ENDED | WAITING and role not in o.mute or o.safety[role] not in AT_REST]
        o.at_rest = not o.still
        o.broken = [str(b) for b in self.invariants.broken]
        o.damage = [f"{i.kind} {i.value:.1f} at {i.at / S:.3f}" for i in plant.incidents if i.damage]
        o.locked_at_end, o.charger_locked_at_end = plant.car_lock.position, plant.charger_lock.position
        o.live_at_end = plant.car_contactors.position or plant.inlet_voltage > 60.0
        o.looked = self.invariants.looked
        o.virtual = now - o.at

