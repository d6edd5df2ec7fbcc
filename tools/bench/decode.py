"""Decoding figures: an hour's capture through our decoder, beside tshark reading the same file and the codec of the package iso15118 on its messages."""
from __future__ import annotations

import io

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Callable

from drivers.capture_file import CaptureReader
from exi_native.codec import load
from tasks.listen.exi import decoder
from tools.bench.exi import FOREIGN_TIMEOUT_S, PEERS
from tools.bench.recording import hour
from tools.decode.output import Output
from tools.decode.run import Options, decode_file, follow_file
from tools.history.opening import open_history

ROUNDS = 3                   # the best of them is told
FOREIGN_MESSAGES = 1500      # of the capture, evenly spread; the first 300 only warm the Java machine up
FOREIGN_WARM = 300
_V2GTP = bytes.fromhex("01fe8001")
# Run by the Python of the peers; one message per line as "namespace hex".
FOREIGN = """
import sys, time
from iso15118.shared.exificient_exi_codec import ExificientEXICodec
from iso15118.shared.messages.enums import Namespace
engine = ExificientEXICodec()
lines = [line.split() for line in sys.stdin]
names = {"SAP": Namespace.SAP, "DIN": Namespace.DIN_MSG_DEF}
work = [(bytes.fromhex(octets), names[schema]) for schema, octets in lines]
for octets, name in work[:%d]:
    engine.decode(octets, name)
began = time.perf_counter()
for octets, name in work[%d:]:
    engine.decode(octets, name)
print(len(work[%d:]) / (time.perf_counter() - began))
""" % ((FOREIGN_WARM,) * 3)


def best(call: Callable[[], Any]) -> float:
    """s of the fastest round."""
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return min(times)


def messages(path: Path) -> list[tuple[str, bytes]]:
    """(schema, EXI octets) of a capture of ours: a message per segment; the first two are the handshake."""
    found: list[tuple[str, bytes]] = []
    with open(path, "rb") as file:
        for frame in CaptureReader(file):
            at = frame.data.find(_V2GTP, 54)
            if at >= 0:
                size = int.from_bytes(frame.data[at + 4:at + 8], "big")
                found.append(("SAP" if len(found) < 2 else "DIN", frame.data[at + 8:at + 8 + size]))
    return found


def foreign(found: list[tuple[str, bytes]]) -> str:
    """The codec of iso15118 on messages of the same capture; or why it is left out."""
    base = os.environ.get("CCSBOX_VENV")
    python = Path(base + "-peers") / "bin" / "python" if base else PEERS
    if not python.is_file():
        return "decode: iso15118's codec left out: ./install/test.sh --interop makes .venv-peers with it"
    some = found[::max(1, len(found) // FOREIGN_MESSAGES)]
    lines = "".join(f"{schema} {octets.hex()}\n" for schema, octets in some)
    try:
        done = subprocess.run([str(python), "-c", FOREIGN], input=lines, capture_output=True, text=True, timeout=FOREIGN_TIMEOUT_S, check=True)
        rate = float(done.stdout.split()[-1])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as problem:
        why = (getattr(problem, "stderr", "") or str(problem)).strip().splitlines()[-1][:200]
        return f"decode: iso15118's codec left out: {why}"
    return f"decode: iso15118's codec (EXIficient in Java), octets to JSON text: {rate:,.0f} messages/s"


def tshark(path: Path, frames: int, count: int) -> list[str]:
    """tshark on the same file: it has no EXI, so that it stops at TCP; or why it is left out."""
    program = shutil.which("tshark")
    if program is None:
        return ["decode: tshark left out: apt-get install tshark"]
    lines = []
    for words, what in (([], "a line per frame"), (["-T", "json"], "every frame as JSON")):
        seconds = best(lambda words=words: subprocess.run([program, "-n", "-r", str(path), *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True))
        lines.append(f"decode: tshark -n, {what} (TCP; EXI not decoded): {seconds:.2f} s, {frames / seconds:,.0f} frames/s, {count / seconds:,.0f} messages/s")
    return lines


def main() -> None:
    """Print all figures, each beside the peers' of the same minute."""
    engine = load()
    decode = decoder(engine)
    with tempfile.TemporaryDirectory() as folder:
        path = hour(folder)
        found = messages(path)
        summary, _ = follow_file(str(path), decode, io.StringIO())
        frames, count = summary.follow.tally.frames, len(found)
        print(f"decode: {count} V2G messages in {frames} frames of {(summary.last - (summary.first or 0)) / 60e9:.0f} minutes, {path.stat().st_size / 1e6:.1f} MB", flush=True)
        core = best(lambda: [engine.decode(schema, octets) for schema, octets in found])          # type: ignore[arg-type]
        print(f"decode: EXI alone, octets to dataclasses: {core:.2f} s, {count / core:,.0f} messages/s", flush=True)
        for what, call in (
                ("--summary: file, TCP, EXI, sessions, readings", lambda: follow_file(str(path), decode, io.StringIO())),
                ("every V2G message as a line", lambda: _lines(path, decode, Options(json=False))),
                ("every frame and message as JSON", lambda: _lines(path, decode, Options(json=True))),
                ("--csv: values over time", lambda: _lines(path, decode, Options(csv=""))),
                ("tools.history: the timeline of scope", lambda: open_history(str(path), decode))):
            seconds = best(call)
            print(f"decode: {what}: {seconds:.2f} s, {frames / seconds:,.0f} frames/s, {count / seconds:,.0f} messages/s", flush=True)
        print(*tshark(path, frames, count), sep="\n", flush=True)
        print(foreign(found), flush=True)


def _lines(path: Path, decode: Any, options: Options) -> None:
    with open(os.devnull, "w", encoding="utf-8") as sink:
        decode_file(str(path), decode, options, Output(sink), io.StringIO())
