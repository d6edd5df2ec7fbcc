"""What the live view costs: a run of its row at rest, while charging and with a new viewer; octets per second; the viewer's start, memory and processor with pages open."""
from __future__ import annotations

import os
import select
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable

from drivers.guard import Channel
from drivers.sim.plant_config import PlantConfig
from exi_native import codec
from kernel.timer import MS, S
from tasks.config import Config
from tasks.v2g.session import SCHEMAS
from tools.appliance.live_feed import BUDGET, PERIOD, LiveFeed
from tools.appliance.live_start import PROGRAM, ROOT, display_of
from tools.live import wire
from tools.simulate.charge import Charge

RUNS = 300
PAGES = (0, 1, 8)
WATCH_S = 4.0


class Counting:
    """A channel that takes everything and counts it."""

    closed = False

    def __init__(self) -> None:
        self.coming = [wire.HELLO]
        self.octets = self.datagrams = 0

    def send(self, data: bytes) -> bool:
        self.octets += len(data)
        self.datagrams += 1
        return True

    def receive(self, limit: int = 64) -> list[bytes]:
        got, self.coming = self.coming[:limit], self.coming[limit:]
        return got


def charging(channel: object) -> tuple[Charge, LiveFeed]:
    charge = Charge(Config(), PlantConfig(battery_capacity_wh=300_000.0, battery_soc_percent=20.0), codec.load(schemas=SCHEMAS), 1)
    feed = LiveFeed(channel, charge.car.signals, charge.car.journal, role="pev", about="bench", epoch=0, commands=True)
    feed.pages = display_of(charge.car.table)
    charge.car.journal.add_sink(feed)
    while not charge.charging:
        charge.run_until(charge.clock.time + PERIOD)
        feed.run(charge.clock.time)
    charge.run_until(charge.clock.time + 10 * S)
    return charge, feed


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter_ns()
    work()
    return (time.perf_counter_ns() - began) / 1000


def row() -> None:
    channel = Counting()
    charge, feed = charging(channel)
    rest = [timed(lambda: feed.run(charge.clock.time)) for _ in range(RUNS)]
    channel.octets = channel.datagrams = 0
    busy = []
    for _ in range(RUNS):
        charge.run_until(charge.clock.time + PERIOD)
        busy.append(timed(lambda: feed.run(charge.clock.time)))
    seconds = RUNS * PERIOD / S
    octets, datagrams = channel.octets, channel.datagrams
    full = []
    for _ in range(30):
        charge.run_until(charge.clock.time + 3 * S)
        channel.coming.append(wire.HELLO)
        full.append(timed(lambda: feed.run(charge.clock.time)))
    for name, times in (("nothing has changed", rest), ("charging", busy), ("a new viewer: everything", full)):
        print(f"  a run of the row, {name:26} median {statistics.median(times):6.0f} us, worst {max(times):6.0f} us   (budget {BUDGET / 1000:.0f} us on a Pi 4; a run each {PERIOD // MS} ms)")
    print(f"  to the viewer while charging: {octets / seconds / 1000:.1f} kB and {datagrams / seconds:.0f} datagrams per second")


def ticks(pid: int) -> float:
    """s of processor time so far."""
    words = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def rss(pid: int) -> float:
    """MB that it has in memory."""
    return next(int(line.split()[1]) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")) / 1024


def viewer() -> None:
    channel, other = Channel.pair()
    os.set_inheritable(other.fileno(), True)
    began = time.monotonic()
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, ROOT, str(other.fileno()), "127.0.0.1", "0", "", "16", ""], pass_fds=(other.fileno(),), stderr=subprocess.PIPE)
    other.close()
    assert process.stderr is not None
    said = process.stderr.readline().decode()
    print(f"  viewer: serves after {time.monotonic() - began:.2f} s; {said.strip().partition('; ')[2]}")
    port = int(said.partition("port ")[2].partition(";")[0])
    charge, feed = charging(channel)
    pages: list[socket.socket] = []
    try:
        for wanted in PAGES:
            while len(pages) < wanted:
                pages.append(page(port))
            before, until, got, runs = ticks(process.pid), time.monotonic() + WATCH_S, 0, 0
            while time.monotonic() < until:
                charge.run_until(charge.clock.time + PERIOD)
                feed.run(charge.clock.time)
                runs += 1
                end = min(until, time.monotonic() + PERIOD / S)
                while (left := end - time.monotonic()) > 0:
                    for one in select.select(pages, (), (), left)[0]:
                        got += len(one.recv(1 << 20))
            print(f"  viewer with {wanted} pages: {rss(process.pid):.0f} MB, {(ticks(process.pid) - before) / WATCH_S * 100:.1f} % of one processor, {got / WATCH_S / 1000:.1f} kB/s to all pages")
    finally:
        for one in pages:
            one.close()
        channel.close()
        process.wait(10)
        process.stderr.close()


def page(port: int) -> socket.socket:
    """A browser's stream."""
    with socket.create_connection(("127.0.0.1", port)) as first:
        first.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        text = b""
        while data := first.recv(65536):
            text += data
    cookie = text.partition(b"Set-Cookie: ")[2].partition(b";")[0]
    made = socket.create_connection(("127.0.0.1", port))
    made.sendall(b"GET /stream HTTP/1.1\r\nHost: localhost\r\nCookie: " + cookie + b"\r\n\r\n")
    return made


def main() -> None:
    print("live view")
    row()
    try:
        import tornado
    except ImportError:
        print("  viewer: tornado is not installed")
        return
    print(f"  tornado {tornado.version}")
    viewer()


if __name__ == "__main__":
    main()
