"""IPv6 frames of the matched peer are proof of the link: one per second is shown to homeplug (slac-and-network sheet 4.3 f)."""
from __future__ import annotations

from kernel.channels import Mailbox, Signal
from kernel.journal import Journal
from kernel.timer import MS, S
from tasks.ethernet import wire
from tasks.ethernet.task import FrameRx
from tasks.homeplug.config import SlacConfig
from tasks.homeplug.wire_keys import CM_AMP_MAP_CNF
from tasks.homeplug.wire import CM_SLAC_MATCH_REQ
from tasks.messages import Frame, LinkUp, StartMatching
from tests.ethernet.test_ethernet import IPV6, MAC, PEER, ScriptedNic
from tests.homeplug.line import Line, Node, World

OTHER = bytes.fromhex("020000000003")
CAR, CHARGER = bytes.fromhex("020000000a01"), bytes.fromhex("020000000b01")


def test_one_frame_of_the_peer_per_second_and_none_of_others():
    nic, peer = ScriptedNic(), Signal("peer_mac")
    homeplug, ipv6 = Mailbox("homeplug_in", 100), Mailbox("ipv6_in", 1000)
    task = FrameRx(nic, homeplug, ipv6, Journal(), peer_mac=peer)
    foreign = wire.emit(MAC, OTHER, wire.ETHERTYPE_IPV6, b"packet")

    def second(n):
        for step in range(10):
            nic.frames = [(0, IPV6), (0, foreign)]
            task.run(n * S + step * 100 * MS)
        return homeplug.drain(100)
    assert second(0) == []                                 # nobody is matched
    peer.claim("test").set(PEER, 1 * S)
    assert second(1) == second(2) == [Frame(0, IPV6)] and len(ipv6) == 60


def waiting_for_the_link():
    """A box with a modem that answers no question about the link, its key taken, the peer not yet in the network."""
    line = Line(1)
    car, charger = Node(line, CAR, False, 1, SlacConfig(modem_kind="generic")), Node(line, CHARGER, True, 2)
    charger.nic.modem._join_time = 100 * S                 # nothing passes by itself
    car.nic.modem._join_time = 100 * S
    world = World(car, charger)
    for node in (charger, car):
        node.commands.put(StartMatching())
    assert world.run_until(20 * S, lambda: car.role.state.name == "Join" and not car.modem._key.pending)
    world.run_until(world.now + 2 * S)
    assert len(car.told) == 0
    return car, world


def test_an_ipv6_frame_of_the_matched_peer_proves_the_link():
    car, world = waiting_for_the_link()
    car.inbox.put(Frame(world.now, wire.emit(b"\x33\x33\0\0\0\1", OTHER, wire.ETHERTYPE_IPV6, b"somebody")))
    world.run_until(world.now + 100 * MS)
    assert len(car.told) == 0
    car.inbox.put(Frame(world.now, wire.emit(b"\x33\x33\0\0\0\1", CHARGER, wire.ETHERTYPE_IPV6, b"peer")))
    world.run_until(world.now + 100 * MS)
    assert car.told.get() == LinkUp(CHARGER, car.role.nid) and car.task.wire_errors == 0


def test_a_management_message_counts_when_it_needs_the_network_and_slac_does_not():
    """CM_AMP_MAP goes from host to host through the network; SLAC is heard without one."""
    car, world = waiting_for_the_link()
    car.inbox.put(Frame(world.now, CM_SLAC_MATCH_REQ(CAR, CHARGER, bytes(8), CHARGER, CAR).emit()))
    world.run_until(world.now + 100 * MS)
    assert len(car.told) == 0
    car.inbox.put(Frame(world.now, CM_AMP_MAP_CNF(CAR, CHARGER, 0).emit()))
    world.run_until(world.now + 100 * MS)
    assert car.told.get() == LinkUp(CHARGER, car.role.nid)
