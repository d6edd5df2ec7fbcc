"""One matching run at the charger, known by the car's host MAC and its RunID: from CM_SLAC_PARM.REQ to its CM_SLAC_MATCH.REQ.

Several cars may be measuring at the same time, the neighbours' too: each has a run of its own. What they share (the key, the
modem, the network) is slac_evse.py's. Slac-and-network sheet 2.2, 2.3, 2.5; times: timing.py.
"""
from __future__ import annotations

from enum import Enum, auto

from drivers.interfaces import PilotState
from tasks.homeplug import timing as t
from tasks.homeplug.wire import (CM_ATTEN_CHAR_IND, CM_ATTEN_CHAR_RSP, CM_SLAC_PARM_CNF, CM_START_ATTEN_CHAR_IND, CM_VALIDATE_CNF, CM_VALIDATE_REQ,
                                 MAX_GROUPS, VALIDATE_NOT_READY, VALIDATE_NOT_REQUIRED, VALIDATE_READY, VALIDATE_SUCCESS)
from tasks.machine import Checkpoint, Note


class Phase(Enum):
    """Where one run stands."""

    WaitStart = auto()               # TT_match_sequence
    Sounding = auto()                # TT_EVSE_match_MNBC
    WaitRsp = auto()                 # TT_match_response
    WaitMatch = auto()               # TT_EVSE_match_session, or TT_match_sequence after a validation
    WaitToggle = auto()              # ready to validate: TT_match_sequence for the second CM_VALIDATE.REQ
    Counting = auto()                # the window in which the car toggles its pilot


IDLE_PHASES = (Phase.WaitStart, Phase.WaitMatch)         # may be given up for a newcomer
VALIDATING = (Phase.WaitToggle, Phase.Counting)          # one car at a time: there is one pilot wire
READY = frozenset({PilotState.C, PilotState.D})


class ToggleCount:
    """How often the pilot went from B to C, and stayed there for VALIDATE_DEBOUNCE."""

    __slots__ = ("count", "_since")

    def __init__(self) -> None:
        self.count = 0
        self._since: int | None = None           # first reading of the present C; None: not in C, or counted already

    def look(self, before: PilotState | None, pilot: PilotState | None, now: int) -> None:
        """One reading and the one before; an unknown one is neither B nor C."""
        if pilot not in READY:
            self._since = None
        elif before is PilotState.B:
            self._since = now
        elif self._since is not None and now - self._since >= t.VALIDATE_DEBOUNCE:
            self.count += 1
            self._since = None


class RunLines:
    """What the runs may write into the journal: neighbours who ask for ever, or in a flood, must not fill it. `left_out` counts."""

    def __init__(self) -> None:
        self.left_out = 0
        self._since = 0
        self._count = 0

    def allowed(self, events: list, now: int) -> list:
        """These events, or none of them; what was left out is told once room is again."""
        if events and now - self._since >= t.RUN_LINES_INTERVAL:
            self._since, self._count = now, 0
            if self.left_out:
                events = [Note("%d lines about cars that asked for a matching were left out", (self.left_out,), "warning"), *events]
                self.left_out = 0
        if self._count >= t.RUN_LINES:
            self.left_out += len(events)
            return []
        self._count += len(events)
        return events


class EvseRun:
    """`dropped` says why it ended, empty while it goes on. `deadline`: when it has to be looked at."""

    __slots__ = ("pev_mac", "run_id", "phase", "deadline", "touched", "profiles", "dropped", "_mac", "_sums", "_indications", "_offset", "_repeats", "_count",
                 "_window_end", "_pilot", "_answer", "_out", "_events")

    def __init__(self, mac: bytes, pev_mac: bytes, run_id: bytes, receive_path_db: int, now: int) -> None:
        """`mac`: our host MAC. `receive_path_db`: calibrated attenuation of the own receive path, taken off each group."""
        self._mac = mac
        self.pev_mac = pev_mac
        self.run_id = run_id
        self.phase = Phase.WaitStart
        self.deadline = now + t.TT_match_sequence
        self.touched = now
        self.profiles = 0
        self.dropped = ""
        self._offset = receive_path_db
        self._sums = [0] * MAX_GROUPS
        self._indications = 0
        self._repeats = 0                        # of the first CM_VALIDATE.CNF
        self._count = ToggleCount()
        self._window_end = 0
        self._pilot: PilotState | None = None    # the reading before
        self._answer: CM_VALIDATE_CNF | None = None      # what the last validation brought, for a request that is repeated
        self._out: list = [CM_SLAC_PARM_CNF(pev_mac, mac, run_id, pev_mac, t.C_EV_match_MNBC, t.TT_EVSE_match_MNBC_units)]
        self._events: list = [Checkpoint(101, "CM_SLAC_PARM.CNF")]

    def average(self) -> bytes:
        """Mean dB per group, rounded, less the own receive path, within an octet."""
        n = self.profiles
        return bytes(min(255, max(0, (2 * s + n) // (2 * n) - self._offset)) for s in self._sums)

    def outgoing(self) -> list:
        out, self._out = self._out, []
        return out

    def events(self) -> list:
        events, self._events = self._events, []
        return events

    # --- from the wire; False: not for this run as it stands

    def on_start(self, m: CM_START_ATTEN_CHAR_IND, now: int) -> bool:
        if self.phase is Phase.WaitStart:        # only the first of the three counts
            self.phase = Phase.Sounding
            self.touched = now
            self.deadline = now + t.TT_EVSE_match_MNBC
        return self.phase is Phase.Sounding

    def on_profile(self, aag: bytes, now: int) -> bool:
        """What the own modem measured of one sound."""
        if self.phase is not Phase.Sounding or self.profiles >= t.C_EV_match_MNBC or len(aag) != MAX_GROUPS:
            return False
        self._sums = [a + b for a, b in zip(self._sums, aag)]
        self.profiles += 1
        self.touched = now
        if self.profiles == t.C_EV_match_MNBC:
            self.deadline = min(self.deadline, now + t.EVSE_SOUND_SETTLE)
        return True

    def on_rsp(self, m: CM_ATTEN_CHAR_RSP, now: int) -> bool:
        if m.dst != self._mac or m.source_address != m.src or self.phase is Phase.WaitStart or self.phase is Phase.Sounding:
            return False
        if self.phase is Phase.WaitRsp:          # later ones answer repeated indications
            if m.result:
                self.dropped = "it refused our result"
            else:
                self._wait_match(t.TT_EVSE_match_session, now)
        return True

    def on_validate(self, m: CM_VALIDATE_REQ, pilot: PilotState | None, busy: bool, now: int) -> bool:
        """`pilot`: as read now, None when it cannot be or is not to be counted. `busy`: another car is being validated."""
        if m.dst != self._mac or m.signal_type or m.result != VALIDATE_READY or self.phase not in (Phase.WaitMatch, *VALIDATING):
            return False
        self.touched = now
        if self.phase is Phase.Counting:
            return True                          # repeated; the answer comes at the end of the window
        if m.timer and self.phase is Phase.WaitToggle:
            self._begin_count(m.timer, now)
        elif m.timer and self._answer is not None:
            self._out.append(self._answer)       # it did not hear what we counted
        elif pilot is None:
            self._confirm(VALIDATE_NOT_REQUIRED)
        elif m.timer:
            return False                         # nobody has asked for a first step
        elif busy or pilot is not PilotState.B:
            self._confirm(VALIDATE_NOT_READY)
        else:
            self._answer = None
            self._repeats = 0
            self.phase = Phase.WaitToggle
            self.deadline = now + t.TT_match_sequence
            self._confirm(VALIDATE_READY)
        return True

    def read_pilot(self, pilot: PilotState | None, now: int) -> None:
        """While Counting, at each look."""
        self._count.look(self._pilot, pilot, now)
        if pilot is not None:
            self._pilot = pilot

    # --- time

    def handle_timer(self, now: int) -> None:
        """The deadline has come."""
        phase = self.phase
        if phase is Phase.WaitStart:
            self.dropped = "no CM_START_ATTEN_CHAR.IND"
        elif phase is Phase.Sounding:
            if self.profiles:
                self.phase = Phase.WaitRsp
                self._events += (Checkpoint(110, "attenuation measured"), Checkpoint(120, "CM_ATTEN_CHAR.IND"))
                self._send_indication(now)
            else:
                self.dropped = "no sound was measured"
        elif phase is Phase.WaitRsp:
            if self._indications > t.C_EV_match_retry:
                self.dropped = "no CM_ATTEN_CHAR.RSP"
            else:
                self._send_indication(now)
        elif phase is Phase.WaitToggle:
            if self._repeats >= t.C_EV_match_retry:
                self._wait_match(t.TT_EVSE_match_session, now)       # it thought better of it
            else:
                self._repeats += 1
                self.deadline = now + t.TT_match_sequence
                self._confirm(VALIDATE_READY)
        elif phase is Phase.Counting:
            if now < self._window_end:
                self.deadline = min(self._window_end, now + t.VALIDATE_POLL)
            else:
                self._end_count(now)
        else:
            self.dropped = "no CM_SLAC_MATCH.REQ"

    def _wait_match(self, limit: int, now: int) -> None:
        self.phase = Phase.WaitMatch
        self.touched = now
        self.deadline = now + limit

    def _send_indication(self, now: int) -> None:
        self._indications += 1
        self.deadline = now + t.TT_match_response
        self._out.append(CM_ATTEN_CHAR_IND(self.pev_mac, self._mac, self.run_id, self.pev_mac, self.profiles, self.average()))

    def _begin_count(self, timer: int, now: int) -> None:
        self.phase = Phase.Counting
        self._count = ToggleCount()
        self._pilot = PilotState.B               # as when we said ready: the pilot may show the first C before the line has carried the request
        self._window_end = now + min((timer + 1) * t.VALIDATE_UNIT, t.TT_EVSE_vald_toggle)
        self.deadline = min(self._window_end, now + t.VALIDATE_POLL)

    def _end_count(self, now: int) -> None:
        count = self._count.count
        self._events.append(Note("car %s has toggled its pilot %d times", (self.pev_mac.hex(":"), count)))
        self._confirm(VALIDATE_SUCCESS, count)
        self._answer = self._out[-1]
        self._wait_match(t.TT_match_sequence, now)

    def _confirm(self, result: int, toggles: int = 0) -> None:
        self._out.append(CM_VALIDATE_CNF(self.pev_mac, self._mac, 0, toggles, result))
