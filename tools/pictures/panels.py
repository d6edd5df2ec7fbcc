"""Picture of the display: the screens of a car's box that a person meets, each with what it means."""
from __future__ import annotations

from tools.pictures.canvas import PALE, Drawing
from tools.screens.catalogue import catalogue

MEANINGS = {
    # name in tools/screens: what it means, and what to do
    "car-modem": ("The PLC modem is silent: its supply,", "its cable, setting `interface`."),
    "car-idle": ("At rest: state of charge and voltage", "of the battery. Top: pilot, life sign."),
    "charger-idle-modem-fault": ("A charger whose modem is set up as car:", "tools.modem configure evse."),
    "car-plugged": ("Plugged in; the charger shows no 5 % yet.", "Many want card or app first."),
    "car-matching": ("SLAC: which charger is at this cable.", "Attenuation: less is better."),
    "car-joining": ("The modems change to the charger's", "network: 5 to 12 s."),
    "car-authorisation": ("Release the charge at the charger:", "card or app."),
    "car-cable-check": ("The charger tests the insulation, up to", "40 s. The inlet is live, the battery not."),
    "car-precharge": ("The charger brings the inlet to the", "battery's voltage."),
    "car-starting-held-back": ("Inverse: what the supervisor waits for", "before it closes the contactors."),
    "car-charging": ("kW, V, A; energy and time; last row:", "what is asked, and who limits."),
    "car-stopping": ("The current falls, then the contactors", "open; unlocked only below 60 V."),
    "battery-full-1": ("An end in order, with its reason;", "> : the text goes on by itself."),
    "car-retrying": ("It failed and tries again by itself;", "the reason and the remedy."),
    "trip-car-stop-button": ("A trip: outputs are safe. Until the plug", "was out, or key s."),
    "page-car-box": ("A page behind the first: button or key d", "turns: battery, charger, link, safety, box."),
}
COLUMNS, SCALE, CELL = 4, 2.0, (318.0, 206.0)


def screens() -> Drawing:
    """Sixteen screens as the display shows them."""
    d = Drawing(1300, 960, "The display of a car's box, and what it means", (
        "Every other screen: python -m tools.screens --output all.png. A charger, a bridge and a listener have the same layout. "
        "At rest it goes dark but for a dot that moves.",))
    drawn = catalogue()
    for number, (name, words) in enumerate(MEANINGS.items()):
        x, y = 30 + CELL[0] * (number % COLUMNS), 96 + CELL[1] * (number // COLUMNS)
        d.panel(x, y, drawn[name], SCALE)
        d.lines(x - 4, y + 150, words, 12, colour=PALE)
    return d
