"""The test cases of tests/safety, called without pytest's machinery: a mutant must not wait for a collection."""
from __future__ import annotations

import importlib
import itertools
from dataclasses import dataclass
from typing import Any, Callable, Sequence

import pytest
from _pytest.mark import ParameterSet

#: Without a plant, small first: they alone must find what is wrong in the pure modules.
PURE = ("test_rows", "test_latch", "test_settings", "test_sequence", "test_car_rules", "test_charger_rules", "test_charger_outputs", "test_trips",
        "test_supervisor", "test_shutdown", "test_permits", "test_waking", "test_witness", "test_ac_rows", "test_ac_rules", "test_ac_by_pilot", "test_bridge_rows",
        "test_bridge_rules", "test_bridge_discharging", "test_vehicle_side", "test_vehicle_plug")
#: With drivers, signals and a simulated plant: asked, too, for the modules that hold signals and drivers.
WITH_DRIVERS = ("test_adapter", "test_steady_path_rules", "test_steady_path_twins", "test_last_resort", "test_evse", "test_reaction", "test_protections", "test_ac_task",
                "test_steady_path", "test_with_plant", "test_reset", "test_bridge_task", "test_bridge_paths", "test_bridge_last_resort")
HOLDS_DRIVERS = frozenset({"adapter.py", "task.py", "ac_task.py", "bridge_task.py"})
MODULES = PURE + WITH_DRIVERS
#: Whole sessions, seconds each: what only they would see has a test of its own in the small ones.
LEFT_OUT = frozenset({"test_any_task_that_silently_stops_ends_the_charge_safely", "test_a_hot_inlet_gets_less_current_and_goes_on"})


@dataclass(slots=True)
class Case:
    """One call of a test function."""

    name: str
    function: Callable
    arguments: dict[str, Any]

    def passes(self) -> str:
        """Empty, or what was raised."""
        try:
            self.function(**self.arguments)
        except pytest.skip.Exception:
            return ""
        except BaseException as e:  # noqa: BLE001 - whatever a mutant does, it is noticed
            return type(e).__name__
        return ""


def collect(module: str) -> dict[str, Case]:
    """Imports one test module; every case of it that is not marked slow, by name."""
    found = {}
    loaded = importlib.import_module(f"tests.safety.{module}")
    for name, function in list(vars(loaded).items()):
        if name.startswith("test_") and callable(function) and name not in LEFT_OUT:
            for case in _expanded(f"{module}::{name}", function):
                found[case.name] = case
    return found


def _expanded(name: str, function: Callable) -> list[Case]:
    marks = getattr(function, "pytestmark", [])
    if any(mark.name == "slow" for mark in marks):
        return []
    dimensions = []
    for mark in marks:
        if mark.name == "parametrize":
            names, values = mark.args[:2]
            words = [w.strip() for w in names.split(",")] if isinstance(names, str) else list(names)
            dimensions.append([dict(zip(words, value)) for value in map(lambda v, n=len(words): _values(v, n), values) if value is not None])
    cases = []
    for number, chosen in enumerate(itertools.product(*dimensions)):
        arguments: dict[str, Any] = {}
        for part in chosen:
            arguments |= part
        cases.append(Case(f"{name}[{number}]" if dimensions else name, function, arguments))
    return cases


def _values(value: Any, count: int) -> Sequence[Any] | None:
    """The arguments of one case; None when it is marked slow by itself."""
    if isinstance(value, ParameterSet):
        return None if any(getattr(mark, "name", "") == "slow" for mark in value.marks) else value.values
    return [value] if count == 1 else value
