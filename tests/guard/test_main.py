"""main.py itself, charging over a wire with a second main.py as charger, is killed: its guard does the rest."""
import os
import select
import shutil
import signal
import sys
from pathlib import Path

import pytest

from drivers.sim.lines import CONTACTORS, NAME, PILOT_C, UNLOCK, Lines
from tests.guard.box import PATIENCE_S, ROOT
from tests.interop.network import Program, Wire

CHARGE_S = 2 * PATIENCE_S


def box(end, role, folder):
    command = [sys.executable, "main.py", role, "--simulate-io", "--interface", end.interface, "--config", "tests/interop/assume_link.yaml"]
    return Program(end, command, folder / f"{role}.log", ROOT)


@pytest.mark.needs_netns
@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("ethtool"), reason="needs root, ip and ethtool")
def test_killed_while_charging(tmp_path):
    with Wire(pev_kernel_ipv6=False, evse_kernel_ipv6=False) as wire:
        charger, car = box(wire.evse, "evse", tmp_path), box(wire.pev, "pev", tmp_path)
        try:
            assert car.wait_for_text("charging loop", CHARGE_S), car.text() + charger.text()
            fds = f"/proc/{car.process.pid}/fd"
            lines = Lines(next(os.open(f"{fds}/{fd}", os.O_RDWR) for fd in os.listdir(fds) if NAME in os.readlink(f"{fds}/{fd}")))
            assert lines.level(PILOT_C) and lines.level(CONTACTORS)
            unlocked_at = lines.changed_at(UNLOCK)
            guard = int(Path(f"/proc/{car.process.pid}/task/{car.process.pid}/children").read_text().split()[0])
            end = os.pidfd_open(guard)
            car.process.send_signal(signal.SIGKILL)
            car.process.wait()
            os.kill(guard, signal.SIGTERM)            # obeyed when the lines are safe
            assert select.select([end], (), (), PATIENCE_S)[0], car.text()
            os.close(end)
            assert "contactors open" in car.text()
            assert lines.held and not lines.level(PILOT_C) and not lines.level(CONTACTORS) and not lines.level(UNLOCK)
            assert lines.changed_at(PILOT_C) < lines.changed_at(CONTACTORS) and lines.changed_at(UNLOCK) == unlocked_at
            lines.close()
        finally:
            car.end()
            charger.end()
