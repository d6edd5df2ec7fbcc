"""Which transfers the long form makes, and the table of what came of them."""
from __future__ import annotations

from collections import defaultdict
from itertools import product
from statistics import median
from typing import Any

from tests.tcp_kernel.transfer import Task

MEGABYTE = 1_000_000
KINDS = (                # fault, percent, octets at a loss that a megabyte would take minutes for, the kernel's MSS
    ("none", 0, None, 0), ("none", 0, None, 350), ("rate", 0, None, 0), ("delay", 0, None, 0),
    ("duplicate", 10, None, 0), ("reorder", 10, None, 0), ("corrupt", 5, None, 0), ("split", 50, None, 0), ("fragment", 5, None, 0),
    ("drop", 1, None, 0), ("drop", 5, None, 0), ("drop", 10, None, 0), ("drop", 10, 300_000, 350), ("drop", 20, 200_000, 0),
    ("all", 1, None, 0), ("all", 5, None, 0), ("all", 10, 300_000, 0))


def tasks(size: int = MEGABYTE, repeat: int = 1, seed: int = 1, only: str = "") -> list[Task]:
    """Both roles, both directions, every kind. `only`: a fault's name, with `:percent` if wanted."""
    made = []
    for n, ((fault, percent, less, mss), client, sends) in enumerate(product(KINDS, (True, False), (True, False))):
        if only and only not in (fault, f"{fault}:{percent}"):
            continue
        made += [Task(client, sends, fault, percent, min(size, less or size), 1000 * seed + 100 * n + again, mss) for again in range(repeat)]
    return made


def lines(rows: list[dict[str, Any]]) -> list[str]:
    """The table; a line for each kind, role and direction, in the order in which they were asked for."""
    groups: dict[tuple, list[dict[str, Any]]] = defaultdict(list)
    for r in rows:
        t = r["task"]
        groups[(t["fault"], t["percent"], t["mss"], t["size"], t["client"], t["sends"])].append(r["outcome"])
    out = [f"{'fault':<10}{'percent':>8}{'MSS':>6}{'octets':>9}  {'opens':<6}{'sends':<6}{'runs':>5}{'intact':>8}{'clean':>7}{'kB/s':>9}"
           f"{'ours again':>12}{'fast':>6}{'Linux again':>13}"]
    order = {(t.fault, t.percent, t.mss): n for n, t in enumerate(tasks())}
    for key in sorted(groups, key=lambda k: (order.get(k[:3], 0), not k[4], not k[5])):
        fault, percent, mss, size, client, sends = key
        found = groups[key]
        intact = [o for o in found if o["intact"]]
        speed = f"{median(size / o['seconds'] for o in intact) / 1000:.1f}" if intact else "-"
        out.append(f"{fault:<10}{percent:>8g}{mss or 1440:>6}{size:>9}  {'ours' if client else 'Linux':<6}{'ours' if sends else 'Linux':<6}{len(found):>5}"
                   f"{len(intact) / len(found):>8.0%}{sum(o['clean'] for o in found):>7}{speed:>9}{sum(o['ours_repeated'] for o in found):>12}"
                   f"{sum(o['ours_fast'] for o in found):>6}{sum(o['theirs_repeated'] for o in found):>13}")
    return out


LEGEND = ("intact: every octet in order and both ends of the stream; clean: not intact, and our application was told; again: segments sent once more "
          "(ours, and of these by fast retransmit; Linux: tcpi_total_retrans). A fault hits that percent of the TCP frames in each direction. "
          "corrupt: one bit; delay: 20 to 60 ms; rate: 200 kB/s; all: drop, duplicate, reorder, split each, corrupt and fragment a fifth of it, 2 to 7 ms.")
