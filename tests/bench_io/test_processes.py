"""The tool as a process: however it ends, its outputs fall; on the simulated board, and on a Dieter at a pty with its real guard."""
import os
import re
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from drivers.errors import DriverError
from drivers.serial_line.commands import DEVICES, DIETER
from tasks.config import Config
from tests.drivers.serial_line.wire import Pty
from tools.bench_io.bench import Bench, guards_at_work
from kernel.clock import MonotonicClock

pytestmark = pytest.mark.real_time

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 30.0            # for anything; a loaded machine is slow, not wrong
TAKEN = "outputs taken"


class Tool:
    """`python -m tools.bench_io ...` with a configuration of its own; a context manager that leaves no process behind."""

    def __init__(self, folder, settings, *words):
        self.interface = f"b{os.getpid()}{folder.name[-8:]}"
        config = folder / "config.yaml"
        config.write_text(f"interface: {self.interface}\nrealtime: false\n{settings}")
        self.process = subprocess.Popen([sys.executable, "-m", "tools.bench_io", *words, "--config", str(config)], cwd=ROOT,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.text = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        for pid in re.findall(rf"guard (\d+): .*{TAKEN}", self.text):
            os.kill(int(pid), signal.SIGTERM)
        self.until_silent()
        self.process.stdout.close()

    def _more(self):
        readable, _, _ = select.select([self.process.stdout], (), (), PATIENCE_S)
        assert readable, self.text
        data = os.read(self.process.stdout.fileno(), 4096)
        self.text += data.decode()
        return data

    def until(self, words):
        while words not in self.text:
            assert self._more(), f"{words!r} was not said: {self.text}"
        return self

    def until_silent(self):
        while self._more():
            continue


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_switches_off_and_the_guard_leaves_with_it(tmp_path, number):
    with Tool(tmp_path, "", "switch", "state_c", "--yes", "--for", "10") as tool:
        tool.until(" ON ").process.send_signal(number)
        tool.until("all outputs are off (commanded off").until_silent()
        assert tool.process.wait(PATIENCE_S) == 130 and TAKEN not in tool.text


def test_after_kill_9_the_guard_takes_the_outputs_and_the_next_bench_relieves_it(tmp_path):
    with Tool(tmp_path, "", "switch", "state_c", "--yes", "--for", "10") as tool:
        tool.until(" ON ").process.kill()
        tool.until("state B").until("the lock stays as it is")
        with Tool(tmp_path, "", "switch", "lock", "--yes", "--for", "0.1") as following:
            following.until("all outputs are off").until_silent()
        tool.until_silent()                          # the guard has left: it was the last that held the pipe
        tool.text = ""


DIETER_CAR = """\
board: dieter
charge_parameter_backend: fixed
vehicle_fixed: {{battery_voltage_v: 355, target_voltage_v: 390, max_voltage_v: 400, charge_permission: true}}
connection: {{require_pilot: false}}
safety: {{pev: {{voltage_sensor_fitted: true, current_sensor_fitted: false, temperature_sensor_fitted: false, contactor_feedback_fitted: false, stop_button: none}}}}
dieter: {{serial: {{port: {path}}}}}
"""


@pytest.fixture
def pty():
    pytest.importorskip("serial", reason="pyserial is not installed")
    made = Pty()
    yield made
    made.unplug()


@pytest.mark.parametrize("number, after", [(signal.SIGTERM, DEVICES[DIETER](False, False)), (signal.SIGKILL, b"\n" + DEVICES[DIETER](False, False))])
def test_a_dieter_hears_state_c_and_hears_its_end_however_the_tool_ends(tmp_path, pty, number, after):
    with Tool(tmp_path, DIETER_CAR.format(path=pty.path), "switch", "state_c", "--yes", "--for", "10") as tool:
        tool.until(" ON ")
        pty.read_until(DEVICES[DIETER](True, False))
        tool.process.send_signal(number)
        tool.until("all outputs are off" if number == signal.SIGTERM else TAKEN)
        pty.read_until(after)
        if number == signal.SIGKILL:
            pty.read_until(after)                    # repeated by the guard


def test_a_board_whose_guard_is_at_work_is_refused(tmp_path, pty):
    settings = DIETER_CAR.format(path=pty.path)
    with Tool(tmp_path, settings, "switch", "state_c", "--yes", "--for", "10") as tool:
        tool.until(" ON ")
        assert [name for _, name in guards_at_work(tool.interface)] == [f"pev-{tool.interface}"]
        with Tool(tmp_path, settings, "inputs") as other:
            other.until("at work on this board").until_silent()
            assert other.process.wait(PATIENCE_S) == 3
        with pytest.raises(DriverError, match="Stop it first"):
            Bench(Config(mode="evse", board="raspberry_pi", interface=tool.interface), MonotonicClock())
        tool.process.send_signal(signal.SIGTERM)
        tool.until("all outputs are off").until_silent()
    assert guards_at_work(tool.interface) == []


@pytest.mark.parametrize("words, found", [(["python", "-S", "-c", "from tools.appliance.guard_process import main", "/root", "5,0=v2:6:0", "9", "pev-eth1", "pev"], True),
                                          (["python", "-S", "-c", "from tools.appliance.guard_process import main", "/root", "serial:5", "9", "pev-eth1"], True),
                                          (["python", "-S", "-c", "from tools.appliance.guard_process import main", "/root", "5", "9", "pev-eth1", "pev"], False),
                                          (["vi", "tools/appliance/guard_process.py"], False), ([], False)])
def test_a_guard_of_real_outputs_is_known_by_its_command_line(tmp_path, words, found):
    (tmp_path / "4711").mkdir()
    (tmp_path / "4711" / "cmdline").write_bytes("".join(word + "\0" for word in words).encode())
    (tmp_path / "4712").mkdir()
    (tmp_path / "self").mkdir()
    assert guards_at_work("eth1", str(tmp_path)) == ([(4711, "pev-eth1")] if found else []) and guards_at_work("eth2", str(tmp_path)) == []
