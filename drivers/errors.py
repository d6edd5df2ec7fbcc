"""What a driver says when it cannot be opened: one sentence what is wrong, one what to do."""
from __future__ import annotations


class DriverError(Exception):
    """Raised at construction only; an opened driver never raises into a task."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem} {remedy}")
        self.problem = problem
        self.remedy = remedy
