"""What the charger's side of CHAdeMO knows of the world: plain values, None when unknown or stale; task.py fills them before each verb."""
from __future__ import annotations

from kernel.record import dataclass
from tasks.signals import ChargerOffer


@dataclass(slots=True)
class SideFacts:
    """V, A."""

    permission: bool | None = None           # switch k, by wire
    plug_voltage: float | None = None        # at the CHAdeMO plug
    voltmeter: bool = True                   # it is measured at all
    d1: bool | None = None                   # what the supervisor has switched
    d2: bool | None = None
    locked: bool | None = None               # the CHAdeMO plug
    joined: bool | None = None               # the bridge contactor, as its contacts say
    trip: str = ""                           # text of the supervisor's trip
    offer: ChargerOffer | None = None        # None: nobody says what is wanted any more
