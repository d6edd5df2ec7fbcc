"""I2C buses and serial ports: there, permitted, and each chip at its address."""
from __future__ import annotations

import os
from typing import Any, Iterator

from drivers.i2c import explain
from tools.doctor.devices import I2cDevice, i2c_devices, serial_ports
from tools.doctor.findings import Finding, fail, ok, warn

FAST_HZ = 400_000            # a picture of the panel takes 23 ms, at the Raspberry Pi's default of 100 kHz 93 (boards sheet, section 2)
ADAPTERS = ("ttyUSB*", "ttyACM*")
HELD = "held by the running box"


def i2c(patient: Any) -> Iterator[Finding]:
    """Each configured chip, then how fast its bus is."""
    devices = i2c_devices(patient.config, patient.real_board)
    if not devices:
        yield ok("I2C", "no chip is configured")
        return
    for bus in sorted({device.bus for device in devices}):
        there = [device for device in devices if device.bus == bus]
        node = patient.machine.path(f"/dev/i2c-{bus}")
        if not node.exists():
            have = ", ".join(sorted(p.name for p in node.parent.glob("i2c-*"))) or "none"
            yield fail("I2C", f"there is no bus {bus} (/dev has {have})",
                       "Raspberry Pi: dtparam=i2c_arm=on in config.txt, module i2c-dev; or correct the bus number in the configuration.",
                       f"no I2C bus {bus}")
            continue
        yield from _chips(patient, there)
        hertz = _clock(patient.machine, bus)
        if hertz is not None and hertz < FAST_HZ and any(device.what.startswith("OLED") for device in there):
            yield warn("I2C", f"bus {bus} runs at {hertz // 1000} kHz: the display needs four times as long as it might",
                       "Raspberry Pi: dtparam=i2c_arm_baudrate=400000 in config.txt.")


def _chips(patient: Any, devices: list[I2cDevice]) -> Iterator[Finding]:
    for what, bus, address in devices:
        name = f"{what} at 0x{address:02X} of bus {bus}"
        if patient.in_use and (patient.held or what.startswith("OLED")):
            yield ok("I2C", f"{name}: {HELD}")
            continue
        try:
            patient.machine.i2c_read(bus, address)
        except PermissionError:
            yield fail("I2C", f"{name}: this user may not open /dev/i2c-{bus}",
                       "Run it as root (sudo ccsbox doctor), or join the group i2c: usermod -aG i2c USER.", "I2C: no permission")
        except OSError as error:
            short, remedy = explain(error, bus, address)
            level = warn("I2C", f"{name}: {short}", remedy) if what.startswith("OLED") and not patient.config.oled.required else None
            yield level or fail("I2C", f"{name}: {short}", remedy, f"{what.partition(' ')[0]}: {short}")
        except ImportError as error:
            yield fail("I2C", f"{name}: smbus2 cannot be imported ({error})", "pip install smbus2, or Debian's python3-smbus2.", "smbus2 missing")
        else:
            yield ok("I2C", f"{name} answers")


def _clock(machine: Any, bus: int) -> int | None:
    """Hz, as the device tree says: a big-endian word; None where there is none (a USB adapter, a PC)."""
    try:
        octets = machine.path(f"/sys/class/i2c-adapter/i2c-{bus}/of_node/clock-frequency").read_bytes()
    except OSError:
        return None
    return int.from_bytes(octets, "big") if len(octets) == 4 else None


def serial(patient: Any) -> Iterator[Finding]:
    """The port of each serial device; never opened, for that restarts an Arduino."""
    wanted = serial_ports(patient.config, patient.real_board)
    if not wanted:
        yield ok("serial", "no serial device is configured")
    for what, port in wanted.items():
        if patient.held:
            yield ok("serial", f"{what}: {HELD}")
            continue
        dev = patient.machine.path("/dev")
        paths = [patient.machine.path(port)] if port != "auto" else [path for pattern in ADAPTERS for path in sorted(dev.glob(pattern))]
        if not paths or not paths[0].exists():
            yield fail("serial", f"{what}: " + (f"there is no {port}" if port != "auto" else "no USB serial port is plugged in"),
                       "Plug it in (dmesg shows it), or name its port below /dev/serial/by-id.", f"{what[:9]}: no port")
        elif not os.access(paths[0], os.R_OK | os.W_OK):
            yield fail("serial", f"{what}: this user may not open {paths[0]}", "Run it as root (sudo ccsbox doctor), or join the group dialout.",
                       "serial: permission")
        elif port == "auto" and len(paths) > 1:
            yield warn("serial", f"{what}: {len(paths)} ports, the box tries them in turn", "Name the right one below /dev/serial/by-id in the configuration.")
        else:
            yield ok("serial", f"{what}: {paths[0]}")
