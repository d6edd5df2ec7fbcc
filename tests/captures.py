"""The recordings beside the repository (real cars and chargers); tests that want them skip when they are not there."""
from __future__ import annotations

from pathlib import Path
from typing import Iterator

import pytest

from drivers.capture_file import CaptureReader

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "captures"


def capture_files(name: str = "") -> list[Path]:
    """Files whose name begins with `name`; the test is skipped when there are none."""
    files = sorted(p for p in FOLDER.glob(name + "*") if p.suffix in (".pcap", ".pcapng")) if FOLDER.is_dir() else []
    if not files:
        pytest.skip(f"no captures {name}* in {FOLDER}")
    return files


def captured(path: Path, ethertype: int) -> Iterator[bytes]:
    """Every frame of one file with this EtherType."""
    wanted = ethertype.to_bytes(2, "big")
    with open(path, "rb") as file:
        for frame in CaptureReader(file):
            if frame.data[12:14] == wanted:
                yield frame.data
