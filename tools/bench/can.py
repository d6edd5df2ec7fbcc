"""CAN figures: import and memory, a frame through each link beside the other, a DBC frame beside cantools, ticks beside a flooded slcan adapter."""
from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any, Callable

from drivers.can.bus import READS_PER_TURN, CanBus
from drivers.can.raw import FRAME, SOL_CAN_RAW, RawLink
from drivers.can.settings import CanConfig
from drivers.interfaces import CanFrame
from kernel.timer import MS, S

ROOT = Path(__file__).resolve().parents[2]
DBC = ROOT / "tests" / "drivers" / "can" / "made_up_bms.dbc"
RUNS = 5
TICK_S = 0.01
TICKS = 500
IMPORTS = (("settings and interfaces alone", "import kernel.settings, drivers.interfaces, drivers.errors"), ("drivers.can, socketcan", "from drivers.can.bus import CanBus, CanConfig; CanBus(CanConfig())"),
           ("drivers.can, python-can virtual", "from drivers.can.bus import CanBus, CanConfig; CanBus(CanConfig(interface='virtual'))"),
           ("drivers.can and a DBC file", f"from drivers.can.dbc import DbcFile; DbcFile({str(DBC)!r})"))
MAPPING = {"file": str(DBC), "battery_voltage": "Pack_1.Voltage", "soc": "Pack_2.Soc", "target_voltage": "Pack_2.Target_V", "target_current": "Pack_2.Target_A * -1",
           "max_voltage": "410", "max_current": "125", "max_power": "Pack_2.Power_kW * 1000", "permission": "Pack_2.Allowed == YES and Pack_2.Flags & 1"}


class Packets(socket.socket):
    """A local packet socket that takes the options of a CAN socket: the same system calls per frame where the kernel has no CAN."""

    def setsockopt(self, level: int, *rest: Any) -> None:
        if level not in (SOL_CAN_RAW, socket.SOL_SOCKET):
            super().setsockopt(level, *rest)

    def bind(self, address: Any) -> None:
        assert address == ("can0",)


def imports() -> None:
    """Milliseconds and resident memory of a fresh process, and what is more than in the first."""
    print("can: a process that imports and constructs (median of %d)" % RUNS)
    bare: tuple[float, float] | None = None
    for name, code in IMPORTS:
        times, memory = [], []
        for _ in range(RUNS):
            begun = time.perf_counter()
            done = subprocess.run([sys.executable, "-c", f"{code}\nprint(*[line.split()[1] for line in open('/proc/self/status') if line.startswith('VmRSS')])"],
                                  cwd=ROOT, capture_output=True, text=True, check=True)
            times.append(time.perf_counter() - begun)
            memory.append(int(done.stdout.split()[-1]) / 1024)
        here = (median(times) * 1e3, median(memory))
        bare = bare or here
        print(f"  {name:<34}{here[0]:7.0f} ms ({here[0] - bare[0]:+6.0f}) {here[1]:7.1f} MB ({here[1] - bare[1]:+5.1f})", flush=True)


def best(what: Callable[[], None], times: int) -> float:
    """Microseconds of one call, the least of RUNS series."""
    found = []
    for _ in range(RUNS):
        begun = time.perf_counter()
        for _ in range(times):
            what()
        found.append((time.perf_counter() - begun) / times * 1e6)
    return min(found)


def turns() -> None:
    """One turn of a bus that is empty, and of one that is full."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    config = CanConfig()
    bus = CanBus(config, RawLink(config, lambda: Packets(fileno=os.dup(ours.fileno()))))
    port = bus.port("p", (0x100,))
    bus.run(S)
    empty, packet, spent = best(lambda: (bus.run(S), None)[1], 2000), FRAME.pack(0x100, 8, bytes(8)), []
    for _ in range(200):
        for _ in range(READS_PER_TURN):
            theirs.send(packet)
        begun = time.perf_counter()
        bus.run(S)
        spent.append((time.perf_counter() - begun) * 1e6)
        assert len(port.receive(READS_PER_TURN, S)) == READS_PER_TURN

    def send() -> None:
        bus.send(0x100, packet[8:], False, S)
        bus.run(S)
        theirs.recv(FRAME.size)
    sent = best(send, 2000)
    print(f"can: raw socket: an empty turn {empty:.1f} us; with {READS_PER_TURN} frames, which is the most, {min(spent):.0f} us (median {median(spent):.0f}), "
          f"{min(spent) / READS_PER_TURN:.1f} us each; queued, sent and the turn around it {sent:.1f} us", flush=True)
    bus.close()
    ours.close()
    theirs.close()


def decoding() -> None:
    """A frame with six wanted signals, from its octets to values that have been judged, beside cantools' decoding alone."""
    import cantools

    from drivers.can.dbc_battery import DbcBattery, DbcBatteryConfig
    from drivers.sim.can import CanSegment
    battery = DbcBattery(DbcBatteryConfig(**MAPPING), CanBus(CanConfig(), CanSegment().node()))
    message = cantools.database.load_file(str(DBC)).get_message_by_name("Pack_2")
    data = message.encode({"Soc": 43.5, "Target_V": 398.25, "Target_A": -60.5, "Power_kW": 50, "Allowed": 1, "Flags": 1})
    frame = CanFrame(0x6B1, data, False, S)
    ours, theirs = best(lambda: battery._take(frame), 20_000), best(lambda: (message.decode(data, decode_choices=False), None)[1], 20_000)
    print(f"can: a DBC frame with six wanted signals {ours:.1f} us, judged and stored; cantools decodes it in {theirs:.1f} us", flush=True)


def ticks(turn: Callable[[], None]) -> str:
    """Lateness of a 10 ms tick."""
    late, at = [], time.monotonic() + TICK_S
    for _ in range(TICKS):
        time.sleep(max(0.0, at - time.monotonic()))
        late.append((time.monotonic() - at) * 1e6)
        turn()
        at += TICK_S
    late.sort()
    return f"p50 {late[TICKS // 2]:6.0f}  p99 {late[TICKS * 99 // 100]:6.0f}  max {late[-1]:6.0f} us"


def flooded() -> None:
    """Ticks of this process while the thread of an slcan adapter is flooded through a pty."""
    from tests.drivers.can.slcan import SlcanAdapter
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        rights = "SCHED_FIFO"
    except PermissionError:
        rights = "no real-time rights"
    print(f"can: lateness of a 10 ms tick over {TICKS} ticks, {rights}")
    print(f"  without CAN          {ticks(lambda: None)}", flush=True)
    adapter = SlcanAdapter()
    bus = CanBus(CanConfig(interface="slcan", channel=adapter.port, options=["sleep_after_open=0"]))
    now = 1
    while not bus.usable and now < 1000:
        bus.run(now * MS)
        now += 1
        time.sleep(0.005)
    print(f"  slcan, silent        {ticks(lambda: (bus.run(S), None)[1])}", flush=True)
    flood = f"import os\nos.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))\nwhile True: os.write({adapter.master}, {adapter.frame(0x123, bytes(8))!r} * 50)"
    os.set_blocking(adapter.master, True)
    with subprocess.Popen([sys.executable, "-c", flood], pass_fds=(adapter.master,)) as writer:
        before, begun = bus.received, time.monotonic()
        told = ticks(lambda: (bus.run(S), None)[1])
        rate = (bus.received - before) / (time.monotonic() - begun)
        writer.kill()
    print(f"  slcan, flooded       {told}; {rate:.0f} frames/s fetched, {bus.link.lost} lost in the queue, {bus.link.malformed} malformed", flush=True)
    bus.close()
    adapter.unplug()
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def main() -> None:
    """Print all tables; what needs python-can or cantools says so where they are missing."""
    try:
        socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW).close()
    except OSError as error:
        print(f"can: this kernel has no CAN sockets ({error.strerror}); a local packet socket stands in")
    turns()
    try:
        import can  # noqa: F401
        import cantools  # noqa: F401
    except ImportError as error:
        print(f"can: {error}: install/requirements-can.txt")
        return
    imports()
    decoding()
    flooded()
