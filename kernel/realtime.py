"""Real-time rights of the process: each step asks, reports what was granted and why not, and never raises."""
from __future__ import annotations

import ctypes
import gc
import os
import resource

from kernel.record import dataclass

PRIORITY = 40            # SCHED_FIFO 1..99; below the interrupt threads (50) of a real-time kernel
TIMER_SLACK_NS = 1       # default is 50 us; only matters outside SCHED_FIFO

MCL_CURRENT = 1          # <sys/mman.h>, the same on all Linux boards that run this
MCL_FUTURE = 2
MCL_ONFAULT = 4          # Linux 4.4: lock what is touched, do not read in what never is (6 MB of the interpreter)
PR_SET_TIMERSLACK = 29   # <linux/prctl.h>
PR_GET_TIMERSLACK = 30
CAP_IPC_LOCK = 14        # <linux/capability.h>


@dataclass(slots=True, frozen=True)
class Report:
    """One step: what was asked for, whether it was granted, and the reason or the figure."""

    asked: str
    granted: bool
    detail: str

    def __str__(self) -> str:
        return f"{self.asked}: {'granted' if self.granted else 'refused'}" + (f" ({self.detail})" if self.detail else "")


def go_realtime(priority: int = PRIORITY) -> list[Report]:
    """All steps in the order in which they help each other; call it once when everything is constructed."""
    return [settle_garbage(), lock_memory(), timer_slack(), fifo(priority)]


def fifo(priority: int = PRIORITY) -> Report:
    """SCHED_FIFO for this process; children fall back to the default class."""
    asked = f"SCHED_FIFO priority {priority}"
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(priority))
        policy = os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK
    except (OSError, ValueError, OverflowError) as error:
        return Report(asked, False, f"{_reason(error)}; a service unit needs LimitRTPRIO={priority}, an RLIMIT_RTPRIO of {priority}")
    if policy != os.SCHED_FIFO:
        return Report(asked, False, f"the kernel reports policy {policy}")
    return Report(asked, True, "")


def lock_memory() -> Report:
    """mlockall, so that no page that was used once has to be fetched from a disk again.

    With a finite RLIMIT_MEMLOCK future pages stay unlocked: under MCL_FUTURE every allocation beyond the limit would
    fail, and the process with it.
    """
    limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    unlimited = limit == resource.RLIM_INFINITY or _has_capability(CAP_IPC_LOCK)
    asked = "mlockall of present and future pages" if unlimited else "mlockall of present pages"
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        flags = MCL_CURRENT | MCL_FUTURE if unlimited else MCL_CURRENT
        if libc.mlockall(flags | MCL_ONFAULT) != 0 and libc.mlockall(flags) != 0:
            error = ctypes.get_errno()
            return Report(asked, False, f"{os.strerror(error)}; a service unit needs LimitMEMLOCK=infinity")
    except (OSError, AttributeError) as error:
        return Report(asked, False, _reason(error))
    return Report(asked, True, "" if unlimited else f"RLIMIT_MEMLOCK is {limit} octets; LimitMEMLOCK=infinity locks future pages as well")


def timer_slack(slack: int = TIMER_SLACK_NS) -> Report:
    """How late (ns) the kernel may wake a process of the default class."""
    asked = f"timer slack {slack} ns"
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        zero = ctypes.c_ulong(0)
        if libc.prctl(PR_SET_TIMERSLACK, ctypes.c_ulong(slack), zero, zero, zero) != 0:
            return Report(asked, False, os.strerror(ctypes.get_errno()))
        now = libc.prctl(PR_GET_TIMERSLACK, zero, zero, zero, zero)
    except (OSError, AttributeError, ctypes.ArgumentError) as error:
        return Report(asked, False, _reason(error))
    if now != slack:
        return Report(asked, False, f"the kernel reports {now} ns")
    return Report(asked, True, "")


def settle_garbage() -> Report:
    """Collect what start-up left, move the rest out of the collector's sight, and stop automatic collections.

    Three times, because finalizers of one run release objects for the next (a full collection of the living objects
    was measured at 3 to 10 ms, after freezing at 1 us).
    """
    found = sum(gc.collect() for _ in range(3))
    gc.freeze()
    gc.disable()
    return Report("garbage collection off", not gc.isenabled(), f"{found} objects collected, {gc.get_freeze_count()} frozen")


def _has_capability(number: int) -> bool:
    """True when the effective set of this process holds the capability; unknown counts as no."""
    try:
        with open("/proc/self/status", "rb") as status:
            for line in status:
                if line.startswith(b"CapEff:"):
                    return bool(int(line.split()[1], 16) >> number & 1)
    except (OSError, ValueError, IndexError):
        return False
    return False


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
