"""A bridge: all combinations of discretised facts in every state of both sides: the vehicle closes on nothing, opens without load, and is released dead."""
import random
from collections import Counter

import pytest

from kernel.timer import MS, S
from tasks.safety.facts import SafetyState
from tests.safety import exhaustive_bridge
from tests.safety.exhaustive_bridge import COMBINATIONS, STARTS, VALUES, check
from tests.safety.given_bridge import NOTHING, bridge, follow, requests

Idle, Ready, Closing, Closed = SafetyState.Idle, SafetyState.Ready, SafetyState.Closing, SafetyState.Closed


@pytest.mark.slow
@pytest.mark.parametrize("start", STARTS)
def test_no_combination_of_facts_breaks_an_invariant(start):
    seen = check(start)
    # the test has teeth: what should be possible did happen
    assert seen.combinations == COMBINATIONS // len(STARTS)
    assert (seen.closings > 0) is (start == "Ready")
    assert (seen.kept > 0) is (start in ("Closing", "Closed"))
    assert (seen.d2_on > 0) is (start == "d1")
    assert (seen.d2_off > 0) is (start in ("Idle", "Waking", "Ready", "Decay", "Tripped", "ending"))          # elsewhere it is too early
    assert (seen.d1_off > 0) is (start == "d1")
    assert (seen.released > 0) is (start in ("off", "d1"))
    assert (seen.tripped > 0) is (start not in ("CurrentOff", "Opening", "Decay", "Tripped"))


def test_the_docstring_says_how_many_they_are():
    text = exhaustive_bridge.__doc__
    assert f"{COMBINATIONS // len(STARTS):,} combinations from each of {len(STARTS)}" in text and f"{COMBINATIONS:,} in all" in text


def walk(seed: int) -> Counter:
    """Random facts and wishes that persist for a while, 10 ms steps; an observer who remembers judges the order and the times."""
    rng = random.Random(seed)
    s, f, now = bridge(Closed)
    f.contactors, f.inlet_current = True, 60.0
    wish, seen, kept = requests(), Counter(), {}
    told_open = confirmed = ending = d2_off = None
    for _ in range(3000):
        now += 10 * MS
        kept = {name: until for name, until in kept.items() if until > now}
        if rng.random() < 0.01:
            name = rng.choice(list(VALUES))
            setattr(f, name, rng.choice(VALUES[name]))
            f.battery_voltage = f.vehicle_voltage
            kept[name] = now + rng.choice((10, 300, 4000, 12_000)) * MS
        if rng.random() < 0.01:
            wish = rng.choice((requests(), requests(), requests(contactors=False), requests(False, False, False), requests(d2=False), NOTHING))
        if rng.random() < 0.4:
            held = {name: getattr(f, name) for name in kept}
            follow(f, s, now)
            f.inlet_current = 60.0 if s.state is Closed and wish.contactors else 0.0
            f.stop_button, f.vehicle_plug = False, None
            f.vehicle_lock = f.lock = True
            for name, value in held.items():
                setattr(f, name, value)
            f.battery_voltage = f.vehicle_voltage
        f.inlet_current_at = f.vehicle_voltage_at = f.inlet_voltage_at = now
        out, tripped = s.outputs, bool(s.latch.trips)
        was_c, was_closed, was_d1, was_d2 = out.pilot_c, out.contactors, out.d1, out.d2
        s.step(f, wish, now)
        if was_closed and not out.contactors or told_open is None:
            told_open = now
        told_open = now if out.contactors else told_open
        confirmed = None if out.contactors or f.contactors is not False or now == told_open else confirmed if confirmed is not None else now
        wanted = wish.d1 and wish.d2 and not s.latch.trips
        ending = (ending if ending is not None else now) if was_d2 and not wanted else None
        if out.d2 and not was_d2:
            assert abs(f.vehicle_voltage) < 10.0 and f.contactors is False and f.k is True and f.vehicle_lock is True and not out.contactors
            seen["on"] += 1
        if was_d2 and not out.d2:
            calm = confirmed is not None and now - confirmed >= 100 * MS and f.inlet_current is not None and abs(f.inlet_current) <= 5.0
            assert not out.contactors and (calm or now - told_open >= 10 * S)
            seen["calm" if calm else "forced"] += 1
            d2_off = now
        if was_d1 and not out.d1:
            assert not was_d2 and not out.d2
            assert d2_off is None or now - d2_off >= 500 * MS
            seen["d1 off"] += 1
        if out.contactors and not was_closed:
            assert f.d2 is True and f.k is True and f.vehicle_lock is True and abs(f.inlet_voltage - f.vehicle_voltage) <= 10.0
            seen["closed"] += 1
        if out.vehicle_lock is False:
            assert abs(f.vehicle_voltage) <= 10.0 and f.contactors is False and not out.d1 and not out.d2
            seen["released"] += 1
        assert not (s.latch.trips and out.pilot_c) and not (tripped and s.latch.trips and out.pilot_c > was_c)
        assert not out.contactors or out.d2 and out.d1
        if s.state is SafetyState.Tripped and rng.random() < 0.02:
            seen["reset"] += s.reset(f)
    return seen


@pytest.mark.slow
def test_walks_through_all_states_keep_the_order_and_the_times():
    seen: Counter = Counter()
    for seed in range(60):
        seen += walk(seed)
    for what in ("on", "calm", "forced", "d1 off", "closed", "released", "reset"):
        assert seen[what] >= 3, seen
