"""N01 to N12, T30, T57, T58 of the fact sheet: neighbour discovery and echo."""
from __future__ import annotations

import pytest

from kernel.timer import MS, NEVER, S
from tasks.ipv6 import wire
from tasks.ipv6.neighbor import ENTRIES, Reach
from tasks.machine import Checkpoint
from tasks.messages import SendDatagram, Unreachable

from ipv6.lab import (GROUP, OUR_MAC, OURS, REAL_NA, REAL_NS, REAL_REQUEST, THEIR_MAC, THEIRS, advance, advertisement, frame,
                      give, host, solicitation, unpack)

OTHER_MAC = bytes.fromhex("020000000099")


def send(h, payload: bytes = b"segment", now: int = 0, mac: bytes | None = None) -> list[bytes]:
    h.send(SendDatagram(THEIRS, wire.TCP, payload, mac), now)
    return h.outgoing()


def test_n01_the_real_solicitation_gets_the_real_answer() -> None:
    h = host()
    assert give(h, REAL_NS) == [REAL_NA]
    assert [e.number for e in h.events() if isinstance(e, Checkpoint)] == [204, 210, 205]
    assert h.neighbor.entries[THEIRS].mac == THEIR_MAC and h.neighbor.entries[THEIRS].state is Reach.STALE


def test_n01_unicast_solicitation_without_option() -> None:
    (answer,) = give(host(), solicitation(link_layer=None, dst=OURS))
    mac, packet = unpack(answer)
    message = wire.parse_neighbor(packet)
    assert (mac, packet.dst, message.flags, message.link_layer) == (THEIR_MAC, THEIRS, 0x60, OUR_MAC)


def test_n02_duplicate_detection_of_another() -> None:
    (answer,) = give(host(), solicitation(link_layer=None, src=wire.UNSPECIFIED))
    mac, packet = unpack(answer)
    message = wire.parse_neighbor(packet)
    assert (mac, packet.dst, message.flags, message.link_layer) == (bytes.fromhex("333300000001"), wire.ALL_NODES, 0x20, OUR_MAC)


@pytest.mark.parametrize("hop_limit", [1, 10, 64, 254])
def test_n03_hop_limit(hop_limit: int) -> None:
    h = host()
    assert give(h, solicitation(hop_limit=hop_limit)) == [] and h.neighbor.malformed == 1


def test_n04_option_of_length_zero() -> None:
    h = host()
    message = bytearray(wire.emit_neighbor(wire.NeighborMessage(135, 0, OURS, THEIR_MAC), THEIRS, GROUP))
    message[25] = 0
    message[2:4] = b"\0\0"
    assert give(h, frame(wire.emit_icmpv6(THEIRS, GROUP, bytes(message)), dst=GROUP)) == [] and h.neighbor.malformed == 1


def test_n05_advertisement_without_option_confirms() -> None:
    h = host()
    give(h, REAL_NS)
    send(h)
    (probe,) = [f for _, f in advance(h, 5 * S)]
    mac, packet = unpack(probe)
    assert mac == THEIR_MAC and packet.dst == THEIRS and wire.parse_neighbor(packet).type == 135
    give(h, advertisement(flags=0x40, link_layer=None), 5 * S)     # alpitronic's form
    assert h.neighbor.entries[THEIRS].state is Reach.REACHABLE
    assert advance(h, 34 * S) == []


def test_n05_advertisement_without_option_resolves_by_the_frame() -> None:
    h = host()
    send(h)
    (sent,) = give(h, advertisement(flags=0x40, link_layer=None))
    assert unpack(sent)[0] == THEIR_MAC


def test_n06_another_target() -> None:
    h = host()
    assert give(h, solicitation(target=THEIRS, src=bytes.fromhex("fe80" + "00" * 13 + "05"))) == [] and h.neighbor.not_ours == 1


def test_n07_override_moves_what_nobody_holds_in_place() -> None:
    """T57 (a live connection follows an overriding advertisement) is not followed on purpose: no car and no charger changes its
    MAC in a session, but a stranger in the network may claim so. Who names the MAC reaches that MAC."""
    h = host()
    assert unpack(send(h, mac=THEIR_MAC)[0])[0] == THEIR_MAC
    give(h, advertisement(flags=0x20, link_layer=OTHER_MAC, src_mac=OTHER_MAC))
    assert unpack(send(h)[0])[0] == OTHER_MAC
    assert unpack(send(h, mac=THEIR_MAC)[0])[0] == THEIR_MAC


def test_n07_without_override_the_old_mac_stays() -> None:
    h = host()
    send(h, mac=THEIR_MAC)
    h.neighbor.confirm(THEIRS, THEIR_MAC, 0)
    give(h, advertisement(flags=0x40, link_layer=OTHER_MAC))
    assert h.neighbor.entries[THEIRS].state is Reach.STALE
    assert unpack(send(h)[0])[0] == THEIR_MAC


def test_n08_t58_three_solicitations_then_unreachable() -> None:
    h = host()
    first = send(h)
    later = advance(h, 10 * S)
    assert [t for t, _ in later] == [1 * S, 2 * S]
    for f in first + [f for _, f in later]:
        mac, packet = unpack(f)
        message = wire.parse_neighbor(packet)
        assert mac == wire.multicast_mac(wire.solicited_node(THEIRS)) and packet.hop_limit == 255
        assert (message.type, message.target, message.link_layer) == (135, THEIRS, OUR_MAC)
    assert [e for e in h.events() if isinstance(e, Unreachable)] == [Unreachable(THEIRS)]
    assert h.neighbor.dropped == 1 and h.next_timer() == NEVER


def test_n08_three_packets_wait_in_order() -> None:
    h = host()
    for i in range(5):
        send(h, bytes([i]))
    out = give(h, advertisement())
    assert [unpack(f)[1].payload for f in out] == [b"\2", b"\3", b"\4"] and h.neighbor.dropped == 2
    assert [e.number for e in h.events() if isinstance(e, Checkpoint)] == [204, 210]


def test_n09_duplicate_detection_is_sent_and_nobody_waits() -> None:
    h = host(duplicate_detection=True)
    dad, sent = send(h, mac=THEIR_MAC)
    mac, packet = unpack(dad)
    assert (packet.src, packet.dst, mac) == (wire.UNSPECIFIED, GROUP, bytes.fromhex("3333ffffd3e2"))
    message = wire.parse_neighbor(packet)
    assert message.target == OURS and message.link_layer is None
    assert unpack(sent)[1].payload == b"segment"
    assert len(send(h, mac=THEIR_MAC)) == 1
    h.send(SendDatagram(THEIRS, wire.TCP, b"next session", THEIR_MAC), 61 * S)
    assert len(h.outgoing()) == 2


@pytest.mark.parametrize("claim", ["advertisement", "solicitation"])
def test_n09_conflict_takes_a_random_address(claim: str) -> None:
    h = host(duplicate_detection=True)
    send(h, mac=THEIR_MAC)
    data = (advertisement(flags=0x20, target=OURS, link_layer=OTHER_MAC, src=OURS, dst=wire.ALL_NODES, src_mac=OTHER_MAC)
            if claim == "advertisement" else solicitation(link_layer=None, src=wire.UNSPECIFIED, src_mac=OTHER_MAC))
    out = give(h, data, 500 * MS)
    assert h.address != OURS and wire.is_link_local(h.address)
    assert wire.parse_neighbor(unpack(out[0])[1]).target == h.address
    assert give(h, REAL_NS, 600 * MS) == []                         # the old address is not ours any more
    assert len(give(h, solicitation(target=h.address, dst=wire.solicited_node(h.address)), 700 * MS)) == 1


def test_n09_conflicts_are_bounded() -> None:
    h = host(duplicate_detection=True)
    send(h, mac=THEIR_MAC)
    for i in range(10):
        group = wire.solicited_node(h.address)
        give(h, solicitation(target=h.address, link_layer=None, src=wire.UNSPECIFIED, dst=group, src_mac=OTHER_MAC), i * MS)
    assert h.neighbor.conflicts == 4


def test_n09_later_claims_change_nothing() -> None:
    h = host(duplicate_detection=True)
    send(h, mac=THEIR_MAC)
    give(h, advertisement(flags=0x20, target=OURS, link_layer=OTHER_MAC, src=OURS, dst=wire.ALL_NODES), 2 * S)
    assert h.address == OURS and h.neighbor.late_claims == 1


@pytest.mark.parametrize("size", [0, 1, 1232])
@pytest.mark.parametrize("dst", [OURS, wire.ALL_NODES])
def test_n10_n12_echo(size: int, dst: bytes) -> None:
    h = host()
    request = bytes.fromhex("80000000 1234 0007") + bytes(range(256)) * 5
    (answer,) = give(h, frame(wire.emit_icmpv6(THEIRS, dst, request[:8 + size]), dst=dst, hop_limit=64))
    mac, packet = unpack(answer)
    assert (mac, packet.src, packet.dst) == (THEIR_MAC, OURS, THEIRS)
    assert packet.payload[0] == 129 and packet.payload[4:] == request[4:8 + size]


def test_n10_echo_too_long_or_switched_off() -> None:
    h = host()
    long = wire.emit_icmpv6(THEIRS, OURS, bytes.fromhex("8000000012340007") + bytes(1233))
    assert give(h, frame(long)) == []
    h._config.answer_echo = False
    assert give(h, frame(wire.emit_icmpv6(THEIRS, OURS, bytes.fromhex("8000000012340007")))) == []


def test_n11_multicast_target() -> None:
    h = host()
    assert give(h, solicitation(target=GROUP)) == [] and h.neighbor.malformed == 1


def test_reachable_stale_delay_probe_and_gone() -> None:
    h = host()
    send(h)
    give(h, advertisement())
    entry = h.neighbor.entries[THEIRS]
    assert entry.state is Reach.REACHABLE
    assert advance(h, 30 * S) == [] and entry.state is Reach.STALE
    send(h, now=31 * S)
    assert entry.state is Reach.DELAY
    probes = advance(h, 60 * S)
    assert [t for t, _ in probes] == [36 * S, 37 * S, 38 * S]
    assert all(unpack(f)[0] == THEIR_MAC for _, f in probes)
    assert THEIRS not in h.neighbor.entries


def test_tcp_heard_is_forward_progress() -> None:
    h = host()
    send(h, mac=THEIR_MAC)
    for second in range(1, 40):
        give(h, frame(b"x" * 20, wire.TCP), second * S)
        assert advance(h, second * S) == []
    assert h.neighbor.entries[THEIRS].state is Reach.REACHABLE


def test_strangers_do_not_push_out_the_peer() -> None:
    h = host()
    send(h, mac=THEIR_MAC)
    for i in range(100):
        give(h, solicitation(src=bytes.fromhex("fe80" + "00" * 13) + bytes([i])))
    assert len(h.neighbor.entries) == ENTRIES and THEIRS in h.neighbor.entries
    assert h.neighbor.evicted == 100 - ENTRIES + 1


@pytest.mark.parametrize("hop_limit", [1, 10, 255])
def test_t30_hop_limit_of_tcp_and_udp_does_not_matter(hop_limit: int) -> None:
    h = host()
    give(h, frame(b"x" * 20, wire.TCP, hop_limit=hop_limit))
    give(h, frame(b"y" * 8, wire.UDP, hop_limit=hop_limit))
    assert [d.payload for d in h.tcp()] == [b"x" * 20] and [d.payload for d in h.udp()] == [b"y" * 8]


def test_what_is_not_for_us_is_counted_and_dropped() -> None:
    h = host()
    give(h, frame(b"x" * 20, wire.TCP, dst=THEIRS))                                     # another address
    give(h, frame(b"x" * 20, wire.TCP, dst_mac=OTHER_MAC))                              # another MAC
    assert h.not_for_us == 2
    give(h, frame(b"x" * 20, wire.TCP, src=GROUP))                                      # from a group
    give(h, frame(b"x" * 20, wire.TCP, src=wire.UNSPECIFIED))
    give(h, frame(b"x" * 20, wire.TCP, src=OURS))                                       # from ourselves
    give(h, frame(b"x" * 20, wire.TCP, src=bytes.fromhex("2001" + "00" * 13 + "01")))   # from afar
    give(h, frame(b"x" * 20, wire.TCP, dst=wire.ALL_NODES))
    give(h, b"short")
    assert h.malformed == 6
    give(h, frame(b"x" * 20, 0))                                                        # hop-by-hop
    assert h.unknown_header == 1
    bad = bytearray(REAL_NS)
    bad[-1] ^= 1
    give(h, bytes(bad))
    assert h.bad_checksum == 1
    assert h.tcp() == [] and h.udp() == [] and h.outgoing() == []


def test_multicast_needs_no_neighbour() -> None:
    h = host()
    packet = wire.parse_ipv6(REAL_REQUEST, 14)
    h.send(SendDatagram(wire.ALL_NODES, wire.UDP, packet.payload), 0)
    (sent,) = h.outgoing()
    assert sent[:14] == REAL_REQUEST[:14] and unpack(sent)[1].payload == packet.payload
    assert h.next_timer() == NEVER
