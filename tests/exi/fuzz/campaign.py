"""Runs the libFuzzer targets one after the other, and keeps a log of what was executed on which sources."""
from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from dataclasses import asdict, dataclass
from hashlib import sha1
from pathlib import Path
from typing import Iterator, Optional

from exi_native import codec
from exi_native.generated import SCHEMAS, TABLE_HASH
from exi_native.library import open_library
from tests.exi.fuzz import build, hostile, seeds

DIRECTIONS = ("decode", "encode")
LONGEST_INPUT = 4096        # octets; a V2G message of that length takes 40 µs
SLICE_SECONDS = 60          # one target runs that long before the next one
HANG_SECONDS = 10           # libFuzzer calls an input that takes longer a finding; usual is 10 µs
MEMORY_MEGABYTES = 2048
QUARANTINE_MEGABYTES = 16   # freed memory that the address sanitizer holds back; only libFuzzer itself allocates
NICENESS = 10
CORPUS_FILES = 5000         # libFuzzer keeps every input that it made smaller; beyond this many the corpus is merged


@dataclass(frozen=True)
class Run:
    """One line of the log."""

    target: str
    sanitizer: str
    executions: int
    seconds: float
    edges: int          # of the program, of the interpreter's places in the grammar too: libFuzzer's "ft" (features)
    features: int
    inputs: int         # kept in the corpus
    sources: str        # build.fingerprint()
    finished: str       # UTC
    finding: str        # file with the input, or empty


def targets() -> list[str]:
    return [f"{direction}-{schema}" for schema in SCHEMAS for direction in DIRECTIONS]


def _all_seeds(exi: codec.Codec) -> Iterator[seeds.Seed]:
    yield from seeds.recorded()
    for schema in SCHEMAS:
        own = list(seeds.own(exi, schema))
        yield from (*seeds.roots(schema), *own)
        for case in hostile.of_schema(exi, schema, own):
            if len(case.octets) <= seeds.SEED_OCTETS:
                yield seeds.Seed(schema, case.flags, case.octets)


def write_seeds(folder: Path) -> dict[str, int]:
    """Seeds for every target below `folder`/seeds; the number of files of each."""
    exi = codec.load()
    library = open_library(None, TABLE_HASH)
    counts = dict.fromkeys(targets(), 0)
    for seed in _all_seeds(exi):
        inputs = {"decode": [bytes((seed.flags, 0)) + seed.octets],
                  "encode": [bytes((seed.flags, 0, 0)) + seed.octets, seeds.raw_tape(library, seed)]}
        for direction, contents in inputs.items():
            target = f"{direction}-{seed.schema}"
            place = folder / "seeds" / target
            place.mkdir(parents=True, exist_ok=True)
            for content in contents:
                if 0 < len(content) <= LONGEST_INPUT:
                    (place / sha1(content).hexdigest()).write_bytes(content)
            counts[target] = len(list(place.iterdir()))
    return counts


def run_slice(folder: Path, target: str, sanitizer: str, program: Path, sources: str, executions: int, seconds: int) -> Run:
    """Run one target for so many executions or seconds, whichever is over first; `sources`: what `program` was built from."""
    corpus, found = folder / "corpus" / target, folder / "findings"
    corpus.mkdir(parents=True, exist_ok=True)
    found.mkdir(parents=True, exist_ok=True)
    before = set(found.iterdir())
    command = [str(program), str(corpus), str(folder / "seeds" / target), f"-max_len={LONGEST_INPUT}", f"-runs={executions}",
               f"-max_total_time={seconds}", f"-timeout={HANG_SECONDS}", f"-rss_limit_mb={MEMORY_MEGABYTES}", "-detect_leaks=0",
               "-print_final_stats=1", f"-artifact_prefix={found}/{target}-"]
    started = time.monotonic()
    done = _libfuzzer(command, target)
    took = time.monotonic() - started
    (folder / "logs").mkdir(exist_ok=True)
    (folder / "logs" / f"{target}.txt").write_text(done.stderr[-20000:])
    counted = re.search(r"stat::number_of_executed_units:\s*(\d+)", done.stderr)
    status = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)", done.stderr)
    edges, features, inputs = map(int, status[-1]) if status else (0, 0, 0)
    new = sorted(set(found.iterdir()) - before)
    finding = str(new[0]) if new else "" if done.returncode == 0 else f"exit code {done.returncode}, see logs/{target}.txt"
    return Run(target, sanitizer, int(counted[1]) if counted else 0, round(took, 1), edges, features, inputs, sources,
               time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), finding)


def _libfuzzer(command: list[str], target: str) -> subprocess.CompletedProcess[str]:
    direction, _, schema = target.partition("-")
    environment = {**os.environ, "EXI_FUZZ": f"{direction} {SCHEMAS[schema][0]}",
                   "ASAN_OPTIONS": f"quarantine_size_mb={QUARANTINE_MEGABYTES}:malloc_context_size=0"}
    return subprocess.run(["nice", "-n", str(NICENESS), *command], env=environment, capture_output=True, text=True, errors="replace")


def merge(folder: Path, target: str, program: Path) -> int:
    """Keep only the inputs of a large corpus that reach something; the number of files that are left."""
    corpus, merged = folder / "corpus" / target, folder / "corpus" / f"{target}.merged"
    before = len(list(corpus.iterdir())) if corpus.is_dir() else 0
    if before <= CORPUS_FILES:
        return before
    shutil.rmtree(merged, ignore_errors=True)
    merged.mkdir()
    done = _libfuzzer([str(program), "-merge=1", f"-max_len={LONGEST_INPUT}", "-detect_leaks=0", str(merged), str(corpus)], target)
    if done.returncode != 0:
        return before  # the run itself will say what is wrong with an input
    shutil.rmtree(corpus)
    merged.rename(corpus)
    return len(list(corpus.iterdir()))


def append(folder: Path, run: Run) -> None:
    with open(folder / "log.jsonl", "a") as log:
        log.write(json.dumps(asdict(run)) + "\n")


def read(folder: Path) -> Iterator[Run]:
    path = folder / "log.jsonl"
    for line in path.read_text().splitlines() if path.is_file() else []:
        yield Run(**json.loads(line))


def table(folder: Path, sources: Optional[str] = None) -> str:
    """Executions of each target and in total: with sanitizers, without, and how many of them on these sources."""
    sources = sources or build.fingerprint()
    lines = [f"{'target':20} {'sanitized':>12} {'without':>12} {'per second':>10} {'features':>8} {'inputs':>7} {'these sources':>13}  findings"]
    rows = list(read(folder))
    everything = [0, 0, 0, 0.0, 0]
    for target in targets():
        own = [r for r in rows if r.target == target]
        sanitized = sum(r.executions for r in own if r.sanitizer != "none")
        without = sum(r.executions for r in own if r.sanitizer == "none")
        here = sum(r.executions for r in own if r.sources == sources)
        seconds = sum(r.seconds for r in own)
        findings = sum(1 for r in own if r.finding)
        lines.append(f"{target:20} {sanitized:12,} {without:12,} {(sanitized + without) / seconds if seconds else 0:10,.0f} "
                     f"{max((r.features for r in own), default=0):8,} {own[-1].inputs if own else 0:7,} {here:13,}  {findings}")
        for at, value in enumerate((sanitized, without, here, seconds, findings)):
            everything[at] += value
    sanitized, without, here, seconds, findings = everything
    lines.append(f"{'total':20} {sanitized:12,} {without:12,} {(sanitized + without) / seconds if seconds else 0:10,.0f} "
                 f"{'':8} {'':7} {here:13,}  {findings}")
    lines.append(f"total {sanitized + without:,} executions in {seconds:,.0f} s; sources {sources[:12]}")
    return "\n".join(lines)
