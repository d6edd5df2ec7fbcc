"""`python -m tools.history.usual FOLDER`: how long each phase took in the sessions of a folder; the table of limits.py comes from it."""
from __future__ import annotations

import statistics
import sys
from itertools import pairwise
from pathlib import Path

from tools.history.model import History
from tools.history.opening import NotARecord, open_history

LEAST = 3                    # sessions; fewer say nothing about what is usual
OPEN_END = ("CurrentDemand", "ChargingStatus", "DC_ChargeLoop", "AC_ChargeLoop", "matching", "TCP connection")
"""As long as somebody wants to charge, or a matter of the recording's beginning: not usual for anything."""


def completed(histories: list[History]) -> dict[str, list[float]]:
    """Phase -> s of each session that went on after it."""
    found: dict[str, list[float]] = {}
    for history in histories:
        for phase, after in pairwise(history.phases):
            if phase.name not in OPEN_END and phase.duration > 0 and after.begin >= phase.end:
                found.setdefault(phase.name, []).append(phase.duration)
    return found


def table(histories: list[History]) -> dict[str, tuple[float, float, float]]:
    """Phase -> (lowest, median, highest) s, to two digits."""
    return {name: (_two(min(times)), _two(statistics.median(times)), _two(max(times)))
            for name, times in sorted(completed(histories).items()) if len(times) >= LEAST}


def _two(value: float) -> float:
    return float(f"{value:.2g}")


def of_folder(folder: Path) -> list[History]:
    histories: list[History] = []
    for path in sorted(folder.iterdir()):
        if path.is_file():
            try:
                histories += open_history(str(path))
            except NotARecord:
                continue                         # a README among the records
    return histories


def main(argv: list[str]) -> int:
    if len(argv) != 1 or not Path(argv[0]).is_dir():
        print("python -m tools.history.usual FOLDER: expected one folder of records", file=sys.stderr)
        return 2
    for name, (low, middle, high) in table(of_folder(Path(argv[0]))).items():
        print(f'    "{name}": ({low:g}, {middle:g}, {high:g}),')
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
