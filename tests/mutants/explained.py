"""Survivors that nobody can tell from the original, with the reason; kept in explained.toml."""
from __future__ import annotations

import tomllib
from pathlib import Path

from tests.mutants.operators import Mutant

FILE = Path(__file__).with_name("explained.toml")


class Explained:
    """Reasons by the mutant's name."""

    def __init__(self, reasons: dict[str, str]) -> None:
        self._reasons = reasons

    def why(self, mutant: Mutant) -> str:
        """Empty when nobody explained it."""
        return self._reasons.get(mutant.name, "")

    def unknown(self, names: set[str], files: set[str]) -> list[str]:
        """Explained, of one of `files`, but not among `names`: the source has changed."""
        return sorted(name for name in self._reasons if name not in names and name.split(" | ")[0] in files)


def load(path: Path = FILE) -> Explained:
    """Each `[[reason]]` has `why` and the names of `mutants` that it holds for."""
    reasons: dict[str, str] = {}
    for row in tomllib.loads(path.read_text(encoding="utf-8")).get("reason", []):
        for name in row["mutants"]:
            if name in reasons:
                raise ValueError(f"{path.name}: explained twice: {name}")
            reasons[name] = row["why"]
    return Explained(reasons)
