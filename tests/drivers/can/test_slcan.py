"""slcan through python-can and a pty: frames both ways, a line full of garbage, an adapter that is pulled out, one that hangs."""
import random
import threading

import pytest

from drivers.can import library
from drivers.can.bus import CanBus
from drivers.can.library import LibraryLink
from drivers.can.settings import CanConfig
from kernel.timer import S
from tests.drivers.can.slcan import SlcanAdapter
from tests.drivers.can.test_library import wait

pytest.importorskip("serial", reason="slcan needs pyserial")


@pytest.fixture
def adapter():
    a = SlcanAdapter()
    yield a
    a.unplug()


def box(port):
    config = CanConfig(interface="slcan", channel=port, options=["sleep_after_open=0"])
    link = LibraryLink(config)
    return link, CanBus(config, link)


def test_frames_both_ways(adapter):
    link, bus = box(adapter.port)
    assert wait(lambda: bus.run(1) and bus.usable)
    assert wait(lambda: adapter.lines()[-1:] == ["O"] and "S6" in adapter.lines()), "500 kbit/s, opened"
    commands = len(adapter.lines())
    adapter.say(adapter.frame(0x123, b"\x01\x02") + b"\r\x07" + adapter.frame(0x18FF0001, bytes(8), True) + b"z\r" + b"r1230\r")
    assert bus.send(0x108, b"\xab\xcd", False, 1) and bus.send(0x18DA0102, b"", True, 1)
    assert wait(lambda: bus.run(1) and bus.received == 2 and len(adapter.lines()) == commands + 2)
    assert [(f.id, f.data, f.extended) for f in bus.receive(9, 1)] == [(0x123, b"\x01\x02", False), (0x18FF0001, bytes(8), True)]
    assert adapter.lines()[commands:] == ["t1082ABCD", "T18DA01020"] and bus.fault == ""
    bus.close()
    assert link.join(10)


def test_garbage_and_half_lines_are_left_out(adapter):
    link, bus = box(adapter.port)
    assert wait(lambda: bus.run(1) and bus.usable)
    for garbage in (b"tZZZ8\r", b"t1238AABB\r", b"t12\r", b"T1\r", b"t1239" + b"00" * 9 + b"\r", b"d1230\r", b"half"):
        adapter.say(garbage)
    assert wait(lambda: bus.run(1) and link.malformed == 6)
    assert wait(lambda: link._idle > library.IDLE_TURNS), "half a line is thrown away"
    adapter.say(b"\xff\xfe\x80\r")
    assert wait(lambda: bus.run(1) and link.malformed == 7)
    adapter.say(adapter.frame(0x55, b"ok"))
    assert wait(lambda: bus.run(1) and bus.received)
    assert [(f.id, f.data) for f in bus.receive(9, 1)] == [(0x55, b"ok")] and bus.fault == ""
    bus.close()
    assert link.join(10)


def test_nothing_but_garbage_opens_the_adapter_anew(adapter):
    link, bus = box(adapter.port)
    now, rng = 1, random.Random(6)
    assert wait(lambda: bus.run(now) and bus.usable)

    def again():
        nonlocal now
        now += S
        adapter.lines()
        return bus.run(now) and bus.usable and bus.reopened

    def flood():
        adapter.lines()
        adapter.say(bytes(rng.choice(b"tT\xff0159") for _ in range(300)) + b"\r")
        bus.run(now)
        assert len(bus.fault) <= 19
        return bus.fault == "CAN: adapter lost" or bus.reopened
    assert wait(flood)
    assert wait(again)
    for frame in bus.receive(100, 1):
        assert len(frame.data) <= 8
    bus.close()
    assert link.join(10)


def test_pulled_out_and_plugged_in_again(adapter):
    link, bus = box(adapter.port)
    assert wait(lambda: bus.run(1) and bus.usable)
    adapter.unplug()
    assert wait(lambda: bus.run(1) and bus.fault == "CAN: adapter lost")
    assert link.join(10) and adapter.port in bus.remedy and not bus.usable
    again = SlcanAdapter()
    link._arguments["channel"] = again.port          # the same name, on a real board
    assert wait(lambda: bus.run(100 * S) and bus.usable and bus.fault == "")
    bus.close()
    assert link.join(10)
    again.unplug()


def test_an_adapter_that_hangs_in_the_middle_is_told():
    go = threading.Event()

    class Hanging:
        state = None

        def recv(self, timeout):
            go.wait(20)

        def shutdown(self):
            return None
    config = CanConfig(interface="virtual", channel="x")
    link = LibraryLink(config, lambda **arguments: Hanging())
    bus = CanBus(config, link)
    assert wait(lambda: bus.run(1) and bus.usable)
    for _ in range(library.HUNG + 3):
        bus.run(2)
    assert bus.fault == "CAN: adapter hangs" and "unplug" in bus.remedy
    bus.run(100 * S)
    assert bus.fault == "CAN: adapter hangs"
    go.set()
    assert link.join(10)
    assert wait(lambda: bus.run(200 * S) and bus.usable)
    bus.close()
    assert link.join(10)


def test_a_missing_package_is_told_with_its_name(monkeypatch, adapter):
    monkeypatch.setattr("can.interfaces.slcan.serial", None)
    link, bus = box(adapter.port)
    assert wait(lambda: bus.run(1) and bus.fault)
    assert bus.fault == "CAN: no package" and "python-can[slcan]" in bus.remedy
    bus.close()
    assert link.join(10)
