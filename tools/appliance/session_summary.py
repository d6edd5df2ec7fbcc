"""What the folder of a plug-in says in one page: who met whom, how far it came, what flowed, why it ended and what to do about it."""
from __future__ import annotations

import json
from bisect import bisect_right
from datetime import datetime, timezone
from typing import Any

from kernel.journal import Event
from kernel.timer import S
from tasks.listen.columns import id_text, mac
from tasks.signals import Signals
from tasks.stop_reasons import NORMAL_ENDS, StopReason
from tools.show.charge_phases import AC_PHASES, PHASES, as_passed

FORMAT = 1
MAX_ENDS = 16                # tries and trips that are listed; the others are counted
MATCHING, MATCHED = (100, 101), 150      # checkpoints: CM_SLAC_PARM of car and charger; from here on a matching that begins is another try
POWER_OFF = 800              # checkpoint: PowerDelivery(stop)
AC_CHARGING = range(720, 740)
OVER = frozenset({"Unplugged", "Pausing", "Paused", "Finished", "Failed"})       # connection states after an end
POWER = frozenset({"CurrentDemand", "ChargingStatus", "MeteringReceipt"})        # states of the V2G machine in which power flows


class Try:
    """The checkpoints of one try, and when it was over."""

    def __init__(self) -> None:
        self.first: dict[int, int] = {}          # number -> when it was passed first
        self.ended: int | None = None

    @property
    def furthest(self) -> int:
        return max(self.first, default=0)


class Tries:
    """The try that came furthest, and how many there were."""

    def __init__(self) -> None:
        self.count = 0
        self._best = self._present = Try()

    def event(self, event: Event) -> None:
        """One of the journal: a checkpoint, or the connection's word that a try is over."""
        if event.number >= MATCHING[0]:          # what comes before (plug, pilot) belongs to no try
            self.passed(event.number, event.at)
        elif event.source == "connection" and event.text == "%s -> %s" and event.args[-1] in OVER | {"Ending"}:
            self.over(event.at)

    def passed(self, number: int, at: int) -> None:
        if number in MATCHING and (not self.count or self._present.furthest >= MATCHED):
            self.count += 1
            self.over(at)
            self._present = Try()
        self._present.first.setdefault(number, at)
        if number >= POWER_OFF:                  # an orderly end has phases of its own, which come after its beginning
            self._present.ended = None
        if self._present.furthest >= self._best.furthest:
            self._best = self._present

    def over(self, at: int) -> None:
        if self._present.ended is None:
            self._present.ended = at

    def phases(self, now: int) -> dict[str, float]:
        """Seconds of each phase, in order; one that never began is left out. What goes on still lasts up to `now`."""
        best = self._best
        table = AC_PHASES if any(number in AC_CHARGING for number in best.first) else PHASES
        starts, began = [start for start, _ in table], {}
        for number, at in best.first.items():
            index = bisect_right(starts, number) - 1
            if index >= 0:
                began[index] = min(at, began.get(index, at))
        marks = as_passed([(began[index], table[index][1]) for index in sorted(began)])
        ends = [at for at, _ in marks[1:]] + [now if best.ended is None else best.ended]
        return {name: round(max(0, end - at) / S, 3) for (at, name), end in zip(marks, ends) if name}


class SessionSummary:
    """Looks at the signals five times a second, and at each journal event; `plain` is the content of summary.json."""

    def __init__(self, signals: Signals, *, car: bool, head: dict[str, Any], now: int, epoch: int) -> None:
        """`car`: this box is the car. `head`: program, mode, configuration. `epoch`: ns since 1970 at which `now` counts from."""
        self.tries = Tries()
        self._s = signals
        self._car = car
        self._head = head
        self._began = now
        self._epoch = epoch
        self._facts: dict[str, Any] = {}
        self._at_end: dict[str, float] = {}
        self._ends: list[StopReason] = []
        self._wrong: StopReason | None = None        # the first end that was not in order
        self._last: StopReason | None = None         # the end after which no power flowed any more
        self._powered = False                        # power has flowed in this session
        self._flowing = False
        self._trips: list[dict[str, str]] = []
        self._more = 0                           # ends and trips beyond MAX_ENDS
        self._max_w: float | None = None
        self._state: str | None = None
        self._reason = signals.stop_reason.value     # of the session before
        self._told = False
        self._warnings = 0
        self._errors = 0

    def event(self, event: Event) -> None:
        """One of the journal."""
        self.tries.event(event)
        self._warnings += event.level == "warning"
        self._errors += event.level == "error"

    def look(self, now: int) -> None:
        """What is known only while it goes on."""
        s = self._s
        for name, signal in (("attenuation_db", s.attenuation), ("energy_wh", s.session_energy)):
            if signal.value is not None and signal.at >= self._began:
                self._facts[name] = round(signal.value, 1)
        if s.connection_state.value == "Session":    # what is told of a session has no time, and stands until the next one forgets it
            self._facts.update((name, signal.value) for name, signal in (("protocol", s.v2g_protocol), ("evse_id", s.evse_id)) if signal.value is not None)
        for name, signal in (("peer_mac", s.peer_mac), ("peer_modem_mac", s.peer_modem)):
            if signal.value and signal.at >= self._began:
                self._facts[name] = mac(signal.value)
        if s.evccid.value and s.evccid.at >= self._began:
            self._facts["evccid"] = id_text(s.evccid.value, False)
        soc = (s.battery_soc if self._car else s.ev_soc).get(now)
        if soc is not None and (self._car or s.ev_soc.at >= self._began):
            self._facts.setdefault("soc_begin_percent", round(soc, 1))
            self._at_end["soc_percent"] = round(soc, 1)
        flowing, before = s.v2g_state.value in POWER, self._flowing
        self._flowing = flowing
        if flowing:
            self._flow(now)
            if not before:
                self._power_on()
        self._end_of_try(now)
        trip = s.safety_trip.value
        if trip and (not self._trips or self._trips[-1]["trip"] != trip):
            self._listed(self._trips, {"trip": trip, "remedy": s.safety_hint.value or ""})

    def _flow(self, now: int) -> None:
        """Voltage, current and power as this side knows them."""
        s = self._s
        volts = (s.evse_present_voltage if self._car else s.output_voltage).get(now)
        amperes = (s.evse_present_current if self._car else s.output_current).get(now)
        if s.ac_session.value:
            volts, amperes = s.ac_voltage.get(now), s.ac_current.get(now)
        watts = s.ac_power.get(now) if s.ac_session.value else None if volts is None or amperes is None else volts * amperes
        for name, number in (("voltage_v", volts), ("current_a", amperes)):
            if number is not None:
                self._at_end[name] = round(number, 1)
        if watts is not None:
            self._max_w = max(watts, self._max_w or 0.0)

    def _power_on(self) -> None:
        """Power begins to flow: tries that failed before the first time are made up for. What broke a charge off stays what matters, though the next try went well."""
        self._last = None
        if not self._powered:
            self._wrong = None
        self._powered = True

    def _end_of_try(self, now: int) -> None:
        """A reason is told on the way (no SLAC answer, while matching goes on), or when a try ends; the same one once for each try."""
        state, before = self._s.connection_state.value, self._state
        reason, told = self._s.stop_reason.value, self._reason
        self._state, self._reason = state, reason
        if state not in OVER and before in OVER:
            self._told = False
        ended = state in OVER and before not in OVER and before is not None
        if reason is not None and (reason is not told or ended and not self._told):
            self._told = True
            self._listed(self._ends, reason)
            if reason is not StopReason.UNPLUGGED:
                self._last = reason
                if reason not in NORMAL_ENDS and (self._wrong is None or reason is StopReason.SAFETY_TRIP):
                    self._wrong = reason

    def _listed(self, items: list, item: Any) -> None:
        if len(items) < MAX_ENDS:
            items.append(item)
        else:
            items[-1] = item
            self._more += 1

    def plain(self, now: int, *, complete: bool, recorded: dict[str, Any], note: str = "") -> dict[str, Any]:
        """`complete`: the session is over; else this is what is known so far, all that a power cut leaves. `recorded`: what was written.
        `note`: an end of another kind, where nobody told one."""
        end = self._wrong or self._last or (StopReason.UNPLUGGED if self._ends[-1:] == [StopReason.UNPLUGGED] else None)
        stop = {"reason": end.text if end else note or "none", "remedy": end.hint if end else "", "in_order": end in NORMAL_ENDS and not self._trips}
        return {"format": FORMAT, "complete": complete, **self._head,
                "began": utc_text(self._began + self._epoch), "ended": utc_text(now + self._epoch) if complete else None,
                "duration_s": round((now - self._began) / S, 1),
                **{name: self._facts.get(name) for name in ("protocol", "evse_id", "evccid", "peer_mac", "peer_modem_mac", "attenuation_db")},
                "tries": self.tries.count, "phases_s": self.tries.phases(now),
                "energy_wh": self._facts.get("energy_wh"), "max_power_kw": None if self._max_w is None else round(self._max_w / 1000, 2),
                "soc_begin_percent": self._facts.get("soc_begin_percent"),
                "at_end": {name: self._at_end.get(name) for name in ("voltage_v", "current_a", "soc_percent")},
                "stop": stop, "ends": [reason.text for reason in self._ends], "trips": self._trips, "ends_not_listed": self._more,
                "warnings": self._warnings, "errors": self._errors, **recorded}


def utc_text(ns: int) -> str:
    """`2026-11-21T03:12:45Z`; the seconds as a number where the clock says what no calendar has."""
    try:
        return datetime.fromtimestamp(ns // S, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return f"{ns // S} s"


def as_json(plain: dict[str, Any]) -> str:
    return json.dumps(plain, indent=1, ensure_ascii=False) + "\n"


def as_text(plain: dict[str, Any]) -> str:
    """For people: one line for each thing that is known."""
    end, stop = plain["at_end"], plain["stop"]
    unfinished = "" if plain["complete"] else " (cut off: power lost or program killed)" if plain.get("cut_off") else " (not over, or cut off: power lost or program killed)"
    lines = [f"{plain['program']}, {plain['mode']}: {plain['why']}{unfinished}",
             f"began {plain['began']}, ended {plain['ended'] or '-'} (clock of this box), {plain['duration_s']:g} s, {plain['tries']} tries",
             f"end: {stop['reason']}. {stop['remedy']}".rstrip()]
    if plain.get("last_state"):
        lines.append(f"last state: {plain['last_state']}")
    if len(plain["ends"]) > 1:
        lines.append("all ends: " + ", ".join(plain["ends"]))
    lines += [f"TRIP: {trip['trip']}. {trip['remedy']}" for trip in plain["trips"]]
    lines.append(_known("", (("protocol", plain["protocol"], ""), ("EVSEID", plain["evse_id"], ""), ("EVCCID", plain["evccid"], ""), ("peer", plain["peer_mac"], ""),
                             ("modem", plain["peer_modem_mac"], ""), ("attenuation", plain["attenuation_db"], "dB"))))
    if plain["energy_wh"] or plain["max_power_kw"] is not None or "charging" in plain["phases_s"]:
        lines.append(_known("charged (as last saved) " if plain.get("cut_off") else "charged ", (("", plain["energy_wh"], "Wh"), ("at most", plain["max_power_kw"], "kW"), ("from", plain["soc_begin_percent"], "%"),
                                         ("to", end["soc_percent"], "%"), ("at the end", end["voltage_v"], "V"), ("", end["current_a"], "A"))))
    else:
        lines.append("nothing was charged" + _known("; state of charge ", (("", end["soc_percent"], "%"),)))
    lines.append(_known("phases: ", [(name, seconds, "s") for name, seconds in plain["phases_s"].items()]))
    lines.append(f"recorded: {plain['frames']} frames, {plain['journal_lines']} lines, {plain['lost']} lost; {plain['warnings']} warnings, {plain['errors']} errors")
    lines.append(f"configuration {plain['config_sha256'][:16]}")
    return "\n".join(line for line in lines if line) + "\n"


def _known(head: str, items: Any) -> str:
    """`head` and the items whose value is known; "" when none is."""
    words = [" ".join(filter(None, (name, f"{value:g}" if isinstance(value, float) else str(value), unit))) for name, value, unit in items if value is not None]
    return head + ", ".join(words) if words else ""
