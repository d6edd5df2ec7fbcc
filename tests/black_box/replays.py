"""`python -m tests.black_box.replays`: faulty sessions of tests/matrix, recorded and played again; how many are the same."""
from __future__ import annotations

import argparse
import os
import sys
import time

from tasks.v2g.protocols import DIN, ISO2
from tests.black_box.faulty import faulty
from tests.matrix.generate import singles_of


def main() -> int:
    """Exit code 1: one was not the same."""
    parser = argparse.ArgumentParser(prog="python -m tests.black_box.replays")
    parser.add_argument("--count", type=int, default=500, help="cases of each protocol; 0: all, an hour or two")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    wrong = 0
    for protocol in (DIN, ISO2):
        began = time.monotonic()
        outcomes = faulty(singles_of(protocol, args.seed)[1], args.count, os.cpu_count() or 1, args.seed)
        bad = [o for o in outcomes if o.error or o.looked_at]
        print(f"{protocol.text}: {len(outcomes) - len(bad)} of {len(outcomes)} the same again, {time.monotonic() - began:.0f} s", flush=True)
        for o in bad[:20]:
            print(f"  {o.name}: {o.error or o.looked_at}")
        wrong += len(bad)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
