"""Command line of the campaign: `python -m tests.exi.campaign run` compares with the oracle, `report` prints what is stored."""
from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from exi_native import codec
from exi_native.generate.model import Model
from exi_native.generate.schemas import SCHEMAS, SchemaRow
from exi_native.generate.source import schema_folder
from exi_native.generate.xsd import SchemaSet
from tests.exi.campaign import grammars, replay, results, shape
from tests.exi.campaign.compare import Bench, Findings, compare
from tests.exi.campaign.instances import Message, fragments, messages
from tests.exi.campaign.oracle import Oracle, OracleMissing, schema_package

#: Instances of each message; the task of the campaign asks for at least 200.
PER_MESSAGE = 200


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.exi.campaign", description=__doc__)
    chosen = parser.add_subparsers(dest="what", required=True)
    run = chosen.add_parser("run", help="make the instances, ask the oracle, compare, store (EXI_ORACLE_HOME, about 15 minutes)")
    run.add_argument("--schema", action="append", choices=[row.key for row in SCHEMAS], help="only this one (may be repeated)")
    run.add_argument("--per-message", type=int, default=PER_MESSAGE, metavar="N")
    run.add_argument("--message", help="only messages whose name contains this; nothing is stored")
    chosen.add_parser("grammar", help="compare all grammars with the oracle's state by state, and store their fingerprints")
    chosen.add_parser("shapes", help="read the XSDs again and store the shapes of the schemas")
    replay_parser = chosen.add_parser("replay", help="compare with the stored results, without the oracle")
    replay_parser.add_argument("--all", action="store_true", help="all instances, not only those that cover the points")
    chosen.add_parser("report", help="print what is stored")
    asked = parser.parse_args()
    rows = [row for row in SCHEMAS if getattr(asked, "schema", None) in (None, []) or row.key in asked.schema]
    try:
        if asked.what == "report":
            return report()
        if asked.what == "replay":
            return replayed(asked.all)
        if asked.what == "shapes":
            return shapes(rows)
        if asked.what == "grammar":
            return grammar(rows)
        return campaign(rows, asked.per_message, asked.message)
    except OracleMissing as problem:
        print(f"campaign: {problem}", file=sys.stderr)
        return 2


def shapes(rows: list[SchemaRow]) -> int:
    """Store the shape of each schema."""
    folder = schema_folder(schema_package(), Path())
    shape.SHAPES.mkdir(exist_ok=True)
    for row in rows:
        made = shape.from_model(row.key, row.module, Model(SchemaSet(folder / row.entry)))
        (shape.SHAPES / f"{row.key}.jsonl").write_text(shape.to_text(made))
        print(f"{row.key}: {len(made.records)} types, {len(made.globals)} global elements")
    return 0


def grammar(rows: list[SchemaRow]) -> int:
    """Walk both grammars of each schema in lockstep; store the oracle's fingerprints when nothing differs."""
    folder = schema_folder(schema_package(), Path())
    bad = 0
    with Oracle() as oracle:
        for row in rows:
            outcome = grammars.compare_schema(row, folder, oracle)
            print(outcome.line())
            for text in outcome.differences:
                print(f"  {text}")
            bad += bool(outcome.differences)
            if not outcome.differences:
                grammars.store(row.key, outcome.fingerprints)
    return 1 if bad else 0


def campaign(rows: list[SchemaRow], per_message: int, only: str | None) -> int:
    """Compare all instances; a schema without disagreement and uncovered points is stored."""
    exi = codec.load()
    bad = 0
    with Oracle() as oracle:
        for row in rows:
            started = time.monotonic()
            total = Findings()
            stored = results.SchemaResult(row.key)
            for fragment in (False, True):
                bench = Bench(shape.stored(row.key), exi, fragment)
                todo = [m for m in (fragments if fragment else messages)(bench.shape, bench.points) if only is None or only in m.name]
                for number, message in enumerate(todo, start=1):
                    result, found = compare(bench, message, per_message, oracle)
                    stored.messages.append(result)
                    total.add(found)
                    _progress(row.key, number, len(todo), message, total)
            print(file=sys.stderr)
            seconds = time.monotonic() - started
            line = summary(stored, total, seconds)
            print(line, flush=True)
            for text in (*total.described, *(f"not covered: {label}" for label in total.uncovered)):
                print(f"  {text}")
            if total.disagreements or total.uncovered:
                bad += 1
            elif only is None:
                stored.notes = [f"python -m tests.exi.campaign run --schema {row.key} --per-message {per_message}", line]
                path = results.write(stored)
                print(f"  stored in {path.name}, {path.stat().st_size} octets")
    return 1 if bad else 0


def replayed(everything: bool) -> int:
    """Compare with what is stored."""
    started = time.monotonic()
    total = replay.replay_all(codec.load(), everything, print)
    for text in total.wrong:
        print(f"  {text[:1000]}")
    print(f"all: {total.instances} instances, {total.points} points, {len(total.wrong)} wrong; {time.monotonic() - started:.1f} s")
    return 1 if total.wrong or not total.instances else 0


def summary(stored: results.SchemaResult, total: Findings, seconds: float) -> str:
    points = sum(one.points for one in stored.messages)
    return (f"{stored.key}: {len(stored.messages)} messages, {total.instances} instances ({total.octets} octets), {total.comparisons} "
            f"comparisons: {total.identical} written identically by the oracle, {total.other_form} with empty values in its other form, "
            f"{total.disagreements} disagreements; {points - len(total.uncovered)} of {points} points covered; {seconds:.0f} s")


def _progress(key: str, number: int, count: int, message: Message, total: Findings) -> None:
    if sys.stderr.isatty() or number == count or number % 20 == 0:
        end = "" if sys.stderr.isatty() else "\n"
        print(f"\r{key} {number}/{count} {total.instances} instances, {total.disagreements} disagreements  {message.name:50.50}",
              end=end, file=sys.stderr, flush=True)


def report() -> int:
    """Print the notes of every stored result, and the size of all files."""
    paths = sorted(results.STORED.glob("*.txt"))
    for path in paths:
        stored = results.read(path)
        latest = max(one.covered_after for one in stored.messages)
        print(stored.notes[2], f"(all points of a message after at most {latest} instances)")
    kept = [*paths, *shape.SHAPES.glob("*.jsonl"), *grammars.FOLDER.glob("*.txt")]
    print(f"{len(kept)} files, {sum(path.stat().st_size for path in kept)} octets")
    return 0 if paths else 1


if __name__ == "__main__":
    sys.exit(main())
