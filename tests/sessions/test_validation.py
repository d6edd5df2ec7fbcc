"""A whole charge whose matching needs the validation by the pilot: SLAC, connection, safety and plant together."""
from __future__ import annotations

import pytest

from drivers.sim.link import LinkConfig
from kernel.timer import S
from tasks.config import Config

from tests.sessions.charges import assert_safe, charge


def doubtful(seed: int = 1, link: LinkConfig | None = None, **slac):
    """The charger's 11 dB are above the car's direct limit."""
    config = Config()
    config.slac.atten_direct_db = 5.0
    for name, value in slac.items():
        setattr(config.slac, name, value)
    told: list[str] = []
    c = charge(seed, config=config, link=link, sinks=(lambda name, e: told.append(f"{name}: {e.message()}"),))
    return c, told


@pytest.mark.parametrize("seed, delay_ms", [*((seed, 0.5) for seed in range(6)), (1, 5), (2, 10), (3, 30), (4, 60)])
def test_the_charger_counts_the_toggles_of_its_car_and_they_charge(seed, delay_ms):
    """Also where the pilot is quicker than the power line."""
    c, told = doubtful(seed, LinkConfig(delay_us=int(delay_ms * 1000)))
    c.run()
    assert c.good, (c.reason, c.invariants.broken)
    asked = [text for text in told if "is to count" in text]
    counted = [text for text in told if "has toggled its pilot" in text]
    assert len(asked) == len(counted) == 1 and asked[0].split("count ")[1].split()[0] == counted[0].split("pilot ")[1].split()[0]
    assert_safe(c)


def test_a_charger_that_does_not_count_says_so_and_they_charge():
    c, told = doubtful(count_toggles=False)
    c.run()
    assert c.good and not any("toggle" in text for text in told)


def test_a_plug_pulled_while_the_pilot_toggles_leaves_state_b():
    c, _ = doubtful()
    while c.car.signals.link_state.value != "Toggle":
        c.run_until(c.clock.time + S // 100)
        assert c.clock.time < 30 * S
    c.run_until(c.clock.time + S // 5)
    assert c.car.signals.safety_state.value == "Waking"
    c.plant.unplug(c.clock.time)
    c.run_until(c.clock.time + 3 * S)
    assert c.car.signals.safety_state.value == "Idle" and c.car.signals.connection_state.value == "Unplugged"
    assert_safe(c)


def test_amplitude_maps_are_exchanged_where_both_want_it():
    c, told = doubtful(request_amp_map=True)
    c.run()
    assert c.good and sum("tells the amplitudes of 917 carriers" in text for text in told) == 2
