"""The devices over pins keep the contract of drivers/interfaces.py, and move, confirm and stop as their hardware has to."""
import errno
import os
import random

import pytest

from drivers import interfaces
from drivers.pins.config import InputPin, LockPins
from drivers.pins.inputs import PinInputs
from drivers.pins.lines import BULB, SWITCHED, PinLines
from drivers.pins.outputs import (MOTOR_LIMIT_MS, MOTOR_REST, EnabledPowerSupply, NoLock, PinBulb, PinConnectorLock, PinContactors, PinControlPilot,
                                  PinPilotSource)
from drivers.pins.pwm_hand import PERIOD_NS, PwmHand
from drivers.sim.charger import SimPowerSupply
from drivers.sim.lines import CONTACTORS, FIRST, LOCK, POWER, UNLOCK
from drivers.sim.plant import Plant
from drivers.sim.plant_config import PlantConfig
from kernel.timer import MS, S
from tests.drivers.pins.bench import Bench

LOCKED, UNLOCKED, PLUS, MINUS, STOP = 5, 6, 12, 13, 16


@pytest.fixture
def bench(tmp_path):
    (tmp_path / "duty_cycle").write_text(f"{PERIOD_NS}\n")
    made = Bench(PwmHand(os.open(tmp_path / "duty_cycle", os.O_WRONLY)))
    yield made
    made.close()


def supply():
    return SimPowerSupply(Plant(PlantConfig(plugged=True)))


DEVICES = {
    "ControlPilot": lambda bench: PinControlPilot(bench.lines),
    "Contactors": lambda bench: PinContactors(bench.lines, (bench.input(PLUS)[0],)),
    "Contactors of an AC charger": lambda bench: PinContactors(bench.lines, (), 200, POWER),
    "ConnectorLock": lambda bench: PinConnectorLock(bench.lines, LockPins(), bench.input(LOCKED)[0]),
    "ConnectorLock that is not fitted": lambda bench: NoLock(),
    "PilotSource": lambda bench: PinPilotSource(bench.lines),
    "PowerSupply": lambda bench: EnabledPowerSupply(bench.lines, supply()),
    "Inputs": lambda bench: PinInputs(bench.input(STOP)[0]),
}
COMMANDS = {  # command, what it commands the line to, its line
    "ControlPilot": ("set_state_c", FIRST), "Contactors": ("set_closed", CONTACTORS), "Contactors of an AC charger": ("set_closed", POWER),
    "ConnectorLock": ("set_locked", LOCK),
}


@pytest.mark.parametrize("name", DEVICES)
def test_everything_that_the_protocol_names_exists(bench, name):
    protocol, device = getattr(interfaces, name.split()[0]), DEVICES[name](bench)
    wanted = {n for n in vars(protocol) if not n.startswith("_")} | set(protocol.__annotations__)
    assert wanted and not [n for n in wanted if not hasattr(device, n)]
    assert device.errors == 0


@pytest.mark.parametrize("name", COMMANDS)
def test_what_the_pin_refuses_is_false_and_counted(bench, name):
    command, line = COMMANDS[name]
    device = DEVICES[name](bench)
    bench.wires[line].fail(errno.EIO)
    assert getattr(device, command)(True, S) is False and device.errors >= 1 and not bench.on(line)
    bench.wires[line].fail(0)
    assert getattr(device, command)(True, 2 * S) is True and bench.on(line)


@pytest.mark.parametrize("name", COMMANDS)
def test_what_the_guard_holds_is_false_and_counted(bench, name):
    command, line = COMMANDS[name]
    device = DEVICES[name](bench)
    bench.lines.hold()
    assert getattr(device, command)(True, S) is False and device.errors >= 1 and not bench.on(line)


# --- contactors -------------------------------------------------------------------------------------------------------------

def test_without_a_contact_nothing_is_known(bench):
    contactors = PinContactors(bench.lines)
    assert contactors.set_closed(True, S) and contactors.feedback(5 * S) is None and contactors.errors == 0


def test_one_contact_is_believed_when_the_travel_time_is_over(bench):
    contact, wire = bench.input(PLUS)
    contactors = PinContactors(bench.lines, (contact,), 200)
    assert contactors.feedback(0) is False
    assert contactors.set_closed(True, S) and contactors.feedback(S) is None, "on its way"
    wire.drive(True)
    assert contactors.feedback(S + 40 * MS) is True, "arrived earlier"
    assert contactors.set_closed(False, 2 * S) and contactors.feedback(2 * S + 199 * MS) is None
    assert contactors.feedback(2 * S + 200 * MS) is True, "welded: measured closed"


def test_contactors_that_the_guard_opens_travel_as_well(bench):
    contact, wire = bench.input(PLUS)
    contactors = PinContactors(bench.lines, (contact,), 200)
    contactors.set_closed(True, 0)
    wire.drive(True)
    assert contactors.feedback(S) is True
    bench.lines.hold()
    bench.lines.force(CONTACTORS, False)
    assert contactors.feedback(2 * S) is None and contactors.feedback(3 * S) is True


@pytest.mark.parametrize("plus", [False, True])
@pytest.mark.parametrize("minus", [False, True])
@pytest.mark.parametrize("commanded", [False, True])
def test_two_poles_have_to_agree(bench, plus, minus, commanded):
    (one, wire), (other, second) = bench.input(PLUS), bench.input(MINUS)
    contactors = PinContactors(bench.lines, (one, other), 200)
    contactors.set_closed(commanded, S)
    wire.drive(plus), second.drive(minus)
    assert contactors.feedback(S + 200 * MS) is (plus if plus is minus else None)


@pytest.mark.parametrize("lost", [0, 1])
def test_a_contact_that_cannot_be_read_is_none_and_counted(bench, lost):
    pairs = [bench.input(PLUS), bench.input(MINUS)]
    contactors = PinContactors(bench.lines, tuple(pin for pin, _ in pairs))
    assert contactors.feedback(S) is False
    pairs[lost][1].fail(errno.EIO)
    assert contactors.feedback(2 * S) is None and contactors.errors == 1
    pairs[lost][1].fail(0)
    assert contactors.feedback(3 * S) is False


# --- the lock ---------------------------------------------------------------------------------------------------------------

def motor(bench):
    return bench.on(LOCK), bench.on(UNLOCK)


def test_by_time_the_end_of_the_pulse_counts_as_arrived(bench):
    lock = PinConnectorLock(bench.lines, LockPins(pulse_ms=300))
    assert lock.feedback(0) is None and lock.set_locked(True, S) and motor(bench) == (True, False)
    assert lock.feedback(S + 299 * MS) is None and motor(bench) == (True, False)
    assert lock.run(S + 300 * MS) > S + 300 * MS and motor(bench) == (False, False) and lock.feedback(S + 300 * MS) is True
    assert lock.set_locked(False, 2 * S) and motor(bench) == (False, True) and lock.feedback(2 * S) is None
    assert lock.feedback(3 * S) is False and motor(bench) == (False, False) and lock.errors == 0


def test_a_switch_ends_the_pulse(bench):
    locked, wire = bench.input(LOCKED)
    lock = PinConnectorLock(bench.lines, LockPins(pulse_ms=600), locked)
    assert lock.feedback(0) is False and lock.set_locked(True, S) and lock.feedback(S) is None
    wire.drive(True)
    lock.run(S + 150 * MS)
    assert motor(bench) == (False, False) and lock.feedback(S + 150 * MS) is True and not lock.driving
    assert lock.set_locked(False, 2 * S) and motor(bench) == (False, True)
    wire.drive(False)
    assert lock.feedback(2 * S + 80 * MS) is False and motor(bench) == (False, False) and lock.errors == 0 and lock.fault == ""


def test_a_lock_that_is_there_already_is_not_driven(bench):
    locked, _ = bench.input(LOCKED, high=True)
    lock = PinConnectorLock(bench.lines, LockPins(), locked)
    assert lock.set_locked(True, S) and motor(bench) == (False, False) and lock.feedback(S) is True


@pytest.mark.parametrize("pulse, limit", [(600, 600), (3000, MOTOR_LIMIT_MS), (60_000, MOTOR_LIMIT_MS)])
def test_without_confirmation_the_motor_stops_at_the_limit_and_says_so(bench, pulse, limit):
    locked, _ = bench.input(LOCKED)
    lock = PinConnectorLock(bench.lines, LockPins(pulse_ms=pulse), locked)
    assert lock.set_locked(True, S)
    lock.run(S + limit * MS - 1)
    assert motor(bench) == (True, False)
    lock.run(S + limit * MS)
    assert motor(bench) == (False, False) and lock.fault == ""
    assert lock.feedback(S + limit * MS) is False
    lock.run(S + limit * MS + 100 * MS)
    assert lock.fault == "LOCK: no end switch" and len(lock.fault) == 19 and "pulse_ms" in lock.remedy and lock.errors == 1


def test_a_switch_that_bounces_as_the_pulse_ends_is_no_fault(bench):
    """A motor that needs as long as its pulse; the switch counts 20 ms later."""
    locked, wire = bench.input(LOCKED, debounce_ms=20)
    lock = PinConnectorLock(bench.lines, LockPins(pulse_ms=600, locked=InputPin(debounce_ms=20)), locked)
    locked.read(S)
    assert lock.set_locked(True, S)
    wire.drive(True)
    for ms in range(600, 700, 10):
        lock.run(S + ms * MS)
        assert lock.fault == ""
    assert motor(bench) == (False, False) and lock.feedback(S + 700 * MS) is True and lock.errors == 0


def test_a_lock_that_arrives_late_is_well_again(bench):
    locked, wire = bench.input(LOCKED)
    lock = PinConnectorLock(bench.lines, LockPins(pulse_ms=100), locked)
    assert lock.set_locked(True, S)
    lock.run(S + 100 * MS)
    lock.run(S + 200 * MS)
    assert lock.fault and lock.errors == 1
    wire.drive(True)
    lock.run(S + 300 * MS)
    assert lock.fault == lock.remedy == "" and lock.feedback(S + 300 * MS) is True and lock.errors == 1


def test_the_same_command_again_and_again_is_one_pulse_until_the_motor_has_rested(bench):
    lock = PinConnectorLock(bench.lines, LockPins(pulse_ms=500), bench.input(LOCKED)[0])
    driven = 0
    for n in range(240):                                     # 2.4 s
        assert lock.set_locked(True, n * 10 * MS)
        driven += motor(bench) == (True, False)
    assert driven == 50
    assert lock.set_locked(True, 500 * MS + MOTOR_REST) and motor(bench) == (True, False), "a new try"


def test_a_reversal_never_drives_both(bench):
    lock = PinConnectorLock(bench.lines, LockPins(pulse_ms=500))
    for n in range(20):
        assert lock.set_locked(n % 2 == 0, n * 100 * MS) and motor(bench) == (n % 2 == 0, n % 2 == 1)


@pytest.mark.parametrize("low, high, expected", [(False, False, None), (True, True, None), (True, False, True), (False, True, False)])
def test_two_switches_have_to_differ(bench, low, high, expected):
    (locked, one), (unlocked, other) = bench.input(LOCKED), bench.input(UNLOCKED)
    lock = PinConnectorLock(bench.lines, LockPins(), locked, unlocked)
    one.drive(low), other.drive(high)
    assert lock.feedback(S) is expected


def test_the_switch_of_the_unlocked_end_alone(bench):
    unlocked, wire = bench.input(UNLOCKED, high=True)
    lock = PinConnectorLock(bench.lines, LockPins(), None, unlocked)
    assert lock.feedback(0) is False
    wire.drive(False)
    assert lock.feedback(S) is True
    wire.fail(errno.EIO)
    assert lock.feedback(2 * S) is None


def test_a_direction_that_does_not_let_go_is_not_driven_against(bench):
    lock = PinConnectorLock(bench.lines, LockPins(pulse_ms=500))
    lock.set_locked(True, 0)
    bench.wires[LOCK].fail(errno.EIO)
    assert lock.set_locked(False, 100 * MS) is False and not bench.on(UNLOCK)
    bench.wires[LOCK].fail(0)
    bench.lines.run(200 * MS)
    assert motor(bench) == (False, False)


# --- the others -------------------------------------------------------------------------------------------------------------

def test_a_power_stage_runs_only_while_its_line_is_on(bench):
    stage = supply()
    power = EnabledPowerSupply(bench.lines, stage)
    assert power.set(350.0, 2.0, S) and bench.on(POWER) and stage._plant.stage.on
    stage._plant.stage.refuses = True
    assert not power.set(400.0, 2.0, 2 * S) and not power.off(3 * S) and not bench.on(POWER) and power.errors == 2
    stage._plant.stage.refuses = False
    bench.wires[POWER].fail(errno.EIO)
    assert not power.set(350.0, 2.0, 4 * S)


def test_a_bulb_follows_the_contactors_by_itself(bench):
    """pyPLC's light bulb: its relay closes some time after the contactors, and is open whenever they are."""
    bulb = PinBulb(bench.lines, 2000)
    assert bulb.run(0) <= S and not bench.on(BULB)
    bench.lines.set(CONTACTORS, True)
    bulb.run(S)
    bulb.run(3 * S - 1)
    assert not bench.on(BULB)
    bulb.run(3 * S)
    assert bench.on(BULB) and bulb.fault == ""
    bench.lines.set(CONTACTORS, False)
    assert not bench.on(BULB)
    bulb.run(4 * S)
    bench.lines.set(CONTACTORS, True)
    bulb.run(5 * S)
    assert not bench.on(BULB), "the time counts anew"
    bulb.run(7 * S)
    assert bench.on(BULB)


def test_a_bulb_burns_behind_closed_contactors_only(bench):
    bulb = PinBulb(bench.lines)
    assert not bulb.set_on(True, 0) and bulb.errors == 1
    bench.lines.set(CONTACTORS, True)
    assert bulb.set_on(True, S) and bench.on(BULB)
    bench.lines.set(CONTACTORS, False)
    assert not bench.on(BULB) and bulb.set_on(False, 2 * S)


def test_a_pilot_source_sets_the_generator(bench, tmp_path):
    source = PinPilotSource(bench.lines)
    assert source.set_duty(5.0, 0) and (tmp_path / "duty_cycle").read_text().startswith("50000\n")
    bench.lines.hold()
    assert not source.set_duty(10.0, 0) and source.errors == 1 and source.set_duty(5.0, 0)


def test_a_lock_that_is_not_fitted_says_what_it_was_told():
    lock = NoLock()
    assert lock.feedback(0) is None and lock.set_locked(True, 0) and lock.feedback(0) is True


@pytest.mark.parametrize("seed", range(40))
def test_with_random_faults_nothing_raises_answers_are_true_and_all_ends_safe(tmp_path, seed):
    """EIO, ENODEV, EBUSY at any pin and any call; the answer True means that the pin is there."""
    rng = random.Random(seed)
    (tmp_path / "duty_cycle").write_text(f"{PERIOD_NS}\n")
    bench = Bench(PwmHand(os.open(tmp_path / "duty_cycle", os.O_WRONLY)), v1=seed % 2 == 1, active_low=seed % 3 == 1)
    inputs = {offset: bench.input(offset, rng.choice((0, 20)), reopen=True) for offset in (LOCKED, UNLOCKED, PLUS, MINUS, STOP)}
    pilot, contactors = PinControlPilot(bench.lines), PinContactors(bench.lines, (inputs[PLUS][0], inputs[MINUS][0]))
    lock = PinConnectorLock(bench.lines, LockPins(pulse_ms=300), inputs[LOCKED][0], inputs[UNLOCKED][0])
    bulb, buttons = PinBulb(bench.lines), PinInputs(inputs[STOP][0])
    wires = [*bench.wires.values(), *(wire for _, wire in inputs.values())]
    polled, refused, now = [bench.lines, lock, *(pin for pin, _ in inputs.values())], 0, 0
    turns = {id(device): 0 for device in polled}
    for _ in range(150):
        now += rng.randrange(30) * MS
        wire = rng.choice(wires)
        if wire.here:                                        # an input that was lost has none
            wire.fail(rng.choice((0, 0, errno.EIO, errno.ENODEV, errno.EBUSY)))
        for _, at in inputs.values():
            if rng.random() < 0.1 and at.here:
                at.drive(rng.random() < 0.5)
        on = rng.random() < 0.5
        device, line, done = rng.choice((
            (pilot, FIRST, lambda: pilot.set_state_c(on, now)), (contactors, CONTACTORS, lambda: contactors.set_closed(on, now)),
            (bulb, BULB, lambda: bulb.set_on(on, now)), (lock, None, lambda: lock.set_locked(on, now))))
        before = device.errors
        answer = done()
        assert answer is True or answer is False and device.errors > before
        refused += not answer
        if answer and line is not None:
            assert bench.on(line) is on
        assert not (bench.on(LOCK) and bench.on(UNLOCK)), "never both directions"
        for read in (contactors.feedback, lock.feedback, buttons.stop_button):
            assert read(now) in (True, False, None)
        for device in polled:
            if now >= turns[id(device)]:
                turns[id(device)] = device.run(now)
                assert now < turns[id(device)] <= now + S and len(device.fault) <= 19 and bool(device.fault) is bool(device.remedy)
    assert refused
    for wire in wires:
        if wire.here:
            wire.fail(0)
    for line in (FIRST, CONTACTORS, LOCK, UNLOCK):
        bench.lines.set(line, False)
    for _ in SWITCHED:                       # one is read back in each turn
        bench.lines.run(now)
    assert not any(bench.on(line) for line in (FIRST, CONTACTORS, LOCK, UNLOCK, BULB)) and not bench.lines.armed
    assert isinstance(bench.lines, PinLines) and bench.lines.fault == ""
    bench.close()
