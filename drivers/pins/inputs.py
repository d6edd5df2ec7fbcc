"""Digital inputs, debounced in time: a change counts once every look at it for so long has said the same."""
from __future__ import annotations

import errno
import os
from typing import Callable

from drivers.errors import DriverError
from drivers.pins.hand import LineHand
from kernel.timer import MS, NEVER, S, Backoff

SHORT_NAMES = 11             # characters of a name that fit between "IN " and " lost" on the display
PACE = 10 * MS               # a look per tick is enough for a button; an ioctl of about 2 us
MAX_LOOK_GAP = 200 * MS      # looks farther apart than this say nothing about the time between them
UNSETTLED = 200 * MS         # beyond three times the debounce: a contact that chatters so long says nothing any more


class PinInput:
    """One input, Polled. `read` looks at once; None while it cannot be read or has not yet been steady for the first time."""

    def __init__(self, hand: LineHand, name: str, debounce_ms: int, reopen: Callable[[], LineHand] | None = None) -> None:
        """`reopen`: asks for the line again when its chip was lost (an expander on USB); DriverError when it is still lost."""
        self._hand: LineHand | None = hand
        self.name = name
        self.errors = 0
        self.fault = self.remedy = ""
        self._debounce = debounce_ms * MS
        self._reopen = reopen
        self._backoff = Backoff(100 * MS, 5 * S)
        self._again_at = NEVER
        self._value: bool | None = None
        self._candidate: bool | None = None
        self._since = self._settled_at = 0
        self._looked_at = -NEVER

    def read(self, now: int) -> bool | None:
        """The debounced level, with a look at the pin. Never older than this call."""
        raw = None if self._hand is None else self._hand.get()
        if raw is None:
            self._lost(now)
            return None
        if self.fault:
            self.fault = self.remedy = ""
            self._backoff.succeeded()
        if raw is not self._candidate or now - self._looked_at > max(MAX_LOOK_GAP, self._debounce):
            self._candidate, self._since = raw, now
        self._looked_at = now
        if now - self._since >= self._debounce:
            self._value, self._settled_at = raw, now
        elif now - self._settled_at > 3 * self._debounce + UNSETTLED:
            self._value = None
        return self._value

    def level(self) -> bool | None:
        """The pin as it is at this moment, not debounced, for a person at the workbench; None when it cannot be read."""
        return None if self._hand is None else self._hand.get()

    def run(self, now: int) -> int:
        """One look, or one try to get the line back."""
        if self._hand is None and now >= self._again_at and self._reopen is not None:
            try:
                self._hand = self._reopen()
            except DriverError as error:
                self.errors += 1
                self.remedy = f"{error} It is tried again."
                self._again_at = now + self._backoff.failed()
        if self._hand is None:
            return min(self._again_at, now + S)
        self.read(now)
        return now + PACE if self._hand is not None else min(self._again_at, now + S)

    def _lost(self, now: int) -> None:
        """Unknown from now on; a chip that is gone is asked for again."""
        self.errors += 1
        self._value = self._candidate = None
        if self._hand is None:
            return
        number = self._hand.errno
        self.fault = f"IN {self.name[:SHORT_NAMES].rstrip()} lost"
        self.remedy = (f"The input for {self.name} cannot be read ({errno.errorcode.get(number, number)}: {os.strerror(number)}); "
                       "look for its chip with `gpioinfo`.")
        if number == errno.ENODEV and self._reopen is not None:
            self._hand.close()
            self._hand = None
            self._again_at = now + self._backoff.failed()

    def close(self) -> None:
        if self._hand is not None:
            self._hand.close()
            self._hand = None


class PinInputs:
    """Inputs: the stop button, and what else is wired. What is not fitted: no button is never pressed, everything else is unknown."""

    def __init__(self, stop: PinInput | None = None, plug: PinInput | None = None, pwm: PinInput | None = None, display: PinInput | None = None) -> None:
        self._stop, self._plug, self._pwm, self._display = stop, plug, pwm, display

    @property
    def errors(self) -> int:
        return sum(pin.errors for pin in (self._stop, self._plug, self._pwm, self._display) if pin is not None)

    def stop_button(self, now: int) -> bool | None:
        """True: pressed."""
        return False if self._stop is None else self._stop.read(now)

    def display_button(self, now: int) -> bool | None:
        """True: held."""
        return None if self._display is None else self._display.read(now)

    def plug_present(self, now: int) -> bool | None:
        """True: the proximity contact says that a plug is in."""
        return None if self._plug is None else self._plug.read(now)

    def pwm_present(self, now: int) -> bool | None:
        """True: the detector sees PWM on the pilot."""
        return None if self._pwm is None else self._pwm.read(now)


class PinVehicleInputs:
    """VehicleInputs: k, and the plug's contact where one is wired. A broken wire of k reads as no permission (active_low, pull_up)."""

    def __init__(self, k: PinInput, plug: PinInput | None = None) -> None:
        self._k, self._plug = k, plug

    @property
    def errors(self) -> int:
        return self._k.errors + (0 if self._plug is None else self._plug.errors)

    def charge_permission(self, now: int) -> bool | None:
        """True: the vehicle pulls pin 4 to ground."""
        return self._k.read(now)

    def plug_present(self, now: int) -> bool | None:
        """True: the plug's contact says that it is in; None where it is not wired."""
        return None if self._plug is None else self._plug.read(now)


class PinResidualCurrent:
    """ResidualCurrent: the contact of a detector. A broken wire reads as it is biased: wire it so that no current means tripped (active_low, pull_up)."""

    def __init__(self, contact: PinInput) -> None:
        self._contact = contact

    @property
    def errors(self) -> int:
        return self._contact.errors

    def tripped(self, now: int) -> bool | None:
        return self._contact.read(now)
