"""What a display must not say: a charger's word as our measurement, a contactor at rest that nobody has seen open."""
from __future__ import annotations

import pytest

from drivers.interfaces import PilotState
from kernel.timer import S
from tasks.display.screens import screen
from tasks.display.three_lines import WIDTH, three_lines
from tasks.signals import Signals


def given(**values: object) -> Signals:
    signals = Signals()
    for name, value in values.items():
        getattr(signals, name).claim("test").set(value, 0)
    return signals


def rows(signals: Signals, role: str, now: int = 0) -> list[str]:
    return [row.text for row in screen(signals, now, role, 0).rows]


def by_pilot(**values: object) -> Signals:
    return given(**{"connection_state": "Nominal", "pilot_state": PilotState.C, "pilot_duty_request": 26.5, "contactors_closed": True, **values})


def test_0_v_of_the_charger_are_not_shown_as_0_v_at_the_inlet():
    """Our voltmeter has failed under current; after its stop the charger says 0 V, the contactors may be welded."""
    stopping = {"connection_state": "Session", "v2g_state": "WaitContactorsOpen", "evse_present_voltage": 0.0, "evse_present_current": 0.0}
    assert "charger       0 V 0 A" in rows(given(**stopping), "pev")
    assert three_lines(given(**stopping), 0, "pev")[1] == "charger 0 V"
    assert "charger       0 V 0 A" not in rows(given(**stopping, inlet_voltage=395.0, inlet_current=0.0), "pev")


@pytest.mark.parametrize("values, now", [({"contactors_closed": None}, 0), ({}, S)], ids=["unknown", "stale"])
def test_nobody_waits_for_a_car_behind_a_contactor_of_unknown_position(values, now):
    assert "contactor unknown" in rows(by_pilot(**values), "evse", now)
    assert "waiting for the car" not in rows(by_pilot(**values), "evse", now)


def test_three_lines_tell_a_charge_by_the_pilot_alone():
    """They were empty below the headline."""
    assert three_lines(by_pilot(ac_voltage=230.0, ac_current=16.0), 0, "evse") == ("By pilot       C", "230 V 16 A", "charging, may")
    assert three_lines(by_pilot(contactors_closed=False), 0, "evse")[1:] == ("", "waiting for the")
    assert three_lines(by_pilot(contactors_closed=None), 0, "evse")[2] == "contactor"
    assert three_lines(by_pilot(pilot_duty_request=100.0), 0, "evse")[2] == "no power to give"
    assert all(len(line) <= WIDTH for line in three_lines(by_pilot(ac_voltage=230.0, ac_current=16.0), 0, "evse"))
