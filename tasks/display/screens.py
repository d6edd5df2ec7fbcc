"""Signals -> screen: what a person at the car or at the charger sees in each phase. Pure, with nothing but `now` as time.

Unknown or stale values are shown as `--`. All rows are laid out for 21 small or 10 large characters; a test builds
every phase, every stop reason and extreme values and demands that nothing is cut.
"""
from __future__ import annotations

from typing import Callable

from kernel.timer import S
from tasks.display import texts
from tasks.display.phases import STEPS, Phase, phase_of, pilot_text
from tasks.display.picture import BAR, INVERSE, LARGE, TEXT, TITLE_CHARACTERS, Row, Screen
from tasks.display.texts import cut, elapsed, pair, paged, tenth, value, wide
from tasks.pilot_duty import promised_current
from tasks.signals import Signals
from tasks.stop_reasons import StopReason

PEV, EVSE = "pev", "evse"
ROLES = {PEV: "CAR", EVSE: "CHARGER"}
HINT_LINES = 4             # rows that are left below headline and reason
LIFE_STEP = S              # the life sign moves this often

NOTICE_TURN = 2 * S        # the last row and a notice about the network take turns
UNDISTURBED = frozenset({Phase.FINISHED, Phase.STOPPED, Phase.RETRYING, Phase.PAUSED, Phase.TRIPPED, Phase.STOPPING})
"""Phases whose last row belongs to a text over several rows, or matters more."""

EMPTY = Row(TEXT)
MATCHING_TEXTS = {
    "Parm": "looking for chargers", "Pause": "next attempt soon", "Sounding": "sounding", "Collect": "results come in",
    "Validate": "validating", "Match": "choosing the charger", "Matching": "measuring the car",
}


def screen(signals: Signals, now: int, role: str, since: int) -> Screen:
    """The screen of `role` (pev or evse); `since`: when the present phase began (ns)."""
    phase, detail = phase_of(signals)
    return screen_of(phase, detail, signals, now, role, since)


def screen_of(phase: Phase, detail: str, signals: Signals, now: int, role: str, since: int) -> Screen:
    """The same for a phase that is known already; `detail` is the second value of `phase_of`."""
    name = ROLES[role]
    rows = _ROWS[phase](signals, now, role == PEV, since, detail)
    if phase not in UNDISTURBED and now // NOTICE_TURN & 1:
        notice = signals.device_notice.value or signals.kernel_notice.value or signals.stranger_notice.value or signals.link_notice.value
        if notice:
            rows = rows[:-1] + (Row(INVERSE, cut("! " + notice)),)
    return Screen(f"{name}{pilot_text(signals, now):>{TITLE_CHARACTERS - len(name)}}", rows, now // LIFE_STEP & 3)


# --- the rows of each phase: functions of (signals, now, is it the car, since, detail) -------------------------------

def _headed(phase: Phase, *rows: Row) -> tuple[Row, ...]:
    """Headline, progress of the start-up sequence, four rows."""
    bar = EMPTY if phase.step is None else Row(BAR, "", 100 * phase.step // STEPS)
    return (Row(LARGE, phase.headline), bar, *rows)


def _text(text: str) -> Row:
    return Row(TEXT, text)


def _idle(s: Signals, now: int, car: bool, since: int, detail: str) -> tuple[Row, ...]:
    reason = s.stop_reason.value
    battery = pair(s.battery_voltage.get(now), "V", s.battery_soc.get(now), "%") if car else ""
    return _headed(Phase.IDLE, _text("Plug in to charge." if car else "Waiting for a car."), _text(battery),
                   _text(_modem_told(s)), _text("" if reason is None else reason.text))


def _modem(s: Signals, now: int, car: bool, since: int, detail: str) -> tuple[Row, ...]:
    return _headed(Phase.MODEM, _text("The PLC modem gives"), _text("no answer. Supply?"), _text("Cable? Interface?"),
                   _text(elapsed(since, now)))


def _plugged(s: Signals, now: int, car: bool, since: int, detail: str) -> tuple[Row, ...]:
    return _headed(Phase.PLUGGED, _text("waiting for 5% pilot" if car else "waiting for the car"),
                   _text(_modem_told(s)), _text(_told(s)), _text(elapsed(since, now)))


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
    mac, attenuation, rate = s.peer_mac.value, s.attenuation.value, _rate(s, now)
    figures = "" if attenuation is None else wide("attenuation", tenth(attenuation, "dB"))
    if rate is not None:
        figures = wide("" if attenuation is None else tenth(attenuation, "dB"), value(rate, "Mbit/s"))
    return _headed(phase, _text(cut(text)), _text(_told(s) if mac is None else mac.hex(":")), _text(figures),
                   _text(wide(elapsed(since, now), _quality(s)) if _quality(s) else elapsed(since, now)))


def _rate(s: Signals, now: int) -> int | None:
    """The slower direction of the power line in Mbit/s."""
    rates = s.link_rate_tx.get(now), s.link_rate_rx.get(now)
    return None if None in rates else min(rates)


def _quality(s: Signals) -> str:
    """`good link`, empty while there is none."""
    return f"{s.link_quality.value} link" if s.link_quality.value else ""


def _session(s: Signals, now: int, car: bool, since: int, detail: str) -> tuple[Row, ...]:
    return _headed(Phase.SESSION, _text("agreeing on services"), _text(cut(s.v2g_state.value or "")),
                   _text(wide(_quality(s), "" if _rate(s, now) is None else value(_rate(s, now), "Mbit/s"))), _text(elapsed(since, now)))


def _authorisation(s: Signals, now: int, car: bool, since: int, detail: str) -> tuple[Row, ...]:
    lines = ("Release the charge at", "the charger: card/app") if car else ("Waiting for card, app", "or button.")
    return _headed(Phase.AUTHORISATION, *map(_text, lines), EMPTY, _text(elapsed(since, now)))


def _parameters(s: Signals, now: int, car: bool, since: int, detail: str) -> tuple[Row, ...]:
    if not car:
        return _headed(Phase.PARAMETERS, _text("limits are exchanged"), _text(wide("car's SoC", value(s.ev_soc.get(now), "%"))),
                       EMPTY, _text(elapsed(since, now)))
    return _headed(Phase.PARAMETERS, _text("The charger offers"), _text(pair(s.evse_max_voltage.get(now), "V", s.evse_max_current.get(now), "A")),
                   _text(wide("power", texts.kilo(s.evse_max_power.get(now)))), _text(elapsed(since, now)))


def _cable_check(s: Signals, now: int, car: bool, since: int, detail: str) -> tuple[Row, ...]:
    if car:
        rows = (wide("inlet", value(s.inlet_voltage.get(now), "V")), wide("lock", _lock(s, now)))
    else:
        rows = (wide("output", value(s.output_voltage.get(now), "V")), wide("isolation", texts.ohm(s.isolation.get(now))))
    return _headed(Phase.CABLE_CHECK, _held_back(s) or _text("insulation test"), *map(_text, rows), _text(elapsed(since, now)))


def _precharge(s: Signals, now: int, car: bool, since: int, detail: str) -> tuple[Row, ...]:
    """Both voltages; the bar shows how far the outer one has come, because that is what everybody waits for."""
    if car:
        names, here, there = ("inlet", "battery"), s.inlet_voltage.get(now), s.battery_voltage.get(now)
    else:
        names, here, there = ("output", "wanted"), s.output_voltage.get(now), s.ev_target_voltage.get(now)
    known = here is not None and there is not None
    percent = int(100 * here / there) if known and there > 0 else None
    return (Row(LARGE, Phase.PRECHARGE.headline), Row(BAR, "", percent), _text(wide(names[0], tenth(here, "V"))),
            _text(wide(names[1], tenth(there, "V"))), _held_back(s) or _text(wide("difference", tenth(here - there if known else None, "V"))),
            _text(elapsed(since, now)))


def _starting(s: Signals, now: int, car: bool, since: int, detail: str) -> tuple[Row, ...]:
    return _headed(Phase.STARTING, _held_back(s) or _text("power is switched on"), _text(_contactors(s, now, car)),
                   _text(_measured(s, now, car)), EMPTY)


def _charging_ac(s: Signals, now: int, car: bool, since: int) -> tuple[Row, ...]:
    """The on-board charger or the meter says what flows; a charger learns no state of charge in AC."""
    soc = s.battery_soc.get(now) if car else None
    if car:
        rows = (wide("limit", value(s.ac_current_request.get(now), "A")), wide("battery", value(s.battery_voltage.get(now), "V")))
    else:
        rows = (_contactors(s, now, car), wide("RCD", texts.closed(s.residual_current.get(now), "tripped", "ok")))
    return (Row(LARGE, texts.soc_and_power(soc, s.ac_power.get(now)) if car else texts.kilo(s.ac_power.get(now))), Row(BAR, "", None if soc is None else int(soc)),
            _text(_measured(s, now, car)), _text(rows[0]),
            _text(texts.energy_and_minutes(s.session_energy.get(now), since, now)), _text(rows[1]))


def _charging(s: Signals, now: int, car: bool, since: int, detail: str) -> tuple[Row, ...]:
    if s.ac_session.value:
        return _charging_ac(s, now, car, since)
    voltage, current = _voltage(s, now, car), _current(s, now, car)
    power = None if voltage is None or current is None else voltage * current
    soc = s.battery_soc.get(now) if car else s.ev_soc.get(now)
    if not car:
        last = wide("isolation", texts.ohm(s.isolation.get(now)))
    elif s.inlet_temperature.get(now) is None:
        last = wide("battery", value(s.battery_voltage.get(now), "V"))
    else:
        last = wide("inlet", value(s.inlet_temperature.get(now), "C"))
    target, ampere = s.ev_target_voltage.get(now), s.ev_target_current.get(now)
    return (Row(LARGE, texts.soc_and_power(soc, power)), Row(BAR, "", None if soc is None else int(soc)),
            _text(pair(voltage, "V", current, "A")), _text(wide("asked " + value(target, "V"), value(ampere, "A"))),
            _text(texts.energy_and_minutes(s.session_energy.get(now), since, now)), _text(last))


def _by_pilot(s: Signals, now: int, car: bool, since: int, detail: str) -> tuple[Row, ...]:
    """Which current the duty promises, and what the meter says; nobody knows more of a car that does not speak."""
    on, duty, watts = s.contactors_closed.get(now), s.pilot_duty_request.get(now), s.ac_power.get(now)
    promised = 0.0 if duty is None else promised_current(duty)
    said = f"car may take {promised:.0f} A" if promised else "no power to give now"
    waits = _held_back(s) or _text("car does not speak" if on else "waiting for the car")
    return (Row(LARGE, texts.kilo(watts) if on and watts is not None else Phase.BY_PILOT.headline), EMPTY, waits, _text(said),
            _text(pair(s.ac_voltage.get(now), "V", s.ac_current.get(now), "A")), _text(_contactors(s, now, car)))


def _stopping(s: Signals, now: int, car: bool, since: int, detail: str) -> tuple[Row, ...]:
    return _headed(Phase.STOPPING, _text(_measured(s, now, car)), _text(_contactors(s, now, car)),
                   _text(wide("lock", _lock(s, now)) if car else ""), _text("Do not unplug yet."))


def _finished(s: Signals, now: int, car: bool, since: int, detail: str) -> tuple[Row, ...]:
    return _ended(s, now, since, Phase.FINISHED, "Unplug when unlocked.")


def _stopped(s: Signals, now: int, car: bool, since: int, detail: str) -> tuple[Row, ...]:
    return _ended(s, now, since, Phase.STOPPED, "Replug to begin again.")


def _retrying(s: Signals, now: int, car: bool, since: int, detail: str) -> tuple[Row, ...]:
    return _ended(s, now, since, Phase.RETRYING, "The next try is near.")


def _paused(s: Signals, now: int, car: bool, since: int, detail: str) -> tuple[Row, ...]:
    return _ended(s, now, since, Phase.PAUSED, "Goes on by itself, or with the key s.")


def _ended(s: Signals, now: int, since: int, phase: Phase, otherwise: str) -> tuple[Row, ...]:
    reason: StopReason | None = s.stop_reason.value
    if reason is None:
        return (Row(LARGE, phase.headline), Row(INVERSE, "No reason known"), *paged(otherwise, HINT_LINES, since, now))
    return (Row(LARGE, phase.headline), Row(INVERSE, reason.text), *paged(reason.hint, HINT_LINES, since, now))


def _tripped(s: Signals, now: int, car: bool, since: int, detail: str) -> tuple[Row, ...]:
    hint = s.safety_hint.value or StopReason.SAFETY_TRIP.hint
    return (Row(LARGE, Phase.TRIPPED.headline), Row(INVERSE, cut(detail or StopReason.SAFETY_TRIP.text)), *paged(hint, HINT_LINES, since, now))


def _other(s: Signals, now: int, car: bool, since: int, detail: str) -> tuple[Row, ...]:
    return _headed(Phase.OTHER, *paged(detail, 2, since, now), _text(elapsed(since, now)))


_ROWS: dict[Phase, Callable[[Signals, int, bool, int, str], tuple[Row, ...]]] = {
    Phase.IDLE: _idle, Phase.MODEM: _modem, Phase.PLUGGED: _plugged, Phase.MATCHING: _matching, Phase.JOINING: _joining,
    Phase.DISCOVERY: _discovery, Phase.CONNECTING: _connecting, Phase.SESSION: _session,
    Phase.AUTHORISATION: _authorisation, Phase.PARAMETERS: _parameters, Phase.CABLE_CHECK: _cable_check,
    Phase.PRECHARGE: _precharge, Phase.STARTING: _starting, Phase.CHARGING: _charging, Phase.BY_PILOT: _by_pilot, Phase.STOPPING: _stopping,
    Phase.FINISHED: _finished, Phase.STOPPED: _stopped, Phase.RETRYING: _retrying, Phase.PAUSED: _paused, Phase.TRIPPED: _tripped, Phase.OTHER: _other,
}


# --- facts that several screens show ---------------------------------------------------------------------------------

def _voltage(s: Signals, now: int, car: bool) -> float | None:
    """Own measurement; a car without one shows what the charger reports, in AC its nominal voltage."""
    if s.ac_session.value:
        return s.evse_max_voltage.get(now) if car else s.ac_voltage.get(now)
    if not car:
        return s.output_voltage.get(now)
    measured = s.inlet_voltage.get(now)
    return s.evse_present_voltage.get(now) if measured is None else measured


def _current(s: Signals, now: int, car: bool) -> float | None:
    if s.ac_session.value:
        return s.ac_current.get(now)
    if not car:
        return s.output_current.get(now)
    measured = s.inlet_current.get(now)
    return s.evse_present_current.get(now) if measured is None else measured


def _measured(s: Signals, now: int, car: bool) -> str:
    return pair(_voltage(s, now, car), "V", _current(s, now, car), "A")


def _held_back(s: Signals) -> Row | None:
    """What the supervisor lacks: on the way to power this is what everybody waits for."""
    lacking = s.safety_blocked.value
    return Row(INVERSE, cut(lacking)) if lacking else None


def _lock(s: Signals, now: int) -> str:
    return texts.closed(s.lock_confirmed.get(now), "locked", "unlocked")


def _contactors(s: Signals, now: int, car: bool) -> str:
    """Empty for a charger that has none or does not know."""
    state = s.contactors_closed.get(now)
    return "" if state is None and not car else wide("contactors", texts.closed(state, "closed", "open"))
