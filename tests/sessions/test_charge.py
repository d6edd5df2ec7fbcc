"""A complete charge in virtual time: order, physics, reproducibility, bad links, stops and losses in every phase."""
from __future__ import annotations

import pytest

from drivers.capture_file import PcapWriter
from drivers.errors import DriverError
from drivers.session_folder import SessionFolder
from drivers.sim.link import LinkConfig
from kernel.timer import S
from tasks.messages import StopSession
from tasks.stop_reasons import StopReason
from tasks.tcp.wire import FIN, RST
from tests.sessions.charges import assert_safe, charge, run_to
from tools.decode.__main__ import main as decode
from tools.simulate.run import phases

CAR_SEQUENCE = [3, 4, 5, 6, 100, 102, 103, 104, 130, 140, 150, 160, 170, 180, 190, 200, 203, 301, 302, 303, 400, 403, 500, 506, 510, 520, 530, 538, 540,
                555, 556, 550, 560, 570, 581, 582, 590, 600, 700, 710, 800, 806, 810, 850, 900, 905]
CHARGER_SEQUENCE = [2, 3, 4, 1, 300, 5, 101, 110, 120, 155, 190, 201, 202, 301, 302, 303, 401, 402, 505, 515, 525, 536, 545, 561, 565, 580, 575, 605, 705,
                    805, 855, 905]


def numbers(node):
    node.journal.flush()
    return [n for _, n, _ in node.checkpoints]


def is_subsequence(wanted, given):
    rest = iter(given)
    return all(w in rest for w in wanted)


def test_a_charge_passes_every_checkpoint_in_order_and_ends_full():
    c = charge()
    c.run()
    assert c.good and c.reason is StopReason.BATTERY_FULL
    assert is_subsequence(CAR_SEQUENCE, numbers(c.car))
    assert is_subsequence(CHARGER_SEQUENCE, numbers(c.charger))
    assert_safe(c)
    assert not c.plant.pilot.plugged


def test_energy_is_what_flowed():
    c = charge()
    battery = c.plant.battery
    before, ocv_before = battery.soc, battery.ocv()
    c.run()
    shot = c.plant.snapshot(c.clock.time)
    assert shot.soc_percent >= 97.0
    coulomb = (shot.soc_percent - before) / 100 * battery.charge
    assert shot.stored_wh == pytest.approx(coulomb * (ocv_before + battery.ocv()) / 2 / 3600, rel=0.01)
    assert shot.delivered_wh == pytest.approx(shot.stored_wh + shot.lost_wh, rel=0.01)
    assert c.car.signals.session_energy.value == pytest.approx(shot.stored_wh, rel=0.05)


@pytest.mark.parametrize("drop", [0.0, 5.0])
def test_equal_seeds_give_identical_traces(drop):
    def trace(seed):
        c = charge(seed, link=LinkConfig(drop_percent=drop, delay_us=500))
        c.run()
        return c.trace_hash(), c.good
    first = trace(3)
    assert first == trace(3) and first[1]
    assert first[0] != trace(4)[0]


@pytest.mark.parametrize("seed", range(12))
def test_a_bad_line_still_charges(seed):
    c = charge(seed, link=LinkConfig(drop_percent=5.0, delay_us=30_000, jitter_us=10_000, duplicate_percent=2.0, reorder_percent=2.0))
    c.run(600 * S)
    assert c.reason is StopReason.BATTERY_FULL, c.reason
    assert_safe(c)


@pytest.mark.parametrize("number", [100, 150, 190, 203, 303, 400, 530, 540, 555, 560, 570, 590, 600, 710, 800, 850])
def test_the_user_may_stop_in_every_phase(number):
    c = charge(soc_start=50.0, soc_stop=55.0)
    run_to(c, number)
    c.stop()
    c.run(c.clock.time + 60 * S)
    assert c.reason in (StopReason.USER_STOP, StopReason.BATTERY_FULL), c.reason
    assert c.car.signals.safety_trip.value in (None, "")
    assert_safe(c)


def test_the_user_may_stop_at_the_charger():
    c = charge(soc_start=50.0, soc_stop=90.0)
    run_to(c, 710)
    c.charger.table.user.put(StopSession(StopReason.USER_STOP))
    c.run(c.clock.time + 60 * S)
    assert c.reason is StopReason.CHARGER_STOP
    assert 790 in numbers(c.car) and 905 in numbers(c.car)
    assert_safe(c)


@pytest.mark.parametrize("number", [150, 203, 400, 540, 560, 570, 600, 710])
def test_a_dead_line_ends_safely_and_charges_again_when_it_is_back(number):
    c = charge(soc_start=50.0, soc_stop=51.0)
    run_to(c, number)
    c.link.up = False
    c.run_until(c.clock.time + 40 * S)
    assert_safe(c)
    c.link.up = True
    c.run(c.clock.time + 300 * S)
    assert c.reason is StopReason.BATTERY_FULL
    assert numbers(c.car).count(100) >= 2 or number <= 203
    assert_safe(c)


@pytest.mark.parametrize("number", [560, 570, 710])
def test_a_pilot_that_breaks_stops_at_once(number):
    c = charge(soc_start=50.0, soc_stop=90.0)
    run_to(c, number)
    c.plant.break_pilot(c.clock.time)
    c.run_until(c.clock.time + 20 * S)
    assert_safe(c)
    assert c.car.signals.v2g_state.value != "CurrentDemand"


@pytest.mark.parametrize("row", ["v2g", "tcp", "ipv6", "frame_rx", "sense", "vehicle", "connection"])
def test_a_task_that_raises_while_charging_ends_with_safe_outputs(row):
    c = charge(soc_start=50.0, soc_stop=90.0)
    run_to(c, 710)

    def broken(now):
        raise ZeroDivisionError("on purpose")
    next(r for r in c.car.kernel.rows if r.name == row).task = type("Broken", (), {"run": staticmethod(broken)})()
    c.run_until(c.clock.time + 1 * S)
    assert c.car.kernel.fault == row and not c.good
    assert c.car.signals.safety_trip.value          # latched until the plug is pulled
    c.run_until(c.clock.time + 20 * S)
    assert_safe(c)


def test_the_pcap_of_a_charge_is_understood_completely(tmp_path, capsys):
    path = tmp_path / "charge.pcap"
    with PcapWriter(path) as pcap:
        c = charge(pcap=pcap)
        c.run()
    assert decode([str(path), "--summary"]) == 0
    out = capsys.readouterr().out
    assert " 0 malformed" in out and "normal end" in out
    assert f"{c.car.recorder.frames} frames" in out


class Flags:
    """A frame sink that keeps the TCP flags of every segment."""

    def __init__(self):
        self.seen = []

    def write(self, at_ns, frame):
        if frame[12:14] == b"\x86\xdd" and frame[20] == 6:
            self.seen.append(frame[54 + 13])


def test_the_stream_ends_with_a_fin_from_each_side_and_no_reset():
    flags = Flags()
    c = charge(pcap=flags)
    c.run()
    assert sum(bool(f & FIN) for f in flags.seen) == 2 and not any(f & RST for f in flags.seen)


def test_phases_follow_the_checkpoints():
    found = phases([(1 * S, 100, ""), (2 * S, 170, ""), (2 * S, 100, ""), (5 * S, 200, ""), (6 * S, 905, "")])
    assert [(p.name, p.began, p.took) for p in found] == [("matching", S, S), ("joining", 2 * S, 3 * S), ("SDP", 5 * S, S)]


def test_what_begins_while_a_later_phase_goes_on_is_no_phase_of_its_own():
    found = phases([(1 * S, 570, ""), (2 * S, 700, ""), (4 * S, 590, ""), (9 * S, 800, ""), (10 * S, 905, "")])      # a lamp, switched on late
    assert [(p.name, p.began, p.took) for p in found] == [("precharge", S, S), ("charging", 2 * S, 7 * S), ("power off", 9 * S, S)]


def test_a_folder_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DriverError, match="--output"):
        SessionFolder(tmp_path / "file" / "x", ("pev",), "")
