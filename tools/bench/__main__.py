"""`python -m tools.bench [NAME ...]`: prints figures; without a name: all but those that need root (veth, flood, nic) or valgrind (start)."""
from __future__ import annotations

import argparse
import importlib
import os
import sys

FIGURES = ("session", "kernel", "exi", "black_box", "guard", "safety", "slac", "modems", "decode", "scope", "adc", "can", "bridge", "oled", "tcp", "serial_line", "drivers", "live", "start", "veth", "flood", "nic")
ROOTS = ("start", "veth", "flood", "nic")


def main(argv: list[str] | None = None) -> int:
    """Run the named benchmarks in order."""
    parser = argparse.ArgumentParser(prog="tools.bench", description="prints figures beside a limit or a peer; never judges")
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help=f"one or more of {', '.join(FIGURES)}; default: all but {', '.join(ROOTS)}, which need root or valgrind")
    names = parser.parse_args(argv).figures or [f for f in FIGURES if f not in ROOTS]
    for name in names:
        if name not in FIGURES:
            print(f"tools.bench: there is no figure {name!r}; known are {', '.join(FIGURES)}", file=sys.stderr)
            return 2
    try:
        for name in names:
            importlib.import_module(f"tools.bench.{name}").main()
    except BrokenPipeError:                      # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
