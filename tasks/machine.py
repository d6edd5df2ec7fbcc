"""What every protocol machine has in common: the five verbs and the events it reports.

`receive(x, now)` takes something in, `handle_timer(now)` lets time pass, `outgoing()` drains what is to be sent,
`events()` drains what happened, `next_timer()` says when time matters next (ns, kernel.timer.NEVER when never).
Machines neither log nor print: task.py turns events into the journal, signals and mailboxes.
"""
from __future__ import annotations

from kernel.record import dataclass



@dataclass(slots=True)
class Checkpoint:
    """A numbered step of the charging sequence (1 to 905, field-pyplc-clara section 6)."""

    number: int
    text: str = ""


@dataclass(slots=True)
class Note:
    """Something a person wants to read in the journal; `text` may carry %-placeholders for `args`."""

    text: str
    args: tuple = ()
    level: str = "info"      # info | warning | error


@dataclass(slots=True)
class StateChanged:
    """A machine entered `state` (the Enum member's name)."""

    old: str
    new: str
