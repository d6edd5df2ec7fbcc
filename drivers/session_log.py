"""Files the sessions that a listener overheard: one CSV line each for a spreadsheet, one JSON line each for programs.

Both files are only ever appended to, and each line is flushed at once. The CSV is the SECC log: which charger was met when.
"""
from __future__ import annotations

import csv
import io
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Sequence

from kernel.record import settings_class
from kernel.settings import setting

MAX_OCTETS = 4 * 1024 * 1024     # of one file (about 20 000 sessions); then it gets a number and a new one begins
KEPT = 4                         # numbered files; the oldest is deleted
JSON_NAME = "sessions.jsonl"
CSV_NAME = "secc-log.csv"
NS_PER_S = 1_000_000_000


@settings_class(slots=True)
class PeerLogConfig:
    """Section `peer_log`: whom a car or a charger has met."""

    file: str = setting("", meaning="CSV file with the MAC address of each charger (in a car) or car (in a charger), when matched and when it ended; empty: secc-log.csv in the folder of --output")


class GrowingFile:
    """Lines appended to one file; a file that is full becomes NAME.1, NAME.1 becomes NAME.2 and so on."""

    def __init__(self, path: Path, header: str = "") -> None:
        self.path = path
        self._header = header

    def append(self, line: str) -> None:
        """One line, on the disk when this returns. OSError when it is not."""
        size = self.path.stat().st_size if self.path.exists() else 0
        if size and size + len(line) > MAX_OCTETS:
            self._turn()
            size = 0
        with open(self.path, "a", encoding="utf-8", newline="") as file:
            if not size and self._header:
                file.write(self._header)
            file.write(line)

    def _turn(self) -> None:
        for number in range(KEPT, 0, -1):
            old = self.path if number == 1 else self._numbered(number - 1)
            if old.exists():
                old.replace(self._numbered(number))

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")


class SessionLog:
    """`session(at, row, everything)` files one session; `lost` counts those that a disk did not take."""

    def __init__(self, secc_log: Path | None, folder: Path | None, columns: Sequence[str], epoch_ns: int, named_by: str = "listen.secc_log") -> None:
        """`columns`: names of the CSV's columns. `epoch_ns`: ns since 1970 at which the clock of the sessions stood at 0. `named_by`: the setting for another place."""
        self._csv = None if secc_log is None else GrowingFile(secc_log, _csv_line(columns))
        self._json = None if folder is None else GrowingFile(folder / JSON_NAME)
        self._epoch = epoch_ns
        self._named_by = named_by
        self.lost = 0

    def session(self, at: int, row: Sequence[str], everything: dict[str, Any]) -> str:
        """"" or one sentence why it could not be written. `row` is what comes after the time."""
        when = wall_text(at + self._epoch)
        for file, line in ((self._csv, _csv_line((when, *row))), (self._json, json.dumps({"time": when, **everything}) + "\n")):
            if file is None:
                continue
            try:
                file.append(line)
            except OSError as error:
                self.lost += 1
                return (f"{file.path} cannot be written ({error.strerror}); sessions are counted as lost. "
                        f"Free the disk, or name another file with {self._named_by}")
        return ""


def wall_text(ns: int) -> str:
    """`2026-11-21T03:12:45.120+01:00`: local time with its zone."""
    try:
        at = datetime.fromtimestamp(ns // NS_PER_S, timezone.utc).astimezone().replace(microsecond=ns % NS_PER_S // 1000)
    except (ValueError, OverflowError, OSError):
        return f"{ns // NS_PER_S} s"         # a capture with an impossible clock
    return at.isoformat(timespec="milliseconds")


def _csv_line(fields: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(fields)
    return out.getvalue()
