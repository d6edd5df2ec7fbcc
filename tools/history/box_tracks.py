"""What our own box has noted within one session -> lanes, series and marks beside those that were made of its frames."""
from __future__ import annotations

from typing import Any

from tasks.chademo import wire
from tasks.errors import WireError
from tasks.listen.lines import printable
from tasks.stop_reasons import StopReason
from tools.history import box_signals as own
from tools.history.model import History, Mark
from tools.history.tracks import LaneTrack, SeriesTrack

MAX_EVENTS = 4_000           # marks of one session out of journal, commands and signals
MAX_TEXT = 400               # characters of one mark


class BoxTracks:
    """`signal`, `answer`, `command`, `entry`, `can` in order of time, in s of the session; `into` puts everything into its history."""

    def __init__(self, units: dict[str, str]) -> None:
        """`units`: of the signals, by name, as the file has them."""
        self.reason: StopReason | None = None
        self.trip, self.hint = "", ""
        self.facts: dict[str, Any] = {}              # last value of each signal that is no lane and no series
        self.last = 0.0                              # s of the latest thing that a person would call an event
        self._units = units
        self._lanes: dict[str, LaneTrack] = {}
        self._series: dict[str, SeriesTrack] = {}
        self._kept_at: dict[str, float] = {}
        self._waiting: dict[str, tuple[float, float]] = {}
        self._marks: list[Mark] = []
        self._not_kept = 0
        self._told: dict[str, Any] = {}              # what each device was told last
        self._pilot: list[Any] = [None, None]
        self._numbers: set[str] = set()
        self._can: dict[int, bytes] = {}
        self._faults = 0

    # --- signals --------------------------------------------------------------------------------------------------

    def signal(self, at: float, name: str, value: Any) -> None:
        if name in (own.PILOT, own.DUTY):
            self._pilot[name == own.DUTY] = value
            state, duty = self._pilot
            # only what a pilot that oscillates says: a steady one has no duty
            told = f", {duty:g} %" if isinstance(duty, (int, float)) and duty < 100 else ""
            self._state(at, own.PILOT_LANE, f"state {state}{told}" if isinstance(state, str) else "unknown")
        if (shown := own.LANES.get(name)) is not None:
            silent = value is None and name not in ("contactors_closed", "lock_confirmed", "vehicle_lock_confirmed") or value in ("", own.HIDDEN_WHEN.get(name, ""))
            self._state(at, shown.lane, "" if silent else shown.words(value))
        elif name in self._units and name not in own.UNSHOWN:
            self._value(at, name, value)
        elif value is not None:
            self.facts[name] = value
        if name in own.WORRIES and isinstance(value, str) and value:
            self._mark(at, own.WORRIES[name], own.LANES[name].lane, value, "trip of the supervisor" if name == "safety_trip" else name)
        if name == "stop_reason":
            reason = StopReason.__members__.get(value) if isinstance(value, str) else None
            if reason is not None and (self.reason is None or reason is not StopReason.UNPLUGGED):       # every session ends so: the reason before it tells more
                self.reason = reason
        elif name == "safety_trip" and isinstance(value, str) and value:
            self.trip = value
        elif name == own.HINT and isinstance(value, str) and value:
            self.hint = value

    def _state(self, at: float, lane: str, text: str) -> None:
        track = self._lanes.get(lane)
        if track is None:
            if not text:
                return
            track = self._lanes[lane] = LaneTrack(lane)
        if not text:
            track.close(at)
        else:
            track.put(at, printable(text)[:MAX_TEXT])
            self.last = max(self.last, at)

    def _value(self, at: float, name: str, value: Any) -> None:
        unit, factor = own.UNITS.get(self._units[name], (self._units[name], 1.0))
        told = value if type(value) in (int, float) and value != own.NO_LIMIT.get(name) else None
        self._number(at, own.OF_MESSAGES.get(name) or own.NAMES.get(name, name), unit, own.side_of(name), None if told is None else told * factor)

    def _number(self, at: float, name: str, unit: str, side: str, value: float | None) -> None:
        """A step of a series; None: unknown from here on."""
        track = self._series.get(name)
        low, high = own.PLAUSIBLE.get(unit, (-1e6, 1e6))
        if value is None or not low <= value <= high:            # also not a number
            if track is not None:
                self._flush(name)
                track.gap(at)
            return
        if track is None:
            track = self._series[name] = SeriesTrack(name, unit, side, step=True)
        if at - self._kept_at.get(name, -1e9) < own.SPARSE.get(unit, 0.0):
            self._waiting[name] = (at, value)
            return
        waiting = self._waiting.pop(name, None)
        if waiting is not None and at - waiting[0] > own.SPARSE[unit]:
            track.put(*waiting)                      # it held for long; else the new one stands for it
        self._kept_at[name] = at
        track.put(at, value)

    def _flush(self, name: str) -> None:
        waiting = self._waiting.pop(name, None)
        if waiting is not None:
            self._series[name].put(*waiting)

    # --- devices, journal, CAN ------------------------------------------------------------------------------------

    def command(self, at: float, name: str, arguments: list[Any], answer: Any) -> None:
        """A device was told something; only what differs from the time before."""
        if name == own.SET_SUPPLY and len(arguments) == 2:
            self._number(at, "supply Target voltage", "V", "box", _number(arguments[0]))
            self._number(at, "supply Target current", "A", "box", _number(arguments[1]))
        elif name == "power_supply.off":
            self._number(at, "supply Target voltage", "V", "box", None)
            self._number(at, "supply Target current", "A", "box", None)
        elif name == own.SET_ONBOARD and arguments:
            self._number(at, "on-board charger Limit", "A", "box", _number(arguments[0]))
        known = own.COMMANDS.get(name)
        argument = arguments[0] if arguments else None
        if answer is False and self._told.get(f"{name} refused") != argument:
            self._told[f"{name} refused"] = argument
            self._mark(at, "error", known.lane if known else "", f"{name} was refused by its device", f"told: {arguments}")
        if known is None or self._told.get(name, _NOTHING) == argument:
            return
        self._told[name] = argument
        try:
            words = known.words(argument)
        except (TypeError, ValueError):              # a foreign file's argument is anything
            words = ""
        self._mark(at, "command", known.lane, words or f"{name} {argument}", "" if answer is not False else "refused")

    def entry(self, at: float, source: str, level: str, text: str, number: int) -> None:
        """Of the journal: checkpoints, warnings and errors."""
        if number:
            if str(number) not in self._numbers or number >= 600:
                self._mark(at, "checkpoint", "", f"{number} {text}", f"told by {source}")
            self._numbers.add(str(number))
        elif level in ("warning", "error"):
            self._mark(at, level, "", f"{source}: {text}", "")

    def can(self, at: float, octets: bytes) -> None:
        """A frame of CHAdeMO as LINKTYPE_CAN_SOCKETCAN has it; what it says is drawn where it changes."""
        identifier, data = int.from_bytes(octets[:4], "big"), octets[8:8 + (octets[4] if len(octets) > 4 else 0)]
        if identifier not in (wire.STATUS, wire.CHARGER_STATUS) or self._can.get(identifier) == data:
            return
        self._can[identifier] = data
        try:
            message = wire.parse(identifier, data)
        except WireError as problem:
            self._mark(at, "error", "", str(problem), "")
            return
        if isinstance(message, wire.VehicleStatus):
            self._number(at, "102 Target voltage", "V", "car", float(message.target_voltage))
            self._number(at, "102 Target current", "A", "car", float(message.current_request))
            self._state(at, own.VEHICLE_LANE, own.vehicle_flags(message.status))
            new, self._faults = message.faults & ~self._faults, message.faults
            if new:
                self._mark(at, "error", own.VEHICLE_LANE, f"car reports {own.vehicle_faults(new)}", f"102.4 = 0x{message.faults:02X}")
        elif isinstance(message, wire.ChargerStatus):
            self._number(at, "109 voltage", "V", "box", message.voltage)
            self._number(at, "109 current", "A", "box", message.current)

    def _mark(self, at: float, kind: str, lane: str, text: str, detail: str) -> None:
        self.last = max(self.last, at)
        if len(self._marks) < MAX_EVENTS:
            self._marks.append(Mark(at, kind, lane, printable(text)[:MAX_TEXT], printable(detail)[:MAX_TEXT]))
        else:
            self._not_kept += 1

    # --- the end --------------------------------------------------------------------------------------------------

    def into(self, history: History, end: float) -> None:
        """`end`: s; everything that goes on does so until then."""
        history.duration = max(history.duration, end)
        for name in list(self._waiting):
            self._flush(name)
        for lane in self._lanes.values():
            lane.close(max(history.duration, end))
        known = {series.name for series in history.series}
        for track in self._series.values():
            track.finish(history.duration)
            if track.series.name not in known and track.series.points and any(value for _, value in track.series.points):
                history.series.append(track.series)
        order = [own.PILOT_LANE, *(shown.lane for shown in own.LANES.values()), own.VEHICLE_LANE]
        theirs = {lane.name for lane in history.lanes}
        tracks = sorted(self._lanes.values(), key=lambda track: order.index(track.lane.name))
        history.lanes += [track.lane for track in tracks if track.lane.name not in theirs and track.lane.spans]
        # the box's own words for its checkpoints are better than the messages that we take for them
        history.marks = [mark for mark in history.marks if mark.kind != "checkpoint" or not self._numbers] + self._marks
        history.marks.sort(key=lambda mark: mark.at)
        history.not_kept += self._not_kept + sum(track.not_kept for track in (*self._lanes.values(), *self._series.values()))


_NOTHING = object()


def _number(value: Any) -> float | None:
    return float(value) if type(value) in (int, float) else None
