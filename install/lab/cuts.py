"""The power is cut at random moments of a charge: afterwards file system, configuration and last session are whole, and the box is ready again."""
from __future__ import annotations

import random
import shutil
import subprocess
import time
from pathlib import Path

from charge import BATTERY_V, frames
from machine import LabError, Machine
from street import Street

LONGEST_S = 60.0                 # from plugging in: SLAC, precharge and current lie within
READY_S = 180.0


def power_cuts(saved: Path, supply: Path, work: Path, count: int, rng: random.Random, report) -> None:
    """`count` cuts, each from the same saved state; figures: how many were survived."""
    good = 0
    for n in range(count):
        moment = rng.uniform(1.0, LONGEST_S)
        try:
            detail = one_cut(saved, supply, work / f"cut{n}", moment)
            good += 1
            report.say(True, f"cut {n + 1} of {count}", f"after {moment:.1f} s; {detail}")
        except LabError as error:
            report.say(False, f"cut {n + 1} of {count}", f"after {moment:.1f} s; {error}")
        shutil.rmtree(work / f"cut{n}", ignore_errors=True)
    report.figures["power cuts survived"] = f"{good} of {count}"


def one_cut(saved: Path, supply: Path, folder: Path, moment: float) -> str:
    shutil.copytree(saved, folder)
    with Machine(folder, supply, load="installed") as machine:
        street = Street(machine)
        machine.put("/run/lab/frames", frames().encode())
        street.begin()
        machine.must("touch /run/lab/plugged")
        end = machine.uptime() + moment
        precharged = False
        while machine.uptime() < end:
            said = street.said()
            if "PreCharge" in said and not precharged:
                precharged = True
                machine.put("/run/lab/volts", str(BATTERY_V).encode())
        machine.cut()
    check = subprocess.run(["qemu-img", "check", "-q", str(folder / "root.qcow2")], capture_output=True, text=True)
    with Machine(folder, supply) as machine:
        up = machine.ready()
        machine.until("systemctl is-active --quiet ccsbox", READY_S, "the box is not ready again")
        machine.must("mount -o ro /dev/vdb /mnt")
        code, out = machine.run("cmp /etc/ccsbox/config.yaml /mnt/tree/install/lab/lab.yaml && /opt/ccsbox/current/venv/bin/python "
                                "/mnt/tree/install/lab/guest/sessions-whole /var/lib/ccsbox/sessions")
        state = machine.must("dmesg | grep -c 'EXT4-fs error' || true").strip()
        if state != "0" or code != 0 or check.returncode not in (0, 3):
            raise LabError(f"file system errors {state}, configuration and sessions {code}: {out}; disk {check.stderr}")
    return f"{'; '.join(said.strip().splitlines()[-1:])[-60:].strip()}; up after {up:.0f} s; {out.strip()}"
