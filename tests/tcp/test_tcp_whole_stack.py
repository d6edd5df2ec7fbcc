"""Car and charger from SDP to the last FIN through all six tasks, frame by frame, in virtual time."""
from __future__ import annotations

import random
from typing import Any

from kernel.channels import Mailbox
from kernel.journal import Journal
from kernel.timer import MS, NEVER, S
from tasks.ethernet.task import FrameRx, FrameTx
from tasks.ipv6 import wire as ipv6
from tasks.ipv6.config import Ipv6Config, SdpConfig
from tasks.ipv6.host import Host
from tasks.ipv6.sdp import SdpClient, SdpServer
from tasks.ipv6.task import Ipv6Task, SdpTask
from tasks.messages import (Discovered, StartDiscovery, TcpAbort, TcpClose, TcpClosed, TcpConnect, TcpConnected, TcpData,
                            TcpListen, TcpSend)
from tasks.signals import Signals
from tasks.tcp.config import TcpConfig
from tasks.tcp.endpoint import Endpoint
from tasks.tcp.task import TcpTask

CAR_MAC = bytes.fromhex("e00ee1ffd3e2")
CHARGER_MAC = bytes.fromhex("52ad9207328b")


class Cable:
    """A Nic whose frames arrive at the other end after 1 ms; 60 octets at least, as on a real wire."""

    def __init__(self, mac: bytes) -> None:
        self.mac = mac
        self.errors = 0
        self.other: Cable | None = None
        self.arriving: list[tuple[int, bytes]] = []

    def fileno(self) -> int:
        return -1

    def receive(self, limit: int, now: int) -> list[tuple[int, bytes]]:
        out = [f for f in self.arriving if f[0] <= now][:limit]
        self.arriving = self.arriving[len(out):]
        return out

    def send(self, frame: bytes, now: int) -> bool:
        self.other.arriving.append((now + 1 * MS, frame.ljust(60, b"\0")))
        return True

    def next_event(self) -> int:
        return self.arriving[0][0] if self.arriving else NEVER

    def close(self) -> None:
        self.arriving = []


class Node:
    """The tasks of one box in table order; a row runs when it has mail or its deadline has come."""

    def __init__(self, mac: bytes, car: bool, v2g_capacity: int = 64) -> None:
        rng = random.Random(mac)
        self.nic = Cable(mac)
        self.journal = Journal()
        signals = Signals()
        box = {n: Mailbox(n, 64) for n in ("homeplug", "ipv6", "send", "frames", "udp", "tcp", "sdp_commands", "tcp_commands",
                                           "discovery", "to_connection")}
        box["to_v2g"] = Mailbox("to_v2g", v2g_capacity)
        self.box: dict[str, Mailbox[Any]] = box
        host = Host(mac, Ipv6Config(), rng)
        endpoint = Endpoint(host.address, TcpConfig(), rng)
        sdp = SdpClient(host.address, rng) if car else SdpServer(host.address, 51110, SdpConfig())
        self.host, self.endpoint, self.frames = host, endpoint, []
        self.tx = FrameTx(self.nic, box["frames"], self.journal, tap=lambda at, f, out: self.frames.append((at, f)))
        self.rows = [FrameRx(self.nic, box["homeplug"], box["ipv6"], self.journal),
                     Ipv6Task(host, box["ipv6"], box["send"], box["frames"], box["udp"], box["tcp"], signals, self.journal),
                     SdpTask(sdp, box["sdp_commands"], box["udp"], box["send"], box["discovery"], signals, self.journal),
                     TcpTask(endpoint, box["tcp"], box["tcp_commands"], box["send"], box["to_connection"], box["to_v2g"],
                             signals.own_address, self.journal), self.tx]
        self.due = [0] * len(self.rows)

    def run(self, now: int) -> None:
        for _ in range(20):
            busy = False
            for i, task in enumerate(self.rows):
                at = self.nic.next_event() if i == 0 else self.due[i]
                if at <= now or any(len(b) for b in task.inboxes):
                    self.due[i] = task.run(now)
                    busy = True
            if not busy:
                return
        raise AssertionError("a node that does not come to rest")

    def next(self) -> int:
        return min(self.nic.next_event(), *self.due[1:])

    def take(self, name: str) -> list[Any]:
        return self.box[name].drain(100)

    def put(self, name: str, item: Any) -> None:
        assert self.box[name].put(item)

    def checkpoints(self) -> list[int]:
        numbers: list[int] = []
        self.journal.add_sink(lambda e: numbers.append(e.number) if e.level == "checkpoint" else None)
        self.journal.flush()
        return numbers


class Bench:
    def __init__(self, **charger: Any) -> None:
        self.car, self.charger = Node(CAR_MAC, True), Node(CHARGER_MAC, False, **charger)
        self.car.nic.other, self.charger.nic.other = self.charger.nic, self.car.nic
        self.now = 0

    def until(self, at: int) -> None:
        while True:
            self.car.run(self.now)
            self.charger.run(self.now)
            nearest = max(self.now, min(self.car.next(), self.charger.next()))
            if nearest > at:
                self.now = at
                return
            self.now = nearest

    def connected(self) -> Bench:
        car, charger = self.car, self.charger
        charger.put("tcp_commands", TcpListen(51110))
        charger.put("sdp_commands", StartDiscovery())
        car.put("sdp_commands", StartDiscovery())
        self.until(100 * MS)
        (found,) = car.take("discovery")
        assert found == Discovered(charger.host.address, 51110, CHARGER_MAC)
        car.put("tcp_commands", TcpConnect(found.address, found.port, found.mac, 20 * S))
        self.until(200 * MS)
        assert car.take("to_connection") == car.take("to_v2g") == [TcpConnected(charger.host.address, 51110, CHARGER_MAC)]
        (opened,) = charger.take("to_connection")
        assert opened.mac == CAR_MAC and charger.take("to_v2g") == [opened]
        return self


def test_from_discovery_to_the_last_fin() -> None:
    bench = Bench().connected()
    car, charger = bench.car, bench.charger
    for i in range(20):
        car.put("tcp_commands", TcpSend(b"request" + bytes([i])))
        bench.until(bench.now + 5 * MS)
        assert charger.take("to_v2g") == [TcpData(b"request" + bytes([i]))]
        charger.put("tcp_commands", TcpSend(b"response" + bytes([i])))
        bench.until(bench.now + 5 * MS)
        assert car.take("to_v2g") == [TcpData(b"response" + bytes([i]))]
    assert car.take("to_connection") == charger.take("to_connection") == []
    car.put("tcp_commands", TcpClose())
    bench.until(bench.now + 10 * MS)
    assert charger.take("to_v2g") == charger.take("to_connection") == [TcpClosed(None)]
    charger.put("tcp_commands", TcpClose())
    bench.until(bench.now + 10 * MS)
    assert car.take("to_v2g") == car.take("to_connection") == [TcpClosed(None)]
    assert [n for n in car.checkpoints()] == [200, 203, 301, 210, 302, 303]
    assert [n for n in charger.checkpoints()] == [300, 201, 202, 210, 301, 302, 303]
    # handshake 3, data 2 x 20, closing 4, one delayed ACK for the last response at most
    segments = [f for node in (car, charger) for _, f in node.frames if f[20] == ipv6.TCP]
    assert 47 <= len(segments) <= 48


def test_first_sdp_request_is_answered_and_valid() -> None:
    bench = Bench().connected()
    requests = [f for _, f in bench.car.frames if f[20] == ipv6.UDP]
    assert len(requests) == 1
    packet = ipv6.parse_ipv6(requests[0], 14)
    assert ipv6.parse_udp(packet.payload, packet.src, packet.dst).dst_port == 15118


def test_t28_padding_of_short_frames_is_not_delivered() -> None:
    bench = Bench().connected()
    bench.car.put("tcp_commands", TcpSend(b"x"))
    bench.until(bench.now + 5 * MS)
    assert bench.charger.take("to_v2g") == [TcpData(b"x")]


def test_the_address_in_use_follows_the_signal() -> None:
    bench = Bench()
    bench.until(1 * MS)
    bench.car.host.neighbor.address = ipv6.link_local_from(77)
    bench.car.rows[1].run(bench.now)
    bench.connected()
    assert bench.charger.endpoint.session.peer == ipv6.link_local_from(77)


def test_t58_connecting_to_nobody_fails_within_three_seconds() -> None:
    bench = Bench()
    bench.car.put("tcp_commands", TcpConnect(ipv6.link_local_from(99), 51110, None, 20 * S))
    bench.until(2900 * MS)
    assert bench.car.take("to_connection") == []
    bench.until(3 * S)
    (closed,) = bench.car.take("to_connection")
    assert closed.reason is not None and bench.car.take("to_v2g") == [closed]


def test_a_slow_v2g_task_closes_the_window_and_loses_nothing() -> None:
    bench = Bench(v2g_capacity=1).connected()
    sent = b""
    for i in range(30):
        block = bytes([i]) * 1000
        sent += block
        bench.car.put("tcp_commands", TcpSend(block))
        bench.until(bench.now + 5 * MS)
    assert bench.car.endpoint.session.connection.tx.unfinished
    heard = b""
    for _ in range(200):
        heard += b"".join(e.data for e in bench.charger.take("to_v2g"))
        bench.until(bench.now + 100 * MS)
    assert heard == sent


def test_abort_resets_the_other_side() -> None:
    bench = Bench().connected()
    bench.car.put("tcp_commands", TcpAbort())
    bench.until(bench.now + 10 * MS)
    (closed,) = bench.charger.take("to_connection")
    assert closed.reason is not None
    assert bench.car.take("to_connection") == [TcpClosed(None)]


def test_send_without_a_stream_is_told_and_harmless() -> None:
    bench = Bench()
    bench.car.put("tcp_commands", TcpSend(b"nobody"))
    bench.car.put("tcp_commands", TcpClose())
    bench.until(1 * S)
    assert bench.car.frames == []
