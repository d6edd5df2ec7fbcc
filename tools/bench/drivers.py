"""What each driver and its library costs: import time and memory in a process of its own, and when it is loaded."""
from __future__ import annotations

import subprocess
import sys
from statistics import median

TIMES = 3
MEASURE = """
import resource, sys, time
def resident():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize()
for name in sys.argv[2].split(","):
    __import__(name)
before, began = resident(), time.process_time()
__import__(sys.argv[1])
print((time.process_time() - began) * 1e3, (resident() - before) / 2**20)
"""
ALWAYS = "kernel.settings,drivers.interfaces,drivers.errors"        # what is there already
ROWS = (
    # module, loaded when
    ("smbus2", "a converter on I2C or an OLED is configured"),
    ("luma.oled.device", "oled.controller is not none"),
    ("gpiod", "a board with pins (raspberry_pi, beaglebone, focccicape)"),
    ("board", "the same with Blinka (library: auto or blinka)"),
    ("spidev", "converters: mcp3208"),
    ("serial", "dieter, celeron55, text_display"),
    ("can", "can over python-can, in a process of its own"),
    ("cantools", "charge_parameter_backend: dbc"),
    ("paho.mqtt.client", "charge_parameter_backend: mqtt, mqtt.publish"),
    ("drivers.boards.config", "always: settings of all boards"),
    ("drivers.boards.plans", "any real board: all drivers without their libraries"),
    ("drivers.pins.lines", "guard of a board with pins"),
    ("drivers.serial_line.lines", "guard of a board at a serial port"),
    ("tasks.table", "always: the program itself"),
)

WHOLE = """
import resource, sys
from exi_native import codec
from tasks.v2g.session import SCHEMAS
kept = [__import__(name) for name in sys.argv[1].split(",")], codec.load(schemas=SCHEMAS)
with open("/proc/self/statm", encoding="ascii") as file:
    print(int(file.read().split()[1]) * resource.getpagesize() / 2**20)
"""
PROGRAM = "tasks.table,tasks.config,tools.appliance.parts"
PI = f"{PROGRAM},drivers.boards.plans,gpiod,smbus2,luma.oled.device"
PROFILES = (
    ("simulated board", PROGRAM), ("raspberry_pi: pins, ADS1115, OLED", PI), ("the same with MQTT", f"{PI},paho.mqtt.client"),
    ("the same with a battery on CAN (DBC)", f"{PI},paho.mqtt.client,cantools"),
)


def measure(module: str) -> tuple[float, float] | str:
    """ms of CPU and MB, median of TIMES; the reason where it cannot be imported."""
    found = []
    for _ in range(TIMES):
        done = subprocess.run([sys.executable, "-c", MEASURE, module, ALWAYS], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return done.stderr.strip().splitlines()[-1][:60]
        ms, mb = done.stdout.split()[-2:]
        found.append((float(ms), float(mb)))
    return median(ms for ms, _ in found), median(mb for _, mb in found)


def main() -> None:
    """The table."""
    print(f"drivers: {'library':<28}{'import ms':>10}{'MB':>8}  loaded when")
    for module, when in ROWS:
        cost = measure(module)
        numbers = f"{cost[0]:>10.1f}{cost[1]:>8.2f}" if isinstance(cost, tuple) else f"{'-':>10}{'-':>8}"
        print(f"drivers: {module:<28}{numbers}  {when}{'' if isinstance(cost, tuple) else f' ({cost})'}", flush=True)
    for name, modules in PROFILES:
        done = subprocess.run([sys.executable, "-c", WHOLE, modules], capture_output=True, text=True, check=False)
        resident = f"{float(done.stdout):.1f} MB" if done.returncode == 0 else done.stderr.strip().splitlines()[-1][:60]
        print(f"drivers: resident with everything imported, codec loaded, {name}: {resident}", flush=True)
