"""Good messages to begin with: the recorded vectors where they are, and messages of the own encoder of every class."""
from __future__ import annotations

import ctypes
import json
import sys
from pathlib import Path
from typing import Iterator, NamedTuple

from exi_native import codec
from exi_native.generated import SCHEMAS, names_of, tape_of
from exi_native.library import ANY_ROOT, Workspace

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))  # tests/exi, as pytest has it (pyproject.toml, pythonpath)

from exi_messages import Random, roots_of  # noqa: E402

VECTORS = HERE.parents[3] / "shared" / "vectors"
#: A recorded file may hold entries of another schema than it says (peer-test-suites.jsonl): as seeds they are welcome.
SEED_OCTETS = 4000  # longer ones slow the fuzzer down and reach nothing new
PER_ROOT = 12
PER_FRAGMENT = 6
# properties.h
FRAGMENT_FLAG = 1
RAW_FLAG = 64


class Seed(NamedTuple):
    """A good message: key of the schema, flags as in properties.h, octets."""

    schema: str
    flags: int
    octets: bytes


def recorded() -> Iterator[Seed]:
    """The vectors beside the repository; nothing where they are absent."""
    for path in sorted(VECTORS.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            entry = json.loads(line)
            if entry["schema"] in SCHEMAS:
                yield Seed(entry["schema"], 0, bytes.fromhex(entry["hex"]))


def own(exi: codec.Codec, schema: str, per_root: int = PER_ROOT, per_fragment: int = PER_FRAGMENT) -> Iterator[Seed]:
    """Random messages of every root element, and of every class as a fragment; those that the codec refuses are left out."""
    tape = tape_of(schema)
    wanted = set(roots_of(schema))
    for flags, elements, count in ((0, tape.DOCUMENT, per_root), (FRAGMENT_FLAG, tape.FRAGMENT, per_fragment)):
        for name, record in elements:
            cls = tape.FIELDS[record][0] if 0 <= record < len(tape.FIELDS) else None
            for number in range(count if cls in wanted or flags and cls is not None else 0):
                message = Random(schema, ("fuzz", flags, name, number)).message(cls)
                try:
                    octets = (exi.encode_fragment if flags else exi.encode)(schema, message, name)  # type: ignore[operator]
                except codec.ExiError:  # nothing but wildcard content, or an element of another kind
                    continue
                if len(octets) <= SEED_OCTETS:
                    yield Seed(schema, flags, octets)


def roots(schema: str) -> Iterator[Seed]:
    """Every event code that a document or a fragment can begin with, and nothing after it."""
    for flags, state in ((0, 0), (FRAGMENT_FLAG, 1)):  # tables.h, exi_schema.states
        _, bits, events = names_of(schema).STATES[state]
        for code in range(len(events)):
            yield Seed(schema, flags, b"\x80" + (code << (16 - bits)).to_bytes(2, "big") + b"\0")


def raw_tape(library: ctypes.PyDLL, seed: Seed) -> bytes:
    """The input of check_encoding with FLAG_RAW that is the tape of a message; empty when the message is refused."""
    words, octets = 4096, 8192
    tape, blob = (ctypes.c_int64 * words)(), (ctypes.c_uint8 * octets)()
    work = Workspace(tape=ctypes.addressof(tape), blob=ctypes.addressof(blob), tape_words=words, blob_size=octets, root=ANY_ROOT)
    number = SCHEMAS[seed.schema][0] | (1 << 31 if seed.flags & FRAGMENT_FLAG else 0)
    used = library.exi_decode(number, seed.octets, len(seed.octets), ctypes.addressof(work))
    if used < 0:
        return b""
    filled = int(tape[0])
    tape[0] = 1
    return raw_input(seed.flags, bytes(tape)[:8 * used], bytes(blob)[:filled])


def raw_input(flags: int, tape: bytes, blob: bytes) -> bytes:
    """An input of check_encoding from the octets of a tape and its blob; empty when its sizes cannot be said.

    The third octet says which part of the rest is tape, in 255ths; the blob is lengthened until that comes out right.
    """
    for part in range(254, 0, -1):
        total = -(-len(tape) * 255 // part)
        if total - len(tape) >= len(blob) and total * part // 255 == len(tape):
            return bytes((flags | RAW_FLAG, 0, part)) + tape + blob.ljust(total - len(tape), b"\0")
    return b""
