"""Does the box run already, and does it hold the board? Found out by looking only.

A guard's door (drivers/guard.py) is never knocked at: whoever connects asks the guard to give the lines up.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tools.doctor.machine import Machine

UNIT = "ccsbox.service"
GUARD_PROGRAM, GUARD_LINES, GUARD_NAME = b"guard_process", 5, 7      # of a guard's command line (tools/appliance/guard.py): which words
MAX_PROCESSES = 4096


@dataclass(slots=True, frozen=True)
class Running:
    """`pid`: of the main process, None where it is not known. `holds_board`: pins, serial device, converters. `how`: for people."""

    pid: int | None
    holds_board: bool
    how: str


def told(machine: Machine, simulate_io: bool) -> Running:
    """The box itself has started the doctor."""
    return Running(machine.parent(), not simulate_io, "the box that started this examination")


def find(machine: Machine, config: Any) -> Running | None:
    """By the guard of this interface, else by the service manager (a listener has no guard)."""
    guard = _guard(machine, config.interface)
    if guard is not None:
        return guard
    state = unit_state(machine)
    if state.get("ActiveState") in ("active", "activating", "deactivating", "reloading") and state.get("MainPID", "0") != "0":
        return Running(int(state["MainPID"]), config.role in ("pev", "evse"), f"{UNIT}, process {state['MainPID']}")
    return None


def _guard(machine: Machine, interface: str) -> Running | None:
    """The guard beside a box, or one that keeps the lines of a dead one safe; whose lines are a page of memory alone, that holds no board."""
    for folder in [p for p in machine.path("/proc").glob("[0-9]*")][:MAX_PROCESSES]:
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:                          # ended meanwhile, or somebody else's
            continue
        if len(words) <= GUARD_NAME or GUARD_PROGRAM not in words[3]:
            continue
        name = words[GUARD_NAME].decode(errors="replace")
        if name.partition("-")[2] != interface:
            continue
        parent = _parent(machine.text(folder / "status") or "")
        alone = parent in (None, 1)
        return Running(None if alone else parent, not words[GUARD_LINES].isdigit(),
                       f"the guard {folder.name} ({name})" + (" of an earlier run, which keeps the outputs safe" if alone else f" of process {parent}"))
    return None


def _parent(status: str) -> int | None:
    """PPid of /proc/PID/status."""
    for line in status.splitlines():
        if line.startswith("PPid:"):
            return int(line.split()[1])
    return None


def unit_state(machine: Machine) -> dict[str, str]:
    """What systemd says of the service; empty where there is no systemd or it does not answer."""
    if not machine.path("/run/systemd/system").is_dir():
        return {}
    answer = machine.command(["systemctl", "show", UNIT, "--property=LoadState,ActiveState,SubState,Result,NRestarts,UnitFileState,MainPID"])
    if answer is None or answer[0] != 0:
        return {}
    return dict(line.split("=", 1) for line in answer[1].splitlines() if "=" in line)
