"""D-LINK_PAUSE of both matching machines: the key outlives the pause, the network comes back or is matched anew."""
from __future__ import annotations

import pytest

from kernel.timer import MS, S
from tasks.homeplug.events import LinkEstablished, LinkGone, LinkSeen, UnwatchLink, UseKey, WatchLink
from tasks.homeplug.slac_evse import State as Evse
from tasks.homeplug.slac_pev import State as Pev
from tasks.homeplug.wire import CM_SLAC_PARM_CNF, CM_SLAC_PARM_REQ

from tests.homeplug import test_slac_evse as charger
from tests.homeplug import test_slac_pev as car
from tests.homeplug.stepping import Stepper


# --- the charger

def charger_asleep() -> Stepper:
    s = charger.matched()
    s.seen.clear()
    s.call(s.machine.pause)
    assert s.machine.state is Evse.Paused and s.events(UnwatchLink) and not s.events(UseKey), "the key stays"
    return s


def test_charger_a_network_that_comes_back_after_a_pause_needs_no_matching():
    s = charger_asleep()
    s.call(s.machine.resume)
    assert s.machine.state is Evse.Resume and s.events(WatchLink)
    s.run_to(s.now + 5999 * MS)
    s.give(LinkSeen())
    assert s.machine.state is Evse.Matched and 191 in s.checkpoints() and 190 not in s.checkpoints()
    assert s.events(LinkEstablished)[-1].peer_mac == charger.PEV and not s.events(UseKey)
    s.run_to(s.now + 60 * S)
    assert s.machine.state is Evse.Matched


def test_charger_one_that_does_not_come_back_is_matched_anew_with_a_new_key():
    s = charger_asleep()
    nid = s.machine.nid
    s.call(s.machine.resume)
    s.run_to(s.now + 6 * S)
    assert s.machine.state is Evse.WaitKey and s.events(UseKey)[-1].nid != nid


@pytest.mark.parametrize("who, anew", [(charger.PEV, True), (charger.CARS[1], False)])
def test_charger_the_own_car_may_match_anew_at_once_a_neighbour_may_not(who, anew):
    s = charger_asleep()
    s.call(s.machine.resume)
    charger.parm(s, who)
    assert (s.machine.state is Evse.WaitKey) is anew and bool(s.events(UseKey)) is anew
    assert not s.times(CM_SLAC_PARM_CNF)[1:], "nothing is answered before the modem has the new key"


def test_charger_pause_and_resume_out_of_their_order_are_stop_and_start():
    s = charger.ready()
    s.call(s.machine.pause)
    assert s.machine.state is Evse.Off
    s.call(s.machine.resume)
    assert s.machine.state is Evse.WaitParm
    s = charger_asleep()
    s.call(s.machine.stop)
    assert s.machine.state is Evse.Off and s.events(UseKey), "left with a new key"


def test_charger_asleep_nothing_is_heard_and_nothing_said():
    s = charger_asleep()
    sent = len(s.sent)
    charger.parm(s)
    s.give(LinkGone())
    s.run_to(s.now + 3600 * S)
    assert s.machine.state is Evse.Paused and len(s.sent) == sent


# --- the car

def car_asleep() -> Stepper:
    s = car.joining()
    s.give(LinkSeen())
    s.seen.clear()
    s.call(s.machine.pause)
    assert s.machine.state is Pev.Paused and s.events(UnwatchLink) and not s.events(UseKey), "the key stays"
    return s


def test_car_a_network_that_comes_back_after_a_pause_needs_no_matching():
    s = car_asleep()
    asked = len(s.times(CM_SLAC_PARM_REQ))
    s.run_to(s.now + 3600 * S)
    s.call(s.machine.resume)
    assert s.machine.state is Pev.Resume and s.events(WatchLink)
    s.run_to(s.now + 5999 * MS)
    s.give(LinkSeen())
    assert s.machine.state is Pev.Matched and 191 in s.checkpoints()
    assert s.events(LinkEstablished)[-1].peer_mac == car.EVSE and len(s.times(CM_SLAC_PARM_REQ)) == asked and not s.events(UseKey)


def test_car_one_that_does_not_come_back_is_left_and_matched_anew():
    s = car_asleep()
    s.call(s.machine.resume)
    s.run_to(s.now + 6 * S)
    assert s.machine.state is Pev.Parm and s.events(UseKey)[-1].nid != car.NID and s.sent[-1][0] == s.now


def test_car_pause_and_resume_out_of_their_order_are_stop_and_start():
    s = car.collecting()
    s.call(s.machine.pause)
    assert s.machine.state is Pev.Off
    s.call(s.machine.resume)
    assert s.machine.state is Pev.Parm
    s = car_asleep()
    s.call(s.machine.stop)
    assert s.machine.state is Pev.Off and s.events(UseKey), "left with a random key"


def test_car_asleep_nothing_is_heard_and_nothing_said():
    s = car_asleep()
    sent, ignored = len(s.sent), s.machine.ignored
    for message in (car.parm_cnf(s), car.atten(s), car.match_cnf(s), LinkGone()):
        s.give(message)
    assert s.machine.state is Pev.Paused and len(s.sent) == sent and s.machine.ignored == ignored + 3
