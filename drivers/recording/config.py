"""Section `sessions` of the configuration: where the folder of each plug-in goes, and what it may take."""
from __future__ import annotations

from kernel.record import settings_class
from kernel.settings import setting


@settings_class(slots=True)
class SessionsConfig:
    """A folder of its own for each plug-in: frames, journal, summary. Nothing is written while nothing goes on."""

    folder: str = setting("", meaning=(
        "where they are made, on a disk that outlives a power cut (a box that was installed: /var/lib/ccsbox/sessions); empty: none"))
    volatile: str = setting("/run/ccsbox/sessions", meaning=(
        "where a session goes instead while that folder cannot be written; in memory, gone with the power; empty: nowhere"))
    keep: int = setting(100, low=1, high=9999, meaning="folders that are kept; the oldest goes first")
    max_mib: int = setting(512, unit="MiB", low=4, high=1_000_000, meaning="all of them together take no more")
    session_mib: int = setting(32, unit="MiB", low=1, high=4096, meaning="one of them takes no more: its beginning and its newest part are kept (a charge of an hour has about 10)")
    volatile_mib: int = setting(8, unit="MiB", low=1, high=1024, meaning="the same of all that are in volatile together")
    black_box: bool = setting(True, meaning="the folder also gets a black box, the file that python -m tools.replay plays; false: a little less work for a slow processor")
    before_s: int = setting(15, unit="s", low=1, high=600, meaning="so much from before the plug-in is kept in memory and begins the folder")

    def __post_init__(self) -> None:
        if self.session_mib > self.max_mib:
            raise ValueError(f"session_mib = {self.session_mib} is more than max_mib = {self.max_mib}: one session would not fit")
