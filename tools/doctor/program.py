"""The program itself: Python, the packages that these settings need, libpcap, the EXI library."""
from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Iterator

from tools.doctor.devices import measuring_of
from tools.doctor.findings import Finding, fail, ok, warn

INSTALL = Path(__file__).resolve().parents[2] / "install"
LISTS = ("requirements-sim.txt", "requirements.txt", "requirements-can.txt", "requirements-live.txt")
LEAST_PYTHON = (3, 11)           # pyproject.toml, requires-python
MODULES = {"pyyaml": "yaml", "pcap-ct": "pcap", "smbus2": "smbus2", "luma.oled": "luma.oled", "pillow": "PIL", "adafruit-blinka": "adafruit_blinka",
           "pyserial": "serial", "python-can": "can", "cantools": "cantools", "paho-mqtt": "paho.mqtt", "gpiod": "gpiod", "spidev": "spidev",
           "tornado": "tornado"}
"""Package to the module that it brings: Debian's packages have not always the metadata that name a version."""
NEEDED_GPIOD = "apt install python3-libgpiod (environment made with --system-site-packages), or pip install gpiod"


def python(patient: Any) -> Iterator[Finding]:
    """The interpreter and the packages that these settings need, against the lists of install/."""
    version = ".".join(map(str, patient.machine.python))
    if patient.machine.python[:2] < LEAST_PYTHON:
        yield fail("python", f"Python {version}, but {'.'.join(map(str, LEAST_PYTHON))} or later is needed",
                   "Install Debian 12 or later, or make the environment anew with a later Python.",
                   "Python too old")
    else:
        yield ok("python", f"Python {version}")
    wanted = needed(patient.config, patient.real_board)
    bounds = requirements()
    missing, odd = [], []
    for package, why in wanted.items():
        if not patient.machine.importable(MODULES[package]):
            missing.append(f"{package} ({why})")
            continue
        found, bound = patient.machine.installed(package), bounds.get(package, "")
        if found is not None and bound and not within(found, bound):
            odd.append(f"{package} {found} (tried with {bound})")
    if missing:
        hint = f"Install them: ccsbox's install.sh again, or pip install -r {INSTALL / 'requirements.txt'} in its environment"
        yield fail("packages", "missing: " + ", ".join(missing), hint + (f"; {NEEDED_GPIOD}." if any(m.startswith("gpiod") for m in missing) else "."),
                   "package missing")
    if odd:
        yield warn("packages", "other versions than tried: " + ", ".join(odd),
                   f"pip install -r {INSTALL / 'requirements.txt'} in the environment of ccsbox brings the right ones.")
    if not missing and not odd:
        yield ok("packages", f"{len(wanted)} that these settings need, all there")


def needed(config: Any, real_board: bool) -> dict[str, str]:
    """Package -> what for."""
    found = {"pyyaml": "reading the configuration"}
    if config.nic.driver == "pcap":
        found["pcap-ct"] = "nic.driver = pcap"
    if config.oled.controller != "none":
        found |= {"luma.oled": "oled", "pillow": "oled", "smbus2": "oled"}
    if config.mqtt.publish or config.charge_parameter_backend == "mqtt":
        found["paho-mqtt"] = "mqtt"
    if config.live.enabled:
        found["tornado"] = "live"
    if config.text_display.fitted:
        found["pyserial"] = "text_display"
    if not real_board:
        return found
    if config.board in ("dieter", "celeron55"):
        found["pyserial"] = config.board
    else:
        found["gpiod"] = "pins"
    measuring = measuring_of(config)
    converters = measuring.converters if measuring is not None else []
    if "ads1x15" in converters:
        found["smbus2"] = "ads1x15"
    if "mcp3208" in converters:
        found["spidev"] = "mcp3208"
    if uses_can(config) and config.can.interface != "socketcan":
        found["python-can"] = f"can.interface = {config.can.interface}"
    if config.charge_parameter_backend == "dbc":
        found["cantools"] = "dbc_battery"
    return found


def uses_can(config: Any) -> bool:
    """Somebody speaks or listens on the bus of section `can`."""
    return config.mode == "bridge" or config.charge_parameter_backend in ("dbc", "chademo") or config.board == "focccicape" and config.focccicape.can_info


def requirements(folder: Path = INSTALL) -> dict[str, str]:
    """Package in small letters -> its bounds as text, of all lists of a board."""
    found = {}
    for name in LISTS:
        for line in (folder / name).read_text(encoding="utf-8").splitlines():
            match = re.match(r"([A-Za-z0-9][\w.-]*)\s*([<>=!~].*)?$", line.partition("#")[0].strip())
            if match:
                found[match[1].lower()] = match[2] or ""
    return found


def within(version: str, bounds: str) -> bool:
    """`>=4.1,<5`, `==1.3.0b3`. Compared by the numbers of the release; what none of these operators says is let through."""
    have = release(version)
    for bound in bounds.split(","):
        match = re.match(r"\s*(>=|<=|==|<|>)\s*(\S+)", bound)
        if match is None:
            continue
        want = release(match[2])
        width = max(len(have), len(want))
        a, b = have + (0,) * (width - len(have)), want + (0,) * (width - len(want))
        if not {">=": a >= b, "<=": a <= b, "==": a == b, "<": a < b, ">": a > b}[match[1]]:
            return False
    return True


def release(version: str) -> tuple[int, ...]:
    """(1, 3, 0) of 1.3.0b3: a trial release counts as the release."""
    numbers = []
    for part in version.split("."):
        match = re.match(r"\d+", part)
        if match is None:
            break
        numbers.append(int(match[0]))
        if match[0] != part:
            break
    return tuple(numbers)


def libpcap(patient: Any) -> Iterator[Finding]:
    """Only where the frames come through it."""
    if patient.config.nic.driver != "pcap":
        yield ok("libpcap", f"not needed: nic.driver = {patient.config.nic.driver}")
        return
    version = patient.machine.pcap_version()
    if version is None:
        yield fail("libpcap", "the system library libpcap was not found", "apt install libpcap0.8 (Debian 13: libpcap0.8t64), or set nic.driver: socket.",
                   "libpcap missing")
    else:
        yield ok("libpcap", version)


def codec(patient: Any) -> Iterator[Finding]:
    """The library of this processor, its ABI and its tables, and one message through it."""
    from exi_native.errors import ExiError
    from exi_native.library import ABI_VERSION, CodecUnavailable
    try:
        loaded = patient.machine.load_codec()
        message = loaded.decode("SAP", HANDSHAKE)
    except CodecUnavailable as error:
        problem, _, remedy = str(error).partition("; ")
        yield fail("codec", problem, f"{remedy[:1].upper()}{remedy[1:]}.", "EXI library")
        return
    except ExiError as error:
        yield fail("codec", f"the EXI library does not decode a known message ({error})", "Install again; its files are damaged.", "EXI library")
        return
    yield ok("codec", f"EXI library, ABI {ABI_VERSION}; decodes {type(message).__name__}")


HANDSHAKE = bytes.fromhex("80400040")        # supportedAppProtocolRes: OK_SuccessfulNegotiation, SchemaID 1 (exi sheet, section 2.1)
