"""Power over time: the schedule that a car reads, the power that a charger offers, and both in whole messages."""
from __future__ import annotations

import pytest

from kernel.timer import NEVER, S
from tasks.v2g.config import EvConfig, EvseConfig
from tasks.v2g.power_offer import PowerOffer
from tasks.v2g.schedule import Schedule


def schedule(*entries, begun=0):
    made = Schedule()
    made.set(list(entries))
    made.begun = begun
    return made


DAY = schedule((0, 50e3), (60, 0.0), (400, 22e3))


@pytest.mark.parametrize("at, watts, wait", [(0, 50e3, 0), (59, 50e3, 0), (60, 0.0, 340), (399, 0.0, 1), (400, 22e3, 0), (90_000, 22e3, 0)])
def test_what_is_allowed_when_and_how_long_there_is_nothing(at, watts, wait):
    assert DAY.allowed(at * S) == watts and DAY.powerless(at * S) == wait * S


@pytest.mark.parametrize("at, least, wait", [(0, 60e3, NEVER), (0, 50e3, 0), (60, 22e3, 340), (400, 22e3, 0), (400, 22.1e3, NEVER)])
def test_less_than_what_can_be_used_is_nothing(at, least, wait):
    assert DAY.powerless(at * S, least) == (wait if wait == NEVER else wait * S)


def test_without_entries_or_a_beginning():
    assert schedule().allowed(0) is None and schedule().powerless(0) == 0 and schedule().ahead(0) == []
    assert schedule((0, 7.0), (5, 9.0), begun=None).allowed(10**18) == 7.0
    assert schedule((0, 9.0), (5, 0.0)).powerless(6 * S) == NEVER


@pytest.mark.parametrize("at, entries", [
    (0, [(0, 50e3), (60, 0.0), (400, 22e3)]), (10, [(0, 50e3), (50, 0.0), (390, 22e3)]), (60, [(0, 0.0), (340, 22e3)]), (500, [(0, 22e3)])])
def test_what_lies_ahead_begins_now(at, entries):
    assert DAY.ahead(at * S) == entries


def test_starts_that_fall_together_by_rounding_stay_apart():
    close = schedule((0, 1.0), (10, 2.0), (11, 3.0))
    for tenth in range(0, 115):
        ahead = close.ahead(tenth * S // 10)
        starts = [start for start, _ in ahead]
        assert starts[0] == 0 and starts == sorted(set(starts)) and ahead[-1][1] == 3.0


def test_an_offer_is_the_smallest_of_rating_share_and_site():
    offer = PowerOffer(EvseConfig(power_schedule=["0 50", "60 0", "400 22"]))
    assert offer.watts(40e3, 10**15) == 40e3, "without a car the first entry counts"
    offer.plugged_at = 0
    assert (offer.watts(40e3, 0), offer.watts(40e3, 60 * S), offer.watts(40e3, 400 * S)) == (40e3, 0.0, 22e3)
    assert offer.again_at(100 * S) == 400 * S and offer.again_at(0) is None and offer.again_at(500 * S) is None
    offer.share = 0.5
    assert offer.watts(40e3, 0) == 20e3 and offer.ahead(40e3, 0) == [(0, 20e3), (60, 0.0), (400, 20e3)]
    assert PowerOffer(EvseConfig()).ahead(11e3, 5) == [(0, 11e3)] and PowerOffer(EvseConfig()).again_at(5) is None


@pytest.mark.parametrize("entries, what", [
    (["50"], "expected seconds and kW"), (["0 fifty"], "expected seconds and kW"), (["0 nan"], "expected 0 to 86400 s"), (["0 -1"], "expected 0 to"),
    (["-5 3"], "expected 0 to"), (["0 351"], "350 kW"), (["90000 1"], "expected 0 to"), (["5 1"], "expected 0 first"), (["0 1", "9 1", "9 2"], "then rising"),
    (["0 1"] + [f"{n} 1" for n in range(1, 25)], "at most 24")])
def test_a_wrong_schedule_is_refused_with_what_is_expected(entries, what):
    with pytest.raises(ValueError, match=what):
        EvseConfig(power_schedule=entries)


def test_schema_ids_must_differ():
    with pytest.raises(ValueError, match="both 7"):
        EvConfig(schema_id_din=7, schema_id_iso2=7)
    assert EvConfig(schema_id_din=0, schema_id_iso2=255)
