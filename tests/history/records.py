"""Records for tests: a short charge of our own simulation as a capture, and its messages as others would have logged them."""
from __future__ import annotations

import contextlib
import io
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from struct import pack
from tempfile import TemporaryDirectory

from drivers.capture_file import CaptureReader
from tasks.command_line import configure
from tasks.command_line import parse as options
from tools.simulate.run import run

SHORT = ("--soc-start", "70", "--soc-stop", "71", "--pace", "max")
_V2GTP = bytes.fromhex("01fe8001")


class _Utf8(io.StringIO):
    encoding = "utf-8"


@cache
def capture(*words: str) -> bytes:
    """frames.pcap of a simulated charge of 26 s; the same octets each time."""
    with TemporaryDirectory() as name, contextlib.redirect_stdout(_Utf8()):
        (Path(name) / "given.yaml").write_text("")
        args = options(["--simulate", "--config", f"{name}/given.yaml", "--output", name, *(words or SHORT)])
        assert run(configure(args, Path(name)), args) == 0
        return (Path(name) / "frames.pcap").read_bytes()


@cache
def messages() -> tuple[tuple[int, bool, bytes], ...]:
    """(ns, from the car, EXI octets) of the same charge."""
    found = []
    with TemporaryDirectory() as name:
        path = Path(name) / "frames.pcap"
        path.write_bytes(capture())
        with open(path, "rb") as file:
            for frame in CaptureReader(file):
                at = frame.data.find(_V2GTP)
                if at >= 54:
                    length = int.from_bytes(frame.data[at + 4:at + 8], "big")
                    found.append((frame.at, frame.data[6:12].hex() == "020000000e01", frame.data[at + 8:at + 8 + length]))
    return tuple(found)


def exi_log() -> bytes:
    """As pyPLC's car writes it: what it decoded and what it encoded."""
    began = datetime(2024, 5, 1, 12, tzinfo=timezone.utc)
    lines = ["init"]
    for number, (at, from_car, octets) in enumerate(messages()):
        kind = ("H" if number == 0 else "h" if number == 1 else "D")
        stamp = (began + timedelta(microseconds=(at - messages()[0][0]) // 1000)).strftime("%Y-%m-%dT%H:%M:%S.%f")
        lines.append(f"{stamp}={'E' if from_car else 'D'}{kind} {octets.hex()}")
    return ("\n".join(lines) + "\n").encode()


def trace_log(unit: str = "") -> bytes:
    """As Clara (`unit` "") or pyPLC ("ms") logs: times in ms, states and checkpoints, messages as octets."""
    lines = [f"[{0}{unit}] starting", f"[100{unit}] Checkpoint100: Sending SLAC_PARAM.REQ"]
    for at, from_car, octets in messages():
        framed = _V2GTP + pack(">I", len(octets)) + octets
        said = f"sending {octets.hex()}" if from_car else f"In state 5, received ({len(framed)} bytes) = {framed.hex(' ')}"
        lines.append(f"[{at // 1_000_000}{unit}] {said}")
        if len(lines) == 20:
            lines.append(f"[{at // 1_000_000}{unit}] [HARDWAREINTERFACE] Setting CP line into state C.")
            lines.append(f"[{at // 1_000_000}{unit}] Switching PowerRelay ON.")
    return ("\n".join(lines) + "\n").encode()
