"""The black box: what it costs beside the same session without it, what it takes on the disk, and how fast a file is played and read."""
from __future__ import annotations

import gc
import statistics
import time
from typing import Any

from drivers.blackbox.layout import BoxOctets
from drivers.blackbox.reader import parse
from drivers.sim.plant_config import PlantConfig
from exi_native import codec
from kernel.realtime import settle_garbage
from kernel.timer import S
from tasks.config import Config
from tasks.v2g.session import SCHEMAS
from tools.bench.session import CAPACITY_WH, Bare
from tools.replay.engine import Replay

MINUTES = 10
TURNS = 5                    # pairs: with, without, with ... (the machine's speed drifts)
CAR = frozenset({"pev"})


def charge(engine: Any, recorded: frozenset[str]) -> tuple[float, Bare, bytes]:
    """(s of processor for MINUTES of CurrentDemand, the charge, its file): tape, JSON, compression, packets and hashes included, the disk not."""
    made = Bare(Config(), PlantConfig(battery_capacity_wh=CAPACITY_WH), engine, 1, recorded=recorded)
    box = made.car.black_box
    octets = BoxOctets(0)
    data = bytearray(box.begin(octets, {}) if box else b"")
    while not made.charging:
        made.run_until(made.clock.time + S // 10)
    end = made.clock.time + MINUTES * 60 * S
    began = time.process_time()
    while made.clock.time < end:
        made.run_until(made.clock.time + S)          # a box writes once a second
        if box:
            data += octets.batch(*box.tape.take())
    took = time.process_time() - began
    if box:
        made.car.journal.flush()
        data += octets.batch(*box.tape.take()) + octets.end({})
    return took, made, bytes(data)


def main() -> None:
    """Print the figures."""
    settle_garbage()
    engine = codec.load(schemas=SCHEMAS)
    without, with_it = [], []
    made, data = None, b""
    for _ in range(TURNS):
        without.append(charge(engine, frozenset())[0])
        took, made, data = charge(engine, CAR)
        with_it.append(took)
        gc.collect()
    assert made is not None
    plain, taped = statistics.median(without), statistics.median(with_it)
    box = parse(data)
    seconds = MINUTES * 60
    messages = sum(packet.interface == 0 and b"\x01\xfe\x80\x01" in packet.octets for packet in box.packets)
    cost = taped - plain
    print(f"black box: {MINUTES} virtual minutes of CurrentDemand, both ends: {plain:.2f} s of processor without, {taped:.2f} s with a taped car "
          f"({taped / plain:.2f} times; one end alone {1 + cost / (plain / 2):.2f} times)")
    print(f"black box: {cost / messages * 1e6:.0f} us a V2G message, {cost / seconds * 1e3:.2f} ms a second of charging; budget of a second on this machine: 1000 ms")
    kinds: dict[int, int] = {}
    for words in box.notes:
        kinds[words[0]] = kinds.get(words[0], 0) + 1
    print(f"black box: {len(data) / MINUTES / 1024:.0f} KiB a minute ({sum(len(p.octets) for p in box.packets) / MINUTES / 1024:.0f} of them frames), "
          f"{len(box.notes) / seconds:.0f} notes and {len(box.packets) / seconds:.0f} packets a second")
    began = time.process_time()
    parse(data)
    read = time.process_time() - began
    replay = Replay(box, engine, quiet=True)
    began = time.process_time()
    replay.run()
    played = time.process_time() - began
    print(f"black box: played at {replay.now / S / played:.0f} times real time ({'identical' if replay.identical else 'DIFFERENT'}, {replay.compared} compared), "
          f"read at {len(data) / read / 1e6:.0f} MB/s")
    began = time.process_time()
    state = made.car.black_box.keyframe() if made.car.black_box else {}
    print(f"black box: a keyframe takes {(time.process_time() - began) * 1e3:.1f} ms and has {len(state['state']['objects'])} objects")
