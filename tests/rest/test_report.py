"""What a REST call says and when: pyPLC's parameters, news at once, numbers seldom, last words, never the last car's."""
import pytest

from drivers.http_post.config import FURTHER, RestConfig
from kernel.timer import MS, S
from tasks.mqtt.topics import ROLES
from tasks.rest.report import Facts, Report, in_words
from tasks.rest.task import RestTask
from tasks.signals import Signals
from tasks.stop_reasons import StopReason

CAR = bytes.fromhex("0465650064C3")
SOME = Facts(42.4, None, 28_000.0, 16_240.0, CAR)


def test_the_parameters_are_pyplcs_in_its_order():
    assert list(in_words(SOME).items()) == [("current_soc", "42"), ("full_soc", "-1"), ("energy_capacity", "28000"), ("energy_request", "16240"), ("evccid", "0465650064C3")]
    assert list(in_words(Facts()).values()) == ["-1", "-1", "-1", "-1", ""]
    assert in_words(Facts(soc=-3.0, further=(("power", "1500"), ("stop_text", "x" * 500), ("energy", None)))) == {
        "current_soc": "0", "full_soc": "-1", "energy_capacity": "-1", "energy_request": "-1", "evccid": "", "power": "1500", "stop_text": "x" * 80, "energy": ""}


def test_nothing_is_told_before_something_is_known_and_the_same_only_once_in_a_while():
    report = Report(5 * S, 60 * S)
    assert report.look(None, 0) is None and report.look(Facts(full_soc=80.0), 0) is None
    assert report.look(SOME, S) == in_words(SOME)
    assert [n for n in range(2, 130) if report.look(SOME, n * S)] == [61, 121]
    assert Report(5 * S, 0).look(SOME, 0) and Report(5 * S, 0).last == {}


def test_without_repeating():
    report = Report(5 * S, 0)
    assert report.look(SOME, 0) and not any(report.look(SOME, n * S) for n in range(1, 1000))


def test_news_at_once_numbers_every_five_seconds():
    report = Report(5 * S, 0)
    assert report.look(Facts(evccid=CAR), 0)["current_soc"] == "-1"
    assert report.look(Facts(40.0, evccid=CAR), 200 * MS)["current_soc"] == "40", "known for the first time"
    assert report.look(Facts(41.0, evccid=CAR), 400 * MS) is None
    assert report.look(Facts(41.0, None, 28_000.0, evccid=CAR), 600 * MS)["energy_capacity"] == "28000"
    told = [n for n in range(4, 30) if report.look(Facts(41.0 + n, None, 28_000.0, evccid=CAR), n * 200 * MS + 600 * MS)]
    assert told == [25]
    assert report.look(Facts(12.0, evccid=bytes(6)), 6 * S)["evccid"] == "000000000000", "another car"


def test_the_last_words_are_told_when_the_session_is_over_and_only_then():
    report = Report(5 * S, 60 * S)
    report.look(SOME, 0)
    assert report.look(Facts(43.0, evccid=CAR), S) is None
    assert report.look(None, 2 * S)["current_soc"] == "43"
    assert not any(report.look(None, n * S) for n in range(3, 300))
    assert report.look(Facts(43.0, evccid=CAR), 400 * S), "told again in the next session: the listener may have restarted meanwhile"
    assert report.look(None, 401 * S) is None, "nothing was held back"


# --- from the signals


class Sink:
    errors = 0

    def __init__(self):
        self.told = []

    def tell(self, values, now):
        self.told.append((now, values))


def box(role, *further):
    s, sink = Signals(), Sink()
    task = RestTask(sink, s, role, Report(5 * S, 60 * S), list(further), 80.0, bytes(range(6)))
    writers = {}

    def write(now, **values):
        for name, value in values.items():
            writers.setdefault(name, None)
            if writers[name] is None:
                writers[name] = getattr(s, name).claim("test")
            writers[name].set(value, now)
    return task, write, sink.told


def test_a_charger_tells_what_this_car_said_and_never_what_the_last_one_did():
    task, write, told = box("evse")
    assert task.run(S) == S + 200 * MS and told == []
    write(S, peer_heard=True, evccid=CAR, ev_soc=55.0, ev_full_soc=90.0, ev_capacity=60_000.0, ev_energy_request=21_000.0)
    task.run(S + 100 * MS)
    assert told[-1][1] == {"current_soc": "55", "full_soc": "90", "energy_capacity": "60000", "energy_request": "21000", "evccid": CAR.hex().upper()}
    write(60 * S, peer_heard=True)                       # the next car's first message: nothing known of it
    task.run(60 * S)
    assert len(told) == 1
    write(60 * S + S, peer_heard=True, evccid=bytes(6))
    task.run(61 * S)
    assert told[-1][1] == {"current_soc": "-1", "full_soc": "-1", "energy_capacity": "-1", "energy_request": "-1", "evccid": "000000000000"}
    write(62 * S, peer_heard=True, evccid=bytes(6), ev_soc=9.0)
    task.run(62 * S)
    assert told[-1][1]["current_soc"] == "9" and told[-1][1]["energy_capacity"] == "-1" and len(told) == 3 == task.told


def test_a_car_tells_its_own_while_a_charger_is_heard():
    task, write, told = box("pev")
    write(S, battery_soc=60.0, battery_capacity=50_000.0)
    task.run(S)
    assert told == []
    write(2 * S, peer_heard=True, battery_soc=60.0, battery_capacity=50_000.0)
    task.run(2 * S)
    assert told[-1][1] == {"current_soc": "60", "full_soc": "80", "energy_capacity": "50000", "energy_request": "10000", "evccid": "000102030405"}


def test_a_battery_that_is_unplugged_is_not_the_one_that_was_charged():
    task, write, told = box("pev", "stop_reason")
    write(S, peer_heard=True, battery_soc=80.0, battery_capacity=50_000.0)
    task.run(S)
    write(2 * S, battery_soc=20.0, stop_reason=StopReason.BATTERY_FULL)
    for n in range(2, 20):
        task.run(n * S)
    assert [values["current_soc"] for _, values in told] == ["80", "80"] and told[-1][1]["stop_reason"] == "BATTERY_FULL"


def test_further_parameters_are_those_of_the_topics():
    task, write, told = box("evse", "fsm_state", "energy", "stop_reason")
    write(S, peer_heard=True, evccid=CAR, v2g_state="CurrentDemand", session_energy=1234.4)
    task.run(S)
    assert told[-1][1]["fsm_state"] == "CurrentDemand" and told[-1][1]["energy"] == "1234" and told[-1][1]["stop_reason"] == ""


@pytest.mark.parametrize("role", ["pev", "evse", "bridge"])
def test_every_further_parameter_is_a_topic_of_every_role(role):
    assert set(FURTHER) <= {topic.name for topic in ROLES[role]}
    assert RestConfig().every_s * S == 5 * S
