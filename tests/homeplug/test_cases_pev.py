"""Cases of our car against scripted chargers: messages lost, late or odd, and how late the link may be (sheet 9: P02, P03, P07, P09 to P14, P18)."""
from __future__ import annotations

import dataclasses

import pytest

from tasks.homeplug.events import KeyTaken, KeyUnanswered, LinkFailed, LinkSeen
from kernel.timer import MS, S
from tasks.homeplug.slac_pev import State
from tasks.homeplug.wire import (CM_ATTEN_CHAR_IND, CM_ATTEN_CHAR_RSP, CM_MNBC_SOUND_IND, CM_SLAC_MATCH_CNF, CM_SLAC_MATCH_REQ, CM_SLAC_PARM_CNF,
                                 CM_SLAC_PARM_REQ, CM_START_ATTEN_CHAR_IND)
from tasks.stop_reasons import StopReason
from tools.simulate.slac.personalities import CHARGERS

from tests.homeplug.meeting import Meeting
from tests.homeplug.test_slac_pev import joining

ALPITRONIC = CHARGERS["alpitronic-2022"]


def run_ids(meeting: Meeting) -> int:
    """How many RunIDs our car has used: one for each attempt."""
    return len({m.run_id for _, m in meeting.passed() if type(m) is CM_SLAC_PARM_REQ})


@pytest.mark.parametrize("lost, asked, attempts", [(1, [0, 200], 1), (2, [0, 200, 400], 1), (3, [0, 200, 400, 1800], 2)])
def test_lost_confirmations_are_asked_for_again(lost, asked, attempts):
    """P02. Two retries after TT_match_response; then a new attempt at the slow cadence, with a RunID of its own."""
    meeting = Meeting(ALPITRONIC).lose(CM_SLAC_PARM_CNF, *range(1, 2 * lost + 1), theirs=True).run()      # both answers: each request goes out twice
    assert meeting.matched and meeting.times(CM_SLAC_PARM_REQ) == [at + again for at in asked for again in (0, 10)] and run_ids(meeting) == attempts
    assert len(meeting.times(CM_START_ATTEN_CHAR_IND)) == 3 and meeting.peer.objections == []


def test_a_confirmation_after_the_retry_counts_for_both():
    """P03. Compleo, 216 ms once: two requests (their copies are lost), two confirmations, one batch."""
    meeting = Meeting(CHARGERS["compleo-late-cnf"]).lose(CM_SLAC_PARM_REQ, 2, 4).run()
    assert meeting.matched and meeting.times(CM_SLAC_PARM_REQ) == [0, 200] and run_ids(meeting) == 1
    confirmed = meeting.times(CM_SLAC_PARM_CNF)
    assert max(confirmed) >= 216 and len(confirmed) == 2 and meeting.times(CM_START_ATTEN_CHAR_IND)[0] - confirmed[0] <= 100


@pytest.mark.parametrize("lost, heard_at", [(1, 1), (2, 2), (3, None)])
def test_a_lost_result_is_repeated_by_the_charger(lost, heard_at):
    """P07. All three lost: the attempt ends at TT_EV_atten_results, the next one has a new RunID (P08)."""
    meeting = Meeting(ALPITRONIC).lose(CM_ATTEN_CHAR_IND, *range(1, lost + 1), theirs=True).run()
    assert meeting.matched and run_ids(meeting) == (2 if heard_at is None else 1)
    if heard_at is None:
        second = meeting.times(CM_SLAC_PARM_REQ)[2]
        assert second - meeting.times(CM_START_ATTEN_CHAR_IND)[0] == 1600       # TT_EV_atten_results and TT_matching_rate


@pytest.mark.parametrize("lost", [1, 2])
def test_every_repeated_result_is_answered_again(lost):
    """P07, the other way: our CM_ATTEN_CHAR.RSP is lost, so the charger repeats its result every 205 ms."""
    meeting = Meeting(ALPITRONIC).lose(CM_ATTEN_CHAR_RSP, *range(1, lost + 1)).run()
    assert meeting.matched and len(meeting.times(CM_ATTEN_CHAR_IND)) == lost + 1 and meeting.peer.objections == []


@pytest.mark.parametrize("place", [1, 5, 10])
def test_a_result_of_nine_sounds_counts(place):
    """P09. One sound is lost: a Compleo and an alpitronic report 9 at START1 + 610 ms, as in the capture of 2023-04-19."""
    for name in ("compleo-2023", "alpitronic-westpark"):
        meeting = Meeting(CHARGERS[name]).lose(CM_MNBC_SOUND_IND, place).run()
        result = next(m for _, m in meeting.passed() if type(m) is CM_ATTEN_CHAR_IND)
        assert meeting.matched and result.num_sounds == 9 and run_ids(meeting) == 1
        assert meeting.columns()["ind_from_start"] == pytest.approx(610, abs=2)


def test_five_sounds_and_a_time_out_of_ten_are_obeyed():
    """P10."""
    meeting = Meeting(CHARGERS["five-sounds"]).run()
    starts = [m for _, m in meeting.passed() if type(m) is CM_START_ATTEN_CHAR_IND]
    assert meeting.matched and {(m.num_sounds, m.time_out) for m in starts} == {(5, 10)}
    assert [m.cnt for _, m in meeting.passed() if type(m) is CM_MNBC_SOUND_IND] == [4, 3, 2, 1, 0]


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_lost_match_confirmations_are_asked_for_again(lost):
    """P11. Three transmissions 200 ms apart; after three lost ones a new attempt, whose CNF is the same charger's."""
    meeting = Meeting(ALPITRONIC).lose(CM_SLAC_MATCH_CNF, *range(1, lost + 1), theirs=True)
    if lost == 3:
        meeting.peer.on_CM_SLAC_PARM_REQ = forgetful(meeting.peer)
    meeting.run()
    asked = meeting.times(CM_SLAC_MATCH_REQ)
    assert meeting.matched and [b - a for a, b in zip(asked, asked[1:3])] == [200.0] * min(lost, 2) and run_ids(meeting) == (2 if lost == 3 else 1)


def forgetful(charger):
    """A charger that takes the same car's new CM_SLAC_PARM.REQ although it has confirmed a match (sheet 2.2, its exception)."""
    answer = charger.on_CM_SLAC_PARM_REQ

    def take(m, now):
        charger.matched = None
        answer(m, now)
    return take


def test_a_nid_that_does_not_follow_is_used_as_it_came():
    """P12. pyPLC and Foccci send one; both ends then have it."""
    meeting = Meeting(ALPITRONIC).tamper(lambda m: dataclasses.replace(m, nid=b"\1\2\3\4\5\6\7") if type(m) is CM_SLAC_MATCH_CNF else m, theirs=True)
    meeting.run(3 * S)
    assert meeting.ours.nic.modem.nid == b"\1\2\3\4\5\6\7" and any("NID does not follow" in text for text in meeting.warnings())


def test_a_modem_that_never_confirms_its_key_is_left_to_the_link_test():
    """P13, the third of its answers (0 and 1: tests/homeplug/test_modem.py): joined all the same when the link is seen."""
    for told in (KeyTaken(), KeyUnanswered()):
        s = joining()
        s.give(told)
        s.run_to(s.now + 11 * S)
        s.give(LinkSeen())
        assert s.machine.state is State.Matched


@pytest.mark.parametrize("after, state", [(0.2, State.Matched), (8.0, State.Matched), (11.9, State.Matched), (12.1, State.Pause)])
def test_the_link_may_take_twelve_seconds(after, state):
    """P14, the machine alone: TT_match_join to the millisecond."""
    s = joining()
    s.run_to(s.now + round(after * S))
    s.give(LinkSeen())
    assert s.machine.state is state and s.events(LinkFailed) == []


@pytest.mark.parametrize("link_ms, matched", [(200, True), (8000, True), (11_400, True), (12_100, False)])
def test_the_link_may_take_twelve_seconds_on_a_line(link_ms, matched):
    """P14 with modems: our link test asks every 500 ms, so what comes in the last half second may be missed."""
    meeting = Meeting(dataclasses.replace(ALPITRONIC, link_ms=link_ms)).run()
    assert meeting.matched is matched and meeting.reason is (None if matched else StopReason.NO_LINK)
    if matched:
        first = meeting.times(CM_SLAC_MATCH_CNF)[0]
        assert (meeting.world.now / MS - 2000) - first >= link_ms - 10


def test_an_all_zero_profile_is_no_result():
    """P18. No CM_ATTEN_CHAR.RSP, a warning, and the next attempt takes the charger when it has measured."""
    count = 0

    def zero(m):
        nonlocal count
        count += type(m) is CM_ATTEN_CHAR_IND
        return dataclasses.replace(m, aag=bytes(58)) if type(m) is CM_ATTEN_CHAR_IND and count <= 3 else m
    meeting = Meeting(ALPITRONIC).tamper(zero, theirs=True).run()
    assert meeting.matched and run_ids(meeting) == 2 and len(meeting.times(CM_ATTEN_CHAR_RSP)) == 1
    assert sum("reports no attenuation" in text for text in meeting.warnings()) == 3
