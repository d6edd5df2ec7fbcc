"""Plays every recorded session to our machines: python -m tests.replay [capture ...] [--side car] [--answers] [--write]."""
from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from exi_native import codec
from tests.captures import FOLDER
from tests.replay import report
from tests.replay.plays import SIDES, chosen, replays

LIST = Path(__file__).with_name("list.md")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.replay", description="Feeds each recorded peer's messages to our machine of the other "
                                     "side and compares its answers with what the recorded stack did. Exit code 1: a difference without a reason.")
    parser.add_argument("capture", nargs="*", help="only captures whose names contain one of these words")
    parser.add_argument("--side", choices=SIDES, help="only our charger, or only our car")
    parser.add_argument("--answers", action="store_true", help="list each of our answers beside the recorded one")
    parser.add_argument("--write", action="store_true", help=f"write the list to {LIST.name} (all captures)")
    asked = parser.parse_args()
    if not chosen(asked.capture):
        print(f"replay: no such capture in {FOLDER}", file=sys.stderr)
        return 2
    if asked.write and (asked.capture or asked.side):
        parser.error("--write wants all captures and both sides")
    began = time.monotonic()
    done = []
    for replay in replays(asked.capture, codec.load(), (asked.side,) if asked.side else SIDES):
        done.append(replay)
        print(report.line(replay), flush=True)
        for result in replay.results if asked.answers else ():
            print("\n".join(report.answers(result)))
    print("", *report.table(done), "", sep="\n")
    unexplained = [f"{r.capture}, {r.side}: {text}" for r in done for text in r.unexplained()]
    for text in unexplained:
        print("unexplained:", text)
    print(f"{len(done)} replays, {sum(r.fed for r in done)} messages fed, {len(unexplained)} differences without a reason; {time.monotonic() - began:.1f} s")
    if asked.write:
        LIST.write_text(report.document(done), encoding="utf-8")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
