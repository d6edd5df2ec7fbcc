"""Something that moves between two positions and needs time for it: a contactor, a lock motor."""
from __future__ import annotations

from kernel.timer import NEVER


class Actuator:
    """`position` is the truth, `commanded` the wish; between both lies the travel time.

    Faults: `stuck` (does not move any more), `welded` (does not leave the on position), `feedback_fault`
    ("" none, "broken" reads None, "on" or "off": the contact reads that whatever the truth is).
    """

    __slots__ = ("travel_on", "travel_off", "commanded", "position", "done_at", "stuck", "welded", "feedback_fault", "operations")

    def __init__(self, travel_on: int, travel_off: int, position: bool = False) -> None:
        """Travel times in ns."""
        self.travel_on = travel_on
        self.travel_off = travel_off
        self.commanded = position
        self.position = position
        self.done_at = NEVER
        self.stuck = False
        self.welded = False
        self.feedback_fault = ""
        self.operations = 0

    def command(self, on: bool, now: int) -> bool:
        """Start moving; False when nothing changes by it. A reversal in mid-travel takes the full travel time."""
        if on == self.commanded:
            return False
        self.commanded = on
        if self.stuck or (self.welded and not on):
            self.done_at = NEVER
            return True
        self.done_at = now + (self.travel_on if on else self.travel_off)
        return True

    def complete(self) -> bool:
        """The travel time is over; True when the position changed."""
        self.done_at = NEVER
        if self.position == self.commanded or self.stuck or (self.welded and self.position):
            return False
        self.position = self.commanded
        self.operations += 1
        return True

    def feedback(self) -> bool | None:
        """What the auxiliary contact says; None while moving or when it is broken."""
        if self.feedback_fault:
            return {"on": True, "off": False}.get(self.feedback_fault)
        return self.position if self.done_at == NEVER else None
