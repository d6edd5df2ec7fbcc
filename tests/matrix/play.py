"""Plays cases: one clean charge splits at every trigger, and each child process goes on with one fault, to the end.

A child inherits the whole world (fork), so a case costs only what happens after its fault.
"""
from __future__ import annotations

import gc
import os
import pickle
import select
from typing import Callable, Iterable

from tests.matrix.bridge import BridgeTrial
from tests.matrix.middle import Passing
from tests.matrix.retry import RetryTrial
from tests.matrix.trial import Case, Outcome, Trial
from tests.matrix.worlds import begins_again, is_bridge


RECORDED = frozenset({"pev", "evse"})
After = Callable[[Trial], str] | None


def play(cases: Iterable[Case], jobs: int = 2, seed: int = 1, make: type[Trial] | None = None, after: After = None) -> list[Outcome]:
    """All cases, each in a process of its own; one clean charge for each world. `make`: another observer than that of the world.
    `after`: looks at each world at its end, whose boxes then are recorded."""
    of_world: dict[str, list[Case]] = {}
    for case in cases:
        of_world.setdefault(case.world, []).append(case)
    return [outcome for world, its in of_world.items() for outcome in _play(its, jobs, seed, world, make, after)]


def _play(cases: Iterable[Case], jobs: int, seed: int, world: str, make: type[Trial] | None, after: After) -> list[Outcome]:
    waiting: dict[tuple[str, str, int], list[Case]] = {}
    for case in cases:
        waiting.setdefault(case.trigger, []).append(case)
    outcomes: list[Outcome] = []
    children: dict[int, tuple[int, bytearray, Case]] = {}       # read end: (process, octets, case)
    writing: list[int] = []

    def collect(room: int) -> None:
        while len(children) > room:
            for end in select.select(list(children), [], [])[0]:
                pid, octets, case = children[end]
                piece = os.read(end, 65536)
                if piece:
                    octets += piece
                    continue
                os.close(end)
                os.waitpid(pid, 0)
                del children[end]
                outcome = pickle.loads(octets) if octets else Outcome(case.name, case.group, case.trigger[0], world, error="no outcome")
                outcomes.append(outcome)

    def on_trigger(trial: Trial, trigger: tuple[str, str, int], message: Passing | None) -> bool:
        for case in waiting.pop(trigger, ()):
            collect(jobs - 1)
            end, write = os.pipe()
            pid = os.fork()
            if pid == 0:
                gc.disable()
                os.close(end)
                writing.append(write)
                return trial.begin(case, message)
            os.close(write)
            children[end] = (pid, bytearray(), case)
        return False

    kind = make or (RetryTrial if begins_again(world) else BridgeTrial if is_bridge(world) else Trial)
    trial = kind(seed, on_trigger, world, *((RECORDED,) if after is not None else ()))
    gc.collect()
    gc.freeze()
    try:
        trial.play()
        if writing and after is not None:
            trial.outcome.looked_at = after(trial)
    except BaseException as problem:
        if not writing:
            raise
        trial.outcome.error = f"{type(problem).__name__}: {problem}"
    finally:
        if writing:                      # a child: it ends here, whatever happened
            os.write(writing[0], pickle.dumps(trial.outcome))
            os._exit(0)
    gc.unfreeze()
    collect(0)
    for cases_left in waiting.values():
        outcomes += [Outcome(c.name, c.group, c.trigger[0], world, error="its trigger never came") for c in cases_left]
    return outcomes
