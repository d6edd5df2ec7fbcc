"""What the folder of a plug-in that was cut off still tells: its last summary is at most a minute old, its journal and its frames go on to the end.

Runs in the process that writes the sessions, once, when the next session mends the one before. What lies in the folder is read with bounds.
"""
from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from drivers.atomic_file import replace_file
from drivers.capture_file import CaptureError, CaptureReader
from kernel.journal import Event
from kernel.timer import S
from tasks.stop_reasons import NORMAL_ENDS, StopReason
from tools.appliance.session_summary import AC_CHARGING, FORMAT, MAX_ENDS, Tries, as_json, as_text

CUT_OFF = "cut off: no end was recorded"
REMEDY = "The power went, or this program was killed: look at the supply. This is what was recorded until then."
MAX_SUMMARY = 64 * 1024      # octets
MAX_JOURNAL = 4 * 1024 * 1024        # of the newest piece of a journal, its end
MAX_FRAMES = 200_000         # of the newest piece of frames
LONGEST = 14 * 86_400.0      # s; a clock that says more is not believed
CHARGING = frozenset({*range(700, 800), *AC_CHARGING})
LINE = re.compile(r" {0,5}(\d{1,9}\.\d{3}) (\w+) +(?:\[ *(\d{1,3})\] )?(.*)")
CHANGE = re.compile(r"(\w+) -> (\w+)")
ENDED = re.compile(r"(?:WARNING: )?ended in state \w+: (.+)")
TRIP = re.compile(r"ERROR: TRIP \w+: ([^.]+)\. (.*)")
REASONS = {reason.text: reason for reason in StopReason}


def rebuild(folder: str) -> None:
    """Summary.json and .txt say how long it really lasted and how far it came. Nothing is done where no summary of ours lies. Any content: it may raise."""
    with open(os.path.join(folder, "summary.json"), encoding="utf-8") as file:
        plain = json.loads(file.read(MAX_SUMMARY))
    if plain["format"] != FORMAT or plain["complete"] or plain.get("cut_off"):
        return
    plain["cut_off"] = True
    said = _journal(Path(folder), plain)
    _frames(Path(folder), plain)
    if said.tries.count:             # a phase that went on lasted until the last line or frame
        over = int((plain.get("journal_begin_s", 0) + plain["duration_s"]) * S)
        plain["tries"], plain["phases_s"] = said.tries.count, said.tries.phases(max(said.at, over))
    if plain["stop"]["reason"] == "none":
        plain["stop"] = {"reason": CUT_OFF, "remedy": REMEDY, "in_order": False}
    texts = {"summary.json": as_json(plain), "summary.txt": as_text(plain)}
    for name, text in texts.items():
        replace_file(os.path.join(folder, name), (text,))


def _journal(folder: Path, plain: dict[str, Any]) -> _Said:
    pieces, said = _pieces(folder, "journal", ".txt"), _Said()
    if not pieces:
        return said
    for piece in dict.fromkeys((pieces[0], pieces[-1])):
        with open(piece, "rb") as file:
            file.seek(max(0, piece.stat().st_size - MAX_JOURNAL))
            for line in file.read(MAX_JOURNAL).decode("utf-8", "replace").splitlines():
                said.line(line)
    begin = plain.get("journal_begin_s")
    if isinstance(begin, (int, float)):
        _longer(plain, said.at / S - begin)
    if len(pieces) == 1:
        plain["journal_lines"] = max(plain["journal_lines"], said.lines)
        plain["warnings"], plain["errors"] = max(plain["warnings"], said.warnings), max(plain["errors"], said.errors)
    plain["last_state"] = ", ".join(filter(None, (said.state, said.v2g if said.state == "Session" else "")))
    if len(said.trips) > len(plain["trips"]):
        plain["trips"] = said.trips
    if len(said.ends) > len(plain["ends"]):
        plain["ends"] = [reason.text for reason in said.ends]
        reason = said.wrong or said.last
        if reason is not None:
            plain["stop"] = {"reason": reason.text, "remedy": reason.hint, "in_order": False}
    return said


def _frames(folder: Path, plain: dict[str, Any]) -> None:
    pieces = _pieces(folder, "frames", ".pcap")
    if not pieces:
        return
    count, at = 0, 0
    with open(pieces[-1], "rb") as file:
        try:
            for frame in CaptureReader(file):
                count, at = frame.number, frame.at
                if count >= MAX_FRAMES:
                    break
        except CaptureError as damage:           # there it ends
            count = damage.frames
    if len(pieces) == 1:
        plain["frames"] = max(plain["frames"], count)
    begin = plain.get("began_unix_s")
    if count and isinstance(begin, (int, float)):
        _longer(plain, at / S - begin)


def _longer(plain: dict[str, Any], seconds: float) -> None:
    if plain["duration_s"] < seconds < LONGEST:
        plain["duration_s"] = round(seconds, 1)


def _pieces(folder: Path, stem: str, extension: str) -> list[Path]:
    """The first one first, the newest last."""
    found = [(int(match[1] or 1), path) for path in folder.iterdir() if (match := re.fullmatch(rf"{stem}(?:-(\d{{1,6}}))?\{extension}", path.name))]
    return [path for _, path in sorted(found)]


class _Said:
    """What the lines of a journal tell of tries and ends, as SessionSummary would have heard it."""

    def __init__(self) -> None:
        self.tries = Tries()
        self.at = 0
        self.lines = self.warnings = self.errors = 0
        self.state = ""
        self.v2g = ""
        self.ends: list[StopReason] = []
        self.trips: list[dict[str, str]] = []
        self.wrong: StopReason | None = None
        self.last: StopReason | None = None
        self._powered = False

    def line(self, text: str) -> None:
        self.lines += 1
        match = LINE.fullmatch(text)
        if match is None:
            return
        seconds, source, number, said = match.groups()
        at = self.at = int(float(seconds) * S)
        changed = CHANGE.fullmatch(said)
        self.warnings += said.startswith("WARNING: ")
        self.errors += said.startswith("ERROR: ")
        if number:
            self.tries.event(Event(at, source, "checkpoint", "", (), int(number)))
            if int(number) in CHARGING:
                self._power()
        elif changed and source == "connection":
            self.state = changed[2]
            self.tries.event(Event(at, source, "info", "%s -> %s", (changed[1], changed[2])))
        elif changed and source == "v2g":
            self.v2g = changed[2]
        elif source == "connection" and (ended := ENDED.fullmatch(said)):
            self._end(REASONS.get(ended[1]))
        elif source == "safety" and (trip := TRIP.fullmatch(said)) and len(self.trips) < MAX_ENDS:
            self.trips.append({"trip": trip[1], "remedy": trip[2]})

    def _power(self) -> None:
        self.last = None
        if not self._powered:
            self.wrong = None
        self._powered = True

    def _end(self, reason: StopReason | None) -> None:
        if reason is None or reason is StopReason.UNPLUGGED or len(self.ends) >= MAX_ENDS:
            return
        self.ends.append(reason)
        self.last = reason
        if reason not in NORMAL_ENDS and (self.wrong is None or reason is StopReason.SAFETY_TRIP):
            self.wrong = reason
