"""SDP in whole charges: the port that is announced is connected to, cars that ask for TLS charge, a charger that is silent is told."""
from __future__ import annotations

import pytest

from kernel.timer import MS, S
from tasks.config import Config
from tasks.ipv6 import sdp_wire, wire
from tasks.stop_reasons import StopReason
from tests.attacks.attacker import AttackedCharge, View
from tests.fleet.wiretap import Tapped


def sdp(tapped: Tapped, name: str):
    """The SDP messages of this name: (ms, message)."""
    parse = sdp_wire.parse_request if name == "SDP request" else sdp_wire.parse_response
    return [(s.at, parse(s.frame[62:])) for s in tapped.seen if s.name == name]


@pytest.mark.parametrize("port", [15118, 30000, 49152, 1])
def test_s07_the_announced_port_is_the_one_that_is_used(port: int) -> None:
    """What the charger announces stands in the response, it listens there before, and the car's SYN goes there."""
    config = Config()
    config.tcp.listen_port = port
    syns: list[int] = []

    def look(v: View) -> list[bytes]:
        if v.outgoing and v.last is not None and v.last.flags == 0x02:
            syns.append(v.last.dst_port)
        return []
    c = AttackedCharge("pev", look, config=config)
    c.run(400 * S)
    assert c.good and syns and set(syns) == {port}


@pytest.mark.parametrize("policy", ["answer_no_tls", "ignore"])
@pytest.mark.parametrize("car", ["model-x", "audi-q4"])
def test_s08_cars_that_ask_for_tls_charge(car: str, policy: str) -> None:
    """Tesla Model X takes an answer without TLS to its request for TLS; the Audi asks 49 times before it asks without."""
    config = Config()
    config.sdp.tls_request = policy
    t = Tapped(car, config=config)
    asked = [(at, m.security) for at, m in sdp(t, "SDP request")]
    answers = [(at, m.security) for at, m in sdp(t, "SDP response")]
    assert answers and {security for _, security in answers} == {0x10}          # we have no TLS to offer
    if policy == "ignore":
        plain = next(at for at, security in asked if security == 0x10)
        assert all(at >= plain for at, _ in answers)
    else:
        assert answers[0][0] - asked[0][0] < 100                                # ms: the first request is answered at once
    assert t.charge.charged


def test_s01_a_silent_charger() -> None:
    """Nothing but silence: 50 requests 250 ms apart on the wire, each with a right checksum, then the reason that is told."""
    asked: list[int] = []
    c = AttackedCharge("pev", None)
    tap = c.taps["pev"]
    send = tap.send

    def deaf(frame: bytes, now: int) -> bool:
        if frame[12:14] == b"\x86\xdd" and frame[20] == wire.UDP:
            packet = wire.parse_ipv6(frame, 14)
            assert wire.parse_udp(packet.payload, packet.src, packet.dst).dst_port == sdp_wire.SDP_PORT      # raises on a wrong checksum
            asked.append(now)
            return True
        return send(frame, now)
    tap.send = deaf
    while c.reason is not StopReason.SDP_FAILED and c.clock.time < 60 * S:
        c.run_until(c.clock.time + 100 * MS)
    assert c.reason is StopReason.SDP_FAILED and len(asked) == 50
    assert all(250 * MS <= b - a <= 260 * MS for a, b in zip(asked, asked[1:]))          # the first gap ends on the kernel's next tick
