"""EXI figures: a CurrentDemandRes beside JSON, the C core of each schema beside an empty call, a foreign codec, sizes."""
from __future__ import annotations

import dataclasses
import json
import statistics
import subprocess
import sys
import time
import timeit
from enum import Enum
from pathlib import Path
from typing import Callable

from exi_native import codec
from exi_native.generated import SCHEMAS
from exi_native.messages import din

REPEATS = 5
CALLS = 4000
CORE_ROUNDS = 7              # times over all messages of a schema; the median of the best of them per message is told
CORE_CALLS = 200             # calls of one message in a round
LIMIT = 3.0                  # times json.loads or json.dumps of the same content
NO_SCHEMA = 0x7FFFFFFF       # the library refuses it at once: what remains is the price of the ctypes call with its arguments
VECTORS = Path(__file__).resolve().parents[3] / "shared" / "vectors"
PEERS = Path(__file__).resolve().parents[2] / ".venv-peers" / "bin" / "python"
COMPILER = PEERS.parents[2] / ".venv-build" / "bin" / "python"     # made by ./install/test.sh --boards
FOREIGN_TIMEOUT_S = 120
COMPILER_TIMEOUT_S = 300
# Run by the Python of the peers: decode and encode with the codec of the package iso15118 (EXIficient in a Java machine,
# reached through py4j). What it does itself, without pydantic; the first calls warm the machine up.
FOREIGN = """
import sys, time, statistics
from iso15118.shared.exificient_exi_codec import ExificientEXICodec
from iso15118.shared.messages.enums import Namespace
engine = ExificientEXICodec()
octets, name = bytes.fromhex(sys.argv[1]), Namespace.DIN_MSG_DEF
def median(call):
    times = []
    for _ in range(150):
        at = time.perf_counter()
        call()
        times.append(time.perf_counter() - at)
    return statistics.median(times[50:]) * 1e6
text = engine.decode(octets, name)
text = text.decode() if isinstance(text, bytes) else text
print(median(lambda: engine.decode(octets, name)), median(lambda: engine.encode(text, name)))
"""


def _volts(value: int, unit: din.unitSymbol) -> din.PhysicalValue:
    return din.PhysicalValue(Multiplier=-1, Unit=unit, Value=value)


def sample() -> din.V2G_Message:
    """A CurrentDemandRes with every optional field, as chargers send it."""
    status = din.DC_EVSEStatus(EVSEIsolationStatus=din.isolationLevel.Valid, EVSEStatusCode=din.DC_EVSEStatusCode.EVSE_Ready,
                               NotificationMaxDelay=0, EVSENotification=din.EVSENotification.None_)
    volt, ampere, watt = din.unitSymbol.V, din.unitSymbol.A, din.unitSymbol.W
    body = din.CurrentDemandRes(
        ResponseCode=din.responseCode.OK, DC_EVSEStatus=status, EVSEPresentVoltage=_volts(3688, volt), EVSEPresentCurrent=_volts(1250, ampere),
        EVSECurrentLimitAchieved=False, EVSEVoltageLimitAchieved=False, EVSEPowerLimitAchieved=False,
        EVSEMaximumVoltageLimit=_volts(5000, volt), EVSEMaximumCurrentLimit=_volts(2000, ampere), EVSEMaximumPowerLimit=_volts(32000, watt))
    return din.V2G_Message(Header=din.MessageHeader(SessionID=bytes(range(8))), Body=din.Body(BodyElement=body))


def _plain(value):
    if dataclasses.is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value) if getattr(value, f.name) is not None}
    if isinstance(value, Enum):
        return value.value
    return value.hex() if isinstance(value, bytes) else value


def _best(call) -> float:
    """us per call, the best of REPEATS rounds."""
    return min(timeit.repeat(call, number=CALLS, repeat=REPEATS)) / CALLS * 1e6


def reference() -> float:
    """us of json.loads for the sample: how fast this machine is just now."""
    text = json.dumps(_plain(sample()))
    return _best(lambda: json.loads(text))


def messages_of_vectors() -> dict[str, list[bytes]]:
    """Recorded messages by schema, of those that decode; a CurrentDemandRes of our own where there are none."""
    engine = codec.load()
    found: dict[str, list[bytes]] = {"DIN": [engine.encode("DIN", sample())]}
    for path in sorted(VECTORS.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            entry = json.loads(line)
            octets = bytes.fromhex(entry["hex"])
            try:
                engine.decode(entry["schema"], octets)
            except codec.ExiError:
                continue
            found.setdefault(entry["schema"], []).append(octets)
    return found


def _ns(call: Callable[[], object]) -> float:
    """ns per call of the best round."""
    best = float("inf")
    for _ in range(CORE_ROUNDS):
        began = time.perf_counter_ns()
        for _ in range(CORE_CALLS):
            call()
        best = min(best, (time.perf_counter_ns() - began) / CORE_CALLS)
    return best


def core(schema: str, messages: list[bytes], most: int = 60) -> str:
    """Median ns of the C core per message, decoding and encoding, without the price of the call."""
    engine = codec.load()
    number = SCHEMAS[schema][0]
    decode, encode, work = engine._exi_decode, engine._exi_encode, engine._work_address
    down, up, empty, sizes = [], [], [], []
    for octets in messages[::max(1, len(messages) // most)]:
        words = decode(number, octets, len(octets), work)
        nothing = _ns(lambda: decode(NO_SCHEMA, octets, len(octets), work))
        down.append(_ns(lambda: decode(number, octets, len(octets), work)) - nothing)
        blob = bytes(engine._blob_view[:engine._tape_view[0]])
        engine._input_view[:words] = engine._tape_view[:words]
        engine._input_view[0] = 1                                 # before encoding: where the root record stands
        engine._work.root = codec.ANY_ROOT
        if encode(number, engine._input_address, words, blob, len(blob), work) < 0:
            raise AssertionError(f"a decoded {schema} message cannot be encoded")
        nothing_up = _ns(lambda: encode(NO_SCHEMA, engine._input_address, words, blob, len(blob), work))
        up.append(_ns(lambda: encode(number, engine._input_address, words, blob, len(blob), work)) - nothing_up)
        empty.append(nothing)
        sizes.append(len(octets))
    return (f"exi: C core, {schema}: decode {statistics.median(down):.0f} ns, encode {statistics.median(up):.0f} ns per message (median of {len(down)}, "
            f"{statistics.median(sizes):.0f} octets), beside {statistics.median(empty):.0f} ns for the ctypes call alone")


def foreign(octets: bytes, ours: tuple[float, float]) -> str:
    """The codec of iso15118 with the same message in the same minute; or why it is left out."""
    if not PEERS.is_file():
        return "exi: iso15118's codec left out: ./install/test.sh --interop makes .venv-peers with it"
    try:
        done = subprocess.run([str(PEERS), "-c", FOREIGN, octets.hex()], capture_output=True, text=True, timeout=FOREIGN_TIMEOUT_S, check=True)
        decode, encode = map(float, done.stdout.split()[-2:])
    except (OSError, subprocess.SubprocessError, ValueError) as problem:
        return f"exi: iso15118's codec left out: {str(problem).splitlines()[0][:200]}"
    return (f"exi: iso15118's codec (Java), the same CurrentDemandRes: decode {decode:.0f} us = {decode / ours[0]:.0f} x ours, "
            f"encode {encode:.0f} us = {encode / ours[1]:.0f} x ours")


def library_figures() -> list[str]:
    """Size and stack of each board's library, and the memory that it adds here; sizes alone where no compiler is at hand."""
    root = Path(codec.__file__).parent
    try:
        python = str(COMPILER) if COMPILER.is_file() else sys.executable         # which fetches the compiler for this run
        done = subprocess.run([python, "-m", "exi_native.boards", "--figures"], cwd=root.parent, capture_output=True, text=True,
                              timeout=COMPILER_TIMEOUT_S, check=True)
        return [f"exi: {line}" for line in done.stdout.splitlines()]
    except (OSError, subprocess.SubprocessError) as problem:
        why = (getattr(problem, "stderr", "") or str(problem)).strip().splitlines()[-1]
        sizes = [f"exi: library {p.parent.name}: {p.stat().st_size} octets, all {len(SCHEMAS)} schemas" for p in sorted(root.glob("lib/*/libccsexi.so"))]
        return [*sizes, f"exi: stack and memory left out: {why}"]


def main() -> None:
    """Print all figures, each beside what it is compared with."""
    engine = codec.load()
    message = sample()
    octets = engine.encode("DIN", message)
    content = _plain(message)
    text = json.dumps(content)
    decode, loads = _best(lambda: engine.decode("DIN", octets)), _best(lambda: json.loads(text))
    encode, dumps = _best(lambda: engine.encode("DIN", message)), _best(lambda: json.dumps(content))
    print(f"exi: CurrentDemandRes of {len(octets)} octets, dataclass to octets and back: decode {decode:.1f} us = {decode / loads:.2f} x json.loads "
          f"({loads:.1f} us), encode {encode:.1f} us = {encode / dumps:.2f} x json.dumps ({dumps:.1f} us); limit {LIMIT:g} x", flush=True)
    for schema, messages in sorted(messages_of_vectors().items()):
        print(core(schema, messages), flush=True)
    print(foreign(octets, (decode, encode)), flush=True)
    print(*library_figures(), sep="\n", flush=True)
