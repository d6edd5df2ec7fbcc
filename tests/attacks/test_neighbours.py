"""The table of what a malicious neighbour tries above SLAC: each row beside a whole charge, which does not change and tells of it."""
from __future__ import annotations

from typing import Callable, NamedTuple

import pytest

from kernel.timer import MS, S
from tasks.config import Config
from tasks.ipv6 import sdp_wire, wire
from tasks.ipv6.neighbor import ENTRIES
from tasks.ipv6.sdp_wire import SDP_PORT, SdpRequest, SdpResponse
from tasks.ipv6.strangers import Trick
from tasks.ipv6.timing import SDP_PREFER
from tasks.stop_reasons import StopReason
from tasks.tcp import wire as tcp
from tasks.tcp.wire import ACK, FIN, PSH, RST, SYN
from tests.attacks.attacker import EVIL, EVIL_MAC, AttackedCharge, View

OTHER_PORT = 30_000
LISTEN_PORT = Config().tcp.listen_port
LIMIT = 400 * S
KIND = slice(8, 21)              # of a V2GTP message: EXI header, session id, and which message it is


def na_for_the_peer(v: View) -> list[bytes]:
    """Each form of an advertisement that could move the peer to the attacker's MAC."""
    if not v.talking:
        return []
    return [v.nd(136, flags, v.peer, EVIL_MAC, src=src) for flags in (0x60, 0x20, 0x40) for src in (v.peer, EVIL)]


def ns_as_the_peer(v: View) -> list[bytes]:
    return [v.nd(135, 0, v.address, EVIL_MAC, src=v.peer), v.nd(135, 0, v.address, EVIL_MAC, src=v.peer, dst=wire.solicited_node(v.address))] if v.talking else []


def na_claims_ours(v: View) -> list[bytes]:
    return [v.nd(136, 0x20, v.address, EVIL_MAC, src=v.address, dst=wire.ALL_NODES), v.nd(136, 0x20, v.address, EVIL_MAC)] if v.talking else []


def claims_ours_while_asked(v: View) -> list[bytes]:
    """The answer to our duplicate address detection, in both forms (RFC 4862 5.4.3 and 5.4.4)."""
    if not v.says(135) or v.packet.src != wire.UNSPECIFIED:
        return []
    target = v.packet.payload[8:24]
    group = wire.solicited_node(target)
    return [v.nd(136, 0x20, target, EVIL_MAC, src=target, dst=wire.ALL_NODES), v.nd(135, 0, target, None, src=wire.UNSPECIFIED, dst=group)]


def ns_from_our_address(v: View) -> list[bytes]:
    return [v.nd(135, 0, v.address, EVIL_MAC, src=v.address)] if v.talking else []


def storm_of_solicitations(v: View) -> list[bytes]:
    """Forty neighbours that nobody has heard of, after each segment."""
    if not v.talking:
        return []
    macs = [b"\x02\x66" + (v.count * 40 + i).to_bytes(4, "big") for i in range(40)]
    return [v.nd(135, 0, v.address, mac, src=wire.link_local(mac), src_mac=mac) for mac in macs]


def sdp_answer_first(v: View) -> list[bytes]:
    udp = v.udp(True)
    if udp is None or udp.dst_port != SDP_PORT:
        return []
    return [v.datagram(sdp_wire.emit_response(SdpResponse(EVIL, OTHER_PORT, 0x10)), SDP_PORT, udp.src_port)]


def sdp_answer_first_as_the_peer(v: View) -> list[bytes]:
    """With the charger's own address in packet and payload: only MAC and port are false."""
    udp = v.udp(True)
    if udp is None or udp.dst_port != SDP_PORT:
        return []
    return [v.datagram(sdp_wire.emit_response(SdpResponse(v.peer, OTHER_PORT, 0x10)), SDP_PORT, udp.src_port, src=v.peer)]


def sdp_answer_later(v: View) -> list[bytes]:
    """A second answer to the same port, when the first has been taken and the stream begins."""
    return [v.datagram(sdp_wire.emit_response(SdpResponse(EVIL, OTHER_PORT, 0x10)), SDP_PORT, v.asked_from)] if v.talking and v.asked_from else []


def sdp_and_syn_of_a_stranger(v: View) -> list[bytes]:
    """A second car, faster than the real one: asks the charger, and connects. It never stops."""
    request = sdp_wire.emit_request(SdpRequest(0x10))
    syn = tcp.emit(50_000, LISTEN_PORT, 7, 0, SYN, 8192, b"", wire.pseudo_sum(EVIL, v.address, wire.TCP))
    return [v.datagram(request, 50_001, SDP_PORT, dst=wire.ALL_NODES), v.ip(wire.TCP, syn)]


def connection_before_the_link_is_up(v: View) -> list[bytes]:
    """A whole handshake as early as the charger listens, which would keep the car out."""
    pseudo = wire.pseudo_sum(EVIL, v.address, wire.TCP)
    if v.outgoing and v.packet is not None and v.packet.dst == EVIL and v.packet.next_header == wire.TCP and v.last.flags == SYN | ACK:
        return [v.ip(wire.TCP, tcp.emit(50_000, LISTEN_PORT, v.last.ack, v.last.seq + 1 & 0xFFFFFFFF, ACK, 8192, b"", pseudo))]
    return [v.ip(wire.TCP, tcp.emit(50_000, LISTEN_PORT, 7, 0, SYN, 8192, b"", pseudo))] if v.frame[12:14] == b"\x88\xe1" and not v.outgoing else []


def tcp_in_the_peers_name(v: View) -> list[bytes]:
    """RST, FIN, SYN and a message of its own, each with exactly the numbers that the box expects."""
    if not v.talking:
        return []
    message = bytes.fromhex("01fe8001 00000004 809a0000")
    return [v.segment(RST | ACK), v.segment(RST), v.segment(FIN | ACK), v.segment(SYN), v.segment(PSH | ACK, message)]


def tcp_of_its_own(v: View) -> list[bytes]:
    return [v.segment(flags, src=EVIL, src_port=50_000 + v.count % 1000) for flags in (SYN, ACK, RST, FIN | ACK)] if v.talking else []


def false_router(v: View) -> list[bytes]:
    """An advertisement with prefix and MTU 1280, and a redirect of the peer to the attacker (RFC 4861 4.2, 4.5)."""
    if not v.talking:
        return []
    advertisement = bytes.fromhex("86000000 40c0 0708 00000000 00000000 0501 0000 00000500 0304 40c0 00015180 00003840 00000000") + bytes.fromhex("fd00") + bytes(14)
    redirect = bytes.fromhex("89000000 00000000") + EVIL + v.peer + b"\2\1" + EVIL_MAC
    return [v.icmp(advertisement, dst=wire.ALL_NODES), v.icmp(advertisement, src=v.peer), v.icmp(redirect), v.icmp(redirect, src=v.peer)]


def false_errors(v: View) -> list[bytes]:
    """Unreachable, too big (MTU 68), time exceeded, parameter problem about the segment that was just sent (RFC 4443 section 3)."""
    if not v.talking:
        return []
    about = v.frame[14:14 + 60]
    return [v.icmp(bytes((kind, code, 0, 0)) + word.to_bytes(4, "big") + about, src=src)
            for kind, code, word in ((1, 4, 0), (1, 1, 0), (2, 0, 68), (3, 0, 0), (4, 1, 6)) for src in (EVIL, v.peer)]


class Attack(NamedTuple):
    react: Callable[[View], list[bytes]]
    tricks: tuple[Trick, ...]
    victims: tuple[str, ...] = ("pev", "evse")
    exact: bool = True           # False: honest frames wait behind the storm for a tick, so what is measured is some ms older


ATTACKS = (
    Attack(na_for_the_peer, (Trick.CLAIMS_PEER,)),
    Attack(ns_as_the_peer, (Trick.CLAIMS_PEER,)),
    Attack(na_claims_ours, (Trick.CLAIMS_OURS,)),
    Attack(claims_ours_while_asked, (Trick.CLAIMS_OURS,)),
    Attack(ns_from_our_address, (Trick.CLAIMS_OURS,)),
    Attack(storm_of_solicitations, (Trick.SOLICITS,), exact=False),
    Attack(sdp_answer_first, (Trick.RIVAL_SDP,), ("pev",)),
    Attack(sdp_answer_first_as_the_peer, (Trick.RIVAL_SDP,), ("pev",)),
    Attack(sdp_answer_later, (Trick.SECOND_SDP,), ("pev",)),
    Attack(sdp_and_syn_of_a_stranger, (Trick.UNMATCHED_SDP, Trick.UNMATCHED_TCP), ("evse",)),
    Attack(connection_before_the_link_is_up, (Trick.UNMATCHED_TCP,), ("evse",)),
    Attack(tcp_in_the_peers_name, (Trick.FORGED_TCP,)),
    Attack(tcp_of_its_own, (Trick.UNMATCHED_TCP,)),
    Attack(false_router, (Trick.ROUTER,)),
    Attack(false_errors, (Trick.ERRORS,)),
)
ROWS = [pytest.param(attack, victim, id=f"{attack.react.__name__}-{victim}") for attack in ATTACKS for victim in attack.victims]


@pytest.fixture(scope="module")
def undisturbed() -> AttackedCharge:
    c = AttackedCharge("pev", None)
    c.run(LIMIT)
    assert c.good and c.reason is StopReason.BATTERY_FULL
    return c


def host_of(c: AttackedCharge):
    return next(row.task for row in c.node.kernel.rows if row.name == "ipv6").host


@pytest.mark.parametrize("attack, victim", ROWS)
def test_the_charge_does_not_change_and_tells(attack: Attack, victim: str, undisturbed: AttackedCharge) -> None:
    c = AttackedCharge(victim, attack.react)
    events = []
    c.node.journal.add_sink(events.append)
    notices = set()
    while not c.over and c.clock.time < LIMIT:
        c.run_until(c.clock.time + 500 * MS)
        notices.add(c.node.signals.stranger_notice.value)
    c.node.journal.flush()
    assert c.good and c.reason is StopReason.BATTERY_FULL and not c.invariants.broken
    for ours, theirs in zip(c.speech(), undisturbed.speech()):
        assert [message[KIND] for message in ours] == [message[KIND] for message in theirs]
        assert ours == theirs or not attack.exact                          # every message of both sides, octet by octet
    host = host_of(c)
    for trick in attack.tricks:
        assert host.strangers.counts.get(trick, 0) > 0, host.strangers.counts
        lines = [e.message() for e in events if trick.text in e.message()]
        assert lines
        assert EVIL_MAC.hex(":") in lines[0] or trick is Trick.SOLICITS
        assert len(lines) < 40                                             # told, not poured out: the attack was there all the time
    assert notices & {trick.short for trick in attack.tricks}
    assert len(host.neighbor.entries) <= ENTRIES and host.neighbor.conflicts == 0


def test_every_trick_has_its_row() -> None:
    assert {trick for attack in ATTACKS for trick in attack.tricks} == set(Trick)


def test_a_station_whose_matching_has_another_mac_is_taken_after_a_while() -> None:
    """The fall-back that keeps odd but honest equipment working (sheet 2.8 row 7: a car that matches with its modem's MAC)."""
    c = AttackedCharge("pev", None)
    odd = b"\x02\0\0\0\x77\x77"
    for node in (c.car, c.charger):
        task = next(row.task for row in node.kernel.rows if row.name == "sdp")
        task._peer_mac = type("Fixed", (), {"value": odd})()
    lines = []
    for node in (c.car, c.charger):
        node.journal.add_sink(lambda e: lines.append((e.at, e.message())))
    c.run(LIMIT)
    assert c.good
    assert any("the matched car" in text and "is answered" in text for _, text in lines)
    assert any("taking the answer of" in text for _, text in lines)
    assert SDP_PREFER == 2 * S
