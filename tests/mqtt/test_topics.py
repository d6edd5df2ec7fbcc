"""What a box publishes by MQTT: every topic of both roles, on change and not too often, unknown said as such, nothing that it listens to."""
import re
from pathlib import Path

import pytest

from drivers.interfaces import PilotState
from kernel.timer import MS, S
from tasks.mqtt.task import PERIOD, REPEAT, MqttTask
from tasks.mqtt.topics import BOTH, CAR, CHARGER, ROLES
from tasks.signals import Signals, VehicleSays
from tasks.stop_reasons import StopReason


class Broker:
    """A Publisher that notes everything and refuses some."""

    def __init__(self, *refuses: str) -> None:
        self.errors = 0
        self.refuses = refuses
        self.seen: list[tuple[int, str, str]] = []
        self.announced: list[tuple[str, str, dict]] = []
        self.asked = 0

    def publish(self, name, text, now):
        self.asked += 1
        if name in self.refuses:
            return False
        self.seen.append((now, name, text))
        return True

    def announce(self, name, component, meaning):
        self.announced.append((name, component, dict(meaning)))
        return True

    def last(self, name):
        return next((text for _, topic, text in reversed(self.seen) if topic == name), None)

    def count(self, name):
        return sum(topic == name for _, topic, _ in self.seen)


def box(role="pev", *refuses):
    s, broker = Signals(), Broker(*refuses)
    return MqttTask(broker, s, role), s, broker


def write(s, now, **values):
    for name, value in values.items():
        signal = getattr(s, name)
        signal.writer = None
        signal.claim("test").set(value, now)


SHARED = dict(v2g_state="CurrentDemand", connection_state="Session", stop_reason=StopReason.BATTERY_FULL, safety_state="Charging", safety_trip="",
              safety_blocked="", contactors_closed=True, lock_confirmed=True, session_energy=1234.4, pilot_state=PilotState.C)
SHARED_SAYS = dict(fsm_state="CurrentDemand", connection_state="Session", stop_reason="BATTERY_FULL", stop_text="Battery full", safety_state="Charging", safety_trip="",
                   safety_blocked="", contactors="closed", connector_lock="locked", energy="1234", cpstate="C")
OF_CAR = dict(battery_soc=42.25, evse_present_voltage=401.0, evse_present_current=99.96, evse_max_voltage=500.0, evse_max_current=200.0, evse_max_power=50_000.0,
              battery_voltage=355.2, battery_target_voltage=400.0, battery_target_current=100.0, battery_max_voltage=410.0, battery_max_current=125.0,
              battery_max_power=50_000.0, battery_capacity=28_000.0, battery_hottest=31.0, battery_coldest=-4.5, charge_permission=True, current_limit=80.0,
              inlet_voltage=400.0, inlet_current=100.0, inlet_temperature=45.0, supply_voltage=13.52)
CAR_SAYS = dict(relay_request="on", lock_request="lock", soc="42.2", charger_voltage="401.0", charger_current="100.0", charger_max_voltage="500.0",
                charger_max_current="200.0", charger_max_power="50000", battery_voltage="355.2", target_voltage="400.0", target_current="100.0", max_voltage="410.0",
                max_current="125.0", max_power="50000", battery_capacity="28000", battery_hottest="31.0", battery_coldest="-4.5", charge_permission="1",
                current_limit="80.0", inlet_voltage="400.0", inlet_current="100.0", inlet_temperature="45.0", supply_voltage="13.52", power="40000")
OF_CHARGER = dict(evccid=bytes.fromhex("dc0ea1116708"), ev_soc=42.0, ev_capacity=28_000.0, ev_target_voltage=400.0, ev_target_current=100.0, output_voltage=399.0,
                  output_current=100.0, isolation=1e6)
CHARGER_SAYS = dict(evccid="DC0EA1116708", soc="42.0", battery_capacity="28000", target_voltage="400.0", target_current="100.0", charger_voltage="399.0",
                    charger_current="100.0", isolation="1000000", power="39900")


OF_BRIDGE = dict(bridge_phase="Joined", bridge_wait="", bridge_battery="measured +-4 V", chademo_state="Charge", chademo_status=5, vehicle_voltage=355.1,
                 vehicle_says=VehicleSays(current_request=118.0), vehicle_permission=True, vehicle_lock_confirmed=True, d1_on=True, d2_on=False,
                 session_energy_out=98.4, vehicle_max_discharge=15.0)
BRIDGE_SAYS = dict(bridge_phase="Joined", bridge_wait="", bridge_battery="measured +-4 V", chademo_state="Charge", chademo_status="05", vehicle_voltage="355.1",
                   vehicle_request="118", vehicle_permission="1", vehicle_lock="locked", d1="on", d2="off",
                   energy_out="98", max_discharge="15.0")


@pytest.mark.parametrize("role, values, says", [("pev", SHARED | OF_CAR, SHARED_SAYS | CAR_SAYS), ("evse", SHARED | OF_CHARGER, SHARED_SAYS | CHARGER_SAYS),
                                                ("bridge", SHARED | OF_CAR | OF_BRIDGE, SHARED_SAYS | CAR_SAYS | BRIDGE_SAYS)])
def test_every_topic_of_a_role(role, values, says):
    task, s, broker = box(role)
    write(s, S, **values)
    assert task.run(S) == S + PERIOD
    assert {name: text for _, name, text in broker.seen} == says and len(broker.seen) == len(ROLES[role]) == len(says) == task.published


def test_a_car_whose_signals_have_a_bridge_says_what_a_bridge_does():
    """The table gives both the role of a car; the row `bridge` is made before this one."""
    s, broker = Signals(), Broker()
    s.bridge_phase.claim("bridge").set("Look", S)
    MqttTask(broker, s, "pev").run(S)
    assert broker.last("bridge_phase") == "Look"
    task, s, broker = box("pev")
    write(s, S, bridge_phase="Look")
    task.run(S)
    assert broker.last("bridge_phase") is None


def test_names_are_unique_and_legal_and_stand_in_the_door_plate():
    plate = Path("tasks/mqtt/README.md").read_text(encoding="utf-8")
    for topics in ROLES.values():
        names = [t.name for t in topics]
        assert len(set(names)) == len(names) and all(re.fullmatch("[a-z_][a-z_0-9]*", n) and n != "status" for n in names)
        assert not [n for n in names if not re.search(rf"\b{n}\b", plate)]
    assert len(BOTH) + len(CAR) == len(ROLES["pev"]) and len(BOTH) + len(CHARGER) == len(ROLES["evse"])


def test_nothing_is_said_before_it_was_known_and_none_when_it_is_no_more():
    task, s, broker = box()
    task.run(S)
    assert broker.seen == []
    write(s, 2 * S, battery_voltage=355.0, battery_soc=0.0)
    task.run(2 * S)
    assert broker.seen == [(2 * S, "battery_voltage", "355.0")], "soc only above 0"
    task.run(4 * S)
    assert broker.last("battery_voltage") == "None"


def test_what_a_car_asks_for_falls_to_0_with_the_session():
    task, s, broker = box("evse")
    write(s, S, ev_target_voltage=400.0, ev_target_current=100.0)
    task.run(S)
    task.run(5 * S)
    assert broker.last("target_voltage") == broker.last("target_current") == "0"


def test_measurements_at_most_once_a_second_states_at_once_and_all_again_after_10_s():
    task, s, broker = box()
    for n in range(50):
        now = S + n * PERIOD
        write(s, now, battery_voltage=300.0 + n, contactors_closed=n % 2 == 0)
        task.run(now)
    assert broker.count("battery_voltage") == 10 and broker.count("contactors") == 50
    task, s, broker = box()
    for n in range(151):
        now = S + n * PERIOD
        write(s, now, battery_voltage=300.0)
        task.run(now)
    assert [now for now, name, _ in broker.seen if name == "battery_voltage"] == [S + n * REPEAT for n in range(4)]


def test_a_topic_that_is_listened_to_is_left_alone():
    task, s, broker = box("pev", "soc", "battery_voltage")
    for n in range(10):
        write(s, S + n * PERIOD, battery_voltage=355.0 + n, battery_soc=40.0)
        task.run(S + n * PERIOD)
    assert task.refused == 2 and broker.asked == 2 and broker.seen == []


@pytest.mark.parametrize("closed, locked, relay, lock", [(False, False, "off", "unlock"), (None, None, None, None)])
def test_the_old_outputs_follow_what_is_confirmed_and_never_what_is_wanted(closed, locked, relay, lock):
    task, s, broker = box()
    write(s, S, contactors_closed=closed, lock_confirmed=locked, contactor_request=True, lock_request=True, pilot_c_request=True,
          pilot_commanded=PilotState.C, pilot_state=PilotState.B)
    task.run(S)
    assert (broker.last("relay_request"), broker.last("lock_request"), broker.last("cpstate")) == (relay, lock, "B")


def test_the_state_before_a_session_is_that_of_the_connection():
    task, s, broker = box()
    write(s, S, connection_state="Matching")
    task.run(S)
    assert broker.last("fsm_state") == "Matching"
    write(s, S + 100 * MS, v2g_state="PreCharge")
    task.run(2 * S)
    assert broker.last("fsm_state") == "PreCharge"


def test_the_task_writes_no_signal_and_has_no_mail():
    task, s, _ = box()
    task.run(S)
    assert all(signal.writer is None for signal in s) and task.inboxes == ()
