"""Damaged octets: every cut, every flipped bit, arbitrary and changed ones; each kind of damage has its code, and nothing else comes of it."""
from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exi_known import MESSAGES, ev_status, v2g
from exi_native import codec
from exi_native.codec import ExiError, ExiErrorCode
from exi_native.messages import din

EXI = codec.load()
ids = list(MESSAGES)


def decode_or_error(schema: Any, data: bytes) -> None:
    try:
        message = EXI.decode(schema, data)
    except ExiError as error:
        assert isinstance(error.code, ExiErrorCode) and 0 <= error.bit_position <= 8 * len(data)
        return
    # What is accepted is a message that can be sent again, and means the same.
    assert EXI.decode(schema, EXI.encode(schema, message)) == message


@pytest.mark.parametrize("name", ids)
def test_truncation_at_every_octet(name: str) -> None:
    schema, _, octets = MESSAGES[name]
    data = bytes.fromhex(octets)
    for length in range(len(data)):
        with pytest.raises(ExiError) as refused:
            EXI.decode(schema, data[:length])
        assert refused.value.code == ExiErrorCode.TRUNCATED


@pytest.mark.parametrize("name", ids)
def test_truncation_at_every_bit_and_every_flipped_bit(name: str) -> None:
    schema, _, octets = MESSAGES[name]
    data = bytes.fromhex(octets)
    value = int.from_bytes(data, "big")
    for bit in range(8 * len(data)):
        decode_or_error(schema, (value >> bit << bit).to_bytes(len(data), "big"))  # the rest is zero
        decode_or_error(schema, (value | ((1 << bit) - 1)).to_bytes(len(data), "big"))  # the rest is one
        decode_or_error(schema, (value ^ 1 << bit).to_bytes(len(data), "big"))


@settings(max_examples=300, deadline=None, database=None)
@given(st.sampled_from(["SAP", "DIN"]), st.binary(max_size=200), st.booleans())
def test_arbitrary_octets(schema: Any, data: bytes, with_header: bool) -> None:
    decode_or_error(schema, b"\x80" + data if with_header else data)


@settings(max_examples=300, deadline=None, database=None)
@given(st.sampled_from(ids), st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=8))
def test_damaged_messages(name: str, changes: list[tuple[int, int]]) -> None:
    schema, _, octets = MESSAGES[name]
    data = bytearray.fromhex(octets)
    for position, octet in changes:
        data[position % len(data)] = octet
    decode_or_error(schema, bytes(data))


def refused_bits(schema: Any, bits: str) -> ExiErrorCode:
    bits = bits.replace(" ", "")
    length = -(-len(bits) // 8)
    with pytest.raises(ExiError) as refused:
        EXI.decode(schema, int(bits.ljust(8 * length, "0"), 2).to_bytes(length, "big"))
    return refused.value.code


def test_each_kind_of_damage_has_its_code() -> None:
    session = "10000000 1001101 0 0 "  # header, V2G_Message, Header, SessionID
    body = session + "0 00000000 0 10 0 "  # CH, no octets, EE; Header's EE; Body
    assert refused_bits("DIN", "10000001") == ExiErrorCode.BAD_HEADER  # version 2
    assert refused_bits("DIN", "10100000") == ExiErrorCode.BAD_HEADER  # options document
    assert refused_bits("DIN", "10000000 1111111") == ExiErrorCode.BAD_EVENT_CODE  # 82 productions
    assert refused_bits("DIN", "10000000 1010001") == ExiErrorCode.WILDCARD  # SE(*)
    assert refused_bits("DIN", session + "1 001") == ExiErrorCode.SECOND_LEVEL  # xsi:type
    assert refused_bits("DIN", session + "0 00000000 1 00") == ExiErrorCode.SECOND_LEVEL  # after the value
    assert refused_bits("DIN", session + "0 00001001") == ExiErrorCode.TOO_LONG  # 9 octets, 8 are allowed
    assert refused_bits("DIN", body + "111111") == ExiErrorCode.BAD_EVENT_CODE  # Body: 36 productions and escape
    assert refused_bits("DIN", body + "100100 101") == ExiErrorCode.SECOND_LEVEL
    # ServiceDiscoveryReq.ServiceScope: string table hits, characters
    scope = body + "011001 00 0 "  # the 26th of the group, CH
    assert refused_bits("DIN", scope + "00000000") == ExiErrorCode.STRING_TABLE
    assert refused_bits("DIN", scope + "00000001") == ExiErrorCode.STRING_TABLE
    assert refused_bits("DIN", scope + "00000011 10000000 10110000 00000011") == ExiErrorCode.BAD_CHARACTER  # U+D800
    assert refused_bits("DIN", scope + "10000011" * 9) == ExiErrorCode.TOO_LONG
    # SessionStopRes.ResponseCode: 23 values in 5 bits; CableCheckReq: EVRESSSOC 0 .. 100 in 7 bits
    assert refused_bits("DIN", body + "100000 0 0 10111") == ExiErrorCode.BAD_ENUMERATION  # SessionStopRes is the 33rd
    check = EXI.encode("DIN", v2g(din.CableCheckReq(DC_EVStatus=ev_status(100)), b""))
    text = f"{int(check.hex(), 16):b}"
    at = text.rindex("1100100")
    assert refused_bits("DIN", text[:at] + "1100101" + text[at + 7:]) == ExiErrorCode.OUT_OF_RANGE
    # PMaxScheduleEntry as root, empty TimeInterval, PMax a short: 32768 does not exist, endless integers neither.
    pmax = "10000000 0101010 01 0 0 0 0"
    assert refused_bits("DIN", pmax + "10000000 10000000 00000010") == ExiErrorCode.OUT_OF_RANGE
    assert refused_bits("DIN", pmax + "10000000" * 20) == ExiErrorCode.OUT_OF_RANGE
