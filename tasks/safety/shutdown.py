"""The shutdown sequence: wait until the current is gone, open, wait for the feedback, watch the voltage fall.

The caller has commanded state B (car) or switched the power stage off (charger) at the instant `begin` is called.
Nothing here opens under current before the emergency bound, and nothing here unlocks: `may_unlock` is asked.
"""
from __future__ import annotations

from enum import Enum, auto

from kernel.timer import MS, NEVER
from tasks.safety.trips import CONTACTOR_WELDED, CURRENT_NOT_GONE, VOLTAGE_STAYS, Trip

NORMAL_CURRENT = 1.0       # A: open below (S5: ADVANTICS, Phoenix); not configurable
EMERGENCY_CURRENT = 5.0    # A: emergency threshold of the standard (S5); not configurable
PWM_KEPT = 2500 * MS       # a charger's: after a trip the car can still be told and opens without load, then X1 (S12: "after 2.5 s state X1/F")
LOCK_VOLTAGE_CEILING = 60.0   # V (S6); the configured limit may be lower


class Phase(Enum):
    CurrentOff = auto()
    Opening = auto()
    Decay = auto()
    Done = auto()


class Shutdown:
    """One sequence at a time; `begin`, then `step` until `phase` is Done."""

    __slots__ = ("phase", "emergency", "began", "at", "sensor", "contactor", "voltmeter", "measured", "unverified", "forced",
                 "_wait", "_bound", "_blind", "_travel", "_decay", "_unlock", "_blind_decay", "_asked_at")

    def __init__(self, config, *, sensor: bool, contactor: bool, voltmeter: bool = True) -> None:
        """`sensor`: a current is measured here. `contactor`: there is one to open (a charger may have none). `voltmeter`: a voltage is measured."""
        self.phase = Phase.Done
        self.emergency = False
        self.began = 0
        self.at = 0
        self.sensor = sensor
        self.contactor = contactor
        self.voltmeter = voltmeter
        self.measured = sensor       # of the present sequence: the sensor is there and is believed
        self.unverified = False      # opened by time alone, because nothing measures the current
        self.forced = False          # opened at the emergency bound although the current was not known to be gone
        self._wait = config.current_wait_ms * MS
        self._bound = config.emergency_open_ms * MS
        self._blind = getattr(config, "unverified_wait_ms", 0) * MS
        self._travel = config.contactor_travel_ms * MS
        self._decay = config.decay_ms * MS
        self._unlock = min(config.unlock_v, LOCK_VOLTAGE_CEILING)
        self._blind_decay = getattr(config, "unverified_decay_ms", 0) * MS
        self._asked_at = -1          # since when somebody has asked may_unlock: what was before the start is not known

    def begin(self, now: int, emergency: bool, opened: bool, travelling: bool = False, doubted: bool = False) -> None:
        """`opened`: the contactors are commanded and confirmed open and no current can flow; only the voltage is left to watch.
        `travelling`: they were told to close but have not, and no current flows: they are told to open at once.
        `doubted`: the current sensor is not to be believed: as if there were none."""
        self.measured = self.sensor and not doubted
        self.began = self.at = now
        self.emergency = emergency
        self.unverified = self.forced = False
        self.phase = Phase.Decay if opened else Phase.Opening if travelling else Phase.CurrentOff

    def escalate(self) -> None:
        self.emergency = True

    def step(self, now: int, current: float | None, current_at: int, contactor: bool | None, voltage: float | None) -> Trip | None:
        """Move on as far as the facts allow; returns a trip when the sequence itself found something wrong.

        `current` in A with the time of its measurement: only one taken after the beginning counts.
        """
        found = None
        if self.phase is Phase.CurrentOff:
            waited = now - self.began
            if not self.emergency and waited >= self._wait:
                found = CURRENT_NOT_GONE
                self.emergency = True
            known = current is not None and current_at > self.began
            gone = known and abs(current) < (EMERGENCY_CURRENT if self.emergency else NORMAL_CURRENT)
            if not self.measured:
                gone = waited >= self._blind and (gone or not known)
            if gone or (self.emergency and waited >= self._bound):
                self.unverified = gone and not self.measured
                self.forced = not gone
                self._enter(Phase.Opening, now)
        if self.phase is Phase.Opening:
            if not self.contactor or (contactor is False and now > self.at):      # a feedback read after the command
                self._enter(Phase.Decay, now)
            elif now - self.at >= self._travel:
                found = CONTACTOR_WELDED
                self._enter(Phase.Done, now)
        if self.phase is Phase.Decay:
            if not self.voltmeter:
                if now - self.at >= self._blind_decay:
                    self._enter(Phase.Done, now)
            elif voltage is not None and abs(voltage) <= self._unlock:
                self._enter(Phase.Done, now)
            elif now - self.at >= self._decay:
                found = VOLTAGE_STAYS
                self._enter(Phase.Done, now)
        return found

    def _enter(self, phase: Phase, now: int) -> None:
        self.phase = phase
        self.at = now

    def may_unlock(self, contactor: bool | None, voltage: float | None, now: int) -> bool:
        """I3: contactors confirmed open (where there are any) and a fresh voltage of at most 60 V; without a voltmeter the
        time in which every inlet is discharged, counted from the opening or from the start of this program."""
        if not self.voltmeter:
            if self._asked_at < 0:
                self._asked_at = now
            return contactor is False and self.phase is Phase.Done and now - self._asked_at >= self._blind_decay
        return (contactor is False or not self.contactor) and voltage is not None and abs(voltage) <= self._unlock

    def next_timer(self) -> int:
        """The earliest instant at which time alone moves the sequence on; may be past while a measurement is awaited."""
        if self.phase is Phase.CurrentOff:
            at = self.began + (self._bound if self.emergency else self._wait)
            return at if self.measured else min(at, self.began + self._blind)
        if self.phase is Phase.Opening:
            return self.at + 1      # each run: the feedback may be what it was before the command
        if self.phase is Phase.Decay:
            return self.at + (self._decay if self.voltmeter else self._blind_decay)
        return NEVER
