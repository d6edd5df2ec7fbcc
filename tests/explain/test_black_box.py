"""A black box file explained: by content, with what the box measured, alone, in its folder, cut, damaged and by strangers."""
from __future__ import annotations

import json

import pytest

from drivers.blackbox import notes as n
from drivers.blackbox.layout import BoxOctets
from kernel.journal import Event
from kernel.timer import S
from tests.black_box.recording import EPOCH
from tests.explain.heard import meet
from tests.explain.sessions import EVERYBODY
from tools.explain.__main__ import main
from tools.explain.causes import measured
from tools.explain.evidence import Change, Evidence, Plant
from tools.explain.plant import MAX_KEPT, TRIPS, seen
from tools.explain.sources.choose import material


@pytest.fixture(scope="module")
def pwm_lost():
    return meet(EVERYBODY["pwm-lost"], 3)


def written(path, octets):
    path.write_bytes(octets)
    return path


def made(notes=(), signals=(), channels=(), events=(), end=True, mode="pev"):
    box = BoxOctets(EPOCH)
    head = {"channels": list(channels), "signals": list(signals), "units": {}, "mode": mode, "program": "p", "heard": []}
    return box.begin(head, [], "eth0", "p") + box.batch(notes, (), events) + (box.end({}) if end else b"")


def test_what_was_measured_stands_beside_the_cause(tmp_path, pwm_lost, capsys):
    assert main([str(written(tmp_path / "by-content", pwm_lost.box))]) == 1
    text = " ".join(capsys.readouterr().out.split())
    assert text.startswith("The safety supervisor of our own box stopped it: 5% PWM lost") and "journal of our box (pev)" in text
    assert "+ measured pilot:" in text and "C 5 % at" in text
    assert "contactors: open at" in text and "lock: unlocked at" in text and "What our box measured and switched" in text


def test_as_json_with_what_was_measured(tmp_path, pwm_lost, capsys):
    main(["--json", str(written(tmp_path / "x.ccsbox", pwm_lost.box))])
    told = json.loads(capsys.readouterr().out)
    attempt = told["attempts"][told["explained"] - 1]
    assert told["kind"] == "ccsbox" and attempt["causes"][0]["name"] == "trip_pwm_lost"
    assert any(state == "C" and duty == 5.0 for _, state, duty in attempt["measured"]["pilot"]) and True in [state for _, state in attempt["measured"]["contactors"]]


def test_a_folder_is_told_from_the_box_in_it(tmp_path, pwm_lost, capsys):
    where = tmp_path / "000042-20261121T031245Z-pev"
    where.mkdir()
    written(where / "session-20261121T031245Z-car.ccsbox", pwm_lost.box)
    (where / "journal.txt").write_text("     0.001 safety           ERROR: TRIP overcurrent: Overcurrent. x\n")
    found = material(where)
    assert found.kind == "ccsbox" and found.changes and found.title.endswith("-car.ccsbox")
    assert main([str(where)]) == 1
    assert "Overcurrent" not in capsys.readouterr().out


def test_a_folder_whose_box_is_damaged_is_told_from_the_rest(tmp_path, pwm_lost):
    where = tmp_path / "x-pev"
    where.mkdir()
    whole = bytearray(pwm_lost.box)
    whole[100:140] = bytes(40)                   # the beginning is gone, MAGIC of a later block is not
    written(where / "a.ccsbox", bytes(whole[:len(whole) // 3]))
    (where / "journal.txt").write_text("\n".join(pwm_lost.lines))
    assert material(where).lines


def test_a_cut_file_is_explained_up_to_the_cut(tmp_path, pwm_lost, capsys):
    assert main([str(written(tmp_path / "x", pwm_lost.box[:int(len(pwm_lost.box) * 0.8)]))]) in (0, 1)       # it may still charge there
    assert "the record is damaged: after" in " ".join(capsys.readouterr().out.split())


def test_octets_changed_anywhere_never_raise(tmp_path, pwm_lost, capsys):
    box = pwm_lost.box
    for place in range(500, len(box), len(box) // 12):
        assert main(["--all", str(written(tmp_path / "x", box[:place] + b"\xff\x00\xff" + box[place + 3:]))]) in (0, 1, 2)
    assert "Traceback" not in capsys.readouterr().err


def test_without_any_line_the_signals_tell_the_trip_and_the_reason(tmp_path, capsys):
    signals = ["safety_trip", "safety_hint", "stop_reason", "pilot_state", "pilot_duty"]
    notes = [[n.VISIT, 0], [n.SIGNAL, 3, "C"], [n.SIGNAL, 4, 5.0], [n.VISIT, 9 * S], [n.SIGNAL, 0, "Lock lost"], [n.SIGNAL, 1, "Check lock."], [n.SIGNAL, 2, "SAFETY_TRIP"],
             [n.HEARD, 0, None], [n.DID, 1, [False], False], [n.VISIT, S]]
    assert main([str(written(tmp_path / "x", made(notes, signals, ["lock.feedback", "lock.set_locked"])))]) == 1
    text = " ".join(capsys.readouterr().out.split())
    assert "stopped it: Lock lost" in text and "lock.set_locked False was refused" in text and "feedback of the lock: unknown or moving" in text


def test_a_pilot_without_5_percent_is_seen_without_a_frame(tmp_path, capsys):
    notes = [[n.VISIT, 0], [n.SIGNAL, 0, "A"], [n.VISIT, S], [n.SIGNAL, 0, "B"], [n.SIGNAL, 1, 53.0], [n.VISIT, 9 * S]]
    assert main(["--json", str(written(tmp_path / "x", made(notes, ["pilot_state", "pilot_duty"])))]) == 1
    cause = json.loads(capsys.readouterr().out)["attempts"][0]["causes"][0]
    assert cause["name"] == "pilot_no_5_percent" and "measured duty: 53 %" in cause["for"]


def test_notes_say_what_the_file_lacks(tmp_path, capsys):
    events = [Event(S, "v2g", "info", "hello", ())]
    main([str(written(tmp_path / "x", made([[n.VISIT, 0], [n.GAP, "lost"]], events=events, end=False)))])
    text = " ".join(capsys.readouterr().out.split())
    assert "the file has no end" in text and "1 gaps in the file" in text


def test_changes_belong_to_their_attempt_and_are_bounded():
    attempts = [Evidence(1, 0.0, 5.0), Evidence(2, 100.0, 5.0)]
    changes = [Change(1.0, "pilot_state", "C"), Change(1.0, "pilot_duty", 5.0), *(Change(2.0 + k / 1000, "contactors_closed", k % 2 == 0) for k in range(2 * MAX_KEPT)),
               Change(101.0, "supply_voltage", 8.5), Change(102.0, "supply_voltage", [1]), Change(103.0, "stop_reason", "NONSENSE"), Change(104.0, "modem_fault", "x" * 10)]
    first, second = seen(attempts, changes, "pev")
    assert first.plant.pilot == ((1.0, "C", 5.0),) and len(first.plant.contactors) == MAX_KEPT
    assert second.plant.pilot == ((0.0, "C", 5.0),) and second.plant.supply_least == 8.5 and second.box.reasons == ()
    assert second.plant.notices == ((4.0, "modem_fault", "xxxxxxxxxx"),)


def test_every_sentence_is_about_a_cause_that_there_is():
    from tools.explain.causes.table import BY_NAME
    for pattern, _ in measured.ABOUT:
        assert any(measured.re.search(pattern, name) for name in BY_NAME), pattern
    assert set(measured.ALONE) <= set(BY_NAME) and set(TRIPS.values()) >= {"lock_lost", "pwm_lost", "contactor_welded"}
    assert measured.sentences("trip_lock_lost", 1.0, Evidence(1, 0, 0)) == () and measured.sentences("trip_lock_lost", 1.0, Evidence(1, 0, 0, plant=Plant())) == ()
