"""VS_MODULE_OPERATION and the old chips' messages: golden octets of sheet 1.8 and of captures, every truncation, bounds."""
from __future__ import annotations

import struct
from random import Random

import pytest

from tasks.errors import WireError
from tasks.homeplug import wire_module as m
from tasks.homeplug import wire_old_module as o
from tasks.homeplug.wire import parse
from tasks.homeplug.wire_header import LOCAL_DEVICE, name_of

from tests.captures import captured, capture_files

HOST, MODEM = bytes.fromhex("dc0ea1116708"), bytes.fromhex("9848275a3ce6")
BLOCK = bytes(i * 7 & 0xFF for i in range(m.MAX_BLOCK))


def octets(*parts):
    return bytes.fromhex("".join(parts)).ljust(60, b"\0")


GOLDEN = [
    # real: capture 2022-11-25 ABB (sheet 1.8)
    (m.VS_MODULE_OPERATION_REQ(MODEM, HOST, m.ReadModule(1400, 0)),
     octets("9848275a3ce6dc0ea111670888e100b0a000b05200000000010000120000000000027000007805000000000000")),
    # constructed in the sheet
    (m.VS_MODULE_OPERATION_REQ(MODEM, HOST, m.StartSession(0x11223344, (m.ModuleToCome(9796, 0x89ABCDEF),))),
     octets("9848275a3ce6dc0ea1116708", "88e100b0a000b052", "00000000", "01", "1000", "1900", "00000000",
            "44332211", "01", "0270", "0000", "44260000", "efcdab89")),
    # from the table of the sheet
    (m.VS_MODULE_OPERATION_REQ(LOCAL_DEVICE, HOST, m.CommitSession(0x11223344, m.COMMIT_NO_RESET)),
     octets("00b052000001dc0ea1116708", "88e100b0a000b052", "00000000", "01", "1200", "2400", "00000000", "44332211", "02000000", "00" * 20)),
    (m.VS_MODULE_OPERATION_REQ(MODEM, HOST, m.ReadModule(96, 0x360, flash=True)),
     octets("9848275a3ce6dc0ea1116708", "88e100b0a000b052", "00000000", "01", "0100", "1200", "00000000", "0270", "0000", "6000", "60030000")),
    (o.VS_RD_MOD_REQ(LOCAL_DEVICE, HOST, 1024, 2048), octets("00b052000001dc0ea1116708", "88e10024a000b052", "02", "00", "0004", "00080000", "00" * 16)),
    (o.VS_MOD_NVM_REQ(LOCAL_DEVICE, HOST), octets("00b052000001dc0ea1116708", "88e10028a000b052", "02")),
    (o.VS_MOD_NVM_CNF(HOST, MODEM, 0), octets("dc0ea11167089848275a3ce6", "88e10029a000b052", "00", "02")),
    (o.VS_WR_MOD_CNF(HOST, MODEM, 0, 1024, 2048), octets("dc0ea11167089848275a3ce6", "88e10021a000b052", "00", "02", "00", "0004", "00080000")),
]
OTHERS = [
    m.VS_MODULE_OPERATION_REQ(MODEM, HOST, m.WriteModule(7, 1400, BLOCK)),
    m.VS_MODULE_OPERATION_REQ(MODEM, HOST, m.StartSession(7, (m.ModuleToCome(9796, 1), m.ModuleToCome(70000, 2, m.FIRMWARE, 1)))),
    m.VS_MODULE_OPERATION_CNF(HOST, MODEM, 0, m.OP_READ_FLASH, m.ModuleData(2800, BLOCK)),
    m.VS_MODULE_OPERATION_CNF(HOST, MODEM, 0, m.OP_START, session=7),
    m.VS_MODULE_OPERATION_CNF(HOST, MODEM, 0, m.OP_WRITE, session=7, offset=1400),
    m.VS_MODULE_OPERATION_CNF(HOST, MODEM, 0, m.OP_COMMIT, session=7),
    m.VS_MODULE_OPERATION_CNF(HOST, MODEM, 0x15, m.OP_COMMIT, error=3),
    o.VS_RD_MOD_CNF(HOST, MODEM, 0, 2048, 0x12345678, BLOCK[:1024]),
    o.VS_WR_MOD_REQ(LOCAL_DEVICE, HOST, 2048, 0x12345678, BLOCK[:1024]),
]


@pytest.mark.parametrize("message, frame", GOLDEN, ids=lambda x: "")
def test_golden_both_directions(message, frame):
    assert message.emit() == frame.ljust(len(message.emit()), b"\0")
    assert parse(message.emit()) == message


@pytest.mark.parametrize("message", OTHERS, ids=lambda x: type(x).__name__)
def test_round_trip(message):
    assert parse(message.emit()) == message


def test_lengths_on_the_wire_are_those_of_the_sheet():
    def req(step):
        return len(m.VS_MODULE_OPERATION_REQ(MODEM, HOST, step).emit())
    assert req(m.ReadModule(1400, 0)) == 60 and req(m.StartSession(1, (m.ModuleToCome(9040, 1),))) == 60
    assert req(m.CommitSession(1)) == 61
    assert req(m.WriteModule(1, 0, BLOCK)) == req(m.WriteModule(1, 8400, b"short")) == m.WRITE_FRAME
    assert struct.unpack_from("<H", m.VS_MODULE_OPERATION_REQ(MODEM, HOST, m.WriteModule(1, 0, BLOCK)).emit(), 27)[0] == 23 + 1400
    assert len(m.VS_MODULE_OPERATION_CNF(HOST, MODEM, 0, 0, m.ModuleData(0, BLOCK)).emit()) == 1447
    assert parse(m.VS_MODULE_OPERATION_REQ(MODEM, HOST, m.WriteModule(1, 8400, b"short")).emit()).step.octets == b"short"


OLD_ENDS = {o.VS_RD_MOD_REQ: 44, o.VS_MOD_NVM_REQ: 21, o.VS_MOD_NVM_CNF: 22, o.VS_WR_MOD_CNF: 29, o.VS_RD_MOD_CNF: 36 + 1024, o.VS_WR_MOD_REQ: 32 + 1024}


def end_of(message, frame):
    """Where the last used field ends: MOD_OP_DATA_LEN counts from MOD_OP; a refusal may stop after its status words."""
    if type(message) in OLD_ENDS:
        return OLD_ENDS[type(message)]
    if getattr(message, "status", 0):
        return 28
    head = 25 if type(message) is m.VS_MODULE_OPERATION_REQ else 29
    return head + struct.unpack_from("<H", frame, head + 2)[0]


@pytest.mark.parametrize("message", [x for x, _ in GOLDEN] + OTHERS, ids=lambda x: type(x).__name__)
def test_every_truncation_up_to_the_last_field_is_an_error(message):
    whole = message.emit()
    end = end_of(message, whole)
    for length in range(end):
        with pytest.raises(WireError):
            parse(whole[:length])
    for length in range(end, len(whole) + 1):
        got = parse(whole[:length])
        assert got == message or message.status == got.status != 0


@pytest.mark.parametrize("at, value, words", [
    (24, b"\2", "2 operations"), (25, b"\x77\x00", "unknown module operation 0x77"), (27, b"\x07\x00", "operation data of 7"),
    (27, b"\xff\xff", "needed"), (37, b"\x79\x05", "1401 octets"), (27, b"\x11\x00", "needed"),
])
def test_impossible_requests(at, value, words):
    frame = bytearray(m.VS_MODULE_OPERATION_REQ(MODEM, HOST, m.ReadModule(1400, 0)).emit())
    frame[at:at + len(value)] = value
    with pytest.raises(WireError, match=words):
        parse(bytes(frame))


def test_impossible_sessions_and_answers():
    start = bytearray(m.VS_MODULE_OPERATION_REQ(MODEM, HOST, m.StartSession(7, (m.ModuleToCome(9796, 1),))).emit())
    for number in (0, 5, 255):
        start[37] = number
        with pytest.raises(WireError, match="modules in a session"):
            parse(bytes(start))
    start[37] = 2                                # more modules than the data has room for
    with pytest.raises(WireError, match="needed"):
        parse(bytes(start))
    reply = bytearray(m.VS_MODULE_OPERATION_CNF(HOST, MODEM, 0, 0, m.ModuleData(0, BLOCK)).emit())
    reply[41:43] = struct.pack("<H", 1401)
    with pytest.raises(WireError, match="1401"):
        parse(bytes(reply))
    for old in (OTHERS[-1], OTHERS[-2], GOLDEN[4][0]):
        frame = bytearray(old.emit())
        at = {o.VS_WR_MOD_REQ: 22, o.VS_RD_MOD_CNF: 26, o.VS_RD_MOD_REQ: 22}[type(old)]
        frame[at:at + 2] = struct.pack("<H", 1025)
        with pytest.raises(WireError, match="1025"):
            parse(bytes(frame))


def test_an_echo_is_read_only_where_it_is():
    """MOD_OP_DATA_LEN says how far the answer reaches: what follows is padding, not an offset."""
    bare = m.VS_MODULE_OPERATION_CNF(HOST, MODEM, 0, m.OP_WRITE)
    assert parse(bare.emit()) == bare and parse(bare.emit()).offset is None and parse(bare.emit()).session is None


def test_names():
    assert [name_of(t) for t in (0xA0B0, 0xA0B1, 0xA024, 0xA021, 0xA029)] == [
        "VS_MODULE_OPERATION.REQ", "VS_MODULE_OPERATION.CNF", "VS_RD_MOD.REQ", "VS_WR_MOD.CNF", "VS_MOD_NVM.CNF"]


def test_damaged_frames_give_a_value_or_an_error():
    rng = Random(11)
    frames = [x.emit() for x, _ in GOLDEN] + [x.emit() for x in OTHERS]
    values = 0
    for _ in range(20_000):
        frame = bytearray(rng.choice(frames))
        for _ in range(rng.randint(1, 6)):
            frame[rng.randrange(14, len(frame))] = rng.randrange(256)
        try:
            parse(bytes(frame[:rng.randint(14, len(frame))]))
            values += 1
        except WireError:
            continue
    assert 0 < values < 20_000


@pytest.mark.needs_shared
def test_every_module_operation_of_the_captures_comes_back_octet_by_octet():
    seen = 0
    for path in capture_files("2022-1"):
        for frame in captured(path, 0x88E1):
            if frame[15:17] in (b"\xb0\xa0", b"\xb1\xa0"):
                assert parse(frame).emit() == frame
                seen += 1
    assert seen == 34 + 17 + 110 + 54
