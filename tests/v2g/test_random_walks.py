"""Random conversations against both machines: nothing raises, everything ends, and the wishes keep their invariants."""
from __future__ import annotations

from random import Random

import pytest

from drivers.interfaces import PilotState
from exi_native.messages import din
from kernel.timer import MS, NEVER, S
from tasks.stop_reasons import StopReason as R
from tasks.v2g.din_evse_responses import REFUSALS
from tasks.v2g.din_evse_table import Evse
from tasks.v2g.din_pev_table import ROWS, Pev

from tests.v2g.evse_bench import EvseBench
from tests.v2g.pev_bench import BATTERY, ORDER, PevBench

ASKING = [s for s in ORDER if ROWS[s].response is not None]
STATUS = list(din.DC_EVSEStatusCode)
CODES = list(din.responseCode)


def check_car(bench):
    """What must hold for the car whatever the charger says."""
    m = bench.machine
    if m.state in (Pev.Idle, Pev.Ended):
        assert bench.released and m.next_timer() == NEVER
        return
    assert m.next_timer() != NEVER
    if m.wants_contactors:                           # I1: never without lock and state C, nor before the match
        assert m.wants_lock and m.wants_pilot_c and m.state not in (Pev.CableCheck, Pev.PreCharge, Pev.WaitReady)
    if m.wants_pilot_c:
        assert m.wants_lock
    if m.state in (Pev.WaitContactorsOpen, Pev.WeldingDetection, Pev.SessionStop):
        assert not m.wants_contactors and not m.wants_pilot_c                        # S10


@pytest.mark.parametrize("seed", range(150))
def test_car_against_a_random_charger(seed):
    rng = Random(seed)
    bench = PevBench(tolerant_timeouts=rng.random() < 0.5)
    if rng.random() < 0.7:
        bench.at(rng.choice(ORDER))
    else:
        bench.start()
    begin = bench.now
    while bench.ended is None:
        assert bench.now - begin < 600 * S
        was = bench.machine.wants_contactors
        dice = rng.random()
        if dice < 0.55 and bench.machine._exchange.awaiting:
            bench.facts.inlet_voltage = rng.choice([BATTERY, BATTERY + 5, 0.0, None])
            bench.answer(rc=rng.choice(CODES) if rng.random() < 0.03 else din.responseCode.OK,
                         code=rng.choice(STATUS) if rng.random() < 0.05 else din.DC_EVSEStatusCode.EVSE_Ready,
                         finished=rng.random() < 0.5, volts=rng.choice([BATTERY, 0.0, 30.0, -5.0]), amps=rng.uniform(-5, 200),
                         after=rng.randrange(0, 300) * MS)
            if bench.machine.wants_contactors and not was:
                assert abs((bench.facts.inlet_voltage or 0.0) - BATTERY) <= 10.0     # S1
        elif dice < 0.57:
            bench.answer(body=rng.choice([din.SessionStopRes(ResponseCode=CODES[0]), din.SessionStop()]))
        elif dice < 0.60:
            bench.stop(rng.choice([R.USER_STOP, R.CAR_STOP]), urgent=rng.random() < 0.5)
        elif dice < 0.63:
            for name in ("soc", "target_current", "permission", "battery_voltage"):
                if rng.random() < 0.2:
                    setattr(bench.facts, name, rng.choice({"soc": [50.0, 99.0, None], "permission": [True, False, None]}.get(name, [BATTERY, None])))
        else:
            bench.run(rng.randrange(1, 600) * MS)
        check_car(bench)
    check_car(bench)


def check_charger(bench):
    m = bench.machine
    if m.state in (Evse.Idle, Evse.Ended):
        assert m.wants_output is None and m.next_timer() == NEVER
        return
    assert m.next_timer() != NEVER
    if m.wants_output is not None:
        volts, amps = m.wants_output
        assert 0 <= volts <= m.config.max_voltage_v and 0 <= amps <= m.config.max_current_a and volts * amps <= m.config.max_power_kw * 1000 + 1
        assert m.state in (Evse.CableCheck, Evse.PowerDelivery, Evse.CurrentDemand)
        if m.state is not Evse.CurrentDemand:
            assert amps <= 2.0                       # S3


@pytest.mark.parametrize("seed", range(150))
def test_charger_against_a_random_car(seed):
    rng = Random(1000 + seed)
    bench = EvseBench(authorisation_delay_ms=rng.choice([0, 2000]), stop_after_min=rng.choice([0.0, 0.2]))
    bench.start()
    begin = bench.now
    while bench.ended is None:
        assert bench.now - begin < 1800 * S
        dice = rng.random()
        if dice < 0.5:
            bench.forward()
        elif dice < 0.8 and bench.state is Evse.CurrentDemand:
            bench.ask(din.CurrentDemandReq, volts=rng.uniform(0, 1500), amps=rng.uniform(0, 900), after=rng.randrange(0, 400) * MS,
                      error=rng.choice(list(din.DC_EVErrorCode)))
        elif dice < 0.82:
            bench.ask(rng.choice(list(REFUSALS)), volts=rng.uniform(-50, 600), amps=rng.uniform(0, 500))
        elif dice < 0.85:
            bench.pilot(rng.choice([PilotState.B, PilotState.C, PilotState.C, None, PilotState.E]))
        elif dice < 0.86:
            bench.stop(R.USER_STOP)
        elif dice < 0.90:
            bench.facts.isolation = rng.choice([1e6, 200e3, 50e3, None])
        else:
            bench.run(rng.randrange(1, 3000) * MS)
        check_charger(bench)
    check_charger(bench)
