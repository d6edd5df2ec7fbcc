"""Pictures of the reference circuits with their values (install/circuits.md): what protects when the box is dead, and what brings a voltage to a pin."""
from __future__ import annotations

from tasks.config import Config
from tools.pictures.canvas import BUS, HIGH, INK, LINE, OUT, PALE, Drawing

NOT_BUILT = "Not built by us: calculate it for your parts, and measure it after building: install/circuits.md says what."


def _switch(d: Drawing, x: float, y: float, fraction: str, divider: str, relay: str) -> None:
    """A comparator that holds a relay while its input, from the left at (x, y), is above a fraction of the 12 V."""
    d.wire((x, y), (x + 20, y))
    d.box(x + 20, y - 38, 180, 76, ("½ LM393", "output low while this is", f"above {fraction} of the 12 V", divider), INK, 11)
    d.wire((x + 200, y), (x + 220, y))
    d.resistor(x + 220, y)
    d.text(x + 250, y - 14, "2.2 kΩ", 12, "middle")
    d.wire((x + 280, y), (x + 300, y))
    d.box(x + 300, y - 30, 110, 60, ("PNP BD140", "emitter at 12 V,", "10 kΩ to base"), INK, 11)
    d.wire((x + 410, y), (x + 430, y))
    d.coil(x + 430, y, colour=OUT)
    d.text(x + 460, y - 18, relay, 13, "middle", bold=True, colour=OUT)
    d.wire((x + 490, y), (x + 510, y))
    d.ground(x + 510, y)


def protection(config: Config) -> Drawing:
    """The enable stage, the relays, the hold: what lets go in which order when nobody drives a pin any more."""
    car, bone = config.raspberry_pi.car, config.beaglebone.car
    d = Drawing(1400, 860, "Reference: enable stage, relays and hold, in 12 V", (NOT_BUILT,))
    rail = 130.0
    d.text(24, 106, "1. Enable stage: KE is on while pulses come", 14, bold=True)
    d.box(24, 228, 122, 64, ("enable_pulse", f"{car.enable_pulse.pin}, 10 Hz", "3.3 V"), OUT, 11)
    d.wire((146, 260), (156, 260), colour=OUT)
    d.resistor(156, 260)
    d.text(186, 246, "4.7 kΩ", 12, "middle")
    d.wire((216, 260), (226, 260))
    d.box(226, 236, 78, 48, ("NPN", "BC547"), INK, 11)
    d.wire((265, 284), (265, 296))
    d.ground(265, 296)
    d.resistor(265, rail, upright=True)
    d.ring(265, rail - 5, HIGH)
    d.text(278, rail + 4, "12 V of F1", 12, colour=HIGH)
    d.text(279, 166, "2.2 kΩ", 12)
    d.wire((265, 190), (265, 236))
    d.dot(265, 210)
    d.wire((265, 210), (350, 210))
    d.capacitor(350, 210)
    d.text(380, 192, "470 nF", 12, "middle")
    d.wire((410, 210), (470, 210))
    d.dot(440, 210)
    d.diode(440, 210, upright=True, back=True)
    d.ground(440, 270)
    d.diode(470, 210)
    d.lines(500, 192, ("1N4148",), 12, "middle")
    d.lines(426, 246, ("1N4148",), 12, "end")
    d.wire((530, 210), (680, 210))
    for x, symbol, words in ((560, d.capacitor, ("1 µF", "film")), (630, d.resistor, ("270 kΩ",))):
        d.dot(x, 210)
        symbol(x, 210, upright=True)
        d.ground(x, 270)
        d.lines(x - 14, 238, words, 12, "end")
    _switch(d, 680, 210, "0.204", "(39 kΩ and 10 kΩ)", "KE")
    d.lines(700, 280, ("A pin that stands still, high or low, gives nothing: only edges reach the pump. Lets go 0.25 to 0.45 s",
                       "after the last edge, at 9 to 15 V alike (calculated and simulated)."), 12, colour=PALE)
    # relays
    d.text(24, 356, "2. Relays", 14, bold=True)
    row, low = 420.0, 490.0
    d.ring(40, row, HIGH)
    d.text(40, row - 14, "12 V of F1", 12, "middle", colour=HIGH)
    d.wire((45, row), (90, row))
    d.dot(70, row)
    d.contact(90, row, colour=HIGH, closed=True)
    d.lines(120, row - 36, ("emergency stop,", "break contact"), 12, "middle", colour=HIGH)
    d.wire((150, row), (190, row))
    d.contact(190, row, colour=OUT)
    d.text(220, row - 18, "KE", 13, "middle", bold=True, colour=OUT)
    d.wire((250, row), (330, row))
    d.dot(300, row)
    d.wire((300, row), (300, low), (330, low))
    for y, name, transistor in ((row, "K1", f"pilot_c ({car.pilot_c.pin} or {bone.pilot_c.pin})"),
                                (low, "K2", f"contactors ({car.contactors.pin} or {bone.contactors.pin})")):
        d.coil(330, y, colour=OUT)
        d.text(360, y - 18, name, 13, "middle", bold=True, colour=OUT)
        d.wire((390, y), (420, y))
        d.box(420, y - 22, 290, 44, (f"transistor: {transistor}",), OUT, 12)
        d.wire((710, y), (730, y))
        d.ground(730, y)
    d.wire((70, row), (70, 546), (190, 546))
    d.contact(190, 546, colour=OUT)
    d.text(220, 528, "KE, 2nd contact", 12, "middle", colour=OUT)
    d.wire((250, 546), (420, 546))
    d.box(420, 526, 290, 40, ("motor bridge of the lock: its 12 V",), OUT, 12)
    d.lines(790, row - 34, ("K1: pilot switch, two make contacts. One switches the 1.3 kΩ", "(coupling.svg), the other is K1b below.",
                            "K2: two make contacts. K2a feeds the contactors' coils, K2b is below.",
                            "KE: two make contacts. All: 12 V, 10 A, for vehicles, a diode across each",
                            "coil. Transistors: logic-level N-MOSFET (gate 2.5 V or less, 30 V or more),",
                            "100 Ω to the pin, 10 kΩ from gate to ground.",
                            "Coils of contactors: the suppressor that their maker names; a plain diode",
                            "makes them slow."), 12)
    # hold
    d.text(24, 606, "3. Hold: KT is on while both are on, and 0.3 s longer", 14, bold=True)
    d.ring(40, 670, HIGH)
    d.text(40, 652, "12 V of F2", 12, "middle", colour=HIGH)
    d.wire((45, 670), (90, 670))
    d.contact(90, 670, colour=OUT)
    d.wire((150, 670), (170, 670))
    d.contact(170, 670, colour=OUT)
    for x, name in ((120, "K1b"), (200, "K2b")):
        d.text(x, 650, name, 13, "middle", bold=True, colour=OUT)
    d.wire((230, 670), (300, 670))
    d.resistor(300, 670)
    d.text(330, 656, "10 kΩ", 12, "middle")
    d.wire((360, 670), (680, 670))
    for x, symbol, words in ((440, d.capacitor, ("1 µF", "film")), (540, d.resistor, ("300 kΩ",))):
        d.dot(x, 670)
        symbol(x, 670, upright=True)
        d.ground(x, 730)
        d.lines(x - 14, 698, words, 12, "end")
    _switch(d, 680, 670, "0.357", "(18 kΩ and 10 kΩ)", "KT")
    # coils
    d.text(24, 778, "4. Coils of both contactors", 14, bold=True)
    d.ring(300, 800, HIGH)
    d.text(288, 804, "12 V of F2", 12, "end", colour=HIGH)
    d.wire((305, 800), (420, 800))
    d.contact(420, 800, colour=OUT)
    d.text(450, 782, "K2a", 13, "middle", bold=True, colour=OUT)
    d.dot(380, 800)
    d.wire((380, 800), (380, 838), (420, 838))
    d.contact(420, 838, colour=OUT)
    d.text(494, 834, "KT", 13, bold=True, colour=OUT)
    d.wire((480, 838), (540, 838), (540, 800))
    d.wire((480, 800), (600, 800))
    d.dot(540, 800)
    d.coil(600, 800, colour=OUT)
    d.text(630, 782, "DC+", 12, "middle")
    d.dot(570, 800)
    d.wire((570, 800), (570, 838), (600, 838))
    d.coil(600, 838, colour=OUT)
    d.text(668, 830, "DC-", 12)
    d.wire((660, 838), (700, 838), (700, 800))
    d.wire((660, 800), (720, 800))
    d.dot(700, 800)
    d.ground(720, 800)
    d.lines(790, 756, ("F1: box, relays, lock. F2: hold and coils only, so that a short circuit at the box does not",
                       "open the contactors. Each comparator: an LM393 of its own, fed from its fuse's 12 V through",
                       "100 Ω, 100 nF and a 24 V suppressor diode, its dividers from that same 12 V.",
                       "12 V of the whole vehicle gone: everything opens at once; no circuit here helps."), 12, colour=PALE)
    return d


def measuring(config: Config) -> Drawing:
    """How the pilot, the inlet's voltage and the plug's contact come to a pin of 3.3 V."""
    d = Drawing(1400, 900, "Reference: control pilot, inlet voltage, plug contact", (NOT_BUILT,))
    top = 170.0
    d.text(24, 106, "1. Control pilot: shift, peak, mean (values for 3.3 V; for the BeagleBone's 1.8 V see circuits.md)", 14, bold=True)
    d.ring(40, top, OUT)
    d.text(40, top - 16, "CP", 13, "middle", bold=True, colour=OUT)
    d.wire((45, top), (80, top), colour=OUT)
    d.resistor(80, top, colour=OUT)
    d.text(110, top - 14, "220 kΩ", 12, "middle")
    d.wire((140, top), (330, top))
    d.dot(200, top)
    d.resistor(200, top, upright=True)
    d.ground(200, top + 60)
    d.lines(186, top + 34, ("49.9 kΩ",), 12, "end")
    d.dot(260, top)
    d.resistor(260, top, upright=True)
    d.ring(260, top + 65, LINE)
    d.text(276, top + 70, "3.3 V", 12, colour=LINE)
    d.text(274, top + 34, "48.7 kΩ", 12)
    d.dot(310, top)
    d.wire((310, top), (310, top - 38), (900, top - 38))
    d.resistor(900, top - 38)
    d.text(930, top - 52, "100 kΩ", 12, "middle")
    d.wire((960, top - 38), (1080, top - 38))
    d.dot(1010, top - 38)
    d.capacitor(1010, top - 38, upright=True)
    d.ground(1010, top + 22)
    d.text(1024, top - 2, "100 nF", 12)
    d.ring(1085, top - 38, BUS)
    d.text(1098, top - 34, "pilot.mean_channel", 13, colour=BUS)
    d.box(330, top - 24, 150, 48, ("½ MCP6002", "+ in; − from the right"), INK, 11)
    d.wire((480, top), (500, top))
    d.diode(500, top)
    d.text(530, top - 12, "1N4148", 12, "middle")
    d.resistor(560, top)
    d.text(590, top - 12, "100 Ω", 12, "middle")
    d.wire((620, top), (860, top))
    for x, symbol, words in ((720, d.capacitor, "100 nF"), (800, d.resistor, "1 MΩ")):
        d.dot(x, top)
        symbol(x, top, upright=True)
        d.ground(x, top + 60)
        d.text(x - 14, top + 34, words, 12, "end")
    d.dot(640, top)
    d.wire((640, top), (640, top + 100), (405, top + 100), (405, top + 24))
    d.text(520, top + 92, "to the − input", 12, "middle", colour=PALE)
    d.box(860, top - 18, 100, 36, ("½ MCP6002: ×1",), INK, 11)
    d.wire((960, top), (975, top), (975, top + 60), (1080, top + 60))
    d.ring(1085, top + 60, BUS)
    d.text(1098, top + 64, "pilot.channel", 13, colour=BUS)
    d.lines(700, top + 112, ("0.29 V at -12 V, 2.41 V at +9 V, 2.71 V at +12 V: gain 9.93, offset -14.9.",
                             "Simulated: 0.25 V of ripple at CP's scale; a change of state is seen within 10 ms, a lost pilot within 50 ms."), 12, colour=PALE)
    # inlet voltage
    y = 400.0
    d.text(24, 346, "2. Inlet voltage: divider, isolation, difference", 14, bold=True)
    d.ring(40, y, HIGH)
    d.text(40, y - 16, "DC+", 13, "middle", bold=True, colour=HIGH)
    d.wire((45, y), (70, y), colour=HIGH)
    for x in (70, 130, 190):
        d.resistor(x, y, colour=HIGH)
    d.text(70, y - 14, "3 × 1 MΩ, 1 %, 500 V each or more", 12)
    d.wire((250, y), (330, y), colour=HIGH)
    d.dot(290, y)
    d.resistor(290, y, upright=True, colour=HIGH)
    d.text(276, y + 34, "10 kΩ", 12, "end")
    d.wire((290, y + 60), (290, y + 90), (330, y + 90), colour=HIGH)
    d.wire((45, y + 90), (290, y + 90), colour=HIGH)
    d.dot(290, y + 90, HIGH)
    d.ring(40, y + 90, HIGH)
    d.text(40, y + 76, "DC-", 13, "middle", bold=True, colour=HIGH)
    d.box(330, y - 25, 190, 140, ("isolating amplifier", "2 V in, gain 1", "(AMC1311 and alike):", "reinforced insulation", "for your DC voltage"), LINE, 12)
    d.box(330, y + 140, 190, 40, ("isolated 5 V: reinforced too",), LINE, 11)
    d.wire((425, y + 115), (425, y + 140), colour=LINE)
    d.wire((520, y), (600, y))
    d.wire((520, y + 90), (600, y + 90))
    d.box(600, y - 25, 210, 140, ("½ MCP6002: difference", "four equal resistors,", "10 kΩ, 0.1 %; its zero", "lifted to 0.3 V"), INK, 12)
    d.wire((810, y + 45), (880, y + 45))
    d.ring(885, y + 45, BUS)
    d.text(898, y + 40, "inlet_voltage", 13, colour=BUS)
    d.lines(898, y + 60, ("0.3 V at 0 V, 2.3 V at 602 V:", "gain 301, offset -90, low -20, high 600"), 12)
    d.lines(560, y + 140, ("Why 0.3 V: an amplifier whose isolated supply is gone says less than nothing (AMC1311: -2.6 V).",
                           "Without the lift that would be read as 0 V, a dead inlet. With it: -90 V, below `low`, unknown."), 12, colour=PALE)
    d.lines(24, y + 140, ("Creepage and clearance between red and", "the rest: what IEC 60664-1 asks for your", "voltage, reinforced; no copper between."), 12, colour=HIGH)
    # plug contact
    z = 700.0
    d.text(24, 640, "3. Plug contact from PP (only a box that cannot read the pilot needs it)", 14, bold=True)
    d.ring(40, z, BUS)
    d.text(40, z - 16, "PP", 13, "middle", bold=True, colour=BUS)
    d.wire((45, z), (100, z), colour=BUS)
    d.resistor(100, z, colour=BUS)
    d.text(130, z - 14, "100 kΩ", 12, "middle")
    d.wire((160, z), (330, z), colour=BUS)
    for x, symbol, words in ((220, d.resistor, "100 kΩ"), (300, d.capacitor, "100 nF")):
        d.dot(x, z)
        symbol(x, z, upright=True, colour=BUS)
        d.ground(x, z + 60)
        d.text(x - 14, z + 34, words, 12, "end")
    d.box(330, z - 38, 190, 76, ("½ LM393 at 5 V", "this is +; − has 2.06 V", "(13 kΩ to the 5 V of PP,", "9.1 kΩ to ground)"), INK, 11)
    d.wire((520, z), (600, z), colour=BUS)
    d.ring(605, z, BUS)
    d.text(618, z + 4, "plug_present: active_low, pull_up", 13, colour=BUS)
    d.lines(618, z + 30, ("PP with 330 Ω to 5 V and 3 kΩ to PE (coupling.svg): 4.5 V without a plug, 3.8 V with the 1.5 kΩ",
                          "of a CCS2 plug; the middle is 4.1 V. PP has up to 5 V: never straight to a pin of 3.3 V."), 12, colour=PALE)
    # contacts
    w = 850.0
    d.text(24, 810, "4. Contacts to ground, with the pull-up inside the board", 14, bold=True)
    for x, closed, words in ((40, False, ("make contact: active_low: true", "a broken wire reads 'open', 'not pressed'")),
                             (700, True, ("break contact (mirror contact): active_low: false", "a broken wire reads 'closed', 'pressed': seen at once"))):
        d.ring(x, w, BUS)
        d.wire((x + 5, w), (x + 30, w), colour=BUS)
        d.contact(x + 30, w, colour=BUS, closed=closed)
        d.wire((x + 90, w), (x + 110, w), colour=BUS)
        d.ground(x + 110, w)
        d.lines(x + 140, w - 2, words, 13, bold_first=True)
    return d
