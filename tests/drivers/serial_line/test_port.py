"""The port over a pty: bounded work, no waiting, its own return after every kind of loss, refusals that a person can mend."""
import errno
import os
import random
import termios
from types import SimpleNamespace

import pytest

from drivers.errors import DriverError
from drivers.serial_line import find
from drivers.serial_line.find import Finder, by_id
from drivers.serial_line.port import (EVENTS_MAX, FLOOD_TURNS, READ_MAX, REOPEN_CEILING, REOPEN_FIRST, STALL, STUCK, TEXTS_MAX, TURN, UNSENT_MAX, WRITE_MAX,
                                      SerialPort, SerialPortConfig)
from kernel.timer import MS, S
from tests.drivers.serial_line.wire import Plug, Pty

pytest.importorskip("serial", reason="pyserial is not installed")


@pytest.fixture
def pty():
    made = Pty()
    yield made
    made.unplug()


@pytest.fixture
def port(pty):
    made = SerialPort(SerialPortConfig(port=pty.path), "Dev")
    made.splitter.feed(b"\n")
    yield made
    made.close()


def test_a_named_port_is_opened_and_read(pty, port):
    assert port.is_open and port.path == pty.path and port.fault == "" and port.opened == 1 and port.fileno() >= 0
    pty.write(b"one\r\ntw")
    assert port.turn(TURN) == ["one"]
    pty.write(b"o\r\n")
    assert port.turn(2 * TURN) == ["two"] and port.received == 10


def test_a_turn_reads_no_more_than_its_share(pty, port):
    pty.write(b"x" * 9 + b"\n" + b"y" * 3000)
    assert port.turn(TURN) == ["x" * 9] and port.received == READ_MAX


def test_a_flood_is_thrown_away_and_counted(pty, port):
    now = 0
    while not port.floods:
        now += TURN
        pty.write(b"x" * READ_MAX)
        port.turn(now)
        assert now <= FLOOD_TURNS * TURN
    assert port.floods == 1 and port.is_open
    pty.write(b"half\nwhole\n")
    assert port.turn(now + TURN) == ["whole"], "what follows the gap begins in the middle of something"


def test_after_a_stall_old_octets_are_not_taken_for_new_ones(pty, port):
    pty.write(b"old\n")
    assert port.turn(STALL + 1) == [] and port.stalls == 1
    pty.write(b"new\nnewer\n")
    assert port.turn(STALL + TURN) == ["newer"]


def test_the_newest_state_goes_first_then_events_then_texts(pty, port):
    assert port.text(b"text\n") and port.event(b"lock\n") and port.state(b"old\n") and port.state(b"new\n")
    while port.sent < 14:
        assert port.pump(0)
    assert pty.read_until(b"text\n") == b"new\nlock\ntext\n"


def test_a_line_that_has_begun_is_ended_before_a_command(pty):
    port = SerialPort(SerialPortConfig(port=pty.path), "Dev")
    long = b"t" * (WRITE_MAX + 20) + b"\n"
    assert port.text(long) and port.pump(0) and 0 < port.sent < len(long)
    port.state(b"do0000\n")
    port.pump(0)
    port.pump(0)
    port.pump(0)
    assert pty.read_until(b"do0000\n") == long + b"do0000\n"
    port.close()


def test_one_pump_writes_no_more_than_its_share(pty, port):
    for _ in range(TEXTS_MAX):
        assert port.text(b"z" * 40 + b"\n")
    assert port.pump(0) and port.sent <= min(WRITE_MAX, UNSENT_MAX)


def test_queues_are_bounded_and_a_refused_line_is_counted(port):
    assert all(port.event(b"e\n") for _ in range(EVENTS_MAX)) and not port.event(b"e\n")
    assert all(port.text(b"t\n") for _ in range(TEXTS_MAX)) and not port.text(b"t\n") and port.dropped == 2


def test_a_receiver_that_does_not_read_delays_nobody(port):
    """pyserial's own write would spin here."""
    while True:
        before = port.sent
        port.text(b"x" * 60 + b"\n")
        assert port.pump(0)
        if port.sent == before:
            break
    assert port.is_open and port.fault == "" and port.sent > 1000


def test_a_port_that_takes_nothing_any_more_is_a_loss(port):
    """An adapter that hangs, a line held by flow control. The fault names it, and closing does not wait for the octets."""
    now = 0
    while port.is_open:
        before, now = port.sent, now + TURN
        port.text(b"x" * 60 + b"\n")
        port.pump(now)
        if port.sent > before:
            moved = now
    assert port.fault == "Dev: stuck" and "hangs" in port.remedy and STUCK < now - moved <= STUCK + 2 * TURN


def test_a_slow_line_is_not_stuck(pty):
    slow = SerialPort(SerialPortConfig(port=pty.path, baud=300), "Dev")
    assert slow._stuck_after > 4 * S
    slow.close()


def test_a_pause_in_what_there_is_to_say_is_not_stuck(pty, port):
    port.pump(0)
    for now in (10 * S, 20 * S):
        port.pump(now)
        port.state(b"do0000\n")
        assert port.pump(now) and port.is_open


def test_the_far_end_in_the_operating_system_is_kept_short(port, monkeypatch):
    """What a driver has not sent yet counts: a command never stands behind more than UNSENT_MAX octets."""
    port.text(b"0123456789\n")
    monkeypatch.setattr("drivers.serial_line.port._unsent", lambda fd: 25)
    assert port.pump(0) and port.sent == UNSENT_MAX - 25
    monkeypatch.setattr("drivers.serial_line.port._unsent", lambda fd: UNSENT_MAX)
    assert port.pump(0) and port.sent == UNSENT_MAX - 25


def test_nothing_more_is_written_once_the_guard_has_the_outputs(pty, port):
    port.state(b"do0003\n")
    port.muted = lambda: True
    assert not port.pump(0) and port.sent == 0
    port.muted = lambda: False
    assert port.pump(0) and port.sent == 0, "what waited is forgotten"


# --- losses ------------------------------------------------------------------------------------------------------------

def test_unplugged_and_plugged_in_again():
    pty, plug = Pty(), Plug()
    plug.path = pty.path
    port = SerialPort(SerialPortConfig(), "Dev", finder=plug.finder())
    port.text(b"never\n")
    pty.unplug()
    plug.path = ""
    assert port.turn(TURN) == [] and not port.is_open and port.fault == "Dev: unplugged" and "plug the device in" in port.remedy and port.errors
    assert not port.state(b"x\n") and not port.text(b"x\n") and not port.event(b"x\n") and port.fileno() == -1
    assert port.turn(TURN + REOPEN_FIRST) == [] and not port.is_open and port.fault == "Dev: unplugged"
    other = Pty()
    plug.path = other.path
    now = 2 * TURN
    while not port.is_open:
        port.turn(now)
        now += TURN
        assert now < 10 * REOPEN_CEILING
    assert port.opened == 2 and port.fault == "" and port.remedy == "" and port.path == other.path
    other.write(b"\nback\n")
    assert port.turn(now) == ["back"] and port.pump(now) and port.sent == 0, "what waited for the old device does not go to the new one"
    port.close()
    other.unplug()


def test_writing_to_a_device_that_has_gone_is_a_loss_as_well(pty, port):
    pty.unplug()
    port.state(b"do0000\n")
    assert not port.pump(TURN) and not port.is_open and port.fault == "Dev: unplugged"


def test_attempts_become_rarer_and_are_quick_again_after_a_word_of_the_device():
    attempts = []

    def gone(path):
        attempts.append(path)
        raise OSError(errno.ENOENT, "No such file or directory")
    port = SerialPort(SerialPortConfig(port="/dev/ttyUSB7"), "Dev", opener=gone)
    for now in range(0, 60 * S, TURN):
        port.turn(now)
    assert 8 <= len(attempts) <= 12 and port.errors == len(attempts)
    port.proven()
    port._failed(60 * S, "unplugged", "")
    assert port._retry_at == 60 * S + REOPEN_FIRST


class Broken:
    """A port object whose every call may fail in one way."""

    def __init__(self, error, at="read"):
        self.error, self.at = error, at
        self.closed = 0
        self.fd = os.open("/dev/null", os.O_RDWR)

    def fileno(self):
        return self.fd

    def read(self, size):
        if self.at == "read":
            raise self.error
        return b"x" * size

    def reset_input_buffer(self):
        if self.at == "reset":
            raise self.error

    def close(self):
        self.closed += 1
        os.close(self.fd)
        if self.at == "close":
            raise self.error


@pytest.mark.parametrize("error", [OSError(errno.EIO, "x"), OSError(errno.ENODEV, "x"), termios.error(errno.EIO, "x"), OSError("no number at all")])
@pytest.mark.parametrize("at", ["read", "reset", "close"])
def test_every_failure_of_a_port_is_a_loss_that_is_told(error, at):
    broken = Broken(error, at)
    port = SerialPort(SerialPortConfig(port="/dev/null"), "Dev", opener=lambda path: broken)
    now = 0
    while port.is_open and at != "close":
        now += TURN
        port.turn(now)
        assert now < S
    if at == "close":
        port.lose(now)
    assert broken.closed == 1 and port.fault == "Dev: unplugged" and port.errors >= 1


def test_a_hang_up_that_reads_nothing_is_a_loss():
    """pyserial says so without an errno."""
    import serial
    port = SerialPort(SerialPortConfig(port="/dev/null"), "Dev", opener=lambda path: Broken(serial.SerialException("device reports readiness to read but returned no data")))
    port.turn(TURN)
    assert port.fault == "Dev: unplugged"


# --- refusals ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("settings, words", [
    (SerialPortConfig(port="COM3"), "'COM3' is no serial port"),
    (SerialPortConfig(port=""), "is no serial port"),
    (SerialPortConfig(port="/dev/null"), "cannot be opened"),
    (SerialPortConfig(port="/dev/shm"), "cannot be opened"),
])
def test_what_a_person_must_mend_is_refused_at_the_start(settings, words):
    with pytest.raises(DriverError) as refused:
        SerialPort(settings, "Dev")
    assert words in refused.value.problem and refused.value.remedy


def test_a_port_that_may_not_be_opened_is_refused_with_the_group_to_join():
    def closed(path):
        raise PermissionError(errno.EACCES, "Permission denied")
    with pytest.raises(DriverError, match="dialout"):
        SerialPort(SerialPortConfig(port="/dev/ttyUSB0"), "Dev", opener=closed)


def test_a_port_that_another_program_has_is_told_and_tried_again(pty, port):
    second = SerialPort(SerialPortConfig(port=pty.path), "Two")
    assert not second.is_open and second.fault == "Two: port busy" and "fuser" in second.remedy
    port.close()
    second.turn(2 * S)
    assert second.is_open and second.fault == ""
    second.close()


def test_an_absent_device_is_no_reason_not_to_start():
    port = SerialPort(SerialPortConfig(port="/dev/serial/by-id/usb-not-there"), "Dev")
    assert port.fault == "Dev: unplugged" and not port.is_open
    none = SerialPort(SerialPortConfig(), "Dev", finder=Finder(lambda: []))
    assert none.fault == "Dev: no port"


@pytest.mark.parametrize("short", ["Dieter", "C55", "OLED"])
def test_faults_fit_the_display(short):
    port = SerialPort(SerialPortConfig(), short, finder=Finder(lambda: []))
    for number in (errno.EACCES, errno.EBUSY, errno.EIO, errno.EINVAL):
        fault, remedy = port._reason(number, "/dev/ttyUSB0")
        assert len(f"{short}: {fault}") <= 19 and remedy.endswith((".", ")."))


def test_without_pyserial_the_refusal_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "serial", None)
    with pytest.raises(DriverError, match="pip install pyserial"):
        SerialPort(SerialPortConfig(port="/dev/ttyUSB0"), "Dev")


def test_the_end_of_a_process_lets_dtr_alone(pty):
    """An Arduino that is reset drops everything at once, also under current."""
    attributes = termios.tcgetattr(pty.slave)
    attributes[2] |= termios.HUPCL           # as every real port has it
    termios.tcsetattr(pty.slave, termios.TCSANOW, attributes)
    port = SerialPort(SerialPortConfig(port=pty.path), "Dev")
    attributes = termios.tcgetattr(port.fileno())
    port.close()
    assert not attributes[2] & termios.HUPCL


# --- finding -----------------------------------------------------------------------------------------------------------

def listed(*ports):
    return Finder(lambda: [SimpleNamespace(device=device, vid=vid) for device, vid in ports])


def test_known_adapters_are_tried_first_and_the_console_never():
    finder = listed(("/dev/ttyAMA0", None), ("/dev/ttyS0", None), ("/dev/ttyUSB0", 0x1234), ("/dev/ttyUSB1", 0x1A86), ("/dev/ttyACM0", 0x2341))
    assert [finder.next() for _ in range(5)] == ["/dev/ttyACM0", "/dev/ttyUSB1", "/dev/ttyUSB0", "/dev/ttyS0", "/dev/ttyACM0"], "and a new round"


def test_nothing_to_find_is_no_error():
    assert listed().next() == "" and listed(("/dev/ttyAMA0", None)).next() == ""


def test_a_port_that_is_taken_leaves_the_next_one_to_be_tried(pty, port):
    other = Pty()
    finder = listed((pty.path, 0x2341), (other.path, 0x10C4))
    second = SerialPort(SerialPortConfig(), "Two", finder=finder)
    assert second.fault == "Two: port busy"
    second.turn(2 * S)
    assert second.is_open and second.path == other.path
    second.close()
    other.unplug()


def test_ports_that_refuse_are_passed_over_at_the_start(pty):
    port = SerialPort(SerialPortConfig(), "Dev", finder=listed(("/dev/null", 0x2341), ("/dev/zero", 0x2341), (pty.path, 0x10C4)))
    assert port.is_open and port.path == pty.path and port.errors == 2
    port.close()
    with pytest.raises(DriverError, match="cannot be opened"):
        SerialPort(SerialPortConfig(), "Dev", finder=listed(("/dev/null", 0x2341)))


def test_a_name_of_its_own_is_kept_for_a_device_that_has_spoken(tmp_path, monkeypatch):
    real = tmp_path / "ttyUSB3"
    real.write_text("")
    os.symlink(real, tmp_path / "usb-Arduino")
    assert by_id(str(real), str(tmp_path)) in (str(tmp_path / "usb-Arduino"), str(real))
    assert by_id("/dev/ttyUSB9", str(tmp_path)) == "/dev/ttyUSB9" and by_id("/dev/ttyUSB9", str(tmp_path / "none")) == "/dev/ttyUSB9"
    finder = listed(("/dev/ttyUSB0", 1), ("/dev/ttyUSB1", 1))
    finder.keep("/dev/ttyUSB1")
    assert finder.next() == "/dev/ttyUSB0", "such a name may be another device's after replugging"
    finder.keep(find.BY_ID + "/usb-Arduino")
    assert [finder.next(), finder.next()] == [find.BY_ID + "/usb-Arduino"] * 2


# --- fuzz --------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_a_turn_is_bounded_and_raises_nothing(seed):
    rng = random.Random(seed)
    pty, plug = Pty(), Plug()
    plug.path = pty.path
    port = SerialPort(SerialPortConfig(), "Dev", finder=plug.finder())
    longest = 0
    for now in range(0, 4000 * MS, TURN):
        what = rng.random()
        if what < 0.6 and pty.master >= 0:
            pty.write(rng.randbytes(rng.randrange(0, 700)))
        elif what < 0.62:
            pty.unplug()
            plug.path = ""
        elif what < 0.7 and pty.master < 0:
            pty = Pty()
            plug.path = pty.path
        before, lines = port.received, port.turn(now)
        longest = max(longest, port.received - before)
        assert all(len(line) <= 80 for line in lines)
        rng.choice((port.state, port.event, port.text))(rng.randbytes(rng.randrange(1, 40)))
        before = port.sent
        port.pump(now)
        assert port.sent - before <= WRITE_MAX
        assert port.is_open == (port.fault == "") and len(port.fault) <= 19
    assert 0 < longest <= READ_MAX and port.opened > 1
    port.close()
    pty.unplug()
