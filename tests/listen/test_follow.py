"""What a listener makes of frames: names, roles, accounts; it never raises and never loses a frame."""
import pytest
from hypothesis import given, settings, strategies as st

from exi_native.messages import appproto, din, iso2, iso20
from kernel.timer import MS, NEVER
from tasks.homeplug import wire as mme
from tasks.ipv6.wire import ICMPV6, emit_icmpv6, emit_ipv6, emit_neighbor, link_local, NeighborMessage
from tasks.listen.lines import text
from tasks.listen.record import MAX_KINDS, Category, Layer, Role, Tally
from tasks.listen.values import address_text, fields_of
from tasks.tcp import wire as tcp
from tests.listen import line

pytestmark = pytest.mark.real_time

ISO2 = "urn:iso:15118:2:2013:MsgDef"


def kinds(machine, category):
    return {kind: n for (c, kind), n in machine.tally.kinds.items() if c is category}


def v2g(records):
    return [r for r in records if r.layer is Layer.V2G]


def test_a_whole_session_is_decoded():
    machine, _, records = line.heard(line.session())
    assert machine.tally.of(Category.DECODED) == machine.tally.frames
    assert [r.name for r in v2g(records)] == [
        "supportedAppProtocolReq", "supportedAppProtocolRes", "CableCheckReq", "CableCheckRes", "CableCheckReq", "CableCheckRes",
        "PreChargeReq", "PreChargeRes", "SessionStopReq", "SessionStopRes"]
    assert [r.sender for r in v2g(records)] == [Role.CAR, Role.CHARGER] * 5
    assert all(r.latency == 10 * MS for r in v2g(records) if r.sender is Role.CHARGER)
    assert v2g(records)[3].session_id == bytes(range(1, 9))
    assert machine.roles == {line.CAR: Role.CAR, line.CHARGER: Role.CHARGER}
    assert machine.outgoing() == [] and machine.next_timer() == NEVER and machine.events() == []


def test_lines_show_the_values_that_matter():
    _, _, records = line.heard(line.session())
    lines = [text(r) for r in records]
    assert "car > charger    PreChargeReq  SoC 42 %, U target 390.7 V, I target 2 A" in lines
    assert "charger > car    PreChargeRes  OK, EVSE_Ready, U 389.9 V  [10.0 ms]" in lines
    assert "charger > car    CableCheckRes  OK, EVSE_Ready, Ongoing  [10.0 ms]" in lines
    assert any(x.startswith("charger > car    CM_ATTEN_CHAR.IND") and "attenuation 12.0 dB" in x for x in lines)
    assert any("SDP response  security none, address fe80::bb:ff:fe00:2, port 61000  [10.0 ms]" in x for x in lines)


def test_iso_15118_2_is_decoded():
    talk = line.Talk()
    body = line.v2gtp.emit(line.codec().encode("ISO2", iso2.V2G_Message(
        Header=iso2.MessageHeader(SessionID=bytes(8)), Body=iso2.Body(BodyElement=iso2.SessionSetupReq(EVCCID=bytes(6))))))
    machine, sessions, records = line.heard([*talk.open(), talk.say(True, line.app_request(line.DIN, ISO2)),
                                             talk.say(False, line.app_response(8)), talk.say(True, body)])
    assert kinds(machine, Category.NAMED) == {}
    assert [r.name for r in v2g(records)[2:]] == ["SessionSetupReq"]
    assert sessions.sessions[0].protocol == "ISO 15118-2"


def test_a_protocol_without_codec_is_named():
    talk = line.Talk()
    body = line.v2gtp.emit(bytes.fromhex("8098020000"))
    machine, sessions, records = line.heard([*talk.open(), talk.say(True, line.app_request(line.DIN, "urn:iso:15118:2:2010:MsgDef")),
                                             talk.say(False, line.app_response(8)), talk.say(True, body), talk.say(False, body)])
    assert kinds(machine, Category.NAMED) == {"V2G not decoded (ISO 15118-2:2010)": 2}
    assert [r.name for r in v2g(records)[2:]] == ["ISO 15118-2:2010 message"] * 2
    assert v2g(records)[3].latency == 10 * MS


def test_iso_15118_20_is_decoded_by_payload_type():
    talk = line.Talk()
    header = iso20.MessageHeader(SessionID=bytes(8), TimeStamp=0)
    setup = line.codec().encode("ISO20", iso20.SessionSetupReq(Header=header, EVCCID="WMIV1234567890ABCDEX"))
    body = b"\x01\xfe\x80\x02" + len(setup).to_bytes(4, "big") + setup
    parking = b"\x01\xfe\x90\x00" + (5).to_bytes(4, "big") + bytes(5)
    machine, _, records = line.heard([*talk.open(), talk.say(True, line.app_request("urn:iso:std:iso:15118:-20:DC")),
                                      talk.say(False, line.app_response(7)), talk.say(True, body), talk.say(True, parking)])
    assert v2g(records)[2].name == "SessionSetupReq" and "WMIV1234567890ABCDEX" in text(v2g(records)[2])
    assert kinds(machine, Category.NAMED) == {"V2G not decoded (SDP request over TCP)": 1}


def test_a_capture_that_begins_in_the_middle_is_tried_as_din():
    talk = line.Talk()
    machine, _, records = line.heard([talk.say(False, line.cable_check_res()), talk.say(True, line.cable_check_req()),
                                      talk.say(False, line.cable_check_res())])
    assert [r.name for r in records] == ["CableCheckRes", "CableCheckReq", "CableCheckRes"]
    assert [r.note for r in records] == ["handshake not seen", "", ""]
    assert records[0].sender is Role.CHARGER and records[0].receiver is Role.CAR
    assert machine.tally.of(Category.DECODED) == 3


def test_an_unknown_protocol_in_the_middle_is_named():
    machine, _, _ = line.heard([line.Talk().say(True, line.v2gtp.emit(bytes.fromhex("8098020000")))])
    assert kinds(machine, Category.NAMED) == {"V2G message, protocol not known": 1}


def test_a_refused_handshake_leaves_no_protocol():
    talk = line.Talk()
    refusal = line.app_response(None, appproto.responseCode.Failed_NoNegotiation)
    machine, sessions, records = line.heard([*talk.open(), talk.say(True, line.app_request()), talk.say(False, refusal)])
    assert v2g(records)[1].protocol == ""
    assert sessions.sessions[0].protocol == ""
    assert machine.tally.of(Category.MALFORMED) == 0


def test_a_second_handshake_on_the_connection_counts():
    talk = line.Talk()
    refusal = line.app_response(None, appproto.responseCode.Failed_NoNegotiation)
    _, _, records = line.heard([*talk.open(), talk.say(True, line.app_request()), talk.say(False, line.app_response()),
                                talk.say(True, line.stop_req()), talk.say(True, line.app_request()), talk.say(False, refusal),
                                talk.say(True, line.stop_req())])
    assert [(r.name, r.note) for r in v2g(records)[2:]] == [
        ("SessionStopReq", ""), ("supportedAppProtocolReq", ""), ("supportedAppProtocolRes", ""), ("SessionStopReq", "handshake not seen")]


@pytest.mark.parametrize("broken_first", [False, True])
def test_a_frame_is_as_good_as_its_worst_message(broken_first):
    talk = line.Talk()
    pair = [line.pre_charge_req(), line.v2gtp.emit(bytes.fromhex("809a0200"))]
    data = b"".join(reversed(pair) if broken_first else pair)
    machine, _, records = line.heard([*talk.open(), talk.say(True, line.app_request()), talk.say(False, line.app_response()), talk.say(True, data)])
    assert {r.category for r in records[-2:]} == {Category.DECODED, Category.MALFORMED}
    assert machine.tally.of(Category.MALFORMED) == 1


def test_an_absent_schema_id_means_the_only_offer():
    talk = line.Talk()
    _, _, records = line.heard([*talk.open(), talk.say(True, line.app_request()), talk.say(False, line.app_response(None)),
                                talk.say(True, line.pre_charge_req())])
    assert records[-1].name == "PreChargeReq" and records[-1].protocol == "DIN 70121" and records[-1].note == ""


def test_damaged_exi_is_malformed_with_a_reason():
    talk = line.Talk()
    broken = line.v2gtp.emit(bytes.fromhex("809a0200"))
    machine, _, _ = line.heard([*talk.open(), talk.say(True, line.app_request()), talk.say(False, line.app_response()),
                                talk.say(True, broken)])
    assert machine.tally.of(Category.MALFORMED) == 1
    assert "TRUNCATED" in next(iter(machine.tally.reasons))


def test_a_message_in_two_segments_is_one_message():
    talk = line.Talk()
    data = line.pre_charge_req()
    opening = [*talk.open(), talk.say(True, line.app_request()), talk.say(False, line.app_response())]
    machine, _, records = line.heard([*opening, talk.say(True, data[:11]), talk.say(True, data[11:])])
    assert records[-1].name == "PreChargeReq"
    assert kinds(machine, Category.DECODED)["TCP part of a message"] == 1


def test_two_messages_in_one_segment_are_two_messages_and_one_frame():
    talk = line.Talk()
    machine, _, records = line.heard([*talk.open(), talk.say(True, line.app_request()), talk.say(False, line.app_response()),
                                      talk.say(True, line.cable_check_req() + line.pre_charge_req())])
    assert [r.name for r in records[-2:]] == ["CableCheckReq", "PreChargeReq"]
    assert kinds(machine, Category.DECODED)["V2G DIN 70121"] == 1


def test_a_retransmission_is_not_decoded_twice():
    talk = line.Talk()
    frames = [*talk.open(), talk.say(True, line.app_request())]
    machine, _, records = line.heard([*frames, frames[-1]], interval=300 * MS)
    assert len(v2g(records)) == 1
    assert kinds(machine, Category.DECODED)["TCP retransmission"] == 1


def test_a_frame_captured_twice_is_a_duplicate():
    talk = line.Talk()
    frames = [*talk.open(), talk.say(True, line.app_request())]
    machine, _, _ = line.heard([*frames, frames[-1]], interval=1 * MS)
    assert kinds(machine, Category.DECODED)["TCP duplicate"] == 1


def test_a_new_connection_on_the_same_ports_starts_anew():
    first, second = line.Talk(1000), line.Talk(77_000_000)
    _, _, records = line.heard([*first.open(), first.say(True, line.app_request()), first.say(False, line.app_response()),
                                *second.open(), second.say(True, line.app_request()), second.say(False, line.app_response()),
                                second.say(True, line.stop_req())])
    assert [r.name for r in v2g(records)] == ["supportedAppProtocolReq", "supportedAppProtocolRes"] * 2 + ["SessionStopReq"]


def test_wrong_checksums_are_noted_and_read():
    good = line.sdp_request()
    bad = good[:-8 - 4] + bytes((good[-12] ^ 0x55, good[-11])) + good[-10:]
    assert bad != good
    machine, _, records = line.heard([bad, line.sdp_response()])
    assert records[0].name == "SDP request" and records[0].note == "checksum wrong"
    assert machine.tally.bad_checksums == 1


def test_tls_is_named_record_by_record():
    talk = line.Talk()
    hello = b"\x16\x03\x01\x00\x40\x01" + bytes(0x3F)
    cipher = b"\x14\x03\x03\x00\x01\x01" + b"\x16\x03\x03\x00\x28" + bytes(0x28)
    data = b"\x17\x03\x03\x08\x00" + bytes(0x800)
    machine, sessions, records = line.heard([*talk.open(), talk.say(True, hello), talk.say(True, cipher), talk.say(True, data[:1000]),
                                             talk.say(True, data[1000:] + b"\x15\x03\x03\x00\x1a" + bytes(0x1A))])
    assert [r.name for r in records if r.layer is Layer.TLS] == [
        "TLS Handshake ClientHello", "TLS ChangeCipherSpec", "TLS Handshake (encrypted)", "TLS ApplicationData", "TLS Alert"]
    assert sessions.sessions[0].reached == "TLS"
    assert machine.tally.of(Category.NAMED) == 4


def test_foreign_traffic_is_named():
    ipv4 = bytes.fromhex("ffffffffffff02aa000000010800") + bytes.fromhex("450000400000000040110000c0a80001ffffffff") + bytes.fromhex("c000020200000000")
    mld = bytes.fromhex("3a000502000001008f00") + bytes(10)
    hop = line.ethernet(line.BROADCAST, line.CAR, 0x86DD, emit_ipv6(link_local(line.CAR), link_local(line.CHARGER), 0, 1, mld))
    frames = [
        ipv4[:36] + (514).to_bytes(2, "big") + ipv4[38:], hop,
        line.BROADCAST + line.CAR + bytes.fromhex("0806") + bytes(28), line.BROADCAST + line.CAR + bytes.fromhex("8912") + bytes(40),
        line.BROADCAST + line.CAR + bytes.fromhex("4242") + bytes(40), line.BROADCAST + line.CAR + bytes.fromhex("0026") + bytes(46),
        line.datagram(True, 5353, 5353, b"x"), line.datagram(True, 4444, 5555, b"x"),
        mme.parse(bytes.fromhex("ffffffffffff02aa0000000188e10002800000") + bytes(41)).emit(),
    ]
    machine, _, _ = line.heard(frames)
    assert set(kinds(machine, Category.NAMED)) == {
        "IPv4 syslog", "MLDv2 report", "ARP", "EtherType 0x8912 (TP-Link or devolo power line tool)", "EtherType 0x4242", "IEEE 802.3 frame",
        "IPv6 mDNS", "IPv6 UDP port 4444", "MME 0x8002"}


def test_neighbour_discovery_and_echo_are_decoded():
    a, b = link_local(line.CAR), link_local(line.CHARGER)
    advertisement = emit_neighbor(NeighborMessage(136, 0x60, a, line.CAR), a, b)
    echo = emit_icmpv6(a, b, bytes([128, 0, 0, 0, 0, 1, 0, 2]))
    frames = [line.ethernet(line.CHARGER, line.CAR, 0x86DD, emit_ipv6(a, b, ICMPV6, hops, data)) for hops, data in
              ((255, advertisement), (64, echo), (64, advertisement))]
    machine, _, records = line.heard(frames)
    assert fields_of(records[0]) == {"target": "fe80::aa:ff:fe00:1", "link_layer": "02:aa:00:00:00:01", "flags": "solicited+override"}
    assert kinds(machine, Category.DECODED) == {"neighbour advertisement": 1, "echo request": 1}
    assert machine.tally.reasons == {"neighbour advertisement: ND hop limit": 1}


def test_what_is_broken_says_why():
    frames = [b"\x00" * 9, line.BROADCAST + line.CAR + b"\x88\xe1\x01\x64\x60\x00\x00\x00", line.sdp_request()[:50],
              line.datagram(True, 51000, 15118, b"\x01\xfe\x90\x00\x00\x00\x00\x09\x10\x00"),
              line.BROADCAST + line.CAR + b"\x08\x00\x45"]
    machine, _, _ = line.heard(frames)
    assert machine.tally.of(Category.MALFORMED) == len(frames)
    assert len(machine.tally.reasons) == len(frames)


def test_a_frame_that_the_capture_cut_says_so():
    machine = line.follow()
    whole = line.sdp_request()
    machine.receive(whole[:60], 0, missing=len(whole) - 60)
    assert machine.tally.reasons == {f"the capture holds only 60 of {len(whole)} octets": 1}
    machine.receive(whole, 0, link=113)
    assert (Category.NAMED, "link type 113") in machine.tally.kinds


def test_the_tally_is_bounded_and_loses_nothing():
    tally = Tally()
    for n in range(MAX_KINDS + 50):
        tally.count(Category.NAMED, f"kind {n}", f"reason {n}")
    assert len(tally.kinds) == MAX_KINDS + 1
    assert tally.of(Category.NAMED) == MAX_KINDS + 50
    assert sum(tally.reasons.values()) == MAX_KINDS + 50


def test_connections_stations_and_servers_are_bounded():
    machine = line.follow()
    for n in range(400):
        machine.receive(line.segment(True, 1, 0, tcp.SYN, port=1000 + n), n)
        machine.receive(mme.CM_SLAC_PARM_REQ(line.BROADCAST, b"\x02" + n.to_bytes(5, "big"), line.RUN_ID).emit(), n)
        machine.events()
    assert len(machine._connections) == 64 and machine.forgotten == 400 - 64
    assert len(machine.roles) == 256
    assert b"\x02" + (399).to_bytes(5, "big") in machine.roles and b"\x02" + bytes(5) not in machine.roles      # the oldest gave way


def test_text_from_the_wire_cannot_command_the_terminal():
    talk = line.Talk()
    namespace = "urn:\x1b[2Jevil"
    _, _, records = line.heard([*talk.open(), talk.say(True, line.app_request(namespace)), talk.say(False, line.app_response()),
                                talk.say(True, line.v2gtp.emit(b"\x80\x00"))])
    assert all("\x1b" not in text(r) for r in records)


def test_ipv6_addresses_as_people_write_them():
    for shown, octets in (("::", bytes(16)), ("::1", bytes(15) + b"\1"), ("fe80::1:0:0:2", bytes.fromhex("fe80000000000000000100000000" "0002")),
                          ("ff02::1:ff00:1", bytes.fromhex("ff0200000000000000000001ff000001")), ("1:2:3:4:5:6:7:8", bytes.fromhex("00010002000300040005000600070008")),
                          ("1:0:3:4:5:6:7:8", bytes.fromhex("00010000000300040005000600070008"))):
        assert address_text(octets) == shown


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from((b"", b"\x88\xe1", b"\x86\xdd", b"\x08\x00", b"\x86\xdd\x60\x00\x00\x00")), st.binary(max_size=200)), max_size=8))
def test_garbage_is_accounted_for(pieces):
    frames = [(line.BROADCAST + line.CAR + head + tail) if head else tail for head, tail in pieces]
    _, _, records = line.heard(frames)
    for record in records:
        assert text(record)


SESSION = line.session()


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(SESSION) - 1), st.integers(0, 200), st.integers(0, 255)), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_damaged_sessions_are_accounted_for(damages, shuffle):
    frames = [bytearray(f) for f in SESSION]
    for frame, at, value in damages:
        frames[frame][at % len(frames[frame])] = value
    order = list(range(len(frames)))
    if shuffle.random() < 0.3:
        shuffle.shuffle(order)
    _, sessions, records = line.heard([bytes(frames[n]) for n in order])
    for record in records:
        assert text(record)
    assert sessions.not_kept == 0


def test_din_values_survive_the_way_through():
    _, _, records = line.heard(line.session())
    request = next(r for r in records if r.name == "PreChargeReq")
    assert fields_of(request)["EVTargetVoltage"] == {"value": 390.7, "unit": "V"}
    assert fields_of(request)["DC_EVStatus"]["EVRESSSOC"] == 42
    assert isinstance(request.message.Body.BodyElement, din.PreChargeReq)
