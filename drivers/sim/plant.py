"""The physics of one charger and one car joined by a cable; integrated lazily to the time at which somebody looks.

Theory of operation. Two voltages have memory: the charger's output capacitor and the inlet's. They are one node while
the plug is in and the charger's output contactor is closed. With the car's contactors closed the node sits on the
battery (its time constant, 100 uF behind 0.1 Ohm, is far below anything that is looked at) and the power stage decides
the current. Every piece between two switching events has a closed form; only the state of charge needs steps.
While everything has settled the plant is integrated every 200 ms only, which keeps 50 ms sampling cheap.
"""
from __future__ import annotations

from heapq import heappop, heappush
from math import exp
from typing import Callable

from drivers.interfaces import PilotState
from drivers.sim.ac_path import AcPath
from drivers.sim.actuator import Actuator
from drivers.sim.battery import CURVES, Battery
from drivers.sim.lamp import Lamp
from drivers.sim.pilot import Pilot
from drivers.sim.plant_config import PlantConfig
from drivers.sim.power_stage import PowerStage
from kernel.record import dataclass
from kernel.timer import MS, NEVER, S

QUIET = 200 * MS           # grid of slow quantities (SoC, temperature) while all fast ones have settled
CHARGING_STEP = S          # longest piece over which the open circuit voltage counts as constant
MAX_STEPS = 1000           # pieces per gap, however long it was
MAX_EVENTS = 256           # incidents kept; later ones are counted only
INCIDENT_VOLTAGE = 20.0    # V: closing with more than the +-20 V of the safety sheet S1 is damage
INCIDENT_CURRENT = 1.0     # A: opening above this is recorded (S5)
DAMAGE_CURRENT = 5.0       # A: opening above this is damage (S5, emergency threshold)
LIVE_VOLTAGE = 60.0        # V: touching or unlocking above this is an incident (S6)


@dataclass(slots=True)
class Incident:
    """Something that wears or destroys: `value` in A or V as `kind` says."""

    at: int
    kind: str          # inrush | opened_under_current | unplugged_under_current | unplugged_live | unplugged_locked | ac_... (AC) | vehicle_... (bridge)
    value: float
    damage: bool


@dataclass(slots=True)
class PlantSnapshot:
    """Everything visible at one instant: V, A, degC, percent, Wh, Ohm; actuators None while moving."""

    at: int
    plugged: bool
    pilot_state: PilotState
    pilot_duty: float | None
    stage_on: bool
    set_voltage: float
    set_current: float
    output_voltage: float
    output_current: float
    output_contactor: bool | None
    inlet_voltage: float
    inlet_current: float
    inlet_temperature: float
    car_contactors: bool | None
    car_lock: bool | None
    charger_lock: bool | None
    battery_voltage: float
    soc_percent: float
    delivered_wh: float
    stored_wh: float
    lost_wh: float
    isolation: float
    damage: int


class Plant:
    """One charger, one cable, one car. Drivers in drivers/sim read and command it; tests set its faults."""

    def __init__(self, config: PlantConfig | None = None, start: int = 0) -> None:
        c = self.config = config if config is not None else PlantConfig()
        self.time = start
        self.battery: Battery | Lamp = Lamp(c.lamp_ohm, c.lamp_voltage_v, c.lamp_current_a) if c.lamp_ohm else Battery(
            cells=c.battery_cells, capacity=c.battery_capacity_wh, resistance=c.battery_resistance_ohm, soc=c.battery_soc_percent,
            max_current=c.battery_max_current_a, max_power=c.battery_max_power_w, taper_from=c.battery_taper_from_percent,
            taper_to=c.battery_taper_to_percent / 100.0, curve=CURVES[c.battery_curve])
        self.stage = PowerStage(
            max_voltage=c.stage_max_voltage_v, max_current=c.stage_max_current_a, max_power=c.stage_max_power_w,
            voltage_rate=c.stage_voltage_rate_v_per_s, current_rate_up=c.stage_current_rate_up_a_per_s,
            current_rate_down=c.stage_current_rate_down_a_per_s, current_rate_off=c.stage_current_rate_off_a_per_s,
            capacitance=c.stage_capacitance_uf * 1e-6, bleed=c.stage_bleed_ohm, discharge=c.stage_discharge_ohm)
        self.car_contactors = Actuator(c.contactor_close_ms * MS, c.contactor_open_ms * MS)
        self.output_contactor = Actuator(c.contactor_close_ms * MS, c.contactor_open_ms * MS, position=not c.output_contactor)
        self.car_lock = Actuator(c.lock_travel_ms * MS, c.lock_travel_ms * MS)
        self.charger_lock = Actuator(c.lock_travel_ms * MS, c.lock_travel_ms * MS)
        self.pilot = Pilot()
        self.output_voltage = 0.0
        self.inlet_voltage = 0.0
        self.current = 0.0
        self.inlet_temperature = c.ambient_temperature_c
        self.isolation = c.isolation_ohm
        self.supply_voltage = 13.5     # V: a vehicle's 12 V system with the DC/DC converter running
        self.stop_button = False
        self.charger_stop_button = False
        self.delivered = 0.0       # J out of the charger's terminals
        self.stored = 0.0          # J of open circuit voltage times charge
        self.lost = 0.0            # J in cable and battery resistance
        self.incidents: list[Incident] = []
        self.damage = 0
        self.integrations = 0
        self._inlet_capacitance = c.inlet_capacitance_uf * 1e-6
        self._inlet_tau = c.inlet_bleed_tau_s
        self._cable_resistance = c.cable_resistance_ohm
        self._heating = c.inlet_heating_k_per_a2
        self._heat_tau = c.inlet_heat_tau_s
        self._ambient = c.ambient_temperature_c
        self.ac = AcPath(self)
        self._actuators = (self.car_contactors, self.output_contactor, self.car_lock, self.charger_lock, self.ac.contactor)
        self._schedule: list[tuple[int, int, Callable[[int], object]]] = []
        self._sequence = 0
        self._happens_at = NEVER
        self._quiet_until = start + 1
        self._drifting = False     # the current follows its target exactly, which itself drifts with the state of charge
        if c.plugged:
            self.plug(start)

    # --- time -----------------------------------------------------------------------------------------------------

    def advance(self, to: int) -> None:
        """Let time pass until `to` ns; earlier times change nothing."""
        if to >= self._quiet_until:
            self._integrate(to)

    def touch(self, now: int) -> None:
        """Integrate exactly to `now` because something is about to change; the plant is no longer quiet."""
        if now > self.time:
            self._integrate(now)
        self._quiet_until = self.time + 1

    def next_event(self) -> int:
        """When something scheduled happens or a travel ends; NEVER otherwise. With `deliver` the plant is a Source of a World."""
        return self._happens_at

    def deliver(self, now: int) -> None:
        self.advance(now)

    def at(self, when: int, action: Callable[[int], object]) -> None:
        """Call `action(when)` when the plant's time reaches it: plug, unplug, a fault. Equal times keep the order of the calls."""
        self._sequence += 1
        heappush(self._schedule, (when, self._sequence, action))
        self._plan()

    def _plan(self) -> None:
        at = self._schedule[0][0] if self._schedule else NEVER
        for actuator in self._actuators:
            if actuator.done_at < at:
                at = actuator.done_at
        self._happens_at = at
        if at < self._quiet_until:
            self._quiet_until = at

    def _integrate(self, to: int) -> None:
        self.integrations += 1
        time = self.time
        longest = max(CHARGING_STEP, (to - time) // MAX_STEPS)
        while time < to:
            end = min(to, max(self._happens_at, time))
            if end - time > longest and (self.joined or self.ac.contactor.position):
                end = time + longest
            if end > time:
                self._step((end - time) * 1e-9)
            self.time = time = end
            if self._happens_at <= time:
                self._happen(time)
        # on a grid, so that everybody who samples at the same instants sees a change at the same instant
        self._quiet_until = min((time // QUIET + 1) * QUIET, self._happens_at) if self._settled() else time + 1

    def _settled(self) -> bool:
        if self.ac.contactor.position and not self.ac.settled():
            return False
        if self.joined:
            if self.tied:
                return self._drifting
            return self.output_voltage == self.stage.regulated_voltage()
        return self.output_voltage == self.stage.regulated_voltage() and (self.tied or self.inlet_voltage == 0.0)

    # --- the pieces between two switching events ----------------------------------------------------------------------

    @property
    def tied(self) -> bool:
        """The charger's terminals and the inlet are one node."""
        return self.pilot.plugged and self.output_contactor.position

    @property
    def joined(self) -> bool:
        """The battery is on the inlet."""
        return self.car_contactors.position

    def _step(self, dt: float) -> None:
        stage = self.stage
        squared = 0.0                                   # integral of I^2 dt
        if self.ac.contactor.position:
            self._store(self.ac.step(dt))
        if self.joined:
            battery = self.battery
            ocv = battery.ocv()
            if self.tied:
                squared = self._charge(ocv, dt)
            else:
                self.inlet_voltage = ocv
                self.output_voltage = stage.unloaded(self.output_voltage, stage.capacitance, dt)
        elif self.tied:
            voltage = stage.unloaded(self.output_voltage, stage.capacitance + self._inlet_capacitance, dt)
            self.output_voltage = self.inlet_voltage = voltage
        else:
            self.output_voltage = stage.unloaded(self.output_voltage, stage.capacitance, dt)
            if self.inlet_voltage:
                voltage = self.inlet_voltage * exp(-dt / self._inlet_tau)
                self.inlet_voltage = voltage if voltage > 0.01 else 0.0
        hot = self._ambient + self._heating * squared / dt
        if hot != self.inlet_temperature:
            self.inlet_temperature = hot + (self.inlet_temperature - hot) * exp(-dt / self._heat_tau)

    def _store(self, joule: float) -> None:
        """What the on-board charger brings into the battery; its losses are its efficiency."""
        if joule:
            self.battery.add(joule / self.battery.ocv())
            self.stored += joule

    def _charge(self, ocv: float, dt: float) -> float:
        """Current flows into the battery for `dt` s; returns the integral of its square."""
        stage = self.stage
        battery = self.battery
        resistance = self._cable_resistance + battery.resistance
        start = self.current
        target = stage.target_current(ocv, resistance)
        self._drifting = False
        if start == target:
            self._drifting = True
            charge = target * dt
            squared = target * charge
        else:
            rate = stage.rate(start, target)
            ramp = abs(target - start) / rate
            if ramp > dt:
                end = start + rate * dt if target > start else start - rate * dt
                charge = (start + end) * 0.5 * dt
                squared = (start * start + start * end + end * end) / 3.0 * dt
                target = end
            else:
                self._drifting = True
                charge = (start + target) * 0.5 * ramp + target * (dt - ramp)
                squared = (start * start + start * target + target * target) / 3.0 * ramp + target * target * (dt - ramp)
        self.current = target
        before = battery.soc
        battery.add(charge)
        if battery.soc != before:
            end_ocv = battery.ocv()
            self.stored += (ocv + end_ocv) * 0.5 * charge
            ocv = end_ocv
        self.lost += squared * resistance
        self.delivered = self.stored + self.lost
        self.inlet_voltage = ocv + target * battery.resistance
        self.output_voltage = ocv + target * resistance
        return squared

    # --- switching events -----------------------------------------------------------------------------------------

    def _happen(self, now: int) -> None:
        for actuator in self._actuators:
            if actuator.done_at <= now:
                self._complete(actuator, now)
        while self._schedule and self._schedule[0][0] <= now:
            when, _, action = heappop(self._schedule)
            action(when)
        self._plan()

    def _complete(self, actuator: Actuator, now: int) -> None:
        tied = self.tied
        if not actuator.complete():
            return
        if actuator is self.car_contactors:
            if actuator.position:
                self._close(now)
            else:
                self._interrupt(now, "opened_under_current")
        elif actuator is self.output_contactor:
            if tied and not self.tied:
                self._interrupt(now, "opened_under_current")
            elif not tied and self.tied:
                self._join(now)
        elif actuator is self.ac.contactor:
            self.ac.moved(now)

    def _close(self, now: int) -> None:
        """The car's contactors make contact: the node is pulled to the battery; a lamp pulls nothing."""
        battery = self.battery
        held = battery.precharge_voltage()
        difference = self.inlet_voltage - held
        self.record(now, "inrush", difference, abs(difference) > INCIDENT_VOLTAGE)
        if 0 < self.config.weld_above_v < abs(difference):
            self.car_contactors.welded = True
        self.current = battery.closing_current(self.inlet_voltage) if self.tied else 0.0
        self.inlet_voltage = battery.ocv() + self.current * battery.resistance
        if self.tied:
            self.output_voltage = self.inlet_voltage

    def _interrupt(self, now: int, kind: str) -> None:
        """A contact opens; whatever current flowed is broken by an arc."""
        if abs(self.current) > INCIDENT_CURRENT:
            self.record(now, kind, self.current, abs(self.current) > DAMAGE_CURRENT)
        self.current = 0.0
        self._drifting = False

    def _join(self, now: int) -> None:
        """Charger and inlet become one node: their capacitors share the charge, or the battery pulls both."""
        if self.joined:
            self.record(now, "inrush", self.output_voltage - self.inlet_voltage, abs(self.output_voltage - self.inlet_voltage) > INCIDENT_VOLTAGE)
            self.output_voltage = self.inlet_voltage
            return
        c1, c2 = self.stage.capacitance, self._inlet_capacitance
        self.output_voltage = self.inlet_voltage = (c1 * self.output_voltage + c2 * self.inlet_voltage) / (c1 + c2)

    def record(self, now: int, kind: str, value: float, damage: bool) -> None:
        """Something that wears or destroys has happened."""
        self.damage += damage
        if len(self.incidents) < MAX_EVENTS:
            self.incidents.append(Incident(now, kind, value, damage))

    # --- commands -------------------------------------------------------------------------------------------------

    def command(self, actuator: Actuator, on: bool, now: int) -> None:
        """Move a contactor or a lock."""
        if on == actuator.commanded:
            return
        self.touch(now)
        actuator.command(on, now)
        self._plan()

    def command_stage(self, on: bool, voltage: float, current: float, now: int) -> None:
        """New set points of the power stage."""
        stage = self.stage
        if on == stage.on and voltage == stage.voltage and current == stage.current:
            return
        self.touch(now)
        stage.command(on, voltage, current)

    def plug(self, now: int) -> None:
        """Put the plug into the inlet."""
        if self.pilot.plugged:
            return
        self.touch(now)
        self.pilot.plugged = True
        self.pilot.update()
        if self.tied:
            self._join(now)

    def unplug(self, now: int, force: bool = False) -> bool:
        """Pull the plug; False when a lock holds it. `force` breaks the lock, and that is recorded."""
        self.touch(now)
        if not self.pilot.plugged:
            return True
        if self.car_lock.position or self.charger_lock.position:
            if not force:
                return False
            self.record(now, "unplugged_locked", 0.0, True)
        if self.inlet_voltage > LIVE_VOLTAGE:
            self.record(now, "unplugged_live", self.inlet_voltage, True)
        self._interrupt(now, "unplugged_under_current")
        self.pilot.plugged = False
        self.pilot.update()
        self.ac.unplugged(now)
        return True

    def break_pilot(self, now: int, broken: bool = True) -> None:
        """Interrupt (or mend) the pilot wire."""
        self.touch(now)
        self.pilot.broken = broken
        self.pilot.update()

    def snapshot(self, now: int) -> PlantSnapshot:
        """Everything a display wants, at `now`."""
        self.advance(now)
        stage, pilot = self.stage, self.pilot.at_charger
        return PlantSnapshot(
            at=now, plugged=self.pilot.plugged, pilot_state=pilot.state, pilot_duty=pilot.duty_percent, stage_on=stage.on,
            set_voltage=stage.voltage, set_current=stage.current, output_voltage=self.output_voltage, output_current=self.current,
            output_contactor=self.output_contactor.feedback(), inlet_voltage=self.inlet_voltage,
            inlet_current=self.current if self.car_contactors.position else 0.0, inlet_temperature=self.inlet_temperature,
            car_contactors=self.car_contactors.feedback(), car_lock=self.car_lock.feedback(), charger_lock=self.charger_lock.feedback(),
            battery_voltage=self.battery.ocv() + self.current * self.battery.resistance, soc_percent=self.battery.soc,
            delivered_wh=self.delivered / 3600.0, stored_wh=self.stored / 3600.0, lost_wh=self.lost / 3600.0, isolation=self.isolation,
            damage=self.damage)
