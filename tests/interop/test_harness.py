"""The harness itself: captures are read back, figures are right, and what must fail does fail."""
import os
import shutil
import struct
import subprocess
import sys

import pytest

from tests.interop.__main__ import Prerequisites, options, summary, turned
from tests.interop.__main__ import main as harness
from tests.interop.capture import header, record
from tests.interop.cases import CASES, SLAC_CASES, Case, chosen
from tests.interop.measure import Memory, descendants, peak_mb
from tests.interop.modem import Line
from tests.interop.network import End, Program, Wire
from tests.interop.outcome import Outcome
from tests.interop.report import CaptureError, figures, frames
from tests.interop.session import command, judge_wire, peer_verdict
from tests.interop.slac import loss_verdict, pyslac_verdict
from tests.interop.table import row

CAR, CHARGER = bytes.fromhex("0200 00cc 5001"), bytes.fromhex("0200 00cc 5002")
ADDRESS = {CAR: bytes.fromhex("fe80 0000 0000 0000 0000 00ff fecc 5001"), CHARGER: bytes.fromhex("fe80 0000 0000 0000 0000 00ff fecc 5002")}


def ipv6(src, dst, kind, payload):
    head = struct.pack(">IHBB", 0x60000000, len(payload), kind, 64)
    return dst + src + b"\x86\xdd" + head + ADDRESS[src] + ADDRESS[dst] + payload


def tcp(src, dst, data=b"", flags=0x18, seq=1):
    segment = struct.pack(">HHIIBBHHH", 50000, 50001, seq, 1, 0x50, flags, 8000, 0, 0) + data
    return ipv6(src, dst, 6, segment)


MESSAGE = b"\x01\xfe\x80\x01\x00\x00\x00\x02\x80\x9a"
PLC = b"\xff" * 6 + CAR + b"\x88\xe1" + bytes(46)


def pcap(*timed):
    return header() + b"".join(record(at, frame) for at, frame in timed)


def session(n):
    out = [(0, PLC), (1, ipv6(CAR, CHARGER, 58, b"\x87" + bytes(23))), (2, ipv6(CAR, CHARGER, 17, bytes(8) + b"\x01\xfe\x90\x00" + bytes(6)))]
    for k in range(n):
        out += [(10**9 * (k + 1), tcp(CAR, CHARGER, MESSAGE, seq=k)), (10**9 * (k + 1) + 2_000_000 + k, tcp(CHARGER, CAR, MESSAGE, seq=k)),
                (10**9 * (k + 1) + 3_000_000, tcp(CAR, CHARGER, flags=0x10))]
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


def test_a_segment_that_is_sent_again_is_no_second_message():
    asked, answer = tcp(CAR, CHARGER, MESSAGE, seq=7), tcp(CHARGER, CAR, MESSAGE, seq=9)
    f = figures(pcap((0, asked), (10**6, answer), (2 * 10**6, asked), (3 * 10**6, answer), (4 * 10**6, tcp(CAR, CHARGER, MESSAGE, seq=17))), CAR)
    assert (f.requests, len(f.response_ms), f.tcp) == (2, 1, 5)


def test_figures_survive_any_cut():
    whole = session(2)
    for n in range(24, len(whole)):
        figures(whole[:n], CAR)
    for n in range(len(PLC)):
        assert figures(pcap((0, tcp(CAR, CHARGER, MESSAGE)[:n])), CAR).frames == 1


@pytest.mark.parametrize("data, words", [
    (session(19), "only 19 V2G requests on the wire, 20 expected"),
    (session(25) + record(10**12, tcp(CAR, CHARGER, MESSAGE, seq=99)), "1 V2G requests without response"),
])
def test_a_wire_without_a_complete_session_is_an_objection(tmp_path, data, words):
    (tmp_path / "wire.pcap").write_bytes(data)
    outcome = Outcome(CASES[0])
    judge_wire(CASES[0], tmp_path / "wire.pcap", CAR, outcome)
    assert outcome.objections == [words] and "FAILED" in row(outcome)


def test_too_little_matching_is_an_objection(tmp_path):
    (tmp_path / "wire.pcap").write_bytes(session(25))
    outcome = Outcome(Case("x", "", "ours", "ours", homeplug=2))
    judge_wire(outcome.case, tmp_path / "wire.pcap", CAR, outcome)
    assert outcome.objections == ["only 1 HomePlug frames on the wire, 2 expected"]


@pytest.mark.parametrize("text, found", [
    ('noise\nRESULT {"role": "secc", "ok": true, "messages": 3, "sessions": [], "problem": ""}', []),
    ("Traceback", ["the car (peer) gave no result"]),
    ('RESULT {"role": "evcc", "ok": false, "messages": 3, "sessions": [{"state": "PreCharge", "reason": "Timeout"}], "problem": ""}',
     ["the car (peer) says: PreCharge: Timeout"]),
    ('RESULT {"role": "evcc", "ok": false, "messages": 0, "sessions": [], "problem": "no session within 9 s"}', ["the car (peer) says: no session within 9 s"]),
])
def test_the_peers_opinion(text, found):
    assert peer_verdict("car", text) == found


def test_command_lines(tmp_path):
    end = End("ns", "if0", "02:00:00:cc:50:01", False)
    case = next(c for c in CASES if c.name == "pev-secc")
    ours = command(case, "pev", end, "/peers/python", tmp_path)
    assert ours[2] == "pev" and ours[ours.index("--interface") + 1] == "if0" and "--once" in ours and "--simulate-io" in ours
    assert command(case, "evse", end, "/peers/python", tmp_path)[0] == "/peers/python"


@pytest.mark.parametrize("text, found", [
    ('noise\nRESULT {"ok": true, "pev_mac": "02:00:00:cc:50:01"}', []),
    ("Traceback", ["pyslac gave no result"]),
    ('RESULT {"ok": false, "pev_mac": ""}', ['pyslac says: {"ok": false, "pev_mac": ""}']),
    ('RESULT {"ok": true, "pev_mac": "02:00:00:00:00:09"}', ['pyslac says: {"ok": true, "pev_mac": "02:00:00:00:00:09"}']),
])
def test_the_opinion_of_pyslac(text, found):
    assert pyslac_verdict(text, "02:00:00:cc:50:01") == found


@pytest.mark.parametrize("text, percent, found", [
    ("modem: 3 frames from the host, 4 from the line, 0 blocked, 2 lost, 1 joined", 5.0, []),
    ("modem: 3 frames from the host, 4 from the line, 0 blocked, 0 lost, 1 joined", 0.0, []),
    ("modem: 3 frames from the host, 4 from the line, 0 blocked, 0 lost, 1 joined", 5.0, ["the power line lost 0 frames, 5 % were to be lost"]),
    ("modem: 3 frames from the host, 4 from the line, 0 blocked, 1 lost, 1 joined", 0.0, ["the power line lost 1 frames, 0 % were to be lost"]),
    ("Traceback", 0.0, ["the modem did not say what it lost"]),
])
def test_what_the_line_lost_must_fit_the_case(text, percent, found):
    assert loss_verdict(text, percent) == found


def test_which_cases():
    assert [case.name for case in chosen(["slac-p*c", "harness", "slac-pe?"])] == ["harness", "slac-pev", "slac-pyslac"], "in the order of the table"
    assert chosen([]) == [*CASES, *SLAC_CASES]
    with pytest.raises(ValueError, match="no case is named 'x-.'"):
        chosen(["slac-pev", "x-*"])


def test_the_command_line_says_what_is_wrong(capsys):
    assert harness(["--list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(CASES) + len(SLAC_CASES)
    with pytest.raises(SystemExit, match="2"):
        harness(["nonsense"])
    assert "no case is named 'nonsense'; --list shows them" in capsys.readouterr().err


@pytest.mark.parametrize("case, programs, words", [
    ("pev-secc", {}, "iso15118: name the interpreter that has it, --peers PYTHON"),
    ("pev-secc", {"/peers": False}, "iso15118, which /peers does not have"),
    ("pev-secc", {"/peers": True, "java": False}, "java (the EXI codec of iso15118 runs in it)"),
    ("pev-secc", {"/peers": True, "java": True}, ""),
    ("two-processes", {}, ""),
    ("slac-pyslac", {"/peers": True}, "pyslac: name the interpreter that has it, --pyslac PYTHON"),
    ("slac-evse", {}, "the program `evse`: apt-get install plc-utils-extra"),
    ("slac-evse", {"evse": True}, ""),
])
def test_what_is_missing_is_said(monkeypatch, case, programs, words):
    monkeypatch.setattr("tests.interop.__main__.shutil.which", lambda name: name if name in programs else None)
    monkeypatch.setattr("tests.interop.__main__._succeeds", lambda program, *_: programs.get(program, False))
    said = Prerequisites("/peers" if "/peers" in programs else "", "").lack(chosen([case])[0])
    assert said.startswith(words) and bool(said) == bool(words)


def test_a_case_that_cannot_run_is_counted(capsys):
    summary([], {"pev-secc": "java"})
    assert capsys.readouterr().out.splitlines() == ["not run: pev-secc needs java", "0 passed, 0 failed, 1 not run, 0 s"]


def test_loss_and_seed_of_the_command_line():
    words = options().parse_args(["--loss", "7", "--seed", "3"])
    case = chosen(["slac-pev"])[0]
    assert [(c.loss, c.seed) for c in (turned(case, n, words) for n in (0, 1))] == [(7.0, 3), (7.0, 4)]
    plain = options().parse_args([])
    assert turned(case, 0, plain) == case and turned(CASES[0], 5, words) is CASES[0]


def test_the_line_loses_the_same_frames_for_the_same_seed_and_no_beacon():
    lines = [Line(20, 1), Line(20, 1), Line(20, 2)]
    carried = [[line.carries(PLC) for _ in range(200)] for line in lines]
    assert carried[0] == carried[1] != carried[2]
    assert lines[0].lost == carried[0].count(False) and 20 <= lines[0].lost <= 60
    beacon = b"\xff" * 6 + CAR + b"\x88\xe1\x00\xfe\xbf\x02\xcc\x5b" + bytes(40)
    assert all(Line(100, 1).carries(beacon) for _ in range(5)) and not Line(100, 1).carries(PLC)


def test_memory_of_a_process_and_of_what_it_started():
    program = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()']); input()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE) as process:
        children: list[int] = []
        while not children and process.poll() is None:
            children = descendants(process.pid)
        memory = Memory()
        memory.look(process.pid)
        assert memory.own_mb > 1 and list(memory.others) == children and memory.others_mb > 0
        process.communicate(b"\n\n")
    assert descendants(process.pid) == [] and peak_mb(process.pid) == 0.0


@pytest.mark.needs_netns
@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("ethtool"), reason="needs root, ip and ethtool")
def test_a_program_is_waited_for_and_its_cpu_time_counted(tmp_path):
    with Wire(pev_kernel_ipv6=False, evse_kernel_ipv6=False) as wire:
        program = "import sys, time\nwhile time.process_time() < 0.2: pass\nsys.exit(7)"
        burning = Program(wire.pev, [sys.executable, "-c", program], tmp_path / "burning.log", tmp_path)
        staying = Program(wire.pev, [sys.executable, "-c", "import signal; signal.pause()"], tmp_path / "staying.log", tmp_path)
        try:
            assert burning.wait(30) == 7 and burning.cpu_s >= 0.2
            assert staying.wait(0) is None
        finally:
            for program in (staying, burning):
                program.end()
        assert staying.process.returncode == -15 and burning.process.returncode == 7
