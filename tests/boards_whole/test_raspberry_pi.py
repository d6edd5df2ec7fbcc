"""A Raspberry Pi as a car's box: whole charges over its pins, its ADS1115 and its OLED, and every one of them failing on the way."""
from __future__ import annotations

import errno

import pytest

from kernel.timer import MS, S
from tasks.stop_reasons import StopReason
from tests.boards_whole.box import BoardCharge
from tests.boards_whole.gpio import RaspberryCar
from tests.drivers.pins.libraries import raspberry
from tests.sessions.charges import assert_safe, run_to

pytest.importorskip("smbus2", reason="smbus2 is not installed")
pytest.importorskip("luma.oled", reason="luma.oled is not installed")

MEASURING = """
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
CHARGING = 700               # checkpoint: the loop of current demands runs


@pytest.fixture
def start(tmp_path, monkeypatch):
    made = []

    def charge(text=MEASURING + FIXED, **kwargs):
        made.append(BoardCharge(tmp_path, "pev", text, RaspberryCar(monkeypatch, raspberry()), **kwargs))
        return made[-1]
    yield charge
    for c in made:
        c.close()


def test_a_whole_charge(start):
    c = start()
    c.run(600 * S)
    assert c.good and c.reason is StopReason.BATTERY_FULL, (c.reason, c.trip, c.told, [str(b) for b in c.invariants.broken], c.journal()[-3000:])
    assert_safe(c)
    assert c.told == []
