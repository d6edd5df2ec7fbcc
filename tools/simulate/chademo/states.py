"""Where a CHAdeMO car stands in its session."""
from __future__ import annotations

from kernel.word import Word


class CarState(Word):
    """Where the car stands, in the order of a session."""

    ASLEEP = "asleep"
    WAKING = "waking"
    TALKING = "talking"                # frames, no permission yet
    PERMITTED = "permitted"            # k and 102.5.0, waits for d2
    CLOSING = "closing"
    CLOSED = "closed"                  # no request yet
    REQUESTING = "requesting"          # waits for 109.5.0
    CHARGING = "charging"
    STOPPING = "stopping"              # waits until current and 109.5.0 are gone
    WELD_TEST = "weld test"
    FINISHED = "finished"              # sends on until the end
    SILENT = "silent"                  # waits until d1 is off


HELD = (CarState.CLOSED, CarState.REQUESTING, CarState.CHARGING)
MUTE = (CarState.ASLEEP, CarState.WAKING, CarState.SILENT)
ACTIVE = (CarState.PERMITTED, CarState.CLOSING, *HELD)
