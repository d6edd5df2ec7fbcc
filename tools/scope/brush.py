"""Primitives of the picture: rectangles, texts, lines with dashes, drawn twice as large and made smaller, for Pillow draws no smooth lines."""
from __future__ import annotations

from functools import cache
from typing import Any, Iterator

SCALE = 2                    # pixels drawn per pixel of the picture
Point = tuple[float, float]


@cache
def _font(size: int) -> Any:
    from PIL import ImageFont
    return ImageFont.load_default(size * SCALE)


class Brush:
    """A picture of `width` x `height` pixels; all coordinates in them."""

    def __init__(self, width: int, height: int, ground: str) -> None:
        from PIL import Image, ImageDraw
        self.width, self.height = width, height
        self._image = Image.new("RGB", (width * SCALE, height * SCALE), ground)
        self._draw = ImageDraw.Draw(self._image)

    def save(self, path: str) -> None:
        """As PNG. OSError when it cannot be written."""
        from PIL import Image
        self._image.resize((self.width, self.height), Image.Resampling.LANCZOS).save(path, "PNG", optimize=True)

    def box(self, x: float, y: float, wide: float, high: float, colour: str, radius: float = 0, edge: str | None = None) -> None:
        corners = (x * SCALE, y * SCALE, (x + max(wide, 1 / SCALE)) * SCALE - 1, (y + high) * SCALE - 1)
        if radius and wide > 2 * radius:
            self._draw.rounded_rectangle(corners, radius * SCALE, fill=colour, outline=edge, width=3 if edge else 0)
        else:
            self._draw.rectangle(corners, fill=colour, outline=edge, width=3 if edge else 0)

    def text(self, x: float, y: float, words: str, colour: str, size: int = 11, most: float | None = None, anchor: str = "lm") -> None:
        """`most`: pixels of width; a longer text is cut off with three points."""
        if most is not None:
            words = self.fit(words, most, size)
        if words:
            self._draw.text((x * SCALE, y * SCALE), words, fill=colour, font=_font(size), anchor=anchor)

    def wide(self, words: str, size: int = 11) -> float:
        return _font(size).getlength(words) / SCALE

    def fit(self, words: str, most: float, size: int = 11) -> str:
        if self.wide(words, size) <= most:
            return words
        keep = int(len(words) * most / max(1.0, self.wide(words, size)))
        while keep > 0 and self.wide(words[:keep] + "...", size) > most:
            keep -= 1
        return words[:keep] + "..." if keep > 1 else ""

    def line(self, points: list[Point], colour: str, width: float = 1.5, dash: tuple[float, float] | None = None) -> None:
        """A line through all points; `dash`: pixels drawn and left out."""
        for piece in ([points] if dash is None else dashed(points, *dash)):
            if len(piece) > 1:
                self._draw.line([(x * SCALE, y * SCALE) for x, y in piece], fill=colour, width=round(width * SCALE), joint="curve")

    def shape(self, points: list[Point], colour: str) -> None:
        self._draw.polygon([(x * SCALE, y * SCALE) for x, y in points], fill=colour)


def dashed(points: list[Point], on: float, off: float) -> Iterator[list[Point]]:
    """The pieces of a dashed line, the pattern going on around corners."""
    piece: list[Point] = points[:1]
    left, drawn = on, True
    for (x0, y0), (x1, y1) in zip(points, points[1:], strict=False):
        length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
        at = 0.0
        while length - at > left:
            at += left
            corner = (x0 + (x1 - x0) * at / length, y0 + (y1 - y0) * at / length)
            if drawn:
                yield [*piece, corner]
            piece, drawn = [corner], not drawn
            left = on if drawn else off
        left -= length - at
        if drawn:
            piece.append((x1, y1))
    if drawn:
        yield piece


def mixed(colour: str, ground: str, share: float) -> str:
    """`share` of a colour over another, both #rrggbb."""
    parts = [round(int(colour[i:i + 2], 16) * share + int(ground[i:i + 2], 16) * (1 - share)) for i in (1, 3, 5)]
    return "#" + "".join(f"{part:02x}" for part in parts)
