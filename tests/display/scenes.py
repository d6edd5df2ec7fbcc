"""Signals as they stand in each phase of a charge: the stage for the display tests."""
from drivers.interfaces import PilotState
from kernel.timer import S
from tasks.signals import Signals

NOW = 100 * S


def signals(**values):
    """Signals with these values, written at NOW."""
    s = Signals()
    for name, value in values.items():
        put(s, NOW, **{name: value})
    return s


def put(s, at, **values):
    for name, value in values.items():
        signal = getattr(s, name)
        signal.value, signal.at = value, at


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
                  output_current=None, isolation=None, ev_soc=None, ev_target_voltage=None, ev_target_current=None, lock_confirmed=True)
LARGEST = dict(battery_voltage=1000.0, battery_soc=100.0, inlet_voltage=1100.0, inlet_current=-600.0, inlet_temperature=-60.0,
               evse_max_voltage=1100.0, evse_max_current=600.0, evse_max_power=660_000.0, ev_target_voltage=1100.0,
               ev_target_current=-600.0, session_energy=1_000_000.0, output_voltage=1100.0, output_current=-600.0,
               isolation=1e9, ev_soc=100.0, attenuation=127.9, link_rate_tx=65535, link_rate_rx=65535, link_quality="good", pilot_duty=99.0, pilot_state=PilotState.C,
               modem="a modem with an endless firmware name 1.2.3.4.5",
               modem_fault="a fault with an endless explanation", peer_mac=bytes(6))
LARGEST_AC = dict(LARGEST, ac_session=True, ac_voltage=500.0, ac_current=200.0, ac_power=100_000.0, ac_current_request=80.0, residual_current=True)


def texts(screen):
    return [screen.title, *(row.text for row in screen.rows)]
