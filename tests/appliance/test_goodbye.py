"""The program leaves: who has something to say or to give back does it, and the lines stay as they are."""
from types import SimpleNamespace

from drivers.sim.lines import Lines
from tools.appliance.parts import say_goodbye, tell


class Device:
    def __init__(self):
        self.closed = 0

    def close(self):
        self.closed += 1


def test_every_device_is_closed_once_and_the_lines_are_left_alone():
    lines, broker, oled = Lines.create(), Device(), Device()
    lines.force(0, True)
    say_goodbye(SimpleNamespace(polled=[lines, broker, oled, object()], oled=oled), [SimpleNamespace(task=object())], 5)
    assert (broker.closed, oled.closed) == (1, 1)
    assert lines.level(0), "the page is still there: the guard holds it as well"
    lines.close()


def test_what_is_assumed_is_told_as_a_warning():
    told = []
    journal = SimpleNamespace(note=lambda now, source, text, *args, level: told.append((level, text % args)))
    tell(SimpleNamespace(notes=["THE CONTROL PILOT IS NOT READ"]), journal, 5)
    tell(None, journal, 5)
    assert told == [("warning", "THE CONTROL PILOT IS NOT READ")]
