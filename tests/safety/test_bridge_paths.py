"""Two safety tasks of a bridge side by side over the same random history: one asks its supervisor at each run, one only when something can have changed."""
import random

import pytest

from drivers.interfaces import PilotState
from kernel.timer import MS, S
from tasks.safety.facts import SafetyState
from tests.safety.rig import BridgeRig

A, B, C = PilotState.A, PilotState.B, PilotState.C
START = 10 * S
SHOWN = ("contactors_closed", "lock_confirmed", "pilot_commanded", "safety_state", "safety_trip", "safety_hint", "safety_blocked", "current_limit", "d1_on", "d2_on",
         "vehicle_lock_confirmed")
USUAL = {"pilot_duty": (5.0, 100.0), "inlet_current": (0.0, 40.0, 130.0, None), "inlet_temperature": (30.0, 120.0), "supply_voltage": (13.0, 5.0),
         "stop_button": (False, True), "connection_alive": (True, None), "charge_permission": (True, False), "battery_voltage": (350.0, 300.0),
         "battery_max_voltage": (400.0, 330.0), "battery_max_current": (100.0, 20.0), "battery_target_current": (50.0, 20.0), "lock_request": (True, None),
         "vehicle_permission": (True, False, None), "vehicle_plug": (None, True, False), "vehicle_lock_request": (True, None)}


class Pair:
    """Two tasks, one asking its supervisor at each run, and one hand that does the same to both."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        fitted = seed % 4 != 3
        self.rigs = [BridgeRig(fast=fast, vehicle_voltmeter_fitted=fitted) for fast in (True, False)]
        self.latest: dict = {name: values[0] for name, values in USUAL.items()}
        self.stage = 0                       # how much is asked for
        self.silent: str | None = None
        self.states: set = set()
        self.on: set = set()

    def often(self, part: float) -> bool:
        return self.rng.random() < part

    def step(self, at: int) -> None:
        out = self.rigs[0].task.supervisor.outputs
        if self.often(0.02):
            name = self.rng.choice(list(USUAL))
            self.latest[name] = self.rng.choice(USUAL[name])
        elif self.often(0.1):
            self.latest |= {name: values[0] for name, values in USUAL.items()}
        if self.often(0.05):
            self.silent = self.rng.choice(list(self.latest)) if self.often(0.2) else None
        if self.often(0.1):
            self.stage = self.rng.choice((0, min(4, self.stage + 1), min(4, self.stage + 1), min(4, self.stage + 1)))
        wanted = [self.stage > n or None for n in range(4)]
        self.latest |= {"d1_request": wanted[0], "d2_request": wanted[1], "pilot_c_request": wanted[2], "contactor_request": wanted[3],
                        "vehicle_lock_request": wanted[0], "pilot_state": C if out.pilot_c else B, "inlet_voltage": 350.0 if out.pilot_c else 0.0,
                        "vehicle_voltage": 350.0 if out.d2 or out.contactors else 0.0}
        if self.often(0.02):
            self.latest["pilot_state"] = self.rng.choice((A, B, C, None))
        if self.often(0.02):
            self.latest["vehicle_voltage"] = self.rng.choice((9.0, 30.0, 380.0, None))
        written = {name: value for name, value in self.latest.items() if name != self.silent} if self.often(0.7) else {}
        follows, flutters, refuses, acknowledges, fails = self.often(0.8), self.often(0.01), self.often(0.01), self.often(0.05), self.often(0.002)
        lost = self.often(0.005)
        for rig in self.rigs:
            mine = rig.task.supervisor.outputs
            if follows:
                rig.contactors.position = mine.contactors
                rig.lock.position = rig.lock.position if mine.lock is None else mine.lock
                rig.vehicle_lock.position = rig.vehicle_lock.position if mine.vehicle_lock is None else mine.vehicle_lock
            if flutters:
                rig.contactors.position = None
            rig.sequence.refuses, rig.sequence.lost = refuses, lost
            rig.write(at, **written)
            if acknowledges:
                rig.task.reset(at)
            if fails:
                rig.task.on_fault(at, "tcp")
            rig.woken = rig.task.run(at)
        self.states.add(self.rigs[0].task.state)
        self.on.add((mine.d1, mine.d2, mine.contactors))

    def shown(self, n: int) -> list[tuple]:
        return [(name, getattr(self.rigs[n].signals, name).value) for name in SHOWN]


def paths(seed: int, steps: int) -> Pair:
    pair = Pair(seed)
    quick, full = pair.rigs
    at = START
    for _ in range(steps):
        at += 600 * MS if pair.often(0.002) else pair.rng.choice((1, 5, 10, 10, 10, 10, 20, 50, 130)) * MS
        pair.step(at)
        assert quick.calls == full.calls and pair.shown(0) == pair.shown(1), (at, quick.calls[-3:], full.calls[-3:])
        assert (quick.task.supervisor.outputs, quick.task.safe) == (full.task.supervisor.outputs, full.task.safe), at
        assert at < quick.woken <= at + 50 * MS and full.woken == at + 10 * MS
    assert quick.task.evaluations < 0.9 * full.task.evaluations
    return pair


@pytest.mark.parametrize("seed", range(8))
def test_both_paths_command_and_publish_the_same_at_each_step(seed):
    assert len(paths(seed, 400).states) > 2


@pytest.mark.slow
def test_both_paths_agree_over_long_histories_in_which_all_is_seen():
    states, on = set(), set()
    for seed in range(100, 140):
        pair = paths(seed, 1500)
        states |= pair.states
        on |= pair.on
    assert {SafetyState.Closed, SafetyState.Tripped, SafetyState.Ready} <= states and {(True, True, True), (True, True, False), (True, False, False)} <= on
