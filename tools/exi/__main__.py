"""`python -m tools.exi`: what does this EXI message say, why does it not decode, which bit means what?"""
from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import BinaryIO, TextIO

if __package__ in (None, ""):                    # started as a folder: `import tools` must find the project
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from exi_native.codec import Codec, CodecUnavailable, ExiError, load
from exi_native.generated import SCHEMAS
from tools.exi.bits import Bits
from tools.exi.decoding import JSON, LINE, TEXT, Decoding
from tools.exi.encoding import MAX_JSON, documents, encode, framed
from tools.exi.explain import Explain
from tools.exi.inputs import STDIN, BadInput, Inputs
from tools.exi.json_form import WrongJson
from tools.exi.names import Names
from tools.exi.which import BY_PAYLOAD, Which

EXIT_NOT_DECODED = 1
EXIT_USAGE = 2
COMMANDS = ("decode", "encode", "explain", "bits", "schemas")


def _schema(text: str) -> str:
    known = {key.upper(): key for key in SCHEMAS}
    name = text.upper().replace("-", "_")
    if name not in known:
        raise argparse.ArgumentTypeError(f"{text!r} is not one of {', '.join(SCHEMAS)}")
    return known[name]


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="tools.exi", description="Looks into EXI messages of DIN 70121 and ISO 15118. INPUT is hexadecimal text as it stands in a log "
        "(spaces, colons, 0x, \\x, with or without V2GTP header), a file (text lines or binary), or - for standard input, which is also "
        "read without INPUT. Exit code 0: everything decoded; 1: something did not; 2: the command line is wrong or the input unreadable. "
        "Without a command: decode.")
    commands = p.add_subparsers(dest="command", required=True, metavar="COMMAND")
    decode = _command(commands, "decode", "show messages as text, lines or JSON")
    form = decode.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_const", dest="form", const=JSON, help="one JSON object per message, as encode reads it")
    form.add_argument("--line", action="store_const", dest="form", const=LINE, help="one line per message, only the values that matter")
    decode.add_argument("--full", action="store_true", help="do not cut long values")
    decode.set_defaults(form=TEXT)
    explain = _command(commands, "explain", "say why a message does not decode, and where")
    bits = _command(commands, "bits", "show what every bit of a message means")
    for command in (explain, bits):
        command.add_argument("--colour", choices=("auto", "always", "never"), default="auto", help="auto: only on a terminal")
    bits.add_argument("--full", action="store_true", help="show all bits of long values")
    encode_ = _command(commands, "encode", "turn JSON into octets (hexadecimal, one line per document)", "JSON")
    encode_.add_argument("--v2gtp", action="store_true", help="put the V2GTP header before it")
    encode_.add_argument("--binary", action="store_true", help="write the octets themselves")
    commands.add_parser("schemas", help="list the schemas, how a message names them, and their root elements")
    return p


def _command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, text: str, what: str = "INPUT") -> argparse.ArgumentParser:
    p = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    p.add_argument("input", nargs="*", metavar=what, help=f"{what} text, a file, or - (standard input)")
    p.add_argument("--schema", type=_schema, help=f"one of {', '.join(SCHEMAS)}; otherwise it is found out")
    p.add_argument("--fragment", action="store_true", help="an element for itself, as it is signed")
    return p


def main(argv: list[str] | None = None, stdin: BinaryIO | None = None, out: TextIO | None = None, err: TextIO | None = None) -> int:
    """The program; the streams are arguments so that a test can watch them."""
    words = list(sys.argv[1:] if argv is None else argv)
    out, err, stdin = out or sys.stdout, err or sys.stderr, stdin or sys.stdin.buffer
    if words and words[0] not in (*COMMANDS, "-h", "--help") or not words and not stdin.isatty():
        words.insert(0, "decode")
    arguments = parser().parse_args(words)
    try:
        codec = load()
    except CodecUnavailable as problem:
        print(f"tools.exi: {problem}", file=err)
        return EXIT_USAGE
    try:
        if arguments.command == "schemas":
            return _schemas(out)
        if arguments.input in ([], [STDIN]) and stdin.isatty():
            print("tools.exi: reading what you type or paste; end with Ctrl-D", file=err)
        if arguments.command == "encode":
            return _encode(arguments, codec, stdin, out, err)
        return _messages(arguments, codec, stdin, out, err)
    except BadInput as problem:
        out.flush()
        print(f"tools.exi: {problem}", file=err)
        return EXIT_USAGE
    except BrokenPipeError:                      # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:                    # the end of `tail -f |`
        return EXIT_NOT_DECODED


def _messages(arguments: argparse.Namespace, codec: Codec, stdin: BinaryIO, out: TextIO, err: TextIO) -> int:
    """decode, explain and bits: one result per message."""
    which = Which(codec)
    schema, fragment = arguments.schema or "", arguments.fragment
    inputs = Inputs(arguments.input, stdin, lambda found: which.ask(found, schema, fragment).best is not None)
    shows: Decoding | Explain | Bits
    if arguments.command == "decode":
        shows = Decoding(which, out, arguments.form, schema, fragment, arguments.full)
    else:
        colour = arguments.colour == "always" or arguments.colour == "auto" and out.isatty() and "NO_COLOR" not in os.environ
        shows = (Explain(codec, which, out, schema, fragment, colour) if arguments.command == "explain"
                 else Bits(codec, which, out, schema, fragment, colour, arguments.full))
    for found in inputs.messages():
        shows.show(found)
    if not shows.done and not shows.failed:
        raise BadInput(f"no message in the input (lines: {inputs.lines}); expected hexadecimal octets that begin with 80, or with a V2GTP header 01fe80..")
    if shows.failed and inputs.lines > 1:
        print(f"tools.exi: {shows.done} messages decoded, {shows.failed} did not", file=err)
    return EXIT_NOT_DECODED if shows.failed else 0


def _encode(arguments: argparse.Namespace, codec: Codec, stdin: BinaryIO, out: TextIO, err: TextIO) -> int:
    text = _json_text(arguments.input, stdin)
    which = Which(codec)
    code = 0
    done = 0
    for line, document in documents(text):
        try:
            schema, octets = encode(codec, which, document, arguments.schema or "", arguments.fragment)
            octets = framed(schema, octets) if arguments.v2gtp else octets
        except (WrongJson, ExiError) as problem:
            print(f"tools.exi: line {line}: {problem}", file=err)
            code = EXIT_NOT_DECODED
            continue
        done += 1
        if arguments.binary:
            out.buffer.write(octets)
        else:
            out.write(octets.hex() + "\n")
        out.flush()
    if not done and not code:
        raise BadInput("there is no JSON document in the input")
    return code


def _json_text(words: list[str], stdin: BinaryIO) -> str:
    """The JSON of the command line, of a file, or of standard input."""
    try:
        if words in ([], [STDIN]):
            data = stdin.read(MAX_JSON + 1)
        elif words[0].lstrip()[:1] in ("{", "["):
            return " ".join(words)
        elif len(words) == 1:
            with open(words[0], "rb") as file:
                data = file.read(MAX_JSON + 1)
        else:
            raise BadInput("expected one JSON text or one file")
    except (OSError, ValueError) as trouble:
        raise BadInput(f"{words[0][:60]} is neither JSON nor a file: {trouble}") from None
    if len(data) > MAX_JSON:
        raise BadInput(f"more than {MAX_JSON} octets of JSON")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise BadInput(f"the input is no UTF-8 text (octet {problem.start}); encode reads JSON") from None


def _schemas(out: TextIO) -> int:
    for schema in SCHEMAS:
        names = Names(schema)
        kinds = ", ".join(f"0x{kind:04X}" for kind, schemas in BY_PAYLOAD.items() if schema in schemas) or "-"
        roots = [name for name in names.documents if names.is_message(name)]
        out.write(f"{schema:<11} V2GTP {kinds:<22} {len(names.documents)} documents, {len(names.fragments)} fragments; "
                  f"messages: {', '.join(roots) or 'none'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
