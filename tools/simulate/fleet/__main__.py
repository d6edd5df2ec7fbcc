"""`python -m tools.simulate.fleet`: our box meets every charger and every car; one line each, and whether it was as expected."""
from __future__ import annotations

import argparse
import sys

from drivers.sim.link import LinkConfig
from exi_native import codec
from kernel.timer import S
from tasks.v2g.session import SCHEMAS
from tools.simulate.fleet.cars import CARS
from tools.simulate.fleet.chargers import CHARGERS
from tools.simulate.fleet.meet import Meeting, meet
from tools.simulate.fleet.traits import Personality


def line(who: Personality, m: Meeting) -> str:
    """name, expected, what happened, its text, virtual and wall time, damage, broken invariants."""
    wanted = who.expected
    expected = f"{'charges' if wanted.charges else 'stops'} {wanted.trip or wanted.reason.name}"
    happened = f"{'charged' if m.charged else 'stopped'} {m.trip or (m.reason.name if m.reason else 'no reason')}"
    text = "" if m.reason is None else m.reason.text
    return (f"{'ok ' if not m.complaints else 'BAD'} {m.name:<22}{expected:<32}{happened:<32}{text:<22}{m.virtual / S:7.1f} s "
            f"{m.wall / S:5.2f} s  {m.damage:>2} {len(m.broken):>2}")


def main(argv: list[str] | None = None) -> int:
    """0: everything as expected."""
    parser = argparse.ArgumentParser(prog="python -m tools.simulate.fleet", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these; default: all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--drop", type=float, default=0.0, metavar="PERCENT", help="frames that the power line loses; other ends may come of it")
    parser.add_argument("--delay", type=float, default=0.5, metavar="MS", help="transit time of a frame")
    parser.add_argument("--told", action="store_true", help="also what our box told about it, and the sources of the personality")
    args = parser.parse_args(argv)
    everybody = {**CHARGERS, **CARS}
    unknown = [name for name in args.names if name not in everybody]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; known: {', '.join(everybody)}")
    library = codec.load(schemas=SCHEMAS)
    print(f"    {'name':<22}{'expected':<32}{'happened':<32}{'text':<22}{'virtual':>9} {'wall':>7}  dam. inv.")
    bad = 0
    for name in args.names or everybody:
        who = everybody[name]
        result = meet(who, library, args.seed, link=LinkConfig(delay_us=round(args.delay * 1000), drop_percent=args.drop))
        bad += bool(result.complaints)
        print(line(who, result))
        for complaint in result.complaints:
            print("      ! " + complaint)
        if args.told:
            print("      " + who.title + "; " + "; ".join(who.sources))
            for sentence in dict.fromkeys(result.told):
                print("      > " + sentence)
    print(f"{bad} of {len(args.names or everybody)} not as expected")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
