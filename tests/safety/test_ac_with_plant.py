"""An AC charger over the simulated plant: regular sessions, every fault while charging, random faults; with a socket and a fixed cable, with and without a meter."""
from __future__ import annotations

from random import Random

import pytest

from kernel.timer import MS, S
from tests.safety.ac_bench import AcBench
from tests.safety.bench import TICK

OFF_LIMIT = 100 * MS          # IEC 61851-1


def off_within(b: AcBench, limit: int = OFF_LIMIT) -> None:
    b.run(limit)
    assert not b.plant.ac.live and b.plant.ac.current == 0.0, (b.state, b.lines[-6:])


@pytest.mark.parametrize("meter", [True, False])
@pytest.mark.parametrize("lock", [True, False])
def test_a_regular_session(meter, lock):
    b = AcBench(meter=meter, lock=lock).charge()
    assert b.plant.ac.power == pytest.approx(3 * 230.0 * 16.0) and (b.plant.charger_lock.position is lock)
    b.car(True, limit=0.0)                                   # the car ends its load, then says so
    b.until(lambda: b.plant.ac.current == 0.0)
    b.run(200 * MS)
    b.want(ac=False)
    assert b.until(lambda: b.state == "Idle") <= 100 * MS
    b.car(False)
    b.want(ac=None)
    b.run(2 * S)
    assert not b.plant.charger_lock.position and b.plant.unplug(b.now)
    b.want(duty=100.0)
    b.run(2 * S)
    assert b.safety.safe and not b.incidents() and not b.trips and b.plant.damage == 0


def test_two_sessions_in_a_row():
    b = AcBench().charge()
    for _ in range(2):
        b.car(False)
        off_within(b)
        b.want(ac=None)
        b.run(S)
        b.charge()
    assert not b.trips


@pytest.mark.parametrize("leave", ["b", "unplug", "pilot", "d"])
@pytest.mark.parametrize("phase", range(4))
def test_the_mains_are_off_100_ms_after_state_c(leave, phase):
    b = AcBench(lock=False).charge()
    b.run(phase * TICK)
    if leave == "unplug":
        b.plant.unplug(b.now)
    elif leave == "pilot":
        b.plant.break_pilot(b.now)
    else:
        b.car(leave == "d", ventilated=leave == "d")
    off_within(b)
    assert bool(b.trips) is (leave in ("unplug", "pilot")) and "ac_live_unplugged" not in b.incidents()
    b.want(ac=None)
    b.run(2 * S)
    assert b.state == "Idle"                                 # the pilot of a plug that is out ends the trip


@pytest.mark.parametrize("meter, took", [(True, (400 * MS, 700 * MS)), (False, (3 * S, 3100 * MS))])
def test_a_dead_session_ends_the_pwm_and_then_the_load(meter, took):
    """Nobody renews: X1 makes the car end its load; a meter sees that, without one it has its 3 s."""
    b = AcBench(meter=meter).charge()
    b.silent = True
    b.supervised = True
    b.until(lambda: b.plant.pilot.duty == 100.0)
    told = b.now
    b.until(lambda: not b.plant.ac.live)
    assert took[0] <= b.now - told <= took[1] and "ac_opened_under_load" not in b.incidents() and not b.trips
    assert any("lapsed" in line for line in b.lines)


@pytest.mark.parametrize("meter", [True, False])
def test_a_car_that_does_not_end_its_load_is_cut_off_after_three_seconds(meter):
    b = AcBench(meter=meter).charge()
    b.plant.ac.ignores = True
    b.want(ac=None)
    b.until(lambda: b.plant.pilot.duty == 100.0)
    assert 3 * S <= b.until(lambda: not b.plant.ac.live) <= 3 * S + 100 * MS
    assert b.incidents() == ["ac_opened_under_load"] and not b.trips and b.plant.damage == 0
    b.run(S)
    assert b.state == "Idle"


def test_a_car_that_draws_on_after_its_word_has_three_seconds_where_a_meter_is():
    b = AcBench().charge()
    b.want(ac=False)
    assert 3 * S <= b.until(lambda: not b.plant.ac.live) <= 3 * S + 200 * MS and b.plant.pilot.duty == 5.0


FAULTS = {
    "Residual current": lambda b: setattr(b.plant.ac, "tripped", True),
    "RCD unknown": lambda b: setattr(b.detector, "failed", True),
    "Stop button": lambda b: setattr(b.plant, "charger_stop_button", True),
    "PWM not as set": lambda b: setattr(b.monitor, "duty", lambda percent: 53.0),
    "Lock lost": lambda b: setattr(b.plant.charger_lock, "feedback_fault", "broken"),
    "Supervision silent": lambda b: setattr(b, "supervised", False),
    "Contactor dropped": lambda b: setattr(b.plant.ac.contactor, "feedback_fault", "off"),
    "Overcurrent": lambda b: b.meter.distort("current", lambda amperes: 25.0),
    "Internal fault": lambda b: b.safety.on_fault(b.now, "v2g"),
}


def test_a_pilot_that_cannot_be_read_opens_at_once_and_latches_nothing():
    """On its way from C to B a sampled pilot lies between two windows now and then: a car that pauses must not be dead until it is replugged."""
    b = AcBench().charge()
    b.monitor.failed = True
    b.until(lambda: not b.plant.ac.live, limit=S)
    assert b.safety.trip == "" and any("pilot is unknown: the contactor opens" in line for line in b.lines)
    b.run(S)
    assert b.safety.supervisor.state.name == "Idle"
    b.monitor.failed = False
    b.want(ac=None)
    b.run(200 * MS)
    b.want(ac=True)
    b.until(lambda: b.plant.ac.live)
    assert b.plant.damage == 0


@pytest.mark.parametrize("text", FAULTS)
def test_a_fault_while_charging(text):
    b = AcBench().charge()
    FAULTS[text](b)
    b.until(lambda: b.safety.trip != "", limit=8 * S)
    tripped = b.now
    assert b.safety.trip == text
    off_within(b)
    b.until(lambda: b.plant.pilot.duty == 100.0)
    assert b.now - tripped <= 2600 * MS and b.state == "Tripped" and b.plant.damage == 0
    b.want(ac=None)
    b.run(2 * S)
    b.want(ac=True)                                          # the wish alone brings nothing back
    b.run(2 * S)
    assert not b.plant.ac.contactor.commanded


def test_a_welded_contactor_is_latched_until_a_person_resets_it():
    b = AcBench(lock=False).charge()
    b.plant.ac.contactor.welded = True
    b.car(False)
    b.run(200 * MS)
    assert b.trips == ["contactor_welded"] and b.plant.pilot.duty == 100.0 and b.plant.ac.live and not b.safety.safe
    b.plant.unplug(b.now)
    b.run(3 * S)
    assert b.state == "Tripped" and b.plant.incidents[-1].kind == "ac_live_unplugged"       # what a fixed cable cannot prevent, and is told
    assert not b.safety.reset(b.now)
    b.plant.ac.contactor.welded = False
    b.plant.command(b.plant.ac.contactor, True, b.now)
    b.run(50 * MS)
    b.plant.command(b.plant.ac.contactor, False, b.now)
    b.run(3 * S)
    assert b.state == "Tripped" and b.safety.reset(b.now) and b.safety.trip == ""


def test_a_socket_keeps_the_plug_of_a_welded_contactor():
    b = AcBench().charge()
    b.plant.ac.contactor.welded = True
    b.car(False)
    b.want(ac=None)
    b.run(3 * S)
    assert b.state == "Tripped" and b.plant.charger_lock.position and not b.plant.unplug(b.now)


def test_a_stuck_contactor_does_not_close():
    b = AcBench()
    b.plant.ac.contactor.stuck = True
    b.run(S)
    b.car(True)
    b.run(S)
    b.want(ac=True)
    b.until(lambda: b.safety.trip == "Contactor not closed", limit=2 * S)
    assert not b.plant.ac.live


def test_state_d_is_refused_with_a_text():
    b = AcBench()
    b.run(500 * MS)
    b.car(True, ventilated=True)
    b.run(S)
    b.want(ac=True)
    b.run(S)
    assert b.signals.safety_blocked.value == "Ventilation needed" and not b.plant.ac.contactor.commanded


def test_a_car_without_a_pwm_gets_no_mains():
    b = AcBench()
    b.want(duty=100.0)
    b.run(500 * MS)
    b.car(True)
    b.want(ac=True)
    b.run(2 * S)
    assert b.signals.safety_blocked.value == "No PWM" and not b.plant.ac.contactor.commanded


@pytest.mark.parametrize("seed", range(25))
def test_random_faults(seed):
    """Whatever happens in whatever order, and on the path that skips as on the path that evaluates each time."""
    assert random_walk(seed, fast=True) == random_walk(seed, fast=False)


def sound_again(b: AcBench) -> None:
    """Whatever was wrong is mended and acknowledged; the car is in C and power is asked for."""
    p = b.plant
    p.charger_stop_button = p.ac.tripped = b.detector.failed = b.silent = False
    p.break_pilot(b.now, False)
    b.want(ac=None, duty=5.0)
    b.car(True)
    b.run(3500 * MS)                       # the lock, the end of a shutdown, and the last request released
    b.safety.reset(b.now)
    b.run(200 * MS)
    b.want(ac=True)


def random_walk(seed: int, fast: bool) -> list:
    """Off 100 ms after state C, never closed onto a car in B, never with a trip, nothing damaged. What was commanded, and when."""
    rng = Random(f"ac {seed}")
    b = AcBench(meter=rng.random() < 0.7, lock=rng.random() < 0.5, fast=fast)
    b.run(500 * MS)
    commanded: list = []
    left = None
    for _ in range(60):
        deed = rng.choice(("session",) * 9 + ("c", "b", "d", "ask", "ended", "release", "x1", "5", "button", "rcd", "detector", "silent", "loud", "break", "mend", "reset"))
        p = b.plant
        if deed == "session":
            sound_again(b)
        elif deed in "bcd":
            b.car(deed != "b", ventilated=deed == "d")
        elif deed in ("ask", "ended", "release"):
            b.want(ac={"ask": True, "ended": False, "release": None}[deed])
        elif deed in ("x1", "5"):
            b.want(duty=100.0 if deed == "x1" else 5.0)
        elif deed == "button":
            p.charger_stop_button = not p.charger_stop_button
        elif deed == "rcd":
            p.ac.tripped = not p.ac.tripped
        elif deed == "detector":
            b.detector.failed = not b.detector.failed
        elif deed in ("silent", "loud"):
            b.silent = deed == "silent"
        elif deed in ("break", "mend"):
            p.break_pilot(b.now, deed == "break")
        else:
            b.safety.reset(b.now)
        for _ in range(rng.choice((1, 5, 30, 200, 400))):
            b.run(TICK)
            ready = p.pilot.state_c and not p.pilot.ventilated and not p.pilot.broken
            left = None if ready else b.now if left is None else left
            assert left is None or not p.ac.live or b.now - left <= OFF_LIMIT
            assert not p.ac.contactor.commanded or not b.safety.trip
            now = (p.ac.contactor.commanded, p.pilot.duty, p.charger_lock.commanded, b.state, b.safety.trip)
            if not commanded or commanded[-1][1] != now:
                commanded.append((b.now, now))
    assert b.plant.damage == 0, b.incidents()
    assert b.plant.ac.contactor.operations >= 6, "it charged again and again"
    return commanded
