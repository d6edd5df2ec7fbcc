"""The settings that a record was made with, as today's code has them: what today does not know is left out and told."""
from __future__ import annotations

from typing import Any

from kernel.settings import SettingsError, build, to_dict
from tasks.config import Config

MAX_TOLD = 20


def settings_of(recorded: Any) -> tuple[Config, list[str]]:
    """(settings, one sentence for each that could not be taken over)."""
    remarks: list[str] = []
    if not isinstance(recorded, dict):
        return Config(), ["The record has no settings: today's defaults are taken."]
    known = _common(recorded, to_dict(Config()), "", remarks)
    try:
        return build(Config, known, {}, "the record's settings"), remarks[:MAX_TOLD]
    except SettingsError as error:
        return Config(), [*remarks[:MAX_TOLD], f"The record's settings are refused today, the defaults are taken: {error}"]


def _common(recorded: dict[str, Any], today: dict[str, Any], path: str, remarks: list[str]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, value in recorded.items():
        if name not in today:
            remarks.append(f"{path}{name} = {value!r} is no setting any more.")
        elif isinstance(today[name], dict) and isinstance(value, dict):
            out[name] = _common(value, today[name], f"{path}{name}.", remarks)
        else:
            out[name] = value
    remarks += [f"{path}{name} is new: its default {today[name]!r} is taken." for name in today if name not in recorded]
    return out
