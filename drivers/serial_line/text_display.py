"""Three lines of text at a serial port: the ESP32 display of the field program (SerialToOLED), and the display of celeron55's device.

Sheet field-pyplc-clara 1.4: `lc<text>` three times; `disp0=` to `disp2=`. The first kind has no addresses, the three lines are always
sent together and in order; of the second kind only what changed.
"""
from __future__ import annotations

import re
from dataclasses import field

from drivers.serial_line.device import PLAIN, Wiring
from drivers.serial_line.port import SerialPort, SerialPortConfig
from kernel.record import settings_class
from kernel.settings import setting
from kernel.timer import S

LINES = 3
REFRESH = 10 * S         # everything is sent again: a spoiled line, a display that was off
COMMAND = re.compile(r"do(?=[\s\d])")

Text = tuple[str, str, str]


@settings_class(slots=True)
class TextDisplayConfig:
    """Section `text_display`: three lines at a port of their own, or at that of Dieter (the same wire, sheet field-pyplc-clara 1.4)."""

    fitted: bool = setting(False, meaning="there is one (on the board dieter: on the same wire, so `serial` is not used)")
    serial: SerialPortConfig = field(default_factory=SerialPortConfig)
    columns: int = setting(16, low=8, high=40, meaning="characters of a line that can be seen; 128 pixels and a font of 8")
    lines_per_second: int = setting(6, low=1, high=30, meaning="at most; three of 16 characters are 30 ms of the wire at 19200 Bd")


class TextDisplay:
    """`show` from the display's task, `turn` from whoever drives the port. `errors` counts lines that found no room."""

    def __init__(self, port: SerialPort, config: TextDisplayConfig, *, addressed: bool) -> None:
        """`addressed`: `disp0=` to `disp2=`; otherwise `lc`."""
        self.errors = 0
        self.lines_sent = 0
        self._port = port
        self._columns = config.columns
        self._gap = S // config.lines_per_second
        self._addressed = addressed
        self._wanted: list[bytes] = []
        self._shown: list[bytes] = []
        self._opened = 0
        self._next_at = 0
        self._refresh_at = 0

    def show(self, lines: Text, now: int) -> bool:
        """What is to be read; longer lines are cut. False when it could not be queued (it is tried again)."""
        self._wanted = [self._fit(line) for line in lines[:LINES]]
        return self.turn(now)

    def _fit(self, line: str) -> bytes:
        """Printable ASCII only. Dieter hears the same wire: no text may look like its command."""
        text = COMMAND.sub("dO", line[:self._columns])
        return "".join(c if " " <= c <= "~" else "?" for c in text).encode("ascii")

    def turn(self, now: int) -> bool:
        """Queues what has changed, when it is time for it."""
        port = self._port
        if not self._wanted or not port.is_open:
            return port.is_open
        if port.opened != self._opened or now >= self._refresh_at:
            self._opened = port.opened
            self._refresh_at = now + REFRESH
            self._shown = []
        if self._shown == self._wanted or now < self._next_at:
            return True
        if not self._shown:
            self._shown = [b"\0"] * LINES        # no line is that
        if self._addressed:
            number = next(n for n in range(LINES) if self._shown[n] != self._wanted[n])
            sent = [number]
            data = b"disp%d=%s\n" % (number, self._wanted[number])
        else:
            sent = list(range(LINES))
            data = b"".join(b"lc%s\n" % line for line in self._wanted)
        if not port.text(data):
            self.errors += 1
            return False
        for number in sent:
            self._shown[number] = self._wanted[number]
        self.lines_sent += len(sent)
        self._next_at = now + len(sent) * self._gap
        return True


class SerialDisplay:
    """Polled: a text display at a port of its own."""

    def __init__(self, config: TextDisplayConfig, now: int = 0, wiring: Wiring = PLAIN) -> None:
        """DriverError for what only a person can mend; a display that is not there is looked for."""
        self.port = SerialPort(config.serial, "OLED", now, opener=wiring.opener, finder=wiring.finder)
        self.text = TextDisplay(self.port, config, addressed=False)
        self.show = self.text.show

    @property
    def name(self) -> str:
        return f"text display at {self.port.path}" if self.port.path else "text display"

    @property
    def errors(self) -> int:
        return self.port.errors + self.text.errors

    @property
    def fault(self) -> str:
        return self.port.fault

    @property
    def remedy(self) -> str:
        return self.port.remedy

    def run(self, now: int) -> int:
        """What the display says by itself is read and forgotten."""
        self.port.turn(now)
        self.text.turn(now)
        self.port.pump(now)
        return self.port.next_turn(now)

    def close(self) -> None:
        self.port.close()
