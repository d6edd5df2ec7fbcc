"""Car and charger, each a whole HomeplugTask behind an emulated modem, over a line that loses frames."""
from __future__ import annotations

import pytest

from kernel.timer import MS, NEVER, S
from tasks.homeplug.config import EmulatorConfig, SlacConfig
from tasks.homeplug.wire import CM_MNBC_SOUND_IND, CM_SLAC_MATCH_CNF, CM_START_ATTEN_CHAR_IND, parse
from tasks.messages import LinkLost, LinkUp, StartMatching, StopMatching, Vouch
from tasks.stop_reasons import StopReason

from tests.homeplug.line import Line, Node, World

PEV = bytes.fromhex("020000000a01")
PEV2 = bytes.fromhex("020000000a02")
EVSE = bytes.fromhex("020000000b01")
EVSE2 = bytes.fromhex("020000000b02")


def pair(seed=1, loss=0.0, emulator=None, config=None):
    line = Line(seed, loss)
    pev = Node(line, PEV, False, seed, config, emulator)
    evse = Node(line, EVSE, True, seed + 1, config, emulator)
    return line, pev, evse, World(pev, evse)


def both_up(*nodes):
    return lambda: all(n.role.state.name == "Matched" for n in nodes)


def test_nominal_session():
    line, pev, evse, world = pair()
    evse.commands.put(StartMatching())
    assert world.run_until(5 * S, lambda: evse.role.state.name == "WaitParm")
    assert evse.signals.modem.value.startswith("QCA7005 MAC-QCA7005")
    begin = world.now
    pev.commands.put(StartMatching())
    assert world.run_until(20 * S, both_up(pev, evse))
    assert 1200 * MS < world.now - begin < 5 * S
    up = pev.told.get(), evse.told.get()
    assert up == (LinkUp(EVSE, evse.role.nid), LinkUp(PEV, evse.role.nid))
    assert pev.checkpoints() == [100, 102, 103, 104, 130, 140, 150, 160, 170, 180, 190]
    assert evse.checkpoints() == [1, 101, 101, 110, 120, 155, 190]
    assert pev.signals.peer_mac.value == EVSE and 10 <= pev.signals.attenuation.value <= 13
    assert pev.signals.link_state.value == "Matched"
    assert pev.nic.modem.nmk == evse.nic.modem.nmk and pev.nic.modem.nid == evse.role.nid


def test_batch_spacing_on_the_line():
    line, pev, evse, world = pair()
    evse.commands.put(StartMatching())
    pev.commands.put(StartMatching())
    assert world.run_until(20 * S, both_up(pev, evse))
    at = [t for t, f in line.log if f[12:14] == b"\x88\xe1" and f[14] == 1
          and type(parse(f)) in (CM_START_ATTEN_CHAR_IND, CM_MNBC_SOUND_IND)]
    assert len(at) >= 13
    gaps = [b - a for a, b in zip(at[-13:], at[-12:])]
    assert all(20 * MS <= g <= 50 * MS for g in gaps), gaps


def test_only_joined_modems_carry_other_traffic():
    line, pev, evse, world = pair()
    ip = EVSE + PEV + b"\x86\xdd" + bytes(46)
    world.run_until(3 * S)
    pev.nic.send(ip, world.now)
    pev.nic.send(b"\x33\x33\0\0\0\1" + ip[6:], world.now)
    world.run_until(4 * S)
    assert evse.upper == [] and pev.nic.modem.blocked == 2
    evse.commands.put(StartMatching())
    pev.commands.put(StartMatching())
    assert world.run_until(30 * S, both_up(pev, evse))
    world.run_until(world.now + 500 * MS)
    pev.nic.send(ip, world.now)
    pev.nic.send(b"\x33\x33\0\0\0\1" + ip[6:], world.now)
    evse.nic.send(PEV + EVSE + ip[12:], world.now)
    world.run_until(world.now + 100 * MS)
    assert len(evse.upper) == 2 and len(pev.upper) == 1


@pytest.mark.parametrize("loss, seeds", [(0.0, 20), (0.05, 40), (0.20, 40)])
def test_matching_completes_for_many_seeds(loss, seeds):
    """Start again after each LinkLost, as the connection supervision does."""
    for seed in range(seeds):
        line, pev, evse, world = pair(seed * 7 + 3, loss)
        evse.commands.put(StartMatching())
        pev.commands.put(StartMatching())
        done = both_up(pev, evse)
        while not world.run_until(120 * S, lambda: done() or any(type(x) is LinkLost for n in (pev, evse) for x in n.told._items)):
            pytest.fail(f"seed {seed}: {pev.role.state} {evse.role.state}")
        for _ in range(10):
            if done():
                break
            for n in (pev, evse):
                if any(type(x) is LinkLost for x in n.told.drain(64)):
                    n.commands.put(StartMatching())
            world.run_until(world.now + 40 * S, lambda: done() or any(type(x) is LinkLost for n in (pev, evse) for x in n.told._items))
        assert done(), (seed, pev.role.state, evse.role.state)
        assert pev.nic.modem.nmk == evse.nic.modem.nmk


def test_two_runs_with_one_seed_are_identical():
    logs = []
    for _ in range(2):
        line, pev, evse, world = pair(99, 0.1)
        evse.commands.put(StartMatching())
        pev.commands.put(StartMatching())
        world.run_until(60 * S)
        logs.append(line.log)
    assert logs[0] == logs[1] and len(logs[0]) > 100


def test_two_chargers_the_nearest_is_chosen():
    for near, far in ((EVSE, EVSE2), (EVSE2, EVSE)):
        line = Line(5)
        pev = Node(line, PEV, False, 5)
        nodes = {near: Node(line, near, True, 6, emulator=EmulatorConfig(attenuation_db=12)),
                 far: Node(line, far, True, 7, emulator=EmulatorConfig(attenuation_db=33))}
        world = World(pev, *nodes.values())
        for n in nodes.values():
            n.commands.put(StartMatching())
        world.run_until(5 * S)
        pev.commands.put(StartMatching())
        assert world.run_until(30 * S, both_up(pev, nodes[near]))
        assert pev.told.get() == LinkUp(near, nodes[near].role.nid)
        world.run_until(world.now + 15 * S)
        assert nodes[far].role.state.name == "WaitParm" and len(nodes[far].told) == 0


def test_two_cars_and_two_chargers_with_crosstalk():
    line = Line(11, 0.02)
    cars = [Node(line, PEV, False, 1), Node(line, PEV2, False, 2)]
    chargers = [Node(line, EVSE, True, 3), Node(line, EVSE2, True, 4)]
    for charger, own, other in ((chargers[0], PEV, PEV2), (chargers[1], PEV2, PEV)):
        charger.nic.modem._attenuation_by_mac = {own: 10, other: 30}
        charger.commands.put(StartMatching())
    world = World(*cars, *chargers)
    world.run_until(4 * S)
    for car in cars:
        car.commands.put(StartMatching())
    assert world.run_until(60 * S, both_up(*cars, *chargers))
    assert [c.role.peer_mac for c in cars] == [EVSE, EVSE2]
    assert [c.role.peer_mac for c in chargers] == [PEV, PEV2]


def test_tplink_habits_work_too():
    """Empty profiles, no link status, 4 s of silence after a key."""
    line, pev, evse, world = pair(emulator=EmulatorConfig(kind="tplink", restart_ms=4000))
    evse.commands.put(StartMatching())
    pev.commands.put(StartMatching())
    assert world.run_until(40 * S, both_up(pev, evse))
    assert pev.signals.attenuation.value == 9.0            # the synthetic profile
    world.run_until(world.now + 60 * S)
    assert pev.role.state.name == "Matched" and evse.role.state.name == "Matched"


def test_stop_leaves_the_network_and_both_can_match_again():
    line, pev, evse, world = pair()
    evse.commands.put(StartMatching())
    pev.commands.put(StartMatching())
    assert world.run_until(20 * S, both_up(pev, evse))
    key = evse.nic.modem.nmk
    pev.commands.put(StopMatching())
    world.run_until(world.now + 1 * S)                     # TP_match_leave
    assert pev.nic.modem.nmk != key
    world.run_until(world.now + 10 * S)
    told = evse.told.drain(9)
    assert told[-1] == LinkLost(StopReason.LINK_LOST) and evse.role.state.name == "Off"
    assert evse.nic.modem.nmk not in (key, pev.nic.modem.nmk)
    evse.commands.put(StartMatching())
    pev.commands.put(StartMatching())
    assert world.run_until(world.now + 20 * S, both_up(pev, evse))
    assert evse.nic.modem.nmk != key


def test_link_survives_and_idles_cheaply_while_vouched():
    line, pev, evse, world = pair()
    evse.commands.put(StartMatching())
    pev.commands.put(StartMatching())
    assert world.run_until(20 * S, both_up(pev, evse))
    for _ in range(60):
        pev.commands.put(Vouch())
        evse.commands.put(Vouch())
        world.run_until(world.now + 1 * S)
    pev.commands.put(Vouch())
    frames, polls = len(line.log), pev.modem.polls
    for _ in range(60):
        pev.commands.put(Vouch())
        evse.commands.put(Vouch())
        world.run_until(world.now + 1 * S)
    assert pev.modem.polls - polls <= 61                   # once a second (sheet 4.3), and only to the own modem
    on_line = [f for _, f in line.log[frames:]]
    assert all(f[15:17] == b"\xfe\xbf" for f in on_line)   # nothing but the emulators' own announcements
    assert pev.role.state.name == evse.role.state.name == "Matched"


def test_charger_that_vanishes_is_noticed():
    line, pev, evse, world = pair()
    evse.commands.put(StartMatching())
    pev.commands.put(StartMatching())
    assert world.run_until(20 * S, both_up(pev, evse))
    pev.told.clear()
    line.loss = 1.0
    gone = world.now
    assert world.run_until(gone + 30 * S, lambda: len(pev.told) > 0)
    assert pev.told.get() == LinkLost(StopReason.LINK_LOST)
    assert world.now - gone < 10 * S


def test_generic_modem_without_qualcomm_messages():
    line, pev, evse, world = pair(config=SlacConfig(modem_kind="generic"))
    evse.commands.put(StartMatching())
    pev.commands.put(StartMatching())
    assert world.run_until(30 * S, both_up(pev, evse))
    assert pev.signals.modem.value == "generic"


def test_assumed_link_needs_no_modem():
    line = Line()
    node = Node(line, PEV, False, 1, SlacConfig(assume_link=True))
    world = World(node)
    world.run_until(1 * S)
    node.commands.put(StartMatching())
    assert world.run_until(2 * S, lambda: len(node.told) > 0)
    assert node.told.get() == LinkUp(bytes(6), bytes(7))
    assert node.task.run(world.now) == NEVER
    assert all(f[15:17] == b"\xfe\xbf" for _, f in line.log) and node.signals.link_state.value == "Assumed"


def test_overheard_match_does_not_reach_another_car():
    """A MATCH.CNF addressed to us from nobody we asked changes nothing once matched."""
    line, pev, evse, world = pair()
    evse.commands.put(StartMatching())
    pev.commands.put(StartMatching())
    assert world.run_until(20 * S, both_up(pev, evse))
    key, ignored = pev.nic.modem.nmk, pev.role.ignored
    stranger = line.tap(EVSE2)
    for src in (EVSE2, EVSE):
        stranger.send(CM_SLAC_MATCH_CNF(PEV, src, pev.role.run_id, PEV, src, bytes(7), bytes(16)).emit(), world.now)
    world.run_until(world.now + 5 * S)
    assert pev.role.ignored == ignored + 2 and pev.nic.modem.nmk == key and pev.role.state.name == "Matched"


def test_garbage_on_the_line_is_counted_and_survived():
    line, pev, evse, world = pair()
    noise = line.tap(EVSE2)
    evse.commands.put(StartMatching())
    pev.commands.put(StartMatching())
    for i in range(400):
        world.run_until(world.now + 20 * MS)
        size = line.rng.randrange(0, 80)
        noise.send(PEV + EVSE2 + b"\x88\xe1\x01" + bytes((line.rng.randrange(0x64, 0x88), 0x60)) + line.rng.randbytes(size), world.now)
    assert pev.task.wire_errors > 50
    assert world.run_until(world.now + 30 * S, both_up(pev, evse))
