"""The command: identical, different with what was around, cut, foreign, a folder of them."""
from __future__ import annotations

import json

import pytest

from drivers.capture_file import CaptureReader
from kernel.timer import S
from tasks.config import Config
from tests.black_box.recording import BOTH, library, nearly_full, recorded
from tools.replay.__main__ import DIFFERENT, IDENTICAL, UNREADABLE, main
from tools.replay.engine import Replay
from tools.simulate.charge import Charge


@pytest.fixture(scope="module")
def data():
    return recorded(Charge(Config(), nearly_full(), library(), 2, recorded=BOTH), until=60 * S)


@pytest.fixture
def file(tmp_path, data):
    path = tmp_path / "car.ccsbox"
    path.write_bytes(data)
    return path


def other_code(monkeypatch):
    """Today's code asks for 20 A less."""
    init = Replay.__init__

    def changed(self, box, *args, **more):
        box.head["config"]["ev"]["max_current_a"] -= 20.0
        init(self, box, *args, **more)
    monkeypatch.setattr(Replay, "__init__", changed)


def test_identical(file, capsys):
    assert main([str(file)]) == IDENTICAL
    said = capsys.readouterr().out
    assert "identical:" in said and "times real time" in said


def test_a_difference_with_what_was_around(file, capsys, monkeypatch):
    other_code(monkeypatch)
    assert main([str(file)]) == DIFFERENT
    said = capsys.readouterr().out
    assert "The first difference" in said and "recorded:" in said and "today:" in said
    around = said.partition("Around it:")[2].partition("What follows:")[0]
    assert "heard" in around and ("CM_" in around or "Res" in around or "VS_" in around), around


def test_for_programs(file, capsys, monkeypatch):
    other_code(monkeypatch)
    assert main([str(file), "--json"]) == DIFFERENT
    told = json.loads(capsys.readouterr().out)
    assert not told["identical"] and told["differences"] > 0 and told["first"][0]["recorded"] != told["first"][0]["today"]


def test_up_to_a_time(file, capsys, monkeypatch):
    assert main([str(file), "--until", "5", "--json"]) == IDENTICAL
    assert 5.0 <= json.loads(capsys.readouterr().out)["lived_s"] < 6.0


def test_a_folder_is_one_report(file, data, capsys):
    (file.parent / "deep").mkdir()
    (file.parent / "deep" / "cut.ccsbox").write_bytes(data[:len(data) // 2])
    (file.parent / "none.ccsbox").write_bytes(b"no such thing")
    assert main([str(file.parent)]) == UNREADABLE
    out, err = capsys.readouterr()
    assert "2 of 3 identical, 0 with differences, 1 cannot be played" in out and "damaged at octet" in out and "none.ccsbox" in err


def test_nothing_to_play(tmp_path, data, capsys):
    (tmp_path / "short.ccsbox").write_bytes(data[:9000])
    assert main([str(tmp_path / "short.ccsbox")]) == UNREADABLE
    assert main([str(tmp_path / "not-there.ccsbox")]) == UNREADABLE
    assert main([str(tmp_path / "empty")]) == UNREADABLE


@pytest.mark.parametrize("share", [0.3, 0.5, 0.77, 0.9])
def test_a_file_that_was_cut_off_plays_up_to_there(tmp_path, data, capsys, share):
    path = tmp_path / "cut.ccsbox"
    path.write_bytes(data[:int(len(data) * share)])
    assert main([str(path)]) == IDENTICAL, capsys.readouterr().out


def test_leaving_the_record(file, tmp_path, capsys):
    """The charger of the record charges on; here it stops after 3 s."""
    assert main([str(file), "--live-from", "25", "--for", "60", "--deed", "user_stop@3", "--pcap", str(tmp_path / "after.pcap")]) == 0
    said = capsys.readouterr().out
    assert "left at 25." in said and "identical up to there" in said and "Stopped by charger" in said
    with open(tmp_path / "after.pcap", "rb") as after:
        assert sum(1 for _ in CaptureReader(after)) > 20


@pytest.mark.parametrize("more", [["--deed", "nonsense"], ["--deed", "user_stop@soon"]])
def test_what_cannot_be_done_is_told(file, capsys, more):
    assert main([str(file), "--live-from", "25", *more]) == UNREADABLE
    assert "--deed" in capsys.readouterr().err


def test_deeds_belong_to_a_life(file, capsys):
    with pytest.raises(SystemExit) as ended:
        main([str(file), "--deed", "user_stop"])
    assert ended.value.code == 2 and "--live-from" in capsys.readouterr().err
