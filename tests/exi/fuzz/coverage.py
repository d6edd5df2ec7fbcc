"""What the corpus reaches: lines and branches of the interpreter (llvm-cov), events of the grammars, and what is never reached."""
from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Iterator

from exi_native.generated import SCHEMAS, names_of
from tests.exi.fuzz import build, campaign

EXAMPLES = 8  # of events that were not read; more would hide the table
SOURCES = sorted((build.LIBRARY / "src").glob("*.c"))


def inputs(folder: Path) -> Iterator[str]:
    """Seeds and corpus of every target as lines for the replay program; seeds also cut and within every bound."""
    for target in campaign.targets():
        direction, _, schema = target.partition("-")
        number = SCHEMAS[schema][0]
        for kind in ("seeds", "corpus"):
            place = folder / kind / target
            for path in sorted(place.iterdir()) if place.is_dir() else []:
                content = path.read_bytes()
                yield f"{direction} {number} {content.hex()}\n"
                if kind == "seeds" and direction == "decode":
                    yield f"cuts {number} {content[0]} {content[2:].hex()}\n"


def report(folder: Path) -> str:
    """Text of the report; needs clang, llvm-profdata and llvm-cov."""
    program = build.replay(folder / "bin" / "replay-coverage", "clang", build.COVERAGE)
    if not (folder / "seeds").is_dir():
        campaign.write_seeds(folder)
    raw, profile = folder / "coverage.profraw", folder / "coverage.profdata"
    done = subprocess.run([str(program)], input="".join(inputs(folder)), capture_output=True, text=True, check=True,
                          env={**os.environ, "LLVM_PROFILE_FILE": str(raw)})
    subprocess.run(["llvm-profdata", "merge", "-sparse", str(raw), "-o", str(profile)], check=True)
    lines = _llvm("report", program, profile, "-show-branch-summary=true")
    shown = _llvm("show", program, profile, "-show-line-counts=true")
    return "\n".join([lines, "Lines that no input reaches:", *_not_reached(shown), "", _grammar(done.stdout)])


def _llvm(what: str, program: Path, profile: Path, *options: str) -> str:
    done = subprocess.run(["llvm-cov", what, str(program), f"-instr-profile={profile}", *options, *map(str, SOURCES)],
                          capture_output=True, text=True, check=True)
    return done.stdout


def _not_reached(shown: str) -> list[str]:
    found, name = [], ""
    for line in shown.splitlines():
        if line.endswith(".c:"):
            name = Path(line[:-1]).name
        if re.match(r"\s*\d+\|\s*0\|", line):
            number, _, text = line.split("|", 2)
            if text.strip(" }"):
                found.append(f"  {name}:{number.strip()}: {text.strip()}")
    return found or ["  none"]


def _places(output: str, title: str) -> dict[int, set[int]]:
    return {int(schema): set(map(int, places.split())) for schema, places in re.findall(rf"^{title} (\d+)((?: \d+)*)$", output, re.M)}


def _grammar(output: str) -> str:
    """How many events (event code of a state) were read, of those that input can come to; and some that were not.

    The others of a table belong to abstract types that only xsi:type can name, or follow a wildcard; both are refused.
    """
    reached, reachable = _places(output, "reached"), _places(output, "reachable")
    lines = [f"{'schema':12} {'events read':>11} {'reachable':>9} {'in the table':>12}  not read: state and event (the first {EXAMPLES})"]
    for schema, (number, _) in SCHEMAS.items():
        # the productions of a table stand in the order of its states (emit_c.py)
        events = [f"{state[0]}: {' '.join(map(str, event[:2]))}" for state in names_of(schema).STATES for event in state[2]]  # type: ignore[arg-type]
        missing = [events[place] for place in sorted(reachable[number] - reached[number])]
        lines.append(f"{schema:12} {len(reached[number]):11,} {len(reachable[number]):9,} {len(events):12,}  {'; '.join(missing[:EXAMPLES])}")
    return "\n".join(lines)
