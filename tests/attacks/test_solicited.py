"""A neighbour solicitation is answered at once in every state of the connection supervision, in every form (sheet 5.5: no NA, no SDP response)."""
from __future__ import annotations

from typing import Callable

import pytest

from kernel.timer import MS, S
from tasks.config import Config
from tasks.connection.ladder import State
from tasks.ipv6 import wire
from tests.attacks.attacker import EVIL, EVIL_MAC, AttackedCharge, View
from tests.sessions.charges import assert_safe
from tools.simulate.charge import CAR_MAC, CHARGER_MAC

NONCE = bytes.fromhex("0e01") + bytes(6)              # RFC 3971 5.3.2: an option that nobody here knows
LLA = b"\1\1" + EVIL_MAC


def forms(v: View) -> dict[str, tuple[bytes, bytes]]:
    """Name -> (frame, destination MAC that the advertisement must have)."""
    def raw(options: bytes, dst: bytes, src: bytes = EVIL) -> bytes:
        return v.icmp(bytes((135, 0, 0, 0, 0, 0, 0, 0)) + v.address + options, src=src, dst=dst)
    group = wire.solicited_node(v.address)
    return {
        "group, with its MAC": (raw(LLA, group), EVIL_MAC),
        "group, without": (raw(b"", group), EVIL_MAC),
        "unicast, with its MAC": (raw(LLA, v.address), EVIL_MAC),
        "unicast, without": (raw(b"", v.address), EVIL_MAC),
        "unknown option before": (raw(NONCE + LLA, group), EVIL_MAC),
        "unknown option behind": (raw(LLA + NONCE, group), EVIL_MAC),
        "another MAC than the frame's": (raw(b"\1\1" + EVIL_MAC[:5] + b"\x67", group), EVIL_MAC[:5] + b"\x67"),
        "duplicate detection": (raw(b"", group, wire.UNSPECIFIED), wire.multicast_mac(wire.ALL_NODES)),
    }


def advertisements(frames: list[bytes], v: View) -> list[bytes]:
    """Destination MACs of the advertisements of our own address among these frames."""
    found = []
    for frame in frames:
        if frame[12:14] != b"\x86\xdd" or frame[20] != wire.ICMPV6 or frame[54] != 136:
            continue
        message = wire.parse_neighbor(wire.parse_ipv6(frame, 14))
        assert message.target == v.address and message.link_layer == v.mac
        assert message.flags == (0x20 if frame[:2] == b"\x33\x33" else 0x60)
        found.append(frame[:6])
    return found


class Asked(AttackedCharge):
    """A charge in which the box `victim` is asked in each state that it enters."""

    def __init__(self, victim: str) -> None:
        config = Config()
        config.ev.protocols = config.evse.protocols = ["iso2"]           # DIN 70121 has no pause
        super().__init__(victim, None, config=config)
        self.view = View(CAR_MAC, CHARGER_MAC) if victim == "pev" else View(CHARGER_MAC, CAR_MAC)
        self.sent: list[tuple[int, bytes]] = []
        tap = self.taps[victim]
        send = tap.send

        def heard(frame: bytes, now: int) -> bool:
            self.sent.append((now, frame))
            return send(frame, now)
        tap.send = heard
        self.asked: set[str] = set()

    def until(self, wanted: str, limit: int) -> None:
        """Run until the box is in state `wanted`."""
        self.go_on(lambda: self.node.signals.connection_state.value == wanted, limit)
        assert self.node.signals.connection_state.value == wanted, self.asked

    def go_on(self, enough: Callable[[], bool], limit: int = 60 * S) -> None:
        """Run until `enough`, for `limit` at most, and ask in each state on the way."""
        end = self.clock.time + limit
        while self.clock.time < end and not enough():
            self.run_until(self.clock.time + MS)
            state = self.node.signals.connection_state.value
            if state is not None and state not in self.asked:
                self.asked.add(state)
                self.ask(state)

    def ask(self, state: str) -> None:
        for name, (frame, mac) in forms(self.view).items():
            self.sent.clear()
            asked_at = self.clock.time
            self.taps[self._victim].add([frame], asked_at)
            self.run_until(asked_at)
            assert advertisements([f for at, f in self.sent if at == asked_at], self.view) == [mac], (state, name)


@pytest.mark.parametrize("victim", ["pev", "evse"])
def test_n01_n02_answered_in_every_state(victim: str) -> None:
    c = Asked(victim)
    c.until("Session", 60 * S)
    c.go_on(lambda: c.charging)
    c.ask("charging")
    c.press("pev", "p")
    c.until("Paused", 60 * S)
    c.go_on(lambda: False, 5 * S)
    c.ask("asleep, its stream closed")
    c.press("pev", "s")
    c.go_on(lambda: c.charging)
    c.link.up = False                              # lost: torn down, and tried again
    c.go_on(lambda: {"Ending", "Pausing"} <= c.asked or "Failed" in c.asked, 120 * S)
    c.link.up = True
    c.go_on(lambda: c.over, 200 * S)
    assert_safe(c)
    everywhere = {"Unplugged", "Matching", "Discovering", "Session", "Ending", "Paused"}
    assert everywhere | ({"WaitPilot", "Connecting"} if victim == "pev" else {"Preparing"}) <= c.asked <= {s.name for s in State}, c.asked
