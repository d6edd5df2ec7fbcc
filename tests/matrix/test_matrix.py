"""A seeded slice of the matrix, pyPLC's cases, and whether the matrix itself can fail."""
from __future__ import annotations

import os
import re
from dataclasses import replace

import pytest

from kernel.scheduler import TICK
from kernel.timer import S
from tasks.v2g.pev_states import Pev
from tasks.v2g.protocols import DIN, ISO2
from tests.matrix import choose, expect, known, plant_faults, pyplc, task_faults
from tests.matrix.faults import WIRE
from tests.matrix.generate import equipped, pairs, singles_of
from tests.matrix.middle import HANDSHAKE
from tests.matrix.play import play
from tests.matrix.trial import Case, Moments, Outcome, Trial

SLICE = 500
SEED = 1
JOBS = os.cpu_count() or 1


@pytest.fixture(scope="module")
def matrices():
    """Of each protocol: what passes in a clean charge, and the single faults."""
    return {protocol: singles_of(protocol, SEED) for protocol in (DIN, ISO2)}


@pytest.fixture(scope="module", params=[DIN, ISO2], ids=lambda protocol: protocol.key)
def spoken(request, matrices):
    return request.param, *matrices[request.param]


@pytest.fixture(scope="module")
def alone(matrices):
    return matrices[DIN][1]


@pytest.fixture(scope="module")
def everything(matrices):
    return [c for found, alone in matrices.values() for c in alone + pairs(found, alone, SLICE // 2, SEED)] + equipped(matrices[DIN][1], SEED, 10)


def as_expected(outcomes):
    """Sentences about what is not; known defects left out."""
    return [f"{o.name}: {'; '.join(found)}" for o in outcomes
            if (found := expect.objections(o)) and not any(re.search(pattern, o.name) for pattern in known.KNOWN)]


def test_a_slice_of_the_matrix_is_as_expected_and_covers_every_value(everything):
    """A fault in one of the protocols; all else in both."""
    chosen = choose.covering(everything, SLICE, SEED, pyplc.NAMES, choose.once)
    assert {v for c in everything for v in choose.once(c)} == {v for c in chosen for v in choose.once(c)}
    outcomes = play(chosen, JOBS, SEED)
    assert len(outcomes) == len(chosen) >= SLICE
    assert as_expected(outcomes) == []


def test_the_choice_of_a_long_run_covers_every_fault_in_both_protocols(everything):
    chosen = choose.covering(everything, 4700, SEED, pyplc.NAMES)
    assert len(chosen) == 4700
    assert {v for c in everything for v in choose.values(c)} == {v for c in chosen for v in choose.values(c)}


def test_names_are_distinct_and_many(everything, spoken):
    protocol, _, alone = spoken
    assert len({c.name for c in everything}) == len(everything)
    assert len(alone) >= 15_000 and all(c.name.endswith("/iso2") is (protocol is ISO2) for c in alone)


def test_the_middle_follows_what_the_handshake_agreed(spoken):
    protocol, found, _ = spoken
    messages = [p for p in found.messages if p.layer == "v2g"]
    assert [p.schema for p in messages[:2]] == [HANDSHAKE] * 2 and {p.schema for p in messages[2:]} == {protocol.schema}


def test_every_type_of_the_schema_is_tried_at_every_message(spoken):
    protocol, found, alone = spoken
    wire = WIRE[protocol.schema]
    tried = {c.name.split("/")[2] for c in alone if c.group == "type" and "/supportedApp" not in c.name}
    assert tried == {f"type-{getattr(wire, name).__name__}" for name in wire.__all__ if name.endswith(("Req", "Res"))}


def test_receipt_and_renegotiation_are_messages_of_the_matrix(matrices):
    found, alone = matrices[ISO2]
    order = [p.name for p in found.messages if p.layer == "v2g" and p.to == "evse"]
    loop = order[order.index("CurrentDemandReq"):order.index("WeldingDetectionReq")]
    assert [name for n, name in enumerate(loop) if n == 0 or name != loop[n - 1]] == [
        "CurrentDemandReq", "MeteringReceiptReq", "CurrentDemandReq", "PowerDeliveryReq", "ChargeParameterDiscoveryReq", "PowerDeliveryReq",
        "CurrentDemandReq", "PowerDeliveryReq"]
    names = {c.name for c in alone}
    assert {"evse/MeteringReceiptReq/MeterInfo.MeterReading=0/iso2", "evse/PowerDeliveryReq#2/ChargeProgress=Start/iso2",
            "pev/ChargeParameterDiscoveryRes#2/SASchedules=absent/iso2", "pev/CurrentDemandRes#7/lost/iso2",
            "pev/@v2g.PowerDeliveryRenegotiate/charger-pilot-off/iso2"} <= names


def test_pyplcs_cases_are_in_the_matrix(alone):
    assert len(pyplc.CASES) == 16 and pyplc.NAMES <= {c.name for c in alone}


def test_equal_seeds_give_equal_outcomes(alone):
    chosen = [c for c in alone if c.name in pyplc.NAMES]
    first, second = ({o.name: o for o in play(chosen, jobs, SEED)} for jobs in (1, 2))
    assert first == second


def test_every_class_and_every_fault_of_the_plant_has_its_row(spoken):
    alone = spoken[2]
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


def test_a_car_that_ignores_what_a_receipt_says_is_found(matrices):
    """The expectations hold in ISO 15118-2, too: its handler goes on whatever status comes."""
    case = next(c for c in matrices[ISO2][1] if c.name == "pev/MeteringReceiptRes/EVSEStatus.EVSEStatusCode=EVSE_Malfunction/iso2")

    def deaf(m, p, c):
        machine = next(r for r in c.car.kernel.rows if r.name == "v2g").task.side._machine
        machine._handlers[Pev.MeteringReceipt] = lambda res, now: machine._enter(Pev.CurrentDemand, now)
        return case.begin(m, p, c)
    sound, ignored = play([case, replace(case, begin=deaf)], 1, SEED)
    assert expect.objections(sound) == [] and sound.reasons["pev"] == "CHARGER_MALFUNCTION"
    assert expect.objections(ignored)
