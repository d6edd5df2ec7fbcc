"""A simulated charge with a live view: killed, stopped, deaf or lying, the charge is the same, octet by octet; a wish of the page ends it in order."""
from __future__ import annotations

import os
import signal

import pytest

from drivers.sim.plant_config import PlantConfig
from exi_native import codec
from kernel.timer import MS, S
from tasks.config import Config
from tasks.stop_reasons import StopReason
from tasks.v2g.session import SCHEMAS
from tests.live.served import Served
from tools.appliance.live_feed import PERIOD, LiveFeed
from tools.appliance.live_start import display_of
from tools.live import wire
from tools.live.known import Known
from tools.simulate.charge import Charge


class Ideal:
    """A viewer that takes everything, in this process."""

    closed = False

    def __init__(self) -> None:
        self.known = Known()
        self.coming = [wire.HELLO]

    def send(self, data: bytes) -> bool:
        if self.known.take(data):
            self.known.news()
        return True

    def receive(self, limit: int = 64) -> list[bytes]:
        got, self.coming = self.coming[:limit], self.coming[limit:]
        return got


def short(soc: float = 97.0) -> Charge:
    return Charge(Config(), PlantConfig(battery_capacity_wh=20_000.0, battery_soc_percent=soc), codec.load(schemas=SCHEMAS), 1)


def watched(charge: Charge, channel) -> LiveFeed:
    feed = LiveFeed(channel, charge.car.signals, charge.car.journal, role="pev", about="ccsbox", epoch=0, commands=True)
    feed.remote = charge.remote
    feed.pages = display_of(charge.car.table)
    charge.car.journal.add_sink(feed)
    return feed


def drive(charge: Charge, feed: LiveFeed, each=lambda now: None, limit: int = 3600 * S) -> None:
    """The feed runs as often as on a box."""
    while not charge.over and charge.clock.time < limit:
        charge.run_until(charge.clock.time + PERIOD)
        feed.run(charge.clock.time)
        each(charge.clock.time)


@pytest.fixture(scope="module")
def alone() -> str:
    charge = short()
    charge.run()
    assert charge.good
    return charge.trace_hash()


def test_a_charge_that_is_looked_at_is_the_same_and_is_seen_whole(alone):
    charge, viewer = short(), Ideal()
    drive(charge, watched(charge, viewer))
    assert charge.good and charge.trace_hash() == alone
    known = viewer.known
    assert known.strange == 0 and known.values["box.end"] == charge.reason.text
    model = known.full()["model"]
    lanes = {lane["name"]: [span["text"] for span in lane["spans"]] for lane in model["lanes"]}
    assert "CurrentDemand" in lanes["V2G"] and "closed" in lanes["contactors"] and "C" in lanes["pilot"]
    assert any(points["name"] == "SoC" for points in model["series"]) and any(mark["text"].startswith("710 ") for mark in model["marks"])


def test_a_page_that_stops_ends_the_charge_in_order(alone):
    charge, viewer = short(50.0), Ideal()
    feed = watched(charge, viewer)

    def look(now: int) -> None:
        if charge.charging and now > 40 * S and feed.gate.admitted == 0:
            viewer.coming.append(wire.stop("192.168.7.9"))
    drive(charge, feed, look)
    assert charge.good and charge.reason is StopReason.USER_STOP and feed.gate.admitted == 1
    assert any("stop asked for by the live view (192.168.7.9)" in line[3] for line in viewer.known.lines)


def test_a_page_that_lowers_the_power_lowers_it():
    charge, viewer = short(50.0), Ideal()
    feed = watched(charge, viewer)
    seen: dict[bool, float] = {}

    def look(now: int) -> None:
        watts = (charge.car.signals.evse_present_voltage.value or 0.0) * (charge.car.signals.evse_present_current.value or 0.0)
        if now > 60 * S and not feed.gate.admitted:
            seen[False] = watts
            viewer.coming.append(wire.share(20, "::1"))
        if now > 90 * S and True not in seen:
            seen[True] = watts
            viewer.coming.append(wire.stop("::1"))
    drive(charge, feed, look)
    assert charge.good and charge.car.signals.power_share.value == 100.0         # the plug is out
    limit = Config().ev.max_power_kw * 1000 * 0.2
    assert seen[True] <= limit * 1.02 < seen[False]


def test_a_viewer_that_says_nonsense_all_the_time_changes_nothing(alone):
    charge, viewer = short(), Ideal()
    feed = watched(charge, viewer)
    nonsense = [b"start", b"share 100 ::1", b"share 999 ::1", b"reset", b"\xff" * 1500, b"stop", b"stop evil\n", b"", b"{" * 900, b"contactor_request 1 ::1"]

    def look(now: int) -> None:
        viewer.coming += nonsense
        del viewer.coming[100:]
    drive(charge, feed, look)
    assert charge.good and charge.trace_hash() == alone and feed.gate.refused > 1000 and feed.gate.admitted == 0


@pytest.mark.real_time
@pytest.mark.parametrize("what", [signal.SIGKILL, signal.SIGSTOP])
def test_a_viewer_that_dies_or_hangs_in_the_middle_of_a_charge_is_not_noticed_by_it(alone, what):
    with Served() as served:
        charge = short()
        feed = watched(charge, served.channel)
        done = []

        def look(now: int) -> None:
            if charge.charging and not done:
                os.kill(served.process.pid, what)
                if what is signal.SIGKILL:
                    served.process.wait()
                done.append(now)
        drive(charge, feed, look)
        assert done and charge.good and charge.trace_hash() == alone
        if what is signal.SIGSTOP:
            assert feed.stalled > 0 and not served.channel.closed
            os.kill(served.process.pid, signal.SIGCONT)
        else:
            assert served.channel.closed


@pytest.mark.real_time
def test_the_keeper_starts_a_killed_viewer_again_and_leaves_with_the_box():
    import select
    from tasks.user.config import LiveConfig
    from tools.appliance.live_start import Viewer
    port = free_port()
    viewer = Viewer(LiveConfig(enabled=True, port=port), delay=0, pause=0)
    try:
        first = hello(viewer, select)
        os.kill(first, signal.SIGKILL)
        second = hello(viewer, select)
        assert first != second
    finally:
        viewer.close()
    os.waitpid(viewer.pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(second, 0)


def hello(viewer, select) -> int:
    """Waits until a viewer asks for everything; its pid."""
    while wire.HELLO not in viewer.channel.receive():
        assert select.select([viewer.channel], (), (), 30.0)[0]
    with open(f"/proc/{viewer.pid}/task/{viewer.pid}/children", encoding="ascii") as file:
        return int(file.read().split()[0])


def free_port() -> int:
    import socket
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def test_what_a_run_of_the_feed_looks_at_is_bounded():
    charge, viewer = short(), Ideal()
    feed = watched(charge, viewer)
    viewer.coming = [b"x"] * 100_000
    feed.run(200 * MS)
    assert len(viewer.coming) == 100_000 - 8
