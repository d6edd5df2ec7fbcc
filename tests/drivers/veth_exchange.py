"""Run inside a fresh network and mount namespace by test_nic_pcap.py: two real interfaces, frames both ways, one line of JSON.

Argument: pcap or socket, the driver that is tried (`b`); the other end is always libpcap's.
"""
import json
import select
import subprocess
import sys
import time

from drivers.errors import DriverError
from drivers.nic_ears import NicConfig
from drivers.nic_open import open_ears, open_nic

DRIVER = sys.argv[1]
HOMEPLUG = bytes.fromhex("88e1") + bytes(46)
result = {}


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def ours(received: list[tuple[int, bytes]]) -> list[bytes]:
    """Without the system's own IPv6 chatter (router solicitations, MLD), which comes when it likes: EtherType 0x88E1, or our IPv6 marker."""
    return [f for _, f in received if f[12:14] == b"\x88\xe1" or f.endswith(b"marker")]


def collect(nic, want: int, limit: int = 32) -> list[bytes]:
    """Frames of ours, waiting for at most 2 s."""
    frames: list[bytes] = []
    end = time.monotonic() + 2.0
    while len(frames) < want and time.monotonic() < end:
        select.select([nic.fileno()], (), (), 0.05)
        frames += ours(nic.receive(limit, time.monotonic_ns()))
    return frames


subprocess.run(["mount", "-t", "sysfs", "sysfs", "/sys"], check=True)
ip("link", "add", "va", "type", "veth", "peer", "name", "vb")
try:
    open_nic(NicConfig(interface="vb", driver=DRIVER))
    result["down"] = "opened"
except DriverError as e:
    result["down"] = str(e)
ip("link", "set", "va", "up")
ip("link", "set", "vb", "up")
a, b = open_nic(NicConfig(interface="va")), open_nic(NicConfig(interface="vb", driver=DRIVER))
result["macs"] = [a.mac.hex(), b.mac.hex()]
result["empty"] = any(a.receive(32, 1) == [] for _ in range(100))      # the system's own IPv6 chatter may come first

result["sent"] = a.send(b.mac + a.mac + HOMEPLUG, 0)
result["unicast"] = len(collect(b, 1))
a.send(bytes.fromhex("333300000001") + a.mac + bytes.fromhex("86dd") + bytes(40) + b"marker", 0)
result["multicast"] = len(collect(b, 1))
a.send(b.mac + a.mac + bytes.fromhex("0800") + bytes(46) + b"marker", 0)
a.send(bytes.fromhex("020000000099") + a.mac + HOMEPLUG, 0)
a.send(b.mac + a.mac + HOMEPLUG, 0)
time.sleep(0.05)
result["filtered"] = len(collect(b, 2)) == 1      # neither IPv4 nor a foreign unicast address came through
result["own_frames_seen"] = len([f for _, f in a.receive(64, 1) if f[6:12] == a.mac])

for _ in range(50):
    a.send(b.mac + a.mac + HOMEPLUG, 0)
time.sleep(0.05)
first = b.receive(10, 1)
result["bounded"] = len(first)
result["burst"] = len(ours(first)) + len(collect(b, 50 - len(ours(first))))
result["too_long"] = a.send(bytes(1515), 0)

back = [b.send(a.mac + b.mac + HOMEPLUG, 0), len(collect(a, 1)), len([f for _, f in b.receive(64, 1) if f[6:12] == b.mac])]
result["back"] = back                             # the driver that is tried sends, and does not hear itself
listener = open_ears(NicConfig(interface="vb", reception="promiscuous", driver=DRIVER))
a.send(bytes.fromhex("020000000099") + a.mac + HOMEPLUG, 0)
b.send(a.mac + b.mac + HOMEPLUG, 0)
result["promiscuous"] = [f[:6].hex() for f in collect(listener, 1)]
listener.close()
before = time.monotonic_ns()
b.receive(32, before)
a.send(b.mac + a.mac + HOMEPLUG, 0)
time.sleep(0.02)
later = time.monotonic_ns()
stamps = [at for at, f in b.receive(32, later) if f[12:14] == b"\x88\xe1"]
result["stamped"] = [len(stamps), all(before <= at <= later for at in stamps), later - stamps[0] > 10_000_000]
a.send(b.mac + a.mac + bytes.fromhex("8100000188e1") + bytes(46), 0)
result["tagged"] = [f[12:14] for _, f in b.receive(32, 1)].count(b"\x88\xe1")

delays = []
for _ in range(200):
    start = time.perf_counter()
    a.send(b.mac + a.mac + HOMEPLUG, 0)
    select.select([b.fileno()], (), (), 1.0)
    got = b.receive(32, 1)
    delays.append(time.perf_counter() - start if got else 9.0)
delays.sort()
result["delay_us"] = [round(delays[100] * 1e6), round(delays[-3] * 1e6)]
result["drops"] = b.drops

# a flood that nobody fetches fills a ring; the favoured station has its own
BURST = 4000
other = bytes.fromhex("020000000077")
packet = b.mac + a.mac + bytes.fromhex("86dd") + bytes(40) + b"marker"
a.send(packet, 0)                    # waits in everybody's ring while the filters change
b.favour(a.mac)
result["kept_at_change"] = len(collect(b, 1))
for favoured in (True, False):
    if not favoured:
        b.favour(None)
    before = b.favoured_drops
    for i in range(BURST):
        a.send(b"\xff" * 6 + other + HOMEPLUG, 0)
    for i in range(10):
        a.send(packet, 0)
    first = b.receive(32, 1)
    got = [f for _, f in first if f == packet]
    result["flood_favoured" if favoured else "flood_equal"] = [len(got), len(first), b.favoured_drops - before, b.drops > 0]
    while b.receive(32, 1):          # the rings are emptied
        continue
    result["next"] = b.next_event() > 1
a.send(packet, 0)
result["equal_again"] = len(collect(b, 1))

for state in ("down", "up"):             # as when a cable is pulled: an error, and it goes on when it is back
    ip("link", "set", "vb", state)
    time.sleep(0.02)
    b.receive(32, 1)
result["gone_when_down"] = b.gone
a.send(b.mac + a.mac + HOMEPLUG, 0)
result["after_down"] = len(collect(b, 1))

ip("link", "del", "va")
time.sleep(0.1)
result["after_gone"] = [len(b.receive(32, 1)) >= 0, b.send(a.mac + b.mac + HOMEPLUG, 1), b.receive(32, 2) == [], b.gone, b.errors > 0]
a.close()
b.close()
b.close()
print(json.dumps(result))
