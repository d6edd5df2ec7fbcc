"""A session that was cut off: what the next one makes of its summary, out of its journal and frames, whatever lies there."""
import json
import random

import pytest

from drivers.recording.recorder import Recorder, Spawned
from kernel.journal import Journal
from kernel.timer import MS, S
from tasks.config import Config
from tasks.signals import Signals
from tasks.stop_reasons import StopReason
from tests.appliance.test_session_record import EPOCH, Box, alone, charged, run
from tests.drivers.recording.test_writer import names
from tools.appliance.session_record import PERIOD, WRITER
from tools.appliance.session_remains import CUT_OFF, MAX_SUMMARY, rebuild


def cut_off(tmp_path, seconds):
    """A folder whose program was killed so long into charging: all that is on the disk."""
    config = Config()
    config.ev.protocols = ["din"]
    charge, boxes = charged(tmp_path, config, battery_soc_percent=40.0)
    while not charge.charging:
        run(charge, boxes, charge.clock.time + PERIOD)
    run(charge, boxes, charge.clock.time + seconds * S)
    box = boxes["pev"]
    box.beside.writer.gone(box.now)
    return box, box.summary()


def after(tmp_path):
    """The next session of another program at the same place has begun."""
    config = Config()
    config.mode = "pev"
    box = Box(tmp_path / "pev", Signals(), Journal(), config)
    box.see(2, connection_state="Matching")
    return box


def test_a_cut_off_session_tells_how_far_it_came_when_the_next_one_mends_it(tmp_path):
    box, saved = cut_off(tmp_path, 30)
    assert saved["stop"]["reason"] == "none" and saved["phases_s"].get("charging", 0) < 20
    later = after(tmp_path)
    summary, text = later.summary(0), (later.folders()[0] / "summary.txt").read_text()
    assert summary["stop"]["reason"] == CUT_OFF and summary["cut_off"] and not summary["complete"] and not summary["stop"]["in_order"]
    assert summary["last_state"] == "Session, CurrentDemand" and "last state: Session, CurrentDemand" in text and f"end: {CUT_OFF}" in text
    assert 29.5 <= summary["phases_s"]["charging"] <= 31 and saved["duration_s"] + 5 < summary["duration_s"] == pytest.approx((box.now - 500 * MS) / S, abs=0.5)
    assert summary["frames"] > saved["frames"] and summary["journal_lines"] == (later.folders()[0] / "journal.txt").read_text().count("\n")
    assert "nothing was charged" not in text and any("its summary says how far it came" in line for line in later.lines)


def test_an_end_after_the_last_save_is_read_out_of_the_journal(tmp_path):
    box, _ = cut_off(tmp_path, 5)
    folder = box.folders()[0]
    with open(folder / "journal.txt", "a") as file:
        file.write("    99.000 safety           ERROR: TRIP lock_lost: Lock lost. The connector lock no longer confirms. Check it.\n"
                   "    99.100 connection       WARNING: ended in state Session: Safety trip\n    99.100 connection       Session -> Ending\n")
    rebuild(str(folder))
    summary = box.summary()
    assert summary["stop"] == {"reason": "Safety trip", "remedy": StopReason.SAFETY_TRIP.hint, "in_order": False}
    assert summary["trips"] == [{"trip": "Lock lost", "remedy": "The connector lock no longer confirms. Check it."}] and summary["last_state"] == "Ending"
    once = (folder / "summary.txt").read_text()
    rebuild(str(folder))
    assert (folder / "summary.txt").read_text() == once, "once"


def test_the_process_that_writes_does_it(tmp_path):
    folder = cut_off(tmp_path, 1)[0].folders()[0]
    recorder = Recorder(lambda: Spawned(["5", str(tmp_path / "pev"), "64", "8"], WRITER), 15 * S, 0)
    recorder.begin(S, "pev", "20261121T031245Z", EPOCH)
    recorder.end({})
    assert recorder.close(30.0) and json.loads((folder / "summary.json").read_text())["stop"]["reason"] == CUT_OFF


@pytest.mark.parametrize("seed", range(40))
def test_whatever_lies_in_a_folder_that_was_cut_off_the_next_session_is_recorded(tmp_path, seed):
    box, saved = alone(tmp_path), None
    box.see(15, connection_state="Session", v2g_state="CableCheck")
    box.beside.writer.gone(box.now)
    folder, rng = box.folders()[0], random.Random(seed)
    saved = box.summary()
    words = [None, True, -1, 1e300, "x" * 1000, [], {}, [[["a"]]], {"reason": 5}, "9" * 30]
    for name in rng.sample(sorted(saved), 4):
        saved[name] = rng.choice(words)
    texts = ["[" * MAX_SUMMARY, "{}", "", "\0" * 100, json.dumps(saved), json.dumps(saved), json.dumps(saved)]
    (folder / "summary.json").write_text(rng.choice(texts))
    lines = [b"   999999999.999 connection  [999] x", b"  12.000 connection " + bytes(rng.randbytes(50)), b"\xff" * 80, b"    13.000 connection       A -> B",
             b"    14.000 v2g              [700] x", b"    15.000 safety  ERROR: TRIP x: y. z", b"    16.000 connection WARNING: ended in state X: Nothing"]
    (folder / "journal.txt").write_bytes(b"\n".join(rng.choices(lines, k=50)) + b"\n")
    if rng.random() < 0.5:
        (folder / "frames.pcap").write_bytes(rng.randbytes(200))
    later = Box(box.path, Signals(), Journal(), Config())
    later.see(2, connection_state="Matching")
    assert len(later.folders()) == 2 and later.summary()["stop"]["reason"] == "none" and "unfinished" not in names(folder)
