"""The independent readers and the course of a session: what is wrong is noticed, what is right is counted."""
import os
import shutil
import sys
from pathlib import Path

import pytest

from tasks.homeplug.wire_header import BROADCAST
from tasks.homeplug.wire_modem import VS_SW_VER_REQ
from tests.interop.capture import header, record
from tests.interop.cases import CASES
from tests.interop.control import CAR, CHARGER, NOTICED_BY_TSHARK, check, damaged, good, noticed, write
from tests.interop.outcome import Outcome
from tests.interop.phases import CHARGER as CHARGERS
from tests.interop.phases import course
from tests.interop.readers import Reading, collect, compare, expected, plain, scapy_reading, tshark_objections
from tests.interop.report import frames
from tests.interop.table import HEADER, LEGEND, as_json, not_judged, row, sides
from tests.listen import line

ROOT = Path(__file__).resolve().parents[2]
MAC = CAR.hex(":")


def scapy_python():
    """The peers' interpreter, where ./install/test.sh --interop has made one with scapy; "" otherwise."""
    python = Path(os.environ.get("CCSBOX_VENV", str(ROOT / ".venv")) + "-peers") / "bin" / "python"
    return str(python) if list(python.parents[1].glob("lib/*/site-packages/scapy")) else ""


needs_scapy = pytest.mark.skipif(not scapy_python(), reason="scapy is not installed: ./install/test.sh --interop makes its environment")
needs_tshark = pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed")


@needs_tshark
@needs_scapy
def test_both_readers_pass_the_control(tmp_path):
    assert check(tmp_path, scapy_python()) == []


@needs_tshark
def test_tshark_objects_to_the_damaged_frames_and_only_to_them(tmp_path):
    write(tmp_path / "good.pcap", good())
    write(tmp_path / "damaged.pcap", damaged())
    assert tshark_objections(tmp_path / "good.pcap") == []
    assert noticed(tshark_objections(tmp_path / "damaged.pcap"), damaged(), "tshark") == set(NOTICED_BY_TSHARK)
    assert "tshark left with" in tshark_objections(tmp_path / "absent.pcap")[0], "no verdict is no good verdict"


def test_a_blind_reader_fails_the_control(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.interop.control.tshark_objections", lambda path: [])
    monkeypatch.setattr("tests.interop.control.scapy_reading", lambda path, python, macs: Reading())
    found = check(tmp_path, "python")
    assert len(found) == len(NOTICED_BY_TSHARK) + len(damaged()) and "control: scapy does not notice: MVFLength" in found


def test_a_reader_that_objects_to_everything_fails_the_control(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.interop.control.tshark_objections", lambda path: [f"tshark: {n} bad" for n in range(1, 99)])
    assert check(tmp_path, "")[0] == "control, a good frame: tshark: 1 bad"


def test_a_reader_that_cannot_run_objects(tmp_path):
    write(tmp_path / "x.pcap", good())
    assert scapy_reading(tmp_path / "x.pcap", "/absent/python", [MAC]).objections[0].startswith("scapy: ")
    left = scapy_reading(tmp_path / "x.pcap", sys.executable, [MAC])
    assert left.by_scapy == 0 and "No module named 'scapy'" in left.objections[0]


def entry(frame, **changes):
    """What scapy_reader.py prints when it agrees with us."""
    last, values = expected(frame)
    return {"layers": ["Ether", last], "fields": {name: plain(value) for name, value in values.items()}, "why": "", "faults": [], **changes}


@pytest.mark.parametrize("kind", good())
def test_every_field_is_compared(kind):
    frame = good()[kind]
    agreed = entry(frame)
    assert compare(frame, agreed) == []
    for name in agreed["fields"]:
        found = compare(frame, {**agreed, "fields": {**agreed["fields"], name: "other"}})
        assert len(found) == 1 and found[0].startswith(f"{name} is other for scapy")
    assert compare(frame, {**agreed, "layers": ["Ether", "Raw"]}) == [f"should end as {agreed['layers'][-1]}"]


def test_a_message_without_a_layer_is_judged_by_its_header():
    frame = VS_SW_VER_REQ(BROADCAST, CAR).emit()
    agreed = entry(frame, why="no layer")
    assert compare(frame, agreed) == []
    assert compare(frame, {**agreed, "fields": {**agreed["fields"], "HomePlugAV.HPtype": 0xA004}}) == ["HomePlugAV.HPtype is 40964 for scapy, 40960 for us"]


def test_our_own_reader_may_refuse():
    assert compare(damaged()["MVFLength"], entry(good()["CM_SLAC_MATCH.REQ"])) == ["our own reader refuses it: wrong MVFLength"]
    assert compare(good()["TCP segment"][:12] + b"\x08\x00" + bytes(46), entry(good()["TCP segment"])) == ["our own reader refuses it: EtherType 0x0800"]


def test_frames_of_ours_are_collected_once(tmp_path):
    ours, theirs = good()["CM_SLAC_PARM.REQ"], CAR + CHARGER + good()["CM_SLAC_PARM.REQ"][12:]
    to_modem = VS_SW_VER_REQ(BROADCAST, CAR).emit()
    (tmp_path / "wire.pcap").write_bytes(header() + record(1, ours) + record(2, theirs) + record(3, ours))
    (tmp_path / "own.pcap").write_bytes(header() + record(1, to_modem) + record(2, ours) + record(3, to_modem))
    assert collect(tmp_path / "wire.pcap", [tmp_path / "own.pcap"], [MAC], tmp_path / "out.pcap") == 4
    assert [frame for _, frame in frames((tmp_path / "out.pcap").read_bytes())] == [ours, ours, to_modem, to_modem]


# --- the course of a session --------------------------------------------------------------------------------------

MS = 1_000_000


def matching():
    """CM_SLAC_PARM.REQ at 0, CM_ATTEN_CHAR.IND of the charger at 30 ms, CM_ATTEN_CHAR.RSP at 40 ms, both once more, the car's SDP request at 1 s."""
    turned = good()["CM_ATTEN_CHAR.IND"]
    from_charger = CAR + CHARGER + turned[12:]
    steps = [(0, good()["CM_SLAC_PARM.REQ"]), (30 * MS, from_charger), (40 * MS, good()["CM_ATTEN_CHAR.RSP"]), (60 * MS, good()["CM_SLAC_MATCH.REQ"]),
             (1000 * MS, good()["SDP request"])]
    return header() + b"".join(record(at, frame) for at, frame in steps)


def test_a_matching_is_shared_out_and_ends_at_the_first_sdp_request():
    shares = course(matching(), [CAR], [CHARGER], slac_only=True)
    car, charger = shares["car"], shares["charger"]
    assert car.seconds["match"] == pytest.approx(0.97) and charger.seconds["match"] == pytest.approx(0.03)
    assert (car.messages, charger.messages) == (3, 1)
    assert charger.turnaround_ms == [pytest.approx(30.0)] and car.turnaround_ms == [pytest.approx(10.0)]
    assert car.quantile(0.5) == pytest.approx(10.0) and course(header(), [CAR], [CHARGER])["car"].quantile(0.5) is None
    assert sum(share.total for share in course(matching(), [CAR], [CHARGER]).values()) == pytest.approx(1.0)


def talk():
    """A session of tests/listen with 10 ms between two frames: matching, SDP, TCP, handshake, two CableCheck, PreCharge, SessionStop."""
    return header() + b"".join(record(n * 10 * MS, frame) for n, frame in enumerate(line.session()))


def test_a_session_is_shared_out_by_phase_and_side():
    shares = course(talk(), [line.CAR], [line.CHARGER])
    car, charger = shares["car"], shares["charger"]
    assert set(car.seconds) | set(charger.seconds) == {"match", "join", "find", "auth", "cable", "prech", "end"}
    assert charger.seconds["cable"] == pytest.approx(0.02) and car.seconds["cable"] >= 0.02, "two responses of 10 ms; the car's requests besides"
    assert (car.messages, charger.messages) == (5, 5)
    assert charger.turnaround_ms == pytest.approx([10.0] * 5) and car.turnaround_ms == pytest.approx([10.0] * 4, abs=20)
    assert car.total + charger.total == pytest.approx((len(line.session()) - 1 - after_the_last()) * 0.01)


def after_the_last():
    """Frames of the session behind SessionStopRes: the connection is closed."""
    session = line.session()
    return len(session) - 1 - max(n for n, frame in enumerate(session) if line.stop_res() in frame)


def test_what_comes_after_the_session_does_not_count():
    later = record(10**12, good()["CM_SLAC_PARM.REQ"].replace(CAR, line.CAR))
    assert course(talk() + later, [line.CAR], [line.CHARGER]) == course(talk(), [line.CAR], [line.CHARGER])


def test_who_is_unknown_has_no_share():
    assert all(share.total == 0 and not share.messages for share in course(talk(), [CAR], [CHARGER]).values())


# --- tables -------------------------------------------------------------------------------------------------------

def outcomes():
    found = [Outcome(case) for case in CASES]
    for outcome in found:
        for name, share in course(matching(), [CAR], [CHARGER], slac_only=True).items():
            outcome.sides[name].share, outcome.sides[name].software = share, "iso15118 SECC"
        outcome.reading.header_only["VS_SW_VER.REQ (no layer)"] = 3
    return found


def test_the_tables_fit_a_wide_terminal():
    told = [HEADER, *LEGEND.splitlines(), *sides(outcomes()), *(row(outcome) for outcome in outcomes())]
    assert max(map(len, told)) <= 160 and len(sides(outcomes())) == 1 + 2 * len(CASES)


def test_what_is_not_judged_is_told_with_its_count():
    assert not_judged(outcomes()[:2]) == ["Of these scapy judges the header only: 6 VS_SW_VER.REQ (no layer)", "  in harness 3, two-processes 3"]
    assert not_judged([]) == []


def test_json_holds_every_value():
    told = as_json(outcomes(), {"x": "why"})
    first = told["cases"][0]
    assert told["not_run"] == {"x": "why"} and first["passed"] and first["sides"][CHARGERS]["turnaround_ms"] == [30.0]
    assert first["sides"]["car"]["phase_s"] == {"match": 0.97} and first["reading"]["header_only"] == {"VS_SW_VER.REQ (no layer)": 3}
