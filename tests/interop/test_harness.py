"""The harness itself: captures are read back, figures are right, and what must fail does fail."""
import shutil
import struct

import pytest

from tests.interop.__main__ import Outcome, _judge_wire, _peer_verdict, command, row
from tests.interop.capture import header, record
from tests.interop.cases import CASES, Case
from tests.interop.network import End
from tests.interop.report import CaptureError, figures, frames, objections

CAR, CHARGER = bytes.fromhex("0200 00cc 5001"), bytes.fromhex("0200 00cc 5002")
ADDRESS = {CAR: bytes.fromhex("fe80 0000 0000 0000 0000 00ff fecc 5001"), CHARGER: bytes.fromhex("fe80 0000 0000 0000 0000 00ff fecc 5002")}


def ipv6(src, dst, kind, payload):
    head = struct.pack(">IHBB", 0x60000000, len(payload), kind, 64)
    return dst + src + b"\x86\xdd" + head + ADDRESS[src] + ADDRESS[dst] + payload


def tcp(src, dst, data=b"", flags=0x18, checksum=None):
    segment = struct.pack(">HHIIBBHHH", 50000, 50001, 1, 1, 0x50, flags, 8000, 0, 0) + data
    if checksum is None:
        summed = ADDRESS[src] + ADDRESS[dst] + struct.pack(">II", len(segment), 6) + segment
        summed += b"\0" * (len(summed) % 2)
        total = sum(struct.unpack(f">{len(summed) // 2}H", summed))
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        checksum = ~total & 0xFFFF
    return ipv6(src, dst, 6, segment[:16] + struct.pack(">H", checksum) + segment[18:])


MESSAGE = b"\x01\xfe\x80\x01\x00\x00\x00\x02\x80\x9a"
PLC = b"\xff" * 6 + CAR + b"\x88\xe1" + bytes(46)


def pcap(*timed):
    return header() + b"".join(record(at, frame) for at, frame in timed)


def session(n):
    out = [(0, PLC), (1, ipv6(CAR, CHARGER, 58, b"\x87" + bytes(23))), (2, ipv6(CAR, CHARGER, 17, bytes(8) + b"\x01\xfe\x90\x00" + bytes(6)))]
    for k in range(n):
        out += [(10**9 * (k + 1), tcp(CAR, CHARGER, MESSAGE)), (10**9 * (k + 1) + 2_000_000 + k, tcp(CHARGER, CAR, MESSAGE)), (10**9 * (k + 1) + 3_000_000, tcp(CAR, CHARGER, flags=0x10))]
    return pcap(*out)


def test_a_capture_reads_back():
    data = pcap((5, PLC), (1_700_000_000_123_456_789, MESSAGE))
    assert list(frames(data)) == [(5, PLC), (1_700_000_000_123_456_789, MESSAGE)]
    assert list(frames(data[:-1])) == [(5, PLC)], "a record cut off by the end of the capture is left out"
    with pytest.raises(CaptureError):
        list(frames(b"\0" * 24))


def test_figures_of_a_session():
    f = figures(session(25), CAR)
    assert (f.frames, f.homeplug, f.neighbor, f.sdp, f.tcp, f.resets, f.requests, len(f.response_ms)) == (78, 1, 1, 1, 75, 0, 25, 25)
    assert f.quantile(0.5) == pytest.approx(2.0, abs=0.001)


def test_figures_survive_any_cut():
    whole = session(2)
    for n in range(24, len(whole)):
        figures(whole[:n], CAR)
    for n in range(len(PLC)):
        assert figures(pcap((0, tcp(CAR, CHARGER, MESSAGE)[:n])), CAR).frames == 1


@pytest.mark.parametrize("data, words", [
    (session(19), "only 19 V2G requests on the wire, 20 expected"),
    (session(25) + record(10**12, tcp(CAR, CHARGER, MESSAGE)), "1 V2G requests without response"),
])
def test_a_wire_without_a_complete_session_is_an_objection(tmp_path, monkeypatch, data, words):
    monkeypatch.setattr("tests.interop.__main__.objections", lambda path: [])
    (tmp_path / "wire.pcap").write_bytes(data)
    outcome = Outcome(CASES[0])
    _judge_wire(CASES[0], tmp_path / "wire.pcap", CAR, [], outcome)
    assert outcome.objections == [words] and "FAILED" in row(outcome)


def test_too_little_matching_is_an_objection(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.interop.__main__.objections", lambda path: [])
    (tmp_path / "wire.pcap").write_bytes(session(25))
    outcome = Outcome(Case("x", "", "ours", "ours", homeplug=2))
    _judge_wire(outcome.case, tmp_path / "wire.pcap", CAR, [], outcome)
    assert outcome.objections == ["only 1 HomePlug frames on the wire, 2 expected"]


@pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed")
def test_tshark_objects_to_a_wrong_checksum_and_only_to_that(tmp_path):
    good, bad = tcp(CAR, CHARGER, flags=0x10), tcp(CAR, CHARGER, flags=0x10, checksum=0x1234)
    (tmp_path / "good.pcap").write_bytes(pcap((0, good)))
    (tmp_path / "bad.pcap").write_bytes(pcap((0, good), (1, bad)))
    assert objections(tmp_path / "good.pcap") == [] and len(objections(tmp_path / "bad.pcap")) == 1
    assert "tshark left with" in objections(tmp_path / "absent.pcap")[0], "no verdict is no good verdict"


@pytest.mark.parametrize("text, found", [
    ('noise\nRESULT {"role": "secc", "ok": true, "messages": 3, "sessions": [], "problem": ""}', []),
    ("Traceback", ["the car (peer) gave no result"]),
    ('RESULT {"role": "evcc", "ok": false, "messages": 3, "sessions": [{"state": "PreCharge", "reason": "Timeout"}], "problem": ""}',
     ["the car (peer) says: PreCharge: Timeout"]),
    ('RESULT {"role": "evcc", "ok": false, "messages": 0, "sessions": [], "problem": "no session within 9 s"}', ["the car (peer) says: no session within 9 s"]),
])
def test_the_peers_opinion(text, found):
    assert _peer_verdict("car", text) == found


def test_command_lines(tmp_path):
    end = End("ns", "if0", "02:00:00:cc:50:01", False)
    case = next(c for c in CASES if c.name == "pev-secc")
    ours = command(case, "pev", end, "/peers/python", tmp_path)
    assert ours[2] == "pev" and ours[ours.index("--interface") + 1] == "if0" and "--once" in ours and "--simulate-io" in ours
    assert command(case, "evse", end, "/peers/python", tmp_path)[0] == "/peers/python"
