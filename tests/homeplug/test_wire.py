"""HomePlug octets: golden frames, every captured frame, and arbitrary octets (value or WireError, nothing else)."""
from __future__ import annotations

import dataclasses
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.errors import WireError
from tasks.homeplug import wire as w
from tasks.homeplug import wire_keys as k
from tasks.homeplug import wire_modem as m
from tasks.homeplug.wire_emulator import Beacon, key_digest
from tasks.homeplug.wire_header import BROADCAST, LOCAL_DEVICE, Unknown, name_of

from tests.captures import capture_files, captured

PEV = bytes.fromhex("e00ee1ffd3e2")
EVSE = bytes.fromhex("52ad9207328b")
MODEM = bytes.fromhex("046565ffffff")
RUN = bytes.fromhex("e00ee1ffd3e20000")
NID = bytes.fromhex("4ee9194d581702")
NMK = bytes.fromhex("a39d255b5770c42f3837471f5b39823a")
AAG = bytes.fromhex("040407101013160e0b0b080b0b0f12110f111011100e10101212121313171818191b1d19171617151519181715161516171b15151716191c1d26")


def padded(*parts: str) -> bytes:
    return bytes.fromhex("".join(parts)).ljust(60, b"\0")


# the session of an Ioniq with an alpitronic HYC150, slac-and-network sheet appendix A; written from the layout tables
GOLDEN = [
    (w.CM_SLAC_PARM_REQ(BROADCAST, PEV, RUN),
     padded("ffffffffffff", "e00ee1ffd3e2", "88e1", "01", "6460", "0000", "0000", "e00ee1ffd3e20000")),
    (w.CM_SLAC_PARM_CNF(PEV, EVSE, RUN, PEV),
     padded("e00ee1ffd3e2", "52ad9207328b", "88e1", "01", "6560", "0000", "ffffffffffff", "0a", "06", "01", "e00ee1ffd3e2", "0000",
            "e00ee1ffd3e20000")),
    (w.CM_START_ATTEN_CHAR_IND(BROADCAST, PEV, RUN, PEV),
     padded("ffffffffffff", "e00ee1ffd3e2", "88e1", "01", "6a60", "0000", "0000", "0a", "06", "01", "e00ee1ffd3e2", "e00ee1ffd3e20000")),
    (w.CM_MNBC_SOUND_IND(BROADCAST, PEV, RUN, 9, b"\xff" * 16),
     padded("ffffffffffff", "e00ee1ffd3e2", "88e1", "01", "7660", "0000", "0000", "00" * 17, "09", "e00ee1ffd3e20000", "00" * 8, "ff" * 16)),
    (w.CM_ATTEN_CHAR_IND(PEV, EVSE, RUN, PEV, 10, AAG),
     padded("e00ee1ffd3e2", "52ad9207328b", "88e1", "01", "6e60", "0000", "0000", "e00ee1ffd3e2", "e00ee1ffd3e20000", "00" * 34, "0a", "3a",
            AAG.hex())),
    (w.CM_ATTEN_CHAR_RSP(EVSE, PEV, RUN, PEV),
     padded("52ad9207328b", "e00ee1ffd3e2", "88e1", "01", "6f60", "0000", "0000", "e00ee1ffd3e2", "e00ee1ffd3e20000", "00" * 34, "00")),
    (w.CM_SLAC_MATCH_REQ(EVSE, PEV, RUN, PEV, EVSE),
     padded("52ad9207328b", "e00ee1ffd3e2", "88e1", "01", "7c60", "0000", "0000", "3e00", "00" * 17, "e00ee1ffd3e2", "00" * 17, "52ad9207328b",
            "e00ee1ffd3e20000", "00" * 8)),
    (w.CM_SLAC_MATCH_CNF(PEV, EVSE, RUN, PEV, EVSE, NID, NMK),
     padded("e00ee1ffd3e2", "52ad9207328b", "88e1", "01", "7d60", "0000", "0000", "5600", "00" * 17, "e00ee1ffd3e2", "00" * 17, "52ad9207328b",
            "e00ee1ffd3e20000", "00" * 8, "4ee9194d581702", "00", "a39d255b5770c42f3837471f5b39823a")),
    (k.CM_SET_KEY_REQ(LOCAL_DEVICE, PEV, NID, NMK),
     padded("00b052000001", "e00ee1ffd3e2", "88e1", "01", "0860", "0000", "01", "00000000", "00000000", "04", "0000", "00", "00",
            "4ee9194d581702", "01", "a39d255b5770c42f3837471f5b39823a")),
    (k.CM_SET_KEY_CNF(PEV, MODEM, 1, bytes.fromhex("13277e32"), bytes(4)),
     padded("e00ee1ffd3e2", "046565ffffff", "88e1", "01", "0960", "0000", "01", "13277e32", "00000000", "04", "0000", "ff", "00")),
    (w.CM_VALIDATE_REQ(EVSE, PEV, 0, 0x1D, 1), padded("52ad9207328b", "e00ee1ffd3e2", "88e1", "01", "7860", "0000", "00", "1d", "01")),
    (w.CM_VALIDATE_CNF(PEV, EVSE, 0, 3, 2), padded("e00ee1ffd3e2", "52ad9207328b", "88e1", "01", "7960", "0000", "00", "03", "02")),
    (m.VS_SW_VER_REQ(LOCAL_DEVICE, PEV), padded("00b052000001", "e00ee1ffd3e2", "88e1", "00", "00a0", "00b052")),
    (m.VS_NW_INFO_REQ(MODEM, PEV, 1), padded("046565ffffff", "e00ee1ffd3e2", "88e1", "01", "38a0", "0000", "00b052")),
    (m.VS_PL_LINK_STATUS_CNF(PEV, MODEM, 0, 1), padded("e00ee1ffd3e2", "046565ffffff", "88e1", "00", "b9a0", "00b052", "00", "01")),
    (k.CM_GET_KEY_REQ(BROADCAST, bytes.fromhex("dc0ea1116708"), bytes.fromhex("bc90751a5e390e"), b"\xaa" * 4),
     padded("ffffffffffff", "dc0ea1116708", "88e1", "01", "0c60", "0000", "00", "01", "bc90751a5e390e", "aaaaaaaa", "04")),
]


@pytest.mark.parametrize("message, octets", GOLDEN, ids=lambda x: type(x).__name__ if dataclasses.is_dataclass(x) else "")
def test_golden_both_directions(message, octets):
    assert message.emit() == octets
    assert w.parse(octets) == message


def test_lengths_on_the_wire():
    lengths = {type(x).__name__: len(x.emit()) for x, _ in GOLDEN}
    assert lengths["CM_MNBC_SOUND_IND"] == 71 and lengths["CM_ATTEN_CHAR_IND"] == 129 and lengths["CM_ATTEN_CHAR_RSP"] == 70
    assert lengths["CM_SLAC_MATCH_REQ"] == 85 and lengths["CM_SLAC_MATCH_CNF"] == 109 and lengths["CM_SLAC_PARM_REQ"] == 60


def test_attenuation_profiles_full_and_empty():
    full = bytes.fromhex("ffffffffffff" "046565ffff00" "88e1" "01" "8660" "0000" "0465650064c3" "3a" "00") + AAG
    p = w.parse(full)
    assert p == w.CM_ATTEN_PROFILE_IND(BROADCAST, bytes.fromhex("046565ffff00"), bytes.fromhex("0465650064c3"), AAG)
    assert p.emit() == full and len(full) == 85
    empty = full[:25].ljust(60, b"\0")                     # TP-Link: NUM_GROUPS 0
    assert w.parse(empty).aag == b""
    for groups in (59, 255):
        with pytest.raises(WireError):
            w.parse(full[:25] + bytes((groups, 0)) + bytes(300))


def test_attenuation_report_of_a_modem_with_any_oui():
    for oui in (b"\x00\xb0\x52", b"\0\0\0"):
        frame = BROADCAST + MODEM + b"\x88\xe1\x00\x4e\xa1" + oui + PEV + bytes((58, 0, 0x10)) + bytes(7) + AAG
        got = w.parse(frame)
        assert (got.pev_mac, got.aag, got.oui, len(frame)) == (PEV, AAG, oui, 94)
        assert got.emit() == frame


def test_network_info_in_both_layouts():
    joined = bytes.fromhex("dc0ea1116708" "9848275a3ce6" "88e1" "01" "39a0" "0000" "00b052" "00" "00" "3a00" "00" "01"
                           "d5925cb82e6808" "0000" "04" "04" "00000000" "00" "bcf2aff1c811" "01" "000000" "01" "0000000000"
                           "bcf2aff1c811" "01" "000000" "5410eca1f3e2" "0900" "00" "00" "0900" "0000")
    net = w.parse(joined).networks[0]
    assert (net.nid.hex(), net.tei, net.role, net.cco_mac.hex()) == ("d5925cb82e6808", 4, 0, "bcf2aff1c811")
    assert [(s.mac.hex(), s.bda.hex(), s.avg_tx, s.avg_rx) for s in net.stations] == [("bcf2aff1c811", "5410eca1f3e2", 9, 9)]
    assert w.parse(joined).emit() == joined
    old = bytes.fromhex("dc0ea1116708" "9848275a3ce6" "88e1" "00" "39a0" "00b052" "01" "5a97fe49d9ea0b" "0e" "01" "02" "bcf2aff31374"
                        "01" "01" "98ded0650ef7" "02" "dc0ea1116708" "09" "09").ljust(60, b"\0")
    net = w.parse(old).networks[0]
    assert (net.nid.hex(), net.role, net.stations[0].mac.hex(), net.stations[0].avg_rx) == ("5a97fe49d9ea0b", 2, "98ded0650ef7", 9)
    assert w.parse(old).emit() == old
    alone = bytes.fromhex("dc0ea1116708" "9848275a3ce6" "88e1" "01" "39a0" "0000" "00b052" "0000" "0200" "00" "00").ljust(60, b"\0")
    assert w.parse(alone).networks == []


def test_get_key_granted_and_refused():
    head = "dc0ea1116708" "9848275a3ce6" "88e1" "01" "0d60" "0000"
    granted = w.parse(padded(head, "00", "01", "6746c9d8", "aaaaaaaa", "bc90751a5e390e", "01", "04", "0000", "ff", "3b1fe4cc1bb8f8b8484096dc2eb59e8b"))
    assert (granted.result, granted.nid.hex(), granted.nmk.hex()) == (0, "bc90751a5e390e", "3b1fe4cc1bb8f8b8484096dc2eb59e8b")
    refused = w.parse(padded(head, "01", "01", "bbbcc59f", "aaaaaaaa", "bc90751a5e390e", "00", "04", "00"))
    assert (refused.result, refused.nid.hex(), refused.nmk) == (1, "bc90751a5e390e", b"")


def test_software_version_texts():
    version = "MAC-QCA7005-1.1.0.730-04-20140815-CS"
    cnf = m.VS_SW_VER_CNF(PEV, MODEM, 0, 0x22, version, 0x001B587C)
    assert w.parse(cnf.emit()) == cnf
    short = PEV + MODEM + bytes.fromhex("88e1" "00" "01a0" "00b052" "00" "22" "25") + version.encode() + b"\0"
    assert w.parse(short).version == version and w.parse(short).ident is None
    with pytest.raises(WireError):
        w.parse(short[:-5])


def test_amplitude_map_length_is_checked():
    good = k.CM_AMP_MAP_REQ(EVSE, PEV, 917, bytes(459))
    assert len(good.emit()) == 480 and w.parse(good.emit()) == good
    with pytest.raises(WireError):
        w.parse(good.emit()[:-1])
    with pytest.raises(WireError):
        w.parse(good.emit()[:19] + b"\xff\xff" + bytes(459))


@pytest.mark.parametrize("at", [19, 20])
def test_other_applications_and_security_are_dropped(at):
    for message, octets in GOLDEN:
        if type(message) in (w.CM_SLAC_PARM_REQ, w.CM_MNBC_SOUND_IND, w.CM_ATTEN_CHAR_IND, w.CM_SLAC_MATCH_CNF):
            with pytest.raises(WireError):
                w.parse(octets[:at] + b"\1" + octets[at + 1:])


def test_header_rules():
    frame = GOLDEN[0][1]
    for at, value in ((14, 3), (14, 0), (17, 1), (12, 0x86)):      # MMV 3, MMV 0 for a standard message, fragment, EtherType
        with pytest.raises(WireError):
            w.parse(frame[:at] + bytes((value,)) + frame[at + 1:])
    assert w.parse(frame[:14] + b"\2" + frame[15:]) == GOLDEN[0][0]  # MMV 2 has the same layout


def test_every_truncation_of_every_message():
    for message, octets in GOLDEN:
        for n in range(len(octets)):
            try:
                got = w.parse(octets[:n])
            except WireError:
                continue
            if type(message) is w.CM_MNBC_SOUND_IND and 47 <= n < 71:
                got.random = message.random                # the one field that may be cut: Debian's `pev` sends 64 octets
            assert got == message                          # only padding was missing


def test_a_sound_without_its_last_octets_is_a_sound():
    sound = w.CM_MNBC_SOUND_IND(BROADCAST, PEV, RUN, 9, b"\xff" * 16)
    got = w.parse(sound.emit()[:64])
    assert (got.run_id, got.cnt, got.random) == (RUN, 9, b"\xff" * 9 + bytes(7))
    with pytest.raises(WireError):
        w.parse(sound.emit()[:46])


def test_names():
    assert name_of(0x6065) == "CM_SLAC_PARM.CNF"
    assert name_of(0xA14E) == "VS_ATTENUATION_CHARACTERISTICS.IND"
    assert name_of(0xA002) == "VS_D_LINK_READY.IND"
    assert name_of(0x606F) == "CM_ATTEN_CHAR.RSP"
    assert name_of(0x6FFC) == "0x6FFC"
    for cls in w.SLAC_MESSAGES + k.KEY_MESSAGES + m.VENDOR_MESSAGES:
        assert name_of(cls.MMTYPE).replace(".", "_") == cls.__name__


def test_beacon():
    b = Beacon(MODEM, PEV, NID, key_digest(NID, NMK), True)
    assert Beacon.parse(b.emit()) == b
    never = Beacon(MODEM, PEV, NID, key_digest(NID, NMK), False, True)
    assert Beacon.parse(never.emit()) == never
    assert NMK not in b.emit()
    assert type(w.parse(b.emit())) is Unknown
    with pytest.raises(WireError):
        Beacon.parse(GOLDEN[0][1])


def test_every_captured_frame_is_a_message_unknown_or_counted_error():
    kinds, errors = Counter(), Counter()
    for path in capture_files():
        for frame in list(captured(path, 0x88E1)):
            try:
                kinds[type(w.parse(frame)).__name__] += 1
            except WireError as e:
                errors[f"{frame[14:19].hex()} {e}"] += 1
    assert kinds["CM_SLAC_PARM_REQ"] > 20 and kinds["CM_MNBC_SOUND_IND"] > 50 and kinds["CM_SLAC_MATCH_CNF"] > 5
    assert kinds["VS_SW_VER_CNF"] > 20 and kinds["CM_SET_KEY_CNF"] > 5 and kinds["CM_ATTEN_PROFILE_IND"] > 10
    assert sum(errors.values()) <= 0.01 * sum(kinds.values()), errors


def test_captured_slac_frames_are_emitted_octet_by_octet():
    checked = 0
    slac = w.SLAC_MESSAGES
    for path in capture_files():
        for frame in list(captured(path, 0x88E1)):
            try:
                message = w.parse(frame)
            except WireError:
                continue
            if isinstance(message, slac):
                emitted = message.emit()
                n = min(len(frame), len(emitted))
                assert emitted[:n] == frame[:n], (path.name, frame.hex())
                assert not any(emitted[n:])                # a sender that did not pad
                checked += 1
    assert checked > 200


octet_strings = st.binary(max_size=200)
headers = st.builds(lambda dst, mmv, mmtype, rest: dst + PEV + b"\x88\xe1" + bytes((mmv,)) + mmtype.to_bytes(2, "little") + rest,
                    st.sampled_from([BROADCAST, PEV]), st.integers(0, 3),
                    st.sampled_from([c.MMTYPE for c in w.SLAC_MESSAGES + k.KEY_MESSAGES + m.VENDOR_MESSAGES]), octet_strings)
mutations = st.builds(lambda f, at, v, cut: (f[:at % len(f)] + bytes((v,)) + f[at % len(f) + 1:])[:cut],
                      st.sampled_from([octets for _, octets in GOLDEN]), st.integers(0, 500), st.integers(0, 255), st.integers(0, 130))


@settings(max_examples=1500, deadline=None)
@given(st.one_of(octet_strings, headers, mutations))
def test_arbitrary_octets_give_a_value_or_a_wire_error(octets):
    for read in (w.parse, Beacon.parse):
        try:
            message = read(octets)
        except WireError:
            continue
        assert w.parse(message.emit()) == w.parse(message.emit())


SHAPES = {"dst": st.binary(min_size=6, max_size=6), "src": st.binary(min_size=6, max_size=6), "run_id": st.binary(min_size=8, max_size=8),
          "nid": st.binary(min_size=7, max_size=7), "aag": st.binary(max_size=58), "random": st.binary(min_size=16, max_size=16)}


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_round_trip_of_slac_messages(data):
    cls = data.draw(st.sampled_from(w.SLAC_MESSAGES))
    values = {}
    for f in dataclasses.fields(cls):
        if f.name in SHAPES:
            values[f.name] = data.draw(SHAPES[f.name])
        elif f.name == "nmk":
            values[f.name] = data.draw(SHAPES["random"])
        elif f.name.endswith("_id"):
            values[f.name] = data.draw(st.binary(min_size=17, max_size=17))
        elif f.type == "bytes":
            values[f.name] = data.draw(SHAPES["src"])
        else:
            values[f.name] = data.draw(st.integers(0, 255))
    message = cls(**values)
    assert w.parse(message.emit()) == message
