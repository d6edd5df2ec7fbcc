"""A log of messages (pyPLC's EXI log, Clara's and pyPLC's text logs) instead of a capture, for the same lines and the same summary."""
from __future__ import annotations

from types import ModuleType
from typing import Callable

from tasks.listen.conversation import Decode
from tasks.listen.record import Record
from tasks.listen.tier import Evidence, Tier, tier_of
from tools.history.progress import Progress
from tools.history.sources import exi_log, trace_log
from tools.history.sources.messages import Fed, LoggedMessages

SOURCES = (exi_log, trace_log)
HEAD = 4096


def source_of(path: str) -> ModuleType | None:
    """The source whose kind of log this file is; None for captures and what is no record. OSError."""
    with open(path, "rb") as file:
        head = file.read(HEAD)
    return next((source for source in SOURCES if source.matches(head)), None)


class LogHearing:
    """What Summary wants of a Hearing, of a log."""

    def __init__(self, decode: Decode, heard: Callable[[Record], None]) -> None:
        self.messages = LoggedMessages(decode, heard)
        self.follow = self.messages              # its tally
        self.sessions = self.messages.sessions
        self.readings = self.messages.readings

    def tier(self, now: int) -> Tier:
        """Of a log nothing is known about what was on the line."""
        tier = tier_of(Evidence(), now)
        tier.blind.clear()
        return tier

    def feed(self, source: ModuleType, path: str, progress: Progress) -> Fed:
        return source.feed(path, self.messages, progress)
