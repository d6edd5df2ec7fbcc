"""Which charger is ours: the candidates of one attempt in the order in which they are tried (slac-and-network sheet 2.5)."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Collection, Iterable

CLOSE_CALL_DB = 10                   # real neighbours on one charger are 21.8 dB apart (sheet 2.5): closer is worth a warning


@dataclass(slots=True)
class Candidate:
    """A charger that measured us: its host MAC and the average attenuation in dB."""

    mac: bytes
    attenuation: float


def ranked(candidates: Iterable[Candidate], strangers: Collection[bytes]) -> tuple[list[Candidate], bool]:
    """The least attenuated first, and whether the two best are too close to tell them apart.

    `strangers` matched before, but their modem did not join: among those that are close they come last.
    """
    order = sorted(candidates, key=lambda c: (c.attenuation, c.mac))
    if len(order) < 2 or order[1].attenuation - order[0].attenuation >= CLOSE_CALL_DB:
        return order, False
    close = sum(c.attenuation - order[0].attenuation < CLOSE_CALL_DB for c in order)
    order[:close] = sorted(order[:close], key=lambda c: c.mac in strangers)
    return order, True
