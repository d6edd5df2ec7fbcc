"""Octets into lines: whatever comes, nothing that was not whole is told, and the memory is bounded."""
import random

import pytest

from drivers.serial_line.split import MAX_LINE, LineSplitter


def fed(*pieces: bytes) -> tuple[list[str], LineSplitter]:
    splitter = LineSplitter()
    splitter.feed(b"\n")
    return [line for piece in pieces for line in splitter.feed(piece)], splitter


@pytest.mark.parametrize("pieces, lines", [
    ((b"A0=0512\n",), ["A0=0512"]),
    ((b"A0=0512\r\nA0=0513\r\n",), ["A0=0512", "A0=0513"]),
    ((b"a\rb\n\r\n\nc\n",), ["a", "b", "c"]),
    ((b"A0=", b"05", b"12", b"\n"), ["A0=0512"]),
    ((b"A0=0512",), []),
    ((b"A0\x00=05\x0012\n",), ["A0=0512"]),
    ((b"A0=05\xff12\ngood\n",), ["good"]),
    ((b"\x07\ngood\n",), ["good"]),
    ((b"x" * MAX_LINE + b"\n",), ["x" * MAX_LINE]),
    ((b"x" * (MAX_LINE + 1) + b"\ngood\n",), ["good"]),
])
def test_lines(pieces, lines):
    assert fed(*pieces)[0] == lines


def test_what_was_thrown_away_is_counted():
    _, splitter = fed(b"\xff\xfe\nok\n" + b"y" * 1000 + b"\n\x80\n")
    assert (splitter.garbage, splitter.overlong) == (2, 1)


def test_the_end_of_a_line_whose_beginning_nobody_heard_is_no_line():
    """`A0=1012` heard from its fourth digit on is not `12`; the same after a gap."""
    splitter = LineSplitter()
    assert splitter.feed(b"12\nA0=0001\n") == ["A0=0001"]
    splitter.feed(b"A0=10")
    splitter.restart()
    assert splitter.feed(b"12\nA0=0002\n") == ["A0=0002"]


@pytest.mark.parametrize("seed", range(20))
def test_random_octets_in_random_pieces_give_what_they_give_in_one(seed):
    rng = random.Random(seed)
    data = bytes(rng.choice((10, 13, 0, 255, *b"A0=123do")) for _ in range(5000))
    whole = LineSplitter()
    wanted = whole.feed(data)
    pieces, lines = LineSplitter(), []
    while data:
        cut = rng.randrange(1, 200)
        lines += pieces.feed(data[:cut])
        data = data[cut:]
    assert lines == wanted and wanted and all(0 < len(line) <= MAX_LINE and line.isprintable() for line in wanted)
    assert (pieces.garbage, pieces.overlong) == (whole.garbage, whole.overlong)
