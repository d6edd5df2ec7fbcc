"""Ten thousand frames a second of each kind into one box that is connecting and charging: bounded work, and the session goes on.

Matching has no peer yet whose frames could come first; what a flood does there is the matter of tests/homeplug.
"""
from __future__ import annotations

from typing import Callable

import pytest

from drivers.sim.link import RX_CAPACITY
from kernel.timer import MS, S
from tasks.config import Config
from tasks.ethernet import wire as ethernet
from tasks.ethernet.task import RX_LIMIT
from tasks.homeplug.wire import CM_ATTEN_PROFILE_IND, CM_SLAC_PARM_REQ
from tasks.homeplug.wire_header import BROADCAST
from tasks.ipv6 import sdp_wire, wire
from tasks.ipv6.host import ECHOES_PER_SECOND
from tasks.ipv6.neighbor import ENTRIES, STRANGER_ANSWERS
from tasks.ipv6.sdp_wire import SDP_PORT
from tasks.stop_reasons import StopReason
from tasks.tcp import wire as tcp
from tests.attacks.attacker import AttackedCharge, View
from tests.attacks.test_neighbours import KIND
from tests.sessions.charges import assert_safe
from tools.simulate.charge import CAR_MAC, CHARGER_MAC

RATE = 10_000                # frames per second
BATCH = 20                   # every 2 ms
VARIANTS = 64
LISTEN_PORT = Config().tcp.listen_port
LIMIT = 400 * S
WINDOWS = {"Discovering": 3 * S, "CurrentDemand": 2 * S}     # how long it floods, from that state of connection or session on


def stranger(i: int) -> tuple[bytes, bytes]:
    mac = b"\x02\x66" + i.to_bytes(4, "big")
    return mac, wire.link_local(mac)


def matching(v: View, i: int) -> bytes:
    return CM_SLAC_PARM_REQ(BROADCAST, stranger(i)[0], i.to_bytes(8, "big")).emit()


def profiles(v: View, i: int) -> bytes:
    """What only an own modem sends, in the name of one."""
    return CM_ATTEN_PROFILE_IND(v.mac, stranger(i)[0], v.peer_mac, bytes([20] * 58)).emit()


def broken_mme(v: View, i: int) -> bytes:
    return ethernet.emit(v.mac, stranger(i)[0], ethernet.ETHERTYPE_HOMEPLUG, b"\1\x65\x60" + bytes(i % 20))


def solicitations(v: View, i: int) -> bytes:
    mac, address = stranger(i)
    return v.nd(135, 0, v.address, mac, src=address, src_mac=mac)


def advertisements(v: View, i: int) -> bytes:
    mac, address = stranger(i)
    return v.nd(136, 0x20, v.peer, mac, src=v.peer, src_mac=mac)


def echoes(v: View, i: int) -> bytes:
    mac, address = stranger(i)
    return v.icmp(bytes((wire.ECHO_REQUEST, 0, 0, 0, 0, 1, 0, i)) + bytes(1000), src=address, src_mac=mac)


def sdp_requests(v: View, i: int) -> bytes:
    return v.datagram(sdp_wire.emit_request(sdp_wire.SdpRequest(0x10)), 50_000 + i, SDP_PORT, dst=wire.ALL_NODES)


def syns(v: View, i: int) -> bytes:
    mac, address = stranger(i)
    return v.ip(wire.TCP, tcp.emit(40_000 + i, LISTEN_PORT, i, 0, tcp.SYN, 8192, b"", wire.pseudo_sum(address, v.address, wire.TCP)), src=address, src_mac=mac)


def syns_as_the_peer(v: View, i: int) -> bytes:
    """With MAC and address of the peer: nothing but the ports tells them apart. They get RST, at most RESETS_PER_SECOND."""
    return v.ip(wire.TCP, tcp.emit(40_000 + i, LISTEN_PORT, i, 0, tcp.SYN, 8192, b"", wire.pseudo_sum(v.peer, v.address, wire.TCP)), src=v.peer, src_mac=v.peer_mac)


def noise(v: View, i: int) -> bytes:
    """IPv6 in name only, and other EtherTypes, which a real interface drops by its filter."""
    return ethernet.emit(v.mac, stranger(i)[0], (ethernet.ETHERTYPE_IPV6, 0x0800)[i & 1], bytes([i * 7 & 0xFF]) * (i % 90))


FLOODS = (matching, profiles, broken_mme, solicitations, advertisements, echoes, sdp_requests, syns, syns_as_the_peer, noise)


class Flood:
    """A source of the world: BATCH frames at a time into the box's interface, in the WINDOWS."""

    def __init__(self, charge: AttackedCharge, victim: str, make: Callable[[View, int], bytes]) -> None:
        view = View(CAR_MAC, CHARGER_MAC) if victim == "pev" else View(CHARGER_MAC, CAR_MAC)
        self._frames = [make(view, i) for i in range(VARIANTS)]
        self._tap = charge.taps[victim]
        self._signals = charge.node.signals
        self._until = dict.fromkeys(WINDOWS, 0)
        self._at = 0
        self.sent = 0
        charge.world.sources.append(self)

    def next_event(self) -> int:
        return self._at

    def deliver(self, now: int) -> None:
        self._at = now + BATCH * S // RATE
        for name, length in WINDOWS.items():
            if not self._until[name] and name in (self._signals.connection_state.value, self._signals.v2g_state.value):
                self._until[name] = now + length
        if now < max(self._until.values()):
            self._tap.add([self._frames[(self.sent + n) % VARIANTS] for n in range(BATCH)], now)
            self.sent += BATCH


@pytest.fixture(scope="module")
def undisturbed() -> AttackedCharge:
    c = AttackedCharge("pev", None)
    c.run(LIMIT)
    return c


@pytest.mark.slow
@pytest.mark.parametrize("make", FLOODS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("victim", ["pev", "evse"])
def test_a_flood_costs_bounded_work_and_no_session(victim: str, make: Callable[[View, int], bytes], undisturbed: AttackedCharge) -> None:
    c = AttackedCharge(victim, None)
    flood = Flood(c, victim, make)
    rows = {row.name: row.task for row in c.node.kernel.rows}
    events = []
    c.node.journal.add_sink(events.append)
    c.run(LIMIT)
    c.node.journal.flush()
    assert c.good and c.reason is StopReason.BATTERY_FULL, c.reason
    assert_safe(c)
    for ours, theirs in zip(c.speech(), undisturbed.speech()):
        assert list(dict.fromkeys(m[KIND] for m in ours)) == list(dict.fromkeys(m[KIND] for m in theirs))      # every message in its order
    flooded = sum(WINDOWS.values()) / S
    assert flood.sent >= RATE * flooded * 0.95
    assert c.taps[victim].largest <= RX_LIMIT                          # bounded bites
    assert rows["frame_rx"].flooded >= flooded - 2
    told = [e.message() for e in events if e.message().startswith("flood:")]
    assert 1 <= len(told) <= 2 and "02:" in told[0]
    assert len(events) < 60 * c.clock.time / S                         # a flood of frames is no flood of lines
    host = rows["ipv6"].host
    assert len(host.neighbor.entries) <= ENTRIES and host.echoes <= ECHOES_PER_SECOND * (flooded + 2)
    assert rows["ipv6"].lost_out == 0                                  # no segment of ours had to give way
    assert rows["frame_tx"].sent < undisturbed_sent(undisturbed, victim) + (ECHOES_PER_SECOND + STRANGER_ANSWERS) * (flooded + 2)
    assert c.node.kernel.fault is None and all(box.drops == 0 for box in c.node.table.mailboxes)


def undisturbed_sent(c: AttackedCharge, victim: str) -> int:
    node = c.car if victim == "pev" else c.charger
    return next(row.task for row in node.kernel.rows if row.name == "frame_tx").sent


def test_a_ring_that_overflows_loses_strangers_and_not_the_peer() -> None:
    """Two thousand frames at once: twice what the ring holds."""
    c = AttackedCharge("evse", None)
    tap = c.taps["evse"]
    while c.node.signals.v2g_state.value != "CurrentDemand":
        c.run_until(c.clock.time + 100 * MS)
    view = View(CHARGER_MAC, CAR_MAC)
    tap.add([syns(view, i % VARIANTS) for i in range(2000)], c.clock.time)
    c.run(LIMIT)
    assert c.good and tap.lost == 2000 - RX_CAPACITY
