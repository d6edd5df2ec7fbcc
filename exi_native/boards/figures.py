"""What the library costs: octets of each file, a bound of the stack that a call needs, and what loading adds to a process here."""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from . import build
from .table import BOARDS, SIZE_BUDGET, Board

# Run in a fresh interpreter, which prints KiB: the library alone, a Codec with its buffers, then one decoded handshake answer.
# Rss of smaps_rollup (proc(5)) counts resident pages, those shared with other processes too.
_LOADING = """
import ctypes, pathlib
import exi_native.library, exi_native.machine
def resident():
    rows = pathlib.Path("/proc/self/smaps_rollup").read_text().split("\\n")
    return next(int(row.split()[1]) for row in rows if row.startswith("Rss:"))
resident()
before = resident()
library = ctypes.PyDLL(str(exi_native.library.LIBRARY_FOLDER / exi_native.machine.this_machine().folders()[0] / "libccsexi.so"))
library.exi_abi_version()
alone = resident()
from exi_native import codec
engine = codec.load()
loaded = resident()
engine.decode("SAP", bytes.fromhex("804880"))
print(alone - before, loaded - alone, resident() - loaded)
"""


class Stack(NamedTuple):
    """Octets of stack: all functions together, and the greatest ones by name."""

    bound: int
    frames: tuple[tuple[str, int], ...]


def stack(root: Path, zig: build.Zig, board: Board, scratch: Path) -> Stack:
    """A bound for one call of the library: no function calls itself, so each frame lies on the stack once at most."""
    zig.compile(root, board, scratch / f"{board.folder}.stack", "-fstack-usage")
    frames: dict[str, int] = {}
    reports = sorted((scratch / "cache").glob("**/*.su"))
    for report in reports:
        for line in report.read_text().splitlines():  # file:line:function <tab> octets <tab> static
            place, octets, kind = line.split("\t")
            if kind != "static":
                raise build.BuildError(f"the stack of {place} is {kind}; every function of the library must have a frame of fixed size")
            frames[place] = int(octets)
        report.unlink()
    if not frames:
        raise build.BuildError("the compiler wrote no stack report (-fstack-usage), so that there is no figure to print")
    named = sorted(((place.rpartition(":")[2], octets) for place, octets in frames.items()), key=lambda row: -row[1])
    return Stack(sum(frames.values()), tuple(named))


def show(root: Path, zig: build.Zig, scratch: Path) -> None:
    """Print one line for each board and one for this machine."""
    for board in BOARDS:
        path = root / "lib" / board.folder / build.LIBRARY
        octets = f"{path.stat().st_size} octets of {SIZE_BUDGET}" if path.is_file() else "not built"
        need = stack(root, zig, board, scratch)
        greatest = ", ".join(f"{name} {size}" for name, size in need.frames[:3])
        print(f"library {board.folder}: {octets}; stack of a call at most {need.bound} octets in {len(need.frames)} functions ({greatest})", flush=True)
    loading = loading_here(root)
    print(f"library here: opening adds {loading[0]} KiB to a process, the codec with its buffers and modules {loading[1]} KiB, "
          f"the first message {loading[2]} KiB", flush=True)


def loading_here(root: Path) -> tuple[int, int, int]:
    """KiB of resident memory: library, Codec, first message; in a fresh Python on this machine."""
    done = subprocess.run([sys.executable, "-c", _LOADING], cwd=root.parent, check=True, capture_output=True, text=True)
    alone, loaded, used = map(int, done.stdout.split())
    return alone, loaded, used
