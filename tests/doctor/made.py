"""A made-up machine: a folder for /sys, /proc, /dev and /run, functions for the rest; what a test did not give must not be called."""
from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable

from kernel.clock import VirtualClock
from tasks.config import Config
from tools.doctor.course import Patient
from tools.doctor.findings import FAIL, SHORT, WARN, Finding
from tools.doctor.machine import Machine
from tools.doctor.running import Running

NOW_S = 1_790_000_000.0          # September 2026
BESIDE = Running(4711, True, "the guard 4712 (pev-eth1) of process 4711")
ALONE = Running(None, True, "the guard 4712 (pev-eth1) of an earlier run, which keeps the outputs safe")
CALLS = ("open_packet_socket", "open_nic", "pcap_version", "installed", "importable", "load_codec", "i2c_read", "make_converters", "gpio_chips", "gpio_line",
         "try_realtime", "scheduler", "statvfs", "try_file", "open_oled")


def forbidden(name: str) -> Callable[..., Any]:
    def call(*_: object) -> Any:
        raise AssertionError(f"{name} was called")
    return call


class Made:
    """`files`: path -> contents; `commands`: first words of a command -> (exit code, output)."""

    def __init__(self, root: Path, **calls: Any) -> None:
        self.root = root
        self.commands: dict[str, tuple[int, str]] = {}
        self.asked: list[list[str]] = []
        given = {name: forbidden(name) for name in CALLS} | calls
        self.machine = Machine(root=root, clock=VirtualClock(1), seconds=lambda: NOW_S, environ={}, python=(3, 11, 2), parent=lambda: 4711,
                               command=self._command, **given)

    def files(self, **contents: str) -> Made:
        """Names with / cannot be words: use `put`."""
        for name, text in contents.items():
            self.put(name, text)
        return self

    def put(self, name: str, contents: str | bytes = "") -> Made:
        path = self.root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(contents if isinstance(contents, bytes) else contents.encode())
        return self

    def folder(self, name: str) -> Made:
        (self.root / name.lstrip("/")).mkdir(parents=True, exist_ok=True)
        return self

    def answer(self, command: str, output: str, code: int = 0) -> Made:
        self.commands[command] = (code, output)
        return self

    def _command(self, words: list[str]) -> tuple[int, str] | None:
        self.asked.append(words)
        return next((answer for start, answer in self.commands.items() if " ".join(words).startswith(start)), None)

    def patient(self, config: Config | None = None, running: Running | None = None, **kw: Any) -> Patient:
        return Patient(self.machine, config if config is not None else settings(), "my.yaml", running=running, **kw)


def settings(**values: Any) -> Config:
    """A car on a Raspberry Pi at eth1; values by name of a top-level setting."""
    config = Config()
    config.interface, config.board = "eth1", "raspberry_pi"
    for name, value in values.items():
        setattr(config, name, value)
    return config


def interface(made: Made, name: str = "eth1", **other: str) -> Made:
    """A healthy one; `other`: its files."""
    for file, text in ({"type": "1", "flags": "0x1003", "carrier": "1", "address": "02:00:00:00:00:01", "ifindex": "7"} | other).items():
        made.put(f"/sys/class/net/{name}/{file}", text + "\n")
    return made


def levels(findings: Any) -> list[tuple[str, str]]:
    """(check, level) of each line, after the house's rule for lines: a remedy beside each fault, a short form beside each failure."""
    found = list(findings)
    for f in found:
        assert f.found and (f.level not in (WARN, FAIL) or len(f.remedy) > 10), f
        assert len(f.short) <= SHORT and (f.level != FAIL or f.short), f
        assert "\n" not in f.line()
    return [(f.check, f.level) for f in found]


def only(findings: Any) -> Finding:
    """The one line."""
    found = list(findings)
    levels(found)
    assert len(found) == 1, found
    return found[0]


def space(free_mib: int = 4000, inodes: int = 100_000, read_only: bool = False) -> SimpleNamespace:
    """What statvfs says."""
    return SimpleNamespace(f_bavail=free_mib * 256, f_frsize=4096, f_flag=1 if read_only else 0, f_files=1_000_000, f_favail=inodes)
