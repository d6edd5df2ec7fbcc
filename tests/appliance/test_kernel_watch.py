"""The row that watches the operating system's network: what it tells, when, and what it does about it."""
from __future__ import annotations

import random

import pytest

from drivers.kernel_network import NetworkFacts
from kernel.channels import Mailbox
from kernel.journal import Journal
from tasks.ipv6 import wire
from tasks.ipv6.config import Ipv6Config
from tasks.ipv6.host import Host
from tasks.ipv6.task import Ipv6Task
from tasks.messages import HoldNeighbor
from tasks.signals import Signals
from tools.appliance.kernel_watch import DISABLE_TRIES, PERIOD, KernelWatch

MAC = bytes.fromhex("020000000001")
SAME = wire.link_local(MAC)
OTHER = bytes.fromhex("fe800000000000001122334455667788")


class Scripted:
    """An interface whose facts the test sets; `permitted`: IPv6 can be switched off, and `stubborn` comes back at once."""

    def __init__(self, facts: NetworkFacts, permitted: bool = True, stubborn: bool = False) -> None:
        self.facts, self.permitted, self.stubborn, self.tries = facts, permitted, stubborn, 0

    def read(self) -> NetworkFacts:
        return self.facts

    def disable_ipv6(self) -> str:
        self.tries += 1
        if not self.permitted:
            return "Permission denied"
        if not self.stubborn:
            self.facts = NetworkFacts("plc0", False)
        return ""


class Box:
    """The watch and the IPv6 task of one box, in the order of main.py."""

    def __init__(self, network: Scripted, disable: bool = True) -> None:
        self.signals, self.journal, self.lines = Signals(), Journal(), []
        self.journal.add_sink(lambda e: self.lines.append((e.level, e.message())))
        self.watch = KernelWatch(network, self.signals, self.journal, disable=disable)
        self.watch.look(0)
        self.send = Mailbox("send", 8)
        boxes = [Mailbox(n, 8) for n in ("in", "out", "udp", "tcp")]
        self.ipv6 = Ipv6Task(Host(MAC, Ipv6Config(), random.Random(1)), boxes[0], self.send, boxes[1], boxes[2], boxes[3], self.signals, self.journal)

    def run(self, now: int) -> list[tuple[str, str]]:
        """One visit of both; the new lines of the journal."""
        self.ipv6.run(now)
        assert self.watch.run(now) == now + PERIOD
        self.ipv6.run(now)
        self.lines.clear()
        self.journal.flush()
        return list(self.lines)


def test_switched_off_where_it_is_harmless() -> None:
    box = Box(Scripted(NetworkFacts("plc0", True, (SAME,))))
    assert box.signals.own_address.value == SAME
    (line,) = box.run(1)
    assert line[0] == "info" and "switched the operating system's IPv6 off on plc0" in line[1]
    assert box.run(PERIOD) == [] and box.signals.kernel_notice.value is None


@pytest.mark.parametrize("facts", [NetworkFacts("plc0", True, (SAME,), ipv4="10.0.0.1"), NetworkFacts("plc0", True, (SAME,))])
def test_left_on_our_address_is_another_one_and_the_remedy_is_told_once(facts) -> None:
    box = Box(Scripted(facts), disable=facts.ipv4 is not None)
    assert box.signals.own_address.value not in (SAME, None)
    lines = box.run(1)
    assert any(level == "warning" and "has our address" in text for level, text in lines)
    assert any(level == "warning" and "sysctl -w net.ipv6.conf.plc0.disable_ipv6=1" in text for level, text in lines)
    assert not box.signals.kernel_notice.value                     # it disturbs, it does not break
    assert box.run(PERIOD) == []


def test_without_the_permission_the_reason_is_told_and_it_is_not_tried_again() -> None:
    network = Scripted(NetworkFacts("plc0", True, (OTHER,)), permitted=False)
    box = Box(network)
    assert any("cannot be switched off: Permission denied" in text for _, text in box.run(1))
    box.run(PERIOD)
    assert network.tries == 1


def test_who_switches_it_on_again_is_told_not_fought() -> None:
    network = Scripted(NetworkFacts("plc0", True, (OTHER,)), stubborn=True)
    box = Box(network)
    for i in range(10):
        box.run(i * PERIOD + 1)
    assert network.tries == DISABLE_TRIES


def test_an_address_that_comes_later_moves_us_unless_a_stream_is_open() -> None:
    network = Scripted(NetworkFacts("plc0", False))
    box = Box(network, disable=False)
    assert box.run(1) == [] and box.signals.own_address.value == SAME
    network.facts = NetworkFacts("plc0", True, (SAME,))
    lines = box.run(PERIOD)
    assert any(level == "error" and "RST" in text for level, text in lines) and box.signals.kernel_notice.value == "kernel answers too"
    assert box.signals.own_address.value != SAME                   # taken in the same visit
    lines = box.run(2 * PERIOD)
    assert not box.signals.kernel_notice.value and any("(same)" in text for _, text in lines)
    network.facts = NetworkFacts("plc0", False)
    assert any("(address)" in text for _, text in box.run(3 * PERIOD))

    box = Box(Scripted(NetworkFacts("plc0", False)), disable=False)
    box.send.put(HoldNeighbor(OTHER, b"\2\0\0\0\0\2"))
    box.run(1)
    box.watch._network.facts = NetworkFacts("plc0", True, (SAME,))
    for i in range(1, 4):
        box.run(i * PERIOD)
    assert box.signals.own_address.value == SAME and box.signals.kernel_notice.value == "kernel answers too"
    box.send.put(HoldNeighbor(b"", None))                          # the session is over: now it can be done
    box.run(4 * PERIOD)
    assert box.signals.own_address.value != SAME
