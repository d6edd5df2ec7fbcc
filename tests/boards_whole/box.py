"""A whole charge in virtual time with one box as a board of drivers/boards: its drivers over twins of registers, octets and descriptors, the plant behind them.

The configuration is a file as a user writes it, read by main.py's own loader; `drivers.boards.plans.plan` makes the board.
"""
from __future__ import annotations

from pathlib import Path
from typing import Any

from drivers.boards.plans import plan
from drivers.pins.library import Pins
from drivers.sim.plant_config import PlantConfig
from exi_native import codec
from kernel.timer import MS, NEVER
from tasks import command_line
from tasks.config import Config
from tools.simulate.charge import Charge

STEP = 10 * MS               # how often the surroundings follow the plant: a tick
ROOT = Path(__file__).resolve().parents[2]


def written(folder: Path, role: str, text: str) -> Config:
    """The settings in force after `main.py ROLE --config FILE`."""
    file = folder / f"{role}.yaml"
    file.write_text(text)
    return command_line.configure(command_line.parse([role, "--config", str(file)]), ROOT / "config.yaml")


class Surroundings:
    """What hangs at a board, between its drivers and the plant."""

    pins: Pins | None = None

    def parts(self, charge: BoardCharge) -> dict[str, Any]:
        """What the plan's `board` is handed in besides."""
        return {}

    def attach(self, charge: BoardCharge, board: Any, lines: Any) -> None:
        """The board has been made."""

    def follow(self, now: int) -> None:
        """The world at `now`: what a sensor sees, where a contact stands."""

    def next_event(self) -> int:
        """When something of it happens between two steps."""
        return NEVER

    def deliver(self, now: int) -> None:
        """It happens."""

    def close(self) -> None:
        """Nothing stays open."""


class BoardCharge(Charge):
    """`surroundings` before the board is made, and a turn of it in each tick. `told`: what the devices said of themselves, in order."""

    def __init__(self, folder: Path, role: str, text: str, surroundings: Surroundings, plant: PlantConfig | None = None, peer: Config | None = None,
                 seed: int = 1) -> None:
        """`peer`: settings of the other side, whose devices are simulated."""
        self.role = role
        self.surroundings = surroundings
        self.told: list[str] = []
        self.at = 0
        self._peer = peer if peer is not None else Config()
        self.plan, self.shared = plan(written(folder, role, text), surroundings.pins)
        self.lines: Any = None
        self.entries: list[tuple[int, str, str]] = []
        plant = plant if plant is not None else PlantConfig(battery_soc_percent=96.0, battery_capacity_wh=5000.0)
        super().__init__(self.shared.config, plant, codec.load(), seed, sinks=(self._file,))
        if role == "evse":
            self.invariants._limits = self._peer.safety.pev      # those of the car
        self.world.sources.append(self)

    @property
    def box(self) -> Any:
        """The node of the real board."""
        return self.car if self.role == "pev" else self.charger

    def _file(self, name: str, event: Any) -> None:
        if name == self.role:
            self.entries.append((event.at, event.source, event.message()))

    def _config(self, name: str, config: Config) -> Config:
        return config if name == self.role else self._peer

    def _board(self, name: str, board: Any) -> Any:
        if name != self.role:
            return board
        self.lines = self.plan.lines()
        made = self.plan.board(self.lines, board.nic, 0, **self.surroundings.parts(self))
        self.surroundings.attach(self, made, self.lines)
        return made

    def next_event(self) -> int:
        return min(self.at, self.surroundings.next_event())

    def deliver(self, now: int) -> None:
        self.surroundings.deliver(now)
        if now < self.at:
            return
        self.plant.advance(now)
        self.surroundings.follow(now)
        self.at = now + STEP
        for fault in (device.fault for device in self.shared.polled):
            if fault and fault not in self.told:
                self.told.append(fault)

    def journal(self) -> str:
        """Everything that the box has told so far."""
        self.box.journal.flush()
        return "\n".join(f"{source}: {text}" for _, source, text in self.entries)

    def close(self) -> None:
        for device in self.shared.polled:
            if hasattr(device, "close"):
                device.close()
        if self.lines not in self.shared.polled:
            self.lines.close()
        self.surroundings.close()
