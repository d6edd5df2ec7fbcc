"""What no honest neighbour sends: it changes nothing, and it is told with the MAC it came from."""
from __future__ import annotations

from kernel.timer import MS, S
from tasks.homeplug.events import KeyTaken, LinkFailed, ModemBack, Suspicious, UseKey
from tasks.homeplug.slac_evse import State
from tasks.machine import Note
from tasks.stop_reasons import StopReason

from tests.homeplug import test_slac_evse as charger
from tests.homeplug import test_slac_pev as car
from tests.homeplug.test_slac_evse import CARS, PEV, RUN
from tests.homeplug.test_slac_pev import EVSE, EVSE2


def test_a_key_that_nobody_asked_for_is_told_and_not_taken():
    s = car.matching()
    s.give(car.match_cnf(s, EVSE2))
    assert [(e.mac, "did not ask" in e.text) for e in s.events(Suspicious)] == [(EVSE2, True)]
    s.give(car.match_cnf(s))
    s.give(car.match_cnf(s))
    assert len(s.events(Suspicious)) == 1, "the charger's own repetition is honest"


def test_two_results_of_one_charger_that_differ_are_told_and_the_first_counts():
    s = car.collecting()
    s.give(car.atten(s))
    s.give(car.atten(s, aag=bytes((1,)) * 58))
    assert [e.mac for e in s.events(Suspicious)] == [EVSE]
    s.run_to(s.now + 700 * MS)
    assert s.machine.attenuation == 12.0


def test_a_request_for_the_key_in_the_middle_of_a_session_is_told():
    s = charger.matched()
    s.give(charger.match(s, CARS[3], RUN))
    s.give(charger.match(s, CARS[0], bytes(8)))
    assert [e.mac for e in s.events(Suspicious)] == [CARS[3], CARS[0]] and s.machine.peer_mac == CARS[0]
    s.give(charger.match(s))
    assert len(s.events(Suspicious)) == 2


def test_e13_our_own_car_begins_again_when_its_link_is_dead():
    s = charger.matched()
    s.call(s.machine.vouch)
    s.run_to(s.now + 5 * S - 1)
    charger.parm(s)                                                # somebody under its address, or it is confused: V2G messages were heard just now
    assert s.machine.state is State.Matched and [e.mac for e in s.events(Suspicious)] == [PEV]
    s.run_to(s.now + 1)
    charger.parm(s, CARS[1])
    assert s.machine.state is State.Matched, "never a neighbour's car"
    charger.parm(s)
    assert s.events(LinkFailed) == [LinkFailed(StopReason.LINK_LOST)] and len(s.events(UseKey)) == 2
    s.call(s.machine.start)
    s.give(KeyTaken())
    s.give(ModemBack())
    charger.parm(s)
    assert s.machine.state is State.Matching


def test_a_flood_of_requests_keeps_no_car_away_that_goes_on():
    """100 requests a second, each from another address: whoever sounds and answers is not dropped for them."""
    s = charger.ready()
    flood = iter(range(10_000))

    def pass_time(until):
        while s.now < until:
            s.run_to(s.now + 10 * MS)
            charger.parm(s, b"\2\6" + next(flood).to_bytes(4, "big"))
    pass_time(S)
    charger.parm(s)
    pass_time(s.now + 200 * MS)                            # CM_START_ATTEN_CHAR.IND up to 215 ms later (sheet 8.2)
    charger.start(s)
    charger.profiles(s, 10)
    pass_time(s.now + 100 * MS)
    charger.rsp(s)
    pass_time(s.now + 900 * MS)
    charger.match(s)
    assert s.machine.peer_mac == PEV


def test_while_the_modems_join_the_chargers_repetition_says_nothing_new_and_another_key_is_told():
    s = car.joining()
    steps, keys = s.checkpoints(), len(s.events(UseKey))
    s.give(car.match_cnf(s))
    assert s.checkpoints() == steps and s.events(Suspicious) == []
    s.give(car.match_cnf(s, nmk=bytes(16)))
    s.give(car.match_cnf(s, EVSE2))
    assert [e.mac for e in s.events(Suspicious)] == [EVSE, EVSE2]
    assert s.checkpoints() == steps and len(s.events(UseKey)) == keys


def test_a_flood_of_empty_results_does_not_fill_the_journal():
    s = car.collecting()
    for _ in range(50):
        s.give(car.atten(s, aag=bytes(58)))
    assert sum("no attenuation" in e.text for e in s.events(Note)) == 9 and s.machine.ignored == 50
