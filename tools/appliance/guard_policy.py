"""What the guard decides: when the main process counts as lost, and the shutdown that it then carries out on the lines.

Theory of operation. While signs of life come, nothing is touched. The end of the main process, or a silence longer
than the limit while a line is high, makes the guard take the lines: from then on nobody else can raise one. The first
line falls at once (a car's state B, a charger's power stage). It then runs the same core as the supervisor
(tasks/safety/shutdown.py) as an emergency. It measures nothing itself: the bus of the sensors may be what hangs, and a
conversion that the main process began must not be disturbed. So no current counts as measured after the beginning and
the contactors open at the emergency bound, counted from it; only contacts that still travel, or never were commanded,
need no wait. The lock is left where it is: no voltage is known. A charger's PWM goes on until the car has had time to
open without load, and ends at once where no power was on: nobody talks to the car any more.
A bridge's d2, which lets a CHAdeMO vehicle keep its contactors closed, falls after the bridge contactor, and d1 after
d2: the vehicle's contactors must not be the ones that break the current. Its CHAdeMO lock is left where it is as well.
"""
from __future__ import annotations

from typing import Protocol

from drivers.guard import Beat
from drivers.sim.lines import CONTACTORS, D1, D2, FIRST, LOCK, STEADY, UNLOCK, VEHICLE_LOCK, VEHICLE_UNLOCK
from kernel.record import dataclass
from kernel.timer import MS, NEVER
from tasks.safety.shutdown import NORMAL_CURRENT, PWM_KEPT, Phase, Shutdown

SILENCE_CEILING_MS = 100     # house.md 2.9; configuration can only lower it
SILENCE_FLOOR_MS = 50        # two and a half signs of life (20 ms while a line is high)
HOLD_PERIOD = 10 * MS        # a line that a process in mid-write raised is low again so soon: half the travel of a fast contactor
STATE_B, POWER_OFF = "state B", "power off"
D2_AFTER = 100 * MS          # the contactor line low so long: chademo sheet 3.3, coupling rule 5
D1_AFTER = 500 * MS          # d2 low so long: chademo sheet 2.2, row 19
KEEP_PERIOD = 100 * MS       # the same once the main process is gone and nobody writes any more


class OutputLines(Protocol):
    """What the guard needs of lines that two processes hold."""

    armed: bool
    duty: float | None

    def level(self, line: int) -> bool: ...

    def changed_at(self, line: int) -> int: ...

    def force(self, line: int, on: bool) -> None: ...

    def force_duty(self, percent: float | None) -> None: ...

    def hold(self) -> None: ...


@dataclass(slots=True)
class Limits:
    """What of the configuration the guard has to know; the names are those of `safety.pev` and `safety.evse`."""

    silence_ms: int = SILENCE_CEILING_MS
    emergency_open_ms: int = 1500
    contactor_travel_ms: int = 200
    current_wait_ms: int = 3000
    decay_ms: int = 30_000
    unlock_v: float = 60.0

    def __post_init__(self) -> None:
        if not SILENCE_FLOOR_MS <= self.silence_ms <= SILENCE_CEILING_MS:
            raise ValueError(f"silence_ms = {self.silence_ms}: {SILENCE_FLOOR_MS} to {SILENCE_CEILING_MS} is allowed")


class GuardPolicy:
    """`beat`, `gone` and `run` with the time of the call; `notes` are for people."""

    def __init__(self, limits: Limits, lines: OutputLines, now: int, begins: str = STATE_B) -> None:
        """`begins`: what it means for people that the first line falls."""
        self.holding = False
        self.opened = False              # the first line is low and open is commanded
        self.main_gone = False
        self.notes: list[str] = []
        self._lines = lines
        self._silence = limits.silence_ms * MS
        self._armed_at = NEVER           # since when a line has been seen high
        self._shutdown = Shutdown(limits, sensor=True, contactor=True)
        self._last = Beat()
        self._heard_at = now
        self._commanded = False          # the contactors were, when the lines were taken
        self._pwm_until = NEVER
        self._begins = begins

    @property
    def finished(self) -> bool:
        """Nobody is left to guard against, and nothing to shut down."""
        return self.main_gone and (not self.holding or self.released and self._lines.duty == STEADY)

    @property
    def released(self) -> bool:
        """All that carries power is open, and in a bridge d2 and d1 are off."""
        lines = self._lines
        return self.opened and not lines.level(D2) and not lines.level(D1)

    def beat(self, beat: Beat, now: int) -> None:
        """A sign of life: counts from the instant it was sent, which cannot be later than now."""
        self._last = beat
        self._heard_at = max(self._heard_at, min(beat.at, now))

    def gone(self, now: int) -> None:
        """The main process has ended. With all lines low and no PWM that was an orderly end, or there is nothing to do."""
        self.main_gone = True
        if not self.holding and (self._lines.armed or self._lines.duty != STEADY):
            self._take(now, "the main process is gone")

    def run(self, now: int) -> int:
        """Judge and act; returns when to be called again at the latest."""
        if not self.holding:
            if not self._lines.armed:
                self._armed_at = NEVER               # at rest nobody has to hurry, neither to beat nor to judge
                return now + self._silence
            if self._armed_at == NEVER:
                self._armed_at = now
            since = max(self._heard_at, self._armed_at)
            silent = now - since
            if silent < self._silence:
                return since + self._silence
            self._take(now, f"no sign of life for {silent / MS:.0f} ms")
        self._sequence(now)
        return now + (KEEP_PERIOD if self.finished else HOLD_PERIOD)

    def _take(self, now: int, why: str) -> None:
        """Everybody else is shut out, then state B or power off: before anything is weighed or told."""
        lines, last, shutdown = self._lines, self._last, self._shutdown
        lines.hold()
        armed = lines.armed
        since = now if lines.level(FIRST) else min(now, lines.changed_at(FIRST))
        lines.force(FIRST, False)
        self.holding = True
        self._pwm_until = since + PWM_KEPT if armed else now
        commanded = self._commanded = lines.level(CONTACTORS)
        travelling = commanded and last.contactors is False and last.current is not None and abs(last.current) < NORMAL_CURRENT
        shutdown.begin(since, True, not commanded, travelling)
        self.notes.append(f"{why}: outputs taken, {self._begins}; contactors {'to be opened' if commanded else 'were open'}; last known: "
                          f"current {_shown(last.current, 'A')}, voltage {_shown(last.voltage, 'V')}, contactors {_position(last.contactors)}")
        self._sequence(now)

    def _sequence(self, now: int) -> None:
        """The shared core without any measurement; then the lines as it says, again and again."""
        lines, shutdown = self._lines, self._shutdown
        lines.force(FIRST, False)
        lines.force(LOCK, False)
        lines.force(UNLOCK, False)
        lines.force(VEHICLE_LOCK, False)
        lines.force(VEHICLE_UNLOCK, False)
        if now >= self._pwm_until and lines.duty != STEADY:
            lines.force_duty(STEADY)
            self.notes.append("PWM ended: the car sees steady +12 V")
        if self.opened:
            lines.force(CONTACTORS, False)
            self._end_charge_sequence(now)
            return
        shutdown.step(now, None, -1, None, None)
        if shutdown.phase is not Phase.CurrentOff:
            lines.force(CONTACTORS, False)
            self.opened = True
            open_since = f"contactors open {(now - shutdown.began) / MS:.0f} ms after {self._begins}; " if self._commanded else ""
            self.notes.append(f"{open_since}the lock stays as it is")
            self._end_charge_sequence(now)

    def _end_charge_sequence(self, now: int) -> None:
        """A bridge's d2 and d1 in their order; a box without them has none to drop."""
        lines = self._lines
        if now - lines.changed_at(CONTACTORS) < D2_AFTER:
            return
        if lines.level(D2):
            self.notes.append(f"d2 off {(now - lines.changed_at(CONTACTORS)) / MS:.0f} ms after the contactors' line")
        lines.force(D2, False)
        if now - lines.changed_at(D2) < D1_AFTER:
            return
        if lines.level(D1):
            self.notes.append(f"d1 off {(now - lines.changed_at(D2)) / MS:.0f} ms after d2; the CHAdeMO lock stays as it is")
        lines.force(D1, False)


def _shown(value: float | None, unit: str) -> str:
    return "unknown" if value is None else f"{value:.1f} {unit}"


def _position(closed: bool | None) -> str:
    return "unknown" if closed is None else "closed" if closed else "open"
