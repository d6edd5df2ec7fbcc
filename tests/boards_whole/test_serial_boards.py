"""Dieter and the device of celeron55 by their plans: whole charges, plugged in late, pulled and put in again, silent."""
from __future__ import annotations

import pytest

from drivers.sim.serial_devices import SimCeleron55, SimDieter
from kernel.timer import MS, S
from tasks.stop_reasons import StopReason
from tests.boards_whole import files
from tests.boards_whole.box import BoardCharge
from tests.boards_whole.serial import SerialWorld
from tests.sessions.charges import assert_safe, run_to
from tools.simulate.invariants import B_BEFORE_OPENING, OPENED_BELOW, UNLOCKED

pytest.importorskip("serial", reason="pyserial is not installed")

BY_THE_LOSS = {B_BEFORE_OPENING, OPENED_BELOW, UNLOCKED}        # the device drops everything with its supply, and the person at the plug sees no volts
LIMITS = "ev:\n  stop_soc_percent: 97\n"
BOARDS = {"dieter": (SimDieter, files.DIETER.replace("battery_voltage_v: 350", "battery_voltage_v: 398\n  soc_percent: 96\n  soc_rise_percent_per_min: 2") + LIMITS),
          "celeron55": (SimCeleron55, files.CELERON55 + LIMITS)}


@pytest.fixture(params=BOARDS)
def start(request, tmp_path):
    made = []

    def charge(there=True, **kwargs):
        device, text = BOARDS[request.param]
        made.append(BoardCharge(tmp_path, "pev", text.format(port="auto"), SerialWorld(device, there), **kwargs))
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


def test_a_device_that_is_plugged_in_after_the_start_charges(start):
    c = start(there=False)
    c.run_until(5 * S)
    name = "Dieter" if c.shared.config.board == "dieter" else "C55"
    assert c.told == [f"{name}: no port"] and c.box.signals.device_notice.value == f"{name}: no port" and not c.box.kernel.fault
    assert c.trip == ("" if name == "Dieter" else "Contactor not open"), "contacts that should confirm and do not"
    c.surroundings.line.replug()
    c.run_until(c.clock.time + 30 * S)
    if not c.charging:
        again(c)
    assert not c.invariants.broken


def charges(c: BoardCharge) -> None:
    begin = c.clock.time
    while not c.charging:
        c.run_until(c.clock.time + 100 * MS)
        assert c.clock.time < begin + 120 * S, (c.trip, c.told, c.journal()[-3000:])


def again(c: BoardCharge) -> None:
    """The plug is pulled and put in again. Nobody tells a Dieter's box, which reads neither pilot nor plug: after a trip it has to be started anew."""
    c._unplugged_at = 1 << 62
    c.plant.unplug(c.clock.time, force=True)
    c.run_until(c.clock.time + 40 * S)
    c.plant.plug(c.clock.time)
    if c.shared.config.board == "dieter":
        c.run_until(c.clock.time + 10 * S)
        assert c.trip and not c.charging and not c.plant.pilot.state_c and not c.plant.car_contactors.commanded
        return
    charges(c)


@pytest.mark.parametrize("number", [130, 540, 570, 590, 700])
def test_the_device_is_unplugged_for_two_seconds(start, number):
    """It lost its supply: everything opens. The session ends safely or goes on; the device is back by itself."""
    c = start()
    c.run_until(run_to(c, number) + 500 * MS)
    c.surroundings.line.unplug()
    c.surroundings.line.device.reset()
    c.run_until(c.clock.time + 2 * S)
    assert c.told and c.told[0].endswith(": unplugged") and c.told[0] in c.journal()
    c.surroundings.line.replug()
    c.run_until(c.clock.time + 60 * S)
    assert not c.box.signals.device_notice.value and not c.box.kernel.fault
    if not c.charging:
        again(c)
    assert {b.sentence for b in c.invariants.broken} <= BY_THE_LOSS, c.invariants.broken
