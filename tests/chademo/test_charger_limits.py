"""How long each state of the charger's side may take, and what comes then (chademo sheet 2.2, 2.3)."""
import pytest

from kernel.timer import MS, S
from tasks.chademo import wire
from tasks.chademo.states import ROWS, Side
from tasks.stop_reasons import StopReason as R
from tests.chademo.bench import Bench, at

CYCLE = 100 * MS


def limited(state):
    """A bench in this state whose condition never comes; and when its limit began."""
    if state is Side.D1On:
        b = Bench()
        b.talks = False
        return b, b.to(state) + 10 * MS          # counts from the acknowledged d1
    b = at(state)
    if state is Side.Param:
        return b, b.at(Side.D1On) + 10 * MS
    if state is Side.WaitPower:
        return b, b.at(Side.Check)
    if state is Side.WaitRequest:
        return b, b.at(Side.Mate)
    if state is Side.Check:
        return b, b.at(Side.Param)
    return b, b.at(state)


@pytest.mark.parametrize("state, seconds, reason, then", [
    (Side.D1On, 6, R.CAR_NO_CAN, Side.StopEnd), (Side.Param, 8, R.CAR_NO_PERMISSION, Side.StopEnd), (Side.Check, 5, R.CAR_INCOMPATIBLE, Side.StopEnd),
    (Side.Locked, 3, R.CAR_PLUG_NOT_LOCKED, Side.StopEnd), (Side.WaitPower, 20, R.BRIDGE_NO_POWER, Side.StopEnd), (Side.D2On, 4, R.CAR_CONTACTORS, Side.StopD2),
    (Side.Mate, 3, R.BRIDGE_NOT_JOINED, Side.StopWd), (Side.WaitRequest, 4, R.CAR_NO_REQUEST, Side.StopWd)])
def test_every_limit_on_the_way_up(state, seconds, reason, then):
    b, since = limited(state)
    end = b.until(lambda: b.side.reason is not None, 30)
    assert b.at(then) == end and b.side.reason is reason
    assert abs(end - since - seconds * S) <= 20 * MS
    assert b.told and "None" not in b.told[-1]
    b.run(0.1)
    assert not b.sent or b.last(wire.ChargerStatus).status & wire.STOP_CONTROL


def test_param_takes_as_long_as_configured():
    b = at(Side.Param, permission_limit_s=10)
    b.until(Side.StopEnd)
    assert abs(b.now - b.at(Side.D1On) - 10 * S) <= 30 * MS


def test_the_limits_are_those_of_the_sheet():
    limits = {side: row.limit // MS for side, row in ROWS.items() if row.limit < 1 << 60}
    assert limits == {Side.D1On: 6000, Side.Check: 5000, Side.Locked: 3000, Side.WaitPower: 20_000, Side.D2On: 4000, Side.Mate: 3000, Side.WaitRequest: 4000,
                      Side.StopRamp: 10_000, Side.StopWd: 10_000, Side.StopD2: 5000, Side.StopEnd: 300}


def test_every_state_can_be_shown():
    assert set(ROWS) == set(Side)
    assert all(len(row.text) <= 20 and len(row.waits_for) <= 21 for row in ROWS.values())
    assert all(row.status & wire.STOP_CONTROL for side, row in ROWS.items() if side is not Side.Charge)
    assert all(row.d1 for row in ROWS.values() if row.d2) and all(row.lock for row in ROWS.values() if row.d2)


def test_a_current_that_does_not_end_is_urgent_after_2_5_s_and_ends_after_10():
    b = at(Side.StopRamp)
    begun = b.now
    b.until(lambda: b.side.urgent, 5)
    assert abs(b.now - begun - 2500 * MS) <= 20 * MS and b.statuses(begun + CYCLE) == [0x25]
    b.until(Side.StopWd)
    assert abs(b.now - begun - 10 * S) <= 20 * MS and b.side.wants_d1 and b.side.wants_d2


def test_scenario_38_a_car_that_does_not_report_its_contactors_open():
    b = at(Side.StopWd)
    b.facts.joined = False
    begun = b.now
    b.until(Side.StopD2)
    assert abs(b.now - begun - 10 * S) <= 20 * MS and b.side.welded and "welded?" in b.told[-1]
    b.until(Side.StopEnd)
    assert "stays locked" in b.told[-1] and abs(b.now - begun - 15 * S) <= 50 * MS
    b.run(0.1)
    assert b.last(wire.ChargerStatus).status == 0x24, "the plug is live: 109.5.2 stays (sheet 1.8)"


def test_d1_falls_half_a_second_after_d2_was_acknowledged_and_not_with_a_live_plug():
    b = at(Side.StopD2)
    b.run(1.0)
    assert b.side.wants_d1 and not b.side.wants_d2
    b.facts.d2 = False
    b.run(1.0)
    assert b.side.state is Side.StopD2
    b.facts.plug_voltage = 9.0
    b.until(Side.StopEnd)
    assert not b.side.wants_d1
    fast = at(Side.Ended)
    assert fast.at(Side.StopEnd) - fast.at(Side.StopD2) >= 500 * MS


def test_the_last_frames_say_0x20_for_300_ms():
    b = at(Side.Ended)
    last = [at for at, message in b.sent if type(message) is wire.ChargerStatus and message.status == 0x20 and at >= b.at(Side.StopEnd)]
    assert len(last) >= 3 and b.at(Side.Ended) - b.at(Side.StopEnd) >= 300 * MS
    count = len(b.sent)
    b.run(1.0)
    assert len(b.sent) == count
