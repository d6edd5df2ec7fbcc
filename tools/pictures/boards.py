"""Pictures of the two reference builds: headers of the board, and what hangs at each pin."""
from __future__ import annotations

from typing import Iterable, Sequence

from drivers.boards.config import GpioBoard
from drivers.oled_luma import OledConfig
from tools.pictures import wiring
from tools.pictures.canvas import BUS, EARTH, HIGH, INK, LINE, OUT, PALE, Drawing
from tools.pictures.wiring import AIN, Lead

PITCH = 27.0
HINTS = {
    "inlet voltage": ("DC+ to DC- at the inlet: divider, then an", "isolating amplifier; 1 MΩ and more per pole"),
    "control pilot": ("peak detector at CP, shifted so that", "-12 V and +12 V fit into the input's range"),
    "current": ("Hall sensor in DC+,", "its output divided to the range"),
    "inlet temperature": ("PT1000 at the DC contacts,", "{pullup:g} Ω to {reference:g} V"),
}
COLOURS = {wiring.RELAY: OUT, wiring.PULSE: OUT, wiring.MOTOR: OUT, wiring.CONTACT: BUS, wiring.ANALOG: LINE, wiring.REFERENCE: LINE,
           wiring.BUS: EARTH, wiring.POWER: HIGH}


def _header(d: Drawing, x: float, y: float, rows: int, name: str, below: str, taken: Iterable[Lead]) -> None:
    """A header of two columns at `x`; pins that somebody uses are drawn by `_lead`."""
    used = {lead.number for lead in taken}
    d.box(x - 16, y - 17, 56, PITCH * (rows - 1) + 34)
    d.text(x + 12, y - 26, name, 14, "middle", bold=True)
    if below:
        d.text(x + 36, y + PITCH * (rows - 1) + 36, below, 12, "end", colour=PALE)
    for number in sorted(set(range(1, 2 * rows + 1)) - used):
        at = x + 24 * (number % 2 == 0), y + PITCH * ((number - 1) // 2)
        d.ring(*at, colour=PALE, r=9.5)
        d.text(at[0], at[1] + 3.5, str(number), 9, "middle", colour=PALE)


def _lead(d: Drawing, x: float, y: float, lead: Lead) -> None:
    """One row of the header at `x` (its left column), from the pin outwards."""
    way = 1 if lead.even else -1
    x = x + 24 if lead.even else x
    colour = COLOURS[lead.kind]
    anchor = "start" if lead.even else "end"

    def at(far: float) -> float:
        return x + way * far
    d.ring(x, y, colour, 9.5)
    d.text(x, y + 3.5, str(lead.number), 9, "middle", bold=True, colour=colour)
    d.text(at(20), y + 4, lead.pin, 12, anchor, bold=True, colour=colour)
    if lead.kind in (wiring.BUS, wiring.POWER, wiring.REFERENCE):
        if lead.words:
            d.text(at(76), y + 4.5, lead.words, 13, anchor)
        return
    d.wire((at(76), y), (at(90), y), colour=colour)
    if lead.kind == wiring.RELAY:
        d.box(min(at(90), at(152)), y - 10, 62, 20, ("opto, low" if lead.active_low else "transistor",), OUT, 10)
        d.coil(min(at(152), at(212)), y, colour=OUT)
        d.text(at(220), y + 4.5, lead.words, 13, anchor)
    elif lead.kind == wiring.CONTACT:
        d.contact(min(at(90), at(150)), y, colour=BUS, closed=lead.pulled_up and not lead.active_low)
        d.wire((at(150), y), (at(168), y), colour=BUS)
        d.ground(at(168), y)
        d.text(at(188), y + 4.5, lead.words, 13, anchor)
    else:
        words = {wiring.PULSE: "pulse", wiring.MOTOR: "motor bridge", wiring.ANALOG: "pull-up" if "temp" in lead.words else "divider"}[lead.kind]
        d.box(min(at(90), at(172)), y - 10, 82, 20, (words,), colour, 10)
        d.text(at(180), y + 4.5, lead.words, 13, anchor)


def _legend(d: Drawing, x: float, y: float, board: GpioBoard, name: str, more: Sequence[str]) -> None:
    d.lines(x, y, (
        "transistor: drives the coil from 12 V, with a pull-down at its gate and a diode across the coil. "
        "At reset and boot every pin is an input: nothing may move then.",
        f"contact: to ground, pulled up inside the board. All pins and their sense: section {name}.car of config.yaml. No pin stands more than 3.3 V.",
        f"no pin by default: {', '.join(wiring.absent(board))}"), 12, colour=PALE)
    d.lines(x, y + 52, more, 13, colour=HIGH)


def _taken(leads: Iterable[Lead]) -> list[Lead]:
    """The same; ValueError where one pin has two uses."""
    found: dict[tuple[str, int], Lead] = {}
    for lead in leads:
        other = found.setdefault((lead.header, lead.number), lead)
        if other is not lead:
            raise ValueError(f"pin {lead.header or 'PIN'}_{lead.number} is used twice: {other.words or other.pin!r} and {lead.words or lead.pin!r}.")
    return list(found.values())


def raspberry_pi(board: GpioBoard, oled: OledConfig) -> Drawing:
    """The 40-pin header with an ADS1115 and a display on its I2C."""
    d = Drawing(1240, 1020, "Raspberry Pi: a car's box", (
        "Pins are the defaults of config.yaml (raspberry_pi.car), the converter's inputs a proposal.",
        "Not tried on hardware: commission it with tools.bench_io, without high voltage."))
    x, y = 608.0, 400.0
    bus = [Lead("", 1, wiring.BUS, "3V3", ""), Lead("", 3, wiring.BUS, "SDA", ""), Lead("", 5, wiring.BUS, "SCL", ""), Lead("", 9, wiring.BUS, "GND", "")]
    supply = [Lead("", 4, wiring.POWER, "5 V", "from a 12 V to 5 V converter"), Lead("", 6, wiring.POWER, "GND", "made for cars, with a fuse")]
    leads = _taken([*wiring.fitted(board), *supply, *bus])
    _header(d, x, y, 20, "40-pin header", "pin 1 is at the board's corner, 39 and 40 beside the USB sockets", leads)
    for lead in leads:
        _lead(d, x, y + PITCH * lead.row, lead)
    for lead in bus:
        d.wire((x - 58, y + PITCH * lead.row), (520, y + PITCH * lead.row), colour=EARTH)
    d.wire((520, y + PITCH * 4), (520, 340), (445, 340), (445, 310), colour=EARTH, thick=4)
    d.wire((520, 340), (800, 340), (800, 246), colour=EARTH, thick=4)
    d.text(700, 332, "3V3, GND, SDA, SCL", 12, "middle", colour=EARTH)
    adc = board.measuring.ads1x15
    d.box(380, 106, 130, 204, (adc.chip.upper(), f"I2C {adc.i2c_bus}, {adc.i2c_address:#x}", "ADDR to GND" if adc.i2c_address == 72 else "see its ADDR pin"),
          LINE)
    temperature = board.measuring.voltmeter.inlet_temperature
    for number, words in wiring.inputs(board):
        row = 132 + 50 * number
        hints = [hint.format(pullup=temperature.pullup_ohm, reference=temperature.reference_v) for hint in HINTS[words]]
        d.wire((356, row), (380, row), colour=LINE)
        d.text(348, row - 9, f"A{number}: {words}", 13, "end", bold=True, colour=LINE)
        d.lines(348, row + 7, hints, 12, "end")
    d.box(710, 126, 180, 120, ("OLED 128 x 64", f"I2C {oled.i2c_bus}, {oled.i2c_address:#x}", "SSD1306 or SH1106:", "set oled.controller"), EARTH)
    d.box(960, 106, 256, 82, ("PLC modem", "at the board's Ethernet or USB;", "its line to CP and PE: coupling.svg"), INK)
    d.box(960, 206, 256, 82, ("12 V of the vehicle", "coils, enable stage, lock motor,", "5 V converter: power.svg"), HIGH)
    _legend(d, 24, 974, board, "raspberry_pi", ())
    return d


def beaglebone(board: GpioBoard, oled: OledConfig) -> Drawing:
    """Both headers of a BeagleBone, its own converter and I2C2."""
    p9, p8, y = 468.0, 940.0, 150.0
    analog = [(wiring.place(AIN[number]), AIN[number], f"AIN{number}: {words}") for number, words in wiring.inputs(board)]
    leads = _taken([*wiring.fitted(board), *(Lead(header, pin, wiring.ANALOG, name, words) for (header, pin), name, words in analog),
                    Lead("P9", 1, wiring.POWER, "GND", "of everything that hangs here"), Lead("P9", 3, wiring.BUS, "3V3", "of the OLED"),
                    Lead("P9", 5, wiring.POWER, "5 V", "from a 12 V to 5 V converter"),
                    Lead("P9", 19, wiring.BUS, "SCL", f"OLED at {oled.i2c_address:#x}, bus I2C2"),
                    Lead("P9", 20, wiring.BUS, "SDA", "OLED" if oled.i2c_bus == 2 else "OLED: set oled.i2c_bus: 2"),
                    Lead("P9", 32, wiring.REFERENCE, "1.8 V", "of the temperature's pull-up"),
                    Lead("P9", 34, wiring.REFERENCE, "AGND", "ground of what is measured")])
    inward = 340.0 if any(lead.header == "P8" and not lead.even for lead in leads) else 0.0       # room between the headers for what hangs there
    p8 += inward
    d = Drawing(int(1385 + inward), 900, "BeagleBone Black: a car's box", (
        "Pins are the defaults of config.yaml (beaglebone.car; P9_41 and P9_17 as in pyPLC), the converter's inputs a proposal.",
        "Not tried on hardware: commission it with tools.bench_io, without high voltage."))
    _header(d, p9, y, 23, "P9", "P9_1 is at the end with the 5 V socket", [lead for lead in leads if lead.header == "P9"])
    _header(d, p8, y, 23, "P8", "", [lead for lead in leads if lead.header == "P8"])
    for lead in leads:
        _lead(d, p9 if lead.header == "P9" else p8, y + PITCH * lead.row, lead)
    d.box(530, 716, 376, 66, ("Analogue inputs: 1.8 V at most, more destroys them", "each behind a divider, a series resistor and a clamp;",
                              "inlet voltage through an isolating amplifier"), LINE, 12)
    d.box(p8 + 84, 520, 292, 82, ("PLC modem", "Ethernet, or a cape with its own driver;", "its line to CP and PE: coupling.svg"), INK)
    d.box(p8 + 84, 620, 292, 82, ("12 V of the vehicle", "coils, enable stage, lock motor,", "5 V converter: power.svg"), HIGH)
    more = () if board.car.enable_pulse.pin else (
        "enable_pulse has no pin by default: name a free one for the enable stage (power.svg) before high voltage is connected.",)
    _legend(d, 24, 826, board, "beaglebone", more)
    return d
