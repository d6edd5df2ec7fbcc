"""Signals as they stand in each phase of a charge: the stage for the sheet and for the display's tests."""
from __future__ import annotations

from typing import Any

from drivers.interfaces import PilotState
from kernel.timer import S
from tasks.signals import Signals, VehicleSays

NOW = 100 * S


def signals(**values: Any) -> Signals:
    """Signals with these values, written at NOW."""
    s = Signals()
    for name, value in values.items():
        put(s, NOW, **{name: value})
    return s


def put(s: Signals, at: int, **values: Any) -> None:
    for name, value in values.items():
        signal = getattr(s, name)
        signal.value, signal.at = value, at


LINK = dict(modem="QCA7005 1.2.4", attenuation=11.4, link_rate_tx=9, link_rate_rx=7, link_quality="good", own_address=bytes.fromhex("fe80000000000000a2b052fffe112233"))
CAR = dict(pilot_state=PilotState.C, pilot_duty=5.0, modem="QCA7005 1.2.4", peer_mac=bytes.fromhex("00b052112233"), attenuation=11.4,
           battery_voltage=381.0, battery_soc=42.0, inlet_voltage=381.2, inlet_current=120.4, inlet_temperature=34.0,
           contactors_closed=True, lock_confirmed=True, evse_max_voltage=500.0, evse_max_current=200.0, evse_max_power=100_000.0,
           ev_target_voltage=400.0, ev_target_current=125.0, session_energy=12_340.0)
CHARGER = dict(pilot_state=PilotState.C, pilot_duty=5.0, modem="QCA7005 1.2.4", peer_mac=bytes.fromhex("00b052445566"), attenuation=11.4,
               output_voltage=381.2, output_current=120.4, isolation=1_200_000.0, ev_target_voltage=400.0, ev_target_current=125.0,
               ev_soc=42.0, contactors_closed=True, session_energy=12_340.0)
AC_CAR = dict(CAR, ac_session=True, ac_voltage=None, ac_current=16.0, ac_power=11_040.0, ac_current_request=16.0, inlet_voltage=0.0, inlet_current=0.0,
              contactors_closed=False, evse_max_voltage=230.0, evse_max_current=16.0, evse_max_power=None, ev_target_voltage=None, ev_target_current=None)
AC_CHARGER = dict(CHARGER, ac_session=True, ac_voltage=230.4, ac_current=16.0, ac_power=11_040.0, ac_request=True, residual_current=False, output_voltage=None,
                  output_current=None, isolation=None, ev_soc=None, ev_target_voltage=None, ev_target_current=None, lock_confirmed=True, evse_max_current=16.0)
KNOWN_CAR = dict(CAR, **{**LINK, "attenuation": 11.4}, peer_modem=bytes.fromhex("00b052aabbcc"), battery_capacity=64_000.0, battery_target_voltage=400.0,
                 battery_target_current=125.0, battery_max_voltage=410.0, battery_max_current=125.0, battery_max_power=150_000.0, charge_permission=True,
                 current_limit=125.0, evse_present_voltage=380.6, evse_present_current=121.0, v2g_protocol="ISO 15118-2", evse_id="DE*ABC*E1234567*9",
                 safety_state="Closed", stop_button=False, supply_voltage=12.4)
KNOWN_CHARGER = dict(CHARGER, **{**LINK, "attenuation": 11.4}, peer_modem=bytes.fromhex("00b052ddeeff"), ev_capacity=64_000.0, ev_energy_request=30_000.0,
                     ev_max_voltage=410.0, ev_max_current=125.0, evse_max_voltage=500.0, evse_max_current=200.0, evse_max_power=100_000.0,
                     v2g_protocol="DIN 70121", evse_id="ZZ00000", safety_state="Delivering", lock_confirmed=True, stop_button=False)
SAYS = VehicleSays(protocol=2, target_voltage=410.0, max_voltage=435.0, current_request=118.0, soc=42.0, capacity=35_400.0, dynamic=True, enabled=True, status=0x81, faults=0,
                   contactors_closed=True)
BRIDGE = dict(CAR, bridge_phase="Joined", bridge_wait="", bridge_battery="measured +-4 V", session_hold="", chademo_state="Charge", chademo_status=0x05,
              vehicle_says=SAYS, d1_on=True, d2_on=True, vehicle_permission=True, vehicle_lock_confirmed=True, vehicle_voltage=380.6)
"""A CHAdeMO vehicle charges at a CCS charger through this box."""
ASLEEP = dict(bridge_phase="Kickoff", bridge_wait="car waits for CCS", bridge_battery="n +-12 V", chademo_state="Idle", chademo_status=None,
              vehicle_says=None, d1_on=False, d2_on=False, vehicle_permission=False, vehicle_lock_confirmed=False, vehicle_voltage=0.0, contactors_closed=False)
STARTS = dict(ASLEEP, bridge_phase="Start", d1_on=True, vehicle_says=VehicleSays(protocol=2, target_voltage=410.0))
BRIDGE_STEPS = {
    "IDLE": dict(ASLEEP, bridge_phase="Rest", bridge_wait="", session_hold="the bridge", bridge_battery=None),
    "MODEM": dict(ASLEEP, bridge_phase="Rest", bridge_wait="", session_hold="the bridge", bridge_battery=None),
    "PLUGGED": dict(ASLEEP, bridge_phase="Over", bridge_wait="", session_hold="both to be replugged"),
    "ASKING": dict(STARTS, bridge_phase="Look", bridge_wait="CCS waits for car", session_hold="a look at the car", chademo_state="Param", chademo_status=0x20),
    "VEHICLE": dict(STARTS, bridge_wait="CCS waits for car", chademo_state="Locked", chademo_status=0x20, vehicle_permission=True),
    "PRECHARGE": dict(STARTS, bridge_wait="car waits for CCS", chademo_state="WaitPower", chademo_status=0x24, vehicle_permission=True, vehicle_lock_confirmed=True),
    "STARTING": dict(bridge_phase="Start", bridge_wait="waiting for match", chademo_state="Mate", chademo_status=0x24),
    "STOPPING": dict(bridge_phase="Ending", bridge_wait="waiting for car", chademo_state="StopWd", chademo_status=0x24, contactors_closed=False),
    "PARAMETERS": ASLEEP, "MATCHING": ASLEEP, "JOINING": ASLEEP, "DISCOVERY": ASLEEP, "CONNECTING": ASLEEP, "SESSION": ASLEEP, "AUTHORISATION": ASLEEP,
    "CABLE_CHECK": ASLEEP,
}
"""How BRIDGE differs in each phase before and after charging, by the phase's name."""
LARGEST = dict(battery_voltage=1000.0, battery_soc=100.0, inlet_voltage=1100.0, inlet_current=-600.0, inlet_temperature=-60.0,
               evse_max_voltage=1100.0, evse_max_current=600.0, evse_max_power=660_000.0, ev_target_voltage=1100.0,
               ev_target_current=-600.0, session_energy=1_000_000.0, output_voltage=1100.0, output_current=-600.0,
               isolation=1e9, ev_soc=100.0, attenuation=127.9, link_rate_tx=65535, link_rate_rx=65535, link_quality="good", pilot_duty=99.0, pilot_state=PilotState.C,
               modem="a modem with an endless firmware name 1.2.3.4.5",
               modem_fault="a fault with an endless explanation", peer_mac=bytes(6), peer_modem=bytes(6), battery_capacity=300_000.0, battery_target_voltage=1000.0,
               battery_target_current=500.0, battery_max_voltage=1000.0, battery_max_current=500.0, battery_max_power=400_000.0, charge_permission=False,
               current_limit=1000.0, evse_present_voltage=1100.0, evse_present_current=-600.0, v2g_protocol="ISO 15118-2", evse_id="X" * 37, ev_capacity=300_000.0,
               ev_energy_request=300_000.0, ev_max_voltage=1000.0, ev_max_current=1000.0, safety_state="AStateOfAnExtremelyLongName", supply_voltage=60.0,
               own_address=bytes([0xFE, 0x80]) + b"\xff" * 14)
LARGEST_BRIDGE = {**BRIDGE, **LARGEST, "bridge_wait": "car waits for CCS", "bridge_battery": "formula +-999 V", "chademo_state": "WaitRequest", "vehicle_voltage": 1100.0,
                  "chademo_status": 0xFF, "vehicle_says": VehicleSays(target_voltage=65535.0, current_request=255.0), "session_hold": "both to be replugged",
                  "session_energy_out": 1_000_000.0}
LARGEST_AC = dict(LARGEST, ac_session=True, ac_voltage=500.0, ac_current=200.0, ac_power=100_000.0, ac_current_request=80.0, residual_current=True)
HEARD = dict(listen_tier="b", peer_mac=bytes.fromhex("52ad9207328b"), attenuation=19.4, evse_present_voltage=367.1, evse_present_current=171.8,
             ev_soc=57, ev_target_voltage=412.8, ev_target_current=172.0, session_energy=420.0, listen_limiting="car: wish")
