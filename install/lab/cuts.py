"""The power is cut at random moments of starting and charging: afterwards file system, configuration and sessions are whole, and the box is ready again.

A lane is one board that lives on: each start looks at what the cuts before have left, and leads to the next one. So a disk carries the traces of all
cuts before. As many lanes as this computer has processors run side by side.
"""
from __future__ import annotations

import os
import random
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from charge import BATTERY_V, frames
from machine import LabError, Machine
from street import Street

LONGEST_S = 45.0                 # of the board's clock, from plugging in: the charger's start, SLAC, precharge and current lie within
IN_START = 0.5                   # this share of the cuts falls into the start of the system
READY_S = 120.0                  # of the board's clock
OFF_S = 600.0                    # of this computer's clock, with a board on each processor
KEPT_S = 2.0                     # what was recorded longer ago has to be there: the writer syncs each second
LOOK_EVERY_S = 1.0               # of the board's clock
CONFIGURATION = "cmp /etc/ccsbox/config.yaml /mnt/tree/install/lab/lab.yaml"
SESSIONS = "/opt/ccsbox/current/venv/bin/python /mnt/tree/install/lab/guest/sessions-whole /var/lib/ccsbox/sessions"
ERRORS = "dmesg | grep -c -e 'EXT4-fs error' -e 'I/O error' || true"
UNASKED = "grep -c 'contactors 1' /run/lab/moves || true"
FOLDERS = "cd /var/lib/ccsbox/sessions && ls -d -- *-pev"
STAGES = ("PreCharge", "AVLN formed", "SLAC_PARM")       # of the charger's words, the latest first


@dataclass
class Cut:
    """When, what went on, and the session that had been recorded for `KEPT_S` by then."""

    when: str
    doing: str
    session: str = ""

    def __str__(self) -> str:
        return f"{self.when}, {self.doing}"


def power_cuts(disk: Path, supply: Path, work: Path, count: int, seed: int, report) -> None:
    """`count` cuts; figures: how many were survived. `disk`: the folder of a board with the box installed."""
    lanes = max(1, min(os.cpu_count() or 1, count))
    boards = [Lane(disk, supply, work / f"cuts{n}", random.Random(f"{seed} {n}"), report) for n in range(lanes)]
    with ThreadPoolExecutor(lanes) as pool:
        told = [pool.submit(board.run, count // lanes + (n < count % lanes)) for n, board in enumerate(boards)]
    report.figures["power cuts survived"] = f"{sum(survived.result() for survived in told)} of {count}"


class Lane:
    """`run`: one board through its share of the cuts; how many it survived."""

    def __init__(self, disk: Path, supply: Path, folder: Path, rng: random.Random, report) -> None:
        self._disk, self._supply, self._folder, self._rng, self._report = disk, supply, folder, rng, report
        self._start_s = 20.0             # of this computer's clock: the last whole start

    def run(self, count: int) -> int:
        survived, left = 0, count
        self._new_disk()
        pending: list[Cut] = []          # since the last look
        while left or pending:
            try:
                with Machine(self._folder, self._supply) as machine:
                    if left and pending and self._rng.random() < IN_START:
                        pending.append(self._cut_in_start(machine))
                        left -= 1
                        continue
                    found = self._look(machine, pending)
                    for cut in pending:
                        self._report.say(True, f"{self._folder.name}: power cut {cut}", found)
                    survived, pending = survived + len(pending), []
                    if left:
                        pending.append(self._cut_in_charge(machine))
                        left -= 1
                    else:
                        self._leave(machine)
            except LabError as error:
                self._report.say(False, f"{self._folder.name}: power cut {'; '.join(map(str, pending)) or 'none yet'}", error)
                if not pending:
                    break                # not even a whole disk comes up
                pending = []
                self._new_disk()
        return survived

    def _new_disk(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        shutil.copytree(self._disk, self._folder, ignore=shutil.ignore_patterns("console.log"))

    def _cut_in_start(self, machine: Machine) -> Cut:
        after = self._rng.uniform(0.0, self._start_s)
        time.sleep(after)
        machine.cut()
        return Cut(f"{after / self._start_s:.0%} into the start", "the system came up")

    def _look(self, machine: Machine, pending: list[Cut]) -> str:
        """What is there after the cuts. LabError: something is not as it has to be."""
        up = machine.ready()
        self._start_s = time.monotonic() - machine.started
        machine.until("systemctl is-active --quiet ccsbox", READY_S, "the box is not ready again")
        machine.must("mount -o ro /dev/vdb /mnt")
        code, found = machine.run(f"{CONFIGURATION} && {SESSIONS}")
        errors, unasked = machine.must(ERRORS).strip(), machine.must(UNASKED).strip()
        if code != 0 or errors != "0":
            raise LabError(f"configuration or sessions: {found.strip()}; {errors} errors of the file system")
        if unasked != "0":
            raise LabError(f"the contactors' line rose {unasked} times while the board came up")
        lost = [cut.session for cut in pending if cut.session and cut.session not in found]
        if lost:
            raise LabError(f"session {', '.join(lost)} was recorded for more than {KEPT_S:g} s and is not there: {found.strip()}")
        return f"up after {up:.0f} s; {found.strip()}"

    def _cut_in_charge(self, machine: Machine) -> Cut:
        street = Street(machine)
        machine.put("/run/lab/frames", frames().encode())
        machine.must("touch /run/lab/plugged")
        street.begin()
        begun, moment = machine.clock, self._rng.uniform(1.0, LONGEST_S)
        before = set(machine.must(FOLDERS).split())
        stage, session, seen_at = "nothing said yet", "", 0.0
        while machine.clock < begun + moment:
            said = street.said()
            stage = next((words for words in STAGES if words in said), stage)
            if stage == "PreCharge":
                machine.put("/run/lab/volts", str(BATTERY_V).encode())
            if not session and (new := set(machine.must(FOLDERS).split()) - before):
                session, seen_at = new.pop(), machine.clock
            machine.sleep(LOOK_EVERY_S)
        machine.cut()
        return Cut(f"{moment:.0f} s after plugging in", stage, session if session and machine.clock - seen_at >= KEPT_S else "")

    def _leave(self, machine: Machine) -> None:
        """Switched off in order: nothing is left for a check of the file system to mend."""
        machine.power_off(OFF_S)
        raw = self._folder / "root.raw"
        subprocess.run(["qemu-img", "convert", "-q", "-O", "raw", str(self._folder / "root.qcow2"), str(raw)], check=True)
        done = subprocess.run(["e2fsck", "-fn", str(raw)], capture_output=True, text=True)
        self._report.say(done.returncode == 0, f"{self._folder.name}: the file system after all its cuts",
                         "nothing to mend" if done.returncode == 0 else done.stdout[-500:])
        shutil.rmtree(self._folder)
