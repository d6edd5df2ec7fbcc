"""A black box file of our own box (drivers/blackbox): its frames heard as a capture's, and all that only the box itself knows.

Sessions are those of its frames; the first one begins with the plug, and what comes between two belongs to the earlier one.
"""
from __future__ import annotations

from heapq import merge
from pathlib import Path
from typing import Any, Iterator

from drivers.blackbox import layout, notes as n
from drivers.blackbox.devices import QUIET
from drivers.blackbox.reader import Box, NotABox, Packet
from drivers.blackbox.reader import read as read_box
from drivers.blackbox.tape import OUT
from kernel.timer import S
from tasks.listen.conversation import Decode
from tasks.listen.hearing import Hearing
from tasks.listen.lines import printable
from tasks.listen.record import Layer
from tasks.listen.values import mac_text
from tools.history.box_tracks import BoxTracks
from tools.history.gathering import Gathering
from tools.history.model import History
from tools.history.progress import Progress, silent
from tools.history.quiet import nothing
from tools.history.sources import capture

SAYS = "a black box file (.ccsbox)"
BEFORE = 2 * S               # of a box that waits for a plug this much is shown
AFTER = 5.0                  # s behind the last event
RESTING = ("Unplugged", "WaitPilot")
_LOOK = 1024


def matches(head: bytes) -> bool:
    return head[:4] == capture.PCAPNG and layout.MAGIC + layout.HEAD in head


def read(path: str, decode: Decode, progress: Progress = silent) -> list[History]:
    """One history per session, in order. A damaged file gives what is before the damage."""
    try:
        box = read_box(path)
    except NotABox:                              # a capture whose frames talk of one
        return capture.read(path, decode, progress)
    epoch, name = box.head["epoch_ns"], Path(path).name
    first = _begin(box)
    hearing, heard = _listen(box, first + epoch, decode, progress)
    begins = [gathering.origin - epoch for gathering in heard] or [first]
    tracks = [BoxTracks(box.head.get("units") or {}) for _ in begins]
    last = _tell(box, begins, tracks)
    histories = []
    for number, (begin, track) in enumerate(zip(begins, tracks, strict=True)):
        until = begins[number + 1] if number + 1 < len(begins) else last
        end = max(0.0, min((until - begin) / S, track.last + AFTER))
        if heard:
            modem = hearing.modem_of(heard[number].session)
            history = heard[number].finish(name, "ccsbox", last + epoch, mac_text(modem) if modem else "")
        else:
            history = nothing(name, "ccsbox", "no charging session", end, (begin + epoch) / S)
        track.into(history, end)
        _verdict(history, track, bool(heard), box.end if number + 1 == len(begins) else None)
        histories.append(history)
    histories[0].remarks += _about(box)
    if hearing.sessions.not_kept:
        histories[-1].remarks.append(f"{hearing.sessions.not_kept} more sessions not shown")
    histories[-1].damage = box.problem or None
    return histories


def _listen(box: Box, begin: int, decode: Decode, progress: Progress) -> tuple[Hearing, list[Gathering]]:
    """The machines behind a capture, fed with the frames of the network. `begin`: ns since 1970 at which the first session begins at the latest."""
    hearing, epoch = Hearing(decode), box.head["epoch_ns"]
    heard: dict[int, Gathering] = {}
    for number, packet in enumerate(box.packets, 1):
        if packet.interface != 0:
            continue
        for record in hearing.receive(packet.octets, packet.at + epoch):
            session = hearing.sessions.latest
            if session is None or record.layer in (Layer.ACK, Layer.ND, Layer.OTHER):
                continue
            gathering = heard.get(session.number)
            if gathering is None:
                if session not in hearing.sessions.sessions:
                    continue                     # more sessions than are kept: counted in `not_kept`
                gathering = Gathering(session)
                gathering.origin = session.start if heard else min(begin, session.start)
                heard[session.number] = gathering
            gathering.take(record, hearing.readings.get(session.number) if record.layer is Layer.V2G else None)
        if number % _LOOK == 0:
            progress(box.octets * number // len(box.packets), number)
    return hearing, list(heard.values())


def _begin(box: Box) -> int:
    """ns of the tape at which the first session begins for a person: a moment before the plug."""
    names = box.head["signals"]
    first: int | None = None
    known = names.index("connection_state") if "connection_state" in names else -1
    at = begin = box.head.get("tape_from_ns", 0)
    for words in box.notes:
        if words[0] == n.VISIT:
            at += words[1]
            first = at if first is None else first
        elif words[0] == n.SIGNAL and words[1] == known and words[2] not in (None, "Unplugged"):
            return max(begin if first is None else first, at - BEFORE)
    return begin if first is None else first


def _tell(box: Box, begins: list[int], tracks: list[BoxTracks]) -> int:
    """Everything but the network's frames to the session that it belongs to, in order of time. ns of the last of it."""
    known: dict[str, Any] = {}
    number, last = 0, begins[0]
    early = True                                 # before the first session: only what holds at its beginning
    for at, what, *words in _merged(box):
        while number + 1 < len(begins) and at >= begins[number + 1]:
            number += 1
            _carry(tracks[number], known, 0.0)
        if early and at >= begins[0]:
            early = False
            _carry(tracks[0], known, 0.0)
        last = max(last, at)
        seconds, track = (at - begins[number]) / S, tracks[number]
        if what == "signal":
            known[words[0]] = words[1]
            if not early:
                track.signal(seconds, *words)
        elif early:
            continue
        elif what == "command":
            track.command(seconds, *words)
        elif what == "entry":
            track.entry(seconds, *words)
        else:
            track.can(seconds, *words)
    if early:
        _carry(tracks[0], known, 0.0)
    return last


def _carry(track: BoxTracks, known: dict[str, Any], at: float) -> None:
    """What held when a session began; why an earlier one ended is not its reason."""
    for name, value in known.items():
        if name not in ("stop_reason", "safety_trip", "safety_hint", "v2g_stopping"):
            track.signal(at, name, value)


def _merged(box: Box) -> Iterator[tuple[Any, ...]]:
    """(ns, kind, words ...) of notes, journal and CAN, in order of time."""
    return iter(merge(_notes(box), _entries(box), _can(box), key=lambda item: item[0]))


def _notes(box: Box) -> Iterator[tuple[Any, ...]]:
    signals, channels = box.head["signals"], box.head["channels"]
    at = box.head.get("tape_from_ns", 0)
    for words in box.head.get("heard", ()):
        if words[0] == n.SIGNAL:
            yield at, "signal", signals[words[1]], words[2]
    for words in box.notes:
        if words[0] == n.VISIT:
            at += words[1]
        elif words[0] == n.SIGNAL:
            yield at, "signal", signals[words[1]], words[2]
        elif words[0] == n.DID and channels[words[1]].split(".")[0] not in QUIET and not channels[words[1]].endswith("can"):
            yield at, "command", channels[words[1]], words[2], words[3]


def _entries(box: Box) -> Iterator[tuple[Any, ...]]:
    for entry in sorted(box.entries, key=lambda entry: entry.at):
        yield entry.at, "entry", entry.source, entry.level, entry.text, entry.number


def _can(box: Box) -> Iterator[tuple[Any, ...]]:
    bridge = {number for number, name in enumerate(box.interfaces) if name == "bridge.can"}
    for packet in sorted((packet for packet in box.packets if packet.interface in bridge), key=_at):
        yield packet.at, "can", packet.octets


def _at(packet: Packet) -> int:
    return packet.at


def _verdict(history: History, track: BoxTracks, heard: bool, end: dict[str, Any] | None) -> None:
    """What our box says of the end goes first; what was heard on the line is a remark then."""
    reason = track.reason.text if track.reason is not None else ""
    if not reason and end is not None and isinstance(end.get("reason"), str) and end["reason"] != "None":
        reason = printable(end["reason"])
    if track.trip:
        reason = f"safety trip: {track.trip}" + (f" ({reason})" if reason else "")
    if reason:
        if heard:
            history.remarks.insert(0, f"on the line: {history.outcome}")
        history.outcome = printable(reason)
        if not heard:
            history.title = f"{history.source}: {history.outcome}"
    if track.trip and track.hint:
        history.remarks.insert(0, printable(track.hint))
    facts = track.facts
    rate = [facts.get(name) for name in ("link_rate_tx", "link_rate_rx")]
    link = [f"attenuation {facts['attenuation']:.1f} dB"] if isinstance(facts.get("attenuation"), (int, float)) else []
    link += [f"{rate[0]} and {rate[1]} Mbit/s"] if all(isinstance(value, int) for value in rate) else []
    if isinstance(facts.get("modem"), str):
        link.insert(0, f"own modem {printable(facts['modem'])}")
    if link:
        history.remarks.append(", ".join(link))


def _about(box: Box) -> list[str]:
    """Of the file itself."""
    head = box.head
    remarks = [f"told by our own box ({printable(str(head.get('mode', 'role unknown')))}, {printable(str(head.get('program', '')))})"]
    for number, name in enumerate(box.interfaces):
        if number and (count := sum(packet.interface == number for packet in box.packets)):
            out = sum(packet.interface == number and packet.direction == OUT for packet in box.packets)
            remarks.append(f"{name}: {count - out} CAN frames came, {out} went")
    if box.end is None and not box.problem:
        remarks.append("the file has no end: it is still being written, or was cut off")
    if box.broken_seals:
        remarks.append(f"{len(box.broken_seals)} seals do not fit: python -m tools.box verify")
    gaps = [words[1] for words in box.notes if words[0] == n.GAP]
    return [*remarks, *(printable(gap) for gap in gaps[:3]), *([f"{len(gaps) - 3} more gaps"] if len(gaps) > 3 else [])]
