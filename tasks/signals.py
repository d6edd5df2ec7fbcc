"""The data dictionary: every fact and every request, with unit, range, greatest age and meaning.

Facts are written by the task that measures or learns them; requests are leases, obeyed only while fresh.
Exactly one writer each (claimed when the table is built).
"""
from __future__ import annotations

from typing import Iterator

from drivers.interfaces import PilotState
from kernel.channels import Signal
from kernel.record import dataclass
from kernel.timer import MS, S
from tasks.stop_reasons import StopReason


@dataclass(slots=True)
class OutputRequest:
    """What the V2G machine of a charger asks of the power stage: V and A, never negative."""

    voltage: float
    current: float


@dataclass(slots=True)
class VehicleSays:
    """What a CHAdeMO vehicle says, as far as it may be believed now; None: not said, or not to be trusted yet. V, A, s, Wh, percent."""

    protocol: int | None = None
    target_voltage: float | None = None
    max_voltage: float | None = None
    min_voltage: float | None = None
    max_current: float | None = None             # 100.1, which few vehicles use
    current_request: float = 0.0
    soc: float | None = None
    capacity: float | None = None
    max_seconds: float | None = None
    remaining_seconds: float | None = None
    battery_voltage: float | None = None         # measured by the vehicle (0x103, or the private protocol 10)
    dynamic: bool = False                        # available current may fall while charging
    extension: bool | None = None                # it sends 0x110
    dynamic_bit: bool | None = None              # 102.5.6
    enabled: bool = False                        # 102.5.0
    contactors_closed: bool | None = None        # 102.5.3; None where its version has no such bit
    status: int | None = None                    # 102.5 as sent
    faults: int | None = None                    # 102.4 as sent
    fingerprint: tuple[int, ...] = ()            # what tells it from other vehicles
    max_discharge: float | None = None           # 200.0 while it charges and discharging is agreed


@dataclass(slots=True)
class ChargerOffer:
    """What the bridge wants of its CHAdeMO side and has to give. V, A. A lease: silence is a stop."""

    wanted: str = "nothing"                      # nothing, discovery or charge
    voltage: float = 0.0                         # 108.1-2, available
    min_voltage: float = 0.0                     # below it the CCS charger delivers nothing
    current: float = 0.0                         # 108.3, available
    power_ready: bool = False                    # the CCS side carries the battery's voltage: d2 may come
    joins_later: bool = False                    # single session: the bridge contactor closes long after the vehicle's
    delivering: bool = False                     # the CCS side is in its charge loop
    present_voltage: float | None = None         # for 109.1-2; None: that of the plug
    present_current: float = 0.0                 # into the vehicle, measured or as the charger says it; negative: the charger draws
    reported_current: float | None = None        # what the charger itself says, in the same sense
    input_current: float = 0.0                   # 208.3, what may be drawn out of the vehicle; 0: discharging is refused
    stop: StopReason | None = None               # the CCS side ends, or a person does


SENSED = 500 * MS     # data freshness in powered phases: 500 ms (safety sheet S7, ADVANTICS can_timeout_ms)
REQUEST = 3 * S       # a request lapses: longest pause between V2G messages is the 2 s message timeout plus margin;
                      # a dead V2G task is caught much earlier by the supervisor's liveness check


class Signals:
    """All signals of one box. Construct one per node; nothing is global."""

    def __init__(self) -> None:
        # --- facts measured here (writer: sense)
        self.pilot_state: Signal[PilotState] = Signal("pilot_state", max_age=200 * MS, meaning="control pilot state A to F")
        self.pilot_duty: Signal[float] = Signal("pilot_duty", unit="%", low=0, high=100, max_age=200 * MS, meaning="control pilot PWM duty; 100 = steady")
        self.inlet_voltage: Signal[float] = Signal("inlet_voltage", unit="V", low=-50, high=1100, max_age=SENSED, meaning="voltage at the inlet, outside the contactors (car) ")
        self.inlet_current: Signal[float] = Signal("inlet_current", unit="A", low=-600, high=600, max_age=SENSED, meaning="current into the battery, None without a sensor")
        self.inlet_temperature: Signal[float] = Signal("inlet_temperature", unit="degC", low=-60, high=200, max_age=5 * S, meaning="hottest inlet pin")
        self.supply_voltage: Signal[float] = Signal("supply_voltage", unit="V", low=0, high=60, max_age=SENSED, meaning="supply of this box, None without a sensor")
        self.stop_button: Signal[bool] = Signal("stop_button", max_age=SENSED, meaning="stop button pressed")
        self.display_button: Signal[bool] = Signal("display_button", max_age=SENSED, meaning="button that turns the display's pages is held; None: not fitted or unknown")
        self.output_voltage: Signal[float] = Signal("output_voltage", unit="V", low=-50, high=1100, max_age=SENSED, meaning="voltage at the charger's output (charger)")
        self.output_current: Signal[float] = Signal("output_current", unit="A", low=-600, high=600, max_age=SENSED, meaning="current out of the charger (charger)")
        self.isolation: Signal[float] = Signal("isolation", unit="Ohm", low=0, high=1e9, max_age=SENSED, meaning="insulation resistance to PE (charger)")
        self.residual_current: Signal[bool] = Signal("residual_current", max_age=SENSED, meaning="AC charger: RCD or 6 mA DC detector has tripped, None unknown")
        # --- a bridge's CHAdeMO side (writer: sense)
        self.vehicle_voltage: Signal[float] = Signal("vehicle_voltage", unit="V", low=-50, high=1100, max_age=SENSED, meaning="bridge: voltage at the CHAdeMO plug, on the vehicle's side of the bridge contactor")
        self.vehicle_permission: Signal[bool] = Signal("vehicle_permission", max_age=200 * MS, meaning="bridge: the vehicle's switch k is closed (pin 4 to ground)")
        self.vehicle_plug: Signal[bool] = Signal("vehicle_plug", max_age=SENSED, meaning="bridge: the CHAdeMO plug is in the vehicle; None where nothing tells it")
        # --- AC (writer: sense of a charger with a meter; vehicle of a car whose on-board charger says it)
        self.ac_voltage: Signal[float] = Signal("ac_voltage", unit="V", low=0, high=500, max_age=2 * S, meaning="AC voltage, phase to neutral")
        self.ac_current: Signal[float] = Signal("ac_current", unit="A", low=-10, high=200, max_age=SENSED, meaning="AC current of the phase with the most")
        self.ac_power: Signal[float] = Signal("ac_power", unit="W", low=-1000, high=100_000, max_age=2 * S, meaning="AC power of all phases")
        self.ac_energy: Signal[float] = Signal("ac_energy", unit="Wh", low=0, high=1e12, max_age=2 * S, meaning="AC charger: register of the meter")
        # --- facts of the vehicle's battery (writer: vehicle)
        self.battery_voltage: Signal[float] = Signal("battery_voltage", unit="V", low=0, high=1000, max_age=SENSED, meaning="battery terminal voltage, inside the contactors")
        self.battery_soc: Signal[float] = Signal("battery_soc", unit="%", low=0, high=100, max_age=2 * S, meaning="state of charge")
        self.battery_target_voltage: Signal[float] = Signal("battery_target_voltage", unit="V", low=0, high=1000, max_age=SENSED, meaning="voltage the battery wants")
        self.battery_target_current: Signal[float] = Signal("battery_target_current", unit="A", low=0, high=500, max_age=SENSED, meaning="current the battery wants")
        self.battery_max_voltage: Signal[float] = Signal("battery_max_voltage", unit="V", low=0, high=1000, max_age=2 * S, meaning="never above this voltage")
        self.battery_max_current: Signal[float] = Signal("battery_max_current", unit="A", low=0, high=500, max_age=2 * S, meaning="never above this current")
        self.battery_max_power: Signal[float] = Signal("battery_max_power", unit="W", low=0, high=400_000, max_age=2 * S, meaning="never above this power")
        self.battery_capacity: Signal[float] = Signal("battery_capacity", unit="Wh", low=0, high=300_000, max_age=2 * S, meaning="usable energy content")
        self.battery_hottest: Signal[float] = Signal("battery_hottest", unit="degC", low=-60, high=200, max_age=5 * S, meaning="hottest cell, None where nobody says it")
        self.battery_coldest: Signal[float] = Signal("battery_coldest", unit="degC", low=-60, high=200, max_age=5 * S, meaning="coldest cell, None where nobody says it")
        self.charge_permission: Signal[bool] = Signal("charge_permission", max_age=SENSED, meaning="the battery management allows charging")
        # --- facts that safety knows (writer: safety)
        self.contactors_closed: Signal[bool] = Signal("contactors_closed", max_age=SENSED, meaning="contactor feedback; None while moving or unknown")
        self.lock_assumed: Signal[bool] = Signal("lock_assumed", meaning="the lock has no position switch: confirmed by time alone (writer: safety)")
        self.vehicle_lock_assumed: Signal[bool] = Signal("vehicle_lock_assumed", meaning="bridge: the same of the CHAdeMO plug (writer: safety)")
        self.lock_confirmed: Signal[bool] = Signal("lock_confirmed", max_age=SENSED, meaning="connector lock feedback")
        self.pilot_commanded: Signal[PilotState] = Signal("pilot_commanded", max_age=SENSED, meaning="pilot state the supervisor has set (car: B or C)")
        self.safety_state: Signal[str] = Signal("safety_state", max_age=SENSED, meaning="state of the supervisor (name of tasks.safety.SafetyState)")
        self.current_limit: Signal[float] = Signal("current_limit", unit="A", low=0, high=1000, max_age=SENSED, meaning="car: no more may be asked for now (inlet temperature)")
        self.d1_on: Signal[bool] = Signal("d1_on", max_age=SENSED, meaning="bridge: charge sequence signal 1 as acknowledged by its driver")
        self.d2_on: Signal[bool] = Signal("d2_on", max_age=SENSED, meaning="bridge: charge sequence signal 2, the same")
        self.vehicle_lock_confirmed: Signal[bool] = Signal("vehicle_lock_confirmed", max_age=SENSED, meaning="bridge: lock feedback of the CHAdeMO plug")
        self.safety_trip: Signal[str] = Signal("safety_trip", meaning="text of the trip that is latched, empty when none")
        self.safety_hint: Signal[str] = Signal("safety_hint", meaning="what that trip usually means and what to do, empty when none")
        self.safety_blocked: Signal[str] = Signal("safety_blocked", meaning="what the supervisor waits for before it grants what is asked for, empty when nothing is held back")
        # --- facts of the link and of the session
        self.modem: Signal[str] = Signal("modem", meaning="modem kind and firmware (writer: homeplug)")
        self.modem_fault: Signal[str] = Signal("modem_fault", meaning="what is wrong with the modem's set-up in 21 characters, None when nothing is (writer: homeplug)")
        self.link_state: Signal[str] = Signal("link_state", meaning="state of the matching machine (writer: homeplug)")
        self.own_address: Signal[bytes] = Signal("own_address", meaning="own IPv6 link-local address, 16 octets (writer: ipv6)")
        self.station: Signal[bytes] = Signal("station", meaning="MAC of the station that the session is with, whose frames come first; None: not known (writer: ipv6)")
        self.stranger_notice: Signal[str] = Signal("stranger_notice", meaning="what a stranger in the network tries, at most 19 characters, empty when nothing (writer: ipv6)")
        self.kernel_addresses: Signal[tuple[bytes, ...]] = Signal("kernel_addresses", meaning="IPv6 addresses that the operating system has on our interface (writer: kernel_watch)")
        self.link_notice: Signal[str] = Signal("link_notice", meaning="what a stranger does to matching and network, at most 19 characters, empty when nothing (writer: homeplug)")
        self.device_notice: Signal[str] = Signal("device_notice", meaning="which device is out of order, at most 19 characters, empty when none (writer: devices)")
        self.recording: Signal[str] = Signal("recording", meaning="what becomes of the session's folder, at most 19 characters; None: none is wanted (writer: sessions)")
        self.kernel_notice: Signal[str] = Signal("kernel_notice", meaning="what the operating system does on our interface that breaks sessions, at most 19 characters, empty when nothing (writer: kernel_watch)")
        self.doctor_notice: Signal[str] = Signal("doctor_notice", meaning="what failed first when the box was looked through after its start, at most 19 characters, None when nothing did (writer: doctor)")
        self.peer_mac: Signal[bytes] = Signal("peer_mac", meaning="host MAC of the matched peer (writer: homeplug)")
        self.attenuation: Signal[float] = Signal("attenuation", unit="dB", meaning="average attenuation of the matched peer (writer: homeplug)")
        self.peer_modem: Signal[bytes] = Signal("peer_modem", meaning="MAC of the modem at the other end of the power line (writer: homeplug)")
        self.network_id: Signal[bytes] = Signal("network_id", meaning="NID of the network that the matched pair has made (writer: homeplug)")
        self.link_rate_tx: Signal[int] = Signal("link_rate_tx", unit="Mbit/s", low=0, high=65535, max_age=5 * S, meaning="average PHY rate to the peer's modem, as the own one tells it (writer: homeplug)")
        self.link_rate_rx: Signal[int] = Signal("link_rate_rx", unit="Mbit/s", low=0, high=65535, max_age=5 * S, meaning="average PHY rate from the peer's modem (writer: homeplug)")
        self.link_quality: Signal[str] = Signal("link_quality", meaning="attenuation and rates in one word: good, weak or poor (writer: homeplug)")
        self.connection_state: Signal[str] = Signal("connection_state", meaning="state of the connection supervision (writer: connection)")
        self.connection_alive: Signal[bool] = Signal("connection_alive", max_age=2 * S, meaning="the connection supervision runs: a person's stop is heard (writer: connection)")
        self.v2g_state: Signal[str] = Signal("v2g_state", meaning="state of the V2G machine (writer: v2g)")
        self.ac_session: Signal[bool] = Signal("ac_session", meaning="the session charges with AC (writer: v2g)")
        self.peer_heard: Signal[bool] = Signal("peer_heard", max_age=5 * S, meaning="a V2G message of the peer came just now (writer: v2g)")
        self.stop_reason: Signal[StopReason] = Signal("stop_reason", meaning="why the last session ended (writer: connection)")
        self.evse_present_voltage: Signal[float] = Signal("evse_present_voltage", unit="V", low=0, high=1100, max_age=3 * S, meaning="EVSEPresentVoltage as reported (writer: v2g of a car)")
        self.evse_present_current: Signal[float] = Signal("evse_present_current", unit="A", low=-600, high=600, max_age=3 * S, meaning="EVSEPresentCurrent as reported (writer: v2g of a car)")
        self.evse_max_voltage: Signal[float] = Signal("evse_max_voltage", unit="V", meaning="EVSEMaximumVoltageLimit (writer: v2g; a charger's own)")
        self.evse_min_voltage: Signal[float] = Signal("evse_min_voltage", unit="V", meaning="EVSEMinimumVoltageLimit (writer: v2g of a car)")
        self.v2g_stopping: Signal[StopReason] = Signal("v2g_stopping", meaning="why the V2G session is being brought to its end, None while it is not (writer: v2g of a car)")
        self.ev_error_code: Signal[str] = Signal("ev_error_code", meaning="bridge: DC_EVErrorCode of the requests, None: NO_ERROR (writer: bridge)")
        self.evse_max_current: Signal[float] = Signal("evse_max_current", unit="A", meaning="EVSEMaximumCurrentLimit (writer: v2g; a charger's own)")
        self.evse_max_power: Signal[float] = Signal("evse_max_power", unit="W", meaning="EVSEMaximumPowerLimit (writer: v2g; a charger's: what it offers now)")
        self.ev_target_voltage: Signal[float] = Signal("ev_target_voltage", unit="V", max_age=3 * S, meaning="EVTargetVoltage (writer: v2g)")
        self.ev_target_current: Signal[float] = Signal("ev_target_current", unit="A", max_age=3 * S, meaning="EVTargetCurrent (writer: v2g)")
        self.ev_soc: Signal[float] = Signal("ev_soc", unit="%", meaning="EVRESSSOC (writer: v2g of a charger)")
        self.ev_full_soc: Signal[float] = Signal("ev_full_soc", unit="%", meaning="FullSOC, None where the car does not say (writer: v2g of a charger)")
        self.ev_capacity: Signal[float] = Signal("ev_capacity", unit="Wh", meaning="EVEnergyCapacity, None where the car does not say (writer: v2g of a charger)")
        self.ev_energy_request: Signal[float] = Signal("ev_energy_request", unit="Wh", meaning="EVEnergyRequest, as above (writer: v2g of a charger)")
        self.session_energy: Signal[float] = Signal("session_energy", unit="Wh", low=0, high=1_000_000, meaning="energy delivered in this session, None where nobody counts it (writer: v2g)")
        self.session_energy_out: Signal[float] = Signal("session_energy_out", unit="Wh", low=0, high=1_000_000, meaning="energy that the charger has drawn out of the car in this session (V2X), None as long as none (writer: v2g of a car)")
        self.ev_max_voltage: Signal[float] = Signal("ev_max_voltage", unit="V", meaning="EVMaximumVoltageLimit (writer: v2g of a charger)")
        self.ev_max_current: Signal[float] = Signal("ev_max_current", unit="A", meaning="EVMaximumCurrentLimit (writer: v2g of a charger)")
        self.evccid: Signal[bytes] = Signal("evccid", meaning="EVCCID (writer: v2g of a charger)")
        self.v2g_protocol: Signal[str] = Signal("v2g_protocol", meaning="the protocol that was agreed, None before (writer: v2g)")
        self.evse_id: Signal[str] = Signal("evse_id", meaning="EVSEID as text or hexadecimal digits, None before it is told (writer: v2g)")
        self.power_share: Signal[float] = Signal("power_share", unit="%", low=10, high=100, meaning="how much of its power limit the person allows; None: all of it (writer: user)")
        self.display_keys: Signal[tuple[int, int]] = Signal("display_keys", meaning="how often the display was asked by key for its next page, and to be bright or dim (writer: user)")
        self.device_notice: Signal[str] = Signal("device_notice", meaning="what a device of the board lacks, at most 19 characters, empty when nothing (writer: devices)")
        # --- facts of a bridge (writers: chademo, bridge)
        self.vehicle_says: Signal[VehicleSays] = Signal("vehicle_says", max_age=1 * S, meaning="what the CHAdeMO vehicle says (writer: chademo)")
        self.chademo_state: Signal[str] = Signal("chademo_state", meaning="state of the CHAdeMO side (writer: chademo)")
        self.chademo_stop: Signal[StopReason] = Signal("chademo_stop", meaning="why the CHAdeMO side ends or ended, None while nothing ends it (writer: chademo)")
        self.chademo_urgent: Signal[bool] = Signal("chademo_urgent", max_age=1 * S, meaning="the CHAdeMO side's end wants state B at once (writer: chademo)")
        self.chademo_status: Signal[int] = Signal("chademo_status", meaning="109.5 as it is told to the vehicle; None while nothing is sent (writer: chademo)")
        self.bridge_phase: Signal[str] = Signal("bridge_phase", meaning="phase of the interlock (writer: bridge)")
        self.bridge_battery: Signal[str] = Signal("bridge_battery", meaning="where battery_voltage comes from: measured, told, learned or the estimate's way, with its error in V (writer: bridge)")
        self.bridge_notice: Signal[str] = Signal("bridge_notice", meaning="what a person must know although nothing goes on, at most 19 characters, empty when nothing (writer: bridge)")
        self.bridge_wait: Signal[str] = Signal("bridge_wait", meaning="who waits for whom, at most 21 characters, empty when nobody waits (writer: bridge)")
        self.vehicle_remaining: Signal[float] = Signal("vehicle_remaining", unit="s", low=0, high=100_000, max_age=2 * S, meaning="bridge: charging time that is left as the vehicle says it (writer: bridge)")
        self.precharge_voltage: Signal[float] = Signal("precharge_voltage", unit="V", low=0, high=1000, max_age=1 * S, meaning="bridge: what the charger is to precharge to (writer: bridge)")
        self.precharge_tolerance: Signal[float] = Signal("precharge_tolerance", unit="V", low=0, high=20, max_age=1 * S, meaning="bridge: charger and vehicle count as equal within this (writer: bridge)")
        self.session_hold: Signal[str] = Signal("session_hold", max_age=1 * S, meaning="bridge: what the CCS session waits for before it begins, empty when it may (writer: bridge)")
        self.vehicle_ready: Signal[bool] = Signal("vehicle_ready", max_age=1 * S, meaning="bridge: the vehicle permits charging, precharge may begin (writer: bridge)")
        self.vehicle_joined: Signal[bool] = Signal("vehicle_joined", max_age=1 * S, meaning="bridge: the vehicle's contactors are closed and battery_voltage is the battery's, precharge may end (writer: bridge)")
        # --- facts that a listener learns (writer: listen; listen_joined: join)
        self.listen_tier: Signal[str] = Signal("listen_tier", meaning="how much is heard: a, b or - (tasks.listen.tier)")
        self.listen_state: Signal[str] = Signal("listen_state", meaning="what goes on there (name of tasks.listen.hearing.State)")
        self.listen_limiting: Signal[str] = Signal("listen_limiting", meaning="which side limits, and by what; empty while unknown")
        self.listen_end: Signal[str] = Signal("listen_end", meaning="why the session overheard last ended")
        self.listen_joined: Signal[str] = Signal("listen_joined", meaning="joining: what the own modem said last; None without joining")
        # --- requests (leases)
        self.pilot_c_request: Signal[bool] = Signal("pilot_c_request", max_age=REQUEST, meaning="car: please state C (writer: v2g)")
        self.reset_request: Signal[bool] = Signal("reset_request", max_age=1 * S, meaning="a person has read the latched trip and wants to begin again (writer: user)")
        self.pilot_wake_request: Signal[bool] = Signal("pilot_wake_request", max_age=500 * MS, meaning="car: please state C for a moment, for a charger that sleeps or that counts (writer: connection of a car)")
        self.d1_request: Signal[bool] = Signal("d1_request", max_age=500 * MS, meaning="bridge: please charge sequence signal 1 (writer: chademo)")
        self.d2_request: Signal[bool] = Signal("d2_request", max_age=500 * MS, meaning="bridge: please charge sequence signal 2 (writer: chademo)")
        self.vehicle_lock_request: Signal[bool] = Signal("vehicle_lock_request", max_age=500 * MS, meaning="bridge: please lock the CHAdeMO plug (writer: chademo)")
        self.vehicle_max_discharge: Signal[float] = Signal("vehicle_max_discharge", unit="A", low=0, high=255, max_age=SENSED, meaning="bridge: no more may be drawn out of the vehicle now; None: nothing (writer: bridge)")
        self.charger_offer: Signal[ChargerOffer] = Signal("charger_offer", max_age=500 * MS, meaning="what the CCS side wants and can give (writer: bridge)")
        self.lock_request: Signal[bool] = Signal("lock_request", max_age=REQUEST, meaning="please lock the connector (writer: v2g)")
        self.contactor_request: Signal[bool] = Signal("contactor_request", max_age=REQUEST, meaning="please close the contactors (writer: v2g)")
        self.output_request: Signal[OutputRequest] = Signal("output_request", max_age=REQUEST, meaning="charger: please deliver (writer: v2g of a charger)")
        self.ac_request: Signal[bool] = Signal("ac_request", max_age=REQUEST, meaning="AC charger: True please close, False the car has ended its load (writer: v2g of a charger)")
        self.by_pilot_request: Signal[bool] = Signal("by_pilot_request", max_age=REQUEST, meaning="AC charger: there is no session; a car may charge by the pilot alone (writer: connection of a charger)")
        self.ac_current_request: Signal[float] = Signal("ac_current_request", unit="A", low=0, high=80, max_age=REQUEST, meaning="car: the on-board charger may draw this, per phase (writer: v2g of a car)")
        self.pilot_duty_request: Signal[float] = Signal("pilot_duty_request", unit="%", max_age=REQUEST, meaning="charger: please this PWM duty (writer: connection of a charger)")

    def __iter__(self) -> Iterator[Signal]:
        return (s for s in vars(self).values() if isinstance(s, Signal))
