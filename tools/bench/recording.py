"""A capture of an hour's charge for the figures of decode and scope: our own simulation, in a process of its own, 15 s."""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORDS = ("--simulate", "--pace", "max", "--battery-kwh", "48", "--soc-start", "15")
TIMEOUT_S = 600


def hour(folder: str) -> Path:
    """frames.pcap of a charge of 66 minutes: 31 600 V2G messages in 55 000 frames, the same octets each time."""
    subprocess.run([sys.executable, str(ROOT / "main.py"), *WORDS, "--output", folder], cwd=ROOT, capture_output=True, check=True, timeout=TIMEOUT_S)
    return Path(folder) / "frames.pcap"
