"""One contract for every way to a CAN bus: the kernel's socket, python-can, the simulated segment; and what tasks find behind it."""
import can
import pytest

from drivers import interfaces
from drivers.can.bus import CanBus
from drivers.can.dbc_battery import DbcBattery, DbcBatteryConfig
from drivers.can.raw import RawLink
from drivers.can.settings import BUS_OFF, EXTENDED, CanConfig, Link
from drivers.focccicape.cape import FoccciCape, FoccciCapeConfig
from drivers.focccicape.didebo import DiDeBoConfig, DiDeBoMeter, DiDeBoSupply
from drivers.sim.can import CanSegment
from kernel.timer import MS, S
from tests.drivers.can.fakes import FRAME, FakeKernel
from tests.drivers.can.inline import Inline
from tests.drivers.can.test_dbc_battery import MAPPING
from tests.drivers.focccicape.twin import Box, Pin


class Raw:
    def __init__(self, name):
        self.kernel = FakeKernel()
        self.link = RawLink(CanConfig(), self.kernel.socket)

    def say(self, id, data, extended):
        self.kernel.frame(id, data, EXTENDED if extended else 0)

    def heard(self):
        return [(word & 0x1FFFFFFF, data[:length], bool(word & EXTENDED)) for word, length, data in self.kernel.sent]

    def close(self):
        assert FRAME.size == 16


class Library:
    def __init__(self, name):
        self.link = Inline(CanConfig(interface="virtual", channel=name))
        self.other = can.Bus(interface="virtual", channel=name)

    def say(self, id, data, extended):
        self.other.send(can.Message(arbitration_id=id, data=data, is_extended_id=extended))

    def heard(self):
        return [(m.arbitration_id, bytes(m.data), m.is_extended_id) for m in iter(lambda: self.other.recv(0), None)]

    def close(self):
        self.other.shutdown()


class Simulated:
    def __init__(self, name):
        segment = CanSegment()
        self.link, self.other = segment.node(), segment.node()
        self.other.start(None)

    def say(self, id, data, extended):
        self.other.send(id | EXTENDED if extended else id, data)

    def heard(self):
        return [(key & 0x1FFFFFFF, data, key >= EXTENDED) for key, data in self.other.receive(100)]

    def close(self):
        self.other.stop()


@pytest.fixture(params=[Raw, Library, Simulated])
def wire(request):
    w = request.param(request.node.name)
    yield w
    w.link.stop()
    w.close()


def test_everything_that_the_protocol_names_exists(wire):
    assert all(hasattr(wire.link, n) for n in {n for n in vars(Link) if not n.startswith("_")} | set(Link.__annotations__))


def test_frames_both_ways_by_port(wire):
    bus = CanBus(CanConfig(), wire.link)
    port = bus.port("p", (0x100, 0x18FF0001))
    bus.run(1)
    wire.say(0x100, b"\x01", False)
    wire.say(0x101, b"\x02", False)
    wire.say(0x100, b"\x03", True)
    wire.say(0x18FF0001, bytes(range(8)), True)
    assert port.send(0x7FF, b"", False, 2) and port.send(0x12345, bytes(8), True, 2) and not port.send(0x800, b"", False, 2) and port.errors == 1
    for now in range(2, 9):           # python-can's filter in software gives one frame, or none, at a time
        bus.run(now)
    assert [(f.id, f.data, f.extended) for f in port.receive(9, 3)] == [(0x100, b"\x01", False), (0x18FF0001, bytes(range(8)), True)]
    assert wire.heard() == [(0x7FF, b"", False), (0x12345, bytes(8), True)]
    assert bus.fault == bus.remedy == "" and bus.usable and bus.sent == 2


def test_a_turn_is_bounded_and_says_when_the_next_is_due(wire):
    bus = CanBus(CanConfig(), wire.link)
    bus.run(1)
    for _ in range(500):
        wire.say(1, b"", False)
    for now in range(2, 6):
        before = bus.received
        assert now <= bus.run(now) <= now + S
        assert bus.received - before <= 64


def test_simulated_faults_are_told_and_heal():
    segment = CanSegment()
    node, other = segment.node(), segment.node()
    bus, now = CanBus(CanConfig(), node), 0

    def turns(times):
        nonlocal now
        for _ in range(times):
            now += 10 * MS
            bus.send(1, b"", False, now)
            bus.run(now)
    turns(120)
    assert bus.fault == "CAN: no acknowledge"
    other.start(None)
    turns(2)
    assert bus.fault == ""
    node.fail(BUS_OFF)
    turns(2)
    assert bus.fault == "CAN: bus off" and not bus.usable
    node.fail("active")
    turns(2)
    assert bus.fault == ""
    node.down = True
    turns(2)
    assert bus.fault == "CAN: interface down"
    node.down = False
    turns(60)
    assert bus.fault == "" and bus.reopened >= 1
    other.deaf = True
    turns(120)
    assert bus.fault == "CAN: no acknowledge"


def devices():
    segment = CanSegment()
    bus, box, config = CanBus(CanConfig(), segment.node()), Box(), DiDeBoConfig()
    supply = DiDeBoSupply(config, box.weights, box.load)
    return {"CanPort": bus.port("p", ()), "CanPort of the bus itself": bus, "VehicleData": DbcBattery(DbcBatteryConfig(**MAPPING), bus),
            "Inputs": FoccciCape(FoccciCapeConfig(), Pin(), None, None), "PowerSupply": supply, "PowerMeter": DiDeBoMeter(config, supply, box, "AIN1")}


@pytest.mark.parametrize("name", devices())
def test_devices_have_what_their_protocol_names(name):
    protocol, device = getattr(interfaces, name.split()[0]), devices()[name]
    wanted = {n for n in vars(protocol) if not n.startswith("_")} | set(protocol.__annotations__)
    assert wanted and not [n for n in wanted if not hasattr(device, n)]
    assert device.errors == 0


@pytest.mark.parametrize("name", ["CanPort of the bus itself", "VehicleData", "Inputs"])
def test_what_wants_turns_says_so(name):
    """drivers.interfaces.Polled, as far as it can be seen from outside."""
    device = devices()[name]
    assert device.name and device.fault == device.remedy == ""
    for now in (0, 1, 10 * MS, 10 * S):
        assert now <= device.run(now) <= now + S
        assert len(device.fault) <= 19 and bool(device.fault) == bool(device.remedy)
