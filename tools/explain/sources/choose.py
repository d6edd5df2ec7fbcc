"""Which kind of record lies at a path: the first source that claims it."""
from __future__ import annotations

from pathlib import Path

from tools.explain.sources.black_box import BlackBoxSource
from tools.explain.sources.capture import CaptureSource
from tools.explain.sources.folder import FolderSource
from tools.explain.sources.material import Material, Source, Unreadable

SOURCES: tuple[Source, ...] = (FolderSource(), BlackBoxSource(), CaptureSource())
"""A black box file goes before the capture, which it also is."""


def material(path: Path) -> Material:
    """Unreadable with what was expected and what is there; OSError as the system has it."""
    for source in SOURCES:
        if source.claims(path):
            return source.read(path)
    raise Unreadable("neither a file nor a folder: expected a black box file (.ccsbox), a capture (pcap, pcapng), an SPI trace (CSV) or the folder of a session")
