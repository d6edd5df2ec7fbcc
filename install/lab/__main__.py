"""Installs the box on an emulated board, reboots it, lets it charge, cuts its power, upgrades and uninstalls it: `python install/lab`, by run.sh."""
from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

from charge import Charge  # noqa: E402
from cuts import power_cuts  # noqa: E402
from hostile import interrupted, refusals  # noqa: E402
from machine import LabError, Machine, disk, supplies  # noqa: E402
from not_started import not_started  # noqa: E402
from raspberry import Firmware  # noqa: E402
from read_only import read_only_root  # noqa: E402
from rest import rest  # noqa: E402
from street import Street  # noqa: E402
from systems import PROCESSORS, RELEASES, System  # noqa: E402

INSTALL = "cd /mnt/{tree} && ./install/install.sh --yes --offline /mnt/wheels --interface eth1 --mode pev --board raspberry_pi --can vcan0"
MOUNT = "mount -o ro /dev/vdb /mnt"
TIMELINE = "journalctl -u ccsbox -b -o cat | grep -A 10 'boot timeline (since'"
STARTED = (TIMELINE, "systemd-analyze time", "systemd-analyze critical-chain ccsbox.service --no-pager | tail -n +4")
OFF_S = 600.0                    # of this computer's clock
READY_S = 120.0                  # of the board's clock
SERVICE = "systemctl is-active --quiet ccsbox"


class Report:
    """Lines for a person, and what they add up to."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.failed = 0
        self.figures: dict[str, object] = {}

    def say(self, good: bool, what: str, detail: object = "") -> None:
        self.failed += not good
        print(f"{'ok  ' if good else 'FAIL'} {time.monotonic() - self.began:6.1f} s  {what}{f': {detail}' if detail != '' else ''}", flush=True)


def tree_of(commit: str, folder: Path) -> Path:
    """The project's own files as they stand (commit empty), or as they were."""
    if commit:
        folder.mkdir(parents=True)
        archive = subprocess.run(["git", "-C", str(ROOT), "archive", commit], check=True, capture_output=True).stdout
        subprocess.run(["tar", "-x", "-C", str(folder)], input=archive, check=True)
        return folder
    names = subprocess.run(["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"], check=True, capture_output=True, text=True).stdout.splitlines()
    for name in names:
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def install(machine: Machine, tree: str, report: Report, what: str) -> None:
    began = machine.clock
    code, out = machine.run(INSTALL.format(tree=tree), 900)
    took = machine.clock - began
    report.figures[f"{what}, s of the board's clock"] = round(took, 1)
    report.say(code in (0, 4), what, f"exit code {code}, {took:.0f} s of its own time" + ("" if code in (0, 4) else "\n" + out[-3000:]))
    if code not in (0, 4):
        raise LabError("not installed")


def listing(machine: Machine) -> str:
    """Every path of the board but what runs, with what is volatile left out."""
    return machine.must("find / -xdev \\( -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /var/log -o -path /root -o -path /var/tmp "
                        "-o -path /var/lib/systemd -o -path /var/lib/NetworkManager -o -path /etc/resolv.conf -o -path /var/cache -o -path '*/__pycache__' -o -path /usr/local/lib/lab \\) -prune -o -print | sort")


def board(args: argparse.Namespace, image: Path, work: Path, wheels: Path, report: Report) -> None:
    """The whole life of one board, but the power cuts."""
    goods = work / "supplies"
    tree_of("", goods / "tree")
    shutil.copytree(wheels, goods / "wheels")
    if args.upgrade_from:
        tree_of(args.upgrade_from, goods / "earlier")
    report.figures["package bytes"] = {name: sum(path.stat().st_size for path in (goods / name).rglob("*") if path.is_file()) for name in ("tree", "wheels")}
    supply = supplies(goods, work / "supplies.ext4")
    disk(image, work / "board")
    with Machine(work / "board", supply, patient=True) as machine:
        report.say(True, "the board is up", f"{machine.ready():.0f} s of its own time")
        before = listing(machine)
        firmware = Firmware(machine, report) if args.raspberry else None
        machine.must(MOUNT)
        refusals(machine, listing, report)
        if args.upgrade_from:
            install(machine, "earlier", report, f"install of {args.upgrade_from}")
            machine.put("/etc/ccsbox/config.yaml", (HERE / "lab.yaml").read_bytes())
        install(machine, "tree", report, "upgrade" if args.upgrade_from else "install")
        if args.upgrade_from:
            report.say(machine.get("/etc/ccsbox/config.yaml") == (HERE / "lab.yaml").read_bytes(), "the upgrade kept the configuration")
        report.figures["installed MiB"] = float(machine.must("du -sm /opt/ccsbox | cut -f 1"))
        machine.put("/etc/ccsbox/config.yaml", (HERE / "lab.yaml").read_bytes())
        code, out = machine.run(INSTALL.format(tree="tree"), 600)
        report.say(code == 0 and "nothing was changed" in out, "a second run changes nothing", "" if "nothing was changed" in out else out[-800:])
        machine.must("sync")
        machine.reboot()
        report.say(True, "rebooted, up again", f"{machine.ready():.0f} s of its own time")
        comes_up(machine, report)
        if firmware:
            firmware.installed(machine)
        machine.power_off(OFF_S)
    with Machine(work / "board", supply) as machine:
        machine.ready()
        machine.until(SERVICE, READY_S, "the service comes up by itself")
        machine.must(MOUNT)
        rest(machine, report)
        not_started(machine, report, work)
        street = Street(machine)
        charge = Charge(machine, street, report, work)
        charge.begin()
        charge.look()
        charge.unplug()
        score = machine.run("systemd-analyze security ccsbox --no-pager | tail -n 1")[1].strip()
        report.say(True, "systemd-analyze security", score)
        charge.begin()
        charge.stop()
        machine.until(SERVICE, READY_S, "the service comes up again")
        machine.copy(work / "installed")
        code, out = machine.run("cd /mnt/tree && ./install/install.sh --yes --uninstall --purge; code=$?; cd /; umount /mnt; exit $code", 300)
        after = listing(machine)
        extra = sorted(set(after.splitlines()) ^ set(before.splitlines()))
        report.say(code == 0 and not extra, "uninstalled, nothing left", f"exit code {code}, {len(extra)} paths differ" + "".join("\n        " + line for line in extra[:20]))
        if firmware:
            firmware.uninstalled(machine)


def comes_up(machine: Machine, report: Report) -> None:
    """After a restart: by itself, and what took how long."""
    machine.until(SERVICE, READY_S, "the service comes up by itself")
    ready = int(machine.must("systemctl show ccsbox -p ActiveEnterTimestampMonotonic --value")) / 1e6
    report.figures["service ready, s after the kernel's start"] = round(ready, 1)
    report.say(True, "the service came up by itself", f"ready {ready:.1f} s after the kernel's start")
    machine.until(TIMELINE, READY_S, "the boot timeline in the journal")
    for command in STARTED:
        for line in machine.run(command)[1].splitlines():
            print("       ", line)


def main() -> int:
    parser = argparse.ArgumentParser(prog="install/lab/run.sh", description=__doc__)
    parser.add_argument("--cache", type=Path, required=True, help="folder for images and wheels that are kept")
    parser.add_argument("--arch", choices=PROCESSORS, default="amd64", help="the processor of the board's programs, as Debian calls it (default: %(default)s)")
    parser.add_argument("--suite", choices=RELEASES, default="bookworm", help="the board's Debian (default: %(default)s)")
    parser.add_argument("--raspberry", action="store_true", help="with what Raspberry Pi OS adds to it; its 32-bit programs run under a 64-bit kernel")
    parser.add_argument("--cuts", type=int, default=0, metavar="N", help="cut the power N times at random moments")
    parser.add_argument("--interrupt", type=int, default=0, metavar="N", help="cut the power N times in the middle of an installation")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--upgrade-from", metavar="COMMIT", default="", help="install this commit first, then upgrade to the files as they stand")
    parser.add_argument("--keep", action="store_true", help="leave the working folder for a look")
    args = parser.parse_args()
    system = System(args.arch, args.suite, args.raspberry)
    report, image, work = Report(), args.cache / f"image-{system.name}", args.cache / f"work-{system.name}"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    wheels = args.cache / f"wheels-{system.wheels}"
    try:
        board(args, image, work, wheels, report)
        read_only_root(work / "installed", work / "supplies.ext4", work / "read-only", report)
        if args.interrupt:
            interrupted(image, work / "supplies.ext4", work / "interrupted", INSTALL.format(tree="tree"), args.interrupt, random.Random(args.seed), report)
        if args.cuts:
            power_cuts(work / "installed", work / "supplies.ext4", work, args.cuts, args.seed, report)
    except LabError as error:
        report.say(False, "the lab", error)
    finally:
        if not args.keep:
            for folder in work.glob("cuts*"):
                shutil.rmtree(folder)
    print(json.dumps(report.figures, indent=1))
    print(f"{'all well' if not report.failed else f'{report.failed} failed'}, {time.monotonic() - report.began:.0f} s; pictures and logs: {work}")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
