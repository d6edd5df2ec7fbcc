"""Octets of IPv6, UDP and ICMPv6: real frames both ways, every flipped bit, and noise."""
from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.errors import WireError
from tasks.ethernet import wire as ethernet
from tasks.ipv6 import sdp_wire, wire
from tasks.ipv6.wire import NeighborMessage
from tasks.tcp import wire as tcp

from ipv6.lab import (GROUP, OUR_MAC, OURS, REAL_NA, REAL_NS, REAL_REQUEST, REAL_RESPONSE, SPI_TRACE, THEIR_MAC, THEIRS,
                      captured_ipv6, frame)


def test_addresses() -> None:
    assert wire.link_local(OUR_MAC) == OURS and wire.link_local(THEIR_MAC) == THEIRS
    assert wire.solicited_node(OURS) == GROUP
    assert wire.multicast_mac(GROUP) == bytes.fromhex("3333ffffd3e2")
    assert wire.multicast_mac(wire.ALL_NODES) == bytes.fromhex("333300000001")


@pytest.mark.parametrize("real, kind, flags, target, mac", [(REAL_NS, 135, 0, OURS, THEIR_MAC), (REAL_NA, 136, 0x60, OURS, OUR_MAC)])
def test_real_neighbour_frames_both_ways(real: bytes, kind: int, flags: int, target: bytes, mac: bytes) -> None:
    packet = wire.parse_ipv6(real, 14)
    assert wire.icmpv6_intact(packet.payload, packet.src, packet.dst)
    message = wire.parse_neighbor(packet)
    assert message == NeighborMessage(kind, flags, target, mac)
    dst, src, _ = ethernet.parse(real)
    again = ethernet.emit(dst, src, 0x86DD, wire.emit_ipv6(packet.src, packet.dst, 58, 255,
                                                           wire.emit_neighbor(message, packet.src, packet.dst)))
    assert again == real


def test_real_sdp_frames_both_ways() -> None:
    for real in (REAL_REQUEST, REAL_RESPONSE):
        packet = wire.parse_ipv6(real, 14)
        udp = wire.parse_udp(packet.payload, packet.src, packet.dst)
        assert wire.emit_udp(packet.src, packet.dst, udp.src_port, udp.dst_port, udp.data) == packet.payload
        if real is REAL_REQUEST:
            assert sdp_wire.emit_request(sdp_wire.parse_request(udp.data)) == udp.data
        else:
            response = sdp_wire.parse_response(udp.data)
            assert (response.address, response.port, response.security, response.transport) == (THEIRS, 51110, 0x10, 0)
            assert sdp_wire.emit_response(response) == udp.data


def test_t27_one_flipped_bit_in_udp_and_icmpv6() -> None:
    packet = wire.parse_ipv6(REAL_REQUEST, 14)
    for bit in range(len(packet.payload) * 8):
        bad = bytearray(packet.payload)
        bad[bit // 8] ^= 1 << bit % 8
        with pytest.raises(WireError):
            wire.parse_udp(bytes(bad), packet.src, packet.dst)
    packet = wire.parse_ipv6(REAL_NS, 14)
    for bit in range(len(packet.payload) * 8):
        bad = bytearray(packet.payload)
        bad[bit // 8] ^= 1 << bit % 8
        assert not wire.icmpv6_intact(bytes(bad), packet.src, packet.dst)


def test_udp_checksum_zero() -> None:
    packet = wire.parse_ipv6(REAL_REQUEST, 14)
    with pytest.raises(WireError):
        wire.parse_udp(packet.payload[:6] + b"\0\0" + packet.payload[8:], packet.src, packet.dst)
    for filler in range(65536):                  # the datagram whose sum comes out as 0 is sent with 0xFFFF
        octets = wire.emit_udp(OURS, THEIRS, 1, 2, filler.to_bytes(2, "big"))
        if octets[6:8] == b"\xff\xff":
            assert wire.parse_udp(octets, OURS, THEIRS).data == filler.to_bytes(2, "big")
            return
    raise AssertionError("no such datagram found")


def test_t28_t29_padding_is_cut_and_truncation_is_found() -> None:
    data = frame(b"payload", 6)
    assert wire.parse_ipv6(data + bytes(20), 14).payload == b"payload"
    for size in range(14, len(data)):
        with pytest.raises(WireError):
            wire.parse_ipv6(data[:size], 14)
    with pytest.raises(WireError):
        wire.parse_ipv6(data[:14] + b"\x45" + data[15:], 14)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=120), st.sampled_from([133, 134, 135, 136]), st.integers(0, 255))
def test_fuzz_gives_a_value_or_wire_error(data: bytes, kind: int, hop_limit: int) -> None:
    for call in (lambda: wire.parse_ipv6(data, 14), lambda: wire.parse_ipv6(b"\x60" + data, 0),
                 lambda: wire.parse_udp(data, OURS, THEIRS), lambda: sdp_wire.parse_request(data),
                 lambda: sdp_wire.parse_response(data), lambda: ethernet.parse(data),
                 lambda: wire.parse_neighbor(wire.Ipv6(THEIRS, OURS, 58, hop_limit | 0xF0, bytes([kind, 0]) + data))):
        try:
            assert call() is not None
        except WireError:
            continue


@settings(max_examples=200, deadline=None)
@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16), st.integers(0, 65535),
       st.integers(0, 65535), st.binary(max_size=99))
def test_udp_parse_of_emit(src: bytes, dst: bytes, a: int, b: int, data: bytes) -> None:
    assert wire.parse_udp(wire.emit_udp(src, dst, a, b, data), src, dst) == wire.Udp(a, b, data)


def test_every_captured_frame_parses_and_the_modem_trace_has_right_checksums() -> None:
    counts = {6: 0, 17: 0, 58: 0}
    for data in captured_ipv6(SPI_TRACE):
        packet = wire.parse_ipv6(data, 14)
        counts[packet.next_header] += 1
        if packet.next_header == 6:
            segment = tcp.parse(packet.payload, wire.pseudo_sum(packet.src, packet.dst, 6))
            if segment.mss is None and packet.payload[12] == 0x50:
                again = tcp.emit(segment.src_port, segment.dst_port, segment.seq, segment.ack, segment.flags, segment.window,
                                 segment.data, wire.pseudo_sum(packet.src, packet.dst, 6))
                assert again == packet.payload
        elif packet.next_header == 17:
            udp = wire.parse_udp(packet.payload, packet.src, packet.dst)
            assert wire.emit_udp(packet.src, packet.dst, udp.src_port, udp.dst_port, udp.data) == packet.payload
        else:
            assert wire.icmpv6_intact(packet.payload, packet.src, packet.dst)
            if packet.payload[0] in (135, 136):
                message = wire.parse_neighbor(packet)
                assert wire.emit_neighbor(message, packet.src, packet.dst) == packet.payload
    assert counts[6] > 100 and counts[17] >= 2 and counts[58] >= 2


def test_every_frame_of_all_captures_gives_a_value_or_wire_error() -> None:
    good = bad = 0
    for data in captured_ipv6():
        try:
            packet = wire.parse_ipv6(data, 14)
            if packet.next_header == 6:
                tcp.parse(packet.payload, wire.pseudo_sum(packet.src, packet.dst, 6))
            elif packet.next_header == 17:
                wire.parse_udp(packet.payload, packet.src, packet.dst)
            good += 1
        except WireError:
            bad += 1
    assert good > 10_000 and good > bad          # bad: offloaded checksums of the capturing computers
