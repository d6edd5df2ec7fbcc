"""A seeded slice of the world in which the boxes begin again by themselves, and whether its expectations can fail."""
from __future__ import annotations

import os
import re

import pytest

from kernel.timer import S
from tests.matrix import known, retry
from tasks.v2g.protocols import DIN, ISO2
from tests.matrix.generate import singles_of
from tests.matrix.play import play
from tests.matrix.retry import Attempt, Retried
from tests.matrix.trial import Case, Outcome
from tests.matrix.verdict import objections
from tests.matrix.worlds import RETRY

SLICE = 30
SEED = 1
JOBS = os.cpu_count() or 1


@pytest.fixture(scope="module")
def every():
    return {c.name: c for c in retry.every(*singles_of(DIN, SEED))}


@pytest.fixture(scope="module")
def every_iso2():
    return {c.name: c for c in retry.every(*singles_of(ISO2, SEED))}


def test_a_slice_is_as_expected(every):
    chosen = retry.choice(list(every.values()), SLICE, SEED)
    outcomes = play(chosen, JOBS, SEED)
    assert len(outcomes) == len({c.name for c in chosen}) == SLICE
    assert {o.name: found for o in outcomes if (found := objections(o)) and not any(re.search(p, o.name) for p in known.KNOWN)} == {}
    assert {"charged again", "went on", "a reason not to"} <= {retry.came_to(o) for o in outcomes}


@pytest.mark.parametrize("name, came", [
    ("pev/MeteringReceiptRes/ResponseCode=FAILED/iso2-retry", "charged again"),
    ("pev/PowerDeliveryRes#2/rst/iso2-retry", "charged again"),
    ("evse/@v2g.PowerDeliveryRestart/car-battery-silent/iso2-retry", "a reason not to"),
    ("evse/ChargeParameterDiscoveryReq#2/split-3/iso2-retry", "went on"),
])
def test_what_cases_come_to_in_iso_15118_2(every_iso2, name, came):
    [o] = play([every_iso2[name]], 1, SEED)
    assert (objections(o), retry.came_to(o)) == ([], came)


@pytest.mark.parametrize("name, came, sessions", [
    ("pev/PreChargeRes/ResponseCode=FAILED/retry", "charged again", 1),
    ("pev/CurrentDemandRes#4/rst/retry", "charged again", 1),
    ("pev/@v2g.SessionSetup/car-battery-silent/retry", "went on", 0),
    ("pev/@v2g.CurrentDemand/blackout/retry", "a fault that stays", 0),
    ("pev/@v2g.CurrentDemand/car-inlet-voltmeter-disconnected/retry", "a reason not to", 0),
    ("pev/CurrentDemandRes/frame-lost/retry", "went on", 0),
])
def test_what_cases_come_to(every, name, came, sessions):
    [o] = play([every[name]], 1, SEED)
    assert (objections(o), retry.came_to(o), o.retried.sessions) == ([], came, sessions)


def test_pauses_grow_while_there_is_no_session(every):
    [o] = play([every["pev/CurrentDemandRes#4/half-open/retry"]], 1, SEED)
    assert objections(o) == []
    assert [round(a.pause / S) for a in o.retried.attempts["pev"]] == [2, 4, 8, 16, 30]


def test_a_choice_has_every_fault_that_can_be_mended_and_every_class(every):
    chosen = retry.choice(list(every.values()), 300, SEED)
    assert len({c.name for c in chosen}) == 300
    assert {c.group for c in chosen} >= {c.group for c in every.values() if not c.group.startswith("plant:") or retry.passes(c)}


def outcome(name="pev/PreChargeRes/lost/retry", group="silence", retried=None, **other):
    """A case that charged again."""
    given = {"reasons": {"pev": "USER_STOP", "evse": "CAR_STOP"}, "ends": {"pev": "Finished", "evse": "Finished"},
             "safety": {"pev": "Idle", "evse": "Idle"}, "at_rest": True, "session": True}
    return Outcome(name, group, "pev", RETRY, **{**given, "retried": retried or Retried(charged=True), **other})


STUCK = {"ends": {"pev": "WaitPilot", "evse": "Matching"}, "reasons": {"pev": "TIMEOUT", "evse": "TIMEOUT"}, "retried": Retried()}


@pytest.mark.parametrize("words, other", [
    ("invariant", {"broken": ["something"]}),
    ("closed contactors", {"retried": Retried(charged=True, in_pause=["the car pauses with closed contactors"])}),
    ("after its driver had pressed stop", {"retried": Retried(charged=True, begun_after_stop=True)}),
    ("without a pause", {"retried": Retried(charged=True, attempts={"pev": [Attempt(None, 1)]})}),
    ("paused 2.00 s before attempt 1, after 2 failures 4 s", {"retried": Retried(charged=True, attempts={"pev": [Attempt(2 * S, 2)]})}),
    ("paused 2.00 s before attempt 1, after 1 failures 3 s", {"retried": Retried(charged=True, attempts={"evse": [Attempt(2 * S, 1)]})}),
    ("paused 99.00 s", {"retried": Retried(charged=True, attempts={"pev": [Attempt(99 * S, 1)]})}),
    ("ended without a reason", {"retried": Retried(charged=True, ended={"pev": [None]})}),
    ("nobody charged again", STUCK),
    ("at last", {"reasons": {"pev": "TIMEOUT", "evse": "CAR_STOP"}}),
    ("not at rest", {"at_rest": False, "still": ["pev Ending/Decay"]}),
    ("its trigger", {"error": "its trigger never came"}),
])
def test_each_expectation_can_fail(words, other):
    assert objections(outcome()) == []
    assert any(words in sentence for sentence in objections(outcome(**other)))


def test_a_reason_that_is_written_excuses_a_box_that_does_not_charge_again():
    assert objections(outcome(**{**STUCK, "ends": {"pev": "Failed", "evse": "Matching"}, "reasons": {"pev": "CHARGER_MALFUNCTION", "evse": "TIMEOUT"}})) == []
    assert objections(outcome(**{**STUCK, "safety": {"pev": "Idle", "evse": "Tripped"}})) == []
    assert objections(outcome(name="pev/PreChargeRes/silent/retry", **STUCK)) == []


def test_a_box_that_closes_in_its_pause_is_found():
    def closes(m, p, c):
        m.replace(p, b"")
        look = c.car.signals.connection_state

        def close(now):
            if look.value == "Pausing":
                c.plant.command(c.plant.car_contactors, True, now)
        for n in range(400):
            c.plant.at(c.clock.time + n * S // 10, close)
        return True
    [o] = play([Case("pev/PreChargeRes#4/lost/retry", "silence", ("pev", "PreChargeRes", 4), closes, RETRY)], 1, SEED)
    assert "the car pauses with closed contactors" in objections(o)
