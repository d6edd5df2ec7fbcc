"""The charger's side of one CHAdeMO connection: from d1 to the last frame (chademo sheet 2.2 to 2.6); states and limits are in states.py.

Theory. The bridge says what it wants and what it has (`facts.offer`), the vehicle what it permits (switch k, 0x102). The machine
commands nothing: `wants_d1`, `wants_d2`, `wants_lock` are wishes that the safety supervisor grants, `urgent` asks for state B at once.
How it ends is in side_ends.py, what the car is told in telling.py, what speaks against charging it in judge.py.
"""
from __future__ import annotations

from kernel.timer import MS, NEVER, S, Timer
from tasks.bridge.config import BridgeConfig
from tasks.chademo import judge, telling, wire
from tasks.chademo import timing as t
from tasks.chademo.discharge import FLOWS, Discharging
from tasks.chademo.facts import SideFacts
from tasks.chademo.side_ends import LIVE, SideEnds
from tasks.chademo.states import PERMITTED, ROWS, STARTING, STOPPING, Side
from tasks.chademo.telling import DEAD
from tasks.signals import ChargerOffer, VehicleSays
from tasks.stop_reasons import StopReason

DRAWN_WRONGLY = (StopReason.CHARGER_DRAWS, StopReason.DISCHARGE_OVERCURRENT)     # the charger's fault, 109.5.1 where that is told
NOTHING, DISCOVERY = "nothing", "discovery"


class ChargerSide(SideEnds):
    """`facts` is filled before each verb. Counters: `lost_events`; `cadence` has those of the frames."""

    def __init__(self, config: BridgeConfig, facts: SideFacts) -> None:
        self._poll = Timer()
        super().__init__(config, facts)

    def _begin_anew(self) -> None:
        super()._begin_anew()
        self.discovered = False                  # it has told what the bridge wanted to know
        self._discovery = False
        self.discharge = Discharging(self.config)
        self.told_voltage = self.told_current = self.threshold = 0.0     # in 0x108
        self._d1_at = self._permitted_at = self.d2_at = self.k_opened_at = NEVER
        self._asked_before = False               # it asked for current before d2 (an i-MiEV always does)
        self.requested_since = NEVER
        self._over_since = self._nothing_since = NEVER
        self._permissions = 0                    # frames in a row with k and 102.5.0
        self.allowed = 0                         # ns of charging
        self.charged = 0
        self._counted_at = 0
        self.rounds = self._rounds_before = 0    # of frames sent

    # --- what the task asks for

    @property
    def wants_d1(self) -> bool:
        return ROWS[self.state].d1

    @property
    def wants_d2(self) -> bool:
        return ROWS[self.state].d2

    @property
    def wants_lock(self) -> bool:
        return ROWS[self.state].lock

    @property
    def status(self) -> int:
        """109.5 as it is told now."""
        return telling.status(self)

    @property
    def closed(self) -> bool:
        """The car's contactors count as closed: the plug carries the battery's voltage."""
        return self.state in (Side.Mate, Side.WaitRequest, Side.Charge)

    @property
    def permitted(self) -> bool:
        """k and 102.5.0, and nothing has ended since."""
        return self.state in PERMITTED

    def says(self, now: int) -> VehicleSays:
        """What the vehicle says; current only while charging, and none once its frames fail to come (scenario 26)."""
        said = self.vehicle.says(now)
        if self.state is not Side.Charge or self._silent(now, t.SILENCE_NO_CURRENT):
            said.current_request = 0.0
        offer = self.facts.offer
        if self.state is Side.Charge and self.discharge.announced and offer is not None:
            said.max_discharge = self.discharge.allowed(self.vehicle, offer, now)
        if said.remaining_seconds is None and self.state is Side.Charge:
            said.remaining_seconds = telling.remaining(self)         # 101.3 is 0 with a Leaf: what is left of the time that it allows (sheet 3.5)
        return said

    def events(self) -> list:
        events, self._events = self._events, []
        return events

    def next_timer(self) -> int:
        return min(self._poll.at, self._limit.at, self._join.at, self.cadence.at if self.speaks else NEVER)

    @property
    def speaks(self) -> bool:
        """Nothing is sent before the vehicle has sent (sheet 1.1)."""
        return ROWS[self.state].speaks and self.vehicle.complete

    # --- the verbs

    def receive(self, message: wire.Message, now: int) -> None:
        """A frame of the vehicle. While nothing is wanted of it, it is not looked at."""
        if self.state in (Side.Idle, Side.Ended):
            return
        first = self.vehicle.discharge is None
        self.vehicle.receive(message, now)
        if first and self.vehicle.discharge is not None:
            most = self.config.discharge_a
            self._note("the car can discharge (0x200): %s", f"allowed in the charge up to {most:g} A" if most else "refused, bridge.discharge_a is 0", level="info")
        if type(message) is wire.VehicleStatus:
            both = self.facts.permission is True and message.status & wire.ENABLED > 0
            self._permissions = self._permissions + 1 if both else 0
            if self.reason is StopReason.CAR_STOP and self.state in STOPPING and now - self._ended_at <= t.SAYS_WHY:
                self.reason = judge.fault(message) or self.reason        # k opens up to one frame before 0x102 says why

    def handle_timer(self, now: int) -> None:
        """Time has passed, facts may have changed."""
        self._watch(now)
        for _ in range(len(ROWS)):               # a state may pass on at once
            before = self.state
            self._step(now)
            if self.state is before:
                break
        self._count(now)
        self._poll.arm(now, t.FACT_POLL) if self.state not in (Side.Idle, Side.Ended) else self._poll.cancel()

    def outgoing(self, now: int) -> list[wire.Message]:
        """The frames that are due now, in their order."""
        if not self.speaks:
            return []
        if not self.cadence.at:
            self.cadence.at = now - t.PHASE
        if not self.cadence.take(now):
            return []
        self.rounds += 1
        if self.vehicle.told_at == NEVER:
            self.vehicle.told_at = now
        if not (self.discharge.announced or self._discovery) and self.d2_at == NEVER:        # as what the car was told it stays
            self.discharge.announce(self.vehicle, now)
        telling.refresh(self)
        return telling.frames(self, now)

    # --- at each look

    def _watch(self, now: int) -> None:
        """What ends it whatever it waits for."""
        facts, state = self.facts, self.state
        offer = facts.offer
        if facts.permission is True:
            self.k_opened_at = NEVER
        elif self.k_opened_at == NEVER:
            self.k_opened_at = now
        if state not in STARTING and state is not Side.Charge:
            return
        if facts.trip:
            self._end(StopReason.SAFETY_TRIP, now, urgent=True, fault=True)
        elif offer is None:
            self._end(StopReason.INTERNAL_ERROR, now, urgent=True, fault=True)
        elif offer.stop is not None or offer.wanted == NOTHING:
            self._end(offer.stop or StopReason.USER_STOP, now)
        elif self._silent(now, t.SILENCE_LIMIT):
            self._fall_silent(now)
        elif state in PERMITTED:
            self._watch_vehicle(offer, now)

    def _fall_silent(self, now: int) -> None:
        self.faults |= wire.SYSTEM_MALFUNCTION
        self._note("no 0x102 for %d ms", (now - self.vehicle.status_at) // MS, level="error")
        self._end(StopReason.CAR_SILENT_CAN, now, urgent=True)

    def _watch_vehicle(self, offer: ChargerOffer, now: int) -> None:
        facts, vehicle = self.facts, self.vehicle
        charged = self.requested_since != NEVER
        if facts.permission is None:
            self._note("the input of switch k is not known: it counts as open", level="error")
            self._end(StopReason.NOT_CONFIRMED, now, fault=True)
            return
        why = judge.car_stop(vehicle, facts.permission, charged=charged, ignore_stop_before=self.config.ignore_stop_before)
        if why is StopReason.CAR_STOP and self._silent(now, t.SILENCE_NO_CURRENT):      # a car whose CAN is cut opens k after 1 s, as we end after 1 s
            self._fall_silent(now)
            return
        if why is not None and not (self._discovery and self.config.discovery_until == "k" and why is StopReason.CAR_STOP):
            if why is StopReason.CAR_STOP and facts.permission is not vehicle.bit(wire.ENABLED):
                self._note("switch k %s, 102.5.0 = %d", "closed" if facts.permission else "open", vehicle.bit(wire.ENABLED), level="info")
            self._end(why, now)
        elif self.state in (Side.Locked, Side.WaitPower) and facts.plug_voltage is not None and facts.plug_voltage > LIVE:
            self._end(StopReason.CAR_PLUG_LIVE, now, fault=True)
        elif self.state is Side.Charge:
            self._watch_power(offer, now)

    def _watch_power(self, offer: ChargerOffer, now: int) -> None:
        idles = self.discharge.idles(offer)
        flows = idles or offer.present_current >= FLOWS or not offer.delivering or min(self.vehicle.current_request, offer.current) < FLOWS
        if flows:
            self._nothing_since = NEVER
        elif self._nothing_since == NEVER:
            self._nothing_since = now
        elif now - self._nothing_since >= t.NO_CURRENT_LIMIT:
            self._note("the car asks for %.0f A, the charger is on and nothing flows for %d s", self.vehicle.current_request, t.NO_CURRENT_LIMIT // S)
            self._end(StopReason.CHARGER_NO_CURRENT, now)
            return
        voltage = self.facts.plug_voltage if self.facts.voltmeter else offer.present_voltage
        excess = self.discharge.excess(self.vehicle, offer, voltage, now)
        if excess is not None:
            self._note("%s", excess.text)
            self._end(excess.reason, now, urgent=excess.reason is StopReason.CHARGER_DRAWS, fault=excess.reason in DRAWN_WRONGLY)
            return
        why = judge.beyond(self.threshold, voltage)
        if why is not None:
            self._note("%.1f V at the output, the threshold is %.0f V", voltage, self.threshold)
            self._end(why, now)
        elif self.allowed and self.charged >= self.allowed:
            self._end(StopReason.CAR_TIME_OVER, now)
        elif not judge.overcurrent(self.vehicle, offer):
            self._over_since = NEVER
        elif self._over_since == NEVER:
            self._over_since = now
        elif now - self._over_since >= t.OVERCURRENT_HOLD:
            self._note("the charger delivers %.1f A, the car asks for %.0f A", offer.present_current, self.vehicle.current_request)
            self._end(StopReason.CHARGER_OVERCURRENT, now)

    def _count(self, now: int) -> None:
        """Charging time is counted while current flows (sheet 1.8)."""
        offer = self.facts.offer
        if self.state is Side.Charge and offer is not None and offer.present_current >= FLOWS:
            self.charged += now - self._counted_at
        self._counted_at = now

    # --- states

    def _step(self, now: int) -> None:
        if self._limit.take(now):
            self._limit_passed(now)
        elif self._join.take(now):
            if self.facts.joined is not True and self.closed:
                self._end(StopReason.BRIDGE_NOT_JOINED, now)
        else:
            getattr(self, "_in_" + self.state.name)(now)

    def _in_Idle(self, now: int) -> None:
        offer = self.facts.offer
        if offer is not None and offer.wanted != NOTHING and offer.stop is None and not self.facts.trip:
            self._begin_anew()
            self._discovery = offer.wanted == DISCOVERY
            self._enter(Side.D1On, now)

    def _in_Ended(self, now: int) -> None:
        offer = self.facts.offer
        if offer is not None and offer.wanted == NOTHING:
            self._enter(Side.Idle, now)

    def _in_D1On(self, now: int) -> None:
        if self.facts.d1 is not True:
            return
        if self._d1_at == NEVER:
            self._d1_at = now
            if self.facts.permission is True:            # 2.4.5
                self._end(StopReason.CAR_PERMISSION_STUCK, now)
                return
            self._limit.arm(now, t.FIRST_FRAME_LIMIT)
        vehicle = self.vehicle
        if vehicle.complete:
            self._enter(Side.Param, now, self._d1_at + self.config.permission_limit_s * S)
        elif vehicle.status is not None and now - vehicle.first_at >= t.SKEW:      # scenario 50
            self._note("the car has not sent %s: going on without", "0x101" if vehicle.times is None else "0x100")
            vehicle.limits = vehicle.limits or wire.BatteryLimits()
            vehicle.times = vehicle.times or wire.ChargingTime(wire.USE_COARSE, 0xFE)
            self._enter(Side.Param, now, self._d1_at + self.config.permission_limit_s * S)

    def _in_Param(self, now: int) -> None:
        if self.vehicle.status.protocol == judge.PRIVATE:            # such a car closes no k
            self._refuse(judge.incompatible(self.vehicle, self.facts.offer, self.config), now)
        elif self._permissions >= t.STABLE_FRAMES:
            self._permitted_at = now
            self._enter(Side.Check, now, max(now, self.vehicle.first_at + t.MAX_TIME_SETTLE))
        elif self._discovery and self.config.discovery_until == "k" and self.facts.permission is True and self._settled(now):
            self.vehicle.known_as = self.vehicle.fingerprint()
            self._found(now)

    def _settled(self, now: int) -> bool:
        return now - self.vehicle.first_at >= t.VALUES_SETTLE and self.vehicle.max_seconds > 0

    def _in_Check(self, now: int) -> None:
        if self._settled(now):
            self._judge(now)

    def _judge(self, now: int) -> None:
        self.vehicle.known_as = self.vehicle.fingerprint()
        telling.refresh(self)
        refusal = judge.incompatible(self.vehicle, self.facts.offer, self.config)
        if refusal is not None:
            self._refuse(refusal, now)
            return
        if self._discovery:
            self._found(now)
            return
        self.allowed = judge.longest(self.vehicle, self.config)
        self._enter(Side.Locked, now)

    def _refuse(self, refusal: judge.Refusal, now: int) -> None:
        self.faults |= wire.INCOMPATIBLE
        self._note("%s", refusal.text, level="error")
        self._end(refusal.reason, now)

    def _found(self, now: int) -> None:
        """The discovery has what it wanted."""
        self.discovered = True
        self._enter(Side.StopEnd, now)

    def _in_Locked(self, now: int) -> None:
        facts = self.facts
        dead = not facts.voltmeter or facts.plug_voltage is not None and abs(facts.plug_voltage) < DEAD
        if facts.locked is True and dead:
            self._enter(Side.WaitPower, now, self._permitted_at + t.POWER_LIMIT)
            self._rounds_before = self.rounds

    def _in_WaitPower(self, now: int) -> None:
        told = self.rounds > self._rounds_before             # the car has seen 0x24 before d2
        if told and self.facts.offer is not None and self.facts.offer.power_ready:
            self.vehicle.frozen_target = self.vehicle.target_voltage
            self._asked_before = self.vehicle.current_request > 0.0
            self._enter(Side.D2On, now)

    def _in_D2On(self, now: int) -> None:
        if self.facts.d2 is not True:
            return
        if self.d2_at == NEVER:
            telling.refresh(self)
            self.d2_at = now
            self._limit.arm(now, t.CONTACTOR_LIMIT)
        if self._vehicle_closed(now):
            self._enter(Side.Mate, now)
            if not self.facts.offer.joins_later:
                self._join.arm(now, t.JOIN_LIMIT)

    def _vehicle_closed(self, now: int) -> bool:
        """102.5.3 = 0, for older cars rule 8b; where a voltmeter is fitted the voltage has to be there, too."""
        facts, vehicle = self.facts, self.vehicle
        seen = facts.plug_voltage is not None and facts.plug_voltage > LIVE if facts.voltmeter else None
        if vehicle.tells_contactors:
            return vehicle.contactors_closed(now) is True and seen is not False
        if seen is not None:
            return seen
        asked = vehicle.current_request > 0.0 and not self._asked_before
        return asked or now - self.d2_at >= t.CONTACTOR_ASSUMED

    def _in_Mate(self, now: int) -> None:
        """The car's clock runs already: 0.5 s after its request the flag has to be there, joined or not."""
        closed_at = self._closed_at
        if self.facts.joined is True or self.facts.offer.joins_later:
            self._enter(Side.WaitRequest, now, closed_at + t.REQUEST_LIMIT)
        elif self._asks(now) and now - self.requested_since >= t.CHARGING_LIMIT - t.PERIOD:
            self._charge(now)

    def _asks(self, now: int) -> bool:
        if self.vehicle.current_request <= 0.0:
            return False
        if self.requested_since == NEVER:
            self.requested_since = now
        return True

    def _in_WaitRequest(self, now: int) -> None:
        if self._asks(now):
            self._charge(now)

    def _charge(self, now: int) -> None:
        self._counted_at = now
        self._enter(Side.Charge, now)

    def _in_Charge(self, now: int) -> None:
        """Watched in `_watch`."""
