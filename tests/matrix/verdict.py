"""Whose expectations a case has to meet: those of its world."""
from __future__ import annotations

from tests.matrix import expect, expect_bridge, retry
from tests.matrix.trial import Outcome
from tests.matrix.worlds import begins_again, is_bridge


def objections(o: Outcome) -> list[str]:
    """Sentences about what is not as expected; none: the case is passed."""
    if is_bridge(o.world):
        return expect_bridge.objections(o)
    return retry.objections(o) if begins_again(o.world) else expect.objections(o)
