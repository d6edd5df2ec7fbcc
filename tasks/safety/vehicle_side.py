"""The CHAdeMO side of a bridge: when d1 and d2 come and go, and when its plug is locked. Pure: no driver, no clock, no signal.

The order of every end is that of chademo sheet 3.3, rule 5: the bridge contactor opens, d2 falls, then d1, then the plug is released. A bridge
contactor can be replaced, the vehicle's cannot: nothing here makes the vehicle open under current before the bridge has opened or had its time.
"""
from __future__ import annotations

from kernel.timer import MS, NEVER, S
from tasks.safety.bridge_trips import D2_PERMITS, STOPPED_CURRENT
from tasks.safety.config import BridgeLimits
from tasks.safety.facts import BridgeFacts, BridgeOutputs, BridgeRequests, Report
from tasks.safety.trips import Permit

PLUG_DECAY = 5 * S          # a plug that is live so long after d2 fell is told: the vehicle's contactors stick (sheet 2.3, STOP_D2)


class VehicleSide:
    """Decides `d1`, `d2` and `vehicle_lock` of the outputs, after the contactor has been decided in the same step."""

    __slots__ = ("plug_was_dead", "_limits", "_outputs", "_report", "_voltmeter", "_sensor", "_dead_v", "_blind", "_d2_hold", "_d1_hold", "_release",
                 "_armed", "_opened_at", "_open_since", "_ending_at", "_d2_fell_at", "_d2_off_at", "_told_live", "_waits_for_sample", "_stepped_at")

    def __init__(self, limits: BridgeLimits, outputs: BridgeOutputs, report: Report) -> None:
        own = limits.bridge
        self.plug_was_dead = False          # measured with bridge and d2 off since d2 was last on: what is there now came through the bridge
        self._limits = limits
        self._outputs = outputs
        self._report = report
        self._voltmeter = own.vehicle_voltmeter_fitted
        self._sensor = limits.current_sensor_fitted
        self._dead_v = own.dead_v
        self._blind = own.unverified_dead_ms * MS
        self._d2_hold = own.d2_hold_ms * MS
        self._d1_hold = own.d1_hold_ms * MS
        self._release = own.release_ms * MS
        self._armed = False                 # both requests were seen released since the last trip or end
        self._opened_at = NEVER             # the contactor is commanded open since
        self._open_since = NEVER            # and confirmed
        self._ending_at = NEVER             # d2 is on and should not be any more since
        self._d2_fell_at = NEVER            # commanded off since
        self._d2_off_at = NEVER             # and acknowledged
        self._told_live = False
        self._waits_for_sample = False      # what is measured at the plug is older than the end of d2
        self._stepped_at = 0

    def keeps(self, r: BridgeRequests) -> bool:
        """d1 and d2 are to be on, as far as requests and the past go; when not, the bridge contactor has to open first."""
        return self._armed and r.d1 and r.d2

    def lacking(self, f: BridgeFacts, r: BridgeRequests) -> Permit | None:
        """What keeps d2 off although it is asked for."""
        if self._outputs.d2 or not self.keeps(r):
            return None
        return next((row for row in D2_PERMITS if row.lacking(f, self._limits, self._outputs)), None)

    def step(self, f: BridgeFacts, r: BridgeRequests, tripped: bool, now: int) -> None:
        """Decide; `tripped`: a trip is latched."""
        self._watch_contactor(f, now)
        if tripped:
            self._armed = False
        elif not r.d1 and not r.d2:
            self._armed = True
        self._decide_d2(f, r, now)
        self._decide_d1(f, r, now)
        self._watch_plug(f, now)
        self._decide_lock(f, r, now)
        self._stepped_at = now

    def _watch_contactor(self, f: BridgeFacts, now: int) -> None:
        if self._outputs.contactors:
            self._opened_at = self._open_since = NEVER
            return
        if self._opened_at == NEVER:
            self._opened_at = now
        if f.contactors is not False:
            self._open_since = NEVER
        elif self._open_since == NEVER and now > self._opened_at:         # a feedback that was read after the command
            self._open_since = now

    # --- d2, then d1 ------------------------------------------------------------------------------------------------

    def _decide_d2(self, f: BridgeFacts, r: BridgeRequests, now: int) -> None:
        out = self._outputs
        wanted = self.keeps(r)
        if out.d2:
            if wanted:
                self._ending_at = NEVER
            else:
                if self._ending_at == NEVER:
                    self._ending_at = now
                self._let_d2_fall(f, now)
        elif wanted and self.lacking(f, r) is None and (self._voltmeter or now - self._open_since >= self._blind):
            out.d2 = True
            self._ending_at = self._d2_fell_at = self._d2_off_at = NEVER
            self.plug_was_dead = self._told_live = False
            if not self._voltmeter:
                self._report.tell("d2 on: no voltmeter at the CHAdeMO plug, it counts as dead by time (unverified)", level="warning")
        if not out.d2:
            if self._d2_fell_at == NEVER:
                self._d2_fell_at = now
            if f.d2 is False and self._d2_off_at == NEVER:
                self._d2_off_at = now

    def _let_d2_fall(self, f: BridgeFacts, now: int) -> None:
        """The bridge first; one that does not confirm has release_ms since it was told to open, or since it matters if that was later."""
        if now - self._open_since >= self._d2_hold and self._currentless(f):
            self._outputs.d2 = False
        elif now - max(self._opened_at, self._ending_at) >= self._release:
            self._report.tell("d2 released although the bridge contactor does not confirm open, or current is measured: %s, %s A", f.contactors, f.inlet_current,
                              level="error")
            self._outputs.d2 = False

    def _currentless(self, f: BridgeFacts) -> bool:
        """Behind an open contactor nothing flows: a sensor that says otherwise, or nothing, is waited for."""
        return not self._sensor or f.inlet_current is not None and abs(f.inlet_current) <= STOPPED_CURRENT

    def _decide_d1(self, f: BridgeFacts, r: BridgeRequests, now: int) -> None:
        out = self._outputs
        if not out.d1:
            out.d1 = self._armed and r.d1 and f.d2 is False
        elif not (self._armed and r.d1) and self._d1_falls_at() <= now:
            out.d1 = False
            self._armed = False

    def _d1_falls_at(self) -> int:
        """d1_hold_ms after d2's end was acknowledged (sheet 2.2 row 19); a driver that does not acknowledge has release_ms."""
        return min(self._d2_off_at + self._d1_hold, self._d2_fell_at + self._release)

    # --- plug and lock ------------------------------------------------------------------------------------------------

    def _watch_plug(self, f: BridgeFacts, now: int) -> None:
        """Remember that the plug was dead; tell one that stays live."""
        settled = self._d2_off_at != NEVER
        measured = self._voltmeter and settled and f.vehicle_voltage is not None
        fresh = f.vehicle_voltage_at > self._d2_off_at
        self._waits_for_sample = measured and not fresh
        if not measured or not fresh:
            return
        if abs(f.vehicle_voltage) < self._dead_v:
            self.plug_was_dead = self.plug_was_dead or self._open_since != NEVER
        elif now - self._d2_off_at >= PLUG_DECAY and not self._told_live and not self.plug_was_dead:
            self._told_live = True
            self._report.tell("the CHAdeMO plug stays live: %s V, %d s after d2 fell. It stays locked; the car's contactors may be welded", f.vehicle_voltage,
                              PLUG_DECAY // S, level="error")

    def _decide_lock(self, f: BridgeFacts, r: BridgeRequests, now: int) -> None:
        if r.vehicle_lock:
            self._outputs.vehicle_lock = True if f.vehicle_plug is not False else None
        else:
            self._outputs.vehicle_lock = False if self._may_unlock(f, now) else None

    def _may_unlock(self, f: BridgeFacts, now: int) -> bool:
        """Sheet 2.2 row 20: both signals (d2 is never on without d1) acknowledged off, the bridge open, and a voltage measured since and standing that hurts nobody."""
        if self._outputs.d1 or f.d1 is not False or f.d2 is not False or self._open_since == NEVER:
            return False
        if not self._voltmeter:
            return now >= self._blind_at()
        return f.vehicle_steady and f.vehicle_voltage_at > self._d2_off_at and f.vehicle_voltage is not None and abs(f.vehicle_voltage) <= self._dead_v

    def _blind_at(self) -> int:
        """Without a voltmeter: when the plug counts as discharged."""
        return max(self._open_since, self._d2_off_at) + self._blind

    def next_timer(self) -> int:
        """The earliest instant at which time alone can change something; may be past while a measurement is awaited."""
        out = self._outputs
        at = self._stepped_at + 1 if self._waits_for_sample or self._stepped_at == self._opened_at else NEVER
        if out.d2:
            if self._ending_at != NEVER:
                at = min(at, self._open_since + self._d2_hold, max(self._opened_at, self._ending_at) + self._release)
            return at
        if out.d1:
            at = min(at, self._later(self._d1_falls_at()))
        if not self._voltmeter:
            at = min(at, self._later(self._open_since + self._blind), self._later(self._blind_at()))
        elif not self.plug_was_dead:
            at = min(at, self._later(self._d2_off_at + PLUG_DECAY))
        return at

    def _later(self, at: int) -> int:
        """What is over has had its effect."""
        return at if at > self._stepped_at else NEVER
