"""A complete ISO 15118-2 charge in virtual time, with every invariant at every step: order, stops and losses in every phase, as in DIN 70121."""
from __future__ import annotations

import dataclasses

import pytest

from drivers.capture_file import PcapWriter
from drivers.sim.link import LinkConfig
from kernel.timer import MS, S
from tasks.config import Config
from tasks.messages import StopSession
from tasks.stop_reasons import StopReason
from tests.sessions.charges import assert_safe, charge, run_to
from tests.sessions.test_charge import CAR_SEQUENCE, CHARGER_SEQUENCE, is_subsequence, numbers
from tools.decode.__main__ import main as decode
from tools.simulate import invariants as i

PHASES = [400, 500, 510, 520, 530, 540, 555, 560, 570, 590, 600, 710, 800, 850]


def iso2(car=("iso2",), charger=("iso2",), **more):
    config = Config()
    config.ev.protocols, config.evse.protocols = list(car), list(charger)
    return charge(config=config, **more)


def test_a_charge_passes_every_checkpoint_in_order_and_ends_full():
    c = iso2()
    c.run()
    assert c.good and c.reason is StopReason.BATTERY_FULL
    assert is_subsequence(CAR_SEQUENCE, numbers(c.car)) and is_subsequence(CHARGER_SEQUENCE, numbers(c.charger))
    assert_safe(c)
    assert not c.plant.pilot.plugged


@pytest.mark.parametrize("car, charger, spoken", [
    (["din", "iso2"], ["din", "iso2"], "DIN 70121"), (["iso2", "din"], ["din", "iso2"], "ISO 15118-2"), (["din", "iso2"], ["iso2"], "ISO 15118-2"),
    (["iso2", "din"], ["din"], "DIN 70121"), (["din"], ["din", "iso2"], None)])
def test_what_is_agreed_charges(car, charger, spoken):
    c = iso2(car, charger)
    told = []
    c.car.journal.add_sink(lambda e: told.append(e.message()))
    c.run()
    c.car.journal.flush()
    assert c.reason is StopReason.BATTERY_FULL and (spoken is None or f"protocol: {spoken}" in told)
    assert_safe(c)


def test_no_common_protocol_is_told_and_tried_again_with_pauses():
    c = iso2(["iso2"], ["din"])
    c.run_until(100 * S)
    assert c.car.signals.stop_reason.value is StopReason.NO_COMMON_PROTOCOL and numbers(c.car).count(400) > 1
    assert_safe(c)


@pytest.mark.parametrize("drop", [0.0, 5.0])
def test_equal_seeds_give_identical_traces(drop):
    def trace(seed):
        c = iso2(seed=seed, link=LinkConfig(drop_percent=drop, delay_us=500))
        c.run()
        return c.trace_hash(), c.good
    first = trace(3)
    assert first == trace(3) and first[1] and first[0] != trace(4)[0]


@pytest.mark.parametrize("number", PHASES)
def test_the_user_may_stop_in_every_phase(number):
    c = iso2(soc_start=50.0, soc_stop=55.0)
    run_to(c, number)
    c.stop()
    c.run(c.clock.time + 60 * S)
    assert c.reason in (StopReason.USER_STOP, StopReason.BATTERY_FULL), c.reason
    assert c.car.signals.safety_trip.value in (None, "")
    assert_safe(c)


def test_the_user_may_stop_at_the_charger():
    c = iso2(soc_start=50.0, soc_stop=90.0)
    run_to(c, 710)
    c.charger.table.user.put(StopSession(StopReason.USER_STOP))
    c.run(c.clock.time + 60 * S)
    assert c.reason is StopReason.CHARGER_STOP and 905 in numbers(c.car)
    assert_safe(c)


@pytest.mark.parametrize("number", [400, 520, 540, 560, 570, 600, 710])
def test_a_dead_line_ends_safely_and_charges_again_when_it_is_back(number):
    c = iso2(soc_start=50.0, soc_stop=51.0)
    run_to(c, number)
    c.link.up = False
    c.run_until(c.clock.time + 40 * S)
    assert_safe(c)
    c.link.up = True
    c.run(c.clock.time + 300 * S)
    assert c.reason is StopReason.BATTERY_FULL
    assert_safe(c)


@pytest.mark.parametrize("number", [560, 570, 710])
def test_a_pilot_that_breaks_stops_at_once(number):
    c = iso2(soc_start=50.0, soc_stop=90.0)
    run_to(c, number)
    c.plant.break_pilot(c.clock.time)
    c.run_until(c.clock.time + 20 * S)
    assert_safe(c)
    assert c.car.signals.v2g_state.value != "CurrentDemand"


@pytest.mark.parametrize("who", ["car", "charger"])
def test_a_renegotiation_in_the_middle_keeps_charging(who):
    c = iso2(soc_start=50.0, soc_stop=51.0)
    run_to(c, 710)
    c.run_until(c.clock.time + 2 * S)
    task = next(row.task for row in getattr(c, who).kernel.rows if row.name == "v2g")
    task.side._machine.renegotiate(c.clock.time)
    c.run(c.clock.time + 300 * S)
    assert c.reason is StopReason.BATTERY_FULL and numbers(c.car).count(740) == 1
    assert numbers(c.car).count(560) == 1, "no second cable check"
    assert_safe(c)


def _asks_on(c):
    c.invariants.talks["pev"].trip = "on purpose"


def _other_session(c):
    next(row.task for row in c.car.kernel.rows if row.name == "v2g")._session._turn.session_id = b"stranger"


@pytest.mark.parametrize("sentence, sabotage", [(i.NO_REQUEST, _asks_on), (i.FOREIGN_SESSION, _other_session)])
def test_the_invariants_hear_iso2_too(sentence, sabotage):
    c = iso2(soc_start=50.0, soc_stop=90.0)
    run_to(c, 710)
    c.run_until(c.clock.time + 1100 * MS)
    assert not c.invariants.broken
    sabotage(c)
    c.run_until(c.clock.time + 3 * S)
    assert sentence in {b.sentence for b in c.invariants.broken}


def test_the_pcap_of_a_charge_is_understood_completely(tmp_path, capsys):
    path = tmp_path / "charge.pcap"
    with PcapWriter(path) as pcap:
        c = iso2(pcap=pcap)
        c.run()
    assert decode([str(path), "--summary"]) == 0
    out = capsys.readouterr().out
    assert " 0 malformed" in out and "normal end" in out and "ISO 15118-2" in out


class Mute:
    """A charger's handshake that agrees without saying to which offer."""

    def __init__(self, handshake, offers):
        self._handshake, self._offers = handshake, offers

    def __getattr__(self, name):
        return getattr(self._handshake, name)

    def receive(self, message, now):
        self._offers.append(len(message.AppProtocol))
        self._handshake.receive(message, now)

    def outgoing(self):
        return [dataclasses.replace(m, SchemaID=None) for m in self._handshake.outgoing()]


def test_a_charger_that_agrees_without_saying_to_what_is_asked_for_each_protocol_alone():
    c, offers = iso2(["din", "iso2"], ["iso2"]), []
    side = next(row.task for row in c.charger.kernel.rows if row.name == "v2g").side
    fresh = side.new_session

    def mute():
        session = fresh()
        session._handshake = session._turn = Mute(session._handshake, offers)
        return session
    side.new_session = mute
    c.run(400 * S)
    assert c.reason is StopReason.BATTERY_FULL and offers == [2, 1, 1]
    assert_safe(c)
