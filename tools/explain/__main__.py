"""`python -m tools.explain FILE...`: why did this session end, in plain words."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from exi_native.codec import CodecUnavailable, load
from tasks.listen.conversation import Decode
from tasks.listen.exi import decoder
from tools.explain import report
from tools.explain.explain import Explanation, explain
from tools.explain.sources.choose import material
from tools.explain.sources.material import Unreadable

IN_ORDER, NOT_IN_ORDER, UNREADABLE, MISSING = 0, 1, 2, 3


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="tools.explain",
        description="Explains a record of a charging session: what happened, whose matter it was, why, what to try. Exit code 0: charged "
        "in order; 1: it did not (or the record says too little); 2: not readable; 3: the EXI library is missing.",
    )
    p.add_argument("files", nargs="+", metavar="FILE", help="a black box file (.ccsbox), a capture (pcap, pcapng), an SPI trace (CSV), or the folder of a session")
    p.add_argument("--json", action="store_true", help="one JSON object per record")
    p.add_argument("--all", action="store_true", help="every cause that has something for it, with its name, score and source; every attempt")
    return p


def main(argv: list[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    try:
        decode = decoder(load())
    except CodecUnavailable as problem:
        print(f"tools.explain: {problem}", file=sys.stderr)
        return MISSING
    code = IN_ORDER
    try:
        for n, name in enumerate(arguments.files):
            explanation = _read(name, decode)
            if explanation is None:
                code = UNREADABLE
                continue
            if arguments.json:
                print(json.dumps(report.as_json(explanation)))
            else:
                if len(arguments.files) > 1:
                    print(f"{os.linesep if n else ''}=== {name}")
                _write(explanation, arguments.all)
            code = max(code, IN_ORDER if explanation.diagnosis.in_order else NOT_IN_ORDER)
        sys.stdout.flush()
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def _write(explanation: Explanation, every: bool) -> None:
    encoding = sys.stdout.encoding or "utf-8"
    for line in report.text(explanation, every):
        print(line.encode(encoding, "backslashreplace").decode(encoding))


def _read(name: str, decode: Decode) -> Explanation | None:
    """None, and a line on stderr: it cannot be read."""
    try:
        return explain(material(Path(name)), decode)
    except Unreadable as what:
        print(f"{name}: {what}", file=sys.stderr)
    except OSError as trouble:
        print(f"{name}: cannot be read: {trouble.strerror or trouble}", file=sys.stderr)
    return None


if __name__ == "__main__":
    sys.exit(main())
