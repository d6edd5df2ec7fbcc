"""The folder that a plug-in leaves (drivers/recording): its black box file; else frames and journal in pieces, and a summary of how their clocks belong together."""
from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Iterator

from drivers.capture_file import CaptureError, CapturedFrame
from tools.explain.box import parse
from tools.explain.evidence import Line
from tools.explain.sources.black_box import BlackBoxSource
from tools.explain.sources.capture import frames_of
from tools.history.folder import box_inside
from tools.explain.sources.material import Material, Unreadable

MAX_SUMMARY = 64 * 1024                  # octets
MAX_PIECES = 8                           # of frames and of the journal: drivers/recording/pieces.py keeps four
MAX_JOURNAL = 32 * 1024 * 1024           # octets of one piece
ROLES = ("pev", "bridge", "evse")
FRAMES, JOURNAL, SUMMARY = "frames", "journal", "summary.json"


class FolderSource:
    """`--output DIR` of a box has the same frames and journal, without a summary: its times count from the same instant."""

    def claims(self, path: Path) -> bool:
        return path.is_dir()

    def read(self, path: Path) -> Material:
        inside = box_inside(path)
        if inside is not None:
            try:
                found = BlackBoxSource().read(inside)
            except Unreadable as problem:
                return self._pieces(path, (f"{inside.name} cannot be read ({problem}): told from frames and journal",))
            found.title = f"{path.name}/{inside.name}"
            return found
        return self._pieces(path, ())

    def _pieces(self, path: Path, before: tuple[str, ...]) -> Material:
        frames, journals, role = _pieces(path, FRAMES, ".pcap"), _pieces(path, JOURNAL, ".txt"), ""
        for word in ROLES if not journals else ():       # a simulation has one of each side; the frames are the car's
            journals = journals or _pieces(path, f"{JOURNAL}-{word}", ".txt")
            role = role or (word if journals else "")
        if not frames and not journals:
            raise Unreadable(f"no record of a session: expected {FRAMES}.pcap and {JOURNAL}.txt, found "
                             + (", ".join(sorted(p.name for p in path.iterdir())[:6]) or "an empty folder"))
        summary, notes = _summary(path)
        notes = (*before, *notes)
        shift = _number(summary, "began_unix_s") - _number(summary, "journal_begin_s")
        lines: list[Line] = []
        for piece in journals:
            with open(piece, encoding="utf-8", errors="replace") as file:
                lines += parse(file.read(MAX_JOURNAL).splitlines(), shift)
        role = role or summary.get("mode", "")
        if role not in ROLES:
            role = next((word for word in ROLES if path.name.endswith(f"-{word}")), "")
        if not frames:
            notes = (*notes, f"no {FRAMES}.pcap: told from the journal alone")
        return Material(path.name, "folder", _frames(frames), lines, role, notes)


def _number(summary: dict[str, Any], key: str) -> float:
    value = summary.get(key)
    return float(value) if isinstance(value, (int, float)) else 0.0


def _summary(path: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    try:
        with open(path / SUMMARY, encoding="utf-8") as file:
            found = json.loads(file.read(MAX_SUMMARY))
    except FileNotFoundError:
        return {}, ()
    except ValueError as problem:
        return {}, (f"{SUMMARY} cannot be read ({problem}): the times of frames and journal may not fit together",)
    if not isinstance(found, dict):
        return {}, (f"{SUMMARY} is not one of ours: the times of frames and journal may not fit together",)
    notes = () if found.get("complete", True) else ("the record was cut off (power lost or program killed)",)
    return found, notes


def _pieces(folder: Path, stem: str, extension: str) -> list[Path]:
    """The first one first, the newest last."""
    found = []
    for path in folder.iterdir():
        match = re.fullmatch(rf"{stem}(?:-(\d{{1,6}}))?\{extension}", path.name)
        if match:
            found.append((int(match[1] or 1), path))
    return [path for _, path in sorted(found)][:MAX_PIECES]


def _frames(pieces: list[Path]) -> Iterator[CapturedFrame]:
    """One piece after the other; damage at the end of one (a power cut) ends that piece."""
    for n, piece in enumerate(pieces):
        try:
            yield from frames_of(piece)
        except CaptureError:
            if n + 1 == len(pieces):
                raise                    # the newest one: whoever reads it tells
