"""What a listener's display shows: what goes on between car and charger, how much of it is heard, and which side limits. Pure."""
from __future__ import annotations

from kernel.timer import S
from tasks.display.phases import STEPS, V2G_PHASES, Phase
from tasks.display.picture import BAR, HUGE, LARGE, TALL, TEXT, TITLE_CHARACTERS, Row, Screen
from tasks.display.texts import cut, elapsed, energy_and_minutes, pair, paged, percent, power, tenth, value, volts_and_amperes, wide
from tasks.signals import Signals

TITLE = "LISTENER"
LIFE_STEP = S
END_LINES = 3
HEADLINES = {"QUIET": "Listening", "MATCHING": "Matching", "JOINING": "Joining", "HIDDEN": "Hidden", "DISCOVERY": "Searching",
             "CONNECTING": "Connecting", "SESSION": "Session", "ENCRYPTED": "Encrypted", "ENDED": "Ended"}
HINTS = {"QUIET": "Waits for a car that plugs in.", "HIDDEN": "V2G not heard with this modem", "ENCRYPTED": "TLS: content not seen"}
STEP = {"MATCHING": 1, "JOINING": 2, "DISCOVERY": 3, "CONNECTING": 4}
TIERS = {"a": "hears: modem only", "b": "hears: both ways", "-": "nothing heard yet"}


def phase(signals: Signals) -> tuple[str, str]:
    """State of the listener, and the step of the V2G session (name of Phase) where there is one."""
    state = signals.listen_state.value or "QUIET"
    if state != "SESSION":
        return state, ""
    message = signals.v2g_state.value or ""
    name = message[:-3] if message.endswith(("Req", "Res")) else message
    return state, V2G_PHASES.get(name, Phase.SESSION).name


def screen_of(state: str, step: str, s: Signals, now: int, role: str, since: int) -> Screen:
    """The same signature as tasks.display.screens.screen_of; `role` is always the listener."""
    tier = s.listen_tier.value or "-"
    title = f"{TITLE}{'(' + tier + ')':>{TITLE_CHARACTERS - len(TITLE)}}"
    return Screen(title, _rows(state, step, s, now, since), now // LIFE_STEP & 3)


def _rows(state: str, step: str, s: Signals, now: int, since: int) -> tuple[Row, ...]:
    if state == "SESSION":
        return _charging(s, now, since) if step == Phase.CHARGING.name else _session(Phase[step], s, now, since)
    headline = Row(LARGE, HEADLINES.get(state, "Busy"))
    if state == "ENDED":
        return (headline, Row(TEXT, _mac(s)), *paged(s.listen_end.value or "", END_LINES, since, now))
    if state == "QUIET":
        hint = HINTS[state] if s.listen_tier.value not in (None, "-") else TIERS["-"]
        return (headline, Row(TEXT), *paged(hint, 2, since, now), Row(TEXT, cut(s.listen_joined.value or "")))
    bar = Row(BAR, "", 100 * STEP[state] // STEPS) if state in STEP else Row(TEXT)
    return (headline, bar, *paged(HINTS.get(state, _mac(s)), 2, since, now)[:2], Row(TEXT, _attenuation(s)), Row(TEXT, elapsed(since, now)))


def _session(step: Phase, s: Signals, now: int, since: int) -> tuple[Row, ...]:
    bar = Row(TEXT) if step.step is None else Row(BAR, "", 100 * step.step // STEPS)
    return (Row(LARGE, step.headline), bar, Row(TALL, cut(pair(s.evse_present_voltage.get(now), "V", s.evse_present_current.get(now), "A"))),
            Row(TEXT, wide("SoC", value(s.ev_soc.value, "%"))), Row(TEXT, elapsed(since, now)))


def _charging(s: Signals, now: int, since: int) -> tuple[Row, ...]:
    voltage, current = s.evse_present_voltage.get(now), s.evse_present_current.get(now)
    watts = None if voltage is None or current is None else voltage * current
    limiting = s.listen_limiting.value
    return (Row(HUGE, percent(s.ev_soc.value), None, power(watts), "kW"), Row(LARGE, volts_and_amperes(voltage, current)),
            Row(TEXT, energy_and_minutes(s.session_energy.value, since, now)),
            Row(TEXT, cut("limit  " + limiting) if limiting else wide("asked " + value(s.ev_target_voltage.get(now), "V"), value(s.ev_target_current.get(now), "A"))))


def _mac(s: Signals) -> str:
    return "" if s.peer_mac.value is None else s.peer_mac.value.hex(":")


def _attenuation(s: Signals) -> str:
    return "" if s.attenuation.value is None else wide("attenuation", tenth(s.attenuation.value, "dB"))
