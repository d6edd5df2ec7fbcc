"""Pins are found by name and asked for through every library: safe from the first instant, refused with what to do."""
import os

import pytest

from drivers.errors import DriverError
from drivers.pins import library
from drivers.pins.blinka import Blinka
from drivers.pins.config import InputPin, OutputPin
from drivers.pins.library import GpiodPypi1, GpiodV1, GpiodV2, Pins, load_api
from drivers.pins.names import BONE_HEADER, PI_HEADER
from tests.drivers.pins import kernel
from tests.drivers.pins.kernel import TwinChip, TwinKernel
from tests.drivers.pins.libraries import blinka_modules, gpiod_pypi1, gpiod_v1, gpiod_v2, raspberry

APIS = {"2.x": gpiod_v2, "1.6": gpiod_v1, "1.5.4": gpiod_pypi1}
WAYS = [*APIS, "blinka", "blinka over 1.x"]


def beaglebone(tmp_path, order=(1, 2, 3, 0)):
    """Its four controllers, probed in an order of their own: labels and numbers say nothing, the address does."""
    banks = ("44e07000", "4804c000", "481ac000", "481ae000")
    for number, bank in enumerate(order):
        device = tmp_path / "devices" / f"{banks[bank]}.gpio" / f"gpiochip{number}"
        device.mkdir(parents=True)
        os.symlink(device, tmp_path / f"gpiochip{number}")
    return TwinKernel(*(TwinChip(f"/dev/gpiochip{n}", f"gpio-{32 * n}-{32 * n + 31}", [""] * 32) for n in range(4)))


def pins(twin, way="2.x", library=None, sysfs="/nonexistent", patience_s=0.0):
    if way.startswith("blinka"):
        v1 = way.endswith("1.x")
        api = load_api((gpiod_v1 if v1 else gpiod_v2)(twin), kernel.ioctl)
        return Pins(library or "blinka", api, Blinka(*blinka_modules(twin, v1), kernel.ioctl), twin.paths, patience_s=patience_s)
    return Pins(library or "gpiod", load_api(APIS[way](twin), kernel.ioctl), None, twin.paths, str(sysfs), patience_s)


@pytest.mark.parametrize("way", WAYS)
def test_an_output_is_inactive_from_the_first_instant_and_follows(way):
    twin = raspberry()
    line = pins(twin, way).output(OutputPin("GPIO17"), "contactors")
    assert [high for _, direction, high, _ in twin.requests if direction == "output"] == [0]
    pin = twin.watch()[17]
    for on in (True, False):
        assert line.put(on) and pin.high is on and line.get() is on
    assert twin.holder("/dev/gpiochip0", 17) in ("ccsbox", "adafruit_blinka")
    line.close()
    assert twin.holder("/dev/gpiochip0", 17) == "", "one descriptor, ours: the library keeps none"


@pytest.mark.parametrize("way", APIS)
def test_an_active_low_output_is_high_from_the_first_instant(way):
    twin = raspberry()
    line = pins(twin, way).output(OutputPin("GPIO17", active_low=True), "contactors")
    assert twin.requests == [(17, "output", 1, "as_is")]
    pin = twin.watch()[17]
    assert line.put(True) and not pin.high and line.get() is True
    assert line.put(False) and pin.high
    line.close()


def test_blinka_would_switch_an_active_low_load_on_for_a_moment_so_auto_leaves_it_to_libgpiod():
    twin = raspberry()
    with pytest.raises(DriverError, match="low first.*Set library to auto or gpiod"):
        pins(twin, "blinka").output(OutputPin("GPIO17", active_low=True), "contactors")
    assert twin.requests == []
    both = pins(twin, "blinka", "auto")
    low, high = both.output(OutputPin("GPIO17", active_low=True), "contactors"), both.output(OutputPin("GPIO27"), "pilot")
    assert twin.requests == [(17, "output", 1, "as_is"), (27, "input", None, "disabled"), (27, "output", 0, "disabled")]
    low.close(), high.close()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("active_low", [False, True])
@pytest.mark.parametrize("bias, asked", [("pull_up", "pull_up"), ("pull_down", "pull_down"), ("none", "disabled")])
def test_an_input_has_its_bias_and_its_sense(way, active_low, bias, asked):
    twin = raspberry()
    line = pins(twin, way).input(InputPin("GPIO5", active_low, bias), "stop button")
    assert twin.requests[-1] == (5, "input", None, asked)
    pin = twin.watch()[5]
    for high in (True, False):
        pin.drive(high)
        assert line.get() is (high is not active_low)
    assert not line.put(True), "an input is not driven"
    line.close()
    assert twin.holder("/dev/gpiochip0", 5) == ""


@pytest.mark.parametrize("way", APIS)
@pytest.mark.parametrize("text, offset", [("GPIO17", 17), ("gpio4", 4), ("GPIO04", 4), ("BCM14", 14), ("PIN11", 17), ("PIN8", 14), ("gpiochip0/17", 17),
                                          ("pinctrl-bcm2711/17", 17), ("/dev/gpiochip0/3", 3), ("GPIO_GCLK", 4), ("GPIO44", 44)])
def test_a_raspberrys_pins_by_every_name(way, text, offset):
    """GPIO4 and GPIO14 have other names in its device tree: the BCM number is the offset."""
    place = pins(raspberry(), way).find(text)
    assert (place.chip.name, place.offset) == ("gpiochip0", offset)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (1, 2, 3, 0)])
@pytest.mark.parametrize("text, bank, line", [("P9_41", 0, 20), ("P9_17", 0, 5), ("P9_14", 1, 18), ("P9_16", 1, 19), ("p9.28", 3, 17),
                                              ("P9_30", 3, 16), ("P8_7", 2, 2), ("P8_18", 2, 1)])
def test_a_beaglebones_pins_whatever_number_their_chip_has(tmp_path, order, text, bank, line):
    place = pins(beaglebone(tmp_path, order), sysfs=tmp_path).find(text)
    assert (place.chip.name, place.offset) == (f"gpiochip{order.index(bank)}", line)


@pytest.mark.parametrize("first, second", [("GPIO17", "GPIO17"), ("GPIO17", "PIN11"), ("gpiochip0/17", "BCM17"), ("pinctrl-bcm2711/4", "GPIO_GCLK")])
def test_a_second_use_of_a_pin_is_refused_with_both_names(first, second):
    twin = raspberry()
    all_pins = pins(twin)
    held = all_pins.output(OutputPin(first), "inlet lock motor")
    with pytest.raises(DriverError, match=f"inlet lock motor and contactors both use {second}") as refused:
        all_pins.output(OutputPin(second), "contactors")
    assert first == second or f"({first} and {second} are both gpiochip0/" in str(refused.value)
    held.close()


def test_a_beaglebones_alias_is_found_as_well(tmp_path):
    all_pins = pins(beaglebone(tmp_path), sysfs=tmp_path)
    held = all_pins.output(OutputPin("P9_41"), "pilot state C")
    with pytest.raises(DriverError, match="pilot state C and stop button both use gpiochip3/20 .P9_41 and gpiochip3/20"):
        all_pins.input(InputPin("gpiochip3/20"), "stop button")
    held.close()


@pytest.mark.parametrize("text, words", [("GPIO_GCL", "Near names: GPIO_GCLK"), ("relay", "gpioinfo"), ("GPIO58", "58 lines"), ("PIN1", "no GPIO.*PIN11"),
                                         ("P9_41", "BeagleBone's GPIO0"), ("P9_1", "not free on a BeagleBone.*P9_41"), ("gpiochip0/58", "Use 0 to 57"),
                                         ("gpiochip9/1", "not found on gpiochip0 .pinctrl-bcm2711, 58 lines.")])
@pytest.mark.parametrize("way", APIS)
def test_a_pin_that_is_not_there_is_refused_with_what_there_is(way, text, words):
    with pytest.raises(DriverError, match=words):
        pins(raspberry(), way).output(OutputPin(text), "contactors")


def test_names_that_mean_several_lines_are_refused():
    twin = TwinKernel(TwinChip("/dev/gpiochip0", "a", ["relay"]), TwinChip("/dev/gpiochip1", "a", ["relay"]))
    with pytest.raises(DriverError, match="gpiochip0/0, gpiochip1/0"):
        pins(twin).find("relay")
    with pytest.raises(DriverError, match="Several chips are called 'a': gpiochip0, gpiochip1"):
        pins(twin).find("a/0")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("holder, words", [("spi0 CS1", "held by spi0 CS1.*overlay"), ("ccsbox", "guard of an earlier run"), ("kernel:", "held by the kernel")])
def test_a_busy_line_tells_its_holder(way, holder, words):
    with pytest.raises(DriverError, match=words) as refused:
        pins(raspberry(users={17: holder}), way).output(OutputPin("GPIO17"), "contactors")
    assert "GPIO17 (gpiochip0/17) for the contactors is busy" in str(refused.value)


def test_a_guard_that_is_just_leaving_is_waited_for_at_the_start_only(monkeypatch):
    twin, waited = raspberry(users={17: "ccsbox", 5: "ccsbox"}), []

    def sleep(seconds):
        waited.append(seconds)
        if len(waited) == 3:
            twin.chips["/dev/gpiochip0"].users.clear()
    monkeypatch.setattr(library.time, "sleep", sleep)
    patient = pins(twin, patience_s=60.0)
    with pytest.raises(DriverError, match="guard of an earlier run"):
        patient.reopen(InputPin("GPIO5"), "stop button")
    assert waited == []
    patient.output(OutputPin("GPIO17"), "contactors").close()
    assert waited == [library.PACE_S] * 3
    twin.chips["/dev/gpiochip0"].users[27] = "spi0 CS0"
    with pytest.raises(DriverError, match="held by spi0 CS0"):
        patient.output(OutputPin("GPIO27"), "bulb")
    assert len(waited) == 3, "somebody else is not waited for"


def test_another_boards_line_may_be_called_as_a_beaglebones_pin():
    twin = TwinKernel(TwinChip("/dev/gpiochip0", "tda4vm", ["P8_19", "P9_41"]))
    assert str(pins(twin).find("P9_41")) == "gpiochip0/1"


def test_without_permission_the_group_is_named_and_without_chips_that_there_are_none():
    twin = raspberry(forbidden=True)
    twin.chips["/dev/gpiochip1"].forbidden = True
    with pytest.raises(DriverError, match="No GPIO chip can be opened.*Permission denied.*group gpio"):
        pins(twin).find("GPIO17")
    with pytest.raises(DriverError, match="no GPIO chip"):
        pins(TwinKernel()).find("GPIO17")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("number, words", [(22, "Invalid argument.*bias"), (13, "not permitted.*group gpio"), (5, "Input/output error")])
def test_a_request_that_the_kernel_refuses_is_a_sentence(way, number, words):
    twin = raspberry()
    all_pins = pins(twin, way)
    all_pins.chips()
    twin.refuses = number
    with pytest.raises(DriverError, match=words):
        all_pins.output(OutputPin("GPIO17"), "contactors")


def test_a_library_that_hides_its_descriptor_is_refused_because_the_guard_could_not_hold_the_pin():
    twin = raspberry()
    board, digitalio = blinka_modules(twin)

    class Memory:                    # like RPi.GPIO, which writes the chip's registers: no descriptor
        def __init__(self, pin):
            self.deinit = self.switch_to_output = lambda value=None: None
    digitalio.DigitalInOut = Memory
    with pytest.raises(DriverError, match="0 line descriptors.*guard.*gpiod 2.x"):
        Blinka(board, digitalio).output("GPIO17")


def test_libraries_are_told_apart_and_a_foreign_one_refused():
    twin = raspberry()
    assert [type(load_api(make(twin))) for make in APIS.values()] == [GpiodV2, GpiodV1, GpiodPypi1]
    with pytest.raises(DriverError, match="none that is known"):
        load_api(os)


def test_without_any_library_both_ways_say_what_to_install(monkeypatch):
    import sys
    for name in ("gpiod", "board", "digitalio"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(DriverError, match="apt install python3-libgpiod"):
        load_api()
    with pytest.raises(DriverError, match="pip install Adafruit-Blinka gpiod"):
        Blinka()
    twin = raspberry()
    auto = Pins("auto", load_api(gpiod_v2(twin), kernel.ioctl), None, twin.paths)
    line = auto.output(OutputPin("GPIO17"), "contactors")
    assert twin.requests == [(17, "output", 0, "as_is")], "auto goes by libgpiod where Blinka cannot be imported"
    line.close()


def test_a_pin_that_blinka_lacks_or_cannot_have_is_a_sentence():
    twin = raspberry()
    board, digitalio = blinka_modules(twin)
    with pytest.raises(DriverError, match="no pin D0"):
        Blinka(board, digitalio).output("GPIO0")

    class Refusing(digitalio.DigitalInOut):
        def switch_to_input(self, pull):
            raise RuntimeError("Requested pull setting not supported in libgpiod")
    digitalio.DigitalInOut = Refusing
    with pytest.raises(DriverError, match="Requested pull setting"):
        Blinka(board, digitalio, kernel.ioctl).input("GPIO5", False, "pull_up")
    assert twin.holder("/dev/gpiochip0", 5) == ""


def test_the_tables_name_each_line_once():
    assert len(set(PI_HEADER.values())) == len(PI_HEADER) == 26 and set(PI_HEADER.values()) == set(range(2, 28))
    assert len(set(BONE_HEADER.values())) == len(BONE_HEADER)
