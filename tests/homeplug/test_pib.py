"""The PIB: checksums, fields, edits, refusals; and the PIBs of four modems that stand in captures (M11)."""
from __future__ import annotations

import struct

import pytest

from tasks.homeplug import pib
from tasks.homeplug.wire import parse
from tasks.homeplug.wire_module import VS_MODULE_OPERATION_CNF

from tests.captures import captured, capture_files

MAC = bytes.fromhex("0200000a0b0c")
NMK, NID = bytes(range(16)), bytes(range(7))


def image(layout=pib.LAYOUTS[0], role="evse"):
    return pib.new_image(layout, MAC, role, NMK, NID)


def patched(at, value, seal=True, octets=None):
    out = bytearray(octets or image())
    out[at:at + len(value)] = value
    return pib.sealed(out) if seal else bytes(out)


@pytest.mark.parametrize("layout", pib.LAYOUTS, ids=lambda x: x.name)
def test_a_new_image_has_the_known_size_and_fields(layout):
    p = pib.parse(image(layout))
    assert (len(p.octets), p.layout) in ((9040, pib.LAYOUTS[0]), (9796, pib.LAYOUTS[1]))
    assert (p.mac, p.role, p.raw(pib.NMK), p.raw(pib.NID)) == (MAC, "evse", NMK, NID)
    assert (p.text(pib.USER_HFID), p.text(pib.LOW_SPEED), p.text(pib.HIGH_SPEED)) == ("'EVSE'", "10240", "102400")


def test_checksum_is_the_complement_of_the_xor_of_words():
    assert pib.checksum(b"") == 0xFFFFFFFF and pib.checksum(b"\x01\0\0\0\x10\0\0\0") == 0xFFFFFFEE


def test_configure_changes_four_fields_and_their_checksums_only():
    old = pib.parse(patched(pib.BODY + 0x102, b"\1", octets=image(role="pev")))
    new = pib.configured(old, "evse")
    assert new.role == "evse"
    changed = [i for i, (a, b) in enumerate(zip(old.octets, new.octets)) if a != b]
    checksums = {pib.PIB_HEADER + at + i for at in (pib.CHECKSUM_AT, pib.HEADER_CHECKSUM_AT) for i in range(4)}
    assert {i - pib.BODY for i in changed if i not in checksums} == {0xF4, 0x1653, 0x74, 0x75, 0x76, 0x77, 0x102}
    assert old.differences(new) == [("user HFID", "'PEV'", "'EVSE'"), ("CCoSelection", "1", "2"), ("sniffer", "1", "0"), ("SLAC mode", "1", "2")]
    assert pib.configured(new, "evse") == new


def test_a_mac_is_changed_only_when_given():
    old = pib.parse(image())
    assert pib.configured(old, "pev").mac == MAC
    other = bytes.fromhex("020000000001")
    new = pib.configured(old, "evse", mac=other)
    assert new.mac == other and old.differences(new) == [("MAC", MAC.hex(":"), other.hex(":"))]


def test_a_text_is_replaced_whole_and_must_fit():
    long = pib.configured(pib.parse(image()), "evse", "a long name of the charger")
    assert pib.configured(long, "evse").raw(pib.USER_HFID) == b"EVSE".ljust(64, b"\0")
    for bad in ("x" * 64, "two\nlines"):
        with pytest.raises(pib.PibError, match="does not fit"):
            pib.configured(long, "evse", bad)


def test_keys_are_left_aside_in_the_comparison_and_hidden_in_the_difference():
    old = pib.parse(image())
    new = old.edited({pib.NMK: bytes(16), pib.NID: bytes(7)})
    assert old != new and old.same_but_keys(new)
    assert old.differences(new) == [("NMK", "(hidden)", "(hidden, other)"), ("NID", NID.hex(), "00" * 7)]
    assert not old.same_but_keys(pib.configured(old, "pev"))
    assert not old.same_but_keys(pib.parse(image(pib.LAYOUTS[1])))


def test_octets_outside_of_the_known_fields_are_told_too():
    old = pib.parse(image())
    assert old.differences(pib.parse(patched(pib.BODY + 0x500, b"\1\2"))) == [("other octets", "2 differ", "")]


@pytest.mark.parametrize("octets, words", [
    (b"", "0 octets are no known PIB"), (image()[:-1], "9039 octets"), (image() + b"\0", "9041 octets"),
    (patched(0, b"\2"), "header of the manifest"), (patched(pib.PIB_HEADER + 0x24, b"\x0e"), "header of the PIB"),
    (patched(0x10, b"\x04\x03"), "manifest is 772"), (patched(0x1C, b"\x64"), "next part at 0x364"),
    (patched(pib.PIB_HEADER + 0x10, b"\x84\x22"), "tells of 9796 octets, there are 9040"),
    (patched(pib.PIB_HEADER + 0x10, b"\x00\x10"), "would be 5056 octets"),
    (patched(pib.PIB_HEADER + 0x30, b"\1", seal=False), "header of the PIB has checksum"),
    (patched(0x5C, b"\0\0", seal=False), "header of the manifest has checksum"),
    (patched(pib.BODY + 5000, b"\1", seal=False), "The PIB has checksum"),
    (patched(0x70, b"\1", seal=False), "The manifest has checksum"),
    (patched(pib.BODY + 0xF4, b"\3"), "CCoSelection .* is 3"), (patched(pib.BODY + 0x1653, b"\xff"), "SLAC mode .* is 255"),
    (patched(pib.BODY + 0x24, b"\xff\xfe"), "manufacturer HFID .* is no text"),
])
def test_anything_unexpected_is_refused_with_what_was_expected(octets, words):
    with pytest.raises(pib.PibError, match=words) as e:
        pib.parse(octets)
    assert e.value.remedy


def test_every_single_wrong_bit_is_noticed():
    """XOR of words: a flipped bit cannot hide. Every 61st octet of each kind, all of the headers."""
    good = image()
    for at in [*range(0x60), *range(pib.PIB_HEADER, pib.BODY), *range(0x60, len(good), 61)]:
        with pytest.raises(pib.PibError):
            pib.parse(patched(at, bytes((good[at] ^ 0x10,)), seal=False))


@pytest.mark.parametrize("cco, mode, role", [(1, 1, "pev"), (2, 2, "evse"), (1, 2, None), (2, 1, None), (0, 0, None), (0, 2, None)])
def test_a_role_needs_both_octets(cco, mode, role):
    assert pib.role_of(cco, mode) == role


# --- the PIBs of real modems

def recorded():
    """Every whole PIB read in a capture, in the order of their reading: (modem MAC, octets); distinct contents only."""
    found = []
    for path in capture_files("2022-11-25_v0.2_ABB") + capture_files("2022-12-20_alpi"):
        at: dict[bytes, bytearray] = {}
        for frame in captured(path, 0x88E1):
            if frame[15:17] != b"\xb1\xa0":
                continue
            m = parse(frame)
            assert type(m) is VS_MODULE_OPERATION_CNF and m.status == 0
            if m.module.offset == 0 and len(m.module.octets) == 1400:
                at[m.src] = bytearray()
            image = at.get(m.src)
            if image is None or m.module.offset > len(image):
                continue
            image[m.module.offset:m.module.offset + len(m.module.octets)] = m.module.octets
            if len(image) >= pib.BODY and len(image) == pib.total_length(image) and (m.src, bytes(image)) not in found:
                found.append((m.src, bytes(image)))
    return found


@pytest.mark.needs_shared
def test_the_recorded_pibs_have_the_layout_and_right_checksums():
    images = recorded()
    roles = sorted((mac.hex(), len(octets), pib.parse(octets).role) for mac, octets in images)
    assert len(images) == 5, "four modems, one of them before and after a new key"
    assert {(mac, size, role) for mac, size, role in roles} == {
        ("9848275a3ce6", 9796, "pev"), ("98ded0650ef7", 9796, "pev"), ("bcf2aff1c811", 9040, "evse"), ("bcf2aff31374", 9040, "evse")}
    before, after = (pib.parse(octets) for mac, octets in images if mac.hex() == "98ded0650ef7")
    assert before != after and before.same_but_keys(after)
    for mac, octets in images:
        p = pib.parse(octets)
        assert p.mac == mac and (p.text(pib.LOW_SPEED), p.text(pib.HIGH_SPEED)) == ("10240", "102400")
        assert pib.sealed(octets) == octets, "the checksums that we compute are the ones that stood there"


@pytest.mark.needs_shared
def test_recorded_pibs_go_to_the_other_role_and_back_to_the_same_octets():
    for _, octets in recorded():
        p = pib.parse(octets)
        other = pib.configured(p, "pev" if p.role == "evse" else "evse")
        assert other.role not in (None, p.role) and not p.same_but_keys(other)
        hfid = p.raw(pib.USER_HFID).split(b"\0", 1)[0].decode()
        back = pib.configured(other, p.role, hfid).edited({pib.SNIFFER: p.raw(pib.SNIFFER)})
        assert back.octets == octets
        assert struct.unpack_from("<I", other.octets, pib.PIB_HEADER + 0x14)[0] == pib.checksum(other.octets[pib.BODY:])
