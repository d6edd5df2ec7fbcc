"""`open_history(path)`: whatever kind of record a file is, its sessions as histories."""
from __future__ import annotations

from exi_native.codec import load
from tasks.listen.conversation import Decode
from tasks.listen.exi import decoder
from tools.history.model import History
from tools.history.progress import Progress, silent
from tools.history.sources import black_box, capture, exi_log, trace_log

SOURCES = (black_box, capture, exi_log, trace_log)      # the first; a black box is a capture as well that knows the beginning of a file reads it
HEAD = 4096                                  # octets that tell


class NotARecord(ValueError):
    """The file is no record of a session; the sentence says what was expected and what came."""


def open_history(path: str, decode: Decode | None = None, progress: Progress = silent) -> list[History]:
    """At least one history, in order of time; the last one's `damage` says where the file could not be read further.

    `decode`: the codec (tasks.listen.exi.decoder), loaded when None: CodecUnavailable is raised where there is none. NotARecord, OSError.
    """
    with open(path, "rb") as file:
        head = file.read(HEAD)
    if not head:
        raise NotARecord("the file is empty")
    for source in SOURCES:
        if source.matches(head):
            return source.read(path, decode or decoder(load()), progress)
    raise NotARecord(f"no record of a session: expected {', or '.join(source.SAYS for source in SOURCES)}; it begins with {head[:8].hex(' ')}")
