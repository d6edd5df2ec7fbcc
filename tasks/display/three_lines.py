"""The same facts in three lines of 16 characters, for a serial display (SerialToOLED, disp0 to disp2 of a celeron55device). Pure.

Phase, the numbers that matter, and the reason or what to do; longer texts roll on by whole words. Source of the devices: field
sheet 1.4, which gives three lines and no width; 16 characters fit the large face of a 128 pixel panel.
"""
from __future__ import annotations

from kernel.timer import S
from tasks.display import listen_screens
from tasks.display.bridge_screens import wires
from tasks.display.limit import limit_text
from tasks.display.phases import Phase, phase_of, pilot_text
from tasks.display.rows import drawn_of
from tasks.display.screens import MATCHING_TEXTS, notice_of
from tasks.display.texts import UNKNOWN, ohm, power, value, wrap
from tasks.pilot_duty import promised_current
from tasks.signals import Signals
from tasks.stop_reasons import StopReason

WIDTH = 16
WORDS = {Phase.PLUGGED: "waiting for pilot", Phase.JOINING: "the modems join", Phase.DISCOVERY: "SDP", Phase.CONNECTING: "TCP", Phase.SESSION: "agreeing",
         Phase.PARAMETERS: "limits exchanged", Phase.CABLE_CHECK: "insulation test", Phase.PRECHARGE: "matching voltage", Phase.STARTING: "power comes on"}
DISCHARGING = "V2X out"    # in place of Charging
TURN = 3 * S               # a text of more than one line shows the next one this often
ENDS = frozenset({Phase.FINISHED, Phase.STOPPED, Phase.RETRYING, Phase.PAUSED})


def three_lines(s: Signals, now: int, role: str) -> tuple[str, str, str]:
    """`role` is pev, evse, bridge or listen. At most WIDTH characters each."""
    if role == "listen":
        state, step = listen_screens.phase(s)
        headline = Phase[step].headline if step else listen_screens.HEADLINES.get(state, "Busy")
        numbers = _flow(s, now, role) if step else ""
        last = s.listen_end.value if state == "ENDED" else s.listen_limiting.value
        return _both(headline, f"({s.listen_tier.value or '-'})"), numbers, _rolling(last or "", now)
    phase, detail = phase_of(s)
    bridge = role == "bridge"
    role = "pev" if bridge else role
    waits = s.bridge_wait.value if bridge and phase is not Phase.CHARGING and phase not in ENDS and phase is not Phase.TRIPPED else ""
    words = notice_of(s) if now // TURN & 1 and phase not in ENDS and phase is not Phase.TRIPPED else ""
    headline = DISCHARGING if bridge and phase is Phase.CHARGING and drawn_of(s, now) is not None else phase.headline
    return (_both(headline, pilot_text(s, now).removeprefix("CP ")), _numbers(phase, s, now, role)[:WIDTH],
            _rolling("! " + words if words else waits or _words(phase, detail, s, now, role == "pev"), now))


def _both(left: str, right: str) -> str:
    """One text at each edge; the left one is cut where both do not fit."""
    room = WIDTH - len(right) - 1
    return f"{left[:room]}{right:>{WIDTH - len(left[:room])}}"


def _rolling(text: str, now: int) -> str:
    lines = wrap(text, WIDTH)
    return lines[now // TURN % len(lines)] if lines else ""


def _soc(s: Signals, now: int, role: str) -> float | None:
    return s.battery_soc.get(now) if role == "pev" else s.ev_soc.get(now)


def _volts(s: Signals, now: int, role: str) -> tuple[float | None, float | None]:
    if s.ac_session.value:
        return s.ac_voltage.get(now), s.ac_current.get(now)
    if role == "evse":
        return s.output_voltage.get(now), s.output_current.get(now)
    measured, current = s.inlet_voltage.get(now), s.inlet_current.get(now)
    return (s.evse_present_voltage.get(now) if measured is None else measured, s.evse_present_current.get(now) if current is None else current)


def _flow(s: Signals, now: int, role: str) -> str:
    """`42% 381V 120A`."""
    volts, amperes = _volts(s, now, role)
    soc = _soc(s, now, role)
    text = " ".join(f"{UNKNOWN if number is None else format(number, '.0f')}{unit}" for number, unit in ((soc, "%"), (volts, "V"), (amperes, "A")))
    return text[:WIDTH]


def _numbers(phase: Phase, s: Signals, now: int, role: str) -> str:
    volts, _ = _volts(s, now, role)
    if phase is Phase.CHARGING:
        return _flow(s, now, role)
    if phase in (Phase.ASKING, Phase.VEHICLE):
        return wires(s, now)
    if phase is Phase.PRECHARGE:
        there = s.battery_voltage.get(now) if role == "pev" else s.ev_target_voltage.get(now)
        return f"{value(volts, 'V')} of {value(there, 'V')}"
    if phase in (Phase.CABLE_CHECK, Phase.STARTING, Phase.STOPPING):
        said = "charger " if role == "pev" and volts is not None and not s.ac_session.value and s.inlet_voltage.get(now) is None else ""     # no measurement of ours
        return said + value(volts, "V") + ("" if role == "pev" or s.isolation.get(now) is None else " " + ohm(s.isolation.get(now)))
    if phase in ENDS:
        energy = s.session_energy.get(now)
        return "" if energy is None else _both(f"{energy / 1000:.2f} kWh", value(_soc(s, now, role), "%"))
    if phase is Phase.IDLE and role == "pev":
        return _both(value(_soc(s, now, role), "%"), value(s.battery_voltage.get(now), "V"))
    if phase is Phase.BY_PILOT:
        return " ".join(value(number, unit) for number, unit in ((s.ac_voltage.get(now), "V"), (s.ac_current.get(now), "A")) if number is not None)
    if s.attenuation.value is not None and phase in (Phase.JOINING, Phase.DISCOVERY, Phase.CONNECTING, Phase.SESSION):
        return _both(f"{s.attenuation.value:.1f} dB", s.link_quality.value or "")
    return ""


def _words(phase: Phase, detail: str, s: Signals, now: int, car: bool) -> str:
    reason: StopReason | None = s.stop_reason.value
    if phase is Phase.TRIPPED:
        return f"{detail}. {s.safety_hint.value or StopReason.SAFETY_TRIP.hint}"
    if phase in ENDS:
        return "" if reason is None else f"{reason.text}. {reason.hint}"
    if phase is Phase.CHARGING:
        voltage, current = _volts(s, now, "pev" if car else "evse")
        watts = s.ac_power.get(now) if s.ac_session.value else None if voltage is None or current is None else voltage * current
        drawn = car and drawn_of(s, now) is not None
        limit = "" if s.ac_session.value or drawn else limit_text(s, now, car)
        energy = s.session_energy_out.get(now) if drawn else s.session_energy.get(now)
        if limit and now // TURN & 1:
            return limit if len(limit) + 6 > WIDTH else f"limit {limit}"
        return (f"{power(watts)} kW" + ("" if energy is None else f" {energy / 1000:.1f}kWh"))[:WIDTH]
    if s.safety_blocked.value:
        return s.safety_blocked.value
    if phase is Phase.STOPPING:
        return "Do not unplug."
    if phase is Phase.BY_PILOT:
        on, promised = s.contactors_closed.get(now), promised_current(s.pilot_duty_request.get(now) or 0.0)
        state = "charging" if on else "waiting for the car" if on is False else "contactor unknown"
        return f"{state}, may take {promised:.0f} A" if promised else "no power to give now"
    if phase is Phase.AUTHORISATION:
        return "Card, app or button at the charger."
    if phase is Phase.MODEM:
        return "The PLC modem gives no answer. Supply? Cable? Interface?"
    if reason is not None and phase in (Phase.PLUGGED, Phase.MATCHING, Phase.IDLE):
        return "! " + reason.text
    if s.modem_fault.value:
        return s.modem_fault.value
    if phase is Phase.MATCHING:
        return MATCHING_TEXTS.get(s.link_state.value or "", "")
    if phase is Phase.IDLE:
        return "Plug in to charge" if car else "Waiting for a car"
    return detail or WORDS.get(phase, "")
