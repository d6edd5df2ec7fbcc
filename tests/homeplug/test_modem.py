"""The own modem: discovery, keys, link test, and who may not influence it."""
from __future__ import annotations

from random import Random

import pytest

from kernel.timer import MS, S
from tasks.homeplug.config import SlacConfig
from tasks.homeplug.events import KeyTaken, KeyUnanswered, LinkGone, LinkSeen, ModemBack, ModemFound, ModemLost
from tasks.homeplug.modem import Modem
from tasks.homeplug.wire_header import BROADCAST, LOCAL_DEVICE
from tasks.homeplug.wire_keys import CM_GET_KEY_CNF, CM_GET_KEY_REQ, CM_SET_KEY_CNF, CM_SET_KEY_REQ
from tasks.homeplug.wire_modem import (Network, Station, VS_NW_INFO_CNF, VS_NW_INFO_REQ, VS_PL_LINK_STATUS_CNF,
                                       VS_PL_LINK_STATUS_REQ, VS_SW_VER_CNF, VS_SW_VER_REQ)

from tests.homeplug.stepping import Stepper

HOST = bytes.fromhex("020000000a01")
MODEM = bytes.fromhex("020000000a54")
REMOTE = bytes.fromhex("020000000b54")
NID, NMK = b"network", bytes(range(16))


def sw_ver(src=MODEM):
    return VS_SW_VER_CNF(HOST, src, 0, 0x22, "MAC-QCA7005-TEST")


def nw_info(stations=1, nid=NID, src=MODEM, mmv=0):
    return VS_NW_INFO_CNF(HOST, src, mmv, [Network(nid, 1, 2, 0, REMOTE, 1, [Station(REMOTE, 1, bytes(6), 9, 9)] * stations)])


def found(**config) -> Stepper:
    s = Stepper(Modem(SlacConfig(**config), HOST, Random(3)))
    s.run_to(1 * MS)
    s.give(sw_ver())
    return s


def keyed() -> Stepper:
    s = found()
    s.call(s.machine.set_key, NID, NMK)
    s.give(CM_SET_KEY_CNF(HOST, MODEM, 1))
    return s


def linked(test=None) -> Stepper:
    s = keyed()
    s.call(s.machine.watch_link)
    s.run_to(s.now)
    s.give(test or nw_info())
    assert s.machine.link
    return s


def test_search_local_first_then_broadcast_every_two_seconds():
    s = Stepper(Modem(SlacConfig(), HOST, Random(3)))
    s.run_to(4500 * MS)
    asked = [(t // MS, m.dst) for t, m in s.sent if type(m) is VS_SW_VER_REQ]
    assert asked == [(0, LOCAL_DEVICE), (100, BROADCAST), (2000, LOCAL_DEVICE), (2100, BROADCAST), (4000, LOCAL_DEVICE), (4100, BROADCAST)]
    s.give(sw_ver())
    assert s.events(ModemFound) == [ModemFound(MODEM, "QCA7000/QCA7005 MAC-QCA7005-TEST")]


def test_found_modem_is_not_asked_by_broadcast_and_is_missed_after_12_s():
    s = found()
    s.run_to(1 * S)
    assert all(m.dst == LOCAL_DEVICE for _, m in s.sent)
    s.give(sw_ver(REMOTE))
    assert s.machine.mac == MODEM and s.machine.foreign == 1
    s.run_to(12 * S)
    assert s.events(ModemLost) == []
    s.run_to(16 * S)
    assert len(s.events(ModemLost)) == 1 and s.machine.mac is None


def test_answers_keep_it_present():
    s = found()
    for n in range(1, 30):
        s.run_to(n * 5 * S + 10 * MS)
        s.give(sw_ver())
    assert s.events(ModemLost) == [] and len(s.times(VS_SW_VER_REQ)) <= 31


@pytest.mark.parametrize("result", [0, 1])
def test_key_answered_with_0_or_1_is_taken(result):
    s = found()
    s.call(s.machine.set_key, NID, NMK)
    req = s.last(CM_SET_KEY_REQ)
    assert (req.dst, req.nid, req.nmk) == (LOCAL_DEVICE, NID, NMK)
    s.give(CM_SET_KEY_CNF(HOST, MODEM, result, bytes(4), req.my_nonce))
    assert len(s.events(KeyTaken)) == 1


def test_key_is_repeated_each_second_and_given_up_after_ten():
    s = found()
    s.call(s.machine.set_key, NID, NMK)
    begin = s.now
    s.give(CM_SET_KEY_CNF(HOST, MODEM, 7))
    s.run_to(begin + 20 * S)
    assert [t - begin for t in s.times(CM_SET_KEY_REQ)] == [n * S for n in range(10)]
    assert s.machine.refused == 1 and len(s.events(KeyUnanswered)) == 1


def test_foreign_confirmations_do_not_count():
    s = found()
    s.call(s.machine.set_key, NID, NMK)
    s.give(CM_SET_KEY_CNF(HOST, REMOTE, 1, bytes(4), s.last(CM_SET_KEY_REQ).my_nonce))
    s.give(CM_SET_KEY_CNF(REMOTE, MODEM, 1))
    assert s.events(KeyTaken) == [] and s.machine.foreign == 1


def test_nothing_received_makes_it_send_a_key():
    """Answers from anywhere, and key requests from the line, never lead to a CM_SET_KEY.REQ of ours."""
    s = linked()
    sends = s.machine.key_sends
    for src in (MODEM, REMOTE):
        for m in (CM_SET_KEY_REQ(HOST, src, bytes(7), bytes(16)), CM_SET_KEY_CNF(HOST, src, 0), CM_SET_KEY_CNF(HOST, src, 1),
                  CM_GET_KEY_CNF(HOST, src, 0, bytes(7), bytes(16)), sw_ver(src), nw_info(0, bytes(7), src)):
            s.give(m)
    s.run_to(s.now + 3 * S)
    assert s.machine.key_sends == sends and s.machine.nid == NID


def test_key_for_a_modem_not_yet_found_waits_for_the_search():
    s = Stepper(Modem(SlacConfig(), HOST, Random(3)))
    s.call(s.machine.set_key, NID, NMK)
    assert s.times(CM_SET_KEY_REQ) == []
    s.run_to(1 * MS)
    s.give(sw_ver())
    assert s.times(CM_SET_KEY_REQ) == [1 * MS]


def test_unidentified_modem_is_known_by_the_echo_of_our_nonce():
    s = Stepper(Modem(SlacConfig(), HOST, Random(3)))
    s.call(s.machine.set_key, NID, NMK)
    s.run_to(600 * MS)
    s.give(CM_SET_KEY_CNF(HOST, REMOTE, 0, bytes(4), b"guess"[:4]))
    assert s.machine.mac is None and s.machine.foreign == 1
    s.give(CM_SET_KEY_CNF(HOST, MODEM, 0, bytes(4), s.last(CM_SET_KEY_REQ).my_nonce))
    assert s.events(ModemFound) == [ModemFound(MODEM, "generic")] and len(s.events(KeyTaken)) == 1


def test_modem_that_came_back_gets_its_key_again():
    s = keyed()
    s.run_to(s.now + 20 * S)
    assert len(s.events(ModemLost)) == 1
    n = s.machine.key_sends
    s.give(sw_ver())
    assert s.machine.key_sends == n + 1 and s.last(CM_SET_KEY_REQ).nmk == NMK


def test_restart_is_silent_and_its_end_is_noticed():
    s = keyed()
    s.run_to(s.now + 4 * S)
    assert s.events(ModemLost) == [] and s.events(ModemBack) == []
    s.give(sw_ver())
    assert len(s.events(ModemBack)) == 1


def test_joining_polls():
    s = keyed()
    s.call(s.machine.watch_link)
    begin = s.now
    s.run_to(begin + 2 * S)
    assert [(t - begin) // MS for t in s.times(VS_PL_LINK_STATUS_REQ)] == [0, 500, 1000, 1500, 2000]
    assert [m.mmv for _, m in s.sent if type(m) is VS_NW_INFO_REQ][:4] == [0, 1, 0, 1]
    assert [(t - begin) // MS for t in s.times(CM_GET_KEY_REQ)] == [500, 1500]        # the only broadcast: once a second


@pytest.mark.parametrize("evidence", [nw_info(mmv=0), nw_info(mmv=1), VS_PL_LINK_STATUS_CNF(HOST, MODEM, 0, 1),
                                      CM_GET_KEY_CNF(HOST, REMOTE, 1, NID)])
def test_each_test_proves_the_link(evidence):
    s = linked(evidence)
    assert len(s.events(LinkSeen)) == 1


@pytest.mark.parametrize("nothing", [nw_info(0), nw_info(nid=bytes(7)), nw_info(src=REMOTE), VS_PL_LINK_STATUS_CNF(HOST, MODEM, 0, 0),
                                     VS_PL_LINK_STATUS_CNF(HOST, MODEM, 1, 1), VS_PL_LINK_STATUS_CNF(HOST, REMOTE, 0, 1),
                                     CM_GET_KEY_CNF(HOST, MODEM, 0, NID, NMK), CM_GET_KEY_CNF(HOST, REMOTE, 1, bytes(7)),
                                     VS_NW_INFO_CNF(HOST, MODEM, 0, [])])
def test_what_proves_nothing(nothing):
    s = keyed()
    s.call(s.machine.watch_link)
    s.give(nothing)
    assert s.events(LinkSeen) == []


def test_answers_about_the_network_before_do_not_count():
    s = found()
    s.call(s.machine.set_key, NID, NMK)
    s.call(s.machine.watch_link)
    s.give(VS_PL_LINK_STATUS_CNF(HOST, MODEM, 0, 1))
    s.call(s.machine.vouch)
    assert s.events(LinkSeen) == []


def test_lost_after_three_misses_at_one_second():
    s = linked()
    begin = s.now
    s.run_to(begin + 3900 * MS)
    assert s.events(LinkGone) == []
    s.run_to(begin + 4 * S)                                # evidence in the first second, then three empty ones
    assert len(s.events(LinkGone)) == 1


def test_lost_after_two_denials():
    s = linked()
    s.run_to(s.now + 1 * S)
    s.give(nw_info(0))
    assert s.events(LinkGone) == []
    s.run_to(s.now + 1 * S)
    s.give(nw_info(0))
    assert len(s.events(LinkGone)) == 1


def test_only_what_worked_is_asked_once_linked():
    s = linked()
    n = len(s.sent)
    for _ in range(5):
        s.run_to(s.now + 1 * S)
        s.give(nw_info())
    kinds = {type(m) for _, m in s.sent[n:]}
    assert kinds == {VS_NW_INFO_REQ}


def test_vouching_makes_polls_sparse_and_never_broadcast():
    s = linked(CM_GET_KEY_CNF(HOST, REMOTE, 1, NID))
    s.call(s.machine.vouch)
    n = len(s.sent)
    for k in range(60):
        s.run_to(s.now + 1 * S)
        s.call(s.machine.vouch)
    assert all(m.dst != BROADCAST for _, m in s.sent[n:]) and s.machine.link
    begin = s.now                                          # nobody vouches any more: back to polls, then lost
    s.run_to(begin + 20 * S)
    gone = [t for t, e in s.seen if type(e) is LinkGone]
    assert len(gone) == 1 and 5 * S < gone[0] - begin < 14 * S


def test_vouching_is_evidence_while_joining():
    s = keyed()
    s.call(s.machine.watch_link)
    s.call(s.machine.vouch)
    assert len(s.events(LinkSeen)) == 1


def test_modem_without_any_link_test_is_believed_after_8_s():
    s = Stepper(Modem(SlacConfig(modem_kind="generic"), HOST, Random(3)))
    s.run_to(5 * S)
    assert s.sent == []
    s.call(s.machine.set_key, NID, NMK)
    s.call(s.machine.watch_link)
    s.give(CM_SET_KEY_CNF(HOST, MODEM, 0, bytes(4), s.last(CM_SET_KEY_REQ).my_nonce))
    begin = s.now
    s.run_to(begin + 8 * S - 1)
    assert s.events(LinkSeen) == []
    s.run_to(begin + 60 * S)
    assert len(s.events(LinkSeen)) == 1 and s.events(LinkGone) == []
    assert all(type(m) in (CM_SET_KEY_REQ, CM_GET_KEY_REQ) for _, m in s.sent)
