"""A real box and its real guard with the outputs on pins: whoever dies, the other one still holds the lines and drops them in order."""
import errno
import os
import signal
import time

import pytest

from drivers.pins.lines import BULB, PULSE
from drivers.sim.lines import CONTACTORS, D1, D2, FIRST, LOCK, UNLOCK, VEHICLE_LOCK, VEHICLE_UNLOCK
from tests.drivers.pins.libraries import raspberry
from tests.guard.box import PATIENCE_S, Box
from tests.guard.pin_stand_in import ACTIVE_LOW, make_pwm, offsets

pytestmark = pytest.mark.real_time

OPENED = "contactors open"


class PinBox(Box):
    """A box with pins; `wires` hang at them."""

    def __init__(self, name, folder, mode="pev", fault="none"):
        self.duty = make_pwm(folder)
        super().__init__(name, fault, str(folder), mode, "tests.guard.pin_stand_in")
        twin = raspberry(tag=self.name)
        self.wires = {place: twin.wire(offset) for place, offset in offsets(mode).items()}

    def on(self, place):
        """What the load at the pin does."""
        return self.wires[place].high is not (place == ACTIVE_LOW)

    def duty_ns(self):
        return int(self.duty.read_text().split("\n")[0])

    def both_hold(self):
        return all(wire.held == sorted((self.process.pid, self.guard_pid)) for wire in self.wires.values())


def until(so, what):
    end = time.monotonic() + PATIENCE_S
    while not so():
        assert time.monotonic() < end, what


def safe(box):
    """As the page says, so the pins are."""
    box.safe_in_order()
    assert not any(box.on(place) for place in (FIRST, CONTACTORS, LOCK, UNLOCK, BULB))


@pytest.mark.parametrize("mode", ["pev", "evse", "ac"])
def test_after_sigkill_the_guard_still_holds_the_pins_and_drops_them_in_order(tmp_path, mode):
    with PinBox("pins-kill", tmp_path, mode) as box:
        box.until_closed()
        assert box.on(FIRST) and (mode == "ac" or box.on(CONTACTORS)) and box.both_hold()
        assert mode == "pev" or box.duty_ns() == 50_000
        box.kill()
        box.until(OPENED if mode != "ac" else "PWM ended")
        assert all(wire.held == [box.guard_pid] for wire in box.wires.values()), "nobody else is left, and no line was given back"
        until(lambda: not box.on(FIRST) and not box.on(CONTACTORS), "the guard says so and the pins are otherwise")
        if mode == "ac":
            assert not box.on(FIRST) and not box.on(LOCK)
        else:
            safe(box)
        until(lambda: box.duty_ns() == 1_000_000, "steady +12 V at the end")
        box.end_guard()
        assert not any(wire.held for wire in box.wires.values()), "given back"


def test_a_bridge_that_is_killed_loses_d2_after_its_contactor_and_d1_after_d2(tmp_path):
    """Its enable stage, behind which the coils hang, is pulsed until d1 is off."""
    with PinBox("pins-bridge", tmp_path, "bridge") as box:
        box.until_closed()
        assert all(box.on(place) for place in (FIRST, CONTACTORS, D1, D2)) and box.both_hold()
        box.kill()
        box.until(OPENED)
        seen = box.wires[PULSE].writes
        until(lambda: box.wires[PULSE].writes != seen, "the enable stage stays awake while d1 and d2 wait")
        box.until("d1 off")
        until(lambda: not box.on(D1), "the guard says so and the pin is otherwise")
        safe(box)
        assert not any(box.on(place) for place in (D2, VEHICLE_LOCK, VEHICLE_UNLOCK))
        assert box.ms_between(CONTACTORS, D2) >= 100 and box.ms_between(D2, D1) >= 500
        box.end_guard()
        assert not any(wire.held for wire in box.wires.values()), "given back"


def test_a_stopped_box_loses_its_pins_and_gets_none_back(tmp_path):
    with PinBox("pins-stop", tmp_path) as box:
        box.until_closed().signal(signal.SIGSTOP)
        box.until(OPENED)
        safe(box)
        box.signal(signal.SIGCONT)
        assert box.exit_code() == 1
        box.until("trips ")
        safe(box)


def test_an_orderly_end_gives_the_pins_back(tmp_path):
    with PinBox("pins-term", tmp_path) as box:
        box.until_closed().signal(signal.SIGTERM)
        assert box.exit_code() == 0
        box.until_silent()
        assert "guard" not in box.text.split("closed\n")[1].replace("main             guard", "") and not any(wire.held for wire in box.wires.values())


def test_without_its_guard_a_box_opens_its_pins_by_itself(tmp_path):
    with PinBox("pins-guardless", tmp_path) as box:
        box.until_closed()
        os.kill(box.guard_pid, signal.SIGKILL)
        assert box.exit_code() == 1 and not box.lines.level(FIRST) and not box.lines.level(CONTACTORS)


def test_a_pin_that_refuses_the_guard_is_tried_until_it_falls(tmp_path):
    with PinBox("pins-refused", tmp_path) as box:
        box.until_closed()
        box.wires[CONTACTORS].fail(errno.EIO)
        box.kill()
        box.until(OPENED)
        assert box.on(CONTACTORS) and not box.lines.level(CONTACTORS), "commanded, and refused"
        box.wires[CONTACTORS].fail(0)
        until(lambda: not box.on(CONTACTORS), "tried again every 10 or 100 ms")


def test_the_enable_stage_is_pulsed_by_the_guard_alone_and_as_long_as_it_may(tmp_path):
    with PinBox("pins-pulse", tmp_path) as box:
        wire = box.until_closed().wires[PULSE]
        seen = wire.writes
        until(lambda: wire.writes != seen, "pulses while it charges")
        box.signal(signal.SIGSTOP)
        seen = wire.writes
        until(lambda: wire.writes != seen, "pulses while the guard brings it to its safe state")
        box.until(OPENED)
        wire_at_end = wire.writes
        box.signal(signal.SIGCONT)
        assert box.exit_code() == 1
        assert wire.writes == wire_at_end, "no pulse once all is open"


def test_a_new_box_gets_the_pins_of_a_dead_one(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    with PinBox("pins-again", tmp_path / "one") as first:
        first.until_closed().kill()
        with PinBox("pins-again", tmp_path / "two") as second:       # asks while the first guard still holds every pin
            first.until(OPENED)
            first.until_silent()
            second.until_closed()
            assert second.both_hold()
