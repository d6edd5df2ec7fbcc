"""What a 128x64 display can show and how it becomes octets: eight pages of 128, bit 0 of an octet is the upper pixel.

A screen is a title (with the life sign at its end) and rows from top to bottom. A small row is one page high and holds 21
characters, a tall row two pages and as many, a large row two pages and 10 characters, a huge row three pages: 4 characters,
beside them 4 large ones over 8 small ones. A bar is one page high. Page layout: SSD1306 data sheet 10.1.2.

Every face leaves its lowest row of pixels and the outermost columns free, so that `shifted` cuts nothing: a panel that
shows the same for months burns in (an organic pixel ages with its hours of light), so the picture wanders.
"""
from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple, Sequence

from kernel.record import dataclass
from tasks.display import font
from tasks.display.font import CELL, LARGE_CELL, SMALL

WIDTH = 128
PAGES = 8
SMALL_CHARACTERS = 21          # 21 * 6 = 126 of 128 columns
LARGE_CHARACTERS = 10          # 10 * 12 = 120
HUGE_CHARACTERS = 4            # 4 * 18 = 72
BESIDE_CHARACTERS = 4          # 4 * 12 = 48, large, to the right of them
UNDER_CHARACTERS = 8           # 8 * 6 = 48, small, below those
TITLE_CHARACTERS = SMALL_CHARACTERS - 2     # a gap and the life sign
LIFE = "|/-\\"                 # one step per life count

TEXT, INVERSE, LARGE, BAR, TALL, HUGE = range(6)
HEIGHTS = (1, 1, 2, 1, 2, 3)   # in pages
WANDER = ((0, 0), (1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0))      # columns to the right and rows down, one step after the other

_SMALL_MARGIN = (WIDTH - SMALL_CHARACTERS * CELL) // 2
_LARGE_MARGIN = (WIDTH - LARGE_CHARACTERS * LARGE_CELL) // 2
_INVERTED = bytes(octet ^ 0xFF for octet in range(256))
_LOWERED = bytes(octet << 1 & 0xFF for octet in range(256))      # a row of pixels further down, and what enters the page below
_CARRIED = bytes(octet >> 7 for octet in range(256))
_BLANK = bytes(WIDTH)
_BAR_STEPS = WIDTH - 6         # columns inside the frame and its gaps
_BAR_END, _BAR_GAP, _BAR_FULL = b"\x3c", b"\x42", b"\x5a"     # rounded frame; the filling keeps a pixel of distance
BRAILLE_CELLS = WIDTH // 2
BRAILLE_LINES = PAGES * 2


CACHED = 64               # rows of text that stay drawn: most of a screen is what it was half a second ago


class Row(NamedTuple):
    """One row of a screen: kind TEXT, INVERSE, LARGE, BAR, TALL or HUGE; `percent` (0 to 100, None = unknown) is for bars.

    `beside` and `under` belong to a HUGE row: large at its right, and small below that.
    """

    kind: int
    text: str = ""
    percent: int | None = None
    beside: str = ""
    under: str = ""


@dataclass(slots=True)
class Screen:
    """Everything that is visible. Two equal screens look the same, so equality decides about redrawing."""

    title: str
    rows: tuple[Row, ...]
    life: int = 0


def fits(screen: Screen) -> bool:
    """True when nothing of the screen would be cut, in either direction."""
    limit = (SMALL_CHARACTERS, SMALL_CHARACTERS, LARGE_CHARACTERS, SMALL_CHARACTERS, SMALL_CHARACTERS, HUGE_CHARACTERS)
    return (len(screen.title) <= TITLE_CHARACTERS and 1 + sum(HEIGHTS[row.kind] for row in screen.rows) <= PAGES
            and all(len(row.text) <= limit[row.kind] and len(row.beside) <= BESIDE_CHARACTERS and len(row.under) <= UNDER_CHARACTERS
                    for row in screen.rows))


def draw(screen: Screen) -> list[bytes]:
    """The eight pages of a screen. What does not fit is cut, what the face does not have becomes '?'."""
    title = screen.title[:TITLE_CHARACTERS].ljust(SMALL_CHARACTERS - 1) + LIFE[screen.life & 3]
    pages = [_small(title)]
    for row in screen.rows:
        kind, text = row.kind, row.text
        if kind == LARGE:
            pages += _large(text)
        elif kind == TALL:
            pages += _tall(text)
        elif kind == HUGE:
            pages += _huge(row)
        elif kind == BAR:
            pages.append(_bar(row.percent))
        elif kind == INVERSE:
            pages.append(_small(text).translate(_INVERTED))
        else:
            pages.append(_small(text) if text else _BLANK)
    del pages[PAGES:]
    while len(pages) < PAGES:
        pages.append(_BLANK)
    return pages


def shifted(pages: Sequence[bytes], right: int, down: int) -> list[bytes]:
    """The picture moved by -1 to 1 columns and 0 or 1 rows; what enters is dark."""
    moved = []
    above = bytes(WIDTH)
    for page in pages:
        if down:
            lowered = int.from_bytes(page.translate(_LOWERED), "big") | int.from_bytes(above.translate(_CARRIED), "big")
            page, above = lowered.to_bytes(WIDTH, "big"), page
        moved.append(page if not right else b"\0" + page[:-1] if right > 0 else page[1:] + b"\0")
    return moved


def dot(step: int) -> list[bytes]:
    """A dark picture with one dot of 2 by 2 pixels, at another place at each step: the life sign of a display that is off."""
    pages = [_BLANK] * PAGES
    column = step * 37 % (WIDTH - 2)
    pages[step * 5 % PAGES] = bytes(column) + b"\x18\x18" + bytes(WIDTH - 2 - column)
    return pages


@lru_cache(CACHED)
def _small(text: str) -> bytes:
    return _page(text, SMALL, _SMALL_MARGIN, SMALL_CHARACTERS)


@lru_cache(CACHED)
def _large(text: str) -> tuple[bytes, ...]:
    return tuple([_page(text, face, _LARGE_MARGIN, LARGE_CHARACTERS) for face in font.LARGE])


@lru_cache(CACHED)
def _tall(text: str) -> tuple[bytes, ...]:
    return tuple([_page(text, face, _SMALL_MARGIN, SMALL_CHARACTERS) for face in font.TALL])


def _page(text: str, face: dict[str, bytes], margin: int, limit: int) -> bytes:
    unknown = face["?"]
    return b"".join((bytes(margin), *[face.get(c, unknown) for c in text[:limit]])).ljust(WIDTH, b"\0")


@lru_cache(CACHED)
def _huge(row: Row) -> list[bytes]:
    """The huge text at the left edge; `beside` and `under` end at the right one."""
    beside, under = row.beside[:BESIDE_CHARACTERS], row.under[:UNDER_CHARACTERS]
    left = [_page(row.text, face, _SMALL_MARGIN, HUGE_CHARACTERS) for face in font.HUGE]
    right = [_page(beside, face, 0, BESIDE_CHARACTERS)[:LARGE_CELL * len(beside)] for face in font.LARGE]
    right.append(_page(under, SMALL, 0, UNDER_CHARACTERS)[:CELL * len(under)])
    return [page[:WIDTH - len(end) - _SMALL_MARGIN] + end + bytes(_SMALL_MARGIN) if end else page for page, end in zip(left, right)]


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
