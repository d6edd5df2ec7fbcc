"""`main.py pev --config FILE` with a board at a serial port, as a user types it: the real program, its guard, a pty, a charger over a wire."""
import os
import select
import shutil
import signal
import sys
from pathlib import Path

import pytest

from drivers.serial_line.commands import CELERON55, DEVICES, DIETER
from drivers.sim.serial_devices import SimCeleron55, SimDieter
from tests.boards_whole import files
from tests.boards_whole.real_time import Beside
from tests.guard.box import PATIENCE_S, ROOT, STARVED, TRIES
from tests.interop.network import Program, Wire

pytest.importorskip("serial", reason="pyserial is not installed")
pytestmark = [pytest.mark.real_time, pytest.mark.needs_netns, pytest.mark.slow,
              pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("ethtool"), reason="needs root, ip and ethtool")]

BATTERY_V = 350.0
BOARDS = {"dieter": (SimDieter, files.DIETER, DEVICES[DIETER]), "celeron55": (SimCeleron55, files.CELERON55, DEVICES[CELERON55])}


class Scene:
    """A charger's box and a car's over a wire, and the car's device at its pty. A context manager."""

    def __init__(self, folder: Path, board: str) -> None:
        self.device, self.text, self.commands = BOARDS[board]
        self.folder, self.wire = folder, Wire(pev_kernel_ipv6=False, evse_kernel_ipv6=False)
        self.config = folder / "pev.yaml"
        self.programs: list[Program] = []
        self.begin()

    def begin(self) -> None:
        """A device that nobody has spoken to."""
        self.beside = Beside(self.device)
        self.config.write_text(self.text.format(port=self.beside.pty.path))

    def end(self) -> None:
        for program in self.programs:
            program.end()
        self.beside.close()

    def __enter__(self) -> "Scene":
        self.wire.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        self.wire.__exit__()

    def start(self, role: str, *words: str) -> Program:
        end = getattr(self.wire, role)
        command = [sys.executable, "main.py", role, "--interface", end.interface, *words]
        self.programs.append(Program(end, command, self.folder / f"{role}{len(self.programs)}.log", ROOT))
        return self.programs[-1]

    def car(self) -> Program:
        return self.start("pev", "--config", str(self.config))

    def charger(self) -> Program:
        return self.start("evse", "--simulate-io", "--config", "tests/interop/emulated.yaml")

    def until(self, program: Program, words: str) -> None:
        """The device lives on meanwhile."""
        self.beside.until(lambda: words in program.text() or program.poll() is not None, 2 * PATIENCE_S)
        assert words in program.text(), f"{words!r} was not said:\n{program.text()}"

    def until_heard(self, octets: bytes) -> bytes:
        """What the device hears from now on until it hears these; they included."""
        begin = len(self.beside.heard)
        assert self.beside.until(lambda: octets in self.beside.heard[begin:], PATIENCE_S), self.beside.heard[-200:]
        return self.beside.heard[begin:]

    def charging(self) -> Program:
        """Current flows; the device heard both commands."""
        for _ in range(TRIES - 1):
            try:
                return self._charging()
            except AssertionError:
                if not any(STARVED in program.text() for program in self.programs):
                    raise
            self.end()
            self.begin()
        return self._charging()

    def _charging(self) -> Program:
        self.charger()
        car = self.car()
        plant = self.beside.plant
        if self.beside.device.__class__ is SimCeleron55:
            self.until(car, "stands by")
            plant.pilot.duty = 5.0
            plant.pilot.update()
        self.until(car, "-> PreCharge")
        volts = BATTERY_V if self.beside.device.__class__ is SimDieter else plant.battery.ocv()
        self.beside.stage(volts, 2.0)
        self.until(car, "charging loop")
        assert plant.pilot.state_c and plant.car_contactors.commanded
        return car


@pytest.fixture(params=BOARDS)
def scene(request, tmp_path):
    with Scene(tmp_path, request.param) as made:
        yield made


def guard_of(program: Program) -> int:
    """Its process."""
    pid = program.process.pid
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def test_killed_while_charging_and_started_again(scene):
    """The guard alone says state B, then open; the next start gets port and lines."""
    car = scene.charging()
    beside, commands = scene.beside, scene.commands
    guard = guard_of(car)
    begin = len(beside.heard)
    car.process.send_signal(signal.SIGKILL)
    car.process.wait()
    scene.until_heard(b"\n" + commands(False, False))
    said = beside.heard[begin:]
    first, opened = said.index(b"\n" + commands(False, True)), said.index(b"\n" + commands(False, False))
    assert first < opened, "state B before the contactors"
    assert commands(True, True) not in said[first:] and commands(True, False) not in said[first:]
    assert said[first:opened].count(commands(False, True)) > 10, "repeated while the current dies away"
    assert "outputs taken, state B" in car.text() and "contactors open" in car.text()
    assert not beside.plant.pilot.state_c and not beside.plant.car_contactors.commanded
    end = os.pidfd_open(guard)
    again = scene.car()
    scene.until(again, "stands by")
    assert select.select([end], (), (), PATIENCE_S)[0], "the guard of the killed program leaves when it is asked for its lines"
    os.close(end)
    scene.until_heard(commands(False, False))
    assert again.poll() is None


def test_sigterm_ends_it_in_order(scene):
    car = scene.charging()
    beside, commands = scene.beside, scene.commands
    begin = len(beside.heard)
    car.process.send_signal(signal.SIGTERM)
    scene.until(car, "PowerDeliveryRes(stop) received")
    beside.stage(0.0, 0.0)
    assert beside.until(lambda: car.poll() is not None, PATIENCE_S), car.text()
    assert car.process.returncode == 0, car.text()
    beside.turn()
    said = beside.heard[begin:]
    assert said.index(commands(False, True)) < said.index(commands(False, False))
    assert not beside.plant.pilot.state_c and not beside.plant.car_contactors.commanded and "outputs taken" not in car.text()


def test_stopped_while_charging(scene):
    """SIGSTOP: silence ends at the guard; the program that comes back raises nothing and leaves."""
    car = scene.charging()
    beside, commands = scene.beside, scene.commands
    car.process.send_signal(signal.SIGSTOP)
    scene.until_heard(b"\n" + commands(False, False))
    begin = len(beside.heard)
    car.process.send_signal(signal.SIGCONT)
    assert beside.until(lambda: car.poll() is not None, PATIENCE_S), car.text()
    assert car.process.returncode == 1 and "no sign of life" in car.text()
    said = beside.heard[begin:]
    assert commands(True, True) not in said and commands(True, False) not in said


def test_without_its_device_it_waits_and_says_so(scene):
    """A port that does not exist yet is no reason not to start."""
    path = scene.beside.pty.path
    scene.config.write_text(scene.config.read_text().replace(path, "/dev/not-yet-plugged-in"))
    car = scene.car()
    scene.until(car, ": unplugged. /dev/not-yet-plugged-in is not there")
    scene.until(car, "stands by")
    assert car.poll() is None
