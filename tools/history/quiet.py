"""A record in which no session was found is a history all the same: a table of a folder has a row for each file."""
from __future__ import annotations

from tools.history.model import History

_YEAR_2000 = 946_684_800


def nothing(source: str, kind: str, why: str, duration: float = 0.0, began: float = 0.0) -> History:
    """`began` in s since 1970, `duration` in s."""
    return History(title=f"{source}: {why}", source=source, kind=kind, outcome=why, duration=max(duration, 0.0),
                   began_unix_s=round(began, 6) if began > _YEAR_2000 else None)
