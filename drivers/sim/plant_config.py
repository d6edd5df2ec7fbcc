"""Settings of the simulated charger, cable and car."""
from __future__ import annotations

from kernel.record import settings_class
from kernel.settings import setting


@settings_class(slots=True)
class PlantConfig:
    """Section `plant` of the configuration; the default car is a small one of the 28 kWh class."""

    plugged: bool = setting(False, meaning="the plug is in the inlet from the beginning")
    # charger
    stage_max_voltage_v: float = setting(500.0, unit="V", low=50, high=1000, meaning="highest output voltage")
    stage_max_current_a: float = setting(125.0, unit="A", low=1, high=500, meaning="highest output current")
    stage_max_power_w: float = setting(60_000.0, unit="W", low=100, high=400_000, meaning="highest output power")
    stage_voltage_rate_v_per_s: float = setting(250.0, unit="V/s", low=1, high=10_000, meaning="voltage ramp of an unloaded output")
    stage_current_rate_up_a_per_s: float = setting(20.0, unit="A/s", low=1, high=1000, meaning="current ramp up (20 A/s: ADVANTICS, CHAdeMO)")
    stage_current_rate_down_a_per_s: float = setting(200.0, unit="A/s", low=1, high=10_000, meaning="current ramp to a lower set point")
    stage_current_rate_off_a_per_s: float = setting(2000.0, unit="A/s", low=1, high=100_000, meaning="current ramp when switched off")
    stage_capacitance_uf: float = setting(90.0, unit="uF", low=1, high=10_000, meaning="output capacitor with cable")
    stage_bleed_ohm: float = setting(20_000.0, unit="Ohm", low=100, high=10e6, meaning="load across the output while on")
    stage_discharge_ohm: float = setting(5_000.0, unit="Ohm", low=100, high=10e6, meaning="discharge resistor while off (400 V to 60 V in 1 s)")
    output_contactor: bool = setting(False, meaning="the charger has a contactor between power stage and cable")
    isolation_ohm: float = setting(1e6, unit="Ohm", low=0, high=1e9, meaning="insulation resistance of the whole circuit to PE")
    isolation_from_v: float = setting(50.0, unit="V", low=0, high=500, meaning="the insulation monitor needs this output voltage to measure")
    # mains and on-board charger
    mains_voltage_v: float = setting(230.0, unit="V", low=100, high=400, meaning="phase to neutral")
    mains_phases: int = setting(3, low=1, high=3, meaning="phases of the AC charger")
    onboard_phases: int = setting(3, low=1, high=3, meaning="phases of the car's on-board charger")
    onboard_max_current_a: float = setting(16.0, unit="A", low=6, high=80, meaning="rating of the on-board charger, each phase")
    onboard_efficiency_percent: float = setting(92.0, unit="%", low=50, high=100, meaning="battery power of mains power")
    onboard_rate_a_per_s: float = setting(5.0, unit="A/s", low=0.5, high=100, meaning="soft start")
    onboard_stop_ms: int = setting(500, unit="ms", low=10, high=3000, meaning="from full load to none when it is told to end (IEC 61851-1: at most 3 s)")
    # cable and inlet
    cable_resistance_ohm: float = setting(0.02, unit="Ohm", low=0.0001, high=1, meaning="both conductors together")
    inlet_capacitance_uf: float = setting(10.0, unit="uF", low=0.1, high=10_000, meaning="capacitance on the car's side of the inlet")
    inlet_bleed_tau_s: float = setting(1.0, unit="s", low=0.01, high=100, meaning="time constant of an open, unplugged inlet")
    inlet_heating_k_per_a2: float = setting(0.0016, unit="K/A2", low=0, high=1, meaning="final temperature rise per square of the current (25 K at 125 A)")
    inlet_heat_tau_s: float = setting(600.0, unit="s", low=1, high=36_000, meaning="thermal time constant of the inlet")
    ambient_temperature_c: float = setting(25.0, unit="degC", low=-40, high=60, meaning="temperature of the cold inlet")
    # car
    contactor_close_ms: int = setting(40, unit="ms", low=1, high=1000, meaning="travel time until contact")
    contactor_open_ms: int = setting(20, unit="ms", low=1, high=1000, meaning="travel time until the contact is open")
    weld_above_v: float = setting(0.0, unit="V", low=0, high=1000, meaning="closing with a larger difference welds the contacts; 0: never")
    lock_travel_ms: int = setting(600, unit="ms", low=10, high=5000, meaning="lock motor, end to end (field: up to 1500)")
    lamp_ohm: float = setting(0.0, unit="Ohm", low=0, high=100_000, meaning="a lamp of this resistance in place of the battery (529: 100 W at 230 V); 0: a battery")
    lamp_voltage_v: float = setting(230.0, unit="V", low=50, high=400, meaning="what is asked for it")
    lamp_current_a: float = setting(1.0, unit="A", low=0.1, high=10, meaning="what is asked for it")
    battery_cells: int = setting(96, low=10, high=240, meaning="cells in series")
    battery_curve: str = setting("general", choices=("general", "class_n", "class_m"), meaning=(
        "open circuit voltage over state of charge: any NMC cell, the NMC packs of CHAdeMO cars, or their LMO blends"))
    battery_capacity_wh: float = setting(28_000.0, unit="Wh", low=100, high=300_000, meaning="usable energy")
    battery_resistance_ohm: float = setting(0.08, unit="Ohm", low=0.001, high=10, meaning="internal resistance of the pack")
    battery_soc_percent: float = setting(20.0, unit="%", low=0, high=100, meaning="state of charge at the beginning")
    battery_max_current_a: float = setting(125.0, unit="A", low=1, high=500, meaning="largest charging current the BMS allows")
    battery_max_power_w: float = setting(70_000.0, unit="W", low=100, high=400_000, meaning="largest charging power the BMS allows")
    battery_taper_from_percent: float = setting(80.0, unit="%", low=1, high=99, meaning="the BMS lowers the current from here")
    battery_taper_to_percent: float = setting(10.0, unit="%", low=1, high=100, meaning="part of the largest current that is left at full")
    # a bridge: the CHAdeMO plug between its contactor and the vehicle's own
    vehicle_plugged: bool = setting(True, meaning="bridge: the CHAdeMO plug is in the vehicle from the beginning")
    vehicle_plug_capacitance_uf: float = setting(1.0, unit="uF", low=0.01, high=1000, meaning="bridge: capacitance at the CHAdeMO plug")
    vehicle_plug_bleed_ohm: float = setting(200_000.0, unit="Ohm", low=1000, high=10e6, meaning="bridge: bleed resistor across the CHAdeMO plug")
