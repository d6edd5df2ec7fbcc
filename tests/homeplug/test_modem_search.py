"""Who is the own modem: kinds, the one at the other end, two at our end, late, asleep, exchanged, without firmware, silent."""
from __future__ import annotations

from random import Random

import pytest

from kernel.timer import MS, S
from tasks.homeplug.config import SlacConfig
from tasks.homeplug.events import ModemFound, ModemLost
from tasks.homeplug.modem import Modem
from tasks.homeplug.wire import parse
from tasks.homeplug.wire_header import BROADCAST, LOCAL_DEVICE
from tasks.homeplug.wire_keys import CM_SET_KEY_CNF, CM_SET_KEY_REQ
from tasks.homeplug.wire_link import VS_HST_ACTION_IND
from tasks.homeplug.wire_lumissil import (APCM_SET_CCO_CNF, APCM_SET_CCO_REQ, CCO_ALWAYS, CCO_NEVER, NSCM_GET_DEVICE_STATE_CNF,
                                          NSCM_GET_DEVICE_STATE_REQ, NSCM_GET_VERSION_CNF, NSCM_GET_VERSION_REQ, STATE_CCO, STATE_STA,
                                          STATE_UNASSOCIATED)
from tasks.homeplug.wire_modem import VS_OP_ATTRIBUTES_CNF, VS_OP_ATTRIBUTES_REQ, VS_SW_VER_CNF, VS_SW_VER_REQ
from tasks.machine import Note

from tests.captures import capture_files, captured
from tests.homeplug.stepping import Stepper

HOST = bytes.fromhex("020000000a01")
MODEM = bytes.fromhex("020000000a54")
SECOND = bytes.fromhex("020000000a99")
REMOTE = bytes.fromhex("020000000b54")
NID, NMK = b"network", bytes(range(16))


def searching(role=None, **config) -> Stepper:
    s = Stepper(Modem(SlacConfig(**config), HOST, Random(3), role))
    s.run_to(1 * MS)
    return s


def sw_ver(src=MODEM, device_class=0x22, version="MAC-TEST", ident=None):
    return VS_SW_VER_CNF(HOST, src, 0, device_class, version, ident)


def attributes(s, src=MODEM, hardware="QCA7005"):
    """The answer to the last question with a cookie."""
    return VS_OP_ATTRIBUTES_CNF(HOST, src, 0, s.last(VS_OP_ATTRIBUTES_REQ).cookie, hardware, "MAC")


def said(s, level=None) -> str:
    return " | ".join(e.text % e.args for e in s.events(Note) if level in (None, e.level))


# --- what is it ---------------------------------------------------------------------------------------------------------

def test_local_address_first_then_broadcast_in_the_words_of_both_makers():
    s = searching()
    s.run_to(1900 * MS)
    asked = [(t // MS, type(m).__name__, "local" if m.dst == LOCAL_DEVICE else "broadcast" if m.dst == BROADCAST else m.dst, getattr(m, "mmv", 0))
             for t, m in s.sent]
    assert asked == [(0, "VS_SW_VER_REQ", "local", 0), (0, "VS_OP_ATTRIBUTES_REQ", "local", 0), (0, "NSCM_GET_VERSION_REQ", "local", 1),
                     (100, "VS_SW_VER_REQ", "broadcast", 0), (100, "NSCM_GET_VERSION_REQ", "broadcast", 1),
                     (200, "NSCM_GET_VERSION_REQ", "local", 0), (200, "NSCM_GET_VERSION_REQ", "broadcast", 0)]


@pytest.mark.parametrize("kind, wanted", [("qualcomm", {VS_SW_VER_REQ, VS_OP_ATTRIBUTES_REQ}), ("lumissil", {NSCM_GET_VERSION_REQ}), ("vertexcom", set()),
                                          ("generic", set())])
def test_the_setting_says_in_whose_words(kind, wanted):
    s = searching(modem_kind=kind)
    s.run_to(5 * S)
    assert {type(m) for _, m in s.sent} == wanted


@pytest.mark.parametrize("device_class, ident, kind", [
    (0x22, 0x001B587C, "QCA7005"), (0x22, 0x001B589C, "QCA7000"), (0x22, 0x001B58DC, "QCA7000"), (0x22, None, "QCA7000/QCA7005"),
    (0x22, 0x12345678, "QCA7000/QCA7005"), (0x20, 0x001CFCFC, "QCA7420"), (0x30, None, "QCA7500"), (0x03, None, "INT6400"), (0x04, None, "AR7400"),
    (0x21, None, "AR6410/QCA7006"), (0x77, None, "class 0x77")])
def test_class_and_ident_name_the_chip(device_class, ident, kind):
    s = searching()
    s.give(sw_ver(device_class=device_class, ident=ident, version="MAC-X-1.1"))
    assert s.events(ModemFound) == [ModemFound(MODEM, f"{kind} MAC-X-1.1")] and s.machine.kind == kind


def test_a_modem_that_knows_op_attributes_alone_is_found_by_its_cookie():
    s = searching()
    s.give(VS_OP_ATTRIBUTES_CNF(HOST, REMOTE, 0, b"wrng", "QCA7420", "MAC"))
    assert s.machine.mac is None
    s.give(attributes(s, MODEM, "QCA7420"))
    assert s.machine.mac == MODEM and s.machine.kind == "QCA7420"


@pytest.mark.parametrize("mmv, at", [(1, 1), (0, 201)])
def test_lumissil_in_either_form(mmv, at):
    s = searching()
    s.run_to(at * MS)
    s.give(NSCM_GET_VERSION_CNF(HOST, MODEM, (1, 2, 3, 4, 0), mmv))
    assert s.events(ModemFound) == [ModemFound(MODEM, "CG5317 1.2.3.4")]
    s.call(s.machine.set_key, NID, NMK)
    # heard after the broadcast only: it may not know the local address, so it is spoken to by its own MAC
    assert s.last(CM_SET_KEY_REQ).dst == (LOCAL_DEVICE if at == 1 else MODEM)


def test_a_modem_without_the_local_address_that_answered_a_keys_broadcast_is_asked_and_keyed_by_its_name():
    """It was away, and came back between two broadcasts of the search: without this it would never get another key."""
    s = searching()
    s.call(s.machine.set_key, NID, NMK)
    while not any(m.dst == BROADCAST for _, m in s.sent if type(m) is CM_SET_KEY_REQ):
        s.run_to(s.now + 10 * MS)
    s.give(CM_SET_KEY_CNF(HOST, MODEM, 0, bytes(4), s.last(CM_SET_KEY_REQ).my_nonce))
    assert s.machine.mac == MODEM and s.machine.kind == "generic"
    s.call(s.machine.set_key, NID, NMK)
    asked_from = s.now
    s.run_to(s.now + 4 * S)
    by_name = [(type(m), getattr(m, "mmv", None)) for at, m in s.sent if at > asked_from and m.dst == MODEM]
    assert (CM_SET_KEY_REQ, None) in by_name and (NSCM_GET_VERSION_REQ, 0) in by_name and (NSCM_GET_VERSION_REQ, 1) in by_name
    s.give(NSCM_GET_VERSION_CNF(HOST, MODEM, (1, 0, 0, 7, 0), 0))
    assert s.machine.kind == "CG5317"
    s.call(s.machine.set_key, NID, NMK)
    assert s.last(CM_SET_KEY_REQ).dst == MODEM


def test_status_not_0_and_answers_for_others_find_nothing():
    s = searching()
    s.give(VS_SW_VER_CNF(HOST, MODEM, 1, 0x22, "x"))
    s.give(VS_SW_VER_CNF(REMOTE, MODEM, 0, 0x22, "x"))
    s.give(NSCM_GET_VERSION_CNF(REMOTE, MODEM, (1, 2, 3, 4, 0)))
    assert s.machine.mac is None and s.events(ModemFound) == []


# --- ours or the other end's --------------------------------------------------------------------------------------------

def test_the_other_end_answered_the_broadcast_and_gives_way_to_the_cookie():
    """Our modem is late; an old network still stands, so the modem at the other end hears our broadcast."""
    s = searching()
    s.run_to(150 * MS)
    s.give(sw_ver(REMOTE))
    assert s.machine.mac == REMOTE and "may be the other end's" in said(s)
    s.give(attributes(s, MODEM))
    assert s.machine.mac == MODEM and "is the own one, not" in said(s)
    assert [type(e) for _, e in s.seen if type(e) in (ModemFound, ModemLost)] == [ModemFound, ModemLost, ModemFound]


def test_the_other_end_gives_way_to_the_nonce_of_a_key():
    s = searching()
    s.run_to(150 * MS)
    s.give(sw_ver(REMOTE))
    s.call(s.machine.set_key, NID, NMK)
    req = s.last(CM_SET_KEY_REQ)
    assert req.dst == LOCAL_DEVICE                         # never to somebody who might be the other end
    s.give(CM_SET_KEY_CNF(HOST, SECOND, 1, bytes(4), b"gues"))
    assert s.machine.mac == REMOTE and s.machine.foreign == 1
    s.give(CM_SET_KEY_CNF(HOST, MODEM, 1, bytes(4), req.my_nonce))
    assert s.machine.mac == MODEM
    s.run_to(s.now + 1 * S)
    s.give(sw_ver(REMOTE))                                 # it still answers; ours is proven now
    assert s.machine.mac == MODEM


def test_what_a_key_has_proven_a_late_answer_to_the_broadcast_does_not_unprove():
    s = searching()
    s.call(s.machine.set_key, NID, NMK)
    s.run_to(600 * MS)
    s.give(CM_SET_KEY_CNF(HOST, MODEM, 0, bytes(4), s.last(CM_SET_KEY_REQ).my_nonce))
    s.give(NSCM_GET_VERSION_CNF(HOST, MODEM, (1, 2, 3, 4, 0)))           # what it is, in answer to the broadcast of 100 ms
    assert s.machine.kind == "CG5317" and "may be the other end's" not in said(s)
    s.call(s.machine.set_key, NID, NMK)
    assert s.last(CM_SET_KEY_REQ).dst == LOCAL_DEVICE      # it has answered there


def test_who_answered_the_local_address_is_not_displaced_by_a_broadcast_answer():
    s = searching()
    s.give(sw_ver())
    s.give(sw_ver(REMOTE))
    s.run_to(s.now + 2 * S)
    assert s.machine.mac == MODEM and s.machine.foreign == 1 and "two modems" not in said(s)


def test_two_modems_at_our_end_are_told_and_only_one_is_spoken_to():
    s = searching()
    s.give(sw_ver())
    s.give(sw_ver(SECOND))
    s.give(attributes(s, MODEM))
    s.give(attributes(s, SECOND))
    s.run_to(s.now + 1 * S)
    assert said(s, "warning").startswith("two modems at this interface: 02:00:00:00:0a:54 is used, 02:00:00:00:0a:99 is not. Unplug")
    s.call(s.machine.set_key, NID, NMK)
    assert s.last(CM_SET_KEY_REQ).dst == MODEM             # the local address would give the key to both
    for n in range(5):
        s.give(sw_ver(SECOND))
    assert said(s).count("two modems") == 1


def test_an_old_modem_that_knows_no_cookies_is_not_taken_for_exchanged():
    s = searching()
    s.give(sw_ver(device_class=0x03))
    s.run_to(1 * S)
    s.give(sw_ver(SECOND))
    s.give(attributes(s, SECOND))
    s.give(sw_ver(device_class=0x03))                      # it is still there, and says so in its own way
    s.run_to(s.now + 1 * S)
    assert s.machine.mac == MODEM and "two modems" in said(s, "warning") and "exchanged" not in said(s)


def test_a_modem_that_restarts_is_not_taken_for_exchanged():
    s = searching()
    s.give(sw_ver())
    s.call(s.machine.set_key, NID, NMK)
    s.give(CM_SET_KEY_CNF(HOST, MODEM, 1, bytes(4), s.last(CM_SET_KEY_REQ).my_nonce))
    for _ in range(6):                                     # 3 s of silence, as with a TP-Link
        s.run_to(s.now + 500 * MS)
        s.give(sw_ver(SECOND))
        s.give(attributes(s, SECOND))
    assert s.machine.mac == MODEM and "exchanged" not in said(s)
    for answer in (sw_ver(), attributes(s), attributes(s, SECOND)):
        s.give(answer)
    s.run_to(s.now + 2 * S)
    assert s.machine.mac == MODEM and "two modems" in said(s, "warning") and "exchanged" not in said(s)


# --- late, exchanged, asleep, silent ------------------------------------------------------------------------------------

def test_a_modem_that_appears_late_is_found_and_gets_the_key_that_waited():
    s = searching()
    s.call(s.machine.set_key, NID, NMK)
    s.run_to(95 * S)
    sends = s.machine.key_sends
    s.run_to(96 * S + 1 * MS)
    s.give(sw_ver())
    assert s.machine.mac == MODEM and s.machine.key_sends == sends + 1 and s.last(CM_SET_KEY_REQ).nmk == NMK


def test_silence_is_told_with_what_to_check_and_not_too_often():
    s = searching()
    s.run_to(11 * S)
    assert said(s) == ""
    s.run_to(1000 * S)
    told = [e.text % e.args for e in s.events(Note)]
    assert len(told) == 4 and all(word in told[0] for word in ("12 s", "supply", "cable", "interface", "slac.modem_kind"))


def test_an_exchanged_modem_is_taken_over_without_the_wait_of_a_lost_one():
    s = searching()
    s.give(sw_ver())
    s.give(attributes(s))
    s.call(s.machine.set_key, NID, NMK)
    s.give(CM_SET_KEY_CNF(HOST, MODEM, 1, bytes(4), s.last(CM_SET_KEY_REQ).my_nonce))
    s.run_to(s.now + 500 * MS)                             # it is asked whether it is back
    s.give(sw_ver())
    s.run_to(s.now + 5 * S)
    at = s.now
    s.give(sw_ver(SECOND, 0x20))                           # another one answers the local address
    s.give(attributes(s, SECOND, "QCA7420"))
    s.run_to(at + 600 * MS)
    assert "exchanged for 02:00:00:00:0a:99" in said(s, "warning") and s.machine.mac is None
    s.give(sw_ver(SECOND, 0x20))
    assert s.machine.mac == SECOND and s.machine.kind == "QCA7420"
    assert s.last(CM_SET_KEY_REQ).nmk == NMK and s.times(CM_SET_KEY_REQ)[-1] == s.now


def test_a_sleeping_station_is_no_fault_and_keeps_its_key():
    s = searching(role=False)
    s.give(sw_ver(ident=0x001B587C))
    s.give(CM_SET_KEY_CNF(HOST, MODEM, 1))
    s.call(s.machine.set_key, NID, NMK)
    s.give(CM_SET_KEY_CNF(HOST, MODEM, 1))
    s.run_to(s.now + 40 * S)
    assert s.events(ModemLost) == [ModemLost(True)] and "sleeps while it hears no coordinator" in said(s, "info") and said(s, "warning") == ""
    sends = s.machine.key_sends
    s.give(sw_ver(ident=0x001B587C))
    assert s.machine.mac == MODEM and s.machine.key_sends == sends       # a new key would make it restart just when it is needed


@pytest.mark.parametrize("role, ident, watch", [(True, 0x001B587C, False), (False, None, True), (False, 0x001B587C, True)])
def test_silence_of_a_charger_or_while_a_link_is_wanted_is_a_fault(role, ident, watch):
    s = searching(role=role)
    s.give(sw_ver(ident=ident))
    if watch:
        s.call(s.machine.watch_link)
    s.run_to(s.now + 20 * S)
    assert s.events(ModemLost) == [ModemLost(False)] and "is silent for" in said(s, "warning")


def test_presence_of_a_lumissil_modem_is_asked_in_its_own_words():
    s = searching()
    s.give(NSCM_GET_VERSION_CNF(HOST, MODEM, (1, 2, 3, 4, 0)))
    for n in range(1, 8):
        s.run_to(n * 5 * S + 10 * MS)
        s.give(NSCM_GET_DEVICE_STATE_CNF(HOST, MODEM, STATE_UNASSOCIATED))
    assert s.events(ModemLost) == [] and len(s.times(VS_SW_VER_REQ)) == 1 and len(s.times(NSCM_GET_DEVICE_STATE_REQ)) >= 7
    s.run_to(s.now + 30 * S)
    assert len(s.events(ModemLost)) == 1


# --- no firmware --------------------------------------------------------------------------------------------------------

def test_a_boot_loader_is_told_once_with_the_remedy_and_found_when_it_has_its_firmware():
    s = searching()
    boot = bytes.fromhex("00b052000003")
    for n in range(1, 5):
        s.give(sw_ver(boot, version="BootLoader"))
        s.give(VS_HST_ACTION_IND(HOST, boot, 0))
        s.run_to(n * 2 * S)
    told = said(s, "error")
    assert told.count("runs its boot loader") == 1 and "firmware" in told and "plcboot" in told
    assert s.machine.mac is None and s.events(ModemFound) == [ModemFound(boot, "boot loader, no firmware")]
    s.run_to(15 * S)
    assert "no modem answers" not in said(s)               # one does, and what it lacks has been told
    s.give(sw_ver(boot, version="MAC-QCA7000-1.1"))
    assert s.machine.mac == boot and s.events(ModemFound)[-1].text.endswith("MAC-QCA7000-1.1")


# --- the role of a Lumissil modem ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("role, state, wanted", [(True, STATE_UNASSOCIATED, CCO_ALWAYS), (True, STATE_STA, CCO_ALWAYS), (True, STATE_CCO, None),
                                                 (False, STATE_CCO, CCO_NEVER), (False, STATE_UNASSOCIATED, None), (False, STATE_STA, None),
                                                 (None, STATE_CCO, None)])
def test_the_role_is_set_when_the_state_shows_the_wrong_one(role, state, wanted):
    s = searching(role=role)
    s.give(NSCM_GET_VERSION_CNF(HOST, MODEM, (1, 2, 3, 4, 0)))
    assert s.last(NSCM_GET_DEVICE_STATE_REQ).dst == LOCAL_DEVICE
    for _ in range(5):
        s.give(NSCM_GET_DEVICE_STATE_CNF(HOST, MODEM, state))
    sent = [m.value for _, m in s.sent if type(m) is APCM_SET_CCO_REQ]
    assert sent == ([] if wanted is None else [wanted] * 3)              # bounded: it may never obey


def test_the_role_is_not_set_again_once_confirmed_nor_when_the_setting_forbids_it():
    s = searching(role=True)
    s.give(NSCM_GET_VERSION_CNF(HOST, MODEM, (1, 2, 3, 4, 0)))
    s.give(NSCM_GET_DEVICE_STATE_CNF(HOST, MODEM, STATE_STA))
    s.give(APCM_SET_CCO_CNF(HOST, MODEM))
    s.give(NSCM_GET_DEVICE_STATE_CNF(HOST, MODEM, STATE_STA))
    assert len(s.times(APCM_SET_CCO_REQ)) == 1
    s = searching(role=True, modem_set_role=False)
    s.give(NSCM_GET_VERSION_CNF(HOST, MODEM, (1, 2, 3, 4, 0)))
    s.give(NSCM_GET_DEVICE_STATE_CNF(HOST, MODEM, STATE_STA))
    assert s.times(APCM_SET_CCO_REQ) == []


def test_a_state_from_the_other_end_sets_nothing():
    s = searching(role=True)
    s.give(NSCM_GET_VERSION_CNF(HOST, MODEM, (1, 2, 3, 4, 0)))
    s.give(NSCM_GET_DEVICE_STATE_CNF(HOST, REMOTE, STATE_STA))
    assert s.times(APCM_SET_CCO_REQ) == [] and s.machine.foreign == 1


# --- recorded modems ----------------------------------------------------------------------------------------------------

def test_every_recorded_modem_is_named_as_its_firmware_names_itself():
    """106 answers of five firmwares; the text has the chip's name, class and IDENT must come to the same."""
    seen = set()
    for path in capture_files():
        for frame in captured(path, 0x88E1):
            if frame[15:17] in (b"\x01\xa0", b"\x69\xa0"):
                message = parse(frame)
                s = searching()
                if type(message) is VS_SW_VER_CNF:
                    message.dst = HOST
                    s.give(message)
                    assert f"-{s.machine.kind}-" in message.version and s.machine.mac == message.src
                    seen.add(message.version)
                elif message.hardware:
                    message.dst, message.cookie = HOST, s.last(VS_OP_ATTRIBUTES_REQ).cookie
                    s.give(message)
                    assert s.machine.kind == message.hardware
                    seen.add(message.hardware)
    assert len(seen) >= 7, seen


def test_that_nobody_answers_is_told_after_12_s_however_long_the_computer_runs():
    s = Stepper(Modem(SlacConfig(), HOST, Random(3), False), 50_000 * S)
    s.run_to(50_000 * S + 11_999 * MS)
    assert said(s, "warning") == ""
    s.run_to(50_012 * S)
    assert said(s, "warning").startswith("no modem answers at this interface for 12 s")
