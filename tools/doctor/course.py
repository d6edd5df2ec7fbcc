"""The course of an examination: every check in turn, each bounded in time, all together bounded; what raises is one more line."""
from __future__ import annotations

import signal
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any, Callable, Iterator, NamedTuple, Sequence

from kernel.timer import S
from tools.doctor.findings import Finding, fail, warn
from tools.doctor.machine import Machine
from tools.doctor.running import Running

CHECK_LIMIT_S = 4.0          # two commands at their bound
MODEM_LIMIT_S = 16.0         # modem.py: 5.2 s for the search, 4 pieces of the PIB at 2 s each
TOTAL_LIMIT_S = 60.0         # times PATIENCE less than the time that the box gives it (tools/appliance/doctor_watch.py)
MAX_LINES = 40               # of one check


@dataclass(slots=True)
class Patient:
    """What every check gets. `config`: the settings, defaults in place of what is wrong. `running`: who has the box in hand; None: nobody."""

    machine: Machine
    config: Any
    where: str
    problems: tuple[str, ...] = ()
    running: Running | None = None
    simulate_io: bool = False
    patience: float = 1.0                        # times the limits
    at_start: bool = False                       # the box itself asks, some seconds after it has begun

    @property
    def real_board(self) -> bool:
        """There are pins, converters, serial devices to look at."""
        return self.config.role in ("pev", "evse") and self.config.board != "simulated" and not self.simulate_io

    @property
    def held(self) -> bool:
        """The outputs are in somebody's hands, were it the guard of a dead box alone."""
        return self.running is not None and self.running.holds_board

    @property
    def in_use(self) -> bool:
        """A living box reads the converters and writes the display."""
        return self.running is not None and self.running.pid is not None


class Check(NamedTuple):
    """`look` yields its lines; those before an exception or the limit count."""

    name: str
    look: Callable[[Patient], Iterator[Finding]]
    limit_s: float = CHECK_LIMIT_S


class OutOfTime(BaseException):
    """The check's time is over. No Exception: a check that catches OSError or Exception must not keep it."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """OutOfTime after so long, from whatever waits in Python or in an interruptible call of the kernel."""
    def ring(number: int, frame: FrameType | None) -> None:
        raise OutOfTime
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def examine(checks: Sequence[Check], patient: Patient, total_s: float = TOTAL_LIMIT_S) -> Iterator[Finding]:
    """All lines, as soon as a check is done."""
    clock = patient.machine.clock
    total_s *= patient.patience
    end = clock.now() + int(total_s * S)
    for check in checks:
        left = (end - clock.now()) / S
        if left <= 0:
            yield warn(check.name, f"not looked at: the {total_s:g} s of the whole examination are over",
                       "See which line before took long, mend that, run it again.")
            continue
        yield from attend(check, patient, min(check.limit_s * patient.patience, left))


def attend(check: Check, patient: Patient, limit_s: float) -> list[Finding]:
    """The lines of one check."""
    found: list[Finding] = []
    try:
        with within(limit_s):
            for finding in check.look(patient):
                found.append(finding)
                if len(found) >= MAX_LINES:
                    break
    except OutOfTime:
        found.append(warn(check.name, f"not known: no answer within {limit_s:g} s, beside a box that has just started",
                          "Ask again now that it runs: ccsbox doctor.") if patient.patience > 1.0 else fail(check.name, f"no answer within {limit_s:g} s",
                          "Something that it asks hangs: see the kernel's messages (dmesg), and try the command by hand.",
                          f"{check.name} hangs"))
    except Exception as error:  # noqa: BLE001 - one check that is broken must not hide what the others find: told as a line of its own
        found.append(fail(check.name, f"the check itself failed: {type(error).__name__}: {error}", "Tell us this line; the other checks are not concerned."))
    return found
