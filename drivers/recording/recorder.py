"""The box's side of a recording: what came lately is kept in memory; while something goes on it is handed to the process that writes it.

Nothing here waits for a disk, and nothing raises into a row. What is kept is bounded; what does not fit is counted.
"""
from __future__ import annotations

import json
import os
import select
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any, Callable, Sequence

from drivers.capture_file import pcap_record
from drivers.guard import Channel
from drivers.journal_file import line
from drivers.recording import wire
from kernel.journal import Event
from kernel.timer import NEVER, S

ROOT = str(Path(__file__).resolve().parents[2])
PROGRAM = "import sys; sys.path.insert(0, sys.argv.pop(1)); from drivers.recording.process import main; main(sys.argv[1:])"
RING = 256 * 1024            # octets kept while nothing is recorded: 15 s of a session are 60 KiB
WAITING = 1024 * 1024        # octets that wait while the disk does not take them: minutes of a session, a second of a flood
EVENT = 200                  # octets that a journal event counts for
ITEMS_PER_RUN = 100          # frames and events that one run makes octets of
RESPAWN = 10 * S             # until a writer that was lost is replaced


class Spawned:
    """A writer process and the channel to it."""

    def __init__(self, words: Sequence[str], program: str = PROGRAM) -> None:
        """`words`: its arguments after the descriptor. OSError: it cannot be started."""
        self.channel, other = Channel.pair()
        try:
            os.set_inheritable(other.fileno(), True)
            self.pid = os.posix_spawn(sys.executable, [sys.executable, "-S", "-c", program, ROOT, str(other.fileno()), *words], os.environ,
                                      file_actions=[(os.POSIX_SPAWN_OPEN, n, os.devnull, os.O_RDWR, 0) for n in (0, 1)])
        except OSError:
            self.channel.close()
            raise
        finally:
            other.close()

    def wait(self, seconds: float) -> bool:
        """It has its end told; False when it needs longer than `seconds`: it goes on by itself."""
        try:
            fd = os.pidfd_open(self.pid)
        except OSError:                          # gone already
            return self.reap()
        try:
            ended = bool(select.select((fd,), (), (), seconds)[0])
        finally:
            os.close(fd)
        return ended and self.reap()

    def reap(self) -> bool:
        """True when it has ended."""
        try:
            return os.waitpid(self.pid, os.WNOHANG)[0] == self.pid
        except ChildProcessError:
            return True


class Recorder:
    """`tap` and the call (a journal sink) take what happens; `begin`, `file`, `end` make a session of it; `pump` hands it over."""

    def __init__(self, spawn: Callable[[], Any], before: int, start: int) -> None:
        """`spawn`: makes the writer (`Spawned`). `before`: ns kept from before a beginning. `start`: ns at which the journal begins to count."""
        self.recording = False
        self.name = ""               # of the session, as soon as the writer has told it
        self.frames = 0              # of the present session
        self.lines = 0               # of its journal; an event may be several (a traceback)
        self.lost = 0                # frames and events of the present session that found no room
        self.lost_blocks = 0         # blocks of it that no disk took, as far as the writer has told
        self.errors = 0              # writers lost or not started
        self._spawn = spawn
        self._before = before
        self._start = start
        self._items: deque[tuple[int, bytes | Event]] = deque()
        self._octets = 0
        self._out: deque[bytes] = deque()        # datagrams that the writer's socket did not take yet
        self._asleep = False
        self._epoch = 0
        self._opened: tuple[str, str] | None = None          # the session that the writer was told of: role and when it began
        self._files: dict[str, str] = {}
        self._respawn_at = NEVER
        self._writer: Any = self._start_writer(0)

    # --- what happens

    def tap(self, at: int, frame: bytes) -> None:
        """A frame crossed the interface."""
        self._keep(at, frame, len(frame))

    def __call__(self, event: Event) -> None:
        """A journal event."""
        self._keep(event.at, event, EVENT)

    def _keep(self, at: int, item: bytes | Event, octets: int) -> None:
        items = self._items
        if self.recording and not self._asleep:
            if self._octets + octets > WAITING:
                self.lost += 1
                return
        else:
            while items and (self._octets + octets > RING or items[0][0] < at - self._before):
                self._octets -= _weight(items.popleft()[1])
        items.append((at, item))
        self._octets += octets

    # --- a session

    def begin(self, now: int, role: str, began: str, epoch: int) -> None:
        """`began`: UTC as 20261121T031245Z; `epoch`: ns since 1970 at which `now` counts from."""
        while self._items and self._items[0][0] < now - self._before:
            self._octets -= _weight(self._items.popleft()[1])
        self.recording, self._asleep = True, False
        self.name = ""
        self.frames = self.lines = self.lost = self.lost_blocks = 0
        self._epoch = epoch
        self._files = {}
        self._send(wire.begin(role, began))

    def file(self, name: str, text: str) -> None:
        """A small file of the session is replaced as a whole."""
        self._files[name] = text
        data = wire.file(name, text)
        head = data[:data.index(b"\0") + 1]
        for older in [waiting for waiting in self._out if waiting.startswith(head)]:     # no writer, or one that waits for its disk
            self._out.remove(older)
            self._octets -= len(older)
        self._send(data)

    def box(self, data: bytes) -> bool:
        """Octets of the session's black box, whole blocks that end with a seal. False: there is no room for them."""
        if len(data) >= wire.MAX_DATAGRAM or self._octets + len(data) > WAITING:
            self.lost += 1
            return False
        self._send(wire.BOX + data)
        return True

    def sleep(self) -> None:
        """Nothing goes on: what has come is handed over, from now on it is only kept."""
        self._asleep = True

    def wake(self) -> None:
        """The session goes on, beginning shortly before now."""
        self._asleep = False

    def pack(self) -> None:
        """Everything that came is counted, and on its way; `frames` and `lines` are final when nothing comes after it."""
        while self._items:
            self._pack(ITEMS_PER_RUN)

    def end(self, files: dict[str, str]) -> None:
        """The session is whole with these files."""
        self.pack()
        self._asleep = False
        for name, text in files.items():
            self.file(name, text)
        self._send(wire.END)
        self.recording = False

    def journal_time(self, now: int) -> float:
        """Seconds, as the lines of the journal count."""
        return (now - self._start) / S

    def pump(self, now: int) -> list[dict[str, Any]]:
        """Hand over what the writer takes; what it has to say."""
        if self._writer is None or self._writer.channel.closed:
            self._replace_writer(now)
        if self.recording and not self._asleep:
            self._pack(ITEMS_PER_RUN)
        self._flush()
        told = [] if self._writer is None else [wire.read_status(data) for data in self._writer.channel.receive()]
        for words in told:
            self.name = words.get("session", self.name)
            self.lost_blocks = words.get("lost", self.lost_blocks)
        return told

    @property
    def busy(self) -> bool:
        """There is something that can be handed over now."""
        return self.recording and not self._asleep and len(self._items) > ITEMS_PER_RUN

    @property
    def lost_writer(self) -> bool:
        """There is nobody who writes."""
        return self._writer is None

    def close(self, patience_s: float) -> bool:
        """The program leaves, the session has been ended: the writer gets what it still takes within `patience_s`. False: it is not done, and goes on alone."""
        writer, self._writer = self._writer, None
        if writer is None:
            return not self._out
        give_up = time.monotonic() + patience_s
        while self._out and not writer.channel.closed and (left := give_up - time.monotonic()) > 0:
            if writer.channel.send(self._out[0]):
                self._out.popleft()
            else:
                select.select((), (writer.channel,), (), left)
        self.lost += len(self._out)
        writer.channel.close()
        return bool(writer.wait(max(0.0, give_up - time.monotonic()))) and not self._out

    # --- the way to the writer

    def _pack(self, limit: int) -> None:
        """The oldest items become blocks of one kind each."""
        blocks: dict[bytes, list[bytes]] = {wire.FRAMES: [], wire.JOURNAL: []}
        sizes = {wire.FRAMES: 0, wire.JOURNAL: 0}
        for _ in range(min(limit, len(self._items))):
            at, item = self._items.popleft()
            self._octets -= _weight(item)
            kind, data = self._octets_of(at, item)
            if sizes[kind] and sizes[kind] + len(data) > wire.MAX_BLOCK:
                self._send(kind + b"".join(blocks[kind]))
                blocks[kind], sizes[kind] = [], 0
            blocks[kind].append(data)
            sizes[kind] += len(data)
        for kind, parts in blocks.items():
            if parts:
                self._send(kind + b"".join(parts))

    def _octets_of(self, at: int, item: bytes | Event) -> tuple[bytes, bytes]:
        if isinstance(item, Event):
            text = line(item, self._start).encode("utf-8", "backslashreplace")[:wire.MAX_FILE] + b"\n"
            self.lines += text.count(b"\n")
            return wire.JOURNAL, text
        self.frames += 1
        try:
            return wire.FRAMES, pcap_record(at + self._epoch, item)
        except ValueError:                       # a clock before 1970: the frame counts more than its time
            return wire.FRAMES, pcap_record(max(0, at), item)

    def _send(self, data: bytes) -> None:
        self._out.append(data)
        self._octets += len(data)

    def _flush(self) -> None:
        while self._out and self._writer is not None and self._writer.channel.send(self._out[0]):
            data = self._out.popleft()
            self._octets -= len(data)
            if data[:1] == wire.BEGIN:
                role, began, _ = json.loads(data[1:])
                self._opened = role, began
            elif data == wire.END:
                self._opened = None

    def _start_writer(self, now: int) -> Any:
        try:
            return self._spawn()
        except OSError:
            self.errors += 1
            self._respawn_at = now + RESPAWN
            return None

    def _replace_writer(self, now: int) -> None:
        """After a pause, so that what kills it is not helped. The new one is told of the session that is under way."""
        if self._respawn_at == NEVER:
            self.errors += 1
            self._respawn_at = now + RESPAWN
            if self._writer is not None:
                self._writer.channel.close()
                self._writer.reap()
                self._writer = None
        if now < self._respawn_at:
            return
        self._respawn_at = NEVER
        self._writer = self._start_writer(now)
        if self._writer is not None and self._opened is not None:
            again = [wire.begin(*self._opened, again=self.name), *(wire.file(name, text) for name, text in self._files.items())]
            self._out.extendleft(reversed(again))
            self._octets += sum(map(len, again))


def _weight(item: bytes | Event) -> int:
    return EVENT if isinstance(item, Event) else len(item)
