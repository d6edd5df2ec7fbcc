"""Two uses of a pin or of a channel: every pin is looked at, every way of writing it is known, nothing else is refused."""
from dataclasses import fields, is_dataclass

import pytest

from drivers.boards.plans import plan
from drivers.boards.uses import channels_of, pins_of, place, refuse_second_use
from drivers.errors import DriverError
from drivers.pins.config import BridgePins, CarPins, ChargerPins, InputPin, OutputPin
from tasks.config import Config
from tests.drivers.boards.test_protection import cape, car


def every_pin(section):
    """Each pin setting of a section gets a name of its own; the names."""
    names = []
    for f in fields(section):
        value = getattr(section, f.name)
        if isinstance(value, (InputPin, OutputPin)):
            value.pin = f"line{id(value)}"
            names.append(value.pin)
        elif is_dataclass(value):
            names += every_pin(value)
    return names


@pytest.mark.parametrize("mode, board", [("pev", "raspberry_pi"), ("bridge", "beaglebone"), ("evse", "raspberry_pi"), ("evse", "focccicape")])
def test_every_pin_that_can_be_set_is_looked_at(mode, board):
    config = Config()
    config.mode, config.board = mode, board
    section = getattr(config, board)
    wanted = []
    for name, kind in (("car", CarPins), ("bridge", BridgePins), ("charger", ChargerPins), ("pins", ChargerPins)):
        if name in {f.name for f in fields(section)} and (mode == "evse") is (kind is ChargerPins) and (name != "bridge" or mode == "bridge"):
            setattr(section, name, kind())
            wanted += every_pin(getattr(section, name))
    found = [text for _, text in pins_of(config)]
    assert set(wanted) <= set(found) and len(wanted) > 12 and len({purpose for purpose, _ in pins_of(config)}) >= len(wanted)
    refuse_second_use(config)


@pytest.mark.parametrize("board", ["raspberry_pi", "beaglebone", "focccicape"])
@pytest.mark.parametrize("mode", ["pev", "bridge", "evse"])
def test_the_shipped_wiring_uses_nothing_twice(board, mode):
    config = Config()
    config.mode, config.board = mode, board
    if (board == "focccicape") <= (mode == "evse"):
        refuse_second_use(config)


@pytest.mark.parametrize("board, one, other", [
    ("raspberry_pi", "GPIO17", "PIN11"), ("raspberry_pi", "BCM_17", "gpio017"), ("raspberry_pi", "pinctrl-rp1/17", "GPIO17"), ("beaglebone", "P9_41", "p9.41"),
    ("beaglebone", "gpiochip0/17", "gpiochip0/17"), ("raspberry_pi", "lamp", "lamp")])
def test_one_pin_has_one_place_however_it_is_written(board, one, other):
    assert place(board, one) == place(board, other)


@pytest.mark.parametrize("board, one, other", [("raspberry_pi", "GPIO17", "PIN17"), ("raspberry_pi", "gpiochip0/17", "GPIO17"), ("beaglebone", "P9_41", "P9_42"),
                                               ("beaglebone", "GPIO17", "17")])
def test_what_only_the_board_knows_is_left_to_it(board, one, other):
    assert place(board, one) != place(board, other)


def test_both_uses_are_named_before_any_pin_is_there():
    config = car()
    config.raspberry_pi.car.display_button.pin = "PIN11"
    with pytest.raises(DriverError, match="pilot state C and display button both use PIN11 .GPIO17 and PIN11 are both GPIO17"):
        plan(config)
    config = cape()
    config.focccicape.cape.life_sign_pin = config.focccicape.pins.power.pin
    with pytest.raises(DriverError, match="power enable or mains contactor and life sign both use"):
        plan(config)


def test_a_second_channel_that_is_the_first_would_always_agree():
    config = car()
    inlet = config.raspberry_pi.measuring.voltmeter.inlet_voltage
    inlet.channel = inlet.second_channel = "ads1x15:0"
    with pytest.raises(DriverError, match="inlet_voltage and raspberry_pi.measuring.voltmeter.inlet_voltage.second_channel both use ads1x15:0"):
        refuse_second_use(config)
    config.mode = "evse"
    assert all("voltmeter" not in name for name, _ in channels_of(config))
