"""`python -m tools.replay FILE...`: does today's code do what the recorded box did?"""
from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any, Sequence

from drivers.blackbox.reader import Box, NotABox, read
from exi_native import codec
from kernel.realtime import settle_garbage
from kernel.timer import S
from tasks.v2g.session import SCHEMAS
from tools.replay import leaving, report
from tools.replay.engine import CannotPlay, Replay
from tools.simulate.fleet import choose

SUFFIX = ".ccsbox"
IDENTICAL, DIFFERENT, UNREADABLE = 0, 1, 2
PROGRESS_S = 2.0             # without a word on a terminal
STEP = 200                   # visits between two looks at the clock


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m tools.replay", description=(
        "Plays black box files to today's code on virtual time and compares everything that it does: frames, commands to devices, signals, words. "
        "Nothing is sent and nothing moves."), epilog="Exit code 0: identical. 1: there are differences. 2: a file cannot be played. With --live-from: 0 it went on in order, 1 it did not.")
    made.add_argument("files", nargs="+", metavar="FILE", help="a black box file, or a folder: all of them below it become one report")
    made.add_argument("--until", type=float, metavar="S", help="stop so many seconds after the tape began")
    made.add_argument("--displays", action="store_true", help="compare also what displays and broker were told")
    made.add_argument("--all", action="store_true", help="every difference, not only the first ones")
    made.add_argument("--json", action="store_true", help="one JSON object per file")
    leaving.add_options(made)
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code, see --help."""
    command = parser()
    args = command.parse_args(argv)
    if args.charger == choose.LIST:
        print(choose.listing())
        return IDENTICAL
    if args.live_from is None and (args.deed or args.charger or args.vehicle or args.pcap):
        command.error("--deed, --charger, --vehicle and --pcap belong to --live-from")
    paths = [path for given in args.files for path in _files(Path(given))]
    if not paths:
        print(f"No black box file (*{SUFFIX}) below {', '.join(args.files)}.", file=sys.stderr)
        return UNREADABLE
    library = codec.load(schemas=SCHEMAS)
    settle_garbage()
    results = [play(path, args, library) for path in paths]
    if len(results) > 1 and not args.json:
        print(f"\n{results.count(IDENTICAL)} of {len(results)} identical, {results.count(DIFFERENT)} with differences, {results.count(UNREADABLE)} cannot be played")
    return max(results)


def play(path: Path, args: argparse.Namespace, library: Any) -> int:
    """One file, told."""
    try:
        box = read(path)
        replay = Replay(box, library, quiet=args.displays)
    except OSError as error:
        print(f"{path}: cannot be read ({error.strerror or error})", file=sys.stderr)
        return UNREADABLE
    except NotABox as reason:                        # it names the file itself
        print(reason, file=sys.stderr)
        return UNREADABLE
    except CannotPlay as reason:
        print(f"{path}: {reason}", file=sys.stderr)
        return UNREADABLE
    if args.live_from is not None:
        return leaving.leave(str(path), box, replay, args, library)
    began = time.process_time()
    _run(replay, box, args.until)
    cpu = time.process_time() - began
    if args.json:
        print(json.dumps(report.as_dict(str(path), box, replay, cpu)))
    else:
        print("\n".join(report.lines(str(path), box, replay, cpu, library, all_of_them=args.all)))
    return IDENTICAL if replay.identical else DIFFERENT


def _run(replay: Replay, box: Box, until_s: float | None) -> None:
    """With a line of progress on a terminal when it takes long."""
    begin = int(box.head.get("tape_from_ns", 0))
    until = None if until_s is None else begin + int(until_s * S)
    terminal, shown, told = sys.stderr.isatty(), time.monotonic(), False
    while replay.step() and (until is None or replay.now < until):
        if terminal and replay.visits % STEP == 0 and time.monotonic() - shown > PROGRESS_S:
            shown, told = time.monotonic(), True
            sys.stderr.write(f"\r{(replay.now - begin) / S:.0f} s played, {replay.counted} differences ")
            sys.stderr.flush()
    if told:
        sys.stderr.write("\r" + " " * 60 + "\r")
    replay.finish(whole=until is None)


def _files(path: Path) -> list[Path]:
    return sorted(path.rglob(f"*{SUFFIX}")) if path.is_dir() else [path]


if __name__ == "__main__":
    sys.exit(main())
