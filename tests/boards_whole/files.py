"""Configurations as users write them, one for each board; `{port}` is where the device is plugged in."""

PI = """
board: raspberry_pi
raspberry_pi:
  measuring:
    voltmeter:
      inlet_voltage:
        channel: "ads1x15:0"
        gain: 300
        low: -20
        high: 1000
      inlet_current:
        channel: "ads1x15:2"
        gain: 200
        offset: -300
      inlet_temperature:
        channels: ["ads1x15:3"]
    pilot:
      channel: "ads1x15:1"
      gain: 10
      offset: -15
oled:
  controller: ssd1306
connection:
  require_pilot: false
"""
FIXED = """
charge_parameter_backend: fixed
vehicle_fixed:
  battery_voltage_v: 398
  target_voltage_v: 400
  max_voltage_v: 403
  soc_percent: 96
  target_current_a: 20
  max_current_a: 30
  max_power_w: 12000
  capacity_wh: 5000
  charge_permission: true
ev:
  stop_soc_percent: 97
"""
WALLBOX = """
board: raspberry_pi
evse:
  energy_transfer_modes: [AC_three_phase_core]
  protocols: [iso2]
safety:
  ac:
    residual_current_fitted: false
raspberry_pi:
  measuring:
    pilot:
      channel: "ads1x15:1"
      gain: 10
      offset: -15
oled:
  controller: ssd1306
"""
BONE = """
board: beaglebone
beaglebone:
  measuring:
    iio:
      channels: ["0", "1", "2", "3"]
    voltmeter:
      inlet_voltage:
        channel: "iio:0"
        gain: 600
      inlet_current:
        channel: "iio:2"
        gain: 400
        offset: -300
      inlet_temperature:
        channels: ["iio:3"]
        reference_v: 1.65
    pilot:
      channel: "iio:1"
      gain: 20
      offset: -15
connection:
  require_pilot: false
"""
DIETER = """
board: dieter
charge_parameter_backend: fixed
connection:
  require_pilot: false
safety:
  pev:
    contactor_feedback_fitted: false
    current_sensor_fitted: false
    temperature_sensor_fitted: false
    stop_button: none
vehicle_fixed:
  battery_voltage_v: 350
  target_voltage_v: 400
  max_voltage_v: 403
  charge_permission: true
oled:
  controller: none
modem_emulator:
  enabled: true
dieter:
  serial:
    port: {port}
"""
CELERON55 = """
board: celeron55
charge_parameter_backend: device
safety:
  pev:
    lock_feedback_fitted: false
    current_sensor_fitted: false
    temperature_sensor_fitted: false
    stop_button: none
oled:
  controller: none
modem_emulator:
  enabled: true
celeron55:
  target_voltage_v: 400
  max_voltage_v: 403
  serial:
    port: {port}
"""
