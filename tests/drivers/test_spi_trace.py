"""An SPI trace of a QCA7000: frames out of octets, in both directions, whatever lies between them."""
import io
import random

import pytest

from drivers.capture_file import CaptureError, CaptureReader, NotACapture
from drivers.spi_trace import MAX_LINE, SpiTrace, open_reader
from tests.decode import files
from tests.listen import line
from tools.decode.run import follow_file
from tasks.listen.exi import decoder

HEADER = "Time [s],Packet ID,MOSI,MISO\n"


def framed(frame):
    frame = frame.ljust(60, b"\0")
    return b"\xaa\xaa\xaa\xaa" + len(frame).to_bytes(2, "little") + b"\0\0" + frame + b"\x55\x55"


def trace(frames, noise=b"\x00\x12\x34", per_row=16, form="0x{:02X}"):
    """`frames`: (from the host, octets). One transfer per frame: a command, the frame, nothing on the other wire."""
    rows, at = [HEADER], 0.5
    for mosi, frame in frames:
        octets = noise + framed(frame)
        for n in range(0, len(octets), per_row):
            part = octets[n:n + per_row]
            wires = [" ".join(form.format(o) for o in (part if mine else bytes(len(part)))) for mine in (mosi, not mosi)]
            rows.append(f"{at:.9f},1,{wires[0]},{wires[1]}\n")
            at += 0.000_01
    return "".join(rows).encode()


def session():
    return [(frame[6:12] == line.CAR, frame) for frame in line.session()]


@pytest.mark.parametrize("per_row, form", [(1, "0x{:02X}"), (16, "{:02x}"), (4000, "0x{:02x}")])
def test_every_frame_of_both_directions_is_found(per_row, form):
    reader = open_reader(io.BytesIO(trace(session(), per_row=per_row, form=form)))
    assert isinstance(reader, SpiTrace)
    found = list(reader)
    assert [f.data for f in found] == [frame.ljust(60, b"\0") for _, frame in session()]
    assert reader.broken == 0 and [f.number for f in found] == list(range(1, len(found) + 1))
    assert all(a.at <= b.at for a, b in zip(found, found[1:])) and found[0].at >= 500_000_000


def test_a_whole_session_is_decoded(tmp_path):
    path = tmp_path / "trace.csv"
    path.write_bytes(trace(session()))
    summary, problem = follow_file(str(path), decoder(line.codec()), io.StringIO())
    assert problem is None and summary.sessions.sessions[0].stopped and summary.sessions.messages["PreChargeRes"] == 1


def test_a_frame_without_its_end_is_counted_and_the_next_one_found():
    frames = session()[:3]
    octets = bytearray(trace(frames, per_row=4000).replace(b" 0x55 0x55,", b" 0x55 0x54,", 1))
    reader = SpiTrace(io.BytesIO(bytes(octets)))
    assert len(list(reader)) == 2 and reader.broken == 1


def test_the_mark_within_a_frame_does_no_harm():
    frame = b"\xaa" * 100
    assert [f.data for f in SpiTrace(io.BytesIO(trace([(True, frame), (False, frame)])))] == [frame, frame]


def test_random_octets_give_no_frame_and_no_error():
    rng = random.Random(1)
    rows = "".join(f"{n},1,0x{rng.choice((0xAA, 0x55, rng.randrange(256))):02x},0x{rng.randrange(256):02x}\n" for n in range(20_000))
    assert list(SpiTrace(io.BytesIO((HEADER + rows).encode()))) == []


@pytest.mark.parametrize("text, words", [
    ("hello world\n1,2,3\n", "expected a header line"), ("time,mosi\n1,2\n", "expected a header line"), ("abcd", "expected a header line"),
])
def test_text_that_is_no_trace(text, words):
    with pytest.raises(NotACapture, match=words):
        open_reader(io.BytesIO(text.encode()))


@pytest.mark.parametrize("row", ["x,1,0x00,0x00", "1,1,0xZZ,0x00", "1,1,0x0,0x00", "1,1", "nan,1,00,00", "inf,1,00,00"])
def test_a_bad_line_is_named(row):
    with pytest.raises(CaptureError, match="line 3: expected seconds and hexadecimal octets"):
        list(SpiTrace(io.BytesIO((HEADER + "1,1,0x00,0x00\n" + row + "\n").encode())))


def test_an_endless_line_is_refused():
    with pytest.raises(CaptureError, match="a line of more than"):
        list(SpiTrace(io.BytesIO(HEADER.encode() + b"0" * (3 * MAX_LINE))))


def test_captures_are_still_captures():
    octets = files.pcap([(n, frame) for n, frame in enumerate(line.session())])
    reader = open_reader(io.BytesIO(octets))
    assert isinstance(reader, CaptureReader) and len(list(reader)) == len(line.session())
    with pytest.raises(NotACapture, match="empty"):
        open_reader(io.BytesIO(b""))
