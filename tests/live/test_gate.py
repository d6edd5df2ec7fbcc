"""What can come of the live view: by enumeration, nothing but an end in order and a smaller share of power."""
from __future__ import annotations

import inspect
import itertools
import random

import pytest
from hypothesis import given, settings, strategies as st

from drivers.sim.boards import simulated_car, simulated_charger
from drivers.sim.plant import Plant
from exi_native import codec
from kernel.channels import Mailbox
from kernel.journal import Journal
from kernel.timer import MS, S
from tasks import messages, table
from tasks.config import Config
from tasks.messages import RemoteLower, RemoteStop, StopSession
from tasks.signals import Signals
from tasks.stop_reasons import StopReason
from tasks.user.remote import LEAST, MOST, RemoteGate, read
from tasks.user.task import UserTask
from tests.table.test_tables import Ears, NoKeys
from tools.live import wire

WORDS = ("stop", "share", "start", "resume", "reset", "raise", "pause", "close", "open", "lock", "unlock", "contactor_request", "pilot_c_request", "hello", "pages", "s", "S", "+",
         "", "10", "09", "99", "100", "5", "-5", "+50", "1e1", "055", "60", "127.0.0.1", "::1", "fe80::1", "fe80::1%eth0", "evil\n", "{}", "null", "\x00")
EVERYTHING = [" ".join(words).encode("latin-1") for n in range(5) for words in itertools.product(WORDS, repeat=n) if n < 4 or words[0] in ("stop", "share")]


class Person(NoKeys):
    def __init__(self) -> None:
        self.keys = ""

    def read(self) -> str:
        keys, self.keys = self.keys, ""
        return keys


class Car:
    """The row `user` of a whole box, with the mailbox of its live view."""

    def __init__(self, role: str = "pev") -> None:
        self.signals, self.journal, self.person = Signals(), Journal(), Person()
        self.remote: Mailbox = Mailbox("remote", 4)
        board = (simulated_car if role == "pev" else simulated_charger)(Plant(), Ears())
        self.made = getattr(table, role)(board, self.signals, Config(), random.Random(1), self.journal, codec.load(),
                                         table.Surroundings(keys=self.person, terminate=lambda: False, remote=self.remote))
        self.row = next(row for row in self.made.rows if row.name == "user")
        self.lines: list[str] = []
        self.journal.add_sink(lambda event: self.lines.append(event.message()))

    def values(self) -> dict:
        return {s.name: s.value for s in self.signals}

    def mail(self) -> list:
        """What waits in every mailbox of the box."""
        return [item for box in self.made.mailboxes for item in box.drain(99)]


def test_the_grammar_lets_two_sentences_through_and_nothing_else():
    """Every sentence of up to three of these words, and those of four that begin well."""
    assert len(EVERYTHING) > 40_000
    for data in EVERYTHING:
        wish, words = read(data), data.split(b" ")
        if type(wish) is RemoteStop:
            assert len(words) == 2 and words[0] == b"stop"
        elif type(wish) is RemoteLower:
            assert len(words) == 3 and words[0] == b"share" and LEAST <= wish.percent <= MOST and b"%02d" % wish.percent == words[1]
        else:
            assert wish is None
    assert {type(read(data)) for data in EVERYTHING} == {RemoteStop, RemoteLower, type(None)}


@given(st.one_of(st.binary(max_size=80), st.text(max_size=70).map(lambda text: text.encode("utf-8")), st.text("stop share0123456789.:af ", max_size=60).map(str.encode)))
@settings(max_examples=500, deadline=None, database=None)
def test_any_octets_are_a_wish_of_two_kinds_or_nothing(data):
    wish = read(data)
    assert wish is None or type(wish) is RemoteStop or type(wish) is RemoteLower and 10 <= wish.percent <= 99


@pytest.mark.parametrize("role", ["pev", "evse"])
def test_whatever_comes_through_the_gate_only_an_end_and_a_smaller_share_come_of_it(role):
    """The whole box: no other mailbox gets anything, no other signal changes, the share never rises, the end is never the urgent one."""
    car, gate, now = Car(role), RemoteGate(), S
    before, lowest = car.values(), 100.0
    admitted = 0
    sentences = [*EVERYTHING, *(wire.share(n, "::1") for n in range(10, 100)), *(wire.share(n, "::1") for n in range(99, 9, -1)), wire.stop("10.0.0.9")]
    for data in sentences:
        now += 2 * S
        wish = gate.admit(data, now)
        if wish is None:                         # it gets no further: there is no other way into the box
            continue
        admitted += 1
        car.remote.put(wish)
        car.row.task.run(now)
        for item in car.mail():
            assert type(item) is StopSession and item.reason is StopReason.USER_STOP and not item.urgent and not item.leaving
        after = car.values()
        changed = {name for name in after if after[name] != before[name]}
        assert changed <= {"power_share"}
        if changed:
            assert 10.0 <= after["power_share"] < lowest
            lowest = after["power_share"]
        before = after
    assert admitted == gate.admitted > 150 and lowest == 10.0 and gate.refused == len(sentences) - admitted


def test_no_item_of_any_other_kind_in_its_mailbox_has_an_effect():
    """Each message that this box knows, put where the live view's wishes are expected: as if the gate were broken."""
    car = Car()
    kinds = [kind for _, kind in inspect.getmembers(messages, inspect.isclass) if kind.__module__ == messages.__name__ and kind not in (RemoteStop, RemoteLower)]
    assert len(kinds) > 25
    before = car.values()
    for kind in kinds:
        car.remote.put(object.__new__(kind))
        car.row.task.run(S)
        assert car.mail() == [] and car.values() == before, kind


@pytest.mark.parametrize("percent", [9, 0, -1, 100, 101, 1000, 10 ** 9])
def test_the_row_itself_asks_for_the_range_and_for_less(percent):
    car = Car()
    car.remote.put(RemoteLower(percent, "::1"))
    car.row.task.run(S)
    assert car.signals.power_share.value is None
    car.journal.flush()
    assert any("may only lower it" in line for line in car.lines)


def test_a_person_raises_by_key_what_the_page_has_lowered_and_the_page_cannot():
    car = Car()
    for step, (wish, key, expected) in enumerate([(60, "", 60.0), (80, "", 60.0), (60, "", 60.0), (None, "+", 70.0), (65, "", 65.0), (None, "-", 55.0), (None, "+++++", 100.0)]):
        if wish is not None:
            car.remote.put(RemoteLower(wish, "::1"))
        car.person.keys = key
        car.row.task.run(step * S)
        assert car.signals.power_share.value == expected, step


def test_what_the_page_has_lowered_lapses_when_the_plug_is_pulled_and_what_a_key_has_lowered_does_not():
    car = Car()
    connection = car.signals.connection_state
    state = next(row.task for row in car.made.rows if row.name == "connection")
    assert connection.writer == "connection" and state is not None
    connection.value = "Session"                 # as its writer would
    car.person.keys = "-"
    car.row.task.run(S)
    car.remote.put(RemoteLower(40, "::1"))
    car.row.task.run(2 * S)
    assert car.signals.power_share.value == 40.0
    connection.value = "Unplugged"
    car.row.task.run(3 * S)
    assert car.signals.power_share.value == 90.0
    car.remote.put(RemoteLower(50, "::1"))       # for the next plug-in
    car.row.task.run(4 * S)
    car.row.task.run(5 * S)
    assert car.signals.power_share.value == 50.0
    car.journal.flush()
    assert [line for line in car.lines if "unplugged" in line] == ["unplugged: what the live view had lowered counts no more, power limited to 90 %"]


def test_commands_that_come_too_fast_are_counted_and_dropped():
    gate = RemoteGate()
    assert [gate.admit(b"stop ::1", n * 100 * MS) is not None for n in range(12)] == [n in (0, 10) for n in range(12)]
    assert [gate.admit(b"share 50 ::1", n * 100 * MS) is not None for n in range(12)] == [n in (0, 5, 10) for n in range(12)]
    assert gate.limited == 10 + 9 and gate.refused == 0


def test_each_command_stands_in_the_journal_with_where_it_came_from():
    car = Car()
    car.remote.put(RemoteStop("192.168.7.9"))
    car.remote.put(RemoteLower(30, "fe80::7"))
    car.row.task.run(S)
    car.journal.flush()
    assert car.lines == ["stop asked for by the live view (192.168.7.9)", "power limited to 30 % by the live view (fe80::7)"]


def test_without_a_live_view_nothing_is_read():
    wishes: Mailbox = Mailbox("wishes", 4)
    task = UserTask(NoKeys(), lambda: False, wishes, Signals().power_share, Journal())
    assert task.inboxes == () and task.run(0) > 0 and not len(wishes)
