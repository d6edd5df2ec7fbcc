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

pytestmark = pytest.mark.real_time

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


CASES = {(how, device, inherit): (number, which, inherit == "inherited")
         for how, number in (("killed", signal.SIGKILL), ("stopped", signal.SIGSTOP)) for device, which in (("dieter", DIETER), ("celeron55", CELERON55))
         for inherit in ("inherited", "by path")}


@pytest.fixture(scope="module")
def boxes():
    """All of them at once, because most of their time is waiting; what is judged is order and outcome, not time."""
    started = {}
    try:
        for case, (_, device, inherit) in CASES.items():
            started[case] = Box(device, inherit)
        for box in started.values():
            box.until_said("closed")
            box.pty.read_until(box.device(True, True))
        for case, (number, _, _) in CASES.items():
            started[case].process.send_signal(number)
        yield started
    finally:
        for box in started.values():
            box.end()


@pytest.mark.parametrize("case", CASES, ids=" ".join)
def test_state_b_then_open(boxes, case):
    box = boxes[case]
    commands, safe = box.device, b"\n" + box.device(False, False)
    box.until_said("contactors open")
    heard = box.pty.read_until(safe)
    first, opened = heard.index(b"\n" + commands(False, True)), heard.index(safe)
    assert first < opened, "state B before the contactors"
    assert commands(True, True) not in heard[first:] and commands(True, False) not in heard[first:]
    assert heard[first:opened].count(commands(False, True)) > 10, "repeated while the current dies away"
    assert (box.lines.changed_at(CONTACTORS) - box.lines.changed_at(FIRST)) / 1e6 >= BOUND_MS and box.lines.held
    box.pty.read_until(safe * 2)
    if CASES[case][0] == signal.SIGSTOP:
        box.process.send_signal(signal.SIGCONT)
        assert commands(True, True) not in box.pty.read_until(safe * 3), "a process that comes back raises nothing"
