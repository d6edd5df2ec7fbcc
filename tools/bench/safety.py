"""Safety figures: the worst reaction to every trip of both boxes in virtual time, how much is checked, and which command gives the other figures."""
from __future__ import annotations

import time

from tests.safety import exhaustive_ac, exhaustive_car, exhaustive_charger
from tests.safety.bench import TICK
from tests.safety.fault import PHASES
from tests.safety.reaction import ROLES, SAFE, worst

MS_PER_TICK = TICK // 1_000_000
ELSEWHERE = (
    ("every fault at every message and in every state, both boxes", "./install/test.sh --matrix"),
    ("loss of the main process, ms to state B and to open contactors", "python -m tools.bench guard"),
    ("small mistakes in tasks/safety that the tests notice, in percent", "./install/test.sh --mutants"),
)


def main() -> None:
    """Print one line for each trip, and then where the rest comes from."""
    for role in ROLES:
        began, slowest = time.perf_counter(), ("", 0)
        print(f"safety: {role}, from the bad fact at the sensor to {SAFE[role]} commanded, ticks of {MS_PER_TICK} ms, worst of {PHASES} phases", flush=True)
        for name, row, hold, ticks in worst(role):
            print(f"  {name:<26}{row.state:<12}{row.kind:<16}hold {hold:>5}   worst {ticks:>5}   agreed {hold + row.bound:>5}", flush=True)
            slowest = max(slowest, (name, ticks - hold), key=lambda found: found[1])
        print(f"  {len(ROLES[role].FAULTS)} trips; beside its hold the slowest is {slowest[0]} with {slowest[1]} ticks; "
              f"measured in {time.perf_counter() - began:.0f} s", flush=True)
    moments, charger = exhaustive_charger.totals()
    ac_moments, ac = exhaustive_ac.totals()
    print(f"safety: single steps against the invariants: pev {exhaustive_car.COMBINATIONS:,} combinations from {len(exhaustive_car.STATES)} states, "
          f"evse {charger:,} from {moments} states and instants of {len(exhaustive_charger.EQUIPMENT)} equipments, "
          f"ac {ac:,} from {ac_moments}: python -m tests.safety.exhaustive (1 min)")
    for figure, command in ELSEWHERE:
        print(f"safety: {figure}: {command}")
