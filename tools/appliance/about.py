"""What this program is called and which version it is: from pyproject.toml, which is the one place that says so."""
from __future__ import annotations

import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


def about(project: Path = PROJECT) -> str:
    """`ccsbox 0.1.0`; without that file the name alone."""
    try:
        with project.open("rb") as file:
            told = tomllib.load(file)["project"]
    except (OSError, tomllib.TOMLDecodeError, KeyError):
        return "ccsbox"
    return f"{told.get('name', 'ccsbox')} {told.get('version', '')}".strip()
