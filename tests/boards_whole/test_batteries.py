"""The Raspberry Pi's car with a battery that speaks by CAN (a DBC file) or by MQTT: whole charges, and each of them failing while current flows."""
from __future__ import annotations

import pytest

from kernel.timer import MS, S
from tasks.stop_reasons import StopReason
from tests.boards_whole.bms import DBC, MQTT, DbcCar, TopicCar
from tests.boards_whole.box import BoardCharge
from tests.boards_whole.files import PI
from tests.boards_whole.test_raspberry_pi import CHARGING, again
from tests.drivers.can.fakes import BUS_OFF, RESTARTED
from tests.drivers.pins.libraries import raspberry
from tests.sessions.charges import assert_safe, run_to

pytest.importorskip("smbus2", reason="smbus2 is not installed")
pytest.importorskip("luma.oled", reason="luma.oled is not installed")
pytest.importorskip("paho.mqtt.client", reason="paho-mqtt is not installed")


@pytest.fixture
def dbc(tmp_path, monkeypatch):
    made = BoardCharge(tmp_path, "pev", PI + DBC, DbcCar(monkeypatch, raspberry()))
    yield made
    made.close()


@pytest.fixture
def topics(tmp_path, monkeypatch):
    world = TopicCar(monkeypatch, raspberry())
    made = BoardCharge(tmp_path, "pev", PI + MQTT.format(port=world.port), world)
    yield made
    made.close()


def charging(c: BoardCharge) -> BoardCharge:
    c.run_until(run_to(c, CHARGING) + 5 * S)
    assert c.charging and c.plant.current > 8.0 and c.told == [], (c.trip, c.told, c.journal()[-2000:])
    return c


def test_a_whole_charge_with_a_dbc_battery(dbc):
    dbc.run(600 * S)
    assert dbc.good and dbc.reason is StopReason.BATTERY_FULL, (dbc.reason, dbc.trip, dbc.told, [str(b) for b in dbc.invariants.broken], dbc.journal()[-3000:])
    assert_safe(dbc)
    assert dbc.told == []


def silent(world):
    world.silent = True
    return lambda: setattr(world, "silent", False)


def bus_off(world):
    """The controller hears nothing until it is restarted."""
    world.silent = True
    world.can.error(BUS_OFF)

    def mend():
        world.silent = False
        world.can.error(RESTARTED)
    return mend


def interface_down(world):
    world.silent, world.can.up = True, False

    def mend():
        world.silent, world.can.up = False, True
    return mend


def forbids(world):
    world.allowed = 0
    return lambda: setattr(world, "allowed", 1)


def broker_gone(world):
    world.silent = True
    world.drop()
    return lambda: setattr(world, "silent", False)


def broker_hangs(world):
    """Killed, and what takes the connection instead says nothing."""
    world.hanging = True
    world.drop()

    def mend():
        world.hanging = False
        world.drop()
    return mend


def no_permission(world):
    world.allowed = None
    return lambda: setattr(world, "allowed", True)


def topic_forbids(world):
    world.allowed = False
    return lambda: setattr(world, "allowed", True)


LOST, FORBIDDEN = "Battery data lost", "BMS forbids charging"
DBC_FAULTS = {"silent": (silent, "BMS: silent", LOST), "bus off": (bus_off, "CAN: bus off", LOST), "interface down": (interface_down, "CAN: interface down", LOST),
              "permission withdrawn": (forbids, "", FORBIDDEN)}
MQTT_FAULTS = {"silent": (silent, "MQTT: data too old", LOST), "broker killed": (broker_gone, "MQTT: lost", LOST), "broker hangs": (broker_hangs, "MQTT: lost", LOST),
               "permission not repeated": (no_permission, "MQTT: data too old", FORBIDDEN), "permission withdrawn": (topic_forbids, "", FORBIDDEN)}
"""What happens; what the display says of the device; what of the supervisor."""


def without(c: BoardCharge, fault: tuple) -> None:
    """Two seconds: the session ends in state B with the contactors open; the words are on the display, and a new session charges."""
    charging(c)
    cause, words, trip = fault
    mend = cause(c.surroundings)
    began = c.clock.time
    while c.plant.pilot.state_c:
        c.run_until(c.clock.time + 10 * MS)
        assert c.clock.time < began + 800 * MS, "no value counts for more than 500 ms, and two periods until it is looked at"
    c.run_until(began + 2 * S)
    assert words in c.told and words in c.journal() if words else c.told == [], (c.told, c.journal()[-2000:])
    assert not c.plant.car_contactors.position and c.plant.current == 0.0
    mend()
    c.run_until(c.clock.time + 20 * S)
    assert c.trip == trip and c.reason is StopReason.SAFETY_TRIP, (c.trip, c.reason)
    assert not c.box.signals.device_notice.value, (c.box.signals.device_notice.value, c.journal()[-2000:])
    assert_safe(c)
    again(c)
    assert [str(b) for b in c.invariants.broken] == [] and not c.plant.damage and not c.box.kernel.fault, (c.trip, c.told, c.plant.incidents)


@pytest.mark.parametrize("fault", DBC_FAULTS)
def test_two_seconds_without_the_battery_on_can(dbc, fault):
    without(dbc, DBC_FAULTS[fault])


def test_a_whole_charge_with_a_battery_by_topics(topics):
    topics.run(600 * S)
    assert topics.good and topics.reason is StopReason.BATTERY_FULL, (topics.reason, topics.trip, topics.told, [str(b) for b in topics.invariants.broken], topics.journal()[-3000:])
    assert_safe(topics)
    world = topics.surroundings
    assert topics.told == [] and world.connects == 1 and all(b"pyPlc/" + name in world.heard for name in (b"battery_voltage", b"charge_permission", b"target_current"))


@pytest.mark.parametrize("fault", MQTT_FAULTS)
def test_two_seconds_without_the_battery_by_topics(topics, fault):
    without(topics, MQTT_FAULTS[fault])
