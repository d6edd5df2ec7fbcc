"""Results of CM_SET_KEY by kind (M10), and the tests of the link of slac-and-network sheet 4.3, a to f, by kind."""
from __future__ import annotations

from random import Random

import pytest

from kernel.timer import MS, S
from tasks.homeplug.config import SlacConfig
from tasks.homeplug.events import KeyTaken, KeyUnanswered, LinkGone, LinkSeen
from tasks.homeplug.link_test import Peer
from tasks.homeplug.modem import Modem
from tasks.homeplug.wire_header import BROADCAST, LOCAL_DEVICE
from tasks.homeplug.wire_keys import CM_GET_KEY_CNF, CM_GET_KEY_REQ, CM_SET_KEY_CNF, CM_SET_KEY_REQ
from tasks.homeplug.wire_link import CM_NW_STATS_CNF, CM_NW_STATS_REQ, StationRate
from tasks.homeplug.wire_lumissil import (HOST_DISCONNECTED, HOST_JOINED, HOST_READY_TO_JOIN, NSCM_GET_D_LINK_STATUS_CNF,
                                          NSCM_GET_D_LINK_STATUS_REQ, NSCM_GET_DEVICE_STATE_CNF, NSCM_GET_DEVICE_STATE_REQ,
                                          NSCM_GET_VERSION_CNF, STATE_CCO, STATE_STA, VS_D_LINK_READY_IND, VS_HOST_MESSAGE_STATUS_IND)
from tasks.homeplug.wire_modem import (Network, Station, VS_NW_INFO_CNF, VS_NW_INFO_REQ, VS_PL_LINK_STATUS_CNF, VS_PL_LINK_STATUS_REQ,
                                       VS_SW_VER_CNF)
from tasks.machine import Note

from tests.homeplug.stepping import Stepper

HOST = bytes.fromhex("020000000a01")
MODEM = bytes.fromhex("020000000a54")
REMOTE = bytes.fromhex("020000000b54")
PEER = bytes.fromhex("020000000b01")
NID, NMK = b"network", bytes(range(16))
FOUND = {"qualcomm": VS_SW_VER_CNF(HOST, MODEM, 0, 0x22, "MAC-QCA7005-TEST"), "lumissil": NSCM_GET_VERSION_CNF(HOST, MODEM, (1, 2, 3, 4, 0)),
         "vertexcom": None, "generic": None, "auto": None}
SUCCESS = {"qualcomm": 1, "lumissil": 0, "vertexcom": 0, "generic": 0, "auto": 0}


def modem(kind) -> Stepper:
    s = Stepper(Modem(SlacConfig(modem_kind=kind), HOST, Random(3)))
    s.run_to(1 * MS)
    if FOUND[kind] is not None:
        s.give(FOUND[kind])
    return s


def answer(s, result):
    s.give(CM_SET_KEY_CNF(HOST, MODEM, result, bytes(4), s.last(CM_SET_KEY_REQ).my_nonce))


def joining(kind) -> Stepper:
    s = modem(kind)
    s.call(s.machine.set_key, NID, NMK)
    s.run_to(s.now + 600 * MS)
    answer(s, SUCCESS[kind])
    assert len(s.events(KeyTaken)) == 1
    s.call(s.machine.watch_link)
    return s


def said(s) -> str:
    return " | ".join(e.text % e.args for e in s.events(Note))


# --- M10 ------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("kind, result, taken", [
    ("qualcomm", 1, True), ("qualcomm", 0, True), ("lumissil", 0, True), ("lumissil", 1, False), ("vertexcom", 0, True), ("vertexcom", 1, False),
    ("generic", 0, True), ("generic", 1, True), ("auto", 0, True), ("auto", 1, True), ("qualcomm", 2, False), ("lumissil", 255, False)])
def test_m10_what_a_result_means_depends_on_the_maker(kind, result, taken):
    s = modem(kind)
    s.call(s.machine.set_key, NID, NMK)
    s.run_to(s.now + 600 * MS)
    answer(s, result)
    assert bool(s.events(KeyTaken)) is taken and s.machine.refused == (not taken)
    assert ("a refusal" in said(s)) is (kind == "qualcomm" and result == 0)
    s.run_to(s.now + 15 * S)
    assert bool(s.events(KeyUnanswered)) is not taken
    if not taken:
        assert f"refuses the key (CM_SET_KEY.CNF result {result}" in said(s) and "slac.modem_kind" in said(s)


def test_silence_after_the_key_is_told_with_what_to_check():
    s = modem("qualcomm")
    s.call(s.machine.set_key, NID, NMK)
    s.run_to(s.now + 15 * S)
    assert all(word in said(s) for word in ("does not confirm the key in 10 s", "supply", "cable", "slac.modem_kind"))


def test_a_modem_that_knows_no_local_address_is_also_tried_by_broadcast():
    """Only one that has never answered: else the key would reach the other end's modem too."""
    for kind, found in (("vertexcom", False), ("qualcomm", True)):
        s = modem(kind)
        s.call(s.machine.set_key, NID, NMK)
        s.run_to(s.now + 9 * S)
        sent = [m.dst for _, m in s.sent if type(m) is CM_SET_KEY_REQ]
        assert sent[:3] == [LOCAL_DEVICE] * 3 and (BROADCAST in sent) is not found


def test_the_nonce_of_a_key_that_went_out_by_broadcast_proves_nothing():
    """The other end has heard it too: it is taken for ours until somebody echoes one that went to the local address."""
    s = modem("vertexcom")
    s.call(s.machine.set_key, NID, NMK)
    while s.last(CM_SET_KEY_REQ).dst != BROADCAST:
        s.run_to(s.now + 1 * S)
    s.give(CM_SET_KEY_CNF(HOST, REMOTE, 0, bytes(4), s.last(CM_SET_KEY_REQ).my_nonce))
    assert s.machine.mac == REMOTE and len(s.events(KeyTaken)) == 1
    s.call(s.machine.set_key, NID, NMK)
    assert s.last(CM_SET_KEY_REQ).dst == LOCAL_DEVICE
    answer(s, 0)
    assert s.machine.mac == MODEM and len(s.events(KeyTaken)) == 2 and "is the own one, not" in said(s)


# --- the tests of the link ------------------------------------------------------------------------------------------------

QUALCOMM_ASKS = {VS_NW_INFO_REQ, VS_PL_LINK_STATUS_REQ, CM_GET_KEY_REQ, CM_NW_STATS_REQ}
ASKED = {"qualcomm": QUALCOMM_ASKS, "lumissil": {NSCM_GET_D_LINK_STATUS_REQ, NSCM_GET_DEVICE_STATE_REQ, CM_NW_STATS_REQ},
         "vertexcom": {CM_NW_STATS_REQ, CM_GET_KEY_REQ}, "generic": {CM_GET_KEY_REQ},
         "auto": QUALCOMM_ASKS | {NSCM_GET_D_LINK_STATUS_REQ, NSCM_GET_DEVICE_STATE_REQ}}


@pytest.mark.parametrize("kind", ASKED)
def test_each_kind_is_asked_what_it_knows(kind):
    s = joining(kind)
    n = len(s.sent)
    s.run_to(s.now + 4 * S)
    asked = {type(m) for _, m in s.sent[n:] if type(m) is not CM_SET_KEY_REQ}
    assert asked - {type(m) for _, m in s.sent[:n]} - ASKED[kind] == set() and ASKED[kind] <= asked
    broadcast = {type(m) for _, m in s.sent[n:] if m.dst == BROADCAST}
    assert broadcast <= ({CM_GET_KEY_REQ} if kind != "auto" else broadcast)      # whoever is still looked for is called, too


def test_d_lumissil_is_asked_with_mmv_1_first_and_then_with_mmv_0_until_one_is_answered():
    s = Stepper(Modem(SlacConfig(modem_kind="lumissil"), HOST, Random(3)))
    s.call(s.machine.set_key, NID, NMK)
    s.run_to(600 * MS)
    answer(s, 0)                                           # it takes keys, but has not told its version
    s.call(s.machine.watch_link)
    s.run_to(s.now + 3 * S)
    mmvs = [m.mmv for _, m in s.sent if type(m) is NSCM_GET_D_LINK_STATUS_REQ]
    assert mmvs[0] == 1 and set(mmvs) == {0, 1}
    for mmv in (0, 1):
        s.give(NSCM_GET_VERSION_CNF(HOST, MODEM, (1, 2, 3, 4, 0), mmv))
        n = len(s.sent)
        s.run_to(s.now + 12 * S)
        assert {m.mmv for _, m in s.sent[n:] if type(m) in (NSCM_GET_D_LINK_STATUS_REQ, NSCM_GET_DEVICE_STATE_REQ)} == {mmv}


STATIONS = [Station(REMOTE, 1, PEER, 9, 8)]
EVIDENCE = {
    "a MMV 0": ("qualcomm", VS_NW_INFO_CNF(HOST, MODEM, 0, [Network(NID, 1, 2, 0, REMOTE, 1, STATIONS)])),
    "a MMV 1": ("qualcomm", VS_NW_INFO_CNF(HOST, MODEM, 1, [Network(NID, 1, 2, 0, REMOTE, 1, STATIONS)])),
    "b": ("qualcomm", VS_PL_LINK_STATUS_CNF(HOST, MODEM, 0, 1)),
    "c": ("vertexcom", CM_GET_KEY_CNF(HOST, REMOTE, 1, NID)),
    "d status": ("lumissil", NSCM_GET_D_LINK_STATUS_CNF(HOST, MODEM, 1)),
    "d status MMV 0": ("lumissil", NSCM_GET_D_LINK_STATUS_CNF(HOST, MODEM, 1, 0)),
    "d ready": ("lumissil", VS_D_LINK_READY_IND(HOST, MODEM, 1)),
    "d joined": ("lumissil", VS_HOST_MESSAGE_STATUS_IND(HOST, MODEM, HOST_JOINED)),
    "d station": ("lumissil", NSCM_GET_DEVICE_STATE_CNF(HOST, MODEM, STATE_STA)),
    "e": ("vertexcom", CM_NW_STATS_CNF(HOST, MODEM, [StationRate(REMOTE, 9, 8)])),
}
NO_EVIDENCE = [
    VS_D_LINK_READY_IND(HOST, MODEM, 0), VS_D_LINK_READY_IND(HOST, REMOTE, 1), NSCM_GET_D_LINK_STATUS_CNF(HOST, MODEM, 0),
    NSCM_GET_D_LINK_STATUS_CNF(HOST, REMOTE, 1), NSCM_GET_DEVICE_STATE_CNF(HOST, MODEM, STATE_CCO), NSCM_GET_DEVICE_STATE_CNF(HOST, REMOTE, STATE_STA),
    VS_HOST_MESSAGE_STATUS_IND(HOST, MODEM, HOST_READY_TO_JOIN), VS_HOST_MESSAGE_STATUS_IND(HOST, MODEM, HOST_DISCONNECTED),
    CM_NW_STATS_CNF(HOST, MODEM, []), CM_NW_STATS_CNF(HOST, REMOTE, [StationRate(REMOTE, 9, 8)]), CM_GET_KEY_CNF(HOST, REMOTE, 0, NID, NMK)]


@pytest.mark.parametrize("name", EVIDENCE)
def test_each_proof_is_one(name):
    kind, message = EVIDENCE[name]
    s = joining(kind)
    assert s.events(LinkSeen) == []
    s.give(message)
    assert len(s.events(LinkSeen)) == 1 and s.machine.link


@pytest.mark.parametrize("message", NO_EVIDENCE, ids=lambda m: f"{type(m).__name__} {m.src.hex()[-2:]}")
def test_what_proves_nothing(message):
    """A coordinator may be alone; a granted key is an answer of our own end (sheet 1.5)."""
    s = joining("lumissil")
    s.give(message)
    assert s.events(LinkSeen) == []


def test_f_traffic_of_the_peer_is_evidence_but_not_about_the_network_before():
    s = modem("generic")
    s.call(s.machine.watch_link)
    s.call(s.machine.set_key, NID, NMK)
    s.call(s.machine.traffic)
    assert s.events(LinkSeen) == []
    answer(s, 0)
    s.call(s.machine.traffic)
    assert len(s.events(LinkSeen)) == 1
    s.machine.unwatch_link()
    s.call(s.machine.traffic)
    assert not s.machine.link


def test_answers_of_the_network_before_do_not_count_with_any_kind():
    for kind, message in EVIDENCE.values():
        s = modem(kind)
        s.call(s.machine.set_key, NID, NMK)
        s.run_to(s.now + 600 * MS)
        s.call(s.machine.watch_link)
        s.give(message)
        assert s.events(LinkSeen) == [], message


# --- up, lost -------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", EVIDENCE)
def test_lost_after_three_misses_with_each_proof(name):
    kind, message = EVIDENCE[name]
    s = joining(kind)
    s.give(message)
    begin = s.now
    s.run_to(begin + 3900 * MS)
    assert s.events(LinkGone) == []
    s.run_to(begin + 4 * S)
    assert len(s.events(LinkGone)) == 1


def test_a_disconnected_indication_is_checked_not_believed():
    s = joining("lumissil")
    s.give(VS_D_LINK_READY_IND(HOST, MODEM, 1))
    s.run_to(s.now + 600 * MS)
    n = len(s.sent)
    for _ in range(20):                                    # a flood of them is answered once
        s.give(VS_HOST_MESSAGE_STATUS_IND(HOST, MODEM, HOST_DISCONNECTED))
        s.run_to(s.now)
    assert [type(m) for _, m in s.sent[n:]] == [NSCM_GET_D_LINK_STATUS_REQ] and s.machine.link
    for _ in range(2):
        s.give(NSCM_GET_D_LINK_STATUS_CNF(HOST, MODEM, 0))
    assert len(s.events(LinkGone)) == 1


@pytest.mark.parametrize("vouched", [False, True])
def test_no_stations_twice_is_the_end_unless_upper_layers_hear_the_peer(vouched):
    s = joining("qualcomm")
    s.give(EVIDENCE["a MMV 0"][1])
    for _ in range(4):
        if vouched:
            s.call(s.machine.vouch)
        s.run_to(s.now + 1 * S)
        if s.machine.link:
            s.give(VS_NW_INFO_CNF(HOST, MODEM, 0, [Network(NID, 1, 2, 0, REMOTE, 1, [])]))
    assert bool(s.events(LinkGone)) is not vouched        # TCP's own time limits are the judges then


def test_while_vouched_only_the_own_modem_is_asked_each_second():
    s = joining("qualcomm")
    s.give(EVIDENCE["a MMV 1"][1])
    n, begin = len(s.sent), s.now
    for _ in range(60):
        s.call(s.machine.vouch)
        s.run_to(s.now + 1 * S)
        s.give(EVIDENCE["a MMV 1"][1])
    asked = [m for _, m in s.sent[n:]]
    assert {type(m) for m in asked} == {VS_NW_INFO_REQ} and all(m.dst == LOCAL_DEVICE for m in asked)
    assert 55 <= len(asked) <= 61 and s.now - begin == 60 * S


def test_rates_are_asked_for_although_another_question_has_proven_the_link():
    s = joining("qualcomm")
    s.give(VS_NW_INFO_CNF(HOST, MODEM, 0, []))             # it knows the question, the station comes later
    s.give(VS_PL_LINK_STATUS_CNF(HOST, MODEM, 0, 1))
    n = len(s.sent)
    s.run_to(s.now + 1 * S)
    assert {type(m) for _, m in s.sent[n:]} == {VS_PL_LINK_STATUS_REQ, VS_NW_INFO_REQ}
    s.give(EVIDENCE["a MMV 0"][1])
    assert s.machine.peers == ([Peer(REMOTE, PEER, 9, 8)], s.now)
    s.give(CM_NW_STATS_CNF(HOST, MODEM, [StationRate(REMOTE, 1, 1)]))    # tells less: no host behind the modem
    assert s.machine.peers[0][0].host == PEER
    s.machine.unwatch_link()
    assert s.machine.peers == ([], -1)


def test_rates_from_nw_stats_where_nothing_else_is_known():
    s = joining("vertexcom")
    s.give(EVIDENCE["e"][1])
    assert s.machine.peers[0] == [Peer(REMOTE, None, 9, 8)]


def test_stations_of_another_network_are_not_the_peer():
    s = joining("qualcomm")
    s.give(VS_NW_INFO_CNF(HOST, MODEM, 0, [Network(bytes(7), 1, 2, 0, REMOTE, 1, STATIONS)]))
    assert s.events(LinkSeen) == [] and s.machine.peers[0] == []
