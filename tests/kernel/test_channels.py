"""Signals age, leases lapse, mailboxes are bounded and say what they lost."""
import pytest

from kernel.channels import DROP_OLD, ChannelError, Lease, Mailbox, Signal
from kernel.journal import CAPACITY, Journal
from kernel.timer import MS, NEVER, S, Backoff, Cadence, Timer


def test_a_signal_is_unknown_until_written_and_after_its_age():
    signal = Signal("u", unit="V", max_age=500 * MS)
    write = signal.claim("sense")
    assert signal.get(0) is None and signal.age(0) is None and not signal.fresh(0)
    write.set(400.0, 1 * S)
    assert signal.get(1 * S + 500 * MS) == 400.0
    assert signal.get(1 * S + 500 * MS + 1) is None
    assert signal.stale_at() == 1 * S + 500 * MS + 1
    assert signal.value == 400.0


def test_a_time_stamp_from_the_future_is_unknown():
    signal = Signal("u")
    signal.claim("x").set(1, 10 * S)
    assert signal.get(9 * S) is None and not signal.fresh(9 * S) and signal.age(9 * S) is None


def test_known_to_be_unknown_is_not_fresh():
    signal = Signal("u")
    signal.claim("x").set(None, 1)
    assert not signal.fresh(2) and signal.stale_at() == 0


def test_a_signal_has_one_writer():
    signal = Signal("u")
    signal.claim("a")
    with pytest.raises(ChannelError, match="a already"):
        signal.claim("b")


def test_a_lease_lapses_by_silence_and_by_release():
    request = Signal("close", max_age=3 * S)
    lease = Lease(request.claim("v2g"))
    lease.renew(True, 0)
    assert request.get(3 * S) is True and request.get(3 * S + 1) is None
    lease.renew(True, 10 * S)
    lease.release(11 * S)
    assert request.get(11 * S) is None
    with pytest.raises(ChannelError):
        Lease(Signal("no age").claim("x"))


def test_a_mailbox_drops_the_new_or_the_oldest_and_counts():
    new, old = Mailbox("n", 2), Mailbox("o", 2, DROP_OLD)
    for i in range(5):
        new.put(i)
        old.put(i)
    assert new.drain(9) == [0, 1] and old.drain(9) == [3, 4]
    assert new.drops == old.drops == 3
    assert new.get() is None


def test_drain_is_bounded():
    box = Mailbox("b", 10)
    for i in range(10):
        box.put(i)
    assert box.drain(3) == [0, 1, 2] and len(box) == 7


def test_timer_and_backoff():
    timer = Timer()
    assert not timer.expired(NEVER - 1) and timer.remaining(5) == NEVER
    timer.arm(100, 50)
    assert not timer.expired(149) and timer.take(150) and not timer.take(151)
    backoff = Backoff(1 * S, 4 * S)
    assert [backoff.failed() for _ in range(4)] == [1 * S, 2 * S, 4 * S, 4 * S]
    backoff.succeeded()
    assert backoff.failed() == 1 * S


def test_the_journal_limits_per_kind_and_second_and_tells_what_it_held_back():
    seen = []
    journal = Journal()
    journal.add_sink(seen.append)
    for i in range(100):
        journal.limited(i * 20 * MS, "tcp", "checksum", "bad checksum from %s", "x")
    journal.flush()
    assert len(seen) == 2 and journal.suppressed == 98
    assert "49 more" in seen[1].message()


def test_the_journal_is_bounded_and_never_raises_on_a_bad_format():
    seen = []
    journal = Journal()
    journal.add_sink(seen.append)
    for i in range(CAPACITY + 5):
        journal.note(i, "x", "%d", "not a number")
    journal.flush()
    assert journal.lost == 5 and len(seen) == CAPACITY
    assert "not a number" in seen[0].message()


def test_a_cadence_keeps_its_phase_and_never_bursts():
    beat = Cadence(100 * MS)
    assert beat.take(7 * MS) and not beat.take(106 * MS)
    assert beat.take(117 * MS) and beat.at == 207 * MS and (beat.skipped, beat.latest) == (0, 10 * MS)
    assert beat.take(555 * MS) and not beat.take(555 * MS) and not beat.take(606 * MS) and (beat.skipped, beat.latest) == (3, 48 * MS)
    assert beat.take(607 * MS)
    with pytest.raises(ValueError):
        Cadence(0)
