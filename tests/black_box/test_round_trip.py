"""A recorded session, played to the same code, is the same: every frame, command, signal and word."""
from __future__ import annotations

import pytest

from drivers.blackbox import notes as n
from drivers.blackbox.reader import parse
from drivers.sim.link import LinkConfig
from kernel.timer import S
from tasks.config import Config
from tasks.messages import RemoteLower, RemoteStop
from tests.black_box.recording import BOTH, CAR, library, nearly_full, played, recorded, told
from tools.simulate.chademo import shown
from tools.simulate.chademo.bridge_charge import BridgeCharge
from tools.simulate.charge import Charge
from tools.simulate.fleet.chargers import CHARGERS
from tools.simulate.fleet.encounter import Encounter

LEAST = 200          # deeds and signals of a session that hardly began
FEW = ("alpitronic", "tritium", "evil-match", "pwm-lost", "iso2-equipment", "waits-for-customer")


def ac() -> Config:
    config = Config()
    config.evse.energy_transfer_modes = ["AC_three_phase_core"]
    config.ev.energy_transfer_modes = ["AC_three_phase_core"]
    return config


@pytest.mark.parametrize("name", ["pev", "evse"])
@pytest.mark.parametrize(("config", "drop"), [(Config, 0.0), (Config, 8.0), (ac, 0.0)], ids=["dc", "dc-lossy", "ac"])
def test_a_charge_is_the_same_again(name, config, drop):
    replay = played(recorded(Charge(config(), nearly_full(), library(), 5, LinkConfig(drop_percent=drop), recorded=BOTH), name, until=120 * S))
    assert replay.compared > LEAST
    assert replay.identical, told(replay)


@pytest.mark.parametrize("name", [name for name in FEW if name in CHARGERS])
def test_at_a_charger_with_habits(name):
    replay = played(recorded(Encounter(CHARGERS[name], None, Config(), nearly_full(), library(), 4, recorded=CAR)))
    assert replay.compared > LEAST and replay.identical, told(replay)


def test_of_a_bridge():
    charge = BridgeCharge(shown.choose("leaf40"), None, Config(), nearly_full(), library(), 3, recorded=CAR)
    data = recorded(charge, until=60 * S)
    replay = played(data)
    assert any(words[0] == n.CAN_HEARD for words in parse(data).notes)
    assert replay.compared > LEAST and replay.identical, told(replay)


@pytest.mark.parametrize("name", ["pev", "evse"])
@pytest.mark.parametrize("at", [300_000_000, 4 * S, 12 * S, 25 * S], ids=["at rest", "in SLAC", "before current", "in CurrentDemand"])
def test_a_tape_may_begin_in_the_middle_of_a_life(name, at):
    """The keyframe says what the box remembers there."""
    charge = Charge(Config(), nearly_full(), library(), 2, recorded=BOTH)
    replay = played(recorded(charge, name, until=60 * S, keyframe_at=at))
    assert not replay.remarks
    assert replay.compared > LEAST and replay.identical, told(replay)


def test_a_stop_by_the_person_is_on_the_tape():
    charge = Charge(Config(), nearly_full(), library(), 2, recorded=BOTH)
    charge.run_until(20 * S)
    charge.stop()
    replay = played(recorded(charge, until=60 * S))
    assert replay.signals.stop_reason.value.name == "USER_STOP"
    assert replay.identical, told(replay)


def test_keys_are_on_the_tape():
    charge = Charge(Config(), nearly_full(), library(), 2, recorded=BOTH)
    charge.run_until(20 * S)
    charge.press("pev", "--")
    charge.run_until(22 * S)
    charge.press("pev", "q")
    replay = played(recorded(charge, until=60 * S))
    assert replay.signals.power_share.value == 80.0
    assert replay.identical, told(replay)


def test_what_the_live_view_wants_is_on_the_tape():
    charge = Charge(Config(), nearly_full(), library(), 2, recorded=BOTH)
    charge.run_until(20 * S)
    charge.remote.put(RemoteLower(40, "127.0.0.1"))
    charge.run_until(24 * S)
    charge.remote.put(RemoteStop("127.0.0.1"))
    replay = played(recorded(charge, until=60 * S))
    assert any("live view" in event.message() for event in replay.said) and replay.signals.stop_reason.value.name == "USER_STOP"
    assert replay.identical, told(replay)


@pytest.mark.parametrize("config", [Config, ac], ids=["dc", "ac"])
def test_decoded_messages_are_in_the_file(config):
    """All but the loop's, of which there is a pair a second; names and values as on the wire."""
    box = parse(recorded(Charge(config(), nearly_full(), library(), 2, recorded=BOTH), until=60 * S))
    messages = [words for words in box.notes if words[0] == n.MESSAGE]
    names = [words[2] for words in messages]
    assert names[:2] == ["supportedAppProtocolReq", "supportedAppProtocolRes"] and [words[1] for words in messages[:2]] == [2, 1]
    assert names.count("SessionSetupReq") == names.count("SessionSetupRes") == 1 and messages[2][3]["EVCCID"]
    loop = sum("CurrentDemand" in name or "ChargingStatus" in name for name in names)
    frames = sum(b"\x01\xfe\x80\x01" in packet.octets for packet in box.packets)
    assert 20 < loop < 2.5 * 60 and len(messages) <= frames


def test_another_code_is_another_life():
    """The comparison sees a difference where there is one: here other settings, as newer code would have."""
    box = parse(recorded(Charge(Config(), nearly_full(), library(), 2, recorded=BOTH), until=60 * S))
    box.head["config"]["ev"]["max_current_a"] -= 20.0
    replay = played(box)
    assert not replay.identical
    first = replay.differences[0]
    assert first.kind in ("signal", "sent") and first.recorded != first.today


def test_a_frame_less_is_another_life():
    box = parse(recorded(Charge(Config(), nearly_full(), library(), 2, recorded=BOTH), until=60 * S))
    place = next(place for place, words in enumerate(box.notes) if words[0] == n.FRAMES and place > len(box.notes) // 2)
    box.notes[place] = [n.FRAMES, 0]
    assert not played(box).identical
