"""`python -m tools.import_pyplc_ini pyPlc.ini [--output FILE]`: a configuration of this box out of pyPLC's, and what does not go over."""
from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TextIO

if __package__ in (None, ""):                    # started as a folder: `import tools` must find the project
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from kernel.settings import SettingsError
from tools.import_pyplc_ini.convert import BadIni, Import, convert, read, text, verify

EXIT_USAGE = 2


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(prog="tools.import_pyplc_ini", description=(
        "Turns a pyPlc.ini into a configuration of this box: only what differs from our defaults, with comments. What is dangerous, unknown or has no "
        "counterpart is listed, not taken over. Exit code 0: done; 2: the file is not readable, or the output exists."))
    p.add_argument("ini", metavar="pyPlc.ini", help="the configuration of pyPLC")
    p.add_argument("--output", metavar="FILE", help="where to write the configuration (never over an existing file); default: standard output, the lists on standard error")
    return p


def report(imported: Import, out: TextIO) -> None:
    """Every list that has something in it, the dangerous first."""
    print(f"{len(imported.taken)} settings taken over, {imported.same} keys say what is the default here or nothing in this combination", file=out)
    for title, sentences in imported.lists():
        if sentences:
            print(f"\n{title}:", file=out)
            for sentence in sentences:
                print("  - " + "".join(c if c.isprintable() else " " for c in sentence), file=out)


def main(argv: list[str] | None = None, out: TextIO | None = None, err: TextIO | None = None) -> int:
    out, err = out or sys.stdout, err or sys.stderr
    args = parser().parse_args(argv)
    try:
        imported = convert(read(Path(args.ini)), args.ini)
        made = text(imported)
        verify(made, imported)
    except BadIni as error:
        print(f"tools.import_pyplc_ini: {error}", file=err)
        return EXIT_USAGE
    except SettingsError as error:
        print(f"tools.import_pyplc_ini: the result is refused by our own loader, nothing is written: {error}", file=err)
        return EXIT_USAGE
    if args.output is None:
        out.write(made)
        report(imported, err)
        return 0
    try:
        with open(args.output, "x", encoding="utf-8") as file:
            file.write(made)
    except FileExistsError:
        print(f"tools.import_pyplc_ini: {args.output} exists and is left as it is; name another file with --output, or move it away first.", file=err)
        return EXIT_USAGE
    except OSError as error:
        print(f"tools.import_pyplc_ini: {args.output} cannot be written ({error.strerror}).", file=err)
        return EXIT_USAGE
    report(imported, out)
    print(f"\nWritten and read back: {args.output}. Try it: main.py --config {args.output} --print-config", file=out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
