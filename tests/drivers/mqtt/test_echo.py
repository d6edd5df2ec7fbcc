"""A car's box and a charger's at one broker with one base topic: the charger repeats what the car asks for, and the car must not take it for its battery's wish."""
from drivers.mqtt.client import CHARGER_SAYS, SAYS_EVERY, MqttClient
from drivers.mqtt.config import MqttConfig, MqttVehicleConfig
from drivers.mqtt.vehicle import MqttVehicle
from kernel.timer import MS, S
from tasks.mqtt.task import REPEAT
from tasks.mqtt.topics import ROLES
from tests.drivers.mqtt.broker import wait


def given() -> tuple[MqttClient, MqttVehicle]:
    client = MqttClient(MqttConfig(), "pev", make=wait)
    return client, MqttVehicle(client, MqttVehicleConfig(permission="values", max_voltage_v=410, max_current_a=100, max_power_w=40_000, capacity_wh=20_000))


def hear(client: MqttClient, name: str, payload: bytes, at: int) -> None:
    assert client.inputs[name].take(payload, False, at)


def test_the_names_do_overlap_and_one_is_a_charger_s_alone():
    client, _ = given()
    names = {role: {topic.name for topic in topics} for role, topics in ROLES.items()}
    assert {"target_current", "target_voltage", "soc"} <= names["evse"] & set(client.inputs)
    assert CHARGER_SAYS in names["evse"] - names["pev"] and SAYS_EVERY > REPEAT


def test_the_echo_of_a_charger_is_no_wish_and_no_permission():
    client, vehicle = given()
    for name, payload in (("battery_voltage", b"350"), ("target_voltage", b"400"), ("target_current", b"10")):
        hear(client, name, payload, S)
    reading = vehicle.read(S + 100 * MS)
    assert reading is not None and reading.permission.value is True
    hear(client, CHARGER_SAYS, b"020000000E01", S + 100 * MS)
    hear(client, "target_current", b"50", S + 100 * MS)
    assert vehicle.read(S + 200 * MS) is None
    client._empty_at = S + 200 * MS
    fault, remedy = client._judge(S + 200 * MS)
    assert fault == "MQTT: charger here" and "mqtt.topic" in remedy and len(fault) <= 19
    assert vehicle.read(S + 101 * MS + SAYS_EVERY) is not None, "it has left, or has got a topic of its own"
