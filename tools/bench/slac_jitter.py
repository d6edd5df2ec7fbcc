"""How evenly our car's sounds leave on a real clock: the real kernel and HomeplugTask in a process of its own, with and without load (sheet 9, P19)."""
from __future__ import annotations

import multiprocessing
import os
import socket
import time
from random import Random
from statistics import median

from kernel.channels import Mailbox
from kernel.clock import MonotonicClock
from kernel.journal import Journal
from kernel.realtime import go_realtime
from kernel.scheduler import TICK, Kernel
from kernel.task import ALWAYS, CRITICAL, TIMED, Row
from kernel.timer import MS, NEVER, S, US
from tasks.homeplug.config import SlacConfig
from tasks.homeplug.modem import Modem
from tasks.homeplug.slac_pev import PevSlac
from tasks.homeplug.task import HomeplugTask
from tasks.homeplug.wire import CM_MNBC_SOUND_IND, CM_SLAC_PARM_CNF, CM_SLAC_PARM_REQ, CM_START_ATTEN_CHAR_IND, parse
from tasks.messages import Frame, StartMatching
from tasks.signals import Signals

PEV, EVSE = bytes.fromhex("020000000a01"), bytes.fromhex("020000000b01")
BATCHES = 10                     # per kind of scheduling
BATCH = 13                       # three STARTs and ten sounds
BATCH_LIMIT = 20 * S
LEAST_MS, MOST_MS = 20.0, 50.0   # TP_EV_batch_msg_interval
START_MS = 100.0                 # TP_match_sequence
FRAME = 2048
FRAMES_AT_ONCE = 64


class _Incoming:
    """Frames of a socket for the task."""

    def __init__(self, end: socket.socket, inbox: Mailbox) -> None:
        self._end, self._inbox = end, inbox

    def fileno(self) -> int:
        return self._end.fileno()

    def run(self, now: int) -> int:
        for _ in range(FRAMES_AT_ONCE):
            try:
                frame = self._end.recv(FRAME)
            except BlockingIOError:
                break
            if not frame:
                raise BrokenPipeError("the measuring end is closed")
            self._inbox.put(Frame(now, frame))
        return NEVER


class _Outgoing:
    """And back."""

    def __init__(self, end: socket.socket, out: Mailbox) -> None:
        self._end, self._out = end, out
        self.inboxes = (out,)

    def run(self, now: int) -> int:
        for frame in self._out.drain(FRAMES_AT_ONCE):
            self._end.send(frame)
        return NEVER


class _Supervisor:
    def run(self, now: int) -> int:
        return now + TICK


def _car(end: socket.socket, fifo: bool, seed: int) -> None:
    """Our car until nobody listens any more."""
    end.setblocking(False)
    if fifo:
        go_realtime()
    config, rng, journal = SlacConfig(), Random(seed), Journal()
    inbox, out, commands, told = Mailbox("in", 64), Mailbox("out", 64), Mailbox("commands", 4), Mailbox("told", 16)
    task = HomeplugTask(config, PevSlac(config, PEV, rng), Modem(config, PEV, rng), PEV, inbox, commands, out, told, Signals(), journal)
    incoming, clock = _Incoming(end, inbox), MonotonicClock()
    rows = [Row("frame_rx", incoming, TIMED, 500 * US, CRITICAL, wakes=incoming), Row("homeplug", task, TIMED, 300 * US, CRITICAL),
            Row("frame_tx", _Outgoing(end, out), TIMED, 500 * US, CRITICAL), Row("supervisor", _Supervisor(), TIMED, 100 * US, ALWAYS)]
    commands.put(StartMatching())
    kernel = Kernel(rows, journal, cost=clock.now)
    over = clock.now() + BATCH_LIMIT
    kernel.run(clock, until=lambda: clock.now() > over or kernel.fault is not None)      # a closed measuring end is a fault of a row: it has what it wanted


def _batch(fifo: bool, seed: int) -> tuple[float, list[float]]:
    """CNF to START1 and the gaps of one batch, ms, as they arrive at the other process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    child = os.fork()
    if child == 0:
        try:
            theirs.close()
            _car(ours, fifo, seed)
        finally:
            os._exit(0)
    ours.close()
    theirs.settimeout(BATCH_LIMIT / S)
    at: list[int] = []
    confirmed = 0
    try:
        while len(at) < BATCH:
            frame = theirs.recv(FRAME)
            now = time.monotonic_ns()
            if not frame:
                raise RuntimeError(f"our car ended after {len(at)} messages of its batch")
            message = parse(frame) if frame[12:14] == b"\x88\xe1" else None
            if type(message) is CM_SLAC_PARM_REQ and not confirmed:
                confirmed = now
                theirs.send(CM_SLAC_PARM_CNF(PEV, EVSE, message.run_id, PEV).emit())
            elif type(message) in (CM_START_ATTEN_CHAR_IND, CM_MNBC_SOUND_IND):
                at.append(now)
    finally:
        theirs.close()
        os.waitpid(child, 0)
    return (at[0] - confirmed) / MS, [(b - a) / MS for a, b in zip(at, at[1:])]


def _burn() -> None:
    while True:
        sum(range(10_000))


def measure(fifo: bool, load: bool) -> tuple[list[float], list[float]]:
    """START1 after CNF, and all gaps, of BATCHES batches; `load`: as many busy processes as processors."""
    burners = [multiprocessing.Process(target=_burn, daemon=True) for _ in range(os.cpu_count() or 1)] if load else []
    for burner in burners:
        burner.start()
    try:
        found = [_batch(fifo, seed) for seed in range(BATCHES)]
    finally:
        for burner in burners:
            burner.terminate()
            burner.join()
    return [start for start, _ in found], [gap for _, gaps in found for gap in gaps]


def main() -> None:
    """Print one line for each kind."""
    print(f"slac: our car's batch on a real clock, {BATCHES} batches of {BATCH} messages each, as they arrive in another process, ms "
          f"(gaps {LEAST_MS:g} to {MOST_MS:g}, START1 at most {START_MS:g} after CNF)", flush=True)
    for fifo, load in ((False, False), (False, True), (True, False), (True, True)):
        starts, gaps = measure(fifo, load)
        outside = sum(not LEAST_MS <= gap <= MOST_MS for gap in gaps)
        print(f"  {'SCHED_FIFO asked for' if fifo else 'default scheduling  '}  {'all processors busy' if load else 'otherwise as it is '}"
              f"  gaps {min(gaps):.1f} to {max(gaps):.1f}, median {median(gaps):.1f}, {outside} of {len(gaps)} outside; "
              f"START1 {min(starts):.1f} to {max(starts):.1f}", flush=True)
