"""The emulated modems have the habits of their kinds, and our car and charger match through every pair of them."""
from __future__ import annotations

from random import Random

import pytest

from kernel.timer import MS, S
from tasks.homeplug.config import EmulatorConfig, SlacConfig
from tasks.homeplug.emulator import EmulatedModem
from tasks.homeplug.emulator_kinds import BOOT_MAC, KINDS
from tasks.homeplug.modem_kinds import LUMISSIL, QUALCOMM
from tasks.homeplug.wire import CM_ATTEN_PROFILE_IND, CM_MNBC_SOUND_IND, CM_SLAC_PARM_REQ, parse
from tasks.homeplug.wire_header import BROADCAST, LOCAL_DEVICE
from tasks.homeplug.wire_keys import CM_GET_KEY_CNF, CM_GET_KEY_REQ, CM_SET_KEY_CNF, CM_SET_KEY_REQ
from tasks.homeplug.wire_link import CM_NW_STATS_CNF, CM_NW_STATS_REQ, VS_HST_ACTION_IND
from tasks.homeplug.wire_lumissil import (APCM_SET_CCO_CNF, APCM_SET_CCO_REQ, CCO_NEVER, HOST_DISCONNECTED, HOST_JOINED,
                                          NSCM_GET_D_LINK_STATUS_CNF, NSCM_GET_D_LINK_STATUS_REQ, NSCM_GET_DEVICE_STATE_CNF,
                                          NSCM_GET_DEVICE_STATE_REQ, NSCM_GET_VERSION_CNF, NSCM_GET_VERSION_REQ, NSCM_RESET_DEVICE_REQ,
                                          STATE_CCO, STATE_STA, STATE_UNASSOCIATED, VS_D_LINK_READY_IND, VS_HOST_MESSAGE_STATUS_IND)
from tasks.homeplug.wire_modem import (VS_ATTENUATION_CHARACTERISTICS_IND, VS_NW_INFO_CNF, VS_NW_INFO_REQ, VS_OP_ATTRIBUTES_CNF,
                                       VS_OP_ATTRIBUTES_REQ, VS_PL_LINK_STATUS_CNF, VS_PL_LINK_STATUS_REQ, VS_RS_DEV_REQ, VS_SW_VER_CNF,
                                       VS_SW_VER_REQ)
from tasks.messages import LinkLost, StartMatching, StopMatching, Vouch

from tests.homeplug.line import Line, Node, World
from tests.homeplug.test_emulator import EVSE, NID, NMK, PEV, Bench
from tests.homeplug.test_end_to_end import both_up

WORKING = [kind for kind in KINDS if kind not in ("bootloader", "tplink")]
QUESTIONS = {
    "VS_SW_VER": (VS_SW_VER_REQ(LOCAL_DEVICE, PEV), VS_SW_VER_CNF), "VS_OP_ATTRIBUTES": (VS_OP_ATTRIBUTES_REQ(LOCAL_DEVICE, PEV, b"cook"), VS_OP_ATTRIBUTES_CNF),
    "VS_NW_INFO 0": (VS_NW_INFO_REQ(LOCAL_DEVICE, PEV, 0), VS_NW_INFO_CNF), "VS_NW_INFO 1": (VS_NW_INFO_REQ(LOCAL_DEVICE, PEV, 1), VS_NW_INFO_CNF),
    "VS_PL_LINK_STATUS": (VS_PL_LINK_STATUS_REQ(LOCAL_DEVICE, PEV), VS_PL_LINK_STATUS_CNF), "CM_GET_KEY": (CM_GET_KEY_REQ(LOCAL_DEVICE, PEV, NID), CM_GET_KEY_CNF),
    "CM_NW_STATS": (CM_NW_STATS_REQ(LOCAL_DEVICE, PEV), CM_NW_STATS_CNF),
    "NSCM_GET_VERSION 0": (NSCM_GET_VERSION_REQ(LOCAL_DEVICE, PEV, 0), NSCM_GET_VERSION_CNF),
    "NSCM_GET_VERSION 1": (NSCM_GET_VERSION_REQ(LOCAL_DEVICE, PEV, 1), NSCM_GET_VERSION_CNF)}
QCA = {"VS_SW_VER", "VS_OP_ATTRIBUTES", "CM_GET_KEY"}
ANSWERS = {
    "qca7005": QCA | {"VS_NW_INFO 0", "VS_NW_INFO 1", "VS_PL_LINK_STATUS"}, "qca7000": QCA | {"VS_NW_INFO 0", "VS_PL_LINK_STATUS"},
    "qca7420": QCA | {"VS_NW_INFO 0", "VS_NW_INFO 1"}, "qca7500": QCA | {"VS_NW_INFO 1"}, "int6400": QCA - {"VS_OP_ATTRIBUTES"} | {"VS_NW_INFO 0"},
    "cg5317": {"NSCM_GET_VERSION 1"}, "cg5317-old": set(), "vertexcom": {"CM_NW_STATS"}, "generic": set(), "bootloader": {"VS_SW_VER"}}


def alone(kind, evse=False, **more):
    config = EmulatorConfig(kind=kind, beacon_ms=1000, sleep=False, **more)
    b = Bench(config)
    b.run(10 * MS)
    return b


def replies(b, nic, message, wait=1 * MS):
    """What the modem answers, without what the host's own frames look like when its driver loops them back."""
    return [m for m in b.ask(nic, message, wait) if m.src != nic.mac]


# --- habits ---------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("kind", ANSWERS)
def test_each_kind_answers_what_it_knows(kind):
    b = alone(kind)
    assert {name for name, (question, cnf) in QUESTIONS.items() if [type(m) for m in replies(b, b.pev, question)] == [cnf]} == ANSWERS[kind]


@pytest.mark.parametrize("kind", WORKING)
def test_key_result_and_silence(kind):
    b = alone(kind)
    dst = LOCAL_DEVICE if KINDS[kind].local_address else b.pev.modem.mac
    got = replies(b, b.pev, CM_SET_KEY_REQ(dst, PEV, NID, NMK, b"nonc"))
    assert [(type(m), m.result, m.your_nonce) for m in got] == [(CM_SET_KEY_CNF, 1 if KINDS[kind].maker == QUALCOMM else 0, b"nonc")]
    b.run(10 * MS)                                         # the line needs 2 ms
    assert not b.evse.modem.neighbours[b.pev.modem.mac].alive
    b.run(KINDS[kind].restart_ms * MS)
    b.run(20 * MS)
    assert b.evse.modem.neighbours[b.pev.modem.mac].alive and b.pev.modem.nmk == NMK


def test_the_old_lumissil_knows_its_own_mac_only_and_speaks_mmv_0():
    b = alone("cg5317-old")
    assert replies(b, b.pev, NSCM_GET_VERSION_REQ(BROADCAST, PEV, 1)) == []
    for dst in (b.pev.modem.mac, BROADCAST):
        got = [m for m in replies(b, b.pev, NSCM_GET_VERSION_REQ(dst, PEV, 0)) if m.src == b.pev.modem.mac]
        assert got == [NSCM_GET_VERSION_CNF(PEV, b.pev.modem.mac, (1, 0, 0, 7, 0), 0)]


@pytest.mark.parametrize("kind, own, on_line", [("qca7005", True, True), ("qca7420", False, True), ("int6400", True, False), ("cg5317", True, False)])
def test_profiles_and_reports_of_each_sound(kind, own, on_line):
    """TP-Link measures nothing and says so twice (sheet 1.4); every QCA modem tells everybody."""
    b = alone(kind)
    b.ask(b.pev, CM_MNBC_SOUND_IND(BROADCAST, PEV, bytes(8), 9, bytes(16)), 20 * MS)
    got = [parse(f) for _, f in b.heard[EVSE]]
    assert [len(m.aag) for m in got if type(m) is CM_ATTEN_PROFILE_IND] == [58 if own else 0]
    reports = [parse(f) for _, f in b.heard[PEV] if f[12:17] == b"\x88\xe1\x00\x4e\xa1"]
    assert [len(m.aag) for m in reports if type(m) is VS_ATTENUATION_CHARACTERISTICS_IND] == ([58 if own else 0] if on_line else [])


def test_a_lumissil_modem_tells_states_and_link_by_itself():
    b = alone("cg5317")
    mac = b.pev.modem.mac
    assert replies(b, b.pev, NSCM_GET_DEVICE_STATE_REQ(LOCAL_DEVICE, PEV)) == [NSCM_GET_DEVICE_STATE_CNF(PEV, mac, STATE_UNASSOCIATED)]
    assert replies(b, b.evse, NSCM_GET_DEVICE_STATE_REQ(LOCAL_DEVICE, EVSE))[0].value == STATE_CCO
    b.same_key()
    told = [parse(f) for _, f in b.heard[PEV] if f[12:14] == b"\x88\xe1"]
    assert VS_D_LINK_READY_IND(PEV, mac, 1) in told and VS_HOST_MESSAGE_STATUS_IND(PEV, mac, HOST_JOINED) in told
    assert replies(b, b.pev, NSCM_GET_D_LINK_STATUS_REQ(LOCAL_DEVICE, PEV)) == [NSCM_GET_D_LINK_STATUS_CNF(PEV, mac, 1)]
    assert replies(b, b.pev, NSCM_GET_DEVICE_STATE_REQ(LOCAL_DEVICE, PEV))[0].value == STATE_STA
    b.heard[EVSE].clear()
    assert replies(b, b.pev, NSCM_RESET_DEVICE_REQ(LOCAL_DEVICE, PEV, 0)) == []      # no confirmation
    b.run(5 * S)
    told = [parse(f) for _, f in b.heard[EVSE] if f[12:14] == b"\x88\xe1"]
    assert VS_HOST_MESSAGE_STATUS_IND(EVSE, b.evse.modem.mac, HOST_DISCONNECTED) in told
    assert type(replies(b, b.evse, APCM_SET_CCO_REQ(LOCAL_DEVICE, EVSE, CCO_NEVER))[0]) is APCM_SET_CCO_CNF and not b.evse.modem.coordinator


def test_answers_to_the_line_come_from_qualcomm_modems_alone():
    for kind in ("qca7005", "cg5317", "generic"):
        b = alone(kind)
        b.same_key()
        b.heard[PEV].clear()
        for message in (VS_SW_VER_REQ(BROADCAST, PEV), CM_GET_KEY_REQ(BROADCAST, PEV, NID, b"nonc"), NSCM_GET_VERSION_REQ(BROADCAST, PEV),
                        CM_SET_KEY_REQ(BROADCAST, PEV, bytes(7), bytes(16)), VS_RS_DEV_REQ(b.evse.modem.mac, PEV)):
            if type(message) is not CM_SET_KEY_REQ:
                b.ask(b.pev, message, 20 * MS)
                remote = {type(parse(f)) for _, f in b.heard[PEV] if f[6:12] == b.evse.modem.mac}
                assert remote <= ({VS_SW_VER_CNF, CM_GET_KEY_CNF} if kind == "qca7005" else set())
        assert b.evse.modem.nmk == NMK


def test_a_boot_loader_cries_and_lets_nothing_pass():
    b = alone("bootloader")
    b.heard[PEV].clear()
    b.run(3 * S)
    assert {type(parse(f)) for _, f in b.heard[PEV]} == {VS_HST_ACTION_IND} and b.pev.modem.mac == BOOT_MAC
    sent = len(b.line.log)
    b.ask(b.pev, CM_SLAC_PARM_REQ(BROADCAST, PEV, bytes(8)), 20 * MS)
    b.pev.send(EVSE + PEV + b"\x86\xdd" + bytes(46), b.now)
    assert all(f[6:12] != PEV for _, f in b.line.log[sent:])
    assert replies(b, b.pev, CM_SET_KEY_REQ(LOCAL_DEVICE, PEV, NID, NMK)) == []


def test_a_station_sleeps_without_a_coordinator_and_wakes_up_with_one():
    line = Line(1)
    config = EmulatorConfig(kind="qca7000", beacon_ms=1000)
    pev = EmulatedModem(config, PEV, False, Random(1))
    for at in range(0, 29):
        pev.handle_timer(at * S)
    assert not pev.asleep
    pev.handle_timer(30 * S)
    assert pev.asleep
    pev.from_host(VS_SW_VER_REQ(LOCAL_DEVICE, PEV).emit(), 31 * S)
    assert all(parse(f).src == PEV for _, f in pev.to_host(9, 32 * S))         # the loop of its driver, no answer
    evse = EmulatedModem(config, EVSE, True, Random(2))
    evse.handle_timer(40 * S)
    for frame in evse.to_line():
        pev.from_line(frame, 40 * S)
    pev.handle_timer(40 * S + 500 * MS)
    assert not pev.asleep and not evse.asleep and line.frames == 0
    pev.handle_timer(71 * S)
    assert pev.asleep                                      # the coordinator went away again


# --- every pair -----------------------------------------------------------------------------------------------------------

def met(car, charger, seed=3, **more):
    """(car, charger, world, ns from StartMatching of the car to both Matched or None)."""
    line = Line(seed)
    pev = Node(line, PEV, False, seed, more.get("car_config"), EmulatorConfig(kind=car, join_ms=more.get("join_ms", 400)))
    evse = Node(line, EVSE, True, seed + 1, None, EmulatorConfig(kind=charger, join_ms=more.get("join_ms", 400)))
    world = World(pev, evse)
    evse.commands.put(StartMatching())
    assert world.run_until(20 * S, lambda: evse.role.state.name == "WaitParm"), f"{charger}: {evse.role.state}"
    begin = world.now
    pev.commands.put(StartMatching())
    done = world.run_until(begin + 20 * S, both_up(pev, evse))
    return pev, evse, world, world.now - begin if done else None


@pytest.mark.parametrize("car", WORKING)
@pytest.mark.parametrize("charger", WORKING)
def test_our_car_and_our_charger_match_through_every_pair_of_kinds(car, charger):
    pev, evse, world, took = met(car, charger)
    assert took is not None, (pev.role.state, evse.role.state)
    assert pev.nic.modem.nmk == evse.nic.modem.nmk and pev.nic.modem.joined(world.now)
    assert pev.role.failures == 0
    assert pev.told.get().peer_mac == EVSE and evse.told.get().peer_mac == PEV
    for node in (pev, evse):
        assert node.task.wire_errors == 0
        named = {"qca7420": "QCA7420", "cg5317": "CG5317", "cg5317-old": "CG5317", "vertexcom": "generic", "generic": "generic"}
        kind = car if node is pev else charger
        assert node.signals.modem.value.startswith(named.get(kind, kind.upper())), node.signals.modem.value
    if KINDS[charger].profile:
        assert 10 <= pev.signals.attenuation.value <= 13
    else:
        assert pev.signals.attenuation.value == 9.0        # synthetic: the modem measured nothing


@pytest.mark.parametrize("kind", WORKING)
@pytest.mark.parametrize("whole_ms", [200, 8000])
def test_the_join_may_take_what_it_takes_in_the_field(kind, whole_ms):
    """0.2 to 8 s from CM_SLAC_MATCH.CNF on, restart and all (sheet 0 row 5); a modem that can be asked reports it within a second."""
    join_ms = max(200, whole_ms - KINDS[kind].restart_ms)
    pev, evse, world, took = met(kind, "qca7005", join_ms=join_ms)
    assert took is not None and pev.role.failures == 0
    asked = 1450 + KINDS[kind].restart_ms + join_ms + 1000
    assert took <= asked * MS or KINDS[kind].maker not in (QUALCOMM, LUMISSIL)


@pytest.mark.parametrize("kind", WORKING)
def test_a_session_stays_up_for_a_minute_and_ends_with_a_clean_leave(kind):
    pev, evse, world, _ = met(kind, kind)
    for _ in range(30):
        for node in (pev, evse):
            node.commands.put(Vouch())
        world.run_until(world.now + 2 * S)
    assert pev.role.state.name == evse.role.state.name == "Matched" and len(pev.told) == 1
    key = evse.nic.modem.nmk
    pev.commands.put(StopMatching())
    world.run_until(world.now + 1 * S)
    assert pev.nic.modem.nmk != key


@pytest.mark.parametrize("kind", WORKING)
def test_the_link_stays_up_and_the_modem_present_on_its_own_answers_alone(kind):
    """Nobody vouches, no traffic: the questions that this kind answers must do."""
    pev, evse, world, _ = met(kind, kind)
    world.run_until(world.now + 90 * S)
    assert pev.role.state.name == evse.role.state.name == "Matched" and len(pev.told) == len(evse.told) == 1
    assert not [e.message() for n in (pev, evse) for e in n.journal._ring if "is silent for" in e.message()]


@pytest.mark.parametrize("kind", WORKING)
def test_a_modem_reset_in_the_middle_is_survived_while_upper_layers_hear_the_peer(kind):
    pev, evse, world, _ = met(kind, kind)
    pev.nic.modem._restart_time = 1000 * MS
    pev.nic.modem._go_silent(world.now)
    for _ in range(10):
        for node in (pev, evse):
            node.commands.put(Vouch())                     # TCP is alive: within 5 s of its last message
        world.run_until(world.now + 1 * S)
    assert pev.role.state.name == evse.role.state.name == "Matched" and len(pev.told) == len(evse.told) == 1
    assert pev.nic.modem.joined(world.now)


@pytest.mark.parametrize("new", ["qca7420", "cg5317"])
def test_a_modem_exchanged_while_waiting_is_found_keyed_and_matches(new):
    line = Line(5)
    pev, evse = Node(line, PEV, False, 5), Node(line, EVSE, True, 6)
    world = World(pev, evse)
    evse.commands.put(StartMatching())
    assert world.run_until(10 * S, lambda: evse.role.state.name == "WaitParm")
    old = evse.nic.modem
    evse.nic.modem = EmulatedModem(EmulatorConfig(kind=new, beacon_ms=1000), EVSE, True, Random(77))
    evse.nic.modem.mac = old.mac[:5] + bytes((old.mac[5] ^ 1,))
    evse.nic.modem._beacon.arm_at(world.now)
    world.run_until(world.now + 40 * S, lambda: evse.modem.mac == evse.nic.modem.mac)
    assert evse.modem.mac == evse.nic.modem.mac and evse.modem.mac != old.mac
    world.run_until(world.now + 15 * S)
    assert evse.nic.modem.nmk == old.nmk                   # it got the key that was in force
    pev.commands.put(StartMatching())
    assert world.run_until(world.now + 30 * S, both_up(pev, evse))


def test_a_car_whose_modem_sleeps_matches_as_soon_as_a_charger_appears():
    line = Line(8)
    pev = Node(line, PEV, False, 8, None, EmulatorConfig(kind="qca7000"))
    world = World(pev)
    world.run_until(60 * S)
    assert pev.nic.modem.asleep and pev.signals.modem.value.startswith("asleep, QCA7000")
    evse = Node(line, EVSE, True, 9)
    evse.nic.modem._beacon.arm_at(world.now)
    world = World(pev, evse)
    world.now = 60 * S
    for node in (evse, pev):
        node.commands.put(StartMatching())
    assert world.run_until(90 * S, both_up(pev, evse))
    assert pev.signals.modem.value.startswith("QCA7000")


def test_kind_and_setting_of_another_maker_do_not_meet():
    """A wrong setting is no disaster: the key is answered, the link proven by the other side's answers."""
    pev, evse, world, took = met("cg5317", "qca7005", car_config=SlacConfig(modem_kind="generic"))
    assert took is not None and pev.signals.modem.value == "generic"


def test_a_modem_silent_for_ever_is_told_and_never_ends_the_program():
    line = Line(9)
    pev = Node(line, PEV, False, 9, None, EmulatorConfig(kind="generic"))
    pev.nic.modem.from_host = lambda frame, now: None      # nothing comes back
    world = World(pev)
    pev.commands.put(StartMatching())
    world.run_until(400 * S)
    told = [e.message() for e in pev.journal._ring if e.level == "warning"]
    assert len(told) == 2 and "supply" in told[0] and "cable" in told[0] and "interface name" in told[0]
    assert pev.signals.modem.value is None and not any(type(x) is LinkLost for x in pev.told._items)


@pytest.mark.parametrize("set_role", [True, False])
def test_a_charger_whose_lumissil_modem_has_the_wrong_role_makes_it_coordinator(set_role):
    """Its configuration binary says station (sheet 1.9): without APCM_SET_CCO it measures no sound and nothing can match."""
    line = Line(4)
    pev = Node(line, PEV, False, 4)
    evse = Node(line, EVSE, True, 5, SlacConfig(modem_set_role=set_role), EmulatorConfig(kind="cg5317", pib_role="pev"))
    world = World(pev, evse)
    for node in (evse, pev):
        node.commands.put(StartMatching())
    assert world.run_until(15 * S, both_up(pev, evse)) is set_role
    assert evse.nic.modem.coordinator is set_role
    assert any("APCM_SET_CCO" in e.message() for e in evse.journal._ring) is set_role
