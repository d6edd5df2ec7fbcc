"""Decodes and encodes V2G messages: octets <-> the dataclasses of exi_native.messages, through the C library.

    codec = load()
    message = codec.decode("DIN", octets)
    octets = codec.encode("DIN", message)

Fragments (EXI 8.5.2) are one element for itself: digests and signatures are computed over them (exi.md section 0, 5).
A Codec holds the library and its buffers; it must not be used by two threads at the same time.
"""
from __future__ import annotations

import ctypes
import mmap
from array import array
from pathlib import Path
from struct import Struct
from struct import error as StructError
from typing import Any, Iterable, NamedTuple, Optional

from exi_native.errors import ExiError, ExiErrorCode
from exi_native.explain import shown, wrong_field
from exi_native.generated import SCHEMAS, TABLE_HASH, Schema, names_of, tape_of
from exi_native.library import ANY_ROOT, FRAGMENT, CodecUnavailable, TraceEntry, Workspace, open_library
from exi_native.tape import FieldRow, big, octets, text

__all__ = ["Codec", "CodecUnavailable", "Decoded", "ExiError", "ExiErrorCode", "Schema", "Trace", "TraceStep", "load"]

# Buffers of a Codec. The largest messages known are certificate messages of 5 kB (exi.md 2.3); three schedules of 1024
# entries, the most that ISO 15118-2 allows, take 40000 words. Memory that no message needs is never touched.
TAPE_WORDS = 131072
BLOB_OCTETS = 262144
OUTPUT_OCTETS = 262144
TRACE_STEPS = 65536       # of a message of 5 kB hardly a tenth

# Packing a short tape this way takes less time than array("q", words), which serves the long ones.
_PACKERS = tuple(Struct(f"{count}q") for count in range(256))


class Decoded(NamedTuple):
    """A message, how many octets followed it (a Tesla Model Y sends one, exi.md section 2.1), and its root's local name."""

    message: Any
    trailing_octets: int
    root: str


class TraceStep(NamedTuple):
    """What was read from `bit` on in `bits` bits. Names of states and productions: exi_native.generated.<module>_names.

    `kind`: "header"; "event" (code of `state`); "second" (second part of an event code); "content" (inside an element of
    simple type, 0: CH before the value, 0: EE after it); "value" (of production `code` of `state`; `value` is an int,
    str, bytes, or the 1-based number of a boolean's or an enumeration's word). `depth`: open elements, the document is 1.
    """

    bit: int
    bits: int
    kind: str
    state: int
    code: int
    value: Any
    depth: int


class Trace(NamedTuple):
    """What was read up to the end or up to an error."""

    steps: list[TraceStep]
    error: Optional[ExiError]


_TRACE_KINDS = ("header", "event", "second", "content", "value")


class Codec:
    """The two directions of the codec, with the buffers that they need."""

    def __init__(self, library: ctypes.PyDLL) -> None:
        self._library = library  # keeps the library open
        sizes = (8 * TAPE_WORDS, BLOB_OCTETS, OUTPUT_OCTETS, 8 * TAPE_WORDS)      # the last is the tape of encode
        # Private: a process that was forked off writes into a copy of its own.
        buffers = [mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) for size in sizes]
        # What holds the addresses below; the buffers cannot be given back while these exist.
        self._pinned = [ctypes.c_char.from_buffer(b) for b in buffers]
        tape, blob, output, self._input_address = (ctypes.addressof(p) for p in self._pinned)
        self._work = Workspace(tape=tape, blob=blob, output=output, tape_words=TAPE_WORDS, blob_size=BLOB_OCTETS,
                               output_size=OUTPUT_OCTETS)
        self._schemas: dict[str, tuple[int, Any]] = {}      # those that were used: number in the library, tape functions
        self._work_address = ctypes.addressof(self._work)
        self._tape_view = memoryview(buffers[0]).cast("q")
        self._blob_view = memoryview(buffers[1])
        self._output_view = memoryview(buffers[2])
        self._input_view = memoryview(buffers[3]).cast("q")
        self._exi_decode = library.exi_decode
        self._exi_encode = library.exi_encode

    def decode(self, schema: Schema, data: bytes) -> Any:
        """The message in `data`, an instance of a class of exi_native.messages; octets after it are ignored.

        Raises ExiError and nothing else, whatever the octets are.
        """
        number, module = self._schemas.get(schema) or self._load(schema)
        return self._decode(number, module, data)

    def decode_fragment(self, schema: Schema, data: bytes) -> Any:
        """The element in `data` that was encoded as a fragment. Raises ExiError and nothing else."""
        number, module = self._schemas.get(schema) or self._load(schema)
        return self._decode(number | FRAGMENT, module, data)

    def decode_with_report(self, schema: Schema, data: bytes, fragment: bool = False) -> Decoded:
        """Like decode or decode_fragment, and says how many octets followed, and which element it was."""
        message = self.decode_fragment(schema, data) if fragment else self.decode(schema, data)
        module = self._schemas[schema][1]
        return Decoded(message, self._work.trailing, (module.FRAGMENT if fragment else module.DOCUMENT)[self._work.root][0])

    def _decode(self, number: int, module: Any, data: bytes) -> Any:
        if data.__class__ is not bytes:
            data = bytes(memoryview(data))
        words = self._exi_decode(number, data, len(data), self._work_address)
        if words < 0:
            raise self._error(-words, module.FIELDS)
        tape = self._tape_view[:words].tolist()
        return module.TAKE[tape[1]](tape, 1, bytes(self._blob_view[:tape[0]]))

    def trace(self, schema: Schema, data: bytes, fragment: bool = False) -> Trace:
        """What each bit of `data` means, up to the end or up to the error; for people, many times slower than decode."""
        number, module = self._schemas.get(schema) or self._load(schema)
        entries = (TraceEntry * TRACE_STEPS)()
        work, error = self._work, None
        work.trace, work.trace_size = ctypes.addressof(entries), TRACE_STEPS
        words = self._exi_decode(number | FRAGMENT if fragment else number, bytes(data), len(data), self._work_address)
        work.trace, work.trace_size = None, 0
        if words < 0:
            error = self._error(-words, module.FIELDS)
        names = names_of(schema)
        blob = bytes(self._blob_view)
        return Trace([_step(e, names, blob) for e in entries[:work.traced]], error)

    def encode(self, schema: Schema, message: Any, root: str = "") -> bytes:
        """The octets of a message. Raises ExiError, which names the field, when it cannot be encoded.

        `root`: name of the root element, where several global elements have the message's class (ISO 15118-20 ACDP:
        ACDP_DisconnectReq is an ACDP_ConnectReq); without it, the one that has the name of the class, or the first.
        """
        number, module = self._schemas.get(schema) or self._load(schema)
        self._work.root = ANY_ROOT if not root else self._root(message, module, module.DOCUMENT, root)
        return self._encode(number, module, module.ROOTS, message)

    def encode_fragment(self, schema: Schema, message: Any, root: str = "") -> bytes:
        """The octets of one element for itself, over which digests and signatures are computed. Raises ExiError.

        `root`: its element's name, where several elements have this class and none of them its name.
        """
        number, module = self._schemas.get(schema) or self._load(schema)
        self._work.root = self._root(message, module, module.FRAGMENT, root)
        return self._encode(number | FRAGMENT, module, module.PUT, message)

    def _encode(self, number: int, module: Any, roots: Any, message: Any) -> bytes:
        try:
            words: list[Any] = [0]
            blob = bytearray(1)
            words[0] = roots[message.__class__](message, words, blob)
            count = len(words)
            if count < len(_PACKERS):
                _PACKERS[count].pack_into(self._input_view, 0, *words)
            elif count <= TAPE_WORDS:
                self._input_view[:count] = array("q", words)
            else:
                raise ExiError(ExiErrorCode.TAPE_FULL, 0, type(message).__name__)
        except (TypeError, KeyError, AttributeError, OverflowError, ValueError, StructError, RecursionError) as problem:
            raise self._refusal(message, module, roots, problem) from None
        size = self._exi_encode(number, self._input_address, count, bytes(blob), len(blob), self._work_address)
        if size < 0:
            raise self._refusal(message, module, roots, self._error(-size, module.FIELDS))
        return bytes(self._output_view[:size])

    def prepare(self, schema: str) -> None:
        """Load a schema before it is needed: the first use costs 0.1 s on a PC and a second on a small board."""
        if schema not in self._schemas:
            self._load(schema)

    def _load(self, schema: str) -> tuple[int, Any]:
        """The tape functions of a schema, imported when it is first used; raises ExiError for an unknown one."""
        if schema not in SCHEMAS:
            raise ExiError(ExiErrorCode.UNKNOWN_SCHEMA, 0, "", f"schema {schema!r} is not one of {', '.join(SCHEMAS)}")
        found = self._schemas[schema] = SCHEMAS[schema][0], tape_of(schema)
        return found

    def _root(self, message: Any, module: Any, elements: tuple[tuple[str, int], ...], wanted: str) -> int:
        """The event code of the root element for a message, by name or by its class; raises ExiError."""
        name = type(message).__name__
        record = next((n for n, (cls, _) in enumerate(module.FIELDS) if cls is type(message)), -1)
        codes = [code for code, (_, number) in enumerate(elements) if number == record]
        named = [code for code in codes if elements[code][0] == (wanted or name)]
        if named or len(codes) == 1 and not wanted:
            return named[0] if named else codes[0]
        names = ", ".join(sorted({elements[code][0] for code in codes})) or "none"
        asked = f"an element {wanted} of class {name}" if wanted else f"{name} without naming the element"
        raise ExiError(ExiErrorCode.BAD_ROOT if codes else ExiErrorCode.NOT_A_ROOT, 0, name,
                       f"cannot encode {asked}; elements of that class here: {names}")

    def _error(self, code: int, fields: tuple[tuple[type, tuple[FieldRow, ...]], ...]) -> ExiError:
        """The error that the library reported."""
        names: list[str] = []
        for step in range(self._work.depth):
            cls, rows = fields[self._work.path[2 * step]]
            if not names:
                names.append(cls.__name__)
            word = self._work.path[2 * step + 1]
            for row in rows:
                if row.word == word:
                    names.append(row.name)
                    if len(row.classes) > 1 and step + 1 < self._work.depth:
                        names[-1] += f"({fields[self._work.path[2 * step + 2]][0].__name__})"
        return ExiError(ExiErrorCode(code), self._work.bit_position, ".".join(names))

    def _refusal(self, message: Any, module: Any, roots: Any, problem: Exception) -> ExiError:
        """Why a message cannot be encoded: the wrong field when there is one, else what the library said."""
        name = type(message).__name__
        if type(message) not in roots:
            return ExiError(ExiErrorCode.NOT_A_ROOT, 0, name)
        found = wrong_field(message, dict(module.FIELDS), module.CHOICES, name)
        if found is not None:
            return found
        return problem if isinstance(problem, ExiError) else ExiError(ExiErrorCode.WRONG_TYPE, 0, name, shown(problem))


def _step(entry: TraceEntry, names: Any, blob: bytes) -> TraceStep:
    """An entry of the library's trace, with its value as Python has it."""
    value: Any = entry.value
    kind = _TRACE_KINDS[entry.kind]
    if kind == "value":
        _, primitive, _, words = names.TYPES[names.STATES[entry.state][2][entry.code][2]]
        if not words and primitive == "string":
            value = text(value, blob)
        elif not words and primitive in ("hexBinary", "base64Binary"):
            value = octets(value, blob)
        elif not words and primitive == "integer":
            value = big(value, blob)
    return TraceStep(entry.bit, entry.bits, kind, entry.state, entry.code, value, entry.depth)


def load(library: Optional[Path] = None, schemas: Iterable[Schema] = ()) -> Codec:
    """A codec with the library of this machine (or the one at `library`); raises CodecUnavailable.

    `schemas` are made ready at once; others when they are first used, which costs 0.1 s on a PC and a second on a small
    board: name those that a running session will need.
    """
    made = Codec(open_library(library, TABLE_HASH))
    for schema in schemas:
        made._load(schema)
    return made
