"""Backups and marks of unfinished writes, as files: never overwritten, readable by their owner only (they hold keys)."""
from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from tasks.homeplug import pib
from tools.modem.refusal import MISSING, Refusal

SAME_SECOND = 100                      # backups with the same name; then somebody runs this in a loop


def default_folder(environment: dict[str, str]) -> Path:
    """Where programs keep what they must not lose (XDG base directories)."""
    state = environment.get("XDG_STATE_HOME") or Path(environment.get("HOME") or ".") / ".local" / "state"
    return Path(state) / "ccsbox" / "modem-backups"


def digest(image: pib.Pib) -> str:
    """Of the image without what a running program changes in it."""
    return hashlib.sha256(image.without_keys()).hexdigest()


@dataclass(slots=True)
class Unfinished:
    """A write that was begun: MACs before and after, digests of both images, the backup's file, and when."""

    modem: str
    new_mac: str
    old: str
    new: str
    backup: str
    began: str
    command: str

    def concerns(self, mac: bytes) -> bool:
        return mac.hex(":") in (self.modem, self.new_mac)


class Folder:
    """One folder of the user's choice."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def save(self, octets: bytes, mac: bytes, stamp: str, kind: str = "pib") -> Path:
        """A new file `KIND-MAC-TIME.bin`, on the disk and read back. Refusal when that is not possible."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            for number in range(SAME_SECOND):
                file = self.path / f"{kind}-{mac.hex()}-{stamp}{f'-{number + 1}' if number else ''}.bin"
                try:
                    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                except FileExistsError:
                    continue
                with os.fdopen(handle, "wb") as out:
                    out.write(octets)
                    out.flush()
                    os.fsync(out.fileno())
                if file.read_bytes() != octets:
                    raise Refusal(f"The backup {file} reads back differently.", "Nothing was written to the modem. Give another --backup-dir.")
                return file
        except OSError as e:
            raise Refusal(f"The backup cannot be written into {self.path} ({e.strerror or e}).",
                          "Nothing was written to the modem. Give --backup-dir a folder that can be written.") from e
        raise Refusal(f"There are {SAME_SECOND} backups of the same second in {self.path}.", "Nothing was written to the modem. Wait a second.")

    def backup(self, image: pib.Pib, stamp: str) -> Path:
        """Saved, and proven to be a PIB that `restore` would take."""
        file = self.save(image.octets, image.mac, stamp)
        if load(file) != image:
            raise Refusal(f"The backup {file} is not what was read.", "Nothing was written to the modem. Give another --backup-dir.")
        return file

    # --- marks

    def mark(self, unfinished: Unfinished) -> Path:
        """Before the first octet is written."""
        file = self._mark_of(unfinished)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with open(file, "w", encoding="utf-8") as out:
                json.dump(asdict(unfinished), out, indent=1)
                out.flush()
                os.fsync(out.fileno())
        except OSError as e:
            raise Refusal(f"The mark of the beginning write cannot be made in {self.path} ({e.strerror or e}).",
                          "Nothing was written to the modem. Give another --backup-dir.") from e
        return file

    def unmark(self, unfinished: Unfinished) -> None:
        self._mark_of(unfinished).unlink(missing_ok=True)

    def unfinished(self) -> list[Unfinished]:
        """Marks that nobody has taken away; a damaged one is told by its name."""
        found = []
        for file in sorted(self.path.glob("unfinished-*.json")) if self.path.is_dir() else []:
            try:
                found.append(Unfinished(**json.loads(file.read_text(encoding="utf-8"))))
            except (OSError, ValueError, TypeError) as e:
                raise Refusal(f"The mark of an unfinished write {file} cannot be read ({e}).",
                              "Look at the modem with `info`; if its PIB is valid remove this file, else `restore` the newest backup.") from e
        return found

    def _mark_of(self, unfinished: Unfinished) -> Path:
        return self.path / f"unfinished-{unfinished.modem.replace(':', '')}.json"


def load(file: Path) -> pib.Pib:
    """A backup; Refusal when it cannot be read or is no valid PIB."""
    try:
        if file.is_dir():
            raise Refusal(f"{file} is a folder.", "Give a file that `backup` has written.")
        if file.stat().st_size > pib.MAX_SIZE:
            raise Refusal(f"{file} has {file.stat().st_size} octets, a PIB at most {pib.MAX_SIZE}.", "Give a file that `backup` has written.")
        octets = file.read_bytes()
    except OSError as e:
        raise Refusal(f"{file} cannot be read ({e.strerror or e}).", "Give a file that `backup` has written.", MISSING) from e
    try:
        return pib.parse(octets)
    except pib.PibError as e:
        raise Refusal(f"{file} is no usable PIB: {e.problem}", "Give a file that `backup` has written.") from e
