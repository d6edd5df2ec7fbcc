"""Car against charger through the codec: whole sessions, split streams, garbage, leases, energy."""
from __future__ import annotations

from random import Random
from time import process_time

import pytest

from kernel.timer import MS, NEVER, S
from tasks.messages import AbortSession, SessionEstablished, StopSession, TcpClosed, TcpData
from tasks.stop_reasons import StopReason as R
from tasks.v2g import v2gtp
from tasks.v2g.timing import V2G_EVCC_CableCheck_Timeout

from tests.v2g.pair import CONNECTED, Pair


def charging(**more):
    return Pair(**more).connect().until(lambda p: p.car.state == p.charger.state == "CurrentDemand")


def both_ended(pair):
    return pair.car.ended is not None and pair.charger.ended is not None


@pytest.mark.parametrize("split", [None, 1, 7, 13])
def test_a_session_from_handshake_to_session_stop(split):
    pair = charging(split=split).run(5 * S)
    assert pair.charger.signals.output_request.value.current == 100.0
    assert pair.car.signals.evse_present_current.value == 100.0 and pair.charger.signals.ev_soc.value == 50
    assert pair.charger.signals.evccid.value == bytes.fromhex("020000000001")
    pair.car.commands.put(StopSession(R.USER_STOP))
    pair.until(both_ended)
    assert pair.car.ended == (R.USER_STOP, True) and pair.charger.ended == (R.CAR_STOP, True)
    assert [type(e) for e in pair.car.told].count(SessionEstablished) == 1
    for name in ("pilot_c_request", "contactor_request", "lock_request"):
        assert getattr(pair.car.signals, name).get(pair.now) is None, name
    assert pair.charger.signals.output_request.get(pair.now) is None
    pair.run(3 * S)
    assert pair.car.due == pair.charger.due == NEVER         # nothing is left to do


def test_checkpoints_of_both_ends_interleave_as_the_list_says():
    pair = charging().run(1 * S)
    pair.car.commands.put(StopSession(R.USER_STOP))
    pair.until(both_ended)
    numbers = sorted({*pair.car.checkpoints, *pair.charger.checkpoints})
    assert numbers == [400, 401, 402, 403, 500, 505, 506, 510, 515, 520, 525, 530, 536, 538, 540, 545, 550, 555, 556, 560, 561, 565, 566,
                       570, 575, 580, 581, 582, 590, 600, 605, 700, 705, 710, 800, 805, 806, 810, 850, 855, 900, 905]


def test_full_battery_ends_the_session():
    pair = charging()
    pair.soc = 98.0
    pair.until(both_ended)
    assert pair.car.ended == (R.BATTERY_FULL, True) and pair.charger.ended == (R.BATTERY_FULL, True)


def test_charger_stop_ends_the_session():
    pair = charging()
    pair.charger.commands.put(StopSession(R.USER_STOP))
    pair.until(both_ended)
    assert pair.car.ended == (R.CHARGER_STOP, True) and pair.charger.ended == (R.USER_STOP, True)
    assert 790 in pair.car.checkpoints and 790 in pair.charger.checkpoints


@pytest.mark.parametrize("who", ["car", "charger"])
def test_a_stop_at_any_time_ends_both_in_bounded_time(who):
    for tick in range(0, 400, 7):
        pair = Pair().connect().run(tick * 10 * MS)
        getattr(pair, who).commands.put(StopSession(R.USER_STOP))
        pair.until(both_ended, 20 * S)
        assert getattr(pair, who).ended[0] is R.USER_STOP
        assert pair.charger.signals.output_request.get(pair.now) is None and pair.car.signals.contactor_request.get(pair.now) is None


@pytest.mark.parametrize("reason, expected", [(None, R.TCP_CLOSED), (R.TCP_RESET, R.TCP_RESET)])
def test_lost_stream_releases_everything_at_once(reason, expected):
    pair = charging()
    pair.car.stream.put(TcpClosed(reason))
    pair.charger.stream.put(TcpClosed(reason))
    pair.run(10 * MS)
    assert pair.car.ended == (expected, False) and pair.charger.ended == (expected, False)
    assert pair.car.signals.contactor_request.get(pair.now) is None and pair.car.signals.pilot_c_request.get(pair.now) is None
    assert pair.charger.signals.output_request.get(pair.now) is None


def test_abort_from_below():
    pair = charging()
    pair.car.commands.put(AbortSession(R.UNPLUGGED))
    pair.run(10 * MS)
    assert pair.car.ended == (R.UNPLUGGED, False) and pair.car.signals.contactor_request.get(pair.now) is None


GARBAGE = [b"\xff" * 40, b"\x01\xfe\x80\x01\0\0\0\x05hello", v2gtp.emit(b"\x80"), v2gtp.emit(bytes(100)), v2gtp.emit(b"\x80\x9a\x02" + b"\xff" * 50),
           b"\x01\xfe\x80\x01\xff\xff\xff\xff"]


@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize("who", ["car", "charger"])
def test_garbage_ends_the_session_with_its_reason(who, garbage):
    pair = charging()
    end = getattr(pair, who)
    end.stream.put(TcpData(garbage))
    pair.run(10 * MS)
    assert end.ended == (R.BAD_MESSAGE, False) and end.task.undecodable == 1
    end.stream.put(TcpData(garbage))
    pair.run(10 * MS)
    assert end.task.stray >= 1
    assert pair.car.signals.contactor_request.get(pair.now) is None or who == "charger"


def test_damaged_octets_at_any_time_never_raise_and_always_end():
    rng = Random(11)
    for round_ in range(60):
        pair = Pair().connect().run(rng.randrange(0, 300) * 10 * MS)
        end = rng.choice([pair.car, pair.charger])
        if end.ended is None:
            end.stream.put(TcpData(v2gtp.emit(rng.randbytes(rng.randrange(1, 80)))))
        pair.until(both_ended, 130 * S)


def test_a_second_connection_is_a_new_session():
    pair = charging()
    pair.car.commands.put(StopSession(R.USER_STOP))
    pair.until(both_ended)
    pair.run(3 * S)
    pair.car.told.clear()
    pair.charger.told.clear()
    pair.connect().until(lambda p: p.car.state == p.charger.state == "CurrentDemand")
    assert pair.car.task.sessions == 2


def test_a_connection_over_a_living_session_ends_that_first():
    pair = charging()
    pair.car.stream.put(CONNECTED)
    pair.run(10 * MS)
    assert pair.car.told[1].reason is R.TCP_RESET and pair.car.task.sessions == 2


def test_octets_without_a_session_are_counted():
    pair = Pair()
    pair.car.stream.put(TcpData(b"x"))
    pair.run(10 * MS)
    assert pair.car.task.stray == 1


def test_leases_are_renewed_while_a_slow_charger_answers():
    pair = Pair(evse={"isolation_measure_ms": 8000}).connect()
    pair.until(lambda p: p.car.state == "CableCheck")
    held = []
    pair.hook = lambda p: held.append((p.car.signals.pilot_c_request.get(p.now), p.charger.signals.output_request.fresh(p.now)))
    pair.run(7 * S)
    assert all(c is True and fresh for c, fresh in held[10:])


def test_cable_check_that_never_ends_ends_the_session():
    pair = Pair().connect().until(lambda p: p.car.state == "CableCheck")
    pair.hook = lambda p: p.charger.set(p.now, isolation=None)
    begin = pair.now
    pair.until(both_ended, V2G_EVCC_CableCheck_Timeout + 1 * S)
    assert pair.charger.ended == (R.CABLE_CHECK_FAILED, False) and pair.car.ended == (R.CABLE_CHECK_FAILED, False)
    assert pair.now - begin >= 38 * S


def test_energy_is_counted():
    pair = charging().run(10 * S)
    pair.car.commands.put(StopSession(R.USER_STOP))
    pair.until(both_ended)
    expected = 360.0 * 100.0 * 10 / 3600
    assert pair.car.signals.session_energy.value == pytest.approx(expected, rel=0.06)
    assert pair.charger.signals.session_energy.value == pytest.approx(expected, rel=0.06)


def test_what_a_charger_draws_crosses_the_wire_and_is_counted_by_itself():
    """A negative EVSEPresentCurrent, through the codec."""
    pair = charging().run(10 * S)
    charged = pair.car.signals.session_energy.value
    assert pair.car.signals.session_energy_out.value is None
    pair.hook = lambda p: p.charger.set(p.now, output_current=-15.0)
    pair.run(20 * S)
    assert pair.car.signals.evse_present_current.value == -15.0
    assert pair.car.signals.session_energy_out.value == pytest.approx(360.0 * 15.0 * 20 / 3600, rel=0.06)
    assert pair.car.signals.session_energy.value == pytest.approx(charged, rel=0.06)


def test_minutes_of_charging_cost_little():
    """100 s, with the plant of this test; 0.1 s when the host is quiet, bounded generously because it may not be."""
    pair = charging()
    begin = process_time()
    pair.run(100 * S)
    assert pair.car.state == "CurrentDemand" and process_time() - begin < 5.0
