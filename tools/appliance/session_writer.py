"""The process that writes the sessions, with what knows how the summary of one that was cut off is made anew."""
from __future__ import annotations

from drivers.recording import process


def main(arguments: list[str]) -> None:
    process.main(arguments, _rebuild)


def _rebuild(folder: str) -> None:
    from tools.appliance.session_remains import rebuild      # what that takes to load is seldom wanted
    rebuild(folder)
