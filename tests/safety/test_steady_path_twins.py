"""Two safety tasks side by side over the same random history: one asks its supervisor at each run, one only when something can have changed."""
import random

import pytest

from drivers.interfaces import PilotState
from kernel.timer import MS, S
from tasks.safety.facts import SafetyState
from tasks.signals import OutputRequest
from tests.safety.rig import Rig

A, B, C = PilotState.A, PilotState.B, PilotState.C
START = 10 * S
STEPS = 400
SHOWN = ("contactors_closed", "lock_confirmed", "pilot_commanded", "safety_state", "safety_trip", "safety_hint", "safety_blocked", "current_limit")
#: What is usual, and what is seldom.
CAR = {"pilot_duty": (5.0, 100.0), "inlet_current": (0.0, 40.0, 130.0, -20.0, None), "inlet_temperature": (30.0, 65.0, 120.0, None), "supply_voltage": (13.0, 5.0),
       "stop_button": (False, True), "connection_alive": (True, None), "charge_permission": (True, False), "battery_voltage": (350.0, 300.0),
       "battery_max_voltage": (400.0, 330.0), "battery_max_current": (100.0, 20.0), "battery_target_current": (50.0, 20.0), "lock_request": (True, None)}
CHARGER = {"output_current": (0.0, 20.0, 300.0, None), "isolation": (1e6, 1e3, None), "connection_alive": (True, None), "stop_button": (False, True),
           "pilot_duty_request": (5.0, 100.0), "lock_request": (True, None)}


class Pair:
    """The two tasks, and one hand that does the same to both."""

    def __init__(self, charger: bool, seed: int) -> None:
        self.rng = random.Random(seed)
        self.charger = charger
        self.rigs = [Rig(charger=charger, fast=fast) for fast in (True, False)]
        self.usual = CHARGER if charger else CAR
        self.latest: dict = {name: values[0] for name, values in self.usual.items()}
        self.silent: str | None = None
        self.wanted = False
        self.states: set[SafetyState] = set()

    def often(self, part: float) -> bool:
        return self.rng.random() < part

    def step(self, at: int) -> None:
        """Change a little, renew or be silent, then run both."""
        out = self.rigs[0].task.supervisor.outputs
        if self.often(0.03):
            name = self.rng.choice(list(self.usual))
            self.latest[name] = self.rng.choice(self.usual[name])
        elif self.often(0.1):
            self.latest |= {name: values[0] for name, values in self.usual.items()}
        if self.often(0.1):
            self.silent = self.rng.choice(list(self.latest)) if self.often(0.2) else None
        if self.often(0.1):
            self.wanted = self.often(0.7)
        if self.charger:
            self.latest |= {"pilot_state": C, "output_voltage": out.voltage, "output_request": OutputRequest(400.0, 20.0) if self.wanted else None}
        else:
            self.latest |= {"pilot_state": C if out.pilot_c else B, "inlet_voltage": 350.0 if out.pilot_c else 0.0,
                            "pilot_c_request": self.wanted or None, "contactor_request": self.wanted or None}
        if self.often(0.02):
            self.latest["pilot_state"] = self.rng.choice((A, B, C, None))
        written = {name: value for name, value in self.latest.items() if name != self.silent} if self.often(0.7) or self.silent is None else {}
        follows, flutters, refuses, acknowledges, fails = self.often(0.7), self.often(0.01), self.often(0.01), self.often(0.05), self.often(0.003)
        for rig in self.rigs:
            out = rig.task.supervisor.outputs
            if follows:
                rig.contactors.position = out.contactors
                rig.lock.position = rig.lock.position if out.lock is None else out.lock
            if flutters:
                rig.contactors.position = None
            rig.first.refuses = refuses
            rig.write(at, **written)
            if acknowledges:
                rig.task.reset(at)
            if fails:
                rig.task.on_fault(at, "tcp")
            rig.woken = rig.task.run(at)
        self.states.add(self.rigs[0].task.state)

    def shown(self, n: int) -> list[tuple]:
        return [(name, getattr(self.rigs[n].signals, name).value) for name in SHOWN]


@pytest.mark.parametrize("charger", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_both_paths_command_and_publish_the_same_at_each_step(charger, seed):
    pair = Pair(charger, seed)
    quick, full = pair.rigs
    at = START
    for _ in range(STEPS):
        at += 600 * MS if pair.often(0.003) else pair.rng.choice((1, 5, 10, 10, 10, 10, 20, 50, 130)) * MS
        pair.step(at)
        assert quick.calls == full.calls and pair.shown(0) == pair.shown(1), at
        assert (quick.task.supervisor.outputs, quick.task.safe) == (full.task.supervisor.outputs, full.task.safe), at
        assert at - quick.signals.safety_state.at <= at - full.signals.safety_state.at, at
        assert at < quick.woken <= at + 50 * MS and full.woken == at + 10 * MS
        sequence = full.task.state in {SafetyState.Closing, SafetyState.CurrentOff, SafetyState.Opening, SafetyState.Decay}
        assert quick.woken == at + 10 * MS or not sequence
    assert SafetyState.Idle in pair.states and len(pair.states) > 3, pair.states
    assert quick.task.evaluations < 0.8 * full.task.evaluations
