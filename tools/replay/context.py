"""What was around a difference: the frames that had just crossed the wire, what devices began to answer, what the box had said."""
from __future__ import annotations

from typing import Any

from drivers.blackbox import notes as n
from drivers.blackbox.reader import Box
from kernel.timer import S
from tasks.listen.exi import decoder
from tasks.listen.hearing import Hearing
from tasks.listen.lines import text
from tools.replay.engine import Difference

FRAMES, ENTRIES, ANSWERS = 6, 4, 6       # lines of each kind that are shown
BEFORE = 3 * S                           # nothing older is


def around(box: Box, difference: Difference, codec: Any) -> list[str]:
    """Lines, each with its time in s since the tape began. Frames are decoded with all that came before them."""
    begin, at = int(box.head.get("tape_from_ns", 0)), difference.at
    hearing = Hearing(decoder(codec))
    frames: list[tuple[int, str]] = []
    for packet in box.packets:
        if packet.interface or packet.at > at:
            continue
        for record in hearing.receive(packet.octets, packet.at):
            if packet.at > at - BEFORE:
                frames.append((packet.at, f"{'heard' if packet.direction == 1 else 'sent '}  {text(record, False)}"))
    lines = frames[-FRAMES:]
    lines += [(entry.at, f"said   {entry.source}: {entry.text}") for entry in box.entries if at - BEFORE < entry.at <= at and entry.source in box.head.get("rows", ())][-ENTRIES:]
    lines += _answers(box, difference.visit)[-ANSWERS:]
    return [f"{(when - begin) / S:10.3f}  {what}" for when, what in sorted(lines)]


def _answers(box: Box, visit: int) -> list[tuple[int, str]]:
    """What devices began to answer in this visit and the two before it."""
    names = box.head["channels"]
    found: list[tuple[int, str]] = []
    for number, (now, words) in enumerate(box.visits()):
        if number > visit:
            break
        if number > visit - 3:
            found += [(now, f"read   {names[word[1]]} = {word[2]}") for word in words if word[0] in (n.HEARD, n.ONCE)]
    return found
