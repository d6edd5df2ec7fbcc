"""Everything that can be said of a board without switching anything, as a text that a user can send."""
from __future__ import annotations

import os
import platform
import re
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Callable, Iterator

from kernel.settings import to_dict
from kernel.settings_text import scalar
from tasks.config import Config
from tools.appliance.about import about
from tools.bench_io import measure
from tools.bench_io.bench import Bench
from tools.bench_io.look import readings
from tools.bench_io.outputs import level, outputs, read_back
from tools.bench_io.text import cells, device_lines, input_lines, note_lines, wrapped

LIBRARIES = ("pyyaml", "smbus2", "luma.oled", "pillow", "Adafruit-Blinka", "gpiod", "pyserial", "python-can", "cantools", "paho-mqtt", "spidev", "pcap-ct")
SECRET = re.compile(r"password|secret|token|^user$|^nmk$|key_file|^endpoint$")       # a setting of such a name is not sent to anybody
MODEL = "/proc/device-tree/model"
TICKS_S = 5.0


def differences(config: Any, default: Any, path: str = "") -> Iterator[str]:
    """Settings that are not as they come; secrets only as such."""
    ours, theirs = (value if isinstance(value, dict) else to_dict(value) for value in (config, default))
    for name, value in ours.items():
        here = f"{path}{name}"
        if isinstance(value, dict):
            yield from differences(value, theirs[name], f"{here}.")
        elif value != theirs[name]:
            shown = "(not told)" if SECRET.search(name) else ", ".join(map(scalar, value)) if isinstance(value, list) else scalar(value)
            yield f"{here}: {shown}"


def machine() -> list[str]:
    """What it runs on."""
    model = Path(MODEL)
    lines = [about(), f"made {time.strftime('%Y-%m-%d %H:%M %z')}", f"board: {model.read_text().rstrip(chr(0)) if model.is_file() else platform.machine()}",
             f"kernel: {platform.system()} {platform.release()} {platform.version()}", f"Python {platform.python_version()}, {os.cpu_count()} processors"]
    found = []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} -")
    return lines + wrapped("libraries: " + ", ".join(found))


def output_lines(bench: Bench) -> list[str]:
    """The table of outputs."""
    lines = [cells(("output", "pin", "level", "read back", "what it does"), (16, 16, 8, 11))]
    for output in outputs(bench):
        lines.append(cells((output.name, output.pin, level(bench, output), read_back(output), output.what), (16, 16, 8, 11)))
    return lines


def sections(bench: Bench, seconds: float = TICKS_S, stop: Callable[[], bool] = lambda: False) -> Iterator[tuple[str, list[str]]]:
    """Title and lines of each part; the slow ones last."""
    yield "machine", machine()
    yield "settings that differ from the defaults", [line for text in differences(bench.given, Config()) for line in wrapped(text, "  ")] or ["  none"]
    yield "notes", note_lines(bench.notes) or ["  none"]
    yield "inputs", input_lines(readings(bench, bench.clock.now()))
    yield "devices", device_lines(bench)
    yield "outputs (none was switched)", output_lines(bench)
    yield "I2C", measure.i2c(bench)
    yield f"ticks, {seconds:g} s", measure.ticks(bench, seconds, stop)


def text(bench: Bench, seconds: float = TICKS_S, stop: Callable[[], bool] = lambda: False) -> str:
    """The whole report."""
    parts = [f"bench_io report: {bench.config.board}, {bench.config.mode}\n"]
    for title, lines in sections(bench, seconds, stop):
        parts.append(f"\n== {title} ==\n" + "".join(f"{line}\n" for line in lines))
    return "".join(parts)
