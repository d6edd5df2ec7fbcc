"""From the settings to lines and devices: everything fitted works, what is missing or used twice is refused and keeps no pin."""
import pytest

from drivers.errors import DriverError
from drivers.pins.build import car_devices, car_lines, charger_devices, charger_lines
from drivers.pins.config import CarPins, ChargerPins, InputPin, LockPins, OutputPin, PwmPin
from drivers.pins.library import Pins, load_api
from drivers.pins.lines import BULB, PULSE
from drivers.pins.outputs import NoLock
from drivers.sim.lines import CONTACTORS, FIRST, LOCK, UNLOCK
from kernel.settings import build, to_dict
from kernel.settings_text import dump
from kernel.timer import MS, S
from tests.drivers.pins import kernel
from tests.drivers.pins.libraries import gpiod_v2, raspberry
from tests.guard.pin_stand_in import make_pwm


def car_config(**more):
    return CarPins(**{"library": "gpiod", "pilot_c": OutputPin("GPIO17"), "contactors": OutputPin("GPIO27", active_low=True),
                      "lock": LockPins(lock=OutputPin("GPIO22"), unlock=OutputPin("GPIO23"), locked=InputPin("GPIO5", debounce_ms=0)), **more})


def charger_config(**more):
    return ChargerPins(**{"library": "gpiod", "power": OutputPin("GPIO17"), "pwm": PwmPin(chip=0, state_f=OutputPin("GPIO6")),
                          "lock": LockPins(lock=OutputPin("GPIO22"), unlock=OutputPin("GPIO23")), **more})


@pytest.fixture
def twin():
    return raspberry()


@pytest.fixture
def pins(twin):
    return Pins("gpiod", load_api(gpiod_v2(twin), kernel.ioctl), None, twin.paths)


def close(lines, devices):
    for device in devices.polled:
        if hasattr(device, "close"):
            device.close()


def test_a_car_with_everything(twin, pins):
    config = car_config(bulb=OutputPin("GPIO24"), enable_pulse=OutputPin("GPIO25"), contact_plus=InputPin("GPIO12", debounce_ms=0),
                        contact_minus=InputPin("GPIO13", debounce_ms=0), stop_button=InputPin("GPIO16", active_low=True, bias="pull_up", debounce_ms=0),
                        display_button=InputPin("GPIO26", debounce_ms=0),
                        plug_present=InputPin("GPIO20", debounce_ms=0), pwm_present=InputPin("GPIO21", debounce_ms=0))
    lines = car_lines(config, pins)
    assert set(lines.hands) == {FIRST, CONTACTORS, LOCK, UNLOCK, BULB, PULSE} and lines.labels[CONTACTORS] == "GPIO27"
    devices = car_devices(config, lines, pins)
    assert devices.control_pilot.set_state_c(True, 0) and twin.wire(17).high
    assert devices.contactors.set_closed(True, 0) and not twin.wire(27).high, "active low"
    twin.wire(12).drive(True)
    assert devices.contactors.feedback(S) is None
    twin.wire(13).drive(True)
    assert devices.contactors.feedback(S) is True
    assert devices.bulb.set_on(True, S) and twin.wire(24).high
    assert devices.lock.set_locked(True, S) and twin.wire(22).high
    twin.wire(5).drive(True)
    assert devices.lock.feedback(S) is True and not twin.wire(22).high
    assert devices.inputs.stop_button(S) is True, "low means pressed"
    twin.wire(26).drive(True)
    assert devices.inputs.display_button(S) is True
    twin.wire(20).drive(True)
    assert (devices.inputs.plug_present(S), devices.inputs.pwm_present(S)) == (True, False)
    assert len(devices.polled) == 10 and all(device.run(S) > S for device in devices.polled)
    twin.wire(27).fail(5)
    devices.contactors.set_closed(False, 2 * S)
    lines.run(2 * S)
    assert "contactors (GPIO27)" in lines.remedy
    close(lines, devices)
    assert not any(wire.held for wire in twin.watch().values())


def test_a_charger_with_a_generator(twin, pins, tmp_path):
    duty = make_pwm(tmp_path)
    config = charger_config(residual_current=InputPin("GPIO12", debounce_ms=0))
    lines = charger_lines(config, pins, str(tmp_path))
    devices = charger_devices(config, lines, pins)
    assert devices.residual_current.tripped(0) is False and devices.residual_current.errors == 0
    twin.wire(12).drive(True)
    assert devices.residual_current.tripped(MS) is True
    twin.wire(12).fail(5)
    assert devices.residual_current.tripped(2 * MS) is None and devices.residual_current.errors == 1, "unknown trips the supervisor"
    assert devices.pilot_source.set_duty(5.0, 0) and duty.read_text().startswith("50000\n") and devices.contactors is None
    assert devices.pilot_source.set_duty(None, 0) and twin.wire(6).high
    assert devices.mains.set_closed(True, 0) and twin.wire(17).high and lines.armed
    assert devices.inputs.stop_button(0) is False
    close(lines, devices)


@pytest.mark.parametrize("config, words", [
    (car_config(pilot_c=OutputPin()), "No pin is configured for the pilot state C"), (car_config(contactors=OutputPin()), "for the contactors"),
    (car_config(lock=LockPins()), "inlet lock motor, to lock.*fitted: false"),
    (car_config(contactors=OutputPin("PIN11")), "pilot state C and contactors both use PIN11 .GPIO17 and PIN11 are both"),
    (car_config(bulb=OutputPin("GPIO_GCL")), "Near names: GPIO_GCLK")])
def test_what_cannot_be_is_refused_and_keeps_no_pin(twin, pins, config, words):
    with pytest.raises(DriverError, match=words):
        car_lines(config, pins)
    assert not any(wire.held for wire in twin.watch().values())


def test_a_generator_that_is_not_there_is_refused_and_keeps_no_pin(twin, pins, tmp_path):
    with pytest.raises(DriverError, match="There is no .*pwmchip0"):
        charger_lines(charger_config(), pins, str(tmp_path))
    assert len(twin.requests) == 4 and not any(wire.held for wire in twin.watch().values())


def test_a_box_without_a_lock_has_to_say_so(pins):
    config = car_config(lock=LockPins(fitted=False))
    lines = car_lines(config, pins)
    devices = car_devices(config, lines, pins)
    assert isinstance(devices.lock, NoLock) and set(lines.hands) == {FIRST, CONTACTORS}
    close(lines, devices)


def test_an_output_is_no_input_as_well(twin, pins):
    config = car_config(stop_button=InputPin("BCM27"))
    lines = car_lines(config, pins)
    with pytest.raises(DriverError, match="contactors and stop button both use BCM27"):
        car_devices(config, lines, pins)
    assert not twin.wire(5).held, "the switch of the lock, which came before"
    lines.close()


def test_an_input_whose_chip_is_unplugged_and_plugged_in_again(twin, pins):
    config = car_config(stop_button=InputPin("GPIO16", debounce_ms=0))
    lines = car_lines(config, pins)
    devices = car_devices(config, lines, pins)
    button = next(device for device in devices.polled if device.name == "stop button")
    twin.wire(16).fail(19)                                   # ENODEV
    chip = twin.chips.pop("/dev/gpiochip0")
    assert devices.inputs.stop_button(0) is None and button.fault == "IN stop button lost"
    at = 0
    for _ in range(5):
        at = button.run(at)
        assert devices.inputs.stop_button(at) is None and button.remedy
    twin.chips["/dev/gpiochip0"] = chip
    for _ in range(20):
        at = button.run(at)
    assert devices.inputs.stop_button(at) is False and button.fault == "" and at < 60 * S and at > 100 * MS
    close(lines, devices)


@pytest.mark.parametrize("section", [CarPins(), ChargerPins(), car_config(), charger_config()])
def test_the_settings_read_back_equal(section):
    assert build(type(section), to_dict(section), {}, "x") == section
    assert "GPIO17 or PIN11" in dump(section)
