"""`python -m tools.pictures`: the wiring pictures of install/README.md; `--check` compares the stored ones, `--config FILE --output DIR` draws another box."""
from __future__ import annotations

import argparse
import sys
from pathlib import Path

from kernel.settings import SettingsError, build
from tasks.config import Config
from tasks.config_file import load
from tools.pictures.canvas import faults
from tools.pictures.catalogue import catalogue

STORED = Path(__file__).resolve().parents[2] / "install" / "pictures"


def main(argv: list[str] | None = None) -> int:
    """0: done, or equal. 1: a picture differs, or cannot be read. 2: command line or configuration. 3: a file cannot be written or read."""
    parser = argparse.ArgumentParser(prog="tools.pictures", description="the wiring pictures, drawn from the settings")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--check", action="store_true", help=f"compare those of the defaults with {STORED}; names what differs")
    what.add_argument("--write", action="store_true", help="renew the stored ones: look at them before you commit them (rsvg-convert FILE -o FILE.png)")
    what.add_argument("--output", metavar="DIR", help="write them there")
    parser.add_argument("--config", metavar="FILE", help="with --output: the pins of this configuration")
    args = parser.parse_args(argv)
    if args.config and not args.output:
        parser.error("--config belongs to --output: the stored pictures are those of the defaults")
    try:
        pictures = catalogue(_settings(args.config) if args.config else None)
        if args.check:
            return _check({name: drawing.svg() for name, drawing in pictures.items()})
        folder = STORED if args.write else Path(args.output)
        folder.mkdir(parents=True, exist_ok=True)
        for name, drawing in pictures.items():
            (folder / name).write_text(drawing.svg(), encoding="utf-8")
            for fault in faults(drawing):
                print(f"{name}: {fault}", file=sys.stderr)
        print(f"{len(pictures)} pictures in {folder}")
        return int(any(faults(drawing) for drawing in pictures.values()))
    except (SettingsError, ValueError) as error:
        print(f"tools.pictures: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"tools.pictures: {error}", file=sys.stderr)
        return 3


def _settings(path: str) -> Config:
    values, lines = load(path)
    return build(Config, values, lines, path)


def _check(pictures: dict[str, str]) -> int:
    differing = [name for name, svg in pictures.items() if not (STORED / name).is_file() or (STORED / name).read_text(encoding="utf-8") != svg]
    differing += [f"{path.name} (nobody draws it)" for path in sorted(STORED.glob("*.svg")) if path.name not in pictures]
    if differing:
        print(f"not as drawn now: {', '.join(differing)}; if that is meant: python -m tools.pictures --write, and look at them")
        return 1
    print(f"{len(pictures)} pictures are as stored in {STORED}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
