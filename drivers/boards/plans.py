"""Which board a configuration means."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drivers.boards.common import Shared
from drivers.boards.uses import refuse_second_use
from drivers.errors import DriverError

if TYPE_CHECKING:                 # only the board that is there is loaded
    from drivers.boards.focccicape import CapeCharger
    from drivers.boards.gpio import GpioCar, GpioCharger
    from drivers.boards.serial import Celeron55Car, DieterCar
    from drivers.pins.library import Pins
    Plan = GpioCar | GpioCharger | DieterCar | Celeron55Car | CapeCharger

CARS = ("dieter", "celeron55")
CHARGERS = ("focccicape",)
BRIDGES = ("raspberry_pi", "beaglebone")


def plan(config: Any, pins: Pins | None = None) -> tuple[Plan, Shared]:
    """The board of `config`, not opened yet: everything that can be refused without touching a pin has been. DriverError says what and why.

    `pins`: of another machine than this one (tests)."""
    board, charger, shared = config.board, config.mode == "evse", Shared(config)
    if config.mode == "bridge" and board not in BRIDGES:
        raise DriverError(f"The board {board} cannot be a bridge: it has no CAN port for a CHAdeMO vehicle, no d1, d2 and k, and no second voltmeter.",
                          f"Use board: {' or '.join(BRIDGES)}, or mode: {'pev' if board in CARS else 'evse'}.")
    if board in CARS and charger or board in CHARGERS and not charger:
        raise DriverError(f"The board {board} is for a {'car' if board in CARS else 'charger'}, but mode = {config.mode}.",
                          f"Set mode: {'pev' if board in CARS else 'evse'}, or another board.")
    refuse_second_use(config)
    if board in CARS:
        from drivers.boards.serial import Celeron55Car, DieterCar
        return (DieterCar if board == "dieter" else Celeron55Car)(shared), shared
    if board in CHARGERS:
        from drivers.boards.focccicape import CapeCharger
        return CapeCharger(shared, pins), shared
    from drivers.boards.gpio import GpioCar, GpioCharger
    section = getattr(config, board)
    return (GpioCharger if charger else GpioCar)(board, section, shared, pins), shared
