"""python-can behind the same bus: its virtual interface without a thread, with one, and an adapter that fails in every way."""
import threading

import can
import pytest

from drivers.can import library
from drivers.can.bus import OPENING, CanBus
from drivers.can.library import LibraryLink
from drivers.can.settings import CanConfig
from drivers.errors import DriverError
from kernel.timer import MS, S


@pytest.fixture
def other(request):
    """The other end of a virtual bus named after the test."""
    with can.Bus(interface="virtual", channel=request.node.name) as bus:
        yield bus


def own(channel, **more):
    config = CanConfig(interface="virtual", channel=channel, **more)
    return CanBus(config, LibraryLink(config, threaded=False))


def message(id, data=b"", **more):
    return can.Message(arbitration_id=id, data=data, is_extended_id=more.pop("extended", False), **more)


def test_frames_pass_in_both_directions(other, request):
    bus = own(request.node.name)
    port = bus.port("p", (0x123, 0x18FF0001))
    bus.run(1)
    for m in (message(0x123, b"abc"), message(0x124), message(0x18FF0001, bytes(8), extended=True), message(0x123, is_remote_frame=True),
              message(0x123, is_error_frame=True)):
        other.send(m)
    assert bus.send(0x7FF, b"\x01\x02", False, 1) and bus.send(0x800, b"", True, 1)
    bus.run(2)
    bus.run(3)
    assert [(f.id, f.data, f.extended) for f in port.receive(9, 2)] == [(0x123, b"abc", False), (0x18FF0001, bytes(8), True)]
    heard = [other.recv(0) for _ in range(2)]
    assert [(m.arbitration_id, bytes(m.data), m.is_extended_id) for m in heard] == [(0x7FF, b"\x01\x02", False), (0x800, b"", True)]
    assert bus.link.malformed == 1 and bus.link.error_frames == 1 and bus.fault == ""
    bus.close()


def test_a_flood_is_bounded(other, request):
    bus = own(request.node.name)
    bus.run(1)
    for n in range(5000):
        other.send(message(n % 0x800))
    for now in range(2, 12):
        bus.run(now)
    assert bus.received == 10 * library.PER_TURN
    bus.close()


class Adapter:
    """An adapter of python-can that obeys a test. `fail` names the call that raises."""

    def __init__(self):
        self.fail = ""
        self.arguments = None
        self.opened = 0
        self.open = 0
        self.bus_state = can.BusState.ACTIVE
        self.sent = []

    def make(self, **arguments):
        self._may("open")
        self.arguments = arguments
        self.opened += 1
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


def adapter_bus(**settings):
    adapter, config = Adapter(), CanConfig(interface="virtual", channel="x", **settings)
    return adapter, CanBus(config, LibraryLink(config, adapter.make, threaded=False))


def test_options_bit_rate_and_filters_reach_the_adapter():
    adapter, bus = adapter_bus(options=["index=0", "tty_baudrate = 115200", "listen_only=true", "name=a=b", "x=1.5"], bitrate=250_000)
    bus.port("p", (0x100, 0x18FF0001))
    bus.run(1)
    assert adapter.arguments == {"interface": "virtual", "channel": "x", "bitrate": 250_000, "index": 0, "tty_baudrate": 115200, "listen_only": True, "name": "a=b",
                                 "x": 1.5, "can_filters": [{"can_id": 0x100, "can_mask": 0x7FF, "extended": False},
                                                           {"can_id": 0x18FF0001, "can_mask": 0x1FFFFFFF, "extended": True}]}


@pytest.mark.parametrize("call", ["open", "recv"])
def test_an_adapter_that_fails_is_told_closed_and_opened_again(call):
    adapter, bus = adapter_bus()
    bus.run(1)
    adapter.fail = call
    if call == "open":
        bus.close()
        bus = adapter_bus()[1]
        bus.link._make = adapter.make
    for n in range(100):
        bus.run(n * 10 * MS)
    assert bus.fault == "CAN: adapter lost" and "libusb" in bus.remedy and not bus.usable and adapter.open == 0
    adapter.fail = "shutdown"
    for n in range(100, 400):
        bus.run(n * 10 * MS)
    assert bus.fault == "" and bus.usable and adapter.open == 1
    bus.close()                       # which fails as well, and is counted
    assert bus.link.error_frames == 1


def test_an_adapter_without_room_is_tried_again_and_then_forgets():
    adapter, bus = adapter_bus()
    bus.run(1)
    adapter.fail = "send"
    for n in range(3):
        bus.send(n, b"", False, 1)
    for n in range(5):
        bus.run(2)
    adapter.fail = ""
    bus.run(3)
    assert adapter.sent == [0, 1, 2] and bus.fault == ""
    adapter.fail = "send"
    bus.send(7, b"", False, 3)
    for n in range(library.SEND_TRIES + 1):
        bus.run(3)
    adapter.fail = ""
    bus.run(3)
    assert adapter.sent == [0, 1, 2] and bus.errors == 1


def test_the_controllers_state_is_asked_for():
    adapter, bus = adapter_bus()
    for state, fault in ((can.BusState.ERROR, "CAN: bus off"), (can.BusState.PASSIVE, "CAN: error passive"), (can.BusState.ACTIVE, "")):
        adapter.bus_state = state
        for n in range(library.STATE_EVERY + 1):
            bus.run(n)
        assert bus.fault == fault


def wait(done):
    """Lets the thread run until `done`; the bound is for a thread that hangs, not for how fast it is."""
    pause = threading.Event()
    for _ in range(2000):
        if done():
            return True
        pause.wait(0.005)
    return False


def test_the_thread_carries_frames_and_ends(other, request):
    config = CanConfig(interface="virtual", channel=request.node.name)
    link = LibraryLink(config)
    bus = CanBus(config, link)
    assert wait(lambda: bus.run(1) and bus.usable)
    other.send(message(0x321, b"in"))
    assert bus.send(0x123, b"out", False, 1)
    assert wait(lambda: bus.run(1) and bus.received and bus.sent)
    assert bus.receive(9, 1)[0].data == b"in" and bytes(other.recv(10).data) == b"out"
    for n in range(2000):
        other.send(message(0x100, n.to_bytes(8, "big")))
    assert wait(lambda: link.lost >= 2000 - library.INBOX)
    assert len(link.receive(10_000)) <= library.INBOX
    bus.close()
    assert link.join(10)


def test_an_adapter_that_fails_or_hangs_in_its_thread_is_told():
    adapter, config = Adapter(), CanConfig(interface="virtual", channel="x")
    go, entered = threading.Event(), threading.Event()

    def slow(**arguments):
        entered.set()
        go.wait(10)
        return adapter.make(**arguments)

    link = LibraryLink(config, slow)
    bus = CanBus(config, link)
    bus.run(0)
    assert entered.wait(10) and not bus.usable and not bus.send(1, b"", False, 0) and bus.fault == ""
    bus.run(OPENING)
    assert bus.fault == "CAN: does not open"
    bus.run(OPENING + S)
    assert bus.fault == "CAN: adapter hangs"
    go.set()
    assert link.join(10) and adapter.open == 0, "it opened when nobody wanted it any more, and closed again"
    adapter.fail = "recv"
    assert wait(lambda: bus.run(OPENING + 10 * S) and bus.fault == "CAN: adapter lost")
    adapter.fail = ""
    assert wait(lambda: bus.run(OPENING + 100 * S) and bus.fault == "")
    bus.close()
    assert link.join(10) and adapter.open == 0


@pytest.mark.parametrize("settings, words", [
    ({"interface": "slcann"}, "Did you mean slcan?"),
    ({"interface": "qqqqqqq"}, "It knows"),
    ({"interface": "virtual", "options": ["baud"]}, "not key=value"),
])
def test_what_a_person_has_to_mend_is_refused_at_the_start(settings, words):
    with pytest.raises(DriverError) as refused:
        CanBus(CanConfig(**settings))
    assert words in str(refused.value)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(library.importlib, "import_module", lambda name: (_ for _ in ()).throw(can.CanInterfaceNotImplementedError("No module named 'serial'")))
    with pytest.raises(DriverError) as refused:
        CanBus(CanConfig(interface="slcan", channel="/dev/ttyACM0"))
    assert "python-can[slcan]" in str(refused.value) and "serial" in str(refused.value)
