"""The charger over time: random facts and wishes that persist for a while, 10 ms steps, every equipment; an observer knows the rules and the past."""
import dataclasses
import random
from collections import Counter

import pytest

from kernel.timer import MS, S
from tasks.safety.config import EvseSafetyConfig
from tasks.safety.evse_supervisor import EvseSupervisor
from tasks.safety.facts import EvseFacts, EvseRequests, SafetyState
from tasks.safety.trips import EVSE_TRIPS
from tests.safety.charger_moments import EQUIPMENT, RELEASED, TRIP_TO_STEADY
from tests.safety.exhaustive_charger import CAR_READY, CURRENTS, HOLDS, ISOLATIONS, ORDINARY, PILOTS, VOLTAGES, WISHES, YES_NO, wanted
from tests.safety.given import STEP, evse_facts, output

CONFIG = EvseSafetyConfig(max_current_a=30.0, decay_ms=2000)
FACTS = {
    "pilot": PILOTS,
    "output_voltage": tuple(value for value, _ in VOLTAGES),
    "output_current": tuple(value for value, _ in CURRENTS),
    "isolation": ISOLATIONS,
    "connection_alive": YES_NO, "stop_button": YES_NO, "contactors": YES_NO, "lock": YES_NO,
}
LONGEST = {SafetyState.Closing: 200 * MS, SafetyState.CurrentOff: 3 * S, SafetyState.Opening: 200 * MS, SafetyState.Decay: 2 * S}
SEEDS, STEPS = 500, 2500


class Observer:
    """Told every step; asserts what must hold over time and counts what was seen."""

    def __init__(self, supervisor: EvseSupervisor, contactor: bool, now: int) -> None:
        self.s, self.contactor, self.seen = supervisor, contactor, Counter()
        self.was = dataclasses.replace(supervisor.outputs)
        self.state, self.state_since = supervisor.state, now
        self.off_at = 0                  # when the power went off, or would have come on
        self.tripped_at: int | None = None
        self.trips: list = []
        self.released = False            # the wish was seen released since the last end of the output
        self.unplugged: int | None = None
        self.bad_since: dict[str, int] = {}

    def step(self, f: EvseFacts, r: EvseRequests, now: int, reset: bool) -> None:
        out, s = self.s.outputs, self.s
        self._trips(f, now, reset)
        self._power(f, r, now)
        self._contactor(f, now)
        if out.lock is False:
            assert s.state in (SafetyState.Idle, SafetyState.Tripped) and (f.contactors is False or not self.contactor)
            assert f.output_voltage is not None and abs(f.output_voltage) <= 60.0 and f.output_voltage_at > self.off_at
            self.seen["unlocked"] += self.was.lock is not False
        if s.state is not self.state:
            self.state, self.state_since = s.state, now
        assert now - self.state_since <= LONGEST.get(s.state, now)       # I8: every shutdown ends
        self.was = dataclasses.replace(out)

    def _trips(self, f: EvseFacts, now: int, reset: bool) -> None:
        """Latched until a reset or 0.5 s of state A, both with the contactor open; meanwhile the PWM stays for 2.5 s and then ends."""
        trips, out = self.s.latch.trips, self.s.outputs
        self.unplugged = None if f.pilot is not PILOTS[1] else now if self.unplugged is None else self.unplugged
        if self.trips and not trips:
            assert reset or self.unplugged is not None and now - self.unplugged >= 500 * MS
            assert f.contactors is False or not self.contactor
            self.seen["reset" if reset else "unplugged"] += 1
            self.tripped_at, self.released = None, False
        assert not trips or trips[:len(self.trips)] == self.trips
        if trips and self.tripped_at is None:
            self.tripped_at = now
            self.seen[trips[0].name] += 1
        self.trips = list(trips)
        if self.tripped_at is not None:
            over = now - self.tripped_at >= TRIP_TO_STEADY
            assert out.duty == (100.0 if over else self.was.duty)
            self.seen["steady"] += over and self.was.duty != 100.0
        elif self.s.state in (SafetyState.Closing, SafetyState.Delivering, SafetyState.CurrentOff, SafetyState.Opening):
            assert out.duty == self.was.duty

    def _power(self, f: EvseFacts, r: EvseRequests, now: int) -> None:
        out = self.s.outputs
        self.released = self.released or not wanted(r)
        self._watch_holds(f, now)
        if not out.on:
            if self.was.on:
                self.off_at, self.released = now, not wanted(r)
                self.seen["ended"] += 1
            return
        assert not self.trips and self.was.duty == out.duty == r.duty and 3.0 <= out.duty <= 7.0 and wanted(r) and f.pilot in CAR_READY
        assert 0.0 < out.voltage <= 500.0 and 0.0 <= out.current <= 30.0
        assert f.stop_button is False and f.output_voltage is not None and f.output_voltage <= 550.0 and f.output_current is not None
        for name, since in self.bad_since.items():
            assert now - since < HOLDS[name], name
        if self.was.on:
            assert f.connection_alive is True
        else:
            assert self.released, "power for a wish that outlived the last output"
            self.seen["begun"] += 1

    def _watch_holds(self, f: EvseFacts, now: int) -> None:
        """What may be bad for a while, counted while power is on and from the step after its beginning."""
        bad = {"isolation": f.isolation == 10.0, "isolation_unknown": f.isolation is None and (f.output_voltage or 0.0) > 100.0,
               "output_overcurrent": (f.output_current or 0.0) > 40.0}
        self.bad_since = {name: self.bad_since.get(name, now) for name, is_bad in bad.items() if is_bad and self.was.on}

    def _contactor(self, f: EvseFacts, now: int) -> None:
        out, s = self.s.outputs, self.s
        assert not out.contactors or self.contactor
        if s.state is SafetyState.CurrentOff and self.state is not s.state and not self.was.on:
            self.off_at = now                                            # ended before the power came
        if self.was.contactors and not out.contactors:
            emergency = any(t.name not in ORDINARY for t in s.latch.trips)
            gone = f.output_current is not None and f.output_current_at > self.off_at and abs(f.output_current) < (5.0 if emergency else 1.0)
            assert not self.was.on and (gone or emergency and now - self.off_at >= 1500 * MS)
            self.seen["opened" if gone else "forced"] += 1
        if out.contactors and not self.was.contactors:
            assert self.state in (SafetyState.Idle, SafetyState.Opening, SafetyState.Decay) and self.released and not self.trips
            assert f.contactors is False and abs(f.output_voltage) <= 60.0 and 3.0 <= self.was.duty <= 7.0 and f.pilot in CAR_READY
            self.seen["closed"] += 1


def follow(f: EvseFacts, s: EvseSupervisor, contactor: bool, lock: bool, wish: EvseRequests, kept: set, gone: bool) -> None:
    """Everything as it would be, except what a fault holds; `gone`: the current has fallen after the power went off."""
    good = {"pilot": PILOTS[3] if wanted(wish) else PILOTS[2], "isolation": 1e6, "connection_alive": True, "stop_button": False,
            "contactors": s.outputs.contactors if contactor else None, "lock": True if lock else None}
    if s.outputs.on:
        good |= {"output_voltage": 350.0, "output_current": 20.0}
    elif s.state in (SafetyState.Idle, SafetyState.Opening, SafetyState.Decay):
        good |= {"output_voltage": 0.0, "output_current": 0.0}
    elif gone:
        good["output_current"] = 0.0
    for name, value in good.items():
        if name not in kept:
            setattr(f, name, value)


def walk(seed: int) -> Counter:
    contactor, lock = EQUIPMENT[seed % len(EQUIPMENT)]
    rng = random.Random(seed)
    s = EvseSupervisor(CONFIG, contactor=contactor, lock=lock)
    names = [name for name in FACTS if (contactor or name != "contactors") and (lock or name != "lock")]
    f, wish, now = evse_facts(contactors=False if contactor else None, lock=True if lock else None, output_voltage=0.0), RELEASED, S
    observer = Observer(s, contactor, now)
    faults: dict[str, int] = {}                                          # held until
    changing, failing = ((0.001, 0.001), (0.01, 0.004))[seed // len(EQUIPMENT) % 2]      # long calm sessions, short troubled ones
    for _ in range(STEPS):
        now += STEP
        faults = {name: until for name, until in faults.items() if until > now}
        if rng.random() < failing:
            name = rng.choice((*names, "isolation", "isolation", "output_current"))    # may be bad for a while: more often and longer, to see the end of it
            setattr(f, name, rng.choice(FACTS[name]))
            faults[name] = now + (12 * S if name == "isolation" else rng.choice((10 * MS, 300 * MS, 4 * S)))
        if rng.random() < changing:
            wish = rng.choice((output(), output(), output(), RELEASED)) if rng.random() < 0.8 else rng.choice(WISHES)
        if rng.random() < 0.3:
            follow(f, s, contactor, lock, wish, set(faults), rng.random() < 0.1)
        if rng.random() < 0.95:
            f.output_voltage_at = f.output_current_at = now
        reset = rng.random() < 0.01 and s.reset(f)
        s.step(f, wish, now)
        observer.step(f, wish, now, reset)
    return observer.seen


@pytest.mark.slow
def test_walks_keep_the_rules_of_time():
    seen: Counter = Counter()
    for seed in range(SEEDS):
        seen += walk(seed)
    for what in ("begun", "ended", "closed", "opened", "forced", "unlocked", "reset", "unplugged", "steady", *(t.name for t in EVSE_TRIPS),
                 "current_not_gone", "voltage_stays", "contactor_welded", "contactor_not_closed"):
        assert seen[what] >= 2, (what, seen)
