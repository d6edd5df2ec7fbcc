"""Fuzzes the EXI library: python -m tests.exi.fuzz [run|coverage|corpus|totals|reproduce FILE ...]."""
from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from tests.exi.fuzz import build, campaign, coverage

FOLDER = Path(__file__).resolve().parents[3] / "build" / "fuzz"
DEFAULT_EXECUTIONS = 1_000_000


def run(folder: Path, wanted: list[str], sanitizer: str, executions: int) -> int:
    """Every target until it has so many executions on the present sources, a slice of each in turn; 1 after a finding."""
    sources = build.fingerprint()
    program = build.fuzzer(folder / "bin" / f"fuzz-{sanitizer}", sanitizer)
    print(f"seeds: {sum(campaign.write_seeds(folder).values())} files below {folder / 'seeds'}", flush=True)
    print(f"corpus: {sum(campaign.merge(folder, target, program) for target in wanted)} inputs", flush=True)
    left = dict.fromkeys(wanted, executions)
    failed = False
    while left:
        for target in list(left):
            done = campaign.run_slice(folder, target, sanitizer, program, sources, left[target], campaign.SLICE_SECONDS)
            campaign.append(folder, done)
            left[target] -= done.executions
            print(f"{target:20} {done.executions:>10,} in {done.seconds:5.1f} s, {done.executions / max(done.seconds, 0.1):9,.0f}/s, "
                  f"features {done.features}, corpus {done.inputs} {'FINDING ' + done.finding if done.finding else ''}", flush=True)
            if done.finding:
                failed = True
                left.pop(target)
            elif left[target] <= 0:
                left.pop(target)
    print(campaign.table(folder, sources))
    return 1 if failed else 0


def reproduce(folder: Path, files: list[Path]) -> int:
    """Run inputs again (DIRECTION-SCHEMA-... is the name of a finding), and print the line for regressions.txt."""
    program = build.replay(folder / "bin" / "replay", build.find("clang", "cc") or "cc")
    code = 0
    for path in files:
        direction, schema = path.name.split("-")[:2]
        line = f"{direction} {campaign.SCHEMAS[schema][0]} {path.read_bytes().hex()}"
        print(line)
        done = subprocess.run([str(program)], input=line + "\n", capture_output=True, text=True)
        print("holds" if done.returncode == 0 else done.stderr)
        code |= done.returncode
    return 1 if code else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.exi.fuzz", description=__doc__)
    parser.add_argument("what", nargs="?", default="run", choices=("run", "coverage", "corpus", "totals", "reproduce"))
    parser.add_argument("files", nargs="*", type=Path, help="reproduce: the inputs")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="programs, corpus, findings, log (default: build/fuzz)")
    parser.add_argument("--targets", default="", help="such as decode-DIN,encode-DIN (default: all)")
    parser.add_argument("--sanitizer", default="address", choices=tuple(build.SANITIZERS), help="address means address and undefined")
    parser.add_argument("--executions", type=int, default=DEFAULT_EXECUTIONS, help="of each target (default: %(default)s)")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    wanted = options.targets.split(",") if options.targets else campaign.targets()
    unknown = sorted(set(wanted) - set(campaign.targets()))
    if unknown:
        parser.error(f"no target {', '.join(unknown)}; there are {', '.join(campaign.targets())}")
    try:
        if options.what == "run":
            return run(options.folder, wanted, options.sanitizer, options.executions)
        if options.what == "coverage":
            print(coverage.report(options.folder))
        elif options.what == "corpus":
            for target, count in campaign.write_seeds(options.folder).items():
                print(f"{target:20} {count:6} seeds")
        elif options.what == "totals":
            print(campaign.table(options.folder))
        else:
            return reproduce(options.folder, options.files)
    except build.NoCompiler as problem:
        print(problem, file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
