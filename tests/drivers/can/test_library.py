"""python-can behind the same bus: its virtual interface, and an adapter that fails in every way; the process is part of the test here."""
import json
import os
import socket
import subprocess
import sys
import threading

import can
import pytest

from drivers.can import adapter as module
from drivers.can import library
from drivers.can.bus import OPENING, CanBus
from drivers.can.library import LibraryLink
from drivers.can.settings import CanConfig
from drivers.errors import DriverError
from kernel.timer import MS, S
from tests.drivers.can.inline import PER_TURN, Inline

pytestmark = pytest.mark.real_time


@pytest.fixture
def other(request):
    """The other end of a virtual bus named after the test."""
    with can.Bus(interface="virtual", channel=request.node.name) as bus:
        yield bus


def own(channel, **more):
    config = CanConfig(interface="virtual", channel=channel, **more)
    return CanBus(config, Inline(config))


def turns(bus, times=3, now=1):
    for _ in range(times):
        bus.run(now)


def message(id, data=b"", **more):
    return can.Message(arbitration_id=id, data=data, is_extended_id=more.pop("extended", False), **more)


def test_frames_pass_in_both_directions(other, request):
    bus = own(request.node.name)
    port = bus.port("p", (0x123, 0x18FF0001))
    turns(bus)
    for m in (message(0x123, b"abc"), message(0x124), message(0x18FF0001, bytes(8), extended=True), message(0x123, is_remote_frame=True),
              message(0x123, is_error_frame=True)):
        other.send(m)
    assert bus.send(0x7FF, b"\x01\x02", False, 1) and bus.send(0x800, b"", True, 1)
    turns(bus)
    assert [(f.id, f.data, f.extended) for f in port.receive(9, 2)] == [(0x123, b"abc", False), (0x18FF0001, bytes(8), True)]
    heard = [other.recv(0) for _ in range(2)]
    assert [(m.arbitration_id, bytes(m.data), m.is_extended_id) for m in heard] == [(0x7FF, b"\x01\x02", False), (0x800, b"", True)]
    assert bus.link.error_frames == 2 and bus.link.malformed == 0 and bus.fault == ""
    bus.close()


def test_a_flood_is_bounded_and_what_nobody_fetches_is_counted(other, request):
    bus = own(request.node.name)
    turns(bus)
    for n in range(5000):
        other.send(message(n % 0x800))
    for now in range(2, 12):
        before = bus.received
        bus.run(now)
        assert bus.received - before <= PER_TURN
    for _ in range(60):
        bus.link.step()                   # the box is late
    turns(bus, 30)
    assert bus.link.lost > 1000 and bus.received + bus.link.lost <= 5000
    bus.close()


class Device:
    """An adapter of python-can that obeys a test. `fail` names the call that raises."""

    def __init__(self):
        self.fail = ""
        self.arguments = None
        self.open = 0
        self.bus_state = can.BusState.ACTIVE
        self.sent = []

    def make(self, **arguments):
        self._may("open")
        self.arguments = arguments
        self.open += 1
        return self

    def _may(self, call):
        if self.fail == call:
            raise can.CanOperationError("unplugged") if call == "send" else RuntimeError("libusb: no device")

    @property
    def state(self):
        return self.bus_state

    def recv(self, timeout):
        self._may("recv")

    def send(self, m, timeout):
        self._may("send")
        self.sent.append(m.arbitration_id)

    def shutdown(self):
        self.open -= 1
        self._may("shutdown")


def device_bus(**settings):
    device, config = Device(), CanConfig(interface="virtual", channel="x", **settings)
    return device, CanBus(config, Inline(config, device.make))


def test_options_bit_rate_and_filters_reach_the_adapter():
    device, bus = device_bus(options=["index=0", "tty_baudrate = 115200", "listen_only=true", "name=a=b", "x=1.5"], bitrate=250_000)
    bus.port("p", (0x100, 0x18FF0001))
    turns(bus)
    assert device.arguments == {"interface": "virtual", "channel": "x", "bitrate": 250_000, "index": 0, "tty_baudrate": 115200, "listen_only": True, "name": "a=b",
                                "x": 1.5, "can_filters": [{"can_id": 0x100, "can_mask": 0x7FF, "extended": False},
                                                          {"can_id": 0x18FF0001, "can_mask": 0x1FFFFFFF, "extended": True}]}
    bus.close()
    bus.link.step()


@pytest.mark.parametrize("call", ["open", "recv"])
def test_an_adapter_that_fails_is_told_closed_and_opened_again_by_the_same_process(call):
    device, bus = device_bus()
    if call == "recv":
        turns(bus)
        assert bus.usable
    device.fail = call
    for n in range(100):
        bus.run(n * 10 * MS)
    assert bus.fault == "CAN: adapter lost" and "libusb" in bus.remedy and not bus.usable and device.open == 0
    device.fail = "shutdown"
    for n in range(100, 700):
        bus.run(n * 10 * MS)
    assert bus.fault == "" and bus.usable and device.open == 1 and bus.link.spawned == 1
    bus.close()                       # which fails as well, and is counted
    bus.link.step()
    assert bus.link.adapter.unclosed == 1 and not bus.link.alive


def test_an_adapter_without_room_is_tried_again_and_then_forgets():
    device, bus = device_bus()
    turns(bus)
    device.fail = "send"
    for n in range(3):
        bus.send(n, b"", False, 1)
    bus.link.adapter._refused = -1000
    turns(bus)
    device.fail = ""
    turns(bus)
    assert device.sent == [0, 1, 2] and bus.fault == ""
    device.fail = "send"
    for n in range(3):
        bus.send(7, b"", False, 1)
    turns(bus, module.SEND_TRIES)
    device.fail = ""
    turns(bus)
    assert device.sent == [0, 1, 2] and bus.link.error_frames == 3


def test_the_controllers_state_is_asked_for():
    device, bus = device_bus()
    turns(bus)
    for state, fault in ((can.BusState.ERROR, "CAN: bus off"), (can.BusState.PASSIVE, "CAN: error passive"), (can.BusState.ACTIVE, "")):
        device.bus_state = state
        turns(bus, 30)
        assert bus.fault == fault


def test_a_process_that_hangs_or_dies_is_told_killed_and_replaced():
    device, bus = device_bus()
    bus.link.hangs = True
    bus.run(0)
    assert not bus.usable and not bus.send(1, b"", False, 0) and bus.fault == ""
    bus.run(OPENING)
    assert bus.fault == "CAN: does not open"
    bus.run(OPENING + S)
    assert bus.link.killed == 1 and bus.link.spawned == 2
    bus.link.hangs = False
    turns(bus, 3, OPENING + S)
    assert bus.usable and bus.fault == ""
    bus.link.hangs = True
    turns(bus, library.HUNG + 2, OPENING + S)
    assert bus.fault == "CAN: adapter hangs"
    bus.link.hangs = False
    turns(bus, 3, OPENING + 9 * S)
    assert bus.usable and bus.link.killed == 2 and bus.link.spawned == 3
    bus.link.kill()
    turns(bus, 3, OPENING + 10 * S)
    assert bus.fault == "CAN: adapter lost" and "started again" in bus.remedy
    turns(bus, 3, OPENING + 20 * S)
    assert bus.usable and bus.fault == ""


def wait(done):
    """Lets another process run until `done`; the bound is for one that hangs, not for how fast it is."""
    pause = threading.Event()
    for _ in range(4000):
        if done():
            return True
        pause.wait(0.005)
    return False


@pytest.mark.parametrize("interface, fault, words", [("slcann", "CAN: what adapter?", "Did you mean slcan?"), ("qqqqqqq", "CAN: what adapter?", "It knows")])
def test_an_interface_that_python_can_does_not_know_is_told(interface, fault, words):
    bus = CanBus(CanConfig(interface=interface))
    assert wait(lambda: bus.run(1) and bus.fault) and bus.fault == fault and words in bus.remedy
    bus.close()
    assert bus.link.join(10)


def test_a_real_process_opens_and_ends_with_the_box():
    bus = CanBus(CanConfig(interface="virtual", channel="x"))
    assert wait(lambda: bus.run(1) and bus.usable) and bus.fault == ""
    bus.close()
    assert bus.link.join(10)


def test_the_process_ends_when_the_box_dies():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    arguments = {"interface": "virtual", "channel": "x", "keys": [0x100]}
    with subprocess.Popen([sys.executable, "-m", "drivers.can.adapter", str(theirs.fileno()), json.dumps(arguments)], pass_fds=(theirs.fileno(),), cwd=library.ROOT) as child:
        theirs.close()
        ours.settimeout(30)
        assert ours.recv(100) == module.READY
        child.terminate()                 # the service's SIGTERM goes to all; the box needs its bus a little longer
        assert ours.recv(100)[:1] == module.ALIVE and ours.recv(100)[:1] == module.ALIVE
        ours.close()
        assert child.wait(30) == 0


def test_what_a_person_has_to_mend_is_refused_at_the_start(monkeypatch):
    with pytest.raises(DriverError, match="not key=value"):
        CanBus(CanConfig(interface="virtual", options=["baud"]))
    monkeypatch.setattr(library, "find_spec", lambda name: None)
    with pytest.raises(DriverError, match="pip install python-can"):
        CanBus(CanConfig(interface="slcan", channel="/dev/ttyACM0"))


def test_missing_packages_are_named(monkeypatch):
    monkeypatch.setattr(module.importlib, "import_module", lambda name: (_ for _ in ()).throw(can.CanInterfaceNotImplementedError("No module named 'usb'")))
    found, fault = module.library("gs_usb")
    assert found is None and fault.startswith("CAN: no package\n") and "python-can[gs_usb]" in fault and "usb" in fault
    monkeypatch.setitem(sys.modules, "can", None)
    assert module.library("slcan")[1].startswith("CAN: no python-can\n")


def test_a_process_that_cannot_be_started_is_told():
    def refuse(wire, arguments):
        raise OSError(11, "Resource temporarily unavailable")
    config = CanConfig(interface="virtual")
    bus = CanBus(config, LibraryLink(config, refuse))
    bus.run(1)
    assert bus.fault == "CAN: no process" and "Resource" in bus.remedy
    assert len(os.listdir("/proc/self/fd")) < 500
