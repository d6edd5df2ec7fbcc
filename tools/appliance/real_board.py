"""A real board between its plan and the running box: planned before the guard starts, opened with the lines that the guard holds."""
from __future__ import annotations

from argparse import Namespace
from typing import Any

from drivers.errors import DriverError
from drivers.interfaces import Nic, Oled
from tools.appliance.guard import SIMULATED


class BoardPlan:
    """`lines` for the guard, then `open`."""

    def __init__(self, config: Any) -> None:
        """DriverError for everything that can be refused before a pin is touched."""
        from drivers.boards.plans import plan          # all drivers: only where there is a real board
        self._config = config
        self._plan, self._shared = plan(config)

    @property
    def notes(self) -> list[str]:
        """What is assumed and not measured, for the journal."""
        return self._shared.notes

    def lines(self) -> Any:
        return self._plan.lines()

    def open(self, lines: Any, nic: Nic, now: int) -> Any:
        """The board with every device. DriverError says which is missing and what to do."""
        from drivers.boards.serial import text_display
        board = self._plan.board(lines, nic, now)
        if getattr(board, "text_display", None) is None:
            board.text_display = text_display(self._shared, now)
        return board


def planned(config: Any, args: Namespace) -> BoardPlan | None:
    """None for a listener, for the simulated board and with --simulate-io."""
    if config.role not in ("pev", "evse") or args.simulate_io:
        return None
    if config.board == SIMULATED:
        raise DriverError("board = simulated: there is nothing to switch and to measure.",
                          "Set board to raspberry_pi, beaglebone, dieter, celeron55 or focccicape (drivers/boards/README.md); "
                          "or use --simulate-io (real network interface, simulated voltages), or --simulate for everything in one process.")
    return BoardPlan(config)


def listener_display(config: Any) -> tuple[Oled, list[Any]]:
    """A listener's OLED where one is configured."""
    if config.oled.controller == "none":
        from drivers.sim.oled import SimOled
        return SimOled(), []
    from drivers.oled_luma import OledLuma
    made = OledLuma(config.oled)
    return made, [made]
