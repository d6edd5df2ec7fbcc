"""Each prebuilt library on its emulated board, with every recorded message: `python -m tests.boards`; skips with a reason.

What is compared: the octets with the recording; the decoded values and errors with those of this machine's own library, which
tests/exi compares with the recorded values.
"""
from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import run as run_here
from typing import Any

from tests.boards.machines import EMULATED, Emulated, Unavailable, as_soft_float, missing, run, userland

ROOT = Path(__file__).resolve().parents[2]
VECTORS = ROOT.parent / "shared" / "vectors"
PROGRAM = str(ROOT / "tests" / "boards" / "on_board.py")
AT_A_TIME = 2
SHOWN = 5  # differences that are printed


def vectors() -> list[dict[str, Any]]:
    """The recorded entries of all files."""
    return [json.loads(line) for path in sorted(VECTORS.glob("*.jsonl")) for line in path.read_text().splitlines()]


def library(folder: str) -> Path:
    return ROOT / "exi_native" / "lib" / folder / "libccsexi.so"


def differences(entries: list[dict[str, Any]], got: list[list[str]], here: list[list[str]]) -> tuple[int, list[str]]:
    """How many came out with their recorded octets, and a sentence for each that should not be as it is.

    A recording that carries a note (of another schema, not a message at all) may come out otherwise, on all machines alike.
    """
    same, wrong = 0, []
    if len(got) != len(entries):
        wrong.append(f"{len(got)} answers to {len(entries)} messages")
    for entry, answer, expected in zip(entries, got, here):
        if answer[1] == entry["hex"]:
            same += 1
        elif "note" not in entry:
            wrong.append(f"{entry['schema']} {entry['hex'][:40]}: encoded to {answer[1][:40] or answer[0]}")
        if answer != expected:
            wrong.append(f"{entry['schema']} {entry['hex'][:40]}: {answer[0][:200]} here {expected[0][:200]}")
    return same, wrong


def board(machine: Emulated, cache: Path, scratch: Path, entries: list[dict[str, Any]], here: list[list[str]]) -> bool:
    """Run one board and print its line; True when everything was right."""
    began = time.monotonic()
    root = userland(machine, cache)
    environment = {"PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": str(cache / "pycache")}
    arguments = [PROGRAM]
    if machine.soft_float:
        copy = scratch / machine.folder
        copy.write_bytes(as_soft_float(library(machine.folder).read_bytes()))
        arguments.append(str(copy))
    text = "".join(f"{entry['schema']} {entry['hex']}\n" for entry in entries)
    done = run(machine, root, arguments, text, environment)
    title = f"board {machine.folder} ({machine.qemu.removesuffix('-static')} -cpu {machine.processor}, Debian {machine.debian})"
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["nothing on standard error"])[-1]
        print(f"{title}: FAILED with exit code {done.returncode}: {last}", flush=True)
        return False
    about, *answers = map(json.loads, done.stdout.splitlines())
    same, wrong = differences(entries, answers, here)
    if not machine.soft_float and about["folders"][0] != machine.folder:
        wrong.append(f"the loader looked for {about['folders']} on this machine ({about['machine']})")
    print(f"{title}: {len(entries)} messages, {same} with their recorded octets, {len(entries) - same} others as here, {len(wrong)} wrong; "
          f"{about['machine']}; {time.monotonic() - began:.0f} s", flush=True)
    for sentence in wrong[:SHOWN]:
        print(f"    {sentence}", flush=True)
    return not wrong


def control(cache: Path, scratch: Path) -> bool:
    """The emulated ARM1176 must stop at the ARMv7 library, or its run above would prove nothing."""
    old = next(machine for machine in EMULATED if machine.soft_float)
    copy = scratch / "control"
    copy.write_bytes(as_soft_float(library("arm-linux-gnueabihf").read_bytes()))
    done = run(old, userland(old, cache), [PROGRAM, str(copy)], "SAP 804880\n", {"PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": str(cache / "pycache")})
    stopped = done.returncode == 128 + signal.SIGILL
    print(f"control: the ARMv7 library on {old.processor} ended with code {done.returncode}, "
          f"{'SIGILL as it must' if stopped else 'which is NOT the SIGILL of a processor without ARMv7'}", flush=True)
    return stopped


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.boards", description=__doc__)
    parser.add_argument("boards", nargs="*", metavar="board", help=f"folders of exi_native/lib, default all: {', '.join(m.folder for m in EMULATED)}")
    parser.add_argument("--cache", type=Path, default=ROOT / ".venv-boards", metavar="DIR", help="where the Pythons of the boards are kept (200 MB)")
    chosen = parser.parse_args()
    unknown = set(chosen.boards) - {machine.folder for machine in EMULATED}
    if unknown:
        parser.error(f"no board {', '.join(sorted(unknown))}; there are {', '.join(m.folder for m in EMULATED)}")
    reason = missing() or (None if VECTORS.is_dir() else f"the recorded messages are not at {VECTORS}")
    if reason:
        print(f"boards: skipped: {reason}")
        return 0
    wanted = [machine for machine in EMULATED if not chosen.boards or machine.folder in chosen.boards]
    entries = vectors()
    text = "".join(f"{entry['schema']} {entry['hex']}\n" for entry in entries)
    own = run_here([sys.executable, PROGRAM], input=text, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    if own.returncode:
        print(f"boards: this machine's own library fails: {(own.stderr.strip().splitlines() or ['no message'])[-1]}", file=sys.stderr)
        return 1
    here = [json.loads(line) for line in own.stdout.splitlines()[1:]]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(AT_A_TIME) as pool:
        try:
            results = list(pool.map(lambda machine: board(machine, chosen.cache, Path(folder), entries, here), wanted))
            if any(machine.soft_float for machine in wanted):
                results.append(control(chosen.cache, Path(folder)))
        except Unavailable as problem:
            print(f"boards: skipped: {problem}")
            return 0
    print(f"boards: {sum(results)} of {len(results)} as they must be", flush=True)
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
