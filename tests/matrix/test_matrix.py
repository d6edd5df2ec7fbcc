"""A seeded slice of the matrix, pyPLC's cases, and whether the matrix itself can fail."""
from __future__ import annotations

import os
import re

import pytest

from kernel.scheduler import TICK
from kernel.timer import S
from tests.matrix import choose, expect, known, plant_faults, pyplc, task_faults
from tests.matrix.generate import equipped, pairs, reference, singles
from tests.matrix.play import play
from tests.matrix.trial import Case, Moments, Outcome, Trial

SLICE = 500
SEED = 1
JOBS = os.cpu_count() or 1


@pytest.fixture(scope="module")
def alone():
    return list(singles(reference(SEED), SEED))


@pytest.fixture(scope="module")
def everything(alone):
    return alone + pairs(reference(SEED), alone, SLICE, SEED) + equipped(alone, SEED, 10)


def as_expected(outcomes):
    """Sentences about what is not; known defects left out."""
    return [f"{o.name}: {'; '.join(found)}" for o in outcomes
            if (found := expect.objections(o)) and not any(re.search(pattern, o.name) for pattern in known.KNOWN)]


def test_a_slice_of_the_matrix_is_as_expected_and_covers_every_value(everything):
    chosen = choose.covering(everything, SLICE, SEED, pyplc.NAMES)
    assert {v for c in everything for v in choose.values(c)} == {v for c in chosen for v in choose.values(c)}
    outcomes = play(chosen, JOBS, SEED)
    assert len(outcomes) == len(chosen) >= SLICE
    assert as_expected(outcomes) == []


def test_names_are_distinct_and_many(alone):
    assert len({c.name for c in alone}) == len(alone) >= 5000


def test_pyplcs_cases_are_in_the_matrix(alone):
    assert len(pyplc.CASES) == 16 and pyplc.NAMES <= {c.name for c in alone}


def test_equal_seeds_give_equal_outcomes(alone):
    chosen = [c for c in alone if c.name in pyplc.NAMES]
    first, second = ({o.name: o for o in play(chosen, jobs, SEED)} for jobs in (1, 2))
    assert first == second


def test_every_class_and_every_fault_of_the_plant_has_its_row(alone):
    assert {c.group for c in alone if ":" not in c.group} == set(expect.ROWS)
    assert set(expect.PLANT) == {name for name, _ in plant_faults.named()} | {f"charger-{n}" for n in plant_faults.OUTPUT_CONTACTOR}


def test_every_row_of_both_tables_may_fail_but_the_supervisor():
    trial = Trial(SEED, lambda *_: False)
    for node, box in (("car", trial.car), ("charger", trial.charger)):
        assert {row.name for row in box.kernel.rows} - set(task_faults.ROWS[node]) == {"safety"}


def outcome(**other):
    """A case that ended as it should."""
    given = {"reasons": {"pev": "FAILED_RESPONSE", "evse": "TCP_CLOSED"}, "ends": {"pev": "Failed", "evse": "Failed"}, "at_rest": True, "armed": True, "session": True, "moments": Moments(state_b=0)}
    return Outcome("pev/PreChargeRes/x", **{"group": "failed", "role": "pev", **given, **other})


@pytest.mark.parametrize("words, other", [
    ("not at rest", {"at_rest": False}),
    ("invariant", {"broken": ["something"]}),
    ("task raised", {"faults": ["pev: v2g"]}),
    ("damage", {"damage": ["inrush 30.0"]}),
    ("not locked", {"live_at_end": True}),
    ("unlocked 6.00 s after", {"moments": Moments(state_b=0, unlocked=6 * S)}),
    ("the car keeps", {"locked_at_end": True}),
    ("the charger keeps", {"charger_locked_at_end": True}),
    ("opened 4.00 s after", {"moments": Moments(state_b=0, opened=4 * S)}),
    ("state B 1.00 s after", {"moments": Moments(state_b=S)}),
    ("state C to the end", {"moments": Moments()}),
    ("the car says BATTERY_FULL", {"reasons": {"pev": "BATTERY_FULL", "evse": "TCP_CLOSED"}}),
    ("is Finished although", {"ends": {"pev": "Finished", "evse": "Failed"}}),
    ("the charger says None", {"reasons": {"pev": "FAILED_RESPONSE", "evse": None}}),
    ("did not go on", {"group": "split"}),
    ("nothing is expected", {"group": "unheard"}),
    ("no outcome", {"error": "no outcome"}),
    ("did not raise: pev: v2g", {"group": "plant:car-v2g-raises"}),
    ("task raised: evse: v2g", {"group": "plant:car-v2g-raises", "faults": ["pev: v2g", "evse: v2g"]}),
    ("did not trip: Internal fault", {"group": "plant:car-v2g-raises", "trips": {"pev": "Pilot lost"}, "moments": Moments(trip={"pev": 0})}),
    ("tripped 0.03 s after", {"group": "plant:car-v2g-raises", "trips": {"pev": "Internal fault"}, "moments": Moments(trip={"pev": 3 * TICK})}),
    ("state B 0.10 s after the fault, expected within 0.07", {"group": "plant:car-inlet-current-nan", "closed": True, "moments": Moments(state_b=10 * TICK)}),
])
def test_each_expectation_can_fail(words, other):
    assert expect.objections(outcome()) == []
    assert any(words in sentence for sentence in expect.objections(outcome(**other)))


def test_a_case_that_raises_is_told():
    def broken(m, p, c):
        raise ZeroDivisionError("on purpose")
    outcomes = play([Case("pev/x", "none", ("pev", "PreChargeRes", 1), broken), Case("pev/y", "none", ("pev", "unheard", 1), broken)], 1, SEED)
    assert [o.error for o in outcomes] == ["ZeroDivisionError: on purpose", "its trigger never came"]


def test_a_box_that_does_not_open_is_found():
    """The supervisor's last row is missing: contactors stay closed after a FAILED."""
    def dead(m, p, c):
        next(r for r in c.car.kernel.rows if r.name == "safety").task.run = lambda now: now + S
        m.replace(p, b"")
        return True
    [o] = play([Case("pev/CurrentDemandRes/x", "silence", ("pev", "CurrentDemandRes", 4), dead)], 1, SEED)
    assert o.broken or not o.at_rest or o.live_at_end
    assert expect.objections(o)
