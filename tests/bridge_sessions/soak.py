"""Session after session with random cars, chargers and faults (scenario 47): `python -m tests.bridge_sessions.soak [sessions] [first seed]`."""
from __future__ import annotations

import sys
from collections import Counter
from random import Random

from kernel.timer import S
from tests.bridge_sessions.bad_input import FAULTS
from tests.bridge_sessions.worlds import World, charger
from tools.simulate.fleet.act import DEEDS

TWICE = ("leaf24", "leaf40", "i-miev", "e-nv200", "outlander", "orion", "diy09", "zombie", "jdemo")      # they take a second start
ONCE = ("xpeng", "lexus", "leaf24", "leaf40")
CHARGERS = (None, None, None, "alpitronic", "abb", "compleo", "slow-secc", "cabinet-shared", "app-stop", "emergency-button", "malfunction", "kempower")
ACTS = ("tcp_reset", "user_stop", "emergency_stop", "pwm_off", "line_dead", "stage_dead")
OUR_ACTS = ("stop", "driver", "button", "unplug", "pull CAN for 0.5 s")
LATEST = 60 * S              # a fault comes within this
LONGEST = 400 * S
PLAYED = 20 * S              # of undisturbed charging are enough
SETTLED_AGAIN = 20.0         # s


def session(seed: int) -> tuple[World, str]:
    """One session, and what was done to it."""
    rng = Random(f"{seed} soak")
    single = rng.random() < 0.25
    car, name = rng.choice(ONCE if single else TWICE), rng.choice(CHARGERS)
    w = World(car, name or charger(), strategy="single" if single else "measured", soc=rng.uniform(15.0, 92.0), seed=seed)
    kind = rng.choice(("car", "car", "charger", "ours", "none"))
    what = {"car": sorted(FAULTS), "charger": ACTS, "ours": OUR_ACTS, "none": ("nothing",)}[kind]
    deed = rng.choice(tuple(what))
    at = rng.randrange(S, LATEST)
    while w.now < at and not (w.over and w.reason is not None):
        w.run(0.5)
    story = f"seed {seed}: {car} at {name or 'ours'}{', single' if single else ''}, {deed} at {w.now / S:.1f} s in {w.side}"
    _do(w, kind, deed)
    charged, seen = 0, 0
    while w.now < LONGEST and not (w.over and w.reason is not None):
        seen = w.now
        w.run(0.5)
        charged += (w.now - seen) * (w.plant.current > 1.0)
        if charged > PLAYED:
            break
    w.vehicle.end(w.now)
    w.charge.stop()
    end = w.now + 60 * S
    while w.now < end and not w.over:
        w.run(0.5)
    w.run(SETTLED_AGAIN)
    return w, story


def _do(w: World, kind: str, deed: str) -> None:
    now = w.now
    if kind == "charger":
        DEEDS[deed](w.charge, w.charge.charger, 0.0, now)
    elif deed == "stop":
        w.charge.stop()
    elif deed == "driver":
        w.vehicle.end(now)
    elif deed == "button":
        w.plant.stop_button = True
    elif deed == "unplug":
        w.plant.unplug_vehicle(now)
    elif deed == "pull CAN for 0.5 s":
        w.vehicle.faults.silent = True
        w.run(0.5)
        w.vehicle.faults.silent = False
    elif kind == "car":
        for name, value in FAULTS[deed].items():
            setattr(w.vehicle.faults, name, value)


def wrong(w: World) -> list[str]:
    """What must never be (scenario 47), in sentences."""
    found = [str(b) for b in (*w.charge.broken, *w.charge.bridge_invariants.broken)]
    found += [f"{i.kind} {i.value:.1f} at {i.at / S:.2f} s" for i in w.plant.incidents if i.damage and i.kind != "opened_under_current"]
    for node in (w.charge.car, w.charge.charger):
        if node.kernel.fault is not None:
            found.append(f"row {node.kernel.fault} of {node.name} raised")
    if w.side not in ("Ended", "Idle") and w.phase != "Look":
        found.append(f"never ended: {w.side}, {w.v2g_state}")
    if "turtle" in w.vehicle.dtcs:
        found.append("the car found voltage at its inlet")
    if w.plant.d2 or w.plant.car_contactors.commanded or w.plant.pilot.state_c:
        found.append("outputs are not at rest")
    return found


def main(sessions: int, first: int) -> int:
    """0 when nothing was wrong."""
    bad, reasons = 0, Counter()
    for seed in range(first, first + sessions):
        w, story = session(seed)
        reasons[w.reason.name if w.reason else "none"] += 1
        found = wrong(w)
        if found:
            bad += 1
            print(story, *found, sep="\n    ", flush=True)
    print(f"{sessions} sessions, {bad} with something wrong; reasons: {', '.join(f'{n} {r}' for r, n in reasons.most_common())}")
    return 1 if bad else 0


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:]]
    sys.exit(main(numbers[0] if numbers else 800, numbers[1] if len(numbers) > 1 else 1))
