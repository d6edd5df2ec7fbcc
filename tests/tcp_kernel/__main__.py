"""Our TCP against the kernel's, long form: `./install/test.sh --tcp [--octets N] [--repeat N] [--only FAULT[:PERCENT]] [--fuzz N] [--jobs N] [--json FILE]`."""
from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from collections import deque
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.tcp.fuzz import campaign
from tests.tcp_kernel.lab import ENTER, ROOT, inside, possible
from tests.tcp_kernel.table import LEGEND, MEGABYTE, lines, tasks
from tests.tcp_kernel.transfer import Task

CASES_LIMIT_S = 300
SEGMENTS = 1_000_000


def cases() -> int:
    """The cases with the kernel at the other end; how many failed."""
    done = inside("cases", limit_s=CASES_LIMIT_S)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    failed = [case for case in told if case["why"]]
    for case in failed:
        print(f"tcp: {case['case']}: {case['why']}")
    if done.returncode not in (0, 1):
        print(f"tcp: the bench ended with code {done.returncode}:\n{done.stderr}")
    print(f"tcp: {len(told)} cases against the kernel, {len(failed)} failed", flush=True)
    return len(failed) + (done.returncode not in (0, 1))


def transfers(wanted: list[Task], jobs: int) -> list[dict[str, Any]]:
    """`jobs` benches, each takes the next one when it has finished; most of a lossy transfer is waiting."""
    waiting = deque(wanted)
    rows: list[dict[str, Any]] = []
    began = time.monotonic()

    def work() -> None:
        with subprocess.Popen([*ENTER, sys.executable, "-m", "tests.tcp_kernel.transfers"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}) as bench:
            while waiting:
                bench.stdin.write(json.dumps(asdict(waiting.popleft())).encode() + b"\n")
                bench.stdin.flush()
                line = bench.stdout.readline()
                if not line:             # its error is on stderr; what it had taken is missing in the table
                    return
                rows.append(json.loads(line))
                t, o = rows[-1]["task"], rows[-1]["outcome"]
                print(f"\r{len(rows)} of {len(wanted)} transfers, {time.monotonic() - began:.0f} s ", end="", file=sys.stderr, flush=True)
                if not o["intact"]:
                    print(f"\ntcp: {t}: {o}", flush=True)
    threads = [threading.Thread(target=work) for _ in range(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(file=sys.stderr)
    return rows


def main() -> int:
    """0: all held; 1: a case failed, a transfer ended in neither way, or the fuzz found something; 3: no bench here."""
    parser = argparse.ArgumentParser(prog="python -m tests.tcp_kernel", description=__doc__)
    parser.add_argument("--octets", type=int, default=MEGABYTE, metavar="N", help=f"per transfer; the heaviest losses have less ({MEGABYTE})")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="transfers of each kind, role and direction (1)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of faults and octets (1)")
    parser.add_argument("--only", default="", metavar="FAULT[:PERCENT]", help="only these transfers, without cases and fuzz")
    parser.add_argument("--fuzz", type=int, default=SEGMENTS, metavar="N", help=f"segments of the fuzz; 0: none ({SEGMENTS})")
    parser.add_argument("--jobs", type=int, default=2 * (os.cpu_count() or 1), metavar="N", help="benches at the same time")
    parser.add_argument("--json", type=Path, metavar="FILE", help="every transfer with what the bridge counted")
    asked = parser.parse_args()
    reason = possible()
    if reason:
        print(f"tcp: no bench on this machine: {reason}", file=sys.stderr)
        return 3
    bad = 0 if asked.only else cases()
    wanted = tasks(asked.octets, asked.repeat, asked.seed, asked.only)
    if not wanted:
        print(f"tcp: no transfer is called {asked.only!r}; known are {', '.join(sorted({t.fault for t in tasks()}))}", file=sys.stderr)
        return 2
    rows = transfers(wanted, min(asked.jobs, len(wanted)))
    print("\n".join(lines(rows)) + f"\n{LEGEND}")
    neither = [r for r in rows if not r["outcome"]["intact"] and not r["outcome"]["clean"]]
    print(f"tcp: {len(rows)} of {len(wanted)} transfers, {sum(r['outcome']['intact'] for r in rows)} intact, {len(neither)} ended in neither way", flush=True)
    if asked.json:
        asked.json.write_text(json.dumps(rows, indent=1))
    bad += len(neither) + (len(rows) < len(wanted))
    if asked.fuzz and not asked.only:
        bad += campaign(asked.fuzz, asked.seed)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
