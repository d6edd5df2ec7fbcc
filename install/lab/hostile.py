"""What goes wrong around an installation: refused with a remedy and nothing changed; or the power goes in the middle of it, and a later run finishes it."""
from __future__ import annotations

import random
import shutil
from pathlib import Path

from machine import LabError, Machine, disk

NAMED = "./install/install.sh --yes --interface {interface} --mode pev --board raspberry_pi --can vcan0"
OFFLINE = " --offline /mnt/wheels"
REFUSED = 3                      # install.sh's exit code for what has to be mended first
CONFIG = Path(__file__).with_name("lab.yaml")
FILLER = "/root/filler"
LEFT_KB = 20_000
INSTALL_S = 65.0                 # of the board's clock: cuts fall into this stretch after the beginning
FINISH_S = 900.0                 # of this computer's clock
READY_S = 120.0                  # of the board's clock

# what is wrong, how it is made so, what install.sh is asked, a word that its answer must have, how it is undone
REFUSALS = (
    ("no network", "true", NAMED.format(interface="eth1"), "--offline DIR", "true"),
    ("full disk", f"fallocate -l $(( $(df -Pk / | awk 'NR == 2 {{ print $4 }}') - {LEFT_KB} ))K {FILLER}", NAMED.format(interface="eth1") + OFFLINE, "MB are needed", f"rm {FILLER}"),
    ("read-only /opt", "mount --bind /opt /opt && mount -o remount,ro,bind /opt", NAMED.format(interface="eth1") + OFFLINE, "remount,rw", "umount /opt"),
    ("no such interface", "true", NAMED.format(interface="eth7") + OFFLINE, "there is no network interface eth7", "true"),
    ("a folder without wheels", "mkdir /run/empty", NAMED.format(interface="eth1") + " --offline /run/empty", "make-offline.sh", "rmdir /run/empty"),
)


def refusals(machine: Machine, listing, report) -> None:
    """Each refused in words that say what to do, with nothing changed; the project's files lie at /mnt/tree."""
    before = listing(machine)
    for what, make, command, word, undo in REFUSALS:
        machine.must(make)
        try:
            code, said = machine.run(f"cd /mnt/tree && {command}")
        finally:
            machine.must(undo)
        after = listing(machine)
        good = code == REFUSED and word in said and "nothing was changed" in said and after == before
        report.say(good, f"refused: {what}", next((line.strip() for line in said.splitlines() if line.strip().startswith("1.")), "") if good
                   else f"exit code {code}, paths that differ: {sorted(set(after.splitlines()) ^ set(before.splitlines()))}\n{said}")
        before = after


def interrupted(image: Path, supply: Path, folder: Path, install: str, count: int, rng: random.Random, report) -> None:
    """A new board: the power goes `count` times while it is installed; then one run finishes it, and after a restart the box runs."""
    disk(image, folder)
    for n in range(count):
        with Machine(folder, supply) as machine:
            machine.ready()
            machine.must("mount -o ro /dev/vdb /mnt")
            machine.must(f"({install}) > /root/install.log 2>&1 < /dev/null &")
            machine.sleep(rng.uniform(2.0, INSTALL_S))
            step = machine.run("tail -n 1 /root/install.log")[1].strip()
            report.say(True, f"power cut {n + 1} of {count} in the installation", step)
            machine.cut()
    with Machine(folder, supply) as machine:
        machine.ready()
        machine.must("mount -o ro /dev/vdb /mnt")
        code, said = machine.run(install, FINISH_S)
        report.say(code in (0, 4), "one more run finishes it", f"exit code {code}" if code in (0, 4) else said[-2000:])
        code, said = machine.run(install, FINISH_S)
        report.say(code == 0 and "nothing was changed" in said, "and the run after it changes nothing", "" if code == 0 else said[-2000:])
        machine.put("/etc/ccsbox/config.yaml", CONFIG.read_bytes())
        machine.must("sync")
        machine.reboot()
        machine.ready()
        machine.until("systemctl is-active --quiet ccsbox || systemctl is-failed --quiet ccsbox", READY_S, "the service is not started after the restart")
        if machine.run("systemctl is-active --quiet ccsbox")[0] != 0:
            raise LabError(machine.run("journalctl -u ccsbox -b -o cat | tail -n 30")[1])
        report.say(True, "installed in spite of it: the service came up by itself")
    shutil.rmtree(folder)
