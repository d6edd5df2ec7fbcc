"""V2GTP: any split of the stream gives the same messages; anything else is a WireError and nothing else."""
from __future__ import annotations

from random import Random

import pytest

from tasks.errors import WireError
from tasks.v2g import v2gtp

MESSAGES = [b"\x80" + bytes([n]) * n for n in (1, 3, 60, 200)]
STREAM = b"".join(v2gtp.emit(m) for m in MESSAGES)


def test_header_octets():
    assert v2gtp.emit(b"ab") == bytes.fromhex("01fe800100000002") + b"ab"      # sheet 5.1


def test_several_messages_in_one_segment():
    assert v2gtp.Deframer().receive(STREAM) == MESSAGES


def test_octet_by_octet_is_all_at_once():
    deframer = v2gtp.Deframer()
    out = []
    for i in range(len(STREAM)):
        out += deframer.receive(STREAM[i:i + 1])
    assert out == MESSAGES and deframer.waiting == 0


def test_any_split():
    rng = Random(7)
    for _ in range(200):
        deframer, out, at = v2gtp.Deframer(), [], 0
        while at < len(STREAM):
            step = rng.randrange(1, 90)
            out += deframer.receive(STREAM[at:at + step])
            at += step
        assert out == MESSAGES


@pytest.mark.parametrize("header", ["02fe800100000001", "01ff800100000001", "01fe800200000001", "01fe900000000001", "01fe800100000000",
                                    "01fe800100002001", "01fe8001ffffffff"])
def test_bad_headers_break_the_stream(header):
    deframer = v2gtp.Deframer()
    with pytest.raises(WireError):
        deframer.receive(bytes.fromhex(header) + b"\0")
    assert deframer.broken and deframer.waiting == 0
    with pytest.raises(WireError):
        deframer.receive(STREAM)


def test_limit_is_the_largest_payload():
    payload = bytes(v2gtp.MAX_PAYLOAD_OCTETS_DIN)
    assert v2gtp.Deframer().receive(v2gtp.emit(payload)) == [payload]


def test_random_octets_give_values_or_wire_errors():
    rng = Random(3)
    for _ in range(2000):
        data = bytearray(STREAM)
        for _ in range(rng.randrange(1, 4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        deframer = v2gtp.Deframer()
        try:
            assert all(type(p) is bytes for p in deframer.receive(bytes(data)))
        except WireError:
            assert deframer.broken
        assert deframer.waiting <= v2gtp.MAX_PAYLOAD_OCTETS_DIN + v2gtp.HEADER_OCTETS
