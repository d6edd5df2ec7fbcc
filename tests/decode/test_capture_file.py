"""Capture files in every variant, cut at every place, damaged in every way; and the writer."""
import io
import shutil
import subprocess

import pytest
from hypothesis import given, settings, strategies as st

from drivers.capture_file import MAX_BLOCK, MAX_FRAME, MAX_INTERFACES, CaptureError, CaptureReader, NotACapture, PcapWriter
from tests.decode import files

FRAMES = [(1_700_000_000_123_456_000, b"first frame"), (1_700_000_001_000_001_000, b""), (1_700_000_002_999_999_000, bytes(range(64)))]


def read(data):
    """(frames, the error or None)."""
    frames = []
    try:
        for frame in CaptureReader(io.BytesIO(data)):
            frames.append(frame)
    except CaptureError as problem:
        return frames, problem
    return frames, None


def content(data):
    frames, problem = read(data)
    assert problem is None, problem
    return [(frame.at, frame.data) for frame in frames]


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("unit", [1, 1000])
def test_pcap(order, unit):
    data = files.pcap(FRAMES, order, unit)
    assert content(data) == FRAMES
    frames, _ = read(data)
    assert [frame.number for frame in frames] == [1, 2, 3]
    assert [frame.link for frame in frames] == [1, 1, 1]
    assert [data[frame.offset + 16:frame.offset + 16 + len(frame.data)] for frame in frames] == [f for _, f in FRAMES]


def test_nanoseconds_are_kept():
    assert content(files.pcap([(5_000_000_007, b"x")], unit=1)) == [(5_000_000_007, b"x")]


def test_what_the_capture_cut_off_is_known():
    frames, _ = read(files.pcap(FRAMES, cut=4))
    assert [(frame.data, frame.missing) for frame in frames] == [(b"firs", 7), (b"", 0), (bytes(range(4)), 60)]


def test_the_link_type_ignores_the_fcs_bits():
    assert read(files.pcap(FRAMES[:1], link=0xF0000071))[0][0].link == 0x71


@pytest.mark.parametrize("order", "<>")
def test_pcapng(order):
    ticks = [at // 1000 for at, _ in FRAMES]
    data = files.section(order) + files.interface(order, pairs=[(2, b"eth0"), (9, b"\x06")])
    for tick, (_, frame) in zip(ticks, FRAMES):
        data += files.packet(frame, tick, order, pairs=[(1, b"a comment"), (2, b"\0\0\0\1")])
    assert content(data) == FRAMES


@pytest.mark.parametrize("resolution, ticks, ns", [
    (b"\x09", 1_234_567_891, 1_234_567_891), (b"\x06", 7, 7000), (b"\x00", 3, 3_000_000_000), (b"\x8a", 1536, 1_500_000_000), (b"\x0c", 5000, 5)])
def test_time_resolutions(resolution, ticks, ns):
    assert content(files.section() + files.interface(pairs=[(9, resolution)]) + files.packet(b"x", ticks)) == [(ns, b"x")]


def test_the_time_offset_is_added():
    offset = (1_600_000_000).to_bytes(8, "little")
    assert content(files.section() + files.interface(pairs=[(14, offset)]) + files.packet(b"x", 1)) == [(1_600_000_000_000_001_000, b"x")]


def test_several_interfaces_and_sections_of_both_orders():
    data = (files.section("<") + files.interface("<") + files.interface("<", link=113, pairs=[(9, b"\x09")])
            + files.packet(b"a", 1, "<", 0) + files.packet(b"b", 2, "<", 1)
            + files.section(">") + files.interface(">", pairs=[(9, b"\x03")]) + files.packet(b"c", 3, ">", 0))
    assert content(data) == [(1000, b"a"), (2, b"b"), (3_000_000, b"c")]
    assert [frame.link for frame in read(data)[0]] == [1, 113, 1]


def test_simple_and_old_packets():
    data = (files.section() + files.interface(snapshot=4) + files.packet(b"abcd", 9) + files.simple(b"cut ", original=9)
            + files.old_packet(b"old", 11))
    frames, problem = read(data)
    assert problem is None
    assert [(f.at, f.data, f.missing) for f in frames] == [(9000, b"abcd", 0), (9000, b"cut ", 5), (11000, b"old", 0)]


def test_foreign_blocks_are_skipped_whatever_their_size():
    data = files.section() + files.block(4, bytes(100)) + files.interface() + files.block(0x0A, bytes(MAX_BLOCK * 3)) + files.packet(b"x", 1)
    assert content(data) == [(1000, b"x")]


@pytest.mark.parametrize("length", [1, 200])
def test_damaged_options_cost_only_options(length):
    data = files.section() + files.block(1, files.pack("<HHI", 1, 0, 0) + files.pack("<HH", 9, length)) + files.packet(b"x", 1)
    assert content(data) == [(1000, b"x")]


def test_options_of_odd_length_are_padded():
    data = files.section() + files.interface(pairs=[(2, b"eth0x"), (9, b"\x09"), (3, b"abc")]) + files.packet(b"x", 17)
    assert content(data) == [(17, b"x")]


@pytest.mark.parametrize("data, where", [
    (files.pcap(FRAMES), "pcap"),
    (files.section() + files.interface() + b"".join(files.packet(d, n) for n, (_, d) in enumerate(FRAMES)) + files.simple(b"xyz"), "pcapng"),
    (files.section(">") + files.interface(">") + files.packet(b"abc", 1, ">") + files.block(5, bytes(20), ">"), "pcapng"),
])
def test_a_file_cut_anywhere_gives_what_was_readable(data, where):
    whole, _ = read(data)
    boundaries = {0}
    for size in range(len(data)):
        if size < 4:
            with pytest.raises(NotACapture):
                CaptureReader(io.BytesIO(data[:size]))
            continue
        frames, problem = read(data[:size])
        assert frames == whole[:len(frames)]
        if problem is None:
            boundaries.add(size)
        else:
            assert problem.frames == len(frames)
            assert 0 <= problem.offset <= size
            assert "ends within" in problem.reason
    least = 24 if where == "pcap" else 28
    assert all(size == 0 or size >= least for size in boundaries)
    assert len(boundaries) - 1 <= len(whole) + 3


@pytest.mark.parametrize("data, reason", [
    (files.pcap([(0, b"x")]).replace(b"\x02\x00\x04\x00", b"\x03\x00\x04\x00"), "pcap version 3"),
    (files.pcap([])[:24] + files.pack("<IIII", 0, 0, MAX_FRAME + 1, 0), "a frame of"),
    (files.section() + files.pack("<III", 6, 13, 0), "cannot be 13 octets long"),
    (files.section() + files.pack("<III", 6, 8, 0), "cannot be 8 octets long"),
    (files.section() + files.interface() + files.pack("<II", 6, MAX_BLOCK + 4), "the limit is"),
    (files.section() + files.packet(b"x", 1), "interface 0, which the section does not describe"),
    (files.section() + files.interface() + files.packet(b"x", 1, index=1), "interface 1"),
    (files.section() + files.interface() + files.block(6, bytes(8)), "too short"),
    (files.section() + files.block(1, bytes(4)), "interface description is too short"),
    (files.section() + files.interface() + files.block(6, files.pack("<IIIII", 0, 0, 0, 99, 99)), "room for 0"),
    (files.section() + files.interface()[:-4] + files.pack("<I", 24), "two lengths"),
    (files.section() + files.interface() * (MAX_INTERFACES + 1), "more than"),
    (files.section()[:8] + b"\x11\x22\x33\x44", "octet order"),
    (files.block(0x0A0D0D0A, files.pack("<IHHq", 0x1A2B3C4D, 9, 0, -1)), "pcapng version 9"),
    (files.block(0x0A0D0D0A, files.pack("<IHH", 0x1A2B3C4D, 1, 0)), "too short for its type"),
])
def test_damage_says_where_and_why(data, reason):
    frames, problem = read(data)
    assert problem is not None and reason in problem.reason
    assert str(problem) == f"after {len(frames)} frames, at offset {problem.offset}: {problem.reason}"


@pytest.mark.parametrize("data, words", [(b"", "empty"), (b"GIF89a", "begins with 47494638"), (b"\x1f\x8b\x08\x00", "expected a pcap file"), (b"ab", "6162")])
def test_what_is_no_capture_says_what_was_expected(data, words):
    with pytest.raises(NotACapture) as caught:
        CaptureReader(io.BytesIO(data))
    assert words in str(caught.value) and "expected a pcap file" in str(caught.value)


HEADS = (b"", files.pcap([]), files.pcap([], ">", 1), files.section() + files.interface(), files.section(">") + files.interface(">"))


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(HEADS), st.binary(max_size=300))
def test_garbage_raises_only_capture_errors(head, tail):
    try:
        frames, problem = read(head + tail)
    except NotACapture:
        return
    assert all(len(frame.data) <= 300 for frame in frames)
    assert problem is None or problem.frames == len(frames)


WHOLE = files.section() + files.interface(pairs=[(9, b"\x06")]) + files.packet(b"abcdefg", 1) + files.block(5, bytes(8)) + files.simple(b"123")


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.integers(4, len(WHOLE) - 1), st.integers(0, 255)), max_size=6))
def test_a_damaged_file_raises_only_capture_errors(damages):
    data = bytearray(WHOLE)
    for at, value in damages:
        data[at] = value
    read(bytes(data))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2**32 * 10**9 - 1), st.binary(min_size=1, max_size=100)), max_size=10), st.booleans())
def test_what_is_written_can_be_read(tmp_path_factory, frames, nanoseconds):
    path = tmp_path_factory.mktemp("pcap") / "x.pcap"
    with PcapWriter(path, nanoseconds=nanoseconds) as writer:
        for at, data in frames:
            writer.write(at, data)
        assert writer.frames == len(frames)
    unit = 1 if nanoseconds else 1000
    assert content(path.read_bytes()) == [(at // unit * unit, data) for at, data in frames]


@pytest.mark.parametrize("zeros", [1, 8, 15, 16, 17, 64, 200_000])
def test_zeros_that_a_power_cut_left_at_the_end_are_its_end(zeros):
    whole = files.pcap([(5, b"one"), (6, b"two")])
    reader = CaptureReader(io.BytesIO(whole + bytes(zeros)))
    assert [frame.data for frame in reader] == [b"one", b"two"]
    assert reader.zeros == zeros and reader.offset == len(whole) + zeros


def test_zeros_between_frames_are_damage():
    whole = files.pcap([(5, b"one")])
    frames, problem = read(whole + bytes(64) + whole[24:])
    assert len(frames) == 1 and "NUL octets between frames" in problem.reason and problem.offset == len(whole)


def test_virtual_time_gets_an_epoch(tmp_path):
    with PcapWriter(tmp_path / "x.pcap", epoch_ns=1_000_000_000_000_000_000) as writer:
        writer.write(5, b"x")
        writer.flush()
        assert content((tmp_path / "x.pcap").read_bytes()) == [(1_000_000_000_000_000_005, b"x")]
        with pytest.raises(ValueError):
            writer.write(-(10**19), b"x")
        with pytest.raises(ValueError):
            writer.write(10**19, b"x")
    writer.close()


def test_a_giant_frame_is_cut(tmp_path):
    with PcapWriter(tmp_path / "x.pcap") as writer:
        writer.write(0, bytes(MAX_FRAME + 10))
    (frame,), problem = read((tmp_path / "x.pcap").read_bytes())
    assert problem is None and len(frame.data) == MAX_FRAME and frame.missing == 10


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
@pytest.mark.parametrize("nanoseconds, shown", [(True, "5.000000007"), (False, "5.000000000")])
def test_tshark_reads_what_is_written(tmp_path, nanoseconds, shown):
    with PcapWriter(tmp_path / "x.pcap", nanoseconds=nanoseconds) as writer:
        writer.write(5_000_000_007, b"\xff" * 12 + b"\x88\xe1" + bytes(46))
    done = subprocess.run(["tshark", "-r", str(tmp_path / "x.pcap"), "-T", "fields", "-e", "frame.time_epoch", "-e", "frame.len"],
                          capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == [shown, "60"]
