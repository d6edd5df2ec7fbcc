"""Outputs at their safe level: looked at without taking a line over; nothing here can drive one.

The kernel tells who holds a line and whether it is driven, but no level (drivers/pins/look.py). A Raspberry Pi's registers are read by
its own tool, `pinctrl get` (raspi-utils) or `raspi-gpio get`, which read only; without one a driven line is told as unknown.
"""
from __future__ import annotations

import re
from typing import Any, Iterator

from drivers.errors import DriverError
from drivers.pins.library import OWN
from drivers.pins.names import PI_LABELS, Place, find
from tools.doctor.buses import HELD
from tools.doctor.devices import GPIO_BOARDS, Output, output_pins
from tools.doctor.findings import Finding, fail, ok, warn

PINCTRL = re.compile(r"^\s*\d+:\s+(\S+).*?\|\s*(hi|lo)\b", re.M)             # `17: op -- pd | lo // GPIO17 = output`
RASPI_GPIO = re.compile(r"level=([01]).*func=(\S+)")                        # `GPIO 17: level=0 fsel=1 func=OUTPUT`


def outputs(patient: Any) -> Iterator[Finding]:
    """Each that is not as it should be; the rest in one line."""
    config = patient.config
    if not patient.real_board:
        yield ok("outputs", "no real ones")
        return
    if patient.held:
        yield ok("outputs", f"{HELD} ({patient.running.how})")
        return
    wanted = output_pins(config)
    if config.board not in (*GPIO_BOARDS, "focccicape"):
        yield ok("outputs", f"behind the serial device of {config.board}, whose firmware drops them without a host")
        return
    if config.mode == "evse" and config.board in GPIO_BOARDS:
        yield from generator(patient)
    try:
        chips = patient.machine.gpio_chips()
    except PermissionError as error:
        yield fail("outputs", f"no GPIO chip may be looked at ({error.strerror})",
                   "Run it as root (sudo ccsbox doctor), or join the group gpio: usermod -aG gpio USER.", "GPIO: permission")
        return
    safe: list[str] = []
    for output in wanted:
        try:
            place = find(output.pin.pin, chips, lambda chip: [patient.machine.gpio_line(chip.path, n).name for n in range(chip.lines)])
            finding = level(patient.machine, output, place, safe)
        except DriverError as error:
            finding = fail("outputs", f"{output.purpose}: {error.problem}", error.remedy, "pin not found")
        if finding is not None:
            yield finding
    if safe:
        yield ok("outputs", f"{len(safe)} at their safe level: {', '.join(safe)}")


def level(machine: Any, output: Output, place: Place, safe: list[str]) -> Finding | None:
    """What is wrong with one output; None when nothing, and it stands in `safe`."""
    info = machine.gpio_line(place.chip.path, place.offset)
    name = f"{output.purpose} ({output.pin.pin})"
    if info.consumer in OWN:
        safe.append(f"{name}, held by a guard of an earlier run")
        return None
    if info.consumer:
        return fail("outputs", f"{name} is held by {info.consumer}", "Give that use of the pin up (device tree overlay, other program), or use another pin.",
                    f"{output.pin.pin[:10]} is taken")
    driven, high = registers(machine, place)
    driven = info.output if driven is None else driven
    if high is None:
        if driven:
            return warn("outputs", f"{name} is driven by nobody who holds it; its level cannot be read without taking it over",
                        "Measure the pin; what the boot loader or config.txt (gpio=) has set there stays until the box starts.")
        safe.append(f"{output.purpose} (not driven)")
        return None
    if high is output.pin.active_low:                    # low and active high, or high and active low: off
        safe.append(output.purpose)
        return None
    if driven:
        return fail("outputs", f"{name} is ON, and no box runs",
                    "Switch the high voltage off. Find out who drives the pin: config.txt (gpio=), another program.", f"{output.pin.pin[:10]} is ON")
    return warn("outputs", f"{name} is not driven and floats at its ON level",
                "It needs a resistor that holds the load off while the box does not drive it (tools/appliance/README.md).")


def registers(machine: Any, place: Place) -> tuple[bool | None, bool | None]:
    """(driven, high) of a Raspberry Pi's header pin; None where nobody can tell."""
    if place.chip.label not in PI_LABELS:
        return None, None
    for tool in ("pinctrl", "raspi-gpio"):
        answer = machine.command([tool, "get", str(place.offset)])
        if answer is None or answer[0] != 0:
            continue
        match = PINCTRL.search(answer[1])
        if match:
            return match[1] == "op", match[2] == "hi"
        match = RASPI_GPIO.search(answer[1])
        if match:
            return match[2] == "OUTPUT", match[1] == "1"
    return None, None


def generator(patient: Any) -> Iterator[Finding]:
    """A charger's PWM: the chip is there; whether it runs tells the kernel."""
    section = getattr(patient.config, patient.config.board).charger.pwm
    if section.chip < 0:
        return
    chip = patient.machine.path(f"/sys/class/pwm/pwmchip{section.chip}")
    if not chip.is_dir():
        yield fail("outputs", f"there is no /sys/class/pwm/pwmchip{section.chip}",
                   "Raspberry Pi: dtoverlay=pwm in config.txt; BeagleBone: config-pin P9_14 pwm; or correct pwm.chip.", "no PWM")
        return
    channel = chip / f"pwm{section.channel}"
    period, duty = patient.machine.number(channel / "period"), patient.machine.number(channel / "duty_cycle")
    if patient.machine.number(channel / "enable") == 1 and period and duty not in (None, period):
        yield warn("outputs", f"the pilot's PWM runs at {100 * (duty or 0) / period:.0f} % and no box does",
                   "A guard or a program that was killed has left it on; starting the box sets it right.")
    else:
        yield ok("outputs", f"the pilot's generator pwmchip{section.chip} offers no current")
