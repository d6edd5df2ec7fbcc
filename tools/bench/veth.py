"""Figures over a veth pair (root): runs the interoperability tests' own bench, with the foreign charger where it is installed."""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / ".venv-peers" / "bin" / "python"      # made by ./install/test.sh --interop


def main() -> None:
    """Print the figures; without the peers' environment only our own."""
    command = [sys.executable, "-m", "tests.interop.bench"]
    if PEERS.exists():
        command += ["--peers", str(PEERS)]
    else:
        print("veth: no .venv-peers: run ./install/test.sh --interop once to have the foreign charger beside ours", flush=True)
    subprocess.run(command, cwd=ROOT, check=False)
