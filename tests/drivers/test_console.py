"""A terminal that goes away must not stop a box."""
import os

from drivers.journal_file import Console
from kernel.journal import Event
from kernel.timer import S

EVENT = Event(S, "tcp", "info", "%s", ("hello",))


def test_lines_come_and_a_closed_pipe_is_counted_and_not_raised():
    read_end, write_end = os.pipe()
    stream = os.fdopen(write_end, "w")
    console = Console(stream)
    console(EVENT)
    assert b"hello" in os.read(read_end, 100) and console.refused == 0
    os.close(read_end)
    console(EVENT)
    console(EVENT)
    assert console.refused == 2
    try:
        stream.close()
    except BrokenPipeError:
        assert console.refused == 2
