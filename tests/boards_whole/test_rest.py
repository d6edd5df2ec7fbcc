"""The Raspberry Pi's car that calls an HTTP server: a whole charge with one that listens, with none, with hostile ones; nothing of the charge changes."""
from __future__ import annotations

import re
import select

import pytest

from kernel.timer import S
from tasks.stop_reasons import StopReason
from tests.boards_whole.box import BoardCharge
from tests.boards_whole.files import FIXED, PI
from tests.boards_whole.gpio import RaspberryCar
from tests.drivers.http_post.server import Raw, Server
from tests.drivers.mqtt.broker import free_port, wait
from tests.drivers.pins.libraries import raspberry
from tests.sessions.charges import assert_safe

pytest.importorskip("smbus2", reason="smbus2 is not installed")
pytest.importorskip("luma.oled", reason="luma.oled is not installed")

LOOKS = 500                  # of 10 ms of real time for an attempt over the loopback
REST = """
rest:
  enabled: true
  endpoint: http://127.0.0.1:{port}/ev_state
  also: [fsm_state, energy, stop_reason]
"""


class CallingCar(RaspberryCar):
    """Connecting takes real time in a thread, and so does an answer: virtual time waits for them. `waits`: ms for an answer."""

    waits = 10

    def follow(self, now: int) -> None:
        super().follow(now)
        post = self.charge.shared.rest
        for _ in range(LOOKS):
            if post._attempt is None or post._attempt.done:
                break
            wait(10)
        if post._line is not None:
            select.select((post._line,), (), (), self.waits / 1000)


@pytest.fixture
def charge(tmp_path, monkeypatch):
    made = []

    def run(port):
        c = BoardCharge(tmp_path, "pev", PI + FIXED + REST.format(port=port), CallingCar(monkeypatch, raspberry()))
        made.append(c)
        c.run(600 * S)
        c.run_until(c.clock.time + 10 * S)
        assert c.good and c.reason is StopReason.BATTERY_FULL, (c.reason, c.trip, c.told, [str(b) for b in c.invariants.broken], c.journal()[-3000:])
        assert_safe(c)
        return c
    yield run
    for c in made:
        c.close()


def test_a_server_hears_the_charge(charge):
    server = Server()
    try:
        c = charge(server.port)
    finally:
        server.close()
    told = [values for _, values, _, _ in server.calls]
    socs = [int(values["current_soc"]) for values in told]
    assert socs == sorted(socs) and socs[0] == 96 and {values["evccid"] for values in told} == {c.box.board.nic.mac.hex().upper()}
    assert "CurrentDemand" in {values["fsm_state"] for values in told} and told[-1]["stop_reason"] == "BATTERY_FULL" and int(told[-1]["energy"]) > 0
    assert c.told == [] and c.shared.rest.errors == 0


def told_once_a_minute(c, fault):
    lines = re.findall(rf"devices: REST call [^\n]*{fault}", c.journal())
    assert c.told == [fault] and 1 <= len(lines) <= c.clock.time / (60 * S) + 1
    return lines


def test_a_server_that_is_not_there_is_told_and_costs_the_charge_nothing(charge):
    c = charge(free_port())
    assert "Check rest.endpoint" in c.journal() and told_once_a_minute(c, "REST: no server")
    assert c.shared.rest.failures < c.clock.time / (5 * S) and c.shared.rest.delivered == 0


def test_a_server_that_talks_without_end_costs_the_charge_nothing(charge):
    server = Raw(lambda line: [line.sendall(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000) for _ in range(1000)])
    try:
        c = charge(server.port)
    finally:
        server.close()
    assert told_once_a_minute(c, "REST: bad answer") and server.taken == c.shared.rest.failures
