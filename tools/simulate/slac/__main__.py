"""`python -m tools.simulate.slac [NAME ...] [--loss PERCENT] [--seed N] [--early]`: the peers, or our matching with some of them, message by message."""
from __future__ import annotations

import argparse
import sys
from typing import Any

from kernel.timer import MS
from tasks.homeplug.config import SlacConfig
from tests.homeplug.meeting import OURS, Meeting
from tools.simulate.slac.habits import CarHabits, ChargerHabits
from tools.simulate.slac.personalities import ABB_TEN, CARS, CHARGERS

SIDES = (("car", CARS), ("charger", {**CHARGERS, ABB_TEN.name: ABB_TEN}))
WORTH = {"num_sounds": "NUM_SOUNDS", "time_out": "TIME_OUT", "cnt": "CNT", "result": "RESULT"}


def _line(at: int, message: Any) -> str:
    name, _, kind = type(message).__name__.rpartition("_")
    worth = "  ".join(f"{label} {getattr(message, field)}" for field, label in WORTH.items() if hasattr(message, field))
    db = f"  {sum(message.aag) / len(message.aag):.1f} dB" if getattr(message, "aag", None) else ""
    return f"  {at / MS:9.1f} ms  {'ours' if message.src == OURS else 'peer'}  {f'{name}.{kind}':<28}{worth}{db}".rstrip()


def told(habits: CarHabits | ChargerHabits, seed: int, loss: float, early: bool) -> bool:
    """One meeting; True when both ends are in one network."""
    meeting = Meeting(habits, seed, SlacConfig(early_decision=early), loss / 100).run()
    passed = [(at, m) for at, m in meeting.passed() if type(m).__name__.startswith(("CM_SLAC", "CM_START", "CM_MNBC", "CM_ATTEN_CHAR", "CM_VALIDATE"))]
    print(f"{habits.name}: {habits.about} ({habits.source})")
    for at, message in passed:
        print(_line(at - passed[0][0], message))
    for objection in meeting.peer.objections:
        print(f"  the peer objects: {objection.rule}: {objection.what}")
    for warning in meeting.warnings():
        print(f"  our journal: {warning}")
    print(f"  {'joined, both ends' if meeting.matched else f'not joined: {meeting.reason.text}; {meeting.reason.hint}' if meeting.reason else 'nothing came of it'}")
    return meeting.matched


def main(argv: list[str] | None = None) -> int:
    """0: all joined; 1: one did not; 2: nobody has this name."""
    parser = argparse.ArgumentParser(prog="python -m tools.simulate.slac", description="SLAC of real cars and chargers: a list without a name")
    parser.add_argument("names", nargs="*", metavar="NAME", help="peers; a name that stands for a car and a charger meets both of our sides")
    parser.add_argument("--loss", type=float, default=0.0, metavar="PERCENT", help="of the frames on the line")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--early", action="store_true", help="our car decides early (slac.early_decision)")
    chosen = parser.parse_args(argv)
    if not chosen.names:
        for side, group in SIDES:
            for habits in group.values():
                print(f"{side:<8}{habits.name:<24}{habits.about}  ({habits.source})")
        return 0
    met = [(name, [group[name] for _, group in SIDES if name in group]) for name in chosen.names]
    for name, found in met:
        if not found:
            print(f"tools.simulate.slac: there is no peer {name!r}; without a name the list is printed", file=sys.stderr)
            return 2
    return 0 if all([told(habits, chosen.seed, chosen.loss, chosen.early) for _, found in met for habits in found]) else 1


if __name__ == "__main__":
    sys.exit(main())
