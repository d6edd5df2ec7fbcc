"""The output devices of a box over its lines: pilot, contactors with their contacts, lock motor, power enable, PWM, a second relay, d1 and d2.

All of them command `PinLines`; what they say is done is what the lines say is done. Nothing here knows of libraries or descriptors.
"""
from __future__ import annotations

from drivers.interfaces import PowerSupply
from drivers.pins.config import LockPins
from drivers.pins.inputs import PinInput
from drivers.pins.lines import BULB
from drivers.sim.lines import CONTACTORS, D1, D2, LOCK, PILOT_C, POWER, UNLOCK, Lines
from kernel.timer import MS, NEVER, S

MOTOR_LIMIT_MS = 3000        # whatever is configured: an actuator against its stop draws its stall current (some A) all the time
MOTOR_REST = 2 * S           # between two pulses in the same direction
BULB_LOOK = 100 * MS         # the bulb falls with the contactors at once (PinLines); this is for its going on


class PinControlPilot:
    """ControlPilot: 1.3 kOhm through a relay or transistor; inactive is state B."""

    def __init__(self, lines: Lines) -> None:
        self.errors = 0
        self._lines = lines

    def set_state_c(self, c: bool, now: int) -> bool:
        done = self._lines.set(PILOT_C, c)
        self.errors += not done
        return done


class PinContactors:
    """Contactors: the coils of all poles on one line, no, one or two auxiliary contacts (one of each pole).

    A contact is active while its pole is closed. With two of them both have to say the same. Within the travel time after a
    command only the commanded position counts as known; after it whatever the contacts say.
    """

    def __init__(self, lines: Lines, contacts: tuple[PinInput, ...] = (), travel_ms: int = 200, line: int = CONTACTORS) -> None:
        """`line` POWER: the mains contactor of an AC charger, which the guard drops first."""
        self.errors = 0
        self._lines = lines
        self._contacts = contacts
        self._travel = travel_ms * MS
        self._line = line
        self._commanded = False
        self._moved_at = -NEVER

    def set_closed(self, closed: bool, now: int) -> bool:
        done = self._lines.set(self._line, closed)
        self._follow(now)
        self.errors += not done
        return done

    def feedback(self, now: int) -> bool | None:
        self._follow(now)
        said = [contact.read(now) for contact in self._contacts]
        if not said:
            return None
        if None in said:
            self.errors += 1
            return None
        closed = said[0]
        if closed is not said[-1] or closed is not self._commanded and now - self._moved_at < self._travel:
            return None
        return closed

    def _follow(self, now: int) -> None:
        """The guard may have moved the line."""
        level = self._lines.level(self._line)
        if level is not self._commanded:
            self._commanded, self._moved_at = level, now


class PinConnectorLock:
    """ConnectorLock, Polled: a motor bridge with one line per direction, driven until a switch confirms, and never longer than the pulse.

    Both lines low: no drive, the lock stays as it is. Without switches the end of the pulse counts as arrived.
    """

    def __init__(self, lines: Lines, config: LockPins, locked: PinInput | None = None, unlocked: PinInput | None = None,
                 places: tuple[int, int] = (LOCK, UNLOCK), name: str = "connector lock") -> None:
        """`places`: the motor's lines to lock and to unlock. `name`: for the journal."""
        self.errors = 0
        self.name = name
        self._lock, self._unlock = places
        self.fault = self.remedy = ""
        self._lines = lines
        self._pulse = min(config.pulse_ms, MOTOR_LIMIT_MS) * MS
        self._switches = locked, unlocked
        self._wanted: bool | None = None
        self._until = NEVER                      # while the motor is driven
        self._stopped_at = -NEVER
        self._settle = 2 * max(config.locked.debounce_ms, config.unlocked.debounce_ms) * MS
        self._judge_at = NEVER                   # after a pulse: when a switch that bounces has had its time

    @property
    def driving(self) -> bool:
        return self._until != NEVER

    def set_locked(self, locked: bool, now: int) -> bool:
        away, towards = (self._unlock, self._lock) if locked else (self._lock, self._unlock)
        if not self._lines.set(away, False):
            self._stop(now)
            self.errors += 1
            return False
        if locked is self._wanted and (self.driving or now - self._stopped_at < MOTOR_REST):
            self._serve(now)
            return True                          # the same command again is no new pulse
        if self._switches != (None, None) and self._position(now) is locked:
            self._stop(now)
            self._wanted = locked
            return True
        if not self._lines.set(towards, True):
            self._stop(now)
            self.errors += 1
            return False
        self._wanted, self._until, self._judge_at = locked, now + self._pulse, NEVER
        self.fault = self.remedy = ""
        return True

    def feedback(self, now: int) -> bool | None:
        self._serve(now)
        if self._switches == (None, None):
            return None if self.driving else self._wanted
        position = self._position(now)
        return None if self.driving and position is not self._wanted else position

    def run(self, now: int) -> int:
        """Ends the pulse in time also when nobody asks; a line that the guard or a refusal left high is low again."""
        self._serve(now)
        return min(self._until, now + 10 * MS) if self.driving else now + 100 * MS

    def _serve(self, now: int) -> None:
        fitted = self._switches != (None, None)
        arrived = fitted and self._position(now) is self._wanted
        if self.driving and (arrived or now >= self._until):
            self._stop(now)
            self._judge_at = now + self._settle if fitted else NEVER
        if arrived:
            self._judge_at = NEVER
            self.fault = self.remedy = ""
        elif not self.driving and now >= self._judge_at:
            self._judge_at = NEVER
            self.errors += 1
            self.fault = "LOCK: no end switch"
            self.remedy = (f"The motor ran {self._pulse // MS} ms towards {'locked' if self._wanted else 'unlocked'} and no switch confirmed: "
                           "look for a plug that is not fully in, the motor's supply, the switch's wire and its active_low, or a pulse_ms that is too short.")

    def _stop(self, now: int) -> None:
        """Both lines low; what is refused is repeated by the lines themselves."""
        for line in (self._lock, self._unlock):
            self.errors += not self._lines.set(line, False)
        if self.driving:
            self._until, self._stopped_at = NEVER, now

    def _position(self, now: int) -> bool | None:
        """What the switches say; None where one is unreadable or both say the same."""
        locked, unlocked = (None if switch is None else switch.read(now) for switch in self._switches)
        if self._switches[1] is None:
            return locked
        if self._switches[0] is None:
            return None if unlocked is None else not unlocked
        return None if locked is None or unlocked is None or locked is unlocked else locked


class NoLock:
    """ConnectorLock where none is fitted, as configured: says of itself what it was told last."""

    def __init__(self) -> None:
        self.errors = 0
        self._wanted: bool | None = None

    def set_locked(self, locked: bool, now: int) -> bool:
        self._wanted = locked
        return True

    def feedback(self, now: int) -> bool | None:
        return self._wanted


class PinChargeSequence:
    """ChargeSequence: the relays of d1 and d2; inactive is off."""

    def __init__(self, lines: Lines) -> None:
        self.errors = 0
        self._lines = lines

    def set_d1(self, on: bool, now: int) -> bool:
        return self._set(D1, on)

    def set_d2(self, on: bool, now: int) -> bool:
        return self._set(D2, on)

    def _set(self, line: int, on: bool) -> bool:
        done = self._lines.set(line, on)
        self.errors += not done
        return done


class PinPilotSource:
    """PilotSource: the hardware PWM that goes on by itself, and that the guard ends."""

    def __init__(self, lines: Lines) -> None:
        self.errors = 0
        self._lines = lines

    def set_duty(self, percent: float | None, now: int) -> bool:
        done = self._lines.set_duty(percent)
        self.errors += not done
        return done


class EnabledPowerSupply:
    """PowerSupply: any power stage behind an enable line that the guard can drop; the line falls also when the stage no longer listens."""

    def __init__(self, lines: Lines, stage: PowerSupply) -> None:
        self.errors = 0
        self._lines = lines
        self.stage = stage

    def set(self, voltage: float, current: float, now: int) -> bool:
        """The set points first: enabled, it must not begin with old ones."""
        done = self.stage.set(voltage, current, now) and self._lines.set(POWER, True)
        self.errors += not done
        return done

    def off(self, now: int) -> bool:
        fallen = self._lines.set(POWER, False)
        done = self.stage.off(now) and fallen
        self.errors += not done
        return done


class PinBulb:
    """A second relay, for a light bulb as load (field-pyplc sheet 1.4): on some time after the contactors were closed, and it falls with them. Polled."""

    def __init__(self, lines: Lines, delay_ms: int = 2000) -> None:
        self.name = "light bulb's relay"
        self.fault = ""
        self.remedy = ""
        self.errors = 0
        self._lines = lines
        self._delay = delay_ms * MS
        self._since: int | None = None           # when the contactors were first seen commanded closed

    def run(self, now: int) -> int:
        """Follows the contactors."""
        if not self._lines.level(CONTACTORS):
            self._since = None
            self._refused(not self._lines.level(BULB) or self.set_on(False, now))
            return now + BULB_LOOK
        if self._since is None:
            self._since = now
        due = self._since + self._delay
        if now >= due:
            self._refused(self._lines.level(BULB) or self.set_on(True, now))
        return now + BULB_LOOK

    def _refused(self, done: bool) -> None:
        self.fault = "" if done else "bulb's relay"
        self.remedy = "" if done else "Its pin does not do what it is told: check car.bulb and the relay board."

    def set_on(self, on: bool, now: int) -> bool:
        """Refused while the contactors are open: a bulb is a load behind them."""
        done = (not on or self._lines.level(CONTACTORS)) and self._lines.set(BULB, on)
        self.errors += not done
        return done
