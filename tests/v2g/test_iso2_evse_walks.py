"""Random cars against the charger's ISO 15118-2 machine: nothing raises, everything ends, every message can be coded, the wishes keep their invariants."""
from __future__ import annotations

from random import Random

import pytest

from drivers.interfaces import PilotState
from exi_native.messages import iso2
from kernel.timer import MS, NEVER, S
from tasks.stop_reasons import StopReason as R
from tasks.v2g.evse_states import Evse

from tests.v2g.iso2_evse_bench import AGAIN, LOOPS, REQUESTS, SAME, Iso2Bench, Renegotiate, Start, Stop, profile

MODES = [m.name for m in iso2.EnergyTransferMode]
OUTPUT = (Evse.CableCheck, Evse.PowerDelivery, Evse.CurrentDemand, *AGAIN)


def check(bench):
    m = bench.machine
    if m.state in (Evse.Idle, Evse.Ended):
        assert m.wants_output is None and not m.wants_ac and m.next_timer() == NEVER
        return
    assert m.next_timer() != NEVER
    assert m.wants_output is None or not m.wants_ac
    if m.wants_ac:
        assert m.ac and m.state in (Evse.ChargingStatus, *AGAIN) and not bench.facts.trip
    if m.wants_output is not None:
        volts, amps = m.wants_output
        c = m.config
        assert 0 <= volts <= c.max_voltage_v and 0 <= amps <= c.max_current_a and volts * amps <= c.max_power_kw * 1000 + 1
        assert m.state in OUTPUT and not m.ac
        if m.state in AGAIN:
            assert amps == 0.0
        elif m.state is not Evse.CurrentDemand:
            assert amps <= 2.0                       # S3; after a renegotiation nothing is precharged


def step(bench, rng):
    """One thing that may happen."""
    dice = rng.random()
    if dice < 0.45:
        bench.forward(progress=rng.choice([None, None, Renegotiate]) if bench.state in LOOPS else None)
    elif dice < 0.75 and bench.state in LOOPS:
        bench.ask(SAME[bench.state], volts=rng.uniform(0, 1500), amps=rng.uniform(0, 900), after=rng.randrange(0, 400) * MS,
                  error=rng.choice(list(iso2.DC_EVErrorCode)))
    elif dice < 0.78:
        bench.ask(rng.choice(REQUESTS), volts=rng.uniform(-50, 600), amps=rng.uniform(0, 500), progress=rng.choice([Start, Stop, Renegotiate]),
                  mode=rng.choice(list(iso2.EnergyTransferMode)), schedule=rng.choice([1, 1, 7]), plan=rng.choice([None, profile(rng.uniform(-1, 1e5))]),
                  services=rng.choice([(1,), (1, 2), ()]), service=rng.choice([1, 2]), pause=rng.random() < 0.5, tuples=rng.choice([None, 0, 12]))
    elif dice < 0.80:
        bench.renegotiate()
    elif dice < 0.84:
        bench.pilot(rng.choice([PilotState.B, PilotState.C, PilotState.C, None, PilotState.E]))
    elif dice < 0.85:
        bench.stop(R.USER_STOP)
    elif dice < 0.855:
        bench.facts.trip = "over-voltage"
        bench.wake(bench.now)
    elif dice < 0.90:
        bench.facts.isolation = rng.choice([1e6, 200e3, 50e3, None])
    else:
        bench.run(rng.randrange(1, 3000) * MS)


def begin_somewhere(bench, rng):
    """Few random cars come through a whole cable check."""
    if rng.random() < 0.6 and (bench.ac or "DC_extended" in bench.machine.config.energy_transfer_modes):
        bench.at(rng.choice([*LOOPS[int(bench.ac):][:1], *AGAIN]))
    else:
        bench.start()


@pytest.mark.parametrize("seed", range(200))
def test_charger_against_a_random_car(seed):
    rng = Random(2000 + seed)
    bench = Iso2Bench(authorisation_delay_ms=rng.choice([0, 2000]), stop_after_min=rng.choice([0.0, 0.2]),
                      paused_id=rng.choice([b"", bytes(range(8))]), energy_transfer_modes=rng.sample(MODES, rng.randrange(1, 7)) if rng.random() < 0.3 else
                      ["DC_extended", "AC_three_phase_core"])
    bench.ac = rng.random() < 0.4 and "AC_three_phase_core" in bench.machine.config.energy_transfer_modes
    begin_somewhere(bench, rng)
    begin = bench.now
    while bench.ended is None:
        assert bench.now - begin < 1800 * S
        step(bench, rng)
        check(bench)
    check(bench)


def test_the_walks_come_everywhere():
    """Else they would prove little."""
    seen = set()
    for seed in range(200):
        rng = Random(5000 + seed)
        bench = Iso2Bench(ac=rng.random() < 0.4)
        begin_somewhere(bench, rng)
        while bench.ended is None:
            seen.add((bench.ac, bench.state))
            step(bench, rng)
    assert seen >= {(ac, s) for ac, loop, end in ((False, Evse.CurrentDemand, Evse.WeldingDetection), (True, Evse.ChargingStatus, Evse.SessionStop))
                    for s in (loop, end, *AGAIN, Evse.Authorization)}
