"""Flood figures (root): what the receive path sustains over a veth pair, how late the ticks are meanwhile, and whether the peer is still served.

For each kind of frame a sender floods a charger's whole table through the real PcapNic, at stepped rates and as fast as it can.
Beside the flood the peer pings the box every 10 ms: the share of pings that is answered says whether a flood starves a session.
Everything happens in network namespaces of its own, which are gone afterwards.
"""
from __future__ import annotations

import json
import os
import random
import select
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable

from drivers.nic_ears import NicConfig
from drivers.nic_pcap import PcapNic
from drivers.nic_socket import JEQ, LD_B, LD_H, RET, assemble, attach
from drivers.sim.boards import simulated_charger
from drivers.sim.plant import Plant
from drivers.sim.plant_config import PlantConfig
from exi_native import codec
from kernel.clock import MonotonicClock
from kernel.journal import Journal
from kernel.realtime import go_realtime
from kernel.scheduler import Kernel
from kernel.timer import MS, S
from tasks import table
from tasks.config import Config
from tasks.ethernet import wire as ethernet
from tasks.homeplug.wire import CM_SLAC_PARM_REQ
from tasks.homeplug.wire_header import BROADCAST
from tasks.ipv6 import sdp_wire, wire
from tasks.ipv6.sdp_wire import SDP_PORT
from tasks.ipv6.wire import NeighborMessage
from tasks.messages import AcceptStation
from tasks.signals import Signals
from tasks.tcp import wire as tcp
from tasks.v2g.session import SCHEMAS

ROOT = Path(__file__).resolve().parents[2]
OUR_MAC, PEER_MAC = bytes.fromhex("020000000c02"), bytes.fromhex("020000000e01")
OUR, PEER = wire.link_local(OUR_MAC), wire.link_local(PEER_MAC)
RATES = (1_000, 5_000, 10_000, 20_000, 40_000, 0)        # frames per second; 0: as fast as the sender can
SECONDS = 1.5
PING_EVERY_S = 0.01
LISTEN_PORT = Config().tcp.listen_port
VARIANTS = 256           # different frames of one kind, sent in turn
LINE = "  {kind:<24} {rate:>8} {sent:>8} {got:>8} {lost:>8} {busy:>5} {late:>22} {pings:>8} {rtt:>14}"


def _stranger(i: int) -> tuple[bytes, bytes]:
    mac = b"\x02\x66" + i.to_bytes(4, "big")
    return mac, wire.link_local(mac)


def _ip(src_mac: bytes, dst_mac: bytes, src: bytes, dst: bytes, next_header: int, payload: bytes, hop_limit: int = 255) -> bytes:
    return ethernet.emit(dst_mac, src_mac, ethernet.ETHERTYPE_IPV6, wire.emit_ipv6(src, dst, next_header, hop_limit, payload))


def _solicitation(i: int) -> bytes:
    mac, address = _stranger(i)
    group = wire.solicited_node(OUR)
    return _ip(mac, wire.multicast_mac(group), address, group, wire.ICMPV6, wire.emit_neighbor(NeighborMessage(135, 0, OUR, mac), address, group))


def _syn(i: int) -> bytes:
    mac, address = _stranger(i)
    return _ip(mac, OUR_MAC, address, OUR, wire.TCP, tcp.emit(40_000 + i, LISTEN_PORT, i, 0, tcp.SYN, 8192, b"", wire.pseudo_sum(address, OUR, wire.TCP)))


def _sdp(i: int) -> bytes:
    mac, address = _stranger(i)
    payload = wire.emit_udp(address, wire.ALL_NODES, 50_000, SDP_PORT, sdp_wire.emit_request(sdp_wire.SdpRequest(0x10)))
    return _ip(mac, wire.multicast_mac(wire.ALL_NODES), address, wire.ALL_NODES, wire.UDP, payload)


def _matching(i: int) -> bytes:
    return CM_SLAC_PARM_REQ(BROADCAST, _stranger(i)[0], i.to_bytes(8, "big")).emit()


def _forged(i: int) -> bytes:
    """With the MAC of the peer itself: nothing tells it apart, so it shares the peer's ring."""
    return _ip(PEER_MAC, OUR_MAC, PEER, OUR, wire.TCP, tcp.emit(40_000 + i, LISTEN_PORT, i, 0, tcp.SYN, 8192, b"", wire.pseudo_sum(PEER, OUR, wire.TCP)))


KINDS: dict[str, Callable[[int], bytes]] = {
    "HomePlug to others": lambda i: ethernet.emit(_stranger(i)[0], _stranger(i + 1)[0], ethernet.ETHERTYPE_HOMEPLUG, bytes(46)),
    "IPv4 to us": lambda i: ethernet.emit(OUR_MAC, _stranger(i)[0], 0x0800, bytes(46)),
    "CM_SLAC_PARM.REQ": _matching,
    "neighbour solicitation": _solicitation,
    "SDP request": _sdp,
    "TCP SYN": _syn,
    "TCP SYN, peer's MAC": _forged,
}


def _send(interface: str, frames: list[bytes], rate: int, ready: int) -> int:
    """The flood, in a process of its own; how many frames left."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind((interface, 0))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
        os.read(ready, 1)
        began = time.monotonic()
        sent = refused = 0
        while (passed := time.monotonic() - began) < SECONDS:
            due = 64 if not rate else min(64, int(passed * rate) - sent)
            if due <= 0:
                time.sleep(0.0005)
                continue
            for _ in range(due):
                try:
                    s.send(frames[sent % len(frames)])
                    sent += 1
                except OSError:
                    refused += 1
        return sent


def _only_echo_replies(s: socket.socket) -> None:
    """Socket filter: IPv6 with ICMPv6 type 129 in octet 54, so that the flood does not reach the one who measures."""
    attach(s, assemble(((LD_H, 12, "", ""), (JEQ, ethernet.ETHERTYPE_IPV6, "", "drop"), (LD_B, 54, "", ""), (JEQ, wire.ECHO_REPLY, "", "drop"),
                        (RET, 2048, "", ""), "drop", (RET, 0, "", ""))))


def _ping(interface: str, ready: int) -> dict:
    """The peer: an echo request every 10 ms, for as long as the flood lasts; answers count however late."""
    sent_at: list[float] = []
    rtts: list[float] = []
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ethernet.ETHERTYPE_IPV6)) as s:
        s.bind((interface, ethernet.ETHERTYPE_IPV6))
        _only_echo_replies(s)
        os.read(ready, 1)
        end = time.monotonic() + SECONDS
        due = time.monotonic()
        while due < end:
            echo = wire.emit_icmpv6(PEER, OUR, bytes((wire.ECHO_REQUEST, 0, 0, 0)) + struct.pack("!HH", 7, len(sent_at)))
            sent_at.append(time.monotonic())
            s.send(_ip(PEER_MAC, OUR_MAC, PEER, OUR, wire.ICMPV6, echo))
            due += PING_EVERY_S
            last = 0.2 if due >= end else 0.0
            while (left := due + last - time.monotonic()) > 0:
                if select.select([s], (), (), left)[0]:
                    data = s.recv(2048)
                    if data[:6] == PEER_MAC:
                        rtts.append(time.monotonic() - sent_at[int.from_bytes(data[60:62], "big")])
    rtts.sort()
    return {"sent": len(sent_at), "answered": len(rtts), "p50": rtts[len(rtts) // 2] * 1e3 if rtts else 0.0,
            "p99": rtts[len(rtts) * 99 // 100] * 1e3 if rtts else 0.0}


def _receive(interface: str, ready: list[int], known: bool) -> dict:
    """A charger's table on the real interface for as long as the flood lasts. `known`: the peer has been matched."""
    clock, journal, signals = MonotonicClock(), Journal(), Signals()
    nic = PcapNic(NicConfig(interface=interface))
    around = table.Surroundings(keys=type("Keys", (), {"read": staticmethod(lambda: "")})(), terminate=lambda: False)
    made = table.evse(simulated_charger(Plant(PlantConfig(), start=clock.now()), nic), signals, Config(), random.Random(1), journal,
                      codec.load(schemas=SCHEMAS), around)
    kernel = Kernel(made.rows, journal, on_fault=made.on_fault, cost=clock.now)
    made.health.watch(kernel)
    if known:
        next(box for box in made.mailboxes if box.name == "datagrams_out").put(AcceptStation(PEER_MAC))
    go_realtime()
    settle = clock.now() + 300 * MS
    kernel.run(clock, until=lambda: clock.now() > settle)
    kernel.stopping = False
    for fd in ready:
        os.write(fd, b"1")
    cpu, began = time.process_time(), clock.now()
    end = began + int((SECONDS + 0.2) * S)
    kernel.worst_late = 0
    kernel._late.clear()
    kernel.run(clock, until=lambda: clock.now() > end)
    busy = 100.0 * (time.process_time() - cpu) / ((clock.now() - began) / S)
    rows = {row.name: row.task for row in made.rows}
    demux = rows["frame_rx"].demux
    p50, p99, worst = kernel.lateness()
    return {"got": demux.homeplug + demux.ipv6, "drops": nic.drops, "favoured": nic.favoured_drops, "boxes": sum(box.drops for box in made.mailboxes), "late": [p50 / MS, p99 / MS, worst / MS],
            "missed": kernel.missed, "fault": kernel.fault, "busy": busy}


def _child(work: Callable[[], object]) -> tuple[int, int]:
    """Runs `work` in a process of its own; (pid, descriptor from which its result comes as JSON)."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(write_end, json.dumps(work()).encode())
        finally:
            os._exit(0)
    os.close(write_end)
    return pid, read_end


def _measure(kind: str | None, rate: int, known: bool = True) -> dict:
    """One step: receiver, sender and peer."""
    frames = [] if kind is None else [KINDS[kind](i) for i in range(VARIANTS)]
    gates = [os.pipe() for _ in range(2)]
    works: list[Callable[[], object]] = [lambda: _receive("va", [w for _, w in gates], known), lambda: _ping("vb", gates[0][0]),
                                         (lambda: _send("vb", frames, rate, gates[1][0])) if frames else (lambda: 0)]
    children = [_child(work) for work in works]
    results = []
    for pid, fd in children:
        with os.fdopen(fd, "rb") as pipe:
            results.append(json.loads(pipe.read() or b"null"))
        os.waitpid(pid, 0)
    for gate in gates:
        for fd in gate:
            os.close(fd)
    received, pinged, sent = results
    return {"received": received, "pinged": pinged, "sent": sent}


def _show(kind: str, rate: str, m: dict) -> bool:
    """One line; True when nothing was lost on the way to the program."""
    r, p = m["received"], m["pinged"]
    if r is None or p is None or m["sent"] is None:
        print(f"  {kind:<24} {rate:>8} a process of this step has failed; its error stands above", flush=True)
        return False
    print(LINE.format(kind=kind, rate=rate, sent=m["sent"], got=r["got"] - p["sent"], lost=r["drops"], busy=f"{r['busy']:.0f}%",
                      late="/".join(f"{x:.2f}" for x in r["late"]), pings=f"{100 * p['answered'] // max(1, p['sent'])}%",
                      rtt=f"{p['p50']:.2f}/{p['p99']:.2f}") + ("" if not r["boxes"] else f"  mailboxes {r['boxes']}")
          + (f"  FAULT {r['fault']}" if r["fault"] else ""), flush=True)
    return r["drops"] == 0


def inside(rates: tuple[int, ...] = RATES) -> None:
    """Within the namespaces: the interfaces, then every step."""
    for words in (("link", "add", "va", "address", OUR_MAC.hex(":"), "type", "veth", "peer", "name", "vb", "address", PEER_MAC.hex(":")),
                  ("link", "set", "va", "up"), ("link", "set", "vb", "up")):
        subprocess.run(["ip", *words], check=True)
    for name in ("va", "vb"):
        Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1\n")
    time.sleep(0.2)
    print(LINE.format(kind="flood of", rate="1/s", sent="sent", got="reached", lost="lost", busy="CPU", late="late p50/p99/max ms", pings="pings",
                      rtt="p50/p99 ms"), flush=True)
    _show("(none)", "0", _measure(None, 0))
    _show("(none)*", "0", _measure(None, 0, known=False))
    sustained: dict[str, str] = {}
    for kind in KINDS:
        for rate in rates:
            m = _measure(kind, rate)
            name = str(rate) if rate else "max"
            if _show(kind, name, m):
                sustained[kind] = name if rate else f"{m['sent'] / SECONDS:.0f}"
        _show(f"{kind}*", "max", _measure(kind, 0, known=False))
    print("  *: nobody has been matched, so the pings share one ring with the flood", flush=True)
    print("  without a lost frame, 1/s: " + "; ".join(f"{kind} {sustained.get(kind, 'none')}" for kind in KINDS), flush=True)


def main() -> None:
    """Prints the figures; needs root and the packages of install/requirements.txt."""
    if os.geteuid() != 0:
        print("flood: makes network namespaces and needs root: sudo python -m tools.bench flood", flush=True)
        return
    print(f"flood: {SECONDS} s per step, {len(KINDS)} kinds, {len(RATES)} rates; two minutes. `lost`: dropped by the operating system before us", flush=True)
    subprocess.run(["unshare", "--net", "--mount", sys.executable, "-c",
                    "import subprocess; subprocess.run(['mount', '-t', 'sysfs', 'sysfs', '/sys'], check=True)\nfrom tools.bench.flood import inside\ninside()"],
                   cwd=ROOT, check=False)
