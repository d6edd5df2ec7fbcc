"""main.py itself, charging over a wire with a second main.py as the other side, is killed: its guard does the rest."""
import os
import select
import shutil
import signal
import sys
from pathlib import Path

import pytest

from drivers.sim.lines import CONTACTORS, FIRST, NAME, STEADY, UNLOCK, Lines
from tests.guard.box import PATIENCE_S, ROOT, STARVED, TRIES
from tests.interop.network import Program, Wire

pytestmark = pytest.mark.real_time

CHARGE_S = 2 * PATIENCE_S


def box(end, role, folder):
    command = [sys.executable, "main.py", role, "--simulate-io", "--interface", end.interface, "--config", "tests/interop/assume_link.yaml"]
    return Program(end, command, folder / f"{role}.log", ROOT)


def charging(wire, folder):
    """Both boxes, with current; begun anew when the machine starved one of them."""
    for left in reversed(range(TRIES)):
        boxes = {role: box(getattr(wire, role), role, folder) for role in ("evse", "pev")}
        if boxes["pev"].wait_for_text("charging loop", CHARGE_S):
            return boxes
        for program in boxes.values():
            program.end()
        said = boxes["pev"].text() + boxes["evse"].text()
        assert left and STARVED in said, said


@pytest.mark.needs_netns
@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("ethtool"), reason="needs root, ip and ethtool")
@pytest.mark.parametrize("role", ["pev", "evse"])
def test_killed_while_charging(tmp_path, role):
    with Wire(pev_kernel_ipv6=False, evse_kernel_ipv6=False) as wire:
        boxes = charging(wire, tmp_path)
        killed = boxes[role]
        try:
            pid = killed.process.pid
            lines = Lines(next(os.open(f"/proc/{pid}/fd/{fd}", os.O_RDWR) for fd in os.listdir(f"/proc/{pid}/fd") if NAME in os.readlink(f"/proc/{pid}/fd/{fd}")))
            contactors = role == "pev"                # the simulated charger has none
            assert lines.level(FIRST) and lines.level(CONTACTORS) is contactors and lines.duty == (STEADY if role == "pev" else 5.0)
            unlocked_at = lines.changed_at(UNLOCK)
            guard = int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
            end = os.pidfd_open(guard)
            killed.process.send_signal(signal.SIGKILL)
            killed.process.wait()
            os.kill(guard, signal.SIGTERM)            # obeyed when the lines are safe
            assert select.select([end], (), (), PATIENCE_S)[0], killed.text()
            os.close(end)
            assert "outputs taken, " + ("state B" if contactors else "power off") in killed.text()
            assert lines.held and not any(lines.level(line) for line in (FIRST, CONTACTORS, UNLOCK)) and lines.duty == STEADY
            assert lines.changed_at(UNLOCK) == unlocked_at
            assert not contactors or lines.changed_at(FIRST) < lines.changed_at(CONTACTORS)
            lines.close()
        finally:
            for program in boxes.values():
                program.end()
