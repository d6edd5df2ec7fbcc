"""Logs of others as lines, JSON and a summary; values as CSV; a whole folder as a table: what stands there is what the capture says."""
from __future__ import annotations

import csv
import io
import json

import pytest

from drivers.blackbox.reader import read as read_box
from tests.captures import FOLDER
from tests.explain.heard import meet_vehicle
from tests.history import records
from tools.decode.__main__ import main


@pytest.fixture
def folder(tmp_path):
    """The same charge as a capture, pyPLC's EXI log and Clara's log, one below; something else beside them."""
    (tmp_path / "below").mkdir()
    (tmp_path / "frames.pcap").write_bytes(records.capture())
    (tmp_path / "PevExiLog.txt").write_bytes(records.exi_log())
    (tmp_path / "below" / "clara.log").write_bytes(records.trace_log())
    (tmp_path / "notes.txt").write_text("nothing of a charge\n")
    return tmp_path


def call(capsys, *arguments):
    code = main([str(a) for a in arguments])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def names(text: str) -> list[str]:
    return [entry["name"] for line in text.splitlines() if (entry := json.loads(line)).get("layer") == "v2g"]


@pytest.mark.parametrize("log", ["PevExiLog.txt", "below/clara.log"])
def test_a_log_has_the_lines_and_the_summary_of_the_capture(folder, capsys, log):
    code, out, err = call(capsys, "--json", "--v2g", folder / log)
    assert (code, err) == (0, "")
    wanted = call(capsys, "--json", "--v2g", folder / "frames.pcap")[1]
    assert names(out) == names(wanted)
    mine, theirs = (json.loads(text.splitlines()[-1])["summary"] for text in (out, wanted))
    assert mine["messages"] == theirs["messages"] and mine["sessions"][0]["ended"] == theirs["sessions"][0]["ended"]
    assert mine["sessions"][0]["soc_last"] == theirs["sessions"][0]["soc_last"] == 71
    code, out, _ = call(capsys, folder / log)
    assert code == 0 and f"{len(records.messages())} messages in" in out and "car unknown" in out and "reached: SessionStop" in out


def test_a_part_of_a_log(folder, capsys):
    _, out, _ = call(capsys, "--v2g", "--from", "3", "--to", "4", folder / "PevExiLog.txt")
    times = [float(line.split()[1]) for line in out[:out.index("\n\n")].splitlines()]
    assert times and 3 <= min(times) and max(times) <= 4 and "(up to --to)" in out


def test_a_log_that_is_cut_off_is_damaged(folder, capsys):
    path = folder / "PevExiLog.txt"
    path.write_bytes(path.read_bytes()[:5000])
    code, out, err = call(capsys, "--summary", path)
    assert code == 1 and "cut off" in err and "DAMAGED FILE" in out and "CableCheck" in out


def test_values_as_csv_are_a_row_per_message(folder, capsys):
    code, out, err = call(capsys, "--csv", folder / "frames.pcap")
    table = rows(out)
    assert (code, err) == (0, "") and len(table) == len(records.messages())
    demand = [row for row in table if row["message"] == "CurrentDemandRes"]
    assert all(float(row["power_kW"]) == pytest.approx(float(row["EVSEPresentVoltage_V"]) * float(row["EVSEPresentCurrent_A"]) / 1000, rel=1e-4, abs=1e-6) for row in demand)
    assert table[0]["message"] == "supportedAppProtocolReq" and table[0]["sender"] == "car" and table[0]["EVSEPresentVoltage_V"] == ""
    assert {row["ResponseCode"] for row in demand} == {"OK"} and float(demand[0]["answer_ms"]) == 1.0
    asked = [row for row in table if row["message"] == "CurrentDemandReq"]
    assert [row["SoC_percent"] for row in table if row["SoC_percent"]][-1] == "71" and float(asked[0]["EVTargetVoltage_V"]) > 300
    times = [float(row["time_s"]) for row in table]
    assert times == sorted(times)


def test_several_files_as_csv_name_their_file(folder, capsys):
    _, out, _ = call(capsys, "--csv", folder / "frames.pcap", folder / "PevExiLog.txt")
    table = rows(out)
    assert [row["file"] for row in table].count(str(folder / "frames.pcap")) == len(table) / 2 == len(records.messages())


def test_a_folder_as_a_table(folder, capsys):
    code, out, err = call(capsys, "--table", folder)
    lines = out.splitlines()
    assert code == 0 and len(lines) == 4 and "1 other files passed over" in err
    assert lines[0].split()[:4] == ["file", "vendor", "car", "protocol"]
    for line in lines[1:]:
        assert "DIN 70121" in line and "4.67" in line and "SessionStop" in line and "normal end" in line
    code, out, _ = call(capsys, "--table", folder, "--csv")
    table = {row["file"]: row for row in rows(out)}
    assert set(table) == {"frames.pcap", "PevExiLog.txt", "below/clara.log"}
    assert {row["cable_check_s"] for row in table.values()} == {"4.67"} and {row["precharge_s"] for row in table.values()} == {"1.56"}
    assert table["frames.pcap"]["car"].startswith("02:00:00:00:0e:01")


def test_a_precharge_beyond_its_limit_is_marked(folder, capsys):
    _, out, _ = call(capsys, "--table", folder)
    assert "!" not in out
    slow = []                                    # the same charge eight times as slow: PreCharge takes 12.5 s of 7, CableCheck 37 s of 40
    for line in records.trace_log().decode().splitlines():
        stamp, _, rest = line.partition("] ")
        slow.append(f"[{int(stamp[1:]) * 8}] {rest}")
    (folder / "below" / "clara.log").write_text("\n".join(slow) + "\n")
    _, out, _ = call(capsys, "--table", folder)
    [line] = [line for line in out.splitlines() if "clara.log" in line]
    marked = [word for word in line.split() if word.endswith("!")]
    assert len(marked) == 1 and float(marked[0][:-1]) == pytest.approx(8 * 1.56, abs=0.1)


@pytest.mark.parametrize("words", [[], ["--table", "/nonexistent"], ["x", "--table", "."], ["--csv", "--json", "x"], ["--csv", "--summary", "x"]])
def test_a_wrong_command_line_says_what_is_expected(words, capsys):
    with pytest.raises(SystemExit) as left:
        main(words)
    said = capsys.readouterr().err
    assert left.value.code == 2 and ("expected" in said or "not together" in said)


def test_a_folder_without_a_record(tmp_path, capsys):
    (tmp_path / "a.txt").write_text("x")
    code, out, err = call(capsys, "--table", tmp_path)
    assert code == 2 and out == "" and "no record of a session in 1 files" in err


def test_a_damaged_file_in_a_folder_is_shown_up_to_the_damage(folder, capsys):
    path = folder / "frames.pcap"
    path.write_bytes(path.read_bytes()[:40_001])
    code, out, err = call(capsys, "--table", folder)
    assert code == 1 and "frames.pcap: damaged" in err and len(out.splitlines()) == 4


def test_text_from_the_wire_is_no_formula(tmp_path, capsys):
    (tmp_path / "=cmd.pcap").write_bytes(records.capture())
    _, out, _ = call(capsys, "--table", tmp_path, "--csv")
    assert rows(out)[0]["file"] == "'=cmd.pcap"


@pytest.mark.needs_shared
@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no captures at {FOLDER}")
def test_the_table_of_all_recordings(capsys):
    code, out, err = call(capsys, "--table", FOLDER, "--csv")
    assert code == 0
    table = rows(out)
    files = [path.name for path in FOLDER.iterdir() if path.suffix in (".pcap", ".pcapng")]
    assert {row["file"] for row in table} == set(files)
    by_name = {row["file"]: row for row in table if row["session"] == "1"}
    reference = next(row for name, row in by_name.items() if name.startswith("spi_ioniq"))
    assert reference["cable_check_s"] == "14.11" and reference["vendor"] == "modem by devolo"
    tesla = next(row for name, row in by_name.items() if name.startswith("2023-03-02"))
    assert tesla["vendor"] == "Tesla" and tesla["cable_check_s"] == "31.65" and tesla["precharge_s"] == ""


# --- a black box file -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def box():
    """A bridge's: frames, CAN and journal."""
    return meet_vehicle("leaf40", 3, faults={"k_stuck": False}).box


def test_a_black_box_is_decoded_and_its_can_counted(tmp_path, box, capsys):
    (tmp_path / "x.ccsbox").write_bytes(box)
    code, out, _ = call(capsys, "--summary", tmp_path / "x.ccsbox")
    assert code == 0 and "0 malformed" in out and "CAN frame" in out
    counted = next(line for line in out.splitlines() if line.startswith("interface bridge.can: "))
    assert "came in" in counted and "went out" in counted
    code, out, _ = call(capsys, "--json", "--summary", tmp_path / "x.ccsbox")
    can = json.loads(out)["summary"]["can_interfaces"]["bridge.can"]
    assert can["frames"] == can["in"] + can["out"] > 100


def test_a_table_has_a_session_once(tmp_path, box, capsys):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "session-1-car.ccsbox").write_bytes(box)
    for name in ("s/frames.pcap", "s/frames-2.pcap", "s/other.pcap"):
        (tmp_path / name).write_bytes(records.capture())
    code, out, err = call(capsys, "--table", tmp_path, "--csv")
    assert [row["file"] for row in rows(out)] == ["s/other.pcap", "s/session-1-car.ccsbox"] and "2 records passed over" in err
    (tmp_path / "s" / "session-1-car.ccsbox").unlink()
    _, out, err = call(capsys, "--table", tmp_path, "--csv")
    assert len(rows(out)) == 3 and "passed over" not in err


def test_the_export_of_a_black_box_keeps_journal_and_can(tmp_path, box, capsys):
    (tmp_path / "x.ccsbox").write_bytes(box)
    code, out, _ = call(capsys, "--wireshark", tmp_path / "w.pcapng", tmp_path / "x.ccsbox")
    assert code == 0
    before, after = read_box(tmp_path / "x.ccsbox"), read_box(tmp_path / "w.pcapng")
    assert after.problem == "" and after.broken_seals == [] and after.seals == 0 < before.seals
    assert after.entries == before.entries and after.packets == before.packets and after.notes == before.notes and after.interfaces == before.interfaces
