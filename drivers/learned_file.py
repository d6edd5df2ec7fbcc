"""A small JSON file that outlives power cuts: read once at the start, replaced as a whole now and then, never waited for.

A card may take seconds for an fsync, and the guard opens the contactors after 100 ms without a sign of life. So the writing is done by a
thread that ends with it, and `drivers.atomic_file` keeps one of the two contents whole whenever the power fails.
"""
from __future__ import annotations

import _thread
import json
import os
from pathlib import Path
from typing import Any, Callable, Iterator

from drivers.atomic_file import FOLDER, Disk, replace_file

MAX_OCTETS = 256 * 1024          # all that may be remembered takes about 70 KiB; a larger file is none of ours
STACK = 512 * 1024               # octets; the default of 8 MiB would be locked into memory (kernel.realtime)
READ = os.O_RDONLY | os.O_NONBLOCK       # a FIFO of that name would keep us at the start
SETTING = "bridge.learned_file"


def in_thread(run: Callable[[], None]) -> None:
    """Begin `run` beside us. RuntimeError: no memory, or too many threads."""
    before = _thread.stack_size(STACK)
    try:
        _thread.start_new_thread(run, ())        # threading.Thread.start() would wait until it runs
    finally:
        _thread.stack_size(before)


class LearnedFile:
    """`load` at the start, `save` at most once per session; nothing here raises, and `save` never waits."""

    def __init__(self, path: str | Path, *, disk: Disk = os, begin: Callable[[Callable[[], None]], None] = in_thread) -> None:      # type: ignore[assignment]
        """`disk`, `begin`: the operating system and its threads."""
        self.path = Path(os.path.realpath(path))     # behind a link: the new file must be made on the same disk
        self.errors = 0                              # readings and writes that failed
        self.skipped = 0                             # contents that came while the last was still being written
        self.written = 0
        self._disk = disk
        self._begin = begin
        self._busy = _thread.allocate_lock()         # held while a content is being written
        self._problems: dict[str, str] = {}          # by kind, "read" and "write": the first sentence of each
        self._told: set[str] = set()

    def load(self) -> Any:
        """What the file holds, as `json` gives it; None when there is no file (quietly), or none that can be read (see `problem`). Waits for the disk."""
        try:
            try:
                return json.loads(self._content())
            except FileNotFoundError:
                self._disk.close(self._disk.open(str(self.path.parent), FOLDER))     # a folder that is missing is told now, not after a session
        except OSError as error:
            self._failed("read", f"{self.path} cannot be read ({error.strerror or error}); nothing is known about vehicles")
        except (ValueError, RecursionError):         # UnicodeDecodeError is a ValueError; RecursionError: thousands of brackets
            self._failed("read", f"{self.path} is damaged; what was learned about vehicles is lost")
        return None

    def save(self, plain: dict[str, Any]) -> bool:
        """Replace the content, sometime soon. `plain`: nobody may change it any more. False: the last one is still on its way, or there is no thread."""
        if not self._busy.acquire(blocking=False):
            self.skipped += 1
            return False
        try:
            self._begin(lambda: self._write(plain))
        except RuntimeError as error:
            self._busy.release()
            self._failed("write", f"{self.path} cannot be written ({error}); what was learned is kept until this program ends")
            return False
        return True

    def problem(self) -> str:
        """One sentence, once, for the first reading and the first writing that failed; else ""."""
        for kind, sentence in list(self._problems.items()):      # a copy: the thread may add to it
            if kind not in self._told:
                self._told.add(kind)
                return sentence
        return ""

    def close(self, patience_s: float = 2.0) -> bool:
        """The program leaves, its outputs safe: wait for what is still being written. False when it takes longer; the old content then stays."""
        if not self._busy.acquire(timeout=patience_s):
            return False
        self._busy.release()
        return True

    def _content(self) -> str:
        fd = self._disk.open(str(self.path), READ)
        try:
            data = b""
            while len(data) <= MAX_OCTETS and (piece := self._disk.read(fd, MAX_OCTETS + 1 - len(data))):
                data += piece
        finally:
            self._disk.close(fd)
        if len(data) > MAX_OCTETS:
            raise ValueError(f"{len(data)} octets, expected at most {MAX_OCTETS}")
        return data.decode("utf-8")

    def _write(self, plain: dict[str, Any]) -> None:
        """In the thread. What a failure leaves in NAME.new, the next one overwrites."""
        try:
            replace_file(str(self.path), pieces(plain), self._disk)
            self.written += 1
        except (OSError, ValueError, TypeError) as error:         # ValueError, TypeError: what JSON cannot hold
            why = error.strerror if isinstance(error, OSError) and error.strerror else error
            self._failed("write", f"{self.path} cannot be written ({why}); what was learned is kept until this program ends. "
                                  f"Free the disk, or name another file with {SETTING}")
        finally:
            self._busy.release()

    def _failed(self, kind: str, sentence: str) -> None:
        self.errors += 1
        self._problems.setdefault(kind, sentence)


def pieces(plain: dict[str, Any]) -> Iterator[str]:
    """JSON text with each item of a list on a line of its own, piece by piece: the encoder holds Python's lock only for one of them."""
    yield "{"
    for number, (key, value) in enumerate(plain.items()):
        yield (",\n" if number else "\n") + json.dumps(str(key)) + ": "
        if not isinstance(value, list):
            yield json.dumps(value, allow_nan=False)
            continue
        yield "["
        for index, item in enumerate(value):
            yield (",\n " if index else "\n ") + json.dumps(item, allow_nan=False)
        yield "\n]"
    yield "\n}\n"
