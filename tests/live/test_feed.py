"""The feed: what changed and nothing else, lossless for values and picture however slow the viewer is, never waiting, bounded."""
from __future__ import annotations

import base64
import json

from kernel.journal import Journal
from kernel.timer import MS, S
from tasks.messages import RemoteStop
from tasks.signals import Signals
from tools.appliance.live_feed import MAX_EVENTS, PERIOD, LiveFeed
from tools.live import wire
from tools.live.facts import plain
from tools.live.known import Known


class Pair:
    """A channel in memory: `room` datagrams are taken until it is emptied."""

    closed = False

    def __init__(self, room: int = 1000) -> None:
        self.room = room
        self.sent: list[bytes] = []
        self.coming: list[bytes] = []

    def send(self, data: bytes) -> bool:
        if len(self.sent) >= self.room:
            return False
        assert len(data) <= wire.MAX_DATAGRAM
        self.sent.append(data)
        return True

    def receive(self, limit: int = 64) -> list[bytes]:
        got, self.coming = self.coming[:limit], self.coming[limit:]
        return got

    def take(self) -> list[dict]:
        sent, self.sent = self.sent, []
        return [json.loads(data) for data in sent]


class Box:
    def __init__(self, room: int = 1000, commands: bool = True) -> None:
        self.pair, self.signals, self.journal = Pair(room), Signals(), Journal()
        self.feed = LiveFeed(self.pair, self.signals, self.journal, role="pev", about="ccsbox", epoch=0, commands=commands)
        self.journal.add_sink(self.feed)
        self.picture = [bytes(128)] * 8
        self.feed.pages = lambda: self.picture
        self.volts = self.signals.inlet_voltage.claim("test")
        self.state = self.signals.connection_state.claim("test")

    def run(self, now: int) -> list[dict]:
        self.journal.flush()
        self.feed.run(now)
        return self.pair.take()


def greeted(room: int = 1000) -> Box:
    box = Box()
    box.pair.coming.append(wire.HELLO)
    box.run(0)
    box.pair.room = room
    return box


def test_nothing_is_said_to_somebody_who_has_not_asked():
    box = Box()
    assert box.run(0) == [] and box.run(S) == []


def test_a_new_viewer_gets_everything_once_and_then_what_changes():
    box = Box()
    box.volts.set(400.0, 0)
    box.pair.coming.append(wire.HELLO)
    first = box.run(0)
    assert first[0]["k"] == "box" and first[-1]["k"] == "beat"
    values = {name: value for d in first if d["k"] == "values" for name, value in d["v"].items()}
    assert len(values) > 100 and values["inlet_voltage"] == 400.0 and values["battery_voltage"] is None
    assert sum(len(d["p"]) for d in first if d["k"] == "oled") == 8
    assert [d["k"] for d in box.run(200 * MS)] == ["beat"]
    box.volts.set(401.5, 300 * MS)
    box.picture = [b"\x01" * 128, *box.picture[1:]]
    second = box.run(400 * MS)
    assert [d["k"] for d in second] == ["values", "oled", "beat"] and second[0]["v"] == {"inlet_voltage": 401.5}
    assert second[1]["p"] == {"0": base64.b64encode(b"\x01" * 128).decode()}


def test_what_is_stale_becomes_unknown():
    box = Box()
    box.volts.set(400.0, 0)
    box.pair.coming.append(wire.HELLO)
    box.run(0)
    stale = box.run(S)
    assert {"inlet_voltage": None} in [d["v"] for d in stale if d["k"] == "values"]


def test_a_slow_viewer_loses_no_value_and_no_picture_only_what_lay_between():
    box = greeted(room=0)
    for n in range(50):
        box.volts.set(300.0 + n, n * PERIOD)
        box.feed.run(n * PERIOD)
    assert box.feed.stalled >= 50 and box.pair.sent == []
    box.pair.room = 1000
    box.picture = [b"\x02" * 128] * 8
    told = box.run(50 * PERIOD - 1)
    assert {"inlet_voltage": 349.0} in [d["v"] for d in told if d["k"] == "values"]
    assert box.feed.lost == 0


def test_a_viewer_with_room_for_one_datagram_at_a_time_gets_there_in_the_end():
    box, known = Box(room=1), Known()
    box.volts.set(388.0, 0)
    box.pair.coming.append(wire.HELLO)
    for n in range(60):
        box.signals.inlet_voltage.at = n * PERIOD
        for data in box.run(n * PERIOD):
            known.take(json.dumps(data).encode())
    assert known.values["inlet_voltage"] == 388.0 and known.beat is not None and len(known.values) > 100


def test_events_that_find_no_room_are_lost_oldest_first_and_counted():
    box = greeted(room=0)
    for n in range(MAX_EVENTS + 30):
        box.journal.note(n, "test", "line %d", n)
    box.run(S)
    assert box.feed.lost == 30
    box.pair.room = 1000
    told = box.run(2 * S)
    lines = [line[3] for d in told if d["k"] == "events" for line in d["e"]]
    assert lines[0] == "line 30" and lines[-1] == f"line {MAX_EVENTS + 29}" and told[-1]["lost"] == 30


def test_the_longest_and_strangest_lines_fit_into_datagrams():
    box = greeted()
    for text in ("\U0001f600" * 5000, "\0" * 5000, "%s", "\ud800 half", 'a"\\' * 3000):
        for _ in range(20):
            box.journal.note(S, "test", text, *(["x"] if "%" in text else []))
    told = box.run(S)
    assert sum(len(d["e"]) for d in told if d["k"] == "events") == 100 and box.feed.lost == 0


def test_values_are_plain_numbers_and_words():
    box = greeted()
    for value in (float("nan"), float("inf"), -float("inf"), 1e300, b"\x00\xff", "x" * 9999, True, None):
        box.volts.signal.value, box.volts.signal.at = value, S
        box.run(S)
        assert isinstance(plain(value), (int, float, str, bool, type(None)))
    assert plain(float("nan")) is None and plain(b"\x0a\xff") == "0a:ff" and len(plain("x" * 9999)) == wire.MAX_TEXT


def test_commands_go_through_the_gate_a_few_at_a_time_and_nonsense_is_told_once():
    box = greeted()
    told: list[str] = []
    box.journal.add_sink(lambda event: told.append(event.message()))
    box.pair.coming = [b"open sesame", b"\xff" * 2000, b"", b"share 101 ::1", b"stop ::1"] * 20
    for n in range(40):
        box.run(n * PERIOD)
    assert box.feed.remote is not None
    assert [type(item) for item in box.feed.remote.drain(9)] == [RemoteStop] * 3      # 100 datagrams in 13 runs: 2.6 s
    assert box.feed.gate.refused == 80 and box.feed.gate.limited == 17 and sum("no command" in line for line in told) == 1


def test_a_viewer_that_asks_all_the_time_does_not_get_everything_all_the_time():
    box = Box()
    full = 0
    for n in range(50):                          # ten seconds
        box.pair.coming.append(wire.HELLO)
        full += sum(d["k"] == "box" for d in box.run(n * PERIOD))
    assert full == 5


def test_without_commands_everything_is_refused():
    box = Box(commands=False)
    box.pair.coming = [wire.HELLO, b"stop ::1", b"share 50 ::1"]
    told = box.run(0)
    assert told[0]["commands"] is False and box.feed.remote is None and box.feed.gate.refused == 2


def test_a_lost_process_is_told_once_and_the_row_sleeps():
    box = greeted()
    told: list[str] = []
    box.journal.add_sink(lambda event: told.append(event.message()))
    box.pair.closed = True
    assert box.feed.run(S) > 1 << 60
    box.feed.run(2 * S)
    box.journal.flush()
    assert len(told) == 1 and "the charge is not touched" in told[0]


def test_how_many_pages_are_open_is_known():
    box = greeted()
    box.pair.coming = [wire.pages(3)]
    box.run(S)
    assert box.feed.watchers == 3 and box.feed.gate.refused == 0


def test_a_listener_is_shown_and_takes_no_commands():
    signals, pair = Signals(), Pair()
    feed = LiveFeed(pair, signals, Journal(), role="listen", about="ccsbox", epoch=0, commands=False)
    signals.listen_state.claim("test").set("Charging", 0)
    signals.listen_limiting.claim("test").set("car 100 A", 0)
    pair.coming = [wire.HELLO]
    feed.run(0)
    values = {name: value for d in pair.take() if d["k"] == "values" for name, value in d["v"].items()}
    assert values["box.phase"] == "Charging" and values["box.limits"] == "car 100 A" and feed.remote is None
