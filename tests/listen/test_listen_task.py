"""The adapters of the listener: mailbox in, journal and signals out, and nothing that could send."""
import inspect

import pytest

from kernel.channels import DROP_NEW, Mailbox
from kernel.journal import Journal
from kernel.settings import build
from kernel.timer import MS, NEVER, S
from tasks.listen import task
from tasks.listen.config import ListenConfig
from tasks.listen.exi import decoder
from tasks.listen.session import SILENCE
from tasks.listen.task import FRAME_LIMIT, INBOX, RX_LIMIT, ListenRx, ListenTask
from tasks.messages import Frame
from tasks.signals import Signals
from tests.listen import line


class Bench:
    """A listener with its mailbox, and what its journal says."""

    def __init__(self, **config):
        self.box = Mailbox("frames", INBOX, DROP_NEW)
        self.signals = Signals()
        self.journal = Journal()
        self.events = []
        self.journal.add_sink(self.events.append)
        self.task = ListenTask(decoder(line.codec()), self.box, self.signals, build(ListenConfig, config, {}, "test"), self.journal)

    def hear(self, frames, start=0, interval=10 * MS):
        """Each frame at its time; gives the last deadline."""
        due = NEVER
        for n, frame in enumerate(frames):
            now = start + n * interval
            self.box.put(Frame(now, frame))
            due = self.task.run(now)
        return due

    def texts(self):
        self.journal.flush()
        return [event.message() for event in self.events]


def test_messages_reach_the_journal():
    bench = Bench()
    bench.hear(line.session())
    texts = bench.texts()
    assert "car > charger    PreChargeReq  SoC 42 %, U target 390.7 V, I target 2 A" in texts
    assert "session 1, 10 V2G messages, reached SessionStop: normal end: SessionStop exchanged" in texts
    assert not any(text.startswith("car > charger    ACK") for text in texts)


def test_the_time_of_a_line_is_that_of_its_frame():
    bench = Bench()
    bench.box.put(Frame(123, line.sdp_request()))
    bench.task.run(5 * MS)
    bench.journal.flush()
    assert bench.events[0].at == 123


@pytest.mark.parametrize("show, expected", [("v2g", 10), ("messages", 10 + 17 + 2 + 2 + 2), ("all", 10 + 17 + 2 + 2 + 2 + 2)])
def test_what_is_shown_is_configured(show, expected):
    bench = Bench(show=show)
    bench.hear(line.session())
    assert len([text for text in bench.texts() if not text.startswith("session ")]) == expected


def test_facts_reach_the_signals():
    bench = Bench()
    bench.hear(line.session(end=False))
    s, now = bench.signals, S
    assert (s.evse_present_voltage.get(now), s.ev_soc.value, s.peer_mac.value, s.attenuation.value) == (389.9, 42, line.CHARGER, 12.0)
    assert s.v2g_state.value == "PreChargeRes"
    assert {s.ev_soc.writer, s.v2g_state.writer} == {"listen"}


def test_the_report_comes_while_something_is_heard():
    bench = Bench(report_s=1)
    assert bench.task.run(0) == NEVER
    assert bench.hear([line.sdp_request()]) == S
    assert bench.task.run(S) == SILENCE + 1                # nothing since: no more reports, only the end of the silent session
    assert bench.texts()[-1] == "1 frames heard: 1 decoded, 0 named, 0 malformed"
    assert bench.hear([line.sdp_response()], start=5 * S) == 6 * S


def test_work_per_run_is_bounded():
    bench = Bench()
    for n in range(FRAME_LIMIT + 3):
        bench.box.put(Frame(n, line.sdp_request()))
    assert bench.task.run(7) == 7
    assert bench.task.follow.tally.frames == FRAME_LIMIT
    assert bench.task.run(8) > 8
    assert bench.task.follow.tally.frames == FRAME_LIMIT + 3


def test_malformed_frames_do_not_flood_the_journal():
    bench = Bench()
    bench.hear([b"\x00"] * 50, interval=MS)
    assert len(bench.texts()) == 1
    assert bench.task.follow.tally.frames == 50


class HeardNic:
    """An interface that only hears."""

    mac, errors = bytes(6), 0

    def __init__(self, frames):
        self.frames = [(n, frame) for n, frame in enumerate(frames)]

    def receive(self, limit, now):
        out, self.frames = self.frames[:limit], self.frames[limit:]
        return out

    def next_event(self):
        return 77

    def fileno(self):
        return -1

    def close(self):
        self.frames = []

    def send(self, frame, now):
        raise AssertionError("a listener sends")


def test_every_frame_reaches_the_task():
    frames = [b"\x01" * 20, *line.session(), b""]
    nic = HeardNic(frames)
    bench = Bench()
    tapped = []
    rx = ListenRx(nic, bench.box, bench.journal, lambda at, frame, outgoing: tapped.append((at, frame, outgoing)))
    due = rx.run(1)
    assert due == (1 if len(frames) >= RX_LIMIT else 77)
    while nic.frames:
        rx.run(2)
    while len(bench.box):
        bench.task.run(3)
    assert bench.task.follow.tally.frames == len(frames)
    assert rx.run(4) == 77
    assert tapped == [(n, frame, False) for n, frame in enumerate(frames)]


def test_a_full_mailbox_leaves_the_frames_in_the_interface():
    nic = HeardNic([b"\x01" * 20] * 10)
    box = Mailbox("frames", 4, DROP_NEW)
    rx = ListenRx(nic, box, Journal())
    rx.run(0)
    assert len(box) == 4 and box.drops == 0 and len(nic.frames) == 6


def test_there_is_no_way_to_send():
    bench = Bench()
    assert bench.task.follow.outgoing() == []
    source = inspect.getsource(task)
    assert ".send(" not in source and "FrameTx" not in source and "SendDatagram" not in source
    assert [box.name for box in bench.task.inboxes] == ["frames"]
