"""The bridge between our interface and the kernel's: two packet sockets and the faults between them; orders as lines of JSON.

`python -m tests.tcp_kernel.bridge`; orders: {"op": "set", ...Faults}, {"op": "lose", ...Loss}, {"op": "inject", "way", "frame"}, {"op": "counts"}.
"""
from __future__ import annotations

import json
import os
import select
import socket
import sys
import time

from kernel.timer import NEVER
from tests.tcp_kernel.faults import TO_OURS, TO_PEER, Bridge, Faults, Loss

SIDES = {TO_OURS: "near", TO_PEER: "far"}        # where frames of that direction leave
SNAP = 2048
BURST = 64               # frames taken from one side before the other has its turn
BUFFER = 1 << 22         # octets: the bridge shares two processors with everybody


def opened(name: str) -> socket.socket:
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    s.bind((name, 0))
    s.setblocking(False)
    return s


def obey(bridge: Bridge, line: bytes) -> dict[str, object]:
    asked = json.loads(line)
    number, op = asked.pop("id"), asked.pop("op")
    if op == "set":
        bridge.set(Faults(**asked))
        bridge.losses.clear()
    elif op == "lose":
        bridge.losses.append(Loss(**asked))
    elif op == "inject":
        bridge._hold(asked["way"], bytes.fromhex(asked["frame"]), 0)
    counts = {**bridge.counts, **{f"largest {way}": size for way, size in bridge.largest.items()}}
    if op == "counts":
        bridge.counts.clear()
        bridge.largest.clear()
    return {"id": number, **counts}


def main() -> None:
    """Until the harness closes the pipe."""
    bridge = Bridge()
    sockets = {way: opened(name) for way, name in SIDES.items()}
    comes_from = {sockets[TO_PEER].fileno(): TO_OURS, sockets[TO_OURS].fileno(): TO_PEER}
    by_number = {s.fileno(): s for s in sockets.values()}
    print("ready", flush=True)
    line = b""
    while True:
        nearest = bridge.next_timer()
        wait = None if nearest == NEVER else max(0.0, (nearest - time.monotonic_ns()) / 1e9)
        readable, _, _ = select.select([0, *by_number], [], [], wait)
        now = time.monotonic_ns()
        for number in readable:
            if number == 0:
                read = os.read(0, 1 << 16)
                if not read:
                    return
                *lines, line = (line + read).split(b"\n")
                for order in lines:
                    print(json.dumps(obey(bridge, order)), flush=True)
                continue
            for _ in range(BURST):
                try:
                    frame, address = by_number[number].recvfrom(SNAP)
                except BlockingIOError:
                    break
                if address[2] != socket.PACKET_OUTGOING:
                    bridge.frame(comes_from[number], frame, now)
        for way, frame in bridge.due(now):
            try:
                sockets[way].send(frame)
            except OSError as e:         # a queue that is full loses the frame, as a wire does
                bridge.count(f"refused by {SIDES[way]}: {e.strerror}")


if __name__ == "__main__":
    main()
    sys.exit(0)
