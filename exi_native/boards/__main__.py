"""Command line: `python -m exi_native.boards` builds the libraries of all boards, `--check` builds them anew and compares."""
from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Optional

from exi_native.machine import this_machine

from . import build, elf, figures
from .table import BOARDS, Board

AT_A_TIME = 2


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m exi_native.boards", description=__doc__)
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--check", action="store_true", help="write nothing; fail when a checked-in library is not, octet for octet, what the sources give")
    group.add_argument("--here", action="store_true", help="only for this machine, with its own C compiler: for machines that are not in the table")
    group.add_argument("--figures", action="store_true", help="print size, stack bound and what loading adds to a process")
    parser.add_argument("--cc", default="cc", metavar="COMMAND", help="compiler of --here (default: cc)")
    parser.add_argument("--folder", metavar="NAME", help="folder of --here in lib/ (default: the one that the loader looks for here)")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    try:
        if chosen.here:
            return _here(chosen.root, chosen.cc, chosen.folder or this_machine().folders()[0])
        with tempfile.TemporaryDirectory() as scratch:
            zig = build.Zig(Path(scratch))
            if chosen.figures:
                figures.show(chosen.root, zig, Path(scratch))
                return 0
            return _boards(chosen.root, zig, Path(scratch), chosen.check)
    except build.BuildError as problem:
        print(f"exi_native.boards: {problem}", file=sys.stderr)
        return 2


def _boards(root: Path, zig: build.Zig, scratch: Path, check: bool) -> int:
    def compiled(board: Board) -> bytes:
        out = scratch / board.folder
        zig.compile(root, board, out)
        return out.read_bytes()

    code = 0
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for board, library in zip(BOARDS, pool.map(compiled, BOARDS)):
            problem: Optional[str] = "; ".join(elf.faults(library, board)) or None
            place = root / "lib" / board.folder
            record = build.record(root, board.folder, board.compiler(), library).encode()
            state = "as checked in"
            if problem is None and check:
                there = place / build.LIBRARY
                if not there.is_file():
                    problem = "is not there; run python -m exi_native.boards"
                elif there.read_bytes() != library:
                    problem = "is not what the sources give; run python -m exi_native.boards"
                elif not (place / build.RECORD).is_file() or (place / build.RECORD).read_bytes() != record:
                    problem = "has a hash record of something else; run python -m exi_native.boards"
            elif problem is None:
                changed = build.write(place / build.LIBRARY, library)
                state = "written" if build.write(place / build.RECORD, record) or changed else "unchanged"
            if problem is None:
                print(f"lib/{board.folder}: {len(library)} octets, {state} ({board.what})", flush=True)
            else:
                code = 1
                print(f"exi_native.boards: lib/{board.folder}/{build.LIBRARY} {problem}", file=sys.stderr)
    return code


def _here(root: Path, compiler: str, folder: str) -> int:
    out = root / "lib" / folder / build.LIBRARY
    build.compile_here(root, compiler, out)
    version = subprocess.run([*compiler.split(), "--version"], capture_output=True, text=True).stdout.split("\n")[0]
    build.write(out.with_name(build.RECORD), build.record(root, folder, f"{compiler}: {version}", out.read_bytes()).encode())
    print(f"lib/{folder}: {out.stat().st_size} octets, by {version or compiler}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
