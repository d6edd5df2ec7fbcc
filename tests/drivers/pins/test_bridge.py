"""A bridge's pins: d1, d2, k and the CHAdeMO lock beside a car's; safe from boot on, dropped and read back like all others."""
import errno
import struct

import pytest

from drivers.errors import DriverError
from drivers.pins.build import car_devices, car_lines
from drivers.pins.config import BridgePins, CarPins, InputPin, LockPins, OutputPin
from drivers.pins.library import Pins, load_api
from drivers.pins.lines import BRIDGED, BULB, DOUBT_AT, PERIOD, PULSE, SWITCHED, PinLines
from drivers.pins.outputs import NoLock
from drivers.sim.lines import CONTACTORS, D1, D2, DUTY, FIRST, LOCK, STAMP, STAMPS_AT, UNLOCK, VEHICLE_LOCK, VEHICLE_UNLOCK
from kernel.timer import MS, S
from tests.drivers.pins import kernel
from tests.drivers.pins.libraries import gpiod_v2, raspberry

PINS = {D1: 12, D2: 13, VEHICLE_LOCK: 18, VEHICLE_UNLOCK: 15}
K, PLUG, LOCKED = 5, 6, 4


def contact(pin):
    return InputPin(pin, active_low=True, bias="pull_up", debounce_ms=0)


def car_config(**more):
    return CarPins(**{"library": "gpiod", "pilot_c": OutputPin("GPIO17"), "contactors": OutputPin("GPIO27"),
                      "lock": LockPins(lock=OutputPin("GPIO22"), unlock=OutputPin("GPIO23")), **more})


def bridge_config(**more):
    return BridgePins(**{"d1": OutputPin("GPIO12"), "d2": OutputPin("GPIO13"), "k": contact("GPIO5"), "plug_present": contact("GPIO6"),
                         "lock": LockPins(lock=OutputPin("GPIO18"), unlock=OutputPin("GPIO15"), locked=contact("GPIO4")), **more})


@pytest.fixture
def twin():
    made = raspberry()
    for offset in (K, PLUG, LOCKED):
        made.levels["/dev/gpiochip0", offset] = 1
    return made


@pytest.fixture
def pins(twin):
    return Pins("gpiod", load_api(gpiod_v2(twin), kernel.ioctl), None, twin.paths)


def made(pins, car=None, bridge=None):
    car, bridge = car or car_config(), bridge or bridge_config()
    lines = car_lines(car, pins, bridge)
    return lines, car_devices(car, lines, pins, bridge)


def free(twin):
    """Nobody holds a line any more."""
    return not any(twin.wire(offset).here for offset in range(28))


def close(devices):
    for device in devices.polled:
        if hasattr(device, "close"):
            device.close()


def test_everything_at_the_plug(twin, pins):
    lines, devices = made(pins)
    plug = devices.bridge
    assert set(lines.hands) == {FIRST, CONTACTORS, LOCK, UNLOCK, *BRIDGED} and lines.labels[D2] == "GPIO13"
    assert not any(twin.wire(offset).high for offset in PINS.values()), "off from the first instant"
    assert plug.sequence.set_d1(True, 0) and twin.wire(12).high and not twin.wire(13).high
    assert plug.sequence.set_d2(True, 0) and twin.wire(13).high and lines.level(D2)
    assert plug.inputs.charge_permission(S) is False and plug.inputs.plug_present(S) is False
    twin.wire(K).drive(False), twin.wire(PLUG).drive(False)
    assert plug.inputs.charge_permission(2 * S) is True, "pulled to ground: permitted"
    assert plug.inputs.plug_present(2 * S) is True
    assert plug.lock.set_locked(True, 2 * S) and twin.wire(18).high and not twin.wire(22).high, "its own motor, not the inlet's"
    twin.wire(LOCKED).drive(False)
    assert plug.lock.feedback(2 * S) is True and not twin.wire(18).high
    assert plug.sequence.set_d2(False, 3 * S) and not twin.wire(13).high and twin.wire(12).high
    close(devices)
    assert free(twin)


def test_the_two_locks_do_not_know_each_other(twin, pins):
    lines, devices = made(pins)
    twin.wire(LOCKED).drive(False)
    assert devices.lock.set_locked(True, 0) and devices.bridge.lock.set_locked(False, 0)
    assert [twin.wire(offset).high for offset in (22, 23, 18, 15)] == [True, False, False, True]
    assert {devices.lock.name, devices.bridge.lock.name} == {"connector lock", "CHAdeMO lock"}
    devices.lock.run(S), devices.bridge.lock.run(S)
    assert not any(twin.wire(offset).high for offset in (22, 23, 18, 15)), "each pulse ends by itself"
    close(devices)


def test_k_is_debounced_as_configured(twin, pins):
    """Chademo sheet 7.2: 20 to 50 ms."""
    lines, devices = made(pins, bridge=bridge_config(k=InputPin("GPIO5", active_low=True, bias="pull_up")))
    inputs, wire = devices.bridge.inputs, twin.wire(K)
    wire.drive(False)
    assert [inputs.charge_permission(at * MS) for at in (0, 10, 19, 20)] == [None, None, None, True]
    wire.drive(True)
    assert inputs.charge_permission(30 * MS) is True, "10 ms may be a bounce"
    assert inputs.charge_permission(50 * MS) is False
    wire.fail(errno.EIO)
    assert inputs.charge_permission(60 * MS) is None and inputs.errors == 1
    close(devices)


@pytest.mark.parametrize("wrong, says", [
    (dict(d1=OutputPin("")), "charge sequence signal d1"), (dict(d2=OutputPin("")), "charge sequence signal d2"),
    (dict(k=InputPin("")), "charge permission (k)"), (dict(lock=LockPins(lock=OutputPin("GPIO18"))), "CHAdeMO lock motor, to unlock"),
    (dict(d2=OutputPin("GPIO12")), "charge sequence signal d1 and charge sequence signal d2 both use GPIO12"),
    (dict(d1=OutputPin("GPIO27")), "contactors and charge sequence signal d1 both use GPIO27"),
    (dict(k=contact("GPIO18")), "CHAdeMO lock motor, to lock and CHAdeMO k both use GPIO18")])
def test_what_is_missing_or_used_twice_is_refused_and_keeps_no_pin(twin, pins, wrong, says):
    bridge, lines = bridge_config(**wrong), None
    with pytest.raises(DriverError) as caught:
        lines = car_lines(car_config(), pins, bridge)
        car_devices(car_config(), lines, pins, bridge)
    assert says in str(caught.value)
    if lines is not None:
        lines.close()
    assert free(twin)


@pytest.mark.parametrize("pin", ["GPIO0", "GPIO5", "GPIO8", "PIN29", "gpiochip0/8", "pinctrl-bcm2711/3"])
@pytest.mark.parametrize("use", ["d1", "d2", "contactors"])
def test_a_pin_that_is_pulled_up_while_the_board_boots_is_refused_for_what_must_be_off_then(twin, pins, use, pin):
    """Chademo sheet 7.2, however the pin is written."""
    output, inputs = OutputPin(pin), {"k": contact("GPIO20"), "plug_present": contact("GPIO21")}
    car = car_config(**({"contactors": output} if use == "contactors" else {}))
    bridge = bridge_config(**inputs, **({} if use == "contactors" else {use: output}))
    with pytest.raises(DriverError) as caught:
        car_lines(car, pins, bridge)
    assert pin in str(caught.value) and "while the system boots" in str(caught.value) and "active_low: true" in str(caught.value)
    assert free(twin)
    output.active_low = True
    lines = car_lines(car, pins, bridge)
    lines.close()


def test_a_car_may_use_them_as_before(twin, pins):
    car_lines(car_config(contactors=OutputPin("GPIO5")), pins).close()


def test_other_boards_have_no_such_pins(tmp_path):
    from tests.drivers.pins.test_library import beaglebone
    twin = beaglebone(tmp_path)
    pins = Pins("gpiod", load_api(gpiod_v2(twin), kernel.ioctl), None, twin.paths, str(tmp_path))
    car = CarPins("gpiod", OutputPin("P9_41"), OutputPin("P9_17"), lock=LockPins(fitted=False))
    car_lines(car, pins, BridgePins(d1=OutputPin("P9_21"), d2=OutputPin("P9_22"), lock=LockPins(fitted=False))).close()      # lines 3 and 2 of GPIO0


def test_a_bench_without_a_lock(twin, pins):
    lines, devices = made(pins, bridge=bridge_config(lock=LockPins(fitted=False)))
    assert isinstance(devices.bridge.lock, NoLock) and set(BRIDGED) & set(lines.hands) == {D1, D2}
    close(devices)


def test_a_process_that_inherits_them_drops_them(twin, pins):
    lines, devices = made(pins)
    for place in (D1, D2, VEHICLE_LOCK):
        assert lines.set(place, True)
    other = PinLines(lines.fd, lines.hands)
    assert other.armed and all(f"{place}=" in lines.word for place in BRIDGED)
    other.hold()
    for place in BRIDGED:
        other.force(place, False)
    assert not other.armed and not any(twin.wire(offset).high for offset in PINS.values())
    assert not devices.bridge.sequence.set_d1(True, S) and devices.bridge.sequence.errors == 1 and not twin.wire(12).high
    close(devices)


@pytest.mark.parametrize("place", BRIDGED)
def test_each_of_them_arms_the_lines_also_when_its_pin_refused(twin, pins, place):
    lines, devices = made(pins)
    assert not lines.armed and lines.set(place, True) and lines.armed
    twin.wire(PINS[place]).fail(errno.EIO)
    assert not lines.set(place, False) and not lines.level(place) and lines.doubtful(place) and lines.armed
    twin.wire(PINS[place]).fail(0)
    lines.run(S)
    assert not lines.armed and not twin.wire(PINS[place]).high, "commanded again by the next turn"
    close(devices)


@pytest.mark.parametrize("place", BRIDGED)
def test_a_pin_that_does_not_do_what_it_is_told_is_named(twin, pins, place):
    lines, devices = made(pins)
    twin.wire(PINS[place]).short(True)
    for turn in range(3 * len((*SWITCHED, *BRIDGED))):
        lines.run(turn * PERIOD)
    assert lines.fault.endswith("bad") and f"(GPIO{PINS[place]})" in lines.remedy and len(lines.fault) <= 19
    close(devices)


def test_without_a_bridge_no_turn_is_spent_on_it(twin, pins):
    """A car's outputs are read back as often as before."""
    config = car_config()
    lines = car_lines(config, pins)
    twin.wire(27).short(True)
    for turn in range(2 * len(SWITCHED)):
        lines.run(turn * PERIOD)
    assert lines.fault == "PIN contactors bad"
    lines.close()


def test_no_two_things_in_the_page_share_an_octet():
    places = [FIRST, CONTACTORS, LOCK, UNLOCK, DUTY, BULB, PULSE, *BRIDGED]
    stamps = {STAMPS_AT + place * STAMP.size + octet for place in places for octet in range(STAMP.size)}
    doubts = {DOUBT_AT + place for place in places}
    assert len(set(places)) == len(places) and not stamps & doubts and not stamps & set(places) and max(stamps) < PinLines.size and max(doubts) < PinLines.size
    assert max(STAMPS_AT + place * STAMP.size for place in BRIDGED) + struct.calcsize(STAMP.format) <= DOUBT_AT
