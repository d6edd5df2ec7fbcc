"""Two cars and two chargers within hearing (sheet 9, X02 and X03): who ends at whose charger, and why."""
from __future__ import annotations

import pytest

from tests.homeplug.crosstalk import play

SEEDS = 60


@pytest.mark.parametrize("early", [False, True])
def test_without_loss_every_car_finds_its_own_charger(early):
    """X02, also when the car decides as soon as everybody who confirmed has delivered."""
    assert [seed for seed in range(SEEDS) if not play(seed, 0.0, early).right] == []


@pytest.mark.parametrize("loss", [0.05, 0.1])
def test_with_loss_every_car_ends_at_one_charger_and_at_the_neighbours_only_unheard_by_its_own(loss):
    """X03. A car whose CM_SLAC_PARM.REQ its own charger did not get cannot tell the neighbour's from it; that is the only way to go astray,
    with a CM_SLAC_MATCH that was lost three times."""
    found = [play(seed, loss) for seed in range(SEEDS)]
    assert all(None not in o.chosen and sorted(o.chosen) == [0, 1] for o in found), "joined, and never both at one charger"
    assert [o for o in found if o.misled] == []
    assert sum(o.right for o in found) >= 0.85 * SEEDS
