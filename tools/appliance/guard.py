"""The main process's side of the guard: starts it, sends a sign of life after each run of the supervisor, notices its loss."""
from __future__ import annotations

import os
import select
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import Callable

from drivers.errors import DriverError
from drivers.guard import DOOR, Beat, Channel
from drivers.sim.lines import Lines
from kernel.channels import Signal
from kernel.clock import MonotonicClock
from kernel.task import ALWAYS, TIMED, Row
from kernel.timer import MS, NEVER, US

ROOT = str(Path(__file__).resolve().parents[2])
PROGRAM = "import sys; sys.path.insert(0, sys.argv.pop(1)); from tools.appliance.guard_process import main; main(sys.argv[1:])"
SIMULATED = "simulated"
START_LIMIT_S = 10.0         # an SD card that reads 10 MB at its slowest
HANDOVER_LIMIT_S = 5.0       # an earlier guard at work: emergency bound 2 s, travel, and its pace
BEAT_GAP = 5 * MS            # a flood of frames makes no flood of beats
ARMED_PERIOD = 20 * MS       # while a line is high: five beats per silence limit
REST_GAP = 500 * MS          # at rest, where the guard has nothing to judge: often enough to notice that it is gone
MAX_UNANSWERED = 64          # beats without an echo: the guard hangs. 0.3 s at BEAT_GAP, 1.3 s at ARMED_PERIOD, 32 s at REST_GAP
BUDGET = 60 * US
VEHICLE_OPENS_MS = 1000      # a CHAdeMO vehicle opens 1 s after the last 0x109 (chademo sheet 2.2 row 23): the bridge's contactor rather than the vehicle's breaks what still flows


class GuardLost(Exception):
    """The guard does not answer any more, or it took the outputs: the kernel stops this row and the supervisor trips."""


class Guard:
    """One guard process with the lines that it shares with this one."""

    _ac = False          # an AC charger

    _program = PROGRAM

    def __init__(self, mode: str, where: str, safety, silence_ms: int, realtime: bool, ac: bool = False,
                 make_lines: Callable[[], Lines] = Lines.create) -> None:
        """`mode`: pev (a bridge, too) or evse, `safety`: the section that its supervisor obeys. Frees the lines of an earlier guard of the same box
        first, then makes its own by `make_lines` (real pins: `drivers.pins.lines.PinLines`). DriverError says what is in the way."""
        self._mode = mode
        self._ac = ac
        name = f"{mode}-{where}"
        ask_for_lines(name)
        self.lines = make_lines()
        self.channel, other = Channel.pair()
        words = [f"silence_ms={silence_ms}"] + [f"{key}={getattr(safety, key):g}" for key in
                                                ("emergency_open_ms", "contactor_travel_ms", "current_wait_ms", "decay_ms", "unlock_v")
                                                if hasattr(safety, key)]             # an AC contactor falls at once: it needs none of them
        for fd in (*self.lines.descriptors, other.fileno()):
            os.set_inheritable(fd, True)
        try:
            self.pid = os.posix_spawn(
                sys.executable, [sys.executable, "-S", "-c", self._program, ROOT, self.lines.word, str(other.fileno()), name, mode, str(int(realtime)), *words],
                os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, n, os.devnull, os.O_RDWR, 0) for n in (0, 1)])
        except OSError as error:
            raise DriverError(f"The guard process cannot be started ({error.strerror}).", "Free memory or processes, then start again.") from error
        for fd in self.lines.descriptors:
            os.set_inheritable(fd, False)
        other.close()

    def ready(self) -> list[str]:
        """Waits until the guard stands by; what it was granted, for the journal. DriverError when it does not come up."""
        select.select([self.channel], (), (), START_LIMIT_S)
        got = self.channel.receive()
        if not got or got[0][:1] != b"R":
            raise DriverError("The guard process did not start; without it nobody makes the outputs safe when this program dies.",
                              f"Look for its error above; {START_LIMIT_S:g} s were given.")
        return [f"guard {self.pid}: {line}" for line in ["stands by", *got[0].decode(errors="replace").splitlines()[1:]]]

    def join(self, rows: list[Row], safety, signals) -> list[Row]:
        """The table with the row that beats, right after the supervisor's row."""
        place = next(n for n, row in enumerate(rows) if row.rank is ALWAYS)
        measured = ((signals.inlet_current, signals.inlet_voltage) if self._mode == "pev" else (signals.ac_current, signals.ac_voltage) if self._ac
                    else (signals.output_current, signals.output_voltage))
        beat = Heartbeat(self.channel, self.lines, rows[place], safety, *measured, MonotonicClock().now)
        return [*rows[:place + 1], Row("guard", beat, TIMED, BUDGET, ALWAYS), *rows[place + 1:]]


class Heartbeat:
    """Beats only when the supervisor has really run since the last beat and is not broken."""

    inboxes = ()

    def __init__(self, channel: Channel, lines: Lines, supervisor: Row, safety, current: Signal[float], voltage: Signal[float],
                 clock: Callable[[], int]) -> None:
        self._channel = channel
        self._clock = clock
        self._lines = lines
        self._supervisor = supervisor
        self._safety = safety
        self._current = current
        self._voltage = voltage
        self._beat = Beat()
        self._runs = supervisor.stats.runs
        self._sent_at = -REST_GAP
        self.unanswered = 0
        self.withheld = 0

    def run(self, now: int) -> int:
        if self._lines.held:
            raise GuardLost("The guard took the outputs: this process was silent too long or its supervisor failed. "
                            "The lines stay safe until the program is started again.")
        runs = self._supervisor.stats.runs
        if runs == self._runs or self._safety.broken:
            self.withheld += 1
        elif now - self._sent_at >= (BEAT_GAP if self._lines.armed else REST_GAP):
            self._runs = runs
            self._sent_at = now
            self._send(now)
        return now + ARMED_PERIOD if self._lines.armed else NEVER

    def _send(self, now: int) -> None:
        beat, current, channel = self._beat, self._current, self._channel
        beat.at = self._clock()        # not `now`: a visit may take long
        beat.contactors = self._safety.facts.contactors
        beat.current, beat.current_at, beat.voltage = current.value, current.at, self._voltage.value
        self.unanswered = max(0, self.unanswered - len(channel.receive())) + 1
        channel.send_beat(beat)
        if channel.closed:
            raise GuardLost("The guard process is gone: nobody would make the outputs safe if this one died. Charging ends; start the program again.")
        if self.unanswered > MAX_UNANSWERED:
            raise GuardLost(f"The guard process does not answer ({self.unanswered} signs of life without an echo). Charging ends; start the program again.")


def ask_for_lines(name: str) -> None:
    """An earlier guard of this box still keeps its lines safe: tell it to leave, and wait until it has."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        door.settimeout(HANDOVER_LIMIT_S)
        try:
            door.connect(DOOR + name)
        except ConnectionRefusedError:
            return                           # the usual case: there is none
        except OSError as error:
            raise DriverError(f"The guard of an earlier run cannot be asked for its lines ({error}).", "End it by hand: ps shows guard_process.") from error
        try:
            door.recv(1)                     # its end is the answer
        except TimeoutError:
            raise DriverError("The guard of an earlier run keeps the lines, because its main process hangs and still lives.",
                              "End that process (kill -9) and start again.") from None
        except ConnectionError:
            return


def standing_by(config, plan=None) -> Guard | None:
    """The guard of a car or a charger; None for a listener, which has no outputs. `plan`: the real board (drivers/boards), whose lines it is to hold."""
    if config.role not in ("pev", "evse"):
        return None
    if plan is None and config.board != SIMULATED:
        return None                          # refused when the board is opened
    ac = config.mode == "evse" and config.evse.ac
    safety = config.safety.ac if ac else getattr(config.safety, config.role)
    if config.mode == "bridge":
        safety = replace(safety, emergency_open_ms=min(safety.emergency_open_ms, VEHICLE_OPENS_MS))
    return Guard(config.role, config.interface, safety, config.guard_silence_ms,
                 config.realtime, ac, Lines.create if plan is None else plan.lines)
