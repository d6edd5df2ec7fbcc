"""Styled text for terminals: pieces with a style, cut and padded by what is visible, coloured at the very end."""
from __future__ import annotations

from typing import Iterable

PLAIN, TITLE, DIM, GOOD, WARN, BAD, ACCENT, PIXEL, LABEL = range(9)
_CODES = ("", "1", "2", "32", "33", "1;31", "36", "96", "2;37")     # SGR parameters, ECMA-48 8.3.117

Piece = tuple[str, int]
Line = list[Piece]

_ASCII = str.maketrans({"─": "-", "│": "|", "╭": "+", "╮": "+", "╰": "+", "╯": "+", "━": "=", "╸": "=", "█": "#", "●": "*", "○": "o",
                        "→": ">", "×": "x", "·": "-", "✔": "+", "✘": "!", "…": "~", "Ω": "O"})


def ascii_only(text: str) -> str:
    """The same picture for a terminal that is not UTF-8; what has no likeness becomes '?'."""
    return text.translate(_ASCII).encode("ascii", "replace").decode("ascii")


def width(line: Iterable[Piece]) -> int:
    """Visible columns; every character used here is one column wide."""
    return sum(len(text) for text, _ in line)


def fit(line: Line, columns: int) -> Line:
    """Exactly `columns` wide: padded with blanks, or cut with an ellipsis as the last character."""
    have = width(line)
    if have <= columns:
        return line + [(" " * (columns - have), PLAIN)] if have < columns else line
    out: Line = []
    left = columns - 1
    for text, style in line:
        if len(text) > left:
            out.append((text[:max(left, 0)] + "…" if columns > 0 else "", style))
            return out
        out.append((text, style))
        left -= len(text)
    return out


def spread(left: Line, right: Line, columns: int) -> Line:
    """`left` at the left edge and `right` at the right one; the left one gives way."""
    gap = columns - width(right)
    return fit(left, gap) + right if gap > 0 else fit(left, columns)


def paint(line: Iterable[Piece], color: bool) -> str:
    """The characters to be written, with colours when asked for."""
    if not color:
        return "".join([text for text, _ in line])
    return "".join([f"\x1b[{_CODES[style]}m{text}\x1b[0m" if style and text else text for text, style in line])


def clock(ns: int) -> str:
    """Virtual time as seconds with ms: `  12.345`."""
    return f"{ns // 1_000_000_000:4d}.{ns // 1_000_000 % 1000:03d}"


def minutes(ns: int) -> str:
    """`31:42` minutes and seconds, from an hour on `1:31:42`."""
    seconds = ns // 1_000_000_000
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"
