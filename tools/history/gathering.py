"""Records of one session -> its history: lanes, series, marks; phases are measured in phases.py.

Used by every source that hears messages (a capture, a log of messages); fed with what tasks/listen makes of them.
"""
from __future__ import annotations

from tasks.homeplug import wire as mme
from tasks.listen.columns import id_text
from tasks.listen.lines import listed, printable
from tasks.listen.readings import LOOPS, TROUBLED, Readings, leaves
from tasks.listen.record import Category, Layer, Record, Role
from tasks.listen.session import CONNECTING, DISCOVERY, Session
from tasks.listen.values import fields_of, mac_text
from tasks.listen.verdict import stop_reason
from tools.history import checkpoints, vendors
from tools.history.limits import message_limit
from tools.history.model import History, Mark
from tools.history.phases import Exchanges
from tools.history.tracks import LaneTrack, SeriesTrack
from tools.history.trace_text import findings
from tools.history.values import ENERGY, FIELDS, PLAUSIBLE, POWER, Value

MAX_MARKS = 400_000          # of one session; 25 messages a second for four hours
MAX_LATE = 50                # answers that came later than the car waits: so many are marked, the rest is counted
MAX_TROUBLE = 200            # marks of trouble
MAX_DETAIL = 600             # characters of one message's values
ENERGY_STEP = 10.0           # Wh: what a picture can show
AFTERWARDS = 5.0             # s after a session's end in which talk with a modem and the controller's own log still belong to it
CAR, CHARGER = "car V2G", "charger V2G"
LANES = ("connection", "SLAC", CAR, CHARGER, "charger status", "isolation", "limited by", "controller", "connection level", "pilot (CP)", "contactors", "lock")
_YEAR_2000 = 946_684_800     # s: an earlier clock is not a clock
_SLAC = {                    # message -> what goes on
    "CM_SLAC_PARM_REQ": "asking", "CM_SLAC_PARM_CNF": "answered", "CM_START_ATTEN_CHAR_IND": "sounds", "CM_MNBC_SOUND_IND": "sounds",
    "CM_ATTEN_CHAR_IND": "attenuation", "CM_ATTEN_CHAR_RSP": "attenuation", "CM_SLAC_MATCH_REQ": "match", "CM_SLAC_MATCH_CNF": "joining",
    "CM_VALIDATE_REQ": "validation", "CM_VALIDATE_CNF": "validation",
}
_NOT_MARKED = (Layer.ND, Layer.ACK, Layer.OTHER)


class Gathering:
    """One session while it is read. `take` in order of time; `finish` gives the history."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.origin = session.start              # ns; 0 s of the history. Who knows of an earlier beginning sets it before `take`
        self.exchanges = Exchanges()
        self._last = session.start               # ns of the latest record
        self._lanes = {name: LaneTrack(name) for name in LANES}
        self._series: dict[str, SeriesTrack] = {}
        self._marks: list[Mark] = []
        self._seen: set[str] = set()
        self._troubles: set[str] = set()         # those of the answers just before: told once while they last
        self._late = 0
        self._told = 0                           # marks of trouble
        self._energy = -ENERGY_STEP              # Wh that the last point of the series says
        self._told_at = 0.0                      # s of the last V2G message
        self._not_kept = 0

    # --- records --------------------------------------------------------------------------------------------------

    def take(self, record: Record, readings: Readings | None) -> None:
        """`readings` of the session, after they have taken this record."""
        at = self._seconds(record.at)
        if record.layer is not Layer.MME or isinstance(record.message, mme.SLAC_MESSAGES):
            self._last = max(self._last, record.at)
        if record.layer is Layer.V2G:
            self._v2g(record, at, readings)
            return
        if record.category is Category.MALFORMED:
            self._trouble(at, "error", "", f"{record.name} is malformed", record.reason)
        if record.layer in _NOT_MARKED:
            return
        lane = "SLAC" if record.layer is Layer.MME else "connection"
        if record.layer is Layer.MME:
            text = _SLAC.get(type(record.message).__name__)
            if text is None:
                if not isinstance(record.message, mme.SLAC_MESSAGES):
                    lane = ""                    # talk with a modem
            else:
                self._lanes["SLAC"].put(at, text)
        elif record.layer is Layer.SDP:
            self._lanes["SLAC"].close(at)
            self._lanes["connection"].put(at, "SDP")
        elif record.layer is Layer.TCP:
            if record.name in ("SYN", "SYN, ACK"):
                self._lanes["SLAC"].close(at)
                self._lanes["connection"].put(at, "TCP")
            elif record.name.startswith(("FIN", "RST")):
                self._lanes["connection"].put(at, "closed")
                self._lanes["connection"].close(at)
            else:
                self._trouble(at, "warning", "connection", record.name, f"of {record.sender.value if record.sender else '?'}")
        elif record.layer is Layer.TLS:
            self._lanes["connection"].put(at, "TLS")
        self._first(at, record.name)
        self._mark(at, "frame", lane, record.name, _detail(record))

    def log(self, at_ns: int, line: str) -> None:
        """A line of a controller's own log."""
        at = self._seconds(at_ns)
        for finding in findings(line):
            text = printable(finding.text)
            if finding.kind == "lane":
                self._lanes[finding.lane].put(at, text)
            elif finding.kind == "checkpoint":
                self._seen.add(text.split(" ")[0])
                self._mark(at, "checkpoint", "", text, "told by the controller")
            else:
                self._trouble(at, finding.kind, "controller", text, "")

    def _v2g(self, record: Record, at: float, readings: Readings | None) -> None:
        from_car = record.sender is Role.CAR
        lane = CAR if from_car else CHARGER
        self._told_at = at
        self._lanes["SLAC"].close(at)
        self._lanes["connection"].put(at, "V2G")
        if record.category is Category.MALFORMED:
            self._trouble(at, "error", lane, f"{record.name} is malformed", record.reason)
            return
        if record.category is not Category.DECODED:
            self._mark(at, "message", lane, record.name, record.note)
            return
        values = dict(leaves(record.message))
        self.exchanges.take(record, at, values)
        name = self.exchanges.name
        if from_car:
            self._lanes[CAR].put(at, name)
        else:
            self._lanes[CAR].touch(at)
            self._answer(record, at, name, values)
        self._numbers(at, values)
        if readings is not None:
            self._derived(record, at, readings)
        self._checkpoint(record, at, name, values)
        self._mark(at, "message", lane, record.name, _detail(record))

    def _answer(self, record: Record, at: float, name: str, values: dict) -> None:
        code, processing = values.get("ResponseCode", ""), values.get("EVSEProcessing", "")
        if code.startswith("FAILED"):
            said = code
        elif processing and processing != "Finished":
            said = processing
        else:
            said = "OK"
        self._lanes[CHARGER].put(at, f"{name}: {said}")
        if (status := values.get("EVSEStatusCode")) is not None:
            self._lanes["charger status"].put(at, status.removeprefix("EVSE_"))
        if (isolation := values.get("EVSEIsolationStatus")) is not None:
            self._lanes["isolation"].put(at, isolation)
        troubles = set()
        if code.startswith("FAILED"):
            troubles.add(f"{record.name}: {code}")
        if status in TROUBLED:
            troubles.add(f"charger reports {status}")
        for text in sorted(troubles - self._troubles):
            self._trouble(at, "error", CHARGER, text, f"in {record.name}")
        self._troubles = troubles | {text for text in self._troubles if text.startswith("car ")}
        if status == "EVSE_Shutdown" and record.name in LOOPS:
            self._number(at, checkpoints.CHARGER_STOPS, "charger stops (EVSE_Shutdown)")
        limit = message_limit(name.split(" ")[0], record.protocol)
        if record.latency is not None and limit is not None and record.latency / 1e9 > limit[0]:
            self._late += 1
            if self._late <= MAX_LATE:
                self._mark(at, "warning", CHARGER, f"{record.name} after {record.latency / 1e9:.3g} s", f"the car waits {limit[0]:g} s ({limit[1]})")

    def _numbers(self, at: float, values: dict) -> None:
        for field, value in values.items():
            kind = FIELDS.get(field)
            if kind is not None and not isinstance(value, (str, bool)):
                self._put(at, kind, value)
        error = values.get("EVErrorCode")
        if error is not None:
            text = f"car reports {error}"
            if error == "NO_ERROR":
                self._troubles.discard(next((t for t in self._troubles if t.startswith("car ")), ""))
            elif text not in self._troubles:
                self._troubles.add(text)
                self._trouble(at, "error", CAR, text, "")

    def _derived(self, record: Record, at: float, readings: Readings) -> None:
        if record.name in LOOPS:
            if readings.power is not None:
                self._put(at, POWER, readings.power)
            if readings.energy is not None and abs(readings.energy - self._energy) >= ENERGY_STEP:
                self._energy = readings.energy
                self._put(at, ENERGY, readings.energy)
        if readings.limiting is not None:
            side = readings.limiting.side
            self._lanes["limited by"].put(at, f"{side.value if side else 'neither'}: {readings.limiting.by}")
        else:
            self._lanes["limited by"].close(at)

    def _put(self, at: float, kind: Value, value: float) -> None:
        value *= kind.factor
        low, high = PLAUSIBLE[kind.unit]
        if not low <= value <= high:             # also not a number
            self._trouble(at, "warning", "", f"{kind.name} cannot be: {value:g} {kind.unit}", "not drawn")
            return
        track = self._series.get(kind.name)
        if track is None:
            track = self._series[kind.name] = SeriesTrack(kind.name, kind.unit, kind.side, kind.step, kind.stale)
        track.put(at, value)

    # --- marks ----------------------------------------------------------------------------------------------------

    def _checkpoint(self, record: Record, at: float, name: str, values: dict) -> None:
        if record.name in ("PowerDeliveryReq", "PowerDeliveryRes"):
            if name.endswith("(stop)"):
                self._number(at, checkpoints.STOP if record.sender is Role.CAR else checkpoints.STOPPED, f"{record.name}(stop)")
            elif record.sender is Role.CAR:
                self._number(at, checkpoints.START, f"{record.name}(start)")
        else:
            self._first(at, record.name)

    def _first(self, at: float, name: str) -> None:
        number = checkpoints.FIRST_SEEN.get(name)
        if number is not None:
            self._number(at, number, name)

    def _number(self, at: float, number: int, text: str) -> None:
        """The first time only, and not what the controller has told by itself."""
        if str(number) not in self._seen:
            self._seen.add(str(number))
            self._mark(at, "checkpoint", "", f"{number} {text}", "")

    def _trouble(self, at: float, kind: str, lane: str, text: str, detail: str) -> None:
        self._told += 1
        if self._told <= MAX_TROUBLE:
            self._mark(at, kind, lane, printable(text), printable(detail))
        else:
            self._not_kept += 1

    def _mark(self, at: float, kind: str, lane: str, text: str, detail: str) -> None:
        if len(self._marks) < MAX_MARKS:
            self._marks.append(Mark(at, kind, lane, text, detail))
        else:
            self._not_kept += 1

    def _seconds(self, at: int) -> float:
        return (at - self.origin) / 1e9

    # --- the end --------------------------------------------------------------------------------------------------

    def finish(self, source: str, kind: str, last: int, modem: str = "") -> History:
        """`last`: ns of the last record of the file; `modem`: MAC of the charger's modem, "" unknown."""
        session = self.session
        end = max(self._seconds(max(self._last, session.end)), 0.0)
        for track in self._lanes.values():
            track.close()
            track.cut(end + AFTERWARDS)
        for series in self._series.values():
            series.finish(self._told_at)
        car, charger = mac_text(session.car) if any(session.car) else "", mac_text(session.charger) if any(session.charger) else ""
        evseid = printable(id_text(session.evseid)) if session.evseid else ""
        joining = [(phase.name, self._seconds(phase.start), self._seconds(phase.end), phase.messages) for phase in session.phases
                   if phase.name in ("matching", "joining the network", DISCOVERY, CONNECTING)]
        unix = self.origin / 1e9
        history = History(
            title=f"{source}, session {session.number}", source=source, kind=kind, began_unix_s=round(unix, 6) if unix > _YEAR_2000 else None,
            duration=end, vendor=vendors.of_charger(charger, modem, evseid), car=_who(car, ""), charger=_who(charger, evseid),
            protocol=printable(session.protocol) or None, outcome=printable(stop_reason(session, last)), reached=session.reached,
            remarks=[printable(remark) for remark in session.remarks],
            lanes=[track.lane for track in self._lanes.values() if track.lane.spans],
            series=[track.series for track in self._series.values()],
            phases=self.exchanges.phases(joining, session.protocol))
        if self._late > MAX_LATE:
            history.remarks.append(f"{self._late} answers came later than the car waits, the first {MAX_LATE} are marked")
        history.not_kept = (self._not_kept + sum(track.not_kept for track in self._lanes.values())
                            + sum(track.not_kept for track in self._series.values()) + self.exchanges.not_kept)
        history.marks = sorted((mark for mark in self._marks if mark.at <= end + AFTERWARDS), key=lambda mark: mark.at)
        return history


def _who(mac: str, more: str) -> str | None:
    made = vendors.maker(mac)
    parts = [mac, f"({made})" if made else "", more]
    return " ".join(part for part in parts if part) or None


def _detail(record: Record) -> str:
    values = listed({name: value for name, value in fields_of(record).items() if name != "nmk"})     # who has the key can join the network
    if len(values) > MAX_DETAIL:
        values = values[:MAX_DETAIL] + " ..."
    if record.latency is not None:
        values += f"{', ' if values else ''}after {record.latency / 1e6:.1f} ms"
    return f"{values} ({printable(record.note)})" if record.note else values
