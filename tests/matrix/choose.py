"""Chooses cases by seed so that every value of every dimension is covered, and says what is covered."""
from __future__ import annotations

import random
import re
from collections import Counter
from typing import Callable, Iterable, Sequence

from tests.matrix.expect import parts
from tests.matrix.generate import bare
from tests.matrix.trial import Case
from tests.matrix.worlds import protocol

DIMENSIONS = ("protocol", "world", "role", "message or state", "fault", "fault of the plant", "class")
WORDS = ("ResponseCode", "EVSEStatusCode", "EVSEProcessing", "EVErrorCode", "EVSENotification", "ChargeProgress", "ChargingSession")
"""Enumerations of which each word is a value of its own."""


def values(case: Case) -> tuple[tuple[str, str], ...]:
    """(dimension, value) of a case; positions are one value (`split-17` is `split-N`), words of an enumeration are each one. All but
    the world are values of the protocol: the same fault in the other one is another value."""
    key = protocol(case.world).key
    return (("protocol", key), ("world", case.world or "usual"), *((dimension, f"{key} {value}") for dimension, value in plain(case)))


def once(case: Case) -> tuple[tuple[str, str], ...]:
    """The same, where a fault counts once, in whichever protocol: for a choice that has to be short."""
    return tuple((dimension, value.split(" ", 1)[1]) if dimension.startswith("fault") else (dimension, value) for dimension, value in values(case))


def plain(case: Case) -> tuple[tuple[str, str], ...]:
    """The same without protocol and world."""
    role, what, fault = bare(case).split("/", 2)
    first, plant = parts(case.group)
    named = [("role", role), ("message or state", f"{role} {what.split('#')[0]}")]
    if first:
        word = fault.split("+")[0]
        if "=" in word:
            path, value = word.split("=", 1)
            field = path.split(".")[-1]
            word = f"{field}={value}" if field in WORDS else f"value {value}"
        else:
            word = re.sub(r"-\d+$", "-N", word) if not word.startswith(("late", "frame-late", "blackout", "header")) else word
        named += [("fault", word), ("class", first)]
    if plant:
        named.append(("fault of the plant", plant))
    return tuple(named)


Values = Callable[[Case], tuple[tuple[str, str], ...]]


def covering(cases: Sequence[Case], count: int, seed: int, always: Iterable[str] = (), of: Values = values) -> list[Case]:
    """`count` of the cases (more when that many are needed): `always`, then one for each value (`of` a case) not yet covered, then any."""
    rest = list(cases)
    random.Random(f"{seed} choice").shuffle(rest)
    wanted = set(always)
    chosen = [c for c in rest if c.name in wanted]
    seen = {v for c in chosen for v in of(c)}
    others: list[Case] = []
    for case in rest:
        if case.name in wanted:
            continue
        new = set(of(case)) - seen
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
