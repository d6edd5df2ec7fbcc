"""Lines behind a serial port: the page that two processes share, and the guard's own hand on the port."""
import os
import termios

import pytest

from drivers.serial_line import commands
from drivers.serial_line.commands import CELERON55, DEVICES, DIETER, SAFE
from drivers.serial_line.lines import FOLLOW, REPEAT, SerialLines, set_raw
from drivers.serial_line.port import SerialPort, SerialPortConfig
from drivers.sim.lines import CONTACTORS, FIRST, LINES, LOCK, SIZE, UNLOCK
from drivers.sim.plant import Plant
from drivers.sim.plant_config import PlantConfig
from drivers.sim.serial_devices import SimCeleron55, SimDieter
from kernel.timer import MS, S
from tests.drivers.serial_line.wire import Pty, until
from tools.appliance.guard_policy import GuardPolicy, Limits
from tools.appliance.guard_process import open_lines


class Time:
    """A clock that the test moves."""

    def __init__(self):
        self.now = 1_000_000_000

    def __call__(self):
        return self.now


@pytest.fixture
def pty():
    made = Pty()
    yield made
    made.unplug()


@pytest.fixture
def time():
    return Time()


@pytest.fixture(params=[DIETER, CELERON55], ids=["dieter", "celeron55"])
def main(request, time):
    made = SerialLines.create(time, request.param)
    yield made
    made.close()


@pytest.fixture
def guard(main, time, pty):
    made = SerialLines(os.dup(main.fd), os.open(pty.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK), time)
    yield made
    made.close()


def test_the_octets_of_each_device():
    assert [commands.dieter(c, k) for c in (False, True) for k in (False, True)] == [b"do0000\n", b"do0002\n", b"do0001\n", b"do0003\n"]
    assert commands.dieter(True, True, relay_2=True) == b"do0007\n" and commands.dieter(False, False, True) == b"do0004\n"
    assert commands.celeron55(True, False) == b"cp=1\ncontactor=0\n" and commands.celeron55(False, True) == b"cp=0\ncontactor=1\n"
    assert SAFE == (b"do0000\n", b"cp=0\ncontactor=0\n")


def test_the_octets_import_nothing():
    """The guard process has to start on a slow card and stay small."""
    with open(commands.__file__, encoding="utf-8") as source:
        imported = [line for line in source if line.startswith(("import ", "from "))]
    assert imported == ["from __future__ import annotations\n", "from typing import Callable\n"]


def test_it_is_a_page_of_lines_as_every_other(main, time):
    other = SerialLines(os.dup(main.fd), now=time)
    assert not any(other.level(n) for n in range(len(LINES))) and not other.armed and not other.held and other.duty == 100.0
    assert main.set(FIRST, True) and other.level(FIRST) and other.armed and other.changed_at(FIRST) == time.now
    other.hold()
    assert main.held and not main.set(CONTACTORS, True) and not main.level(CONTACTORS)
    other.close()


def test_the_main_process_writes_no_octets_by_the_page(main, guard, pty):
    main.set(FIRST, True)
    guard.force(FIRST, False)
    assert pty.read() == b"", "nobody holds: the port belongs to the main process"


def test_the_guard_takes_state_c_away_at_once_and_the_contactors_when_it_says_so(main, guard, pty):
    device = DEVICES[main._where[SIZE]]
    main.set(FIRST, True), main.set(CONTACTORS, True)
    guard.hold()
    guard.force(FIRST, False)
    assert pty.read_until(device(False, True)) == b"\n" + device(False, True)
    guard.force(CONTACTORS, False)
    assert pty.read_until(device(False, False)) == b"\n" + device(False, False)


def test_it_repeats_at_its_pace_however_often_it_is_asked(main, guard, pty, time):
    safe = SAFE[main._where[SIZE]]
    guard.hold()
    for _ in range(100):
        for line in (FIRST, LOCK, UNLOCK, CONTACTORS):
            guard.force(line, False)
        time.now += MS
    times = 100 * MS // REPEAT
    assert pty.read(times * (1 + len(safe))) == (b"\n" + safe) * times


def test_what_was_not_yet_sent_is_thrown_away(main, guard, pty):
    """At 19,200 Bd a full buffer of 4096 octets would keep state B waiting for two seconds."""
    flushed = []
    flush = termios.tcflush
    try:
        termios.tcflush = lambda fd, what: flushed.append((fd, what))
        guard.hold()
    finally:
        termios.tcflush = flush
    assert flushed == [(guard.port, termios.TCOFLUSH)]


def test_a_full_line_is_tried_again_at_the_next_call(main, guard, pty, time):
    main.set(FIRST, True)
    guard.hold()
    refused = 0

    def full() -> bool:
        """For good: the operating system moves octets on while one looks."""
        nonlocal refused
        try:
            os.write(guard.port, b"x")
            refused = 0
        except BlockingIOError:
            refused += 1
        return refused > 1000
    while refused == 0:
        try:
            os.write(guard.port, b"x" * 4096)
        except BlockingIOError:
            break
    assert until(full)
    guard.force(FIRST, False)
    assert guard.errors == 1
    assert len(pty.read()) > 0
    time.now += MS
    guard.force(FIRST, False)
    assert guard.commands() in pty.read_until(guard.commands())


def test_whatever_the_main_process_left_half_said_the_device_understands_the_guard(time, pty):
    """It was killed in the middle of a line; the device has the first half of it."""
    for device, twin, half in ((DIETER, SimDieter, b"do00"), (DIETER, SimDieter, b"lcHal"), (CELERON55, SimCeleron55, b"cp="), (CELERON55, SimCeleron55, b"disp0=")):
        lines, far = SerialLines.create(time, device), twin(Plant(PlantConfig(plugged=True)))
        far.receive(b"\n" + DEVICES[device](True, True) + half, 0)
        assert far.plant.pilot.state_c and far.plant.car_contactors.commanded
        guard = SerialLines(os.dup(lines.fd), os.open(pty.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK), time)
        lines.set(FIRST, True), lines.set(CONTACTORS, True)
        guard.hold()
        guard.force(FIRST, False)
        far.receive(pty.read_until(guard.commands()), 0)
        assert not far.plant.pilot.state_c and far.plant.car_contactors.commanded
        guard.force(CONTACTORS, False)
        far.receive(pty.read_until(guard.commands()), 0)
        assert not far.plant.car_contactors.commanded
        guard.close(), lines.close()


def test_a_port_that_was_opened_later_is_followed_by_its_path(main, pty, time):
    """The device was plugged in when the guard stood by already."""
    guard = SerialLines(os.dup(main.fd), -1, time)
    assert not guard.armed and guard.port == -1 and guard.errors == 0
    main.at_port(pty.path, 19200)
    time.now += FOLLOW
    main.set(FIRST, True)
    assert guard.armed and guard.port >= 0
    guard.hold()
    guard.force(FIRST, False)
    assert guard.commands() in pty.read_until(guard.commands())
    guard.close()


def test_a_replugged_device_is_made_safe_although_the_main_process_is_gone(main, guard, pty, time, tmp_path):
    """Its name is the same again; the guard opens it by itself."""
    name = tmp_path / "usb-Arduino"
    name.symlink_to(pty.path)
    main.at_port(str(name), 19200)
    time.now += FOLLOW
    main.set(FIRST, True), main.set(CONTACTORS, True)
    assert guard.armed
    pty.unplug()
    guard.hold()
    guard.force(FIRST, False)
    assert guard.errors and guard.port == -1
    other = Pty()
    name.unlink()
    name.symlink_to(other.path)
    for _ in range(30):
        time.now += 10 * MS
        guard.force(FIRST, False)
    assert guard.commands() in other.read_until(guard.commands())
    other.unplug()


def test_the_guard_lets_go_of_a_port_that_the_main_process_has_lost(main, guard, pty, time):
    """Held open, a ttyUSB0 that was unplugged comes back as ttyUSB1."""
    assert guard.port >= 0
    main.at_port("", 19200)
    time.now += FOLLOW
    assert not guard.armed and guard.port == -1 and guard.errors == 0
    main.at_port(pty.path, 19200)
    time.now += FOLLOW
    assert not guard.armed and guard.port >= 0


def test_a_port_that_cannot_be_opened_is_tried_ten_times_a_second(main, time):
    guard = SerialLines(os.dup(main.fd), -1, time)
    main.at_port("/dev/serial/by-id/usb-gone", 19200)
    for _ in range(100):
        time.now += 10 * MS
        assert not guard.armed
    assert guard.errors == 10
    guard.close()


def test_where_the_port_is_is_not_read_while_it_is_being_written(main, guard, time):
    seen, port = guard._seen, guard.port
    main.at_port("/dev/null", 19200)
    main._where[SIZE + 1] |= 1                     # the main process was stopped in the middle
    time.now += FOLLOW
    assert not guard.armed and guard._seen == seen and guard.port == port


def test_the_guard_of_the_appliance_works_on_them(main, guard, pty, time):
    """GuardPolicy itself: the main process is gone under current."""
    device = DEVICES[main._where[SIZE]]
    policy = GuardPolicy(Limits(emergency_open_ms=1000), guard, time.now)
    main.set(FIRST, True), main.set(CONTACTORS, True)
    policy.gone(time.now)
    assert pty.read_until(device(False, True)) == b"\n" + device(False, True) and not policy.opened
    heard = b""
    while not policy.opened:
        time.now = min(policy.run(time.now), time.now + 10 * MS)
        heard += pty.read()
    if device(False, False) not in heard:
        heard += pty.read_until(device(False, False))
    assert heard.count(device(False, True)) > 10, "repeated while it waits"
    assert not main.level(FIRST) and not main.level(CONTACTORS) and not main.set(CONTACTORS, True)
    assert main.changed_at(CONTACTORS) - main.changed_at(FIRST) >= 990 * MS
    for _ in range(5):
        time.now += 100 * MS
        policy.run(time.now)
    assert device(False, False) in pty.read_until(device(False, False)), "and kept so"


def test_a_port_is_set_to_plain_octets(pty):
    fd = os.open(pty.path, os.O_RDWR | os.O_NOCTTY)
    assert set_raw(fd, 57600)
    iflag, oflag, cflag, lflag, ispeed, ospeed, _ = termios.tcgetattr(fd)
    assert (iflag, oflag, lflag, ispeed, ospeed) == (0, 0, 0, termios.B57600, termios.B57600) and not cflag & termios.HUPCL
    assert set_raw(fd, 12345) and termios.tcgetattr(fd)[4] == termios.B57600, "a rate without a constant stays as the main process set it"
    os.close(fd)
    with open("/dev/null", "rb") as null:
        assert not set_raw(null.fileno(), 9600)


def test_a_guard_that_leaves_throws_away_no_octet_of_the_boxs_last_command(pty, monkeypatch):
    thrown = []
    box = SerialLines.create(device=DIETER)
    box.at_port(pty.path, 19200)
    lines, _ = open_lines(box.word.replace(str(box.fd), str(os.dup(box.fd))))
    assert not lines.armed and lines.port >= 0, "it has opened the port"
    monkeypatch.setattr("drivers.serial_line.lines.termios.tcflush", lambda *what: thrown.append(what))
    lines.close()
    box.close()
    assert thrown == []


@pytest.mark.parametrize("device", [DIETER, CELERON55])
def test_what_the_guard_process_opens_by_the_boxs_word_reaches_the_device(pty, device):
    box = SerialLines.create(device=device)
    box.at_port(pty.path, 19200)
    box.set(FIRST, True)
    lines, pulse = open_lines(box.word.replace(str(box.fd), str(os.dup(box.fd))))
    lines.hold()
    lines.force(FIRST, False)
    assert pulse is None and b"\n" + DEVICES[device](False, False) in pty.read_until(DEVICES[device](False, False))
    lines.close()
    box.close()


def test_who_comes_while_the_guard_holds_the_port_finds_it_busy(main, time, pty):
    """A box started with another --interface does not ask this guard for its lines: both would command, on and off in turns."""
    pytest.importorskip("serial", reason="pyserial is not installed")
    guard = SerialLines(os.dup(main.fd), os.open(pty.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK), time)
    main.set(CONTACTORS, True)
    guard.hold()
    guard.force(FIRST, False)
    late = SerialPort(SerialPortConfig(port=pty.path), "Dieter", time.now)
    assert not late.is_open and late.fault == "Dieter: port busy"
    guard.close()
    late.turn(time.now + 60 * S)
    assert late.is_open, "free once the guard has left"
    late.close()


def test_the_guard_takes_the_port_over_when_the_main_process_has_let_it_go(main, guard, time, pty):
    pytest.importorskip("serial", reason="pyserial is not installed")
    alive = SerialPort(SerialPortConfig(port=pty.path), "Dieter", time.now)
    assert alive.is_open, "a guard that only watches is in nobody's way"
    guard.hold()
    guard.force(FIRST, False)
    alive.close()
    time.now += REPEAT
    guard.force(FIRST, False)
    late = SerialPort(SerialPortConfig(port=pty.path), "Dieter", time.now)
    assert not late.is_open and late.fault == "Dieter: port busy"
