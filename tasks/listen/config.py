"""Settings of the listener."""
from __future__ import annotations

from dataclasses import dataclass

from kernel.settings import setting


@dataclass(slots=True)
class ListenConfig:
    """Section `listen` of the configuration."""

    show: str = setting("messages", choices=("v2g", "messages", "all"), meaning=(
        "what gets a line in the journal: only V2G messages; every message; also bare acknowledgements and foreign traffic"))
    report_s: int = setting(60, unit="s", low=1, high=3600, meaning="how often the journal says how many frames were heard and understood")
