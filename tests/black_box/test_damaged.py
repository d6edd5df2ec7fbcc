"""Files cut at any octet, with flipped bits, and made to hurt: what is before the damage is there and plays; the rest is one sentence, in bounded time and memory."""
from __future__ import annotations

import random
import tracemalloc

import pytest

from drivers.blackbox.layout import BoxOctets
from drivers.blackbox.reader import MAX_PLAIN, NotABox, parse
from kernel.journal import Event
from kernel.timer import S
from tasks.config import Config
from tests.black_box import hostile
from tests.black_box.recording import BOTH, library, nearly_full, recorded, told
from tools.box import export, info, verify
from tools.replay.engine import Replay
from tools.simulate.charge import Charge

MEMORY = 60 * MAX_PLAIN          # what a hostile file may take for a moment: JSON of MAX_PLAIN octets that is all small lists


@pytest.fixture(scope="module")
def charge():
    return recorded(Charge(Config(), nearly_full(), library(), 2, recorded=BOTH), until=60 * S)


def small():
    """A whole file of some 1500 octets: three batches, all kinds of blocks."""
    octets = BoxOctets(1_700_000_000 * S)
    parts = [octets.begin(hostile.HEAD_FIELDS, [(3, "can")], "eth0", "test")]
    for second in range(3):
        at = second * S
        parts.append(octets.batch([[0, S if second else 0], [3, 0, second], [4, 1]], [(-1, at, 1, bytes(60)), (3, at, 2, bytes(16))], [Event(at, "v2g", "info", "second %d", (second,))]))
    return b"".join(parts) + octets.end({"reason": "none"}), len(parts)


def looked_at(box):
    """Everything that the tool does with a file, to text."""
    info.as_text("x", info.facts(box)), verify.as_text("x", verify.facts(box))
    for lines in (export.journal_lines(box), export.note_lines(box), export.candump(box), export.capture(box, journal=True)):
        for _ in lines:
            pass


def test_cut_at_every_octet():
    data, _ = small()
    whole = parse(data)
    sealed = [(mark.place, mark) for mark in whole.marks]
    for cut in range(len(data)):
        try:
            box = parse(data[:cut])
        except NotABox:
            assert cut <= sealed[0][0]
            continue
        before = [mark for place, mark in sealed if place <= cut]
        assert box.notes == whole.notes[:len(box.notes)] and box.packets == whole.packets[:len(box.packets)] and box.entries == whole.entries[:len(box.entries)]
        assert not before or (len(box.notes), len(box.packets), len(box.entries)) >= before[-1][2:5]
        assert not box.broken_seals and box.sound_octets <= cut
        assert verify.facts(box)["sound"] == (box.sound_octets == cut and not box.unsealed)
        looked_at(box)


def test_a_cut_file_plays_to_the_cut(charge):
    """All notes of whole blocks. Of the journal only what is sealed: the entries of a batch stand before its notes."""
    rng = random.Random(7)
    for cut in sorted(rng.randrange(parse(charge).marks[1].place + 60, len(charge)) for _ in range(8)):
        box = parse(charge[:cut])
        box.entries = box.entries[:box.marks[-1].entries]
        replay = Replay(box, library())
        while replay.step():
            pass
        assert replay.identical and replay.compared, f"cut at {cut}: {told(replay)}"


def test_every_flipped_bit_of_a_small_file_is_found():
    data, _ = small()
    for place in range(len(data)):
        flipped = bytearray(data)
        flipped[place] ^= 1 << place % 8
        try:
            box = parse(bytes(flipped))
        except NotABox:
            continue
        assert not verify.facts(box)["sound"], f"octet {place}"
        looked_at(box)


def test_a_flipped_bit_is_placed(charge):
    """Between two seals, and the time between them."""
    rng = random.Random(11)
    marks = parse(charge).marks
    placed = 0
    for _ in range(60):
        place = rng.randrange(marks[0].place + 100, len(charge))
        flipped = bytearray(charge)
        flipped[place] ^= 1 << rng.randrange(8)
        found = verify.facts(parse(bytes(flipped)))
        assert not found["sound"]
        broken = found["first_broken"]
        if broken is not None and not found["problem"]:
            placed += 1
            assert broken["from_octet"] <= place <= broken["to_octet"] + 100 and broken["from_s"] <= broken["to_s"] <= 61
    assert placed > 10


def test_mutations(charge):
    """Seeded; `python -m tests.black_box` does it a thousand times longer."""
    rng = random.Random(3)
    data, _ = small()
    for _ in range(600):
        hostile.survives(hostile.mutated(rng, data), looked_at)
        hostile.survives(hostile.repacked(rng, data), looked_at)
    for _ in range(12):
        hostile.survives(hostile.mutated(rng, charge), looked_at)


def test_wrong_notes():
    rng = random.Random(5)
    for note in hostile.wrong_notes(rng, 1500):
        hostile.survives(hostile.file(hostile.tape([[0, 1], note])), looked_at)


@pytest.mark.parametrize("name", ["channels", "signals", "mode", "config", "mac", "tape_from_ns", "epoch_ns", "rows", "external", "constants", "heard", "units", "program", "format"])
def test_wrong_heads(name):
    for wrong in hostile.WRONG:
        data = hostile.file(hostile.tape([[0, 1], [3, 0, 1.0]]), head={name: wrong})
        hostile.survives(data, looked_at)


BOMBS = ("zip bomb", "zip bombs", "zip bomb as a head", "deep JSON", "deep JSON as a head", "two million notes", "empty lists", "a number of a million digits", "a block of 1 GiB",
         "a block of 1 GiB of ours", "a packet of 1 GiB", "an own block of 1 GiB", "options without end", "an interface of options", "a journal of empty lines",
         "a journal field of 2^63 octets", "a journal of many fields", "many interfaces", "many blocks")


@pytest.fixture(scope="module")
def bombs():
    return hostile.bombs()


@pytest.mark.parametrize("name", BOMBS)
def test_bombs(bombs, name):
    tracemalloc.start()
    try:
        try:
            box = parse(bombs[name])
            looked_at(box)
            assert box.problem or name in ("many blocks", "options without end", "an interface of options")
        except NotABox as refusal:
            assert "head" in name and len(str(refusal)) < 500
        assert tracemalloc.get_traced_memory()[1] < MEMORY
    finally:
        tracemalloc.stop()


def test_the_list_of_bombs_is_whole(bombs):
    assert set(bombs) == set(BOMBS)
