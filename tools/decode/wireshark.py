"""A capture for Wireshark: the same file with what each message says, where phases begin and why sessions ended, as comments of its packets.

Wireshark knows neither EXI nor most of the management messages; a comment is shown with the packet (and as a column, filter `frame.comment`). The file is read
twice: what a phase took and why a session ended is known at the end only, and said where it begins. Of a pcapng everything else is copied octet by octet
(secrets, names, comments, blocks of others; of a black box its journal, CAN and notes, but not its seals, which the comments would break); a pcap or an SPI trace becomes a new pcapng.
"""
from __future__ import annotations

import os
from struct import Struct
from typing import Any, BinaryIO, Iterator, TextIO

from drivers.blackbox import layout
from drivers.blackbox.reader import CUSTOM
from drivers.capture_file import CapturedFrame, CaptureError, NotACapture
from drivers.pcapng import MAX_COMMENTS, comment_option, enhanced_packet, interface_description, section_header
from drivers.spi_trace import open_reader
from kernel.timer import MS, S
from tasks.listen.conversation import Decode
from tasks.listen.hearing import Hearing
from tasks.listen.lines import MASKED, listed, printable, who
from tasks.listen.record import Category, Layer, Record
from tasks.listen.values import fields_of
from tools.decode.run import EXIT_DAMAGED, EXIT_NOT_A_CAPTURE, Progress, follow_file
from tools.decode.summary import Summary

FIRST_LINE = 160          # characters of it: what a column shows
LINES = 80                # of values in one comment; certificates and schedules have more
LINE = 200                # characters of each
MESSAGES = MAX_COMMENTS - 4      # of one packet that are told; the rest of its comments are phases and ends
PIECE = 1024 * 1024       # octets that are copied at once
HEAD = 4096               # octets of a file that tell a black box
_SEAL = layout.MAGIC + layout.SEAL
_ENHANCED_PACKET = 6
_PCAPNG = bytes.fromhex("0a0d0d0a")
_SPOKEN = (Layer.V2G, Layer.MME, Layer.SDP)


def export(path: str, target: str, decode: Decode, err: TextIO, keys: bool = True) -> tuple[int, str]:
    """(exit code, one sentence of what was written, or why nothing was). `keys` False: an NMK is masked in comments; the packets have it as ever."""
    try:
        if os.path.exists(target) and os.path.samefile(path, target):
            return EXIT_NOT_A_CAPTURE, f"{target}: is the capture itself; name another file for --wireshark"
        if os.path.exists(path) and not os.path.isfile(path):
            return EXIT_NOT_A_CAPTURE, f"{path}: expected a file that can be read twice, for --wireshark"
        summary, problem = follow_file(path, decode, err)
    except NotACapture as what:
        return EXIT_NOT_A_CAPTURE, f"{path}: {what}"
    except OSError as trouble:
        return EXIT_NOT_A_CAPTURE, f"{path}: cannot be read: {trouble.strerror or trouble}"
    try:
        with open(path, "rb") as source, open(path, "rb") as again, open(target, "wb") as file:
            frames, told = _write(source, again, file, _Story(summary, decode, keys), err)
    except OSError as trouble:
        return EXIT_NOT_A_CAPTURE, f"{target}: cannot be written: {trouble.strerror or trouble}"
    sentence = f"{target}: {frames} frames, {told} of them with comments; in Wireshark: frame.comment as filter or column"
    return (0, sentence) if problem is None else (EXIT_DAMAGED, f"{sentence}. {path}: damaged: {problem}")


def _write(source: BinaryIO, again: BinaryIO, file: BinaryIO, story: _Story, err: TextIO) -> tuple[int, int]:
    """(frames, those with comments). What is behind damage is left out."""
    head = again.read(len(_PCAPNG))
    again.seek(0)
    into: _Copied | _Made = _Copied(again, file) if head == _PCAPNG else _Made(file, story.whole())
    reader = open_reader(source)
    progress = Progress(os.fstat(source.fileno()).st_size, err)
    frames = told = 0
    sound = True
    try:
        for frame in reader:
            comments = list(story.of(frame))
            told += into.put(frame, comments)
            frames += 1
            if not frames % 1024:
                progress.look(reader.offset, frames)
    except CaptureError:
        sound = False                        # the first reading has told it
    into.end(reader.offset if sound else 0)
    progress.done()
    return frames, told


class _Story:
    """What there is to say of each frame, while they come a second time."""

    def __init__(self, summary: Summary, decode: Decode, keys: bool) -> None:
        self._summary = summary
        self._known = {session.number: session for session in summary.sessions.sessions}
        self._unended = dict(self._known)
        self._begun: dict[int, int] = {}         # number of the session -> phases that have been told
        self._hearing = Hearing(decode)
        self._keys = keys

    def whole(self) -> str:
        """Of the whole file."""
        return "\n".join(self._lines(session)[0] for session in self._known.values()) or "no charging session"

    def of(self, frame: CapturedFrame) -> Iterator[str]:
        records = self._hearing.receive(frame.data, frame.at, frame.missing, frame.link)
        if not records:
            return
        yield from self._phase()
        for record in records[:MESSAGES]:
            if record.layer in _SPOKEN and record.category is not Category.NAMED or record.category is Category.MALFORMED:
                yield comment(record, self._keys)
        for now in self._hearing.sessions.sessions:
            after = self._unended.get(now.number)
            if after is not None and now.end >= after.end:
                del self._unended[now.number]
                yield "\n".join(self._lines(after))

    def _phase(self) -> Iterator[str]:
        now = self._hearing.sessions.latest
        if now is None or now.number not in self._known:
            return
        index = self._begun.get(now.number, 0)
        if len(now.phases) > index:
            self._begun[now.number] = len(now.phases)
            after = self._known[now.number]
            for phase in after.phases[index:len(now.phases)]:
                told = f", {phase.messages} messages" if phase.messages else ""
                yield (f"=== {phase.name} begins: {(phase.end - phase.start) / S:.3f} s{told} (session {after.number}"
                       f"{', ' + after.protocol if after.protocol else ''})")

    def _lines(self, session: Any) -> list[str]:
        first = self._summary.first or 0
        *lines, verdict = (line for line in self._summary.session_lines(session, first) if line)
        return [f"=== session {session.number} {verdict.strip()}", *lines[1:]]


def comment(record: Record, keys: bool = True) -> str:
    """A short first line, then every value in a line of its own, nested as in the message."""
    values = fields_of(record)
    if not keys and values.get("nmk"):
        values["nmk"] = MASKED
    head = f"{who(record)}: {record.name}"
    short = listed(values)
    if short:
        head += f"  {short}"
    if record.latency is not None:
        head += f"  [{record.latency / MS:.1f} ms]"
    if record.category is Category.MALFORMED:
        head = f"MALFORMED: {printable(record.reason)}  {head}"
    lines = [_cut(head, FIRST_LINE)]
    if record.note:
        lines.append(f"({_cut(printable(record.note), LINE)})")
    if record.protocol:
        lines.append(f"protocol: {record.protocol}")
    if record.session_id:
        lines.append(f"SessionID: {record.session_id.hex()}")
    every = list(_listed(values, ""))
    lines += every[:LINES]
    if len(every) > LINES:
        lines.append(f"... and {len(every) - LINES} more lines")
    return "\n".join(lines)


def _listed(values: dict[str, Any], indent: str) -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, dict) and "unit" in value and "value" in value:
            yield f"{indent}{name}: {value['value']:g} {value['unit']}".rstrip()
        elif isinstance(value, dict):
            yield f"{indent}{name}:"
            yield from _listed(value, indent + "  ")
        elif isinstance(value, list):
            for number, item in enumerate(value):
                yield from _listed({f"{name}[{number}]": item}, indent)
        else:
            yield _cut(f"{indent}{name}: {printable(value)}", LINE)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[:limit - 3] + "..."


class _Made:
    """A new pcapng of the frames of a file of another kind."""

    def __init__(self, file: BinaryIO, about: str) -> None:
        self._file = file
        self._interfaces: dict[tuple[int, int], int] = {}
        file.write(section_header(application="ccsbox tools.decode", comment=about))

    def put(self, frame: CapturedFrame, comments: list[str]) -> bool:
        where = (frame.interface, frame.link)
        if where not in self._interfaces:
            self._interfaces[where] = len(self._interfaces)
            self._file.write(interface_description(frame.link))
        self._file.write(enhanced_packet(max(0, frame.at), frame.data, interface=self._interfaces[where], direction=frame.direction, comments=comments,
                                         original=len(frame.data) + frame.missing))
        return bool(comments)

    def end(self, offset: int) -> None:
        self._file.flush()


class _Copied:
    """A pcapng as it is, with comments added to its packets; a simple packet block has no room for any."""

    def __init__(self, again: BinaryIO, file: BinaryIO) -> None:
        self._again = again
        self._file = file
        self._at = 0              # octets that were copied
        again.seek(0)
        self._sealed = layout.MAGIC + layout.HEAD in again.read(HEAD)
        again.seek(0)

    def put(self, frame: CapturedFrame, comments: list[str]) -> bool:
        self._copy(frame.offset)
        head = self._again.read(8)
        order = "<" if head[2:4] == bytes(2) else ">"        # packet blocks are of types 2, 3 and 6
        kind, total = Struct(order + "II").unpack(head)
        body = self._again.read(total - 12)
        self._again.read(4)
        self._at += total
        if kind == _ENHANCED_PACKET and comments:
            fixed = 20 + (len(frame.data) + 3 & ~3)
            new = b"".join(option for text in comments if (option := comment_option(text, order)) not in body)
            body = body[:fixed] + new + (body[fixed:] or (bytes(4) if new else b""))
            total = len(body) + 12
        self._file.write(Struct(order + "II").pack(kind, total) + body + Struct(order + "I").pack(total))
        return kind == _ENHANCED_PACKET and bool(comments)

    def end(self, offset: int) -> None:
        """The rest, up to `offset` of the file."""
        if offset > self._at:
            self._copy(offset)
        self._file.flush()

    def _copy(self, up_to: int) -> None:
        """Whole blocks, up to the next packet or the end."""
        while self._sealed and up_to - self._at >= 12:
            head = self._again.read(8)
            total = int.from_bytes(head[4:], "little")
            if not 12 <= total <= up_to - self._at:
                self._again.seek(self._at)
                break                            # no block: as it is
            body = head + self._again.read(total - 8)
            self._at += total
            if not (int.from_bytes(head[:4], "little") in CUSTOM and body[12:12 + len(_SEAL)] == _SEAL):
                self._file.write(body)
        while self._at < up_to and (piece := self._again.read(min(PIECE, up_to - self._at))):
            self._file.write(piece)
            self._at += len(piece)

