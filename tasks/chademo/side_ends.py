"""What every state of the charger's side shares: entering, telling, and the way to the end (chademo sheet 2.2 rows 14 to 21, 2.6).

The end is the ordinary one, also that of a fault: 109.5.5, current gone, 109.5.0 = 0, the car opens and looks for a weld, d2 off, plug
below 10 V, d1 off, silence. Before d2 nothing could flow: then only d1 falls.
"""
from __future__ import annotations

from abc import ABC, abstractmethod

from kernel.timer import NEVER, S, Cadence, Timer
from tasks.bridge.config import BridgeConfig
from tasks.chademo import timing as t
from tasks.chademo import wire
from tasks.chademo.facts import SideFacts
from tasks.chademo.states import CLOSED, ROWS, Side
from tasks.chademo.telling import DEAD
from tasks.chademo.vehicle import Vehicle
from tasks.machine import Note, StateChanged
from tasks.stop_reasons import StopReason

LIVE = 50.0                  # V at the plug: the car's contactors have closed (row 8b), or something leaks (3.7)
GONE = 5.0                   # A: the current counts as gone (row 14)
MAX_EVENTS = 64              # between two looks of the task; later ones are lost and counted


class SideEnds(ABC):
    """Base of ChargerSide: the states from StopRamp on."""

    def __init__(self, config: BridgeConfig, facts: SideFacts) -> None:
        self.config = config
        self.facts = facts
        self.cadence = Cadence(t.PERIOD)
        self.lost_events = 0
        self._events: list = []
        self._limit = Timer()
        self._join = Timer()                     # the bridge contactor has to close until then
        self._begin_anew()
        self.state = Side.Idle

    def _begin_anew(self) -> None:
        self.vehicle = Vehicle(self.config.announce_protocol, self.config.voltage_in_0x100)
        self.cadence.at = 0                      # the phase is set by the first frame
        self.reason: StopReason | None = None    # why it ends
        self.urgent = False                      # state B, and not only an end in order
        self.welded = False                      # its contactors did not report open
        self.faults = 0                          # bits of 109.5 besides the state's
        self._d2_off_at = NEVER
        self._entered_at = self._closed_at = self._ended_at = 0

    @property
    @abstractmethod
    def speaks(self) -> bool:
        """Frames are sent."""

    @abstractmethod
    def _judge(self, now: int) -> None:
        """The car's values have had their time."""

    def _silent(self, now: int, limit: int) -> bool:
        return self.vehicle.status is not None and now - self.vehicle.status_at >= limit

    def _in_StopRamp(self, now: int) -> None:
        facts, offer = self.facts, self.facts.offer
        shown = now - self._entered_at >= t.PERIOD           # the car sees 109.5.5 before 109.5.0 falls
        if shown and (facts.joined is False or offer is not None and abs(offer.present_current) <= GONE):
            self._enter(Side.StopWd, now)
        elif now - self._entered_at >= t.CURRENT_GONE_LIMIT and not self.urgent:
            self._note("the current is not gone %d ms after 109.5.5: state B", t.CURRENT_GONE_LIMIT // 1_000_000, level="error")
            self.urgent = True

    def _in_StopWd(self, now: int) -> None:
        """The bridge contactor opens by itself once the current is gone; then the car opens and looks for a weld."""
        if self.facts.joined is not False:
            return
        if self.vehicle.tells_contactors and not self._silent(now, t.SILENCE_LIMIT):
            done = self.vehicle.contactors_closed(now) is False
        else:
            done = now - self._entered_at >= t.WELDING_HOLD_0_9
        if done:
            self._enter(Side.StopD2, now)

    def _in_StopD2(self, now: int) -> None:
        facts = self.facts
        if facts.d2 is not False:
            return
        if self._d2_off_at == NEVER:
            self._d2_off_at = now
        dead = not facts.voltmeter or facts.plug_voltage is not None and facts.plug_voltage <= DEAD
        if dead and now - self._d2_off_at >= t.D1_AFTER_D2:
            self._enter(Side.StopEnd, now)

    def _in_StopEnd(self, now: int) -> None:
        if not self.speaks:
            self._enter(Side.Ended, now)

    def _limit_passed(self, now: int) -> None:
        state, facts, row = self.state, self.facts, ROWS[self.state]
        if state is Side.StopEnd:
            self._enter(Side.Ended, now)
        elif state is Side.StopRamp:
            self._note("current still not gone after %d s", t.STOP_HARD_LIMIT // S, level="error")
            self._enter(Side.StopWd, now)
        elif state is Side.StopWd:
            self.welded = True
            self._note("the car does not report its contactors open (102.5.3) %d s after the end: welded? Plug at %s V, bridge contactor %s", t.WELDING_LIMIT // S,
                       facts.plug_voltage, "open" if facts.joined is False else "not confirmed open", level="error")
            self._enter(Side.StopD2, now)
        elif state is Side.StopD2:
            self._note("the CHAdeMO plug is still at %s V: it stays locked", facts.plug_voltage, level="error")
            self._enter(Side.StopEnd, now)
        elif state is Side.Check:
            self._judge(now)
        else:
            reason = row.reason
            if state in (Side.Locked, Side.D2On) and facts.plug_voltage is not None and facts.plug_voltage >= DEAD and facts.d2 is not True:
                reason = StopReason.CAR_PLUG_LIVE
            elif state is Side.D1On and facts.d1 is not True or state is Side.D2On and facts.d2 is not True:
                reason = StopReason.NOT_CONFIRMED        # the supervisor did not grant it: safety_blocked says why
            self._note("state %s took too long: k %s, 102.5 = 0x%02X, plug %s V (measured %s), lock %s, d2 %s, bridge contactor %s", state.name, facts.permission,
                       0 if self.vehicle.status is None else self.vehicle.status.status, facts.plug_voltage, facts.voltmeter, facts.locked, facts.d2, facts.joined)
            self._end(reason, now)

    def _end(self, reason: StopReason, now: int, *, urgent: bool = False, fault: bool = False) -> None:
        """Begin the end that fits the state; the first reason stays."""
        if self.reason is None:
            self.reason = reason
            self._ended_at = now
        self.urgent = self.urgent or urgent
        if fault and self.config.send_error_bits:
            self.faults |= wire.MALFUNCTION
        state = self.state
        if state is Side.D2On:
            open_plug = self.facts.voltmeter and self.facts.plug_voltage is not None and self.facts.plug_voltage <= LIVE
            if open_plug and self.vehicle.contactors_closed(now) is not True or self.facts.d2 is not True:
                self._enter(Side.StopD2, now)
            else:
                self._enter(Side.StopWd, now)
        elif state is Side.Charge:
            self._enter(Side.StopRamp, now)
        elif state in CLOSED:
            self._enter(Side.StopWd, now)                        # 109.5.0 has never been set
        else:
            self._enter(Side.StopEnd, now)

    def _enter(self, state: Side, now: int, limit_at: int | None = None) -> None:
        """`limit_at` None: the row's limit from now on."""
        self._events_append(StateChanged(self.state.name, state.name))
        if state in (Side.StopRamp, Side.StopEnd, Side.StopD2):
            self._join.cancel()
        if state is Side.Mate:
            self._closed_at = now
        self.state = state
        self._entered_at = now
        row = ROWS[state]
        if limit_at is not None:
            self._limit.arm_at(limit_at)
        elif row.limit != NEVER:
            self._limit.arm(now, row.limit)
        else:
            self._limit.cancel()

    def _note(self, text: str, *args: object, level: str = "warning") -> None:
        self._events_append(Note(text, args, level))

    def _events_append(self, event: object) -> None:
        if len(self._events) < MAX_EVENTS:
            self._events.append(event)
        else:
            self.lost_events += 1
