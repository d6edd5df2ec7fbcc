"""What a turn of the MQTT client costs with a broker that is present, absent, a black hole, stalled or flooding. Prints; judges nothing.

Run: python -m tests.drivers.mqtt.figures
"""
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from drivers.mqtt.client import MqttClient
from drivers.mqtt.config import MqttConfig, MqttVehicleConfig
from drivers.mqtt.vehicle import MqttVehicle
from kernel.clock import MonotonicClock
from kernel.journal import Journal
from kernel.scheduler import TICK, Kernel
from kernel.task import CRITICAL, TIMED, Row
from kernel.timer import S, US
from tasks.mqtt.discovery import announced
from tests.drivers.mqtt.broker import Broker, free_port, wait

TICK_MS = 10


def client(port: int) -> MqttClient:
    made = MqttClient(MqttConfig(broker="127.0.0.1", port=port), "pev")
    MqttVehicle(made, MqttVehicleConfig(permission="values"))
    return made


def turns(name: str, c: MqttClient, count: int = 500) -> None:
    """`count` ticks of 10 ms on the real clock, four topics changed every 200 ms."""
    costs, cpu = [], []
    for n in range(count):
        if n % 20 == 0:
            for topic in range(4):
                c.publish(f"topic{topic}", str(n), time.monotonic_ns())
        began, worked = time.perf_counter_ns(), time.thread_time_ns()
        c.run(time.monotonic_ns())
        costs.append(time.perf_counter_ns() - began)
        cpu.append(time.thread_time_ns() - worked)
        wait(TICK_MS)
    costs.sort()
    print(f"mqtt: {name}: a turn costs {costs[len(costs) // 2] / 1000:.0f} us in the median, {costs[-6] / 1000:.0f} us at 99 %, {costs[-1] / 1000:.0f} us at worst, of which "
          f"at most {max(cpu) / 1000:.0f} us are work "
          f"({TICK_MS * 1000} us are a tick); {c.connects} connections, {c.failures} failures, {c.behind} turns behind, fault {c.fault!r}", flush=True)


class Ticking:
    """A row of every tick."""

    def run(self, now: int) -> int:
        return now + TICK


def ticks(name: str, c: MqttClient | None) -> None:
    """Lateness of ticks on the real kernel, with the client as a row; 5 s."""
    clock = MonotonicClock()
    end = clock.now() + 5 * S
    rows = [Row("ticking", Ticking(), TIMED, 100 * US, CRITICAL)] + ([] if c is None else [Row("mqtt", c, TIMED, 1000 * US, CRITICAL)])
    kernel = Kernel(rows, Journal(), cost=clock.now)
    kernel.run(clock, until=lambda: clock.now() >= end)
    half, most, worst = kernel.lateness()
    print(f"mqtt: ticks {name}: late {half / US:.0f} us in the median, {most / US:.0f} us at 99 %, {worst / US:.0f} us at worst, missed {kernel.missed} of {kernel.ticks}", flush=True)


def imports() -> None:
    """Cost of paho-mqtt in a process of its own."""
    program = ("import resource,time; r=lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; a=r(); t=time.perf_counter(); import paho.mqtt.client as p; "
               "import importlib.metadata as m; print(f'mqtt: paho-mqtt {m.version(\"paho-mqtt\")}: import {(time.perf_counter()-t)*1000:.0f} ms, {(r()-a)/1024:.1f} MiB')")
    subprocess.run([sys.executable, "-c", program], check=True)


def fed(broker: Broker, c: MqttClient) -> None:
    """Four topics as a battery publishes them, then a flood of one."""
    feed = [f"pyPlc/{t}" for t in ("battery_voltage", "target_voltage", "target_current", "soc")]
    publishers = [subprocess.Popen(["mosquitto_pub", "-p", str(broker.port), "-t", t, "-m", "55.5", "--repeat", "40", "--repeat-delay", "0.1"]) for t in feed]
    turns("four topics at 10 Hz", c, 350)
    for p in publishers:
        p.wait()
    flood = subprocess.Popen(["mosquitto_pub", "-p", str(broker.port), "-t", feed[0], "-l"], stdin=subprocess.PIPE)
    flood.stdin.write(b"300\n" * 100_000)
    flood.stdin.close()
    turns("flood of 100,000 messages", c)
    ticks("in the flood", c)
    flood.wait()


def main() -> None:
    imports()
    with tempfile.TemporaryDirectory() as folder:
        broker = Broker(Path(folder))
        try:
            c = client(broker.port)
            ticks("without MQTT", None)
            ticks("broker present", c)
            turns("broker present", c)
            if shutil.which("mosquitto_pub"):
                fed(broker, c)
            else:
                print("mqtt: no figures of a flood without mosquitto_pub: apt-get install mosquitto-clients", flush=True)
            c.close()
            c = client(broker.port)
            for entry in announced("bridge"):
                c.announce(*entry)
            turns(f"{len(announced('bridge'))} topics announced to Home Assistant", c, 200)
            c.close()
            c = client(broker.port)
            turns("broker present again", c)
            broker.stop()
            turns("broker stalled", c, 1200)
            broker.go_on()
            c.close()
        finally:
            broker.kill()
    turns("broker absent", client(free_port()), 1000)
    ticks("broker absent", client(free_port()))
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen(0)
        fill = [socket.socket() for _ in range(4)]
        for s in fill:
            s.setblocking(False)
            s.connect_ex(hole.getsockname())
        turns("black hole", client(hole.getsockname()[1]), 1000)
        for s in fill:
            s.close()
    print(f"mqtt: this process used at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
