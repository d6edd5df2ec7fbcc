"""The supervisor of a bridge: towards the charger it is the car's, and beside it stands the vehicle's side. Pure, as both are."""
from __future__ import annotations

from tasks.safety.bridge_trips import BRIDGE_PERMITS, bridge_trips
from tasks.safety.config import BridgeLimits, SafetyConfig
from tasks.safety.facts import BridgeFacts, BridgeOutputs, BridgeRequests, PevRequests, SafetyState
from tasks.safety.supervisor import PevSupervisor
from tasks.safety.trips import STALLED
from tasks.safety.vehicle_side import VehicleSide

NOT_SWITCHED_ON = next(row for row in BRIDGE_PERMITS if row.name == "vehicle_switched_on")


class BridgeSupervisor(PevSupervisor):
    """`facts.battery_voltage` is what stands at the CHAdeMO plug; the contactor is the one that joins the two sides."""

    outputs: BridgeOutputs

    def __init__(self, config: SafetyConfig) -> None:
        limits = BridgeLimits(config.pev, config.bridge)
        super().__init__(limits, BRIDGE_PERMITS, bridge_trips(limits), BridgeOutputs())
        self.vehicle = VehicleSide(limits, self.outputs, self.report)
        self._joined = PevRequests()               # what the car's part is asked: no contactor without d1 and d2
        self._voltmeter = config.bridge.vehicle_voltmeter_fitted

    def step(self, facts: BridgeFacts, requests: BridgeRequests, now: int) -> BridgeOutputs:
        """Contactor and pilot first, then d2, d1 and the CHAdeMO plug, which follow them."""
        vehicle, joined, before = self.vehicle, self._joined, self.state
        facts.plug_was_dead = vehicle.plug_was_dead
        joined.pilot_c, joined.wake, joined.lock, joined.lapsed = requests.pilot_c, requests.wake, requests.lock, requests.lapsed
        joined.contactors = requests.contactors and vehicle.keeps(requests)
        self._hold_back(None)                      # the car's part says anew what it waits for, or the vehicle's side does
        super().step(facts, joined, now)
        if self.state is SafetyState.Ready and requests.contactors and not joined.contactors:
            self._hold_back(NOT_SWITCHED_ON)
        if self.state is SafetyState.Closing and before is not SafetyState.Closing and not self._voltmeter:
            self.report.tell("closing without a voltmeter at the CHAdeMO plug: %s V taken for the car's battery (unverified)", facts.battery_voltage, level="warning")
        vehicle.step(facts, requests, bool(self.latch.trips), now)
        if not self.blocked:
            self._hold_back(vehicle.lacking(facts, requests))
        return self.outputs

    def stalled(self, facts: BridgeFacts, now: int) -> None:
        """As a car's; a vehicle that is switched on must not be left alone either, in whatever state the CCS side is."""
        if (self.state is not SafetyState.Idle or self.outputs.d1) and self.latch.latch(STALLED, now):
            self._stop_or_trip(facts, now)

    def next_timer(self) -> int:
        return min(super().next_timer(), self.vehicle.next_timer())
