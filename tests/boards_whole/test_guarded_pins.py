"""A box with a Raspberry Pi's plan and its real guard: killed, and the guard alone drops the pins of the profile in order."""
import pytest

from drivers.sim.lines import CONTACTORS, FIRST, LOCK, UNLOCK
from tests.drivers.pins.libraries import raspberry
from tests.guard.box import Box
from tests.guard.pin_stand_in import make_pwm
from tests.guard.test_pins import until

PINS = {FIRST: 17, CONTACTORS: 27, "pulse": 22, LOCK: 23, UNLOCK: 24}       # BCM numbers of drivers/boards/README.md


@pytest.mark.parametrize("mode", ["pev", "ac"])
def test_after_sigkill_the_guard_drops_the_profiles_pins(tmp_path, mode):
    make_pwm(tmp_path)
    with Box("pi", "none", str(tmp_path), mode, "tests.boards_whole.pi_stand_in") as box:
        twin = raspberry(tag=box.name)
        box.until_closed()
        wires = {place: twin.wire(offset) for place, offset in PINS.items() if mode == "pev" or place != CONTACTORS}
        assert wires[FIRST].high and (mode == "ac" or wires[CONTACTORS].high)
        assert all(wire.held == sorted((box.process.pid, box.guard_pid)) for wire in wires.values())
        seen = wires["pulse"].writes
        until(lambda: wires["pulse"].writes != seen, "the enable stage is kept awake by the guard")
        box.kill()
        box.until("contactors open" if mode == "pev" else "PWM ended")
        until(lambda: not any(wire.high for place, wire in wires.items() if place != "pulse"), "the guard says so and the pins are otherwise")
        assert all(wire.held == [box.guard_pid] for wire in wires.values())
        if mode == "pev":
            box.safe_in_order()
        box.end_guard()
        assert not any(wire.held for wire in wires.values()), "given back"
