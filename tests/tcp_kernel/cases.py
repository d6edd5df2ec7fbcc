"""Runs the named cases, or all, one after the other on one bench: `unshare -Urn python -m tests.tcp_kernel.cases [name ...]`; a line of JSON for each."""
from __future__ import annotations

import json
import sys
import time
import traceback

from tests.tcp_kernel import closing, scenarios
from tests.tcp_kernel.lab import Lab, LabError

CASES = {**scenarios.CASES, **closing.CASES}


def one(lab: Lab, name: str) -> str:
    """Empty when the case holds, otherwise what went wrong."""
    lab.faults()
    lab.counts()
    lab.own.begin()
    why = ""
    try:
        CASES[name](lab)
    except (AssertionError, LabError, KeyError) as e:
        own = lab.own
        where = traceback.extract_tb(e.__traceback__)[-1]
        why = (f"{name}, line {where.lineno} ({where.line}): {type(e).__name__} {e}; connected {own.connected}, heard {len(own.heard)}, closed {own.closed}, "
               f"state {own.last.state.name if own.last else None}, bridge {lab.counts()}")
    lab.faults()
    lab.own.abort()
    lab.own.during(0.05)
    return why


def main(names: list[str]) -> int:
    """0 when all hold."""
    failed = 0
    with Lab() as lab:
        for name in names or CASES:
            began = time.monotonic()
            why = one(lab, name)
            failed += bool(why)
            print(json.dumps({"case": name, "why": why, "seconds": round(time.monotonic() - began, 2)}), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
