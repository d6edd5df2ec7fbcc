"""Whose expectations a case has to meet: those of its world."""
from __future__ import annotations

from tests.matrix import expect, retry
from tests.matrix.trial import Outcome
from tests.matrix.worlds import begins_again


def objections(o: Outcome) -> list[str]:
    """Sentences about what is not as expected; none: the case is passed."""
    return retry.objections(o) if begins_again(o.world) else expect.objections(o)
