"""Frames are sorted, bounded, counted and shown to the tap; both tasks against a scripted interface."""
from __future__ import annotations

import pytest

from kernel.channels import Mailbox, Signal
from kernel.journal import Journal
from kernel.timer import MS, NEVER
from tasks.errors import WireError
from tasks.ethernet import wire
from tasks.ethernet.task import FLOOD, RX_LIMIT, TX_LIMIT, FrameRx, FrameTx
from tasks.messages import Frame, Packet

MAC = bytes.fromhex("020000000001")
PEER = bytes.fromhex("020000000002")
HOMEPLUG = wire.emit(MAC, PEER, wire.ETHERTYPE_HOMEPLUG, b"mme")
IPV6 = wire.emit(MAC, PEER, wire.ETHERTYPE_IPV6, b"packet")


class ScriptedNic:
    """Hands out `frames`; takes `room` frames."""

    def __init__(self, frames: list[bytes] | None = None, room: int = 1000) -> None:
        self.mac = MAC
        self.errors = 0
        self.frames = [(i, f) for i, f in enumerate(frames or [])]
        self.room = room
        self.sent: list[bytes] = []
        self.next = 4711
        self.drops = 0
        self.favoured: list[bytes | None] = []

    def fileno(self) -> int:
        return -1

    def receive(self, limit: int, now: int) -> list[tuple[int, bytes]]:
        out, self.frames = self.frames[:limit], self.frames[limit:]
        return out

    def send(self, frame: bytes, now: int) -> bool:
        if len(self.sent) >= self.room:
            return False
        self.sent.append(frame)
        return True

    def next_event(self) -> int:
        return self.next

    def favour(self, station: bytes | None) -> None:
        self.favoured.append(station)

    def close(self) -> None:
        self.frames = []


def rx(nic: ScriptedNic, tap=None, capacity: int = 100):
    homeplug, ipv6 = Mailbox("homeplug_in", capacity), Mailbox("ipv6_in", capacity)
    return FrameRx(nic, homeplug, ipv6, Journal(), tap), homeplug, ipv6


def test_wire_both_ways() -> None:
    assert wire.parse(HOMEPLUG) == (MAC, PEER, 0x88E1)
    assert HOMEPLUG == MAC + PEER + b"\x88\xe1mme"
    for size in range(14):
        with pytest.raises(WireError):
            wire.parse(HOMEPLUG[:size])


def test_frames_are_sorted_and_the_rest_is_counted() -> None:
    own = wire.emit(PEER, MAC, wire.ETHERTYPE_IPV6, b"echo of ours")
    task, homeplug, ipv6 = rx(ScriptedNic([HOMEPLUG, IPV6, own, b"runt", wire.emit(MAC, PEER, 0x0800, b"ipv4")]))
    assert task.run(10) == 4711
    assert homeplug.drain(9) == [Frame(0, HOMEPLUG)] and ipv6.drain(9) == [Packet(1, IPV6)]
    d = task.demux
    assert (d.homeplug, d.ipv6, d.own_echoes, d.runts, d.others) == (1, 1, 1, 1, 1)


def test_a_flood_is_taken_in_bites() -> None:
    nic = ScriptedNic([IPV6] * (RX_LIMIT * 2 + 1))
    task, _, ipv6 = rx(nic)
    assert task.run(10) == 10 and len(ipv6) == RX_LIMIT
    assert task.run(10) == 10
    assert task.run(10) == 4711 and len(ipv6) == 2 * RX_LIMIT + 1


def test_a_full_mailbox_drops_and_counts() -> None:
    task, _, ipv6 = rx(ScriptedNic([IPV6] * 10), capacity=3)
    task.run(0)
    assert len(ipv6) == 3 and ipv6.drops == 7


def test_the_tap_sees_every_frame_both_ways() -> None:
    seen: list[tuple[int, bytes, bool]] = []
    task, _, _ = rx(ScriptedNic([HOMEPLUG, b"runt"]), tap=lambda *a: seen.append(a))
    task.run(5)
    out: Mailbox[bytes] = Mailbox("out", 10)
    out.put(IPV6)
    FrameTx(ScriptedNic(), out, Journal(), tap=lambda *a: seen.append(a)).run(7)
    assert seen == [(0, HOMEPLUG, False), (1, b"runt", False), (7, IPV6, True)]


def test_tx_sends_in_order_and_in_bites() -> None:
    nic = ScriptedNic()
    out: Mailbox[bytes] = Mailbox("out", 100)
    task = FrameTx(nic, out, Journal())
    frames = [IPV6 + bytes([i]) for i in range(TX_LIMIT + 3)]
    for f in frames:
        out.put(f)
    assert task.run(1) == 1 and task.run(2) == NEVER
    assert nic.sent == frames and task.sent == TX_LIMIT + 3


def test_tx_counts_what_the_driver_refuses() -> None:
    out: Mailbox[bytes] = Mailbox("out", 100)
    task = FrameTx(ScriptedNic(room=1), out, Journal())
    out.put(IPV6), out.put(IPV6)
    assert task.run(1) == NEVER and (task.sent, task.refused) == (1, 1)


def test_a_flood_is_told_now_and_then() -> None:
    nic = ScriptedNic()
    task, homeplug, ipv6 = rx(nic)
    lines: list[str] = []
    task._journal.add_sink(lambda e: lines.append(e.message()))
    for i in range(25 * 100):                    # 25 s, a run each 10 ms, 16 frames each: 1600 per second
        nic.frames = [(0, IPV6)] * 4 + [(0, HOMEPLUG)] * 12
        nic.drops += 5
        task.run(i * 10 * MS)
        homeplug.clear(), ipv6.clear()
    task._journal.flush()
    assert len(lines) == 3 and task.flooded == 24
    assert lines[0] == "flood: 1212 HomePlug and 404 IPv6 frames per second, the last from 02:00:00:00:00:02; 505 more lost at the interface"   # 101 runs
    assert lines[1].startswith("flood: 1200 HomePlug and 400 IPv6") and lines[1].endswith("5000 more lost at the interface")


def test_an_ordinary_second_is_no_flood() -> None:
    nic = ScriptedNic()
    task, homeplug, ipv6 = rx(nic)
    for i in range(1000):
        nic.frames = [(0, IPV6)] * (FLOOD // 100 - 1)
        task.run(i * 10 * MS)
        ipv6.clear()
    assert task.flooded == 0


def test_the_station_of_the_session_is_named_to_the_interface_when_it_changes() -> None:
    nic, station = ScriptedNic(), Signal("station")
    task = FrameRx(nic, Mailbox("h", 9), Mailbox("i", 9), Journal(), None, station)
    write = station.claim("test")
    for value in (None, PEER, PEER, None):
        write.set(value, 1)
        task.run(1)
    assert nic.favoured == [PEER, None]
