"""`python -m tools.decode FILE...` or `python tools/decode FILE...`: what happened in these captures?"""
from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

if __package__ in (None, ""):                    # started as a folder: `import tools` must find the project
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from exi_native.codec import CodecUnavailable, load
from kernel.timer import S
from tasks.listen.exi import decoder
from tasks.listen.record import Layer
from tools.decode import output, values_csv
from tools.decode.run import EXIT_USAGE, Options, account, decode_file
from tools.decode.table import table
from tools.decode.wireshark import export

_WORDS = {layer.value: layer for layer in Layer}
_HIDDEN = (Layer.ACK, Layer.OTHER)


def _kinds(text: str) -> frozenset[Layer]:
    chosen = []
    for word in filter(None, (w.strip() for w in text.split(","))):
        if word not in _WORDS:
            raise argparse.ArgumentTypeError(f"{word!r} is not one of {', '.join(_WORDS)}")
        chosen.append(_WORDS[word])
    return frozenset(chosen)


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="tools.decode", description="Decodes pcap and pcapng captures of charging sessions. Not listed by default, but counted: "
        "bare TCP acknowledgements and foreign traffic (see --all). Exit code 0: read to the end; 1: a file is damaged, what was "
        "readable is shown; 2: not a capture file.")
    p.add_argument("files", nargs="*", metavar="FILE", help="black box files (.ccsbox), captures (pcap, pcapng, SPI trace), pyPLC's EXI logs, text logs of Clara or pyPLC; which, the content says")
    p.add_argument("--summary", action="store_true", help="only the summary")
    p.add_argument("--json", action="store_true", help="one JSON object per line, the summary last")
    p.add_argument("--v2g", action="store_true", help="list only V2G messages")
    p.add_argument("--all", action="store_true", help="list every frame, acknowledgements and foreign traffic too")
    p.add_argument("--no-frames", metavar="KINDS", type=_kinds, default=frozenset(),
                   help=f"do not list these kinds (comma separated: {', '.join(_WORDS)}); they are still counted")
    p.add_argument("--from", dest="begin", metavar="SECONDS", type=float, help="list from this time of the capture on")
    p.add_argument("--to", dest="end", metavar="SECONDS", type=float, help="read no further than this time of the capture")
    p.add_argument("--wireshark", metavar="OUT.pcapng", help="write the capture for Wireshark, with every message, the beginning of each phase and the verdict as packet comments")
    p.add_argument("--csv", action="store_true", help="values over time as CSV, a row per V2G message; with --table: the table as CSV")
    p.add_argument("--table", metavar="FOLDER", help="a row per session of a whole folder: vendor, car, protocol, CableCheck, PreCharge, how far, why it ended")
    p.add_argument("--account", action="store_true", help="only a table: capture, frames, decoded, named, malformed")
    return p


def main(argv: list[str] | None = None, keys: bool = True) -> int:
    """Exit code. `keys`: network keys are shown."""
    p = parser()
    arguments = p.parse_args(argv)
    if bool(arguments.files) == bool(arguments.table):
        p.error("expected FILE..., or --table FOLDER without one")
    if arguments.table and not os.path.isdir(arguments.table):
        p.error(f"--table {arguments.table}: expected a folder")
    if arguments.csv and (arguments.json or arguments.summary or arguments.account):
        p.error("--csv gives rows only: not together with --json, --summary or --account")
    if arguments.wireshark and (len(arguments.files) != 1 or arguments.csv or arguments.account or arguments.json or arguments.begin is not None or arguments.end is not None):
        p.error("--wireshark writes one whole file: one FILE, without --csv, --account, --json, --from and --to")
    layers = frozenset(Layer) if arguments.all else frozenset(Layer) - frozenset(_HIDDEN)
    if arguments.v2g or arguments.csv:
        layers = frozenset((Layer.V2G,))
    options = Options(layers - arguments.no_frames, arguments.summary, arguments.json,
                      None if arguments.begin is None else int(arguments.begin * S),
                      None if arguments.end is None else int(arguments.end * S), "" if arguments.csv else None)
    try:
        decode = decoder(load())
    except CodecUnavailable as problem:
        print(f"tools.decode: {problem}", file=sys.stderr)
        return EXIT_USAGE
    out = output.Output(sys.stdout, keys)
    try:
        if arguments.wireshark:
            code, sentence = export(arguments.files[0], arguments.wireshark, decode, sys.stderr, keys)
            print(sentence, file=sys.stderr if code else sys.stdout)
            return code
        if arguments.table:
            return table(arguments.table, decode, arguments.csv, out, sys.stderr)
        if arguments.csv:
            out.line(values_csv.header() if len(arguments.files) == 1 else "file," + values_csv.header())
        if arguments.account:
            return account(arguments.files, decode, out, sys.stderr)
        code = 0
        for path in arguments.files:
            if len(arguments.files) > 1 and not (arguments.json or arguments.csv):
                out.line(f"=== {path}")
            if arguments.csv and len(arguments.files) > 1:
                options.csv = values_csv.name(path) + ","
            code = max(code, decode_file(path, decode, options, out, sys.stderr))
        out.flush()
        return code
    except BrokenPipeError:                      # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(main())
