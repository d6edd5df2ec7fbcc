"""A CHAdeMO car in virtual time: wires, CAN, contactors, request, and the checks that real cars make (chademo sheet 2).

Theory of operation. A Source of a World that takes a turn every 10 ms: hear, think, switch k, send the frame whose turn it is. It speaks
over a node of a `CanSegment`, reads d1 and d2 from a `BridgePlant`, and drives k and its contactors there. What it finds wrong it tells in
102.4 or 102.5, withdraws k and request, waits until the current is gone, opens, and looks for welded contacts.
"""
from __future__ import annotations

from random import Random

from drivers.sim.bridge_plant import BridgePlant
from drivers.sim.can import CanNode
from kernel.timer import MS, S
from tasks.chademo.wire import (CHARGING, INCOMPATIBLE, LOCKED, MALFUNCTION, STOP_CONTROL, SYSTEM_FAULT, SYSTEM_MALFUNCTION, Capability,
                                ChargerStatus)
from tools.simulate.chademo.checks import ChargingChecks, Finding, Lasting
from tools.simulate.chademo.conversation import Conversation, Note, Notes
from tools.simulate.chademo.frames import Moment
from tools.simulate.chademo.states import ACTIVE, HELD, MUTE, CarState
from tools.simulate.chademo.traits import NOBODY, OWN, CarFaults, CarTraits

TURN = 10 * MS
LOW_CURRENT = 5.0              # A: contactors may open (sheet 2.2 number 14)
DEAD = 10.0                    # V: a plug that has fallen so far is not on the battery (sheet 2.2 number 18)
NO_CHARGER_S = 5.0             # s from its first frame without a charger's
OPENS_ANYWAY_S = 1.0           # a charger that is gone cannot say that the current is (sheet 2.2 number 23)
AGAIN_S = 10.0                 # a car that speaks unasked begins anew after so long
MOST = 64                      # tripped checks kept
OVERTIME_S = 30.0              # s beyond its longest time before the car itself ends
TURTLE, WELD = "turtle", "weld"
WRONG = MALFUNCTION | SYSTEM_MALFUNCTION | INCOMPATIBLE


class Car:
    """`faults` may change at any time. `dtcs`: how often each trouble code was set; `tripped`: the checks that did, in order; `ended`: why the session does."""

    def __init__(self, traits: CarTraits, plant: BridgePlant, node: CanNode, *, start: int = 0, rng: Random | None = None) -> None:
        """`rng` for garbage. Needs `start` as the World's present time."""
        self.traits = traits
        self.plant = plant
        self.faults = CarFaults()
        self.state = CarState.ASLEEP
        self.dtcs: dict[str, int] = {}
        self.tripped: list[str] = []
        self.ended = ""
        self.notes = Notes()
        self.sessions = 0                      # since it was plugged in, in which it permitted charging
        self.request = 0
        self.discharge = 0                     # A that it lets out now
        self.bus = Conversation(traits, self.faults, node, rng)
        plant.vehicle_coil_current = traits.coil_current
        plant.vehicle_own_supply = traits.speaks_unasked
        self._next = start
        self._since = self._first_at = start
        self._enter_session()

    def _enter_session(self) -> None:
        self._checks = ChargingChecks(self.traits)
        self._unanswered = Lasting()           # a request without 109.5.0
        self._k = self._enabled = self._permitted = self._closed_once = self._asked = False
        self._contactor_open = True
        self._told_faults = self._told_status = 0
        self._flag_gone_at: int | None = None
        self._stop_seen_at: int | None = None
        self._end_seen_at: int | None = None
        self._frozen_available: float | None = None
        self._charged = 0                      # ns with current
        self.request = self.discharge = 0
        self.bus.begin()
        self.ended = ""

    # --- Source ---------------------------------------------------------------------------------------------------------

    def next_event(self) -> int:
        return self._next

    def deliver(self, now: int) -> None:
        self.plant.advance(now)
        self.bus.hear(self.plant.vehicle_plugged, self.state not in MUTE, now)
        self._think(now)
        stuck = self.faults.k_stuck
        self.plant.k = (self._k and not self.traits.speaks_unasked) if stuck is None else stuck
        self._speak(now)
        self._next = now + TURN

    def end(self, now: int, why: str = "driver") -> None:
        """The driver, or a test, ends the charge in the ordinary way."""
        if self.state in (CarState.TALKING, *ACTIVE):
            self._stop(why, now)

    @property
    def offer(self) -> Capability | None:
        """The newest 0x108 of this session."""
        return self.bus.offer

    @property
    def charger(self) -> ChargerStatus | None:
        """The newest 0x109 of this session."""
        return self.bus.charger

    @property
    def announced(self) -> bool:
        """Charger and car have both said that it may be discharged: 109.4.0, and a limit of its own."""
        return self.traits.max_discharge > 0 and self.charger is not None and self.charger.discharge

    @property
    def log(self) -> list[Note]:
        """What it noticed, states among it."""
        return self.notes.entries

    # --- what it notices --------------------------------------------------------------------------------------------------

    def _to(self, state: CarState, now: int) -> None:
        self.state = state
        self._since = now
        self.notes.add(state.value, now)

    def _for(self, seconds: float, now: int) -> bool:
        """It has been in its state for so long."""
        return now - self._since >= round(seconds * S)

    def _dtc(self, code: str, now: int, value: float) -> None:
        self.dtcs[code] = self.dtcs.get(code, 0) + 1
        self.notes.add(code, now, value)

    def _trip(self, found: Finding, now: int) -> None:
        """A check tripped: told, and the charge ends."""
        self._told_faults |= found.faults
        self._told_status |= found.status
        if len(self.tripped) < MOST:
            self.tripped.append(found.name)
        self.notes.add(found.name, now, found.value)
        self._stop(found.name, now)

    def _fail(self, name: str, now: int, value: float = 0.0) -> None:
        self._trip(Finding(name, value, status=SYSTEM_FAULT), now)

    def _stop(self, why: str, now: int) -> None:
        """Request, 102.5.0 and k go together (sheet 2.5); what is open already needs no test."""
        if self.state in (CarState.STOPPING, CarState.WELD_TEST, CarState.FINISHED):
            return
        self.ended = why
        self._k = self._enabled = False
        self.request = self.discharge = 0
        if self._closed_once or self.plant.vehicle_contactors.commanded:
            self._to(CarState.STOPPING, now)
        else:
            self.plant.want_vehicle_contactors(False, now)
            self._to(CarState.FINISHED, now)

    # --- ask and speak -----------------------------------------------------------------------------------------------------

    def _speak(self, now: int) -> None:
        if self.state in MUTE:
            return
        if self.bus.cycle_begins:
            self._ask(now)
        charger, battery = self.bus.charger, self.plant.battery
        self.bus.speak(Moment(
            now - self._first_at, charger.protocol if charger else None, self._permitted, self._enabled, self._closed_once, self._asked,
            self._contactor_open, self.request, self._told_faults, self._told_status, battery.soc,
            battery.ocv() + self.plant.current * battery.resistance, self.discharge))

    def _ask(self, now: int) -> None:
        """Once per cycle: the request moves towards what battery and charger allow; below what is available it goes at once."""
        t = self.traits
        if self.state not in (CarState.REQUESTING, CarState.CHARGING) or self.offer is None:
            return
        if self.announced and self.bus.input is not None:            # ramps as the request does, up to 208.3 (sheet 1.10, log A)
            self.discharge = min(self.discharge + t.ramp, t.max_discharge, self.bus.input.input_current)
        available = self.offer.current if t.dynamic or self._frozen_available is None else self._frozen_available
        allowed = max(0, int(available) - t.head_room)
        goal = 0 if self.faults.plateau else min(allowed, int(min(t.max_current, self.plant.battery.wanted_current())))
        if goal >= self.request:
            self.request = min(goal, self.request + t.ramp)
        else:
            self.request = min(allowed, max(goal, self.request - t.ramp))
        if self.request and not self._asked:
            self._asked = True
            self._frozen_available = self.offer.current
            self.notes.add("first request", now, self.request)
        if t.stops_at_available and self.request >= int(available) > 0:
            self._stop("available reached", now)

    # --- think ----------------------------------------------------------------------------------------------------------------

    @property
    def _called(self) -> bool:
        """d1, or nothing at all with a car that speaks unasked."""
        return self.plant.vehicle_plugged and (self.plant.d1 or self.traits.speaks_unasked)

    @property
    def _may_close(self) -> bool:
        """d1 and d2; without wires the charger's lock bit does."""
        if self.traits.speaks_unasked:
            return self.charger is not None and bool(self.charger.status & LOCKED)
        return self.plant.d1 and self.plant.d2

    def _think(self, now: int) -> None:
        state, plant = self.state, self.plant
        if not plant.vehicle_plugged:
            self.sessions = 0
            if state is not CarState.ASLEEP:
                self._unplugged(now)
            return
        if state in (CarState.TALKING, *ACTIVE) and self._interrupted(now):
            return
        if state is CarState.ASLEEP:
            if self._called:
                self._to(CarState.WAKING, now)
        elif state is CarState.WAKING:
            self._wake(now)
        elif state is CarState.TALKING:
            self._talk(now)
        elif state is CarState.PERMITTED:
            self._permit(now)
        elif state is CarState.CLOSING:
            self._close(now)
        elif state in HELD:
            self._hold(now)
        elif state is CarState.STOPPING:
            self._let_go(now)
        elif state is CarState.WELD_TEST:
            self._test_welding(now)
        elif state is CarState.FINISHED:
            self._finish(now)
        elif not self._called or self.traits.speaks_unasked and self._for(AGAIN_S, now):
            self._to(CarState.ASLEEP, now)

    def _unplugged(self, now: int) -> None:
        self.ended = self.ended or "unplugged"
        self._k = self._enabled = False
        self.request = 0
        self.plant.want_vehicle_contactors(False, now)
        self._to(CarState.ASLEEP, now)

    def _interrupted(self, now: int) -> bool:
        """What ends a session in every state: the charger is gone or says so, or a wire falls."""
        charger = self.charger
        if self.bus.heard and self.bus.silent(self.traits.charger_lost_s, now):
            self._fail("charger lost", now)
        elif self.traits.max_discharge and self.bus.promised(self.traits.charger_lost_s, now):
            self._fail("no 0x208 or 0x209", now)
        elif charger is not None and charger.status & WRONG:
            self._stop("charger malfunction", now)
        elif not self._called:
            self._stop("d1 off", now)
        elif self.state in HELD and not self._may_close and not self.traits.speaks_unasked:
            self._stop("d2 off", now)
        return self.state in (CarState.STOPPING, CarState.FINISHED)

    def _wake(self, now: int) -> None:
        if not self._called:
            self._to(CarState.ASLEEP, now)
        elif self._for(self.traits.wake_s, now):
            self._enter_session()
            self._first_at = now
            self._to(CarState.TALKING, now)

    def _talk(self, now: int) -> None:
        t = self.traits
        refuses = t.sessions is not None and self.sessions >= t.sessions
        charger, offer = self.charger, self.offer
        if charger is None or offer is None or not offer.voltage:
            if not t.speaks_unasked and self._for(NO_CHARGER_S, now):
                self._stop("no charger", now)
        elif t.checks_offer and offer.voltage < t.target_voltage:
            if self._for(t.enabled_s, now):
                self._stop("charger too low", now)
        elif not refuses:
            self._k = self._for(t.k_s, now)
            if self._for(t.enabled_s, now):
                self._enabled = self._permitted = True
                self.sessions += 1
                self._to(CarState.PERMITTED, now)
        elif self._for(t.enabled_s, now):
            self._fail("another session refused", now)

    def _permit(self, now: int) -> None:
        t = self.traits
        if self._may_close:
            voltage = self.plant.plug_voltage
            if t.inlet_limit is not None and voltage > t.inlet_limit:
                self._dtc(TURTLE, now, voltage)
                self._fail("inlet live", now, voltage)
            else:
                self._to(CarState.CLOSING, now)
        elif self._for(t.d2_limit_s, now) and not t.speaks_unasked:
            self._fail("no d2", now)

    def _close(self, now: int) -> None:
        t, contactors = self.traits, self.plant.vehicle_contactors
        delay = t.close_s + self.faults.late_close_s
        if not self._may_close:
            self._stop("d2 off", now)
        elif self._for(delay, now) and not self.faults.never_close:
            self.plant.want_vehicle_contactors(True, now)
            late = self._for(delay + (t.contactor_limit_s if t.contactor_limit_s is not None else t.request_s), now)
            if contactors.position or late and t.contactor_limit_s is None:        # who does not look believes
                self._closed_once = True
                self._contactor_open = False
                self._to(CarState.CLOSED, now)
            elif late:
                self.plant.want_vehicle_contactors(False, now)
                self._fail("contactors do not close", now)

    def _hold(self, now: int) -> None:
        t, charger = self.traits, self.charger
        if charger is None:
            return
        charging = bool(charger.status & CHARGING)
        if self.state is CarState.CLOSED:
            if self._for(t.request_s, now):
                self._to(CarState.REQUESTING, now)
        elif self.state is CarState.REQUESTING:
            if charging and not charger.status & STOP_CONTROL:
                self._to(CarState.CHARGING, now)
            elif t.flag_limit_s is not None and self._unanswered.lasts(self.request > 0, t.flag_limit_s, now):
                self._fail("no charging flag", now)
        else:
            self._charge(charger, now)

    def _charge(self, charger: ChargerStatus, now: int) -> None:
        t, plant = self.traits, self.plant
        found = self._checks.find(charger, self.request, plant.plug_voltage, plant.current, now, self.discharge if self.announced else None)
        if plant.current > 0.0:
            self._charged += TURN
        if found is not None:
            self._trip(found, now)
        elif charger.status & STOP_CONTROL:
            self._stop_seen_at = now if self._stop_seen_at is None else self._stop_seen_at
            if now - self._stop_seen_at >= round(t.stop_reaction_s * S):
                self._stop("charger", now)
        elif plant.battery.soc >= t.full_soc:
            self._stop("full", now)
        elif self._charged >= round((t.max_minutes * 60 + OVERTIME_S) * S):
            self._stop("time over", now)

    # --- the end ----------------------------------------------------------------------------------------------------------------

    def _let_go(self, now: int) -> None:
        t, current = self.traits, abs(self.plant.current)
        lost = self.bus.silent(t.charger_lost_s, now)
        if self._flag_gone_at is None and self.charger is not None and not self.charger.status & CHARGING and current <= LOW_CURRENT:
            self._flag_gone_at = now
        if self._flag_gone_at is not None:
            done = now - self._flag_gone_at >= round(t.open_s * S)
        elif lost:
            done = current <= LOW_CURRENT or self._for(OPENS_ANYWAY_S, now)
        elif current > LOW_CURRENT:
            done = self._for(t.current_gone_s, now)
            if done:
                self._told_status |= SYSTEM_FAULT
                self.notes.add("current remains", now, current)
        else:
            done = self._for(t.flag_gone_s, now)
            if done:
                self.notes.add("charging flag remains", now)
        if done:
            self.plant.want_vehicle_contactors(False, now)
            self._to(CarState.WELD_TEST, now)

    def _test_welding(self, now: int) -> None:
        t = self.traits
        if t.weld_judged == NOBODY:
            voltage = 0.0
        elif t.weld_judged == OWN or self.charger is None:
            voltage = self.plant.plug_voltage
        else:
            voltage = self.charger.voltage
        if self._for(t.weld_test_s, now) and voltage <= DEAD:
            self._contactor_open = True
            self._to(CarState.FINISHED, now)
        elif self._for(t.weld_limit_s, now):
            self._dtc(WELD, now, voltage)
            self._told_status |= SYSTEM_FAULT
            self._to(CarState.FINISHED, now)

    def _finish(self, now: int) -> None:
        """Sends on for a while after d1 or 109.5.2 has gone; a charger that says nothing any more is no reason to go on."""
        charger = self.charger
        over = not self._called or self.bus.silent(self.traits.charger_lost_s, now)
        if charger is not None and self._permitted and not charger.status & LOCKED:
            over = True
        if not over:
            self._end_seen_at = None
        elif self._end_seen_at is None:
            self._end_seen_at = now
        elif now - self._end_seen_at >= round(self.traits.silent_s * S):
            self._to(CarState.SILENT, now)
