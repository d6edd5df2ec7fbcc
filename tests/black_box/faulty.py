"""Sessions with a fault, of tests/matrix, recorded and played again: what is not the same."""
from __future__ import annotations

import random
from typing import Iterable

from drivers.blackbox.layout import BoxOctets
from drivers.blackbox.reader import parse
from tests.black_box.recording import EPOCH, library, told
from tests.matrix import task_faults
from tests.matrix.play import play
from tests.matrix.trial import Case, Outcome, Trial
from tools.replay.engine import Replay

LEAST = 30           # deeds, signals and words of the shortest session
IN_THE_CODE = (task_faults.RAISES, task_faults.SILENT, "core", "-future")      # a row that does something else: the code that plays is sound


def outside(cases: Iterable[Case]) -> list[Case]:
    """Those whose fault comes to the box from outside."""
    return [case for case in cases if not any(word in case.name for word in IN_THE_CODE)]


def faulty(cases: list[Case], count: int, jobs: int, seed: int) -> list[Outcome]:
    """`count` of the cases (0: all), played and played again; `looked_at` says what was not the same."""
    some = outside(cases)
    return play(random.Random(seed).sample(some, count) if count else some, jobs, seed, after=both_again)


def both_again(trial: Trial) -> str:
    """"" or what a box of this world did otherwise when it was played. In ISO 15118-2 the charger's machine is driven from outside (in_the_loop)."""
    found = []
    for node in (trial.car, trial.charger):
        if node.name == "evse" and trial._equipment.startswith("iso2"):
            continue
        node.journal.flush()
        octets = BoxOctets(EPOCH)
        data = node.black_box.begin(octets, {}) + octets.batch(*node.black_box.tape.take()) + octets.end({})
        box = parse(data)
        replay = Replay(box, library())
        replay.run()
        if box.problem or not replay.identical or replay.compared < LEAST:
            found.append(f"{node.name}: {box.problem} {replay.compared} compared, {replay.counted} differ: {told(replay)[:400]}")
    return "; ".join(found)
