"""The two drivers of a real network interface beside each other (root): opening, memory, processor time of a frame, a round trip, a burst.

Over one veth pair in namespaces of its own. Each measurement is a process of its own, so that imports and memory are not shared.
"""
from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import time
from pathlib import Path

from drivers.nic_ears import NicConfig
from drivers.nic_open import open_nic

ROOT = Path(__file__).resolve().parents[2]
DRIVERS = ("pcap", "socket")
HOMEPLUG = bytes.fromhex("88e1") + bytes(46)
FRAMES = 20_000          # for the processor time
GAP_S = 0.0005           # between frames: two thousand per second, far more than a session has
TRIPS = 2_000
BURST = 5_000            # nobody fetches meanwhile: what is kept is the ring's size
LINE = "  {driver:<8}{open:>14}{rss:>12}{send:>14}{receive:>20}{fetch:>18}{trip:>24}{kept:>14}"


def _rss_kb() -> int:
    return int(next(line.split()[1] for line in open("/proc/self/status", encoding="ascii") if line.startswith("VmRSS")))


def _echo(go: int) -> None:
    """The other end: a plain socket that sends every frame back until the pipe closes."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88E1)) as s:
        s.bind(("vb", 0x88E1))
        while True:
            readable, _, _ = select.select([s, go], (), ())
            if go in readable:
                return
            data, address = s.recvfrom(2048)
            if address[2] != socket.PACKET_OUTGOING:
                s.send(data[6:12] + data[:6] + data[12:])


def _trips(nic, frame: bytes) -> list[float]:
    took = []
    for _ in range(TRIPS):
        start = time.perf_counter()
        nic.send(frame, 0)
        while not nic.receive(32, time.monotonic_ns()):
            select.select([nic.fileno()], (), (), 1.0)
        took.append((time.perf_counter() - start) * 1e6)
    return sorted(took)


def measure(driver: str) -> dict:
    """One driver, in this process."""
    before, began = _rss_kb(), time.perf_counter()
    nic = open_nic(NicConfig(interface="va", driver=driver))
    opened, rss = (time.perf_counter() - began) * 1e3, _rss_kb() - before
    to_us, away = bytes.fromhex("02000000000b") + nic.mac, nic.mac + bytes.fromhex("02000000000b")
    go_read, go_write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(go_write)
        _echo(go_read)
        os._exit(0)
    time.sleep(0.1)
    took = _trips(nic, bytes.fromhex("02000000000b") + nic.mac + HOMEPLUG)
    os.close(go_write)
    os.waitpid(child, 0)
    child = os.fork()
    if child == 0:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as s:
            s.bind(("vb", 0))
            for _ in range(FRAMES):
                s.send(away + HOMEPLUG)
                time.sleep(GAP_S)
        os._exit(0)
    got, cpu, end = 0, time.process_time(), time.monotonic() + FRAMES * 0.01
    while got < FRAMES and time.monotonic() < end:
        if select.select([nic.fileno()], (), (), 0.2)[0]:
            got += len(nic.receive(32, time.monotonic_ns()))
    cpu = time.process_time() - cpu
    os.waitpid(child, 0)
    send = time.process_time()
    for _ in range(FRAMES // 4):
        nic.send(to_us + HOMEPLUG, 0)
    send = time.process_time() - send
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as s:
        s.bind(("vb", 0))
        for _ in range(BURST):
            s.send(away + HOMEPLUG)
    time.sleep(0.1)
    kept, fetch = 0, time.process_time()
    while n := len(nic.receive(64, time.monotonic_ns())):
        kept += n
    fetch = (time.process_time() - fetch) / max(kept, 1) * 1e6
    out = {"open_ms": opened, "rss_kb": rss, "got": got, "receive_us": cpu / max(got, 1) * 1e6, "send_us": send / (FRAMES // 4) * 1e6,
           "trip": [took[len(took) // 2], took[len(took) * 99 // 100]], "kept": kept, "drops": nic.drops, "fetch_us": fetch}
    nic.close()
    return out


def inside() -> None:
    """Within the namespaces: the interfaces, then each driver in a process of its own."""
    for words in (("link", "add", "va", "type", "veth", "peer", "name", "vb"), ("link", "set", "va", "up"), ("link", "set", "vb", "up")):
        subprocess.run(["ip", *words], check=True)
    for name in ("va", "vb"):
        Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1\n")
    time.sleep(0.2)
    print(LINE.format(driver="", open="open, ms", rss="memory, KiB", send="send, us CPU", receive="one by one, us CPU", fetch="in bulk, us CPU", trip="round trip us p50/p99", kept=f"of {BURST} kept"), flush=True)
    for driver in DRIVERS:
        done = subprocess.run([sys.executable, "-c", f"import json\nfrom tools.bench.nic import measure\nprint(json.dumps(measure({driver!r})))"],
                              cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"  {driver:<8} {done.stderr.strip().splitlines()[-1]}", flush=True)
            continue
        m = json.loads(done.stdout)
        print(LINE.format(driver=driver, open=f"{m['open_ms']:.1f}", rss=m["rss_kb"], send=f"{m['send_us']:.1f}", receive=f"{m['receive_us']:.1f}", fetch=f"{m['fetch_us']:.1f}",
                          trip="{:.0f}/{:.0f}".format(*m["trip"]), kept=m["kept"])
              + ("" if m["got"] == FRAMES else f"  only {m['got']} of {FRAMES} came") + ("" if m["kept"] + m["drops"] == BURST else f"  {m['drops']} told as lost"), flush=True)


def main() -> None:
    """Prints the figures; needs root and the packages of install/requirements.txt."""
    if os.geteuid() != 0:
        print("nic: makes network namespaces and needs root: sudo python -m tools.bench nic", flush=True)
        return
    print(f"nic: both drivers over one veth pair; {FRAMES} frames at {1 / GAP_S:.0f}/s or less, {TRIPS} round trips; half a minute. open: with what it imports", flush=True)
    subprocess.run(["unshare", "--net", "--mount", sys.executable, "-c",
                    "import subprocess; subprocess.run(['mount', '-t', 'sysfs', 'sysfs', '/sys'], check=True)\nfrom tools.bench.nic import inside\ninside()"],
                   cwd=ROOT, check=False)
