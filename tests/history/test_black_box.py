"""A black box file becomes a history: frames as of a capture, and what only the box knows; damaged, cut and foreign files."""
from __future__ import annotations

from itertools import pairwise

import pytest

from drivers.blackbox import notes as n
from drivers.blackbox.layout import BoxOctets
from kernel.journal import Event
from kernel.timer import S
from tasks.chademo import wire
from tasks.config import Config
from tests.black_box.recording import EPOCH, library, nearly_full, recorded
from tools.history.box_tracks import MAX_EVENTS, BoxTracks
from tools.history.model import History
from tools.history.opening import open_history
from tools.simulate.charge import Charge


@pytest.fixture(scope="module")
def octets():
    config = Config()
    config.ev.stop_soc_percent = 80.0
    return recorded(Charge(config, nearly_full(), library(), recorded=frozenset({"pev"})), until=200 * S)


def opened(path, data):
    path.write_bytes(data)
    return open_history(str(path))


@pytest.fixture(scope="module")
def charge(octets, tmp_path_factory):
    [found] = opened(tmp_path_factory.mktemp("box") / "named-by-nobody", octets)
    return found


def texts(history, lane):
    return [span.text for found in history.lanes if found.name == lane for span in found.spans]


def series(history, name):
    return next(found for found in history.series if found.name == name)


def test_states_of_the_box_stand_beside_the_conversation(charge):
    assert charge.kind == "ccsbox" and charge.outcome == "Battery full" and charge.damage is None
    assert texts(charge, "pilot (CP)") == ["state A", "state B", "state B, 5 %", "state C, 5 %", "state B, 5 %", "state B", "state A"]
    assert [text for text in texts(charge, "contactors") if text != "moving or unknown"] == ["open", "closed", "open"]
    assert [text for text in texts(charge, "lock") if text != "moving or unknown"] == ["unlocked", "locked", "unlocked"]
    assert "moving or unknown" in texts(charge, "contactors") and texts(charge, "box: trip") == []
    assert texts(charge, "box: connection")[:3] == ["Unplugged", "WaitPilot", "Matching"] and "CurrentDemand" in texts(charge, "box: V2G")
    assert "CurrentDemand" in texts(charge, "car V2G") and "Closed" in texts(charge, "box: safety")
    for lane in charge.lanes:
        for before, after in pairwise(lane.spans):
            assert before.begin <= before.end <= after.begin <= after.end, lane.name


def test_time_is_one_for_frames_signals_and_journal(charge):
    closed = next(span for lane in charge.lanes if lane.name == "contactors" for span in lane.spans if span.text == "closed")
    start, precharge = charge.phase("PowerDelivery (start)"), charge.phase("PreCharge")
    assert precharge.begin < closed.begin <= start.begin and precharge.limit == 7.0
    plugged = next(mark for mark in charge.marks if mark.text.startswith("3 plugged in"))
    assert 0 < plugged.at <= 2.0 < charge.phase("matching").begin       # two seconds and no more before the plug
    assert charge.began_unix_s == pytest.approx(EPOCH / S, abs=5.0)
    assert [mark.at for mark in charge.marks] == sorted(mark.at for mark in charge.marks)


def test_measured_values_are_series_with_their_units(charge):
    inlet, current, supply = series(charge, "inlet_voltage"), series(charge, "inlet_current"), series(charge, "supply_voltage")
    assert (inlet.unit, inlet.side, inlet.step) == ("V", "box", True) and current.unit == "A"
    assert 300 < max(value for _, value in inlet.points if value is not None) < 600
    assert {value for _, value in supply.points} == {13.5} and series(charge, "battery_soc").side == "car"
    names = [found.name for found in charge.series]
    assert len(names) == len(set(names)) and "evse_present_voltage" not in names and "EVSEPresentVoltage" in names
    times = [at for at, _ in inlet.points]
    assert times == sorted(times) and times[-1] <= charge.duration


def test_journal_and_commands_are_marks(charge):
    numbers = [mark.text.split()[0] for mark in charge.marks if mark.kind == "checkpoint"]
    assert numbers[:4] == ["3", "4", "5", "6"] and {"556", "600", "710", "806", "905"} <= set(numbers)
    commands = [mark.text for mark in charge.marks if mark.kind == "command"]
    assert commands.count("contactors: close") == 1 and commands.count("pilot: state C") == 1 and "lock: lock" in commands


@pytest.mark.parametrize("part", [0.5, 0.7, 0.9])
def test_a_cut_file_gives_what_is_before_the_cut(tmp_path, octets, charge, part):
    [found] = opened(tmp_path / "cut", octets[:int(len(octets) * part)])
    assert "cut off" in found.damage
    assert texts(found, "box: connection") == texts(charge, "box: connection")[:len(texts(found, "box: connection"))] != []
    assert found.duration <= charge.duration and len(found.marks) < len(charge.marks)


def test_octets_changed_anywhere_never_raise(tmp_path, octets):
    for place in range(3000, len(octets), len(octets) // 12):
        found = opened(tmp_path / "changed", octets[:place] + b"\xff\x00\xff" + octets[place + 3:])
        assert found[-1].damage or any("seals" in remark for remark in found[0].remarks) or found[0].kind == "pcapng"


def test_a_capture_that_talks_of_a_box_is_a_capture(tmp_path, octets):
    from drivers.blackbox import layout
    from drivers import pcapng
    data = pcapng.section_header(application="x") + pcapng.interface_description()
    data += pcapng.enhanced_packet(S, bytes(14) + layout.MAGIC + layout.HEAD + bytes(40))
    [found] = opened(tmp_path / "x.ccsbox", data)
    assert found.kind == "pcapng" and found.outcome.startswith("no charging session")


# --- what a bridge and a charger have besides -------------------------------------------------------------------------


def made(notes, signals=(), channels=(), packets=(), events=(), units=None, end=None):
    """A small file: what no simulation has."""
    box = BoxOctets(EPOCH)
    head = {"channels": list(channels), "signals": list(signals), "units": units or {}, "mode": "bridge", "program": "p", "heard": []}
    return box.begin(head, [(0, "bridge.can")], "eth0", "p") + box.batch(notes, packets, events) + (box.end(end) if end else b"")


def can(id, message):
    return id.to_bytes(4, "big") + bytes((8, 0, 0, 0)) + message.emit()


def test_chademo_frames_are_counted_and_decoded(tmp_path):
    vehicle = [(S, wire.VehicleStatus(target_voltage=400, status=wire.ENABLED)),
               (2 * S, wire.VehicleStatus(target_voltage=400, current_request=20, faults=wire.OVER_VOLTAGE))]
    packets = [(0, at, 1, can(wire.STATUS, message)) for at, message in vehicle]
    packets += [(0, 3 * S, 2, can(wire.CHARGER_STATUS, wire.ChargerStatus(voltage=390.0, current=15.0)))]
    [found] = opened(tmp_path / "b", made([[n.VISIT, 0], [n.VISIT, 4 * S]], packets=packets, end={"reason": "Battery full"}))
    assert "bridge.can: 2 CAN frames came, 1 went" in found.remarks and found.outcome == "Battery full"
    assert series(found, "102 Target current").points[1][1] == 20 and series(found, "109 voltage").points[0][1] == 390
    [error] = [mark for mark in found.marks if mark.kind == "error"]
    assert error.text == "car reports over voltage" and texts(found, "car says (102)") == ["enabled", "nothing"]


def test_a_trip_is_the_outcome_with_its_hint(tmp_path):
    signals = ["connection_state", "safety_trip", "safety_hint", "stop_reason", "modem_fault", "evse_present_voltage"]
    notes = [[n.VISIT, 0], [n.SIGNAL, 0, "WaitPilot"], [n.SIGNAL, 5, 400.0], [n.VISIT, S], [n.SIGNAL, 1, "Lock lost"],
             [n.SIGNAL, 2, "Check the lock."], [n.SIGNAL, 4, "wrong role"],
             [n.VISIT, S], [n.SIGNAL, 3, "SAFETY_TRIP"], [n.VISIT, S], [n.SIGNAL, 3, None], [n.SIGNAL, 3, "UNPLUGGED"], [n.SIGNAL, 0, "Failed"]]
    events = [Event(S, "safety", "error", "TRIP lock_lost: Lock lost. Check the lock.", ())]
    [found] = opened(tmp_path / "b", made(notes, signals, events=events, units={"evse_present_voltage": "V"}))
    assert found.outcome == "safety trip: Lock lost (Safety trip)" and "Check the lock." in found.remarks
    assert {mark.text for mark in found.marks if mark.kind == "error"} == {"Lock lost", "safety: TRIP lock_lost: Lock lost. Check the lock."}
    assert any(mark.kind == "warning" and mark.text == "wrong role" for mark in found.marks) and texts(found, "box: trip") == ["trip: Lock lost"]
    assert series(found, "EVSEPresentVoltage").points[0] == (0.0, 400.0), "where no message says it the box's own signal does"
    assert any("has no end" in remark for remark in found.remarks)


def test_commands_that_are_refused_and_arguments_of_strangers(tmp_path):
    channels = ["contactors.set_closed", "power_supply.set", "pilot_source.set_duty"]
    notes = [[n.VISIT, 0], [n.DID, 0, [True], False], [n.DID, 0, [True], False], [n.DID, 1, [400.0, 50.0], True],
             [n.DID, 2, ["\x1b[2J"], True], [n.DID, 0, [], True], [n.VISIT, S]]
    [found] = opened(tmp_path / "b", made(notes, channels=channels))
    assert [mark.text for mark in found.marks if mark.kind == "error"] == ["contactors.set_closed was refused by its device"]
    assert series(found, "supply Target voltage").points[0][1] == 400 and not any("\x1b" in mark.text + mark.detail for mark in found.marks)


def test_signals_of_strangers_are_bounded(tmp_path):
    track = BoxTracks({"inlet_voltage": "V", "vehicle_remaining": "s"})
    for number in range(MAX_EVENTS + 10):
        track.entry(number / 10, "x", "warning", "w" * 2000, 0)
        track.signal(number / 10, "vehicle_remaining", 6000.0 - number)
        track.signal(number / 10, "inlet_voltage", [1] if number % 2 else 1e30)
    history = History("t", "s", "ccsbox")
    track.into(history, 400.0)
    assert len(history.marks) == MAX_EVENTS and history.not_kept == 10 and len(history.marks[0].text) <= 400
    remaining = series(history, "vehicle_remaining")
    assert remaining.unit == "min" and len(remaining.points) < 100 and [found.name for found in history.series] == ["vehicle_remaining"]
    assert remaining.points[-1][1] == pytest.approx((6000 - MAX_EVENTS - 9) / 60), "the last value is not thinned away"
