"""A display in memory: eight pages of 128 columns, shown as braille characters."""
from __future__ import annotations

WIDTH = 128
PAGES = 8
LOOK_AGAIN = 1_000_000_000      # ns

# bit of a braille cell (U+2800) for its four rows, left and right column
LEFT = (0x01, 0x02, 0x04, 0x40)
RIGHT = (0x08, 0x10, 0x20, 0x80)
# the braille bits of one nibble (four pixels downwards) in the left and in the right column
LEFT_NIBBLE = tuple(sum(LEFT[r] for r in range(4) if n >> r & 1) for n in range(16))
RIGHT_NIBBLE = tuple(sum(RIGHT[r] for r in range(4) if n >> r & 1) for n in range(16))


class SimOled:
    """Oled and Polled; `pages` is the picture, `contrast` its brightness, `writes` and `octets` count the traffic. `failed` refuses."""

    name = "simulated display"
    octets_per_run = WIDTH

    def __init__(self) -> None:
        self.errors = 0
        self.failed = False
        self.pages = [bytearray(WIDTH) for _ in range(PAGES)]
        self.writes = 0
        self.octets = 0
        self.contrast: int | None = None

    @property
    def fault(self) -> str:
        return "Display: no answer" if self.failed else ""

    @property
    def remedy(self) -> str:
        return "The simulated display was told to fail." if self.failed else ""

    def run(self, now: int) -> int:
        """Nothing to do between the writes."""
        return now + LOOK_AGAIN

    def write(self, page: int, column: int, data: bytes, now: int) -> bool:
        if self.failed or not 0 <= page < PAGES or column < 0 or column + len(data) > WIDTH:
            self.errors += 1
            return False
        self.pages[page][column:column + len(data)] = data
        self.writes += 1
        self.octets += len(data)
        return True

    def set_contrast(self, value: int, now: int) -> bool:
        if self.failed or not 0 <= value <= 255:
            self.errors += 1
            return False
        self.contrast = value
        return True

    def as_text(self) -> str:
        """16 lines of 64 braille characters, two by four pixels each."""
        lines = []
        for page in self.pages:
            for shift in (0, 4):
                lines.append("".join(
                    chr(0x2800 + LEFT_NIBBLE[page[x] >> shift & 15] + RIGHT_NIBBLE[page[x + 1] >> shift & 15])
                    for x in range(0, WIDTH, 2)))
        return "\n".join(lines)
