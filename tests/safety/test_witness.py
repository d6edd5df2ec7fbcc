"""The charger's word as the second witness of the current: a sensor that is stuck near zero opens nothing under load."""
import pytest

from drivers.interfaces import PilotState
from kernel.timer import MS, S
from tasks.safety.config import PevSafetyConfig
from tasks.safety.facts import SafetyState
from tasks.safety.supervisor import PevSupervisor
from tests.safety.given import NOTHING, STEP, facts, pev, requests

Closed, CurrentOff = SafetyState.Closed, SafetyState.CurrentOff
HOLD = 5 * S


def charged(measured: float | None, reported: float | None, lasts: int, config: PevSafetyConfig | None = None):
    """Closed; for `lasts` the sensor said `measured` and the charger `reported`."""
    supervisor, now = pev(Closed, config)
    for at in (now + STEP, now + STEP + lasts):
        supervisor.step(facts(contactors=True, inlet_current=measured, reported_current=reported), requests(), at)
    assert supervisor.state is Closed or measured is None
    supervisor.report.drain()
    return supervisor, now + STEP + lasts


def open_after(supervisor, now, emergency=False) -> int:
    """ns from the end of the request (or a fault) to open contactors; the sensor says 0 A anew at each step."""
    at = now
    if emergency:
        supervisor.fault(facts(contactors=True, inlet_current=0.0), at)
    else:
        supervisor.step(facts(contactors=True, inlet_current=0.0, inlet_current_at=at, reported_current=None), NOTHING, at)
    while supervisor.outputs.contactors:
        at += 10 * MS
        f = facts(contactors=True, pilot=PilotState.B, inlet_current=0.0, inlet_current_at=at, reported_current=None)
        supervisor.step(f, requests() if emergency else NOTHING, at)
        assert not supervisor.outputs.pilot_c
    return at - now


@pytest.mark.parametrize("measured, reported, lasts, doubted", [
    (0.0, 20.0, HOLD, False), (0.0, 20.1, HOLD, True), (0.0, 20.1, HOLD - 1, False), (0.0, 100.0, HOLD, True), (80.0, 100.1, HOLD, True), (80.0, 100.0, HOLD, False),
    (0.0, -20.0, HOLD, False), (0.0, -20.1, HOLD, True), (-3.0, -22.9, HOLD, False),
    (-3.0, -23.1, HOLD, True), (100.0, 0.0, HOLD, False), (-3.0, 22.9, HOLD, False), (-3.0, 23.1, HOLD, True), (0.0, None, HOLD, False), (0.0, float("nan"), HOLD, False),
])
def test_a_sensor_that_says_clearly_less_than_the_charger_for_long_is_doubted(measured, reported, lasts, doubted):
    supervisor, now = charged(measured, reported, lasts)
    took = open_after(supervisor, now)
    assert took == (2 * S if doubted else 10 * MS), "without a believed sensor: the time in which every charger has ended its current"
    told = [text % arguments for text, arguments, _ in supervisor.report.drain()]
    assert any("current sensor doubted: it says 0.0 A" in words for words in told) is doubted
    assert any("unverified" in words for words in told) is doubted and not supervisor.latch.trips


def test_in_an_emergency_a_doubted_sensor_means_the_bound():
    supervisor, now = charged(0.0, 100.0, HOLD)
    assert open_after(supervisor, now, emergency=True) == 1500 * MS
    supervisor, now = charged(0.0, 0.0, HOLD)
    assert open_after(supervisor, now, emergency=True) == 10 * MS


@pytest.mark.parametrize("between", [{"inlet_current": 90.0}, {"reported_current": 5.0}, {"reported_current": None}])
def test_once_they_agree_the_time_begins_anew(between):
    supervisor, now = charged(0.0, 100.0, HOLD - S)
    supervisor.step(facts(contactors=True, **({"inlet_current": 0.0, "reported_current": 100.0} | between)), requests(), now + STEP)
    for at in (now + 2 * STEP, now + STEP + HOLD):
        supervisor.step(facts(contactors=True, inlet_current=0.0, reported_current=100.0), requests(), at)
    assert open_after(supervisor, now + STEP + HOLD) == 10 * MS


def test_an_unknown_current_is_no_disagreement():
    """It is a trip of its own, and no current counts as gone."""
    supervisor, now = charged(None, 100.0, HOLD)
    assert supervisor.latch.trips[0].name == "current_unknown"
    assert not any("doubted" in text for text, _, _ in supervisor.report.drain())


def test_the_ramp_at_an_orderly_end_is_no_disagreement():
    """The charger's last word stays fresh for 3 s while its current has fallen already."""
    supervisor, now = charged(100.0, 100.0, HOLD)
    for n in range(30):
        now += 100 * MS
        supervisor.step(facts(contactors=True, inlet_current=0.0, reported_current=100.0), requests(), now)
    assert open_after(supervisor, now) == 10 * MS


def test_what_was_doubted_stays_so_until_they_agree_again():
    """The charger falls silent (its word is stale) before the end: the sensor is no better for that."""
    for last, took in (({"reported_current": None}, 2 * S), ({"inlet_current": 95.0, "reported_current": 100.0}, 10 * MS)):
        supervisor, now = charged(0.0, 100.0, HOLD)
        supervisor.step(facts(contactors=True, **({"inlet_current": 0.0} | last)), requests(), now + S)
        assert open_after(supervisor, now + S) == took


def test_it_wants_to_be_asked_when_the_time_is_over():
    supervisor, now = charged(0.0, 100.0, S)
    assert supervisor.next_timer() == now - S + HOLD
    supervisor.step(facts(contactors=True, inlet_current=0.0, reported_current=100.0), requests(), now - S + HOLD)
    assert supervisor.next_timer() > now + 100 * S


def test_a_first_look_may_find_a_disagreement():
    supervisor = PevSupervisor(PevSafetyConfig())
    supervisor.step(facts(pilot=PilotState.B, inlet_current=0.0, reported_current=100.0), NOTHING, S)
    assert supervisor.next_timer() == S + HOLD


def test_a_box_without_a_sensor_has_none_to_doubt():
    supervisor, now = charged(None, 100.0, HOLD, PevSafetyConfig(current_sensor_fitted=False))
    supervisor.step(facts(contactors=True, inlet_current=None), NOTHING, now)
    assert supervisor.state is CurrentOff and not any("doubted" in text for text, _, _ in supervisor.report.drain())
