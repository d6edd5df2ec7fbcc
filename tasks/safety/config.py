"""Settings of the supervisors: `high` and `low` are the hard limits of this code, configuration can only stay inside them."""
from __future__ import annotations

import dataclasses
from dataclasses import field

from kernel.record import dataclass, settings_class
from kernel.settings import setting


def check_ranges(config: object) -> None:
    """ValueError when a value is outside its declared range; also for configurations that were built in code."""
    for f in dataclasses.fields(config):      # type: ignore[arg-type]
        value, low, high, choices = getattr(config, f.name), f.metadata["low"], f.metadata["high"], f.metadata["choices"]
        if (low is not None and not value >= low) or (high is not None and not value <= high) or (choices is not None and value not in choices):
            raise ValueError(f"safety: {f.name} = {value!r} is not allowed (range {low} to {high}, choices {choices})")


# Ceilings by source (safety sheet 4.3): S1 +-20 V; S5 1 A, 5 A, "below 5 A within 1 s"; S6 60 V; S18 70 degC default, 90 degC pin limit;
# S20 insulation 50 to 500 kOhm; S12 over-voltage classes. 2 s: field error end (field sheet 3, pyPLC waits 2.0 s after state B).

@settings_class(slots=True)
class PevSafetyConfig:
    """Section `safety.pev`: the car's supervisor."""

    match_v: float = setting(10.0, unit="V", low=1, high=20, meaning="close only when inlet and battery differ by no more than this")
    mismatch_v: float = setting(20.0, unit="V", low=5, high=20, meaning="closed: trip when inlet and battery differ by more than this for 1 s")
    contactor_travel_ms: int = setting(200, unit="ms", low=20, high=500, meaning="after a command the contactors must have confirmed within this time")
    current_wait_ms: int = setting(3000, unit="ms", low=500, high=3000, meaning="normal end: the current must be gone this long after state B, or it is an emergency")
    emergency_open_ms: int = setting(1500, unit="ms", low=1000, high=2000, meaning="emergency: open this long after state B although current flows (chargers get 1 s)")
    unverified_wait_ms: int = setting(2000, unit="ms", low=2000, high=5000, meaning="without a current sensor: open this long after state B")
    decay_ms: int = setting(30_000, unit="ms", low=1000, high=60_000, meaning="after opening, the inlet must be below unlock_v within this time")
    unlock_v: float = setting(60.0, unit="V", low=5, high=60, meaning="unlock only below this inlet voltage")
    voltage_sensor_fitted: bool = setting(True, meaning="the board measures the inlet voltage; false: the charger's word is taken for it, UNVERIFIED")
    unverified_decay_ms: int = setting(10_000, unit="ms", low=5000, high=60_000, meaning="without a voltage sensor: the inlet counts as discharged this long after opening")
    derate_from_c: float = setting(60.0, unit="degC", low=20, high=85, meaning="above this inlet temperature less current is asked for, none at inlet_max_temperature_c")
    supply_sensor_fitted: bool = setting(False, meaning="the board measures its own supply")
    supply_min_v: float = setting(9.0, unit="V", low=6, high=20, meaning="trip below this supply voltage: the coils of the contactors may let go")
    inlet_max_temperature_c: float = setting(70.0, unit="degC", low=30, high=90, meaning="stop above this inlet temperature")
    inlet_max_voltage_v: float = setting(550.0, unit="V", low=60, high=1100, meaning="trip above this inlet voltage (cable check uses up to 500 V with 400 V cars)")
    battery_min_voltage_v: float = setting(100.0, unit="V", low=50, high=1000, meaning="a battery below this is taken for a dead measurement: do not close")
    current_sensor_fitted: bool = setting(True, meaning="the board measures the current into the battery")
    temperature_sensor_fitted: bool = setting(True, meaning="the board measures the inlet temperature")
    contactor_feedback_fitted: bool = setting(True, meaning="the contactors have auxiliary contacts")
    lock_feedback_fitted: bool = setting(True, meaning="the lock has a position switch")
    lock_travel_ms: int = setting(1500, unit="ms", low=100, high=5000, meaning="without a position switch: the lock counts as moved after this time")
    stop_button: str = setting("emergency", choices=("emergency", "none"), meaning="emergency: pressed or unknown trips; none: not fitted")

    def __post_init__(self) -> None:
        check_ranges(self)
        for problem in contradictions(self):
            raise ValueError(problem)


def contradictions(c: PevSafetyConfig) -> list[str]:
    """Settings of the car's supervisor that exclude each other, one sentence with both keys for each."""
    found = []
    if c.match_v > c.mismatch_v:
        found.append(f"match_v = {c.match_v:g} is more than mismatch_v = {c.mismatch_v:g}: what may close would trip at once")
    if c.derate_from_c >= c.inlet_max_temperature_c:
        found.append(f"derate_from_c = {c.derate_from_c:g} is not below inlet_max_temperature_c = {c.inlet_max_temperature_c:g}: nothing is left to derate over")
    if c.battery_min_voltage_v >= c.inlet_max_voltage_v:
        found.append(f"battery_min_voltage_v = {c.battery_min_voltage_v:g} is not below inlet_max_voltage_v = {c.inlet_max_voltage_v:g}: no battery could be charged")
    return found


@settings_class(slots=True)
class EvseSafetyConfig:
    """Section `safety.evse`: the charger's supervisor."""

    max_voltage_v: float = setting(500.0, unit="V", low=50, high=1000, meaning="never ask the power stage for more")
    max_current_a: float = setting(125.0, unit="A", low=1, high=500, meaning="never ask the power stage for more")
    contactor_travel_ms: int = setting(200, unit="ms", low=20, high=500, meaning="output contactor: must have confirmed within this time")
    current_wait_ms: int = setting(3000, unit="ms", low=500, high=3000, meaning="the current must be gone this long after switching off, or it is an emergency")
    emergency_open_ms: int = setting(1500, unit="ms", low=1000, high=2000, meaning="emergency: open the output contactor this long after switching off although current flows")
    decay_ms: int = setting(30_000, unit="ms", low=1000, high=60_000, meaning="after switching off, the output must be below unlock_v within this time")
    unlock_v: float = setting(60.0, unit="V", low=5, high=60, meaning="unlock only below this output voltage")
    isolation_min_ohm: float = setting(100_000.0, unit="Ohm", low=50_000, high=10e6, meaning="trip when the insulation resistance stays below this")
    isolation_monitor_fitted: bool = setting(True, meaning="the charger has an insulation monitor")
    contactor_feedback_fitted: bool = setting(True, meaning="the output contactor has an auxiliary contact")
    lock_feedback_fitted: bool = setting(True, meaning="the lock has a position switch")
    lock_travel_ms: int = setting(1500, unit="ms", low=100, high=5000, meaning="without a position switch: the lock counts as moved after this time")
    stop_button: str = setting("emergency", choices=("emergency", "none"), meaning="emergency: pressed or unknown trips; none: not fitted")

    def __post_init__(self) -> None:
        check_ranges(self)


@settings_class(slots=True)
class AcSafetyConfig:
    """Section `safety.ac`: the supervisor of a charger whose `evse.energy_transfer_modes` are all AC."""

    max_current_a: float = setting(16.0, unit="A", low=6, high=80, meaning="rating of contactor, cable and fuse, each phase; a meter that shows more trips")
    contactor_close_ms: int = setting(200, unit="ms", low=20, high=1000, meaning="after a command the contactor must have confirmed closed within this time")
    # 100 ms from leaving state C (IEC 61851-1, slac-and-network sheet 3), less 30 ms in which the pilot is read and judged
    contactor_open_ms: int = setting(70, unit="ms", low=10, high=70, meaning="the same for open; a slower one cannot keep the 100 ms after state C")
    # PWM off to the car's stop: 3 s (IEC 61851-1, slac-and-network sheet 3)
    load_end_ms: int = setting(3000, unit="ms", low=500, high=3000, meaning="normal end: the car has so long to end its load before the contactor opens under it")
    ventilation_fitted: bool = setting(False, meaning="the place is ventilated while charging; false: a car in state D gets no power")
    residual_current_fitted: bool = setting(True, meaning="the box reads its RCD or 6 mA detector; false: the installation has one that is sensitive to DC")
    lock_feedback_fitted: bool = setting(True, meaning="the socket's lock has a position switch")
    lock_travel_ms: int = setting(1500, unit="ms", low=100, high=5000, meaning="without a position switch: the lock counts as moved after this time")
    stop_button: str = setting("emergency", choices=("emergency", "none"), meaning="emergency: pressed or unknown trips; none: not fitted")

    def __post_init__(self) -> None:
        check_ranges(self)


# Chapters of the chademo sheet: 2.2 rows 8, 14, 19 and 20, 3.1, 3.3 coupling rule 5, 3.7.

@settings_class(slots=True)
class BridgeSafetyConfig:
    """Section `safety.bridge`: what a bridge's supervisor knows beside `safety.pev`, which governs its CCS side and its contactor."""

    vehicle_voltmeter_fitted: bool = setting(True, meaning="the board measures the voltage at the CHAdeMO plug; false: the vehicle's word or an estimate is taken, UNVERIFIED")
    dead_v: float = setting(10.0, unit="V", low=1, high=20, meaning="d2 and the release of the CHAdeMO plug only below this voltage there (a Leaf wants 0 V, sheet 3.1)")
    leak_v: float = setting(50.0, unit="V", low=20, high=60, meaning="more at the CHAdeMO plug while nobody may put any there: the bridge contactor is welded or leaks")
    unverified_dead_ms: int = setting(5000, unit="ms", low=5000, high=60_000, meaning="without a voltmeter there: the CHAdeMO plug counts as dead this long after opening")
    k_wait_ms: int = setting(500, unit="ms", low=100, high=500, meaning="switch k opened: the current must be below 5 A after this time, or state B comes")
    d2_hold_ms: int = setting(100, unit="ms", low=100, high=2000, meaning="d2 falls no earlier than this after the bridge contactor is confirmed open")
    d1_hold_ms: int = setting(500, unit="ms", low=500, high=5000, meaning="d1 falls no earlier than this after d2")
    release_ms: int = setting(10_000, unit="ms", low=5000, high=30_000, meaning="a bridge contactor that does not confirm open holds d2 up for this long and no longer")
    max_discharge_a: float = setting(0.0, unit="A", low=0, high=255, meaning="never more out of the vehicle (bridge.discharge_a): the lowest rating of plug, cable, fuse and contactor; 0: none")
    vehicle_lock_feedback_fitted: bool = setting(True, meaning="the CHAdeMO plug's lock has a position switch")
    vehicle_lock_travel_ms: int = setting(1000, unit="ms", low=100, high=5000, meaning="without a position switch: the CHAdeMO plug's lock counts as moved after this time")

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.dead_v >= self.leak_v:
            raise ValueError(f"dead_v = {self.dead_v:g} is not below leak_v = {self.leak_v:g}: what counts as dead would count as a leak")


class BridgeLimits(PevSafetyConfig):
    """What the rows of a bridge are judged by: those of a car, which read `safety.pev`, and its own, which read `bridge`."""

    __slots__ = ("bridge",)

    def __init__(self, pev: PevSafetyConfig, bridge: BridgeSafetyConfig) -> None:
        super().__init__(**{f.name: getattr(pev, f.name) for f in dataclasses.fields(pev)})
        self.bridge = bridge


@dataclass(slots=True)
class SafetyConfig:
    """Section `safety` of the configuration; the mode of the box and evse.energy_transfer_modes decide which part is used."""

    pev: PevSafetyConfig = field(default_factory=PevSafetyConfig)
    evse: EvseSafetyConfig = field(default_factory=EvseSafetyConfig)
    ac: AcSafetyConfig = field(default_factory=AcSafetyConfig)
    bridge: BridgeSafetyConfig = field(default_factory=BridgeSafetyConfig)
