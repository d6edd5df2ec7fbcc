"""What Home Assistant is told: every topic of every role, with keys, classes, units and values as its documentation has them."""
import json
import re

import pytest

from drivers.mqtt.config import MqttConfig
from drivers.mqtt.discovery import Place
from kernel.timer import S
from tasks.mqtt.discovery import ENTITIES, EXPIRES_S, LONGEST, MODELS, NOT_ANNOUNCED, TEXT, announced
from tasks.mqtt.task import REPEAT
from tasks.mqtt.topics import ROLES
from tests.mqtt.test_topics import box

# Home Assistant's documentation (2024 to 2025): "MQTT" (device, origin), "MQTT Sensor", "MQTT binary sensor", "Sensor entity", "Binary sensor".
COMMON = {"availability", "availability_mode", "availability_template", "availability_topic", "device", "device_class", "enabled_by_default", "encoding", "entity_category",
          "entity_picture", "expire_after", "force_update", "icon", "json_attributes_template", "json_attributes_topic", "name", "origin", "payload_available",
          "payload_not_available", "platform", "qos", "state_topic", "unique_id", "value_template"}
KEYS = {"sensor": COMMON | {"last_reset_value_template", "options", "state_class", "suggested_display_precision", "unit_of_measurement"},
        "binary_sensor": COMMON | {"off_delay", "payload_off", "payload_on"}}
DEVICE = {"configuration_url", "connections", "hw_version", "identifiers", "manufacturer", "model", "model_id", "name", "serial_number", "suggested_area", "sw_version", "via_device"}
ORIGIN = {"name", "sw_version", "support_url"}
UNITS = {"battery": {"%"}, "current": {"A", "mA"}, "energy": {"Wh", "kWh", "MWh"}, "energy_storage": {"Wh", "kWh", "MWh"}, "power": {"W", "kW"},
         "temperature": {"°C", "°F", "K"}, "voltage": {"V", "mV"}}
STATE_CLASSES = {"battery": {"measurement"}, "current": {"measurement"}, "energy": {"total", "total_increasing"}, "energy_storage": {"measurement"}, "power": {"measurement"},
                 "temperature": {"measurement"}, "voltage": {"measurement"}, None: {"measurement"}}
BINARY = {"battery", "battery_charging", "connectivity", "door", "lock", "moving", "opening", "plug", "power", "problem", "running", "safety"}


def objections(component, entry):
    """What Home Assistant would not take, or would warn about."""
    found = [f"key {key}" for key in entry if key not in KEYS[component]]
    found += [f"device key {key}" for key in entry["device"] if key not in DEVICE] + [f"origin key {key}" for key in entry["origin"] if key not in ORIGIN]
    kind, unit, state = entry.get("device_class"), entry.get("unit_of_measurement"), entry.get("state_class")
    if component == "binary_sensor":
        if kind is not None and kind not in BINARY:
            found.append(f"device class {kind}")
        if not entry.get("payload_on") or not entry.get("payload_off"):
            found.append("payloads")
    elif kind is not None and unit not in UNITS.get(kind, ()):
        found.append(f"{kind} in {unit}")
    elif (unit is None) != (state is None) or state is not None and state not in STATE_CLASSES[kind]:
        found.append(f"state class {state} of {kind} in {unit}")
    if entry.get("entity_category", "diagnostic") != "diagnostic":
        found.append("a sensor is no setting")
    if not re.fullmatch(r"mdi:[a-z0-9-]+", entry.get("icon", "mdi:x")):
        found.append(f"icon {entry['icon']}")
    if not isinstance(entry.get("expire_after", 1), int) or entry.get("expire_after", 1) <= 0:
        found.append("expire_after")
    return found


def entries(role, **where):
    place = Place("homeassistant", where.get("base", "pyPlc"), "pyPlc/status")
    for name, component, meaning in announced(role):
        topic, text = place.entry(name, component, meaning)
        yield name, component, topic, json.loads(text)


@pytest.mark.parametrize("role", ROLES)
def test_every_topic_is_announced_as_the_documentation_wants_it(role):
    seen = set()
    for name, component, topic, entry in entries(role):
        assert not objections(component, entry), (name, objections(component, entry))
        assert re.fullmatch(r"homeassistant/(sensor|binary_sensor)/[a-zA-Z0-9_-]+/[a-zA-Z0-9_-]+/config", topic)
        assert entry["state_topic"] == f"pyPlc/{name}" and entry["availability_topic"] == "pyPlc/status" and entry["device"]["model"] == MODELS[role]
        seen.add(name)
    assert seen == {topic.name for topic in ROLES[role]} - set(NOT_ANNOUNCED)
    labels = [entry["name"] for *_, entry in entries(role)]
    assert len(set(labels)) == len(labels) and all(entry["device"]["identifiers"] for *_, entry in entries(role))


@pytest.mark.parametrize("component, change, said", [
    ("sensor", dict(colour="red"), "key colour"), ("sensor", dict(payload_on="1"), "key payload_on"), ("binary_sensor", dict(state_class="measurement"), "key state_class"),
    ("sensor", dict(device_class="voltage", unit_of_measurement="A"), "voltage in A"), ("sensor", dict(device_class="volts", unit_of_measurement="V"), "volts in V"),
    ("sensor", dict(device_class="energy", unit_of_measurement="Wh", state_class="measurement"), "state class"), ("sensor", dict(unit_of_measurement="V"), "state class None"),
    ("binary_sensor", dict(device_class="lamp", payload_on="1", payload_off="0"), "device class lamp"), ("binary_sensor", {}, "payloads"), ("sensor", dict(icon="lamp"), "icon"),
    ("sensor", dict(entity_category="config"), "no setting"), ("sensor", dict(expire_after=0), "expire_after"), ("sensor", dict(device={"color": 1}), "device key"),
])
def test_the_check_sees_what_is_wrong(component, change, said):
    assert any(said in sentence for sentence in objections(component, {"device": {}, "origin": {}, **change}))


def test_the_table_has_nothing_else_and_what_is_said_is_what_was_announced():
    topics = {topic.name for role in ROLES.values() for topic in role}
    assert set(ENTITIES) | set(NOT_ANNOUNCED) == topics and not set(ENTITIES) & set(NOT_ANNOUNCED)
    assert EXPIRES_S * S >= 3 * REPEAT, "one lost message makes nothing unavailable"
    assert TEXT == "{{ value[:250] if value else '-' }}" and LONGEST < 255


def test_a_state_that_is_published_is_one_of_those_that_were_announced():
    task, s, broker = box("bridge")
    for name, component, meaning in announced("bridge"):
        topic = next(t for t in ROLES["bridge"] if t.name == name)
        if component == "binary_sensor":
            inside = topic.text.__closure__
            words = {cell.cell_contents for cell in inside if isinstance(cell.cell_contents, str)}
            assert {meaning["payload_on"], meaning["payload_off"]} <= words, name


@pytest.mark.parametrize("discovery, count", [(True, len(announced("evse"))), (False, 0)])
def test_the_task_announces_when_it_is_wanted(discovery, count):
    from tasks.mqtt.task import MqttTask
    from tasks.signals import Signals
    from tests.mqtt.test_topics import Broker
    broker = Broker()
    assert MqttTask(broker, Signals(), "evse", discovery).announced == count == len(broker.announced)


def test_settings():
    assert not MqttConfig().discovery, "who switches publish on has not asked for topics elsewhere"
    with pytest.raises(ValueError, match="set publish: true"):
        MqttConfig(discovery=True)
    for wrong in ("", "a/", "/a", "$a", "a+", "#"):
        with pytest.raises(ValueError, match="discovery_prefix"):
            MqttConfig(discovery_prefix=wrong)
