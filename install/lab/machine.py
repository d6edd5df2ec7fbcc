"""The emulated board as one process of qemu: started, spoken to through its agent, copied, switched off, and cut from its power."""
from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from systems import MEMORY_MIB, System

PATIENCE_S = 600.0               # of this computer, for the board to start: without a processor's help it runs some five times slower than a Raspberry Pi
LOOK_EVERY_S = 0.05
ASK_EVERY_S = 0.2                # of the board's clock
RATE_OF_LINES = 1 << 16


class LabError(Exception):
    """What was expected of the machine, and what came."""


class Machine:
    """One board. `folder` holds root.qcow2, vmlinuz, initrd, system, and board.dtb where qemu's own is not meant; a context manager that leaves no process behind.

    `supplies`: a file system that the board mounts at /mnt, read-only. Its eth0 leads nowhere.
    Its clock counts instructions, one to the nanosecond: a processor of 1000 million a second, about a Raspberry Pi 3; it stands still while nothing is asked
    of a board that is up. `clock`: s since the kernel's start, as last told.
    """

    def __init__(self, folder: Path, supplies: Path, *, patient: bool = False, words: str = "") -> None:
        """The power is on. `patient`: a wait takes its time, so that what a start waits for (the disk) counts as it does on a board; but a processor of this
        computer has to be free for it. Else the clock goes on to the next thing at once: nothing on the board notices how busy this computer is, but
        each wait for the disk moves the clock to some timer. `words`: for the kernel.
        """
        self.folder = folder
        self.started = time.monotonic()
        self.clock = 0.0
        self.talk = Path(f"/tmp/ccsbox-lab-{os.getpid()}-{folder.name}")
        shutil.rmtree(self.talk, ignore_errors=True)
        self.talk.mkdir()
        processor = System.of((folder / "system").read_text().split()).processor
        tree = folder / "board.dtb"
        command = [f"qemu-system-{processor.qemu}", "-M", processor.machine, "-cpu", processor.cpu, *(("-dtb", str(tree)) if tree.exists() else ()), "-m", str(MEMORY_MIB), "-nodefaults", "-no-user-config", "-display", "none",
                   "-accel", "tcg,thread=single", "-icount", f"shift=0,sleep={'on' if patient else 'off'}",
                   "-kernel", str(folder / "vmlinuz"), "-initrd", str(folder / "initrd"),
                   "-append", f"root=/dev/vda rw quiet net.ifnames=0 console={processor.console} systemd.show_status=0 {words}",
                   # writes reach the file when the guest flushes them: what it has not synced is lost with the power, as on a card
                   "-drive", f"file={folder}/root.qcow2,if=none,id=root,format=qcow2,cache=writeback", "-device", "virtio-blk-pci,drive=root",
                   "-drive", f"file={supplies},if=none,id=supplies,format=raw,readonly=on", "-device", "virtio-blk-pci,drive=supplies",
                   "-netdev", "user,id=home,restrict=on", "-device", "virtio-net-pci,netdev=home,mac=02:00:00:00:10:00",
                   "-device", "virtio-serial-pci", "-chardev", f"socket,id=lab,path={self.talk}/agent,server=on,wait=off", "-device", "virtserialport,chardev=lab,name=lab.0",
                   "-chardev", f"file,id=console,path={folder}/console.log,append=on", "-serial", "chardev:console",
                   "-qmp", f"unix:{self.talk}/monitor,server=on,wait=off", "-device", "virtio-rng-pci"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        self._agent = self._connect("agent")
        self._lines = b""
        self._monitor = self._connect("monitor").makefile("rwb", buffering=0)
        self._monitor.readline()
        self._command("qmp_capabilities")

    def __enter__(self) -> Machine:
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()

    def _connect(self, name: str) -> socket.socket:
        for _ in range(200):
            connection = socket.socket(socket.AF_UNIX)
            try:
                connection.connect(str(self.talk / name))
                return connection
            except OSError:
                connection.close()
                if self.process.poll() is not None:
                    raise LabError(f"qemu ended with {self.process.returncode} before it could be spoken to") from None
                time.sleep(LOOK_EVERY_S)
        raise LabError(f"qemu does not open its socket {name}")

    def _command(self, command: str, **words: Any) -> Any:
        self._monitor.write(json.dumps({"execute": command, "arguments": words}).encode() + b"\n")
        while True:
            line = self._monitor.readline()
            if not line:
                raise LabError(f"qemu ended at {command}")
            said = json.loads(line)
            if "return" in said:
                return said["return"]
            if "error" in said:
                raise LabError(f"{command}: {said['error']['desc']}")

    def copy(self, folder: Path) -> Path:
        """The machine's folder with its disk as it is this instant, of which another machine can be made."""
        self.must("sync")                        # and qemu, when it stops, what it holds
        shutil.copytree(self.folder, folder, ignore=shutil.ignore_patterns("console.log"))
        return folder

    def power_off(self, limit: float) -> None:
        """In order, as a person would; LabError when it does not end within `limit` s."""
        self._begin({"cmd": "systemctl poweroff", "timeout": 10})
        try:
            self.process.wait(limit)
        except subprocess.TimeoutExpired:
            raise LabError(f"the board was not off after {limit:g} s; {self.folder}/console.log") from None

    def cut(self) -> None:
        """The power is gone this instant."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        shutil.rmtree(self.talk, ignore_errors=True)

    # --- the agent

    def ready(self, limit: float = PATIENCE_S) -> float:
        """Waits for the board to be up; its uptime in s then. Also after a reboot."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            said = self._hear(end)
            if "ready" in said:
                self._command("stop")
                return self.clock
        raise LabError(f"the board was not up within {limit:g} s; {self.folder}/console.log")

    def _hear(self, end: float) -> dict:
        while b"\n" not in self._lines:
            left = end - time.monotonic()
            if left <= 0:
                raise LabError(f"the board's agent is silent; {self.folder}/console.log")
            self._agent.settimeout(left)
            try:
                data = self._agent.recv(RATE_OF_LINES)
            except TimeoutError:
                continue
            if not data:
                raise LabError(f"the board went out; {self.folder}/console.log")
            self._lines += data
        line, self._lines = self._lines.split(b"\n", 1)
        said = json.loads(line)
        self.clock = said["up"]
        return said

    def _begin(self, question: dict) -> None:
        """The board goes on, and obeys."""
        self._command("cont")
        self._agent.settimeout(10)
        self._agent.sendall(json.dumps(question).encode() + b"\n")

    def _ask(self, question: dict, limit: float) -> dict:
        self._begin(question)
        end = time.monotonic() + limit
        while True:
            said = self._hear(end)
            if "rc" in said:
                self._command("stop")
                return said

    def run(self, command: str, limit: float = PATIENCE_S) -> tuple[int, str]:
        """Exit code and output of a shell command on the board."""
        said = self._ask({"cmd": command, "timeout": limit}, limit + 10)
        return said["rc"], said["out"]

    def must(self, command: str, limit: float = PATIENCE_S) -> str:
        """The output of a command that has to succeed."""
        code, out = self.run(command, limit)
        if code != 0:
            raise LabError(f"{command!r} ended with {code}:\n{out}")
        return out

    def until(self, command: str, limit: float, what: str) -> str:
        """Asks again and again until the command succeeds; its output. LabError after `limit` s of the board's clock."""
        end = self.clock + limit
        while True:
            code, out = self.run(command)
            if code == 0:
                return out
            if self.clock > end:
                raise LabError(f"{what}: not within {limit:g} s\n{out}")
            self.sleep(ASK_EVERY_S)

    def sleep(self, seconds: float) -> None:
        """Of the board's clock."""
        self.must(f"sleep {seconds:g}")

    def reboot(self) -> None:
        """As a person would; `ready` comes again."""
        self._begin({"cmd": "systemctl reboot", "timeout": 10})

    def put(self, path: str, data: bytes) -> None:
        self._ask({"put": path, "data": base64.b64encode(data).decode()}, 60)

    def get(self, path: str) -> bytes:
        said = self._ask({"get": path}, 60)
        if said["rc"] != 0:
            raise LabError(f"{path}: {said['out']}")
        return base64.b64decode(said["data"])


def supplies(folder: Path, file: Path) -> Path:
    """A file system with everything of the folder."""
    size = sum(path.lstat().st_size + 4096 for path in folder.rglob("*"))
    subprocess.run(["truncate", "-s", str(size * 5 // 4 + (16 << 20)), str(file)], check=True)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-d", str(folder), str(file)], check=True)
    return file


def disk(image: Path, folder: Path) -> None:
    """A machine's own folder: a copy on write of the image."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("vmlinuz", "initrd", "system", "board.dtb"):
        if (image / name).exists():
            shutil.copy(image / name, folder / name)
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(image / "root.ext4"), str(folder / "root.qcow2")], check=True)

