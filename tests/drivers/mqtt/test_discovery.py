"""Home Assistant's discovery at a real mosquitto: retained, before all else, again after a broker that forgot, one device per box."""
import json

import pytest

pytest.importorskip("paho.mqtt.client", reason="paho-mqtt is not installed")

from drivers.mqtt.client import LARGEST  # noqa: E402
from tasks.mqtt.discovery import announced  # noqa: E402
from tasks.mqtt.task import MqttTask  # noqa: E402
from tasks.signals import Signals  # noqa: E402
from tests.drivers.mqtt.broker import MOSQUITTO, Broker, Other, Turns  # noqa: E402

pytestmark = [pytest.mark.real_time, pytest.mark.slow, pytest.mark.skipif(MOSQUITTO is None, reason="no mosquitto here: apt-get install mosquitto")]


@pytest.fixture
def broker(tmp_path):
    b = Broker(tmp_path)
    yield b
    b.kill()


@pytest.fixture
def turns(broker):
    made = []

    def make(port=0, **settings):
        made.append(Turns(port or broker.port, **settings))
        return made[-1]
    yield make
    for t in made:
        t.client.close()


def discovered(turns, broker, role="evse", **settings):
    """(our client's turns, a client that hears what Home Assistant would)."""
    t = turns(role=role, publish=True, discovery=True, **settings)
    task = MqttTask(t.client, Signals(), role, True)
    assert task.announced == len(announced(role)) and t.client.dropped == 0
    return t, task


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
def test_home_assistant_finds_the_box_by_itself_whenever_it_begins(turns, broker, protocol):
    t, task = discovered(turns, broker, protocol=protocol)
    watching = Other(broker.port, "#")
    t.online()
    t.until(lambda: ("status", "online", False) in watching.seen, watching)
    expected = {f"{component}/ccsbox_pyPlc/{name}/config" for name, component, _ in announced("evse")}
    assert [topic for topic, _, _ in watching.seen][:len(expected)] and {topic for topic, _, _ in watching.seen} == expected | {"status"}
    assert watching.seen[-1][0] == "status", "the box is available when all of it is known"
    late = Other(broker.port, "homeassistant/#")
    late.until(lambda: len(late.seen) == len(expected))
    assert all(retained for _, _, retained in late.seen)
    entry = json.loads(late.last("sensor/ccsbox_pyPlc/soc/config"))
    assert entry == {"name": "State of charge", "device_class": "battery", "unit_of_measurement": "%", "state_class": "measurement", "suggested_display_precision": 0,
                     "expire_after": 35, "origin": {"name": "ccsbox"}, "unique_id": "ccsbox_pyPlc_soc", "state_topic": "pyPlc/soc", "availability_topic": "pyPlc/status",
                     "device": {"name": "ccsbox charger", "manufacturer": "ccsbox", "model": "charger", "identifiers": ["ccsbox_pyPlc"]}}
    assert all(len(text) < LARGEST for _, text, _ in late.seen)
    watching.close()
    late.close()


def test_a_broker_that_has_forgotten_everything_is_told_again(turns, broker):
    t, _ = discovered(turns, broker)
    t.online()
    broker.kill()
    t.until(lambda: not t.client.online)
    broker.start()
    t.until(lambda: t.client.connects == 2)
    t.turn(40)
    late = Other(broker.port, "homeassistant/#")
    late.until(lambda: len(late.seen) == len(announced("evse")))
    late.close()


def test_two_boxes_at_one_broker_are_two_devices(turns, broker):
    late = Other(broker.port, "ha/#")
    for topic in ("garage/wall box", "garage_wall_box"):
        t, _ = discovered(turns, broker, topic=topic, discovery_prefix="ha", client_id=topic.replace("/", "-"))
        t.online().turn(40)
    late.until(lambda: len(late.seen) == 2 * len(announced("evse")))
    entries = [json.loads(text) for _, text, _ in late.seen]
    assert len({entry["unique_id"] for entry in entries}) == len(entries) and len({entry["device"]["identifiers"][0] for entry in entries}) == 2
    assert {entry["device"]["name"] for entry in entries} == {"ccsbox charger (garage/wall box)", "ccsbox charger (garage_wall_box)"}
    assert {entry["availability_topic"] for entry in entries} == {"garage/wall box/status", "garage_wall_box/status"}
    late.close()


def test_without_the_setting_nothing_is_outside_of_the_base(turns, broker):
    watching = Other(broker.port, "#")
    t = turns(role="evse", publish=True)
    assert MqttTask(t.client, Signals(), "evse").announced == 0
    t.online().turn(20)
    t.until(lambda: ("status", "online", False) in watching.seen, watching)
    assert {topic for topic, _, _ in watching.seen} == {"status"}
    watching.close()
