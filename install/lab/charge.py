"""One charge of the emulated board at the charger outside: SLAC, pins, converter, display, CAN, looked at from outside."""
from __future__ import annotations

from pathlib import Path
from typing import Protocol

from PIL import Image

from machine import LabError, Machine
from street import Street
from tasks.chademo import wire

BATTERY_V = 350
CHARGE_S = 10.0                  # of the board's clock
AFTER_S = 5.0                    # of the board's clock: what ends a session has passed
STOP_S = 2.0
LINE = "/sys/devices/platform/gpio-sim.*/gpiochip*/sim_gpio27/value"
COLUMNS, PAGES = 128, 8
STEP_S = 60.0                    # of the board's clock, for SLAC, and for each stretch after it


class Reports(Protocol):
    figures: dict[str, object]

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
    """`begin`: from plugged in to current; then `unplug` or `stop`. Each step one line of the report."""

    def __init__(self, machine: Machine, street: Street, report: Reports, folder: Path) -> None:
        self.machine, self.street, self.report, self.folder = machine, street, report, folder

    def begin(self) -> None:
        self.machine.put("/run/lab/frames", frames().encode())
        self.machine.must("touch /run/lab/plugged")
        self.street.begin()
        for words, what in (("SLAC_PARM", "the charger heard CM_SLAC_PARM.REQ"), ("AVLN formed", "SLAC"), ("PreCharge", "precharge")):
            self._charger_says(words, what)
        self.machine.put("/run/lab/volts", str(BATTERY_V).encode())
        self.machine.until(f"grep -q 1 {LINE}", STEP_S, "the contactors' line rises")
        self.report.say(True, "the contactors' line rose")
        self.machine.put("/run/lab/amperes", b"20")
        self._box_says("charging loop", "current flows")
        self.machine.sleep(CHARGE_S)
        self.report.say(self.machine.run(f"grep -q 1 {LINE}")[0] == 0, "it charges", f"{CHARGE_S:g} s")

    def look(self) -> None:
        """At what the box says on its other wires while it charges."""
        heard = self.machine.until("grep -q ^109 /run/lab/heard && cat /run/lab/heard", STEP_S, "0x109 on CAN")
        self.report.say(int(heard.split("109 ")[1].split()[0][2:4], 16) > 0, "spoke CAN", " ".join(heard.split()))
        memory = self.machine.get("/sys/kernel/debug/board-bus/panel")
        picture(memory).save(self.folder / "charging.png")
        self.report.say(sum(octet != 0 for octet in memory) > 100, "wrote the display", self.folder / "charging.png")

    def unplug(self) -> None:
        """Under current, which no lock should let happen."""
        self.machine.must("rm -f /run/lab/plugged /run/lab/amperes /run/lab/volts")
        self.machine.until(f"grep -q 0 {LINE}", STEP_S, "the contactors' line falls")
        self.report.say(True, "unplugged: the line fell", "; ".join(self._moves()))
        self._end()

    def stop(self) -> None:
        """The service is stopped while it charges."""
        times = self.machine.must("date +%s.%N; systemctl stop ccsbox; date +%s.%N").split()
        took = float(times[1]) - float(times[0])
        self.report.figures["stop while charging, s"] = round(took, 2)
        told = self.machine.must("systemctl show ccsbox -p Result -p ExecMainStatus").replace("\n", " ")
        self.report.say(took < STOP_S and "Result=success" in told, "stopped in order while charging", f"{took:.2f} s, {told}")
        self.report.say(self.machine.run(f"grep -q 0 {LINE}")[0] == 0, "the contactors' line is low", "; ".join(self._moves()))
        self.machine.must("rm -f /run/lab/plugged /run/lab/amperes /run/lab/volts")
        self._end()
        self.machine.must("systemctl start ccsbox")

    def _end(self) -> None:
        self.machine.sleep(AFTER_S)
        self.street.end()

    def _moves(self) -> list[str]:
        return self.machine.must("cat /run/lab/moves").split("\n")[-8:-1]

    def _charger_says(self, words: str, what: str) -> None:
        try:
            self.street.until_said(words, STEP_S)
        except LabError as late:
            raise LabError(f"{late}\nThe box:\n{self._journal()}") from late
        self.report.say(True, what)

    def _box_says(self, words: str, what: str) -> None:
        end = self.machine.clock + STEP_S
        while words not in self._journal():
            if self.machine.clock > end:
                raise LabError(f"{what}: {words!r} was not said within {STEP_S:g} s:\n{self._journal()}")
            self.machine.sleep(0.5)
        self.report.say(True, what)

    def _journal(self) -> str:
        return self.machine.run("journalctl -u ccsbox -b -o cat | tail -n 60")[1]
