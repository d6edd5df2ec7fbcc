"""A charger nearby that hears our car through the cables' crosstalk: the charger's own matching machine without a cable."""
from __future__ import annotations

from heapq import heappop, heappush
from typing import Any

from drivers.sim.link import SimLink, SimNic
from kernel.timer import MS, NEVER, S
from tasks.errors import WireError
from tasks.homeplug.config import SlacConfig
from tasks.homeplug.events import KeyTaken, LinkFailed, ModemBack
from tasks.homeplug.keys import new_nmk, nid_from_nmk
from tasks.homeplug.slac_evse import EvseSlac
from tasks.homeplug.wire import CM_ATTEN_PROFILE_IND, CM_MNBC_SOUND_IND, CM_SLAC_MATCH_CNF, MAX_GROUPS, parse
from tasks.homeplug.wire_header import BROADCAST, ETHERTYPE
from tools.simulate.fleet import traits

MAX_WAITING = 64


class NeighbourCharger:
    """A Source of the World. It never forms a network with the car: its modem is on another cable."""

    def __init__(self, link: SimLink, mac: bytes, car_mac: bytes, habits: traits.Neighbour, rng: Any) -> None:
        self._nic = SimNic(link, "neighbour", mac)
        self._modem_mac = mac[:5] + bytes((mac[5] ^ 0x55,))
        self._car_mac = car_mac
        self._habits = habits
        self._rng = rng
        self._machine = EvseSlac(SlacConfig(), mac, rng)
        self._begin(0)
        self._waiting: list[tuple[int, int, bytes]] = []
        self._sequence = 0
        self._foreign_at = round(habits.foreign_match_s * S) or NEVER

    def _begin(self, now: int) -> None:
        self._machine.start(now)
        self._machine.receive(KeyTaken(), now)
        self._machine.receive(ModemBack(), now)

    def next_event(self) -> int:
        first = self._waiting[0][0] if self._waiting else NEVER
        return min(self._nic.next_event(), self._machine.next_timer(), first, self._foreign_at)

    def deliver(self, now: int) -> None:
        machine = self._machine
        for _, frame in self._nic.receive(MAX_WAITING, now):
            self._hear(frame, now)
        if machine.next_timer() <= now:
            machine.handle_timer(now)
        if any(type(event) is LinkFailed for event in machine.events()):
            self._begin(now)                         # the car did not come into its network: ready for the next
        for message in machine.outgoing():
            self._sequence += 1
            if len(self._waiting) < MAX_WAITING:
                heappush(self._waiting, (now + round(self._habits.answers_ms * MS), self._sequence, message.emit()))
        while self._waiting and self._waiting[0][0] <= now:
            self._nic.send(heappop(self._waiting)[2], now)
        if now >= self._foreign_at:
            self._foreign_at = now + round(self._habits.foreign_match_s * S)
            nmk = new_nmk(self._rng)
            foreign = CM_SLAC_MATCH_CNF(self._car_mac, self._nic.mac, self._rng.randbytes(8), self._car_mac, self._nic.mac, nid_from_nmk(nmk), nmk)
            self._nic.send(foreign.emit(), now)

    def _hear(self, frame: bytes, now: int) -> None:
        if frame[12:14] != ETHERTYPE or frame[:6] not in (self._nic.mac, BROADCAST):
            return
        try:
            message = parse(frame)
        except WireError:
            return                                   # for its modem, not for it
        if type(message) is CM_MNBC_SOUND_IND:
            aag = bytes((self._habits.attenuation_db,)) * MAX_GROUPS
            message = CM_ATTEN_PROFILE_IND(BROADCAST, self._modem_mac, message.src, aag)
        self._machine.receive(message, now)
