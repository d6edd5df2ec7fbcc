"""`python -m tools.scope FILE [-o page.html] [--png picture.png]`: one page with the timeline of a record, or the same as a picture."""
from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from exi_native.codec import CodecUnavailable
from tools.history.folder import record_inside
from tools.history.model import History
from tools.history.opening import NotARecord, open_history

EXIT_DAMAGED, EXIT_USAGE, EXIT_MISSING = 1, 2, 3
PROGRESS_EVERY = 1.0         # s


class Progress:
    """Percent of the file on stderr once it takes long."""

    def __init__(self, size: int) -> None:
        self._size = max(1, size)
        self._next = time.monotonic() + PROGRESS_EVERY

    def __call__(self, octets: int, count: int) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + PROGRESS_EVERY
            print(f"{100 * octets // self._size} %, {count} frames or lines", file=sys.stderr, flush=True)


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="tools.scope", description="Draws what happened in a session: from a black box file (.ccsbox), a capture (pcap, pcapng, SPI trace), pyPLC's EXI log, a text log of Clara or pyPLC. "
        "The page fetches nothing: it can be mailed, and opened years later. Exit code 0: read to the end; 1: the file is damaged, what was readable is "
        "shown; 2: not a record; 3: a library is missing.")
    p.add_argument("file", metavar="FILE", help="the record, or the folder of a session: its black box file is taken, else its frames")
    p.add_argument("-o", "--output", metavar="PAGE", help="the page; default: FILE.html in this folder, unless --png is given")
    p.add_argument("--png", metavar="PICTURE", help="the same as a picture for a forum post (needs Pillow, no browser)")
    p.add_argument("--session", type=int, metavar="N", help="only the N-th session of the file, from 1; a picture shows the one with the most messages otherwise")
    p.add_argument("--light", action="store_true", help="the picture on white; the page follows the reader's system")
    return p


def main(argv: list[str] | None = None) -> int:
    """Exit code."""
    arguments = parser().parse_args(argv)
    try:
        if os.path.isdir(arguments.file):
            inside = record_inside(Path(arguments.file))
            if inside is None:
                return _refused(f"{arguments.file}: no record of a session in this folder; expected a black box file (.ccsbox) or frames.pcap")
            arguments.file = str(inside)
        histories = open_history(arguments.file, progress=Progress(os.path.getsize(arguments.file)))
    except NotARecord as what:
        return _refused(f"{arguments.file}: {what}")
    except OSError as trouble:
        return _refused(f"{arguments.file}: cannot be read: {trouble.strerror or trouble}")
    except CodecUnavailable as problem:
        print(f"tools.scope: {problem}", file=sys.stderr)
        return EXIT_MISSING
    damage = histories[-1].damage
    if arguments.session is not None:
        if not 1 <= arguments.session <= len(histories):
            return _refused(f"{arguments.file}: --session {arguments.session}: it has {len(histories)} session{'s' if len(histories) > 1 else ''}, counted from 1")
        histories = histories[arguments.session - 1:arguments.session]
    code = 0
    try:
        if arguments.png:
            code = _picture(best(histories), arguments.png, "light" if arguments.light else "dark")
        if not code and (arguments.output or not arguments.png):
            _page(histories, arguments.output or Path(arguments.file).name + ".html")
    except OSError as trouble:
        return _refused(f"{trouble.filename or arguments.output or arguments.png}: cannot be written: {trouble.strerror or trouble}")
    if damage:
        print(f"{arguments.file}: damaged: {damage}; everything before is shown", file=sys.stderr)
    return code or (EXIT_DAMAGED if damage else 0)


def best(histories: list[History]) -> History:
    """Of several the one with the most marks: what people look for."""
    return max(histories, key=lambda history: len(history.marks))


def _page(histories: list[History], path: str) -> None:
    from tools.scope.page_file import page
    text = page(histories)
    Path(path).write_text(text, encoding="utf-8")
    print(f"{path}: {len(histories)} session{'s' if len(histories) != 1 else ''}, {sum(len(h.marks) for h in histories)} messages and events, {len(text) / 1024:.0f} KiB")


def _picture(history: History, path: str, scheme: str) -> int:
    try:
        from tools.scope.picture import draw
        draw(history, path, scheme)
    except ImportError:
        print("tools.scope: a picture needs Pillow: .venv/bin/python -m pip install 'pillow<14'; the page (-o) needs nothing", file=sys.stderr)
        return EXIT_MISSING
    print(f"{path}: {history.title}")
    return 0


def _refused(why: str) -> int:
    print(why, file=sys.stderr)
    return EXIT_USAGE


if __name__ == "__main__":
    sys.exit(main())
