"""The command: what it prints, its exit codes, the folder of a session, hostile and damaged records."""
from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from drivers.capture_file import pcap_head, pcap_record
from tests.explain.heard import meet
from tests.explain.sessions import EVERYBODY
from tools.explain.__main__ import main
from tools.explain.box import parse
from tools.explain.sources.choose import material
from tools.explain.sources.material import Unreadable

EPOCH = 1_790_000_000            # s: frames of a folder count from 1970, its journal from the program's start


@pytest.fixture(scope="module")
def compleo():
    return meet(EVERYBODY["compleo-unloaded"], 3)


@pytest.fixture(scope="module")
def kempower():
    return meet(EVERYBODY["kempower"], 3)


def capture(path: Path, heard, shift: int = 0) -> Path:
    path.write_bytes(pcap_head() + b"".join(pcap_record(at + shift * 1_000_000_000, frame) for at, frame in heard.frames))
    return path


def folder(path: Path, heard) -> Path:
    path.mkdir()
    capture(path / "frames.pcap", heard, EPOCH)
    (path / "journal.txt").write_text("\n".join(heard.lines) + "\n")
    (path / "summary.json").write_text(json.dumps({"mode": "pev", "began_unix_s": EPOCH + 0.6, "journal_begin_s": 0.6, "complete": True}))
    return path


def test_a_bad_end(tmp_path, compleo, capsys):
    assert main([str(capture(tmp_path / "x.pcap", compleo))]) == 1
    text = capsys.readouterr().out
    first = " ".join(text.split("\n\n")[0].split())
    assert first.startswith("The charger made an emergency stop in PreCharge. [CX008 EmergencyStop] Most likely: ")
    assert "1. " in text and "[570]" in text and "What to try, in this order:" in text and "EVSE_EmergencyShutdown" in text


def test_a_charge_in_order(tmp_path, kempower, capsys):
    assert main([str(capture(tmp_path / "x.pcap", kempower))]) == 0
    text = capsys.readouterr().out
    assert text.startswith("Charged in order") and "What to try" not in text


def test_as_json(tmp_path, compleo, capsys):
    assert main(["--json", str(capture(tmp_path / "x.pcap", compleo))]) == 1
    told = json.loads(capsys.readouterr().out)
    attempt = told["attempts"][told["explained"] - 1]
    assert not told["in_order"] and told["can_be_judged"]
    assert attempt["causes"][0]["name"] == "charger_emergency" and attempt["causes"][0]["code"] == "CX008 EmergencyStop"
    precharge = next(p for p in attempt["course"] if p["name"] == "PreCharge")
    assert precharge["checkpoint"] == 570 and precharge["limit_s"] == 7.0 and precharge["usual_s"][0] < precharge["usual_s"][2]


def test_all_shows_names_and_scores(tmp_path, compleo, capsys):
    main(["--all", str(capture(tmp_path / "x.pcap", compleo))])
    assert "[charger_emergency, " in capsys.readouterr().out


def test_the_folder_of_a_session(tmp_path, compleo, capsys):
    assert main([str(folder(tmp_path / "000042-20261121T031245Z-pev", compleo))]) == 1
    text = capsys.readouterr().out
    assert "journal of our box (pev)" in text and "our box's own reason: Charger emergency" in text
    assert "2026-09-" in text
    # both clocks are one: what the journal says lies within the attempt
    found = material(tmp_path / "000042-20261121T031245Z-pev")
    assert found.role == "pev" and abs(found.lines[0].at - EPOCH) < 1


def test_the_folder_of_a_simulation(tmp_path, compleo, capsys):
    where = tmp_path / "run"
    where.mkdir()
    capture(where / "frames.pcap", compleo)
    (where / "journal-pev.txt").write_text("\n".join(compleo.lines))
    (where / "journal-evse.txt").write_text("     0.001 safety           ERROR: TRIP overcurrent: Overcurrent. x\n")
    assert main([str(where)]) == 1
    text = capsys.readouterr().out
    assert "journal of our box (pev)" in text and "Overcurrent" not in text


def test_a_journal_alone(tmp_path, compleo, capsys):
    where = tmp_path / "000001-x-pev"
    where.mkdir()
    (where / "journal.txt").write_text("\n".join(compleo.lines))
    assert main([str(where)]) == 1
    text = capsys.readouterr().out
    assert "EVSE_EmergencyShutdown" in text and "told from the journal alone" in text


@pytest.mark.parametrize("content", [b"", b"no capture at all", b"\0" * 400])
def test_what_is_no_record(tmp_path, content, capsys):
    path = tmp_path / "x.pcap"
    path.write_bytes(content)
    assert main([str(path)]) == 2
    assert "expected" in capsys.readouterr().err


def test_what_is_not_there(tmp_path, capsys):
    assert main([str(tmp_path / "nothing")]) == 2
    (tmp_path / "empty").mkdir()
    assert main([str(tmp_path / "empty")]) == 2
    assert "expected frames.pcap and journal.txt" in capsys.readouterr().err
    with pytest.raises(Unreadable):
        material(tmp_path / "empty")


def test_a_damaged_file_is_explained_up_to_the_damage(tmp_path, compleo, capsys):
    path = capture(tmp_path / "x.pcap", compleo)
    path.write_bytes(path.read_bytes()[:-7])
    assert main([str(path)]) == 1
    text = " ".join(capsys.readouterr().out.split())
    assert text.startswith("The charger made an emergency stop") and "the record is damaged" in text


@pytest.mark.parametrize("seed", range(12))
def test_hostile_frames_never_raise(tmp_path, compleo, seed, capsys):
    """Octets changed at random, frames cut, doubled, out of order: some answer comes, and never a traceback."""
    rng = random.Random(seed)
    frames = []
    for at, frame in compleo.frames:
        data = bytearray(frame)
        for _ in range(rng.choice((0, 0, 1, 4))):
            data[rng.randrange(len(data))] = rng.randrange(256)
        cut = rng.choice((len(data), len(data), rng.randrange(1, len(data))))
        frames += [(at + rng.choice((0, 0, -10**9)), bytes(data[:cut]))] * rng.choice((1, 1, 2))
    path = tmp_path / "x.pcap"
    path.write_bytes(pcap_head() + b"".join(pcap_record(max(0, at), frame) for at, frame in frames))
    assert main(["--all", str(path)]) in (0, 1)
    assert main(["--json", str(path)]) in (0, 1)
    assert capsys.readouterr().err == ""


def test_hostile_words_do_not_reach_the_terminal(tmp_path, compleo, capsys):
    where = folder(tmp_path / "x-pev", compleo)
    (where / "journal.txt").write_text("     1.000 safety           ERROR: TRIP overcurrent: Over\x1b[31mcurrent. x\n" + "x" * 100_000 + "\n     1.0 \x1b[2J\n")
    assert main([str(where)]) == 1
    assert "\x1b" not in capsys.readouterr().out


def test_lines_of_a_journal():
    text = ["    12.345 homeplug         [150] CM_SLAC_MATCH.REQ sent", "     3.000 v2g              WARNING: odd", "Traceback",
            "     4.000 pev/safety       TRIP"]
    lines = parse(text, 100.0)
    assert [(line.at, line.source, line.level, line.number, line.text) for line in lines] == [
        (112.345, "homeplug", "checkpoint", 150, "CM_SLAC_MATCH.REQ sent"), (103.0, "v2g", "warning", 0, "odd"), (104.0, "safety", "info", 0, "TRIP")]
