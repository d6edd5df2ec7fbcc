"""A box over several sessions: each leaves a black box file that plays from a moment shortly before, whatever was long ago."""
from __future__ import annotations

from drivers.blackbox import notes as n
from drivers.blackbox.reader import read
from drivers.recording.store import box_name
from exi_native import codec
from kernel.timer import NEVER, S
from tasks.v2g.session import SCHEMAS
from tests.appliance.test_session_record import PERIOD, charged, run
from tools.appliance import box_record
from tools.replay.engine import Replay

BOTH = frozenset({"pev", "evse"})


def charge_once(charge, boxes):
    while not charge.over:
        run(charge, boxes, charge.clock.time + PERIOD)


def rest(charge, boxes, seconds):
    """Nobody is there; the kernels have their turns."""
    end = charge.clock.time + seconds * S
    while charge.clock.time < end:
        charge.world.run_until(charge.clock.time + PERIOD)
        for box in boxes.values():
            box.run(charge.clock.time)


def plug_again(charge, soc):
    charge._unplugged_at = NEVER
    charge.plant.battery.soc = soc
    charge.plant.at(charge.clock.time + S, charge.plant.plug)


def file_of(box, number):
    folder = box.folders()[number]
    return folder / box_name(folder.name)


def replayed(path):
    box = read(path)
    assert not box.problem and not box.broken_seals and not box.unsealed and box.end is not None
    replay = Replay(box, codec.load(schemas=SCHEMAS))
    replay.run()
    assert replay.identical and not replay.remarks, (replay.differences[:3], replay.remarks)
    return box, replay


def test_each_session_plays_from_shortly_before(tmp_path):
    charge, boxes = charged(tmp_path, recorded=BOTH, battery_capacity_wh=3000.0)
    charge_once(charge, boxes)
    rest(charge, boxes, 2500)
    plug_again(charge, 79.0)
    charge_once(charge, boxes)
    rest(charge, boxes, 60)
    for name, box in boxes.items():
        assert len(box.folders()) == 2
        first, replay = replayed(file_of(box, 0))
        assert "state" not in first.head and replay.signals.v2g_state.value is not None
        second, replay = replayed(file_of(box, 1))
        begun = second.head["tape_from_ns"]
        plugged = round(second.head["began_unix_s"] * S) - second.head["epoch_ns"]
        assert "state" in second.head and second.end["statistics"]["rows"]["safety"]["runs"] > 100 and box_record.KEYFRAME_EVERY / 2 < plugged - begun < 2.1 * box_record.KEYFRAME_EVERY, name
        assert replay.compared > 500 and second.end["complete"] and second.end["lost_notes"] == second.end["refused_parts"] == 0


def test_a_tape_at_rest_has_its_bound(tmp_path, monkeypatch):
    """What exceeds it is given up: the file says that it begins in the middle of a life, and what it has can be read."""
    monkeypatch.setattr(box_record, "KEPT", 2000)
    monkeypatch.setattr(box_record, "KEYFRAME_EVERY", 100_000 * S)
    charge, boxes = charged(tmp_path, recorded=frozenset({"pev"}), battery_capacity_wh=3000.0)
    charge_once(charge, boxes)
    rest(charge, boxes, 60)
    box = read(file_of(boxes["pev"], 0))
    assert not box.problem and not box.broken_seals
    assert any(words[0] == n.SIGNAL for words in box.notes) and box.packets
    assert box.end["given_up_parts"] > 0


def test_a_session_that_sleeps_is_kept_in_memory(tmp_path):
    charge, boxes = charged(tmp_path, recorded=frozenset({"pev"}), battery_capacity_wh=3000.0)
    box = boxes["pev"]
    run(charge, boxes, 30 * S)
    path = file_of(box, 0)
    before = path.stat().st_size
    record = box.record._box
    for _ in range(100):
        charge.world.run_until(charge.clock.time + PERIOD)
        record.sleep(charge.clock.time)
    assert path.stat().st_size == before
    record.record(charge.clock.time, all=True)
    box.run(charge.clock.time)
    assert path.stat().st_size > before


def test_a_black_box_that_fails_takes_nothing_with_it(tmp_path):
    """Its own code raises: told once, the session's other files go on, and nothing piles up."""
    charge, boxes = charged(tmp_path, recorded=frozenset({"pev"}), battery_capacity_wh=3000.0)
    box = boxes["pev"]
    run(charge, boxes, 20 * S)
    box.record._box._write = None                        # a TypeError at the next part
    charge_once(charge, boxes)
    rest(charge, boxes, 60)
    assert charge.good and box.summary()["complete"]
    assert sum("the black box has failed" in line and "TypeError" in line for line in box.lines) == 1
    assert len(charge.car.black_box.tape._notes) < 200
    assert read(file_of(box, 0)).notes                   # what was there before
