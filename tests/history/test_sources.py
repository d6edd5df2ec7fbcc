"""A record becomes histories: what a capture, pyPLC's EXI log and a text log of the same charge say, and what damaged and foreign files do."""
from __future__ import annotations

import json
from itertools import pairwise

import pytest

from tests.history import records
from tools.history.model import MARK_KINDS, SIDES, KINDS
from tools.history.opening import NotARecord, open_history


def opened(tmp_path, octets: bytes, name: str = "record"):
    path = tmp_path / name
    path.write_bytes(octets)
    return open_history(str(path))


def texts(history, lane):
    return [span.text for found in history.lanes if found.name == lane for span in found.spans]


def series(history, name):
    return next(found for found in history.series if found.name == name)


@pytest.fixture(scope="module")
def charge(tmp_path_factory):
    found = opened(tmp_path_factory.mktemp("history"), records.capture(), "frames.pcap")
    assert len(found) == 1
    return found[0]


def test_a_charge_has_its_states_in_order(charge):
    assert texts(charge, "connection")[:3] == ["SDP", "TCP", "V2G"]
    assert texts(charge, "SLAC")[0] == "asking" and texts(charge, "SLAC")[-1] == "joining"
    car = texts(charge, "car V2G")
    assert car[0] == "supportedAppProtocol" and car[-1] == "SessionStop"
    assert car.index("CableCheck") < car.index("PreCharge") < car.index("PowerDelivery (start)") < car.index("CurrentDemand") < car.index("PowerDelivery (stop)")
    assert "CableCheck: Ongoing" in texts(charge, "charger V2G") and "CableCheck: OK" in texts(charge, "charger V2G")
    assert charge.protocol == "DIN 70121" and charge.outcome.startswith("normal end") and charge.reached == "SessionStop"


def test_spans_of_a_lane_neither_overlap_nor_run_backwards(charge):
    for lane in charge.lanes:
        for before, after in pairwise(lane.spans):
            assert before.begin <= before.end <= after.begin <= after.end, lane.name


def test_values_are_those_of_the_messages(charge):
    volts, soc = series(charge, "EVSEPresentVoltage"), series(charge, "SoC")
    assert volts.unit == "V" and volts.side == "charger" and not volts.step
    assert 300 < max(value for _, value in volts.points if value is not None) < 500
    assert soc.points[0][1] == 70 and soc.points[-1][1] == 71 and soc.step
    power = max(value for _, value in series(charge, "power").points if value is not None)
    assert 10 < power < 200                       # kW
    times = [at for at, _ in volts.points]
    assert times == sorted(times)


def test_every_message_is_a_mark_with_its_values(charge):
    marks = [mark for mark in charge.marks if mark.kind == "message"]
    assert len(marks) == len(records.messages())
    demand = next(mark for mark in marks if mark.text == "CurrentDemandRes")
    assert demand.lane == "charger V2G" and "U " in demand.detail and "after" in demand.detail
    assert not any("nmk" in mark.detail.lower() for mark in charge.marks)


def test_checkpoints_come_once_and_in_order(charge):
    numbers = [int(mark.text.split()[0]) for mark in charge.marks if mark.kind == "checkpoint"]
    assert len(numbers) == len(set(numbers))
    wanted = [100, 102, 160, 200, 203, 400, 403, 500, 506, 560, 570, 600, 700, 800, 806, 900, 905]
    assert [number for number in numbers if number in wanted] == wanted


def test_phases_carry_the_standards_limit_and_what_is_usual(charge):
    check, precharge = charge.phase("CableCheck"), charge.phase("PreCharge")
    assert check.limit == 40.0 and check.limit_name == "V2G_EVCC_CableCheck_Timeout" and check.usual is not None
    assert precharge.limit == 7.0 and 0 < precharge.duration < 7
    assert charge.phase("CurrentDemand").limit is None
    assert charge.phase("SDP to SessionSetup").limit == 20.0 and charge.phase("SessionSetup to charging").limit == 150.0
    assert charge.phase("SessionSetup").limit_name == "V2G_EVCC_Msg_Timeout_SessionSetupReq"


def test_the_json_has_the_agreed_members(charge):
    model = json.loads(json.dumps(charge.json()))
    assert set(model) == {"title", "source", "kind", "began_unix_s", "duration_s", "vendor", "car", "charger", "protocol", "outcome", "reached", "damage",
                          "remarks", "not_kept", "lanes", "series", "marks", "phases"}
    assert model["kind"] in KINDS and all(mark["kind"] in MARK_KINDS for mark in model["marks"]) and all(one["side"] in SIDES for one in model["series"])
    assert set(model["phases"][0]) == {"name", "from", "to", "limit_s", "limit_name", "usual_s"}


def test_pyplcs_exi_log_says_the_same_as_the_capture(charge, tmp_path):
    [log] = opened(tmp_path, records.exi_log())
    assert log.kind == "pyplc-exi" and log.protocol == "DIN 70121" and log.outcome == charge.outcome
    assert log.began_unix_s == 1714564800.0
    assert texts(log, "car V2G") == texts(charge, "car V2G")
    assert [value for _, value in series(log, "EVSEPresentVoltage").points] == [value for _, value in series(charge, "EVSEPresentVoltage").points]
    assert log.phase("CableCheck").duration == pytest.approx(charge.phase("CableCheck").duration, abs=1e-3)
    assert log.remarks == ["1 lines of the log are no messages"]


@pytest.mark.parametrize("unit, kind", [("", "clara"), ("ms", "pyplc-log")])
def test_a_text_log_says_the_same_and_what_the_controller_did(charge, tmp_path, unit, kind):
    [log] = opened(tmp_path, records.trace_log(unit))
    assert log.kind == kind and log.outcome == charge.outcome
    assert texts(log, "car V2G") == texts(charge, "car V2G")
    assert texts(log, "pilot (CP)") == ["state C"] and texts(log, "contactors") == ["closed"]
    assert log.phase("PreCharge").duration == pytest.approx(charge.phase("PreCharge").duration, abs=3e-3)


def test_two_sessions_in_one_log_are_two_histories(tmp_path):
    first = records.exi_log()
    found = opened(tmp_path, first + first.replace(b"2024-05-01T12:", b"2024-05-01T13:"))
    assert [history.protocol for history in found] == ["DIN 70121", "DIN 70121"]
    assert found[1].began_unix_s - found[0].began_unix_s == 3600


def test_everything_before_the_damage_is_there(charge, tmp_path):
    whole = records.capture()
    [history] = opened(tmp_path, whole[:len(whole) // 2])
    assert "the file ends within" in history.damage
    wanted = [mark for mark in charge.marks if mark.at <= history.marks[-1].at]
    assert [mark.text for mark in history.marks] == [mark.text for mark in wanted[:len(history.marks)]] and len(history.marks) > 100
    log = records.exi_log()
    [cut] = opened(tmp_path, log[:len(log) // 2])
    assert "cut off" in cut.damage and len(cut.marks) > 50


def test_a_log_whose_lines_are_nonsense_here_and_there_goes_on(tmp_path):
    lines = records.exi_log().splitlines()
    lines[40] = lines[40][:30] + b"809aFFFFFFFFFFFF"
    lines.insert(60, b"\xff\xfe\0 nothing \x80")
    [history] = opened(tmp_path, b"\n".join(lines) + b"\n")
    assert history.reached == "SessionStop" and any(mark.kind == "error" for mark in history.marks)


@pytest.mark.parametrize("octets", [b"", b"PK\x03\x04 a zip file", b"hello\nworld\n", b"\x7fELF" + bytes(100)])
def test_a_foreign_file_is_refused_with_what_was_expected(tmp_path, octets):
    with pytest.raises(NotARecord) as refused:
        opened(tmp_path, octets)
    assert "expected" in str(refused.value) or "empty" in str(refused.value)


def test_the_name_of_a_file_says_nothing(tmp_path):
    [history] = opened(tmp_path, records.capture(), "log.txt")
    assert history.kind == "pcap"


def test_a_capture_without_a_session_is_one_quiet_history(tmp_path):
    [history] = opened(tmp_path, records.capture()[:24])
    assert history.outcome == "no charging session in 0 frames" and history.lanes == [] and history.damage is None
