"""The bench: our interface, the bridge, and a kernel in a namespace of its own; to be used inside `unshare -Urn` (see `possible`)."""
from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.interop.network import NO_OFFLOAD, run
from tests.tcp_kernel.own import PATIENCE_S, Own

ROOT = Path(__file__).resolve().parents[2]
OURS, NEAR, FAR, PEER = "ours", "near", "far", "peer"
OUR_MAC, PEER_MAC = "02:00:00:cc:60:01", "02:00:00:cc:60:02"
ENTER = ("unshare", "-Urn")
GRACE_S = 5.0            # for a helper to end when its pipe is closed


class LabError(Exception):
    """The bench broke; the text says which part and what it said."""


def possible() -> str:
    """Empty where the bench can be built, otherwise the reason."""
    try:
        import pcap  # noqa: F401
    except (ImportError, OSError) as e:
        return f"pcap-ct or libpcap is missing: {e}"
    for command in ((*ENTER, "ip", "link", "add", "va", "type", "veth", "peer", "name", "vb"), ("ethtool", "--version"), ("ss", "--version"),
                    (*ENTER, "unshare", "-n", "ip", "link")):
        try:
            probe = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError as e:
            return f"{e.filename} is missing"
        if probe.returncode != 0:
            return f"{' '.join(command)}: {probe.stderr.strip()}"
    return ""


def inside(module: str, *words: str, limit_s: float) -> subprocess.CompletedProcess[str]:
    """A module of this folder in a user and network namespace of its own."""
    return subprocess.run([*ENTER, sys.executable, "-m", f"tests.tcp_kernel.{module}", *words], cwd=ROOT, capture_output=True, text=True, timeout=limit_s,
                          check=False, env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"})


class Helper:
    """A process that answers lines; `ask` begins a command, `answers` holds what has come back."""

    def __init__(self, *command: str) -> None:
        self.name = command[-1]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.answers: dict[int, dict[str, Any]] = {}
        self._number = 0
        self._line = b""
        if self.process.stdout.readline() != b"ready\n":
            raise LabError(f"{self.name} did not start")

    def fileno(self) -> int:
        return self.process.stdout.fileno()

    def read(self) -> None:
        data = os.read(self.fileno(), 1 << 16)
        if not data:
            raise LabError(f"{self.name} has ended with code {self.process.wait(GRACE_S)}")
        *lines, self._line = (self._line + data).split(b"\n")
        for line in lines:
            answer = json.loads(line)
            self.answers[answer.pop("id")] = answer

    def begin(self, op: str, **words: Any) -> int:
        self._number += 1
        self.process.stdin.write(json.dumps({"id": self._number, "op": op, **words}).encode() + b"\n")
        self.process.stdin.flush()
        return self._number

    def ask(self, op: str, **words: Any) -> dict[str, Any]:
        """A command that is answered at once (our stack stands still meanwhile)."""
        number = self.begin(op, **words)
        while number not in self.answers:
            self.read()
        return self.answers.pop(number)

    def end(self) -> None:
        self.process.stdin.close()
        try:
            self.process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class Lab:
    """`own` our end, `peer` the kernel's, `bridge` what lies between (None: one veth pair, as fast as it goes)."""

    def __init__(self, *, bridge: bool = True, kernels: int = 1) -> None:
        """`kernels=2`: no stack of ours, a second kernel in its place (`other`), for comparison."""
        self.bridge: Helper | None = None
        self.other: Helper | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="ccsbox-tcp-")
        for one, mac, two, other_mac in ((OURS, OUR_MAC, NEAR, "02:00:00:cc:60:03"), (FAR, "02:00:00:cc:60:04", PEER, PEER_MAC)) if bridge else (
                (OURS, OUR_MAC, PEER, PEER_MAC),):
            run("ip", "link", "add", one, "address", mac, "type", "veth", "peer", "name", two, "address", other_mac)
        self.peer = self._kernel(PEER)
        if bridge:
            self._quiet(NEAR, FAR)
            self.bridge = Helper(sys.executable, "-m", "tests.tcp_kernel.bridge")
        self._sockets = 0
        if kernels == 2:
            self.other = self._kernel(OURS)
            self.other_address = bytes.fromhex(self.other.ask("address")["address"])
        else:
            self._quiet(OURS)
        self.peer_address = bytes.fromhex(self.peer.ask("address")["address"])
        if kernels == 2:
            return
        mac = bytes.fromhex(OUR_MAC.replace(":", ""))
        folder = Path(self._folder.name) / OURS
        folder.mkdir()
        (folder / "address").write_text(OUR_MAC + "\n")      # /sys still shows the namespace that we have left
        self.own = Own(OURS, mac, Path(self._folder.name))
        for helper in (self.peer, self.bridge):
            if helper is not None:
                self.own.others[helper.fileno()] = helper.read

    def _kernel(self, interface: str) -> Helper:
        helper = Helper("unshare", "-n", sys.executable, "-m", "tests.tcp_kernel.peer")
        run("ip", "link", "set", interface, "netns", str(helper.process.pid), "name", PEER)
        told = helper.ask("up")
        if told:
            raise LabError(f"{interface}: {told}")
        return helper

    def _quiet(self, *interfaces: str) -> None:
        """Interfaces on which the kernel itself keeps silent: it would answer our TCP with RST."""
        for name in interfaces:
            run("sysctl", "-qw", f"net.ipv6.conf.{name}.disable_ipv6=1")
            run("ethtool", "-K", name, *(word for feature in NO_OFFLOAD for word in (feature, "off")))
            run("ip", "link", "set", name, "up")

    # --- what cases say -------------------------------------------------------------------------------------------

    def socket(self) -> int:
        self._sockets += 1
        return self._sockets

    def ask(self, op: str, *, limit_s: float = PATIENCE_S, **words: Any) -> dict[str, Any]:
        """A command to the kernel's end, while our stack runs."""
        return self.wait(self.peer.begin(op, **words), limit_s)

    def wait(self, number: int, limit_s: float = PATIENCE_S) -> dict[str, Any]:
        if not self.own.until(lambda: number in self.peer.answers, limit_s):
            raise LabError(f"the kernel's end has not answered within {limit_s:g} s")
        return self.peer.answers.pop(number)

    def faults(self, **percent: Any) -> None:
        self.bridge.ask("set", **percent)

    def lose(self, way: str, flags: int, count: int, data: bool | None = None) -> None:
        self.bridge.ask("lose", way=way, flags=flags, count=count, data=data)

    def counts(self) -> dict[str, int]:
        """Of the bridge, since last asked."""
        return self.bridge.ask("counts")

    def end(self) -> None:
        for helper in (self.bridge, self.peer, self.other):
            if helper is not None:
                helper.end()
        if self.other is None:
            self.own.nic.close()
        self._folder.cleanup()

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
