"""`python -m tests.explain`: how often the explainer names the right cause first; which it confuses."""
from __future__ import annotations

import argparse
import sys

from tests.explain import faults, sessions
from tests.explain.confusion import share, table

GOOD = 90.0


def main(argv: list[str] | None = None) -> int:
    """0: 90 % or more everywhere."""
    parser = argparse.ArgumentParser(prog="python -m tests.explain", description=__doc__)
    parser.add_argument("--all", action="store_true", help="also the cases that are right")
    parser.add_argument("--seed", type=int, default=1, help="of the fleet's sessions and the choice of faults (tuned on 1)")
    parser.add_argument("--faults", type=int, default=0, metavar="N", help="so many generated faults of tests/matrix as well")
    args = parser.parse_args(argv)
    groups = {"captures": sessions.captures()} if sessions.FILES else {}
    alone, both, boxes = sessions.fleet(args.seed)
    groups |= {f"fleet, seed {args.seed}, frames alone": alone, f"fleet, seed {args.seed}, frames and journal": both,
               f"fleet, seed {args.seed}, black box": boxes, f"bridge, seed {args.seed}, black box": sessions.bridge(args.seed)}
    if args.faults:
        of_messages, of_all, without = faults.measured(args.seed, args.faults)
        groups |= {"generated faults of messages, frames alone": of_messages, "generated faults, frames and journal": of_all}
        print(f"{sum(without.values())} of {args.faults} generated faults have no label: {dict(without)}")
    worst = 100.0
    for title, cases in groups.items():
        print("\n".join(table(title, cases, args.all)))
        worst = min(worst, share(cases))
    return 0 if worst >= GOOD else 1


if __name__ == "__main__":
    sys.exit(main())
