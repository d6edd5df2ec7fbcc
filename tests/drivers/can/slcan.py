"""An adapter that speaks slcan on a serial port, as a pty: commands in, frames and garbage out (Lawicel's commands as boards sheet 7 measured them)."""
from __future__ import annotations

import os
import pty
import select


class SlcanAdapter:
    """`port` is what the driver opens. Not a thread: a test says when the adapter reads."""

    def __init__(self) -> None:
        self.master, self._slave = pty.openpty()
        os.set_blocking(self.master, False)
        self.port = os.ttyname(self._slave)
        self.heard = b""

    def lines(self) -> list[str]:
        """Complete commands so far."""
        while select.select([self.master], [], [], 0)[0]:
            self.heard += os.read(self.master, 4096)
        return self.heard.decode(errors="replace").split("\r")[:-1]

    def frame(self, id: int, data: bytes, extended: bool = False) -> bytes:
        return (f"T{id:08X}" if extended else f"t{id:03X}").encode() + f"{len(data)}{data.hex().upper()}".encode() + b"\r"

    def say(self, octets: bytes) -> int:
        """As much as fits into the line; the number of octets that did."""
        try:
            return os.write(self.master, octets)
        except BlockingIOError:
            return 0

    def unplug(self) -> None:
        for descriptor in (self.master, self._slave):
            if descriptor >= 0:
                os.close(descriptor)
        self.master = self._slave = -1
