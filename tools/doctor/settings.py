"""The configuration: read as the box reads it, every problem a line; what is well in a wrong one still tells the other checks where to look."""
from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any, Iterator

from drivers.errors import DriverError
from kernel.settings import SettingsError, build
from tasks import command_line
from tasks.config import Config
from tasks.config_file import NotPermitted
from tools.doctor.devices import GPIO_BOARDS
from tools.doctor.findings import Finding, fail, ok, warn

MAX_PROBLEMS = 12


def read(file: str | None, default: Path, mode: str | None = None, interface: str | None = None) -> tuple[Config, tuple[str, ...]]:
    """(settings, problems); NotPermitted where this user may not read the file. With problems: the sections that are right by themselves, defaults for the rest."""
    words = Namespace(config=file, mode=mode, interface=interface, protocol=None, soc_stop=None, transfer=None, bridge=None, strategy=None)
    try:
        return command_line.configure(words, default), ()
    except NotPermitted:
        raise
    except SettingsError as error:
        config = salvage(file or default)
        if mode is not None:
            config.mode = mode
        if interface is not None:
            config.interface = interface
        return config, tuple(error.problems)


def salvage(path: str | Path) -> Config:
    """What of the file can be believed, key by key of its top level."""
    from tasks import config_file
    try:
        data, _ = config_file.load(path)
    except SettingsError:
        return Config()
    good: dict[str, Any] = {}
    for key, value in data.items():
        if _builds({**good, key: value}):
            good[key] = value
    return build(Config, good, {}, str(path))


def _builds(data: dict[str, Any]) -> bool:
    try:
        build(Config, data, {}, "")
    except SettingsError:
        return False
    return True


def configuration(patient: Any) -> Iterator[Finding]:
    """Valid or not; each problem a line."""
    if not patient.problems:
        yield ok("configuration", f"{patient.where}: valid; mode {patient.config.mode}, board {patient.config.board}, interface {patient.config.interface}")
        return
    for problem in patient.problems[:MAX_PROBLEMS]:
        yield fail("configuration", problem, "Correct it in the file; main.py --print-config shows every setting with its range.", "configuration")
    if len(patient.problems) > MAX_PROBLEMS:
        yield fail("configuration", f"{len(patient.problems) - MAX_PROBLEMS} more problems", "Mend the first ones, then look again.", "configuration")
    yield warn("configuration", "the other lines are about what in it is right, and about the defaults for the rest", "Mend the configuration first.")


def board(patient: Any) -> Iterator[Finding]:
    """What main.py refuses before it touches a pin; no device is opened here."""
    config = patient.config
    if config.role not in ("pev", "evse"):
        yield ok("board", "a listener has none")
    elif patient.simulate_io:
        yield ok("board", "simulated (--simulate-io): nothing is measured or switched")
    elif config.board == "simulated":
        yield fail("board", "board = simulated: there is nothing to switch and to measure, main.py refuses to start",
                   "Set board to the one that is wired (drivers/boards/README.md), or start it with --simulate-io.", "board: simulated")
    else:
        from drivers.boards.plans import plan          # all drivers: only where there is a real board
        try:
            _, shared = plan(config)
        except DriverError as error:
            yield fail("board", error.problem, error.remedy, "board: see doctor")
            return
        if config.charge_parameter_backend == "fixed" and not config.vehicle_fixed.charge_permission and config.mode == "pev":
            yield warn("board", f"{config.board}: no charge will begin, vehicle_fixed.charge_permission = false",
                       "Set it to true, and only when something else guards the battery.")
        else:
            yield ok("board", f"{config.board}: the settings fit it" + "".join(f"; {note}" for note in shared.notes))
        if config.board in GPIO_BOARDS:
            yield from enable_stage(config)


def enable_stage(config: Any) -> Iterator[Finding]:
    """The one thing in hardware that lets go of pilot and coils when kernel, program and guard hang together."""
    name = f"{config.board}.{'charger' if config.mode == 'evse' else 'car'}.enable_pulse.pin"
    pins = getattr(config, config.board)
    if not (pins.charger if config.mode == "evse" else pins.car).enable_pulse.pin:
        yield warn("board", f"{name} is empty: nothing makes the outputs fall when program and guard hang together",
                   f"Wire the enable stage before high voltage is connected (tools/appliance/README.md; power.svg of install/pictures) and name its pin in {name}.")
