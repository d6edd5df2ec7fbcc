"""The folders of the sessions at one place: numbered, counted, the oldest taken away; the last one mended after a power cut."""
from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Callable

from drivers.atomic_file import replace_file, sync_folder
from drivers.capture_file import CaptureError, CaptureReader, pcap_head
from drivers.recording.box_file import end_of_blocks
from drivers.recording.pieces import APPEND

SEQUENCE = "sequence"                # the last number that was given: a clock may jump, a number does not
MARK = "unfinished"                  # lies in a folder until it has got its last summary
ETHERNET = 14                        # octets of an Ethernet header
FRAMES, JOURNAL = ("frames", ".pcap"), ("journal", ".txt")
OURS = re.compile(r"(\d{6,})-\d{8}T\d{6}Z-[a-z]{1,10}")
FILES = re.compile(r"(?:frames|journal)(?:-\d+)?\.(?:pcap|txt)|summary\.(?:json|txt)(?:\.new)?|settings\.yaml(?:\.new)?|session-[\dTZ]{16}-(?:car|charger)\.ccsbox(?:\.new)?|" + MARK)
"""What may be deleted: a file that somebody else has put into a folder stays, and the folder with it."""


def box_name(session: str) -> str:
    """The black box of the session whose folder is called so: `000012-20261121T031245Z-evse`."""
    _, began, role = session.split("-", 2)
    return f"session-{began}-{'charger' if role == 'evse' else 'car'}.ccsbox"


class Store:
    """Nothing is touched before `begin`. OSError when the disk refuses."""

    def __init__(self, path: str, keep: int, octets: int, disk: Any = os) -> None:
        """`keep` folders of together `octets` at most."""
        self.path = path
        self._keep = keep
        self._octets = octets
        self._disk = disk

    def last_number(self) -> int:
        """Of the sessions so far, 0 when there is none; by the names of the folders where the sequence file says less, or nothing."""
        return max([self._sequence(), *(number for number, _ in self.folders())])

    def begin(self, number: int, name: str, room: int) -> str:
        """A new folder of this name, after the oldest ones have made `room` octets for it; one of that name that is there is gone on with."""
        self._disk.makedirs(self.path, exist_ok=True)
        self._make_room(room, name)
        folder = os.path.join(self.path, name)
        try:
            self._disk.mkdir(folder)
        except FileExistsError:
            self.mend(folder)
        if self._sequence() < number:
            replace_file(os.path.join(self.path, SEQUENCE), (f"{number}\n",), self._disk)
        self._disk.close(self._disk.open(os.path.join(folder, MARK), APPEND, 0o644))
        sync_folder(folder, self._disk)
        sync_folder(self.path, self._disk)
        return folder

    def finish(self, folder: str) -> None:
        """It is whole."""
        self._disk.unlink(os.path.join(folder, MARK))
        sync_folder(folder, self._disk)

    def folders(self) -> list[tuple[int, str]]:
        """(number, name), the oldest first."""
        try:
            with os.scandir(self.path) as entries:
                names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:                          # not there yet, or not any more: `begin` says which
            return []
        return sorted((int(match[1]), name) for name in names if (match := OURS.fullmatch(name)))

    def remove_oldest(self, spared: str) -> bool:
        """The oldest folder but `spared` is gone. False: there is none that could be taken away."""
        return any(self._remove(os.path.join(self.path, name)) for _, name in self.folders() if name != spared)

    def mend_last(self, then: Callable[[str], None] = lambda folder: None) -> str:
        """The newest folder that the power or a kill cut off is made readable; its name, "" when there is none. `then(folder)` before it counts as whole."""
        for _, name in reversed(self.folders()):
            folder = os.path.join(self.path, name)
            if os.path.exists(os.path.join(folder, MARK)):
                self.mend(folder)
                then(folder)
                self.finish(folder)
                return name
        return ""

    def mend(self, folder: str) -> None:
        """The newest piece of frames and of journal ends with its last whole record: no NUL octets, no half one."""
        for (stem, extension), end_of in ((FRAMES, end_of_frames), (JOURNAL, end_of_lines)):
            pieces = [path for path in Path(folder).glob(f"{stem}*{extension}") if FILES.fullmatch(path.name)]
            if pieces:
                newest = max(pieces, key=lambda path: int("0" + "".join(filter(str.isdecimal, path.name))))
                end = end_of(newest)
                if end < newest.stat().st_size:
                    os.truncate(newest, end)
        for box in Path(folder).glob("session-*.ccsbox"):
            if FILES.fullmatch(box.name) and (end := end_of_blocks(box)) < box.stat().st_size:
                os.truncate(box, end)

    # --- details

    def _sequence(self) -> int:
        try:
            text = Path(self.path, SEQUENCE).read_text(encoding="ascii")[:20].strip()
        except (OSError, ValueError):            # no file yet, or octets that are no text: the folders know
            return 0
        return int(text) if text.isdecimal() else 0

    def _make_room(self, room: int, spared: str) -> None:
        folders = [name for _, name in self.folders() if name != spared]
        sizes = [self._size(name) for name in folders]
        for name, size in list(zip(folders, sizes)):
            if len(folders) < self._keep and sum(sizes) + room <= self._octets:
                return
            if self._remove(os.path.join(self.path, name)):
                folders.remove(name)
                sizes.remove(size)

    def _size(self, name: str) -> int:
        with os.scandir(os.path.join(self.path, name)) as entries:
            return sum(entry.stat(follow_symlinks=False).st_size for entry in entries)

    def _remove(self, folder: str) -> bool:
        """True when the folder is gone. What is not ours stays, and is not looked into."""
        names = self._disk.listdir(folder)
        if not all(FILES.fullmatch(name) for name in names):
            return False
        for name in names:
            self._disk.unlink(os.path.join(folder, name))
        self._disk.rmdir(folder)
        return True


def end_of_frames(path: Path) -> int:
    """Octets up to the last frame that can be one: whole, with an Ethernet header that is not all zeros."""
    head = pcap_head()
    with open(path, "rb") as file:
        if file.read(len(head)) != head:
            return 0
        file.seek(0)
        try:
            reader = CaptureReader(file)
            for frame in reader:
                if len(frame.data) < ETHERNET or not any(frame.data[:ETHERNET]):
                    return frame.offset
        except CaptureError as damage:
            return damage.offset
    return reader.offset - reader.zeros


def end_of_lines(path: Path) -> int:
    """Octets up to the last whole line that is text."""
    with open(path, "rb") as file:
        text = file.read()                       # a piece, at most a few MiB
    zeros = text.find(0)
    return (text if zeros < 0 else text[:zeros]).rfind(b"\n") + 1

