"""A wire between two network namespaces: a veth pair without offloads, from which nothing can leave."""
from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

READY_LIMIT_S = 5.0      # until the kernel of a peer has its link-local address
LOOK_EVERY_S = 0.05      # at a program that is waited for
NO_OFFLOAD = ("tx", "rx", "gso", "tso", "gro")      # checksums on the veth are then the real ones


class NetworkError(Exception):
    """The wire could not be made; the text says which command failed."""


@dataclass(slots=True)
class End:
    """One end of the wire. `kernel_ipv6`: the kernel has an address (a peer with sockets); otherwise it keeps quiet."""

    namespace: str
    interface: str
    mac: str
    kernel_ipv6: bool


class Wire:
    """Two namespaces joined by a veth pair; a context manager that takes everything away again."""

    def __init__(self, pev_kernel_ipv6: bool, evse_kernel_ipv6: bool) -> None:
        mark = f"{os.getpid() % 100000}"
        self.pev = End(f"ccsbox-p{mark}", f"cp{mark}", "02:00:00:cc:50:01", pev_kernel_ipv6)
        self.evse = End(f"ccsbox-e{mark}", f"ce{mark}", "02:00:00:cc:50:02", evse_kernel_ipv6)

    def __enter__(self) -> Wire:
        try:
            for end in (self.pev, self.evse):
                run("ip", "netns", "add", end.namespace)
            run("ip", "link", "add", self.pev.interface, "netns", self.pev.namespace, "address", self.pev.mac,
                 "type", "veth", "peer", "name", self.evse.interface, "netns", self.evse.namespace, "address", self.evse.mac)
            for end in (self.pev, self.evse):
                self._prepare(end)
            for end in (self.pev, self.evse):
                if end.kernel_ipv6:
                    self._wait_for_address(end)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for end in (self.pev, self.evse):
            subprocess.run(["ip", "netns", "del", end.namespace], capture_output=True, check=False)

    def _prepare(self, end: End) -> None:
        inside = ("ip", "netns", "exec", end.namespace)
        # without duplicate address detection the address can be used at once; without IPv6 the kernel cannot answer
        # our TCP segments with RST (boards.md section 6)
        key = f"net.ipv6.conf.{end.interface}"
        run(*inside, "sysctl", "-qw", f"{key}.accept_dad=0", f"{key}.router_solicitations=0", f"{key}.disable_ipv6={int(not end.kernel_ipv6)}")
        run(*inside, "ethtool", "-K", end.interface, *(word for feature in NO_OFFLOAD for word in (feature, "off")))
        run("ip", "-n", end.namespace, "link", "set", "lo", "up")
        run("ip", "-n", end.namespace, "link", "set", end.interface, "up")

    def _wait_for_address(self, end: End) -> None:
        limit = time.monotonic() + READY_LIMIT_S
        while time.monotonic() < limit:
            shown = run("ip", "-n", end.namespace, "-6", "addr", "show", "dev", end.interface, "scope", "link")
            if "inet6 fe80" in shown and "tentative" not in shown:
                return
            time.sleep(0.05)
        raise NetworkError(f"{end.interface} got no link-local address within {READY_LIMIT_S:g} s")


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NetworkError(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


class Program:
    """A program inside one end's namespace, in its own session and process group, with its output in a file. `cpu_s` counts what has ended."""

    def __init__(self, end: End, command: list[str], log: Path, cwd: Path, environment: dict[str, str] | None = None, *, keyboard: bool = False) -> None:
        """`keyboard`: it gets a terminal to read from, and `press` types."""
        self.log = log
        self._keys, there = os.openpty() if keyboard else (-1, subprocess.DEVNULL)
        self.cpu_s = 0.0
        self._output = open(log, "wb")
        self.process = subprocess.Popen(["ip", "netns", "exec", end.namespace, *command], stdout=self._output, stderr=subprocess.STDOUT,
                                        stdin=there, cwd=cwd, start_new_session=True, env={**os.environ, **(environment or {})})

        if keyboard:
            os.close(there)

    def press(self, key: str) -> None:
        os.write(self._keys, key.encode())

    def text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait_for_text(self, words: str, limit: float) -> bool:
        """True when the output contains `words` within `limit` s; False at once when the program ended."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            if words in self.text():
                return True
            if self.poll() is not None:
                return words in self.text()
            time.sleep(LOOK_EVERY_S)
        return False

    def poll(self) -> int | None:
        """Exit code, None while it runs. Takes in whoever of its group has ended, with the CPU time that it used."""
        while True:
            try:
                pid, status, used = os.wait4(-self.process.pid, os.WNOHANG)
            except ChildProcessError:
                break                                # nobody of the group is a child of ours any more
            if pid == 0:
                break
            self.cpu_s += used.ru_utime + used.ru_stime
            if pid == self.process.pid:
                self.process.returncode = os.waitstatus_to_exitcode(status)
        return self.process.returncode

    def wait(self, limit: float) -> int | None:
        """Exit code, None when it still runs after `limit` s."""
        end = time.monotonic() + limit
        while self.poll() is None and time.monotonic() < end:
            time.sleep(LOOK_EVERY_S)
        return self.process.returncode

    def end(self, grace: float = 2.0) -> None:
        """Asks for the end, then insists: the whole session that we started, and nothing else."""
        for number, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, 5.0)):
            if not self._group_alive():
                break
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                break
            limit = time.monotonic() + patience
            while self._group_alive() and time.monotonic() < limit:
                time.sleep(LOOK_EVERY_S)
        self._output.close()
        if self._keys >= 0:
            os.close(self._keys)
            self._keys = -1

    def _group_alive(self) -> bool:
        if self.poll() is None:
            return True
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return False
        return True
