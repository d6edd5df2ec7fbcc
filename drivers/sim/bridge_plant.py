"""The plant of a bridge: charger and inlet as ever, then the bridge contactor, the CHAdeMO plug, the vehicle's own contactors, the battery.

Theory of operation. `car_contactors` is the bridge contactor. Behind it lies a node more, the plug (1 uF and a bleed resistor); behind
that the vehicle's contactors. With both closed everything is as in a plant with one pair. With the bridge contactor closed alone the plug
hangs on the inlet; with the vehicle's closed alone it lies on the battery; with both open it decays. The vehicle's coils are fed through d1
and d2 (chademo sheet 2.1, 7.1), so they fall when either goes off, whatever the vehicle wants.
"""
from __future__ import annotations

from dataclasses import fields
from math import exp

from drivers.sim.actuator import Actuator
from drivers.sim.plant import INCIDENT_VOLTAGE, LIVE_VOLTAGE, Plant, PlantSnapshot
from drivers.sim.plant_config import PlantConfig
from kernel.record import dataclass
from kernel.timer import MS

DEAD_VOLTAGE = 0.01           # V: what is left of a decay counts as nothing
COIL_CURRENT = 2.0            # A: what a CHAdeMO charger must be able to feed between d1 and d2 (chademo sheet 7.1)
WEAK_CURRENT = 1.3            # A: at this an adapter in the field gave 9.4 V between d1 and d2, too little for a coil (chademo sheet 7.1)


@dataclass(slots=True)
class BridgeSnapshot(PlantSnapshot):
    """What is seen besides at the CHAdeMO plug; `vehicle_contactors`, `vehicle_lock` None while moving."""

    plug_voltage: float
    vehicle_plugged: bool
    vehicle_contactors: bool | None
    vehicle_lock: bool | None
    d1: bool
    d2: bool
    k: bool


COMMON = tuple(f.name for f in fields(PlantSnapshot))


class BridgePlant(Plant):
    """Plant whose battery lies behind two contactors in series. The box drives `car_contactors`, d1, d2 and `vehicle_lock`, the vehicle the rest.

    Faults: those of Plant; `vehicle_contactors` as every Actuator; `d_supply_weak`: no more than WEAK_CURRENT comes out of d1 and d2.
    """

    def __init__(self, config: PlantConfig | None = None, start: int = 0) -> None:
        """ValueError for a lamp in place of the battery: a lamp speaks no CHAdeMO."""
        c = config if config is not None else PlantConfig()
        if c.lamp_ohm:
            raise ValueError("plant.lamp_ohm: a bridge charges a vehicle, expected 0")
        self.plug_voltage = 0.0
        self.vehicle_plugged = c.vehicle_plugged
        self.vehicle_contactors = Actuator(c.contactor_close_ms * MS, c.contactor_open_ms * MS)
        self.vehicle_lock = Actuator(c.lock_travel_ms * MS, c.lock_travel_ms * MS)
        self.d1 = self.d2 = False
        self.k = False                          # the vehicle's switch; who reads it needs the plug as well
        self.d_supply_weak = False
        self.vehicle_coil_current = COIL_CURRENT
        self.vehicle_own_supply = False         # its contactors need neither d1 nor d2
        self._vehicle_wants = False
        self._plug_capacitance = c.vehicle_plug_capacitance_uf * 1e-6
        self._plug_tau = c.vehicle_plug_bleed_ohm * self._plug_capacitance
        inlet = c.inlet_capacitance_uf * 1e-6
        self._alone = (inlet, c.inlet_bleed_tau_s)
        together = inlet + self._plug_capacitance             # two capacitors and two resistors in parallel
        self._together = (together, together / (inlet / c.inlet_bleed_tau_s + 1.0 / c.vehicle_plug_bleed_ohm))
        super().__init__(c, start)
        self._actuators = (*self._actuators, self.vehicle_contactors, self.vehicle_lock)

    # --- topology -------------------------------------------------------------------------------------------------------

    @property
    def on_battery(self) -> bool:
        """The plug lies on the battery."""
        return self.vehicle_contactors.position and self.vehicle_plugged

    @property
    def joined(self) -> bool:
        """The battery is on the inlet: both contactors are closed and the plug is in the vehicle."""
        return self.car_contactors.position and self.vehicle_contactors.position and self.vehicle_plugged

    def _settled(self) -> bool:
        if not super()._settled():
            return False
        return self.car_contactors.position or self.on_battery or self.plug_voltage == 0.0

    def _step(self, dt: float) -> None:
        closed = self.car_contactors.position
        self._inlet_capacitance, self._inlet_tau = self._together if closed else self._alone
        super()._step(dt)
        if closed:
            self.plug_voltage = self.inlet_voltage
        elif self.on_battery:
            self.plug_voltage = self.battery.ocv()
        elif self.plug_voltage:
            voltage = self.plug_voltage * exp(-dt / self._plug_tau)
            self.plug_voltage = voltage if voltage > DEAD_VOLTAGE else 0.0

    # --- switching events -----------------------------------------------------------------------------------------------

    def _complete(self, actuator: Actuator, now: int) -> None:
        if actuator is not self.vehicle_contactors:
            super()._complete(actuator, now)
        elif actuator.complete() and self.vehicle_plugged:
            if actuator.position:
                self._meet_battery(now)
            else:
                self._interrupt(now, "vehicle_opened_under_current")

    def _close(self, now: int) -> None:
        """The bridge contactor makes contact: onto the battery, or onto an empty plug, whose 1 uF wears nothing."""
        if self.on_battery:
            super()._close(now)
            self.plug_voltage = self.inlet_voltage
        else:
            self._share()

    def _share(self) -> None:
        """Plug and inlet, with the charger where it is tied, become one node: the charge stays."""
        inlet = self._alone[0] + (self.stage.capacitance if self.tied else 0.0)
        plug = self._plug_capacitance
        self.plug_voltage = self.inlet_voltage = (inlet * self.inlet_voltage + plug * self.plug_voltage) / (inlet + plug)
        if self.tied:
            self.output_voltage = self.inlet_voltage

    def _meet_battery(self, now: int) -> None:
        """The vehicle's contacts touch. A dead plug with the bridge contactor open is what it expects (chademo sheet 3.1)."""
        ocv, closed = self.battery.ocv(), self.car_contactors.position
        if closed or self.plug_voltage > INCIDENT_VOLTAGE:
            difference = self.plug_voltage - ocv
            self.record(now, "vehicle_inrush", difference, abs(difference) > INCIDENT_VOLTAGE)
        self.plug_voltage = ocv
        if closed:
            self.inlet_voltage = ocv
            if self.tied:
                self.output_voltage = ocv

    def _join(self, now: int) -> None:
        self._inlet_capacitance = (self._together if self.car_contactors.position else self._alone)[0]
        super()._join(now)
        if self.car_contactors.position:
            self.plug_voltage = self.inlet_voltage

    # --- commands -------------------------------------------------------------------------------------------------------

    def set_sequence(self, now: int, *, d1: bool | None = None, d2: bool | None = None) -> None:
        """The box switches charge sequence signal 1 or 2; None leaves it."""
        self.d1 = self.d1 if d1 is None else d1
        self.d2 = self.d2 if d2 is None else d2
        self._feed(now)

    def want_vehicle_contactors(self, closed: bool, now: int) -> None:
        """What the vehicle wants of its own contactors; they follow while their coils are fed."""
        self._vehicle_wants = closed
        self._feed(now)

    def weaken_supply(self, now: int, weak: bool = True) -> None:
        """`d_supply_weak` comes or goes: a coil that needs more than WEAK_CURRENT falls."""
        self.d_supply_weak = weak
        self._feed(now)

    def _feed(self, now: int) -> None:
        enough = not self.d_supply_weak or self.vehicle_coil_current <= WEAK_CURRENT
        fed = self.vehicle_own_supply or self.d1 and self.d2 and self.vehicle_plugged and enough
        self.command(self.vehicle_contactors, self._vehicle_wants and fed, now)

    def plug_vehicle(self, now: int) -> None:
        """Put the CHAdeMO plug into the vehicle."""
        if self.vehicle_plugged:
            return
        self.touch(now)
        self.vehicle_plugged = True
        if self.vehicle_contactors.position:
            self._meet_battery(now)

    def unplug_vehicle(self, now: int, force: bool = False) -> bool:
        """Pull the CHAdeMO plug; False when its lock holds it. `force` breaks the lock, and that is recorded."""
        self.touch(now)
        if not self.vehicle_plugged:
            return True
        if self.vehicle_lock.position:
            if not force:
                return False
            self.record(now, "vehicle_unplugged_locked", 0.0, True)
        if self.plug_voltage > LIVE_VOLTAGE:
            self.record(now, "vehicle_unplugged_live", self.plug_voltage, True)
        self._interrupt(now, "vehicle_unplugged_under_current")
        self.vehicle_plugged = False
        self._feed(now)
        return True

    def snapshot(self, now: int) -> BridgeSnapshot:
        base = super().snapshot(now)
        return BridgeSnapshot(
            *[getattr(base, name) for name in COMMON], plug_voltage=self.plug_voltage, vehicle_plugged=self.vehicle_plugged,
            vehicle_contactors=self.vehicle_contactors.feedback(), vehicle_lock=self.vehicle_lock.feedback(), d1=self.d1, d2=self.d2, k=self.k)
