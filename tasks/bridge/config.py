"""Settings of the bridge between a CCS charger and a CHAdeMO vehicle: its rating, how it gets them together, what a vehicle needs it to do otherwise."""
from __future__ import annotations

from dataclasses import replace

from kernel.record import settings_class
from kernel.settings import setting
from tasks.v2g.config import EvConfig

HIGHEST_V = 600.0        # chademo sheet 1.9: more is announced with 118.0.2, whose other octets nobody knows
HIGHEST_A = 255.0        # chademo sheet 1.7: one octet


@settings_class(slots=True)
class BridgeConfig:
    """Section `bridge`. Numbers in comments: chapters of the chademo sheet."""

    # "measured" by default (3.2 MX, "recommended product default"): without a measurement the precharge misses the battery by up to 20 V (4.3), and
    # only what measures V_car sees welded contactors. A discovery comes before all the same: the charger wants limits before the vehicle is awake.
    strategy: str = setting("measured", choices=("measured", "double", "once", "single"), meaning=(
        "measured: ask the vehicle, start the charger, wake the vehicle again after the cable check, precharge to what the voltmeter at its plug shows; "
        "double: the same to an estimate, for a box without that voltmeter; once: as measured, but the vehicle is not asked before (the charger hears "
        "assumed_*), when it refuses a second start (Lexus UX300e, XPeng); single: wake it when the charger answers and let it wait, its contactors "
        "closed, with a current that is only told"))
    # 3.7: Lexus UX300e and XPeng do not like a second session
    discovery_until: str = setting("ready", choices=("ready", "k"), meaning=(
        "asking the vehicle ends when it is ready (switch k and CAN), which gives the surest values; "
        "k: already at the switch, when it does not start a second time"))
    # 3.3: 3 min without activity
    discovery_keep_s: int = setting(180, unit="s", low=30, high=3600, meaning=(
        "what was asked counts so long while no charger answers; then the vehicle is asked again"))

    # --- what contactors, cables and plugs bear
    # 1.9: 500 V and 200 A are announced without the extension
    max_voltage_v: float = setting(500.0, unit="V", low=200, high=HIGHEST_V, meaning=(
        "offered to the vehicle and asked for at the charger at the most: the lowest rating on the plates of plug, cable and contactor"))
    # 2.4.2, 3.7; the default is that of safety.pev.battery_min_voltage_v, below which the supervisor closes nothing
    min_voltage_v: float = setting(100.0, unit="V", low=50, high=400, meaning=(
        "a vehicle whose battery is below is refused; each charger has a minimum of its own besides"))
    max_current_a: float = setting(200.0, unit="A", low=1, high=HIGHEST_A, meaning=(
        "offered to the vehicle at the most: the lowest rating of plug, cable, fuse and contactor, as their plates say"))
    # 3.5: a fixed 100 kW is known to work
    max_power_kw: float = setting(100.0, unit="kW", low=1, high=150, meaning=(
        "told to the charger, and what the offered current follows: rating of the bridge"))

    # --- discharging (V2X)
    # 1.10; DIN 70121 and ISO 15118-2 have no message for it: a bidirectional charger draws and reports a negative current
    discharge_a: float = setting(0.0, unit="A", low=0, high=HIGHEST_A, meaning=(
        "a bidirectional charger may draw so much out of a vehicle that says it can discharge (V2X): the least of vehicle, charger and "
        "safety.bridge.max_discharge_a, which has to be set as well; 0: discharging is refused"))

    # --- when charging ends
    # 3.7: a limit of our own ended charges at 96 % against their owners' wish
    stop_soc_percent: float = setting(100.0, unit="%", low=10, high=100, meaning=(
        "charging ends at this state of charge; 100: the vehicle alone decides (by CAN it may say another one than its dashboard)"))
    # 1.4: 101.2 has one octet
    max_charging_min: int = setting(0, unit="min", low=0, high=254, meaning=(
        "charging ends after so long with current; 0: after what the vehicle says"))

    # --- what is not known before it is measured
    # 4.4.1: V_car + 2 V
    precharge_bias_v: float = setting(2.0, unit="V", low=0, high=10, meaning=(
        "precharge so much above the measured battery: a little current flows into it, none out of it"))
    # 4.4.6: 5 V when unsure
    estimate_bias_v: float = setting(5.0, unit="V", low=0, high=10, meaning=(
        "the same where the battery is only estimated; raise it when chargers fail at power delivery, the journal tells how far the estimate was "
        "off"))
    # 4.4.1 and 4.3: 5 V; 4.4.1: 2 s for trimming, then up to 10 V
    match_v: float = setting(5.0, unit="V", low=1, high=10, meaning=(
        "join charger and vehicle when they differ by no more; after trim_limit_ms, safety.pev.match_v is enough"))
    trim_limit_ms: int = setting(2000, unit="ms", low=500, high=3000, meaning=(
        "so long the precharge may follow the measured battery; the vehicle wants current about 6 s after its contactors have closed"))
    # 4.1, 4.4.5
    voltage_curve: str = setting("auto", choices=("auto", "formula", "n", "m", "av1"), meaning=(
        "how target voltage and state of charge become a battery voltage: n: Leaf 40, 62; m: Leaf 24, 30, iOn, i-MiEV; av1: Leaf 24, 30, e-NV200, another fit; "
        "formula: any; auto: by what the vehicle says, wrong after a battery swap. Try the one whose estimate in the journal is nearest to the measurement"))
    voltage_cells: int = setting(0, low=0, high=200, meaning=(
        "cells in series for n and m: nominal battery voltage / 3.7 V, such as 96 (Leaf), 88 (i-MiEV), 80 (iOn); 0: known by the target voltage, "
        "else formula"))
    learned_file: str = setting("", meaning=(
        "file that remembers the battery voltages of each vehicle met, in a folder that outlives a power cut; used from its third session on; "
        "empty: none"))
    # 1.3, 4.4.2
    voltage_in_0x100: bool = setting(False, meaning=(
        "octets 0 and 1 of frame 0x100 are the battery's voltage: only home-built vehicles that speak private protocol 10; a Leaf says 6 there"))
    # 3.2 SX, 3.5: placeholders that chargers took
    assumed_soc_percent: float = setting(20.0, unit="%", low=0, high=100, meaning=(
        "told to the charger while the vehicle's is not known (strategies once, single)"))
    assumed_target_voltage_v: float = setting(410.0, unit="V", low=200, high=HIGHEST_V, meaning=(
        "told to the charger while the vehicle's is not known (strategies once, single); 410: Leaf, 370: i-MiEV, 450: BMW i5"))
    # 3.5: 100 kWh where nothing is known
    assumed_capacity_wh: float = setting(100_000.0, unit="Wh", low=1000, high=300_000, meaning=(
        "battery content told to the charger when the vehicle does not say"))

    # --- towards the vehicle
    # 1.2, 3.7
    announce_protocol: int = setting(2, low=1, high=2, meaning=(
        "CHAdeMO version told: 2 is 1.0 to 1.2; 1 is 0.9, for a vehicle that fails after charging with welding faults (Outlander P101B, P101C)"))
    # 2.4.4
    accept_protocol_0: bool = setting(False, meaning="take a vehicle that says version 0 (before 0.9); its frames may mean other things")
    # 1.7, 3.7
    welding_detection: bool = setting(True, meaning=(
        "tell the vehicle that it may test its contactors after charging; false only for one that then reports a fault (Outlander), with version 1"))
    # 2.2 row 3, 2.3 PARAM
    permission_limit_s: int = setting(8, unit="s", low=8, high=10, meaning=(
        "the vehicle must permit charging so long after it was woken; 10 when the journal shows that it is just too late"))
    # 1.9; 3.7: jdemo stops when its request reaches 108.3, remedy: never, and 125 A
    dynamic: str = setting("auto", choices=("auto", "never"), meaning=(
        "auto: the offered current follows what the charger can give, when the vehicle says it accepts that; "
        "never: it stays, for a vehicle that stops when it changes; such want max_current_a: 125"))
    # 3.5: the vehicle misses less than 20 A
    undersupply_a: float = setting(10.0, unit="A", low=5, high=15, meaning=(
        "with dynamic: the offer is no more than so much above what flows; a Leaf faults when it misses more than 20 A"))
    # 3.5, 3.6
    idle_current_a: int = setting(1, unit="A", low=0, high=2, meaning=(
        "current told to the vehicle while none flows in charging; many fault on a long 0"))
    # 1.5, 3.7
    ignore_stop_before: bool = setting(True, meaning=(
        "go on although the vehicle says stop before charging (102.5.4): some e-NV200 do and charge; false: take it at its word"))
    # 2.6
    send_error_bits: bool = setting(False, meaning=(
        "tell the vehicle of our and the charger's faults (109.5.1, 109.5.4); false: end as if in order, which vehicles take better"))

    # --- towards the charger
    # 3.8
    send_error_codes: bool = setting(False, meaning=(
        "tell the charger why the vehicle ended (EVErrorCode); false: NO_ERROR, some chargers latch others until somebody comes"))

    def __post_init__(self) -> None:
        if self.min_voltage_v >= self.max_voltage_v:
            raise ValueError(f"min_voltage_v = {self.min_voltage_v:g} is not below max_voltage_v = {self.max_voltage_v:g}: no vehicle could be charged")
        if self.discharge_a > self.max_current_a:
            raise ValueError(f"discharge_a = {self.discharge_a:g} is more than max_current_a = {self.max_current_a:g}: plug and contactor do not bear it in either direction")
        if self.strategy == "single" and self.assumed_target_voltage_v > self.max_voltage_v:
            raise ValueError(f"assumed_target_voltage_v = {self.assumed_target_voltage_v:g} is more than max_voltage_v = {self.max_voltage_v:g}: "
                             "the charger would be asked for what the bridge does not bear")
        if self.discovery_until == "k" and self.strategy in ("once", "single"):
            raise ValueError(f"discovery_until = k, but strategy = {self.strategy}: nothing is asked before; choose measured or double")


def ev_of(ev: EvConfig, bridge: BridgeConfig, match_v: float) -> EvConfig:
    """What the bridge is as a car: its own rating in place of a car's, the vehicle's values come by the battery signals. `match_v`: safety.pev.match_v.

    DC only; the state of charge at which it ends is the bridge's.
    """
    return replace(ev, max_voltage_v=bridge.max_voltage_v, max_current_a=bridge.max_current_a, max_power_kw=bridge.max_power_kw,
                   energy_capacity_wh=bridge.assumed_capacity_wh, stop_soc_percent=bridge.stop_soc_percent,
                   bulk_soc_percent=min(ev.bulk_soc_percent, bridge.stop_soc_percent), precharge_tolerance_v=match_v)
