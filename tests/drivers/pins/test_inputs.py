"""Inputs are debounced in time, unknown while they cannot be read, and come back by themselves."""
import errno

import pytest

from drivers.errors import DriverError
from drivers.pins.inputs import PinInputs
from kernel.timer import MS, S
from tests.drivers.pins.bench import Bench


@pytest.fixture
def bench():
    made = Bench(places=())
    yield made
    made.close()


def test_without_debounce_each_look_counts(bench):
    pin, wire = bench.input(5)
    for n, high in enumerate((False, True, False, True)):
        wire.drive(high)
        assert pin.read(n) is high


def test_a_change_counts_once_it_has_lasted(bench):
    pin, wire = bench.input(5, debounce_ms=20)
    assert pin.read(0) is None and pin.read(19 * MS) is None, "unknown until it was steady for the first time"
    assert pin.read(20 * MS) is False
    wire.drive(True)
    assert pin.read(30 * MS) is False and pin.read(49 * MS) is False and pin.read(50 * MS) is True


def test_a_bounce_begins_anew(bench):
    pin, wire = bench.input(5, debounce_ms=20)
    pin.read(0), pin.read(20 * MS)
    for at, high, expected in ((30, True, False), (40, False, False), (45, True, False), (60, True, False), (65, True, True)):
        wire.drive(high)
        assert pin.read(at * MS) is expected


def test_a_contact_that_chatters_without_end_is_unknown(bench):
    pin, wire = bench.input(5, debounce_ms=20)
    pin.read(0), pin.read(20 * MS)
    said = []
    for n in range(3, 100):
        wire.drive(n % 2 == 0)
        said.append(pin.read(n * 10 * MS))
    assert said[0] is False and said[-1] is None and said.index(None) * 10 <= 270
    assert [pin.read(S), pin.read(S + 10 * MS), pin.read(S + 20 * MS)][-1] is False


def test_looks_that_are_far_apart_say_nothing_about_the_time_between(bench):
    pin, wire = bench.input(5, debounce_ms=20)
    pin.read(0), pin.read(20 * MS)
    wire.drive(True)
    assert pin.read(30 * MS) is False
    assert pin.read(5 * S) is None, "it may have bounced meanwhile, and what was known is old"
    assert pin.read(5 * S + 20 * MS) is True


@pytest.mark.parametrize("number", [errno.EIO, errno.EBUSY, errno.EPERM])
def test_a_pin_that_cannot_be_read_is_none_at_once_and_comes_back(bench, number):
    pin, wire = bench.input(5, debounce_ms=20)
    pin.read(0), pin.read(20 * MS)
    wire.fail(number)
    assert pin.read(30 * MS) is None and pin.errors == 1 and pin.fault == "IN input 5 lost" and errno.errorcode[number] in pin.remedy
    wire.fail(0)
    assert pin.read(40 * MS) is None and pin.fault == "", "steady first"
    assert pin.read(60 * MS) is False


def test_a_lost_chip_is_asked_for_again_with_growing_pauses(bench):
    pin, wire = bench.input(5, reopen=True)
    assert pin.read(0) is False
    wire.fail(errno.ENODEV)
    assert pin.read(MS) is None and pin.fault and not wire.held, "its descriptor is given back"
    asked, real = [], pin._reopen

    def reopen():
        asked.append(now)
        if len(asked) < 6:
            raise DriverError("The pin 'GPIO5' was not found.", "Plug it in.")
        return real()
    pin._reopen = reopen
    now = MS
    while len(asked) < 6:
        assert pin.read(now) is None
        before, now = now, pin.run(now)
        assert before < now <= before + S
    gaps = [(b - a) // MS for a, b in zip(asked, asked[1:])]
    assert gaps == sorted(gaps) and gaps[0] == 200 and gaps[-1] == 3200, gaps
    assert pin.read(now) is False and pin.fault == pin.remedy == ""


def test_a_turn_is_a_look(bench):
    pin, wire = bench.input(5, debounce_ms=20)
    at = 0
    for _ in range(4):
        at = pin.run(at)
    wire.drive(True)
    assert at == 40 * MS and pin.read(at) is False


def test_what_is_not_fitted(bench):
    nothing = PinInputs()
    assert (nothing.stop_button(0), nothing.display_button(0), nothing.plug_present(0), nothing.pwm_present(0), nothing.errors) == (False, None, None, None, 0)


def test_each_input_is_its_own(bench):
    (stop, one), (plug, other), (pwm, third) = bench.input(5), bench.input(6), bench.input(12)
    inputs = PinInputs(stop, plug, pwm)
    other.drive(True)
    assert (inputs.stop_button(0), inputs.plug_present(0), inputs.pwm_present(0)) == (False, True, False)
    one.fail(errno.EIO), third.fail(errno.EIO)
    assert (inputs.stop_button(1), inputs.plug_present(1), inputs.pwm_present(1), inputs.errors) == (None, True, None, 2)
