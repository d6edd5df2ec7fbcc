"""The charger's matching machine: sessions side by side, exact times, averaging, and what must be ignored."""
from __future__ import annotations

import dataclasses
from random import Random

import pytest

from kernel.timer import MS, NEVER, S
from tasks.homeplug.config import SlacConfig
from tasks.homeplug.events import KeyTaken, LinkEstablished, LinkFailed, LinkGone, LinkSeen, ModemBack, UseKey, WatchLink
from tasks.homeplug.keys import nid_from_nmk
from tasks.homeplug.slac_evse import EvseSlac, State
from tasks.homeplug.wire import (CM_ATTEN_CHAR_IND, CM_ATTEN_CHAR_RSP, CM_ATTEN_PROFILE_IND, CM_SLAC_MATCH_CNF, CM_SLAC_MATCH_REQ,
                                 CM_SLAC_PARM_CNF, CM_SLAC_PARM_REQ, CM_START_ATTEN_CHAR_IND, CM_VALIDATE_CNF, CM_VALIDATE_REQ)
from tasks.homeplug.timing import MATCHING_RUNS, C_EVSE_match_parallel
from tasks.homeplug.wire_header import BROADCAST
from tasks.stop_reasons import StopReason

from tests.homeplug.stepping import Stepper, evse_with_key

EVSE = bytes.fromhex("020000000b01")
MODEM = bytes.fromhex("020000000b54")
CARS = [bytes.fromhex("0200000000") + bytes((n,)) for n in range(1, 10)]
PEV = CARS[0]
RUN = b"TESLA EV"                                          # RunIDs are opaque


def ready(**config) -> Stepper:
    s = evse_with_key(EvseSlac(SlacConfig(**config), EVSE, Random(2)), MODEM)
    assert s.machine.state is State.WaitParm
    return s


def parm(s, pev=PEV, run=RUN):
    s.give(CM_SLAC_PARM_REQ(BROADCAST, pev, run))


def start(s, pev=PEV, run=RUN):
    s.give(CM_START_ATTEN_CHAR_IND(BROADCAST, pev, run, pev))


def profiles(s, n, aag=bytes((20,)) * 58, pev=PEV, modem=MODEM):
    for _ in range(n):
        s.give(CM_ATTEN_PROFILE_IND(BROADCAST, modem, pev, aag))


def rsp(s, pev=PEV, run=RUN, result=0):
    s.give(CM_ATTEN_CHAR_RSP(EVSE, pev, run, pev, result))


def match(s, pev=PEV, run=RUN, **other):
    s.give(dataclasses.replace(CM_SLAC_MATCH_REQ(EVSE, pev, run, pev, EVSE), **other))


def indicated(s=None) -> Stepper:
    """The first CM_ATTEN_CHAR.IND has just been sent."""
    s = s or ready()
    parm(s)
    start(s)
    profiles(s, 10)
    s.run_to(s.now + 45 * MS)
    assert len(s.times(CM_ATTEN_CHAR_IND)) == 1
    return s


def waiting_for_match() -> Stepper:
    s = indicated()
    rsp(s)
    return s


def linking() -> Stepper:
    s = waiting_for_match()
    match(s)
    assert s.machine.state is State.WaitLink
    return s


def matched() -> Stepper:
    s = linking()
    s.give(LinkSeen())
    assert s.machine.state is State.Matched
    return s


def test_no_answer_before_the_key_is_in_the_modem():
    m = EvseSlac(SlacConfig(), EVSE, Random(2))
    s = Stepper(m)
    parm(s)
    s.call(m.start)
    parm(s)
    assert s.sent == [] and m.state is State.WaitKey and m.ignored == 2
    key = s.events(UseKey)[0]
    assert key.nid == nid_from_nmk(key.nmk) == m.nid
    s.give(KeyTaken())
    s.run_to(5 * S - 1)
    assert m.state is State.WaitKey
    s.run_to(5 * S)                                        # a modem that cannot be asked is back by then
    assert m.state is State.WaitParm


def test_request_through_a_modem_that_seemed_to_restart():
    m = EvseSlac(SlacConfig(), EVSE, Random(2))
    s = Stepper(m)
    s.call(m.start)
    s.give(KeyTaken())
    parm(s)
    assert len(s.times(CM_SLAC_PARM_CNF)) == 1


def test_parm_cnf_echoes_the_run_id_also_for_repeated_requests():
    s = ready()
    parm(s)
    s.run_to(7 * MS)                                       # the Ioniq asks twice, 7 to 15 ms apart
    parm(s)
    cnfs = [m for _, m in s.sent]
    assert cnfs == [CM_SLAC_PARM_CNF(PEV, EVSE, RUN, PEV, 10, 6)] * 2


def test_start_must_come_within_400_ms():
    s = ready()
    parm(s)
    s.run_to(400 * MS - 1)
    assert s.machine.state is State.Matching
    s.run_to(400 * MS)
    assert s.machine.state is State.WaitParm and s.machine.dropped == 1
    start(s)
    profiles(s, 10)
    s.run_to(2 * S)
    assert s.times(CM_ATTEN_CHAR_IND) == []


def test_result_45_ms_after_the_tenth_profile():
    s = ready()
    parm(s)
    start(s)
    for n in range(10):
        s.run_to((n + 1) * 30 * MS)
        start(s)                                           # the second and third START do not restart anything
        profiles(s, 1, bytes((n,)) * 58)
    s.run_to(1 * S)
    ind = s.last(CM_ATTEN_CHAR_IND)
    assert s.times(CM_ATTEN_CHAR_IND)[0] == 345 * MS
    assert (ind.dst, ind.run_id, ind.source_address, ind.num_sounds) == (PEV, RUN, PEV, 10)
    assert ind.aag == bytes((5,)) * 58                     # 4.5 rounded up
    assert s.checkpoints() == [1, 101, 110, 120]


@pytest.mark.parametrize("heard", [9, 5, 1])
def test_missing_sounds_are_waited_for_600_ms_after_the_first_start(heard):
    s = ready()
    parm(s)
    s.run_to(100 * MS)
    start(s)
    profiles(s, heard)
    s.run_to(700 * MS - 1)
    assert s.times(CM_ATTEN_CHAR_IND) == []
    s.run_to(700 * MS)
    assert s.last(CM_ATTEN_CHAR_IND).num_sounds == heard and s.last(CM_ATTEN_CHAR_IND).aag == bytes((20,)) * 58
    profiles(s, 10)                                        # too late
    assert s.machine.ignored == 10


def test_no_sound_no_result():
    s = ready()
    parm(s)
    start(s)
    s.run_to(2 * S)
    assert s.times(CM_ATTEN_CHAR_IND) == [] and s.machine.state is State.WaitParm


def test_own_receive_path_is_taken_off_and_clamped():
    s = ready(rx_attenuation_db=12)
    parm(s)
    start(s)
    profiles(s, 10, bytes((5,)) * 29 + bytes((30,)) * 29)
    s.run_to(100 * MS)
    assert s.last(CM_ATTEN_CHAR_IND).aag == bytes(29) + bytes((18,)) * 29
    s = ready(rx_attenuation_db=-60)
    parm(s)
    start(s)
    profiles(s, 10, bytes((250,)) * 58)
    s.run_to(100 * MS)
    assert s.last(CM_ATTEN_CHAR_IND).aag == bytes((255,)) * 58


def test_empty_profiles_become_nine_db():
    s = ready()
    parm(s)
    start(s)
    profiles(s, 10, b"")
    s.run_to(100 * MS)
    assert s.last(CM_ATTEN_CHAR_IND).aag == bytes((9,)) * 58


def test_profiles_of_other_modems_and_cars_do_not_count():
    s = ready()
    parm(s)
    start(s)
    profiles(s, 3, modem=CARS[5])
    profiles(s, 3, pev=CARS[1])
    profiles(s, 1, aag=bytes(20))                          # neither none nor all groups
    assert s.machine.ignored == 7
    s.run_to(1 * S)
    assert s.times(CM_ATTEN_CHAR_IND) == []


def test_indication_three_times_then_silence():
    s = indicated()
    begin = s.now
    s.run_to(begin + 5 * S)
    assert [t - begin for t in s.times(CM_ATTEN_CHAR_IND)] == [0, 200 * MS, 400 * MS]
    match(s)
    assert s.times(CM_SLAC_MATCH_CNF) == [] and s.machine.state is State.WaitParm


def test_refused_result_ends_the_session():
    s = indicated()
    rsp(s, result=1)
    assert s.machine.state is State.WaitParm
    match(s)
    assert s.times(CM_SLAC_MATCH_CNF) == []


def test_wrong_rsp_is_ignored():
    s = indicated()
    rsp(s, run=bytes(8))
    rsp(s, pev=CARS[1])
    s.give(CM_ATTEN_CHAR_RSP(EVSE, PEV, RUN, CARS[1]))
    match(s)
    assert s.times(CM_SLAC_MATCH_CNF) == [] and s.machine.ignored == 4


def test_match_within_ten_seconds():
    s = waiting_for_match()
    begin = s.now
    s.run_to(begin + 10 * S - 1)
    assert s.machine.state is State.Matching
    s.run_to(begin + 10 * S)
    assert s.machine.state is State.WaitParm


@pytest.mark.parametrize("wrong", [dict(run_id=bytes(8)), dict(src=CARS[1]), dict(dst=CARS[1]), dict(pev_mac=CARS[1]), dict(evse_mac=CARS[1])])
def test_wrong_match_req_is_ignored(wrong):
    s = waiting_for_match()
    match(s, **wrong)
    assert s.times(CM_SLAC_MATCH_CNF) == [] and s.machine.state is State.Matching and s.machine.ignored == 1


def test_match_cnf_carries_the_key_and_is_repeated():
    s = linking()
    cnf = s.last(CM_SLAC_MATCH_CNF)
    key = s.events(UseKey)[0]
    assert cnf == CM_SLAC_MATCH_CNF(PEV, EVSE, RUN, PEV, EVSE, key.nid, key.nmk)
    assert len(s.events(WatchLink)) == 1 and s.machine.peer_mac == PEV and s.machine.attenuation == 20.0
    s.run_to(s.now + 200 * MS)
    match(s)
    s.give(LinkSeen())
    match(s)
    assert [m for _, m in s.sent if type(m) is CM_SLAC_MATCH_CNF] == [cnf] * 3
    assert s.events(LinkEstablished) == [LinkEstablished(PEV, key.nid)]


def test_matched_ignores_everybody():
    s = matched()
    n = len(s.sent)
    s.call(s.machine.vouch)
    for pev in (PEV, CARS[1]):
        parm(s, pev)
        start(s, pev)
        profiles(s, 2, pev=pev)
        rsp(s, pev)
    match(s, CARS[1])
    s.run_to(s.now + 60 * S)
    assert len(s.sent) == n and s.machine.state is State.Matched and s.machine.next_timer() == NEVER


def test_same_car_may_begin_again_while_the_link_is_not_up():
    s = linking()
    parm(s, CARS[1])
    assert s.machine.state is State.WaitLink
    parm(s, PEV, b"another1")
    assert s.machine.state is State.Matching and s.last(CM_SLAC_PARM_CNF).run_id == b"another1"


def test_link_must_come_within_twelve_seconds():
    s = linking()
    begin = s.now
    s.run_to(begin + 12 * S - 1)
    assert s.machine.state is State.WaitLink
    s.run_to(begin + 12 * S)
    assert s.events(LinkFailed) == [LinkFailed(StopReason.NO_LINK)] and s.machine.state is State.Off
    assert len({k.nmk for k in s.events(UseKey)}) == 2     # the key that was told is gone


def test_link_loss_means_a_new_key():
    s = matched()
    s.give(LinkGone())
    assert s.events(LinkFailed) == [LinkFailed(StopReason.LINK_LOST)]
    keys = s.events(UseKey)
    assert len(keys) == 2 and keys[0].nmk != keys[1].nmk
    s.call(s.machine.start)
    assert s.machine.state is State.WaitKey and len(s.events(UseKey)) == 2      # still unused: no second restart
    s.give(KeyTaken())
    s.give(ModemBack())
    assert s.machine.state is State.WaitParm


def test_more_cars_side_by_side_than_the_standard_asks_for_the_next_replaces_the_idlest():
    s, many = ready(), [bytes((2, 0, 0, 0, 1, n)) for n in range(MATCHING_RUNS + 2)]
    assert MATCHING_RUNS >= C_EVSE_match_parallel
    for n, car in enumerate(many[:-2]):
        s.run_to(n * MS)
        parm(s, car)
    start(s, many[0])
    parm(s, many[-2])                                      # many[1] waits longest without having begun
    for car in many[:-1]:
        start(s, car)
        profiles(s, 10, bytes((car[5] + 1,)) * 58, pev=car)
    s.run_to(s.now + 50 * MS)
    got = {m.dst: m.aag[0] for _, m in s.sent if type(m) is CM_ATTEN_CHAR_IND}
    assert got == {car: car[5] + 1 for car in many[:-1] if car is not many[1]}
    parm(s, many[-1])                                      # now all are at work
    assert s.machine.crowded == 1 and s.last(CM_SLAC_PARM_CNF).dst == many[-2]


def test_new_run_id_of_the_same_car_replaces_its_session():
    s = ready()
    parm(s)
    start(s)
    profiles(s, 5)
    parm(s, run=b"again 01")
    start(s)                                               # of the old session
    assert s.machine.ignored == 1
    start(s, run=b"again 01")
    profiles(s, 10)
    s.run_to(s.now + 45 * MS)
    assert s.last(CM_ATTEN_CHAR_IND).num_sounds == 10


def test_first_match_closes_the_other_sessions():
    s = waiting_for_match()
    for car in CARS[1:3]:
        parm(s, car)
    match(s)
    n = len(s.sent)
    start(s, CARS[1])
    profiles(s, 10, pev=CARS[1])
    s.run_to(s.now + 2 * S)
    assert len(s.sent) == n


def test_validation_is_not_required():
    s = waiting_for_match()
    s.give(CM_VALIDATE_REQ(EVSE, PEV))
    assert s.last(CM_VALIDATE_CNF) == CM_VALIDATE_CNF(PEV, EVSE, 0, 0, 4)
    n = len(s.sent)
    for wrong in (CM_VALIDATE_REQ(EVSE, CARS[1]), CM_VALIDATE_REQ(EVSE, PEV, 1), CM_VALIDATE_REQ(EVSE, PEV, 0, 0, 0), CM_VALIDATE_REQ(MODEM, PEV)):
        s.give(wrong)
    assert len(s.sent) == n
    match(s)
    assert s.machine.state is State.WaitLink


def test_slac_init_time():
    s = ready()
    s.run_to(100 * S)
    assert s.machine.state is State.WaitParm and s.events(LinkFailed) == []
    s = ready(five_percent_forever=False, slac_init_s=20)
    s.run_to(20 * S - 1)
    assert s.machine.state is State.WaitParm
    s.run_to(20 * S)
    assert s.events(LinkFailed) == [LinkFailed(StopReason.NO_CAR_SLAC)] and s.machine.state is State.Off


def test_key_changes_with_every_session_and_stop_is_silence():
    s = matched()
    s.call(s.machine.stop)
    n = len(s.sent)
    parm(s)
    match(s)
    s.run_to(s.now + 60 * S)
    assert len(s.sent) == n and s.machine.state is State.Off and s.machine.next_timer() == NEVER
    assert len({k.nmk for k in s.events(UseKey)}) == 2
