"""One transfer over the bridge: which end opens, which end sends, what the bridge does; and what came of it."""
from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field

from tests.tcp_kernel.lab import Lab
from tests.tcp_kernel.octets import sha256, stream

PORT = 51110
OPEN_S = 22.0            # until a handshake has succeeded or both ends have given up (20 s, timing.SYN_GIVE_UP)
CLOSE_S = 20.0           # for both FINs after the last octet
FAULTS: dict[str, dict[str, float]] = {
    "none": {}, "drop": {"drop": 1.0}, "duplicate": {"duplicate": 1.0}, "reorder": {"reorder": 1.0}, "corrupt": {"corrupt": 1.0},
    "split": {"split": 1.0}, "fragment": {"fragment": 1.0}, "delay": {"delay_ms": 20.0, "jitter_ms": 40.0}, "rate": {"rate": 200_000},
    "all": {"drop": 1.0, "duplicate": 1.0, "reorder": 1.0, "corrupt": 0.2, "split": 1.0, "fragment": 0.2, "delay_ms": 2.0, "jitter_ms": 5.0},
}
"""Fault -> what 1 percent of it means for the bridge; `delay` and `rate` have no percent."""


@dataclass
class Task:
    """`client`: our stack opens; `sends`: our stack sends. `percent` scales the fault; `mss` is the kernel's, 0: its own choice (1440)."""

    client: bool
    sends: bool
    fault: str = "none"
    percent: float = 0.0
    size: int = 1_000_000
    seed: int = 1
    mss: int = 0
    limit_s: float = 300.0

    def faults(self) -> dict[str, float]:
        scaled = {name: value if name.endswith(("_ms", "rate")) else value * self.percent for name, value in FAULTS[self.fault].items()}
        return {"seed": self.seed, **scaled}


@dataclass
class Outcome:
    """`intact`: every octet arrived in order and both ends saw the end; `clean`: not intact, and our application was told so."""

    intact: bool = False
    clean: bool = False
    seconds: float = 0.0
    ours_repeated: int = 0
    ours_fast: int = 0
    theirs_repeated: int = 0
    why: str = ""
    bridge: dict[str, int] = field(default_factory=dict)


def opened(lab: Lab, task: Task) -> tuple[int, str]:
    """(the kernel's socket, what went wrong): a connection in the role that the task asks for."""
    own, made = lab.own, lab.socket()
    if task.client:
        listener = lab.socket()
        lab.ask("listen", s=listener, port=PORT, mss=task.mss)
        accepted = lab.peer.begin("accept", s=made, listener=listener)
        own.connect(lab.peer_address, PORT)
        well = own.until(lambda: bool(own.connected and accepted in lab.peer.answers or own.closed), OPEN_S) and not own.closed
        lab.ask("close", s=listener)
        if not well:
            return made, f"not connected: {own.closed}"
        lab.wait(accepted)
        return made, ""
    own.endpoint.listen(PORT)
    asked = lab.peer.begin("connect", s=made, address=own.host.address.hex(), to=PORT, mss=task.mss)
    answer = lab.wait(asked, OPEN_S)
    well = "error" not in answer and own.until(lambda: bool(own.connected), OPEN_S)
    return made, "" if well else f"not connected: {answer}"


def run(lab: Lab, task: Task) -> Outcome:
    """The transfer, then both FINs. Never longer than the limits of the task."""
    own, outcome = lab.own, Outcome()
    own.begin(user_timeout_ms=60_000)
    lab.faults(**task.faults())
    lab.counts()
    s, outcome.why = opened(lab, task)
    if not outcome.why:
        wanted = stream(task.seed, task.size)
        began = time.monotonic()
        if task.sends:
            _send(lab, s, task, wanted, outcome)
        else:
            _receive(lab, s, task, wanted, outcome)
        outcome.seconds = outcome.seconds or time.monotonic() - began
        told = lab.ask("retransmissions", s=s)
        outcome.theirs_repeated = told.get("count", 0)
    if not outcome.intact:
        outcome.clean = own.until(lambda: bool(own.closed), own.endpoint._config.user_timeout_ms / 1000 + 5)
        outcome.why += f"; ours was told {own.closed}"
    if own.last is not None:
        outcome.ours_repeated, outcome.ours_fast = own.last.tx.repeats, own.last.tx.fast_repeats
    outcome.bridge = lab.counts()
    lab.faults()
    lab.ask("close", s=s, reset=True)
    own.abort()
    own.during(0.05)
    return outcome


def _send(lab: Lab, s: int, task: Task, wanted: bytes, outcome: Outcome) -> None:
    own = lab.own
    hears = lab.peer.begin("receive", s=s)
    began = time.monotonic()
    own.say(wanted, close=True)
    if not own.until(lambda: hears in lab.peer.answers or bool(own.closed), task.limit_s) or hears not in lab.peer.answers:
        outcome.why = f"{own.sent} of {task.size} octets written, the kernel's end still waits"
        return
    outcome.seconds = time.monotonic() - began
    answer = lab.wait(hears)
    if answer.get("sha256") != sha256(wanted):
        outcome.why = f"the kernel's end heard {answer}"
        return
    lab.ask("shut", s=s)
    outcome.intact = own.until(lambda: own.closed == [None], CLOSE_S)
    outcome.why = "" if outcome.intact else "no end of the stream came back"


def _receive(lab: Lab, s: int, task: Task, wanted: bytes, outcome: Outcome) -> None:
    own = lab.own
    says = lab.peer.begin("send", s=s, seed=task.seed, size=task.size)
    began = time.monotonic()
    if not own.until(lambda: len(own.heard) >= task.size or bool(own.closed), task.limit_s):
        outcome.why = f"{len(own.heard)} of {task.size} octets heard"
        return
    outcome.seconds = time.monotonic() - began
    lab.wait(says)
    lab.ask("shut", s=s)
    ended = own.until(lambda: bool(own.closed), CLOSE_S)
    outcome.intact = bytes(own.heard) == wanted and ended and own.closed == [None]
    if not outcome.intact:
        outcome.why = f"{len(own.heard)} octets, {'the same' if bytes(own.heard) == wanted else 'DIFFERENT'}, closed {own.closed}"


def row(task: Task, outcome: Outcome) -> dict[str, object]:
    """For a line of JSON."""
    return {"task": asdict(task), "outcome": asdict(outcome)}
