"""Pictures of circuits: how the modem reaches CP and PE, the power side, the bench."""
from __future__ import annotations

from tasks.config import Config
from tools.pictures.canvas import BUS, EARTH, HIGH, INK, LINE, OUT, PALE, Drawing


def _pilot_pins(config: Config) -> str:
    return f"{config.raspberry_pi.car.pilot_c.pin} or {config.beaglebone.car.pilot_c.pin}"


def coupling(config: Config) -> Drawing:
    """Control pilot and power line's signal share one wire: charger on the left, car on the right."""
    d = Drawing(1400, 655, "Control pilot, proximity and modem: CP, PP and PE of a CCS inlet", (
        "Resistors and levels: IEC 61851-1. PP's two resistors and the coupling: the documents of pyPLC and Clara. Not tried on hardware.",))
    cp, pp, pe = 190.0, 340.0, 450.0
    d.box(24, 100, 370, 396, dashed=True, colour=PALE)
    d.text(40, 124, "charger (not yours)", 14, bold=True, colour=PALE)
    d.box(600, 100, 776, 396, dashed=True, colour=PALE)
    d.text(616, 124, "car: the inlet and your box", 14, bold=True, colour=PALE)
    d.text(450, 124, "cable and plug", 14, bold=True, colour=PALE)
    # charger
    d.box(44, 160, 130, 60, ("pilot", "±12 V, 1 kHz"), INK, 12)
    d.wire((174, cp), (190, cp))
    d.resistor(190, cp)
    d.text(220, cp - 14, "1 kΩ", 12, "middle")
    d.wire((250, cp), (600, cp), colour=OUT)
    d.wire((110, 220), (110, pe), colour=EARTH)
    d.dot(320, cp)
    d.wire((320, cp), (320, 270), colour=LINE)
    d.box(262, 270, 116, 60, ("its modem", "coupled likewise"), LINE, 12)
    d.wire((320, 330), (320, pe), colour=LINE)
    d.wire((110, pe), (1330, pe), colour=EARTH)
    d.ground(60, pe, earth=True)
    d.wire((60, pe), (110, pe), colour=EARTH)
    # plug
    d.text(500, cp - 10, "CP", 14, "middle", bold=True, colour=OUT)
    d.text(540, pp - 10, "PP", 14, "middle", bold=True, colour=BUS)
    d.text(540, pe - 10, "PE", 14, "middle", bold=True, colour=EARTH)
    d.resistor(470, 365, upright=True, colour=BUS)
    d.wire((470, pp), (470, 365), colour=BUS)
    d.wire((470, 425), (470, pe), colour=BUS)
    for x in (110, 320, 470, 670):
        d.dot(x, pe)
    d.lines(456, 390, ("1.5 kΩ", "(plug)"), 12, "end")
    d.wire((470, pp), (670, pp), colour=BUS)
    # car: proximity
    d.resistor(670, 255, upright=True, colour=BUS)
    d.wire((670, 315), (670, 375), colour=BUS)
    d.dot(670, pp)
    d.resistor(670, 375, upright=True, colour=BUS)
    d.wire((670, 435), (670, pe), colour=BUS)
    d.text(670, 246, "5 V", 12, "middle")
    d.text(684, 290, "330 Ω", 12)
    d.text(684, 410, "3 kΩ", 12)
    # car: modem
    d.wire((600, cp), (1330, cp), colour=OUT)
    d.dot(800, cp)
    d.capacitor(800, cp, upright=True, colour=LINE)
    d.resistor(800, 250, upright=True, colour=LINE)
    d.wire((800, 310), (800, 325), colour=LINE)
    d.transformer(800, 325)
    d.wire((800, 385), (800, pe), colour=LINE)
    d.dot(800, pe)
    d.lines(786, 216, ("1 nF",), 12, "end")
    d.lines(786, 276, ("150 Ω",), 12, "end")
    d.wire((824, 325), (870, 325), colour=LINE)
    d.wire((824, 385), (870, 385), colour=LINE)
    d.box(870, 310, 120, 90, ("PLC modem", "the transformer", "is on its board"), LINE, 12)
    d.text(930, 422, "Ethernet or SPI: the box", 12, "middle", colour=PALE)
    # car: pilot load
    d.dot(1070, cp)
    d.diode(1070, cp, upright=True)
    d.wire((1070, 250), (1070, 310))
    d.resistor(1070, 310, upright=True)
    d.wire((1070, 370), (1070, pe))
    d.dot(1070, pe)
    d.text(1056, 346, "2.74 kΩ", 12, "end")
    d.dot(1070, 270)
    d.wire((1070, 270), (1150, 270), (1150, 280))
    d.contact(1150, 280, upright=True, colour=OUT)
    d.resistor(1150, 345, upright=True, colour=OUT)
    d.wire((1150, 340), (1150, 345), colour=OUT)
    d.wire((1150, 405), (1150, pe), colour=OUT)
    d.dot(1150, pe)
    d.text(1164, 380, "1.3 kΩ", 12)
    d.lines(1172, 304, ("pilot switch", f"({_pilot_pins(config)})"), 12, colour=OUT)
    # car: measuring
    d.dot(1290, cp)
    d.wire((1290, cp), (1290, 212), colour=BUS)
    d.box(1210, 212, 156, 62, ("peak detector,", "low-pass of the mean"), BUS, 12)
    d.text(1366, 422, "converter: measuring.pilot", 12, "end", colour=BUS)
    d.wire((1330, 274), (1330, 405), colour=BUS)
    d.ring(1330, 405 - 5, BUS)
    # states
    d.text(24, 530, "Peak voltage at CP", 13, bold=True)
    for row, (state, volts, words) in enumerate((("A", "+12 V", "no plug"), ("B", "+9 V", "2.74 kΩ: plugged in; what no drive of any pin leaves"),
                                                ("C", "+6 V", "1.3 kΩ beside it: ready, the charger may give current"),
                                                ("E", "0 V", "short circuit, or no supply"),
                                                ("F", "-12 V", "the charger is at fault"))):
        d.text(24, 552 + 20 * row, state, 13, bold=True)
        d.text(100, 552 + 20 * row, volts, 13, "end")
        d.text(118, 552 + 20 * row, words)
    d.text(616, 530, "The modem's line", 13, bold=True)
    d.lines(616, 552, ("1 nF and 150 Ω in series; 0.5 to 2.2 nF and 33 to 220 Ω are fine. Twisted, short, away from the inverter.",
                       "About 1.3 V peak to peak at CP; receivers need 3 to 6 mV. A TP-Link fed with 5 V has 10 V at its transformer,",
                       "3 V behind 150 Ω: attenuate it. An adapter made for the mains must be off the mains for ever, its mains",
                       "coupling taken away, its board fed with low voltage. Mains at CP kills people and cars."), 13)
    return d


def power(config: Config) -> Drawing:
    """High voltage and 12 V of a car's box: what opens by itself when the box does not work."""
    d = Drawing(1400, 900, "Power side of a car's box: what hardware does, and what software does", (
        "Principle. One circuit with values: protection.svg; what must be measured after building: install/circuits.md. "
        "High voltage kills; not tried on hardware.",))
    pev = config.safety.pev
    plus, minus = 180.0, 290.0
    d.box(30, 140, 110, 190, ("CCS inlet", "DC+", "", "DC-"), HIGH)
    d.wire((140, plus), (380, plus), colour=HIGH, thick=3)
    d.wire((140, minus), (380, minus), colour=INK, thick=3)
    d.dot(240, plus)
    d.dot(240, minus)
    d.wire((240, plus), (240, 205), colour=HIGH)
    d.wire((240, 265), (240, minus))
    d.box(160, 205, 160, 60, ("divider and isolating", "amplifier: inlet voltage"), LINE, 12)
    d.contact(380, plus, colour=HIGH)
    d.contact(380, minus)
    d.text(410, plus - 22, "contactor DC+", 12, "middle")
    d.text(410, minus - 22, "contactor DC-", 12, "middle")
    d.wire((440, plus), (520, plus), colour=HIGH, thick=3)
    d.fuse(520, plus, colour=HIGH)
    d.text(550, plus - 16, "fuse", 12, "middle")
    d.wire((580, plus), (650, plus), colour=HIGH, thick=3)
    d.box(650, plus - 18, 120, 36, ("Hall: current",), LINE, 12)
    d.wire((770, plus), (860, plus), colour=HIGH, thick=3)
    d.wire((440, minus), (860, minus), thick=3)
    d.box(860, 140, 180, 190, ("traction battery", "with its management,", "service plug, and the", "vehicle's own fuse"), HIGH)
    d.text(410, 334, "auxiliary contacts: contact_plus, contact_minus", 12, "middle", colour=BUS)
    d.lines(1070, 150, ("Open contactors keep the battery off the inlet.", "They do not make the inlet dead: a charger puts", "up to 500 V there in cable check and precharge.",
                        "Both poles, rated for the battery's voltage and", "for breaking its current. No divider loads a pole",
                        "to earth with less than 1 MΩ: the charger's", "insulation monitor would see it."), 12, colour=HIGH)
    # 12 V
    rail, low, held = 450.0, 530.0, 640.0
    d.box(30, rail - 30, 110, 60, ("12 V", "of the vehicle"), HIGH, 12)
    d.wire((140, rail), (180, rail))
    d.dot(160, rail)
    d.fuse(180, rail)
    d.text(210, rail - 16, "F1", 12, "middle")
    d.wire((240, rail), (290, rail))
    d.contact(290, rail, colour=HIGH, closed=True)
    d.lines(320, rail - 36, ("emergency stop;", "2nd contact: stop_button"), 12, "middle", colour=HIGH)
    d.wire((350, rail), (420, rail))
    d.box(420, rail - 30, 170, 60, ("enable stage", "falls within 0.5 s of", "the last pulse"), OUT, 12)
    d.wire((505, rail + 30), (505, 520), (420, 520), colour=OUT)
    d.lines(412, 518, ("enable_pulse: 10 Hz,", "from the guard process"), 12, "end", colour=OUT)
    d.wire((590, rail), (660, rail))
    d.dot(625, rail)
    d.wire((625, rail), (625, low), (660, low))
    for y, name, transistor in ((rail, "pilot switch", f"pilot_c ({_pilot_pins(config)})"),
                                (low, "contactor relay", f"contactors ({config.raspberry_pi.car.contactors.pin} or {config.beaglebone.car.contactors.pin})")):
        d.coil(660, y)
        d.text(690, y - 18, name, 12, "middle")
        d.wire((720, y), (780, y))
        d.box(780, y - 22, 290, 44, (f"transistor: {transistor}",), OUT, 12)
        d.wire((1070, y), (1090, y))
        d.ground(1090, y)
    d.lines(1120, rail - 6, ("a diode across each relay's coil;", "a pull-down at each transistor"), 12, colour=PALE)
    d.wire((160, rail), (160, held), (180, held))
    d.fuse(180, held)
    d.text(210, held - 16, "F2", 12, "middle")
    d.wire((240, held), (400, held))
    d.contact(400, held)
    d.text(430, held - 18, "contactor relay", 12, "middle")
    d.dot(320, held)
    d.wire((320, held), (320, 698), (370, 698))
    d.box(370, 662, 330, 74, ("hold", "the coils stay a while after the pilot switch, or the", "contactor relay, has let go (circuits.md); it sees",
                              "contacts of those relays, not the board's pins"), OUT, 11)
    d.wire((460, held), (960, held))
    d.dot(760, held)
    d.wire((700, 698), (760, 698), (760, held))
    d.coil(960, held)
    d.text(990, held - 18, "both contactors", 12, "middle")
    d.wire((1020, held), (1060, held))
    d.ground(1060, held)
    d.lines(1120, held - 26, ("Without the hold a board that loses its", "supply drops pilot and coils together,",
                              "under load. The hold only lengthens: while", "the contactor relay is on, the coils are."), 12, colour=PALE)
    # who does what
    d.box(24, 750, 660, 140, colour=HIGH, dashed=True)
    d.lines(40, 774, ("Hardware, when nobody drives", "No drive: pilot in state B, contactors open after the hold, lock stays where it is.",
                      "Emergency stop, or 5 V gone: the pilot lets go at once, the charger cuts, the coils follow.",
                      "No pulse for 0.5 s (program and guard, kernel or processor dead): the same.",
                      "Fuses, insulation, finger-safe covers, the vehicle's own interlock.",
                      "12 V of the vehicle gone: all at once, under load. A welded contactor: nothing here opens it."), 12, bold_first=True)
    d.box(716, 750, 660, 140, colour=BUS, dashed=True)
    d.lines(732, 774, ("Software, while it lives (safety.pev, defaults)", f"Closes only when inlet and battery differ by at most {pev.match_v:g} V, both fresh, plug locked.",
                       f"Trips above {pev.inlet_max_voltage_v:g} V or {pev.inlet_max_temperature_c:g} °C at the inlet, "
                       "on late contacts, on silent sensors.",
                       f"Ends: state B first, then contactors when the current is gone; emergency: at most {pev.emergency_open_ms} ms later.",
                       f"Unlocks only below {pev.unlock_v:g} V, contactors open.",
                       f"The guard does it alone when the program is silent for {config.guard_silence_ms} ms.",
                       "It cannot see what is not measured: see the manual's table."), 12, bold_first=True)
    return d


def bench(config: Config) -> Drawing:
    """Two boxes on a table: over a cable with emulated modems, then over two real ones."""
    d = Drawing(1240, 585, "Bench demo: no high voltage, no mains at anything you touch", (
        "Volts, contactors and pilot are simulated in both boxes (--simulate-io); messages and timing are real. The commands stand in install/README.md.",))
    d.text(24, 118, "1. A plain Ethernet cable, modems emulated (modem_emulator.enabled: true)", 15, bold=True)
    for x, name, mode in ((60, "box: the car", "main.py pev"), (920, "PC or second box: the charger", "main.py evse")):
        d.box(x, 142, 270, 84, (name, mode, "an interface without address"), INK)
    d.wire((330, 184), (920, 184), colour=BUS, thick=3)
    d.text(625, 174, "Ethernet cable, or both at one switch of their own", 13, "middle", colour=BUS)
    d.text(24, 292, "2. The same with two real PLC modems, one set up as car, one as charger (tools.modem)", 15, bold=True)
    line, earth = 350.0, 440.0
    for x, modem, name in ((24, 250, "the car"), (1026, 860, "the charger")):
        d.box(x, 330, 190, 130, (name, "Ethernet to its modem"), INK)
        d.box(modem, 330, 130, 130, ("PLC modem", "on low voltage,", "not on the mains"), LINE, 11)
    d.wire((214, 395), (250, 395), colour=BUS, thick=3)
    d.wire((990, 395), (1026, 395), colour=BUS, thick=3)
    d.wire((380, line), (400, line), colour=LINE)
    d.capacitor(400, line, colour=LINE)
    d.resistor(460, line, colour=LINE)
    d.wire((520, line), (720, line), colour=OUT)
    d.resistor(720, line, colour=LINE)
    d.capacitor(780, line, colour=LINE)
    d.wire((840, line), (860, line), colour=LINE)
    for x, words in ((430, "1 nF"), (490, "150 Ω"), (750, "150 Ω"), (810, "1 nF")):
        d.text(x, line - 16, words, 12, "middle")
    d.wire((380, earth), (860, earth), colour=EARTH)
    d.text(560, line - 12, "CP", 13, "middle", bold=True, colour=OUT)
    d.text(560, earth - 10, "PE", 13, "middle", bold=True, colour=EARTH)
    d.wire((620, line), (620, line + 15))
    d.resistor(620, line + 15, upright=True)
    d.wire((620, line + 75), (620, earth))
    d.dot(620, line)
    d.dot(620, earth)
    d.text(636, line + 50, "1 kΩ", 12)
    d.lines(24, 510, ("1 kΩ from CP to PE is what a charger's pilot source is for the modems' signal (sheet slac-and-network 3).",
                      "1 nF and 150 Ω at each modem as in a car (sheet field-pyplc-clara 1.4). Half a metre of twisted pair is enough.",
                      f"A bench is 6 to 18 dB above the 10 dB of the standard: the box takes up to {config.slac.atten_direct_db:g} dB as it "
                      f"is (slac.atten_direct_db).",
                      "Nothing of `board` is touched: leave relays, contactors and the plug away until tools.bench_io has told the truth about each of them."),
            13, colour=PALE)
    return d
