"""What hangs at the pins, converters and display of a Raspberry Pi or a BeagleBone: coils, contacts, a button, dividers, the pilot's peak detector."""
from __future__ import annotations

import os
from typing import Any, Callable

from drivers.adc.calibration import Platinum
from drivers.interfaces import PilotState
from drivers.pins.library import Pins, load_api
from drivers.sim.actuator import Actuator
from drivers.sim.plant import Plant
from tests.boards_whole.box import BoardCharge, Surroundings
from tests.display.test_oled_luma import BUSES, Bus as Panel
from tests.drivers.adc.twins import Ads1x15Twin, FakeSmbus, Now
from tests.drivers.pins import kernel
from tests.drivers.pins.kernel import SET_V1, SET_V2, TwinKernel, Wire
from tests.drivers.pins.libraries import gpiod_v2

# what the settings in the tests say, the other way round
DIVIDER = 300.0                              # V at the inlet per V at the pin
CP_GAIN, CP_OFFSET = 10.0, -15.0             # -13 to 13 V in 0.2 to 2.8 V
AMPERES, ZERO_A = 200.0, -300.0              # a transducer with 1.5 V at 0 A
PULLUP, REFERENCE = 2200.0, 3.3              # of the PT1000
CP_VOLTS = {PilotState.A: 12.0, PilotState.B: 9.0, PilotState.C: 6.0, PilotState.D: 3.0, PilotState.E: 0.0, PilotState.F: -12.0}
BLOCK = 32                                   # octets of an SMBus block


def sensor_volts(plant: Plant, pilot: PilotState) -> tuple[float, float, float, float]:
    """At the converter's pins: inlet voltage, pilot, current, temperature."""
    ohm = Platinum().ohm(plant.inlet_temperature)
    amperes = plant.current if plant.car_contactors.position else 0.0
    return (plant.inlet_voltage / DIVIDER, (CP_VOLTS[pilot] - CP_OFFSET) / CP_GAIN, (amperes - ZERO_A) / AMPERES, REFERENCE * ohm / (ohm + PULLUP))


class PanelChip:
    """A display at 0x3C, as luma speaks to it."""

    address = 0x3C

    def __init__(self, controller: str = "ssd1306") -> None:
        self.absent = False
        self.panel = Panel(**BUSES[controller])

    def write(self, data: bytes) -> None:
        for n in range(1, len(data), BLOCK):
            self.panel.write_i2c_block_data(self.address, data[0], data[n:n + BLOCK])


class I2cBus(FakeSmbus):
    """`smbus2.SMBus` with everything that this board has on its bus; each user opens it for itself."""

    def __init__(self, *chips: Any) -> None:
        super().__init__(*chips)
        self.fd = os.open(os.devnull, os.O_RDONLY)          # its ioctl is refused, as by an adapter without a timeout

    def __call__(self, number: int) -> I2cBus:
        assert number == 1
        return self

    def write_i2c_block_data(self, address: int, mode: int, data: list[int]) -> None:
        if self.stuck:
            raise OSError(self.stuck, "bus")
        if self.chips[address].absent:
            raise OSError(121, "Remote I/O error")
        self.chips[address].write(bytes((mode, *data)))

    def close(self) -> None:
        self.closed += 1


class Wires:
    """The twin kernel's lines by their use. An ioctl that sets one moves what hangs at it at once."""

    def __init__(self, twin: TwinKernel, path_and_offset: dict[str, tuple[str, int]], inputs: dict[str, bool], **sysfs: str) -> None:
        """`path_and_offset` by use; `inputs`: level of each input before anything moves."""
        self.twin = twin
        self._places = path_and_offset
        self._levels = dict(inputs)
        self.moved: Callable[[], None] = lambda: None
        for name, high in inputs.items():
            twin.levels[path_and_offset[name]] = int(high)
        self.pins = Pins("gpiod", load_api(gpiod_v2(twin), self._ioctl), None, twin.paths, patience_s=0.0, **sysfs)
        self._wires: dict[str, Wire] = {}

    def _ioctl(self, fd: int, number: int, data: bytes) -> bytes:
        done = kernel.ioctl(fd, number, data)
        if number in (SET_V1, SET_V2):
            self.moved()
        return done

    def wire(self, name: str) -> Wire:
        if name not in self._wires:
            path, offset = self._places[name]
            self._wires[name] = self.twin.wire(offset, path)
        return self._wires[name]

    def high(self, name: str) -> bool:
        return self.wire(name).high

    def drive(self, name: str, high: bool) -> None:
        """An input; only a change is written."""
        if self._levels[name] != high:
            self._levels[name] = high
            self.wire(name).drive(high)


def turn(plant: Plant, motor: Actuator, wires: Wires, now: int) -> None:
    """A lock motor between two lines."""
    lock, unlock = wires.high("lock"), wires.high("unlock")
    if lock != unlock:
        plant.command(motor, lock, now)


class CarPinsWorld(Surroundings):
    """A car's box. `dead_contact`: the auxiliary contacts do not follow any more."""

    INPUTS = {"contact_plus": True, "contact_minus": True, "locked": True, "stop": True, "plug": True}       # contacts to ground, pulled up

    def __init__(self, wires: Wires) -> None:
        self.wires = wires
        self.pins = wires.pins
        self.dead_contact = False
        self.charge: BoardCharge | None = None

    def attach(self, charge: BoardCharge, board: Any, lines: Any) -> None:
        self.charge = charge
        self.wires.moved = self.coils

    def coils(self) -> None:
        """Pilot switch, contactors and lock motor stand where their pins say."""
        charge = self.charge
        plant, now, wires = charge.plant, charge.clock.time, self.wires
        c = wires.high("pilot_c")
        if c != plant.pilot.state_c:
            plant.touch(now)
            plant.pilot.state_c = c
            plant.pilot.update()
        plant.command(plant.car_contactors, wires.high("contactors"), now)
        turn(plant, plant.car_lock, wires, now)

    def follow(self, now: int) -> None:
        plant, drive = self.charge.plant, self.wires.drive
        if not self.dead_contact:
            drive("contact_plus", not plant.car_contactors.position)
            drive("contact_minus", not plant.car_contactors.position)
        drive("locked", not plant.car_lock.position)
        drive("stop", not plant.stop_button)
        drive("plug", not plant.pilot.plugged)


class RaspberryCar(CarPinsWorld):
    """With an ADS1115 at 0x48 and an OLED on I2C bus 1."""

    PLACES = {name: ("/dev/gpiochip0", offset) for name, offset in {
        "pilot_c": 17, "contactors": 27, "pulse": 22, "lock": 23, "unlock": 24, "locked": 25, "contact_plus": 20, "contact_minus": 21, "stop": 16, "plug": 26}.items()}

    def __init__(self, monkeypatch: Any, twin: TwinKernel) -> None:
        super().__init__(Wires(twin, self.PLACES, self.INPUTS))
        self.now = Now()
        self.adc = Ads1x15Twin(self.now)
        self.display = PanelChip()
        self.bus = I2cBus(self.adc, self.display)
        self.volts = (0.0, 0.0, 0.0, 0.0)
        self.adc.pins = {str(n): lambda at, n=n: self.volts[n] for n in range(4)}
        monkeypatch.setattr("smbus2.SMBus", self.bus)

    def follow(self, now: int) -> None:
        super().follow(now)
        self.now.ns = now
        plant = self.charge.plant
        self.volts = sensor_volts(plant, plant.pilot.at_car.state)

    def close(self) -> None:
        os.close(self.bus.fd)
