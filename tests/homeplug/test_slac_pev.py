"""The car's matching machine: times, retries, choice, and everything that must be ignored."""
from __future__ import annotations

import dataclasses
from random import Random

import pytest

from kernel.timer import MS, NEVER, S
from tasks.homeplug.config import SlacConfig
from tasks.homeplug.events import KeyTaken, LinkEstablished, LinkFailed, LinkGone, LinkSeen, ModemBack, UseKey, WatchLink
from tasks.homeplug.keys import nid_from_nmk
from tasks.homeplug.slac_pev import PevSlac, State
from tasks.homeplug.wire import (CM_ATTEN_CHAR_IND, CM_ATTEN_CHAR_RSP, CM_MNBC_SOUND_IND, CM_SLAC_MATCH_CNF, CM_SLAC_MATCH_REQ,
                                 CM_SLAC_PARM_CNF, CM_SLAC_PARM_REQ, CM_START_ATTEN_CHAR_IND, CM_VALIDATE_CNF, CM_VALIDATE_REQ)
from tasks.machine import Note
from tasks.stop_reasons import StopReason

from tests.homeplug.stepping import Stepper

PEV = bytes.fromhex("020000000a01")
EVSE = bytes.fromhex("020000000b01")
EVSE2 = bytes.fromhex("020000000b02")
NMK = bytes(range(16))
NID = nid_from_nmk(NMK)
FLAT12 = bytes((12,)) * 58


def parm_cnf(s, evse=EVSE, **other):
    return dataclasses.replace(CM_SLAC_PARM_CNF(PEV, evse, s.machine.run_id, PEV), **other)


def atten(s, evse=EVSE, aag=FLAT12, **other):
    return dataclasses.replace(CM_ATTEN_CHAR_IND(PEV, evse, s.machine.run_id, PEV, 10, aag), **other)


def match_cnf(s, evse=EVSE, **other):
    return dataclasses.replace(CM_SLAC_MATCH_CNF(PEV, evse, s.machine.run_id, PEV, evse, NID, NMK), **other)


def started(**config) -> Stepper:
    s = Stepper(PevSlac(SlacConfig(**config), PEV, Random(1)), now=1 * S)
    s.call(s.machine.start)
    return s


def collecting(evses=(EVSE,), **config) -> Stepper:
    """All sounds are out, no result yet."""
    s = started(**config)
    for evse in evses:
        s.give(parm_cnf(s, evse))
    s.run_to(s.now + 600 * MS)
    assert s.machine.state is State.Collect
    return s


def matching(**config) -> Stepper:
    s = collecting(**config)
    s.give(atten(s))
    s.run_to(s.now + 700 * MS)
    assert s.machine.state is State.Match
    return s


def joining() -> Stepper:
    s = matching()
    s.give(match_cnf(s))
    assert s.machine.state is State.Join
    return s


def test_off_is_silent():
    m = PevSlac(SlacConfig(), PEV, Random(1))
    assert m.next_timer() == NEVER
    m.receive(CM_SLAC_PARM_CNF(PEV, EVSE, b"", PEV), 5)
    assert m.outgoing() == [] and m.events() == [] and m.state is State.Off


def test_parm_three_times_then_slow_with_fresh_run_ids():
    s = started()
    s.run_to(8 * S)
    at = s.times(CM_SLAC_PARM_REQ)
    # TT_match_response 200 ms, C_EV_match_retry 2, then the field's cadence of 1.4 s; each one twice, 10 ms apart
    assert [(t - S) // MS for t in at] == [n + again for n in (0, 200, 400, 1800, 3200, 4600, 6000) for again in (0, 10)]
    ids = [m.run_id for _, m in s.sent]
    assert len(set(ids[:6])) == 1 and len(set(ids[5:])) == 5 and ids[6::2] == ids[7::2]
    assert s.checkpoints() == [100]


def test_batch_times_and_contents():
    s = started()
    s.run_to(1 * S + 5 * MS)
    s.give(parm_cnf(s, num_sounds=10, time_out=6))
    s.run_to(4 * S)
    starts, sounds = s.times(CM_START_ATTEN_CHAR_IND), s.times(CM_MNBC_SOUND_IND)
    base = 1 * S + 5 * MS
    assert [(t - base) // MS for t in starts] == [60, 90, 120]
    assert [(t - base) // MS for t in sounds] == list(range(150, 450, 30))
    cnts = [m.cnt for _, m in s.sent if type(m) is CM_MNBC_SOUND_IND]
    assert cnts == list(range(9, -1, -1))
    assert len({m.random for _, m in s.sent if type(m) is CM_MNBC_SOUND_IND}) == 10
    start = s.last(CM_START_ATTEN_CHAR_IND)
    assert (start.num_sounds, start.time_out, start.forwarding_sta) == (10, 6, PEV)
    # TT_EV_atten_results after the first START: nothing came, new attempt TT_matching_rate later with a new RunID
    again = s.times(CM_SLAC_PARM_REQ)[2]
    assert (again - starts[0]) == 1600 * MS and len({m.run_id for _, m in s.sent if type(m) is CM_SLAC_PARM_REQ}) >= 2


@pytest.mark.parametrize("late, blocked, shortest, longest", [(0, 0, 30, 30), (200_000, 0, 29.9, 30.1), (9 * MS, 0, 29, 31),
                                                                   (200_000, 45 * MS, 25, 75)])
def test_a_batch_keeps_its_interval_on_a_clock_of_ticks(late, blocked, shortest, longest):
    """Visits come at ticks of 10 ms, each up to `late` and less and less so; nothing runs for `blocked` in the middle:
    one long interval, and no short one to make up for it."""
    s = started(batch_interval_ms=30)
    s.now = 1 * S + 3 * MS
    s.give(parm_cnf(s))
    stop = s.now + 200 * MS
    for tick in range(1, 100):
        at = 1 * S + 10 * MS * tick + late * (100 - tick) // 100
        if at >= s.now and s.machine.next_timer() <= at and not stop <= at < stop + blocked:
            s.now = at
            s.machine.handle_timer(at)
            s.collect()
    batch = [at for at, m in s.sent if type(m) in (CM_START_ATTEN_CHAR_IND, CM_MNBC_SOUND_IND)]
    gaps = [(b - a) / MS for a, b in zip(batch, batch[1:])]
    assert len(batch) == 13 and shortest <= min(gaps) <= max(gaps) <= longest and sum(g > 50 for g in gaps) == bool(blocked)


def test_announced_number_of_sounds_is_obeyed_and_bounded():
    s = started()
    s.give(parm_cnf(s, num_sounds=5, time_out=10))
    s.run_to(2 * S)
    assert len(s.times(CM_MNBC_SOUND_IND)) == 5 and s.last(CM_START_ATTEN_CHAR_IND).time_out == 10
    s = started()
    s.give(parm_cnf(s, num_sounds=255))
    s.run_to(1 * S + 60 * MS + 1200 * MS)                  # the results' time is over: no sound after that
    n = len(s.times(CM_MNBC_SOUND_IND))
    s.run_to(1 * S + 1600 * MS)
    assert 20 < n < 45 and len(s.times(CM_MNBC_SOUND_IND)) == n


@pytest.mark.parametrize("wrong", [dict(run_id=bytes(8)), dict(dst=EVSE2), dict(forwarding_sta=EVSE2), dict(num_sounds=0),
                                   dict(time_out=0), dict(resp_type=2)])
def test_wrong_parm_cnf_is_ignored(wrong):
    s = started()
    s.give(parm_cnf(s, **wrong))
    assert s.machine.state is State.Parm and s.machine.ignored == 1
    s.give(parm_cnf(s))
    assert s.machine.state is State.Sounding


def test_late_parm_cnf_after_the_retry_counts():
    s = started()
    s.run_to(1 * S + 216 * MS)                             # Compleo, once
    s.give(parm_cnf(s))
    assert s.machine.state is State.Sounding


@pytest.mark.parametrize("wrong", [dict(run_id=bytes(8)), dict(dst=EVSE2), dict(source_address=EVSE2), dict(num_sounds=0),
                                   dict(aag=b""), dict(aag=bytes(58))])
def test_wrong_or_empty_results_are_ignored(wrong):
    s = collecting()
    s.give(atten(s, **wrong))
    assert s.times(CM_ATTEN_CHAR_RSP) == [] and s.machine.ignored == 1
    s.run_to(s.now + 700 * MS)
    assert s.times(CM_SLAC_MATCH_REQ) == []


def test_every_result_is_answered_duplicates_too():
    s = collecting((EVSE, EVSE2))
    for evse in (EVSE, EVSE2, EVSE):
        s.give(atten(s, evse))
    assert [m.dst for _, m in s.sent if type(m) is CM_ATTEN_CHAR_RSP] == [EVSE, EVSE2, EVSE]


@pytest.mark.parametrize("order", [(EVSE, EVSE2), (EVSE2, EVSE)])
def test_the_least_attenuated_charger_wins(order):
    s = collecting(order)
    values = {EVSE: FLAT12, EVSE2: bytes((34,)) * 58}
    for evse in order:
        s.give(atten(s, evse, values[evse]))
    first_start = s.times(CM_START_ATTEN_CHAR_IND)[0]
    s.run_to(first_start + 1200 * MS - 1)
    assert s.times(CM_SLAC_MATCH_REQ) == []
    s.run_to(first_start + 1200 * MS)
    assert s.last(CM_SLAC_MATCH_REQ).dst == EVSE and s.machine.attenuation == 12.0
    assert not [e for e in s.events(Note) if e.level == "warning"]


def test_close_call_is_warned_about():
    s = collecting((EVSE, EVSE2))
    s.give(atten(s, EVSE, bytes((15,)) * 58))
    s.give(atten(s, EVSE2, bytes((20,)) * 58))
    s.run_to(s.now + 700 * MS)
    assert [e.text for e in s.events(Note) if e.level == "warning"]


def test_early_decision_when_all_confirmed_have_answered():
    s = collecting((EVSE, EVSE2), early_decision=True)
    s.give(atten(s, EVSE2, bytes((30,)) * 58))
    assert s.times(CM_SLAC_MATCH_REQ) == []
    s.give(atten(s, EVSE))
    assert s.times(CM_SLAC_MATCH_REQ) == [s.now] and s.last(CM_SLAC_MATCH_REQ).evse_mac == EVSE


def test_too_much_attenuation_is_no_charger():
    s = collecting()
    s.give(atten(s, aag=bytes((81,)) * 58))
    s.run_to(s.now + 700 * MS)
    assert s.times(CM_SLAC_MATCH_REQ) == [] and s.times(CM_VALIDATE_REQ) == []
    assert [e.text for e in s.events(Note) if e.level == "warning"] == ["no charger with acceptable attenuation: the best has %.0f dB, the limit is %g dB"]


def test_no_result_at_all_is_not_told_as_too_much_attenuation():
    s = collecting((EVSE, EVSE2))
    s.run_to(s.now + 700 * MS + 400 * MS)
    told = [(e.text, e.args) for e in s.events(Note) if e.level == "warning"]
    assert told == [("no CM_ATTEN_CHAR.IND %d ms after the first CM_START_ATTEN_CHAR.IND, %d charger(s) confirmed", (1200, 2))]


def validating(evses=(EVSE,)) -> Stepper:
    s = collecting(evses)
    for i, evse in enumerate(evses):
        s.give(atten(s, evse, bytes((50 + 15 * i,)) * 58))
    s.run_to(s.times(CM_START_ATTEN_CHAR_IND)[0] + 1200 * MS)
    assert s.machine.state is State.Validate and s.last(CM_VALIDATE_REQ).dst == evses[0]
    return s


def test_potential_charger_without_need_of_validation():
    s = validating((EVSE, EVSE2))
    s.give(CM_VALIDATE_CNF(PEV, EVSE2, 0, 0, 4))           # not the one we asked
    assert s.machine.state is State.Validate
    s.give(CM_VALIDATE_CNF(PEV, EVSE, 0, 0, 4))
    assert s.last(CM_SLAC_MATCH_REQ).dst == EVSE


def test_potential_charger_alone_is_taken_when_silent():
    s = validating()
    begin = s.now
    s.run_to(begin + 600 * MS)
    assert [t - begin for t in s.times(CM_VALIDATE_REQ)] == [0, 200 * MS, 400 * MS]
    assert s.times(CM_SLAC_MATCH_REQ) == [begin + 600 * MS]


def test_among_several_potential_chargers_a_refusal_leads_to_the_next():
    s = validating((EVSE, EVSE2))
    s.give(CM_VALIDATE_CNF(PEV, EVSE, 0, 0, 3))
    assert s.machine.state is State.Validate and s.last(CM_VALIDATE_REQ).dst == EVSE2
    s.give(CM_VALIDATE_CNF(PEV, EVSE2, 0, 0, 0))           # not ready: asked again later
    s.run_to(s.now + 400 * MS)
    assert [m.dst for _, m in s.sent if type(m) is CM_VALIDATE_REQ] == [EVSE, EVSE2, EVSE2]
    s.give(CM_VALIDATE_CNF(PEV, EVSE2, 0, 0, 4))
    assert s.last(CM_SLAC_MATCH_REQ).dst == EVSE2


def test_match_req_three_times_then_next_candidate_then_failure():
    s = collecting((EVSE, EVSE2))
    s.give(atten(s, EVSE))
    s.give(atten(s, EVSE2, bytes((20,)) * 58))
    s.run_to(s.times(CM_START_ATTEN_CHAR_IND)[0] + 1200 * MS)
    begin = s.now
    s.run_to(begin + 1200 * MS)
    got = [(t - begin, m.dst) for t, m in s.sent if type(m) is CM_SLAC_MATCH_REQ]
    assert got == [(n * 200 * MS, EVSE if n < 3 else EVSE2) for n in range(6)]
    assert s.machine.state is State.Pause and s.machine.failures == 1


@pytest.mark.parametrize("wrong", [dict(run_id=bytes(8)), dict(src=EVSE2), dict(dst=EVSE2), dict(pev_mac=EVSE2), dict(evse_mac=EVSE2)])
def test_foreign_match_cnf_is_ignored(wrong):
    s = matching()
    s.give(match_cnf(s, **wrong))
    assert s.machine.state is State.Match and s.events(UseKey) == [] and s.machine.ignored == 1


def test_match_cnf_gives_the_key_and_the_link_comes():
    s = joining()
    assert s.events(UseKey) == [UseKey(NID, NMK)] and len(s.events(WatchLink)) == 1
    s.give(KeyTaken())
    s.run_to(s.now + 11900 * MS)
    s.give(LinkSeen())
    assert s.events(LinkEstablished) == [LinkEstablished(EVSE, NID)] and s.machine.next_timer() == NEVER
    assert s.checkpoints() == [100, 102, 103, 104, 130, 140, 150, 160, 170, 190]
    before = s.machine.ignored
    for m in (match_cnf(s), match_cnf(s, EVSE2), parm_cnf(s), atten(s)):
        s.give(m)
    assert s.machine.ignored == before + 4 and s.machine.state is State.Matched and len(s.events(UseKey)) == 1


def test_nid_that_does_not_follow_is_used_and_warned_about():
    s = matching()
    s.give(match_cnf(s, nid=bytes(7)))
    assert s.events(UseKey) == [UseKey(bytes(7), NMK)]
    assert any("NID" in e.text for e in s.events(Note) if e.level == "warning")


def test_join_time_is_twelve_seconds_and_three_failures_end_it():
    s = joining()
    begin = s.now
    s.run_to(begin + 12 * S - 1)
    assert s.machine.state is State.Join
    s.run_to(begin + 12 * S)
    assert s.machine.state is State.Pause and len(s.events(UseKey)) == 2      # left with a random key
    assert s.events(UseKey)[1].nmk != NMK
    for pause in (400 * MS, 800 * MS):                     # TT_matching_rate, then twice that, or longer while the modem restarts with the random key
        s.run_to(s.now + pause)
        assert s.machine.state is State.Pause
        s.give(ModemBack())
        s.run_to(s.now)
        s.give(parm_cnf(s))
        s.run_to(s.now + 700 * MS)
        s.give(atten(s))
        s.run_to(s.now + 700 * MS)
        s.give(match_cnf(s))
        assert s.machine.state is State.Join
        s.run_to(s.now + 12 * S)
    assert s.machine.state is State.Off and s.events(LinkFailed) == [LinkFailed(StopReason.NO_LINK)]
    assert s.machine.next_timer() == NEVER


def test_link_loss_leaves_and_reports():
    s = joining()
    s.give(LinkSeen())
    s.give(LinkGone())
    assert s.events(LinkFailed) == [LinkFailed(StopReason.LINK_LOST)] and len(s.events(UseKey)) == 2
    assert s.machine.state is State.Off and s.machine.peer_mac is None


@pytest.mark.parametrize("build", [started, collecting, validating, matching, joining])
def test_stop_in_every_state_is_silence(build):
    s = build()
    s.call(s.machine.stop)
    n = len(s.sent)
    assert s.machine.state is State.Off and s.machine.next_timer() == NEVER
    for m in (parm_cnf(s), atten(s), match_cnf(s), LinkSeen(), LinkGone(), KeyTaken(), CM_VALIDATE_CNF(PEV, EVSE, 0, 0, 4)):
        s.give(m)
    s.run_to(s.now + 60 * S)
    assert len(s.sent) == n and s.events(LinkFailed) == [] and s.machine.state is State.Off
    s.call(s.machine.start)
    assert s.machine.state is State.Parm
