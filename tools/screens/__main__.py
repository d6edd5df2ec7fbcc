"""`python -m tools.screens`: every screen of the display on one sheet; `--check` compares it with the stored one, `--text NAME` prints one."""
from __future__ import annotations

import argparse
import fnmatch
import os
import sys
from pathlib import Path

from tasks.display.picture import as_text
from tools.screens.catalogue import catalogue
from tools.screens.sheet import changed, sheet_of

SHEET = Path(__file__).resolve().parents[2] / "tests" / "display" / "screens.png"
DIFFERENCE = "screens-difference.png"


def main(argv: list[str] | None = None) -> int:
    """0: done, or equal. 1: the sheet differs. 2: command line. 3: no Pillow, or no file."""
    parser = argparse.ArgumentParser(prog="tools.screens", description="every screen of the display")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help=f"compare with {SHEET.name}, name what changed, write {DIFFERENCE} (old above new)")
    what.add_argument("--write", action="store_true", help="renew the stored sheet: look at it before you commit it")
    what.add_argument("--output", metavar="FILE", help="write the sheet there")
    what.add_argument("--text", metavar="NAME", help="print the screens of this name, or of a pattern such as 'page-car-*', in the terminal")
    what.add_argument("--names", action="store_true", help="print the index of names (also without an option)")
    args = parser.parse_args(argv)
    screens = catalogue()
    try:
        if args.text is not None:
            return _text(screens, args.text)
        if args.check:
            return _check(screens)
        if args.write or args.output:
            target = SHEET if args.write else Path(args.output)
            sheet_of(screens).save(target, optimize=True)
            print(f"{len(screens)} screens in {target}, {target.stat().st_size} octets")
            return 0
        print("\n".join(sorted(screens)))
    except BrokenPipeError:                      # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except ImportError as error:
        print(f"tools.screens: pictures need Pillow ({error}): {sys.executable} -m pip install 'pillow<14'; --text needs none", file=sys.stderr)
        return 3
    except OSError as error:
        print(f"tools.screens: {error}", file=sys.stderr)
        return 3
    return 0


def _text(screens: dict[str, list[bytes]], pattern: str) -> int:
    names = fnmatch.filter(sorted(screens), pattern)
    if not names:
        near = [name for name in sorted(screens) if pattern in name][:8]
        print(f"tools.screens: no screen is called {pattern!r}; " + (f"near: {', '.join(near)}" if near else "--names lists all"), file=sys.stderr)
        return 2
    for name in names:
        print(name)
        print("\n".join(as_text(screens[name])))
    return 0


def _check(screens: dict[str, list[bytes]]) -> int:
    names = changed(screens, SHEET, Path(DIFFERENCE))
    if not names:
        print(f"{len(screens)} screens are as on {SHEET.name}")
        return 0
    print(f"{len(names)} of {len(screens)} screens differ from {SHEET.name} (old above new: {DIFFERENCE}); if that is meant: python -m tools.screens --write")
    print("\n".join(names))
    return 1


if __name__ == "__main__":
    sys.exit(main())
