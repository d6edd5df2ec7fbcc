"""A wallbox reads the car's state of charge over the PLC and then goes on with plain PWM."""
from __future__ import annotations

import pytest

from drivers.interfaces import PilotState
from kernel.timer import S
from tasks.config import Config
from tasks.stop_reasons import NORMAL_ENDS, StopReason
from tests.sessions.charges import assert_safe, charge


def wallbox(protocol="din", percent=26.7, **more):
    config = Config()
    config.ev.protocols = config.evse.protocols = [protocol]
    config.evse.soc_readout = True
    config.connection.ac_pwm_percent = percent
    return charge(config=config, soc_start=42.0, soc_stop=90.0, **more)


def until(c, condition, limit=120 * S):
    while not condition():
        assert c.clock.time < limit, (c.charger.signals.connection_state.value, c.charger.signals.v2g_state.value)
        c.run_until(c.clock.time + S // 10)


@pytest.mark.parametrize("protocol", ["din", "iso2"])
@pytest.mark.parametrize("percent", [26.7, 100.0])
def test_what_the_car_tells_is_known_and_plain_pwm_follows(protocol, percent):
    c = wallbox(protocol, percent)
    s = c.charger.signals
    until(c, lambda: s.connection_state.value == "Finished")
    assert s.stop_reason.value is StopReason.SOC_READ and StopReason.SOC_READ in NORMAL_ENDS
    assert s.ev_soc.value == 42.0 and s.evccid.value == c.car.nic.mac
    assert s.ev_capacity.value == pytest.approx(5000.0) and s.ev_energy_request.value == pytest.approx(2400.0, abs=10.0)
    assert c.plant.pilot.duty in (5.0, 100.0)
    ended = c.clock.time
    c.run_until(ended + 60 * S)
    assert c.plant.pilot.duty == percent and c.plant.pilot.at_car.duty_percent == percent
    assert s.connection_state.value == "Finished", "no second session: the car is to charge with AC now"
    assert not c.plant.stage.on and c.plant.output_voltage == 0.0 and not c.plant.car_contactors.operations
    assert_safe(c)


def test_steady_12_v_of_3_s_lies_between_5_percent_and_the_plain_pwm():
    c = wallbox()
    seen = []
    until(c, lambda: c.plant.pilot.duty == 5.0)
    while c.clock.time < 60 * S:
        c.run_until(c.clock.time + S // 10)
        duty = c.plant.pilot.duty
        if not seen or seen[-1][0] != duty:
            seen.append((duty, c.clock.time))
    assert [duty for duty, _ in seen] == [5.0, 100.0, 26.7]
    assert seen[2][1] - seen[1][1] >= 3 * S


def test_unplugging_ends_the_plain_pwm_and_the_next_car_is_read_again():
    c = wallbox()
    s = c.charger.signals
    until(c, lambda: c.plant.pilot.duty == 26.7)
    until(c, lambda: c.plant.unplug(c.clock.time))
    until(c, lambda: s.connection_state.value == "Unplugged")
    c.run_until(c.clock.time + S)
    assert c.plant.pilot.duty == 100.0 and c.plant.pilot.at_charger.state is PilotState.A
    c.plant.plug(c.clock.time)
    until(c, lambda: c.plant.pilot.duty == 5.0, c.clock.time + 30 * S)
    until(c, lambda: c.plant.pilot.duty == 26.7, c.clock.time + 120 * S)
