"""The box's side: the ring, the bounded queue, a writer that hangs, dies or never starts; and the real process."""
import json
import os
import select
import signal
from collections import deque

import pytest

from drivers.recording import recorder as module, wire
from drivers.recording.recorder import EVENT, RESPAWN, RING, WAITING, Recorder, Spawned
from kernel.journal import Event
from kernel.timer import MS, S
from tests.drivers.recording.test_writer import all_numbers, names

PATIENCE_S = 30.0
FRAME = b"\x02" * 60


class Channel:
    """The writer's end as a list; `takes`: datagrams before it is full."""

    def __init__(self):
        self.got, self.takes, self.closed, self.says = [], 1 << 30, False, deque()

    def send(self, data):
        if self.closed or len(self.got) >= self.takes:
            return False
        self.got.append(data)
        return True

    def receive(self):
        said = list(self.says)
        self.says.clear()
        return said

    def close(self):
        self.closed = True


class Writer:
    def __init__(self):
        self.channel, self.reaped = Channel(), 0

    def reap(self):
        self.reaped += 1
        return True

    def wait(self, seconds):
        return True


class Bench:
    def __init__(self, before=15 * S):
        self.writers, self.refuse = [], False
        self.recorder = Recorder(self._spawn, before, 0)

    def _spawn(self):
        if self.refuse:
            raise OSError(12, "Cannot allocate memory")
        self.writers.append(Writer())
        return self.writers[-1]

    @property
    def got(self):
        return self.writers[-1].channel.got

    def kinds(self):
        return b"".join(data[:1] for data in self.got)

    def frames(self):
        """Octets of frames that the writer has."""
        return sum(len(data) - 1 for data in self.got if data[:1] == wire.FRAMES) // (len(FRAME) + 16)

    def begin(self, now):
        self.recorder.begin(now, "pev", "20261121T031245Z", 0)


def test_at_rest_nothing_is_sent_and_the_ring_is_bounded_by_octets_and_by_age():
    bench = Bench()
    for n in range(20_000):
        bench.recorder.tap(n * MS, FRAME)
        bench.recorder(Event(n * MS, "x", "info", "text", ()))
    assert bench.recorder.pump(20 * S) == [] and bench.got == []
    assert sum(len(item) if isinstance(item, bytes) else EVENT for _, item in bench.recorder._items) <= RING
    bench.begin(20 * S)
    for _ in range(100):
        bench.recorder.pump(20 * S)
    assert 900 < bench.frames() < 1100 and bench.kinds()[:1] == wire.BEGIN, "what fitted"


def test_a_folder_begins_before_the_beginning_but_not_long_before():
    bench = Bench()
    for second in range(100):
        bench.recorder.tap(second * S, FRAME)
    bench.begin(99 * S)
    bench.recorder.pump(99 * S)
    assert bench.frames() == 16 and bench.recorder.frames == 16            # 84 to 99 s


def test_a_writer_that_hangs_costs_what_exceeds_the_queue_and_no_more_memory():
    bench = Bench()
    bench.begin(0)
    bench.writers[0].channel.takes = 3
    for n in range(40_000):
        bench.recorder.tap(n * MS, FRAME)
        if n % 100 == 0:
            bench.recorder.pump(n * MS)
    held = sum(len(item) for _, item in bench.recorder._items) + sum(map(len, bench.recorder._out))
    assert held <= WAITING * 1.3 and bench.recorder.lost > 20_000             # a record has 16 octets more than its frame
    bench.writers[0].channel.takes = 1 << 30
    for _ in range(400):
        bench.recorder.pump(50 * S)
    assert bench.frames() + bench.recorder.lost == 40_000 and bench.recorder._octets == 0
    bench.recorder.tap(51 * S, FRAME)
    bench.recorder.end({})
    bench.recorder.pump(52 * S)
    assert bench.frames() + bench.recorder.lost == 40_001 and bench.kinds()[-1:] == wire.END


def test_the_lines_of_a_journal_are_counted_as_a_reader_counts_them():
    bench = Bench()
    bench.begin(0)
    for text in ("one", "task x raised and is stopped:\nTraceback\n  ZeroDivisionError", "x" * 2 * wire.MAX_FILE, "the last"):
        bench.recorder(Event(S, "kernel", "error", text, ()))
    bench.recorder.pump(2 * S)
    journal = b"".join(data[1:] for data in bench.got if data[:1] == wire.JOURNAL)
    assert bench.recorder.lines == 6 == journal.count(b"\n") and journal.endswith(b" the last\n")


def test_one_run_makes_octets_of_few_items_and_says_that_there_are_more():
    bench = Bench()
    bench.begin(0)
    for n in range(250):
        bench.recorder.tap(n, FRAME)
    bench.recorder.pump(1)
    assert bench.frames() == 100 and bench.recorder.busy
    bench.recorder.pump(2)
    bench.recorder.pump(3)
    assert bench.frames() == 250 and not bench.recorder.busy


def test_asleep_it_keeps_what_is_new_and_goes_on_with_it():
    bench = Bench(before=10 * S)
    bench.begin(0)
    bench.recorder.pump(0)
    bench.recorder.sleep()
    for second in range(1, 1000):
        bench.recorder.tap(second * S, FRAME)
        bench.recorder.pump(second * S)
    assert bench.frames() == 0 and bench.kinds() == wire.BEGIN
    bench.recorder.wake()
    bench.recorder.pump(1000 * S)
    assert bench.frames() == 11


def test_a_small_file_that_waits_is_replaced_by_its_newer_content():
    bench = Bench()
    bench.begin(0)
    bench.writers[0].channel.takes = 0
    for n in range(50):
        bench.recorder.file("summary.txt", f"content {n}")
        bench.recorder.file("summary.json", "{}")
    bench.writers[0].channel.takes = 100
    bench.recorder.pump(1)
    assert bench.got[1:] == [wire.file("summary.txt", "content 49"), wire.file("summary.json", "{}")] and bench.recorder._octets == 0


def test_a_lost_writer_is_replaced_after_a_pause_and_told_of_the_session():
    bench = Bench()
    bench.begin(0)
    bench.recorder.file("settings.yaml", "{}\n")
    bench.writers[0].channel.says.append(wire.status(session="000007-x-pev", place="/p"))
    assert bench.recorder.pump(0) and bench.recorder.name == "000007-x-pev"
    bench.writers[0].channel.closed = True
    for now in range(0, RESPAWN, S):
        bench.recorder.tap(now, FRAME)
        bench.recorder.pump(now)
    assert len(bench.writers) == 1 and bench.writers[0].reaped == 1 and bench.recorder.errors == 1 and bench.recorder.lost_writer
    bench.recorder.pump(RESPAWN)
    assert len(bench.writers) == 2 and not bench.recorder.lost_writer
    assert json.loads(bench.got[0][1:]) == ["pev", "20261121T031245Z", "000007-x-pev"] and bench.got[1] == wire.file("settings.yaml", "{}\n")
    assert bench.frames() == RESPAWN // S, "what came meanwhile"
    bench.recorder.end({})
    bench.recorder.pump(RESPAWN)
    bench.writers[1].channel.closed = True
    bench.recorder.pump(11 * S)
    bench.recorder.pump(22 * S)
    assert len(bench.writers) == 3 and bench.got == [], "nothing is under way: nothing is told"


def test_a_writer_that_cannot_be_started_is_tried_again():
    bench = Bench()
    bench.writers[0].channel.closed = True
    bench.refuse = True
    for now in range(0, 3 * RESPAWN, S):
        bench.recorder.pump(now)
    assert bench.recorder.errors == 3 and bench.recorder.lost_writer
    bench.refuse = False
    bench.recorder.pump(4 * RESPAWN)
    assert not bench.recorder.lost_writer


# --- the real process

class Real:
    """A recorder with its process; statuses are waited for."""

    def __init__(self, *words):
        self.spawned = []
        self.recorder = Recorder(lambda: self.spawned.append(Spawned(words)) or self.spawned[-1], 15 * S, 0)
        self.told = []

    def until(self, word):
        """Pumps until the writer has said it."""
        self.told += self.recorder.pump(0)
        while not any(word in said for said in self.told):
            assert select.select((self.spawned[-1].channel,), (), (), PATIENCE_S)[0], f"{word!r} was not said: {self.told}"
            self.told += self.recorder.pump(0)


def ended(pid):
    """Its end was seen."""
    fd = os.pidfd_open(pid)
    try:
        return bool(select.select((fd,), (), (), PATIENCE_S)[0])
    finally:
        os.close(fd)


def test_the_process_writes_a_session_and_leaves_with_the_box(tmp_path):
    real = Real("10", str(tmp_path), "8", "1")
    real.recorder.begin(0, "evse", "20261121T031245Z", 1_795_000_000 * S)
    for n in range(50):
        real.recorder.tap(n * S, n.to_bytes(4, "big") + FRAME)
        real.recorder(Event(n * S, "pev/x", "info", "line %d", (n,)))
    real.until("session")
    os.kill(real.spawned[0].pid, signal.SIGTERM)             # the service manager means the whole group
    real.recorder.end({"summary.json": "{}"})
    assert real.recorder.close(PATIENCE_S), "the process has ended, everything handed over"
    folder = tmp_path / "000001-20261121T031245Z-evse"
    assert names(folder) == ["frames.pcap", "journal.txt", "summary.json"] and all_numbers(folder) == list(range(50))
    assert (folder / "journal.txt").read_text().count("\n") == 50


def test_a_killed_writer_costs_its_socket_and_its_successor_goes_on(tmp_path):
    real = Real("10", str(tmp_path), "8", "1")
    real.recorder.begin(0, "pev", "20261121T031245Z", 0)
    real.recorder.tap(0, (0).to_bytes(4, "big") + FRAME)
    real.until("session")
    os.kill(real.spawned[0].pid, signal.SIGKILL)
    assert ended(real.spawned[0].pid)
    real.recorder.tap(1, (1).to_bytes(4, "big") + FRAME)
    real.recorder.pump(1)
    real.recorder.pump(1)
    assert real.recorder.lost_writer and real.recorder.errors == 1
    real.told.clear()
    real.recorder.pump(1 + RESPAWN)
    real.until("session")
    real.recorder.tap(2, (2).to_bytes(4, "big") + FRAME)
    real.recorder.end({})
    assert real.recorder.close(PATIENCE_S)
    folder = tmp_path / "000001-20261121T031245Z-pev"
    assert names(tmp_path) == [folder.name, "sequence"] and "unfinished" not in names(folder)
    assert 2 in all_numbers(folder), "frame 0 and 1 may have been in the socket of the killed one"


def test_the_box_is_killed_and_what_it_has_handed_over_is_kept(tmp_path):
    real = Real("10", str(tmp_path), "8", "1")
    real.recorder.begin(0, "pev", "20261121T031245Z", 0)
    real.recorder.tap(0, FRAME)
    real.recorder.file("summary.json", "{}")
    real.until("session")
    real.recorder.pump(0)
    real.spawned[0].channel.close()                          # as the kernel does with a killed box
    assert ended(real.spawned[0].pid) and real.spawned[0].reap()
    assert names(tmp_path / "000001-20261121T031245Z-pev") == ["frames.pcap", "summary.json", "unfinished"]


def test_a_writer_that_never_reads_does_not_hold_the_box_back(tmp_path, monkeypatch):
    real = Real("10", str(tmp_path), "8", "1")
    os.kill(real.spawned[0].pid, signal.SIGSTOP)
    try:
        real.recorder.begin(0, "pev", "20261121T031245Z", 0)
        for n in range(20_000):
            real.recorder.tap(n, FRAME)
            if n % 50 == 0:
                real.recorder.pump(n)
        assert real.recorder.lost > 0, "the socket's buffer and the queue are full"
        real.recorder.end({})
        assert not real.recorder.close(0.05)
    finally:
        os.kill(real.spawned[0].pid, signal.SIGKILL)
        assert ended(real.spawned[0].pid) and real.spawned[0].reap()


@pytest.mark.parametrize("data", [b"", b"nonsense", b"[1]", b"\xff\xfe", b"{}"])
def test_an_answer_that_is_none_is_nothing(data):
    assert wire.read_status(data) == {}


def test_an_answer_fits_what_a_channel_reads():
    assert len(wire.status(problem="x" * 5000, other="y" * 5000)) <= wire.MAX_STATUS
    assert wire.read_status(wire.status(problem="x" * 5000))["problem"] == "x" * 500
    assert module.ITEMS_PER_RUN * 216 <= wire.MAX_DATAGRAM
