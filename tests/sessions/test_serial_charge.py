"""Whole charges of a car whose eyes and hands are at a serial line: every octet through a pty, the physics behind it, and the plug pulled on the way."""
from __future__ import annotations

import pytest

from drivers.serial_line.celeron55 import Celeron55, Celeron55Config
from drivers.serial_line.device import Wiring
from drivers.serial_line.dieter import Dieter, DieterConfig
from drivers.sim.plant_config import PlantConfig
from drivers.sim.serial_devices import SimCeleron55, SimDieter
from exi_native import codec
from kernel.timer import MS, NEVER, S
from tasks.config import Config
from tasks.stop_reasons import StopReason
from tests.drivers.serial_line.wire import Line
from tests.sessions.charges import assert_safe, run_to
from tools.simulate.charge import Charge

pytest.importorskip("serial", reason="pyserial is not installed")

OCTET = 10 * S // 19200      # on the wire: start bit, eight, stop bit


class SerialCharge(Charge):
    """The car's board has a serial device in the place of some simulated ones. A source of the world gives both ends their turns."""

    def __init__(self, make, soc_start: float = 96.0, soc_stop: float = 97.0, **safety) -> None:
        """`make`: gets this, sets `line`, and puts the device's parts into the board that it gets. `safety`: settings of safety.pev."""
        self._make = make
        self.line: Line | None = None
        self._turn_at = 0
        self._arrives = NEVER
        config = Config()
        config.ev.stop_soc_percent = soc_stop
        for name, value in safety.items():
            setattr(config.safety.pev, name, value)
        super().__init__(config, PlantConfig(battery_soc_percent=soc_start, battery_capacity_wh=5000.0), codec.load())
        self.world.sources.append(self)

    def _board(self, name, board):
        if name == "pev":
            self._make(self, board)
            board.control_pilot.failed = False       # what the invariants ask of a simulated one
        return board

    def next_event(self) -> int:
        """Octets need their time on the wire."""
        line = self.line
        waiting = line.driver.port.sent - line._taken
        if waiting > 0 and self._arrives == NEVER:
            self._arrives = self.clock.time + waiting * OCTET
        return min(self._turn_at, self._arrives)

    def deliver(self, now: int) -> None:
        if now >= self._arrives:
            self._arrives = NEVER
            self.line.exchange(now)
        if now >= self._turn_at:
            self.line.exchange(now)
            self._turn_at = self.line.driver.run(now)


def dieter(charge: SerialCharge, board) -> None:
    """Dieter switches and measures the inlet; pilot, stop button and battery come from elsewhere."""
    charge.line = line = Line(SimDieter(charge.plant))
    device = line.driver = Dieter(DieterConfig(), 0, Wiring(finder=line.plug.finder()))
    board.voltmeter, board.control_pilot, board.contactors = device.voltmeter, device.control_pilot, device.contactors


def celeron55(charge: SerialCharge, board) -> None:
    """The device of celeron55 does everything but the stop button."""
    charge.line = line = Line(SimCeleron55(charge.plant))
    battery = charge.plant.battery
    device = line.driver = Celeron55(Celeron55Config(target_voltage_v=battery.max_voltage, max_voltage_v=battery.max_voltage, max_current_a=125.0), 0,
                                     Wiring(finder=line.plug.finder()))
    board.voltmeter, board.pilot_monitor, board.control_pilot = device.voltmeter, device.pilot_monitor, device.control_pilot
    board.contactors, board.lock, board.vehicle = device.contactors, device.lock, device.vehicle


def switching_dieter(charge: SerialCharge, board) -> None:
    """Dieter switches and nothing else: that it has gone shows in no measurement."""
    charge.line = line = Line(SimDieter(charge.plant))
    device = line.driver = Dieter(DieterConfig(measures=False), 0, Wiring(finder=line.plug.finder()))
    board.control_pilot, board.contactors = device.control_pilot, device.contactors


FITTED = {"current_sensor_fitted": False, "temperature_sensor_fitted": False}
BOARDS = {"dieter": (dieter, FITTED | {"contactor_feedback_fitted": False}), "celeron55": (celeron55, FITTED | {"lock_feedback_fitted": False})}


@pytest.fixture(params=BOARDS)
def start(request):
    made = []

    def charge(**kwargs):
        make, safety = BOARDS[request.param]
        made.append(SerialCharge(make, **(safety | kwargs)))
        return made[-1]
    yield charge
    for charge in made:
        charge.line.close()


def test_a_car_over_a_pty_charges(start):
    c = start()
    c.run(600 * S)
    assert c.reason is StopReason.BATTERY_FULL and c.good, (c.reason, c.trip, c.invariants.broken)
    assert_safe(c)
    driver = c.line.driver
    assert driver.fault == "" and driver.bad == 0 and driver.port.errors == 0 and driver.port.dropped == 0 and driver.port.stalls == 0
    assert c.plant.snapshot(c.clock.time).soc_percent >= 96.9


def test_equal_charges_are_equal(start):
    """The pty is real, the time is not: nothing may depend on when the operating system moved the octets."""
    def trace():
        c = start()
        c.run(600 * S)
        return c.trace_hash()
    assert trace() == trace()


@pytest.mark.parametrize("number, later", [(540, 2 * S), (570, 0), (590, 0), (590, 3 * S)])
def test_unplugged_on_the_way(start, number, later):
    """The supervisor trips; the device without supply has dropped everything; nothing closes when it is plugged in again."""
    c = start(soc_start=50.0, soc_stop=55.0)
    c.run_until(run_to(c, number) + later)
    assert c.plant.pilot.state_c
    c.line.unplug()
    c.line.device.reset()
    before = c.plant.car_contactors.operations
    c.run_until(c.clock.time + 2 * S)
    assert c.trip and c.line.driver.fault.endswith(": unplugged")
    c.line.replug()
    c.run_until(c.clock.time + 30 * S)
    plant = c.plant
    assert not plant.pilot.state_c and not plant.car_contactors.commanded and not plant.car_contactors.position
    assert plant.car_contactors.operations <= before + 1, "opened, never closed again"
    assert c.line.driver.fault == "" and c.line.driver.port.opened == 2


def test_a_dieter_that_is_plugged_in_late_delays_the_charge_and_does_not_end_it():
    """Nothing was on yet: state C waits for the voltmeter."""
    c = SerialCharge(dieter, **BOARDS["dieter"][1])
    run_to(c, 530)
    c.line.unplug()
    c.run_until(c.clock.time + 2 * S)
    assert not c.trip and not c.plant.pilot.state_c
    c.line.replug()
    c.run(600 * S)
    assert c.reason is StopReason.BATTERY_FULL and c.good
    assert_safe(c)
    c.line.close()


def test_outputs_that_are_lost_end_the_charge_also_where_nothing_measures_them():
    c = SerialCharge(switching_dieter, soc_start=50.0, soc_stop=55.0, contactor_feedback_fitted=False)
    c.run_until(run_to(c, 590) + 3 * S)
    c.line.unplug()
    lost_at = c.clock.time
    while not c.trip:
        c.run_until(c.clock.time + 10 * MS)
        assert c.clock.time < lost_at + 200 * MS
    assert c.trip == "Contactor dropped" and c.line.driver.lost
    c.line.replug()
    c.run_until(c.clock.time + 20 * S)
    assert not c.plant.pilot.state_c and not c.plant.car_contactors.position and not c.line.driver.lost
    c.line.close()


def test_a_device_that_falls_silent_ends_the_charge(start):
    c = start(soc_start=50.0, soc_stop=55.0)
    run_to(c, 590)
    c.line.device.silent = True
    silent_at = c.clock.time
    while not c.trip:
        c.run_until(c.clock.time + 10 * MS)
        assert c.clock.time < silent_at + 2 * S
    c.run_until(c.clock.time + 10 * S)
    assert not c.plant.pilot.state_c and not c.plant.car_contactors.position
    assert not c.plant.damage
