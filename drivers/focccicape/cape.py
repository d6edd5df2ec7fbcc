"""The FoccciCape on a BeagleBone (field sheet 1.5): life sign, stop button and its lamp.

Pins are handed in opened: an output has `put(on) -> bool`, the button is debounced and says its level. CAN is `drivers.can`; what the
cape tells there is `tasks/can_info`.
"""
from __future__ import annotations

from typing import Callable, Protocol

from kernel.record import settings_class
from kernel.settings import setting
from kernel.timer import MS, S, Cadence

BUTTON_DEBOUNCE_MS = 60        # pyPLC: three looks in a row, 30 ms apart
STOPPED = 3 * S                # 100 ticks of 30 ms: so long the lamp blinks after the button was pressed
BLINK = 150 * MS
TURN = 10 * MS


@settings_class(slots=True)
class FoccciCapeConfig:
    """Section `focccicape.cape`; the pins are those of the cape."""

    life_sign_pin: str = setting("P9_14", meaning="relay 1: toggled while the box lives; a stage behind it that misses the edges lets go")
    life_sign_ms: int = setting(30, unit="ms", low=20, high=500, meaning="time between two edges of the life sign")
    button_pin: str = setting("P9_30", meaning="stop button: low is pressed; needs a pull-up")
    led_pin: str = setting("P9_28", meaning="lamp of the stop button")


class OutputPin(Protocol):
    """One opened output; drivers.pins has it."""

    def put(self, on: bool) -> bool:
        """False when the pin refused."""
        ...


class Level(Protocol):
    """One opened and debounced input; drivers.pins has it."""

    def read(self, now: int) -> bool | None:
        """True: high. None: not known."""
        ...


class FoccciCape:
    """Inputs (the stop button) and Polled. `edges` counts those of the life sign."""

    def __init__(self, config: FoccciCapeConfig, life_sign: OutputPin, led: OutputPin | None, button: Level | None, alive: Callable[[int], bool] | None = None) -> None:
        """`alive`: no life sign while it says False; without it the life sign says that this driver has its turns, and no more."""
        self.name = "FoccciCape"
        self.fault = ""
        self.remedy = ""
        self.errors = 0
        self.edges = 0
        self._where = config.life_sign_pin
        self.life_sign = life_sign
        self._led = led
        self._button = button
        self._alive = alive
        self._beat = Cadence(config.life_sign_ms * MS)
        self._level = False
        self._shown: bool | None = None
        self._pressed_at: int | None = None

    def display_button(self, now: int) -> bool | None:
        """None fitted."""
        return None

    def stop_button(self, now: int) -> bool | None:
        """Low is pressed; None while the level is not known."""
        high = None if self._button is None else self._button.read(now)
        if high is None:
            self.errors += self._button is not None
            return None
        if not high:
            self._pressed_at = now
        return not high

    def run(self, now: int) -> int:
        if self._beat.take(now) and (self._alive is None or self._alive(now)):
            if self.life_sign.put(not self._level):
                self._level = not self._level
                self.edges += 1
                self.fault = self.remedy = ""
            else:
                self.errors += 1
                self.fault = "Cape: no life sign"
                self.remedy = f"The pin {self._where} refuses: what hangs on the life sign lets go. Is the cape's overlay loaded, and the pin not used by another program?"
        self._show(now)
        return min(now + TURN, self._beat.at)

    def rest(self, now: int) -> bool:
        """Life sign and lamp low, for a person at the workbench; False when a pin refused."""
        done = self.life_sign.put(False)
        self._level = False
        if self._led is not None:
            done = self._led.put(False) and done
            self._shown = None
        return done

    def _show(self, now: int) -> None:
        """Lamp: steady while ready, blinking after the button was pressed."""
        if self._led is None:
            return
        stopped = self._pressed_at is not None and now - self._pressed_at < STOPPED
        wanted = not stopped or now // BLINK % 2 == 0
        if wanted is self._shown:
            return
        if self._led.put(wanted):
            self._shown = wanted
        else:
            self.errors += 1
