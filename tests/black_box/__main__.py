"""`python -m tests.black_box [--count N] [--seed N]`: mutated and lying black box files, read and looked at by everything that looks at them."""
from __future__ import annotations

import argparse
import random
import sys
import time
import traceback
from pathlib import Path

from kernel.timer import S
from tasks.config import Config
from tests.black_box import hostile
from tests.black_box.recording import BOTH, library, nearly_full, recorded
from tests.black_box.test_damaged import looked_at, small
from tools.simulate.charge import Charge

SLOW_S = 5.0


def main(argv: list[str] | None = None) -> int:
    """1: something else than a refusal came out, or it took longer than SLOW_S; the file is kept."""
    p = argparse.ArgumentParser(prog="tests.black_box", description="Mutates black box files and reads them.")
    p.add_argument("--count", type=int, default=100_000)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--keep", default=".", metavar="DIR", help="where a file that hurts is put")
    args = p.parse_args(argv)
    rng = random.Random(args.seed)
    sources = [small()[0]] * 20 + [recorded(Charge(Config(), nearly_full(), library(), 2, recorded=BOTH), name, until=12 * S, keyframe_at=at)
                                   for name in ("pev", "evse") for at in (None, 5 * S)]
    make = (hostile.mutated, hostile.repacked, lambda rng, _: hostile.file(hostile.tape(hostile.wrong_notes(rng, 3))))
    refused = bad = 0
    for number in range(args.count):
        data = rng.choice(make)(rng, rng.choice(sources))
        began = time.monotonic()
        try:
            refused += hostile.survives(data, looked_at) is None
        except Exception:
            traceback.print_exc()
            bad += 1
            Path(args.keep, f"hurts-{args.seed}-{number}.ccsbox").write_bytes(data)
        if time.monotonic() - began > SLOW_S:
            bad += 1
            Path(args.keep, f"slow-{args.seed}-{number}.ccsbox").write_bytes(data)
        if number % 1000 == 999:
            print(f"\r{number + 1} of {args.count}, {refused} refused as a whole, {bad} hurt", end="", file=sys.stderr, flush=True)
    print(f"\n{args.count} files: {refused} refused as a whole, {args.count - refused - bad} read as far as they are sound, {bad} hurt")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
