"""pyPLC's frames on CAN: octets by hand, a number for each state of our machines, each number reachable, the pace."""
import random

import pytest

from kernel.journal import Journal
from kernel.timer import MS, S
from tasks.can_info import info_number as n
from tasks.can_info.info_number import HOLD, InfoNumber
from tasks.can_info.task import CanInfoTask
from tasks.can_info.wire import Car, Status, Values
from tasks.connection.ladder import State as Ladder
from tasks.homeplug.slac_evse import State as Slac
from tasks.signals import Signals
from tasks.stop_reasons import StopReason
from tasks.v2g.evse_states import Evse


def test_octets():
    assert Status(13, 43.4).emit() == bytes.fromhex("0d2b223344556677") and Status(1, None).emit() == bytes.fromhex("01ff223344556677")
    assert Values(398.0, 60.4, 301.5, 10).emit() == bytes.fromhex("8e013c002e010a00") and Values(None, -3.0, 0, 1e9).emit() == bytes.fromhex("ffff00000000feff")
    assert Car(bytes.fromhex("d827ba112233"), 258).emit() == bytes.fromhex("d827ba1122330201")
    assert Car(None, None).emit() == Car(b"12345", 65535).emit() == Car(None, -1).emit() == bytes(6) + b"\xff\xff"
    assert Status(1, 250).emit()[1] == 100 and Status(1, -1).emit()[1] == 0


@pytest.mark.parametrize("table, states", [(n.CONNECTION, Ladder), (n.LINK, Slac), (n.V2G, Evse)])
def test_each_state_has_its_number(table, states):
    assert set(table) == {state.name for state in states}
    assert {state for _, state in n.PASSED} <= {s.name for machine in (Ladder, Slac, Evse) for s in machine}


def test_each_number_of_pyplc_is_told_at_some_time():
    told = {*n.CONNECTION.values(), *n.LINK.values(), *n.V2G.values(), *n.PASSED.values(), n.TCP_BROKEN}
    assert told == set(range(1, 23))


def test_a_session_from_plug_to_stop():
    number, now, told = InfoNumber(), 0, []

    def see(connection, link, v2g, reason=None, wait=HOLD):
        nonlocal now
        for _ in range(2):
            shown = number.update(connection, link, v2g, reason, now)
            if not told or told[-1] != shown:
                told.append(shown)
            now += wait
    see(None, None, None)
    see("Unplugged", "Off", None)
    see("Preparing", "WaitKey", None)
    see("Matching", "WaitParm", None)
    see("Matching", "Matching", None)
    see("Matching", "WaitLink", None)
    see("Discovering", "Matched", None)
    for state in ("Idle", "SessionSetup", "ServiceDiscovery", "ServicePaymentSelection", "ContractAuthentication", "ChargeParameterDiscovery", "CableCheck",
                  "PreCharge", "PowerDelivery", "CurrentDemand", "WeldingDetection", "SessionStop"):
        see("Session", "Matched", state)
    see("Ending", "Matched", "Ended", StopReason.CAR_STOP)
    see("Finished", "Off", "Ended", StopReason.CAR_STOP)
    assert told == [1, 20, 21, 22, 18, 19, 1, 3, 4, 5, 6, 11, 8, 9, 10, 7, 13, 14, 15, 2, 16]
    assert number.update("Pausing", "Off", "Ended", StopReason.TCP_RESET, now) == 17


def test_what_is_passed_ends_early_when_the_next_comes():
    number = InfoNumber()
    assert number.update("Session", "Matched", "Idle", None, 0) == 19 == number.update("Session", "Matched", "Idle", None, HOLD - 1)
    assert number.update("Session", "Matched", "Idle", None, HOLD) == 1
    assert number.update("Session", "Matched", "Authorization", None, HOLD) == 6
    assert number.update("Session", "Matched", "ChargeParameterDiscovery", None, HOLD + 1) == 8
    assert number.update("Session", "Matched", "Quux", None, HOLD + 2) == 1 and number.update("Quux", None, None, None, HOLD + 3) == 2


class Port:
    def __init__(self):
        self.errors = 0
        self.frames = []
        self.takes = True

    def send(self, id, data, extended, now):
        self.frames.append((now, id, data))
        assert len(data) == 8 and not extended
        return self.takes

    def receive(self, limit, now):
        raise AssertionError("nothing is to be heard")


def test_the_pace_and_the_values():
    s, port = Signals(), Port()
    claims = {name: getattr(s, name).claim("test") for name in ("ev_soc", "ev_target_voltage", "ev_target_current", "output_voltage", "output_current", "evccid",
                                                               "peer_mac", "connection_state", "v2g_state")}
    task = CanInfoTask(port, s, Journal(), 7)
    now, wanted = 0, 0
    while now <= 3 * S:
        for name, value in (("ev_soc", 50.0), ("ev_target_voltage", 398.0), ("ev_target_current", 60.0), ("output_voltage", 301.0), ("output_current", 10.0)):
            claims[name].set(value, now)
        if now >= wanted:
            wanted = task.run(now)
        now += 10 * MS
    times = [at for at, id, _ in port.frames if id == 0x678]
    assert times == list(range(0, 3 * S + 1, 30 * MS)) == [at for at, id, _ in port.frames if id == 0x679]
    assert [at for at, id, _ in port.frames if id == 0x67A] == [0, 900 * MS, 1800 * MS, 2700 * MS]
    assert port.frames[-1][2] == Values(398, 60, 301, 10).emit() and port.frames[-2][2] == Status(1, 50).emit()
    claims["peer_mac"].set(b"peerma", now)
    claims["connection_state"].set("Session", now)
    claims["v2g_state"].set("CableCheck", now)
    now += 10 * S
    port.frames.clear()
    task.run(now)
    assert [data for _, _, data in port.frames] == [Status(19, 50).emit(), Values(None, None, None, None).emit(), Car(b"peerma", 7).emit()], "old values are unknown"
    claims["evccid"].set(b"evccid", now)
    task.run(now + S)
    assert port.frames[-1][2] == Car(b"evccid", 7).emit() and port.frames[-3][2] == Status(9, 50).emit()


def test_a_bus_that_takes_nothing_is_noted_once_a_second():
    s, port, journal, lines = Signals(), Port(), Journal(), []
    journal.add_sink(lines.append)
    port.takes = False
    task = CanInfoTask(port, s, journal)
    for now in range(0, 5 * S, 10 * MS):
        task.run(now)
    journal.flush()
    assert task.refused > 300 and 1 <= len(lines) <= 6


def test_late_calls_never_burst():
    rng, port, s = random.Random(3), Port(), Signals()
    task, now = CanInfoTask(port, s, Journal()), 0
    for _ in range(1000):
        now += rng.choice((0, MS, 10 * MS, 5 * S))
        before = len(port.frames)
        assert task.run(now) > now and len(port.frames) - before <= 3
