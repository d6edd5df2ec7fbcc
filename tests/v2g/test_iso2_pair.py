"""Two whole V2G tasks, our car and our charger, in ISO 15118-2: DC, AC, renegotiation by either side, pause and resume."""
from __future__ import annotations

import pytest

from kernel.timer import S
from tasks.messages import StopSession
from tasks.stop_reasons import StopReason as R

from tests.v2g.pair import Pair

ISO2 = {"protocols": ["iso2"]}
AC = dict(ISO2, energy_transfer_modes=["AC_three_phase_core"])


def meet(ev=ISO2, evse=ISO2, hook=None, split=None):
    pair = Pair(split=split, ev=ev, evse=evse).connect()
    pair.hook = hook
    return finish(pair)


def finish(pair):
    return pair.until(lambda p: p.car.ended and p.charger.ended, limit=200 * S)


def fill(pair):
    if pair.car.state == "CurrentDemand":
        pair.soc = min(100.0, pair.soc + 0.05)


class Once:
    """Charge, and at the `after`-th tick in `state` do something."""

    def __init__(self, state, after, deed):
        self.state, self.left, self.deed = state, after, deed

    def __call__(self, pair):
        fill(pair)
        if pair.car.state == self.state:
            self.left -= 1
            if self.left == 0:
                self.deed(pair)


@pytest.mark.parametrize("split", [None, 7])
@pytest.mark.parametrize("offers", [["iso2"], ["iso2", "din"]])
def test_a_whole_dc_session(offers, split):
    pair = meet({"protocols": offers}, {"protocols": ["din", "iso2"]}, fill, split)
    assert pair.car.ended == pair.charger.ended == (R.BATTERY_FULL, True)


def test_a_whole_ac_session():
    pair = meet(AC, AC, Once("ChargingStatus", 500, lambda p: p.charger.commands.put(StopSession(R.USER_STOP))))
    assert pair.car.ended == (R.CHARGER_STOP, True) and pair.charger.ended == (R.USER_STOP, True)


@pytest.mark.parametrize("who", ["car", "charger"])
def test_renegotiation(who):
    pair = meet(hook=Once("CurrentDemand", 200, lambda p: getattr(p, who).task.side._machine.renegotiate(p.now)))
    assert pair.car.ended == pair.charger.ended == (R.BATTERY_FULL, True) and 785 in pair.charger.checkpoints
    assert (780 in pair.charger.checkpoints) is (who == "charger")


def test_pause_and_resume():
    pair = meet(hook=Once("CurrentDemand", 300, lambda p: p.car.commands.put(StopSession(R.PAUSED))))
    assert pair.car.ended == (R.PAUSED, True) and pair.charger.ended == (R.CAR_PAUSE, True)
    first = pair.car.task.side._machine.session_id
    for end in (pair.car, pair.charger):
        end.told.clear()
    pair.hook = fill
    finish(pair.connect())
    assert pair.car.ended == pair.charger.ended == (R.BATTERY_FULL, True)
    assert pair.car.task.side._machine.session_id == pair.charger.task.side._machine.session_id == first


# --- metering receipts

@pytest.mark.parametrize("modes, loop", [(["DC_extended"], "CurrentDemand"), (["AC_three_phase_core"], "ChargingStatus")])
def test_receipts_are_asked_for_and_given_while_charging(modes, loop):
    ticks = []

    def hook(pair):
        ticks.append(pair.car.state == loop)
        if sum(ticks) == 1500:
            pair.car.commands.put(StopSession(R.USER_STOP))
        if loop == "ChargingStatus":
            pair.charger.set(pair.now, ac_energy=1234.6)
    pair = meet(ev=dict(ISO2, energy_transfer_modes=modes), evse=dict(ISO2, energy_transfer_modes=modes, receipt_interval_s=4), hook=hook)
    assert pair.car.ended == (R.USER_STOP, True) and pair.charger.ended[1]
    assert 730 in pair.car.checkpoints and 720 in pair.charger.checkpoints
    assert 2 <= sum("-> MeteringReceipt" in line.message() for line in pair.car.lines) <= 4
    assert not any("receipt says" in line.message() for line in pair.charger.lines)


def test_without_a_reading_no_receipt_is_asked_for():
    stopper = Once("ChargingStatus", 1000, lambda p: p.car.commands.put(StopSession(R.USER_STOP)))
    pair = meet(ev=AC, evse=dict(AC, receipt_interval_s=2), hook=stopper)
    assert pair.car.ended == (R.USER_STOP, True) and 730 not in pair.car.checkpoints
