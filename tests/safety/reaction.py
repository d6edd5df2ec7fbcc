"""`python -m tests.safety.reaction [pev] [evse] [ac]`: ticks from the bad fact at the sensor to state B (car), power off (DC charger), contactor open (AC
charger), worst of all phases."""
from __future__ import annotations

import sys
from typing import Iterator

from tests.safety import reaction_ac, reaction_car, reaction_charger
from tests.safety.bench import TICK
from tests.safety.fault import PHASES, Fault

ROLES = {"pev": reaction_car, "evse": reaction_charger, "ac": reaction_ac}
SAFE = {"pev": "state B", "evse": "power off", "ac": "contactor open"}


def worst(role: str) -> Iterator[tuple[str, Fault, int, int]]:
    """(trip, its row, its hold, worst of all phases against the readers' paces), by kind."""
    table = ROLES[role]
    for name, row in sorted(table.FAULTS.items(), key=lambda item: (item[1].kind, item[0])):
        yield name, row, table.HOLD[name], max(table.measure(name, phase) for phase in range(PHASES))


def report(roles: list[str]) -> None:
    print(f"{'trip':<26}{'state':<12}{'fact from':<16}{'hold':>6}{'worst':>7}{'bound':>7}   ticks of {TICK // 1_000_000} ms")
    for role in roles:
        print(f"{role}: to {SAFE[role]} commanded")
        for name, row, hold, ticks in worst(role):
            print(f"{name:<26}{row.state:<12}{row.kind:<16}{hold:>6}{ticks:>7}{hold + row.bound:>7}", flush=True)


if __name__ == "__main__":
    report([role for role in ROLES if role in sys.argv[1:]] or list(ROLES))
