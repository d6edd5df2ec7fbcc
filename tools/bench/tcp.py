"""TCP figures: octets per second and CPU per megabyte of our TCP against Linux, beside Linux to Linux; intact transfers at 0 to 20 % loss."""
from __future__ import annotations

import json
from statistics import median

from tests.tcp_kernel.__main__ import transfers
from tests.tcp_kernel.bench import MSS, OCTETS, REQUEST, TIMES
from tests.tcp_kernel.lab import inside, possible
from tests.tcp_kernel.transfer import Task

LOSSES = (0, 1, 5, 10, 20)
AGAIN = 3                # transfers of each loss, role and direction
SIZE = 65_536            # the longest V2G message
RUNS = 3                 # of the speed; the median counts
JOBS = 6                 # benches at the same time: a lossy transfer waits most of its time
LIMIT_S = 120


def speed(which: str) -> dict[str, list[dict[str, float]]]:
    """What each run measured, by name."""
    found: dict[str, list[dict[str, float]]] = {}
    for _ in range(RUNS):
        done = inside("bench", which, limit_s=LIMIT_S)
        if done.returncode != 0:
            raise RuntimeError(f"the bench against {which} ended with code {done.returncode}: {done.stderr}")
        for one in json.loads(done.stdout):
            found.setdefault(str(one["what"]), []).append(one)
    return found


def main() -> None:
    """Print both tables; nothing where no bench can be built."""
    reason = possible()
    if reason:
        print(f"tcp: no bench on this machine: {reason}")
        return
    ours, linux = speed("ours"), speed("linux")
    print(f"tcp: one veth pair without offloads, MSS {MSS}, {OCTETS / 1e6:g} MB, median of {RUNS} runs; CPU of the two processes, user and system", flush=True)

    def middle(runs: list[dict[str, float]], key: str) -> float:
        return median(r[key] for r in runs)
    (base,) = [r for name, r in linux.items() if "to" in name]
    for name, runs in [*ours.items(), *linux.items()]:
        if "asks" in name:
            continue
        rate, first, second = OCTETS / middle(runs, "seconds") / 1e6, middle(runs, "ours") / OCTETS * 1e9, middle(runs, "linux") / OCTETS * 1e9
        sender = base is runs or "ours to" in name
        there = middle(base, "ours" if sender else "linux") / OCTETS * 1e9
        print(f"  {name:<18}{rate:8.1f} MB/s ({rate / (OCTETS / middle(base, 'seconds') / 1e6):5.2f} of Linux to Linux)   CPU {first:6.1f} ms/MB "
              f"({first / there:5.1f} x a kernel in that place), the other end {second:5.1f} ms/MB")
    (base,) = [r for name, r in linux.items() if "asks" in name]
    for name, runs in [*ours.items(), *linux.items()]:
        if "asks" in name:
            print(f"  {name:<18}{TIMES} times {REQUEST} octets and back: {middle(runs, 'seconds') / TIMES * 1e6:6.0f} us each "
                  f"({middle(runs, 'seconds') / middle(base, 'seconds'):4.1f} x), CPU {middle(runs, 'ours') / TIMES * 1e6:5.0f} us "
                  f"({middle(runs, 'ours') / middle(base, 'ours'):4.1f} x)")
    wanted = [Task(client, sends, "drop" if loss else "none", loss, SIZE, 10_000 * loss + 1000 * client + 100 * sends + n)
              for loss in LOSSES for client in (True, False) for sends in (True, False) for n in range(AGAIN)]
    rows = transfers(wanted, JOBS)
    print(f"tcp: {SIZE} octets over a bridge that loses frames in both directions, {AGAIN} transfers in each role")
    for loss in LOSSES:
        words = f"  loss {loss:>2} %:"
        for sends, name in ((True, "ours to Linux"), (False, "Linux to ours")):
            found = [r["outcome"] for r in rows if r["task"]["percent"] == loss and r["task"]["sends"] == sends]
            intact = [o for o in found if o["intact"]]
            rate = f"{median(SIZE / o['seconds'] for o in intact) / 1000:8.1f} kB/s" if intact else "nothing came through"
            words += f"   {name} {len(intact)} of {len(found)} intact ({len(intact) / len(found):4.0%}), {rate},"
            words += f" {sum(o['ours_repeated'] if sends else o['theirs_repeated'] for o in found) / len(found):5.1f} repeated each"
        print(words, flush=True)


if __name__ == "__main__":
    main()
