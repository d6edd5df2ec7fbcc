"""ConnectionTask: signals in, mailboxes and signals out, the pilot's lease."""
from __future__ import annotations

from types import SimpleNamespace

from drivers.interfaces import PilotState
from kernel.channels import Mailbox
from kernel.journal import Journal
from kernel.timer import MS, S
from tasks.connection.config import ConnectionConfig
from tasks.connection.task import evse_connection, pev_connection
from tasks.messages import SessionEnded, PrepareSession, StartMatching, StopSession, TcpListen
from tasks.signals import Signals
from tasks.stop_reasons import StopReason as R
from tasks.v2g.config import EvseConfig

from tests.connection.ladder_bench import CONNECTED, FOUND, UP


def make(build):
    box = SimpleNamespace(**{n: Mailbox(n, 32) for n in ("to_connection", "user", "to_homeplug", "to_sdp", "to_tcp", "to_v2g")})
    signals, journal = Signals(), Journal()
    cfg = SimpleNamespace(connection=ConnectionConfig(), tcp=SimpleNamespace(listen_port=51110), evse=EvseConfig())
    task = build(cfg, box, signals, journal)
    writers = {n: getattr(signals, n).claim("test") for n in ("pilot_state", "pilot_duty", "safety_state", "link_state")}
    return task, box, signals, writers


def run(task, writers, begin, duration, pilot=PilotState.B, safety="Idle"):
    now, due = begin, begin
    while now < begin + duration:
        for name, value in (("pilot_state", pilot), ("pilot_duty", 5.0), ("safety_state", safety), ("link_state", "WaitParm")):
            writers[name].set(value, now)
        if due <= now or any(len(b) for b in task.inboxes):
            due = task.run(now)
            assert due > now
        now += 10 * MS
    return now


def test_car():
    task, box, signals, writers = make(pev_connection)
    now = run(task, writers, 0, 1 * S)
    assert type(box.to_homeplug.get()) is StartMatching and signals.connection_state.value == "Matching"
    for event in (UP, FOUND, CONNECTED):
        box.to_connection.put(event)
    now = run(task, writers, now, 1 * S)
    assert signals.connection_state.value == "Session"
    box.user.put(StopSession(R.USER_STOP))
    now = run(task, writers, now, 100 * MS)
    assert [type(command) for command in box.to_v2g.drain(4)] == [PrepareSession, StopSession]
    box.to_connection.put(SessionEnded(R.USER_STOP, True))
    now = run(task, writers, now, 10 * S)
    assert signals.connection_state.value == "Finished" and signals.stop_reason.value is R.USER_STOP
    assert signals.pilot_duty_request.writer is None         # a car makes no pilot


def test_charger_keeps_its_lease_and_follows_the_machine():
    task, box, signals, writers = make(evse_connection)
    now = run(task, writers, 0, 1 * S, pilot=PilotState.A)
    assert signals.pilot_duty_request.get(now) == 100.0
    now = run(task, writers, now, 2 * S)
    assert signals.pilot_duty_request.get(now) == 5.0 and box.to_tcp.get() == TcpListen(51110)
    for _ in range(20):
        now = run(task, writers, now, 1 * S)
        assert signals.pilot_duty_request.get(now) == 5.0    # renewed before it lapses
