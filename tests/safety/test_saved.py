"""What was saved comes back whole: every value of the supervisor and of its parts, whatever happened in between."""
import dataclasses
import random

import pytest

from drivers.interfaces import PilotState
from kernel.timer import MS, S
from tasks.safety.facts import EvseRequests, SafetyState
from tests.safety import given_bridge
from tests.safety.charger_states import STATES, driven
from tests.safety.given import NOTHING, evse_facts, facts, output, pev, requests
from tests.safety.saved import PARTS, Saved

CAR_STATES = tuple(s for s in SafetyState if s is not SafetyState.Delivering)


def picture(supervisor) -> dict:
    """Every value, the containers copied."""
    parts = [part for part in PARTS if hasattr(supervisor, part)]
    values = {(part, name): getattr(getattr(supervisor, part), name) for part in parts for owner in type(getattr(supervisor, part)).__mro__
              for name in getattr(owner, "__slots__", ())}
    values |= {("", name): value for name, value in vars(supervisor).items() if name not in PARTS}
    return {key: value.copy() if isinstance(value, (list, dict)) else value for key, value in values.items()}


@pytest.mark.parametrize("charger, state", [(False, s) for s in CAR_STATES] + [(True, s) for s in STATES])
def test_everything_is_as_it_was(charger, state):
    saved = Saved(*(driven(state) if charger else pev(state)))
    s = saved.supervisor
    first, rng, changed = picture(s), random.Random(1), set()
    for n in range(300):
        at = saved.now + rng.choice((1, 10 * MS, 4 * S, 31 * S))
        if charger:
            f = evse_facts(pilot=rng.choice(list(PilotState)), output_voltage=rng.choice((None, 0.0, 350.0, 600.0)), output_current=rng.choice((0.0, 900.0)),
                           output_current_at=at, contactors=rng.choice((None, False, True)), stop_button=n % 2 == 0)
            wishes = (output(), EvseRequests(), output(duty=100.0))
        else:
            f = facts(pilot=rng.choice(list(PilotState)), inlet_voltage=rng.choice((None, 0.0, 352.0, 600.0)), inlet_current=rng.choice((0.0, 900.0)),
                      inlet_current_at=at, contactors=rng.choice((None, False, True)), stop_button=n % 2 == 0)
            wishes = (requests(), NOTHING)
        for k in range(rng.randrange(4)):
            s.step(f, rng.choice(wishes), at + k * S)
        rng.choice((s.fault, s.stalled, lambda f, at: s.reset(f), lambda f, at: None))(f, at)
        changed |= {key for key, value in picture(s).items() if value != first[key]}
        assert saved.restore() is s and picture(s) == first
    assert len(changed) > 10


@pytest.mark.parametrize("state", CAR_STATES)
def test_everything_of_a_bridge_is_as_it_was(state):
    s, f, now = given_bridge.bridge(state)
    saved = Saved(s, now)
    first, rng, changed = picture(s), random.Random(1), set()
    for _ in range(300):
        at = saved.now + rng.choice((1, 10 * MS, 4 * S, 31 * S))
        g = dataclasses.replace(f, vehicle_voltage=rng.choice((None, 0.0, 350.0)), vehicle_voltage_at=at, contactors=rng.choice((None, False, True)),
                                d1=rng.choice((False, True)), d2=rng.choice((False, True)), k=rng.choice((None, False, True)), stop_button=rng.choice((False, True)))
        for k in range(rng.randrange(4)):
            s.step(g, rng.choice((given_bridge.requests(), given_bridge.NOTHING)), at + k * S)
        rng.choice((s.fault, s.stalled, lambda f, at: s.reset(f), lambda f, at: None))(g, at)
        changed |= {key for key, value in picture(s).items() if value != first[key]}
        assert saved.restore() is s and picture(s) == first
    assert len(changed) > 10 and any(part == "vehicle" for part, _ in changed)
