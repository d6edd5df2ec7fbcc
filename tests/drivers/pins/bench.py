"""Lines over the twin kernel for tests: every output a car or a charger can have, wires at the pins, a clock that the test moves."""
from __future__ import annotations

from drivers.pins.hand import V1, V2, LineHand
from drivers.pins.inputs import PinInput
from drivers.pins.lines import BULB, PULSE, PinLines
from drivers.pins.pwm_hand import PwmHand
from drivers.sim.lines import CONTACTORS, FIRST, LOCK, UNLOCK
from tests.drivers.pins import kernel
from tests.drivers.pins.libraries import raspberry

OFFSETS = {FIRST: 17, CONTACTORS: 27, LOCK: 22, UNLOCK: 23, BULB: 24, PULSE: 25}


class Bench:
    """`on(place)`: what the load at the pin does. `now` is the time of the page's stamps."""

    def __init__(self, pwm: PwmHand | None = None, v1: bool = False, active_low: bool = False, places=tuple(OFFSETS)) -> None:
        self.now = 1
        self.twin = raspberry()
        self._active_low = active_low
        hands = {place: LineHand(self.twin.request("/dev/gpiochip0", OFFSETS[place], "output", active_low, "as_is", "ccsbox", v1), V1 if v1 else V2, False,
                                 kernel.ioctl) for place in places}
        self.lines = PinLines.over(hands, pwm, lambda: self.now)
        self.wires = {place: self.twin.wire(OFFSETS[place]) for place in places}
        self.inputs: list[PinInput] = []

    def on(self, place: int) -> bool:
        return self.wires[place].high is not self._active_low

    def input(self, offset: int, debounce_ms: int = 0, high: bool = False, reopen: bool = False) -> tuple[PinInput, kernel.Wire]:
        """An input with the wire at it."""
        self.twin.levels["/dev/gpiochip0", offset] = int(high)

        def ask() -> LineHand:
            return LineHand(self.twin.request("/dev/gpiochip0", offset, "input", False, "as_is", "ccsbox"), V2, False, kernel.ioctl)
        made = PinInput(ask(), f"input {offset}", debounce_ms, ask if reopen else None)
        self.inputs.append(made)
        return made, self.twin.wire(offset)

    def close(self) -> None:
        self.lines.close()
        for pin in self.inputs:
            pin.close()
