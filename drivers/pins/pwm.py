"""A charger's pulse generator by a hardware PWM of the kernel (/sys/class/pwm, Documentation/driver-api/pwm.rst): set once up, then a file of one number.

The PWM goes on by itself when the process that set it dies; the guard has inherited the descriptor of `duty_cycle` and ends it.
Pin high is +12 V, low is -12 V at the pilot, as with every push-pull pilot driver: a duty of 0 is state F where no separate line makes it.
"""
from __future__ import annotations

import errno
import os
import time
from pathlib import Path

from drivers.errors import DriverError
from drivers.pins.config import PwmPin
from drivers.pins.hand import LineHand
from drivers.pins.pwm_hand import PERIOD_NS, PwmHand

PWM = "/sys/class/pwm"
EXPORT_LIMIT_S = 1.0         # udev changes the group of the new files a moment later
EXPORT_PACE_S = 0.02


def open_pwm(config: PwmPin, f: LineHand | None = None, root: str = PWM) -> PwmHand:
    """The generator at steady +12 V and 1 kHz. DriverError says what is in the way."""
    chip = Path(root) / f"pwmchip{config.chip}"
    folder = chip / f"pwm{config.channel}"
    try:
        if not chip.is_dir():
            there = ", ".join(sorted(path.name for path in Path(root).glob("pwmchip*"))) or "none"
            raise DriverError(f"There is no {chip} ({there}).",
                              "Switch the PWM on (Raspberry Pi: dtoverlay=pwm in config.txt; BeagleBone: config-pin P9_14 pwm), or "
                              "name the right chip.")
        _export(chip, folder, config.channel)
        _set_up(folder)
        return PwmHand(os.open(folder / "duty_cycle", os.O_WRONLY | os.O_CLOEXEC), f)
    except OSError as error:
        raise DriverError(f"The PWM {folder} cannot be set up ({error.strerror or error}).", _remedy(error)) from error


def _export(chip: Path, folder: Path, channel: int) -> None:
    if not folder.is_dir():
        count = int((chip / "npwm").read_text())
        if channel >= count:
            raise DriverError(f"{chip} has {count} channels, there is no channel {channel}.", f"Use 0 to {count - 1}.")
        (chip / "export").write_text(f"{channel}\n")
    end = time.monotonic() + EXPORT_LIMIT_S
    while not os.access(folder / "duty_cycle", os.W_OK) and time.monotonic() < end:
        time.sleep(EXPORT_PACE_S)


def _set_up(folder: Path) -> None:
    """Period before duty, for a duty beyond the period is refused; what is right already is not touched, so that +12 V does not blink."""
    def now(name: str) -> str:
        return (folder / name).read_text().split("\n")[0].strip()

    def put(name: str, value: object) -> None:
        (folder / name).write_text(f"{value}\n")
    if now("period") != str(PERIOD_NS) or now("polarity") != "normal":
        if now("enable") == "1":
            put("enable", 0)
        if now("duty_cycle") != "0":
            put("duty_cycle", 0)
        put("period", PERIOD_NS)
        if now("polarity") != "normal":
            put("polarity", "normal")
    put("duty_cycle", PERIOD_NS)
    if now("enable") != "1":
        put("enable", 1)


def _remedy(error: OSError) -> str:
    if error.errno in (errno.EACCES, errno.EPERM):
        return "Join the group gpio, and let udev give it the files: SUBSYSTEM==\"pwm\", PROGRAM=\"/bin/sh -c 'chgrp -R gpio /sys%p && chmod -R g+w /sys%p'\"."
    if error.errno == errno.EBUSY:
        return "Another program or driver uses this channel (on a Raspberry Pi the sound of the headphone jack does): end it, or use another channel."
    return "Both channels of one BeagleBone EHRPWM have one period: leave the other at 1 ms, or use another chip."
