"""Signals -> screen: what a person at the car or at the charger sees in each phase. Pure, with nothing but `now` as time.

Read at arm's length at night: the two or three numbers that matter, and the reason of an end, stand in tall, large or huge
type; small type explains. Nothing is inverse but what lasts for moments (a notice, what the supervisor waits for). Unknown or stale values are
shown as `--`. All rows are laid out for 21 small or 10 large characters; a test builds
every phase, every stop reason and extreme values and demands that nothing is cut.
"""
from __future__ import annotations

from typing import Callable

from kernel.timer import S
from tasks.display import bridge_screens, texts
from tasks.display.limit import limit_text
from tasks.display.phases import Phase, phase_of, pilot_text
from tasks.display.picture import BAR, HEIGHTS, HUGE, INVERSE, LARGE, TITLE_CHARACTERS, Row, Screen
from tasks.display.rows import contactors_of, current_of, headed, held_back, last_end, lock_of, small, tall, voltage_of
from tasks.display.texts import cut, elapsed, pair, paged, seconds, tenth, value, wide
from tasks.pilot_duty import promised_current
from tasks.signals import Signals
from tasks.stop_reasons import NORMAL_ENDS, StopReason

PEV, EVSE, BRIDGE = "pev", "evse", "bridge"
ROLES = {PEV: "CAR", EVSE: "CHARGER", BRIDGE: "BRIDGE"}
HINT_LINES = 3             # rows that are left below headline and reason
LIFE_STEP = S              # the life sign moves this often

NOTICE_TURN = 2 * S        # the last row and a notice about the network take turns
UNDISTURBED = frozenset({Phase.FINISHED, Phase.STOPPED, Phase.RETRYING, Phase.PAUSED, Phase.TRIPPED, Phase.STOPPING})
"""Phases whose last row belongs to a text over several rows, or matters more."""

MATCHING_TEXTS = {
    "Parm": "looking for chargers", "Pause": "next attempt soon", "Sounding": "sounding", "Collect": "results come in",
    "Validate": "validating", "Match": "choosing the charger", "Matching": "measuring the car",
}


def screen(signals: Signals, now: int, role: str, since: int) -> Screen:
    """The screen of `role` (pev, evse or bridge); `since`: when the present phase began (ns)."""
    phase, detail = phase_of(signals)
    return screen_of(phase, detail, signals, now, role, since)


def screen_of(phase: Phase, detail: str, signals: Signals, now: int, role: str, since: int) -> Screen:
    """The same for a phase that is known already; `detail` is the second value of `phase_of`."""
    name = ROLES[role]
    rows = _ROWS[phase](signals, now, role != EVSE, since, detail)
    if role == BRIDGE:
        rows = bridge_screens.rows_of(phase, rows, signals, now, since)
    if phase not in UNDISTURBED and now // NOTICE_TURN & 1:
        notice = notice_of(signals)
        if notice:
            rows = rows[:-1] + (Row(INVERSE, cut("! " + notice)),)
    return Screen(f"{name}{pilot_text(signals, now):>{TITLE_CHARACTERS - len(name)}}", rows, now // LIFE_STEP & 3)


def notice_of(s: Signals) -> str:
    """What somebody should know beside the phase, empty when nothing: the gravest first."""
    return s.bridge_notice.value or s.device_notice.value or s.kernel_notice.value or s.stranger_notice.value or s.link_notice.value or ""


# --- the rows of each phase: functions of (signals, now, is it the car, since, detail) -------------------------------

def _idle(s: Signals, now: int, car: bool, since: int, detail: str) -> tuple[Row, ...]:
    if not car:
        rows = (tall("Waiting for a car."), small(_modem_told(s)))
    elif s.battery_soc.get(now) is None:
        rows = (tall("Plug in to charge."), small(_modem_told(s)))
    else:
        rows = (tall(pair(s.battery_soc.get(now), "%", s.battery_voltage.get(now), "V")), small(s.modem_fault.value or "Plug in to charge."))
    return headed(Phase.IDLE, *(Row(row.kind, cut(row.text)) for row in rows), small(last_end(s, now)))


def _modem(s: Signals, now: int, car: bool, since: int, detail: str) -> tuple[Row, ...]:
    return headed(Phase.MODEM, small("The PLC modem gives"), small("no answer. Supply?"), small("Cable? Interface?"),
                   small(elapsed(since, now)))


def _plugged(s: Signals, now: int, car: bool, since: int, detail: str) -> tuple[Row, ...]:
    return headed(Phase.PLUGGED, tall("waiting for 5% pilot" if car else "waiting for the car"), small(_told(s) or _modem_told(s)),
                   small(elapsed(since, now)))


def _told(s: Signals) -> str:
    """The reason that is told on the way up (nobody answers, no 5 %), or why the last try ended; else what is wrong with the modem."""
    reason = s.stop_reason.value
    return cut(s.modem_fault.value or "") if reason is None else cut("! " + reason.text)


def _modem_told(s: Signals) -> str:
    """Which modem it is, or what is wrong with it."""
    return cut(s.modem_fault.value or s.modem.value or "")


def _matching(s: Signals, now: int, car: bool, since: int, detail: str) -> tuple[Row, ...]:
    state = s.link_state.value or ""
    return _link(s, now, since, Phase.MATCHING, MATCHING_TEXTS.get(state, state))


def _joining(s: Signals, now: int, car: bool, since: int, detail: str) -> tuple[Row, ...]:
    return _link(s, now, since, Phase.JOINING, "the modems join")


def _discovery(s: Signals, now: int, car: bool, since: int, detail: str) -> tuple[Row, ...]:
    return _link(s, now, since, Phase.DISCOVERY, "SDP: asking for SECC" if car else "SDP: car expected")


def _connecting(s: Signals, now: int, car: bool, since: int, detail: str) -> tuple[Row, ...]:
    return _link(s, now, since, Phase.CONNECTING, "TCP to the charger" if car else "TCP: car expected")


def _link(s: Signals, now: int, since: int, phase: Phase, text: str) -> tuple[Row, ...]:
    """Whose MAC it is stands on the page `link`; here is what tells whether it will work."""
    attenuation, rate = s.attenuation.value, rate_of(s, now)
    figures = "" if attenuation is None else wide("attenuation", tenth(attenuation, "dB"))
    if rate is not None:
        figures = wide("" if attenuation is None else tenth(attenuation, "dB"), value(rate, "Mbit/s"))
    return headed(phase, tall(cut(text)), small(_told(s) or figures), small(wide(elapsed(since, now), quality_of(s))))


def rate_of(s: Signals, now: int) -> int | None:
    """The slower direction of the power line in Mbit/s."""
    rates = s.link_rate_tx.get(now), s.link_rate_rx.get(now)
    return None if None in rates else min(rates)


def quality_of(s: Signals) -> str:
    """`good link`, empty while there is none."""
    return f"{s.link_quality.value} link" if s.link_quality.value else ""


def _session(s: Signals, now: int, car: bool, since: int, detail: str) -> tuple[Row, ...]:
    rate = rate_of(s, now)
    return headed(Phase.SESSION, tall(s.v2g_protocol.value or "agreeing on services"), small(cut(s.v2g_state.value or "")),
                   small(wide(elapsed(since, now), quality_of(s) if rate is None else value(rate, "Mbit/s"))))


def _authorisation(s: Signals, now: int, car: bool, since: int, detail: str) -> tuple[Row, ...]:
    lines = ("Release the charge at", "the charger: card/app") if car else ("The car waits for", "card, app or button.")
    return headed(Phase.AUTHORISATION, *map(small, lines), tall(wide("waiting", seconds(since, now))))


def _parameters(s: Signals, now: int, car: bool, since: int, detail: str) -> tuple[Row, ...]:
    if not car:
        return headed(Phase.PARAMETERS, tall(wide("car's SoC", value(s.ev_soc.get(now), "%"))), small("limits are exchanged"), small(elapsed(since, now)))
    return headed(Phase.PARAMETERS, tall(pair(s.evse_max_voltage.get(now), "V", s.evse_max_current.get(now), "A")),
                   small(wide("charger has", texts.kilo(s.evse_max_power.get(now)))), small(elapsed(since, now)))


def _cable_check(s: Signals, now: int, car: bool, since: int, detail: str) -> tuple[Row, ...]:
    if car:
        rows = (tall(wide("inlet", value(s.inlet_voltage.get(now), "V"))), small(wide("lock", lock_of(s, now))))
    else:
        rows = (tall(wide("output", value(s.output_voltage.get(now), "V"))), small(wide("isolation", texts.ohm(s.isolation.get(now)))))
    return headed(Phase.CABLE_CHECK, *rows, small(wide("testing", seconds(since, now))), held=held_back(s))


def _precharge(s: Signals, now: int, car: bool, since: int, detail: str) -> tuple[Row, ...]:
    """Both voltages; the bar shows how far the outer one has come, because that is what everybody waits for."""
    if car:
        names, here, there = ("inlet", "battery"), s.inlet_voltage.get(now), s.battery_voltage.get(now)
    else:
        names, here, there = ("output", "wanted"), s.output_voltage.get(now), s.ev_target_voltage.get(now)
    percent = int(100 * here / there) if here is not None and there is not None and there > 0 else None
    return (Row(LARGE, Phase.PRECHARGE.headline), held_back(s) or Row(BAR, "", percent), tall(wide(names[0], tenth(here, "V"))),
            tall(wide(names[1], tenth(there, "V"))))


def _starting(s: Signals, now: int, car: bool, since: int, detail: str) -> tuple[Row, ...]:
    return headed(Phase.STARTING, tall(_measured(s, now, car)), small(contactors_of(s, now, car)), small("power is switched on"), held=held_back(s))


def _charging(s: Signals, now: int, car: bool, since: int, detail: str) -> tuple[Row, ...]:
    """SoC, kW, V and A to be read from the driver's seat; a charger learns no state of charge in AC."""
    ac = s.ac_session.value
    voltage, current = voltage_of(s, now, car), current_of(s, now, car)
    power = s.ac_power.get(now) if ac else None if voltage is None or current is None else voltage * current
    soc = s.battery_soc.get(now) if car else s.ev_soc.get(now)
    if ac and not car:
        first = Row(HUGE, texts.power(power), None, "kW", "RCD !" if s.residual_current.get(now) else "")
    else:
        first = texts.soc_and_power(soc, power)
    return (first, Row(LARGE, texts.volts_and_amperes(voltage, current)), small(texts.energy_and_minutes(s.session_energy.get(now), since, now)),
            small(_limit(s, now, car)))


def _limit(s: Signals, now: int, car: bool) -> str:
    """Which side limits; while nobody can say, what the car asks for."""
    if s.ac_session.value:
        asked = s.ac_current_request.get(now) if car else s.evse_max_current.get(now)
        return wide("limit", "" if asked is None else value(asked, "A"))
    told = limit_text(s, now, car)
    return wide("limit", told) if told else wide("asked " + value(s.ev_target_voltage.get(now), "V"), value(s.ev_target_current.get(now), "A"))


def _by_pilot(s: Signals, now: int, car: bool, since: int, detail: str) -> tuple[Row, ...]:
    """Which current the duty promises, and what the meter says; nobody knows more of a car that does not speak."""
    on, duty, watts = s.contactors_closed.get(now), s.pilot_duty_request.get(now), s.ac_power.get(now)
    promised = 0.0 if duty is None else promised_current(duty)
    said = f"car may take {promised:.0f} A" if promised else "no power to give now"
    if on and watts is not None:
        return (Row(HUGE, texts.power(watts), None, "kW", "RCD !" if s.residual_current.get(now) else ""),
                Row(LARGE, texts.volts_and_amperes(s.ac_voltage.get(now), s.ac_current.get(now))), small(said), small("car does not speak"))
    waits = "charging" if on else "waiting for the car" if on is False else "contactor unknown"
    return (Row(LARGE, Phase.BY_PILOT.headline), tall(waits), small(said), held_back(s) or small("car does not speak"))


def _stopping(s: Signals, now: int, car: bool, since: int, detail: str) -> tuple[Row, ...]:
    return (Row(LARGE, Phase.STOPPING.headline), tall("Do not unplug yet."), small(_measured(s, now, car)), small(contactors_of(s, now, car)),
            small(wide("lock", lock_of(s, now)) if car else ""))


def _finished(s: Signals, now: int, car: bool, since: int, detail: str) -> tuple[Row, ...]:
    return _ended(s, now, car, since, Phase.FINISHED, "Unplug when unlocked.")


def _stopped(s: Signals, now: int, car: bool, since: int, detail: str) -> tuple[Row, ...]:
    return _ended(s, now, car, since, Phase.STOPPED, "Replug to begin again.")


def _retrying(s: Signals, now: int, car: bool, since: int, detail: str) -> tuple[Row, ...]:
    return _ended(s, now, car, since, Phase.RETRYING, "The next try is near.")


def _paused(s: Signals, now: int, car: bool, since: int, detail: str) -> tuple[Row, ...]:
    return _ended(s, now, car, since, Phase.PAUSED, "Goes on by itself, or with the key s.")


def _ended(s: Signals, now: int, car: bool, since: int, phase: Phase, otherwise: str) -> tuple[Row, ...]:
    """Why, and what to do; after an end in order also what was charged."""
    reason: StopReason | None = s.stop_reason.value
    energy, soc = s.session_energy.get(now), s.battery_soc.get(now) if car else s.ev_soc.get(now)
    charged = wide(f"{energy / 1000:.2f} kWh", "" if soc is None else f"{soc:.0f} %") if energy is not None and (reason is None or reason in NORMAL_ENDS) else ""
    rows = [] if reason is not None and reason.text == phase.headline else [tall("No reason known" if reason is None else reason.text)]
    if charged:
        rows.append(small(charged))
    left = HINT_LINES + 2 - sum(HEIGHTS[row.kind] for row in rows)
    return (Row(LARGE, phase.headline), *rows, *paged(otherwise if reason is None else reason.hint, left, since, now))


def _tripped(s: Signals, now: int, car: bool, since: int, detail: str) -> tuple[Row, ...]:
    hint = s.safety_hint.value or StopReason.SAFETY_TRIP.hint
    return (Row(LARGE, Phase.TRIPPED.headline), tall(cut(detail or StopReason.SAFETY_TRIP.text)), *paged(hint, HINT_LINES, since, now))


def _other(s: Signals, now: int, car: bool, since: int, detail: str) -> tuple[Row, ...]:
    return headed(Phase.OTHER, *paged(detail, 2, since, now), small(elapsed(since, now)))


_ROWS: dict[Phase, Callable[[Signals, int, bool, int, str], tuple[Row, ...]]] = {
    Phase.IDLE: _idle, Phase.MODEM: _modem, Phase.PLUGGED: _plugged, Phase.MATCHING: _matching, Phase.JOINING: _joining,
    Phase.ASKING: bridge_screens.waiting, Phase.VEHICLE: bridge_screens.waiting, Phase.DISCOVERY: _discovery, Phase.CONNECTING: _connecting, Phase.SESSION: _session,
    Phase.AUTHORISATION: _authorisation, Phase.PARAMETERS: _parameters, Phase.CABLE_CHECK: _cable_check,
    Phase.PRECHARGE: _precharge, Phase.STARTING: _starting, Phase.CHARGING: _charging, Phase.BY_PILOT: _by_pilot, Phase.STOPPING: _stopping,
    Phase.FINISHED: _finished, Phase.STOPPED: _stopped, Phase.RETRYING: _retrying, Phase.PAUSED: _paused, Phase.TRIPPED: _tripped, Phase.OTHER: _other,
}


# --- facts that several screens show ---------------------------------------------------------------------------------

def _measured(s: Signals, now: int, car: bool) -> str:
    """What only the charger says is marked: its 0 V is no measurement of what stands at our inlet."""
    said = s.evse_present_voltage.get(now)
    if car and said is not None and not s.ac_session.value and s.inlet_voltage.get(now) is None:
        return wide("charger", f"{value(said, 'V')} {value(current_of(s, now, car), 'A')}")
    return pair(voltage_of(s, now, car), "V", current_of(s, now, car), "A")