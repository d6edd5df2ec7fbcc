"""A terminal that goes away must not stop a box."""
import io
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


def test_a_reader_that_sleeps_does_not_stop_the_box_and_is_told_again_when_it_wakes():
    read_end, write_end = os.pipe()
    stream = os.fdopen(write_end, "w")
    console = Console(stream)
    long = Event(S, "tcp", "error", "%s", ("x" * 5000,))
    for _ in range(100):
        console(long)                           # 500 kB into a pipe of 64 kB: returns
    assert 80 <= console.refused < 100
    while len(os.read(read_end, 65536)) == 65536:
        continue
    before = console.refused
    console(EVENT)
    assert console.refused == before and b"hello" in os.read(read_end, 65536)
    stream.close()
    os.close(read_end)


def test_a_text_in_memory_takes_everything():
    text = io.StringIO()
    Console(text)(EVENT)
    assert "hello" in text.getvalue()
