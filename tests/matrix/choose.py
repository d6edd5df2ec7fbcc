"""Chooses cases by seed so that every value of every dimension is covered, and says what is covered."""
from __future__ import annotations

import random
import re
from collections import Counter
from typing import Iterable, Sequence

from tests.matrix.expect import parts
from tests.matrix.trial import Case

DIMENSIONS = ("world", "role", "message or state", "fault", "fault of the plant", "class")


def values(case: Case) -> tuple[tuple[str, str], ...]:
    """(dimension, value) of a case; positions are one value (`split-17` is `split-N`), words of an enumeration are each one."""
    role, what, fault = case.name.removesuffix(f"/{case.world}").split("/", 2)
    first, plant = parts(case.group)
    named = [("world", case.world or "usual"), ("role", role), ("message or state", f"{role} {what.split('#')[0]}")]
    if first:
        word = fault.split("+")[0]
        if "=" in word:
            path, value = word.split("=", 1)
            field = path.split(".")[-1]
            word = f"{field}={value}" if field in ("ResponseCode", "EVSEStatusCode", "EVSEProcessing", "EVErrorCode", "EVSENotification") else f"value {value}"
        else:
            word = re.sub(r"-\d+$", "-N", word) if not word.startswith(("late", "frame-late", "blackout", "header")) else word
        named += [("fault", word), ("class", first)]
    if plant:
        named.append(("fault of the plant", plant))
    return tuple(named)


def covering(cases: Sequence[Case], count: int, seed: int, always: Iterable[str] = ()) -> list[Case]:
    """`count` of the cases (more when that many are needed): `always`, then one for each value not yet covered, then any."""
    rest = list(cases)
    random.Random(f"{seed} choice").shuffle(rest)
    wanted = set(always)
    chosen = [c for c in rest if c.name in wanted]
    seen = {v for c in chosen for v in values(c)}
    others: list[Case] = []
    for case in rest:
        if case.name in wanted:
            continue
        new = set(values(case)) - seen
        if new:
            seen |= new
            chosen.append(case)
        else:
            others.append(case)
    return chosen + others[:max(0, count - len(chosen))]


def coverage(chosen: Sequence[Case], everything: Sequence[Case]) -> list[str]:
    """A line per dimension: how many of its values the chosen cases reach."""
    there = {v for c in everything for v in values(c)}
    reached = Counter(v for c in chosen for v in values(c))
    lines = []
    for dimension in DIMENSIONS:
        wanted = {v for v in there if v[0] == dimension}
        counts = [reached[v] for v in wanted if reached[v]]
        lines.append(f"{dimension:20} {len(counts):4} of {len(wanted):4} values, {min(counts, default=0)} to {max(counts, default=0)} cases each")
        missing = sorted(v[1] for v in wanted if not reached[v])
        if missing:
            lines.append(" " * 21 + "missing: " + ", ".join(missing))
    return lines
