"""Screens -> one picture with a caption under each, and back: which screens differ between two sheets."""
from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping, Sequence

from tasks.display.picture import PAGES, TEXT, WIDTH, Row, Screen, draw

HEIGHT = 8 * PAGES
COLUMNS = 12
CAPTION = 2                            # rows of text
CELL = (WIDTH + 4, HEIGHT + 8 * CAPTION + 4)
BORDER = 1
LIT = 255


def image_of(pages: Sequence[bytes]) -> Any:
    """A Pillow image of one bit per pixel."""
    from PIL import Image
    image = Image.new("1", (WIDTH, 8 * len(pages)))
    image.putdata([LIT * (page[x] >> bit & 1) for page in pages for bit in range(8) for x in range(WIDTH)])
    return image


def sheet_of(screens: Mapping[str, Sequence[bytes]]) -> Any:
    """All screens in the order of their names, COLUMNS beside each other, framed, with their names below."""
    from PIL import Image
    rows = -(-len(screens) // COLUMNS)
    sheet = Image.new("1", (COLUMNS * CELL[0], rows * CELL[1]))
    for place, name in enumerate(sorted(screens)):
        left, top = place % COLUMNS * CELL[0], place // COLUMNS * CELL[1]
        frame = Image.new("1", (WIDTH + 2, HEIGHT + 2), LIT)
        frame.paste(image_of(screens[name]), (BORDER, BORDER))
        sheet.paste(frame, (left, top))
        words = name if len(name) > 21 else name + " "
        caption = draw(Screen("", (Row(TEXT, words[:21]), Row(TEXT, words[21:42]))))[1:1 + CAPTION]
        sheet.paste(image_of(caption), (left + BORDER, top + HEIGHT + 3))
    return sheet


def changed(screens: Mapping[str, Sequence[bytes]], path: Path, difference: Path | None = None) -> list[str]:
    """Names of the screens that differ from the sheet in `path`; a picture that shows them, old above new, goes to `difference`.

    Cells are paired by their captions, so that a new screen does not make all behind it differ; one that is new or gone is named as such.
    """
    from PIL import Image
    new = _cells(sheet_of(screens))
    with Image.open(path) as stored:
        old = _cells(stored.convert("1"))
    blank = Image.new("1", CELL)
    names, pieces = [], []
    for name, (caption, cell) in zip(sorted(screens), new.items()):
        before = old.pop(caption, None)
        if before is None or before.tobytes() != cell.tobytes():
            names.append(name if before is not None else f"{name} (new)")
            pieces.append((before or blank, cell))
    if old:
        names.append(f"({len(old)} of the stored sheet are gone)")
        pieces += [(before, blank) for before in old.values()]
    if difference is not None and pieces:
        _pairs(pieces).save(difference)
    return names


def _cells(sheet: Any) -> dict[bytes, Any]:
    """Caption as pixels -> the whole cell, in the order of the sheet; empty places are left out."""
    found: dict[bytes, Any] = {}
    for top in range(0, sheet.height - CELL[1] + 1, CELL[1]):
        for left in range(0, sheet.width - CELL[0] + 1, CELL[0]):
            cell = sheet.crop((left, top, left + CELL[0], top + CELL[1]))
            caption = cell.crop((0, HEIGHT + 2, *CELL)).tobytes()
            if any(caption):
                found[caption] = cell
    return found


def _pairs(pieces: Sequence[tuple[Any, Any]]) -> Any:
    from PIL import Image
    picture = Image.new("1", (min(len(pieces), COLUMNS) * CELL[0], -(-len(pieces) // COLUMNS) * 2 * CELL[1]))
    for place, (before, after) in enumerate(pieces):
        left, top = place % COLUMNS * CELL[0], place // COLUMNS * 2 * CELL[1]
        picture.paste(before, (left, top))
        picture.paste(after, (left, top + CELL[1]))
    return picture
