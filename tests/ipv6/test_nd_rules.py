"""Neighbour discovery read as a hostile reader reads it: RFC 4861 7.1 to 7.3, RFC 4862 5.4, who may move what, and limits; the ledger of strangers."""
from __future__ import annotations

import pytest

from kernel.timer import MS, S
from tasks.ipv6 import wire
from tasks.ipv6.host import ECHOES_PER_SECOND, Host
from tasks.ipv6.neighbor import PEER_ANSWERS, STRANGER_ANSWERS, UNKNOWN_ANSWERS, Reach
from tasks.ipv6.strangers import MANY, NAMED, REPEAT, Strangers, Trick
from tasks.ipv6.wire import ICMPV6
from tasks.messages import NOBODY, SendDatagram

from ipv6.lab import GROUP, OUR_MAC, OURS, THEIR_MAC, THEIRS, advertisement, frame, give, host, solicitation, unpack

OTHER_MAC = bytes.fromhex("020000000099")
OTHER = wire.link_local(OTHER_MAC)


def known(h: Host, mac: bytes = THEIR_MAC, held: bool = False) -> Host:
    """The peer's MAC has been learned, and it was matched; `held`: with an open stream."""
    h.accept(mac)
    h.send(SendDatagram(THEIRS, wire.TCP, b"x", mac), 0)
    if held:
        h.neighbor.hold(THEIRS, mac, 0)
    h.outgoing(), h.events()
    return h


def ns(options: bytes, src: bytes = THEIRS, dst: bytes = GROUP, target: bytes = OURS, head: bytes = bytes((135, 0, 0, 0, 0, 0, 0, 0))) -> bytes:
    return frame(wire.emit_icmpv6(src, dst, head + target + options), src=src, dst=dst)


LLA = b"\1\1" + THEIR_MAC


@pytest.mark.parametrize("wrong", [
    dict(options=LLA, head=bytes((135, 1, 0, 0, 0, 0, 0, 0))),                  # code
    dict(options=LLA, src=wire.UNSPECIFIED),                                    # :: with SLLA (7.1.1)
    dict(options=b"", src=wire.UNSPECIFIED, dst=OURS),                          # :: to our address, not to the group
    dict(options=b"", src=wire.UNSPECIFIED, dst=wire.ALL_NODES),
    dict(options=b"", target=b"")])                                             # 8 octets only
def test_solicitations_that_7_1_1_tells_to_drop(wrong: dict) -> None:
    h = host()
    assert give(h, ns(**wrong)) == [] and h.neighbor.malformed == 1 and h.neighbor.entries == {}


@pytest.mark.parametrize("options", [b"\1\0" + bytes(6), LLA + b"\x0e\0", LLA + b"\x0e", LLA + b"\x0e\2" + bytes(6), b"\1\x1f" + bytes(6), LLA + bytes(8)])
def test_n04_options_that_cannot_be(options: bytes) -> None:
    h = host()
    assert give(h, ns(options)) == [] and h.neighbor.malformed == 1 and h.neighbor.entries == {}


@pytest.mark.parametrize("hop_limit", [0, 64, 254])
def test_n03_an_advertisement_from_afar_moves_nothing(hop_limit: int) -> None:
    h = host()
    h.send(SendDatagram(THEIRS, wire.TCP, b"x", THEIR_MAC), 0)
    h.outgoing()
    give(h, advertisement(flags=0x60, link_layer=OTHER_MAC, hop_limit=hop_limit))
    assert h.neighbor.entries[THEIRS].mac == THEIR_MAC and h.neighbor.malformed == 1


@pytest.mark.parametrize("change", [dict(flags=0x60, dst=wire.ALL_NODES), dict(target=GROUP)])
def test_advertisements_that_7_1_2_tells_to_drop(change: dict) -> None:
    h = host()
    give(h, advertisement(**change))
    assert h.neighbor.malformed == 1


def test_an_advertisement_makes_no_entry_and_a_solicitation_from_nowhere_neither() -> None:
    h = host()
    give(h, advertisement(flags=0x20))
    assert h.neighbor.entries == {}
    assert len(give(h, solicitation(link_layer=None, src=wire.UNSPECIFIED))) == 1 and h.neighbor.entries == {}


@pytest.mark.parametrize("flags, state", [(0x00, Reach.STALE), (0x40, Reach.STALE), (0x20, Reach.STALE), (0x60, Reach.REACHABLE)])
def test_the_table_of_7_2_5_for_another_mac(flags: int, state: Reach) -> None:
    """O clear: nothing but REACHABLE -> STALE. O set: taken; REACHABLE only with S."""
    h = host()
    h.send(SendDatagram(THEIRS, wire.TCP, b"x", THEIR_MAC), 0)
    h.neighbor.confirm(THEIRS, THEIR_MAC, 0)
    give(h, advertisement(flags=flags, link_layer=OTHER_MAC))
    entry = h.neighbor.entries[THEIRS]
    assert entry.state is state and entry.mac == (OTHER_MAC if flags & 0x20 else THEIR_MAC)


def test_a_frame_from_a_group_a_segment_to_one_and_our_own_echo() -> None:
    h = host()
    assert give(h, solicitation(link_layer=None, src_mac=b"\x33\x33\0\0\0\1")) == [] and h.malformed == 1
    give(h, frame(b"x" * 20, wire.TCP, dst_mac=b"\x33\x33\0\0\0\1"))
    assert h.malformed == 2 and h.tcp() == []
    assert give(h, solicitation(src_mac=OUR_MAC)) == [] and h.own_echoes == 1


def test_router_solicitations_are_not_for_a_host() -> None:
    """RFC 4861 6.2.6; the sheet would learn their option, a point-to-point network has no use for it."""
    h = host()
    give(h, frame(wire.emit_icmpv6(THEIRS, wire.ALL_NODES, bytes((133, 0, 0, 0, 0, 0, 0, 0)) + LLA), dst=wire.ALL_NODES))
    assert h.neighbor.entries == {} and h.icmp_ignored == 1 and h.strangers.total == 0


# --- who may move what --------------------------------------------------------------------------------------------

@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("how", ["advertisement", "solicitation"])
def test_n07_the_peer_and_the_open_stream_stay_where_they_are(held: bool, how: str) -> None:
    h = known(host(), held=held)
    data = (advertisement(flags=0x60, link_layer=OTHER_MAC, src_mac=OTHER_MAC) if how == "advertisement"
            else solicitation(link_layer=OTHER_MAC, src_mac=OTHER_MAC))
    answers = give(h, data)
    assert h.neighbor.entries[THEIRS].mac == THEIR_MAC and h.strangers.counts == {Trick.CLAIMS_PEER: 1}
    assert len(answers) == (how == "solicitation")                       # it is answered all the same
    (event,) = [e for e in h.events() if hasattr(e, "short")]
    assert event.short == "false neighbour" and OTHER_MAC.hex(":") in event.args


def test_the_peer_itself_may_move_before_a_stream_is_open() -> None:
    for held, mac in ((False, OTHER_MAC), (True, THEIR_MAC)):
        h = known(host(), held=held)
        give(h, advertisement(flags=0x60, link_layer=OTHER_MAC, src_mac=THEIR_MAC))
        assert h.neighbor.entries[THEIRS].mac == mac
    h.neighbor.hold(b"", None, 1)
    give(h, advertisement(flags=0x60, link_layer=OTHER_MAC, src_mac=THEIR_MAC))
    assert h.neighbor.entries[THEIRS].mac == OTHER_MAC


def test_the_held_neighbour_is_never_pushed_out() -> None:
    h = known(host(), held=True)
    for i in range(50):                          # neighbours that are used, and later than the peer
        h.send(SendDatagram(OTHER[:15] + bytes([i]), wire.UDP, b"x", OTHER_MAC), i + 1)
    assert h.neighbor.entries[THEIRS].mac == THEIR_MAC


@pytest.mark.parametrize("mac, peer, held, gives_way", [
    (OTHER_MAC, None, False, True),              # nobody is known: RFC 4862 as it stands
    (THEIR_MAC, THEIR_MAC, False, True),         # the peer has it
    (OTHER_MAC, THEIR_MAC, False, False),        # a stranger
    (THEIR_MAC, THEIR_MAC, True, False),         # too late: the stream would be lost
    (OTHER_MAC, None, True, False)])
@pytest.mark.parametrize("how", ["advertisement", "solicitation", "from ours"])
def test_n09_only_the_peer_can_have_our_address(mac: bytes, peer: bytes | None, held: bool, gives_way: bool, how: str) -> None:
    h = host(duplicate_detection=True)
    h.accept(peer)
    h.send(SendDatagram(THEIRS, wire.TCP, b"x", THEIR_MAC), 0)
    if held:
        h.neighbor.hold(THEIRS, THEIR_MAC, 0)
    h.outgoing()
    data = {"advertisement": advertisement(flags=0x20, target=OURS, link_layer=mac, src=OURS, dst=wire.ALL_NODES, src_mac=mac),
            "solicitation": solicitation(link_layer=None, src=wire.UNSPECIFIED, src_mac=mac),
            "from ours": solicitation(link_layer=mac, src=OURS, src_mac=mac)}[how]
    out = give(h, data, 500 * MS)
    assert (h.address != OURS) is gives_way
    assert OURS not in h.neighbor.entries
    if gives_way:
        assert wire.parse_neighbor(unpack(out[0])[1]).target == h.address            # detection begins again
    else:
        assert h.strangers.counts == {Trick.CLAIMS_OURS: 1}
        assert [wire.parse_neighbor(unpack(f)[1]).flags for f in out] == [0x20] * (how == "solicitation")      # defended


def test_tcp_comes_from_the_peer_alone() -> None:
    h = known(host())
    assert [len(h.tcp()) for _ in (give(h, frame(b"x" * 20, wire.TCP, src=OTHER, src_mac=OTHER_MAC)),)] == [0]
    give(h, frame(b"x" * 20, wire.TCP))
    assert len(h.tcp()) == 1 and h.strangers.counts == {Trick.UNMATCHED_TCP: 1}
    h.neighbor.hold(THEIRS, THEIR_MAC, 0)
    give(h, frame(b"x" * 20, wire.TCP, src_mac=OTHER_MAC))
    assert h.tcp() == [] and h.strangers.counts[Trick.FORGED_TCP] == 1
    h.neighbor.hold(b"", None, 0)
    for accepted, taken in ((NOBODY, 0), (None, 1), (OTHER_MAC, 0)):
        h.accept(accepted)
        give(h, frame(b"x" * 20, wire.TCP))
        assert len(h.tcp()) == taken


# --- limits -------------------------------------------------------------------------------------------------------

def test_a_storm_is_answered_in_part_and_the_peer_apart_from_it() -> None:
    h = known(host())
    storm = sum(len(give(h, solicitation(link_layer=OTHER_MAC, src=OTHER, src_mac=OTHER_MAC), 5 * S + i)) for i in range(500))
    peer = sum(len(give(h, solicitation(), 5 * S + 500 + i)) for i in range(500))
    assert (storm, peer) == (STRANGER_ANSWERS, PEER_ANSWERS)
    assert h.strangers.counts[Trick.SOLICITS] == 1000 - STRANGER_ANSWERS - PEER_ANSWERS
    assert len(give(h, solicitation(), 7 * S)) == 1
    h = host()                                   # nobody is known: any of them may be the peer
    assert sum(len(give(h, solicitation(link_layer=OTHER_MAC, src=OTHER, src_mac=OTHER_MAC), i)) for i in range(2000)) == UNKNOWN_ANSWERS


def test_n10_echoes_are_limited() -> None:
    h = host()
    request = frame(wire.emit_icmpv6(THEIRS, OURS, bytes.fromhex("8000000012340007")))
    assert sum(len(give(h, request, i)) for i in range(1000)) == ECHOES_PER_SECOND
    assert len(give(h, request, 2 * S)) == 1


def test_errors_and_routers_of_a_stranger_are_told_and_of_the_peer_not() -> None:
    for mac, told in ((OTHER_MAC, 2), (THEIR_MAC, 0)):
        h = known(host())
        for kind in (134, 2, 133, 143):
            give(h, frame(wire.emit_icmpv6(THEIRS, OURS, bytes((kind, 0, 0, 0, 0, 0, 0, 68)) + bytes(40)), ICMPV6, src_mac=mac))
        assert h.strangers.total == told and h.icmp_ignored == 4


# --- the ledger ---------------------------------------------------------------------------------------------------

def lines(ledger: Strangers) -> list[str]:
    return [e.text % e.args for e in ledger.events()]


def test_a_trick_is_told_once_then_now_and_then_with_its_count() -> None:
    ledger = Strangers()
    for i in range(1000):
        ledger.seen(Trick.FORGED_TCP, OTHER_MAC, i * 100 * MS)           # 100 s
    first, second = lines(ledger)
    assert first.endswith("sends TCP segments with the address of our peer; ignored") and OTHER_MAC.hex(":") in first
    assert second.endswith(f"ignored ({REPEAT // (100 * MS)} more since)")
    ledger.begin_network()
    assert lines(ledger) == [second.replace(str(REPEAT // (100 * MS)), "399")] and ledger.counts == {Trick.FORGED_TCP: 1000}
    ledger.seen(Trick.FORGED_TCP, OTHER_MAC, 200 * S)
    assert lines(ledger) == [first]


def test_many_macs_are_many_stations() -> None:
    ledger = Strangers()
    for i in range(1, 100_000):
        ledger.seen(Trick.SOLICITS, i.to_bytes(6, "big"), i)
    ledger.seen(Trick.ERRORS, OTHER_MAC, 200_000)
    told = lines(ledger)
    assert len(told) == NAMED + 2 and "one of many stations" in told[-2] and OTHER_MAC.hex(":") in told[-1]
    assert len(ledger._seen) == NAMED + 2 and (Trick.SOLICITS, MANY) in ledger._seen
    assert all(len(t.short) <= 19 for t in Trick)
