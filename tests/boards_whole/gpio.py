"""What hangs at the pins, converters and display of a Raspberry Pi or a BeagleBone: coils, contacts, a button, dividers, the pilot's peak detector."""
from __future__ import annotations

import errno
import os
from functools import partial
from pathlib import Path
from typing import Any, Callable

from drivers.adc.calibration import Platinum
from drivers.adc.iio import Iio
from drivers.interfaces import PilotState
from drivers.pins.build import charger_lines
from drivers.pins.library import Pins, load_api
from drivers.pins.names import BONE_HEADER
from drivers.pins.pwm_hand import PERIOD_NS
from drivers.sim.actuator import Actuator
from drivers.sim.plant import Plant
from tests.boards_whole.box import BoardCharge, Surroundings
from tests.display.test_oled_luma import BUSES, Bus as Panel
from tests.drivers.adc.twins import Ads1x15Twin, FakeSmbus, IioTree, Now
from tests.drivers.pins import kernel
from tests.drivers.pins.kernel import SET_V1, SET_V2, TwinKernel, Wire
from tests.drivers.pins.libraries import gpiod_v2
from tests.drivers.pins.test_library import beaglebone
from tests.guard.pin_stand_in import make_pwm

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
        if number != 1:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
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


class RaspberryWallbox(Surroundings):
    """An AC charger's box: mains contactor with its auxiliary contact, socket lock, pulse generator below a folder like /sys/class/pwm, pilot measured."""

    PLACES = {name: ("/dev/gpiochip0", offset) for name, offset in {
        "power": 17, "pulse": 22, "lock": 23, "unlock": 24, "locked": 25, "contact_plus": 20, "stop": 16}.items()}
    INPUTS = {"contact_plus": True, "locked": True, "stop": True}

    def __init__(self, monkeypatch: Any, twin: TwinKernel, folder: Path) -> None:
        self.wires = Wires(twin, self.PLACES, self.INPUTS)
        self.pins = self.wires.pins
        self.dead_contact = False
        self.now = Now()
        self.adc = Ads1x15Twin(self.now)
        self.adc.pins["1"] = lambda at: self.volts
        self.display = PanelChip()
        self.bus = I2cBus(self.adc, self.display)
        self.volts = 0.0
        self._duty = make_pwm(folder)
        self.charge: BoardCharge | None = None
        monkeypatch.setattr("smbus2.SMBus", self.bus)
        monkeypatch.setattr("drivers.boards.gpio.charger_lines", partial(charger_lines, pwm_root=str(folder)))

    def attach(self, charge: BoardCharge, board: Any, lines: Any) -> None:
        self.charge = charge
        self.wires.moved = self.coils

    def coils(self) -> None:
        """Mains contactor and lock motor stand where their pins say."""
        plant, now = self.charge.plant, self.charge.clock.time
        plant.command(plant.ac.contactor, self.wires.high("power"), now)
        turn(plant, plant.charger_lock, self.wires, now)

    def follow(self, now: int) -> None:
        plant, drive = self.charge.plant, self.wires.drive
        duty = int(self._duty.read_text().split("\n")[0]) / PERIOD_NS * 100 or None
        if duty != plant.pilot.duty:
            plant.touch(now)
            plant.pilot.duty = duty
            plant.pilot.update()
        if not self.dead_contact:
            drive("contact_plus", not plant.ac.contactor.position)
        drive("locked", not plant.charger_lock.position)
        drive("stop", not plant.charger_stop_button)
        self.now.ns = now
        self.volts = (CP_VOLTS[plant.pilot.at_charger.state] - CP_OFFSET) / CP_GAIN

    def close(self) -> None:
        os.close(self.bus.fd)


class BeagleBoneCar(CarPinsWorld):
    """pyPLC's pins, and its own converter by the kernel's files: 12 bits, 1.8 V."""

    USES = {"pilot_c": "P9_41", "contactors": "P9_17", "lock": "P8_14", "unlock": "P8_16", "locked": "P8_18", "contact_plus": "P9_12",
            "contact_minus": "P9_15", "stop": "P9_30", "plug": "P9_23"}
    HALF = 0.5                               # of the volts of `sensor_volts`, which go to 3.3

    def __init__(self, monkeypatch: Any, folder: Path) -> None:
        order = (1, 2, 3, 0)                 # the numbers of the controllers say nothing
        twin = beaglebone(folder, order)
        places = {}
        for use, pin in self.USES.items():
            bank, offset = divmod(BONE_HEADER[pin], 32)
            places[use] = (f"/dev/gpiochip{order.index(bank)}", offset)
        super().__init__(Wires(twin, places, self.INPUTS, sysfs=str(folder)))
        self.iio = IioTree(folder / "iio")
        self.volts = (0.0, 0.0, 0.0, 0.0)
        for n in range(4):
            self.iio.put(f"in_voltage{n}_raw", 0)
            self.iio.live[f"in_voltage{n}_raw"] = lambda n=n: min(4095, round(self.volts[n] * self.HALF / 1.8 * 4096))
        monkeypatch.setattr("drivers.boards.common.Iio", partial(Iio, root=str(folder / "iio"), files=self.iio))

    def follow(self, now: int) -> None:
        super().follow(now)
        plant = self.charge.plant
        self.volts = sensor_volts(plant, plant.pilot.at_car.state)
