"""Who may import whom: one table, first row that matches a file counts; everything not allowed is forbidden."""
import sys
from typing import NamedTuple

import pytest

from tests.architecture.source import Import, imports, matches, package_of, python_files, read

PURE = ("__future__", "abc", "array", "bisect", "collections", "dataclasses", "enum", "functools", "hashlib", "heapq", "hmac", "itertools", "math",
        "operator", "struct", "typing", "kernel.record")
"""Parts of the standard library without time, input, output or chance, and the kernel's stand-in for one of them (dataclasses)."""
PLUMBING = ("tasks.errors", "tasks.machine", "tasks.messages", "tasks.pilot_duty", "tasks.signals", "tasks.stop_reasons")
COMPOSITION = ("table", "wiring", "config", "config_file", "shipped", "command_line")
"""Modules of tasks/ that know all slices; no slice knows them."""
CODEC = ("exi_native.messages", "exi_native.errors", "exi_native.codec")
TYPES = ("drivers.interfaces", "drivers.interfaces_chademo")
ACTUATORS = {"Contactors", "ControlPilot", "ConnectorLock", "PowerSupply", "PilotSource", "ChargeSequence"}
HARDWARE = ("pcap", "libpcap", "utlx", "smbus2", "luma", "PIL", "board", "busio", "digitalio", "adafruit_blinka", "adafruit_ads1x15", "gpiod", "can", "cantools",
            "spidev", "serial", "RPi", "Adafruit_BBIO", "paho")


class Rule(NamedTuple):
    """Files and the modules that they may import (a module includes what is below it)."""

    files: tuple[str, ...]
    allowed: tuple[str, ...]


RULES = (
    Rule(("kernel/*",), ("<stdlib>", "kernel")),
    Rule(("tasks/__init__.py", "tasks/*/__init__.py"), ()),
    Rule(("tasks/errors.py", "tasks/machine.py", "tasks/messages.py", "tasks/pilot_duty.py", "tasks/signals.py", "tasks/stop_reasons.py"),
         (*PURE, *PLUMBING, *TYPES, "kernel.channels", "kernel.timer", "kernel.word")),
    Rule(("tasks/shipped.py",), (*PURE, "pathlib")),
    Rule(("tasks/config_file.py",), ("<stdlib>", "yaml", "kernel.settings")),
    Rule(("tasks/command_line.py",), (*PURE, "argparse", "pathlib", "kernel.settings", "tasks")),
    # every section of the configuration stands here, also those that a driver declares beside itself
    Rule(("tasks/config.py",), (*PURE, "kernel.settings", "tasks", "drivers.boards.config", "drivers.can", "drivers.http_post.config", "drivers.journal_syslog", "drivers.mqtt.config",
                                "drivers.nic_ears", "drivers.oled_luma", "drivers.recording.config", "drivers.serial_line", "drivers.session_log", "drivers.vehicle_fixed")),
    Rule(("tasks/table.py", "tasks/wiring.py"), (*PURE, "random", "kernel", "tasks", *TYPES, "exi_native", "drivers.board",
                                                                  "drivers.sim.plant_config")),
    Rule(("tasks/*/wire.py", "tasks/*/wire_*.py", "tasks/*/*_wire.py", "tasks/v2g/v2gtp.py"), (*PURE, "tasks.errors", "<wire>")),
    Rule(("tasks/bridge/config.py",), (*PURE, "kernel.settings", "tasks.v2g.config")),      # as a car it is described by a car's section
    Rule(("tasks/*/config.py",), (*PURE, "kernel.settings")),
    Rule(("tasks/*/timing.py",), ("__future__", "kernel.timer")),
    # adapters: they know a machine, mailboxes, signals, the journal; adapter.py is what the adapters of a slice share,
    # exi.py is where the listener hands octets to the codec
    Rule(("tasks/*/task.py", "tasks/*/task_*.py", "tasks/*/*_task.py", "tasks/*/adapter.py", "tasks/listen/exi.py"),
         (*PURE, "traceback", *CODEC, *TYPES, *PLUMBING, "kernel.channels", "kernel.journal", "kernel.timer", "kernel.watchdog", "kernel.task", "tasks")),
    # everything else in a slice is a machine or a table of one: time and chance come in as arguments
    Rule(("tasks/*/*.py",), (*PURE, *PLUMBING, *TYPES, "exi_native.messages", "exi_native.errors", "kernel.channels", "kernel.timer", "kernel.word", "<slices>")),
    Rule(("drivers/*",), ("<stdlib>", "<hardware>", "kernel.record", "kernel.timer", "kernel.word", "kernel.settings", "kernel.journal", "kernel.clock", "drivers")),
    Rule(("exi_native/generate/*", "exi_native/boards/*"), ("<stdlib>", "exi_native")),
    Rule(("exi_native/*.py",), ("<stdlib>", "exi_native")),
    Rule(("main.py", "tools/*", "tests/*"), ("<anything>",)),
)


def allows(rule, name, what):
    """True when the file `name` may do the import `what`."""
    module = f"{what.module}.{what.name}" if what.name else what.module
    top = what.module.split(".")[0]
    for allowed in rule.allowed:
        if allowed == "<anything>":
            return True
        if allowed == "<stdlib>" and top in sys.stdlib_module_names:
            return True
        if allowed == "<hardware>" and top in HARDWARE:
            return True
        if allowed == "<wire>" and module.startswith("tasks.") and any(p == "wire" or p.startswith("wire_") or p.endswith("_wire") for p in module.split(".")[2:]):
            return True
        if allowed == "<slices>" and module.startswith("tasks."):
            parts = module.split(".")
            if len(parts) > 2 and parts[1] not in COMPOSITION and parts[2] != "task":
                return True
        if what.module == allowed or what.module.startswith(allowed + ".") or module == allowed:
            return True
    return False


def violations(name, text):
    """One sentence per import that its table row does not allow."""
    rule = next((r for r in RULES if matches(name, *r.files)), None)
    if rule is None:
        return [f"{name}: no row of the table says what it may import"]
    found = []
    for what in imports(text, package_of(name)):
        if not allows(rule, name, what):
            found.append(f"{name}:{what.line}: may not import {what.module}{' ' + what.name if what.name else ''}")
    return found


def actuator_imports(name, text):
    """Actuators are for tasks/safety only (capability); drivers and wiring name them as types of what they hand over."""
    if matches(name, "tasks/safety/*", "drivers/*", "tests/*", "tools/*"):
        return []
    return [f"{name}:{i.line}: {i.name} belongs to tasks/safety" for i in imports(text, package_of(name))
            if i.module in TYPES and (i.name in ACTUATORS or i.name == "*")]


def early_hardware(name, text):
    """Hardware libraries are imported inside functions, so that everything else runs where they are not installed."""
    return [f"{name}:{i.line}: {i.module} must be imported inside the function that needs it" for i in imports(text, package_of(name))
            if i.module.split(".")[0] in HARDWARE and not i.inside_function]


def whole_interfaces(name, text):
    """`import drivers.interfaces` would hand out the actuators unseen."""
    if not name.startswith("tasks/"):
        return []
    return [f"{name}:{i.line}: import the types by name from drivers.interfaces" for i in imports(text, package_of(name))
            if i.module.startswith("drivers") and not i.name or i.module == "drivers" and i.name.startswith("interfaces")]


def workbench_in_the_box(name, text):
    """tools/bench_io commands actuators without the supervisor: a person's tool, never a part of the box."""
    if matches(name, "tools/bench_io/*", "tests/*"):
        return []
    return [f"{name}:{i.line}: tools.bench_io is for the workbench alone" for i in imports(text, package_of(name))
            if f"{i.module}.{i.name}.".startswith("tools.bench_io.")]


@pytest.mark.parametrize("check", [violations, actuator_imports, early_hardware, whole_interfaces, workbench_in_the_box])
def test_the_project_keeps_to_it(check):
    names = python_files("kernel/*", "tasks/*", "drivers/*", "exi_native/*", "main.py", "tools/*")
    assert len(names) > 30
    found = [sentence for name in names for sentence in check(name, read(name))]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name, text", [
    ("kernel/timer.py", "import yaml"),
    ("kernel/timer.py", "from tasks.machine import Note"),
    ("kernel/timer.py", "def f():\n    import drivers.sim"),
    ("tasks/homeplug/wire.py", "import time"),
    ("tasks/homeplug/wire.py", "from kernel.timer import S"),
    ("tasks/homeplug/wire_modem.py", "from tasks.homeplug.slac_pev import PevSlac"),
    ("tasks/homeplug/wire.py", "from .slac_pev import PevSlac"),
    ("tasks/v2g/v2gtp.py", "import os"),
    ("tasks/homeplug/slac_pev.py", "import time"),
    ("tasks/homeplug/slac_pev.py", "import random"),
    ("tasks/homeplug/slac_pev.py", "from random import Random"),
    ("tasks/homeplug/slac_pev.py", "import logging"),
    ("tasks/homeplug/slac_pev.py", "import socket, select, os"),
    ("tasks/homeplug/slac_pev.py", "from kernel.clock import MonotonicClock"),
    ("tasks/homeplug/slac_pev.py", "import kernel"),
    ("tasks/homeplug/slac_pev.py", "from kernel import clock"),
    ("tasks/homeplug/slac_pev.py", "from kernel.journal import Journal"),
    ("tasks/homeplug/slac_pev.py", "from drivers.nic_pcap import PcapNic"),
    ("tasks/homeplug/slac_pev.py", "from tasks.tcp.task import TcpTask"),
    ("tasks/homeplug/slac_pev.py", "from tasks.homeplug.task import HomeplugTask"),
    ("tasks/homeplug/slac_pev.py", "from tasks.table import pev"),
    ("tasks/homeplug/task.py", "import time"),
    ("tasks/homeplug/task.py", "from drivers.sim.plant import Plant"),
    ("tasks/homeplug/task.py", "from kernel.scheduler import Kernel"),
    ("tasks/homeplug/timing.py", "from tasks.homeplug.wire import parse"),
    ("tasks/homeplug/config.py", "from tasks.homeplug.task import HomeplugTask"),
    ("tasks/homeplug/__init__.py", "from tasks.homeplug.task import HomeplugTask"),
    ("drivers/nic_pcap.py", "from tasks.homeplug.wire import parse"),
    ("drivers/nic_pcap.py", "def f():\n    import tasks"),
    ("exi_native/codec.py", "from kernel.timer import S"),
    ("somewhere/new.py", "import os"),
])
def test_the_table_can_say_no(name, text):
    assert violations(name, text)


@pytest.mark.parametrize("name, text", [
    ("kernel/timer.py", "import os\nfrom kernel.channels import Signal"),
    ("tasks/homeplug/wire.py", "import struct\nfrom tasks.errors import WireError\nfrom tasks.homeplug.wire_keys import X\nfrom tasks.ipv6 import wire"),
    ("tasks/homeplug/slac_pev.py", "from kernel.timer import Timer\nfrom tasks.homeplug import timing as t\nfrom tasks.machine import Note"),
    ("tasks/homeplug/slac_pev.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from random import Random"),
    ("tasks/homeplug/task.py", "from kernel.journal import Journal\nfrom drivers.interfaces import Nic\nfrom exi_native.codec import Codec"),
    ("drivers/nic_pcap.py", "import socket\ndef f():\n    import pcap"),
    ("main.py", "import sys, kernel.clock, tasks.table, drivers.board"),
])
def test_the_table_can_say_yes(name, text):
    assert violations(name, text) == []


@pytest.mark.parametrize("text", ["from drivers.interfaces import Contactors", "from drivers.interfaces import Nic, PowerSupply as P",
                                  "def f():\n    from drivers.interfaces import ControlPilot", "from drivers.interfaces import *"])
def test_actuators_outside_safety_are_found(text):
    assert actuator_imports("tasks/v2g/task.py", text)
    assert actuator_imports("tasks/table.py", text)
    assert actuator_imports("main.py", text)
    assert not actuator_imports("tasks/safety/task.py", text)


def test_actuators_behind_a_module_name_are_found():
    assert whole_interfaces("tasks/v2g/task.py", "import drivers.interfaces")
    assert whole_interfaces("tasks/v2g/task.py", "from drivers import interfaces")
    assert not whole_interfaces("tasks/v2g/task.py", "from drivers.interfaces import PilotState")


def test_the_workbench_in_the_box_is_found():
    for text in ("import tools.bench_io.switch", "from tools.bench_io.switch import Switching", "def f():\n    from tools import bench_io"):
        assert workbench_in_the_box("main.py", text) and workbench_in_the_box("tools/appliance/parts.py", text), text
        assert not workbench_in_the_box("tools/bench_io/__main__.py", text)
    assert not workbench_in_the_box("main.py", "from tools.bench import adc\nfrom tools.bench_iota import x")


def test_hardware_libraries_at_module_level_are_found():
    for text in ("import pcap", "from luma.oled import device", "try:\n    import smbus2\nexcept ImportError:\n    smbus2 = None", "class A:\n    import can"):
        assert early_hardware("drivers/x.py", text), text
    assert not early_hardware("drivers/x.py", "def f():\n    import pcap\n    from luma.oled import device")


def test_relative_imports_are_resolved():
    assert [i.module for i in imports("from . import a\nfrom .b import c\nfrom ..d import e", "tasks.homeplug")] == ["tasks.homeplug", "tasks.homeplug.b", "tasks.d"]
    assert list(imports("def f():\n    import os")) == [Import(2, "os", "", True)]
