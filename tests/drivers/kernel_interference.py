"""Run by test_kernel_network.py as root: the kernel's own IPv6 on our interface against our TCP, over a real wire. Prints one line of JSON.

Two namespaces; in one the kernel is the peer (a plain socket), in the other our Host and Endpoint listen through PcapNic on an
interface where the kernel speaks IPv6 too. Modes of our side:
  same      our address is the kernel's: what happens without any measure
  other     another address, as the program takes it
  forward   another address, but the kernel forwards
  off       the kernel's IPv6 switched off, as the program does where it may
"""
import json
import random
import select
import subprocess
import sys
import time
from ipaddress import IPv6Address

from drivers.kernel_network import KernelNetwork, findings
from drivers.nic_ears import NicConfig
from drivers.nic_pcap import PcapNic
from tasks.ipv6.config import Ipv6Config
from tasks.ipv6.host import Host
from tasks.messages import Packet, TcpData
from tasks.tcp.config import TcpConfig
from tasks.tcp.endpoint import Endpoint
from tests.interop.network import Wire, run

PORT = 15118
LIMIT_S = 6.0
MODES = ("same", "other", "forward", "off")
CLIENT = """
import socket, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
s.settimeout(4)
try:
    s.connect((sys.argv[1], int(sys.argv[2]), 0, socket.if_nametoindex(sys.argv[3])))
    s.sendall(b"question")
    print("answer" if s.recv(100) == b"answer" else "closed", flush=True)
except OSError as e:
    print(type(e).__name__, flush=True)
"""


def box(interface: str, mode: str) -> None:
    """Our side: serves one question, then tells what it saw."""
    network = KernelNetwork(interface)
    nic = PcapNic(NicConfig(interface=interface))
    host = Host(nic.mac, Ipv6Config(duplicate_detection=False), random.Random(1))
    if mode == "off":
        refused = network.disable_ipv6()
        if refused:
            raise SystemExit(refused)
    elif mode != "same":
        host.avoid(host.address)
    endpoint = Endpoint(host.address, TcpConfig(), random.Random(2))
    endpoint.listen(PORT)
    facts = network.read()
    print(json.dumps({"address": str(IPv6Address(host.address)), "found": [f.kind for f in findings(facts, host.address)],
                      "text": " ".join(str(f) for f in findings(facts, host.address)), "kernel": len(facts.addresses)}), flush=True)
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end and not select.select([sys.stdin], (), (), 0)[0]:
        select.select([nic.fileno()], (), (), 0.01)
        now = time.monotonic_ns()
        for at, frame in nic.receive(32, now):
            if frame[12:14] == b"\x86\xdd":
                host.receive(Packet(at, frame), now)
        for datagram in host.tcp():
            endpoint.receive(datagram, now)
        endpoint.handle_timer(now)
        for event in endpoint.events():
            if type(event) is TcpData:
                endpoint.send(b"answer", now)
        for item in endpoint.outgoing():
            host.send(item, now)
        host.handle_timer(now)
        for frame in host.outgoing():
            nic.send(frame, now)


def errors_received(namespace: str) -> int:
    """ICMPv6 destination unreachable and redirects that a peer's kernel has taken in."""
    text = run("ip", "netns", "exec", namespace, "cat", "/proc/net/snmp6")
    return sum(int(line.split()[1]) for line in text.splitlines() if line.split()[0] in ("Icmp6InDestUnreachs", "Icmp6InRedirects"))


def main() -> None:
    result = {}
    for mode in MODES:
        with Wire(True, True) as wire:
            ours, peer = wire.evse, wire.pev
            if mode == "forward":
                run("ip", "netns", "exec", ours.namespace, "sysctl", "-qw", f"net.ipv6.conf.{ours.interface}.forwarding=1", "net.ipv6.conf.all.forwarding=1")
            process = subprocess.Popen(["ip", "netns", "exec", ours.namespace, sys.executable, "-m", "tests.drivers.kernel_interference", ours.interface, mode],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            try:
                told = json.loads(process.stdout.readline())
                client = subprocess.run(["ip", "netns", "exec", peer.namespace, sys.executable, "-c", CLIENT, told["address"], str(PORT), peer.interface],
                                        capture_output=True, text=True, timeout=20)
                told["outcome"], told["errors"] = client.stdout.strip(), errors_received(peer.namespace)
            finally:
                process.stdin.close()
                process.wait(10)
                process.stdout.close()
            result[mode] = told
    print(json.dumps(result))


if __name__ == "__main__":
    if len(sys.argv) == 3:
        box(*sys.argv[1:])
    else:
        main()
