"""Values as short texts for a narrow display: fixed widths, `--` for unknown, never longer than a row."""
from __future__ import annotations

from kernel.timer import S
from tasks.display.picture import HUGE, LARGE_CHARACTERS, SMALL_CHARACTERS, TEXT, Row

UNKNOWN = "--"
TURN = 4 * S               # a text of more lines than fit turns its pages this often


def cut(text: str) -> str:
    """Foreign text (a modem's firmware name) of unknown length: its first 21 characters."""
    return text[:SMALL_CHARACTERS]


def wide(name: str, value: str) -> str:
    """The name at the left edge, the value at the right one."""
    return f"{name}{value:>{SMALL_CHARACTERS - len(name)}}"


def value(number: float | None, unit: str) -> str:
    return f"{UNKNOWN} {unit}" if number is None else f"{number:.0f} {unit}"


def tenth(number: float | None, unit: str) -> str:
    return f"{UNKNOWN} {unit}" if number is None else f"{number:.1f} {unit}"


def pair(left: float | None, left_unit: str, right: float | None, right_unit: str) -> str:
    """Two values, one at each edge."""
    return wide(value(left, left_unit), value(right, right_unit))


def closed(state: bool | None, yes: str, no: str) -> str:
    return UNKNOWN if state is None else yes if state else no


def kilo(watts: float | None) -> str:
    return f"{UNKNOWN} kW" if watts is None else f"{watts / 1000:.1f} kW"


def percent(share: float | None) -> str:
    """`42%`, four characters at most."""
    return f"{UNKNOWN}%" if share is None else f"{min(999.0, share):.0f}%"


def power(watts: float | None) -> str:
    """kW in four characters at most, below 100 with one decimal where there is room: `46.2`, `-9.9`, `350`."""
    if watts is None:
        return UNKNOWN
    kilowatts = max(-999.0, min(9999.0, watts / 1000))
    text = f"{kilowatts:.1f}"
    return text if len(text) <= 4 else f"{kilowatts:.0f}"


def soc_and_power(soc: float | None, watts: float | None) -> Row:
    """`42%` and `45.9` over `kW`, huge and large."""
    return Row(HUGE, percent(soc), None, power(watts), "kW")


def volts_and_amperes(volts: float | None, amperes: float | None) -> str:
    """`381V  120A` in ten large characters."""
    left, right = (UNKNOWN if number is None else f"{max(-999.0, min(9999.0, number)):.0f}" for number in (volts, amperes))
    return f"{left}V{right + 'A':>{LARGE_CHARACTERS - 1 - len(left)}}"


def ohm(resistance: float | None) -> str:
    if resistance is None:
        return f"{UNKNOWN} kOhm"
    return f"{resistance / 1e6:.1f} MOhm" if resistance >= 1e6 else f"{resistance / 1000:.0f} kOhm"


def elapsed(since: int, now: int) -> str:
    """`   12 s`, from two minutes on `  3 min`."""
    seconds = max(0, now - since) // S
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"


def seconds(since: int, now: int) -> str:
    """For what a person stands beside and counts: `125 s`."""
    return f"{min(9999, max(0, now - since) // S)} s"


def energy_and_minutes(watt_hours: float | None, since: int, now: int) -> str:
    left = "" if watt_hours is None else f"{watt_hours / 1000:.2f} kWh"
    return wide(left, elapsed(since, now))


def wrap(text: str, width: int = SMALL_CHARACTERS) -> tuple[str, ...]:
    """Words in lines of at most `width` characters; a longer word is broken, behind a dot or underscore or before a capital where it has one."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        while len(word) > width:
            if line:
                lines.append(line)
                line = ""
            seam = max((n for n in range(width // 2, width + 1) if word[n - 1] in "._" or word[n].isupper()), default=width)
            lines.append(word[:seam])
            word = word[seam:]
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    if line:
        lines.append(line)
    return tuple(lines)


def pages_of(text: str, height: int) -> list[tuple[str, ...]]:
    """The text in pages of `height` lines; where there is more than one, `>` at the end of a page says that more comes."""
    lines = wrap(text)
    if len(lines) <= height:
        return [lines]
    lines = wrap(text, SMALL_CHARACTERS - 1)
    pages = [list(lines[first:first + height]) for first in range(0, len(lines), height)]
    for page in pages[:-1]:
        page[-1] = f"{page[-1]:{SMALL_CHARACTERS - 1}}>"
    return [tuple(page) for page in pages]


def paged(text: str, height: int, since: int, now: int) -> tuple[Row, ...]:
    """The text in `height` rows; a longer text turns its pages every TURN."""
    pages = pages_of(text, height)
    return tuple([Row(TEXT, line) for line in pages[max(0, now - since) // TURN % len(pages)]])
