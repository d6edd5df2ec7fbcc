"""A record is left in each state of a charge: the box goes on with a simulated charger, ends in order, or safely where something happens."""
from __future__ import annotations

from functools import cache

import pytest

from drivers.blackbox.reader import parse
from kernel.timer import MS, S
from tasks.config import Config
from tasks.stop_reasons import StopReason
from tests.black_box.recording import BOTH, CAR, library, nearly_full, recorded
from tests.black_box.test_round_trip import ac
from tools.replay.engine import Replay
from tools.replay.live import HERE, LIVE_DEEDS, Live, go_on
from tools.replay.standing import NoLife
from tools.simulate.chademo import shown
from tools.simulate.chademo.bridge_charge import BridgeCharge
from tools.simulate.charge import Charge
from tools.simulate.fleet.chargers import CHARGERS
from tools.simulate.fleet.encounter import TRIES, Encounter
from tools.simulate.fleet.traits import Deed

SOON = 12.0          # s that a box goes on before somebody presses stop: long enough to charge from every state
DC_BEGINNING = ("SupportedAppProtocol", "SessionSetup", "ServiceDiscovery", "ChargeParameterDiscovery", "WaitReady", "CableCheck", "PreCharge",
                "WaitContactorsClosed", "PowerDeliveryStart", "CurrentDemand")
DC_END = ("PowerDeliveryStop", "WaitContactorsOpen", "WeldingDetection", "SessionStop")
BEFORE = ("Unplugged", "WaitPilot", "Parm", "Sounding", "Collect", "Match", "Join", "Discovering", "Connecting")
LADDERS = {"din": (*BEFORE, *DC_BEGINNING, "ServicePaymentSelection", "ContractAuthentication", *DC_END),
           "iso2": (*DC_BEGINNING, "PaymentServiceSelection", "Authorization", *DC_END, "Ending", "Finished")}
STOPPED = (StopReason.USER_STOP, StopReason.BATTERY_FULL)

SILENCE = (StopReason.TIMEOUT, StopReason.TCP_TIMEOUT)
STOPPED_THERE = (StopReason.CHARGER_STOP, StopReason.CHARGER_SHUTDOWN, StopReason.CHARGER_EMERGENCY)
PILOT = (StopReason.SAFETY_TRIP, *STOPPED_THERE, StopReason.UNPLUGGED, StopReason.TCP_CLOSED)      # the charger takes its leave, too
DEEDS = {"user_stop": STOPPED_THERE, "emergency_stop": STOPPED_THERE, "silence": SILENCE, "line_dead": SILENCE, "tcp_reset": (StopReason.TCP_RESET,),
         "pilot_lost": PILOT, "pwm_off": (*PILOT, StopReason.NOT_CONFIRMED)}


@cache
def record(what: str) -> bytes:
    """The car's (or bridge's) file of one charge, stopped by a person after 30 s."""
    config = ac() if what == "ac" else Config()
    if what in ("din", "iso2"):
        config.ev.protocols = [what]
    if what == "bridge":
        charge: Charge = BridgeCharge(shown.choose("leaf40"), None, config, nearly_full(), library(), 3, recorded=CAR)
    elif what in CHARGERS:
        charge = Encounter(CHARGERS[what], None, config, nearly_full(), library(), 3, recorded=CAR)
    else:
        charge = Charge(config, nearly_full(), library(), 3, recorded=BOTH)
    end = 90 * S if what in CHARGERS else 30 * S
    charge.plant.at(end, lambda now: charge.stop())
    return recorded(charge, until=end + 15 * S)


@cache
def moments(what: str) -> dict[str, tuple[int, int]]:
    """By state (of connection, matching or V2G): its first visit in the record, and one in the middle."""
    replay = Replay(parse(record(what)), library())
    seen: dict[str, list[int]] = {}
    while replay.step():
        connection, s = replay.signals.connection_state.value, replay.signals
        state = {"Matching": s.link_state.value, "Session": s.v2g_state.value}.get(connection, connection)
        seen.setdefault(state, []).append(replay.now)
    return {state: (visits[0], visits[len(visits) // 2]) for state, visits in seen.items()}


def left(data: bytes, at: int, *deeds: Deed, seconds: float = 120.0, **more) -> Live:
    return go_on(Replay(parse(data), library()), library(), seconds, at=at, deeds=deeds, **more)


def told(live: Live) -> str:
    """What an assertion shows."""
    lines = [f"{event.at / S:.3f} {event.source} {event.message()}" for event in live.said]
    return "\n".join([live.stood, live.rehearsed, *live.broken, *live.remarks, *lines[:30], "...", *lines[-10:]])


def in_order(live: Live) -> bool:
    return live.ended and live.in_order and live.reason in STOPPED


@pytest.mark.parametrize(("what", "state"), [(what, state) for what, states in LADDERS.items() for state in states])
def test_left_in_each_state(what, state):
    """A request that is unanswered there is answered first; the session is the recorded one."""
    live = left(record(what), moments(what)[state][0], Deed(HERE, SOON, "our_stop"))
    assert in_order(live), told(live)
    if state in DC_BEGINNING:
        assert live.energy > 0.0 and not [s for _, name, s in live.states if name == "link_state" and s not in ("Off", "Matched")], told(live)


@pytest.mark.parametrize("state", ["CableCheck", "PreCharge", "WaitReady", "CurrentDemand", "WeldingDetection"])
def test_left_in_the_middle_of_a_state(state):
    live = left(record("din"), moments("din")[state][1], Deed(HERE, SOON, "our_stop"))
    assert in_order(live), told(live)
    assert not live.remarks


def test_to_a_full_battery():
    live = left(record("din"), 20 * S, seconds=400.0)
    assert in_order(live) and live.reason is StopReason.BATTERY_FULL and live.soc > 97.0, told(live)


def test_the_battery_and_the_current_are_those_of_the_record():
    """The first values of the box afterwards are near the last recorded ones: nothing jumps."""
    replay = Replay(parse(record("din")), library())
    replay.run(25 * S)
    s = replay.signals
    before = (s.inlet_voltage.value, s.inlet_current.value, s.battery_voltage.value, s.battery_soc.value)
    live = go_on(replay, library(), 0.3)
    after = (s.inlet_voltage.value, s.inlet_current.value, s.battery_voltage.value, s.battery_soc.value)
    assert live.exit_code == 0 and not live.ended and live.reason is None
    assert before[1] > 10.0
    assert all(abs(a - b) < 4.0 for a, b in zip(after, before)), (before, after)
    assert abs(after[3] - before[3]) < 0.3


@pytest.mark.parametrize("state", ["ServiceDiscovery", "PowerDeliveryStart", "ChargingStatus"])
def test_ac(state):
    live = left(record("ac"), moments("ac")[state][1], Deed(HERE, SOON, "our_stop"))
    assert in_order(live), told(live)


@pytest.mark.parametrize("state", ["WaitPilot", "CableCheck", "PreCharge", "CurrentDemand"])
def test_a_bridge(state):
    live = left(record("bridge"), moments("bridge")[state][1], Deed(HERE, 25.0, "our_stop"), seconds=60.0)
    assert in_order(live), told(live)


@pytest.mark.parametrize("name", [name for name in ("alpitronic", "tritium", "compleo", "supercharger") if name in CHARGERS])
def test_a_record_of_a_charger_with_habits(name):
    data = record(name)
    for state in ("ChargeParameterDiscovery", "CurrentDemand"):
        live = left(data, moments(name)[state][1], Deed(HERE, SOON, "our_stop"))
        assert in_order(live), told(live)


def test_another_charger_takes_over():
    live = left(record("din"), moments("din")["PreCharge"][1], Deed(HERE, SOON, "our_stop"), charger=CHARGERS["alpitronic"])
    assert in_order(live), told(live)


@pytest.mark.parametrize("at", [4 * S, 9 * S, 20 * S])
def test_of_a_record_that_begins_in_the_middle_of_a_life(at):
    config = Config()
    config.ev.protocols = ["din"]
    data = recorded(Charge(config, nearly_full(), library(), 2, recorded=BOTH), until=at + 3 * S, keyframe_at=at)
    live = left(data, at + S, Deed(HERE, SOON, "our_stop"))
    assert in_order(live) and live.energy > 0.0, told(live)


@pytest.mark.parametrize("state", ["CableCheck", "PreCharge", "CurrentDemand"])
@pytest.mark.parametrize(("deed", "reasons"), DEEDS.items())
def test_deeds_end_safely(state, deed, reasons):
    """What the charger or the line does ends the session, safely, for a reason that fits."""
    live = left(record("din"), moments("din")[state][0], Deed(HERE, 0.3, deed), seconds=40.0)
    assert live.safe, told(live)
    ends = [event.message() for event in live.said if event.source == "connection" and "ended in state" in event.message()]
    assert any(reason.text in sentence for reason in reasons for sentence in ends), told(live)


def test_left_between_two_tries_it_tries_again():
    """The session broke down in the record; whoever leaves it then sees the next try, however many there were before."""
    config = Config()
    config.ev.protocols = ["din"]
    charge = Charge(config, nearly_full(), library(), 3, recorded=BOTH)
    for at in range(5, 90, 5):
        charge.plant.at(at * S, lambda now: LIVE_DEEDS["tcp_reset"](charge, charge.charger, 0.0, now))
    data = recorded(charge, until=90 * S)
    replay = Replay(parse(data), library())
    ending: list[int] = []
    while replay.step():
        if replay.signals.connection_state.value in ("Ending", "Pausing"):
            ending.append(replay.now)
    assert replay.made.connection.machine.restarts > TRIES
    live = left(data, ending[-1], Deed(HERE, 30.0, "our_stop"))
    assert in_order(live) and live.energy > 0.0, told(live)


def test_a_deed_in_a_state_of_the_charger():
    live = left(record("din"), moments("din")["CableCheck"][0], Deed("CurrentDemand", 3.0, "user_stop"))
    assert live.safe and live.reason is StopReason.CHARGER_STOP and live.energy > 0.0, told(live)


def test_frames_are_in_the_time_of_the_tape():
    frames = []

    class Sink:
        def write(self, at_ns: int, frame: bytes) -> None:
            frames.append(at_ns)
    live = left(record("din"), 20 * S, pcap=Sink(), seconds=2.0)
    assert len(frames) > 20 and frames[0] >= live.left_at and frames[-1] <= live.until
    assert live.until - live.left_at <= 2 * S + 100 * MS


def test_equal_seeds_equal_lives():
    def once() -> list:
        live = left(record("din"), 10 * S, Deed(HERE, SOON, "our_stop"))
        return [(event.at, event.message()) for event in live.said]
    assert once() == once()


def test_what_cannot_be_left_is_refused_in_one_sentence():
    data = recorded(Charge(Config(), nearly_full(), library(), 2, recorded=BOTH), "evse", until=10 * S)
    with pytest.raises(NoLife, match="record of a charger"):
        left(data, 5 * S)
    with pytest.raises(NoLife, match="over at"):
        left(record("din"), 4000 * S)
    with pytest.raises(NoLife, match="nobody does 'dance'"):
        left(record("din"), 5 * S, Deed(HERE, 1.0, "dance"))
    assert set(LIVE_DEEDS) > {"user_stop", "emergency_stop", "silence", "line_dead"}
