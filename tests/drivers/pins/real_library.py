"""Asks for pins by whatever gpiod and Blinka this interpreter imports; its kernel is preloaded (gpio_twin.c). Says what it found as JSON.

`python real_library.py ROOT LIBRARY`. Output "GPIO17", active-low output "GPIO27", input PIN29, busy "GPIO8".
"""
import json
import sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
if sys.argv[2] == "blinka":                  # it looks for chips in /dev by itself
    import adafruit_blinka.microcontroller.generic_linux.raspberry_pi_pin as raspberry_pi_pin
    raspberry_pi_pin._chip_paths = lambda: [Path("/dev/gpiochip0")]
import gpiod
from drivers.errors import DriverError
from drivers.pins.config import InputPin, OutputPin
from drivers.pins.hand import line_descriptors
from drivers.pins.library import Pins

pins = Pins(sys.argv[2], paths=lambda: ["/dev/gpiochip0"])
said = {"version": getattr(gpiod, "__version__", "1.5.4"), "chips": [(chip.name, chip.label, chip.lines) for chip in pins.chips()],
        "name": str(pins.find("GPIO53")), "api": type(pins.api).__name__}
for name, config in (("output", OutputPin("GPIO17")), ("active_low", OutputPin("GPIO27", active_low=True))):
    try:
        line = pins.output(config, "contactors")
    except DriverError as error:
        said[name] = str(error)
        continue
    said[name] = [line.get(), line.put(True), line.get(), line.put(False), line.get()]
line = pins.input(InputPin("PIN29", active_low=True, bias="pull_up"), "stop button")
said["input"] = [line.get(), line.put(True), line.errno]
said["held"] = sorted(line_descriptors().values())
for text in ("GPIO8", "GPIO17"):
    try:
        pins.output(OutputPin(text), "bulb")
    except DriverError as error:
        said[text] = str(error)
print(json.dumps(said))
