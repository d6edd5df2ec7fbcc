"""What a 128x64 display can show and how it becomes octets: eight pages of 128, bit 0 of an octet is the upper pixel.

A screen is a title (inverse, with the life sign at its end) and rows from top to bottom. A small row is one page high
and holds 21 characters, a large row two pages and 10 characters, a bar one page. Page layout: SSD1306 data sheet 10.1.2.
"""
from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Sequence

from tasks.display.font import CELL, LARGE_CELL, LARGE_LOWER, LARGE_UPPER, SMALL

WIDTH = 128
PAGES = 8
SMALL_CHARACTERS = 21          # 21 * 6 = 126 of 128 columns
LARGE_CHARACTERS = 10          # 10 * 12 = 120
TITLE_CHARACTERS = SMALL_CHARACTERS - 2     # a gap and the life sign
LIFE = "|/-\\"                 # one step per life count

TEXT, INVERSE, LARGE, BAR = range(4)
HEIGHTS = (1, 1, 2, 1)         # in pages

_SMALL_MARGIN = (WIDTH - SMALL_CHARACTERS * CELL) // 2
_LARGE_MARGIN = (WIDTH - LARGE_CHARACTERS * LARGE_CELL) // 2
_INVERTED = bytes(octet ^ 0xFF for octet in range(256))
_BLANK = bytes(WIDTH)
_BAR_STEPS = WIDTH - 6         # columns inside the frame and its gaps
_BAR_END, _BAR_GAP, _BAR_FULL = b"\x3c", b"\x42", b"\x5a"     # rounded frame; the filling keeps a pixel of distance
BRAILLE_CELLS = WIDTH // 2
BRAILLE_LINES = PAGES * 2


CACHED = 64               # rows of text that stay drawn: most of a screen is what it was half a second ago


class Row(NamedTuple):
    """One row of a screen: kind TEXT, INVERSE, LARGE or BAR; `percent` (0 to 100, None = unknown) is for bars."""

    kind: int
    text: str = ""
    percent: int | None = None


@dataclass(slots=True)
class Screen:
    """Everything that is visible. Two equal screens look the same, so equality decides about redrawing."""

    title: str
    rows: tuple[Row, ...]
    life: int = 0


def fits(screen: Screen) -> bool:
    """True when nothing of the screen would be cut, in either direction."""
    limit = (SMALL_CHARACTERS, SMALL_CHARACTERS, LARGE_CHARACTERS, SMALL_CHARACTERS)
    return (len(screen.title) <= TITLE_CHARACTERS and 1 + sum(HEIGHTS[row.kind] for row in screen.rows) <= PAGES
            and all(len(row.text) <= limit[row.kind] for row in screen.rows))


def draw(screen: Screen) -> list[bytes]:
    """The eight pages of a screen. What does not fit is cut, what the face does not have becomes '?'."""
    title = screen.title[:TITLE_CHARACTERS].ljust(SMALL_CHARACTERS - 1) + LIFE[screen.life & 3]
    pages = [_small(title).translate(_INVERTED)]
    for kind, text, percent in screen.rows:
        if kind == LARGE:
            pages.append(_large(text, LARGE_UPPER))
            pages.append(_large(text, LARGE_LOWER))
        elif kind == BAR:
            pages.append(_bar(percent))
        elif kind == INVERSE:
            pages.append(_small(text).translate(_INVERTED))
        else:
            pages.append(_small(text) if text else _BLANK)
    del pages[PAGES:]
    while len(pages) < PAGES:
        pages.append(_BLANK)
    return pages


@lru_cache(CACHED)
def _small(text: str) -> bytes:
    unknown = SMALL["?"]
    return b"".join((bytes(_SMALL_MARGIN), *[SMALL.get(c, unknown) for c in text[:SMALL_CHARACTERS]])).ljust(WIDTH, b"\0")


def _large(text: str, face: dict[str, bytes]) -> bytes:
    unknown = face["?"]
    return b"".join((bytes(_LARGE_MARGIN), *[face.get(c, unknown) for c in text[:LARGE_CHARACTERS]])).ljust(WIDTH, b"\0")


def _bar(percent: int | None) -> bytes:
    full = 0 if percent is None else min(max(percent, 0), 100) * _BAR_STEPS // 100
    return b"".join((b"\0", _BAR_END, _BAR_GAP, _BAR_FULL * full, _BAR_GAP * (_BAR_STEPS - full), _BAR_GAP, _BAR_END, b"\0"))


def next_span(shown: bytes, wanted: bytes, limit: int, gap: int) -> tuple[int, int]:
    """(first column, length) of the first stretch in which two equally long pages differ; length 0 when they are equal.

    Equal stretches shorter than `gap` octets do not end it: addressing the column anew would cost the bus more than
    sending them again. At most `limit` octets.
    """
    difference = int.from_bytes(shown, "big") ^ int.from_bytes(wanted, "big")
    if difference == 0:
        return 0, 0
    octets = difference.to_bytes(len(wanted), "big")
    first = len(octets) - len(octets.lstrip(b"\0"))
    end = octets.find(bytes(gap), first)
    if end < 0:
        end = len(octets.rstrip(b"\0"))
    return first, min(end - first, limit)


def as_text(pages: Sequence[bytes]) -> list[str]:
    """The picture for a terminal: 16 lines of 64 braille characters, each two columns by four rows of pixels."""
    lines = []
    for page in pages[:PAGES]:
        pairs = list(zip(page[0:WIDTH:2], page[1:WIDTH:2]))
        lines.append("".join([_BRAILLE[_LEFT[a & 15] | _RIGHT[b & 15]] for a, b in pairs]))
        lines.append("".join([_BRAILLE[_LEFT[a >> 4] | _RIGHT[b >> 4]] for a, b in pairs]))
    return lines


def _dots(order: tuple[int, int, int, int]) -> tuple[int, ...]:
    return tuple(sum(1 << order[y] for y in range(4) if nibble >> y & 1) for nibble in range(16))


# Unicode 2800-28FF: dots 1 2 3 7 are the left column from top to bottom, 4 5 6 8 the right one; dot n is bit n-1.
_LEFT = _dots((0, 1, 2, 6))
_RIGHT = _dots((3, 4, 5, 7))
_BRAILLE = tuple(chr(0x2800 + dots) for dots in range(256))
