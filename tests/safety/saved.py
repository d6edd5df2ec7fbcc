"""A supervisor of either box that is brought back to where it was without being driven there again, and what many single steps from there have shown."""
from __future__ import annotations

from dataclasses import dataclass, fields

from tasks.safety.ac_supervisor import AcSupervisor
from tasks.safety.evse_supervisor import EvseSupervisor
from tasks.safety.supervisor import PevSupervisor

PARTS = ("config", "outputs", "report", "latch", "_shutdown", "vehicle")       # objects of their own beside the plain values of a supervisor
#: What is set once, from configuration and equipment; everything else of these two is brought back, also what is added some day.
FIXED = {"latch": frozenset({"_config", "_rows", "_report", "trips", "_since"}),
         "shutdown": frozenset({"sensor", "contactor", "voltmeter", "_wait", "_bound", "_blind", "_travel", "_decay", "_unlock", "_blind_decay"}),
         "vehicle": frozenset({"_limits", "_outputs", "_report"})}


class Saved:
    """`restore()` gives the supervisor as it was when this was made; about a fiftieth of the time that driving it there takes."""

    __slots__ = ("supervisor", "now", "_plain", "_outputs", "_latch", "_shutdown", "_vehicle", "_trips", "_since")

    def __init__(self, supervisor: PevSupervisor | EvseSupervisor | AcSupervisor, now: int) -> None:
        s = self.supervisor = supervisor
        self.now = now
        self._plain = {name: value for name, value in vars(s).items() if name not in PARTS}
        self._outputs = tuple((f.name, getattr(s.outputs, f.name)) for f in fields(s.outputs))
        self._latch = tuple((name, getattr(s.latch, name)) for name in s.latch.__slots__ if name not in FIXED["latch"])
        shutdown = getattr(s, "_shutdown", None)             # an AC charger has none
        self._shutdown = () if shutdown is None else tuple((name, getattr(shutdown, name)) for name in shutdown.__slots__ if name not in FIXED["shutdown"])
        vehicle = getattr(s, "vehicle", None)                # only a bridge has one
        self._vehicle = () if vehicle is None else tuple((name, getattr(vehicle, name)) for name in vehicle.__slots__ if name not in FIXED["vehicle"])
        self._trips, self._since = tuple(s.latch.trips), dict(s.latch._since)
        s.report.notes.clear()

    def restore(self):
        s = self.supervisor
        s.__dict__.update(self._plain)
        for name, value in self._outputs:
            setattr(s.outputs, name, value)
        latch, shutdown = s.latch, getattr(s, "_shutdown", None)
        for name, value in self._latch:
            setattr(latch, name, value)
        for name, value in self._shutdown:
            setattr(shutdown, name, value)
        for name, value in self._vehicle:
            setattr(s.vehicle, name, value)
        latch.trips[:] = self._trips
        latch._since.clear()
        latch._since.update(self._since)
        s.report.notes.clear()
        return s


@dataclass(slots=True)
class Seen:
    """How often something happened in so many single steps."""

    combinations: int = 0
    begun: int = 0          # car: pilot C commanded; charger: power stage switched on
    kept: int = 0           # stayed closed or went on delivering
    tripped: int = 0        # a trip was latched
    closings: int = 0       # contactors commanded closed
    openings: int = 0       # contactors commanded open
    forced: int = 0         # of these: at the bound, the current not known to be gone
    unlocks: int = 0
    steady: int = 0         # charger: the PWM ended after a trip
    wakings: int = 0        # car: the pilot toggled to wake a charger
    d2_on: int = 0          # bridge: the vehicle was told to close its contactors
    d2_off: int = 0
    d1_off: int = 0
    released: int = 0       # bridge: the CHAdeMO plug was unlocked

    def add(self, other: Seen) -> None:
        for f in fields(self):
            setattr(self, f.name, getattr(self, f.name) + getattr(other, f.name))