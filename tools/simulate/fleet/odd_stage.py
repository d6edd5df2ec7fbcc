"""A power stage with habits: overshoot, no regulation without load, more current than asked for, voltage that stays."""
from __future__ import annotations

from math import exp

from drivers.sim.power_stage import PowerStage
from tools.simulate.fleet.traits import ChargerTraits


class OddStage(PowerStage):
    """Takes over rates and limits of `plain`. Deeds set `excess` (A), `dead`, `keeps_voltage` and the faults of PowerStage."""

    __slots__ = ("excess", "dead", "keeps_voltage", "_traits", "_overshoot")

    def __init__(self, plain: PowerStage, traits: ChargerTraits) -> None:
        for name in PowerStage.__slots__:
            setattr(self, name, getattr(plain, name))
        self.excess = 0.0
        self.dead = False
        self.keeps_voltage = False
        self._traits = traits
        self._overshoot = 0.0            # V that are left of the last one

    def command(self, on: bool, voltage: float, current: float) -> bool:
        if self.keeps_voltage and self.on and not on:
            on, voltage, current = True, self.voltage, 0.0
        if on and voltage > (self.voltage if self.on else 0.0):
            self._overshoot = self._traits.overshoot_v
        return super().command(on, voltage, current)

    def regulated_voltage(self) -> float:
        if self.dead:
            return 0.0
        if self.on and self.current <= 0.0 and (self._traits.holds_at_zero or self.keeps_voltage):
            return self.voltage + self.voltage_offset
        plain = super().regulated_voltage()
        return plain + self._overshoot + self._traits.idle_offset_v if plain > 0.0 else plain

    def unloaded(self, voltage: float, capacitance: float, dt: float) -> float:
        after = super().unloaded(voltage, capacitance, dt)
        if self._overshoot:
            self._overshoot *= exp(-dt / self._traits.overshoot_tau_s)
            if self._overshoot < 0.1:
                self._overshoot = 0.0
        return after

    def target_current(self, emf: float, resistance: float) -> float:
        wanted = super().target_current(emf, resistance)
        return wanted + self.excess if wanted > 0.0 else wanted
