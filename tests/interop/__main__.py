"""Runs the pairings over a veth pair and prints their results: python -m tests.interop [--peers PYTHON] [--pyslac PYTHON] [case ...]."""
from __future__ import annotations

import argparse
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.interop import control, slac, table
from tests.interop.cases import ALL, PEER, PYSLAC, Case, SlacCase, chosen
from tests.interop.measure import adopt_orphans
from tests.interop.outcome import Outcome
from tests.interop.session import run

PROBE_LIMIT_S = 30.0
EXIT_FAILED, EXIT_MISSING = 1, 3
JAVA = "java (the EXI codec of iso15118 runs in it): apt-get install default-jre-headless"


class Prerequisites:
    """What is there to run with. `lack(case)` says what a case misses, with the remedy; "" = it can run."""

    def __init__(self, peers: str, pyslac: str) -> None:
        self.peers, self.pyslac = peers, pyslac
        self._said: dict[str, str] = {}

    def general(self) -> str:
        """What every case needs."""
        if os.geteuid() != 0:
            return "tests.interop makes network namespaces and needs root: sudo ./install/test.sh --interop"
        wanted = {"ip": "iproute2", "ethtool": "ethtool", "tshark": "tshark"}
        missing = [package for program, package in wanted.items() if not shutil.which(program)]
        return f"missing: {', '.join(missing)}. Remedy: apt-get install {' '.join(missing)}" if missing else ""

    def lack(self, case: Case | SlacCase) -> str:
        if isinstance(case, Case):
            if PEER not in (case.pev, case.evse):
                return ""
            return self._imports(self.peers, "iso15118", "--peers") or self._java()
        if case.program == PYSLAC:
            return self._imports(self.pyslac, "pyslac", "--pyslac")
        return "" if shutil.which(case.program) else f"the program `{case.program}`: apt-get install plc-utils-extra"

    def scapy(self) -> str:
        return self._imports(self.peers, "scapy", "--peers")

    def _java(self) -> str:
        if "java" not in self._said:
            self._said["java"] = "" if shutil.which("java") and _succeeds("java", "-version") else JAVA
        return self._said["java"]

    def _imports(self, python: str, package: str, option: str) -> str:
        if not python:
            return f"{package}: name the interpreter that has it, {option} PYTHON, or use ./install/test.sh --interop, which makes one"
        if package not in self._said:
            good = _succeeds(python, "-c", f"import {package}")
            self._said[package] = "" if good else f"{package}, which {python} does not have: ./install/test.sh --interop installs it"
        return self._said[package]


def _succeeds(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=PROBE_LIMIT_S).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def absolute(python: str | None) -> str:
    """Not resolved: the link makes the environment."""
    return os.path.abspath(python) if python else ""


def options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.interop", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="case", help="which pairings, * and ? as in file names; default: all")
    parser.add_argument("--list", action="store_true", help="name the cases and leave")
    parser.add_argument("--peers", metavar="PYTHON", help="interpreter of the environment with iso15118 and scapy")
    parser.add_argument("--pyslac", metavar="PYTHON", help="interpreter of the environment with pyslac")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="each case N times, one after the other")
    parser.add_argument("--loss", type=float, metavar="PERCENT", help="of the frames that the power line of the slac- cases loses, in place of the case's own")
    parser.add_argument("--seed", type=int, metavar="N", help="which frames --loss takes; the next of --repeat takes N + 1")
    parser.add_argument("--json", metavar="FILE", help="the results for programs, written even when cases failed")
    parser.add_argument("--keep", metavar="DIR", help="logs and captures go to DIR and stay (default: a temporary folder, kept on failure)")
    return parser


def main(argv: list[str] | None = None) -> int:
    parser = options()
    words = parser.parse_args(argv)
    if words.list:
        print(*(f"{case.name:<18} {case.about}" for case in ALL), sep="\n")
        return 0
    try:
        wanted = chosen(words.cases)
    except ValueError as error:
        parser.error(str(error))
    have = Prerequisites(absolute(words.peers), absolute(words.pyslac))
    if sentence := have.general():
        print(sentence, file=sys.stderr)
        return EXIT_MISSING
    missing = {case.name: lack for case in wanted if (lack := have.lack(case))}
    if missing and words.cases:
        print(*(f"{name} needs {lack}" for name, lack in missing.items()), sep="\n", file=sys.stderr)
        return EXIT_MISSING
    if lack := have.scapy():
        missing["(second reader)"] = lack
    adopt_orphans()
    signal.signal(signal.SIGTERM, end_in_order)
    keep = Path(words.keep).resolve() if words.keep else Path(tempfile.mkdtemp(prefix="ccsbox-interop-"))
    runs = [(turned(case, turn, words), case.name if words.repeat == 1 else f"{case.name}-{turn + 1}")
            for case in wanted if case.name not in missing for turn in range(words.repeat)]
    blind = control.check(keep / "control", "" if "(second reader)" in missing else have.peers)
    print(*blind, sep="\n", end="\n" if blind else "", flush=True)
    outcomes = run_all(runs, have, keep)
    summary(outcomes, missing)
    if words.json:
        Path(words.json).write_text(json.dumps(table.as_json(outcomes, missing), indent=1) + "\n")
    failed = bool(blind) + sum(bool(o.objections) for o in outcomes)
    if not failed and not words.keep:
        shutil.rmtree(keep)
    elif keep.exists():
        print(f"logs and captures: {keep}")
    return EXIT_FAILED if failed else 0


def turned(case: Case | SlacCase, turn: int, words: argparse.Namespace) -> Case | SlacCase:
    """A case as the command line wants it for its `turn`-th time."""
    if isinstance(case, Case):
        return case
    loss = case.loss if words.loss is None else words.loss
    return dataclasses.replace(case, loss=loss, seed=(case.seed if words.seed is None else words.seed) + turn)


def end_in_order(number: int, _: object) -> None:
    """A terminated harness (`timeout`, CI) ends its programs and takes its namespaces away, as after Ctrl-C."""
    sys.exit(128 + number)


def run_all(runs: list[tuple[Case | SlacCase, str]], have: Prerequisites, keep: Path) -> list[Outcome]:
    """Every case with the name of its folder, with a line for each as soon as it is over."""
    outcomes = []
    reader = "" if have.scapy() else have.peers
    print(table.HEADER, flush=True)
    for case, name in runs:
        folder = keep / name
        shutil.rmtree(folder, ignore_errors=True)
        outcome = run(case, have.peers, reader, folder) if isinstance(case, Case) else slac.match(case, reader, have.pyslac, folder)
        outcomes.append(outcome)
        print(table.row(outcome), flush=True)
        for sentence in outcome.objections:
            print(f"    {sentence}", flush=True)
        if outcome.objections:
            for log in outcome.logs:
                tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
                print(f"    --- end of {log}", *(f"    {line[:200]}" for line in tail), sep="\n", flush=True)
    return outcomes


def summary(outcomes: list[Outcome], missing: dict[str, str]) -> None:
    """What the whole run gave."""
    if outcomes:
        print("", *table.sides(outcomes), table.LEGEND, *table.not_judged(outcomes), "", sep="\n")
    for name, lack in missing.items():
        print(f"not run: {name} needs {lack}")
    failed = sum(bool(o.objections) for o in outcomes)
    print(f"{len(outcomes) - failed} passed, {failed} failed, {len(missing)} not run, {sum(o.whole_s for o in outcomes):.0f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
