"""Kernel figures: overhead of an idle tick, frame-to-handler latency, tick lateness with and without SCHED_FIFO."""
from __future__ import annotations

import os
import random
import struct
import time

from kernel.clock import MonotonicClock, VirtualClock
from kernel.journal import Journal
from kernel.realtime import go_realtime
from kernel.scheduler import TICK, Kernel
from kernel.task import ALWAYS, CRITICAL, TIMED, Row
from kernel.timer import MS, NEVER, S, US
from kernel.world import World

IDLE_ROWS = 11             # as many rows as a charging table has
LATENCY_FRAMES = 400
LATENCY_LIMIT_MS = (0.3, 3.0)       # frame to handler p50 / p99 on a development machine (house.md 3.4)
LATENESS_LIMIT_MS = 0.3             # p99 with SCHED_FIFO (house.md 3.4)


class _Ticking:
    def run(self, now: int) -> int:
        return now + TICK


class _Sleeping:
    def run(self, now: int) -> int:
        return NEVER


def idle_tick(ticks: int = 200_000) -> float:
    """ns of kernel work per tick on which only the supervisor's row is due."""
    rows = [Row(f"row{i}", _Sleeping(), TIMED, 100 * US, CRITICAL) for i in range(IDLE_ROWS)]
    rows.append(Row("supervisor", _Ticking(), TIMED, 100 * US, ALWAYS))
    world = World(VirtualClock(), [Kernel(rows, Journal())])
    began = time.perf_counter_ns()
    world.run_until(ticks * TICK)
    return (time.perf_counter_ns() - began) / ticks


class _Reader:
    """Takes time stamps out of a pipe and notes how old they are."""

    def __init__(self, fd: int, clock: MonotonicClock) -> None:
        self.fd = fd
        self.clock = clock
        self.ages: list[int] = []

    def fileno(self) -> int:
        return self.fd

    def run(self, now: int) -> int:
        try:
            data = os.read(self.fd, 8 * 32)
        except BlockingIOError:
            return NEVER
        now = self.clock.now()
        for (stamp,) in struct.iter_unpack("<q", data):
            self.ages.append(now - stamp)
        return NEVER


def latency_and_lateness(fifo: bool, frames: int = LATENCY_FRAMES) -> tuple[list[int], Kernel, str]:
    """Another process writes `frames` time stamps at random moments; returns (ages ns, kernel, what was granted)."""
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)
    child = os.fork()
    if child == 0:
        rng = random.Random(1)
        for _ in range(frames):
            time.sleep(rng.uniform(0.002, 0.018))
            os.write(write_end, struct.pack("<q", time.monotonic_ns()))
        os._exit(0)
    os.close(write_end)
    granted = "default scheduling"
    if fifo:
        granted = "; ".join(str(line) for line in go_realtime())
    clock = MonotonicClock()
    reader = _Reader(read_end, clock)
    rows = [Row("reader", reader, TIMED, 500 * US, CRITICAL, wakes=reader), Row("supervisor", _Ticking(), TIMED, 100 * US, ALWAYS)]
    kernel = Kernel(rows, Journal(), cost=clock.now)
    give_up = clock.now() + 60 * S
    kernel.run(clock, until=lambda: len(reader.ages) >= frames or clock.now() > give_up)
    os.close(read_end)
    os.waitpid(child, 0)
    return sorted(reader.ages), kernel, granted


def _measured_in_child(fifo: bool) -> None:
    """Real-time switches cannot be undone by everybody, so each measurement has its own process."""
    child = os.fork()
    if child == 0:
        ages, kernel, granted = latency_and_lateness(fifo)
        p50, p99 = ages[len(ages) // 2], ages[len(ages) * 99 // 100]
        late50, late99, worst = kernel.lateness()
        kind = "SCHED_FIFO" if fifo else "default   "
        print(f"  {kind}  frame to handler p50 {p50 / MS:.3f} p99 {p99 / MS:.3f} ms (goal {LATENCY_LIMIT_MS[0]}/{LATENCY_LIMIT_MS[1]})"
              f"   tick late p50 {late50 / MS:.3f} p99 {late99 / MS:.3f} max {worst / MS:.3f} ms (goal p99 {LATENESS_LIMIT_MS})"
              f"   missed {kernel.missed} of {kernel.ticks}", flush=True)
        if fifo:
            print(f"              {granted}", flush=True)
        os._exit(0)
    os.waitpid(child, 0)


def main() -> None:
    """Print all kernel figures."""
    print(f"kernel: {idle_tick():.0f} ns per idle tick with {IDLE_ROWS + 1} rows (goal 2000 ns on a development machine)", flush=True)
    _measured_in_child(False)
    _measured_in_child(True)
