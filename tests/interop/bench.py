"""Figures over a veth pair: turnaround of our charger and of a foreign one, start, idle CPU, memory. Root; judges nothing."""
from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import tempfile
import time
from pathlib import Path

from tests.interop.cases import CASES
from tests.interop.network import Program, Wire
from tests.interop.report import HOMEPLUG, frames
from tests.interop.session import HERE, ROOT, run

LONG_CHARGE = ("--soc-start", "90", "--soc-stop", "98", "--battery-kwh", "3")      # about 300 requests
SETTLE_S = 3.0
IDLE_S = 15.0
SLAC_PARM_REQ = b"\x64\x60"          # MMTYPE, little endian, octets 15 and 16 of the frame
INSTALLED = {"PYTHONDONTWRITEBYTECODE": ""}      # an installed box has its bytecode; PYTHONPYCACHEPREFIX keeps it out of the source
LIMITS = {"p50_ms": 2.0, "p99_ms": 10.0, "start_s": 0.5, "idle_percent": 2.0, "rss_mb": 40.0}


def turnaround(name: str, peers: str, folder: Path) -> str:
    """p50 and p99 of the time from request to response, at the charger's end of the wire."""
    case = dataclasses.replace(next(c for c in CASES if c.name == name), charge=LONG_CHARGE)
    outcome = run(case, peers, "", folder / name)
    found = outcome.figures
    p50, p99 = found.quantile(0.5), found.quantile(0.99)
    if p50 is None or p99 is None:
        return f"no session: {'; '.join(outcome.objections)}"
    return f"p50 {p50:.2f} ms, p99 {p99:.2f} ms, {len(found.response_ms)} pairs"


def own_command(role: str, interface: str) -> list[str]:
    return [sys.executable, str(ROOT / "main.py"), role, "--config", str(HERE / "emulated.yaml"), "--interface", interface, "--simulate-io"]


def start_time(folder: Path) -> float:
    """s from the start of the car's process to its first CM_SLAC_PARM.REQ on the wire."""
    folder.mkdir()
    pcap = folder / "start.pcap"
    with Wire(pev_kernel_ipv6=False, evse_kernel_ipv6=False) as wire:
        tap = Program(wire.evse, [sys.executable, str(HERE / "capture.py"), wire.evse.interface, str(pcap)], folder / "capture.log", folder)
        tap.wait_for_text("CAPTURING", 10)
        began = time.time_ns()
        car = Program(wire.pev, own_command("pev", wire.pev.interface), folder / "pev.log", folder,
                      {**INSTALLED, "PYTHONPYCACHEPREFIX": str(folder.parent / "bytecode")})
        time.sleep(2.0)
        car.end()
        tap.end()
    for at, frame in frames(pcap.read_bytes()):
        if int.from_bytes(frame[12:14], "big") == HOMEPLUG and frame[15:17] == SLAC_PARM_REQ:
            return (at - began) / 1e9
    return float("nan")


def idle(role: str, folder: Path) -> list[tuple[float, float]]:
    """(CPU in percent of one core, resident memory in MB) of a box that waits for the other side, then of its guard if it has one."""
    folder.mkdir()
    with Wire(pev_kernel_ipv6=False, evse_kernel_ipv6=False) as wire:
        end = wire.pev if role == "pev" else wire.evse
        box = Program(end, own_command(role, end.interface), folder / f"{role}.log", folder)
        time.sleep(SETTLE_S)
        pids = [box.process.pid, *_children(box.process.pid)]       # `ip netns exec` becomes the program that it starts
        before = [_cpu_seconds(pid) for pid in pids]
        time.sleep(IDLE_S)
        found = [((_cpu_seconds(pid) - was) / IDLE_S * 100, _resident_mb(pid)) for pid, was in zip(pids, before)]
        box.end()
    return found


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.interop.bench", description=__doc__)
    parser.add_argument("--peers", metavar="PYTHON", help="interpreter of the environment with iso15118, for the figure beside ours")
    peers = parser.parse_args().peers
    if os.geteuid() != 0:
        print("veth: needs root for network namespaces; run as root", file=sys.stderr)
        return 3
    with tempfile.TemporaryDirectory(prefix="ccsbox-bench-") as path:
        folder = Path(path)
        print(f"veth: our charger, request to response: {turnaround('two-processes', peers or '', folder)} "
              f"(limits p50 {LIMITS['p50_ms']:g}, p99 {LIMITS['p99_ms']:g} ms)", flush=True)
        if peers:
            print(f"veth: iso15118 SECC, the same kind of capture: {turnaround('harness', os.path.abspath(peers), folder)}", flush=True)
        start_time(folder / "warm-up")           # compiles the bytecode
        starts = sorted(start_time(folder / f"start{n}") for n in range(3))
        print(f"veth: process start to first CM_SLAC_PARM.REQ: median of 3 {starts[1]:.2f} s = {starts[1] / LIMITS['start_s']:.2f} x the limit of "
              f"{LIMITS['start_s']:g} s", flush=True)
        for role in ("pev", "evse"):
            (cpu, rss), *guard = idle(role, folder / f"idle-{role}")
            beside = "".join(f"; its guard {more:.2f} %, {size:.1f} MB, most of it shared" for more, size in guard)
            print(f"veth: {role} waiting: CPU {cpu:.2f} % of a core (limit {LIMITS['idle_percent']:g}), RSS {rss:.1f} MB (limit {LIMITS['rss_mb']:g})"
                  f"{beside}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
