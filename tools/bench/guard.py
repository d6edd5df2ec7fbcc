"""Guard figures: from the loss of the main process to state B (or power off) and to open contactors, with a real box and its real guard."""
from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from itertools import product
from pathlib import Path
from statistics import median

from drivers.sim.lines import CONTACTORS, FIRST
from tests.guard.box import Box
from tools.appliance.guard_process import BEGINS

RUNS = 10
LIMITS_MS = {signal.SIGKILL: 5.0, signal.SIGSTOP: 105.0}       # house.md 2.9 measured 1.0 and 96 to 100 with a sketch
STAND_IN_BOUND_MS = 1000                                       # safety.pev.emergency_open_ms of the stand-in (the box: 1500)
LOAD = "while True: sum(range(1000))"


def reactions(mode: str, number: signal.Signals) -> tuple[list[float], list[float], str]:
    """ms from the signal to state B or power off, ms from there to open contactors, and what the guard was granted."""
    to_b, to_open, granted = [], [], "granted"
    boxes: list[Box] = []
    try:
        for n in range(RUNS):
            boxes.append(Box(f"bench-{mode}-{number.name}-{n}", mode=mode))
        for box in boxes:
            box.until_closed()
        for box in boxes:                       # one after the other: each is to find a guard that waits
            sent = time.monotonic_ns()
            box.process.send_signal(number)
            box.until("outputs taken")
            to_b.append((box.lines.changed_at(FIRST) - sent) / 1e6)
        for box in boxes:
            box.until("contactors open")
            to_open.append(box.ms_between(FIRST, CONTACTORS))
            if "SCHED_FIFO priority 41: granted" not in box.text:
                granted = "refused"
    finally:
        for box in boxes:
            box.end()
    return to_b, to_open, granted


def resident() -> tuple[float, float]:
    """(resident memory, part of it that is not shared) of a guard that stands by, in MB."""
    with Box("bench-memory") as box:
        box.until_closed()
        lines = dict(line.split(":", 1) for line in Path(f"/proc/{box.guard_pid}/status").read_text().splitlines() if ":" in line)
        return int(lines["VmRSS"].split()[0]) / 1024, int(lines["RssAnon"].split()[0]) / 1024


def main() -> None:
    """Print medians and worst values, on a quiet machine and with all processors busy."""
    for busy in (False, True):
        load = [subprocess.Popen([sys.executable, "-c", LOAD]) for _ in range(2 * (os.cpu_count() or 1))] if busy else []
        try:
            for (mode, begins), (number, limit) in product(BEGINS.items(), LIMITS_MS.items()):
                to_b, to_open, granted = reactions(mode, number)
                print(f"guard: {mode}, {number.name} to {begins}, {RUNS} runs, {'two endless loops per processor' if busy else 'as the machine is'}: "
                      f"median {median(to_b):.2f}, worst {max(to_b):.2f} ms (limit {limit:g}); contactors open median {median(to_open):.0f}, "
                      f"worst {max(to_open):.0f} ms later (bound {STAND_IN_BOUND_MS}); SCHED_FIFO one above the box {granted}", flush=True)
        finally:
            for process in load:
                process.kill()
                process.wait()
    rss, own = resident()
    print(f"guard: resident memory {rss:.1f} MB, of which {own:.1f} MB are its own", flush=True)
