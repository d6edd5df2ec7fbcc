"""pcapng block by block: octets as the format's text has them, read back by our own reader, and by tshark and capinfos where they are installed."""
import io
import shutil
import subprocess
from struct import pack, unpack_from

import pytest

from drivers.capture_file import MAX_FRAME, CaptureReader, PcapWriter
from drivers.pcapng import (INBOUND, LINK_SOCKETCAN, MAX_COMMENT, MAX_COMMENTS, MAX_CUSTOM, MAX_ENTRY, MAX_TEXT, OUTBOUND, can_frame, custom_block,
                            enhanced_packet, interface_description, journal_block, section_header)
from tests.decode import files

AT = 1_700_000_000_123_456_789
ENTERPRISE = 32473                       # IANA: for examples in documentation (RFC 5612)
FRAME = bytes.fromhex("ffffffffffff0200000000e188e10180a0000000") + bytes(40)
needs_wireshark = pytest.mark.skipif(not (shutil.which("tshark") and shutil.which("capinfos")), reason="tshark and capinfos are not installed")


def tshark(path, *arguments):
    done = subprocess.run(["tshark", "-r", str(path), *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def write(tmp_path, *blocks):
    path = tmp_path / "made.pcapng"
    path.write_bytes(b"".join(blocks))
    return path


def read(*blocks):
    return list(CaptureReader(io.BytesIO(b"".join(blocks))))


# --- octets ---------------------------------------------------------------------------------------------------------


def test_section_and_interface_are_those_of_an_independent_writer():
    assert section_header() == files.section()
    assert section_header(hardware="Pi", application="box", comment="c") == files.block(
        0x0A0D0D0A, pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + files.options([(1, b"c"), (2, b"Pi"), (4, b"box")]))
    assert interface_description(snapshot=99) == files.interface(snapshot=99, pairs=[(9, b"\x09")])
    assert interface_description(LINK_SOCKETCAN, name="can0", description="bus", snapshot=0) == files.interface(
        link=227, pairs=[(9, b"\x09"), (2, b"can0"), (3, b"bus")])


@pytest.mark.parametrize("length", range(5))
def test_a_packet_of_every_remainder(length):
    data = FRAME[:length]
    assert enhanced_packet(AT, data) == files.packet(data, AT)
    assert enhanced_packet(AT, data, interface=1, direction=OUTBOUND, comments=["one", "", "zwei ü"], original=70) == files.packet(
        data, AT, index=1, original=70, pairs=[(1, b"one"), (1, "zwei ü".encode()), (2, b"\2\0\0\0")])


def test_custom_blocks_and_a_journal_entry():
    assert custom_block(ENTERPRISE, b"12345") == pack("<III", 0xBAD, 24, ENTERPRISE) + b"12345\0\0\0" + pack("<I", 24)
    assert custom_block(ENTERPRISE, b"", copy=False) == pack("<IIII", 0x40000BAD, 16, ENTERPRISE, 16)
    assert journal_block({"__REALTIME_TIMESTAMP": "17", "MESSAGE": "one\ntwo"}) == files.block(
        9, b"__REALTIME_TIMESTAMP=17\nMESSAGE\n" + pack("<Q", 7) + b"one\ntwo\n")


def test_a_can_frame():
    assert can_frame(0x102, b"\1\2").hex() == "00000102020000000102"
    assert can_frame(0x18FF50E5, b"", extended=True).hex() == "98ff50e500000000"
    assert can_frame(1, b"", remote=True).hex() == "4000000100000000"
    for wrong in [(0x800, b""), (-1, b""), (1, bytes(9))]:
        with pytest.raises(ValueError, match="no CAN frame"):
            can_frame(*wrong)


# --- bounds ---------------------------------------------------------------------------------------------------------


def test_comments_are_cut_between_characters():
    one = "ü" * MAX_COMMENT
    block = enhanced_packet(AT, b"", comments=[one] * (MAX_COMMENTS + 5))
    lengths, at = [], 28
    while True:
        code, length = unpack_from("<HH", block, at)
        if code == 0:
            break
        text = block[at + 4:at + 4 + length].decode()      # would raise in the middle of a character
        assert code == 1 and text.endswith("ü…")
        lengths.append(length)
        at += 4 + length + -length % 4
    assert len(lengths) == MAX_COMMENTS and all(MAX_COMMENT - 4 <= length <= MAX_COMMENT for length in lengths)


def test_bounds():
    frame, = read(section_header(), interface_description(), enhanced_packet(AT, bytes(MAX_FRAME + 3)))
    assert (len(frame.data), frame.missing) == (MAX_FRAME, 3)
    assert len(section_header(system="x" * 99_999)) < MAX_TEXT + 100
    assert len(custom_block(1, bytes(MAX_CUSTOM))) == MAX_CUSTOM + 16
    with pytest.raises(ValueError, match="the limit is"):
        custom_block(1, bytes(MAX_CUSTOM + 1))
    for at in (-1, 1 << 64):
        with pytest.raises(ValueError, match="cannot express the time"):
            enhanced_packet(at, b"")
    entry = journal_block({"__REALTIME_TIMESTAMP": "1", "MESSAGE": "x" * MAX_ENTRY, "PRIORITY": "6"})
    assert b"PRIORITY=6" in entry and b"MESSAGE" not in entry
    for wrong, why in [({"message": "x"}, "no name"), ({"": "x"}, "no name"), ({"A=B": "x"}, "no name"), ({"MESSAGE": "short"}, "too short|at least")]:
        with pytest.raises(ValueError, match=why):
            journal_block(wrong)


# --- readers --------------------------------------------------------------------------------------------------------

WHOLE = (section_header(hardware="Raspberry Pi 4", system="Linux", application="ccsbox", comment="a session"),
         interface_description(name="eth1", description="towards the car"), interface_description(LINK_SOCKETCAN, name="can0"),
         custom_block(ENTERPRISE, b"signals"), enhanced_packet(AT, FRAME, direction=INBOUND, comments=["first line\nvalue: 400 V", "second"]),
         journal_block({"__REALTIME_TIMESTAMP": str(AT // 1000), "MESSAGE": "a phase begins", "PRIORITY": "6", "SYSLOG_IDENTIFIER": "ccsbox"}),
         enhanced_packet(AT + 1, can_frame(0x102, b"\2\x90\1"), interface=1, direction=OUTBOUND), custom_block(ENTERPRISE, b"12345", copy=False),
         enhanced_packet(AT + 2, FRAME))


def test_our_own_reader_skips_what_it_does_not_know_and_knows_directions():
    frames = read(*WHOLE)
    assert [(f.number, f.at, f.data[:2].hex(), f.link, f.interface, f.direction) for f in frames] == [
        (1, AT, "ffff", 1, 0, INBOUND), (2, AT + 1, "0000", 227, 1, OUTBOUND), (3, AT + 2, "ffff", 1, 0, 0)]


@pytest.mark.parametrize("flags, direction", [(b"\1\0\0\0", 1), (b"\x06\0\0\0", 2), (b"\1\0", 0), (b"", 0), (b"\0\1\0\0", 0)])
def test_flags_of_others(flags, direction):
    assert [f.direction for f in read(files.section(), files.interface(), files.packet(b"abc", 1, pairs=[(1, b"x"), (2, flags)]))] == [direction]
    swapped = flags[::-1]
    assert [f.direction for f in read(files.section(">"), files.interface(">"), files.packet(b"abc", 1, ">", pairs=[(2, swapped)]))] == [direction]


@needs_wireshark
def test_tshark_reads_it(tmp_path):
    path = write(tmp_path, *WHOLE)
    fields = ["-T", "fields", "-E", "separator=|", "-E", "aggregator=;"] + [
        part for name in ("frame.time_epoch", "frame.interface_name", "frame.packet_flags_direction", "can.id") for part in ("-e", name)]
    frames = [line.split("|") for line in tshark(path, "-Y", "frame.interface_name", *fields).splitlines()]
    assert frames == [["1700000000.123456789", "eth1", "0x00000001", ""], ["1700000000.123456790", "can0", "0x00000002", "258"],
                      ["1700000000.123456791", "eth1", "", ""]]
    comments = tshark(path, "-Y", "frame.comment", "-T", "fields", "-E", "aggregator=|", "-e", "frame.comment")
    assert "first line" in comments and "value: 400 V" in comments and "second" in comments
    assert "a phase begins" in tshark(path, "-V")


@needs_wireshark
def test_capinfos_reads_it(tmp_path):
    said = subprocess.run(["capinfos", str(write(tmp_path, *WHOLE))], capture_output=True, text=True, timeout=120)
    assert said.returncode == 0, said.stderr
    for line in ("Number of interfaces in file: 2", "Capture hardware:    Raspberry Pi 4", "Capture application: ccsbox", "Capture oper-sys:    Linux",
                 "Capture comment:     a session", "Name = can0", "Time precision = nanoseconds (9)"):
        assert line in said.stdout, said.stdout


@needs_wireshark
def test_a_file_that_was_cut_off_or_is_damaged_is_noticed_by_the_same_means(tmp_path):
    """The check of the check: tshark does object to a block whose two lengths differ."""
    path = write(tmp_path, *WHOLE[:-1], WHOLE[-1][:-4] + pack("<I", 12))
    assert subprocess.run(["tshark", "-r", str(path)], capture_output=True, timeout=120).returncode != 0


def test_frames_are_those_of_the_pcap_writer(tmp_path):
    with PcapWriter(tmp_path / "a.pcap") as writer:
        for step in range(9):
            writer.write(AT + step, FRAME[:14 + step])
    ours = read(section_header(), interface_description(), *(enhanced_packet(AT + step, FRAME[:14 + step]) for step in range(9)))
    with open(tmp_path / "a.pcap", "rb") as file:
        assert [(f.at, f.data) for f in CaptureReader(file)] == [(f.at, f.data) for f in ours]
