"""Every state of the CHAdeMO side x what the car may do wrong there, generated: `python -m tests.bridge_sessions.bad_input [state ...]`, 300 cases, minutes."""
from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from kernel.timer import MS, S
from tasks.chademo import wire
from tasks.stop_reasons import StopReason
from tests.bridge_sessions.worlds import World

STATES = ("D1On", "Param", "Check", "Locked", "WaitPower", "D2On", "Mate", "WaitRequest", "Charge", "StopRamp", "StopWd", "StopD2", "StopEnd")
OPENS = 4 * S                # from the fault to the open bridge contactor at the latest: 1 s of silence, 0.5 s of k, 1.5 s of the emergency, and a margin
ENDS = 60 * S
FEW_WORDS = 8                # characters of a reason that a person can read


FAULTS: dict[str, dict[str, Any]] = {
    "CAN lost": {"silent": True},
    "CAN deaf": {"deaf": True},
    "late 300 ms": {},                       # made by `play`: CAN lost, and back
    "random octets": {"garbage": 1.0},
    "some random octets": {"garbage": 0.2},
    "k open": {"k_stuck": False},
    "k stuck": {"k_stuck": True},
    "7 octets": {"short": frozenset({wire.LIMITS, wire.TIMES, wire.STATUS})},
    "no 0x100": {"missing": frozenset({wire.LIMITS})},
    "foreign identifiers": {"foreign": (0x000, 0x108, 0x109, 0x2AA, 0x7FF)},
    "1000 frames per second": {"flood": True},
    "reversed": {"reversed": True},
    "bit against the switch": {"enabled_stuck": False},
    "bit stays": {"enabled_stuck": True},
    "everything told": {"tell_faults": 0xFF, "tell_status": 0xFF},
    "request 255": {"request": 255},
    "request 0": {"request": 0},
    "target 0": {"target": 0},
    "target 65535": {"target": 65535},
    "state of charge 255": {"rate": (1, 255)},
    "state of charge 0 of 0": {"rate": (0, 0)},
    "time 0": {"max_time": (0, 0)},
    "time 255": {"max_time": (255, 255)},
}
HARMLESS = frozenset({"late 300 ms", "foreign identifiers", "1000 frames per second", "reversed", "request 255", "request 0", "bit stays",
                      "state of charge 255", "state of charge 0 of 0", "time 255", "no 0x100", "k stuck"})
"""What may be charged with, wherever it comes (k stuck: not while d1 comes); the others end it, unless it ends already or comes too late to matter."""

AT_ONCE = frozenset({"CAN lost", "7 octets", "k open", "everything told", "target 0", "bit against the switch"})
"""After these the bridge contactor is open within OPENS, where it was closed."""


@dataclass(slots=True)
class Came:
    """What came of it."""

    world: World
    at: int                  # ns of the fault
    ended: bool              # the charge ended within ENDS
    reason: StopReason | None


def play(state: str, fault: str, seed: int = 1) -> Came:
    """A charge up to `state` of its second connection, then the fault; then up to ENDS longer. AssertionError when the state does not come."""
    w = World(seed=seed)
    w.until(lambda: w.phase == "Kickoff")
    if state in ("Check", "Locked"):
        w.plant.vehicle_lock.travel_on = 1500 * MS           # so that somebody can be quick enough
    if state == "WaitPower":                                 # a precharge that takes its time
        w.until(lambda: w.v2g_state == "WaitVehicle")
        w.plant.touch(w.now)
        w.plant.stage.voltage_rate = 60.0
    if STATES.index(state) <= STATES.index("Charge"):
        w.until(lambda: w.side == state or state == "Check" and w.side == "Locked")
        if state == "Charge":
            w.run(2.0)
    else:
        w.until_charging(40.0)
        w.vehicle.end(w.now)
        w.until(lambda: w.side == state)
    at = w.now
    faults = w.vehicle.faults
    for name, what in FAULTS[fault].items():
        assert hasattr(faults, name)
        setattr(faults, name, what)
    if fault == "late 300 ms":
        faults.silent = True
        w.run(0.3)
        faults.silent = False
    end = w.now + ENDS
    while w.now < end and not (w.over and w.reason is not None):
        w.run(0.1)
        if w.now - at > 15 * S and w.side == "Charge" and w.plant.current > 20.0:
            break
    ended = w.over
    if not ended:
        w.vehicle.end(w.now)
        w.charge.stop()
        for _ in range(400):
            if w.over:
                break
            w.run(0.1)
    w.run(8.0)
    return Came(w, at, ended, w.reason)


def judge(came: Came, fault: str) -> list[str]:
    """What was wrong with it, in sentences; empty when all is well."""
    w, wrong = came.world, []
    if not w.over:
        wrong.append(f"never ended: {w.side}, {w.v2g_state}")
    for node in (w.charge.car, w.charge.charger):
        if node.kernel.fault is not None:
            wrong.append(f"row {node.kernel.fault} of {node.name} raised")
    wrong += [str(b) for b in (*w.charge.broken, *w.charge.bridge_invariants.broken)]
    wrong += [f"{i.kind} {i.value:.1f} at {i.at / S:.2f} s" for i in w.plant.incidents if i.damage]
    if "turtle" in w.vehicle.dtcs:
        wrong.append("the car found voltage at its inlet")
    if came.reason is None or len(came.reason.text) < FEW_WORDS or len(came.reason.hint) < 2 * FEW_WORDS:
        wrong.append(f"no reason that a person can read: {came.reason}")
    if came.reason in (StopReason.INTERNAL_ERROR,):
        wrong.append("it blames itself")
    if came.ended and fault not in HARMLESS:
        opened = next((e.at for e in w.edges if e.name == "bridge" and not e.on and e.at >= came.at), None)
        closed = next((e.on for e in reversed(w.edges) if e.name == "bridge" and e.at <= came.at), False)
        if closed and fault in AT_ONCE and (opened is None or opened - came.at > OPENS):
            wrong.append(f"bridge contactor open only {'never' if opened is None else (opened - came.at) / S} s after the fault")
    plant = w.plant
    if plant.d1 or plant.d2 or plant.car_contactors.commanded or plant.pilot.state_c:
        wrong.append("outputs are not at rest")
    return wrong


def main(states: list[str]) -> int:
    """Every fault in these states, one line each; 0 when nothing was wrong."""
    bad = 0
    for state in states or STATES:
        for fault in FAULTS:
            came = play(state, fault)
            wrong = judge(came, fault)
            bad += bool(wrong)
            line = f"{state:12} {fault:24} {'ends' if came.ended else 'goes on':8} {came.reason.text if came.reason else '-'}"
            print(line, *wrong, sep="\n    ", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
