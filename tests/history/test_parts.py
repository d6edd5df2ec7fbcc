"""The parts of a history: tracks keep changes within their bounds, log lines are read, makers and operators are told or not."""
from __future__ import annotations

import pytest

from tools.history import tracks, vendors
from tools.history.limits import limit_of, message_limit
from tools.history.sources.capture import syslog
from tools.history.trace_text import findings


def test_a_lane_goes_on_while_its_state_is_repeated():
    track = tracks.LaneTrack("x")
    for at, text in ((0, "a"), (1, "a"), (2, "b"), (3, "b")):
        track.put(at, text)
    track.close(5)
    assert [(span.begin, span.end, span.text) for span in track.lane.spans] == [(0, 2, "a"), (2, 5, "b")]


def test_a_series_keeps_both_ends_of_a_run():
    track = tracks.SeriesTrack("x", "V", "car", False)
    for at, value in enumerate((1, 1, 1, 2, 2, 3)):
        track.put(at, value)
    track.finish()
    assert track.series.points == [(0, 1), (2, 1), (3, 2), (4, 2), (5, 3)]


def test_a_value_that_nobody_repeats_is_unknown():
    track = tracks.SeriesTrack("x", "V", "charger", False, stale=True)
    for at in (0, 1, 2, 20, 21):
        track.put(at, 400)
    track.finish()
    assert track.series.points == [(0, 400), (2, 400), (2, None), (20, 400), (21, 400)]


def test_the_bounds_hold_and_are_counted(monkeypatch):
    monkeypatch.setattr(tracks, "MAX_POINTS", 10)
    monkeypatch.setattr(tracks, "MAX_SPANS", 10)
    series, lane = tracks.SeriesTrack("x", "V", "car", True), tracks.LaneTrack("y")
    for at in range(100):
        series.put(at, at)
        lane.put(at, str(at))
    assert len(series.series.points) == 10 and series.not_kept == 90
    assert len(lane.lane.spans) == 10 and lane.not_kept == 90


@pytest.mark.parametrize("line, wanted", [
    ("Checkpoint100: Sending SLAC_PARAM.REQ", [("checkpoint", "", "100 Sending SLAC_PARAM.REQ")]),
    ("[HARDWAREINTERFACE] Setting CP line into state C.", [("lane", "pilot (CP)", "state C")]),
    ("[HARDWAREINTERFACE] Switching PowerRelay OFF.", [("lane", "contactors", "open")]),
    ("[CONNMGR] ConnectionLevel changed from 5 to 15", [("lane", "connection level", "15")]),
    ("[PEV] from 5 entering 6", [("lane", "controller", "6")]),
    ("[PEVSLAC] Timeout while waiting for SLAC_PARAM.CNF", [("warning", "", "[PEVSLAC] Timeout while waiting for SLAC_PARAM.CNF")]),
    ('[EVSE] {"msgName": "CableCheckReq", "error": ""', []), ("[PEV] nothing of interest", []), ("", []), ("\0\xff" * 300, []),
])
def test_what_a_log_line_says(line, wanted):
    assert [tuple(finding) for finding in findings(line)] == wanted


def test_syslog_is_read_from_a_frame_of_ours_and_from_no_other():
    payload = b"<15>[PEV] from 1 entering 2\0"
    ip = bytes((0x45, 0)) + (28 + len(payload)).to_bytes(2, "big") + bytes(5) + b"\x11" + bytes(10)
    udp = (40000).to_bytes(2, "big") + (514).to_bytes(2, "big") + bytes(4)
    frame = b"\xff" * 6 + bytes(6) + b"\x08\x00" + ip + udp + payload
    assert syslog(frame) == "[PEV] from 1 entering 2"
    assert syslog(frame.replace((514).to_bytes(2, "big") + bytes(4), (515).to_bytes(2, "big") + bytes(4))) == ""
    for cut in range(len(frame)):
        syslog(frame[:cut])                      # never raises


def test_makers_and_operators():
    assert vendors.maker("dc:44:27:1f:d9:1b") == "Tesla"
    assert vendors.maker("02:00:00:00:0c:02") == vendors.LOCAL
    assert vendors.maker("") is None and vendors.maker("00:00:00:00:00:00") is None
    assert vendors.operator("DE*ABC*E12345") == "DE*ABC" and vendors.operator("DEABCE12345") == "DE*ABC"
    assert vendors.operator("ZZ00000") is None and vendors.operator("00") is None and vendors.operator("\x00\xff") is None
    assert vendors.of_charger("02:00:00:00:0c:02", "bc:f2:af:00:00:01", "DE*ABC*E1") == "modem by devolo, operator DE*ABC"


def test_limits_come_from_the_timers_of_the_slice():
    assert limit_of("CableCheck", "DIN 70121", 10, True) == (40.0, "V2G_EVCC_CableCheck_Timeout")
    assert limit_of("ContractAuthentication", "DIN 70121", 5, True) == (60.0, "V2G_EVCC_Ongoing_Timeout")
    assert limit_of("ContractAuthentication", "DIN 70121", 1, False) == (2.0, "V2G_EVCC_Msg_Timeout_ContractAuthenticationReq")
    assert message_limit("PowerDelivery", "DIN 70121")[0] == 2.0 and message_limit("PowerDelivery", "ISO 15118-2")[0] == 5.0
    assert message_limit("CurrentDemand", "DIN 70121")[0] == 0.25
    assert limit_of("CurrentDemand", "DIN 70121", 900, False) is None and limit_of("whatever", "", 1, False) is None
