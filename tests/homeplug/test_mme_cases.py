"""The codec cases M01 to M09, M12 and M13 of the slac-and-network sheet, section 9, by their names (M10: test_modem_link)."""
from __future__ import annotations

import os
import re
import struct
from pathlib import Path
from random import Random

import pytest

from drivers.capture_file import PcapWriter
from tasks.errors import WireError
from tasks.homeplug import wire as w
from tasks.homeplug import wire_keys as k
from tasks.homeplug import wire_lumissil as u
from tasks.homeplug import wire_modem as m
from tasks.homeplug.keys import nid_from_nmk
from tasks.homeplug.wire_header import BROADCAST, Unknown, name_of

from tests.captures import FOLDER, capture_files, captured
from tests.homeplug.examples import AAG, EVSE, EXAMPLES, MESSAGES, MODEM, PEV, STANDARD, name
from tests.homeplug.fuzz import Campaign, seeds
from tests.interop.readers import HOMEPLUG_FIELDS, scapy_reading

LONGEST = 1518                         # an Ethernet frame with its FCS: no driver hands up more
SHEET = FOLDER.parent / "facts" / "slac-and-network.md"
ROOT = Path(__file__).resolve().parents[2]
EACH = pytest.mark.parametrize("message", EXAMPLES, ids=name)


def entry_of(frame: bytes) -> int:
    return 19 if frame[14] else 17


# --- M01, M02 -----------------------------------------------------------------------------------------------------------

def test_every_message_has_an_example():
    assert {type(x) for x in EXAMPLES} == set(MESSAGES)


@EACH
def test_m01_round_trip(message):
    frame = message.emit()
    assert w.parse(frame) == message and len(frame) >= 60
    assert name_of(type(message).MMTYPE).replace(".", "_") == type(message).__name__


def test_m02_every_frame_of_appendix_a_octet_by_octet():
    if not SHEET.is_file():
        pytest.skip(f"no {SHEET}")
    rows = re.findall(r"^(\d+) [\d.]+ (\S+) (\d+) ([0-9a-f]{100,})$", SHEET.read_text(), re.M)
    checked, other = 0, set()
    for number, label, length, octets in rows:
        frame = bytes.fromhex(octets)
        assert len(frame) == int(length)
        message = w.parse(frame)
        if type(message) is Unknown:
            other.add(name_of(message.mmtype))
            continue
        emitted = message.emit()
        shorter = min(len(frame), len(emitted))
        if type(message) is m.VS_SW_VER_CNF:
            shorter = 20 + 3 + len(message.version)           # behind the text the modem leaves 0xcc
        if type(message) is k.CM_SET_KEY_CNF:
            shorter = 31                                      # PRN and PMN differ between firmwares (sheet 1.5), nobody reads them
        assert emitted[:shorter] == frame[:shorter], (number, label)
        checked += 1
    assert checked > 20 and other == {"VS_GET_PROPERTY.REQ", "VS_GET_PROPERTY.CNF"}


# --- M03 ----------------------------------------------------------------------------------------------------------------

@EACH
def test_m03_every_length_from_nothing_to_the_longest_frame(message):
    """Cut anywhere: an error or the same message. Padded with anything to any length: the same message, the pad is never read."""
    frame = message.emit()
    junk = Random(name(message)).randbytes(LONGEST)
    for length in range(LONGEST + 1):
        octets = frame[:length] + junk[:max(0, length - len(frame))]
        try:
            got = w.parse(octets)
        except WireError as error:
            assert length < len(frame), (length, error)
            continue
        assert length >= entry_of(frame), length
        if type(message) is w.CM_MNBC_SOUND_IND and length < 71:
            got.random = message.random                    # the one field that may be cut: Debian's `pev` sends 64 octets
        if type(message) is m.VS_SW_VER_CNF and length < 281:
            got.ident = message.ident                      # not in older firmware, whose answers are shorter
        assert got == message, length


@pytest.mark.parametrize("octets", [b"", b"\xff" * 13, b"\xff" * 12 + b"\x88\xe1", b"\0" * LONGEST, b"\xff" * LONGEST])
def test_m03_frames_that_are_none(octets):
    with pytest.raises(WireError):
        w.parse(octets)


def test_m03_every_type_there_is_at_every_mmv():
    """65536 types, short and long: a value or a WireError."""
    outcomes = {"value": 0, "unknown": 0, "error": 0}
    for mmtype in range(0x10000):
        for mmv, body in ((0, b"\0\xb0\x52" + b"\xff" * 40), (1, b"\0" * 64), (2, b"\0\x16\xe8" + b"\xff" * 10)):
            frame = BROADCAST + PEV + b"\x88\xe1" + struct.pack("<BH", mmv, mmtype) + (b"\0\0" if mmv else b"") + body
            try:
                got = w.parse(frame)
            except WireError:
                outcomes["error"] += 1
            else:
                outcomes["unknown" if type(got) is Unknown else "value"] += 1
    assert sum(outcomes.values()) == 3 * 0x10000 and all(outcomes.values())


# --- M04, M05, M06, M07 -------------------------------------------------------------------------------------------------

@EACH
@pytest.mark.parametrize("mmv", [0, 1, 2, 3, 255])
def test_m04_mmv(message, mmv):
    """1 and 2 have the same layout; 0 has no fragmentation octets; standard messages do not exist with 0; above 2 nothing exists."""
    frame = message.emit()
    body = frame[entry_of(frame):]
    octets = frame[:14] + bytes((mmv,)) + frame[15:17] + (b"\0\0" if mmv else b"") + body
    if mmv > 2 or (mmv == 0 and isinstance(message, STANDARD)):
        with pytest.raises(WireError):
            w.parse(octets)
        return
    if type(message) is m.VS_NW_INFO_CNF and bool(mmv) != bool(message.mmv):
        return                                             # its two layouts go by the MMV: M12
    got = w.parse(octets)
    if hasattr(message, "mmv"):
        got.mmv = message.mmv
    assert got == message


@EACH
@pytest.mark.parametrize("fmi", [1, 0x0F, 0x10, 0xFF])
def test_m04_fragments_are_refused(message, fmi):
    frame = message.emit()
    if frame[14]:
        with pytest.raises(WireError, match="fragment"):
            w.parse(frame[:17] + bytes((fmi,)) + frame[18:])
    else:
        assert frame[17:20] != bytes(3) or type(message) is u.VS_D_LINK_READY_IND or message.oui == bytes(3)   # no such octets


@pytest.mark.parametrize("oui", [b"\0\xb0\x52", b"\0\0\0", b"\xff\xff\xff"])
def test_m05_a14e_with_any_oui(oui):
    message = m.VS_ATTENUATION_CHARACTERISTICS_IND(BROADCAST, MODEM, PEV, AAG, oui)
    assert w.parse(message.emit()) == message and len(message.emit()) == 94


def test_m05_other_messages_are_their_makers_alone():
    for message in EXAMPLES:
        frame = message.emit()
        at = entry_of(frame)
        if type(message).MMTYPE >= 0xA000 and frame[at:at + 3] in (b"\0\xb0\x52", b"\0\x16\xe8") and type(message) is not m.VS_ATTENUATION_CHARACTERISTICS_IND:
            assert type(w.parse(frame[:at] + b"\1\2\3" + frame[at + 3:])) is Unknown


GROUPS = [(w.CM_ATTEN_PROFILE_IND(BROADCAST, MODEM, PEV, AAG), 25, 27), (w.CM_ATTEN_CHAR_IND(PEV, EVSE, bytes(8), PEV, 10, AAG), 70, 71),
          (m.VS_ATTENUATION_CHARACTERISTICS_IND(BROADCAST, MODEM, PEV, AAG), 26, 36)]


@pytest.mark.parametrize("message, at, first", GROUPS, ids=lambda x: name(x) if hasattr(x, "emit") else "")
@pytest.mark.parametrize("groups", [0, 1, 57, 58, 59, 255])
def test_m06_num_groups(message, at, first, groups):
    """At most 58 exist, 0 is `no data`, and they must be within the frame."""
    octets = message.emit()[:at] + bytes((groups,)) + message.emit()[at + 1:first] + bytes(range(1, 256))
    if groups > 58:
        with pytest.raises(WireError, match=f"{groups} groups"):
            w.parse(octets)
        return
    assert w.parse(octets).aag == bytes(range(1, groups + 1))
    assert w.parse(octets[:first + groups]).aag == bytes(range(1, groups + 1))
    if groups:
        with pytest.raises(WireError):
            w.parse(octets[:first + groups - 1])


@pytest.mark.parametrize("amlen", [0, 1, 2, 3, 916, 917, 918, 1155, 2994, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF])
def test_m07_amlen_is_checked_before_the_data_is_touched(amlen):
    """CVE-2024-26003 was an AMLEN beyond the frame: 21 + ceil(AMLEN / 2) octets must be there."""
    head = EVSE + PEV + b"\x88\xe1\1\x1c\x60\0\0" + struct.pack("<H", amlen)
    need = (amlen + 1) // 2
    for there in sorted({0, 1, max(0, need - 1), need, need + 1, LONGEST - 21}):
        octets = head + bytes(there)
        if there < need:
            with pytest.raises(WireError, match=f"where {21 + need} are needed"):
                w.parse(octets)
        else:
            got = w.parse(octets)
            assert (got.amlen, len(got.amdata)) == (amlen, need)


# --- M08, M09 -----------------------------------------------------------------------------------------------------------

def scapy_python() -> str:
    """The peers' interpreter, which has scapy (install/test.sh makes it for --interop); skips without it."""
    path = Path((os.environ.get("CCSBOX_VENV") or str(ROOT / ".venv")) + "-peers") / "bin" / "python"
    if not path.exists():
        pytest.skip(f"no {path}: ./install/test.sh --interop makes it")
    return str(path)


def test_m08_scapy_reads_the_same_fields(tmp_path):
    """A decoder that others wrote, over every message of ours that it has a layer for."""
    python = scapy_python()
    known = [x for x in EXAMPLES if type(x) in HOMEPLUG_FIELDS and not getattr(x, "amlen", 0)]
    known = [x for x in known if all(not getattr(x, field, b"\0").strip(b"\0") for field in ("source_id", "resp_id", "pev_id", "evse_id", "sender_id"))] + [
        w.CM_ATTEN_CHAR_IND(PEV, EVSE, b"12345678", PEV, 10, AAG), w.CM_ATTEN_CHAR_RSP(EVSE, PEV, b"12345678", PEV), w.CM_SLAC_MATCH_REQ(EVSE, PEV, b"12345678", PEV, EVSE),
        w.CM_SLAC_MATCH_CNF(PEV, EVSE, b"12345678", PEV, EVSE, b"network", bytes(range(16))), w.CM_MNBC_SOUND_IND(BROADCAST, PEV, b"12345678", 3, bytes(range(16)))]
    path = tmp_path / "ours.pcap"
    writer = PcapWriter(path)
    for at, message in enumerate(known):
        writer.write(at, message.emit())
    writer.close()
    read = scapy_reading(path, python, {PEV.hex(":"), EVSE.hex(":"), MODEM.hex(":")})
    assert read.objections == [] and read.by_scapy == len(known) >= 10
    assert {type(x) for x in known} >= {cls for cls in HOMEPLUG_FIELDS if cls.__module__ == w.__name__}


def test_m09_short_form_of_the_fuzz():
    """20 000 mutated frames; a million by `./install/test.sh --fuzz-mme`."""
    campaign = Campaign(seeds(), seed=9)
    campaign.run(20_000)
    assert campaign.failure is None, campaign.failure
    assert campaign.values > 3000 and campaign.errors > 3000 and len(campaign.types) > 30


def test_m09_a_failure_is_found_and_told(monkeypatch):
    campaign = Campaign(seeds(), seed=9)

    def broken(frame):
        raise IndexError("beyond the frame")
    monkeypatch.setattr("tests.homeplug.fuzz.parse", broken)
    campaign.run(5)
    assert campaign.done == 1 and "IndexError: beyond the frame" in campaign.failure and "--replay" in campaign.failure


# --- M12, M13 -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("mmv", [0, 1])
def test_m12_nw_info_in_both_layouts(mmv):
    """Counts beyond their bounds and beyond the frame are refused, in each layout by its own offsets."""
    message = next(x for x in EXAMPLES if type(x) is m.VS_NW_INFO_CNF and x.mmv == mmv)
    frame = message.emit()
    first = 27 if mmv else 20                              # NUMAVLNS
    assert frame[first] == 2 and w.parse(frame) == message
    stations = first + 1 + (26 if mmv else 17)             # NUMSTAS of the first network
    assert frame[stations] == 2
    for at, value in ((first, 9), (first, 255), (first, 8), (stations, 65), (stations, 255), (stations, 64)):
        with pytest.raises(WireError):
            w.parse(frame[:at] + bytes((value,)) + frame[at + 1:])
    assert w.parse(frame[:first] + b"\0" + frame[first + 1:]).networks == []


def test_m12_every_captured_answer():
    seen = set()
    for path in capture_files():
        for frame in captured(path, 0x88E1):
            if frame[15:17] == b"\x39\xa0":
                message = w.parse(frame)
                seen.add((message.mmv, len(message.networks)))
                for network in message.networks:
                    assert network.role <= 2 and network.cco_mac[:1] != b"\xff" and all(s.avg_tx == s.avg_rx == 9 for s in network.stations)
    assert {(0, 1), (1, 0), (1, 1)} <= seen


@pytest.mark.parametrize("nmk, nid", [
    ("3452235445aef2d455feff31a3b303ad", "b1c913b5aa0702"), ("b59319d7e8157ba001b018669ccee30d", "026bcba5354e08"),
    ("50d3e4933f855b7040784df815aa8db7", "b0f2e695666b03"), ("a39d255b5770c42f3837471f5b39823a", "4ee9194d581702"),
    ("3b1fe4cc1bb8f8b8484096dc2eb59e8b", "bc90751a5e390e"), ("d84a239554e7980bb73263f505734afd", "d5925cb82e6808")])
def test_m13_nid_vectors(nmk, nid):
    assert nid_from_nmk(bytes.fromhex(nmk)).hex() == nid
