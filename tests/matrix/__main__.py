"""Command line of the fault matrix: python -m tests.matrix [--count N] [--seed N] [--all] [--case NAME ...] [--bridge] [--pyplc] [--list]."""
from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections import Counter, defaultdict

from kernel.scheduler import TICK
from kernel.timer import S
from tasks.v2g.protocols import DIN, PROTOCOLS
from tests.matrix import bridge, choose, pyplc, retry
from tests.matrix.expect import parts
from tests.matrix.generate import equipped, pairs, singles_of
from tests.matrix.known import KNOWN
from tests.matrix.play import play
from tests.matrix.trial import Case, Outcome
from tests.matrix.verdict import objections
from tests.matrix.worlds import begins_again

COUNT = 5000
PAIRS = 6                # one in so many cases has a second fault
EQUIPPED = 10            # one in so many cases is also tried with other equipment
RETRIES = 6              # percent that are tried in the world in which the boxes begin again
SHOWN = 40               # objections printed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description=__doc__)
    parser.add_argument("--count", type=int, metavar="N", help=f"so many cases, chosen by seed ({COUNT}; of a bridge all)")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    parser.add_argument("--all", action="store_true", help="every single fault, and --count pairs")
    parser.add_argument("--case", action="append", metavar="NAME", help="only these; a regular expression")
    parser.add_argument("--protocol", choices=tuple(PROTOCOLS), action="append", metavar="KEY", help="only din or only iso2")
    parser.add_argument("--bridge", action="store_true", help="the worlds in which the car's box is a bridge to a CHAdeMO car, every case")
    parser.add_argument("--pyplc", action="store_true", help="only pyPLC's 16 cases")
    parser.add_argument("--list", action="store_true", help="names and classes, run nothing")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="processes at the same time")
    asked = parser.parse_args()
    began = time.monotonic()
    if asked.bridge:
        return of_bridge(asked, began)
    asked.count = COUNT if asked.count is None else asked.count
    spoken = [PROTOCOLS[key] for key in asked.protocol or PROTOCOLS]
    everything: list[Case] = []
    again: list[Case] = []
    retried: list[Case] = []
    for protocol in spoken:
        found, alone = singles_of(protocol, asked.seed)
        everything += alone + pairs(found, alone, (asked.count if asked.all else asked.count // PAIRS) // len(spoken), asked.seed)
        if protocol is DIN:              # what equipment a box has is no matter of the protocol
            everything += equipped(alone, asked.seed, 1 if asked.case else EQUIPPED)
        begun = retry.every(found, alone)
        again += begun
        retried += retry.choice(begun, asked.count * RETRIES // 100 // len(spoken), asked.seed)
    if asked.pyplc:
        chosen = [c for c in everything if c.name in pyplc.NAMES]
    elif asked.case:
        chosen = named(everything + again, asked.case)
    elif asked.all:
        chosen = everything + retried
    else:
        chosen = choose.covering(everything, asked.count - len(retried), asked.seed, pyplc.NAMES) + retried
    return run(asked, chosen, everything + again, began)


def of_bridge(asked: argparse.Namespace, began: float) -> int:
    """The worlds of a bridge, which need no other."""
    alone = bridge.every(asked.seed)[1]
    everything = alone + bridge.samples(alone, asked.seed)
    if asked.case:
        chosen = named(everything, asked.case)
    else:
        chosen = everything if asked.count is None else choose.covering(everything, asked.count, asked.seed, of=bridge.values)
    return run(asked, chosen, everything, began)


def named(cases: list[Case], patterns: list[str]) -> list[Case]:
    """Those whose names a person asks for."""
    return [c for c in cases if any(re.fullmatch(pattern, c.name) or pattern == c.name for pattern in patterns)]


def run(asked: argparse.Namespace, chosen: list[Case], everything: list[Case], began: float) -> int:
    """Play the chosen ones, or only name them."""
    if asked.list:
        print("\n".join(f"{c.name}   [{c.group}]" for c in chosen))
        return 0
    if not chosen:
        print("matrix: no case has that name; --list shows them", file=sys.stderr)
        return 2
    outcomes = play(chosen, asked.jobs, asked.seed)
    return report(chosen, everything, outcomes, time.monotonic() - began,
                  verbose=len(chosen) <= len(pyplc.NAMES), covers=not (asked.case or asked.pyplc))


def report(chosen: list[Case], everything: list[Case], outcomes: list[Outcome], seconds: float, verbose: bool, covers: bool) -> int:
    """Print what came of it, `verbose` each case, `covers` what was reached; exit code 1 when a case is not as expected."""
    failed: dict[str, list[str]] = {}
    known: Counter[str] = Counter()
    for o in outcomes:
        found = objections(o)
        why = next((reason for pattern, reason in KNOWN.items() if re.search(pattern, o.name)), None)
        if found and why is not None:
            known[why] += 1
        elif found:
            failed[o.name] = found
        if verbose:
            print(f"{o.name}: {o.reasons.get('pev')} / {o.reasons.get('evse')}, {moments(o)}{' '.join(o.trips.values())}")
    for name, found in sorted(failed.items())[:SHOWN]:
        print(f"FAILED {name}: " + "; ".join(found))
    if len(failed) > SHOWN:
        print(f"       and {len(failed) - SHOWN} more")
    print(f"\n{len(outcomes)} cases of {len(everything)}, {len({o.name for o in outcomes})} distinct, "
          f"{sum(o.looked for o in outcomes)} instants with every invariant, {sum(o.virtual for o in outcomes) / S / 3600:.1f} h of virtual time")
    if covers:
        print("\n".join(choose.coverage(chosen, everything)))
    print("\n".join(worst(outcomes)))
    came = Counter(retry.came_to(o) for o in outcomes if begins_again(o.world))
    if came:
        print("begin again by themselves: " + ", ".join(f"{n} {what}" for what, n in came.most_common()))
    for pattern, why in KNOWN.items():
        tried = sum(bool(re.search(pattern, o.name)) for o in outcomes)
        if tried:
            print(f"known: {known[why]} of {tried} cases: {why}"
                  + ("" if known[why] else "; not seen in these: when --case finds none either, take it off known.py"))
    print(f"{len(failed)} not as expected, {seconds:.0f} s")
    return 1 if failed else 0


def moments(o: Outcome) -> str:
    """When state B, power off, opening and unlocking came after the fault."""
    named = (("state B", o.moments.state_b), ("power off", o.moments.off), ("open", o.moments.opened), ("unlocked", o.moments.unlocked))
    return "".join(f"{name} {at / S:.2f} s, " for name, at in named if at is not None)


def worst(outcomes: list[Outcome]) -> list[str]:
    """Per class of faults: the slowest reaction where state C was on the line; per trip: the slowest from trip to state B and to power off."""
    to_b: dict[str, tuple[int, str]] = defaultdict(lambda: (-1, ""))
    from_trip: dict[str, int] = defaultdict(lambda: -1)
    for o in outcomes:
        first, plant = parts(o.group)
        at = o.moments.state_b
        if not begins_again(o.world) and at is not None and o.armed and o.reasons.get("pev") != "USER_STOP" and not (first and plant):
            to_b[first or plant] = max(to_b[first or plant], (at, o.name))
        for role, reaction in (("pev", at), ("evse", o.moments.off)):
            tripped = o.moments.trip.get(role)
            if tripped is not None and reaction is not None and reaction >= tripped:
                key = f"{role} {o.trips[role]}"
                from_trip[key] = max(from_trip[key], reaction - tripped)
    lines = ["slowest state B after the fault, state C on the line:"]
    lines += [f"  {name:36} {at / S:8.3f} s  {case}" for name, (at, case) in sorted(to_b.items())]
    lines.append("slowest state B (pev), power off (evse) after the trip, in ticks:")
    lines += [f"  {name:36} {(took + TICK - 1) // TICK}" for name, took in sorted(from_trip.items())]
    return lines


if __name__ == "__main__":
    sys.exit(main())
