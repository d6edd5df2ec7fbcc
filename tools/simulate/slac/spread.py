"""Random peers within the real-world spread of the slac-and-network sheet, section 8.2: each delay from its column "Simulate".

What the ranges allow together and the standard does not (a join of more than TT_match_join, a result after TT_EV_atten_results) is named by
`expected`, so that a test can ask for the right reason instead of leaving such seeds out.
"""
from __future__ import annotations

from random import Random

from tools.simulate.slac.habits import MAC_AND_ZEROS, RANDOM, CarHabits, ChargerHabits

SOURCE = "sheet 8.2"
HICCUP_MS = 600.0                # "one hiccup 600"
HICCUP_SHARE = 0.25              # our choice: one car in four has it
JOIN_LIMIT_MS = 12_000.0         # TT_match_join
JOIN_MARGIN_MS = 1_500.0         # our link test asks every 500 ms, the modem first restarts: nearer than that to the limit either end is right
RESULTS_LIMIT_MS = 1200.0        # TT_EV_atten_results


def car(seed: int) -> CarHabits:
    """A car."""
    rng = Random(f"car {seed}")
    gap = rng.uniform(15.0, 60.0)
    gaps = [min(60.0, max(15.0, rng.gauss(gap, 1.5))) for _ in range(9)]
    if rng.random() < HICCUP_SHARE:
        gaps[rng.randrange(9)] = HICCUP_MS
    return CarHabits(
        f"car {seed}", "any car", SOURCE, run_id=rng.choice((MAC_AND_ZEROS, RANDOM, "TESLA EV")), random_sounds=rng.random() < 0.5,
        parm_twice_ms=rng.choice((0.0, 0.0, rng.uniform(7.0, 15.0))), start_ms=rng.uniform(50.0, 390.0), start_gap_ms=rng.uniform(18.0, 52.0),
        sound1_ms=rng.uniform(20.0, 100.0), sound_gaps_ms=tuple(gaps), rsp_ms=rng.uniform(5.0, 150.0),
        match_ms=rng.choice((None, rng.uniform(450.0, 1600.0))), match_after_rsp_ms=rng.uniform(3.0, 10.0), link_ms=rng.uniform(200.0, 12_000.0))


def charger(seed: int) -> ChargerHabits:
    """A charger. START1 -> IND stays within its own range, whatever follows from the last sound."""
    rng = Random(f"charger {seed}")
    whole = rng.random() < 0.3                       # some wait for the whole time after START1 (Compleo)
    return ChargerHabits(
        f"charger {seed}", "any charger", SOURCE, cnf_ms=rng.uniform(5.0, 250.0), ind_after_last_ms=None if whole else rng.uniform(1.0, 650.0),
        ind_after_start_ms=rng.uniform(600.0, 1150.0), db=rng.uniform(1.0, 35.0), matched_ms=rng.uniform(5.0, 190.0), link_ms=rng.uniform(200.0, 12_000.0))


def expected(habits: CarHabits | ChargerHabits) -> str:
    """"matched", "no link", or "either" where the draw is too near to TT_match_join to tell."""
    if habits.link_ms <= JOIN_LIMIT_MS - JOIN_MARGIN_MS:
        return "matched"
    return "either" if habits.link_ms <= JOIN_LIMIT_MS + JOIN_MARGIN_MS else "no link"
