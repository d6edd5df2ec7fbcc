"""What the installed box costs while nothing happens: processor, memory, and what it writes to the disk."""
from __future__ import annotations

import re

from machine import Machine

QUIET_S = 45.0                   # of the board's clock: nothing written for so long, and nothing waits any more (ext4 commits every 5 s, what is in its journal is written back after 30 s and more)
LONGEST_S = 360.0                # what the start of the system itself still does is over (systemd's clearing of /tmp, NetworkManager): who writes then is measured
REST_S = 60.0
USAGE = "cat /proc/uptime /sys/fs/cgroup/system.slice/ccsbox.service/cpu.stat"
STAT = "cat /sys/block/vda/stat"
SECTORS = 6                      # field 7 of it: sectors of 512 octets written (kernel, Documentation/block/stat.rst)
PROCESSES = "for pid in $(cat /sys/fs/cgroup/system.slice/ccsbox.service/cgroup.procs); do grep -e VmRSS /proc/$pid/status; tr '\\0' ' ' < /proc/$pid/cmdline; echo; done"


def rest(machine: Machine, report) -> None:
    """Plug out, service running: figures of `REST_S` of the board's own time."""
    settle(machine)
    machine.must("touch /run/lab/rest")
    cpu, at, sectors = _sample(machine)
    machine.sleep(REST_S)
    cpu_after, after, sectors_after = _sample(machine)
    share = (cpu_after - cpu) / (after - at)
    report.figures["processor at rest"] = f"{share:.1%} of one of 1000 million instructions a second"
    sizes = {_name(command): int(size) for size, command in re.findall(r"VmRSS:\s+(\d+) kB\n(.*)\n", machine.must(PROCESSES))}
    report.figures["resident kB"] = sizes
    report.say(bool(sizes), "at rest", f"{share:.1%} of the processor, resident {', '.join(f'{name} {size / 1024:.1f} MB' for name, size in sizes.items())}")
    report.figures["octets written to the disk in a minute of rest"] = (sectors_after - sectors) * 512
    written = (sectors_after - sectors) * 512
    why = "" if not written else machine.must("find / -xdev -newer /run/lab/rest -printf '%p '; journalctl -b -o cat --since -80s | tail -n 8")
    report.say(not written, "nothing is written while nothing happens", f"{written} octets in {after - at:.0f} s {why}".strip())


def settle(machine: Machine) -> None:
    """Until what was written so far has reached its place, and the start of the system is over."""
    machine.must("sync")
    end, before = machine.clock + LONGEST_S, -1
    while (now := sectors_written(machine)) != before and machine.clock < end:
        before = now
        machine.sleep(QUIET_S)


def sectors_written(machine: Machine) -> int:
    """To the board's disk since power-on."""
    return int(machine.must(STAT).split()[SECTORS])


def _sample(machine: Machine) -> tuple[float, float, int]:
    """s of processor that the service has used, s since the start of the system, sectors written."""
    lines = machine.must(USAGE).splitlines()
    usage = next(int(line.split()[1]) for line in lines if line.startswith("usage_usec"))
    return usage / 1e6, float(lines[0].split()[0]), sectors_written(machine)


def _name(command: str) -> str:
    return "writer of sessions" if "session_writer" in command else "guard" if "guard" in command else "box"
