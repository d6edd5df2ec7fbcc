"""One clean charge that stops at every trigger and splits there: each child process goes on with one fault, to the end.

A child inherits the whole world (fork), so a case costs only what happens after its fault. Equal seeds give equal cases.
"""
from __future__ import annotations

import gc
import os
import pickle
import select
from dataclasses import dataclass, field
from typing import Any, Callable, Iterable

from drivers.sim.plant_config import PlantConfig
from exi_native import codec
from kernel.timer import MS, NEVER, S
from tasks.config import Config
from tests.matrix.middle import Middle, Passing
from tools.simulate.charge import PLUG_IN, Charge

CHARGING_TIME = 1500 * MS        # of the clean charge, until the driver presses stop
AFTER_FAULT = 2500 * MS          # the driver presses stop not before
REST_TIME = 500 * MS             # both boxes at rest for so long: the case is over
LIMIT = 200 * S                  # I8: both at rest within this virtual time of the fault
PLUGGED = PLUG_IN + S            # both have seen the plug
PRESSED = NEVER - 1              # the driver has pressed stop
AT_REST = frozenset({"Idle", "Tripped"})
ENDED = frozenset({"Finished", "Failed", "Unplugged"})
WAITING = frozenset({"WaitPilot", "Matching", "Preparing"})       # no session, and the other side may still begin one


@dataclass(slots=True)
class Case:
    """`trigger`: (role, message or @state, n). `begin(middle, message or None, charge)` starts the fault; `plant` the second one."""

    name: str
    group: str
    trigger: tuple[str, str, int]
    begin: Callable[[Middle, Passing | None, Any], bool]      # True: it has dealt with the message


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
    faults: list[str] = field(default_factory=list)          # tasks that raised
    locked_at_end: bool = False
    charger_locked_at_end: bool = False
    live_at_end: bool = False
    looked: int = 0
    virtual: int = 0
    error: str = ""


class Trial(Charge):
    """The clean charge. `forks` says which cases begin at a trigger; in a child `outcome` is set."""

    def __init__(self, seed: int, on_trigger: Callable[[Trial, tuple[str, str, int], Passing | None], bool]) -> None:
        config = Config()
        config.connection.restart = False                # each side ends where the fault has led it
        super().__init__(config, PlantConfig(battery_soc_percent=50.0), codec.load(), seed)
        self.on_trigger = on_trigger
        self.codec = codec.load()
        self.middle = Middle(self.link, {"pev": self.car.nic, "evse": self.charger.nic}, self.codec, self._message)
        self.outcome: Outcome | None = None
        self.done = False
        self._stop_at = NEVER
        self._states: tuple = ()
        self._reached: set[tuple[str, str]] = set()
        self._resting_since = NEVER

    def play(self, limit: int = 120 * S) -> None:
        """To the end of the clean charge; a child to the end of its case."""
        step = self.world.step
        while not self.done and step(self.limit if self.outcome is not None else limit) != NEVER:
            self._watch()
        if self.outcome is not None:
            self._judge()

    limit = NEVER - 1

    def begin(self, case: Case, message: Passing | None) -> bool:
        """From here on this is a world with a fault."""
        now, plant = self.clock.time, self.plant
        self.outcome = Outcome(case.name, case.group, case.trigger[0], now, plant.pilot.state_c, plant.car_contactors.position,
                               plant.car_lock.position, self._stop_at == PRESSED)
        self.limit = now + LIMIT
        if self._stop_at < PRESSED:
            self._stop_at = max(self._stop_at, now + AFTER_FAULT)
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
        car, charger = self.car.signals, self.charger.signals
        states = (car.v2g_state.value, car.connection_state.value, car.safety_state.value,
                  charger.v2g_state.value, charger.connection_state.value, charger.safety_state.value)
        if states != self._states:
            self._states = states
            if states[0] == "CurrentDemand" and self._stop_at == NEVER:
                self._stop_at = now + CHARGING_TIME if self.outcome is None else max(now + CHARGING_TIME, self.outcome.at + AFTER_FAULT)
            self._changed(now, states)
        if self.outcome is not None:
            self._observe(now)
        if now >= self._stop_at:
            self._stop_at = PRESSED
            if states[1] == "Session":           # a stop that is pressed later would hide the reason
                self.stop()

    def _changed(self, now: int, states: tuple) -> None:
        if self.outcome is None:
            names = zip(("pev",) * 3 + ("evse",) * 3, ("v2g", "connection", "safety") * 2, states)
            for role, machine, state in names:
                key = (role, f"@{machine}.{state}")
                if state is not None and key not in self._reached:
                    self._reached.add(key)
                    self.on_trigger(self, (*key, 1), None)
                    if self.outcome is not None:
                        return
        if not self._quiet(states):
            self._resting_since = NEVER
        elif self._resting_since == NEVER:
            self._resting_since = max(now, PLUGGED)

    @staticmethod
    def _quiet(states: tuple) -> bool:
        return states[1] in ENDED and states[4] in ENDED and states[2] in AT_REST and states[5] in AT_REST

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
        if self._resting_since != NEVER and now - self._resting_since >= REST_TIME:
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
            if node.kernel.fault:
                o.faults.append(f"{role}: {node.kernel.fault}")
        o.session = self.car.signals.v2g_state.value is not None or self.charger.signals.v2g_state.value is not None
        o.still = [f"{role} {o.ends[role]}/{o.safety[role]}" for role in o.ends
                   if o.ends[role] not in ENDED | WAITING or o.safety[role] not in AT_REST]
        o.at_rest = not o.still
        o.broken = [str(b) for b in self.invariants.broken]
        o.damage = [f"{i.kind} {i.value:.1f} at {i.at / S:.3f}" for i in plant.incidents if i.damage]
        o.locked_at_end, o.charger_locked_at_end = plant.car_lock.position, plant.charger_lock.position
        o.live_at_end = plant.car_contactors.position or plant.inlet_voltage > 60.0
        o.looked = self.invariants.looked
        o.virtual = now - o.at


def play(cases: Iterable[Case], jobs: int = 2, seed: int = 1, told: Callable[[Outcome], None] | None = None) -> list[Outcome]:
    """All cases, each in a process of its own; `told` gets each outcome as it comes."""
    waiting: dict[tuple[str, str, int], list[Case]] = {}
    for case in cases:
        waiting.setdefault(case.trigger, []).append(case)
    outcomes: list[Outcome] = []
    children: dict[int, tuple[int, bytearray, Case]] = {}       # read end: (process, octets, case)
    writing: list[int] = []

    def collect(room: int) -> None:
        while len(children) > room:
            for end in select.select(list(children), [], [])[0]:
                pid, octets, case = children[end]
                piece = os.read(end, 65536)
                if piece:
                    octets += piece
                    continue
                os.close(end)
                os.waitpid(pid, 0)
                del children[end]
                outcome = pickle.loads(octets) if octets else Outcome(case.name, case.group, case.trigger[0], error="no outcome")
                outcomes.append(outcome)
                if told is not None:
                    told(outcome)

    def on_trigger(trial: Trial, trigger: tuple[str, str, int], message: Passing | None) -> bool:
        for case in waiting.pop(trigger, ()):
            collect(jobs - 1)
            end, write = os.pipe()
            pid = os.fork()
            if pid == 0:
                gc.disable()
                os.close(end)
                writing.append(write)
                return trial.begin(case, message)
            os.close(write)
            children[end] = (pid, bytearray(), case)
        return False

    trial = Trial(seed, on_trigger)
    gc.collect()
    gc.freeze()
    try:
        trial.play()
    except BaseException as problem:
        if not writing:
            raise
        trial.outcome.error = f"{type(problem).__name__}: {problem}"
    finally:
        if writing:                      # a child: it ends here, whatever happened
            os.write(writing[0], pickle.dumps(trial.outcome))
            os._exit(0)
    gc.unfreeze()
    collect(0)
    for cases_left in waiting.values():
        outcomes += [Outcome(c.name, c.group, c.trigger[0], error="its trigger never came") for c in cases_left]
    return outcomes
