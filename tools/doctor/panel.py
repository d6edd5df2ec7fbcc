"""The first failing line on the configured OLED, where it stays when the program has ended."""
from __future__ import annotations

from typing import Any

from drivers.errors import DriverError
from tasks.display.picture import PAGES, TEXT, TITLE_CHARACTERS, WIDTH, Row, Screen, draw
from tasks.display.texts import wrap
from tools.doctor.findings import FAIL, Finding, one_line

ROWS = 7                     # of small type below the title
TRIES = 3


def screen(findings: list[Finding]) -> Screen:
    """What failed first and what to do; or that all is well."""
    first = next((f for f in findings if f.level == FAIL), None)
    if first is None:
        return Screen(f"{'DOCTOR':<{TITLE_CHARACTERS}}", (Row(TEXT, "all is well"),))
    lines = [*wrap(f"{first.check}: {one_line(first.found)}")[:ROWS - 3], *wrap("-> " + one_line(first.remedy))]
    return Screen(f"{'DOCTOR':<{TITLE_CHARACTERS - 4}}FAIL", tuple(Row(TEXT, line) for line in lines[:ROWS]))


def show(patient: Any, findings: list[Finding]) -> str:
    """What came of it, in a sentence. The panel is not closed: that would make it dark."""
    config = patient.config.oled
    if config.controller == "none":
        return "No display is configured (oled.controller = none)."
    if patient.in_use:
        return "The display belongs to the running box, which shows the first failing line itself."
    try:
        panel = patient.machine.open_oled(config)
    except DriverError as error:
        return f"The display shows nothing: {error}"
    for page, octets in enumerate(draw(screen(findings))[:PAGES]):
        if not any(panel.write(page, 0, octets[:WIDTH], patient.machine.clock.now()) for _ in range(TRIES)):
            return f"The display shows nothing: {panel.remedy}"
    return "The display shows " + ("the first failing line." if any(f.level == FAIL for f in findings) else "that all is well.")
