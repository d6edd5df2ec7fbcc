"""Permits of both boxes in every equipment they may have, written anew: any two facts away from good, and the whole product."""
import dataclasses
import itertools
import math

import pytest

from drivers.interfaces import PilotState
from kernel.timer import MS, S
from tasks.safety.config import EvseSafetyConfig, PevSafetyConfig
from tasks.safety.facts import EvseFacts, PevFacts, SafetyState
from tests.safety.given import STEP, evse, evse_facts, facts, output, pev, requests

A, B, C, D, E, F = PilotState
NAN = math.nan
Idle, Ready, Closing, Closed = SafetyState.Idle, SafetyState.Ready, SafetyState.Closing, SafetyState.Closed

BOXES = {
    "all fitted": {},
    "no current sensor": {"current_sensor_fitted": False},
    "no temperature sensor": {"temperature_sensor_fitted": False},
    "no voltmeter": {"voltage_sensor_fitted": False},
    "supply measured": {"supply_sensor_fitted": True},
    "no stop button": {"stop_button": "none"},
    "nothing fitted": {"current_sensor_fitted": False, "temperature_sensor_fitted": False, "voltage_sensor_fitted": False, "stop_button": "none"},
}
#: The two ends in every run; those between, where one row each is different, with the slow ones.
EACH_BOX = [name if name in ("all fitted", "nothing fitted") else pytest.param(name, marks=pytest.mark.slow) for name in BOXES]
#: Values beside the good one of each fact, among them both sides of every edge (battery at 350 V).
AWAY = {
    "pilot": (None, A, B, D, E, F),
    "duty": (None, 2.9, 3.0, 7.0, 7.1, 100.0, NAN),
    "inlet_voltage": (None, NAN, 0.0, 340.0, 339.9, 360.0, 360.1, 371.0, 329.0, 561.0),
    "inlet_steady": (False,),
    "inlet_current": (None, 3.0, 50.0),
    "temperature": (None, NAN, 70.0, 70.1),
    "supply_voltage": (None, NAN, 9.0, 8.9),
    "connection_alive": (None, False),
    "stop_button": (None, True),
    "battery_voltage": (None, NAN, 99.9, 100.0, 355.0),
    "battery_max_voltage": (None, 330.0),
    "battery_max_current": (None,),
    "battery_target_current": (None,),
    "permission": (None, False),
    "contactors": (None, True, False),
    "lock": (None, False),
}


def number(value: float | None) -> bool:
    return value is not None and not math.isnan(value)


def may_invite(f: PevFacts, c: PevSafetyConfig) -> bool:
    """State C: somebody is plugged, locked, nothing hot or live that must not be, nobody presses the button."""
    return (f.pilot in (B, C, D) and f.lock is True and f.contactors is False
            and (f.stop_button is False or c.stop_button == "none")
            and (f.temperature is None and not c.temperature_sensor_fitted or number(f.temperature) and f.temperature <= 70.0)
            and (f.inlet_voltage is None and not c.voltage_sensor_fitted or number(f.inlet_voltage) and f.inlet_voltage <= 550.0))


def may_close(f: PevFacts, c: PevSafetyConfig) -> bool:
    """I1: state C answered, the voltages agree and stand, the battery speaks and allows, all measurements are there."""
    return (may_invite(f, c) and f.pilot in (C, D) and (f.duty is None or 3.0 <= f.duty <= 7.0)
            and f.inlet_steady and number(f.inlet_voltage) and number(f.battery_voltage) and f.battery_voltage >= 100.0
            and -10.0 <= f.inlet_voltage - f.battery_voltage <= 10.0
            and f.battery_max_voltage is not None and f.battery_max_current is not None and f.permission is True
            and f.connection_alive is True and (f.inlet_current is not None or not c.current_sensor_fitted)
            and (not c.supply_sensor_fitted or number(f.supply_voltage) and f.supply_voltage >= 9.0))


def may_stay(f: PevFacts, c: PevSafetyConfig) -> bool:
    """Closed for one moment more; what may be bad for a while (differences, currents, PWM, supply) is not asked here."""
    return (f.pilot in (C, D) and f.lock is True and f.contactors is True and f.permission is True and f.connection_alive is True
            and (f.stop_button is False or c.stop_button == "none")
            and (f.temperature is None and not c.temperature_sensor_fitted or number(f.temperature) and f.temperature <= 70.0)
            and number(f.inlet_voltage) and f.inlet_voltage <= 550.0
            and f.battery_voltage is not None and f.battery_max_current is not None
            and f.battery_max_voltage is not None and f.inlet_voltage <= f.battery_max_voltage + 10.0
            and (f.inlet_current is not None or not c.current_sensor_fitted))


def supply_allows_ready(f: PevFacts, c: PevSafetyConfig) -> bool:
    return not c.supply_sensor_fitted or number(f.supply_voltage) and f.supply_voltage >= 9.0


def up_to_two_away(good, away: dict):
    """The good facts, and each with one or two values exchanged."""
    names = list(away)
    yield good
    for name in names:
        for value in away[name]:
            yield dataclasses.replace(good, **{name: value})
    for one, two in itertools.combinations(names, 2):
        for a, b in itertools.product(away[one], away[two]):
            yield dataclasses.replace(good, **{one: a, two: b})


@pytest.mark.parametrize("box", EACH_BOX)
def test_state_c_is_invited_only_with_every_permit(box):
    config = PevSafetyConfig(**BOXES[box])
    invited = refused = 0
    for f in up_to_two_away(facts(pilot=B, inlet_voltage=0.0), AWAY):
        supervisor, now = pev(Idle, config)
        out = supervisor.step(f, requests(contactors=False), now + STEP)
        allowed = may_invite(f, config) and supply_allows_ready(f, config)
        assert out.pilot_c is allowed and (supervisor.state is Ready) is allowed, f
        assert bool(supervisor.blocked) is not allowed or supervisor.latch.trips
        assert not out.contactors
        invited += allowed
        refused += not allowed
    assert invited > 100 and refused > 100


@pytest.mark.parametrize("box", EACH_BOX)
def test_contactors_close_only_with_every_permit(box):
    config = PevSafetyConfig(**BOXES[box])
    closed = refused = 0
    for f in up_to_two_away(facts(), AWAY):
        supervisor, now = pev(Ready, config)
        out = supervisor.step(f, requests(), now + STEP)
        allowed = may_close(f, config)
        assert out.contactors is allowed and (supervisor.state is Closing) is allowed, f
        closed += allowed
        refused += not allowed
    assert closed > 20 and refused > 100


@pytest.mark.parametrize("box", EACH_BOX)
def test_contactors_stay_closed_only_while_nothing_is_wrong(box):
    config = PevSafetyConfig(**BOXES[box])
    stayed = ended = 0
    for f in up_to_two_away(facts(contactors=True, inlet_current=80.0), AWAY):
        supervisor, now = pev(Closed, config)
        out = supervisor.step(f, requests(), now + STEP)
        allowed = may_stay(f, config)
        assert (supervisor.state is Closed) is allowed and out.pilot_c is allowed, f
        assert bool(supervisor.latch.trips) is not allowed
        assert out.contactors and out.lock is None                # opening waits for a measurement that is later than state B
        stayed += allowed
        ended += not allowed
    assert stayed > 50 and ended > 100


@pytest.mark.slow
@pytest.mark.parametrize("box", BOXES)
def test_the_whole_product_closes_only_with_every_permit(box):
    """All combinations, with fewer values of each: what two away from good does not show."""
    config = PevSafetyConfig(**BOXES[box])
    domains = {
        "pilot": (None, B, C, D), "inlet_voltage": (None, 352.0, 360.1), "battery_voltage": (None, 350.0), "permission": (None, True), "lock": (None, False, True),
        "contactors": (None, False, True), "temperature": (None, 30.0, 70.1), "stop_button": (None, False, True), "inlet_current": (None, 0.0),
        "supply_voltage": (None, 8.9, 12.0), "connection_alive": (None, True), "inlet_steady": (False, True), "duty": (None, 5.0),
    }
    supervisor, now = pev(Ready, config)
    permitted = 0
    f = facts()
    for values in itertools.product(*domains.values()):
        for name, value in zip(domains, values):
            setattr(f, name, value)
        free = not supervisor._missing_permit(f)
        assert free is may_close(f, config), f
        permitted += free
    assert permitted >= 2


# --- the charger ----------------------------------------------------------------------------------------------------------

CHARGERS = [made if made in ((True, True, True), (False, False, False)) else pytest.param(*made, marks=pytest.mark.slow)
            for made in itertools.product((False, True), repeat=3)]        # contactor, lock, stop button
EVSE_AWAY = {
    "pilot": (None, A, B, D, E, F),
    "output_voltage": (None, NAN, -60.1, -60.0, 60.0, 60.1, 400.0, 550.0, 550.1),
    "output_current": (None, NAN, 50.0, 900.0),
    "isolation": (None, NAN, 10.0),
    "connection_alive": (None, False),
    "stop_button": (None, True),
    "contactors": (None, True, False),
    "lock": (None, False),
}


def may_energise(f: EvseFacts, lock: bool, button: bool) -> bool:
    """Car in state C, connector locked where there is a lock, both measurements there and in their class, nobody presses the button, a stop is heard."""
    return (f.pilot in (C, D) and f.connection_alive is True and (f.lock is True or not lock) and (f.stop_button is False or not button)
            and number(f.output_voltage) and f.output_voltage <= 550.0 and f.output_current is not None)


@pytest.mark.parametrize("contactor, lock, button", CHARGERS)
def test_the_charger_begins_only_with_every_permit(contactor, lock, button):
    config = EvseSafetyConfig(stop_button="emergency" if button else "none")
    begun = refused = 0
    for f in up_to_two_away(evse_facts(output_voltage=0.0, contactors=False), EVSE_AWAY):
        supervisor, now = evse(False, contactor, lock, config)
        out = supervisor.step(f, output(), now + STEP)
        allowed = may_energise(f, lock, button)
        if contactor:
            allowed = allowed and f.contactors is False and -60.0 <= f.output_voltage <= 60.0
        assert out.on is (allowed and not contactor) and out.contactors is (allowed and contactor), f
        assert supervisor.state is ((Closing if contactor else SafetyState.Delivering) if allowed else Idle), f
        assert bool(supervisor.blocked) is not allowed
        begun += allowed
        refused += not allowed
    assert begun > 5 and refused > 50


@pytest.mark.parametrize("contactor, lock, button", CHARGERS)
def test_the_charger_goes_on_only_while_nothing_is_wrong(contactor, lock, button):
    config = EvseSafetyConfig(stop_button="emergency" if button else "none")
    went_on = ended = 0
    for f in up_to_two_away(evse_facts(output_current=80.0), EVSE_AWAY):
        supervisor, now = evse(True, contactor, lock, config)
        out = supervisor.step(f, output(), now + 100 * MS)
        allowed = may_energise(f, lock, button) and (f.contactors is True or not contactor)
        assert out.on is allowed and out.voltage == (400.0 if allowed else 0.0) and out.current == (100.0 if allowed else 0.0), f
        assert bool(supervisor.latch.trips) is not (allowed or may_energise(dataclasses.replace(f, pilot=C), lock, button)
                                                    and f.pilot is B and (f.contactors is True or not contactor))
        went_on += allowed
        ended += not allowed
    assert went_on > 5 and ended > 50


@pytest.mark.parametrize("voltage, current, wanted", [
    (400.0, 100.0, True), (400.0, 0.0, True), (0.5, 0.0, True), (0.0, 100.0, False), (-1.0, 100.0, False), (400.0, -0.5, False), (NAN, 1.0, False),
    (400.0, NAN, False), (math.inf, 1.0, False), (400.0, math.inf, False),
])
def test_what_counts_as_a_wish_for_output(voltage, current, wanted):
    supervisor, now = evse(False)
    assert supervisor.step(evse_facts(output_voltage=0.0), output(voltage, current), now + S).on is wanted
