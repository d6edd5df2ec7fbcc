"""An opened board at the workbench: the same plan, lines and devices as in the box, without network, tasks and supervisor."""
from __future__ import annotations

import copy
import os
from typing import Any, Callable, Protocol, Sequence

from drivers.can.bus import CanBus
from drivers.can.settings import CanConfig
from drivers.errors import DriverError
from drivers.focccicape.cape import FoccciCape
from drivers.interfaces import BatteryReading
from drivers.pins.outputs import PinBulb
from drivers.sim.boards import ac_charger_on_lines, bridge_on_lines, car_on_lines, charger_on_lines
from drivers.sim.bridge_plant import BridgePlant
from drivers.sim.can import CanSegment
from drivers.sim.lamp import LAMP_OHM
from drivers.sim.lines import Lines
from drivers.sim.plant import Plant
from drivers.sim.plant_config import PlantConfig
from kernel.timer import MS, NEVER, S
from tools.appliance.guard import SIMULATED, ask_for_lines

PACE = 10 * MS               # a tick of the box
SETTLE = 1 * S               # every channel sampled, filters full, contacts debounced; a serial port found
PROC = "/proc"
GUARD_PROGRAM, GUARD_LINES, GUARD_NAME = b"guard_process", 5, 7      # of a guard's command line (tools/appliance/guard.py): which words


class Clock(Protocol):
    """The real one, or a test's."""

    def now(self) -> int: ...

    def wait_until(self, deadline: int, fds: Sequence[int]) -> list[int]: ...


class NoNic:
    """The network interface of a workbench: none. Nothing is heard, nothing goes out."""

    mac = bytes(6)
    errors = drops = 0

    def fileno(self) -> int:
        return -1

    def receive(self, limit: int, now: int) -> list[tuple[int, bytes]]:
        return []

    def send(self, frame: bytes, now: int) -> bool:
        return False

    def next_event(self) -> int:
        return NEVER

    def favour(self, station: bytes | None) -> None:
        return

    def close(self) -> None:
        return


class NoBattery:
    """VehicleData of the simulated bench: the pack's service plug is pulled, 0 V are measured behind the contactors."""

    errors = 0

    def read(self, now: int) -> BatteryReading | None:
        return BatteryReading.of(now, voltage=0.0)


class SimulatedPlan:
    """The twins of `drivers/sim` as a plan: the same two steps as `drivers/boards`."""

    def __init__(self, config: Any, volts: float) -> None:
        """`volts`: what stands at the inlet or the output, so that a refusal can be seen."""
        self._config, self._volts = config, volts

    def lines(self) -> Lines:
        return Lines.create()

    def board(self, lines: Lines, nic: Any, now: int) -> Any:
        if self._config.mode == "bridge":
            return self._bridge(lines, nic, now)
        plant = Plant(PlantConfig(lamp_ohm=LAMP_OHM), start=now)        # a lamp in the battery's place: no voltage comes from there
        plant.ac.voltage = self._volts
        if self._config.mode == "evse":
            board = (ac_charger_on_lines if self._config.evse.ac else charger_on_lines)(plant, nic, lines)
            meter = getattr(board, "power_meter", None)
        else:
            board = car_on_lines(plant, nic, lines)
            board.vehicle = NoBattery()
            meter = board.voltmeter
        if meter is not None and self._volts:
            meter.distort("voltage", lambda value: value + self._volts)
        return board


    def _bridge(self, lines: Lines, nic: Any, now: int) -> Any:
        """Nothing at the CHAdeMO plug, nobody on its bus; `volts` on both sides of the bridge contactor."""
        board = bridge_on_lines(BridgePlant(PlantConfig(), start=now), nic, CanBus(CanConfig(), CanSegment().node()).port("chademo", ()), lines)
        if self._volts and board.bridge is not None:
            for meter, quantity in ((board.voltmeter, "voltage"), (board.bridge.voltmeter, "vehicle_voltage")):
                meter.distort(quantity, lambda value: value + self._volts)
        return board


class Bench:
    """`board` with its `lines`; `notes`: what a person has to know before reading anything. `turn` gives the devices their turns."""

    def __init__(self, config: Any, clock: Clock, volts: float = 0.0, wiring: Any = None) -> None:
        """Opens the board, all its outputs off. DriverError: what is missing, or who has the board already. `wiring`: how a serial port is opened (tests)."""
        self.given = config                      # as the file has it, for the report
        config = copy.deepcopy(config)
        config.dieter.relay_2 = "none"           # one output at a time: its second relay would follow the contactors
        self.config, self.clock = config, clock
        self.notes: list[str] = []
        self.charger = config.mode == "evse"
        self.bridge = config.mode == "bridge"
        self.ac = self.charger and config.evse.ac
        if config.mode == "listen":
            raise DriverError("mode = listen: a listener has no inputs and outputs.", "Set mode to pev (car), evse (charger) or bridge, or use --mode.")
        self.real = config.board != SIMULATED
        # who knows the voltage behind the contactors; what a configuration fixes was measured by nobody
        self.battery_measured = not self.charger and not self.bridge and (not self.real or config.charge_parameter_backend in ("mqtt", "dbc", "device"))
        if self.real:
            free_the_board(config)
            plan, shared = self._planned(config)
        else:
            plan, shared = SimulatedPlan(config, volts), None
        self.lines = plan.lines()
        try:
            now = clock.now()
            self.board = plan.board(self.lines, NoNic(), now) if wiring is None else plan.board(self.lines, NoNic(), now, wiring)
        except DriverError:
            self.lines.close()
            raise
        self.polled = list(self.board.polled)
        if self.board.oled not in self.polled and hasattr(self.board.oled, "run"):
            self.polled.append(self.board.oled)
        self.notes += shared.notes if shared is not None else []
        # what would switch something by itself: the life sign of the cape beats only when it is what is tried, the bulb does not follow the contactors
        self.cape = next((device for device in self.polled if isinstance(device, FoccciCape)), None)
        self.quiet = [device for device in self.polled if not isinstance(device, (FoccciCape, PinBulb))]
        self._due = [0] * len(self.quiet)
        self.where = f"{config.role}-{config.interface}"       # the box's name: its guard's and ours are the same, so that its next start relieves ours

    def _planned(self, config: Any) -> tuple[Any, Any]:
        """The plan; where the box would refuse to start because something is not configured yet, a plan without what counts on it."""
        from drivers.boards.plans import plan          # all drivers: only where there is a real board
        try:
            return plan(config)
        except DriverError as error:
            self.notes.append(f"main.py would refuse to start with these settings: {error}")
        self.config = config = relaxed(config)
        return plan(config)

    def turn(self, now: int) -> int:
        """Everybody who is due, once; when the next one is, at most a tick away."""
        for n, device in enumerate(self.quiet):
            if now >= self._due[n]:
                self._due[n] = max(now + 1, min(device.run(now), now + S))
        return min([now + PACE, *self._due])

    def settle(self, duration: int = SETTLE, stop: Callable[[], bool] = lambda: False) -> None:
        """Turns for so long; afterwards what is still unknown is unknown."""
        end = self.clock.now() + duration
        while (now := self.clock.now()) < end and not stop():
            self.clock.wait_until(min(self.turn(now), end), ())

    def close(self) -> None:
        """Gives everything back; the outputs have been switched off before."""
        for device in [*self.polled, self.board.voltmeter if hasattr(self.board, "voltmeter") else None]:
            if device is not self.lines and hasattr(device, "close"):
                device.close()
        self.lines.close()


def relaxed(config: Any) -> Any:
    """The same settings without what the supervisor counts on: at the workbench one looks for exactly that."""
    config = copy.deepcopy(config)
    for section in (config.safety.pev, config.safety.evse, config.safety.ac, config.safety.bridge):
        if hasattr(section, "stop_button"):
            section.stop_button = "none"
        for name in ("voltage_sensor", "supply_sensor", "current_sensor", "temperature_sensor", "contactor_feedback", "lock_feedback", "isolation_monitor",
                     "residual_current", "vehicle_voltmeter", "vehicle_lock_feedback"):
            if hasattr(section, f"{name}_fitted"):
                setattr(section, f"{name}_fitted", False)
    config.connection.require_pilot = False
    if config.charge_parameter_backend == "none":
        config.ev.light_bulb_demo = True         # somebody has to be named; what it says is not shown
    return config


def free_the_board(config: Any) -> None:
    """Relieves a guard whose box has died; DriverError while the box of this configuration, or another bench, is at work.

    A box of another configuration that has the same pins or the same serial port shows where they are opened: they are busy.
    """
    ask_for_lines(f"{config.role}-{config.interface}")
    found = guards_at_work(config.interface)
    if found:
        pid, name = found[0]
        raise DriverError(f"The main program (or another bench_io) is at work on this board: its guard is process {pid} ({name}).",
                          "Stop it first: q or Ctrl-C in its terminal, or `systemctl stop` its service. Two programs must not hold the same outputs.")


def guards_at_work(interface: str, proc: str = PROC) -> list[tuple[int, str]]:
    """(process, name) of the guards of this box in either role that hold real outputs: pins or a serial port. A page of simulated lines is nobody's board."""
    found = []
    for pid in (entry for entry in os.listdir(proc) if entry.isdigit()):
        try:
            with open(f"{proc}/{pid}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
        except OSError:                      # ended meanwhile
            continue
        if len(words) > GUARD_NAME and GUARD_PROGRAM in words[3] and not words[GUARD_LINES].isdigit():
            name = words[GUARD_NAME].decode(errors="replace")
            if name.partition("-")[2] == interface:
                found.append((int(pid), name))
    return found
