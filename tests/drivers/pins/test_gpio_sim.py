"""Pins on the kernel's own simulated chip (gpio-sim, Documentation/admin-guide/gpio/gpio-sim.rst), where this machine has it."""
import errno
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from drivers.errors import DriverError
from drivers.pins.config import InputPin, OutputPin
from drivers.pins.lines import PinLines
from drivers.pins.library import Pins
from drivers.sim.lines import CONTACTORS

CONFIGFS = Path("/sys/kernel/config/gpio-sim")


@pytest.fixture
def chip():
    """A chip of 16 lines labelled ccsbox-sim; (folder of its lines in sysfs, name)."""
    pytest.importorskip("gpiod", reason="gpiod is not installed")
    if shutil.which("modprobe"):
        subprocess.run(["modprobe", "gpio-sim"], capture_output=True, check=False)
    if not os.access(CONFIGFS, os.W_OK):
        pytest.skip("this kernel has no gpio-sim (modprobe gpio-sim, mount -t configfs), or it is not permitted")
    device = CONFIGFS / f"ccsbox-{os.getpid()}"
    bank = device / "bank0"
    bank.mkdir(parents=True)
    (bank / "num_lines").write_text("16")
    (bank / "label").write_text("ccsbox-sim")
    (device / "live").write_text("1")
    try:
        name = (bank / "chip_name").read_text().strip()
        yield Path("/sys/devices/platform") / (device / "dev_name").read_text().strip() / name, name
    finally:
        (device / "live").write_text("0")
        bank.rmdir()
        device.rmdir()


def value(chip, offset):
    return (chip[0] / f"sim_gpio{offset}" / "value").read_text().strip()


@pytest.mark.parametrize("active_low", [False, True])
def test_an_output_is_held_and_dropped_by_another_process_when_ours_has_closed_it(chip, active_low):
    off, on = ("1", "0") if active_low else ("0", "1")
    pins = Pins("gpiod")
    lines = PinLines.over({CONTACTORS: pins.output(OutputPin("ccsbox-sim/5", active_low), "contactors")})
    assert value(chip, 5) == off and lines.set(CONTACTORS, True) and value(chip, 5) == on
    go, drop = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:                                           # the guard
        os.read(go[0], 1)
        lines.force(CONTACTORS, False)
        os.write(drop[1], b"d")
        os.read(go[0], 1)
        os._exit(0)
    lines.close()
    assert value(chip, 5) == on, "the other holder keeps it"
    os.write(go[1], b"g")
    os.read(drop[0], 1)
    assert value(chip, 5) == off
    with pytest.raises(DriverError, match="busy: it is held by ccsbox"):
        Pins("gpiod").output(OutputPin("ccsbox-sim/5"), "bulb")
    os.write(go[1], b"g")
    os.waitpid(child, 0)
    Pins("gpiod").output(OutputPin("ccsbox-sim/5"), "bulb").close()
    for fd in (*go, *drop):
        os.close(fd)


def test_an_input_follows_its_pull_and_is_not_driven(chip):
    line = Pins("gpiod").input(InputPin(f"{chip[1]}/3", active_low=True), "stop button")
    for pull, pressed in (("pull-up", False), ("pull-down", True)):
        (chip[0] / "sim_gpio3" / "pull").write_text(pull)
        assert line.get() is pressed
    assert not line.put(True) and line.errno == errno.EPERM
    line.close()
