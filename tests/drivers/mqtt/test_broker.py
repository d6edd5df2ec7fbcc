"""The MQTT client against a real mosquitto: killed, stalled, flooding, keeping old messages, refusing; nothing old ever counts as new."""
import shutil
import socket
import subprocess

import pytest

pytest.importorskip("paho.mqtt.client", reason="paho-mqtt is not installed")

from drivers.interfaces import Quantity  # noqa: E402
from drivers.mqtt.charger import EnabledInputs, MqttPowerMeter  # noqa: E402
from drivers.mqtt.client import LARGEST, PACKETS, PERIOD  # noqa: E402
from drivers.mqtt.config import MqttVehicleConfig  # noqa: E402
from drivers.mqtt.vehicle import MqttVehicle, MqttVoltmeter  # noqa: E402
from kernel.timer import MS, S  # noqa: E402
from tests.drivers.mqtt.broker import MOSQUITTO, Broker, Other, Turns, free_port, wait  # noqa: E402

pytestmark = [pytest.mark.real_time, pytest.mark.slow, pytest.mark.skipif(MOSQUITTO is None, reason="no mosquitto here: apt-get install mosquitto")]


@pytest.fixture
def broker(tmp_path):
    b = Broker(tmp_path)
    yield b
    b.kill()


@pytest.fixture
def other(broker):
    o = Other(broker.port)
    yield o
    o.close()


@pytest.fixture
def turns(broker):
    made = []

    def make(port=0, **settings):
        made.append(Turns(port or broker.port, **settings))
        return made[-1]
    yield make
    for t in made:
        t.client.close()


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_what_a_vehicle_publishes_is_heard_with_its_time(turns, other, protocol, qos):
    t = turns(protocol=protocol, qos=qos)
    vehicle = MqttVehicle(t.client, MqttVehicleConfig(max_current_a=100.0, capacity_wh=24_000.0))
    assert vehicle.read(t.now) is None
    t.online()
    for name, text in dict(battery_voltage="355.2", target_voltage="400", target_current="80.5", soc="42\n", charge_permission="1", max_voltage="410.0",
                           max_current="125", battery_hottest="31.5", battery_coldest="-3").items():
        other.publish(name, text)
    t.until(lambda: t.client.inputs["battery_coldest"].heard == 1)
    r = vehicle.read(t.now)
    assert [q.value for q in (r.voltage, r.target_voltage, r.target_current, r.soc_percent, r.permission, r.max_voltage, r.max_current, r.max_power, r.capacity,
                              r.hottest, r.coldest)] == [355.2, 400.0, 80.5, 42.0, True, 410.0, 100.0, None, 24_000.0, 31.5, -3.0]
    assert all(0 <= t.now - q.at <= 2 * S for q in (r.voltage, r.permission, r.max_current)) and r.capacity.at == t.now
    assert t.client.errors == 0 and t.client.fault == ""


def test_a_charger_hears_its_power_stage_and_whether_it_is_enabled(turns, other):
    class Board:
        errors = 0
        pressed = False

        def stop_button(self, now):
            return self.pressed

        def isolation(self, now):
            return 1e6

    t = turns(role="evse")
    meter, inputs = MqttPowerMeter(t.client, Board()), EnabledInputs(Board(), t.client)
    assert meter.voltage(t.now) is None and inputs.stop_button(t.now) is False, "never heard is enabled"
    t.online()
    other.publish("charger_voltage", "401.5")
    other.publish("charger_current", "-0.3")
    other.publish("enabled", "0")
    t.until(lambda: t.client.inputs["enabled"].heard == 1)
    assert (meter.voltage(t.now), meter.current(t.now), meter.isolation(t.now)) == (401.5, -0.3, 1e6) and inputs.stop_button(t.now) is True
    assert meter.voltage(t.now + 501 * MS) is None and meter.current(t.now + 501 * MS) is None and inputs.stop_button(t.now + 3600 * S) is True
    other.publish("enabled", "ON")
    t.until(lambda: inputs.stop_button(t.now) is False)


def test_what_we_publish_is_seen_and_what_we_hear_is_never_published(turns, other):
    t = turns()
    MqttVehicle(t.client, MqttVehicleConfig())
    assert t.client.publish("fsm_state", "CurrentDemand", 0) and t.client.publish("fsm_state", "PreCharge", 0) and not t.client.publish("soc", "50", 0)
    t.online()
    t.until(lambda: other.last("fsm_state") == "PreCharge", other)
    assert ("fsm_state", "CurrentDemand", False) not in other.seen and other.last("soc") is None and t.client.dropped == 1 and other.last("status") == "online"
    assert all(not retained for topic, _, retained in other.seen)


def test_the_last_will_is_seen_by_another_client_and_a_farewell_as_well(turns, other, broker):
    t = turns().online()
    t.until(lambda: other.last("status") == "online", other)
    t.client._client.socket().shutdown(socket.SHUT_RDWR)           # as when the program dies
    other.until(lambda: other.last("status") == "offline")
    t.until(lambda: other.last("status") == "online", other)
    assert t.client.losses == 1 and t.client.connects == 2
    t.client.close()
    other.until(lambda: other.last("status") == "offline")
    later = Other(broker.port)
    later.until(lambda: ("status", "offline", True) in later.seen)
    later.close()


def test_a_broker_that_is_killed_and_comes_back_is_found_again(turns, broker, other):
    t = turns()
    vehicle = MqttVehicle(t.client, MqttVehicleConfig())
    t.client.publish("fsm_state", "CurrentDemand", 0)
    t.online()
    other.publish("battery_voltage", "355")
    t.until(lambda: vehicle.read(t.now) is not None)
    heard_at = vehicle.read(t.now).voltage.at
    broker.kill()
    t.until(lambda: t.client.fault == "MQTT: no broker")
    assert "Connection refused" in t.client.remedy and vehicle.read(t.now).voltage == Quantity(355.0, heard_at), "it grows old, no more"
    for _ in range(60):
        t.now += 5 * PERIOD
        t.turn()
    assert t.client.failures >= 2 and max(t.due) <= S
    broker.start()
    t.now += 31 * S
    t.until(lambda: t.client.connects == 2)
    assert t.client.fault == ""
    again = Other(broker.port)
    again.publish("battery_voltage", "356")
    t.until(lambda: vehicle.read(t.now).voltage.value == 356.0)
    t.client.publish("fsm_state", "CurrentDemand", t.now)
    t.until(lambda: again.last("fsm_state") == "CurrentDemand", again)
    again.close()


def test_a_broker_that_stalls_makes_values_old_and_when_it_goes_on_they_come_again(turns, broker, other):
    t = turns()
    vehicle, voltmeter = MqttVehicle(t.client, MqttVehicleConfig()), MqttVoltmeter(t.client)
    t.online()
    other.publish("inlet_voltage", "354")
    t.until(lambda: voltmeter.inlet_voltage(t.now) == 354.0)
    broker.stop()
    for n in range(200):
        t.client.publish(f"topic{n % 10}", "x" * 100, t.now)
        t.turn()
    assert voltmeter.inlet_voltage(t.now) is None and vehicle.read(t.now) is None and t.client.fault in ("MQTT: data too old", "MQTT: no data")
    broker.go_on()
    other.publish("inlet_voltage", "353.5")
    t.until(lambda: voltmeter.inlet_voltage(t.now) == 353.5)
    assert t.client.connects == 1


def test_a_stalled_broker_at_the_start_is_no_answer(turns, broker):
    broker.stop()
    t = turns()
    t.until(lambda: t.client._client is not None)
    t.now += 5 * S
    t.turn()
    assert (t.client.fault, t.client.failures) == ("MQTT: no answer", 1)
    broker.go_on()
    t.until(lambda: t.client.online)


def test_a_stalled_broker_does_not_let_anything_grow(turns, broker):
    t = turns(qos=1).online()
    broker.stop()
    for n in range(100):
        for topic in range(120):
            t.client.publish(f"topic{topic}", "x" * 200 + str(n), t.now)
        t.turn()
    assert len(t.client._latest) <= 101 and len(t.client._due) <= 101 and t.client._unconfirmed <= 10 and t.client.dropped > 0
    assert t.client.online and t.client.losses == 0 and len(t.client._client._out_packet) <= 30
    broker.go_on()


def test_a_black_hole_never_blocks_a_turn_and_is_told(turns):
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen(0)
        fill = [socket.socket() for _ in range(4)]          # the queue of connections is full: further SYNs are ignored
        for s in fill:
            s.setblocking(False)
            s.connect_ex(hole.getsockname())
        t = turns(hole.getsockname()[1])
        t.turn(20)
        assert t.client._attempt is not None and not t.client._attempt.done and t.client.fault == "", "the thread waits, the turns do not"
        t.now += 11 * S
        t.turn()
        assert t.client.fault == "MQTT: no broker" and "takes more than" in t.client.remedy and t.client._attempt is not None, "and never a second thread"
        for s in fill:
            s.close()


def test_ten_thousand_messages_make_values_old_not_fresh_and_a_turn_stays_bounded(turns, broker):
    t, other = turns(), Other(broker.port, "pyPlc/status")
    vehicle, voltmeter = MqttVehicle(t.client, MqttVehicleConfig()), MqttVoltmeter(t.client)
    t.online()
    reads = []
    inner = t.client._client.loop_read
    t.client._client.loop_read = lambda: (reads.append(t.now), inner())[1]
    other.pour("inlet_voltage", "354", 10_000)
    for _ in range(60):
        wait(500, t.client._client.socket().fileno())
        t.now += PERIOD
        t.client.run(t.now)
        other._client.loop_write()
        assert reads.count(t.now) <= PACKETS
    assert t.client.behind > 50 and t.client.fault == "MQTT: flooded" and voltmeter.inlet_voltage(t.now) is None
    t.until(lambda: t.client.inputs["inlet_voltage"].heard == 10_000, other)
    t.turn(20)
    other.publish("inlet_voltage", "355")
    t.until(lambda: voltmeter.inlet_voltage(t.now) == 355.0)
    assert vehicle.read(t.now) is None and t.client.losses == 0
    other.close()


def test_nonsense_is_refused_counted_and_told_while_the_old_value_grows_old(turns, other):
    t = turns()
    vehicle = MqttVehicle(t.client, MqttVehicleConfig())
    t.online()
    other.publish("battery_voltage", "355")
    t.until(lambda: vehicle.read(t.now) is not None)
    heard_at = vehicle.read(t.now).voltage.at
    nonsense = [b"", b"nan", b"inf", b"-Infinity", b"0x1F", b"1e3", b"1_000", b"355,2", b'{"value": 355}', b"355 V", b"9" * 1500, b"1001", b"-0.1", b"\xff\xfe",
                "\u0663\u0665\u0665".encode(), b"355.", b".5", b"--1", b"0" * 30]
    for payload in nonsense:
        other.publish("battery_voltage", payload)
    t.until(lambda: t.client.refused == len(nonsense))
    t.turn(200)
    assert vehicle.read(t.now).voltage == Quantity(355.0, heard_at) and t.client.fault == "MQTT: bad data"
    assert "pyPlc/battery_voltage: expected a decimal number from 0 to 1000 V, came b'" in t.client.remedy and t.client.errors == len(nonsense)


def test_a_retained_voltage_of_yesterday_is_not_fresh_but_a_retained_switch_is_a_state(turns, other):
    for name, text in (("battery_voltage", "355"), ("charge_permission", "1"), ("inlet_voltage", "355"), ("enabled", "0")):
        other.publish(name, text, retain=True)
    t = turns()

    class NoButton:
        errors = 0

        def stop_button(self, now):
            return False

    vehicle, voltmeter, inputs = MqttVehicle(t.client, MqttVehicleConfig()), MqttVoltmeter(t.client), EnabledInputs(NoButton(), t.client)
    t.online()
    t.until(lambda: t.client.stored == 3)
    assert vehicle.read(t.now) is None and voltmeter.inlet_voltage(t.now) is None and inputs.stop_button(t.now) is True
    t.until(lambda: t.client.fault == "MQTT: bad data")
    assert "publish it without retain" in t.client.remedy
    other.publish("battery_voltage", "356", retain=True)
    t.until(lambda: vehicle.read(t.now) is not None and vehicle.read(t.now).voltage.value == 356.0)


def test_a_huge_message_ends_the_connection_with_3_1_1_and_is_kept_away_with_5(turns, other):
    old, new = turns(client_id="old"), turns(client_id="new", protocol="5")
    for t in (old, new):
        MqttVehicle(t.client, MqttVehicleConfig())
        t.online()
    other.publish("battery_voltage", "9" * 3_000_000)
    old.until(lambda: old.client.oversized == 1)
    assert old.client.losses == 1 and f"more than {LARGEST}" in old.client.remedy
    other.publish("battery_voltage", "355")
    new.until(lambda: new.client.inputs["battery_voltage"].heard == 1)
    assert (new.client.losses, new.client.oversized, new.client.refused) == (0, 0, 0)
    old.until(lambda: old.client.connects == 2)


def test_a_broker_that_wants_a_password(tmp_path, turns):
    passwords, ours = tmp_path / "passwords", tmp_path / "password"
    passwords.write_text("car:secret\n")
    if shutil.which("mosquitto_passwd") is None:
        pytest.skip("no mosquitto_passwd here")
    subprocess.run(["mosquitto_passwd", "-U", str(passwords)], check=True, capture_output=True)
    passwords.chmod(0o644)
    guarded = Broker(tmp_path, extra=f"allow_anonymous false\npassword_file {passwords}\n")
    try:
        ours.write_text("wrong\n")
        t = turns(guarded.port, user="car", password_file=str(ours))
        t.until(lambda: t.client.fault == "MQTT: refused")
        assert "mqtt.password_file" in t.client.remedy and "uthori" in t.client.remedy and "wrong" not in t.client.remedy
        ours.write_text("secret\n")
        turns(guarded.port, user="car", password_file=str(ours)).online()
    finally:
        guarded.kill()


@pytest.mark.filterwarnings("ignore:unclosed <ssl")      # paho leaves the socket of a failed handshake to reference counting
def test_tls_with_an_authority_of_ones_own_and_a_stranger_is_refused(tmp_path, turns):
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here")

    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=tmp_path)

    for name in ("ca", "stranger"):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2",
                "-subj", f"/CN={name}")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=127.0.0.1")
    (tmp_path / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "server.pem", "-days", "2", "-extfile", "names")
    secure = Broker(tmp_path, extra=f"allow_anonymous true\ncertfile {tmp_path}/server.pem\nkeyfile {tmp_path}/server.key\n")
    try:
        t = turns(secure.port, tls=True, ca_file=str(tmp_path / "ca.pem"))
        vehicle = MqttVehicle(t.client, MqttVehicleConfig())
        t.online()
        t.client.publish("fsm_state", "x", t.now)
        t.turn(10)
        assert t.client.connects == 1 and t.client.errors == 0 and vehicle.read(t.now) is None
        bad = turns(secure.port, tls=True, ca_file=str(tmp_path / "stranger.pem"))
        bad.until(lambda: bad.client.fault == "MQTT: no broker")
        assert "certificate verify failed" in bad.client.remedy
        plain = turns(secure.port)
        plain.until(lambda: plain.client.failures == 1)
        assert plain.client.fault == "MQTT: refused" and "mqtt.tls = false" in plain.client.remedy
    finally:
        secure.kill()


def test_two_clients_of_one_name_throw_each_other_out_ever_more_seldom(turns):
    first, second = turns(client_id="same").online(), turns(client_id="same").online()
    for _ in range(150):
        for t in (first, second):
            t.now += 4 * PERIOD
            t.turn()
    total = first.client.losses + second.client.losses
    assert 2 <= total <= 8 and "no other client is called as this one" in first.client.remedy + second.client.remedy


def test_a_port_where_nobody_listens_is_tried_ever_more_seldom(turns):
    t = turns(free_port())
    for _ in range(3000):
        t.now += PERIOD
        t.client.run(t.now)
        if t.client._attempt is not None:
            t.turn()
    assert 4 <= t.client.failures <= 8 and t.client.connects == 0, "1, 2, 4, 8, 16, 30 s in a minute"
