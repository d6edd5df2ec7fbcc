"""The simulated segment: delay, loss, duplicates and order as configured, and equal runs for equal seeds."""
import hashlib
import random

import pytest

from drivers.sim.link import DROPPED, IN_FLIGHT, RX_CAPACITY, LinkConfig, SimLink, SimNic
from kernel.timer import MS, NEVER, S, US

A, B = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")


def frame(n: int, dst: bytes = B) -> bytes:
    return dst + A + b"\x88\xe1" + n.to_bytes(4, "big") + bytes(42)


def pair(seed: int = 1, **settings) -> tuple[SimLink, SimNic, SimNic]:
    link = SimLink(random.Random(seed), LinkConfig(**settings))
    return link, SimNic(link, "a", A), SimNic(link, "b", B)


def drain(link: SimLink, nic: SimNic) -> list[tuple[int, bytes]]:
    got = []
    while link.next_event() != NEVER:
        link.deliver(link.next_event())
        got += nic.receive(100, 0)
    return got


def test_a_frame_arrives_after_the_delay_at_everybody_else():
    link, a, b = pair(delay_us=700)
    c = SimNic(link, "c", bytes(6))
    assert a.send(frame(1), 5 * MS)
    assert link.next_event() == 5 * MS + 700 * US
    link.deliver(5 * MS + 699 * US)
    assert b.receive(10, 0) == [] and b.next_event() == NEVER
    link.deliver(9 * MS)
    assert b.next_event() == 0
    assert b.receive(10, 0) == c.receive(10, 0) == [(5 * MS + 700 * US, frame(1))]
    assert a.receive(10, 0) == [] and link.next_event() == NEVER


def test_arrival_calls_the_flag_and_taps_see_both_directions():
    link, a, b = pair()
    seen, woken = [], []
    a.tap = lambda at, f, outgoing: seen.append(("a", at, outgoing))
    b.tap = lambda at, f, outgoing: seen.append(("b", at, outgoing))
    b.on_frame = lambda: woken.append(True)
    a.send(frame(1), 0)
    link.deliver(MS)
    assert seen == [("a", 0, True), ("b", 500 * US, False)] and woken == [True]


def test_receive_takes_no_more_than_its_limit():
    link, a, b = pair()
    for n in range(5):
        a.send(frame(n), 0)
    link.deliver(MS)
    assert [len(b.receive(3, 0)), len(b.receive(3, 0)), len(b.receive(3, 0))] == [3, 2, 0]


def test_jitter_alone_keeps_the_order():
    link, a, b = pair(jitter_us=5000)
    for n in range(300):
        a.send(frame(n), n * 100 * US)
    got = drain(link, b)
    assert [f for _, f in got] == [frame(n) for n in range(300)]
    assert len({at - n * 100 * US for n, (at, _) in enumerate(got)}) > 50


@pytest.mark.parametrize("settings, low, high", [({"drop_percent": 10.0}, 850, 950), ({"duplicate_percent": 10.0}, 1050, 1150), ({"drop_percent": 100.0}, 0, 0)])
def test_loss_and_duplicates_come_in_their_share(settings, low, high):
    link, a, b = pair(**settings)
    for n in range(1000):
        a.send(frame(n), n * MS)
        link.deliver(n * MS)
        b.receive(100, 0)
    assert low <= 1000 - link.lost + link.duplicated <= high


def test_reordered_frames_are_overtaken():
    link, a, b = pair(reorder_percent=20.0, reorder_us=3000)
    for n in range(200):
        a.send(frame(n), n * 500 * US)
    order = [int.from_bytes(f[14:18], "big") for _, f in drain(link, b)]
    assert sorted(order) == list(range(200)) and order != sorted(order) and link.reordered > 20


def test_equal_seeds_give_equal_runs_and_ties_keep_the_order_of_sending():
    def run(seed: int) -> str:
        link, a, b = pair(seed, jitter_us=900, drop_percent=5.0, duplicate_percent=5.0, reorder_percent=5.0)
        digest = hashlib.sha256()
        for nic in (a, b):
            nic.tap = lambda at, f, out, name=nic.name: digest.update(f"{name} {at} {out}".encode() + f)
        rng = random.Random(99)
        now = 0
        for n in range(2000):
            now += rng.randrange(2) * 200 * US
            (a if rng.random() < 0.5 else b).send(frame(n), now)
            while link.next_event() <= now:
                link.deliver(link.next_event())
            a.receive(100, now)
            b.receive(100, now)
        return digest.hexdigest()
    assert run(7) == run(7) != run(8)
    link, a, b = pair(delay_us=0)
    for n in range(20):
        a.send(frame(n), 0)
    assert [f for _, f in drain(link, b)] == [frame(n) for n in range(20)]


def test_a_cut_line_carries_nothing_new():
    link, a, b = pair()
    fates = []
    link.trace = lambda at, name, f, fate: fates.append((name, fate))
    a.send(frame(1), 0)
    link.up = False
    a.send(frame(2), 0)
    link.up = True
    a.send(frame(3), 0)
    assert [f for _, f in drain(link, b)] == [frame(1), frame(3)]
    assert fates == [("a", "sent"), ("a", DROPPED), ("a", "sent")]


def test_queues_are_bounded_and_count():
    link, a, b = pair()
    for n in range(IN_FLIGHT + 10):
        a.send(frame(n), 0)
    assert link.lost == 10
    link.deliver(MS)
    assert b.drops == IN_FLIGHT - RX_CAPACITY and len(b.receive(10 ** 6, 0)) == RX_CAPACITY


def test_a_filtering_interface_hears_own_broadcast_and_multicast_only():
    link = SimLink(random.Random(1), LinkConfig())
    a, b = SimNic(link, "a", A), SimNic(link, "b", B, filtering=True)
    for dst in (B, b"\xff" * 6, bytes.fromhex("333300000001"), bytes.fromhex("020000000009")):
        a.send(frame(1, dst), 0)
    link.deliver(MS)
    assert [f[:6] for _, f in b.receive(10, 0)] == [B, b"\xff" * 6, bytes.fromhex("333300000001")]


def test_a_closed_interface_receives_nothing():
    link, a, b = pair()
    a.send(frame(1), 0)
    b.close()
    link.deliver(MS)
    assert b.receive(10, 0) == []


def test_the_favoured_station_has_a_queue_of_its_own():
    link, a, b = pair()
    other = SimNic(link, "c", bytes(6))
    b.favour(A)
    ip = B + A + b"\x86\xdd" + bytes(46)
    for _ in range(RX_CAPACITY + 100):
        other.send(B + bytes(6) + b"\x86\xdd" + bytes(46), 0)
    for _ in range(40):
        a.send(ip, 0)
    link.deliver(S)
    assert b.drops == 100                                        # of the other one
    first = [f == ip for _, f in b.receive(32, 0)]
    assert first == [True] * 24 + [False] * 8                    # and he leaves something to others
    b.favour(None)
    a.send(ip, 0)
    link.deliver(2 * S)
    assert b.drops == 100 and b.next_event() == 0
