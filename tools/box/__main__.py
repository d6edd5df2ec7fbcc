"""`python -m tools.box info|verify|export|anonymise FILE`: looks into black box files."""
from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator

from drivers.blackbox.reader import Box, NotABox, read
from tools.box import info, verify

OK, BAD, USAGE, MISSING = 0, 1, 2, 3


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(prog="tools.box", description="Black box files (.ccsbox): what a box heard and did in a session. Played again by python -m tools.replay.",
                                epilog="Exit code: 0 ok; 1 the file is damaged, cut off or changed; 2 no black box file, or the command line is wrong; 3 the EXI library is missing.")
    commands = p.add_subparsers(dest="command", required=True, metavar="COMMAND")
    one = commands.add_parser("info", help="at one look: which box, when, with whom, how far, why it ended, what is in it")
    one.add_argument("files", nargs="+", metavar="FILE")
    one.add_argument("--json", action="store_true", help="one JSON object per file")
    one = commands.add_parser("verify", help="does every seal fit? The first place where one does not, and a fingerprint to be kept elsewhere")
    one.add_argument("files", nargs="+", metavar="FILE")
    one.add_argument("--json", action="store_true", help="one JSON object per file")
    one = commands.add_parser("export", help="parts of a file for other programs; - is the standard output")
    one.add_argument("file", metavar="FILE")
    one.add_argument("--pcapng", metavar="OUT", help="frames, without our own blocks")
    one.add_argument("--with-journal", action="store_true", help="with --pcapng: journal entries between the frames")
    one.add_argument("--journal", metavar="OUT", help="journal as text")
    one.add_argument("--signals", metavar="OUT", help="CSV: time, signal, value, unit")
    one.add_argument("--wide", action="store_true", help="with --signals: a column for each signal")
    one.add_argument("--only", metavar="NAME,NAME", default="", help="with --signals: these")
    one.add_argument("--can", metavar="OUT", help="CAN frames as candump -l writes them")
    one.add_argument("--config", metavar="OUT", help="settings that are not the default, as main.py --config reads them")
    one.add_argument("--notes", metavar="OUT", help="the notes of the tape as JSON lines")
    one = commands.add_parser("anonymise", help="a new file without addresses, identifiers, keys, names, places and dates, that can be sent to somebody")
    one.add_argument("file", metavar="FILE")
    one.add_argument("-o", "--output", metavar="OUT", required=True)
    one.add_argument("--keep-vendor", action="store_true", help="the first three octets of MAC addresses stay: who made the modem, the charger's controller")
    return p


def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    try:
        return {"info": _info, "verify": _verify, "export": _export, "anonymise": _anonymise}[args.command](args)
    except NotABox as wrong:
        print(wrong, file=sys.stderr)
    except BrokenPipeError:
        sys.stderr.close()
        return OK
    except OSError as wrong:
        print(f"{wrong.filename or 'the file'}: {wrong.strerror or wrong}", file=sys.stderr)
    return USAGE


def _info(args: argparse.Namespace) -> int:
    return _each(args, info.facts, info.as_text, lambda f: bool(f["problem"] or f["file"]["broken_seals"]))


def _verify(args: argparse.Namespace) -> int:
    return _each(args, verify.facts, verify.as_text, lambda f: not f["sound"])


def _each(args: argparse.Namespace, facts: Any, as_text: Any, is_bad: Any) -> int:
    """One file that is none must not hide the others."""
    worst = OK
    for name in args.files:
        try:
            found = facts(read(name))
        except NotABox as wrong:
            print(wrong, file=sys.stderr)
            worst = USAGE
            continue
        except OSError as wrong:
            print(f"{name}: {wrong.strerror or wrong}", file=sys.stderr)
            worst = USAGE
            continue
        print(json.dumps({"name": name, **found}, ensure_ascii=False) if args.json else as_text(name, found))
        worst = max(worst, BAD if is_bad(found) else OK)
    return worst


def _export(args: argparse.Namespace) -> int:
    wanted = [name for name in ("pcapng", "journal", "signals", "can", "config", "notes") if getattr(args, name)]
    if not wanted:
        print("nothing is asked for: --pcapng, --journal, --signals, --can, --config or --notes OUT", file=sys.stderr)
        return USAGE
    if any(_same(args.file, getattr(args, name)) for name in wanted):
        print(f"{args.file} would be overwritten", file=sys.stderr)
        return USAGE
    box = read(args.file)
    only = frozenset(filter(None, args.only.split(",")))
    if only - set(box.head["signals"]):
        print(f"no signals of this record: {', '.join(sorted(only - set(box.head['signals'])))}; it has {', '.join(sorted(box.head['signals']))}", file=sys.stderr)
        return USAGE
    for name in sorted(wanted, key=lambda one: getattr(args, one) == "-"):        # who reads the standard output may go away
        _export_one(name, getattr(args, name), box, only, args)
    if box.problem:
        print(f"{args.file}: {box.problem}; what stands before it was exported", file=sys.stderr)
        return BAD
    return OK


def _export_one(name: str, out: str, box: Box, only: frozenset[str], args: argparse.Namespace) -> None:
    from tools.box import export
    if name == "pcapng":
        _octets(out, export.capture(box, journal=args.with_journal))
    elif name == "signals":
        with _out(out) as file:
            export.signals(box, file, only, wide=args.wide)
    elif name == "config":
        text, remarks = export.settings(box)
        _text(out, [text])
        for remark in remarks:
            print(remark, file=sys.stderr)
    else:
        _text(out, {"journal": export.journal_lines, "can": export.candump, "notes": export.note_lines}[name](box))


def _anonymise(args: argparse.Namespace) -> int:
    from exi_native.codec import CodecUnavailable, load
    from tools.box.anonymise import CannotAnonymise, anonymise
    if _same(args.file, args.output):
        print(f"{args.file} would be overwritten; name another file with -o", file=sys.stderr)
        return USAGE
    box = read(args.file)
    try:
        made = anonymise(box, load(), keep_vendor=args.keep_vendor)
    except CodecUnavailable as missing:
        print(missing, file=sys.stderr)
        return MISSING
    except CannotAnonymise as why:
        print(f"{args.file}: {why}", file=sys.stderr)
        return BAD
    Path(args.output).write_bytes(made.octets)
    print(f"{args.output}: {made.names} names replaced; {made.blanked_frames} frames and {made.blanked_messages} V2G messages that could not be rewritten are zero now. "
          "Look into it before you send it: python -m tools.box export --journal - " + args.output)
    if box.problem:
        print(f"{args.file}: {box.problem}; the new file ends there", file=sys.stderr)
        return BAD
    return OK


def _same(one: str, other: str) -> bool:
    return other != "-" and Path(other).exists() and Path(one).exists() and Path(one).samefile(other)


def _octets(name: str, parts: Iterable[bytes]) -> None:
    if name == "-":
        for part in parts:
            sys.stdout.buffer.write(part)
        sys.stdout.buffer.flush()
        return
    with open(name, "wb") as file:
        file.writelines(parts)


def _text(name: str, lines: Iterable[str]) -> None:
    with _out(name) as file:
        file.writelines(lines)


@contextmanager
def _out(name: str) -> Iterator[Any]:
    if name == "-":
        yield sys.stdout
    else:
        with open(name, "w", encoding="utf-8", errors="backslashreplace") as file:
            yield file


if __name__ == "__main__":
    sys.exit(main())
