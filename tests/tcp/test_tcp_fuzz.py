"""T62: random segments never break an invariant of the connection; short form of `python -m tests.tcp.fuzz` (a million segments)."""
from __future__ import annotations

import pytest

from tasks.tcp.connection import Connection
from tasks.tcp.receive_side import ReceiveSide
from tasks.tcp.send_side import SendSide

from tests.tcp.fuzz import LEGAL, campaign, walk

SEGMENTS = 30_000


def test_t62_random_segments_keep_the_books() -> None:
    assert campaign(SEGMENTS, seed=9, progress=False) == 0


def test_t62_the_walks_reach_every_state_and_most_changes() -> None:
    seen = {change for seed in range(400) for change in walk(seed, 120).seen}
    assert {change.split()[-1] for change in seen} >= {state.name for state in LEGAL} - {"SYN_SENT"}
    assert len(seen) >= 15


def test_the_same_seed_is_the_same_story() -> None:
    a, b = walk(5), walk(5)
    assert (a.segments, a.heard, a.written, a.seen, a.peer.now) == (b.segments, b.heard, b.written, b.seen, b.peer.now)


def _beyond_the_edge(self: ReceiveSide, seq: int, data: bytes, fin: bool) -> bool:
    self.ready.append(data)
    self.ready_size += len(data)
    self.nxt = max(self.nxt, seq + len(data))
    return False


def _forgetful(self: SendSide, now: int) -> list:
    self.timer.take(now)
    self.persist.take(now)
    return []


def _shrinks(self: ReceiveSide) -> int:
    self.edge = self.nxt + 8192 - self.ready_size
    return max(0, self.edge - self.nxt - 3000)


def _straight_to_closing(self: Connection, now: int) -> None:
    self.state = type(self.state).CLOSING


@pytest.mark.parametrize("where, name, mistake", [
    (ReceiveSide, "accept", _beyond_the_edge), (ReceiveSide, "window", _shrinks), (SendSide, "handle_timer", _forgetful),
    (Connection, "_fin_acknowledged", _straight_to_closing)])
def test_a_mistake_is_noticed(monkeypatch: pytest.MonkeyPatch, where: type, name: str, mistake: object, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(where, name, mistake)
    assert campaign(10_000, seed=3, progress=False) > 0
