"""A bridge on a board with pins: what its CHAdeMO plug has, and what is refused before a pin is touched."""
from __future__ import annotations

import os
from typing import Any, cast

import pytest

from drivers.adc.quantity import CheckedConfig, LinearConfig
from drivers.boards.common import Shared
from drivers.boards.gpio import CHADEMO_BITRATE, VEHICLE_IDS, VEHICLE_UNLOCKED, GpioCar
from drivers.boards.plans import plan
from drivers.can.bus import CanBus
from drivers.can.settings import CanConfig
from drivers.errors import DriverError
from drivers.pins.library import Pins, load_api
from drivers.pins.lines import BRIDGED
from drivers.sim.can import CanSegment
from drivers.sim.lines import CONTACTORS, D1, D2
from kernel.timer import MS, S
from tasks.chademo import wire
from tasks.config import Config
from tests.bench_io.desk import CP_GAIN, CP_OFFSET, DIVIDER
from tests.drivers.adc.twins import Ads1x15Twin, FakeSmbus, Now
from tests.drivers.pins import kernel
from tests.drivers.pins.libraries import gpiod_v2, raspberry

pytest.importorskip("smbus2", reason="smbus2 is not installed")


def bridge(board: str = "raspberry_pi") -> Config:
    """A bridge that may start: both sides of its contactor measured, both locks with a switch."""
    config = Config(mode="bridge", board=board)
    config.oled.controller = "none"
    config.connection.require_pilot = False
    for name in ("current_sensor_fitted", "temperature_sensor_fitted"):
        setattr(config.safety.pev, name, False)
    section = getattr(config, board)
    section.car.library = "gpiod"
    converter = section.measuring.converters[0]
    section.measuring.pilot.channel, section.measuring.pilot.gain, section.measuring.pilot.offset = f"{converter}:1", CP_GAIN, CP_OFFSET
    section.measuring.voltmeter.inlet_voltage = CheckedConfig(f"{converter}:0", DIVIDER)
    section.measuring.voltmeter.vehicle_voltage = CheckedConfig(f"{converter}:2", DIVIDER)
    return config


def refusal(config: Config) -> str:
    with pytest.raises(DriverError) as caught:
        plan(config)
    return str(caught.value)


class Pi:
    """A Raspberry Pi with an ADS1115 down to its registers, a CAN segment with another node on it. `volts`, `car_volts`: at either side."""

    def __init__(self, monkeypatch: Any, config: Config) -> None:
        self.now, self.twin, self.segment = Now(), raspberry(), CanSegment()
        self.volts, self.car_volts = 0.0, 0.0
        self.adc = Ads1x15Twin(self.now)
        self.adc.pins = {"0": lambda at: self.volts / DIVIDER, "1": lambda at: (12.0 - CP_OFFSET) / CP_GAIN, "2": lambda at: self.car_volts / DIVIDER,
                         "3": lambda at: 1.1}
        self.bus = FakeSmbus(self.adc)
        self.bus.fd = os.open(os.devnull, os.O_RDONLY)
        monkeypatch.setattr("smbus2.SMBus", lambda number: self.bus)
        monkeypatch.setattr("drivers.can.bus.CanBus", lambda can: CanBus(can, self.segment.node()))
        for offset in (20, 21, 16, 26, 25, 5, 6, 4):
            self.twin.levels["/dev/gpiochip0", offset] = 1
        self.shared = Shared(config)
        self.car = GpioCar("raspberry_pi", config.raspberry_pi, self.shared, Pins("gpiod", load_api(gpiod_v2(self.twin), kernel.ioctl), None, self.twin.paths))
        self.lines = self.car.lines()
        self.board = self.car.board(self.lines, cast(Any, None))
        self.peer = CanBus(CanConfig(), self.segment.node())

    def go(self, ns: int) -> None:
        end = self.now.ns + ns
        while self.now.ns < end:
            self.now.ns += 10 * MS
            for device in [*self.board.polled, self.peer]:
                device.run(self.now.ns)

    def close(self) -> None:
        for device in self.board.polled:
            if device is not self.lines and hasattr(device, "close"):
                device.close()
        self.lines.close()
        os.close(self.bus.fd)


@pytest.fixture
def open_pi(monkeypatch: Any) -> Any:
    made: list[Pi] = []

    def make(config: Config) -> Pi:
        made.append(Pi(monkeypatch, config))
        return made[-1]
    yield make
    for pi in made:
        pi.close()


def test_the_identifiers_are_those_that_somebody_reads() -> None:
    assert VEHICLE_IDS == wire.VEHICLE_IDS and CHADEMO_BITRATE == 500_000


def test_a_bridge_has_everything_at_its_plug(open_pi: Any) -> None:
    pi = open_pi(bridge())
    board, plug = pi.board, pi.board.bridge
    assert board.vehicle is None and set(BRIDGED) <= set(pi.lines.hands)
    pi.volts, pi.car_volts = 380.0, 3.0
    pi.go(S)
    now = pi.now.ns
    assert abs(board.voltmeter.inlet_voltage(now) - 380.0) < 0.1 and abs(plug.voltmeter.vehicle_voltage(now) - 3.0) < 0.1
    assert plug.inputs.charge_permission(now) is False and plug.inputs.plug_present(now) is False
    pi.twin.wire(5).drive(False)
    pi.go(100 * MS)
    assert plug.inputs.charge_permission(pi.now.ns) is True
    assert plug.sequence.set_d1(True, now) and pi.twin.wire(12).high and pi.lines.level(D1) and not pi.lines.level(D2)
    assert plug.lock.set_locked(True, now) and pi.twin.wire(18).high and not pi.twin.wire(23).high


def test_each_side_tells_when_it_was_measured(open_pi: Any) -> None:
    pi = open_pi(bridge())
    pi.go(S)
    now, meter = pi.now.ns, pi.board.bridge.voltmeter
    at = meter.measured_at("vehicle_voltage", now)
    assert now - 100 * MS <= at <= now
    pi.adc.stalls = True
    pi.go(S)
    assert meter.measured_at("vehicle_voltage", pi.now.ns) < now + 100 * MS and meter.vehicle_voltage(pi.now.ns) is None, "old is unknown"
    assert meter.errors > 0


def test_what_the_vehicle_sends_comes_and_what_we_send_goes(open_pi: Any) -> None:
    pi = open_pi(bridge())
    pi.go(100 * MS)
    now = pi.now.ns
    heard = pi.peer.port("peer", (0x109,))
    assert pi.peer.send(0x102, bytes(8), False, now) and pi.peer.send(0x321, bytes(8), False, now)
    assert pi.board.bridge.can.send(0x109, bytes(range(8)), False, now)
    pi.go(30 * MS)
    assert [frame.id for frame in pi.board.bridge.can.receive(10, pi.now.ns)] == [0x102]
    assert [frame.data for frame in heard.receive(10, pi.now.ns)] == [bytes(range(8))]


def test_a_bridge_without_a_voltmeter_or_a_lock_says_so(open_pi: Any) -> None:
    config = bridge()
    config.raspberry_pi.measuring.voltmeter.vehicle_voltage = CheckedConfig()
    config.raspberry_pi.bridge.lock.fitted = False
    config.safety.bridge.vehicle_voltmeter_fitted = False
    pi = open_pi(config)
    assert pi.board.bridge.voltmeter is None and VEHICLE_UNLOCKED in pi.shared.notes


def test_a_car_has_no_bridge_and_touches_none_of_its_pins(open_pi: Any) -> None:
    config = bridge()
    config.mode, config.charge_parameter_backend = "pev", "fixed"
    fixed = config.vehicle_fixed
    fixed.battery_voltage_v, fixed.target_voltage_v, fixed.max_voltage_v = 350.0, 400.0, 410.0
    pi = open_pi(config)
    assert pi.board.bridge is None and pi.board.vehicle is not None and not set(BRIDGED) & set(pi.lines.hands)
    assert not any(pi.twin.wire(offset).here for offset in (12, 13, 18, 15, 5, 6, 4)) and pi.segment.nodes == [pi.peer.link]


@pytest.mark.parametrize("board", ["raspberry_pi", "beaglebone"])
@pytest.mark.parametrize("name", ["d1", "d2", "k"])
def test_without_its_wires_no_vehicle_charges(board: str, name: str) -> None:
    config = bridge(board)
    plan(config)
    getattr(getattr(config, board).bridge, name).pin = ""
    assert f"{board}.bridge.{name}" in refusal(config)


@pytest.mark.parametrize("change, says", [
    (lambda c: setattr(c.can, "channel", ""), "can.channel is empty"),
    (lambda c: setattr(c.can, "bitrate", 250_000), "can.bitrate = 250000"),
    (lambda c: setattr(c.raspberry_pi.measuring.voltmeter, "vehicle_voltage", CheckedConfig()), "safety.bridge.vehicle_voltmeter_fitted"),
    (lambda c: setattr(c.raspberry_pi.bridge.lock.locked, "pin", ""), "safety.bridge.vehicle_lock_feedback_fitted"),
    (lambda c: setattr(c.raspberry_pi.measuring.voltmeter, "vehicle_voltage", CheckedConfig("ads1x15:0", DIVIDER)), "would always agree"),
    (lambda c: setattr(c.raspberry_pi.measuring.voltmeter, "inlet_voltage", CheckedConfig()), "safety.pev.voltage_sensor_fitted")])
def test_what_the_supervisor_counts_on_is_there_or_refused(change: Any, says: str) -> None:
    config = bridge()
    change(config)
    assert says in refusal(config)


@pytest.mark.parametrize("change", [
    lambda c: setattr(c.safety.bridge, "vehicle_voltmeter_fitted", False) or setattr(c.raspberry_pi.measuring.voltmeter, "vehicle_voltage", CheckedConfig()),
    lambda c: setattr(c.safety.bridge, "vehicle_lock_feedback_fitted", False) or setattr(c.raspberry_pi.bridge.lock.locked, "pin", ""),
    lambda c: setattr(c.raspberry_pi.measuring.voltmeter, "inlet_current", LinearConfig("ads1x15:3", 200.0))])
def test_what_is_said_not_to_be_fitted_may_be_missing(change: Any) -> None:
    config = bridge()
    change(config)
    plan(config)


@pytest.mark.parametrize("board, instead", [("dieter", "pev"), ("celeron55", "pev"), ("focccicape", "evse")])
def test_other_boards_cannot_be_a_bridge(board: str, instead: str) -> None:
    said = refusal(Config(mode="bridge", board=board))
    assert f"The board {board} cannot be a bridge" in said and "raspberry_pi or beaglebone" in said and f"mode: {instead}" in said


def test_the_wiring_that_comes_with_it_is_off_while_the_board_boots_and_uses_no_pin_twice(open_pi: Any) -> None:
    """Also with everything else of a car's default wiring in use."""
    pi = open_pi(bridge())
    assert all(pi.lines.labels[place] != "" and not pi.lines.level(place) for place in (*BRIDGED, CONTACTORS))


def test_the_beaglebone_s_wiring_leaves_can_and_the_boot_pins_alone(tmp_path: Any) -> None:
    from tests.drivers.pins.test_library import beaglebone
    config, twin = bridge("beaglebone"), beaglebone(tmp_path)
    car = GpioCar("beaglebone", config.beaglebone, Shared(config), Pins("gpiod", load_api(gpiod_v2(twin), kernel.ioctl), None, twin.paths, str(tmp_path)))
    lines = car.lines()
    assert set(BRIDGED) <= set(lines.hands)
    pins = {*lines.labels.values(), config.beaglebone.bridge.k.pin, config.beaglebone.bridge.plug_present.pin}
    assert not pins & {"P9_24", "P9_26", *[f"P8_{n}" for n in range(31, 47)]}
    lines.close()
