"""Reads one file through the listening machines and hands what they find to the output."""
from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TextIO

from types import ModuleType

from drivers.capture_file import CaptureError, NotACapture
from drivers.pcapng import LINK_SOCKETCAN
from drivers.spi_trace import open_reader
from tasks.listen.conversation import Decode
from tasks.listen.hearing import Hearing
from tasks.listen.record import Category, Layer, Record
from tools.decode import values_csv
from tools.decode.logs import SOURCES, LogHearing, source_of
from tools.decode.output import Output
from tools.decode.summary import Summary

EXIT_DAMAGED = 1
EXIT_NOT_A_CAPTURE = 2
EXIT_USAGE = 2
PROGRESS_FIRST = 2.0             # s of silence before the first progress line; smaller files need none
PROGRESS_EVERY = 2.0
_CLOCK_LOOK = 1024               # frames between two looks at the clock


@dataclass(slots=True)
class Options:
    """What to show; times in ns since the first frame, None = no bound."""

    layers: frozenset[Layer] = frozenset(Layer)
    summary_only: bool = False
    json: bool = False
    begin: int | None = None
    end: int | None = None
    csv: str | None = None               # rows of values instead of lines, with this in front (the file's name where there are several)


class Progress:
    """Percent of the file on stderr, once it takes long."""

    def __init__(self, size: int, err: TextIO) -> None:
        self._size = size
        self._err = err
        self._next = time.monotonic() + PROGRESS_FIRST
        self._shown = False

    def look(self, offset: int, frames: int) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + PROGRESS_EVERY
        self._shown = True
        percent = f"{100 * offset // self._size} %" if self._size else f"{offset} octets"
        self._err.write(f"\r{percent}, {frames} frames" if self._err.isatty() else f"{percent}, {frames} frames\n")
        self._err.flush()

    def done(self) -> None:
        if self._shown and self._err.isatty():
            self._err.write("\r" + " " * 40 + "\r")


def follow_file(path: str, decode: Decode, err: TextIO, show: Output | None = None,
                options: Options | None = None) -> tuple[Summary, CaptureError | None]:
    """Everything in the file; the error tells where reading stopped when it is damaged. OSError and NotACapture are raised."""
    source = source_of(path)
    if source is not None:
        return _follow_log(path, source, decode, err, show, options)
    hearing = Hearing(decode)
    summary = Summary(path, hearing)
    listing = show if show is not None and options is not None and not options.summary_only else None
    problem: CaptureError | None = None
    with open(path, "rb") as file:
        reader = open_reader(file)
        progress = Progress(os.fstat(file.fileno()).st_size, err)
        try:
            for frame in reader:
                start = frame.at if summary.first is None else summary.first
                at = frame.at - start
                if options is not None and options.end is not None and at > options.end:
                    summary.cut_short = True
                    break
                summary.saw(frame.at)
                if frame.link == LINK_SOCKETCAN:
                    summary.saw_port(_port(reader, frame.interface), frame.direction)
                for record in hearing.receive(frame.data, frame.at, frame.missing, frame.link):
                    if listing is not None and options is not None and _wanted(record, at, options):
                        _list(listing, record, start, options, hearing)
                if frame.number % _CLOCK_LOOK == 0:
                    progress.look(reader.offset, frame.number)
        except CaptureError as damage:
            problem = damage
        progress.done()
    return summary, problem


def _port(reader: object, number: int) -> str:
    """An interface's name, or its number."""
    names = getattr(reader, "names", [])
    return names[number] if number < len(names) and names[number] else str(number)


def _follow_log(path: str, source: ModuleType, decode: Decode, err: TextIO, show: Output | None, options: Options | None) -> tuple[Summary, CaptureError | None]:
    """The same of a log of messages."""
    def heard(record: Record) -> None:
        at = 0 if summary.first is None else record.at - summary.first
        if options is not None and options.end is not None and at > options.end:
            summary.cut_short = True
            return
        summary.saw(record.at)
        if show is not None and options is not None and not options.summary_only and _wanted(record, at, options):
            _list(show, record, record.at if summary.first is None else summary.first, options, hearing)

    hearing = LogHearing(decode, heard)
    summary = Summary(path, hearing, "messages")
    progress = Progress(os.path.getsize(path), err)
    fed = source.feed(path, hearing.messages, progress.look)
    progress.done()
    return summary, None if fed.damage is None else CaptureError(fed.damage, fed.octets, hearing.messages.messages)


def _list(show: Output, record: Record, start: int, options: Options, hearing: Hearing | LogHearing) -> None:
    if options.csv is None:
        show.record(record, start, options.json)
        return
    session = hearing.sessions.latest
    line = values_csv.row(record, start, None if session is None else session.number)
    if line is not None:
        show.line(options.csv + line)


def _wanted(record: Record, at: int, options: Options) -> bool:
    if options.begin is not None and at < options.begin:
        return False
    return record.layer in options.layers or record.category is Category.MALFORMED


def decode_file(path: str, decode: Decode, options: Options, out: Output, err: TextIO) -> int:
    """One file: its lines, its summary; the exit code."""
    try:
        summary, problem = follow_file(path, decode, err, out, options)
    except NotACapture as what:
        out.flush()
        print(f"{path}: {what}; or expected {' or '.join(source.SAYS for source in SOURCES)}", file=err)
        return EXIT_NOT_A_CAPTURE
    except BrokenPipeError:                      # the reader of our lines has gone, not the file
        raise
    except OSError as trouble:
        out.flush()
        print(f"{path}: cannot be read: {trouble.strerror or trouble}", file=err)
        return EXIT_NOT_A_CAPTURE
    if options.csv is not None:
        pass                                     # rows only: what reads them knows no summary
    elif options.json:
        out.json({"summary": summary.as_dict(problem)})
    else:
        for line in summary.lines(problem):
            out.line(line)
    out.flush()
    if problem is not None:
        print(f"{path}: damaged: {problem}", file=err)
        return EXIT_DAMAGED
    return 0


def account(paths: list[str], decode: Decode, out: Output, err: TextIO) -> int:
    """The table of all captures: no frame may be missing from the sum."""
    names = [os.path.basename(path) for path in paths]
    width = max(len(name) for name in names)
    out.line(f"{'capture':<{width}} {'frames':>8} {'decoded':>8} {'named':>8} {'malformed':>9} {'V2G':>6}")
    code = 0
    total = [0] * 5
    for path, name in zip(paths, names):
        try:
            summary, problem = follow_file(path, decode, err)
        except NotACapture as damage:
            out.line(f"{name:<{width}} {damage}")
            code = max(code, EXIT_NOT_A_CAPTURE)
            continue
        except OSError as trouble:
            out.line(f"{name:<{width}} cannot be read: {trouble.strerror or trouble}")
            code = max(code, EXIT_NOT_A_CAPTURE)
            continue
        tally = summary.follow.tally
        row = [tally.frames, *(tally.of(category) for category in Category), sum(summary.sessions.messages.values())]
        total = [a + b for a, b in zip(total, row)]
        out.line(f"{name:<{width}} {row[0]:>8} {row[1]:>8} {row[2]:>8} {row[3]:>9} {row[4]:>6}"
                 + (f"  damaged: {problem}" if problem else ""))
        if problem:
            code = max(code, EXIT_DAMAGED)
    out.line(f"{'sum':<{width}} {total[0]:>8} {total[1]:>8} {total[2]:>8} {total[3]:>9} {total[4]:>6}")
    out.flush()
    return code
