"""The charger's cable check: raise the output, watch the insulation, discharge, and say what was found.

Sources: voltage S13, duration S14, IMD threshold S20, 60 V before Finished S6 (safety-security-needs sheet 4.3).
"""
from __future__ import annotations

from enum import Enum, auto
from typing import Any

from drivers.interfaces import PilotState
from kernel.timer import MS, S
from tasks.v2g import timing as t
from tasks.v2g.config import EvseConfig
from tasks.v2g.facts import EvseFacts

CABLE_CHECK_CURRENT = 1.0        # A: charges the cable's and inlet's capacitors, nothing else may draw current
REACHED_WITHIN = 20.0            # V below the wanted voltage that count as reached (S15: accuracy 10 V)
DISCHARGED_VOLTAGE = 60.0        # S6
SMALL_EV_VOLTAGE = 500.0         # S13: the rule changes here
READY_STATES = (PilotState.C, PilotState.D)


def cable_check_voltage(ev_max: float, evse_max: float) -> float:
    """V. S13: up to 500 V cars min(500, EVmax + 50, EVSEmax), else min(EVSEmax, 1.1 EVmax)."""
    if ev_max <= SMALL_EV_VOLTAGE:
        return min(500.0, ev_max + 50.0, evse_max)
    return min(evse_max, 1.1 * ev_max)


class Step(Enum):
    WaitStateC = auto()
    Raising = auto()
    Measuring = auto()
    Discharging = auto()
    Finished = auto()
    Failed = auto()


class CableCheck:
    """Driven by `step`; `wants_output` is (V, A) or None; `level` and `failure` tell the result."""

    __slots__ = ("step_name", "level", "failure", "wants_output", "voltage", "_config", "_deadline", "_pilot_deadline",
                 "_measured_from", "_unknown_from", "_levels")

    def __init__(self, config: EvseConfig, ev_max_voltage: float, now: int, levels: Any) -> None:
        """`levels`: isolationLevel of the protocol that is spoken."""
        self._levels = levels
        self._config = config
        self.voltage = cable_check_voltage(ev_max_voltage, config.max_voltage_v)
        self.step_name = Step.WaitStateC
        self.level = levels.Invalid
        self.failure = ""
        self.wants_output: tuple[float, float] | None = None
        self._deadline = now + t.V2G_SECC_CableCheck_Performance
        self._pilot_deadline = now + t.V2G_SECC_CPState_Detection_Timeout
        self._measured_from: int | None = None
        self._unknown_from: int | None = None

    @property
    def done(self) -> bool:
        return self.step_name in (Step.Finished, Step.Failed)

    def step(self, facts: EvseFacts, now: int) -> None:
        """Let time pass; bounded by V2G_SECC_CableCheck_Performance."""
        if self.done:
            return
        if now >= self._deadline:
            self._fail("not finished in %d s, in step %s" % ((t.V2G_SECC_CableCheck_Performance // (1000 * MS)), self.step_name.name))
        elif self.step_name is Step.WaitStateC:
            if facts.pilot in READY_STATES:
                self.step_name = Step.Raising
                self.wants_output = (self.voltage, CABLE_CHECK_CURRENT)
            elif now >= self._pilot_deadline:
                self._fail("car is not in state C")
        elif facts.pilot is not None and facts.pilot not in READY_STATES:
            self._fail("car left state C")
        elif self._blind(facts, now):
            self._fail("output voltage unknown for %d s" % (t.MEASUREMENT_LIMIT // S))
        elif self.step_name is Step.Raising:
            if facts.output_voltage is not None and facts.output_voltage >= self.voltage - REACHED_WITHIN:
                self.step_name = Step.Measuring
        elif self.step_name is Step.Measuring:
            self._measure(facts, now)
        elif facts.output_voltage is not None and facts.output_voltage < DISCHARGED_VOLTAGE:
            if self.level is self._levels.Fault:
                self._fail("insulation fault")
            else:
                self.step_name = Step.Finished

    def _blind(self, facts: EvseFacts, now: int) -> bool:
        """The output's voltmeter has been silent too long: no step can end without it."""
        if facts.output_voltage is not None:
            self._unknown_from = None
        elif self._unknown_from is None:
            self._unknown_from = now
        return self._unknown_from is not None and now - self._unknown_from >= t.MEASUREMENT_LIMIT

    def _measure(self, facts: EvseFacts, now: int) -> None:
        """The insulation counts once it has been known without a gap for the whole window; the last value decides."""
        if facts.isolation is None:
            self._measured_from = None
            return
        if self._measured_from is None:
            self._measured_from = now
        if now - self._measured_from < self._config.isolation_measure_ms * MS:
            return
        if facts.isolation < self._config.isolation_fault_ohm:
            self.level = self._levels.Fault
        elif facts.isolation < self._config.isolation_warning_ohm:
            self.level = self._levels.Warning
        else:
            self.level = self._levels.Valid
        self.wants_output = None
        self.step_name = Step.Discharging

    def _fail(self, text: str) -> None:
        self.failure = text
        self.wants_output = None
        self.step_name = Step.Failed
