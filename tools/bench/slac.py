"""SLAC figures: our matching with each measured car and charger beside the real pair of the same row, in virtual time; limits; crosstalk; jitter."""
from __future__ import annotations

from collections import defaultdict
from statistics import median

from tasks.homeplug.config import SlacConfig
from tests.homeplug import crosstalk, limits
from tests.homeplug.meeting import Meeting
from tools.bench import slac_jitter
from tools.simulate.slac.measured import EQUIPMENT, ROWS, Row
from tools.simulate.slac.personalities import CARS, CHARGERS

CROSSTALK_SEEDS = 100
LOSSES = (0.0, 0.05)


def _meet(side: str, row: Row, early: bool = False) -> Meeting:
    habits = (CARS if side == "car" else CHARGERS)[row.name]
    return Meeting(habits, config=SlacConfig(early_decision=early)).run()


def rows(side: str) -> list[Row]:
    """Rows whose `side` is real, or equipment."""
    return [row for row in (*ROWS, *EQUIPMENT) if side in row.real]


def table(side: str) -> None:
    """One line for each row; then median and worst."""
    other = "charger" if side == "car" else "car"
    print(f"slac: our {other} with each measured {side}, CM_SLAC_PARM.REQ to CM_SLAC_MATCH.CNF in s, beside the pair that was measured", flush=True)
    early_head = "   early   ratio" if side == "charger" else ""
    print(f"  {'row':<22}{side:<20}{'measured with':<18}{'real':>6}{'ours':>8}{'ratio':>8}{early_head}")
    ratios, early_ratios = {}, {}
    for row in rows(side):
        ours = _meet(side, row).columns()["total_s"]
        ratios[row.name] = ours / row.total_s
        line = f"  {row.name:<22}{getattr(row, side):<20}{getattr(row, other):<18}{row.total_s:6.2f}{ours:8.2f}{ratios[row.name]:8.2f}"
        if side == "charger":
            early = _meet(side, row, True).columns()["total_s"]
            early_ratios[row.name] = early / row.total_s
            line += f"{early:8.2f}{early_ratios[row.name]:8.2f}"
        print(line, flush=True)
    for label, found in (("", ratios), (" with slac.early_decision", early_ratios)):
        for whom, these in ((f"measured {side}s", ROWS), ("test equipment", EQUIPMENT)):
            known = {row.name: found[row.name] for row in these if row.name in found}
            if known:
                worst = max(known, key=known.__getitem__)
                print(f"  {len(known)} rows of {whom}{label}: median ratio {median(known.values()):.2f}, worst {known[worst]:.2f} ({worst}); "
                      f"slower than the real pair in {sum(ratio > 1 for ratio in known.values())}", flush=True)


def kept() -> None:
    """What we measure of ourselves on the wire, least and most over all rows, beside the standard's limits."""
    for side, own, of in (("car", "charger", limits.of_charger), ("charger", "car", limits.of_car)):
        found = defaultdict(list)
        for habits in (CARS if side == "car" else CHARGERS).values():
            for m in of(Meeting(habits).run().passed()):
                found[m.name].append(m)
        print(f"slac: times of our {own} on the wire with every {side}, ms (limits of ISO 15118-3; sheet 2.1)")
        for name, all_of in found.items():
            values = [m.value for m in all_of]
            limit = f"{all_of[0].least:g} to {all_of[0].most:g}" if all_of[0].most != limits.NO_LIMIT else f"at least {all_of[0].least:g}"
            print(f"  {name:<28}{len(values):>4} times  {min(values):7.1f} to {max(values):7.1f}   limit {limit}")


def neighbours() -> None:
    """Two cars and two chargers, 20 dB apart."""
    print(f"slac: two cars, two chargers, the other's {crosstalk.CROSSTALK_DB} dB weaker, {CROSSTALK_SEEDS} seeds each")
    for loss in LOSSES:
        for early in (False, True):
            found = [crosstalk.play(seed, loss, early) for seed in range(CROSSTALK_SEEDS)]
            print(f"  {100 * loss:3.0f} % of the frames lost, early_decision {str(early).lower():<6} {sum(o.right for o in found):>4} right, "
                  f"{sum(not o.right for o in found):>3} with the neighbour's charger; "
                  f"both joined after {median(o.seconds for o in found):.2f} s (median)", flush=True)


def main() -> None:
    """Print all figures."""
    table("car")
    table("charger")
    kept()
    neighbours()
    slac_jitter.main()
