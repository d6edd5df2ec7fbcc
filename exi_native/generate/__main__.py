"""Command line of the generator: `python -m exi_native.generate` writes the files, `--check` compares them."""
from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from . import check, output, source


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m exi_native.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when the checked-in files differ from the schemas")
    parser.add_argument("--xsd", type=Path, metavar="DIR", help="folder with V2G_CI_AppProtocol.xsd and din_spec/ (or a folder that "
                        "iso15118 was installed into); without it pip downloads the package into a temporary folder")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as scratch:
            files = output.generate(source.schema_folder(chosen.xsd, Path(scratch)))
    except (source.SourceError, output.SchemaError) as problem:
        print(f"exi_native.generate: {problem}", file=sys.stderr)
        return 2
    if not chosen.check:
        changed = output.write(chosen.root, files)
        print(f"{len(changed)} of {len(files)} files changed" + ("; now run python -m exi_native.boards" if changed else ""))
        return 0
    problems = check.generated_files(chosen.root, files) + check.libraries(chosen.root)
    for problem_sentence in problems:
        print(f"exi_native.generate --check: {problem_sentence}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
