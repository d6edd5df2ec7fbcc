"""Whom a car and a charger have met: in whole simulated charges, and what becomes of it when the link, the disk or the program goes."""
from __future__ import annotations

import csv
import json

import pytest

from drivers.session_log import PeerLogConfig, SessionLog
from drivers.sim.plant_config import PlantConfig
from exi_native import codec
from kernel.journal import Journal
from kernel.timer import MS, S
from tasks.config import Config
from tasks.listen.columns import SECC_LOG
from tasks.signals import Signals
from tasks.stop_reasons import StopReason
from tasks.v2g.session import SCHEMAS
from tests.display.scenes import put
from tools.appliance.peer_log import PERIOD, PeerLog, peer_log_row
from tools.simulate.charge import CAR_MAC, CHARGER_MAC, Charge

EPOCH = 1_795_000_000 * S
CHARGER, OTHER, OWN = bytes.fromhex("00b052112233"), bytes.fromhex("00b052445566"), bytes.fromhex("020000000e01")


def rows(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class Bench:
    def __init__(self, tmp_path, car=True):
        self.signals, self.journal, self.lines, self.now = Signals(), Journal(), [], S
        self.journal.add_sink(lambda event: self.lines.append(event.message()))
        self.path = tmp_path / "peers.csv"
        self.log = PeerLog(SessionLog(self.path, None, SECC_LOG, EPOCH, "peer_log.file"), self.signals, self.journal, OWN, car=car)

    def see(self, **values):
        put(self.signals, self.now, **values)
        assert self.log.run(self.now) == self.now + PERIOD
        self.now += PERIOD
        return rows(self.path) if self.path.exists() else []


def test_both_boxes_of_a_simulated_charge_file_each_other(tmp_path):
    config = Config()
    config.ev.protocols = ["din"]
    charge = Charge(config, PlantConfig(battery_soc_percent=97.5), codec.load(schemas=SCHEMAS))
    made = [peer_log_row(PeerLogConfig(str(tmp_path / f"{node.name}.csv")), None, EPOCH, node.signals, node.journal, mac, car=node.name == "pev")
            for node, mac in ((charge.car, CAR_MAC), (charge.charger, CHARGER_MAC))]
    while not charge.over:
        charge.run_until(charge.clock.time + PERIOD)
        for row in made:
            row.task.run(charge.clock.time)
    assert charge.good
    for name in ("pev", "evse"):
        first, last = rows(tmp_path / f"{name}.csv")
        assert tuple(first) == SECC_LOG
        for line in (first, last):
            assert (line["secc_mac"].lower(), line["car_mac"].lower()) == (CHARGER_MAC.hex(":"), CAR_MAC.hex(":"))
        assert (first["reached"], first["end"]) == ("matched", "") and first["time"] < last["time"]
        assert last["reached"] == "CurrentDemand" and last["end"]
        assert (last["protocol"], len(last["nid"])) == ("DIN 70121", 14)
    assert rows(tmp_path / "pev.csv")[1]["end"] == "Battery full" and rows(tmp_path / "pev.csv")[1]["evseid"]
    assert rows(tmp_path / "pev.csv")[1]["nid"] == rows(tmp_path / "evse.csv")[1]["nid"]
    assert rows(tmp_path / "evse.csv")[1]["evccid"] == CAR_MAC.hex()


def test_a_pause_is_no_end_and_a_second_charger_is_another_line(tmp_path):
    bench = Bench(tmp_path)
    assert bench.see(connection_state="Matching") == []
    assert len(bench.see(peer_mac=CHARGER, attenuation=11.44)) == 1
    bench.see(connection_state="Session", v2g_state="CurrentDemand")
    assert len(bench.see(connection_state="Paused", v2g_state="Idle", stop_reason=StopReason.PAUSED)) == 1
    bench.see(connection_state="Session", v2g_state="SessionSetup")
    found = bench.see(peer_mac=OTHER)
    assert [(line["secc_mac"].lower(), line["reached"], line["end"]) for line in found] == [
        (CHARGER.hex(":"), "matched", ""), (CHARGER.hex(":"), "SessionSetup", "another peer"), (OTHER.hex(":"), "matched", "")]
    assert found[0]["attenuation_db"] == "11.4"


def test_a_link_that_is_lost_and_found_again_ends_with_its_reason(tmp_path):
    bench = Bench(tmp_path)
    bench.see(connection_state="Matching", peer_mac=CHARGER)
    found = bench.see(connection_state="Pausing", stop_reason=StopReason.NO_LINK)
    assert [line["end"] for line in found] == ["", "No PLC link"]
    assert len(bench.see()) == 2                                 # the old MAC still stands there: no new meeting
    assert len(bench.see(connection_state="Matching")) == 3


def test_the_program_leaves_in_the_middle(tmp_path):
    bench = Bench(tmp_path, car=False)
    bench.see(connection_state="Session", peer_mac=CHARGER, v2g_state="CableCheck")
    bench.log.close(bench.now)
    bench.log.close(bench.now)
    last = rows(bench.path)[-1]
    assert len(rows(bench.path)) == 2 and (last["reached"], last["end"], last["car_mac"].lower()) == ("CableCheck", "this program left", CHARGER.hex(":"))


def test_an_end_told_in_the_last_moment_is_the_end(tmp_path):
    bench = Bench(tmp_path)
    bench.see(connection_state="Session", peer_mac=CHARGER, stop_reason=StopReason.TIMEOUT)
    bench.now += S
    put(bench.signals, bench.now, stop_reason=StopReason.USER_STOP, connection_state="Finished")
    bench.log.close(bench.now)
    assert rows(bench.path)[-1]["end"] == "Stopped by user"


def test_what_the_peer_before_told_is_not_told_of_this_one(tmp_path):
    bench = Bench(tmp_path)
    bench.see(connection_state="Session", peer_mac=CHARGER, v2g_protocol="DIN 70121", evse_id="DE*1", network_id=bytes(7))
    bench.see(connection_state="Ending")
    found = bench.see(peer_mac=OTHER)
    assert (found[1]["protocol"], found[1]["evseid"], found[1]["nid"]) == ("DIN 70121", "DE*1", "00" * 7)
    assert (found[2]["protocol"], found[2]["evseid"], found[2]["nid"]) == ("", "", "")


def test_a_disk_that_says_no_is_told_and_not_raised(tmp_path):
    bench = Bench(tmp_path / "missing")
    bench.see(connection_state="Session", peer_mac=CHARGER)
    bench.journal.flush()
    assert "cannot be written" in bench.lines[0] and "peer_log.file" in bench.lines[0] and bench.log.filed == 0


@pytest.mark.parametrize("file, output, where", [("", None, None), ("", "out", "out/secc-log.csv"), ("mine.csv", "out", "mine.csv")])
def test_where_it_is_filed(tmp_path, monkeypatch, file, output, where):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    signals = Signals()
    row = peer_log_row(PeerLogConfig(file), output, EPOCH, signals, Journal(), OWN, car=True)
    assert (row is None) == (where is None)
    if row is not None:
        put(signals, 5 * MS, connection_state="Matching", peer_mac=CHARGER)
        row.task.run(5 * MS)
        assert len(rows(tmp_path / where)) == 1
        lines = (tmp_path / "out" / "sessions.jsonl").read_text().splitlines()
        assert json.loads(lines[0])["reached"] == "matched"
