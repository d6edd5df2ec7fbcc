"""`python -m tests.safety.exhaustive [pev] [evse] [ac] [bridge]`: the exhaustive check of all supervisors, its figures; exit code 1: an invariant is broken."""
from __future__ import annotations

import argparse
import sys
import time
from dataclasses import fields
from typing import Iterator

from tests.safety import exhaustive_ac, exhaustive_bridge, exhaustive_car, exhaustive_charger
from tests.safety.charger_moments import EQUIPMENT, moments
from tests.safety.saved import Seen

COLUMNS = tuple(f.name for f in fields(Seen))


def car() -> Iterator[tuple[str, Seen]]:
    for state in exhaustive_car.STATES:
        yield state.name, exhaustive_car.check(state)


def charger() -> Iterator[tuple[str, Seen]]:
    """By state, over every equipment and every instant."""
    every = [m for fitted in EQUIPMENT for m in moments(*fitted)]
    for state in dict.fromkeys(m.state for m in moments(True, True)):
        seen = Seen()
        for m in every:
            if m.state is state:
                seen.add(exhaustive_charger.check(m))
        yield state.name, seen


def ac() -> Iterator[tuple[str, Seen]]:
    """By state, with a socket and without."""
    every = exhaustive_ac.every()
    for state in dict.fromkeys(m.state for m in every):
        seen = Seen()
        for m in every:
            if m.state is state:
                seen.add(exhaustive_ac.check(m))
        yield state.name, seen


def bridge() -> Iterator[tuple[str, Seen]]:
    """By state towards the charger, and of the vehicle's side at rest."""
    for name in exhaustive_bridge.STARTS:
        yield name, exhaustive_bridge.check(name)


ROLES = {"pev": car, "evse": charger, "ac": ac, "bridge": bridge}


def row(role: str, state: str, seen: Seen) -> str:
    return f"{role:<6}{state:<12}" + "".join(f"{getattr(seen, name):>{max(12, len(name) + 2)},}" for name in COLUMNS)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.safety.exhaustive",
                                     description="single steps from every state with every combination of discretised facts")
    parser.add_argument("roles", nargs="*", metavar="ROLE", help="pev (the car, 3 s), evse (the DC charger, 40 s), ac (the AC charger, 20 s), bridge (60 s); default: all")
    roles = parser.parse_args(argv).roles or list(ROLES)
    if not set(roles) <= set(ROLES):
        parser.error(f"a role is one of {', '.join(ROLES)}")
    print(f"{'role':<6}{'state':<12}" + "".join(f"{name:>{max(12, len(name) + 2)}}" for name in COLUMNS))
    for role in roles:
        total, began = Seen(), time.monotonic()
        try:
            for state, seen in ROLES[role]():
                total.add(seen)
                print(row(role, state, seen), flush=True)
        except AssertionError as e:
            print(f"{role}: an invariant is broken: {e}", file=sys.stderr)
            return 1
        print(row(role, "all", total) + f"   no invariant broken, {time.monotonic() - began:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
