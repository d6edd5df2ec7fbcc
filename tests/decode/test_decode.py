"""The program: lines, options, exit codes, damaged files."""
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from drivers.capture_file import PcapWriter
from kernel.timer import MS, S
from tools.decode import run
from tools.decode.__main__ import main
from tests.listen import line

ROOT = Path(__file__).resolve().parents[2]
FIRST = 1_700_000_000 * S
STEP = 10 * MS


@pytest.fixture
def capture(tmp_path):
    """A whole session in a file, with one foreign and one broken frame."""
    path = tmp_path / "session.pcap"
    with PcapWriter(path, epoch_ns=FIRST) as writer:
        for n, frame in enumerate([*line.session(), line.BROADCAST + line.CAR + b"\x08\x06" + bytes(28), b"\x00" * 5]):
            writer.write(n * STEP, frame)
    return path


def call(capsys, *arguments):
    code = main([str(a) for a in arguments])
    shown = capsys.readouterr()
    return code, shown.out.splitlines(), shown.err


def test_a_line_per_message_and_a_summary(capture, capsys):
    code, out, err = call(capsys, capture)
    assert (code, err) == (0, "")
    assert out[0] == "      1      0.000000  car > all        CM_SLAC_PARM.REQ  run_id 0001020304050607"
    assert any(x.endswith("PreChargeRes  OK, EVSE_Ready, U 389.9 V  [10.0 ms]") for x in out)
    assert any("MALFORMED: runt frame" in x for x in out)
    assert "37 frames in 0.360 s, from 2023-11-14 22:13:20 UTC: 35 decoded, 1 named, 1 malformed" in out
    assert "  ended: normal end: SessionStop exchanged" in out
    listed = out[:out.index("")]
    assert len(listed) == 37 - 2 - 1                       # without two bare acknowledgements and ARP
    assert not any("ARP" in x or "charger    ACK" in x for x in listed)


def test_summary_only(capture, capsys):
    _, out, _ = call(capsys, "--summary", capture)
    assert out[1].startswith("37 frames")
    assert not any("[10.0 ms]" in x for x in out)


def test_only_v2g(capture, capsys):
    _, out, _ = call(capsys, "--v2g", capture)
    listed = out[:out.index("")]
    assert len(listed) == 11                               # ten messages and the malformed frame
    assert "supportedAppProtocolReq" in listed[0]


def test_all_lists_every_frame(capture, capsys):
    _, out, _ = call(capsys, "--all", capture)
    assert len(out[:out.index("")]) == 37


def test_kinds_can_be_hidden(capture, capsys):
    _, out, _ = call(capsys, "--all", "--no-frames", "mme,ack, tcp", capture)
    listed = out[:out.index("")]
    assert len(listed) == 37 - 17 - 4 - 2
    assert "37 frames" in "".join(out)


def test_an_unknown_kind_is_a_usage_error(capture, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--no-frames", "mmm", str(capture)])
    assert ended.value.code == 2
    assert "'mmm' is not one of mme, nd, sdp" in capsys.readouterr().err


def test_from_and_to(capture, capsys):
    _, out, _ = call(capsys, "--from", "0.22", "--to", "0.25", capture)
    listed = out[:out.index("")]
    assert [x.split()[1] for x in listed] == ["0.220000", "0.230000", "0.240000", "0.250000"]
    assert "supportedAppProtocolReq" in listed[0]
    assert any("26 frames in 0.250 s" in x and "(up to --to)" in x for x in out)


def test_json(capture, capsys):
    code, out, _ = call(capsys, "--json", capture)
    objects = [json.loads(x) for x in out]
    summary = objects[-1]["summary"]
    assert code == 0 and summary["frames"] == 37 and summary["complete"]
    request = next(x for x in objects if x.get("name") == "PreChargeReq")
    assert request["values"]["EVTargetVoltage"] == {"value": 390.7, "unit": "V"}
    assert (request["sender"], request["receiver"], request["protocol"], request["session_id"]) == ("car", "charger", "DIN 70121", "0102030405060708")
    answer = next(x for x in objects if x.get("name") == "PreChargeRes")
    assert answer["latency_ms"] == 10.0 and answer["values"]["ResponseCode"] == "OK"
    assert sum(sum(summary[c].values()) for c in ("decoded", "named", "malformed")) == 37
    (session,) = summary["sessions"]
    assert session["ended"] == "normal end: SessionStop exchanged" and session["car"] == "02:aa:00:00:00:01"
    assert summary["answer_times_ms"]["PreCharge"]["count"] == 1


def test_json_summary_alone(capture, capsys):
    _, out, _ = call(capsys, "--json", "--summary", capture)
    assert len(out) == 1 and "summary" in json.loads(out[0])


def test_a_damaged_file_shows_what_was_readable(capture, capsys):
    data = capture.read_bytes()
    capture.write_bytes(data[:-3])
    code, out, err = call(capsys, capture)
    assert code == 1
    assert any("SessionStopRes" in x for x in out)
    assert "36 frames" in "".join(out)
    assert any(x.startswith("DAMAGED FILE: after 36 frames, at offset ") for x in out)
    assert "damaged: after 36 frames" in err
    code, out, _ = call(capsys, "--json", "--summary", capture)
    assert code == 1 and json.loads(out[0])["summary"]["damage"]["frames"] == 36


def test_no_capture_no_file_no_right(tmp_path, capsys):
    text = tmp_path / "readme.txt"
    text.write_text("hello")
    code, out, err = call(capsys, text)
    assert (code, out) == (2, [])
    assert err.count("\n") == 1 and "expected a pcap file" in err and "68656c6c" in err
    code, _, err = call(capsys, tmp_path / "absent.pcap")
    assert code == 2 and err.count("\n") == 1 and "No such file" in err
    code, _, err = call(capsys, tmp_path)
    assert code == 2 and "cannot be read" in err


def test_several_files_give_the_worst_code(capture, tmp_path, capsys):
    other = tmp_path / "other.txt"
    other.write_bytes(b"no capture")
    code, out, _ = call(capsys, "--summary", other, capture)
    assert code == 2
    assert out[0] == f"=== {other}" and f"=== {capture}" in out


def test_an_empty_capture(tmp_path, capsys):
    PcapWriter(tmp_path / "x.pcap").close()
    code, out, _ = call(capsys, tmp_path / "x.pcap")
    assert code == 0 and out[1] == "0 frames in 0.000 s: 0 decoded, 0 named, 0 malformed"


def test_the_account(capture, tmp_path, capsys):
    damaged = tmp_path / "damaged.pcap"
    damaged.write_bytes(capture.read_bytes()[:-3])
    foreign = tmp_path / "foreign.txt"
    foreign.write_bytes(b"0123")
    code, out, _ = call(capsys, "--account", capture, damaged, foreign)
    assert code == 2
    assert out[0].split() == ["capture", "frames", "decoded", "named", "malformed", "V2G"]
    assert out[1].split() == ["session.pcap", "37", "35", "1", "1", "10"]
    assert out[2].split()[:6] == ["damaged.pcap", "36", "35", "1", "0", "10"] and "damaged: after 36" in out[2]
    assert "no capture file" in out[3]
    assert call(capsys, "--account", damaged)[0] == 1
    assert call(capsys, "--account", capture)[0] == 0
    assert out[-1].split() == ["sum", "73", "70", "2", "1", "20"]


def test_progress_appears_when_it_takes_long(capture, monkeypatch):
    ticks = iter(range(0, 10**6, 3))
    monkeypatch.setattr(run.time, "monotonic", lambda: next(ticks))
    monkeypatch.setattr(run, "_CLOCK_LOOK", 8)
    err = io.StringIO()
    summary, problem = run.follow_file(str(capture), run_decoder(), err)
    assert problem is None and summary.follow.tally.frames == 37
    assert err.getvalue().count(" frames\n") == 4 and "%, 8 frames\n" in err.getvalue()


def run_decoder():
    from tasks.listen.exi import decoder
    return decoder(line.codec())


@pytest.mark.parametrize("start", [["-m", "tools.decode"], ["tools/decode"], [str(ROOT / "tools" / "decode")]])
def test_both_ways_to_start_it(capture, start):
    done = subprocess.run([sys.executable, *start, "--account", str(capture)], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "37" in done.stdout


def test_a_closed_pipe_is_no_error(tmp_path):
    with PcapWriter(tmp_path / "long.pcap") as writer:
        for n in range(3000):                              # more lines than a pipe holds
            writer.write(n, line.sdp_request())
    done = subprocess.run(f"{sys.executable} -m tools.decode {tmp_path / 'long.pcap'} | head -1; exit ${{PIPESTATUS[0]}}", shell=True,
                          executable="/bin/bash", cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.count("\n") == 1


def test_an_ascii_terminal_gets_escapes(capture):
    talk = line.Talk()
    with PcapWriter(capture) as writer:
        for n, frame in enumerate([*talk.open(), talk.say(True, line.app_request("urn:\u00e4\U0001F50C"))]):
            writer.write(n, frame)
    done = subprocess.run([sys.executable, "-m", "tools.decode", str(capture)], cwd=ROOT, capture_output=True, timeout=60,
                          env={"PYTHONIOENCODING": "ascii", "PATH": "/usr/bin"})
    assert done.returncode == 0, done.stderr
    assert b"urn:\\xe4\\U0001f50c" in done.stdout
