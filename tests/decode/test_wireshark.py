"""Captures for Wireshark: everything as it was, and comments that say what each message says, where phases begin and why it ended."""
import io
import os
import shutil
import subprocess
from dataclasses import make_dataclass
from struct import pack, unpack_from

import pytest

from drivers.capture_file import CaptureReader, PcapWriter
from drivers.pcapng import MAX_COMMENT
from kernel.timer import MS, S
from tasks.listen.follow import Follow
from tasks.listen.record import Category, Layer, Record
from tests.captures import capture_files
from tests.decode import files
from tests.listen import line
from tools.decode.__main__ import main
from tools.decode.wireshark import FIRST_LINE, LINE, LINES, comment

FIRST = 1_700_000_000 * S
FRAMES = [(FIRST + n * 10 * MS, frame) for n, frame in enumerate([*line.session(), line.BROADCAST + line.CAR + b"\x08\x06" + bytes(28), b"\x00" * 5])]
needs_tshark = pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed")


def blocks(data):
    """(type, the whole block) of each."""
    at, order, found = 0, "<", []
    while at < len(data):
        if data[at:at + 4] == bytes.fromhex("0a0d0d0a"):
            order = "<" if data[at + 8:at + 12] == bytes.fromhex("4d3c2b1a") else ">"
        kind, total = unpack_from(order + "II", data, at)
        assert total % 4 == 0 and unpack_from(order + "I", data, at + total - 4)[0] == total
        found.append((kind, data[at:at + total], order))
        at += total
    return found


def comments(data):
    """Those of each enhanced packet block, in its order."""
    out = []
    for kind, block, order in blocks(data):
        if kind == 6:
            at = 28 + (unpack_from(order + "I", block, 20)[0] + 3 & ~3)
            texts = []
            while at + 4 <= len(block) - 4:
                code, length = unpack_from(order + "HH", block, at)
                if code == 0:
                    break
                if code == 1:
                    texts.append(block[at + 4:at + 4 + length].decode())
                at += 4 + (length + 3 & ~3)
            out.append(texts)
    return out


def pcapng(order="<"):
    """The session with what a real file has besides: names, secrets, a comment, statistics, somebody's own block; and a packet that can have no comment."""
    made = files.section(order) + files.block(0x0A, pack(order + "II", 0x544C534B, 4) + b"keys", order) + files.interface(order, pairs=[(2, b"eth1"), (9, b"\x09")])
    for number, (at, frame) in enumerate(FRAMES):
        made += files.packet(frame, at, order, pairs=[(1, b"somebody's own"), (2, bytes(4))] if number == 3 else ())
        if number == 5:
            made += files.block(0xBAD, pack(order + "I", 32473) + b"whatever", order) + files.simple(FRAMES[6][1], order)
    return made + files.block(5, bytes(12), order)


def read(data):
    return [(f.at, f.data, f.link) for f in CaptureReader(io.BytesIO(data))]


def export(tmp_path, capsys, data, *words, name="session.pcap"):
    """(exit code, what was said, octets of the made file or None)."""
    source, target = tmp_path / name, tmp_path / "made.pcapng"
    source.write_bytes(data)
    code = main([str(source), "--wireshark", str(target), *words])
    said = capsys.readouterr()
    return code, said.out + said.err, target.read_bytes() if target.exists() else None


def pcap():
    return files.pcap(FRAMES, unit=1)


# --- what is said


@pytest.mark.parametrize("make", [pcap, pcapng, lambda: pcapng(">")])
def test_every_message_each_phase_and_the_verdict_are_comments(tmp_path, capsys, make):
    code, said, made = export(tmp_path, capsys, make())
    assert code == 0 and "frames" in said and "frame.comment" in said
    told = comments(made)
    texts = [text for packet in told for text in packet]
    firsts = [text.split("\n")[0] for text in texts]
    assert "charger > car: PreChargeRes  OK, EVSE_Ready, U 389.9 V  [10.0 ms]" in firsts
    precharge = next(text for text in texts if "PreChargeRes" in text)
    assert "EVSEPresentVoltage: 389.9 V" in precharge.split("\n") and "  EVSEStatusCode: EVSE_Ready" in precharge.split("\n") and "protocol: DIN 70121" in precharge
    phases = [first for first in firsts if "begins" in first]
    assert [phase.split(" begins")[0] for phase in phases][:2] == ["=== matching", "=== joining the network"] and "=== PreCharge begins: 0.0" in "".join(phases)
    assert sum(text.startswith("=== session 1 ended: normal end: SessionStop exchanged") for text in texts) == 1
    verdict = next(text for text in texts if text.startswith("=== session 1 ended"))
    assert "reached: SessionStop" in verdict and verdict.count("ended:") == 1
    assert any(first.startswith("MALFORMED: runt frame") for first in firsts)


def test_every_slac_sdp_and_v2g_packet_has_one_and_an_acknowledgement_none(tmp_path, capsys):
    _, _, made = export(tmp_path, capsys, pcap())
    follow = line.follow()
    for (at, frame), told in zip(FRAMES, comments(made), strict=True):
        follow.receive(frame, at, 0)
        layers = {record.layer for record in follow.events() if record.category is Category.DECODED}
        own = [text for text in told if not text.startswith("===")]
        assert bool(own) == bool(layers & {Layer.MME, Layer.SDP, Layer.V2G} or len(frame) < 14), (layers, told)


@pytest.mark.parametrize("make", [pcap, pcapng, lambda: pcapng(">")])
def test_the_frames_are_as_they_were(tmp_path, capsys, make):
    data = make()
    _, _, made = export(tmp_path, capsys, data)
    assert read(made) == read(data)


@pytest.mark.parametrize("order", "<>")
def test_everything_else_of_a_pcapng_is_copied_and_doing_it_again_changes_nothing(tmp_path, capsys, order):
    data = pcapng(order)
    _, _, made = export(tmp_path, capsys, data, name="a.pcapng")
    assert [block for kind, block, _ in blocks(made) if kind != 6] == [block for kind, block, _ in blocks(data) if kind != 6]
    assert "somebody's own" in comments(made)[3] and len(comments(made)[3]) > 1
    assert export(tmp_path, capsys, made, name="b.pcapng")[2] == made


# --- bounds and refusals


def test_a_comment_is_bounded_whatever_the_message_says():
    record = Record(0, 1, Layer.V2G, Category.MALFORMED, "x" * 1000, line.CAR, line.CHARGER, reason="r" * 1000, note="n" * 1000)
    assert all(len(part) <= max(FIRST_LINE, LINE + 2) for part in comment(record).split("\n"))
    message = make_dataclass("Many", [f"value{n}" for n in range(1000)])(*["v" * 500] * 1000)
    text = comment(Record(0, 1, Layer.V2G, Category.DECODED, "Many", line.CAR, line.CHARGER, message=message, octets=1))
    assert text.count("\n") == LINES + 1 and text.endswith(f"and {1000 - LINES} more lines") and len(text.encode()) < MAX_COMMENT * 2


def test_a_key_is_masked_where_the_listener_masks_it():
    follow: Follow = line.follow()
    records = []
    for frame in line.slac():
        follow.receive(frame, 0, 0)
        records += follow.events()
    confirmed = next(r for r in records if r.name == "CM_SLAC_MATCH.CNF")
    key = confirmed.message.nmk.hex()
    assert key in comment(confirmed) and key not in comment(confirmed, keys=False) and "hidden" in comment(confirmed, keys=False)


@pytest.mark.parametrize("make", [pcap, pcapng])
def test_a_damaged_file_is_written_as_far_as_it_was_read(tmp_path, capsys, make):
    data = make()
    size = len(data) * 2 // 3
    code, said, made = export(tmp_path, capsys, data[:size])
    assert code == 1 and "damaged" in said
    frames = read(made)
    assert frames == read(data)[:len(frames)] and 10 < len(frames) < len(FRAMES) and any(comments(made))


def test_what_is_refused(tmp_path, capsys):
    code, said, made = export(tmp_path, capsys, b"no capture at all")
    assert (code, made) == (2, None) and "no capture file" in said
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap())
    assert main([str(path), "--wireshark", str(path)]) == 2 and "itself" in capsys.readouterr().err and path.read_bytes() == pcap()
    assert main([str(tmp_path / "absent"), "--wireshark", str(tmp_path / "b")]) == 2 and "No such file" in capsys.readouterr().err
    assert main([str(path), "--wireshark", str(tmp_path / "no" / "folder.pcapng")]) == 2 and "cannot be written" in capsys.readouterr().err
    os.mkfifo(tmp_path / "pipe")
    assert main([str(tmp_path / "pipe"), "--wireshark", str(tmp_path / "b")]) == 2 and "read twice" in capsys.readouterr().err
    for words in (["--json"], ["--account"], ["--from", "1"], ["--to", "1"], [str(path)]):
        with pytest.raises(SystemExit) as left:
            main([str(path), *words, "--wireshark", str(tmp_path / "b")])
        assert left.value.code == 2 and "one whole file" in capsys.readouterr().err


def test_a_file_without_any_session(tmp_path, capsys):
    code, _, made = export(tmp_path, capsys, files.pcap([(5, line.BROADCAST + line.CAR + b"\x08\x06" + bytes(28))]))
    assert code == 0 and comments(made) == [[]] and b"no charging session" in made
    with PcapWriter(tmp_path / "empty.pcap"):
        pass
    code, _, made = export(tmp_path, capsys, (tmp_path / "empty.pcap").read_bytes())
    assert code == 0 and read(made) == []


# --- read by Wireshark


def fields(path, *names):
    words = [word for name in names for word in ("-e", name)]
    done = subprocess.run(["tshark", "-r", str(path), "-T", "fields", "-E", "aggregator=|", *words], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@needs_tshark
@pytest.mark.parametrize("make", [pcap, pcapng, lambda: pcapng(">")])
def test_tshark_shows_the_comments(tmp_path, capsys, make):
    export(tmp_path, capsys, make())
    shown = [said for said in fields(tmp_path / "made.pcapng", "frame.comment") if said]
    assert any(said.startswith("=== PreCharge begins") and "PreChargeReq" in said for said in shown)
    assert any("EVSEPresentVoltage: 389.9 V" in said for said in shown) and any("session 1 ended: normal end" in said for said in shown)


@needs_tshark
@pytest.mark.needs_shared
def test_recorded_captures_are_the_same_to_tshark_but_for_the_comments(tmp_path, capsys):
    for path in (p for p in capture_files("2022-1") if p.suffix == ".pcapng"):
        target = tmp_path / "made.pcapng"
        assert main([str(path), "--wireshark", str(target)]) == 0
        names = ("frame.number", "frame.time_epoch", "frame.len", "frame.protocols")
        assert fields(target, *names) == fields(path, *names)
        said = fields(target, "frame.comment")
        assert sum(bool(text) for text in said) > 10
        assert any("begins" in text for text in said)
