"""Every screen by name: each phase of a car, a charger, a bridge and a listener, each stop reason and trip with all pages of its hint, the pages, extremes."""
from __future__ import annotations

from dataclasses import replace
from typing import Iterator

from drivers.interfaces import PilotState
from kernel.timer import S
from tasks.display import listen_screens
from tasks.display.pages import BRIDGE as BRIDGED, EVSE, LISTEN, PEV, Box, page_names, page_screen
from tasks.display.phases import V2G_PHASES, Phase
from tasks.display.picture import Screen, dot, draw
from tasks.display.screens import HINT_LINES, screen, screen_of
from tasks.display.texts import TURN, pages_of
from tasks.safety.ac_trips import AC_NOT_CLOSED, AC_TRIPS, AC_WELDED
from tasks.safety.trips import CONTACTOR_WELDED, EVSE_TRIPS, PEV_TRIPS, STALLED, VOLTAGE_STAYS
from tasks.stop_reasons import NORMAL_ENDS, StopReason
from tools.screens.scenes import (AC_CAR, AC_CHARGER, BRIDGE, BRIDGE_STEPS, CAR, CHARGER, HEARD, KNOWN_CAR, KNOWN_CHARGER, LARGEST, LARGEST_AC,
                                  LARGEST_BRIDGE, NOW, SAYS, signals)

SIDES = {PEV: ("car", CAR), EVSE: ("charger", CHARGER)}
BRIDGE_ONLY = frozenset({Phase.ASKING, Phase.VEHICLE})
ENDS = frozenset({Phase.FINISHED, Phase.STOPPED, Phase.TRIPPED, Phase.RETRYING, Phase.PAUSED})
AT_PILOT_B = dict(pilot_state=PilotState.B)
LINK_STATES = {Phase.MATCHING: "Sounding", Phase.JOINING: "Join"}
LIMITS = {      # what makes each side limit, in a car
    "car-wish": {}, "car-current": dict(battery_max_current=120.0), "charger-current": dict(evse_max_current=120.0), "charger-power": dict(evse_max_power=45_600.0),
    "car-voltage": dict(evse_present_voltage=399.0, evse_present_current=60.0), "inlet-heat": dict(current_limit=120.0), "by-key": dict(power_share=60.0),
    "gives-less": dict(evse_present_current=60.0),
}


def catalogue() -> dict[str, list[bytes]]:
    """Name -> eight pages."""
    found = {name: draw(shown) for name, shown in (*_phases(), *_bridge(), *_charging(), *_ends(), *_trips(), *_listener(), *_pages(), *_extremes())}
    found["dark"] = dot(3)
    return found


def _phases() -> Iterator[tuple[str, Screen]]:
    for role, (name, values) in SIDES.items():
        for phase in Phase:
            if phase in ENDS or phase is Phase.BY_PILOT or phase in BRIDGE_ONLY:
                continue
            s = signals(**{**values, **_pilot(phase)}, v2g_state=_state_of(phase), link_state=LINK_STATES.get(phase), connection_state="Session")
            if phase is Phase.PRECHARGE:
                s.inlet_voltage.value, s.output_voltage.value = 190.5, 210.0
            yield f"{name}-{phase.name.lower().replace('_', '-')}", screen_of(phase, "Hovering" if phase is Phase.OTHER else "", s, NOW, role, NOW - 17 * S)
        held = signals(**{**values, "contactors_closed": False, "inlet_voltage": 352.5, "inlet_current": 0.0}, safety_blocked="Inlet does not match")
        yield f"{name}-starting-held-back", screen_of(Phase.STARTING, "", held, NOW, role, NOW - 17 * S)
        told = signals(**{**values, **AT_PILOT_B}, link_state="Parm", stop_reason=StopReason.NO_CHARGER_SLAC, link_notice="third PLC station")
        yield f"{name}-matching-told", screen_of(Phase.MATCHING, "", told, NOW, role, NOW - 17 * S)
        yield f"{name}-matching-notice", screen_of(Phase.MATCHING, "", told, NOW + 2 * S, role, NOW - 17 * S)
        fault = signals(**{**values, **_pilot(Phase.IDLE)}, modem_fault="Modem set up as PEV")
        yield f"{name}-idle-modem-fault", screen_of(Phase.IDLE, "", fault, NOW, role, NOW - 17 * S)
        yield f"{name}-paused", screen_of(Phase.PAUSED, "", signals(**{**values, **AT_PILOT_B}, stop_reason=StopReason.PAUSED), NOW, role, NOW)
        yield f"{name}-retrying", screen_of(Phase.RETRYING, "", signals(**{**values, **AT_PILOT_B}, stop_reason=StopReason.NO_LINK), NOW, role, NOW)
        yield f"{name}-finished-without-reason", screen_of(Phase.FINISHED, "", signals(**{**values, **AT_PILOT_B}), NOW, role, NOW)


def _bridge() -> Iterator[tuple[str, Screen]]:
    for phase in Phase:
        if phase in ENDS or phase in (Phase.BY_PILOT, Phase.OTHER):
            continue
        s = signals(**{**BRIDGE, **BRIDGE_STEPS.get(phase.name, {}), **_pilot(phase), "link_state": LINK_STATES.get(phase), "v2g_state": _state_of(phase)})
        if phase is Phase.PRECHARGE:
            s.inlet_voltage.value = 190.5
        yield f"bridge-{phase.name.lower().replace('_', '-')}", screen_of(phase, "", s, NOW, BRIDGED, NOW - 17 * S)
    limited = signals(**{**KNOWN_CAR, **BRIDGE, "evse_max_current": 125.0, "evse_present_current": 120.4})
    yield "bridge-charging-limit", screen_of(Phase.CHARGING, "", limited, NOW, BRIDGED, NOW)
    asks = signals(**{**BRIDGE, "chademo_state": "WaitRequest", "inlet_current": 0.0, "vehicle_says": replace(SAYS, current_request=0.0)})
    yield "bridge-charging-without-request", screen_of(Phase.CHARGING, "", asks, NOW, BRIDGED, NOW)
    for label, out in (("", 350.0), ("-begins", None)):
        gives = signals(**{**BRIDGE, "inlet_current": -15.2, "session_energy_out": out})
        yield f"bridge-discharging{label}", screen_of(Phase.CHARGING, "", gives, NOW, BRIDGED, NOW - 17 * S)
    yield "bridge-finished", screen_of(Phase.FINISHED, "", signals(**BRIDGE, stop_reason=StopReason.CAR_STOP), NOW, BRIDGED, NOW)
    yield "bridge-stopped", screen_of(Phase.STOPPED, "", signals(**BRIDGE, stop_reason=StopReason.CAR_NO_PERMISSION), NOW, BRIDGED, NOW)
    for page in ("chademo", "battery", "safety"):
        yield f"page-bridge-{page}", page_screen(page, signals(**{**KNOWN_CAR, **BRIDGE}), NOW, Box("ccsbox 0.1.0", BRIDGED, NOW - 7_325 * S))
    yield "page-bridge-chademo-starts", page_screen("chademo", signals(**{**BRIDGE, **BRIDGE_STEPS["VEHICLE"]}), NOW, Box("ccsbox 0.1.0", BRIDGED, NOW))
    for label, values in (("largest", LARGEST_BRIDGE), ("unknown", {})):
        for phase in (Phase.ASKING, Phase.PRECHARGE, Phase.STARTING, Phase.CHARGING, Phase.STOPPING):
            yield f"bridge-{phase.name.lower()}-{label}", screen_of(phase, "", signals(**values), NOW, BRIDGED, NOW - 100_000 * S)
        yield f"page-bridge-chademo-{label}", page_screen("chademo", signals(**values), NOW, Box("ccsbox", BRIDGED, NOW))


def _pilot(phase: Phase) -> dict:
    """How the pilot stands: A without a plug, B from plugging in (5 % a little later), C from the cable check on."""
    if phase in (Phase.IDLE, Phase.MODEM):
        return dict(pilot_state=PilotState.A, pilot_duty=None)
    if phase is Phase.PLUGGED:
        return dict(AT_PILOT_B, pilot_duty=None)
    return AT_PILOT_B if phase.step is not None and phase.step < Phase.CABLE_CHECK.step else {}


def _state_of(phase: Phase) -> str:
    return next((state for state, known in V2G_PHASES.items() if known is phase), "CurrentDemand")


def _charging() -> Iterator[tuple[str, Screen]]:
    for why, values in LIMITS.items():
        s = signals(**{**KNOWN_CAR, "ev_target_current": 120.0, "evse_present_current": 120.0, "current_limit": None, "battery_max_current": 200.0, **values})
        yield f"car-charging-limit-{why}", screen_of(Phase.CHARGING, "", s, NOW, PEV, NOW - 35 * 60 * S)
    yield "charger-charging-limit", screen_of(Phase.CHARGING, "", signals(**{**KNOWN_CHARGER, "ev_target_current": 120.0}), NOW, EVSE, NOW - 35 * 60 * S)
    alone = {**AC_CHARGER, "pilot_duty": 26.5, "pilot_duty_request": 26.5, "ac_session": None, "ac_request": None}
    yield "charger-by-pilot", screen_of(Phase.BY_PILOT, "", signals(**alone), NOW, EVSE, NOW - 35 * 60 * S)
    yield "charger-by-pilot-waiting", screen_of(Phase.BY_PILOT, "", signals(**{**alone, "contactors_closed": False, "ac_power": 0.0}), NOW, EVSE, NOW)
    yield "charger-by-pilot-without-power", screen_of(Phase.BY_PILOT, "", signals(**{**alone, "contactors_closed": False, "pilot_duty_request": 100.0}), NOW, EVSE, NOW)
    yield "charger-by-pilot-without-meter", screen_of(Phase.BY_PILOT, "", signals(**{**alone, "ac_power": None}), NOW, EVSE, NOW)
    yield "car-charging-stale", screen_of(Phase.CHARGING, "", signals(**CAR), NOW + 10 * S, PEV, NOW)
    yield "car-charging-ac", screen_of(Phase.CHARGING, "", signals(**AC_CAR), NOW, PEV, NOW - 35 * 60 * S)
    yield "charger-charging-ac", screen_of(Phase.CHARGING, "", signals(**AC_CHARGER), NOW, EVSE, NOW - 35 * 60 * S)


def _turns(text: str, height: int) -> range:
    return range(len(pages_of(text, height)))


def _ends() -> Iterator[tuple[str, Screen]]:
    for reason in StopReason:
        s = signals(**{**CAR, **AT_PILOT_B}, connection_state="Finished", stop_reason=reason)
        for turn in _turns(reason.hint, HINT_LINES - (reason in NORMAL_ENDS)):
            yield f"{reason.name.lower().replace('_', '-')}-{turn + 1}", screen(_still_fresh(s), NOW + turn * TURN, PEV, NOW)


def _still_fresh(s):
    for signal in s:
        signal.max_age = None            # only the turn of the hint is to change, not the age of what is measured
    return s


def _trips() -> Iterator[tuple[str, Screen]]:
    for side, trips in (("car", PEV_TRIPS), ("charger", EVSE_TRIPS), ("ac", (*AC_TRIPS, AC_NOT_CLOSED, AC_WELDED)), ("any", (CONTACTOR_WELDED, VOLTAGE_STAYS, STALLED))):
        for trip in trips:
            s = signals(**{**CAR, **AT_PILOT_B}, connection_state="Session", v2g_state="CurrentDemand", safety_trip=trip.text, safety_hint=trip.hint)
            yield f"trip-{side}-{trip.name.replace('_', '-')}", screen(s, NOW, EVSE if side in ("charger", "ac") else PEV, NOW)


def _listener() -> Iterator[tuple[str, Screen]]:
    for state in listen_screens.HEADLINES:
        if state == "SESSION":
            continue
        s = signals(**HEARD, listen_state=state, listen_end="the car ended the session in order: battery full")
        yield f"listener-{state.lower()}", listen_screens.screen_of(*listen_screens.phase(s), s, NOW, LISTEN, NOW - 60 * S)
    for message in ("CableCheckReq", "PreChargeRes", "CurrentDemandRes", "SessionStopReq"):
        s = signals(**HEARD, listen_state="SESSION", v2g_state=message)
        yield f"listener-session-{message.lower()}", listen_screens.screen_of(*listen_screens.phase(s), s, NOW, LISTEN, NOW - 60 * S)


def _pages() -> Iterator[tuple[str, Screen]]:
    for role, name, values in ((PEV, "car", KNOWN_CAR), (EVSE, "charger", KNOWN_CHARGER), (EVSE, "charger-ac", {**KNOWN_CHARGER, **AC_CHARGER}), (LISTEN, "listener", HEARD)):
        for page in page_names(role)[1:]:
            if name != "charger-ac" or page == "charger":
                yield f"page-{name}-{page}", page_screen(page, signals(**values), NOW, Box("ccsbox 0.1.0", role, NOW - 7_325 * S))
    s = signals(**KNOWN_CAR, safety_blocked="Inlet does not match", device_notice="ADC: no answer", modem_fault="Modem set up as PEV")
    for page in ("link", "safety", "box"):
        yield f"page-car-{page}-with-faults", page_screen(page, s, NOW, Box("ccsbox 0.1.0", PEV, NOW - 7_325 * S, 12))


def _extremes() -> Iterator[tuple[str, Screen]]:
    for role, (name, _) in SIDES.items():
        for label, values in (("largest", LARGEST), ("ac-largest", LARGEST_AC), ("unknown", {})):
            for phase in (Phase.IDLE, Phase.PARAMETERS, Phase.CABLE_CHECK, Phase.PRECHARGE, Phase.CHARGING, Phase.STOPPING):
                yield f"{name}-{phase.name.lower().replace('_', '-')}-{label}", screen_of(phase, "", signals(**values), NOW, role, NOW - 100_000 * S)
        for page in page_names(role)[1:]:
            yield f"page-{name}-{page}-largest", page_screen(page, signals(**LARGEST), NOW, Box("ccsbox 0.1.0-with-a-long-name", role, NOW - 10**18, 10**9))
            yield f"page-{name}-{page}-unknown", page_screen(page, signals(), NOW, Box("ccsbox", role, NOW))
