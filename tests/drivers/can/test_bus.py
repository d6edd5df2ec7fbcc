"""One CAN bus over the kernel's octets: what is read, sent, lost, refused, and what a person is told."""
import random
import socket

import pytest

from drivers.can import bus as module
from drivers.can.bus import CanBus
from drivers.can.raw import RawLink
from drivers.can.settings import CanConfig
from drivers.interfaces import CanFrame
from kernel.timer import MS, S
from tests.drivers.can.fakes import (ACTIVE_AGAIN, BUS_OFF, CONTROLLER, EXTENDED, FRAME, REMOTE, RESTARTED, RX_OVERFLOW,
                                     RX_PASSIVE, FakeKernel)


class Bench:
    """A bus and its kernel; `turn` lets 10 ms pass."""

    def __init__(self, **settings):
        self.kernel = FakeKernel()
        config = CanConfig(**settings)
        self.bus = CanBus(config, RawLink(config, self.kernel.socket))
        self.now = 0

    def turn(self, times=1):
        for _ in range(times):
            self.now += 10 * MS
            wanted = self.bus.run(self.now)
            assert self.now <= wanted <= self.now + S and len(self.bus.fault) <= 19 and bool(self.bus.fault) == bool(self.bus.remedy)
        return self.now


@pytest.fixture
def bench():
    b = Bench()
    b.turn()
    return b


def test_frames_come_with_their_length_and_kind_of_identifier(bench):
    bench.kernel.frame(0x123, b"\x01\x02\x03")
    bench.kernel.frame(0x18DAF110, bytes(8), EXTENDED)
    bench.kernel.frame(0x100)
    now = bench.turn()
    assert bench.bus.receive(9, now) == [CanFrame(0x123, b"\x01\x02\x03", False, now), CanFrame(0x18DAF110, bytes(8), True, now), CanFrame(0x100, b"", False, now)]
    assert bench.bus.receive(9, now) == [] and bench.bus.fault == "" and bench.bus.errors == 0 and bench.bus.received == 3


def test_frames_leave_with_the_next_turn(bench):
    assert bench.bus.send(0x108, b"\xff\x01", False, bench.now) and bench.bus.send(0x108, b"", True, bench.now) and bench.kernel.sent == []
    bench.turn()
    assert bench.kernel.sent == [(0x108, 2, b"\xff\x01" + bytes(6)), (0x108 | EXTENDED, 0, bytes(8))] and bench.bus.sent == 2


@pytest.mark.parametrize("id, data, extended", [(0x800, b"", False), (-1, b"", False), (1 << 29, b"", True), (1, bytes(9), False)])
def test_what_is_no_frame_is_refused(bench, id, data, extended):
    assert not bench.bus.send(id, data, extended, bench.now) and bench.bus.errors == 1
    bench.turn()
    assert bench.kernel.sent == []


def test_what_is_no_data_frame_is_counted_and_left_out(bench):
    bench.kernel.frame(0x100, b"", REMOTE)
    bench.kernel.waiting.append(b"short")
    bench.kernel.waiting.append(FRAME.pack(0x123, 15, bytes(8)))
    now = bench.turn()
    assert bench.bus.receive(9, now) == [] and bench.bus.link.malformed == 3 and bench.bus.fault == ""


def test_each_user_has_its_own_queue_and_the_kernel_filters_for_them():
    b = Bench(filter_ids=[0x200])
    chademo, battery, sender = b.bus.port("chademo", (0x100, 0x102)), b.bus.port("battery", (0x102, 0x18FF0001)), b.bus.port("info", ())
    b.turn()
    assert b.kernel.bound.filters == {(0x100, 0xC00007FF), (0x102, 0xC00007FF), (0x200, 0xC00007FF), (0x18FF0001 | EXTENDED, 0xDFFFFFFF)}
    for id in (0x100, 0x101, 0x102, 0x200):
        b.kernel.frame(id)
        b.kernel.frame(id, b"", EXTENDED)           # the same number with 29 bits is another identifier
    b.kernel.frame(0x18FF0001, b"", EXTENDED)
    now = b.turn()
    assert [f.id for f in chademo.receive(9, now)] == [0x100, 0x102] and [f.id for f in battery.receive(9, now)] == [0x102, 0x18FF0001]
    assert [f.id for f in b.bus.receive(9, now)] == [0x200] and sender.receive(9, now) == []


def test_a_user_that_comes_later_is_filtered_for_too(bench):
    assert bench.kernel.bound.filters is None
    port = bench.bus.port("late", (0x77,))
    bench.turn(20)
    bench.kernel.frame(0x77)
    bench.kernel.frame(0x78)
    now = bench.turn()
    assert [f.id for f in port.receive(9, now)] == [0x77] and bench.bus.receive(9, now) == [] and bench.bus.fault == "" and bench.bus.errors == 0


def test_a_flood_costs_a_bounded_number_of_reads_per_turn(bench):
    port = bench.bus.port("p", (1,))
    bench.turn(20)
    for _ in range(10):
        for n in range(5000):
            bench.kernel.frame(1, n.to_bytes(8, "big"))
        before = bench.kernel.reads
        bench.turn()
        assert bench.kernel.reads - before <= module.READS_PER_TURN
        bench.kernel.waiting.clear()
    assert len(port.receive(1000, bench.now)) == module.PORT_QUEUE and port.lost == 10 * module.READS_PER_TURN - module.PORT_QUEUE
    for n in range(module.READS_PER_TURN):
        bench.kernel.frame(1)
    assert bench.bus.run(bench.now) == bench.now, "there may be more"


def test_nobody_fetching_is_bounded_and_counted(bench):
    for n in range(100):
        bench.kernel.frame(n)
    now = bench.turn(3)
    assert bench.bus.unclaimed == 100 - module.PORT_QUEUE and [f.id for f in bench.bus.receive(2, now)] == [36, 37]


def test_without_room_frames_are_tried_again_in_order_until_they_are_too_old(bench):
    bench.kernel.no_room = True
    for n in range(3):
        assert bench.bus.send(n, b"", False, bench.now)
    bench.turn(2)
    assert bench.kernel.sent == [] and bench.bus.no_room == 2 and bench.bus.fault == ""
    bench.kernel.no_room = False
    bench.turn()
    assert [s[0] for s in bench.kernel.sent] == [0, 1, 2]
    bench.kernel.no_room = True
    bench.bus.send(5, b"", False, bench.now)
    bench.turn(11)
    bench.kernel.no_room = False
    bench.turn()
    assert len(bench.kernel.sent) == 3 and bench.bus.stale == 1


def test_a_bus_on_which_nobody_acknowledges_is_told_and_found_again(bench):
    bench.kernel.no_room = True
    for _ in range(120):
        bench.bus.send(1, b"", False, bench.now)
        bench.turn()
    assert bench.bus.fault == "CAN: no acknowledge" and "120 Ohm" in bench.bus.remedy and "500000" in bench.bus.remedy
    bench.kernel.no_room = False
    bench.turn()
    assert bench.bus.fault == ""


def test_the_queue_is_bounded(bench):
    assert [bench.bus.send(1, b"", False, bench.now) for _ in range(40)].count(True) == module.OUTBOX
    assert bench.bus.full == 8 and bench.bus.errors == 8
    bench.turn()
    assert len(bench.kernel.sent) == module.SENDS_PER_TURN


def test_bus_off_is_told_nothing_is_sent_and_the_restart_is_noticed(bench):
    bench.bus.send(1, b"", False, bench.now)
    bench.kernel.error(BUS_OFF)
    bench.kernel.frame(7)                   # had been waiting in the controller
    bench.turn()
    assert bench.bus.fault == "CAN: bus off" and "restart-ms 100" in bench.bus.remedy
    assert not bench.bus.usable and not bench.bus.send(1, b"", False, bench.now) and bench.kernel.sent == []
    bench.turn(100)
    assert bench.bus.fault == "CAN: bus off"
    bench.kernel.error(RESTARTED)
    bench.turn()
    assert bench.bus.fault == "" and bench.bus.send(1, b"", False, bench.now)


def test_a_controller_that_hears_again_is_no_longer_off(bench):
    bench.kernel.error(BUS_OFF)
    bench.turn(20)
    bench.kernel.frame(7)
    bench.turn(2)
    assert bench.bus.fault == ""


def test_error_passive_is_told_until_the_controller_recovers(bench):
    bench.kernel.error(CONTROLLER, RX_PASSIVE)
    bench.turn()
    assert bench.bus.fault == "CAN: error passive" and bench.bus.usable and bench.bus.errors == 1
    bench.kernel.error(CONTROLLER, ACTIVE_AGAIN)
    bench.turn(2)
    assert bench.bus.fault == ""
    bench.kernel.error(CONTROLLER, RX_PASSIVE)
    bench.turn(250)
    assert bench.bus.fault == "CAN: error passive", "silence proves nothing"
    bench.kernel.frame(1)
    bench.turn(2)
    assert bench.bus.fault == ""


def test_lost_frames_are_counted_wherever_they_were_lost(bench):
    bench.kernel.error(CONTROLLER, RX_OVERFLOW)
    bench.turn()
    for total in (5, 7):
        bench.kernel.lost = total
        bench.kernel.frame(1)
        bench.turn()
    assert bench.bus.link.lost == 1 + 7


@pytest.mark.parametrize("attribute, fault", [("up", "CAN: interface down"), ("present", "CAN: interface gone")])
def test_an_interface_that_goes_is_told_with_the_remedy_and_taken_again(bench, attribute, fault):
    bench.bus.send(1, b"old", False, bench.now)
    setattr(bench.kernel, attribute, False)
    bench.turn()
    assert bench.bus.fault == fault and "`ip link set can0 up type can bitrate 500000 restart-ms 100`" in bench.bus.remedy
    before = bench.kernel.sockets
    bench.turn(1000)
    assert bench.kernel.sockets - before <= 8, "the pauses grow"
    assert not bench.bus.send(1, b"", False, bench.now)
    setattr(bench.kernel, attribute, True)
    bench.kernel.frame(0x55)
    bench.turn(501)
    assert bench.bus.fault == "" and [f.id for f in bench.bus.receive(9, bench.now)] == [0x55] and bench.kernel.sent == [], "no old command"


def test_an_interface_that_is_not_there_at_the_start_is_waited_for():
    b = Bench(channel="can7")
    b.kernel.present = False
    b.turn(50)
    assert b.bus.fault == "CAN: interface gone" and "can7" in b.bus.remedy
    b.kernel.present = True
    b.turn(200)
    assert b.bus.fault == "" and b.bus.usable


def test_errors_of_the_system_become_sentences():
    def refuse():
        raise PermissionError(1, "Operation not permitted")
    config = CanConfig()
    bus = CanBus(config, RawLink(config, refuse))
    bus.run(0)
    assert bus.fault == "CAN: not permitted" and "AF_CAN" in bus.remedy and bus.errors == 1


def test_random_octets_and_faults_at_any_instant_never_raise():
    rng = random.Random(8)
    b = Bench()
    port = b.bus.port("p", range(0x100, 0x110))
    for _ in range(4000):
        k = b.kernel
        for _ in range(rng.choice((0, 0, 1, 3, 100))):
            k.waiting.append(rng.randbytes(rng.choice((0, 1, 15, 16, 16, 16))))
        if rng.random() < 0.1:
            k.error(rng.choice((BUS_OFF, RESTARTED, CONTROLLER, 0x1FFFFFFF)), rng.randrange(256))
        k.up, k.present, k.no_room = rng.random() < 0.98, rng.random() < 0.98, rng.random() < 0.2
        k.lost += rng.choice((0, 1 << 31))
        b.bus.send(rng.randrange(-5, 1 << 30), rng.randbytes(rng.randrange(10)), rng.random() < 0.5, b.now)
        b.turn()
        for frame in port.receive(rng.randrange(10), b.now) + b.bus.receive(3, b.now):
            assert len(frame.data) <= 8 and frame.id <= (0x1FFFFFFF if frame.extended else 0x7FF)
    b.kernel.up = b.kernel.present = True
    b.kernel.no_room = False
    b.kernel.waiting.clear()
    b.turn(600)
    b.kernel.error(RESTARTED)
    b.turn(2)
    assert b.bus.fault == "" and b.bus.usable


def test_closing_is_the_end(bench):
    bench.bus.close()
    assert bench.kernel.bound.closed and not bench.bus.send(1, b"", False, bench.now)
    bench.turn(100)
    assert bench.kernel.sockets == 1


def test_a_real_interface_in_memory_carries_a_frame():
    """vcan0, where the kernel has it and somebody has made it (`ip link add vcan0 type vcan && ip link set vcan0 up`)."""
    try:
        other = socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW)
    except OSError as error:
        pytest.skip(f"this kernel has no CAN sockets: {error}")
    with other:
        try:
            other.bind(("vcan0",))
        except OSError as error:
            pytest.skip(f"no vcan0 here: {error}")
        bus = CanBus(CanConfig(channel="vcan0"))
        port = bus.port("p", (0x321,))
        bus.run(1)
        other.send(FRAME.pack(0x321, 2, b"ok"))
        other.send(FRAME.pack(0x322, 2, b"no"))
        assert bus.send(0x123, b"\x01", False, 2)
        bus.run(2)
        assert [(f.id, f.data) for f in port.receive(9, 2)] == [(0x321, b"ok")]
        other.settimeout(1)
        assert other.recv(16)[:9] == FRAME.pack(0x123, 1, b"\x01")[:9]
        bus.close()
