"""`main.py listen --pcap FILE`: a capture, finished or still coming in, heard by the same listener as the live box."""
from __future__ import annotations

import os
import signal
import sys
import time
from argparse import Namespace
from pathlib import Path
from types import FrameType
from typing import BinaryIO, Iterator

from drivers.capture_file import CaptureError, CapturedFrame, CaptureReader, NotACapture
from drivers.journal_file import Console
from drivers.keyboard import Keyboard
from drivers.session_folder import SessionFolder
from drivers.spi_trace import SpiTrace, open_reader
from exi_native.codec import load
from kernel.channels import Mailbox
from kernel.journal import Journal
from kernel.settings_text import dump
from kernel.timer import MS
from tasks.config import Config
from tasks.listen.exi import decoder
from tasks.listen.task import ListenTask
from tasks.signals import Signals
from tools.appliance.parts import session_log
from tools.decode.__main__ import main as decode
from tools.decode.output import Output
from tools.decode.run import EXIT_DAMAGED, EXIT_NOT_A_CAPTURE
from tools.decode.summary import Summary
from tools.listen.pace import MAX, Pace
from tools.listen.source import PatientFile
from tools.show.listen_show import ListenShow, screen_wanted
from tools.show.listen_view import Playing, listen_view

REDRAW = 100 * MS            # wall time between two pictures
CLOCK_LOOK = 16              # frames between two looks at the wall clock at full speed


class Leave(Exception):
    """A person has seen enough."""


def run(config: Config, args: Namespace) -> int:
    """Exit codes of tools.decode: 0 read to the end (or left), 1 the capture is damaged, 2 it is none."""
    if args.pcap == "-" and sys.stdin is not None and sys.stdin.isatty():
        print("-: standard input is a terminal, expected a capture: ssh router tcpdump -U -i eth1 -w - | main.py listen --pcap -", file=sys.stderr)
        return EXIT_NOT_A_CAPTURE
    stream = args.pcap == "-" or args.follow or _is_fifo(args.pcap)
    screen = screen_wanted(args)
    if not stream and not screen and (args.text or args.speed is None) and not args.output:
        return decode([args.pcap], keys=config.listen.show_nmk)
    if args.text and not stream and not args.output:
        return decode([args.pcap], keys=config.listen.show_nmk)
    player = None
    before = [(number, signal.signal(number, _asked)) for number in (signal.SIGTERM, signal.SIGHUP)]     # the screen must be given back
    try:
        player = Player(config, args, stream, screen)
        return player.play()
    except BrokenPipeError:                      # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    finally:
        if player is not None:
            player.close()
        for number, handler in before:
            signal.signal(number, handler)


def _asked(number: int, frame: FrameType | None) -> None:
    raise Leave


class Player:
    """One capture, its listener, and where both are shown."""

    def __init__(self, config: Config, args: Namespace, stream: bool, screen: bool) -> None:
        self._name = "standard input" if args.pcap == "-" else os.path.basename(args.pcap)
        self._path = args.pcap
        self._stream = stream
        self._follow = args.follow
        self._keys = config.listen.show_nmk
        self._signals, self._journal = Signals(), Journal()
        self._folder = None
        if args.output:
            self._folder = SessionFolder(args.output, ("listen",), dump(config), turn=True)
        self._listener = ListenTask(decoder(load()), Mailbox("frames", 1), self._signals, config.listen, self._journal,
                                    session_log(config, args.output, 0))
        self._summary = Summary(args.pcap, self._listener.hearing)
        self._pace = Pace(MAX if stream or args.speed is None and not screen else 1.0 if args.speed is None else args.speed, time.monotonic_ns())
        self._show = ListenShow(sys.stdout, keys=_keyboard(args.pcap)) if screen else None
        if self._show is not None:
            self._journal.add_sink(self._show.event)
        self._size = 0
        self._reader: CaptureReader | SpiTrace | None = None
        self._now = 0                # on the clock of the capture
        self._heard_at = 0           # wall time of the last frame
        self._drawn_at = 0
        self._over = False

    def play(self) -> int:
        """Everything, then the summary."""
        problem: CaptureError | None = None
        code, left = 0, False
        try:
            with _opened(self._path, self._stream, self._look, self._follow) as file:
                self._size = 0 if self._stream else os.fstat(file.fileno()).st_size
                for frame in self._frames(file):
                    self._hear(frame)
        except (Leave, KeyboardInterrupt):
            left = True
        except NotACapture as what:
            return self._refuse(str(what))
        except CaptureError as damage:
            problem, code = damage, EXIT_DAMAGED
        except OSError as trouble:
            if isinstance(trouble, BrokenPipeError):
                raise
            return self._refuse(f"cannot be read: {trouble.strerror or trouble}")
        self._end(problem, left)
        return code

    def close(self) -> None:
        if self._show is not None:
            self._show.close()
        if self._folder is not None:
            self._folder.close()

    def _frames(self, file: BinaryIO) -> Iterator[CapturedFrame]:
        self._reader = open_reader(file)
        return iter(self._reader)

    def _refuse(self, why: str) -> int:
        self.close()
        print(f"{self._path}: {why}", file=sys.stderr)
        return EXIT_NOT_A_CAPTURE

    # --- frames -------------------------------------------------------------------------------------------------------

    def _hear(self, frame: CapturedFrame) -> None:
        self._wait_for(frame)
        if self._summary.first is None:
            self._begin(frame.at)
        self._summary.saw(frame.at)
        self._heard_at = time.monotonic_ns()
        self._now = max(self._now, frame.at)
        before = self._worth()
        self._listener.hear(frame.data, frame.at, self._now, frame.missing, frame.link)
        self._listener.handle_timer(self._now)
        if self._folder is not None:
            self._folder.tap(frame.at, frame.data, False)
        self._pace.heard(frame.at, time.monotonic_ns(), self._worth() != before)
        if self._stream or frame.number % CLOCK_LOOK == 0:
            self._look()

    def _begin(self, first: int) -> None:
        """Journals count from the first frame."""
        self._now = first
        if self._show is None:
            self._journal.add_sink(Console(sys.stdout, first))
        if self._folder is not None:
            self._folder.journals["listen"].begin(first)
            self._journal.add_sink(self._folder.journals["listen"])

    def _worth(self) -> int:
        """Counts what a step stops at."""
        e = self._listener.hearing.evidence
        return e.slac_car + e.slac_charger + e.raw + e.local + e.multicast + e.requests + e.responses + e.tls

    def _wait_for(self, frame: CapturedFrame) -> None:
        """Until the frame is due on the wall."""
        pace = self._pace
        pace.approach(frame.at, time.monotonic_ns())
        while True:
            wall = time.monotonic_ns()
            left = pace.waits(frame.at, wall)
            if left <= 0:
                return
            if self._summary.first is not None:
                self._now = min(max(self._now, pace.position(wall)), max(self._now, frame.at))
                self._listener.handle_timer(self._now)
            self._look()
            time.sleep(min(left, REDRAW // 2) / 1e9)

    # --- the person ---------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Keys, and a picture when one is due; lines where there is no screen."""
        wall = time.monotonic_ns()
        if self._stream and self._summary.first is not None and not self._over:
            self._now = max(self._now, self._summary.last + wall - self._heard_at)      # silence lasts as long here as there
            self._listener.handle_timer(self._now)
        if self._show is None:
            self._journal.flush()
            return
        for key in self._show.read():
            if key in "qQ":
                raise Leave
            if not self._stream:             # what comes live keeps its own pace
                self._pace.key(key, wall)
            self._drawn_at = 0
        if wall - self._drawn_at >= REDRAW:
            self._drawn_at = wall
            self._draw()

    def _draw(self) -> None:
        pace = self._pace
        done = min(1.0, self._reader.offset / self._size) if self._reader is not None and self._size else None
        playing = Playing("live" if self._stream else pace.text, pace.paused, done, self._over, pace.skipped)
        self._journal.flush()
        self._show.show(listen_view(self._listener.hearing, self._name, self._now, self._summary.first or 0, self._keys, None, playing))

    def _end(self, problem: CaptureError | None, left: bool) -> None:
        """The last picture stays until a key is pressed, unless nobody waits; then the summary."""
        self._listener.finish(self._now)
        self._over = True
        if self._show is not None and (self._pace.speed != MAX or self._stream) and not left:
            try:
                while True:
                    self._look()
                    time.sleep(REDRAW / 1e9)
            except (Leave, KeyboardInterrupt):
                self._show.close()
        self._journal.flush()
        self.close()
        out = Output(sys.stdout)
        for line in self._summary.lines(problem):
            out.line(line)
        out.flush()
        if problem is not None:
            print(f"{self._path}: damaged: {problem}", file=sys.stderr)


def _is_fifo(path: str) -> bool:
    return Path(path).is_fifo()


def _keyboard(path: str) -> Keyboard:
    """Standard input carries the capture: then the keys come from the terminal itself."""
    if path != "-":
        return Keyboard()
    try:
        return Terminal("/dev/tty")
    except OSError:
        return Terminal(os.devnull)          # no terminal, no keys


class Terminal(Keyboard):
    """A keyboard that opened its stream itself and keeps it open."""

    def __init__(self, path: str) -> None:
        self._stream = open(path, encoding="ascii")
        super().__init__(self._stream)

    def close(self) -> None:
        super().close()
        self._stream.close()


class _opened:
    """The file, closed at the end; a stream is waited for without holding up the screen."""

    def __init__(self, path: str, stream: bool, idle, follow: bool) -> None:
        self._file = PatientFile(path, idle, follow) if stream else open(path, "rb")

    def __enter__(self):
        return self._file

    def __exit__(self, *_: object) -> None:
        self._file.close()
