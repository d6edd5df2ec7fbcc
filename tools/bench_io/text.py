"""Tables and lines of at most 100 columns, for a terminal or a file."""
from __future__ import annotations

import textwrap
from typing import Iterable, Sequence

from tools.bench_io.bench import Bench
from tools.bench_io.look import Reading

COLUMNS = 100
WIDTHS = (24, 14, 16, 9, 5, 7)


def cells(values: Sequence[str], widths: Sequence[int] = WIDTHS) -> str:
    """Fixed columns; the last value takes what is left. A cell that is too long is cut with a dot."""
    line = ""
    for value, width in zip(values, widths):
        line += (value if len(value) < width else value[:width - 2] + ".").ljust(width)
    return (line + "".join(values[len(widths):len(widths) + 1]))[:COLUMNS].rstrip()


def wrapped(text: str, indent: str = "") -> list[str]:
    """Lines of at most COLUMNS."""
    return textwrap.wrap(text, COLUMNS, initial_indent=indent, subsequent_indent=" " * len(indent), break_on_hyphens=False) or [""]


def input_lines(rows: Iterable[Reading]) -> list[str]:
    """The table of inputs. A reason that does not fit stands in the line below."""
    lines = [cells(("input", "pin, channel", "raw", "value", "unit", "age ms", "state"))]
    room = COLUMNS - sum(WIDTHS)
    for row in rows:
        below = len(row.why) > room
        lines.append(cells((row.name, row.where, row.raw, row.value, row.unit, "-" if row.age_ms is None else str(row.age_ms), "unknown:" if below else row.why or "ok")))
        if below:
            lines += wrapped(row.why, "      ")
    return lines


def device_lines(bench: Bench) -> list[str]:
    """Every device, and what to do about those that are out of order."""
    lines = []
    for device in bench.quiet:
        lines.append(cells((device.name, device.fault or "well", f"{device.errors} errors" if device.errors else ""), (46, 22, 16)))
        if device.fault:
            lines += wrapped(device.remedy, "    ")
    return lines


def note_lines(notes: Iterable[str]) -> list[str]:
    return [line for note in notes for line in wrapped(note, "note: ")]
