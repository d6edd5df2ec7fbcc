"""A board whose root file system is read-only (overlayroot, as raspi-config makes it): the box comes up, charges, and the card is not written."""
from __future__ import annotations

import shutil
from pathlib import Path

from charge import Charge
from machine import Machine
from rest import sectors_written, settle
from street import Street

READY_S = 120.0                  # of the board's clock
REFUSED = 3
KERNEL = "overlayroot=tmpfs:recurse=0"
ASKED = "cd /mnt/tree && ./install/install.sh --yes --offline /mnt/wheels --interface eth1 --mode pev --board raspberry_pi --can vcan0"


def read_only_root(installed: Path, supply: Path, folder: Path, report) -> None:
    """`installed`: the folder of a board with the box installed."""
    shutil.copytree(installed, folder, ignore=shutil.ignore_patterns("console.log"))
    with Machine(folder, supply, words=KERNEL) as machine:
        machine.ready()
        machine.until("systemctl is-active --quiet ccsbox", READY_S, "the service comes up with a read-only root")
        kind = machine.must("findmnt -n -o FSTYPE /").strip()
        report.say(kind == "overlay", "read-only root: the service came up", f"/ is {kind}")
        settle(machine)
        at_start = sectors_written(machine)          # what Linux mended of a disk that was not switched off in order
        machine.must("mount -o ro /dev/vdb /mnt")
        code, said = machine.run(ASKED)
        report.say(code == REFUSED and "overlay in memory" in said, "read-only root: an installation is refused", next(
            (line.strip() for line in said.splitlines() if "overlay" in line), said[-500:]))
        charge = Charge(machine, Street(machine), report, folder)
        charge.begin()
        charge.stop()
        written = (sectors_written(machine) - at_start) * 512
        report.say(written == 0, "read-only root: nothing was written to the card by all this", f"{written} octets")
    shutil.rmtree(folder)
