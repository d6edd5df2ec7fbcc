"""What a bridge shows: who waits for whom, both voltages, what is measured and what is estimated; nothing is cut."""
from __future__ import annotations

import pytest
from tests.display.scenes import BRIDGE, BRIDGE_STEPS, CAR, KNOWN_CAR, LARGEST, LARGEST_BRIDGE, NOW, SAYS, put, signals, texts
from tests.display.test_display_task import Panel, run

from kernel.journal import Journal
from kernel.timer import S
from tasks.chademo.states import ROWS, Side
from tasks.display.bridge_screens import TURN as LIMIT_TURN
from tasks.display.pages import Box, page_names, page_screen
from tasks.display.phases import CONNECTION_PHASES, V2G_PHASES, Phase, phase_of
from tasks.display.picture import BAR, HUGE, LARGE, TALL, TEXT, Row, fits
from tasks.display.rows import drawn_of
from tasks.display.screens import NOTICE_TURN, screen, screen_of
from tasks.display.task import DisplayTask
from tasks.display.three_lines import TURN, WIDTH, three_lines
from tasks.signals import Signals
from tasks.stop_reasons import NORMAL_ENDS, StopReason

WAITS = ("CCS waits for car", "car waits for CCS", "CCS waits for d2", "waiting for match", "waiting for car", "both sides end", "")
"""Interlock.waits."""


def bridge(step: str = "CHARGING", **more: object) -> Signals:
    return signals(**{**BRIDGE, **BRIDGE_STEPS.get(step, {}), **more})


def shown(phase: Phase, s: Signals, now: int = NOW) -> tuple[Row, ...]:
    return screen_of(phase, "", s, now, "bridge", NOW - 17 * S).rows


# --- nothing is cut ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("values", [{}, CAR, BRIDGE, LARGEST, LARGEST_BRIDGE, *BRIDGE_STEPS.values()],
                         ids=["unknown", "car", "bridge", "largest", "largest bridge", *BRIDGE_STEPS])
def test_every_phase_fits(phase, values):
    for wait in WAITS:
        s = signals(**{**values, "stop_reason": StopReason.CHARGER_MALFUNCTION, "bridge_wait": wait})
        for since in (0, NOW, -100_000 * S):
            picture = screen_of(phase, "", s, NOW, "bridge", since)
            assert fits(picture), texts(picture)
            assert picture.title.startswith("BRIDGE")


@pytest.mark.parametrize("phase", [Phase.ASKING, Phase.VEHICLE, Phase.PRECHARGE, Phase.CHARGING, Phase.STOPPING])
@pytest.mark.parametrize("side", list(Side))
def test_every_state_of_the_vehicle_s_side_fits_and_is_told(phase, side):
    rows = shown(phase, bridge(chademo_state=side.name, bridge_wait=""))
    text = " ".join(row.text for row in rows)
    known = ROWS[side]
    assert fits(screen_of(phase, "", bridge(chademo_state=side.name), NOW, "bridge", NOW))
    assert (known.waits_for or known.text) in text or phase is Phase.CHARGING and side is Side.Charge


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("values", [BRIDGE, *BRIDGE_STEPS.values()], ids=["charging", *BRIDGE_STEPS])
def test_no_screen_says_the_same_twice(phase, values):
    for reason in (None, StopReason.NO_LINK):
        s = signals(**{**BRIDGE, **values, "stop_reason": reason, "connection_state": "Session", "link_state": "Sounding", "v2g_state": "CableCheck"})
        words = [row.text.strip().lower() for row in shown(phase, s) if row.text.strip()]
        assert len(words) == len(set(words)), words


@pytest.mark.parametrize("values", [{}, BRIDGE, LARGEST_BRIDGE, {**KNOWN_CAR, **BRIDGE}, *BRIDGE_STEPS.values()])
def test_every_page_fits(values):
    for name in page_names("bridge")[1:]:
        for more in ({}, dict(safety_trip="CHAdeMO plug is live", device_notice="x" * 19)):
            picture = page_screen(name, signals(**{**values, **more}), NOW, Box("ccsbox", "bridge", 0))
            assert fits(picture) and picture.rows, texts(picture)


@pytest.mark.parametrize("values", [{}, BRIDGE, LARGEST_BRIDGE, *BRIDGE_STEPS.values()])
def test_three_lines_fit_in_every_state(values):
    states = [*(dict(connection_state=c) for c in CONNECTION_PHASES), *(dict(connection_state="Session", v2g_state=v) for v in V2G_PHASES)]
    for state in states:
        for turn in range(4):
            found = three_lines(signals(**{**values, **state, "device_notice": "ADC: no answer"}), NOW + turn * TURN, "bridge")
            assert len(found) == 3 and all(len(line) <= WIDTH for line in found) and found[0], found


# --- which phase ------------------------------------------------------------------------------------------------------

def test_the_vehicle_is_asked_before_the_charger_is_spoken_to():
    assert phase_of(bridge("ASKING", connection_state="WaitPilot")) == (Phase.ASKING, "")
    assert phase_of(bridge("VEHICLE", connection_state="Session", v2g_state="WaitVehicle")) == (Phase.VEHICLE, "")
    assert phase_of(bridge("PLUGGED", connection_state="WaitPilot")) == (Phase.PLUGGED, "")
    assert phase_of(signals(**CAR, connection_state="WaitPilot")) == (Phase.PLUGGED, "")


@pytest.mark.parametrize("state", [side.name for side in Side if side not in (Side.Idle, Side.Ended)])
@pytest.mark.parametrize("connection", ["Finished", "Failed", "Pausing"])
def test_nobody_is_told_to_unplug_while_the_vehicle_s_side_is_under_way(state, connection):
    s = bridge(chademo_state=state, connection_state=connection, stop_reason=StopReason.CAR_STOP)
    assert phase_of(s)[0] is Phase.STOPPING
    assert Row(TALL, "Do not unplug yet.") in screen(s, NOW, "bridge", NOW).rows
    for rest in ("Idle", "Ended", None):
        put(s, NOW, chademo_state=rest)
        assert phase_of(s)[0] is not Phase.STOPPING
    put(s, NOW, chademo_state=state, safety_trip="CHAdeMO plug is live")
    assert phase_of(s)[0] is Phase.TRIPPED


# --- what is told -----------------------------------------------------------------------------------------------------

def test_the_wait_for_the_vehicle():
    assert shown(Phase.ASKING, bridge("ASKING")) == (
        Row(LARGE, "Asking car"), Row(BAR, "", 0), Row(TALL, "CCS waits for car"), Row(TEXT, "car's permission (k)"), Row(TEXT, "d1+ d2- k- L-    17 s"))
    assert shown(Phase.VEHICLE, bridge("VEHICLE"))[2:] == (Row(TALL, "CCS waits for car"), Row(TEXT, "awaits CHAdeMO lock"), Row(TEXT, "d1+ d2- k+ L-    17 s"))


@pytest.mark.parametrize("phase", [Phase.MATCHING, Phase.JOINING, Phase.DISCOVERY, Phase.CONNECTING, Phase.SESSION, Phase.PARAMETERS, Phase.CABLE_CHECK])
def test_on_the_way_the_vehicle_waits_for_the_charger(phase):
    assert shown(phase, bridge(phase.name))[-1] == Row(TEXT, "car waits for CCS 17s")
    assert "waits" not in shown(phase, bridge(phase.name, bridge_wait=""))[-1].text
    assert screen_of(phase, "", bridge(phase.name), NOW, "pev", NOW).rows[-1].text != "car waits for CCS 17s", "of a bridge alone"


def test_what_holds_the_session_back_is_told():
    assert Row(TALL, "both to be replugged") in shown(Phase.PLUGGED, bridge("PLUGGED"))
    assert Row(TALL, "waits for the bridge") in shown(Phase.PLUGGED, bridge("PLUGGED", session_hold="the bridge"))
    assert Row(TALL, "waiting for 5% pilot") in shown(Phase.PLUGGED, bridge("PLUGGED", session_hold=""))
    assert Row(TALL, "waiting for 5% pilot") in shown(Phase.PLUGGED, bridge("PLUGGED"), NOW + 2 * S), "a stale hold is none"


def test_an_estimated_voltage_is_marked():
    assert shown(Phase.PRECHARGE, bridge("PRECHARGE", inlet_voltage=190.5))[1:] == (
        Row(BAR, "", 50), Row(TALL, "CCS 190 V  car ~381 V"), Row(TEXT, "by           n +-12 V"), Row(TEXT, "car waits for CCS"))
    assert shown(Phase.STARTING, bridge("STARTING"))[2:] == (Row(TALL, "CCS 381 V   car 381 V"), Row(TEXT, "contactors     closed"), Row(TEXT, "waiting for match"))
    assert Row(TALL, "CCS 381 V    car -- V") in shown(Phase.STARTING, bridge("STARTING", battery_voltage=None))


def test_charging_shows_both_voltages_and_what_was_asked_for_and_delivered():
    assert shown(Phase.CHARGING, bridge()) == (Row(HUGE, "42%", None, "45.9", "kW"), Row(LARGE, "381V  120A"), Row(TEXT, "car 381 V  asks 118 A"),
                                               Row(TEXT, "12.34 kWh        17 s"))
    idle = bridge(chademo_state="WaitRequest", inlet_current=0.0, vehicle_says=type(SAYS)())
    assert [row.text for row in shown(Phase.CHARGING, idle)[2:]] == ["car 381 V    asks 0 A", "awaits car's request"]


def test_energy_and_limit_take_turns():
    s = bridge(evse_max_current=120.0, evse_present_voltage=380.6, evse_present_current=120.0, ev_target_current=120.0)
    for signal in s:
        signal.max_age = None
    even = -(-NOW // (2 * LIMIT_TURN)) * 2 * LIMIT_TURN
    assert "kWh" in shown(Phase.CHARGING, s, even)[-1].text
    assert shown(Phase.CHARGING, s, even + LIMIT_TURN)[-1] == Row(TEXT, "limit   charger 120 A")


def test_stopping_names_both_locks():
    assert shown(Phase.STOPPING, bridge("STOPPING"))[1:] == (Row(TALL, "Do not unplug yet."), Row(TEXT, "waiting for car"), Row(TEXT, "CCS 381 V   car 381 V"),
                                                             Row(TEXT, "CCS locked car locked"))
    assert shown(Phase.STOPPING, bridge("STOPPING", vehicle_lock_confirmed=None))[-1] == Row(TEXT, "CCS locked     car --")


@pytest.mark.parametrize("reason", list(StopReason))
def test_every_end_shows_its_reason_as_a_car_does(reason):
    s = bridge(chademo_state="Ended", connection_state="Finished", stop_reason=reason)
    found, as_car = screen(s, NOW, "bridge", NOW), screen(s, NOW, "pev", NOW)
    assert found.rows == as_car.rows and found.rows[0] == Row(LARGE, "Finished" if reason in NORMAL_ENDS else "Stopped")


def test_a_notice_takes_turns_with_the_wait():
    s = bridge("MATCHING", link_notice="third PLC station")
    rows = [screen_of(Phase.MATCHING, "", s, at, "bridge", NOW).rows[-1].text for at in (NOW, NOW + NOTICE_TURN)]
    assert "! third PLC station" in rows and any("car waits for CCS" in row for row in rows)


# --- the page, three lines, the task ----------------------------------------------------------------------------------

def page(**more: object) -> list[str]:
    return texts(page_screen("chademo", bridge(**more), NOW, Box("ccsbox", "bridge", 0)))


def test_the_page_of_the_vehicle_s_side():
    assert page() == ["CHADEMO         2/7", "state          Charge", "d1+  d2+  k+  lock+", "109.5 05     102.5 81", "asks 410 V      118 A", "car's plug    380.6 V",
                      "by     measured +-4 V", "Charging"]
    assert page(vehicle_says=None, chademo_status=None, d2_on=None)[2:5] == ["d1+  d2?  k+  lock+", "109.5 --     102.5 --", "asks -- V         0 A"]
    s = bridge()
    stale = texts(page_screen("chademo", s, NOW + 10 * S, Box("ccsbox", "bridge", 0)))
    assert stale[2] == "d1?  d2?  k?  lock?" and "-- V" in stale[5]


def test_only_a_bridge_has_that_page_and_it_names_both_locks():
    assert [role for role in ("pev", "evse", "listen", "bridge") if "chademo" in page_names(role)] == ["bridge"]
    assert "CCS locked car locked" in texts(page_screen("safety", bridge(), NOW, Box("ccsbox", "bridge", 0)))
    assert texts(page_screen("battery", signals(**{**KNOWN_CAR, **BRIDGE}), NOW, Box("ccsbox", "bridge", 0)))[2] == "capacity     64.0 kWh"


def test_three_lines_of_a_bridge():
    assert three_lines(bridge("ASKING", connection_state="WaitPilot"), NOW, "bridge")[:2] == ("Asking car  C 5%", "d1+ d2- k- L-")
    told = {three_lines(bridge("ASKING", connection_state="WaitPilot"), NOW + turn * TURN, "bridge")[2] for turn in range(2)}
    assert told == {"CCS waits for", "car"}
    charging = bridge(connection_state="Session", v2g_state="CurrentDemand", bridge_wait="CCS waits for car")
    assert three_lines(charging, NOW, "bridge")[1:] == ("42% 381V 120A", "45.9 kW 12.3kWh")


@pytest.mark.parametrize("amperes, drawn", [(-15.2, True), (-1.0, True), (-0.9, False), (0.0, False), (118.0, False)])
def test_what_is_drawn_is_not_shown_as_a_charge(amperes, drawn):
    s = bridge(connection_state="Session", v2g_state="CurrentDemand", bridge_wait="", inlet_current=amperes, session_energy_out=350.0)
    first, large, third, last = shown(Phase.CHARGING, s)
    assert (f"out {-amperes:.0f} A" in third.text) is drawn and ("asks" in third.text) is not drawn and ("out 0.35 kWh" in last.text) is drawn
    assert first.beside.startswith("-") is (amperes < -0.5) and (large.text.endswith(f"{amperes:.0f}A"))
    lines = three_lines(s, NOW, "bridge")
    assert lines[0].startswith("V2X out" if drawn else "Charging") and (lines[2] == "-5.8 kW 0.3kWh" or lines[2] == "-5.8 kW 0.4kWh") is (amperes == -15.2)
    assert shown(Phase.CHARGING, bridge(inlet_current=-15.2, session_energy_out=None))[3].text.startswith("out of car") and drawn_of(s, NOW + 60 * S) is None


def test_a_car_s_display_whose_signals_have_a_bridge_is_a_bridge_s():
    """The table gives both the role of a car; the row `bridge` is made before the display's."""
    box = Signals()
    box.bridge_phase.claim("bridge")
    shows = {True: DisplayTask(Panel(), box, "pev", Journal()), False: DisplayTask(Panel(), Signals(), "pev", Journal())}
    assert {bridged: len(task._pages) for bridged, task in shows.items()} == {True: 7, False: 6}
    panel = Panel()
    put(box, NOW, modem="x", connection_state="Unplugged")
    task = DisplayTask(panel, box, "pev", Journal())
    run(task, NOW, NOW + 2 * S)
    role_given = DisplayTask(Panel(), box, "bridge", Journal())
    run(role_given, NOW, NOW + 2 * S)
    assert task.pages() == role_given.pages()
