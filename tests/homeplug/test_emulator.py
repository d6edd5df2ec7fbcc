"""The emulated modem: what it answers, what it lets pass, and that it jumps through time without polling."""
from __future__ import annotations

from random import Random

from kernel.timer import MS, S
from tasks.homeplug.config import EmulatorConfig
from tasks.homeplug.emulator import EmulatedModem
from tasks.homeplug.emulator_nic import EmulatedModemNic
from tasks.homeplug.keys import nid_from_nmk
from tasks.homeplug.wire import CM_ATTEN_PROFILE_IND, CM_MNBC_SOUND_IND, parse
from tasks.homeplug.wire_emulator import BEACON_MARK, Beacon
from tasks.homeplug.wire_header import BROADCAST, LOCAL_DEVICE
from tasks.homeplug.wire_keys import CM_GET_KEY_CNF, CM_GET_KEY_REQ, CM_SET_KEY_CNF, CM_SET_KEY_REQ
from tasks.homeplug.wire_modem import (VS_ATTENUATION_CHARACTERISTICS_IND, VS_NW_INFO_CNF, VS_NW_INFO_REQ, VS_OP_ATTRIBUTES_CNF, VS_OP_ATTRIBUTES_REQ,
                                       VS_PL_LINK_STATUS_CNF, VS_PL_LINK_STATUS_REQ, VS_RS_DEV_CNF, VS_RS_DEV_REQ, VS_SW_VER_CNF,
                                       VS_SW_VER_REQ)
from tasks.homeplug.wire_module import ReadModule, VS_MODULE_OPERATION_CNF, VS_MODULE_OPERATION_REQ

from tests.homeplug.line import Line

PEV = bytes.fromhex("020000000a01")
EVSE = bytes.fromhex("020000000b01")
NMK = bytes(range(16))
NID = nid_from_nmk(NMK)


class Bench:
    """Two emulated modems on one line; `ask` sends from a host and returns what that host hears within `wait`."""

    def __init__(self, config=None, evse_config=None, **kw):
        self.line = Line(1)
        self.pev = EmulatedModemNic(self.line.tap(PEV), EmulatedModem(config or EmulatorConfig(beacon_ms=1000), PEV, False, Random(1)))
        self.evse = EmulatedModemNic(self.line.tap(EVSE), EmulatedModem(evse_config or config or EmulatorConfig(beacon_ms=1000), EVSE, True, Random(2), **kw))
        self.now = 0
        self.heard = {PEV: [], EVSE: []}
        self.wakeups = 0

    def run(self, duration):
        end = self.now + duration
        while True:
            at = min(self.pev.next_event(), self.evse.next_event())
            if at > end:
                break
            self.now = max(self.now, at)
            self.wakeups += 1
            for nic in (self.pev, self.evse):
                if nic.next_event() <= self.now:
                    self.heard[nic.mac] += nic.receive(32, self.now)
        self.now = end

    def ask(self, nic, message, wait=1 * MS):
        self.heard[nic.mac].clear()
        nic.send(message.emit() if hasattr(message, "emit") else message, self.now)
        self.run(wait)
        return [parse(f) for _, f in self.heard[nic.mac] if f[12:14] == b"\x88\xe1"]

    def same_key(self):
        for nic in (self.pev, self.evse):
            self.ask(nic, CM_SET_KEY_REQ(LOCAL_DEVICE, nic.mac, NID, NMK))
        self.run(3 * S)


def test_answers_its_host_in_half_a_millisecond_and_not_the_line():
    b = Bench()
    b.run(100 * MS)
    sent = len(b.line.log)
    for dst in (LOCAL_DEVICE, b.pev.modem.mac):
        got = b.ask(b.pev, VS_SW_VER_REQ(dst, PEV))
        assert [type(m) for m in got] == [VS_SW_VER_CNF] and got[0].src == b.pev.modem.mac and got[0].dst == PEV
    assert b.heard[PEV][-1][0] == b.now - 500_000
    assert type(b.ask(b.pev, VS_OP_ATTRIBUTES_REQ(LOCAL_DEVICE, PEV, b"cook"))[0]) is VS_OP_ATTRIBUTES_CNF
    assert b.ask(b.pev, VS_PL_LINK_STATUS_REQ(LOCAL_DEVICE, PEV)) == [VS_PL_LINK_STATUS_CNF(PEV, b.pev.modem.mac, 0, 0)]
    assert b.ask(b.pev, VS_NW_INFO_REQ(LOCAL_DEVICE, PEV, 1)) == [VS_NW_INFO_CNF(PEV, b.pev.modem.mac, 1, [])]
    assert len(b.line.log) == sent and b.pev.modem.mac != PEV


def test_set_key_is_confirmed_with_1_then_silence():
    b = Bench(EmulatorConfig(restart_ms=4000))
    b.run(100 * MS)
    got = b.ask(b.pev, CM_SET_KEY_REQ(LOCAL_DEVICE, PEV, NID, NMK, b"nonc"))
    assert [(type(m), m.result, m.your_nonce) for m in got] == [(CM_SET_KEY_CNF, 1, b"nonc")]
    assert b.ask(b.pev, VS_SW_VER_REQ(LOCAL_DEVICE, PEV), 3900 * MS) == []
    b.run(200 * MS)
    assert len(b.ask(b.pev, VS_SW_VER_REQ(LOCAL_DEVICE, PEV))) == 1
    got = b.ask(b.pev, CM_GET_KEY_REQ(LOCAL_DEVICE, PEV, bytes(7), b"nonc"))
    assert (got[0].result, got[0].nid, got[0].nmk) == (1, NID, b"")
    got = b.ask(b.pev, CM_GET_KEY_REQ(LOCAL_DEVICE, PEV, NID, b"nonc"))
    assert (got[0].result, got[0].nmk) == (0, NMK)


def test_reset_is_silence_too():
    b = Bench()
    assert type(b.ask(b.pev, VS_RS_DEV_REQ(LOCAL_DEVICE, PEV))[0]) is VS_RS_DEV_CNF
    assert b.ask(b.pev, VS_SW_VER_REQ(LOCAL_DEVICE, PEV)) == []
    b.run(2 * S)
    assert len(b.ask(b.pev, VS_SW_VER_REQ(LOCAL_DEVICE, PEV))) == 1


def test_joined_after_the_join_time_and_told_by_every_question():
    b = Bench(EmulatorConfig(restart_ms=1500, join_ms=400))
    b.run(100 * MS)
    b.ask(b.pev, CM_SET_KEY_REQ(LOCAL_DEVICE, PEV, NID, NMK))
    b.ask(b.evse, CM_SET_KEY_REQ(LOCAL_DEVICE, EVSE, NID, NMK))
    begin = b.now
    b.run(1850 * MS)
    assert not b.pev.modem.joined(b.now)
    b.run(100 * MS)
    assert b.pev.modem.joined(b.now) and b.evse.modem.joined(b.now) and b.now - begin < 2 * S
    assert b.ask(b.pev, VS_PL_LINK_STATUS_REQ(LOCAL_DEVICE, PEV))[0].link == 1
    for mmv in (0, 1):
        got = b.ask(b.pev, VS_NW_INFO_REQ(LOCAL_DEVICE, PEV, mmv))[0]
        assert got.mmv == mmv and got.networks[0].nid == NID and got.networks[0].stations[0].bda == EVSE
    got = b.ask(b.pev, CM_GET_KEY_REQ(BROADCAST, PEV, NID, b"nonc"), 20 * MS)
    assert {m.src: m.result for m in got if type(m) is CM_GET_KEY_CNF} == {b.pev.modem.mac: 0, b.evse.modem.mac: 1}
    assert all(m.nmk == b"" for m in got if m.src == b.evse.modem.mac)


def test_traffic_stops_when_one_side_changes_its_key():
    b = Bench()
    b.same_key()
    ip = EVSE + PEV + b"\x86\xdd" + bytes(46)
    b.pev.send(ip, b.now)
    b.run(10 * MS)
    assert [f for _, f in b.heard[EVSE]][-1] == ip
    b.ask(b.evse, CM_SET_KEY_REQ(LOCAL_DEVICE, EVSE, bytes(7), bytes(16)))
    b.run(3 * S)
    b.heard[EVSE].clear()
    b.pev.send(ip, b.now)
    b.run(10 * MS)
    assert b.heard[EVSE] == [] and b.pev.modem.blocked == 1


def test_broadcast_set_key_does_not_leave_the_box():
    b = Bench()
    b.same_key()
    sent = len(b.line.log)
    b.pev.send(CM_SET_KEY_REQ(BROADCAST, PEV, bytes(7), b"\1" * 16).emit(), b.now)
    b.run(100 * MS)
    assert b.pev.modem.nmk == b"\1" * 16 and b.evse.modem.nmk == NMK
    assert all(f[12:20] == BEACON_MARK for _, f in b.line.log[sent:])


def test_key_requests_from_the_line_change_nothing():
    b = Bench()
    b.same_key()
    for dst in (b.evse.modem.mac, LOCAL_DEVICE, BROADCAST):
        b.line.taps[0].send(CM_SET_KEY_REQ(dst, PEV, bytes(7), b"\2" * 16).emit(), b.now)
        b.line.taps[0].send(VS_RS_DEV_REQ(dst, PEV).emit(), b.now)
    b.run(100 * MS)
    assert b.evse.modem.nmk == NMK and b.evse.modem.joined(b.now)


def test_the_key_is_never_on_the_line_and_beacons_never_reach_a_host():
    b = Bench()
    b.same_key()
    b.run(20 * S)
    assert all(NMK not in f for _, f in b.line.log)
    for frames in b.heard.values():
        assert all(f[12:20] != BEACON_MARK for _, f in frames)
    assert any(f[12:20] == BEACON_MARK for _, f in b.line.log) and Beacon.parse(b.line.log[0][1]).host_mac in (PEV, EVSE)


def test_charger_modem_measures_each_sound():
    b = Bench(evse_config=EmulatorConfig(attenuation_db=21), attenuation_by_mac={EVSE[:5] + b"\x77": 44})
    sound = CM_MNBC_SOUND_IND(BROADCAST, PEV, bytes(8), 9, bytes(16))
    b.ask(b.pev, sound, 20 * MS)
    kinds = [parse(f) for _, f in b.heard[EVSE]]
    assert [type(m) for m in kinds] == [CM_MNBC_SOUND_IND, VS_ATTENUATION_CHARACTERISTICS_IND, CM_ATTEN_PROFILE_IND]
    assert kinds[2].pev_mac == PEV and len(kinds[2].aag) == 58 and min(kinds[2].aag) == 21 and max(kinds[2].aag) == 24
    report = parse(b.heard[PEV][-1][1])                    # the car hears it too, without any network (sheet 1.4)
    assert report == kinds[1] and (report.pev_mac, report.aag) == (PEV, kinds[2].aag)
    b.heard[EVSE].clear()
    b.line.taps[0].send(CM_MNBC_SOUND_IND(BROADCAST, EVSE[:5] + b"\x77", bytes(8), 8, bytes(16)).emit(), b.now)
    b.run(20 * MS)
    assert min(parse(b.heard[EVSE][2][1]).aag) == 44
    b.heard[PEV].clear()
    b.ask(b.evse, CM_MNBC_SOUND_IND(BROADCAST, EVSE, bytes(8), 9, bytes(16)), 20 * MS)
    assert [type(parse(f)) for _, f in b.heard[PEV]] == [CM_MNBC_SOUND_IND]            # a car's modem does not measure


def test_idle_time_is_jumped_over():
    b = Bench()
    b.same_key()
    before = b.wakeups
    b.run(600 * S)
    assert b.wakeups - before <= 4 * 600 + 10 and b.pev.modem.joined(b.now)           # two beacons a second, sent and received


def test_silent_neighbour_is_forgotten():
    b = Bench()
    b.same_key()
    b.line.loss = 1.0
    b.run(5 * S)
    assert b.pev.modem.joined(b.now)
    b.run(2 * S)
    assert not b.pev.modem.joined(b.now) and not b.pev.modem.neighbours


def test_hostile_octets_on_both_sides():
    b = Bench()
    rng = Random(9)
    for n in range(3000):
        head = rng.choice([BROADCAST, PEV, EVSE, LOCAL_DEVICE, b.evse.modem.mac]) + PEV
        frame = (head + rng.choice([b"\x88\xe1", b"\x86\xdd"]) + rng.choice([b"\1", b"\0", b"\2"])
                 + rng.choice([b"\x76\x60", b"\x08\x60", b"\x00\xa0", b"\xfe\xbf\x02\xcc\x5b\1", b"\x38\xa0"])
                 + rng.randbytes(rng.randrange(60)))[:rng.randrange(90)]
        b.pev.send(frame, b.now)
        b.evse.modem.from_line(frame, b.now)
        b.run(1 * MS)
    assert len(b.evse.modem.neighbours) <= 16 and len(b.evse.modem._to_host) <= 256


def test_a_modem_lets_members_of_its_network_read_its_pib_and_nobody_else():
    """As real ones do over the power line, with their key (sheet 1.8, warning)."""
    b = Bench()
    b.run(100 * MS)
    ask = VS_MODULE_OPERATION_REQ(b.evse.modem.mac, PEV, ReadModule(96, 0))
    assert b.ask(b.pev, ask, 100 * MS) == []
    b.same_key()
    (got,) = b.ask(b.pev, ask, 100 * MS)
    assert type(got) is VS_MODULE_OPERATION_CNF and got.src == b.evse.modem.mac and got.module.octets == b.evse.modem.flash.image[:96]
    assert b.ask(b.pev, VS_MODULE_OPERATION_REQ(LOCAL_DEVICE, PEV, ReadModule(96, 0)))[0].src == b.pev.modem.mac


def test_the_pib_decides_what_a_modem_is():
    for role, coordinator, measures in (("auto", True, True), ("pev", False, False), ("unset", False, False), ("evse", True, True)):
        m = EmulatedModem(EmulatorConfig(pib_role=role), EVSE, True, Random(1))
        assert (m.coordinator, m.measures) == (coordinator, measures)
        m.from_line(CM_MNBC_SOUND_IND(BROADCAST, PEV, bytes(8), 9, bytes(16)).emit(), 0)
        kinds = [type(parse(f)) for _, f in m.to_host(8, 1 * S)]
        assert (CM_ATTEN_PROFILE_IND in kinds) == measures and CM_MNBC_SOUND_IND in kinds


def test_two_modems_that_may_never_coordinate_form_no_network():
    for pev, evse, joined in (("pev", "evse", True), ("pev", "pev", False), ("pev", "unset", True), ("evse", "pev", True)):
        b = Bench(EmulatorConfig(beacon_ms=1000, pib_role=pev), EmulatorConfig(beacon_ms=1000, pib_role=evse))
        b.same_key()
        assert bool(b.pev.modem.joined(b.now)) == bool(b.evse.modem.joined(b.now)) == joined, (pev, evse)


def test_who_speaks_rarely_is_not_forgotten_for_it():
    b = Bench()
    for node, period in ((b.pev, 5 * S), (b.evse, 200 * MS)):
        node.modem._beacon_period = period
    b.same_key()
    b.run(40 * S)
    assert b.evse.modem.joined(b.now) and b.pev.modem.joined(b.now)


def test_it_falls_asleep_30_s_after_it_was_switched_on_not_after_the_computer_was():
    on = 50_000 * S
    m = EmulatedModem(EmulatorConfig(), PEV, False, Random(1))
    m.handle_timer(on)
    assert not m.asleep
    m.handle_timer(on + 29 * S)
    assert not m.asleep
    m.handle_timer(on + 30 * S)
    assert m.asleep
