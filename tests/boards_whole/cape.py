"""What hangs at a FoccciCape: the DiDeBoCCS supply with its load relay, the divider at P9_40, the pilot at P9_39, button, lamp, CAN."""
from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from drivers.adc.iio import Iio
from drivers.can.bus import CanBus
from drivers.can.raw import RawLink
from drivers.focccicape.didebo import LOAD_PIN, WEIGHTS
from drivers.pins.build import charger_lines
from drivers.pins.names import BONE_HEADER
from drivers.pins.pwm_hand import PERIOD_NS
from drivers.sim.car import SimVoltmeter
from kernel.timer import S
from tests.boards_whole.box import BoardCharge, Surroundings
from tests.boards_whole.gpio import CP_GAIN, CP_OFFSET, CP_VOLTS, Wires
from tests.drivers.adc.twins import IioTree
from tests.drivers.can.fakes import FakeKernel
from tests.drivers.pins.test_library import beaglebone
from tests.guard.pin_stand_in import make_pwm

ZERO_V, GAIN = 0.510, 386.0          # U = (v - 0.510 V) * 386 (field sheet 1.5)
STEP_V = 1.8 / 4096                  # one count of the AM335x's converter
PILOT_HALF = 0.5                     # of the volts of tests/boards_whole/gpio.py, which go to 3.3
TRANSFORMER_A = 1.0                  # what the rectified transformers give; they charge capacitors only
LOAD_A = 10.0                        # through the load relay, out of the battery
CAPE = """
mode: evse
board: focccicape
evse:
  max_voltage_v: 400
  max_current_a: 20
  authorisation_delay_ms: 1000
  parameter_delay_ms: 1000
safety:
  evse:
    isolation_monitor_fitted: false
    lock_feedback_fitted: false
    contactor_feedback_fitted: false
oled:
  controller: none
focccicape:
  pilot:
    channel: "iio:0"
    gain: 20
    offset: -15
  supply:
    told_insulation_ohm: 1000000
  pins:
    pwm:
      chip: 0
"""


class CapeWorld(Surroundings):
    """`edges`: when the life sign changed. `opened_loaded`: the car's contactors opened with the load relay closed. `taken`: As out of the battery."""

    USES = {**{f"w{weight:.0f}": pin for weight, pin in WEIGHTS}, "load": LOAD_PIN, "enable": "P9_16", "life": "P9_14", "lamp": "P9_28", "stop": "P9_30"}

    def __init__(self, monkeypatch: Any, folder: Path) -> None:
        (folder / "gpio").mkdir()
        order = (1, 2, 3, 0)                 # the numbers of the controllers say nothing
        twin = beaglebone(folder / "gpio", order)
        twin._tag = str(folder)              # the lines of an earlier test end with the process, as the box's do
        places = {}
        for use, pin in self.USES.items():
            bank, offset = divmod(BONE_HEADER[pin], 32)
            places[use] = (f"/dev/gpiochip{order.index(bank)}", offset)
        self.wires = Wires(twin, places, {"stop": True}, sysfs=str(folder / "gpio"))
        self.pins = self.wires.pins
        self.iio = IioTree(folder / "iio")
        for name, volts in (("in_voltage0_raw", self._pilot_volts), ("in_voltage1_raw", self._output_volts)):
            self.iio.put(name, 0)
            self.iio.live[name] = lambda volts=volts: max(0, min(4095, round(volts() / STEP_V)))
        self._duty = make_pwm(folder)
        self.bus = FakeKernel()
        self.edges: list[int] = []
        self.opened_loaded = 0
        self.taken = 0.0
        self.pairs: list[tuple[float, bool]] = []           # (sum of the weights, load) whenever it changed
        self._level = False
        self._closed = False
        self._at = 0
        self.charge: BoardCharge | None = None
        monkeypatch.setattr("drivers.boards.focccicape.charger_lines", partial(charger_lines, pwm_root=str(folder)))
        monkeypatch.setattr("drivers.boards.focccicape.Iio", partial(Iio, root=str(folder / "iio"), files=self.iio))
        monkeypatch.setattr("drivers.can.bus.CanBus", lambda config: CanBus(config, RawLink(config, self.bus.socket)))

    # --- what the converter sees

    def _pilot_volts(self) -> float:
        return (CP_VOLTS[self.charge.plant.pilot.at_charger.state] - CP_OFFSET) / CP_GAIN * PILOT_HALF

    def _output_volts(self) -> float:
        return self.charge.plant.output_voltage / GAIN + ZERO_V

    # --- what the pins move

    @property
    def standing(self) -> float:
        """V: the weights in series, behind the enable."""
        return sum(weight for weight, _ in WEIGHTS if self.wires.high(f"w{weight:.0f}")) if self.wires.high("enable") else 0.0

    @property
    def loaded(self) -> bool:
        return self.wires.high("load") and self.wires.high("enable")

    def attach(self, charge: BoardCharge, board: Any, lines: Any) -> None:
        self.charge = charge
        self.wires.moved = self.coils

    def coils(self) -> None:
        plant, now, standing = self.charge.plant, self.charge.clock.time, self.standing
        plant.command_stage(standing > 0.0, standing, TRANSFORMER_A if standing else 0.0, now)
        if not self.pairs or self.pairs[-1] != (standing, self.loaded):
            self.pairs.append((standing, self.loaded))
        if self.wires.high("life") != self._level:
            self._level = not self._level
            self.edges.append(now)

    def follow(self, now: int) -> None:
        plant = self.charge.plant
        duty = int(self._duty.read_text().split("\n")[0]) / PERIOD_NS * 100 or None
        if duty != plant.pilot.duty:
            plant.touch(now)
            plant.pilot.duty = duty
            plant.pilot.update()
        self.wires.drive("stop", not plant.charger_stop_button)
        closed, seconds, self._at = plant.car_contactors.position, (now - self._at) / S, now
        if self._closed and not closed and self.loaded:
            self.opened_loaded += 1
        self._closed = closed
        if closed and self.loaded:           # the plant itself knows no current out of a battery
            plant.battery.add(-LOAD_A * seconds)
            self.taken += LOAD_A * seconds


class CarMeter(SimVoltmeter):
    """The car's own: with a current sensor it sees what the load takes."""

    world: CapeWorld

    def inlet_current(self, now: int) -> float | None:
        value = super().inlet_current(now)
        return value - LOAD_A if value is not None and self._plant.car_contactors.position and self.world.loaded else value


class CapeCharge(BoardCharge):
    """`peer` decides whether the car has a current sensor."""

    def _board(self, name: str, board: Any) -> Any:
        if name == self.role:
            return super()._board(name, board)
        meter = board.voltmeter = CarMeter(self.plant, current_sensor=self._peer.safety.pev.current_sensor_fitted)
        meter.world = self.surroundings
        return board
