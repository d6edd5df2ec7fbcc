"""slcan through python-can and a pty, in its real process: frames both ways, a line full of garbage, an adapter that is pulled out."""
import os
import random

import can
import pytest

from drivers.can import adapter as module
from drivers.can.bus import CanBus
from drivers.can.settings import CanConfig
from kernel.timer import S
from tests.drivers.can.inline import Inline
from tests.drivers.can.slcan import SlcanAdapter
from tests.drivers.can.test_library import wait

pytest.importorskip("serial", reason="slcan needs pyserial")

pytestmark = pytest.mark.real_time


@pytest.fixture
def adapter():
    a = SlcanAdapter()
    yield a
    a.unplug()


def settings(port):
    return CanConfig(interface="slcan", channel=port, options=["sleep_after_open=0"])


def test_frames_both_ways(adapter):
    bus = CanBus(settings(adapter.port))
    assert wait(lambda: bus.run(1) and bus.usable)
    assert wait(lambda: adapter.lines()[-1:] == ["O"] and "S6" in adapter.lines()), "500 kbit/s, opened"
    commands = len(adapter.lines())
    adapter.say(adapter.frame(0x123, b"\x01\x02") + b"\r\x07" + adapter.frame(0x18FF0001, bytes(8), True) + b"z\r" + b"r1230\r")
    assert bus.send(0x108, b"\xab\xcd", False, 1) and bus.send(0x18DA0102, b"", True, 1)
    assert wait(lambda: bus.run(1) and bus.received == 2 and len(adapter.lines()) == commands + 2)
    assert [(f.id, f.data, f.extended) for f in bus.receive(9, 1)] == [(0x123, b"\x01\x02", False), (0x18FF0001, bytes(8), True)]
    assert adapter.lines()[commands:] == ["t1082ABCD", "T18DA01020"] and bus.fault == ""
    bus.close()
    assert bus.link.join(10)


def test_garbage_and_half_lines_are_left_out(adapter):
    link = Inline(settings(adapter.port))
    bus = CanBus(link=link, config=settings(adapter.port))
    bus.run(1)
    for garbage in (b"tZZZ8\r", b"t1238AABB\r", b"t12\r", b"T1\r", b"t1239" + b"00" * 9 + b"\r", b"d1230\r"):
        adapter.say(garbage)
    assert wait(lambda: bus.run(1) and link.error_frames == 6)
    adapter.say(b"half")
    for _ in range(module.IDLE_TURNS // 32):
        bus.run(1)                     # half a line is thrown away
    adapter.say(b"\xff\xfe\x80\r")
    assert wait(lambda: bus.run(1) and link.error_frames == 7), "slcan would keep it for ever"
    adapter.say(adapter.frame(0x55, b"ok"))
    assert wait(lambda: bus.run(1) and bus.received)
    assert [(f.id, f.data) for f in bus.receive(9, 1)] == [(0x55, b"ok")] and bus.fault == ""
    bus.close()
    link.step()


def test_nothing_but_garbage_opens_the_adapter_anew(adapter):
    link = Inline(settings(adapter.port))
    bus, rng, now = CanBus(settings(adapter.port), link), random.Random(6), 1

    def flood():
        adapter.lines()
        adapter.say(bytes(rng.choice(b"tT\xff0159\r") for _ in range(300)) + b"\r")
        bus.run(now)
        assert len(bus.fault) <= 19
        return bus.fault
    assert wait(flood) and bus.fault == "CAN: adapter lost"

    def again():
        nonlocal now
        now += S // 100
        adapter.lines()
        return bus.run(now) and bus.usable and bus.fault == ""
    assert wait(again) and link.spawned == 1
    bus.close()
    link.step()


def test_pulled_out_and_plugged_in_again(adapter, tmp_path):
    name = tmp_path / "ttyCAN"
    name.symlink_to(adapter.port)
    bus, now = CanBus(settings(str(name))), 1
    assert wait(lambda: bus.run(now) and bus.usable)
    adapter.unplug()
    assert wait(lambda: bus.run(now) and bus.fault == "CAN: adapter lost")
    assert str(name) in bus.remedy and not bus.usable
    other = SlcanAdapter()
    os.remove(name)
    name.symlink_to(other.port)

    def again():
        nonlocal now
        now += S // 10
        other.lines()
        return bus.run(now) and bus.usable and bus.fault == ""
    assert wait(again)
    bus.close()
    assert bus.link.join(10)
    other.unplug()


def test_a_missing_package_is_told_with_its_name(monkeypatch, adapter):
    monkeypatch.setattr("can.interfaces.slcan.serial", None)
    link = Inline(settings(adapter.port))
    bus = CanBus(settings(adapter.port), link)
    bus.run(1)
    assert bus.fault == "CAN: no package" and "python-can[slcan]" in bus.remedy and can.interfaces.slcan.serial is None
