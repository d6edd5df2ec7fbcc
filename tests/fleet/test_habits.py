"""The habits are really there, measured on the line: a fleet of well-behaved peers would prove nothing."""
from __future__ import annotations

from statistics import median

import pytest

from drivers.sim.plant_config import PlantConfig
from drivers.sim.power_stage import PowerStage
from exi_native import codec
from kernel.settings import SettingsError
from kernel.timer import NEVER, S
from tasks.config import Config
from tasks.homeplug.wire import CM_START_ATTEN_CHAR_IND
from tasks.homeplug.wire_header import BROADCAST
from tasks.ipv6 import wire as ipv6
from tasks.tcp import wire as tcp
from tools.simulate.charge import Charge
from tools.simulate.fleet import choose
from tools.simulate.fleet.chargers import CHARGERS
from tools.simulate.fleet.edited_nic import EditedNic
from tools.simulate.fleet.meet import meet
from tools.simulate.fleet.odd_stage import OddStage
from tools.simulate.fleet.traits import Change, ChargerTraits, Expected, Personality
from tests.fleet.wiretap import Tapped

MATCHED = "CM_SLAC_MATCH.CNF"
TICK = 10.0          # ms: what waits goes out at the kernel's next tick


def test_a_peer_without_habits_is_our_own():
    """Same frames at the same times as in a plain simulated charge."""
    config = Config()
    plain = Charge(config, PlantConfig(battery_soc_percent=96.0, battery_capacity_wh=5000.0), codec.load())
    config.ev.stop_soc_percent = 97.0
    plain.run()
    assert Tapped().charge.trace_hash() == plain.trace_hash()


# --- cars: measured times (network sheet 5.2, 7.3, 8; captures in cars.py)

@pytest.mark.parametrize("car, sound_gap, to_match, to_sdp, to_syn, pace", [
    ("ioniq", 20, 1220, 4120, 600, 90), ("model-y", 24, 1207, 430, 60, 17), ("model-x", 25, 1208, 720, 10, 39),
    ("polestar-2", 40, 1520, 550, 630, 123), ("audi-q4", 40, 590, 3200, 70, 100)])
def test_a_car_keeps_its_measured_times(car, sound_gap, to_match, to_sdp, to_syn, pace):
    t = Tapped(car)
    sounds = t.times("CM_MNBC_SOUND.IND")
    assert median(b - a for a, b in zip(sounds, sounds[1:10])) == pytest.approx(sound_gap, abs=TICK)
    start = t.first("CM_START_ATTEN_CHAR.IND")
    assert t.first("CM_SLAC_MATCH.REQ") - start == pytest.approx(to_match, rel=0.16)
    matched = t.first(MATCHED)
    assert t.first("SDP request") - matched == pytest.approx(to_sdp, abs=100, rel=0.15)        # our own link test asks every 500 ms
    plain = [s.at for s in t.seen if s.name == "SDP response"]
    taken = plain[-1] if car == "audi-q4" else plain[0]
    assert t.first("SYN") - taken == pytest.approx(to_syn, abs=TICK)
    assert median(t.turns("CurrentDemandReq")) == pytest.approx(pace, abs=12)


def test_an_ioniq_announces_small_segments_and_probes():
    t = Tapped("ioniq")
    syn = next(s for s in t.seen if s.name == "SYN")
    assert syn.frame[74:78] == bytes((2, 4, 350 >> 8, 350 & 0xFF))
    assert max(len(s.frame) - 74 for s in t.seen if s.name == "V2G" and s.sender == "evse") <= 350
    probe = t.first("NS", "pev", after=syn.at + 4000)
    assert probe - syn.at == pytest.approx(5000, abs=20) and t.first("NA", "evse", after=probe) - probe < 20


def test_teslas_offer_their_own_protocol_first_and_an_audi_wants_tls_49_times():
    offers = Tapped("model-y").said("supportedAppProtocolReq")[0].AppProtocol
    assert [(o.ProtocolNamespace, o.Priority) for o in offers] == [("urn:tesla:din:2018", 1), ("urn:din:70121:2012:MsgDef", 2)]
    requests = [s.frame[70:71] for s in Tapped("audi-q4").seen if s.name == "SDP request"]
    assert requests == [b"\x00"] * 49 + [b"\x10"]


# --- chargers

def test_an_alpitronic_solicits_before_it_answers_sdp():
    t = Tapped("alpitronic")
    asked = t.first("SDP request")
    assert asked <= t.first("NS", "evse", after=asked) <= t.first("NA", "pev", after=asked) <= t.first("SDP response")
    syn = next(s for s in t.seen if s.name == "SYN")
    assert syn.frame[56:58] == bytes.fromhex("c7a6")
    assert 0 < median(t.turns("CurrentDemandRes")) <= TICK


def test_slac_habits_are_on_the_line():
    compleo, abb = Tapped("compleo"), Tapped("abb")
    for t, after_last_sound in ((compleo, 200), (abb, 608)):
        assert t.first("CM_ATTEN_CHAR.IND") - t.times("CM_MNBC_SOUND.IND")[9] == pytest.approx(after_last_sound, abs=20)
    assert not abb.said("WeldingDetectionRes") and abb.said("WeldingDetectionReq")


class Wire:
    """A Nic whose incoming frames the test gives."""

    mac = bytes.fromhex("020000000c02")
    errors = 0

    def __init__(self):
        self.coming = []
        self.sent = []

    def receive(self, limit, now):
        coming, self.coming = self.coming, []
        return [(now, frame) for frame in coming]

    def send(self, frame, now):
        self.sent.append(frame)
        return True

    def next_event(self):
        return NEVER


CAR = bytes.fromhex("020000000e01")


@pytest.mark.parametrize("time_out, heard", [(6, 1), (10, 0)])
def test_a_charger_that_insists_on_its_timeout_hears_no_other(time_out, heard):
    """Field sheet 7.1 issue 13: pyPLC sent 1000 ms where the Compleo had announced 600."""
    wire = Wire()
    nic = EditedNic(wire, ChargerTraits(insists_on_timeout=True))
    wire.coming = [CM_START_ATTEN_CHAR_IND(BROADCAST, CAR, bytes(8), CAR, 10, time_out).emit()]
    assert len(nic.receive(32, 0)) == heard


def packet(src_mac, dst_mac, next_header, payload, hop_limit=64):
    src, dst = ipv6.link_local(src_mac), ipv6.link_local(dst_mac)
    return dst_mac + src_mac + bytes.fromhex("86dd") + ipv6.emit_ipv6(src, dst, next_header, hop_limit, payload(src, dst))


@pytest.mark.parametrize("answered", [False, True])
def test_a_probing_peer_is_dead_without_an_answer(answered):
    wire = Wire()
    nic = EditedNic(wire, ChargerTraits(probe_after_s=5.0))
    segment = packet(Wire.mac, CAR, 6, lambda s, d: tcp.emit(1, 2, 3, 4, tcp.SYN | tcp.ACK, 500, b"", ipv6.pseudo_sum(s, d, 6)))
    nic.send(segment, 0)
    nic.receive(32, 5 * S)
    assert len(wire.sent) == 2 and wire.sent[1][54] == ipv6.NEIGHBOR_SOLICITATION
    if answered:
        claim = ipv6.NeighborMessage(ipv6.NEIGHBOR_ADVERTISEMENT, ipv6.NA_SOLICITED, ipv6.link_local(CAR), CAR)
        wire.coming = [packet(CAR, Wire.mac, ipv6.ICMPV6, lambda s, d: ipv6.emit_neighbor(claim, s, d), ipv6.ND_HOP_LIMIT)]
        nic.receive(32, 5 * S)
    wire.coming = [packet(CAR, Wire.mac, 6, lambda s, d: tcp.emit(2, 1, 4, 4, tcp.ACK, 500, b"", ipv6.pseudo_sum(s, d, 6)))]
    assert len(nic.receive(32, 8 * S)) == answered
    assert nic.dead is not answered


def test_a_supercharger_has_four_octets_of_session_id_and_refuses_once():
    t = Tapped("tesla-v3")
    assert len(t.times("SYN")) == 2 and t.charge.charged
    assert {len(i) for name, i in t.session_ids if name == "pev" and i != bytes(8)} == {4}


def test_our_car_obeys_the_limit_that_falls_while_charging():
    t = Tapped("cabinet-shared")
    asked = [r.EVTargetCurrent.Value * 10.0 ** r.EVTargetCurrent.Multiplier for r in t.said("CurrentDemandReq")]
    assert max(asked[:60]) > 8.0 >= max(asked[61:])


def test_neighbours_are_answered_but_not_matched_and_stray_confirmations_change_nothing():
    t = Tapped("neighbour")
    assert len({s.frame[6:12] for s in t.seen if s.name == "CM_SLAC_PARM.CNF"}) == 2
    stray = [s for s in t.seen if s.name == MATCHED and s.sender == "neighbour"]
    assert len(stray) >= 3 and t.charge.reason.name == "BATTERY_FULL"
    assert {s.frame[0:6] for s in t.seen if s.name == "CM_SLAC_MATCH.REQ"} == {t.charge.charger.nic.mac}


def test_a_charger_that_wants_state_c_late_stops_when_it_comes_early():
    """Safety sheet 6: stateC asserted too early -> ABB fault. Our car never does that; here the resistor is switched by hand."""
    t = Tapped(traits=ChargerTraits(early_c_is_fault=True, settings={"evse.authorisation_delay_ms": 30_000}), until=15.0)
    plant = t.charge.plant
    assert t.charge.charger.signals.v2g_state.value == "ContractAuthentication" and not plant.charger_stop_button
    plant.pilot.state_c = True
    plant.pilot.update()
    t.charge.run_until(t.charge.clock.time + S)
    assert plant.charger_stop_button


def test_our_car_takes_the_smallest_limit_whatever_is_offered():
    t = Tapped("evil-limits")
    offered = t.said("ChargeParameterDiscoveryRes")[-1].EVSEChargeParameter
    assert offered.EVSEMaximumCurrentLimit.Value == 500 and offered.EVSEMaximumVoltageLimit.Value == 1000
    battery = t.charge.plant.battery
    for asked in t.said("CurrentDemandReq"):
        assert asked.EVTargetCurrent.Value * 10.0 ** asked.EVTargetCurrent.Multiplier <= battery.max_current
        assert asked.EVTargetVoltage.Value * 10.0 ** asked.EVTargetVoltage.Multiplier <= battery.max_voltage


# --- physics

def stage(**traits):
    plain = PowerStage(max_voltage=500, max_current=125, max_power=60_000, voltage_rate=250, current_rate_up=20, current_rate_down=200,
                       current_rate_off=2000, capacitance=100e-6, bleed=20e3, discharge=5e3)
    return OddStage(plain, ChargerTraits(**traits))


def test_overshoot_fades_and_idle_offset_stays():
    over = stage(overshoot_v=20.0, overshoot_tau_s=1.0)
    over.command(True, 400.0, 2.0)
    assert over.regulated_voltage() == 420.0
    over.unloaded(400.0, 100e-6, 3.0)
    assert 400.0 < over.regulated_voltage() < 402.0
    off = stage(idle_offset_v=26.0)
    off.command(True, 400.0, 2.0)
    off.unloaded(0.0, 100e-6, 10.0)
    assert off.regulated_voltage() == 426.0 and off.target_current(390.0, 0.1) == 2.0


def test_zero_amperes_sag_or_hold_and_off_may_keep():
    for holds, volts in ((False, 0.0), (True, 400.0)):
        s = stage(holds_at_zero=holds)
        s.command(True, 400.0, 0.0)
        assert s.regulated_voltage() == volts
    s = stage()
    s.command(True, 400.0, 50.0)
    s.keeps_voltage = True
    s.command(False, 0.0, 0.0)
    assert s.on and s.regulated_voltage() == 400.0 and s.target_current(390.0, 0.1) == 0.0


# --- the comparison

@pytest.mark.parametrize("expected", [
    Expected(False), Expected(True, CHARGERS["grid"].expected.reason), Expected(True, trip="Inlet too hot"), Expected(True, told="flying saucers")])
def test_a_meeting_that_is_not_as_expected_is_told(expected):
    result = meet(Personality("wrong", "wrong", ChargerTraits(), ("test",), expected), codec.load())
    assert result.charged and result.complaints


def test_a_name_that_nobody_has_shows_the_list():
    with pytest.raises(SettingsError, match=r"  compleo  [^$]*compelo: nobody is called so. Did you mean compleo\?"):
        choose.choose("compelo", None)
    with pytest.raises(SettingsError, match="qqq: nobody is called so.$"):
        choose.choose(None, "qqq")
    assert choose.choose("compleo", None)[0] is CHARGERS["compleo"] and "polestar-2" in choose.listing()


def test_a_typing_error_in_a_change_is_not_silent():
    traits = ChargerTraits(changes=(Change("PreChargeRes", "EVSEPresentVolts", 1.0),))
    result = meet(Personality("wrong", "wrong", traits, ("test",), Expected(True)), codec.load())
    assert "task v2g of evse raised" in result.complaints
