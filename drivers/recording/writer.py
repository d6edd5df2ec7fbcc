"""Writes the sessions: takes blocks from the box, puts them into a folder, syncs each second, survives what a disk may say.

It waits for the disk, the box never does. Where the first place refuses (read-only, full even without the oldest sessions, gone) a session
goes to the next one; where all refuse it is tried again, and what comes meanwhile is counted as lost.
"""
from __future__ import annotations

import errno
import json
import os
from typing import Any, Callable, Sequence

from drivers.atomic_file import replace_file
from drivers.capture_file import pcap_head
from drivers.recording import wire
from drivers.recording.box_file import BoxFile
from drivers.recording.pieces import Pieces
from drivers.recording.store import FRAMES, JOURNAL, Store, box_name
from kernel.timer import NEVER, S

SYNC = S                     # a power cut takes no more than this
RETRY = 5 * S                # until a disk that refused is asked again
NEWEST = 3                   # pieces kept beside the first one
FRAMES_SHARE, JOURNAL_SHARE, BOX_SHARE = 10, 3, 44      # percent of a session's octets that one piece may take, and the black box; 4 pieces of each leave 4 % to the small files
MAX_FILES = 8                # named files of one session
FULL = (errno.ENOSPC, errno.EDQUOT)


class Writer:
    """`take` and `tick` with the time in ns; `say(words)` is told what the box should know."""

    def __init__(self, places: Sequence[tuple[Store, int]], say: Callable[..., None], disk: Any = os,
                 rebuild: Callable[[str], None] | None = None) -> None:
        """`places`: where a session may go, in this order, and how many octets it may take there. `rebuild(folder)`: of one that was mended."""
        self.lost = 0                # blocks of the present session that no disk took
        self.folder = ""             # of the present session, "" while it has none
        self.name = ""
        self._places = places
        self._say = say
        self._disk = disk
        self._rebuild = rebuild
        self._store: Store | None = None
        self._pieces: dict[bytes, Pieces | BoxFile] = {}
        self._files: dict[str, str] = {}         # by name: what a new folder gets again
        self._stale: set[str] = set()            # files whose content is not on the disk yet
        self._place = 0
        self._shunned: dict[int, tuple[int, str]] = {}       # places that refused: until when they are not asked, and why
        self._vanished_at = -RETRY
        self._sync_at = NEVER
        self._retry_at = NEVER
        self._told = ""                          # the problem that stands

    @property
    def next_timer(self) -> int:
        """When `tick` is wanted; NEVER while no session is written."""
        return min(self._sync_at, self._retry_at)

    def take(self, data: bytes, now: int) -> None:
        """One datagram of the box."""
        kind, content = data[:1], data[1:]
        if kind == wire.BEGIN:
            self._begin(*json.loads(content), now)
        elif not self.name:
            self.lost += 1           # nothing was begun: a process that has just taken the place of a lost one
        elif kind == wire.FILE:
            name, _, text = content.partition(b"\0")
            if name.decode() in self._files or len(self._files) < MAX_FILES:
                self._files[name.decode()] = text.decode("utf-8", "replace")
                self._stale.add(name.decode())
        elif kind == wire.END:
            self._end(now)
        elif kind in (wire.FRAMES, wire.JOURNAL, wire.BOX):
            self._append(kind, content, now)

    def tick(self, now: int) -> None:
        """What time alone asks for: sync, or another try."""
        if now >= self._retry_at:
            self._open(now)
        if now >= self._sync_at:
            self._sync(now)

    def gone(self, now: int) -> None:
        """The box has ended without a word: what is there is kept, and stays marked as unfinished."""
        if self.name:
            self._sync(now)
            self._close()

    # --- a session

    def _begin(self, role: str, began: str, again: str, now: int) -> None:
        if self.name:
            self._end(now)
        self.lost = 0
        self._files, self._stale, self._shunned = {}, set(), {}
        if again:
            self.name = again
        else:
            number = max(store.last_number() for store, _ in self._places) + 1
            self.name = f"{number:06d}-{began}-{role}"
            self._mend_last()
        self._open(now)

    def _mend_last(self) -> None:
        try:
            mended = self._places[0][0].mend_last(self._remains)
        except OSError as error:
            self._problem(f"the session before cannot be mended ({error.strerror})")
            return
        if mended:
            self._say(mended=mended)

    def _remains(self, folder: str) -> None:
        if self._rebuild is not None:
            try:
                self._rebuild(folder)
            except Exception as error:  # noqa: BLE001 - whatever lies in an old folder: the present session is recorded
                self._say(remains=f"the summary of {os.path.basename(folder)} stays as it was last saved ({type(error).__name__}: {error})")

    def _open(self, now: int) -> None:
        """At the first place that takes it."""
        self._retry_at = NEVER
        for number, (store, octets) in enumerate(self._places):
            if now < self._shunned.get(number, (0, ""))[0]:
                continue
            try:
                self._open_at(number, store, octets)
            except OSError as error:
                self._close()
                self._shunned[number] = now + RETRY, f"{store.path} ({error.strerror or error})"
                continue
            refused = ", ".join(self._shunned[n][1] for n in range(number) if n in self._shunned)
            self._shunned.pop(number, None)
            self._sync_at = now + SYNC
            self._say(session=self.name, place=store.path, lost=self.lost)
            if refused:
                self._problem(f"sessions are kept in {store.path} only, because there is no writing to {refused}")
            else:
                self._told = ""
            return
        self._retry_at = min(at for at, _ in self._shunned.values())
        self._problem(f"this session is not recorded: no writing to {', '.join(why for _, why in self._shunned.values())}")

    def _open_at(self, number: int, store: Store, octets: int) -> None:
        self._store, self._place = store, number
        self._with_room(lambda: setattr(self, "folder", store.begin(int(self.name.partition("-")[0]), self.name, octets)))
        self._pieces = {wire.FRAMES: Pieces(self.folder, *FRAMES, pcap_head(), octets * FRAMES_SHARE // 100, NEWEST, self._disk),
                        wire.JOURNAL: Pieces(self.folder, *JOURNAL, b"", octets * JOURNAL_SHARE // 100, NEWEST, self._disk),
                        wire.BOX: BoxFile(self.folder, box_name(self.name), octets * BOX_SHARE // 100, self._disk)}
        self._stale = set(self._files)
        self._with_room(self._replace_files)

    def _append(self, kind: bytes, block: bytes, now: int) -> None:
        if self.folder:
            try:
                self._with_room(lambda: self._pieces[kind].append(block))
                return
            except OSError as error:
                self._fail(error, now)
                if self.folder:                  # the next place took the session
                    self._append(kind, block, now)
                    return
        self.lost += 1

    def _sync(self, now: int) -> None:
        """Frames and journal first: a summary never tells of what is not there."""
        self._sync_at = now + SYNC
        if not self.folder:
            return
        try:
            if any(pieces.gone() for pieces in self._pieces.values()):
                raise OSError(errno.ENOENT, "the session's folder was taken away")
            for pieces in self._pieces.values():
                self._with_room(pieces.sync)
            self._with_room(self._replace_files)
        except OSError as error:
            self._fail(error, now)

    def _replace_files(self) -> None:
        for name in sorted(self._stale):
            replace_file(os.path.join(self.folder, name), (self._files[name],), self._disk)
            self._stale.discard(name)

    def _with_room(self, write: Callable[[], None]) -> None:
        """Once more for each old session that gives its place to this one."""
        while True:
            try:
                write()
                return
            except OSError as error:
                if error.errno not in FULL or self._store is None or not self._store.remove_oldest(self.name):
                    raise

    def _end(self, now: int) -> None:
        self._sync(now)
        if not self.folder:
            self._shunned = {}
            self._open(now)                      # the last try: the summary alone is worth a folder
        if self.folder and self._store is not None:
            try:
                self._store.finish(self.folder)
            except OSError as error:
                self._problem(f"the end of session {self.name} is not on the disk ({error.strerror})")
        self._say(done=self.name, recorded=bool(self.folder), lost=self.lost)
        self._close()
        self.name = ""
        self._retry_at = NEVER

    # --- failures

    def _fail(self, error: OSError, now: int) -> None:
        """The present place refuses: the others are asked, and it again after a while. One whose folder was taken away gets a new one at once."""
        self._close()
        if error.errno == errno.ENOENT and now - self._vanished_at >= RETRY:
            self._vanished_at = now
            self._say(problem=f"session {self.name} was taken away while it was written; its folder is made anew", lost=self.lost)
        else:
            self._shunned[self._place] = now + RETRY, f"{self._places[self._place][0].path} ({error.strerror or error})"
        self._open(now)

    def _problem(self, sentence: str) -> None:
        """Once, until it is another one or over."""
        if sentence != self._told:
            self._told = sentence
            self._say(problem=sentence, lost=self.lost)

    def _close(self) -> None:
        for pieces in self._pieces.values():
            try:
                pieces.close()
            except OSError as error:
                self._problem(f"{self.folder} cannot be written ({error.strerror})")
        self._pieces = {}
        self.folder = ""
        self._sync_at = NEVER
