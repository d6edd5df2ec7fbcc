"""Command line: `python -m tests.mutants [file ...]` runs the mutants, prints the score of each file and what survived."""
from __future__ import annotations

import argparse
import ast
import hashlib
import json
import os
import random
import sys
import time
from collections import Counter
from pathlib import Path

from tests.mutants.explained import Explained, load
from tests.mutants.nursery import ROOT, SURVIVED, Nursery
from tests.mutants.operators import Mutant, mutants

SOURCE = ROOT / "tasks" / "safety"
STATE = ROOT / "build" / "mutants.jsonl"
NICE = 10
FEW = 40          # so few are judged sooner without measuring the tests first


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("files", nargs="*", help="of tasks/safety, for example latch.py; all when none is named")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="mutants at the same time (default 2)")
    parser.add_argument("--sample", type=int, metavar="N", help="only so many, chosen by --seed, and none that is explained")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--survivors", action="store_true", help="only those that survived the last time, or are new")
    parser.add_argument("--again", action="store_true", help="also those whose result is known for exactly these sources")
    parser.add_argument("--only", metavar="TEXT", help="only mutants with this in their name, nothing is stored")
    asked = parser.parse_args()
    os.nice(NICE)
    explained = load()
    chosen = all_mutants(asked.files)
    if asked.only:
        chosen = [pair for pair in chosen if asked.only in pair[0].name]
    if asked.sample:
        return sample(chosen, asked, explained)
    store = Store(digest())
    killers: dict[str, str] = {}
    waiting = []
    for pair in chosen:
        name = pair[0].name
        known = store.results.get(name) if not asked.again and not asked.only else None
        if known is None and asked.survivors and store.earlier.get(name):
            known = store.earlier[name]
        if known is None:
            waiting.append(pair)
        else:
            killers[name] = known
    nursery = Nursery()
    nursery.last |= {name: killer.split(" (")[0] for name, killer in store.earlier.items() if killer}
    if len(waiting) > FEW:
        nursery.measure()
    progress = Progress(len(waiting), f"{len(nursery.seconds)} cases, {sum(nursery.seconds.values()):.1f} s")

    def told(mutant: Mutant, killer: str) -> None:
        killers[mutant.name] = killer
        if not asked.only:
            store.add(mutant.name, killer)
        progress.step(killer == SURVIVED)
    nursery.judge(waiting, asked.jobs, told)
    progress.end()
    return report([m for m, _ in chosen], killers, explained, whole=not asked.only)


def all_mutants(files: list[str]) -> list[tuple[Mutant, ast.Module]]:
    """Of the named files of tasks/safety, or of all."""
    known = sorted(p.name for p in SOURCE.glob("*.py"))
    names = [Path(f).name for f in files] or known
    unknown = set(names) - set(known)
    if unknown:
        raise SystemExit(f"mutants: tasks/safety has no {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    found = []
    for name in names:
        tree = ast.parse((SOURCE / name).read_text(encoding="utf-8"))
        found += [(mutant, tree) for mutant in mutants(name, tree)]
    return found


def sample(chosen: list[tuple[Mutant, ast.Module]], asked: argparse.Namespace, explained: Explained) -> int:
    """A few, without measuring before: one failure is enough to know that the tests have lost a tooth."""
    open_ones = [pair for pair in chosen if not explained.why(pair[0])]
    picked = random.Random(asked.seed).sample(open_ones, min(asked.sample, len(open_ones)))
    killers: dict[str, str] = {}
    Nursery().judge(picked, asked.jobs, lambda mutant, killer: killers.update({mutant.name: killer}))
    return report([m for m, _ in picked], killers, explained, whole=False)


def report(chosen: list[Mutant], killers: dict[str, str], explained: Explained, whole: bool) -> int:
    """The table, then every survivor that nobody explained, then explanations that are no longer needed."""
    rows: dict[str, Counter[str]] = {}
    survivors = []
    stale = []
    for mutant in chosen:
        row = rows.setdefault(mutant.file, Counter())
        row["mutants"] += 1
        if killers[mutant.name] != SURVIVED:
            row["killed"] += 1
            if explained.why(mutant):
                stale.append(f"{mutant.name}: is killed by {killers[mutant.name]}")
        elif explained.why(mutant):
            row["explained"] += 1
        else:
            row["survivors"] += 1
            survivors.append(mutant)
    if whole:
        stale += [f"{name}: there is no such mutant" for name in explained.unknown({m.name for m in chosen}, {m.file for m in chosen})]
    print(f"{'file':<22}{'mutants':>8}{'killed':>8}{'explained':>10}{'survivors':>10}   score")
    total: Counter[str] = Counter()
    for file, row in rows.items():
        print(line(file, row))
        total += row
    print(line("all", total))
    for mutant in survivors:
        print(f"SURVIVES  tasks/safety/{mutant.file}:{mutant.line}  {mutant.scope} | {mutant.change}")
    for sentence in stale:
        print(f"EXPLAINED WITHOUT NEED  {sentence}")
    if survivors:
        print("Each survivor needs a test in tests/safety that fails with it, or a reason in tests/mutants/explained.toml why nobody can tell.")
    return 1 if survivors or stale else 0


def line(file: str, row: Counter[str]) -> str:
    """The score counts what can be told apart at all: killed / (mutants - explained)."""
    apart = row["mutants"] - row["explained"]
    score = 100.0 * row["killed"] / apart if apart else 100.0
    return f"{file:<22}{row['mutants']:>8}{row['killed']:>8}{row['explained']:>10}{row['survivors']:>10}   {score:.1f} %"


def digest() -> str:
    """Of everything whose change can change a result."""
    made = hashlib.sha256()
    for folder in ("tasks", "kernel", "drivers", "tools/simulate", "tests/safety", "tests/sessions"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            made.update(path.read_bytes())
    for name in ("operators.py", "cases.py"):
        made.update(Path(__file__).with_name(name).read_bytes())
    return made.hexdigest()[:16]


class Store:
    """Results on disk, one a line, so that a run that was ended goes on where it was."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.results: dict[str, str] = {}
        self.earlier: dict[str, str] = {}      # of whatever sources: a hint which case to ask first
        STATE.parent.mkdir(exist_ok=True)
        if STATE.exists():
            for text in STATE.read_text(encoding="utf-8").splitlines():
                row_key, name, killer = json.loads(text)
                self.earlier[name] = killer
                if row_key == key:
                    self.results[name] = killer
        self._file = STATE.open("a", encoding="utf-8")

    def add(self, name: str, killer: str) -> None:
        self._file.write(json.dumps([self.key, name, killer]) + "\n")
        self._file.flush()


class Progress:
    """One line that is written over on a terminal, and a line each 200 mutants elsewhere."""

    def __init__(self, total: int, tests: str) -> None:
        self._total = total
        self._done = self._alive = 0
        self._began = time.monotonic()
        self._terminal = sys.stderr.isatty()
        if total:
            print(f"{total} mutants against {tests}", file=sys.stderr)

    def step(self, survived: bool) -> None:
        self._done += 1
        self._alive += survived
        spent = time.monotonic() - self._began
        if self._terminal or self._done % 200 == 0:
            left = spent / self._done * (self._total - self._done)
            print(f"{self._done}/{self._total}, {self._alive} survive, {spent:.0f} s, about {left:.0f} s to go ", end="\r" if self._terminal else "\n",
                  file=sys.stderr, flush=True)

    def end(self) -> None:
        if self._done:
            print(f"{self._done} mutants in {time.monotonic() - self._began:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
