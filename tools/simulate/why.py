"""The hint that belongs to the text of a trip: signals carry the text alone."""
from __future__ import annotations

from tasks.safety import trips


def trip_hint(text: str) -> str:
    """What the trip with this text usually means and what to do; empty when there is none."""
    rows = (*trips.PEV_TRIPS, *trips.EVSE_TRIPS, *(t for t in vars(trips).values() if isinstance(t, trips.Trip)))
    return next((row.hint for row in rows if row.text == text), "")
