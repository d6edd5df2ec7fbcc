"""The main process is killed or stopped under current: the guard's octets arrive at the device, state B first, contactors after it."""
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from drivers.serial_line.commands import CELERON55, DEVICES, DIETER
from drivers.serial_line.lines import SerialLines
from drivers.sim.lines import CONTACTORS, FIRST
from tests.drivers.serial_line.wire import Pty

pytest.importorskip("serial", reason="pyserial is not installed")

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 30.0            # for anything; a loaded machine is slow, not wrong
BOUND_MS = 990               # emergency_open_ms of the box, less a tick


class Box:
    """The two processes with the far end of their serial line. Its output is the guard's and its own."""

    def __init__(self, device: int, inherit: bool) -> None:
        self.device, self.pty = DEVICES[device], Pty()
        self.lines = SerialLines.create(device=device)
        read, write = os.pipe()
        self.pipe = read
        name = {DIETER: "dieter", CELERON55: "celeron55"}[device]
        self.process = subprocess.Popen([sys.executable, "-m", "tests.drivers.serial_line.box", "main", self.pty.path, name, str(int(inherit)),
                                         str(self.lines.fd)], cwd=ROOT, pass_fds=[self.lines.fd], stdout=write, stderr=write, stdin=subprocess.DEVNULL)
        os.close(write)
        self.text = ""

    def until_said(self, words: str) -> None:
        while words not in self.text:
            readable, _, _ = select.select([self.pipe], (), (), PATIENCE_S)
            assert readable, f"{words!r} was not said: {self.text}"
            self.text += os.read(self.pipe, 4096).decode()

    def end(self) -> None:
        """The guard leaves at SIGTERM once the main process is gone and the lines are safe."""
        self.process.kill()
        self.process.wait()
        found = self.text.split("guard ")
        if len(found) > 1:
            os.kill(int(found[1].split(":")[0]), signal.SIGTERM)
        while os.read(self.pipe, 4096):
            continue
        os.close(self.pipe)
        self.lines.close()
        self.pty.unplug()


@pytest.mark.parametrize("inherit", [True, False], ids=["inherited", "by path"])
@pytest.mark.parametrize("device", [DIETER, CELERON55], ids=["dieter", "celeron55"])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
def test_state_b_then_open(device, inherit, how):
    box = Box(device, inherit)
    try:
        commands = box.device
        box.until_said("closed")
        box.pty.read_until(commands(True, True))
        box.process.send_signal(how)
        box.until_said("contactors open")
        heard = box.pty.read_until(b"\n" + commands(False, False))
        first, opened = heard.index(b"\n" + commands(False, True)), heard.index(b"\n" + commands(False, False))
        assert first < opened, "state B before the contactors"
        assert commands(True, True) not in heard[first:] and commands(True, False) not in heard[first:]
        assert heard[first:opened].count(commands(False, True)) > 10, "repeated while the current dies away"
        lines = box.lines
        assert (lines.changed_at(CONTACTORS) - lines.changed_at(FIRST)) / 1e6 >= BOUND_MS and lines.held
        box.pty.read_until(commands(False, False) + b"\n" + commands(False, False))
        if how == signal.SIGSTOP:
            box.process.send_signal(signal.SIGCONT)
            box.pty.read_until((commands(False, False) + b"\n") * 3)
            assert commands(True, True) not in box.pty.read(), "a process that comes back raises nothing"
    finally:
        box.end()
