"""Which checkpoint begins which phase of a charge, as people name the phases."""
from __future__ import annotations

PHASES = ((100, "matching"), (170, "joining"), (200, "SDP"), (301, "TCP"), (400, "session setup"), (530, "authorisation"),
          (540, "parameters"), (555, "lock, state C"), (560, "cable check"), (570, "precharge"), (590, "power on"), (700, "charging"),
          (800, "power off"), (850, "welding check"), (900, "session stop"), (905, ""), (910, "paused"), (911, "after the pause"))
"""First checkpoint of each phase, as the car passes them."""
AC_PHASES = (*PHASES[:8], (600, "power on"), (720, "charging"), (800, "power off"), (900, "session stop"), (905, ""))
"""The same of an AC charge: no cable check, no precharge, no contactors of the car."""


def as_passed(marks: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Of (begin, name) in the table's order, those that began in that order: what begins when a later phase goes on already
    (a lamp's contactors close in the middle of charging) is a part of that one."""
    kept: list[tuple[int, str]] = []
    for mark in reversed(marks):
        if not kept or mark[0] <= kept[-1][0]:
            kept.append(mark)
    return kept[::-1]
