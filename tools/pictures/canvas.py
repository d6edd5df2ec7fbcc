"""One SVG picture: lines, boxes, words, and the symbols of circuit diagrams (IEC 60617 shapes); remembers where words and wires are, to be checked."""
from __future__ import annotations

from html import escape
from typing import NamedTuple, Sequence

FONT = "DejaVu Sans, Verdana, Helvetica, Arial, sans-serif"
INK, PALE, WIRE, HIGH, LOW, BUS, LINE, EARTH = "#1b1f24", "#57606a", "#1b1f24", "#c62828", "#1b1f24", "#1565c0", "#6a1b9a", "#2e7d32"
"""Words, words of less weight, wires; high voltage, DC- and ground, buses and inputs, the power line's signal, protective conductor."""
OUT = "#bf5b00"
"""Outputs."""
TINTS = {INK: "#f6f8fa", HIGH: "#fdecea", BUS: "#e8f1fb", LINE: "#f5eaf8", EARTH: "#eaf5ea", OUT: "#fff3e0", PALE: "#ffffff"}
WIDTHS = {**dict.fromkeys("ijl'|", 0.28), **dict.fromkeys(" .,:;ftr!-()/I", 0.38), **dict.fromkeys("mMW%+", 0.95), **dict.fromkeys("w", 0.82)}
OTHER, CAPITAL, BOLD = 0.63, 0.73, 1.13
"""Of the size: what DejaVu Sans, the widest of FONT, needs for a character, within 5 %."""
STROKE = 1.8
LENGTH = 60                      # of each symbol, pixels


class Box(NamedTuple):
    """Left, top, right, bottom in pixels of the picture, and what stands there."""

    left: float
    top: float
    right: float
    bottom: float
    what: str = ""

    def meets(self, other: "Box") -> bool:
        return self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom


class Drawing:
    """A picture of `width` by `height` pixels with a heading. What is drawn later lies above."""

    def __init__(self, width: int, height: int, heading: str, below: Sequence[str] = ()) -> None:
        self.width, self.height = width, height
        self.words: list[Box] = []
        self.wires: list[Box] = []
        self._heading = heading
        self._parts: list[str] = []
        self.text(24, 38, heading, size=21, bold=True)
        for number, line in enumerate(below):
            self.text(24, 62 + 18 * number, line, colour=PALE)

    def svg(self) -> str:
        return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" width="{self.width}" height="{self.height}" '
                          f'font-family="{FONT}" role="img">', f"<title>{escape(self._heading)}</title>",
                          f'<rect width="{self.width}" height="{self.height}" fill="#ffffff"/>', *self._parts, "</svg>", ""])

    # words and plain shapes

    def text(self, x: float, y: float, words: str, size: int = 13, anchor: str = "start", bold: bool = False, colour: str = INK) -> None:
        """`words` on one line with its base line at `y`."""
        wide = size * (BOLD if bold else 1.0) * sum(WIDTHS.get(c, CAPITAL if c.isupper() else OTHER) for c in words)
        left = x - {"start": 0.0, "middle": wide / 2, "end": wide}[anchor]
        self.words.append(Box(left, y - 0.8 * size, left + wide, y + 0.22 * size, words))
        weight = ' font-weight="bold"' if bold else ""
        self._parts.append(f'<text x="{x:g}" y="{y:g}" font-size="{size}" text-anchor="{anchor}"{weight} fill="{colour}">{escape(words)}</text>')

    def lines(self, x: float, y: float, words: Sequence[str], size: int = 13, anchor: str = "start", colour: str = INK, bold_first: bool = False) -> None:
        for number, line in enumerate(words):
            if not line:
                continue
            self.text(x, y + number * 1.35 * size, line, size, anchor, bold_first and not number, colour)

    def box(self, x: float, y: float, wide: float, high: float, words: Sequence[str] = (), colour: str = INK, size: int = 13, dashed: bool = False) -> None:
        """A rectangle with its words in the middle, the first of them bold."""
        dashes = ' stroke-dasharray="7 5"' if dashed else ""
        fill = "none" if dashed else TINTS[colour]
        self._parts.append(f'<rect x="{x:g}" y="{y:g}" width="{wide:g}" height="{high:g}" rx="5" fill="{fill}" '
                           f'stroke="{colour}" stroke-width="{STROKE}"{dashes}/>')
        for left, up, right, down in ((x, y, x + wide, y), (x, y + high, x + wide, y + high), (x, y, x, y + high), (x + wide, y, x + wide, y + high)):
            self.wires.append(Box(left - 1, up - 1, right + 1, down + 1, f"edge of the box at {(x, y)}"))
        top = y + high / 2 - (len(words) - 1) * 0.675 * size + 0.35 * size
        self.lines(x + wide / 2, top, words, size, "middle", bold_first=len(words) > 1)

    def wire(self, *points: tuple[float, float], colour: str = WIRE, thick: float = STROKE, dashed: bool = False) -> None:
        """A line through `points`; only level and upright pieces."""
        for (x1, y1), (x2, y2) in zip(points, points[1:]):
            if x1 != x2 and y1 != y2:
                raise ValueError(f"a wire goes level or upright, not from {(x1, y1)} to {(x2, y2)}")
            self.wires.append(Box(min(x1, x2) - 1, min(y1, y2) - 1, max(x1, x2) + 1, max(y1, y2) + 1, f"wire {(x1, y1)} to {(x2, y2)}"))
        self._stroke(points, colour, thick, dashed)

    def panel(self, x: float, y: float, pages: Sequence[bytes], scale: float) -> None:
        """A display's picture, lit on dark: pages of eight rows, one octet a column, bit 0 on top."""
        wide, high = len(pages[0]), 8 * len(pages)
        runs = []
        for row in range(high):
            lit = [page >> row % 8 & 1 for page in pages[row // 8]] + [0]
            starts = [column for column in range(wide) if lit[column] and not (column and lit[column - 1])]
            runs += [f"M{start} {row}.5h{lit.index(0, start) - start}" for start in starts]
        self._parts.append(f'<rect x="{x - 6:g}" y="{y - 6:g}" width="{wide * scale + 12:g}" height="{high * scale + 12:g}" rx="5" fill="#0b0f14"/>')
        self._parts.append(f'<path transform="translate({x:g} {y:g}) scale({scale:g})" d="{"".join(runs)}" stroke="#cfe8ff" stroke-width="1" fill="none"/>')

    def dot(self, x: float, y: float, colour: str = WIRE) -> None:
        """Wires that cross here are joined."""
        self._parts.append(f'<circle cx="{x:g}" cy="{y:g}" r="3.6" fill="{colour}"/>')

    def ring(self, x: float, y: float, colour: str = WIRE, r: float = 5) -> None:
        """A terminal."""
        self._parts.append(f'<circle cx="{x:g}" cy="{y:g}" r="{r:g}" fill="#ffffff" stroke="{colour}" stroke-width="{STROKE}"/>')

    def _stroke(self, points: Sequence[tuple[float, float]], colour: str = WIRE, thick: float = STROKE, dashed: bool = False, fill: str = "none") -> None:
        dashes = ' stroke-dasharray="7 5"' if dashed else ""
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        self._parts.append(f'<polyline points="{path}" fill="{fill}" stroke="{colour}" stroke-width="{thick:g}" stroke-linejoin="round"{dashes}/>')

    # symbols: each is LENGTH long, level from (x, y) to the right, or upright from (x, y) down

    def _turned(self, x: float, y: float, upright: bool, *points: tuple[float, float]) -> list[tuple[float, float]]:
        return [(x + b, y + a) if upright else (x + a, y + b) for a, b in points]

    def _symbol(self, x: float, y: float, upright: bool, colour: str, *strokes: Sequence[tuple[float, float]], fill: str = "none") -> None:
        for stroke in strokes:
            self._stroke(self._turned(x, y, upright, *stroke), colour, fill=fill if len(stroke) > 2 else "none")
        across, down = zip(*self._turned(x, y, upright, (0, -9), (LENGTH, 9)))
        self.wires.append(Box(min(across), min(down), max(across), max(down), f"symbol at {(x, y)}"))

    def resistor(self, x: float, y: float, upright: bool = False, colour: str = WIRE) -> None:
        self._symbol(x, y, upright, colour, ((0, 0), (10, 0)), ((50, 0), (60, 0)), ((10, -7), (50, -7), (50, 7), (10, 7), (10, -7)), fill="#ffffff")

    def fuse(self, x: float, y: float, upright: bool = False, colour: str = WIRE) -> None:
        self._symbol(x, y, upright, colour, ((10, -7), (50, -7), (50, 7), (10, 7), (10, -7)), ((0, 0), (60, 0)), fill="#ffffff")

    def capacitor(self, x: float, y: float, upright: bool = False, colour: str = WIRE) -> None:
        self._symbol(x, y, upright, colour, ((0, 0), (26, 0)), ((34, 0), (60, 0)), ((26, -9), (26, 9)), ((34, -9), (34, 9)))

    def diode(self, x: float, y: float, upright: bool = False, colour: str = WIRE, back: bool = False) -> None:
        """It leads away from (x, y), or `back` to it."""
        base, tip = (38, 22) if back else (22, 38)
        self._symbol(x, y, upright, colour, ((0, 0), (60, 0)), ((base, -8), (tip, 0), (base, 8), (base, -8)), ((tip, -8), (tip, 8)), fill="#ffffff")

    def contact(self, x: float, y: float, upright: bool = False, colour: str = WIRE, closed: bool = False) -> None:
        """Normally open, or `closed`: a break contact."""
        lever = (((18, 0), (44, -7)), ((42, 0), (42, -8))) if closed else (((18, 0), (43, -10)),)
        strokes = [((0, 0), (18, 0)), ((42, 0), (60, 0)), *lever]
        self._symbol(x, y, upright, colour, *strokes)

    def coil(self, x: float, y: float, upright: bool = False, colour: str = WIRE) -> None:
        """The coil of a relay or contactor."""
        self._symbol(x, y, upright, colour, ((0, 0), (18, 0)), ((42, 0), (60, 0)), ((18, -9), (42, -9), (42, 9), (18, 9), (18, -9)), ((18, 9), (42, -9)),
                     fill="#ffffff")

    def transformer(self, x: float, y: float, colour: str = LINE) -> None:
        """Two upright windings, LENGTH long; the right one is 24 beside the left."""
        for at, sweep in ((x, 1), (x + 24, 0)):
            arcs = "".join(f" a7.5,7.5 0 0 {sweep} 0,15" for _ in range(4))
            self._parts.append(f'<path d="M{at:g},{y:g}{arcs}" fill="none" stroke="{colour}" stroke-width="{STROKE}"/>')
        for at in (x + 10, x + 14):
            self._stroke(((at, y + 3), (at, y + LENGTH - 3)), colour)
        self.wires.append(Box(x - 2, y, x + 26, y + LENGTH, f"transformer at {(x, y)}"))

    def ground(self, x: float, y: float, earth: bool = False) -> None:
        """Ground of the box, or the protective conductor."""
        colour = EARTH if earth else INK
        self._stroke(((x, y), (x, y + 8)), colour)
        for wide, down in ((11, 8), (7, 12), (3, 16)):
            self._stroke(((x - wide, y + down), (x + wide, y + down)), colour)
        self.wires.append(Box(x - 11, y, x + 11, y + 17, f"ground at {(x, y)}"))


def faults(drawing: Drawing) -> list[str]:
    """What a reader could not read: words beyond the edge, upon each other, or struck through by a wire."""
    page = Box(0, 0, drawing.width, drawing.height)
    found = [f"{word.what!r} leaves the page" for word in drawing.words
             if word.left < page.left or word.right > page.right or word.top < page.top or word.bottom > page.bottom]
    for number, word in enumerate(drawing.words):
        found += [f"{word.what!r} lies on {other.what!r}" for other in drawing.words[number + 1:] if word.meets(other)]
        found += [f"{word.what!r} is struck through by {wire.what}" for wire in drawing.wires if word.meets(wire)]
    return found
