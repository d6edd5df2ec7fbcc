"""The folder of a session (drivers/recording, `--output` of a run): which file in it has the most."""
from __future__ import annotations

from pathlib import Path

from drivers.blackbox.reader import is_box

MAX_LOOKED = 256             # files of a folder that are looked at


def box_inside(folder: Path) -> Path | None:
    """The black box file of this folder; of a simulation's two the car's. OSError as the folder has it."""
    boxes = sorted(path for path in sorted(folder.iterdir())[:MAX_LOOKED] if path.suffix == ".ccsbox" and path.is_file() and is_box(path))
    return boxes[0] if boxes else None


def record_inside(folder: Path) -> Path | None:
    """The black box file, else the frames; None where neither is."""
    frames = folder / "frames.pcap"
    return box_inside(folder) or (frames if frames.is_file() else None)
