"""The car's runs one after the other: which charger is asked next, when the next run begins, when it is given up."""
from __future__ import annotations

import pytest

from kernel.timer import MS, S
from tasks.homeplug.events import LinkFailed, ModemBack
from tasks.homeplug.slac_pev import State
from tasks.homeplug.wire import CM_SLAC_MATCH_REQ, CM_SLAC_PARM_REQ, CM_START_ATTEN_CHAR_IND
from tasks.stop_reasons import StopReason

from tests.homeplug.test_slac_pev import EVSE, EVSE2, atten, collecting, match_cnf, parm_cnf, started


def next_attempt(s, louder, weaker):
    """Both answer; returns whom the car asks to match. `louder`, `weaker` are (MAC, dB)."""
    s.give(ModemBack())
    s.run_to(s.now + 500 * MS)
    for evse, _ in (louder, weaker):
        s.give(parm_cnf(s, evse))
    s.run_to(s.now + 600 * MS)
    for evse, db in (louder, weaker):
        s.give(atten(s, evse, bytes((db,)) * 58))
    s.run_to(s.now + 700 * MS)
    assert s.machine.state is State.Match
    return s.last(CM_SLAC_MATCH_REQ).dst


@pytest.mark.parametrize("weaker_db, second", [(20, EVSE2), (30, EVSE)])
def test_who_did_not_join_gives_way_to_a_charger_nearly_as_loud(weaker_db, second):
    s = started()
    louder, weaker = (EVSE, 12), (EVSE2, weaker_db)
    assert next_attempt(s, louder, weaker) == EVSE
    s.give(match_cnf(s))
    s.run_to(s.now + 12 * S)
    assert next_attempt(s, louder, weaker) == second
    s.call(s.machine.start)                      # a new plug: nothing is held against anybody
    assert next_attempt(s, louder, weaker) == EVSE


def test_a_charger_clearly_weaker_is_asked_only_after_two_runs_in_which_the_louder_was_deaf():
    s = started()
    for run in range(3):
        assert next_attempt(s, (EVSE, 12), (EVSE2, 34)) == (EVSE if run < 2 else EVSE2)
        while s.machine.state is State.Match:
            s.run_to(s.now + 10 * MS)
        assert s.machine.failures == run + 1
        s.run_to(s.now + 300 * MS * 2 ** run)


def test_a_result_that_comes_late_is_taken_while_nothing_else_would_be_done():
    """ABB waits 1 s after the last sound; the results' time is over, and for TT_matching_rate nothing may be sent."""
    s = collecting()
    begin = s.times(CM_START_ATTEN_CHAR_IND)[0]
    s.run_to(begin + 1599 * MS)
    assert s.machine.state is State.Collect
    s.give(atten(s))
    assert s.machine.state is State.Match and s.last(CM_SLAC_MATCH_REQ).dst == EVSE and s.machine.failures == 0


def test_p17_matching_that_fails_quickly_is_repeated_for_ten_seconds():
    s = started()
    begin = None
    while not s.events(LinkFailed):
        if s.machine.state is State.Parm:
            s.give(parm_cnf(s))                            # confirms, and measures nothing
        s.run_to(s.now + 10 * MS)
        if begin is None and s.machine.failures:
            begin = s.now
    assert s.events(LinkFailed) == [LinkFailed(StopReason.SLAC_FAILED)]
    assert s.now - begin >= 10 * S and 4 <= s.machine.failures <= 8      # TT_matching_repetition, and at least C_conn_max_match


def test_pauses_between_runs_grow():
    s = started(match_attempts=6)
    pauses = []
    for _ in range(5):
        s.give(parm_cnf(s))
        s.run_to(s.now + 600 * MS)
        s.give(atten(s))                                   # and then it does not answer CM_SLAC_MATCH.REQ
        sent = len(s.times(CM_SLAC_PARM_REQ))
        while s.machine.state is not State.Pause:
            s.run_to(s.now + 10 * MS)
        failed_at = s.now
        while len(s.times(CM_SLAC_PARM_REQ)) == sent:
            s.run_to(s.now + 10 * MS)
        pauses.append((s.times(CM_SLAC_PARM_REQ)[-1] - failed_at) // MS)
    assert [round(p, -2) for p in pauses] == [400, 800, 1600, 1600, 1600]
    assert sum(pauses[:2]) * MS + 3 * 1300 * MS < 10 * S, "three runs within TT_matching_repetition"


def test_after_a_join_that_failed_the_modem_is_waited_for_because_it_hears_nobody_while_it_restarts():
    s = started()
    next_attempt(s, (EVSE, 12), (EVSE2, 34))
    s.give(match_cnf(s))
    s.run_to(s.now + 12 * S)
    sent, failed = len(s.times(CM_SLAC_PARM_REQ)), s.now
    s.run_to(failed + 5 * S - 1)
    assert s.machine.state is State.Pause and len(s.times(CM_SLAC_PARM_REQ)) == sent
    s.run_to(failed + 5 * S)
    assert s.times(CM_SLAC_PARM_REQ)[sent] == failed + 5 * S, "a modem that never says that it is back"
