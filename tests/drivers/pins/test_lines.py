"""Lines with pins behind them: what is commanded reaches the pin in the safe order, what is refused stays in doubt and is repeated."""
import errno
import os

import pytest

from drivers.guard import Beat
from drivers.pins.lines import BULB, MAX_BLIND, PULSE, PULSE_HALF, SWITCHED, PinLines
from drivers.pins.pwm_hand import PERIOD_NS, PwmHand
from drivers.sim.lines import CONTACTORS, FIRST, LOCK, STEADY, UNLOCK
from kernel.timer import MS, S
from tests.drivers.pins import kernel
from tests.drivers.pins.bench import Bench
from tools.appliance.guard_policy import GuardPolicy, Limits
from tools.appliance.guard_process import open_lines


@pytest.fixture(params=[(False, False), (True, False), (False, True)], ids=["v2", "v1", "active-low"])
def bench(request):
    made = Bench(v1=request.param[0], active_low=request.param[1])
    yield made
    made.close()


@pytest.fixture
def duty(tmp_path):
    """The file of a PWM's duty."""
    path = tmp_path / "duty_cycle"
    path.write_text(f"{PERIOD_NS}\n")
    return path


def with_pwm(duty, f=None):
    return Bench(PwmHand(os.open(duty, os.O_WRONLY), f))


def ns(duty):
    return int(duty.read_text().split("\n")[0])


def guard_of(bench):
    """The same lines as the guard process has them."""
    word = bench.lines.word
    other = PinLines.inherited(word)
    other.hands = {place: type(hand)(os.dup(hand.fd), hand.abi, hand.invert, kernel.ioctl) for place, hand in other.hands.items()}
    other.fd = os.dup(other.fd)
    if other.pwm is not None:
        other.pwm.fd = os.dup(other.pwm.fd)
    return other


def test_everything_is_off_at_the_beginning(bench):
    assert not any(bench.on(place) for place in bench.wires) and not bench.lines.armed and not bench.lines.held and bench.lines.errors == 0
    assert all(line[2] == int(bench._active_low) for line in bench.twin.requests), "and was so from the first instant"


@pytest.mark.parametrize("place", SWITCHED)
def test_a_line_and_its_pin_go_together(bench, place):
    lines = bench.lines
    bench.now = 77
    assert lines.set(place, True) and lines.level(place) and bench.on(place) and lines.armed and lines.changed_at(place) == 77
    assert [p for p in SWITCHED if bench.on(p)] == [place]
    bench.now = 78
    assert lines.set(place, False) and not lines.level(place) and not bench.on(place) and not lines.armed and lines.changed_at(place) == 78


def test_a_second_holder_commands_the_same_pins(bench):
    guard = guard_of(bench)
    assert bench.lines.set(CONTACTORS, True) and guard.level(CONTACTORS)
    guard.hold()
    guard.force(CONTACTORS, False)
    assert not bench.on(CONTACTORS) and not bench.lines.level(CONTACTORS)
    assert not bench.lines.set(CONTACTORS, True) and not bench.on(CONTACTORS)
    assert bench.lines.set(CONTACTORS, False)
    guard.close()


def test_a_pin_raised_while_the_guard_takes_over_falls_again(bench):
    class Late(PinLines):
        def force(self, line, on):
            super().force(line, on)
            if line == CONTACTORS and on:
                self.hold()
    bench.lines.__class__ = Late
    assert not bench.lines.set(CONTACTORS, True) and not bench.on(CONTACTORS)


def test_the_guard_lowers_a_pin_that_a_process_in_mid_write_raised(bench):
    """The page says low, the pin is high: the one who was stopped had asked before the guard held, and wrote after."""
    guard = guard_of(bench)
    guard.hold()
    guard.force(CONTACTORS, False)
    bench.lines.hands[CONTACTORS].put(True)
    assert bench.on(CONTACTORS) and not guard.level(CONTACTORS)
    guard.force(CONTACTORS, False)
    assert not bench.on(CONTACTORS)
    guard.close()


@pytest.mark.parametrize("on", [True, False])
def test_who_dies_between_page_and_pin_leaves_a_line_that_looks_armed(bench, on):
    bench.lines.set(FIRST, not on)

    class Dead(Exception):
        pass

    class Dying(PinLines):
        def _write(self, place, octet):
            if not on:
                raise Dead
            super()._write(place, octet)

        def _put(self, line, level):
            if on:
                raise Dead
            return super()._put(line, level)
    bench.lines.__class__ = Dying
    with pytest.raises(Dead):
        bench.lines.set(FIRST, on)
    bench.lines.__class__ = PinLines
    assert bench.lines.armed and not bench.on(FIRST)


@pytest.mark.parametrize("number", [errno.EIO, errno.ENODEV, errno.EBUSY])
def test_a_pin_that_refuses_to_rise_is_commanded_low(bench, number):
    lines, wire = bench.lines, bench.wires[CONTACTORS]
    wire.fail(number)
    assert not lines.set(CONTACTORS, True) and not lines.level(CONTACTORS) and lines.armed and lines.errors == 2, "to rise, and to fall again"
    lines.run(0)
    assert lines.fault == "PIN contactors err" and errno.errorcode[number] in lines.remedy and len(lines.fault) <= 19
    wire.fail(0)
    lines.run(100 * MS)
    assert not lines.armed and lines.fault == lines.remedy == "" and not bench.on(CONTACTORS)
    assert lines.set(CONTACTORS, True) and bench.on(CONTACTORS)


def test_a_pin_that_refuses_to_fall_stays_armed_and_is_repeated(bench):
    lines, wire = bench.lines, bench.wires[FIRST]
    lines.set(FIRST, True)
    wire.fail(errno.EIO)
    assert not lines.set(FIRST, False) and not lines.level(FIRST) and bench.on(FIRST) and lines.armed
    wire.fail(0)
    lines.run(0)
    assert not bench.on(FIRST) and not lines.armed


def test_the_guard_takes_a_line_in_doubt_when_the_main_process_is_gone(bench):
    bench.lines.set(FIRST, True)
    bench.wires[FIRST].fail(errno.EIO)
    bench.lines.set(FIRST, False)
    guard = guard_of(bench)
    policy = GuardPolicy(Limits(), guard, 0)
    policy.gone(S)
    assert policy.holding and bench.on(FIRST)
    bench.wires[FIRST].fail(0)
    policy.run(S + 10 * MS)
    assert not bench.on(FIRST)
    guard.close()


@pytest.mark.parametrize("motor", [LOCK, UNLOCK])
@pytest.mark.parametrize("end", ["gone", "silent"])
def test_a_motor_that_runs_when_the_main_process_dies_is_stopped(bench, motor, end):
    bench.lines.set(motor, True)
    guard = guard_of(bench)
    policy = GuardPolicy(Limits(), guard, 0)
    policy.beat(Beat(S), S)
    policy.run(S)
    if end == "gone":
        policy.gone(S)
    policy.run(S + 100 * MS)
    assert policy.holding and not bench.on(motor) and not guard.armed
    guard.close()


def test_the_bulb_falls_with_the_contactors(bench):
    lines = bench.lines
    assert lines.set(CONTACTORS, True) and lines.set(BULB, True) and bench.on(BULB)
    guard = guard_of(bench)
    guard.hold()
    guard.force(CONTACTORS, False)
    assert not bench.on(BULB) and not lines.level(BULB) and not lines.armed
    guard.close()


def test_a_pin_that_is_not_as_commanded_is_told_after_two_looks(bench):
    lines = bench.lines
    lines.set(CONTACTORS, True)
    for n in range(10):
        assert lines.run(n * 100 * MS) == (n + 1) * 100 * MS
    assert lines.fault == "" and lines.disagreements == 0
    bench.wires[CONTACTORS].short(bench._active_low)         # off, whatever is commanded
    for n in range(10):
        lines.run(n * 100 * MS)
    assert (lines.fault, lines.disagreements, lines.errors) == ("PIN contactors bad", 1, 1) and "commanded on" in lines.remedy
    lines.set(CONTACTORS, False)
    for n in range(10):
        lines.run(n * 100 * MS)
    assert lines.fault == ""


def test_a_chip_that_cannot_read_its_outputs_is_not_asked_for_ever(bench):
    asked = []
    hand = bench.lines.hands[FIRST]

    def ioctl(fd, number, data):
        if number in (kernel.GET_V1, kernel.GET_V2):
            asked.append(number)
            raise OSError(errno.EPERM, "no")
        return kernel.ioctl(fd, number, data)
    hand._ioctl = ioctl
    for n in range(100):
        bench.lines.run(n * 100 * MS)
    assert len(asked) == MAX_BLIND and bench.lines.fault == "" and bench.lines.set(FIRST, True)


def test_a_place_without_a_pin_switches_nothing():
    bench = Bench(places=(FIRST,))
    assert bench.lines.set(CONTACTORS, True) and bench.lines.level(CONTACTORS) and bench.lines.set(BULB, True)
    bench.lines.run(0)
    assert bench.lines.fault == ""
    bench.close()


def test_the_pulse_is_an_edge_every_50_ms(bench):
    lines, levels = bench.lines, []
    next_at = lines.pulse(0)
    for now in range(0, S, 10 * MS):
        assert lines.pulse(now) > now
        levels.append(bench.on(PULSE))
    edges = sum(a is not b for a, b in zip(levels, levels[1:]))
    assert next_at == 1 + PULSE_HALF and 18 <= edges <= 20 and not lines.armed


def test_the_guards_word_opens_the_same_lines(bench):
    lines, pulse = open_lines(bench.lines.word)
    assert lines.descriptors == bench.lines.descriptors and lines.word == bench.lines.word and pulse == lines.pulse
    assert {place: hand.abi for place, hand in lines.hands.items()} == {place: hand.abi for place, hand in bench.lines.hands.items()}


def test_lines_without_any_pin_are_pins_all_the_same():
    bare = PinLines.over({})
    lines, pulse = open_lines(bare.word)
    assert type(lines) is PinLines and pulse is None
    bare.close()


# --- a charger's generator --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("percent, expected", [(5.0, 50_000), (100.0, 1_000_000), (0.0, 0), (None, 0), (26.7, 265_000), (96.0, 960_000)])
def test_a_duty_reaches_the_generator(duty, percent, expected):
    bench = with_pwm(duty)
    assert bench.lines.set_duty(50.0) and ns(duty) == 500_000
    assert bench.lines.set_duty(percent) and ns(duty) == expected
    guard = guard_of(bench)
    guard.hold()
    assert not bench.lines.set_duty(7.0) and ns(duty) == expected and guard.duty == bench.lines.duty
    guard.force_duty(STEADY)
    assert ns(duty) == 1_000_000
    guard.close(), bench.close()


def test_state_f_has_a_line_of_its_own_where_one_is_fitted(duty):
    from drivers.pins.hand import V2, LineHand
    from tests.drivers.pins.libraries import raspberry
    twin = raspberry()
    f = LineHand(twin.request("/dev/gpiochip0", 5, "output", False, "as_is", "ccsbox"), V2, False, kernel.ioctl)
    bench, wire = with_pwm(duty, f), twin.wire(5)
    assert bench.lines.set_duty(None) and wire.high and ns(duty) == 0
    assert bench.lines.set_duty(5.0) and not wire.high and ns(duty) == 50_000
    word = bench.lines.word
    assert PinLines.inherited(word).word == word and f.fd in bench.lines.descriptors
    wire.fail(errno.EIO)
    assert not bench.lines.set_duty(None) and bench.lines.doubtful(5), "kept on the way to -12 V"
    wire.fail(0)
    bench.lines.run(0)
    assert wire.high and bench.lines.duty is None and bench.lines.fault == ""
    bench.close()


class Full:
    """A generator that refuses while `failing`."""

    def __init__(self, hand):
        self._hand, self.failing = hand, False

    def __getattr__(self, name):
        return getattr(self._hand, name)

    def put(self, percent):
        self._hand.errno = errno.EIO if self.failing else 0
        return not self.failing and self._hand.put(percent)


def test_a_generator_that_refuses_is_commanded_steady_and_stays_armed_until_it_is(duty):
    bench = with_pwm(duty)
    lines = bench.lines
    lines.set_duty(5.0)
    lines.pwm = full = Full(lines.pwm)
    full.failing = True
    assert not lines.set_duty(10.0) and lines.duty == STEADY and ns(duty) == 50_000 and lines.armed
    lines.run(0)
    assert lines.fault == "PIN PWM err" and "EIO" in lines.remedy
    full.failing = False
    lines.force(FIRST, False)
    assert ns(duty) == PERIOD_NS and not lines.armed, "the guard's way: repeated with every command"
    bench.close()


def test_an_output_that_could_be_read_and_no_longer_can_is_told_before_it_is_needed(bench):
    for _ in SWITCHED:
        bench.lines.run(0)
    assert bench.lines.fault == ""
    bench.wires[CONTACTORS].fail(errno.EIO)
    errors = bench.lines.errors
    for _ in SWITCHED:
        bench.lines.run(0)
    assert bench.lines.fault == "PIN contactors err" and "stays as it is" in bench.lines.remedy and bench.lines.errors > errors
    bench.wires[CONTACTORS].fail(0)
    for _ in SWITCHED:
        bench.lines.run(0)
    assert bench.lines.fault == bench.lines.remedy == ""
