"""One charge of the emulated board at the charger outside: SLAC, pins, converter, display, CAN, looked at from outside."""
from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from PIL import Image

from machine import LabError, Machine
from street import Street
from tasks.chademo import wire

if TYPE_CHECKING:
    from __main__ import Report

BATTERY_V = 350
COLUMNS, PAGES = 128, 8
STEP_S = 180.0                   # for SLAC, and for each stretch after it


class Reports(Protocol):
    def say(self, good: bool, what: str, detail: object = "") -> None: ...


def frames() -> str:
    """What the car of pyPLC's CAN profile says: 350 V, wants 20 A up to 400 V, 50 %."""
    said = (wire.BatteryLimits(min_current=BATTERY_V & 255, max_current=BATTERY_V >> 8, max_voltage=403, rate_at_full=100),
            wire.VehicleStatus(protocol=10, target_voltage=400, current_request=20, status=wire.CHARGING, rate=50))
    return "".join(f"{message.id:x} {message.emit().hex()}\n" for message in said)


def picture(memory: bytes) -> Image.Image:
    """The display's memory as a picture, three times as large: column by column in eight pages, the lowest bit on top."""
    image = Image.new("1", (COLUMNS, PAGES * 8))
    for place, octet in enumerate(memory[:COLUMNS * PAGES]):
        for bit in range(8):
            image.putpixel((place % COLUMNS, place // COLUMNS * 8 + bit), octet >> bit & 1)
    return image.resize((COLUMNS * 3, PAGES * 24))


class Charge:
    """`run`: from plugged in to current and back; each step one line of the report."""

    def __init__(self, machine: Machine, street: Street, report: Reports, folder: Path) -> None:
        self.machine, self.street, self.report, self.folder = machine, street, report, folder

    def run(self) -> None:
        for words, what in (("SLAC_PARM", "the charger heard CM_SLAC_PARM.REQ"), ("AVLN formed", "SLAC"), ("PreCharge", "precharge")):
            self._charger_says(words, what)
        self.machine.put("/run/lab/volts", str(BATTERY_V).encode())
        line = "/sys/devices/platform/gpio-sim.*/gpiochip*/sim_gpio27/value"
        self.machine.until(f"grep -q 1 {line}", STEP_S, "the contactors' line rises")
        self.report.say(True, "the contactors' line rose")
        self.machine.put("/run/lab/amperes", b"20")
        self._box_says("charging loop", "current flows")
        heard = self.machine.until("grep -q ^109 /run/lab/heard && cat /run/lab/heard", STEP_S, "0x109 on CAN")
        self.report.say(int(heard.split("109 ")[1].split()[0][2:4], 16) > 0, "spoke CAN", " ".join(heard.split()))
        memory = self.machine.get("/sys/kernel/debug/board-bus/panel")
        picture(memory).save(self.folder / "charging.png")
        self.report.say(sum(octet != 0 for octet in memory) > 100, "wrote the display", self.folder / "charging.png")
        self.machine.must("rm -f /run/lab/plugged /run/lab/amperes /run/lab/volts")
        self.machine.until(f"grep -q 0 {line}", STEP_S, "the contactors' line falls")
        moves = self.machine.must("cat /run/lab/moves").split("\n")
        self.report.say(True, "unplugged: the line fell", "; ".join(moves[-8:-1]))

    def _charger_says(self, words: str, what: str) -> None:
        try:
            self.street.until_said(words, STEP_S)
        except LabError as late:
            raise LabError(f"{late}\nThe box:\n{self._journal()}") from late
        self.report.say(True, what)

    def _box_says(self, words: str, what: str) -> None:
        end = time.monotonic() + STEP_S
        while words not in self._journal():
            if time.monotonic() > end:
                raise LabError(f"{what}: {words!r} was not said within {STEP_S:g} s:\n{self._journal()}")
        self.report.say(True, what)

    def _journal(self) -> str:
        return self.machine.run("journalctl -u ccsbox -b -o cat | tail -n 60")[1]
