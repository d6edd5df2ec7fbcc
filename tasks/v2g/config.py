"""Settings of the V2G session: what this car or this charger is, and how patient it is."""
from __future__ import annotations

from kernel.record import settings_class
from kernel.settings import setting

SCHEDULE_SECONDS = 86_400            # how far a schedule reaches: a day
MAX_SCHEDULE_W = 350_000.0           # as max_power_kw
MAX_SCHEDULE_ENTRIES = 24            # as many as a ChargingProfile can follow (schema)


def only_ac(modes: list[str]) -> bool:
    return all(mode.startswith("AC") for mode in modes)


@settings_class(slots=True)
class EvConfig:
    """The car's side. Limits here only tighten what the battery management says."""

    protocols: list[str] = setting(["din", "iso2"], choices=("din", "iso2"), meaning="offered to the charger, the most wanted first")
    schema_id_din: int = setting(1, low=0, high=255, meaning="SchemaID under which DIN 70121 is offered; an iX3 uses 0")
    schema_id_iso2: int = setting(2, low=0, high=255, meaning="SchemaID under which ISO 15118-2 is offered; not that of DIN 70121")
    max_voltage_v: float = setting(410.0, unit="V", low=50, high=1000, meaning="never ask for more; too low (398 V) makes Tritium chargers stop")
    max_current_a: float = setting(125.0, unit="A", low=1, high=500, meaning="never ask for more; rating of contactors, cable and inlet")
    max_power_kw: float = setting(100.0, unit="kW", low=1, high=350, meaning="never ask for more")
    energy_capacity_wh: float = setting(28000.0, unit="Wh", low=1000, high=300_000, meaning="battery content when the battery management does not say")
    stop_soc_percent: float = setting(98.0, unit="%", low=10, high=100, meaning="charging ends at this state of charge")
    bulk_soc_percent: float = setting(80.0, unit="%", low=10, high=100, meaning="BulkSOC told to the charger; permission withdrawn above it means full")
    precharge_tolerance_v: float = setting(10.0, unit="V", low=1, high=20, meaning="inlet matches battery within this (S1: at most 20)")
    precharge_current_a: float = setting(1.0, unit="A", low=0.1, high=2.0, meaning="current asked for in precharge (S3: at most 2)")
    precharge_voltage_source: str = setting("inlet", choices=("inlet", "reported"),
                                            meaning="inlet: own measurement. reported: believe the charger, only where no voltmeter is fitted")
    voltage_deviation_v: float = setting(20.0, unit="V", low=5, high=50, meaning="charger's voltage and own measurement may differ by this before contactors close")
    current_demand_interval_ms: int = setting(250, unit="ms", low=50, high=1000, meaning="pause between CurrentDemandReq and the next")
    repeat_interval_ms: int = setting(250, unit="ms", low=50, high=1500, meaning="pause before asking again after Ongoing, in precharge and welding detection")
    tolerant_timeouts: bool = setting(True, meaning="use the longer waits that real chargers need; false: the standard's")
    send_charging_profile: bool = setting(False, meaning="PowerDeliveryReq carries a ChargingProfile; no car in our captures sends one")
    energy_transfer_modes: list[str] = setting(
        ["DC_extended", "DC_combo_core", "DC_core", "DC_unique"], choices=("AC_single_phase_core", "AC_three_phase_core", "DC_core", "DC_extended",
                                                                           "DC_combo_core", "DC_unique"),
        meaning="ISO 15118-2: the first of these that the charger offers is asked for")
    ask_service_detail: bool = setting(False, meaning="ISO 15118-2: ServiceDetailReq for the charge service; nobody needs it for external payment")
    pause_without_power_s: int = setting(60, unit="s", low=0, high=86_400, meaning="ISO 15118-2: pause when the charger's schedule has no power for at least so long; 0: never")
    renegotiate: str = setting("ac", choices=("never", "ac", "always"),
                               meaning="ISO 15118-2: agree anew when the power is changed by key; in DC each CurrentDemandReq tells it anyway")
    ac_max_voltage_v: float = setting(230.0, unit="V", low=100, high=400, meaning="ISO 15118-2 AC: EVMaxVoltage")
    ac_max_current_a: float = setting(16.0, unit="A", low=6, high=80, meaning="ISO 15118-2 AC: EVMaxCurrent per phase")
    ac_min_current_a: float = setting(6.0, unit="A", low=1, high=32, meaning="ISO 15118-2 AC: EVMinCurrent per phase")
    light_bulb_demo: bool = setting(False, meaning="no battery: a lamp is switched on after charging has begun")
    light_bulb_voltage_v: float = setting(230.0, unit="V", low=50, high=400, meaning="voltage asked for in the light bulb demonstration")
    light_bulb_current_a: float = setting(1.0, unit="A", low=0.1, high=10, meaning="current asked for in the light bulb demonstration")

    def __post_init__(self) -> None:
        if self.schema_id_din == self.schema_id_iso2:
            raise ValueError(f"schema_id_din and schema_id_iso2 are both {self.schema_id_din}; expected two numbers: the charger answers with one of them")

    @property
    def ac(self) -> bool:
        """AC is all that this car takes."""
        return only_ac(self.energy_transfer_modes)

    @property
    def takes_ac(self) -> bool:
        return any(mode.startswith("AC") for mode in self.energy_transfer_modes)


@settings_class(slots=True)
class EvseConfig:
    """The charger's side."""

    protocols: list[str] = setting(["din", "iso2"], choices=("din", "iso2"), meaning="spoken with cars; the car's order decides")
    evse_id: str = setting("00", meaning="EVSEID as hexadecimal digits, at most 32 octets")
    evse_id_text: str = setting("ZZ00000", meaning="EVSEID of ISO 15118-2, 7 to 37 characters, such as DE*ABC*E123; ZZ: no operator")
    energy_transfer_modes: list[str] = setting(
        ["DC_extended", "DC_core"], choices=("AC_single_phase_core", "AC_three_phase_core", "DC_core", "DC_extended", "DC_combo_core", "DC_unique"),
        meaning="offered in ISO 15118-2; all AC: the box is a wallbox with a mains contactor (safety.ac)")
    ac_nominal_voltage_v: float = setting(230.0, unit="V", low=100, high=400, meaning="EVSENominalVoltage of AC")
    ac_max_current_a: float = setting(16.0, unit="A", low=6, high=80, meaning="EVSEMaxCurrent of AC, of each phase")
    max_voltage_v: float = setting(500.0, unit="V", low=50, high=1000, meaning="EVSEMaximumVoltageLimit: rating of the power stage")
    min_voltage_v: float = setting(50.0, unit="V", low=0, high=500, meaning="EVSEMinimumVoltageLimit")
    max_current_a: float = setting(125.0, unit="A", low=1, high=500, meaning="EVSEMaximumCurrentLimit: rating of power stage and cable")
    min_current_a: float = setting(0.0, unit="A", low=0, high=50, meaning="EVSEMinimumCurrentLimit")
    max_power_kw: float = setting(50.0, unit="kW", low=1, high=350, meaning="EVSEMaximumPowerLimit")
    peak_current_ripple_a: float = setting(1.0, unit="A", low=0, high=50, meaning="EVSEPeakCurrentRipple of the power stage")
    power_schedule: list[str] = setting(
        [], meaning="power of the site as [\"0 50\", \"3600 0\"]: s since plug-in, then kW; the first at 0; empty: max_power_kw at all times")
    notification_max_delay_s: int = setting(10, unit="s", low=0, high=3600,
                                            meaning="ISO 15118-2: NotificationMaxDelay, notice that the car gets of stop_after_min and of other limits")
    receipt_interval_s: int = setting(0, unit="s", low=0, high=3600, meaning="ISO 15118-2: a MeteringReceiptReq is asked for so often while charging; 0: never")
    authorisation_delay_ms: int = setting(0, unit="ms", low=0, high=50_000, meaning="how long authorisation stays Ongoing; 0 = free for everybody")
    parameter_delay_ms: int = setting(0, unit="ms", low=0, high=50_000, meaning="how long ChargeParameterDiscovery stays Ongoing")
    isolation_fault_ohm: float = setting(100_000.0, unit="Ohm", low=50_000, high=1_000_000, meaning="below: isolation Fault, no charging (S20)")
    isolation_warning_ohm: float = setting(500_000.0, unit="Ohm", low=50_000, high=5_000_000, meaning="below: isolation Warning, charging goes on")
    isolation_measure_ms: int = setting(1000, unit="ms", low=100, high=20_000, meaning="how long the insulation is watched at full cable check voltage")
    precharge_max_current_a: float = setting(2.0, unit="A", low=0.1, high=2.0, meaning="current limit in precharge (S3: at most 2)")
    soc_readout: bool = setting(False, meaning="AC wallbox: end the session when the car has told its SoC, then plain PWM (connection.ac_pwm_percent)")
    stop_after_min: float = setting(0.0, unit="min", low=0, high=1440, meaning="charging ends after so many minutes; 0 = no limit")

    def __post_init__(self) -> None:
        if not 7 <= len(self.evse_id_text) <= 37:
            raise ValueError(f"evse_id_text has {len(self.evse_id_text)} characters; expected 7 to 37")
        if not self.energy_transfer_modes or len(set(self.energy_transfer_modes)) != len(self.energy_transfer_modes):
            raise ValueError("energy_transfer_modes: expected at least one, each once")
        starts = [start for start, _ in self.schedule()]
        if starts and (starts[0] != 0 or starts != sorted(set(starts))):
            raise ValueError(f"power_schedule begins at {', '.join(map(str, starts))} s; expected 0 first, then rising")

    def schedule(self) -> list[tuple[int, float]]:
        """`power_schedule` as (s, W). ValueError: not two numbers, or out of range."""
        entries = []
        for text in self.power_schedule:
            start, _, power = text.partition(" ")
            try:
                entry = int(start), float(power) * 1000
            except ValueError:
                raise ValueError(f"power_schedule: expected seconds and kW such as '3600 22', came {text!r}") from None
            if not (0 <= entry[0] <= SCHEDULE_SECONDS and 0 <= entry[1] <= MAX_SCHEDULE_W):
                raise ValueError(f"power_schedule: {text!r}: expected 0 to {SCHEDULE_SECONDS} s and 0 to {MAX_SCHEDULE_W / 1000:g} kW")
            entries.append(entry)
        if len(entries) > MAX_SCHEDULE_ENTRIES:
            raise ValueError(f"power_schedule has {len(entries)} entries; expected at most {MAX_SCHEDULE_ENTRIES}")
        return entries

    @property
    def ac(self) -> bool:
        """An AC charger: a mains contactor in place of a power stage."""
        return only_ac(self.energy_transfer_modes)

    @property
    def ac_phases(self) -> int:
        """How many phases the mains have at most."""
        return 3 if "AC_three_phase_core" in self.energy_transfer_modes else 1
