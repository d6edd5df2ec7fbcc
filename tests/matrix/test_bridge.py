"""A seeded slice of the matrix of a bridge, and whether its expectations can fail."""
from __future__ import annotations

import os
import re

import pytest

from kernel.timer import S
from tasks.bridge.interlock import Phase
from tasks.chademo.states import Side
from tests.matrix import bridge, bridge_faults, choose, expect, expect_bridge, known
from tests.matrix.play import play
from tests.matrix.trial import Case, Moments, Outcome
from tests.matrix.verdict import objections
from tests.matrix.worlds import STRATEGY
from tools.simulate import invariants
from tools.simulate.chademo import bridge_invariants

SLICE = 120
SEED = 1
JOBS = os.cpu_count() or 1


@pytest.fixture(scope="module")
def alone():
    return bridge.every(SEED)[1]


@pytest.fixture(scope="module")
def everything(alone):
    return alone + bridge.samples(alone, SEED)


def test_a_slice_is_as_expected_and_covers_every_fault_class_and_state(everything):
    chosen = choose.covering(everything, SLICE, SEED, of=bridge.values)
    assert {v for c in everything for v in bridge.values(c)} == {v for c in chosen for v in bridge.values(c)}
    outcomes = play(chosen, JOBS, SEED)
    assert len(outcomes) == len(chosen) >= SLICE
    assert [f"{o.name}: {'; '.join(found)}" for o in outcomes
            if (found := objections(o)) and not any(re.search(pattern, o.name) for pattern in known.KNOWN)] == []


def test_names_are_distinct_and_many(alone, everything):
    assert len({c.name for c in everything}) == len(everything) and len(alone) >= 15_000
    assert {"bridge/@chademo.Charge/can-lost", "bridge/CurrentDemandRes#4/late-8000", "bridge/@current.Flows/k-open-60", "bridge/@chademo.D1On#2/k-stuck",
            "bridge/@bridge.Look/can-bus-off", "bridge/@v2g.CableCheck/car-contactor-welded"} <= {c.name for c in alone}
    assert {c.world for c in everything} == set(STRATEGY)


def test_every_state_of_both_sides_is_a_trigger(everything):
    reached = {c.trigger[1] for c in everything}
    assert {f"@chademo.{side.name}" for side in Side} | {f"@bridge.{phase.name}" for phase in Phase} <= reached


def test_every_fault_has_its_row_and_every_row_its_fault(alone):
    groups = {expect.parts(c.group) for c in alone}
    faults = {plant for _, plant in groups if plant}
    assert faults == {name for name, _ in bridge_faults.named()}
    assert not faults - set(expect.PLANT) - set(expect_bridge.ROWS)
    assert not set(expect_bridge.ROWS) - faults
    assert {first for first, _ in groups if first} <= set(expect.ROWS)


def test_every_row_of_the_table_may_fail_but_the_supervisor():
    trial = bridge.BridgeTrial(SEED, lambda *_: False, "bridge")
    assert {row.name for row in trial.car.kernel.rows} - set(bridge_faults.ROWS) == {"safety"}


def test_what_is_excused_is_a_sentence_of_the_invariants():
    there = (*bridge_invariants.SENTENCES, *invariants.SENTENCES)
    assert [s for row in expect_bridge.ROWS.values() for s in row.broken if not s.startswith(there)] == []


def test_equal_seeds_give_equal_outcomes(alone):
    chosen = [c for c in alone if c.name in ("bridge/@current.Flows/can-lost", "bridge/@current.Flows/can-octets-102", "bridge/@chademo.Locked/k-open-300")]
    first, second = ({o.name: o for o in play(chosen, jobs, SEED)} for jobs in (1, 2))
    assert len(first) == 3 and first == second


def outcome(seen=None, **other):
    """A case that ended as it should: the car's CAN was pulled while current flowed."""
    given = {"reasons": {"pev": "CAR_SILENT_CAN", "evse": "CAR_LEFT_C"}, "ends": {"pev": "Failed", "evse": "Failed"}, "at_rest": True, "armed": True,
             "closed": True, "session": True, "moments": Moments(state_b=S)}
    return Outcome("bridge/@current.Flows/x", **{"group": "plant:can-lost", "role": "pev", "world": "bridge", **given, **other},
                   bridged=bridge.Bridged(**{"side": "Charge", "flowed": True, "gone": S, **(seen or {})}))


@pytest.mark.parametrize("words, seen, other", [
    ("not at rest", {}, {"at_rest": False}),
    ("invariant: something", {}, {"broken": ["something"]}),
    ("damage", {}, {"damage": ["vehicle_inrush 30.0"]}),
    ("task raised", {}, {"faults": ["pev: chademo"]}),
    ("the CHAdeMO plug stays locked", {"locked_at_end": True}, {}),
    ("the CCS plug stays locked", {}, {"locked_at_end": True}),
    ("the CHAdeMO plug is live", {"live_at_end": True}, {}),
    ("trouble code", {"dtcs": {"turtle": 1}}, {}),
    ("it went on", {}, {"reasons": {"pev": "USER_STOP", "evse": "CAR_STOP"}}),
    ("current to the end", {"gone": None}, {}),
    ("current for 2.00 s", {"gone": 2 * S}, {}),
    ("state B 2.00 s after", {}, {"moments": Moments(state_b=2 * S)}),
    ("state C to the end", {}, {"moments": Moments()}),
    ("the car says CAR_NOT_PARKED", {}, {"reasons": {"pev": "CAR_NOT_PARKED", "evse": "CAR_LEFT_C"}}),
    ("nothing is expected", {}, {"group": "plant:unheard"}),
    ("no outcome", {}, {"error": "no outcome"}),
])
def test_each_expectation_can_fail(words, seen, other):
    assert objections(outcome()) == []
    assert any(words in sentence for sentence in objections(outcome(seen, **other)))


def test_what_a_fault_itself_is_stays_excused_with_that_fault_alone():
    arc = {"damage": ["vehicle_opened_under_current 40.0 at 25.000"], "reasons": {"pev": "CAR_FAULT", "evse": "CAR_STOP"}}
    assert objections(outcome(group="plant:vehicle-contactors-drop", **arc)) == []
    assert any("damage" in sentence for sentence in objections(outcome(group="plant:k-open", **arc)))


def test_a_bridge_that_does_not_look_at_k_and_at_frames_is_found(alone):
    """Its CHAdeMO side goes on whatever the car says, and the supervisor does not hear of k either."""
    case = next(c for c in alone if c.name == "bridge/@current.Flows/k-open")

    def deaf(middle, message, charge: bridge.BridgeTrial) -> bool:
        side = next(r for r in charge.car.kernel.rows if r.name == "chademo").task.machine
        side._watch = lambda now: None
        return case.begin(middle, message, charge)
    sound, ignored = play([case, Case(case.name, case.group, case.trigger, deaf, case.world)], 1, SEED)
    assert objections(sound) == [] and sound.reasons["pev"] == "CAR_STOP"
    assert objections(ignored)
