"""The charger's power stage: regulates voltage and current within limits and ramps, sources current only; a bidirectional one also draws."""
from __future__ import annotations

from math import exp


class PowerStage:
    """Set points and rates; the plant keeps the state (voltage of the output capacitor, current). V, A, W, F, Ohm, s.

    `draw`: A that a bidirectional one takes out of a battery while it is on, whatever is asked of it; 0: it charges.

    Faults: `stuck_on` (ignores off and lower set points), `voltage_offset` (regulates this much too high), `refuses` (set and off fail).
    """

    __slots__ = ("max_voltage", "max_current", "max_power", "voltage_rate", "current_rate_up", "current_rate_down", "current_rate_off",
                 "capacitance", "bleed", "discharge", "on", "voltage", "current", "draw", "stuck_on", "voltage_offset", "refuses")

    def __init__(self, *, max_voltage: float, max_current: float, max_power: float, voltage_rate: float, current_rate_up: float,
                 current_rate_down: float, current_rate_off: float, capacitance: float, bleed: float, discharge: float) -> None:
        """`bleed`: resistance across the output while on, `discharge`: while off (active discharge)."""
        self.max_voltage = max_voltage
        self.max_current = max_current
        self.max_power = max_power
        self.voltage_rate = voltage_rate
        self.current_rate_up = current_rate_up
        self.current_rate_down = current_rate_down
        self.current_rate_off = current_rate_off
        self.capacitance = capacitance
        self.bleed = bleed
        self.discharge = discharge
        self.on = False
        self.voltage = 0.0
        self.current = 0.0
        self.draw = 0.0
        self.stuck_on = False
        self.voltage_offset = 0.0
        self.refuses = False

    def command(self, on: bool, voltage: float, current: float) -> bool:
        """New set points, clamped to what the stage can do; False when nothing changes by it."""
        if self.stuck_on and self.on and not on:
            return False
        voltage = min(max(voltage, 0.0), self.max_voltage)
        current = min(max(current, 0.0), self.max_current)
        if on == self.on and voltage == self.voltage and current == self.current:
            return False
        self.on, self.voltage, self.current = on, voltage, current
        return True

    def regulated_voltage(self) -> float:
        """Where an unloaded output goes: 0 when off or when no current is allowed at all."""
        return self.voltage + self.voltage_offset if self.on and self.current > 0.0 else 0.0

    def target_current(self, emf: float, resistance: float) -> float:
        """Current into a source of `emf` behind `resistance`: the lowest of set current, set voltage and power; negative only while it draws."""
        if not self.on:
            return 0.0
        if self.draw > 0.0:
            return -min(self.draw, self.max_power / emf)
        wanted = min(self.current, (self.voltage + self.voltage_offset - emf) / resistance)
        if wanted * emf > self.max_power:
            wanted = self.max_power / emf
        return wanted if wanted > 0.0 else 0.0

    def rate(self, present: float, target: float) -> float:
        """A/s towards the target; what falls is the magnitude, in either direction."""
        if abs(target) >= abs(present):
            return self.current_rate_up
        return self.current_rate_down if self.on else self.current_rate_off

    def unloaded(self, voltage: float, capacitance: float, dt: float) -> float:
        """The voltage of an output without a load after `dt` s: a ramp up, an exponential decay down."""
        target = self.regulated_voltage()
        if voltage < target:
            rate = min(self.voltage_rate, self.current / capacitance)
            return min(target, voltage + rate * dt)
        if voltage > target:
            tau = (self.bleed if self.on else self.discharge) * capacitance
            voltage *= exp(-dt / tau)
            return max(target, voltage) if voltage > 0.01 else target
        return voltage
