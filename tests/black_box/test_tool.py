"""`python -m tools.box` as a person uses it, and the programs of others on the same file."""
from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess

import pytest

from drivers.blackbox.reader import parse, read
from drivers.capture_file import CaptureReader
from kernel.settings import build
from kernel.timer import S
from tasks.config import Config
from tasks.config_file import load as load_config
from tests.black_box.recording import BOTH, CAR, library, nearly_full, recorded
from tools.box.__main__ import main
from tools.decode.__main__ import main as decode
from tools.simulate.chademo import shown
from tools.simulate.chademo.bridge_charge import BridgeCharge
from tools.simulate.charge import Charge


@pytest.fixture(scope="module")
def charge(tmp_path_factory):
    config = Config()
    config.ev.max_current_a = 80.0
    path = tmp_path_factory.mktemp("box") / "car.ccsbox"
    path.write_bytes(recorded(Charge(config, nearly_full(), library(), 2, recorded=BOTH), until=30 * S))
    return path


@pytest.fixture(scope="module")
def bridge(tmp_path_factory):
    path = tmp_path_factory.mktemp("box") / "bridge.ccsbox"
    path.write_bytes(recorded(BridgeCharge(shown.choose("leaf40"), None, Config(), nearly_full(), library(), 3, recorded=CAR), until=30 * S))
    return path


def test_info(charge, capsys):
    assert main(["info", str(charge), "--json"]) == 0
    f = json.loads(capsys.readouterr().out)
    assert f["mode"] == "pev" and f["peer"]["v2g_protocol"] == "DIN 70121" and f["furthest"]["number"] == 710 and f["problem"] == ""
    assert list(f["phases_s"])[0] == "matching" and f["phases_s"]["charging"] > 10 and f["content"]["frames"] > 200 and f["file"]["broken_seals"] == 0
    assert main(["info", str(charge)]) == 0
    text = capsys.readouterr().out
    assert "charging loop" in text and "seals fit" in text and max(map(len, text.splitlines())) < 400


def test_verify(charge, tmp_path, capsys):
    assert main(["verify", str(charge)]) == 0
    assert read(charge).last_hash in capsys.readouterr().out
    data = bytearray(charge.read_bytes())
    changed, cut, other = tmp_path / "changed", tmp_path / "cut", tmp_path / "other"
    data[len(data) // 2] ^= 1
    changed.write_bytes(data)
    cut.write_bytes(charge.read_bytes()[:-100])
    other.write_bytes(b"\xd4\xc3\xb2\xa1" + bytes(50))
    assert main(["verify", str(changed)]) == 1
    assert "CHANGED" in (said := capsys.readouterr().out) or "damaged" in said
    assert main(["verify", str(cut)]) == 1
    assert "not sealed" in capsys.readouterr().out
    assert main(["verify", str(other), str(charge)]) == 2
    both = capsys.readouterr()
    assert "no black box file" in both.err and "ok" in both.out
    assert main(["verify", str(tmp_path / "absent")]) == 2


def test_export_journal_and_notes(charge, tmp_path):
    box = read(charge)
    journal, notes = tmp_path / "journal.txt", tmp_path / "notes.jsonl"
    assert main(["export", str(charge), "--journal", str(journal), "--notes", str(notes)]) == 0
    lines = journal.read_text().splitlines()
    assert len(lines) == len(box.entries) and any("[710] charging loop" in line for line in lines)
    plain = [json.loads(line) for line in notes.read_text().splitlines()]
    assert len(plain) == sum(words[0] != 0 for words in box.notes)
    assert {"signal", "heard", "did", "drawn", "sent", "frames"} <= {one["note"] for one in plain}
    assert [one["at_s"] for one in plain] == sorted(one["at_s"] for one in plain)


def test_export_signals(charge, tmp_path, capsys):
    box = read(charge)
    long, wide = tmp_path / "long.csv", tmp_path / "wide.csv"
    assert main(["export", str(charge), "--signals", str(long)]) == 0
    rows = list(csv.DictReader(io.StringIO(long.read_text())))
    assert len(rows) == sum(words[0] == 3 for words in box.notes)
    volts = [row for row in rows if row["signal"] == "inlet_voltage"]
    assert volts and {row["unit"] for row in volts} == {"V"} and max(float(row["value"]) for row in volts) > 300
    assert main(["export", str(charge), "--signals", str(wide), "--wide", "--only", "inlet_voltage,v2g_state"]) == 0
    table = list(csv.reader(io.StringIO(wide.read_text())))
    assert table[0] == ["time_s", "inlet_voltage [V]", "v2g_state"] and table[-1][2] == "CurrentDemand" and float(table[-1][1]) > 300
    assert main(["export", str(charge), "--signals", "-", "--only", "nothing"]) == 2
    assert "inlet_voltage" in capsys.readouterr().err


def test_export_config_is_read_again(charge, tmp_path):
    path = tmp_path / "c.yaml"
    assert main(["export", str(charge), "--config", str(path)]) == 0
    assert build(Config, *load_config(path), str(path)).ev.max_current_a == 80.0


def test_export_can(bridge, tmp_path):
    path = tmp_path / "can.log"
    assert main(["export", str(bridge), "--can", str(path)]) == 0
    lines = path.read_text().splitlines()
    assert len(lines) == sum(packet.interface > 0 for packet in read(bridge).packets)
    assert lines[0].startswith("(1700000001.") and " bridge.can 100#" in lines[0]


@pytest.mark.parametrize("journal", [False, True])
def test_export_pcapng(bridge, tmp_path, journal):
    path = tmp_path / "out.pcapng"
    assert main(["export", str(bridge), "--pcapng", str(path), *(["--with-journal"] if journal else [])]) == 0
    box = read(bridge)
    with open(path, "rb") as file:
        frames = list(CaptureReader(file))
    assert [frame.data for frame in frames] == [packet.octets for packet in sorted(box.packets, key=lambda one: one.at)]
    assert b"ccsbox" not in path.read_bytes()[200:] or journal
    assert (box.entries[-1].text.encode() in path.read_bytes()) == journal


def test_command_lines(charge, tmp_path, capsys):
    before = charge.read_bytes()
    assert main(["export", str(charge)]) == 2
    assert main(["export", str(charge), "--journal", str(charge)]) == 2
    assert main(["anonymise", str(charge), "-o", str(charge)]) == 2
    assert charge.read_bytes() == before
    with pytest.raises(SystemExit) as left:
        main(["show"])
    assert left.value.code == 2
    capsys.readouterr()
    out = tmp_path / "anonymous.ccsbox"
    assert main(["anonymise", str(charge), "-o", str(out)]) == 0
    assert "names replaced" in capsys.readouterr().out and main(["verify", str(out)]) == 0
    assert main(["info", str(out)]) == 0 and "anonymised" in capsys.readouterr().out
    cut = tmp_path / "cut.ccsbox"
    cut.write_bytes(before[:-1000])
    assert main(["anonymise", str(cut), "-o", str(out)]) == 1 and parse(out.read_bytes()).head["anonymised"]


# --- programs that know nothing of black boxes

def test_capture_file_reads_it(bridge):
    with open(bridge, "rb") as file:
        frames = list(CaptureReader(file))
    assert [(frame.interface, frame.direction, frame.data) for frame in frames] == [(p.interface, p.direction, p.octets) for p in read(bridge).packets]


def test_decode_reads_it(charge, capsys):
    assert decode([str(charge), "--summary"]) == 0
    assert "CurrentDemand" in capsys.readouterr().out


def tshark(path, *arguments):
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed (Debian package tshark)")
    done = subprocess.run(["tshark", "-r", str(path), *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.real_time
@pytest.mark.parametrize("anonymous", [False, True])
def test_wireshark_opens_it(bridge, tmp_path, anonymous):
    if anonymous:
        assert main(["anonymise", str(bridge), "-o", str(tmp_path / "a.ccsbox")]) == 0
        bridge = tmp_path / "a.ccsbox"
    box = read(bridge)
    can = tshark(bridge, "-Y", "can", "-T", "fields", "-e", "can.id").split()
    assert len(can) == sum(packet.interface > 0 for packet in box.packets) and "256" in can
    said = tshark(bridge, "-Y", "systemd_journal", "-T", "fields", "-e", "systemd_journal.message").splitlines()
    assert said == [entry.text for entry in box.entries]
    wrong = tshark(bridge, "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE",
                   "-Y", "_ws.malformed || tcp.checksum.status == 0 || udp.checksum.status == 0 || icmpv6.checksum.status == 0")
    assert wrong == ""
