"""What a row of a box's table can do wrong: raise, or silently do nothing any more; and a supervisor whose own core raises.

The row `safety` itself is not made silent here: nothing inside the box can notice, the guard and the service's watchdog do
(tests/guard kills, stops and stalls real processes); that the matrix would see it is in test_matrix.py.
"""
from __future__ import annotations

from typing import Any, Callable

from kernel.timer import NEVER

ROWS: dict[str, tuple[str, ...]] = {
    "car": ("sense", "vehicle", "user", "frame_rx", "homeplug", "ipv6", "sdp", "tcp", "connection", "v2g", "frame_tx", "display", "health"),
    "charger": ("sense", "user", "frame_rx", "homeplug", "ipv6", "sdp", "tcp", "connection", "v2g", "frame_tx", "display", "health"),
}
"""Rows that may fail (tasks/table.py); test_matrix.py compares them with the tables."""
ROLE = {"car": "pev", "charger": "evse"}
RAISES, SILENT = "-raises", "-silent"
ON_PURPOSE = "on purpose"


class Instead:
    """In the place of a row's task: `what(now, run)` with the task's own run."""

    def __init__(self, task: Any, what: Callable[[int, Callable[[int], int]], int]) -> None:
        self.task = task
        self._what = what

    def run(self, now: int) -> int:
        return self._what(now, self.task.run)


def _row(charge: Any, node: str, name: str) -> Any:
    return next(r for r in getattr(charge, node).kernel.rows if r.name == name)


def instead(charge: Any, node: str, name: str, what: Callable[[int, Callable[[int], int]], int]) -> None:
    """From now on the row does `what`, beginning at once."""
    row = _row(charge, node, name)
    row.task = Instead(row.task, what)
    getattr(charge, node).kernel.waker(name)()


def restore(charge: Any, node: str, name: str) -> None:
    """The row does again what it did."""
    row = _row(charge, node, name)
    if type(row.task) is Instead:
        row.task = row.task.task
    getattr(charge, node).kernel.waker(name)()


def _raise(now: int, run: Callable[[int], int]) -> int:
    raise ZeroDivisionError(ON_PURPOSE)


def _nothing(now: int, run: Callable[[int], int]) -> int:
    return NEVER


def _puts(node: str, row: str, what: Callable[[int, Callable[[int], int]], int]) -> Callable[[Any, int], None]:
    def begin(charge: Any, now: int) -> None:
        charge.silenced.add((ROLE[node], row))
        instead(charge, node, row, what)
    return begin


def _supervisor(node: str) -> Callable[[Any, int], None]:
    """A defect in the core of the supervisor: what is left is the last resort of its adapter."""
    def begin(charge: Any, now: int) -> None:
        def step(*_: object) -> None:
            raise ZeroDivisionError(ON_PURPOSE)
        getattr(charge, node).table.safety.supervisor.step = step
    return begin


def table(node: str, fault: Callable[..., Any], rows: tuple[str, ...] = ()) -> dict[str, Any]:
    """Name -> `fault(begin, mend)` of every row of a box; `rows`: where it has others than ROWS says."""
    found = {}
    for row in rows or ROWS[node]:
        found[f"{row}{RAISES}"] = fault(_puts(node, row, _raise))
        found[f"{row}{SILENT}"] = fault(_puts(node, row, _nothing), lambda c, now, row=row: restore(c, node, row))
    found["supervisor-raises"] = fault(_supervisor(node))
    return found


def raised_by(plant: str) -> list[str]:
    """"pev: v2g" of the fault "car-v2g-raises": what the kernel must have stopped, and nothing else."""
    node, _, row = plant.partition("-")
    return [f"{ROLE[node]}: {row.removesuffix(RAISES)}"] if plant.endswith(RAISES) and row != "supervisor-raises" else []
