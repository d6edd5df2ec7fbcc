"""How far a long file is read, told to whoever wants to show it."""
from __future__ import annotations

from typing import Callable

Progress = Callable[[int, int], None]
"""(octets read, frames or lines read)"""


def silent(octets: int, count: int) -> None:
    """For who does not want to know."""
