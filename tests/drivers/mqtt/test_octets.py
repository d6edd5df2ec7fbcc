"""The MQTT client without a broker: hostile octets from a socket that only claims to be one, settings, payloads, a library that is not there."""
import builtins
import gc
import random
import re
import socket
import struct
from pathlib import Path

import pytest

pytest.importorskip("paho.mqtt.client", reason="paho-mqtt is not installed")

from drivers import interfaces  # noqa: E402
from drivers.errors import DriverError  # noqa: E402
from drivers.interfaces import Quantity  # noqa: E402
from drivers.mqtt.charger import EnabledInputs, MqttPowerMeter  # noqa: E402
from drivers.mqtt.client import LARGEST, PACKETS, MqttClient  # noqa: E402
from drivers.mqtt.config import MqttConfig, MqttVehicleConfig  # noqa: E402
from drivers.mqtt.payload import measurement, number, permission, state, switch  # noqa: E402
from drivers.mqtt.vehicle import MqttVehicle, MqttVoltmeter, refuse_outputs  # noqa: E402
from drivers.sim.car import SimInputs  # noqa: E402
from drivers.sim.plant import Plant  # noqa: E402
from drivers.sim.plant_config import PlantConfig  # noqa: E402
from kernel.timer import MS, S  # noqa: E402
from tests.drivers.mqtt.broker import Turns, wait  # noqa: E402

CONNACK = bytes((0x20, 2, 0, 0))


def publish(topic: bytes, payload: bytes, retain: bool = False) -> bytes:
    """MQTT 3.1.1 section 3.3, QoS 0."""
    body = struct.pack(">H", len(topic)) + topic + payload
    head, left = bytearray((0x30 | retain,)), len(body)
    while True:
        left, digit = divmod(left, 128)
        head.append(digit | (0x80 if left else 0))
        if not left:
            return bytes(head) + body


class Peer:
    """Accepts one connection at a time and says what the test tells it."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.sock: socket.socket | None = None

    def accept(self, t: Turns) -> None:
        t.until(lambda: t.client._client is not None)
        if self.sock is not None:
            self.sock.close()
        self.sock, _ = self._listener.accept()
        assert self.sock.recv(1000)[0] == 0x10, "CONNECT"

    def none_waits(self) -> None:
        """No second connection has come."""
        self._listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            self._listener.accept()

    def close(self) -> None:
        for s in (self.sock, self._listener):
            if s is not None:
                s.close()


@pytest.fixture
def peer():
    p = Peer()
    yield p
    p.close()


@pytest.fixture
def t(peer):
    turns = Turns(peer.port)
    MqttVehicle(turns.client, MqttVehicleConfig())
    yield turns
    turns.client.close()


def test_a_message_octet_by_octet_and_one_without_a_known_topic(peer, t):
    peer.accept(t)
    for octet in CONNACK + publish(b"pyPlc/soc", b"42.5"):
        peer.sock.sendall(bytes((octet,)))
        t.turn()
    assert t.client.online and t.client.inputs["soc"].quantity.value == 42.5
    peer.sock.sendall(publish(b"other/soc", b"1") + publish(b"pyPlc/", b"1") + publish(b"soc", b"1"))
    t.until(lambda: t.client.unknown == 3)
    assert t.client.inputs["soc"].quantity.value == 42.5


@pytest.mark.parametrize("octets", [publish(b"\xff\xfe", b"1"), bytes((0x30, 1, 0)), bytes((0x30, 0)), bytes((0x90, 0)), bytes((0x40, 1, 0)), bytes((0xF0, 0)),
                                    bytes((0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F)), CONNACK, bytes((0x90, 3, 0, 9, 7)), bytes((0x36, 5, 0, 1, 97, 0, 0))])
def test_what_cannot_be_read_is_counted_and_at_worst_ends_the_connection(peer, t, octets):
    peer.accept(t)
    peer.sock.sendall(CONNACK)
    t.until(lambda: t.client.online)
    peer.sock.sendall(octets)
    t.turn(30)
    if not t.client.online:
        assert t.client.fault in ("MQTT: refused", "MQTT: lost") and t.client.remedy
        peer.accept(t)
        peer.sock.sendall(CONNACK)
        t.until(lambda: t.client.online)
    peer.sock.sendall(publish(b"pyPlc/soc", b"77"))
    t.until(lambda: t.client.inputs["soc"].quantity.value == 77.0)


def test_random_octets_never_raise_and_never_become_a_value(peer, t):
    rng = random.Random(5)
    for _ in range(30):
        t.now += 31 * S
        peer.accept(t)
        peer.sock.sendall((CONNACK if rng.random() < 0.8 else b"") + rng.randbytes(rng.randrange(1, 300)))
        t.turn(3)
        peer.sock.close()
        t.until(lambda: t.client._client is None)
    assert all(i.quantity == Quantity() for i in t.client.inputs.values()) and t.client.errors >= 30


def test_mutated_messages_never_raise(peer, t):
    rng, good = random.Random(6), publish(b"pyPlc/soc", b"42.5")
    for _ in range(30):
        t.now += 31 * S
        peer.accept(t)
        octets = bytearray(CONNACK + good * 3)
        for _ in range(rng.randrange(1, 4)):
            octets[rng.randrange(4, len(octets))] = rng.randrange(256)
        peer.sock.sendall(octets)
        t.turn(3)
        peer.sock.close()
        t.until(lambda: t.client._client is None)
    soc = t.client.inputs["soc"].quantity.value
    assert soc is None or 0 <= soc <= 100


def test_a_length_above_the_bound_is_never_read(peer, t):
    peer.accept(t)
    peer.sock.sendall(CONNACK + bytes((0x30, 0xFF, 0xFF, 0xFF, 0x7F)) + b"x" * 100_000)
    t.until(lambda: t.client.oversized == 1)
    assert "268435455 octets" in t.client.remedy and f"more than {LARGEST}" in t.client.remedy


def test_a_connection_that_is_gone_before_the_first_turn_is_a_failure():
    class Gone:
        def open(self, *about):
            return None

        def socket(self):
            return None

    client = MqttClient(MqttConfig(), "pev", make=Gone)
    for n in range(200):
        client.run(S + n * MS)
        wait(1)
        if client.fault:
            break
    assert (client.fault, client.failures) == ("MQTT: no broker", 1) and "closed the connection at once" in client.remedy


def test_a_refused_subscription_is_told(peer, t):
    peer.accept(t)
    peer.sock.sendall(CONNACK)
    t.until(lambda: t.client.online)
    asked = peer.sock.recv(2000)
    assert asked[0] == 0x82 and b"pyPlc/battery_voltage" in asked
    mid = asked[3:5] if asked[1] & 0x80 else asked[2:4]
    peer.sock.sendall(bytes((0x90, 2 + len(t.client.inputs))) + mid + bytes((0x80,)) + bytes(len(t.client.inputs) - 1))
    t.until(lambda: t.client.fault == "MQTT: not allowed")
    assert "subscribe battery_voltage below pyPlc/" in t.client.remedy


@pytest.mark.parametrize("code, words", [(1, "mqtt.protocol"), (4, "ser name or password"), (5, "uthori")])
def test_a_refusal_is_told_in_words_and_never_reconnects_within_a_turn(peer, t, code, words):
    peer.accept(t)
    peer.sock.sendall(bytes((0x20, 2, 0, code)))
    t.until(lambda: t.client.fault == "MQTT: refused")
    assert words in t.client.remedy and t.client._client is None and t.client._attempt is None
    peer.none_waits()


def test_values_that_waited_behind_a_flood_are_as_old_as_the_last_empty_socket(peer, t):
    voltmeter = MqttVoltmeter(t.client)
    peer.accept(t)
    peer.sock.sendall(CONNACK)
    t.until(lambda: t.client.online)
    t.turn()
    empty = t.now
    peer.sock.sendall(publish(b"pyPlc/inlet_voltage", b"354") * (3 * PACKETS))
    wait(20, t.client._client.socket().fileno())
    for n in range(3):
        t.now += 200 * MS
        t.client.run(t.now)
        assert t.client.inputs["inlet_voltage"].quantity.at == empty and t.client.inputs["inlet_voltage"].heard == PACKETS * (n + 1)
    assert voltmeter.inlet_voltage(empty + 500 * MS) == 354.0 and voltmeter.inlet_voltage(empty + 500 * MS + 1) is None


def test_too_seldom_is_told_without_flicker(peer, t):
    peer.accept(t)
    peer.sock.sendall(CONNACK)
    t.until(lambda: t.client.online)
    faults = []
    for n in range(200):
        t.now += 40 * MS
        if n % 17 == 0:
            for name in (b"battery_voltage", b"target_voltage", b"target_current", b"charge_permission"):
                peer.sock.sendall(publish(b"pyPlc/" + name, b"1"))
        t.turn()
        if not faults or faults[-1] != t.client.fault:
            faults.append(t.client.fault)
    assert faults == ["", "MQTT: data too old"] and "at least every 500 ms" in t.client.remedy


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
def test_a_lost_connection_leaves_nothing_for_the_cyclic_collector_which_rests_while_we_run(peer, protocol):
    import paho.mqtt.client as mqtt

    def alive():
        return sum(isinstance(o, mqtt.Client) or isinstance(o, type) and issubclass(o, mqtt.Client) for o in gc.get_objects())

    turns = Turns(peer.port, protocol=protocol)
    gc.collect()
    gc.disable()
    try:
        before = alive()
        for _ in range(5):
            turns.now += 31 * S
            peer.accept(turns)
            peer.sock.sendall(CONNACK if protocol == "3.1.1" else bytes((0x20, 3, 0, 0, 0)))
            turns.until(lambda: turns.client.online)
            peer.sock.close()
            turns.until(lambda: turns.client._client is None)
        assert turns.client.connects == 5 and alive() == before
    finally:
        gc.enable()


PROTOCOLS = {
    "VehicleData": lambda c: MqttVehicle(c, MqttVehicleConfig()), "Voltmeter": MqttVoltmeter, "PowerMeter": MqttPowerMeter,
    "Inputs": lambda c: EnabledInputs(SimInputs(Plant(PlantConfig())), c), "Publisher": lambda c: c,
}


@pytest.mark.parametrize("name", PROTOCOLS)
def test_everything_that_the_protocol_names_exists_and_nothing_is_known_before_the_first_message(name):
    """As tests/drivers/test_contract.py asks of the others."""
    driver = PROTOCOLS[name](MqttClient(MqttConfig(), "pev"))
    protocol = getattr(interfaces, name)
    wanted = {n for n in vars(protocol) if not n.startswith("_")} | set(protocol.__annotations__)
    assert wanted and not [n for n in wanted if not hasattr(driver, n)] and driver.errors == 0
    if name in ("VehicleData", "Voltmeter", "PowerMeter"):
        assert all(getattr(driver, n)(S) is None for n in wanted - {"errors"})


def test_faults_fit_the_display():
    source = Path("drivers/mqtt/client.py").read_text(encoding="utf-8")
    faults = set(re.findall(r'"(MQTT: [^"]+)"', source))
    assert len(faults) >= 7 and max(map(len, faults)) <= 19


# --- payloads

@pytest.mark.parametrize("payload, value", [(b"0", 0.0), (b"355.2", 355.2), (b" 355\r\n", 355.0), (b"355\0", 355.0), (b"-5", -5.0), (b"1000", 1000.0), (b"-5.1", None),
                                            (b"1000.1", None), (b"nan", None), (b"1e2", None), (b"", None), (b"9" * 5000, None), (b" " * 30 + b"5", None)])
def test_numbers(payload, value):
    assert number(-5, 1000)(payload) == value


@pytest.mark.parametrize("payload, value", [(b"0", False), (b"1", True), (b"ON\n", True), (b"off", False), (b"True", True), (b"2", None), (b"", None), (b"yes", None),
                                            (b"1" * 1000, None)])
def test_switches(payload, value):
    assert switch(payload) is value


def test_a_refused_message_leaves_the_value_and_its_time():
    i = measurement("x", 0, 10, "V")
    assert i.take(b"5", False, 7) and not i.take(b"11", False, 8) and not i.take(b"6", True, 9) and i.quantity == Quantity(5.0, 7)
    assert (i.heard, i.refused, i.stored) == (1, 1, 1)
    assert not permission("p").take(b"1", True, 1) and state("e").take(b"0", True, 1)


# --- what the vehicle makes of it

def vehicle(**settings):
    client = MqttClient(MqttConfig(), "pev")
    return client, MqttVehicle(client, MqttVehicleConfig(**settings))


def test_a_limit_by_topic_lowers_the_configured_one_and_has_to_be_repeated():
    client, v = vehicle(max_current_a=100.0, max_voltage_v=410.0)
    client.inputs["battery_voltage"].take(b"350", False, S)
    r = v.read(2 * S)
    assert (r.max_current, r.max_voltage, r.max_power) == (Quantity(100.0, 2 * S), Quantity(410.0, 2 * S), Quantity(None, 2 * S))
    client.inputs["max_current"].take(b"60", False, 2 * S)
    client.inputs["max_voltage"].take(b"450", False, 2 * S)
    r = v.read(9 * S)
    assert (r.max_current, r.max_voltage) == (Quantity(60.0, 2 * S), Quantity(410.0, 2 * S))


def test_permission_by_values_is_as_old_as_the_oldest_and_a_no_is_a_no():
    client, v = vehicle(permission="values")
    client.inputs["battery_voltage"].take(b"350", False, S)
    assert v.read(S).permission == Quantity(None, -1)
    client.inputs["target_voltage"].take(b"400", False, 2 * S)
    client.inputs["target_current"].take(b"50", False, 3 * S)
    assert v.read(3 * S).permission == Quantity(True, S)
    client.inputs["charge_permission"].take(b"0", False, 4 * S)
    assert v.read(4 * S).permission == Quantity(False, S)


def test_permission_by_topic_needs_the_topic():
    client, v = vehicle()
    for name in ("battery_voltage", "target_voltage", "target_current"):
        client.inputs[name].take(b"350", False, S)
    assert v.read(S).permission == Quantity()
    client.inputs["charge_permission"].take(b"1", False, S)
    assert v.read(S).permission == Quantity(True, S)


def test_outputs_by_mqtt_are_refused_with_the_reason():
    error = refuse_outputs()
    assert isinstance(error, DriverError) and "nothing can take the command back" in str(error) and "Dieter" in str(error)


# --- settings

@pytest.mark.parametrize("settings, word", [(dict(broker=" "), "broker"), (dict(topic="a/#"), "topic"), (dict(topic=""), "topic"), (dict(topic="/a"), "topic"),
                                            (dict(topic="a/"), "topic"), (dict(ca_file="x"), "tls"), (dict(tls=True, key_file="x"), "together"),
                                            (dict(password_file="x"), "user")])
def test_settings_that_contradict_themselves_are_refused(settings, word):
    with pytest.raises(ValueError, match=word):
        MqttConfig(**settings)


@pytest.mark.parametrize("settings, word", [(dict(user="u", password_file="/nowhere"), "password_file"), (dict(tls=True, ca_file="/nowhere"), "certificate files"),
                                            (dict(broker="a" * 70 + ".example"), "no host name")])
def test_what_is_wrong_at_the_start_is_said_at_the_start(settings, word):
    with pytest.raises(DriverError, match=word):
        MqttClient(MqttConfig(**settings), "pev")


def test_without_the_library_one_sentence_says_what_to_install(monkeypatch):
    inner = builtins.__import__

    def without(name, *rest):
        if name.startswith("paho"):
            raise ImportError("No module named 'paho'")
        return inner(name, *rest)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(DriverError, match="pip install paho-mqtt"):
        MqttClient(MqttConfig(), "pev")
