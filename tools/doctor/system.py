"""The computer below: clock, disk, temperature, supply, real-time rights, service."""
from __future__ import annotations

import errno
import os
import time
from pathlib import PurePosixPath
from typing import Any, Iterator

from tools.doctor.findings import Finding, fail, ok, warn
from tools.doctor.running import UNIT, unit_state

EARLIEST_YEAR, LATEST_YEAR = 2025, 2069          # before the first release; GPS and X.509 two-digit years end at 2049 and 2079
DATA = "/var/lib/ccsbox"
MIB = 1 << 20
NO_ROOM, LITTLE_ROOM = 50 * MIB, 500 * MIB       # a session leaves 1 to 30 MiB
FEW_INODES = 1000
WARM_C, HOT_C = 75.0, 85.0                       # a Raspberry Pi throttles from 80 on, hard from 85 (its documentation, "Frequency management and thermal control")
UNDERVOLTAGE, WAS_UNDERVOLTAGE = 1 << 0, 1 << 16         # vcgencmd get_throttled (Raspberry Pi documentation)
THROTTLED = 1 << 1 | 1 << 2 | 1 << 3
SUPPLY = "Below 4.63 V: a supply of 3 A and more with a short, thick cable; in a car a converter for cars."
JOURNAL = "journalctl -u ccsbox -b -n 50 says why."


def clock(patient: Any) -> Iterator[Finding]:
    """Sessions are dated by it; nothing else depends on it."""
    machine = patient.machine
    at = machine.seconds()
    year = time.gmtime(at).tm_year
    stamp = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at))
    rtc = machine.path("/sys/class/rtc/rtc0").exists()
    if not EARLIEST_YEAR <= year <= LATEST_YEAR:
        yield warn("clock", f"{stamp} cannot be",
                   "Connect it to a network for a while (NTP), or fit a clock with a battery; charging works, dates in files are wrong.")
    elif synchronised(machine, ask=not patient.at_start):
        yield ok("clock", f"{stamp}, synchronised")
    elif rtc:
        yield ok("clock", f"{stamp}, from a clock with a battery, not synchronised since the start")
    elif patient.at_start:
        yield ok("clock", f"{stamp}, that of the last shutdown until a network tells the time")
    else:
        yield warn("clock", f"{stamp}, not synchronised, and there is no clock with a battery",
                   "Dates in files are those of the last shutdown; harmless for charging.")


def synchronised(machine: Any, ask: bool) -> bool:
    """By systemd-timesyncd's file, else, with `ask`, by whatever timedatectl knows. adjtimex is not asked: a hardened service is killed for it.

    timedatectl starts a service with folders of its own under /tmp and /var/tmp: a box that starts writes nothing to its card for that.
    """
    if machine.path("/run/systemd/timesync/synchronized").exists():
        return True
    if not ask:
        return False
    answer = machine.command(["timedatectl", "show", "--property=NTPSynchronized", "--value"])
    return answer is not None and answer[0] == 0 and answer[1].strip() == "yes"


def folders(config: Any, machine: Any) -> list[str]:
    """Where this box writes: the service's data folder where it is, and what the settings name."""
    found = [DATA] if machine.path(DATA).is_dir() else []
    named = [config.peer_log.file, config.bridge.learned_file if config.mode == "bridge" else "", config.listen.secc_log if config.mode == "listen" else ""]
    found += [str(PurePosixPath(file).parent) for file in named if file]
    sessions = getattr(getattr(config, "sessions", None), "folder", "")
    return list(dict.fromkeys(found + ([sessions] if sessions else [])))


def disk(patient: Any) -> Iterator[Finding]:
    """Room, inodes, writable, in each data folder."""
    machine = patient.machine
    wanted = folders(patient.config, machine)
    if not wanted:
        yield ok("disk", f"nothing is written: no {DATA}, no folder in the settings")
    for folder in wanted:
        path = str(machine.path(folder))
        try:
            space = machine.statvfs(path)
        except OSError as error:
            yield fail("disk", f"{folder}: {error.strerror or error}", f"Make it (mkdir -p {folder}), or run install.sh again.", "data folder")
            continue
        free = space.f_bavail * space.f_frsize
        refused = machine.try_file(path)
        if space.f_flag & os.ST_RDONLY or refused is not None and refused.errno == errno.EROFS:
            yield fail("disk", f"{folder} is on a read-only file system",
                       "A file system with errors is mounted so (dmesg, fsck); with a read-only root put the folder on a partition of its own.",
                       "disk is read-only")
        elif refused is not None and refused.errno in (errno.EACCES, errno.EPERM):
            yield warn("disk", f"{folder}: this user may not write there",
                       "Run it as root (sudo ccsbox doctor); the service's own user must own it: chown -R ccsbox: " + folder + ".")
        elif free < NO_ROOM or refused is not None:
            yield fail("disk", f"{folder} has {free // MIB} MiB left" + (f" ({refused.strerror})" if refused is not None else ""),
                       "Delete old sessions there, or lower the limits in the settings.",
                       "disk is full")
        elif space.f_files and space.f_favail < FEW_INODES:
            yield fail("disk", f"{folder} has {space.f_favail} inodes left", "Too many small files: delete old ones.", "disk: no inodes")
        elif free < LITTLE_ROOM:
            yield warn("disk", f"{folder} has {free // MIB} MiB left", "Delete old sessions there before it is full.")
        else:
            yield ok("disk", f"{folder}: {free // MIB} MiB free, writable")


def temperature(patient: Any) -> Iterator[Finding]:
    """The hottest zone of the processor."""
    machine = patient.machine
    read = [machine.number(zone / "temp") for zone in machine.path("/sys/class/thermal").glob("thermal_zone*")]
    known = [value / 1000 for value in read if value is not None]
    if not known:
        yield ok("temperature", "no sensor")
    elif max(known) >= HOT_C:
        yield fail("temperature", f"{max(known):.0f} C: the processor slows down", "Shade, air, a heat sink.", f"box: {max(known):.0f} C")
    elif max(known) >= WARM_C:
        yield warn("temperature", f"{max(known):.0f} C", f"It slows down from 80 to {HOT_C:g} C on: shade, air, a heat sink.")
    else:
        yield ok("temperature", f"{max(known):.0f} C")


def undervoltage(patient: Any) -> Iterator[Finding]:
    """A Raspberry Pi tells when its 5 V are too low: that spoils SD cards and USB adapters."""
    machine = patient.machine
    alarm = next((machine.number(h / "in0_lcrit_alarm") for h in machine.path("/sys/class/hwmon").glob("hwmon*") if machine.text(h / "name") == "rpi_volt"),
                 None)
    word = throttled(machine)
    if alarm == 1 or word is not None and word & UNDERVOLTAGE:
        yield fail("supply", "undervoltage now", SUPPLY, "undervoltage")
    elif word is not None and word & WAS_UNDERVOLTAGE:
        yield warn("supply", "undervoltage since the start, not now", SUPPLY)
    elif word is not None and word & THROTTLED:
        yield warn("supply", f"the processor is slowed down (get_throttled 0x{word:x})", "Temperature or supply: see vcgencmd get_throttled.")
    elif alarm is None and word is None:
        yield ok("supply", "this board does not tell")
    else:
        yield ok("supply", "no undervoltage" + ("" if word is None else " since the start"))


def throttled(machine: Any) -> int | None:
    """`throttled=0x50005`."""
    answer = machine.command(["vcgencmd", "get_throttled"]) if machine.path("/dev/vcio").exists() else None
    if answer is None or answer[0] != 0:
        return None
    try:
        return int(answer[1].strip().partition("=")[2], 16)
    except ValueError:
        return None


def realtime(patient: Any) -> Iterator[Finding]:
    """What the running box has, or what this user would be granted, tried in a child."""
    running = patient.running
    if not patient.config.realtime:
        yield ok("real time", "not wanted: realtime = false")
        return
    if running is not None:
        yield _of_running(patient.machine, running)
        return
    refused = [(asked, detail) for asked, granted, detail in patient.machine.try_realtime() if not granted]
    if not refused:
        yield ok("real time", "priority and locked memory are granted")
        return
    yield warn("real time", "; ".join(f"{asked}: refused ({detail})" for asked, detail in refused),
               "The service has LimitRTPRIO=41 and LimitMEMLOCK=infinity; by hand run it as root. It charges without, with later ticks.")


def _of_running(machine: Any, running: Any) -> Finding:
    """Scheduling class and locked memory of the main process."""
    if running.pid is None:
        return ok("real time", "only the guard of an earlier run is there")
    try:
        policy = machine.scheduler(running.pid) & ~os.SCHED_RESET_ON_FORK
    except OSError as error:
        return warn("real time", f"the running box's process {running.pid} cannot be looked at ({error.strerror})",
                    "Run the examination as root: sudo ccsbox doctor.")
    locked = next((line.split()[1] for line in (machine.text(f"/proc/{running.pid}/status") or "").splitlines() if line.startswith("VmLck:")), None)
    if policy != os.SCHED_FIFO or locked in (None, "0"):
        if _is_starting(machine, running.pid):
            return ok("real time", f"the box is starting (process {running.pid}): it asks for its rights as the last step, what it has is not known yet")
        wants = [] if policy == os.SCHED_FIFO else ["SCHED_FIFO"]
        wants += ["locked memory"] if locked in (None, "0") else []
        return warn("real time", f"the running box has no {' and no '.join(wants)}",
                    "LimitRTPRIO=41 and LimitMEMLOCK=infinity in its service; its journal names the reason.")
    return ok("real time", f"the running box has SCHED_FIFO and {int(locked) // 1024} MiB locked")


def _is_starting(machine: Any, pid: int) -> bool:
    """The service manager still waits for its word that it runs, which comes after the rights (main.py)."""
    state = unit_state(machine)
    return state.get("ActiveState") == "activating" and state.get("MainPID") == str(pid)


def service(patient: Any) -> Iterator[Finding]:
    """What the service manager says."""
    state = unit_state(patient.machine)
    if not state:
        yield ok("service", "no systemd here" if not patient.machine.path("/run/systemd/system").is_dir() else "systemd does not answer this user")
        return
    if state.get("LoadState") == "not-found":
        yield ok("service", f"{UNIT} is not installed: started by hand")
        return
    active, restarts = state.get("ActiveState", "unknown"), int(state.get("NRestarts") or 0)
    if active == "failed" or state.get("Result") not in ("success", "", None) and active != "active":
        yield fail("service", f"{UNIT} has failed ({state.get('Result')})", f"{JOURNAL} Then: systemctl restart ccsbox.", "service failed")
    elif active in ("active", "activating", "reloading"):
        yield ok("service", f"{UNIT}: {active}") if not restarts else warn("service", f"{UNIT}: {active}, restarted {restarts} times", JOURNAL)
    else:
        yield warn("service", f"{UNIT} is {active}", "systemctl start ccsbox.")
    if state.get("UnitFileState") not in ("enabled", "enabled-runtime", "static"):
        yield warn("service", f"{UNIT} does not start by itself ({state.get('UnitFileState') or 'unknown'})", "systemctl enable ccsbox.")
