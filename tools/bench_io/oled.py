"""The OLED's test picture: frame, checker, text sizes, contrast steps."""
from __future__ import annotations

from typing import Callable

from drivers.boards.assumed import NoDisplay
from kernel.timer import S
from tasks.display.picture import INVERSE, LARGE, PAGES, TALL, TEXT, WIDTH, Row, Screen, as_text, draw
from tools.bench_io.bench import PACE, Bench

CONTRASTS = (0, 32, 64, 128, 255)            # of 0 to 255
STEP = 1 * S                                 # each contrast is looked at so long
RETRIES = 100                                # of one piece, a tick apart: a panel that is plugged in late is waited for 1 s
SQUARE = 8                                   # pixels of the checker
TOP, MIDDLE, BOTTOM = b"\x01", b"\x00", b"\x80"


def frame() -> list[bytes]:
    """Every outermost pixel: what is missing or stands on the other side tells a wrong controller (sh1106 is shifted by two columns)."""
    edges = [TOP, *[MIDDLE] * (PAGES - 2), BOTTOM]
    return [b"\xff" + edge * (WIDTH - 2) + b"\xff" for edge in edges]


def checker() -> list[bytes]:
    """Squares of a page's height: a page in the wrong place or upside down shows at once."""
    row = b"".join(bytes([0xFF if n % 2 else 0]) * SQUARE for n in range(WIDTH // SQUARE))
    inverse = bytes(octet ^ 0xFF for octet in row)
    return [inverse if page % 2 else row for page in range(PAGES)]


def sizes() -> list[bytes]:
    """The faces of the box's own screens."""
    return draw(Screen("TEST PICTURE", (Row(TEXT, "small 0123456789 ABCD"), Row(INVERSE, "inverse: 21 fit here."), Row(LARGE, "LARGE 10ch"),
                                        Row(TALL, "tall 0123456789 volts"))))


PICTURES: tuple[tuple[str, Callable[[], list[bytes]]], ...] = (("frame", frame), ("checker", checker), ("text sizes", sizes))


def put(bench: Bench, pages: list[bytes]) -> int:
    """Octets that the panel took; all of them are WIDTH * PAGES. Written in the slices of the box."""
    oled, taken = bench.board.oled, 0
    slice_ = max(1, min(WIDTH, getattr(oled, "octets_per_run", WIDTH)))
    for page, octets in enumerate(pages):
        for column in range(0, WIDTH, slice_):
            piece = octets[column:column + slice_]
            for _ in range(RETRIES):
                if oled.write(page, column, piece, bench.clock.now()):
                    taken += len(piece)
                    break
                bench.clock.wait_until(bench.clock.now() + PACE, ())
            else:
                return taken
    return taken


def show(bench: Bench, say: Callable[[str], None], stop: Callable[[], bool], pause: int = 2 * S) -> int:
    """Exit code 0: the panel took everything."""
    oled = bench.board.oled
    if isinstance(oled, NoDisplay):
        say("No display is configured (oled.controller = none). Set ssd1306 or sh1106, oled.i2c_bus and oled.i2c_address.")
        return 1
    for name, picture in PICTURES:
        pages = picture()
        taken = put(bench, pages)
        if taken < WIDTH * PAGES:
            say(f"{name}: the panel took {taken} of {WIDTH * PAGES} octets. {getattr(oled, 'remedy', '')}")
            return 1
        say(f"{name}: {taken} octets written; the panel must show:")
        for line in as_text(pages):
            say(f"  {line}")
        bench.settle(pause, stop)
        if stop():
            return 130
    for value in CONTRASTS:
        done = oled.set_contrast(value, bench.clock.now())
        say(f"contrast {value}: {'set' if done else 'refused'}")
        bench.settle(STEP, stop)
    oled.set_contrast(CONTRASTS[-2], bench.clock.now())
    return 0
