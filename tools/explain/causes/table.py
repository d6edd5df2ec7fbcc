"""The whole table of causes, and the questions that a test asks of it."""

from __future__ import annotations

from tools.explain.causes import agreement, ends, inside, matching, messages, network, power, told, trips
from tools.explain.causes.cause import Cause

CAUSES: tuple[Cause, ...] = (
    *matching.CAUSES, *network.CAUSES, *messages.CAUSES, *agreement.CAUSES, *power.CAUSES, *told.CAUSES, *ends.CAUSES,
    *inside.CAUSES, *trips.CAUSES
)
BY_NAME = {cause.name: cause for cause in CAUSES}
