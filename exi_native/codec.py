"""Decodes and encodes V2G messages: octets <-> the dataclasses of exi_native.messages, through the C library.

    codec = load()
    message = codec.decode("DIN", octets)
    octets = codec.encode("DIN", message)

A Codec holds the library and its buffers; it must not be used by two threads at the same time.
"""
from __future__ import annotations

import ctypes
from array import array
from pathlib import Path
from struct import Struct
from struct import error as StructError
from typing import Any, NamedTuple, NoReturn, Optional

from exi_native.errors import ExiError, ExiErrorCode
from exi_native.explain import wrong_field
from exi_native.generated import SCHEMAS, TABLE_HASH, Schema
from exi_native.library import CodecUnavailable, Workspace, open_library
from exi_native.tape import FieldRow

__all__ = ["Codec", "CodecUnavailable", "Decoded", "ExiError", "ExiErrorCode", "Schema", "load"]

# Buffers of a Codec. The largest messages known are certificate messages of 5 kB (exi.md 2.3); a message with a
# list of 1000 schedule entries takes 8000 words.
TAPE_WORDS = 32768
BLOB_OCTETS = 65536
OUTPUT_OCTETS = 65536

# Packing a short tape this way takes less time than array("q", words), which serves the long ones.
_PACKERS = tuple(Struct(f"{count}q") for count in range(256))


class Decoded(NamedTuple):
    """A message, and how many octets followed it (a Tesla Model Y sends one, exi.md section 2.1)."""

    message: Any
    trailing_octets: int


class Codec:
    """The two directions of the codec, with the buffers that they need."""

    def __init__(self, library: ctypes.PyDLL) -> None:
        self._library = library  # keeps the library open
        self._tape = array("q", bytes(8 * TAPE_WORDS))
        self._input = array("q", bytes(8 * TAPE_WORDS))  # the tape of encode
        self._blob = bytearray(BLOB_OCTETS)
        self._output = bytearray(OUTPUT_OCTETS)
        # What holds the addresses below; the buffers cannot be resized while these exist.
        self._pinned = [ctypes.c_char.from_buffer(b) for b in (self._tape, self._blob, self._output, self._input)]
        tape, blob, output, self._input_address = (ctypes.addressof(p) for p in self._pinned)
        self._work = Workspace(tape, blob, output, TAPE_WORDS, BLOB_OCTETS, OUTPUT_OCTETS)
        self._work_address = ctypes.addressof(self._work)
        self._tape_view = memoryview(self._tape)
        self._input_view = memoryview(self._input)
        self._blob_view = memoryview(self._blob)
        self._output_view = memoryview(self._output)
        self._exi_decode = library.exi_decode
        self._exi_encode = library.exi_encode

    def decode(self, schema: Schema, data: bytes) -> Any:
        """The message in `data`, an instance of a class of exi_native.messages; octets after it are ignored.

        Raises ExiError and nothing else, whatever the octets are.
        """
        try:
            number, module = SCHEMAS[schema]
        except KeyError:
            _unknown(schema)
        if data.__class__ is not bytes:
            data = bytes(memoryview(data))
        words = self._exi_decode(number, data, len(data), self._work_address)
        if words < 0:
            raise self._error(-words, module.FIELDS)
        tape = self._tape_view[:words].tolist()
        return module.TAKE[tape[1]](tape, 1, bytes(self._blob_view[:tape[0]]))

    def decode_with_report(self, schema: Schema, data: bytes) -> Decoded:
        """Like decode, and says how many octets followed the message."""
        message = self.decode(schema, data)
        return Decoded(message, self._work.trailing)

    def encode(self, schema: Schema, message: Any) -> bytes:
        """The octets of a message. Raises ExiError, which names the field, when it cannot be encoded."""
        try:
            number, module = SCHEMAS[schema]
        except KeyError:
            _unknown(schema)
        try:
            words: list[Any] = [0]
            blob = bytearray(1)
            words[0] = module.ROOTS[message.__class__](message, words, blob)
            count = len(words)
            if count < len(_PACKERS):
                _PACKERS[count].pack_into(self._input, 0, *words)
            elif count <= TAPE_WORDS:
                self._input_view[:count] = array("q", words)
            else:
                raise ExiError(ExiErrorCode.TAPE_FULL, 0, type(message).__name__)
        except (TypeError, KeyError, AttributeError, OverflowError, ValueError, StructError) as problem:
            raise self._refusal(message, module, problem) from None
        size = self._exi_encode(number, self._input_address, count, bytes(blob), len(blob), self._work_address)
        if size < 0:
            raise self._refusal(message, module, self._error(-size, module.FIELDS))
        return bytes(self._output_view[:size])

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

    def _refusal(self, message: Any, module: Any, problem: Exception) -> ExiError:
        """Why a message cannot be encoded: the wrong field when there is one, else what the library said."""
        name = type(message).__name__
        if type(message) not in module.ROOTS:
            return ExiError(ExiErrorCode.NOT_A_ROOT, 0, name)
        found = wrong_field(message, dict(module.FIELDS), name)
        if found is not None:
            return found
        return problem if isinstance(problem, ExiError) else ExiError(ExiErrorCode.WRONG_TYPE, 0, name, f"{problem!r}")


def _unknown(schema: object) -> NoReturn:
    raise ExiError(ExiErrorCode.UNKNOWN_SCHEMA, 0, "", f"schema {schema!r} is not one of {', '.join(SCHEMAS)}") from None


def load(library: Optional[Path] = None) -> Codec:
    """A codec with the library of this machine (or the one at `library`); raises CodecUnavailable."""
    return Codec(open_library(library, TABLE_HASH))
