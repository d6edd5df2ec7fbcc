"""Keys from a pseudo terminal, and the terminal as it was afterwards."""
import io
import os
import pty
import termios

from drivers.keyboard import Keyboard


class Terminal:
    """The program's end of a pseudo terminal, as sys.stdin would be."""

    def __init__(self):
        self.master, self.slave = pty.openpty()
        self.closed = False

    def isatty(self):
        return True

    def fileno(self):
        return self.slave

    def end(self):
        for fd in (self.master, self.slave):
            os.close(fd)


def test_keys_come_without_enter_and_the_terminal_is_restored():
    terminal = Terminal()
    before = termios.tcgetattr(terminal.slave)
    keys = Keyboard(terminal)
    assert keys.read() == ""
    os.write(terminal.master, b"q \t")
    assert keys.read() == "q \t"
    assert not termios.tcgetattr(terminal.slave)[3] & termios.ICANON
    assert os.get_blocking(terminal.slave)                     # shared with the output: must stay blocking
    keys.close()
    keys.close()
    assert termios.tcgetattr(terminal.slave) == before
    assert keys.read() == ""
    terminal.end()


def test_a_terminal_that_hangs_up_gives_no_keys_and_no_exception():
    terminal = Terminal()
    keys = Keyboard(terminal)
    os.close(terminal.master)
    assert keys.read() == "" and keys.read() == ""
    keys.close()
    os.close(terminal.slave)


def test_without_a_terminal_there_are_no_keys():
    for stream in (io.StringIO("q"), open(os.devnull)):
        keys = Keyboard(stream)
        assert keys.read() == ""
        keys.close()
        stream.close()
        assert Keyboard(stream).read() == ""
