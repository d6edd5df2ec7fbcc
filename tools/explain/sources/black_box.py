"""A black box file of our own box (drivers/blackbox): frames, journal, and what its signals and devices have said."""
from __future__ import annotations

from pathlib import Path
from typing import Any, Iterator

from drivers.blackbox import notes as n
from drivers.blackbox.reader import Box, NotABox, Packet, is_box, read
from drivers.capture_file import LINK_ETHERNET, CaptureError, CapturedFrame
from kernel.timer import S
from tools.explain.evidence import Change, Line
from tools.explain.plant import WATCHED
from tools.explain.sources.material import Material, Unreadable

MAX_LINES = 200_000                      # of the journal, as tools/explain/box.py reads of a text
MAX_CHANGES = 200_000                    # of what is watched; a charge of an hour has some thousand
ROLES = ("pev", "bridge", "evse")
FEEDBACK = {"contactors.feedback": "contactors_closed", "lock.feedback": "lock_confirmed"}
COMMANDS = ("contactors.set_closed", "lock.set_locked", "control_pilot.set_state_c", "pilot_source.set_duty", "bridge.lock.set_locked",
            "bridge.sequence.set_d1", "bridge.sequence.set_d2")


class BlackBoxSource:
    """Goes before the capture, which a black box is as well."""

    def claims(self, path: Path) -> bool:
        return path.is_file() and is_box(path)

    def read(self, path: Path) -> Material:
        try:
            box = read(path)
        except NotABox as what:
            raise Unreadable(str(what)) from None
        return material_of(box, path.name)


def material_of(box: Box, title: str) -> Material:
    """Of a file that was read."""
    epoch = box.head["epoch_ns"]
    lines = [Line((entry.at + epoch) / S, entry.source.rpartition("/")[2], "checkpoint" if entry.number else entry.level, entry.number, entry.text)
             for entry in sorted(box.entries, key=lambda entry: entry.at)[:MAX_LINES]]
    mode = box.head.get("mode", "")
    return Material(title, "ccsbox", _frames(box), lines, mode if mode in ROLES else "", tuple(_notes(box)), tuple(_changes(box, epoch)))


def _frames(box: Box) -> Iterator[CapturedFrame]:
    """Of the network; a damaged file raises where it is damaged, as a capture does."""
    epoch, number = box.head["epoch_ns"], 0
    packets: list[Packet] = [packet for packet in box.packets if packet.interface == 0]
    for number, packet in enumerate(packets, 1):
        yield CapturedFrame(number, packet.at + epoch, packet.octets, 0, LINK_ETHERNET, 0, 0, packet.direction)
    if box.problem:
        raise CaptureError(box.problem, box.sound_octets, number)


def _notes(box: Box) -> Iterator[str]:
    if box.end is None and not box.problem:
        yield "the file has no end: the box still writes it, or its power was cut"
    if box.broken_seals:
        yield f"{len(box.broken_seals)} seals of the file do not fit: something in it was changed (python -m tools.box verify)"
    gaps = sum(words[0] == n.GAP for words in box.notes)
    if gaps:
        yield f"{gaps} gaps in the file: the middle was given up, or notes found no room"


def _changes(box: Box, epoch: int) -> Iterator[Change]:
    """What is watched, in order of time, s since 1970: signals by their name, commands as `contactors.set_closed`, [argument, accepted].

    What a device answers comes before the signal that is made of it; a box whose row does not run any more still has the answer.
    """
    signals, channels = box.head["signals"], box.head["channels"]
    at, told = box.head.get("tape_from_ns", 0) + epoch, 0
    for words in (*box.head.get("heard", ()), *box.notes):
        kind = words[0]
        change: tuple[str, Any] | None = None
        if kind == n.VISIT:
            at += words[1]
        elif kind == n.SIGNAL and signals[words[1]] in WATCHED:
            change = signals[words[1]], words[2]
        elif kind == n.HEARD and channels[words[1]] in FEEDBACK:
            change = FEEDBACK[channels[words[1]]], words[2]
        elif kind == n.HEARD and channels[words[1]].startswith("polled.") and channels[words[1]].endswith(".fault") and words[2]:
            change = "device_fault", words[2]
        elif kind == n.DID and channels[words[1]] in COMMANDS and words[2]:
            change = channels[words[1]], [words[2][0], words[3]]
        if change is not None and told < MAX_CHANGES:
            told += 1
            yield Change(at / S, *change)
