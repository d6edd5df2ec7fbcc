"""A board never protects less than its supervisor believes: what a configuration counts on is there, or refused before a pin is touched."""
from __future__ import annotations

from typing import Any, cast

import pytest

from drivers.adc.ads1x15 import Ads1x15
from drivers.adc.pilot import AnalogPilotConfig, AnalogPilotMonitor
from drivers.boards.common import Shared, _only, converters, vehicle
from drivers.boards.focccicape import CapeCharger
from drivers.boards.gpio import UNLOCKED, GpioCar
from drivers.boards.plans import plan
from drivers.errors import DriverError
from drivers.interfaces import PilotState
from drivers.pins.library import Pins, load_api
from drivers.pins.lines import PinLines
from drivers.vehicle_fixed import FixedVehicleConfig
from kernel.timer import MS
from tasks.config import Config
from tasks.sense.task import AC_PERIOD
from tests.drivers.adc.rig import CP_GAIN, CP_OFFSET
from tests.drivers.adc.twins import Ads1x15Twin, FakeSmbus, Now
from tests.drivers.pins import kernel
from tests.drivers.pins.libraries import gpiod_v2, raspberry
from tests.drivers.pins.test_library import beaglebone


def cape(**more: str) -> Config:
    config = Config()
    config.mode, config.board = "evse", "focccicape"
    config.safety.evse.isolation_monitor_fitted = False
    section = config.focccicape
    section.pilot.channel, section.pilot.gain = "iio:0", 10.0
    section.pins.pwm.chip = 0
    section.can_info = False
    config.oled.controller = "none"
    section.pins.contactors.pin = more.get("contactor", "")
    section.pins.contact_plus.pin = more.get("contact", "")
    section.supply_channel = more.get("supply", "1")
    return config


def car(lock: bool = True) -> Config:
    config = Config()
    config.board = "raspberry_pi"
    section = config.raspberry_pi
    section.car.lock.fitted = lock
    config.connection.require_pilot = False
    for name in ("voltage_sensor_fitted", "current_sensor_fitted", "temperature_sensor_fitted"):
        setattr(config.safety.pev, name, False)
    return config


def refusal(config: Config) -> str:
    with pytest.raises(DriverError) as caught:
        plan(config)
    return str(caught.value)


def test_an_output_contactor_without_a_contact_is_refused_where_the_supervisor_counts_on_one():
    """It would never know it open, trip for ever and send the person to a welded contactor that is none."""
    assert "safety.evse.contactor_feedback_fitted" in refusal(cape(contactor="P8_10"))
    plan(cape(contactor="P8_10", contact="P8_12"))
    blind = cape(contactor="P8_10")
    blind.safety.evse.contactor_feedback_fitted = False
    plan(blind)
    plan(cape())


def test_a_supply_whose_voltage_nobody_reads_is_refused():
    assert "focccicape.supply_channel = '5'" in refusal(cape(supply="5"))


def test_a_car_without_a_lock_says_so_at_each_start():
    """Its supervisor and its display say "locked" when it was only commanded."""
    twin = raspberry()
    for lock in (False, True):
        config = car(lock)
        config.charge_parameter_backend = "fixed"
        v = config.vehicle_fixed
        v.battery_voltage_v, v.target_voltage_v, v.max_voltage_v = 350.0, 400.0, 410.0
        config.oled.controller = "none"
        config.raspberry_pi.measuring.converters = []
        shared = Shared(config)
        board = GpioCar("raspberry_pi", config.raspberry_pi, shared, Pins("gpiod", load_api(gpiod_v2(twin), kernel.ioctl), None, twin.paths))
        made = board.board(board.lines(), cast(Any, None))
        assert (UNLOCKED in shared.notes) is not lock
        for device in made.polled:
            if hasattr(device, "close"):
                device.close()


def test_one_disturbed_look_at_the_cape_s_button_is_no_emergency_stop(tmp_path):
    """P9_30 is line 16 of GPIO3, which is gpiochip2 here."""
    twin = beaglebone(tmp_path)
    twin.levels["/dev/gpiochip2", 16] = 1
    shared = Shared(cape())
    plan = CapeCharger(shared, Pins("gpiod", load_api(gpiod_v2(twin), kernel.ioctl), None, twin.paths, str(tmp_path)))
    lines = PinLines.over({})
    button = plan.board(lines, cast(Any, None)).inputs
    wire, now = twin.wire(16, "/dev/gpiochip2"), 0

    def look(high: bool, ms: int) -> list[bool | None]:
        nonlocal now
        wire.drive(high)
        said = []
        for now in range(now + 10 * MS, now + ms * MS + 1, 10 * MS):
            said.append(button.stop_button(now))
        return said
    assert look(True, 200)[-1] is False
    assert not any(look(False, 10) + look(True, 200)), "a glitch of one tick"
    assert look(False, 100)[-1] is True, "a finger"
    for device in shared.polled:
        if hasattr(device, "close"):
            device.close()


def wallbox(**converter: object) -> Config:
    config = Config()
    config.mode, config.board = "evse", "raspberry_pi"
    config.evse.energy_transfer_modes = ["AC_three_phase_core"]
    config.safety.ac.residual_current_fitted = False
    measuring = config.raspberry_pi.measuring
    measuring.pilot = AnalogPilotConfig("ads1x15:1", CP_GAIN, CP_OFFSET)
    for name, value in converter.items():
        setattr(measuring.ads1x15, name, value)
    return config


@pytest.mark.parametrize("old", [{"max_age_ms": 5000}, {"filter": "exponential", "filter_ms": 500}], ids=str)
@pytest.mark.parametrize("role", ["car", "wallbox"])
def test_a_converter_that_keeps_an_old_pilot_alive_is_refused(role, old):
    """A chip that falls silent in state C would say C for 5 s, whatever the person does with the plug."""
    config = wallbox(**old)
    if role == "car":
        made = car()
        made.raspberry_pi.measuring = config.raspberry_pi.measuring
        config = made
    assert f"raspberry_pi.measuring.ads1x15.{list(old)[-1]}" in refusal(config)


def longest_to_b(channels: int) -> int:
    """ns from the car's state B at the pin to a look of tasks/sense that says so, whenever it comes in a round."""
    measuring = wallbox().raspberry_pi.measuring
    section = measuring.ads1x15 if channels > 1 else _only(measuring.ads1x15, "ads1x15", (measuring.pilot.channel, measuring.pilot.mean_channel))
    assert len(section.channels) == channels and "1" in section.channels
    longest = 0
    for left in range(1000 * MS, 1080 * MS, MS):
        now = Now()
        chip = Ads1x15Twin(now)
        chip.pins["1"] = lambda at, left=left: ((6.0 if at < left else 9.0) - CP_OFFSET) / CP_GAIN
        converter = Ads1x15(section, FakeSmbus(chip))
        monitor = AnalogPilotMonitor(measuring.pilot, {"ads1x15": converter})
        while True:
            now.ns += 10 * MS
            converter.run(now.ns)
            seen = monitor.read(now.ns) if now.ns % AC_PERIOD == 0 else None
            if seen is not None and seen.state is PilotState.B:
                break
        longest = max(longest, now.ns - left)
    return longest


def test_a_wallbox_reads_its_pilot_alone_and_so_within_the_30_ms_that_its_contactor_leaves():
    """safety.ac.contactor_open_ms: 100 ms after state C (IEC 61851-1) less 30 ms in which the pilot is read and judged."""
    assert longest_to_b(4) > 50 * MS, "all four pins of the wiring in turn: too late"
    assert longest_to_b(1) <= 30 * MS
    made = converters(wallbox().beaglebone.measuring, Shared(wallbox()), ("iio:1", ""))
    assert made["iio"].channels == ("1",)


def test_a_contact_that_is_slower_than_the_contactor_may_be_is_refused():
    config = wallbox()
    config.raspberry_pi.charger.contact_plus.debounce_ms = 80
    assert "each opening would end as welded" in refusal(config)


def test_a_wallbox_that_reads_a_mean_as_well_must_have_a_quicker_contactor():
    config = wallbox()
    config.raspberry_pi.measuring.pilot.mean_channel = "ads1x15:2"
    config.raspberry_pi.measuring.pilot.mean_gain = 10.0
    assert "leaves no room" in refusal(config)
    config.safety.ac.contactor_open_ms = 60
    plan(config)


def test_a_fixed_battery_without_permission_is_told_at_the_start():
    for permission, notes in ((False, 1), (True, 0)):
        fixed = FixedVehicleConfig(battery_voltage_v=350.0, target_voltage_v=390.0, max_voltage_v=400.0, charge_permission=permission)
        shared = Shared(Config(charge_parameter_backend="fixed", vehicle_fixed=fixed))
        vehicle(shared)
        assert len(shared.notes) == notes and all("vehicle_fixed.charge_permission" in note for note in shared.notes)
