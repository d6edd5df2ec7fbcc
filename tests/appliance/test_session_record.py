"""Whole simulated charges and what they leave: folder, frames, journal, summary; nothing at rest; a SLAC failure; a disk that refuses."""
import json

import pytest

from drivers.capture_file import CaptureReader
from drivers.recording import wire
from drivers.recording.recorder import Recorder
from drivers.recording.store import Store
from drivers.recording.writer import Writer
from drivers.sim.link import LinkConfig
from drivers.sim.plant_config import PlantConfig
from exi_native import codec
from kernel.journal import Event, Journal
from kernel.settings import build
from kernel.timer import MS, S
from tasks import config_file
from tasks.config import Config
from tasks.signals import Signals
from tasks.stop_reasons import StopReason
from tasks.v2g.session import SCHEMAS
from tests.display.scenes import put
from tests.drivers.recording.test_writer import MIB, names
from tools.appliance.box_record import BoxRecord
from tools.appliance.session_record import PERIOD, SessionRecord, changed, digest, open_record, stamp
from tools.appliance.session_remains import rebuild
from tools.appliance.session_summary import SessionSummary, Tries, as_text
from tools.simulate.charge import CAR_MAC, Charge

EPOCH = 1_795_000_000 * S        # 2026-11-18


class Beside:
    """A writer without a process: a channel that hands over at once. `sent` counts what the box gave it."""

    def __init__(self, path):
        self.sent, self.now, self.closed, self.said = 0, 0, False, []
        self.writer = Writer([(Store(str(path), 100, 64 * MIB), 4 * MIB)], lambda **words: self.said.append(wire.status(**words)), rebuild=rebuild)
        self.channel = self

    def send(self, data):
        self.sent += 1
        self.writer.take(data, self.now)
        return True

    def receive(self):
        said, self.said = self.said, []
        return said

    def close(self):
        self.closed = True
        self.writer.gone(self.now)

    def wait(self, seconds):
        return True


class Box:
    """A record of one box of a simulated charge, or of signals alone."""

    def __init__(self, path, signals, journal, config):
        self.path, self.signals, self.journal, self.lines = path, signals, journal, []
        self.beside = Beside(path)
        journal.add_sink(lambda event: self.lines.append(event.message()))
        self.record = SessionRecord(Recorder(lambda: self.beside, 15 * S, 0), signals, journal, config, "ccsbox 1", lambda: EPOCH + self.now)
        journal.add_sink(self.record)
        self.now = 0

    def run(self, now):
        self.now = self.beside.now = now
        self.journal.flush()
        self.record.run(now)
        self.beside.writer.tick(now)

    def see(self, seconds=0.2, **values):
        for _ in range(max(1, round(seconds * S / PERIOD))):
            put(self.signals, self.now, safety_state="Idle", **values)
            self.run(self.now + PERIOD)

    def folders(self):
        return [self.path / name for name in names(self.path) if name[0] == "0"] if self.path.exists() else []

    def summary(self, number=-1):
        return json.loads((self.folders()[number] / "summary.json").read_text())


def charged(tmp_path, config=None, link=None, recorded=frozenset(), **plant):
    """A charge and the record of both its boxes; those of `recorded` get a black box, too."""
    config = config or Config()
    boxes = {}

    class Recorded(Charge):
        def _node(self, name, *args):
            node = super()._node(name, *args)
            mode = Config()
            mode.mode = name
            boxes[name] = Box(tmp_path / name, node.signals, node.journal, mode)
            if node.black_box is not None:
                boxes[name].record.watch(BoxRecord(node.black_box, boxes[name].record.recorder.box))
            tap, tx = boxes[name].record.tap, node.table.rows
            for row in tx:
                if row.name in ("frame_rx", "frame_tx"):
                    row.task._tap = tap
            return node
    charge = Recorded(config, PlantConfig(**{"battery_soc_percent": 97.5, **plant}), codec.load(schemas=SCHEMAS), link=link, recorded=recorded)
    return charge, boxes


def run(charge, boxes, until):
    while charge.clock.time < until and not charge.over:
        charge.run_until(charge.clock.time + PERIOD)
        for box in boxes.values():
            box.run(charge.clock.time)


def test_a_charge_leaves_one_whole_folder_at_each_side(tmp_path):
    config = Config()
    config.ev.protocols = ["din"]
    charge, boxes = charged(tmp_path, config)
    while not charge.over:
        run(charge, boxes, charge.clock.time + PERIOD)
    for box in boxes.values():
        for _ in range(200):                     # the supervisor is silent now: END_LIMIT
            box.run(box.now + PERIOD)
    assert charge.good
    for name, box in boxes.items():
        folder, = box.folders()
        assert names(folder) == ["frames.pcap", "journal.txt", "settings.yaml", "summary.json", "summary.txt"] and folder.name[7:15] == "20261118"
        with open(folder / "frames.pcap", "rb") as file:
            frames = list(CaptureReader(file))
        summary = box.summary()
        assert summary["complete"] and summary["frames"] == len(frames) and summary["lost"] == summary["lost_blocks"] == 0
        assert [frame.at for frame in frames] == sorted(frame.at for frame in frames) and frames[0].at >= EPOCH
        assert summary["stop"]["in_order"] and summary["stop"]["reason"] == ("Battery full" if name == "pev" else summary["stop"]["reason"])
        assert (summary["protocol"], summary["mode"], summary["tries"], summary["trips"]) == ("DIN 70121", name, 1, [])
        assert summary["energy_wh"] > 50 and summary["max_power_kw"] > 1 and summary["at_end"]["soc_percent"] >= 97 and summary["attenuation_db"] > 0
        assert 300 < summary["at_end"]["voltage_v"] < 450 and summary["at_end"]["current_a"] is not None
        assert {"matching", "SDP", "cable check", "precharge", "charging"} <= set(summary["phases_s"]) and summary["phases_s"]["charging"] > 5
        assert sum(summary["phases_s"].values()) <= summary["duration_s"]
        text = (folder / "journal.txt").read_text()
        assert "charging loop" in text or "CurrentDemandRes sent" in text
        assert text.count("\n") == summary["journal_lines"] and "Battery full" in (boxes["pev"].folders()[0] / "summary.txt").read_text()
    assert boxes["evse"].summary()["evccid"] == CAR_MAC.hex()
    first = boxes["pev"].folders()[0] / "frames.pcap"
    assert b"\x88\xe1" in first.read_bytes()[:200], "the matching is in it"


def test_a_slac_failure_leaves_a_folder_that_says_so(tmp_path):
    charge, boxes = charged(tmp_path, link=LinkConfig(drop_percent=100.0))
    run(charge, boxes, 100 * S)
    charge.plant.unplug(charge.clock.time)
    run(charge, boxes, 120 * S)
    folder, = boxes["pev"].folders()
    summary = boxes["pev"].summary()
    assert summary["complete"] and "charging" not in summary["phases_s"] and summary["stop"]["reason"] == "No SLAC answer"
    assert "coupling" in summary["stop"]["remedy"] and "No SLAC answer" in (folder / "summary.txt").read_text() and summary["frames"] > 20


def test_nothing_is_handed_over_while_nothing_is_plugged_in(tmp_path):
    charge, boxes = charged(tmp_path)
    sent = boxes["pev"].beside.sent
    run(charge, boxes, 400 * MS)                     # the plug comes at 500 ms
    box = boxes["pev"]
    for _ in range(20_000):
        box.run(box.now + PERIOD)
        box.journal.note(box.now, "x", "a line")
    assert box.beside.sent == sent == 0 and not box.path.exists() and box.signals.recording.value == "0 sessions"


def alone(tmp_path, mode="pev"):
    config = Config()
    config.mode = mode
    return Box(tmp_path / "s", Signals(), Journal(), config)


def test_two_plug_ins_are_two_folders(tmp_path):
    box = alone(tmp_path)
    for number in (1, 2):
        box.see(5, connection_state="WaitPilot")
        box.see(1, connection_state="Matching")
        box.see(20, connection_state="Unplugged")
    assert [folder.name[:6] for folder in box.folders()] == ["000001", "000002"] and box.record.sessions == 2
    assert box.signals.recording.value == "2 sessions" and [box.summary(n)["complete"] for n in (0, 1)] == [True, True]


def test_what_is_known_so_far_is_on_the_disk_long_before_the_end(tmp_path):
    box = alone(tmp_path)
    box.see(2, connection_state="Matching")
    assert box.signals.recording.value == "rec 000001"
    assert not box.summary()["complete"] and "cut off" in (box.folders()[0] / "summary.txt").read_text()
    box.see(15, connection_state="Session", v2g_state="CurrentDemand", evse_present_voltage=400.0, evse_present_current=50.0, session_energy=123.4)
    box.see(61, connection_state="Session", v2g_state="CurrentDemand", evse_present_voltage=400.0, evse_present_current=50.0)
    assert box.summary()["at_end"]["voltage_v"] == 400.0 and box.summary()["max_power_kw"] == 20.0 and box.summary()["energy_wh"] == 123.4
    assert "unfinished" in names(box.folders()[0])


def test_a_trip_its_remedy_and_the_tries_before_stand_in_it(tmp_path):
    box = alone(tmp_path)
    box.see(connection_state="Matching")
    for _ in range(20):
        box.see(connection_state="Pausing", stop_reason=StopReason.NO_CHARGER_SLAC)
        box.see(connection_state="Matching")
    box.see(connection_state="Failed", stop_reason=StopReason.SAFETY_TRIP, safety_trip="inlet too hot", safety_hint="Let it cool.")
    box.see(10, connection_state="Unplugged", stop_reason=StopReason.SAFETY_TRIP, safety_trip="")
    summary = box.summary()
    assert summary["trips"] == [{"trip": "inlet too hot", "remedy": "Let it cool."}] and not summary["stop"]["in_order"]
    assert len(summary["ends"]) == 16 and summary["ends_not_listed"] == 5 and summary["ends"][-1] == summary["stop"]["reason"] == "Safety trip"
    text = (box.folders()[0] / "summary.txt").read_text()
    assert "TRIP: inlet too hot. Let it cool." in text and StopReason.SAFETY_TRIP.hint in text


def test_the_program_leaves_and_the_folder_is_whole(tmp_path):
    box = alone(tmp_path, "evse")
    box.see(5, connection_state="Session", v2g_state="CableCheck")
    box.journal.note(box.now, "main", "the last words")
    box.record.close(box.now)
    assert box.summary()["complete"] and box.summary()["stop"]["reason"] == "this program left" and not box.summary()["stop"]["in_order"]
    assert "the last words" in (box.folders()[0] / "journal.txt").read_text() and box.beside.closed and "unfinished" not in names(box.folders()[0])


def test_hours_at_rest_cost_no_write(tmp_path):
    box = alone(tmp_path)
    box.see(30, connection_state="Session")
    box.see(62, connection_state="Finished", stop_reason=StopReason.BATTERY_FULL)
    sent = box.beside.sent
    for _ in range(100):
        box.journal.note(box.now, "health", "ticks 1 missed 0")
        box.see(10, connection_state="Finished")
    assert box.beside.sent == sent
    box.see(10, connection_state="Unplugged")
    assert len(box.folders()) == 1 and box.summary()["complete"] and box.summary()["stop"]["in_order"]


def test_a_disk_that_refuses_is_told_once_and_shown_and_it_goes_on_when_it_can(tmp_path):
    (tmp_path / "s").write_text("a file where the folder should be")
    box = alone(tmp_path)
    box.see(60, connection_state="Session")
    said = [text for text in box.lines if "sessions.folder" in text]
    assert len(said) == 1 and "this session is not recorded" in said[0] and "the charge goes on" in said[0]
    assert box.signals.recording.value == "not recorded!" and len("not recorded!") <= 19
    (tmp_path / "s").unlink()
    box.see(10, connection_state="Session")
    assert box.signals.recording.value == "rec 000001"
    box.see(10, connection_state="Unplugged")
    assert box.summary()["complete"] and box.summary()["lost_blocks"] > 0
    assert len([text for text in box.lines if "were not recorded" in text]) == 1


def test_the_settings_that_differ_read_back_and_equal_settings_have_one_digest(tmp_path):
    config = Config()
    config.mode, config.ev.stop_soc_percent, config.safety.pev.mismatch_v = "evse", 55.0, 19.0
    (tmp_path / "c.yaml").write_text(changed(config))
    again = build(Config, *config_file.load(tmp_path / "c.yaml"), "c.yaml")
    assert again == config and digest(again) == digest(config) != digest(Config())
    assert "mismatch_v: 19.0" in changed(config) and changed(config).count("\n") < 8
    (tmp_path / "d.yaml").write_text(changed(Config()))
    assert build(Config, *config_file.load(tmp_path / "d.yaml"), "d.yaml") == Config()


@pytest.mark.parametrize("ns", [0, -5 * S, 10**30])
def test_any_clock_makes_a_name(ns):
    assert len(stamp(ns)) == 16 and stamp(ns).startswith("19")


@pytest.mark.parametrize("mode, folder, made", [("listen", "x", False), ("pev", "", False), ("pev", "x", True)])
def test_where_there_is_one(tmp_path, mode, folder, made):
    config = Config()
    config.mode = mode
    config.sessions.folder = str(tmp_path / folder) if folder else ""
    record = open_record(config, Signals(), Journal(), "ccsbox", 0)
    assert (record is not None) is made
    if record is not None:
        record.close(0)
        assert names(tmp_path) == []


def ends(tmp_path, *steps):
    """The summary after `steps` of (connection state, V2G state, reason), 1 s each, and its text."""
    box = alone(tmp_path)
    for state, v2g, reason in steps:
        box.see(1, connection_state=state, v2g_state=v2g, **({} if reason is None else {"stop_reason": reason}))
    box.record.close(box.now)
    return box.summary(), (box.folders()[0] / "summary.txt").read_text()


CHARGING, MATCHING = ("Session", "CurrentDemand", None), ("Matching", "Ended", None)


def test_the_end_that_matters_is_the_failure_not_the_stop_that_came_after_it(tmp_path):
    summary, text = ends(tmp_path, CHARGING, ("Pausing", "Ended", StopReason.TIMEOUT), MATCHING, ("Finished", "Ended", StopReason.USER_STOP))
    assert summary["stop"] == {"reason": "Timeout", "remedy": StopReason.TIMEOUT.hint, "in_order": False}
    assert f"end: Timeout. {StopReason.TIMEOUT.hint}" in text and "all ends: Timeout, Stopped by user" in text


def test_without_a_charger_the_missing_answer_is_the_end(tmp_path):
    summary, text = ends(tmp_path, MATCHING, ("Matching", "Ended", StopReason.NO_CHARGER_SLAC), ("Finished", "Ended", StopReason.USER_STOP))
    assert summary["stop"]["reason"] == "No SLAC answer" and summary["stop"]["remedy"] and not summary["stop"]["in_order"]
    assert "nothing was charged" in text and "charged from" not in text


def test_a_broken_charge_stays_the_end_though_the_next_one_went_well(tmp_path):
    summary, _ = ends(tmp_path, CHARGING, ("Pausing", "Ended", StopReason.LINK_LOST), MATCHING, CHARGING, ("Finished", "Ended", StopReason.BATTERY_FULL))
    assert summary["stop"]["reason"] == "PLC link lost" and not summary["stop"]["in_order"] and summary["ends"][-1] == "Battery full"


def test_tries_that_failed_before_the_charge_are_made_up_for_by_it(tmp_path):
    before = MATCHING, ("Matching", "Ended", StopReason.NO_CHARGER_SLAC)
    summary, _ = ends(tmp_path / "1", *before, CHARGING, ("Finished", "Ended", StopReason.BATTERY_FULL))
    assert summary["stop"] == {"reason": "Battery full", "remedy": StopReason.BATTERY_FULL.hint, "in_order": True}
    summary, _ = ends(tmp_path / "2", *before, CHARGING)
    assert summary["stop"]["reason"] == "this program left" and not summary["stop"]["in_order"]


def test_unplugging_alone_is_told_as_that(tmp_path):
    summary, _ = ends(tmp_path, ("WaitPilot", None, None), ("Unplugged", None, StopReason.UNPLUGGED))
    assert summary["stop"]["reason"] == "Unplugged"


def tries(*events):
    """Of (second, checkpoint) or (second, "old -> new" of the connection)."""
    found = Tries()
    for second, what in events:
        found.event(Event(second * S, "connection", "info", "%s -> %s", tuple(what.split(" -> "))) if isinstance(what, str) else
                    Event(second * S, "v2g", "checkpoint", "", (), what))
    return found


def test_charging_ends_with_its_try_not_with_the_next_one():
    found = tries((1, 100), (2, 150), (3, 170), (11, 700), (30, "Session -> Ending"), (36, "Ending -> Pausing"), (37, "WaitPilot -> Matching"), (37, 5), (37, 100))
    assert found.phases(60 * S)["charging"] == 19 and found.count == 2


def test_a_matching_that_failed_took_its_time():
    assert tries((1, 100), (44, "Matching -> Ending")).phases(60 * S) == {"matching": 43}
    assert tries((1, 100)).phases(60 * S) == {"matching": 59}, "it goes on"


def test_the_end_in_order_has_phases_after_the_end_was_asked_for():
    found = tries((1, 100), (2, 170), (11, 700), (30, "Session -> Ending"), (31, 800), (33, 900), (34, 905), (35, "Ending -> Finished"))
    assert found.phases(60 * S) == {"matching": 1, "joining": 9, "charging": 20, "power off": 2, "session stop": 1}
    assert "power on" not in tries((1, 100), (10, 570), (11, 700), (13, 590), (40, 800)).phases(40 * S), "a lamp: its contactors close while the charge goes on"


def test_a_summary_of_nothing_is_readable():
    summary = SessionSummary(Signals(), car=True, head={"program": "p", "mode": "pev", "config_sha256": "0" * 64, "why": "plugged in"}, now=0, epoch=0)
    summary.look(1)
    plain = summary.plain(5 * S, complete=True, recorded={"frames": 0, "journal_lines": 0, "lost": 0, "lost_blocks": 0})
    assert "end: none." in as_text(plain) and "None" not in as_text(plain)
