"""Is a configuration file still the shipped one? Then it says the defaults, and need not be read: 66 kB of YAML are most of a second on a small board."""
from __future__ import annotations

import hashlib
from pathlib import Path

SHA256 = "6fcdef711641624614b724b84185b6e685c46f5b879e741889ac5db902079a56"
"""Of config.yaml as `main.py --print-config` writes it; tests/config says what it has to be."""


def is_shipped(path: Path) -> bool:
    """False also where it cannot be read: whoever reads it says why."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == SHA256
    except OSError:
        return False
