"""Asks for a Raspberry Pi's lines through Adafruit-Blinka (`board`, `digitalio`), whose pins are libgpiod lines there.

Blinka makes a pin an input first and a low output then (digitalio.DigitalInOut, Blinka 10.0.0), so an output whose safe
level is high would switch its load on for a moment: such a one is left to libgpiod. Blinka has no active_low; the hand
turns the levels round instead.
"""
from __future__ import annotations

from typing import Any

from drivers.errors import DriverError
from drivers.pins.hand import Ioctl, LineHand
from drivers.pins.library import held_by
from drivers.pins.names import bcm_number


def able(text: str, active_low_output: bool) -> str:
    """Empty when Blinka can do it, else why not."""
    if bcm_number(text) is None:
        return "it knows the pins of a Raspberry Pi by their number only"
    if active_low_output:
        return "it makes every output low first, which would switch an active-low load on for a moment"
    return ""


class Blinka:
    """The five-package way to a Raspberry Pi's pins."""

    def __init__(self, board: Any = None, digitalio: Any = None, ioctl: Ioctl | None = None) -> None:
        """`board`, `digitalio`, `ioctl`: for tests. DriverError when they cannot be imported."""
        if board is None or digitalio is None:
            try:
                import board
                import digitalio
            except (ImportError, NotImplementedError, OSError, RuntimeError) as error:
                raise DriverError(f"Adafruit-Blinka cannot be used on this board ({type(error).__name__}: {error}).",
                                  "Install it with gpiod beside it (pip install Adafruit-Blinka gpiod), or set library to gpiod.") from error
        self._board, self._digitalio = board, digitalio
        self._more = () if ioctl is None else (ioctl,)

    def output(self, text: str) -> LineHand:
        """Low from the first instant that it is an output."""
        return self._ask(text, False, lambda io: io.switch_to_output(value=False))

    def input(self, text: str, active_low: bool, bias: str) -> LineHand:
        pull = {"pull_up": self._digitalio.Pull.UP, "pull_down": self._digitalio.Pull.DOWN}.get(bias)
        return self._ask(text, active_low, lambda io: io.switch_to_input(pull=pull))

    def _ask(self, text: str, invert: bool, configure: Any) -> LineHand:
        name = f"D{bcm_number(text)}"
        pin = getattr(self._board, name, None)
        if pin is None:
            raise DriverError(f"Blinka's board has no pin {name} (for {text}).", "Name a pin of this board's header, or set library to gpiod.")
        made: list[Any] = []

        def request() -> None:
            made.append(self._digitalio.DigitalInOut(pin))
            try:
                configure(made[0])
            except BaseException:
                release()
                raise

        def release() -> None:
            made[0].deinit()
        try:
            return held_by(request, release, invert, *self._more)
        except (RuntimeError, NotImplementedError, ValueError) as error:
            raise DriverError(f"Blinka cannot have {text} ({type(error).__name__}: {error}).", "Set library to gpiod, which names the reason.") from error
