"""Typed settings: a field with unit, range and meaning; unknown key, wrong type, unit or range refuses to start."""
from __future__ import annotations

from dataclasses import field
from typing import Any


def setting(default: Any, *, unit: str = "", low: float | None = None, high: float | None = None,
            choices: tuple[str, ...] | None = None, meaning: str = "") -> Any:
    """A dataclass field that knows its unit, its allowed range or choices, and what it means to the user."""
    metadata = {"unit": unit, "low": low, "high": high, "choices": choices, "meaning": meaning}
    if isinstance(default, (list, dict)):
        return field(default_factory=lambda: type(default)(default), metadata=metadata)
    return field(default=default, metadata=metadata)
