"""Finds the prebuilt C library for this machine and makes sure that it belongs to the checked-in tables."""
from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Optional

from exi_native.machine import this_machine

#: include/ccsexi.h, EXI_ABI_VERSION and EXI_MAX_DEPTH.
ABI_VERSION = 2
MAX_DEPTH = 24
FRAGMENT = 0x80000000
ANY_ROOT = 0xFFFFFFFF

LIBRARY_FOLDER = Path(__file__).resolve().parent / "lib"
LIBRARY_NAME = "libccsexi.so"


class CodecUnavailable(Exception):
    """There is no usable EXI library for this machine; the sentence names what was looked for and the remedy."""


class TraceEntry(ctypes.Structure):
    """struct exi_trace of include/ccsexi.h."""

    _fields_ = [
        ("bit", ctypes.c_uint64),
        ("bits", ctypes.c_uint64),
        ("value", ctypes.c_int64),
        ("kind", ctypes.c_uint16),
        ("state", ctypes.c_uint16),
        ("code", ctypes.c_uint16),
        ("depth", ctypes.c_uint16),
    ]


class Workspace(ctypes.Structure):
    """struct exi_workspace of include/ccsexi.h."""

    _fields_ = [
        ("tape", ctypes.c_void_p),
        ("blob", ctypes.c_void_p),
        ("output", ctypes.c_void_p),
        ("trace", ctypes.c_void_p),
        ("tape_words", ctypes.c_uint64),
        ("blob_size", ctypes.c_uint64),
        ("output_size", ctypes.c_uint64),
        ("trace_size", ctypes.c_uint64),
        ("step_limit", ctypes.c_uint64),
        ("bit_position", ctypes.c_uint64),
        ("trailing", ctypes.c_uint64),
        ("depth", ctypes.c_uint64),
        ("traced", ctypes.c_uint64),
        ("root", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
        ("path", ctypes.c_uint32 * (2 * MAX_DEPTH)),
    ]


def _find() -> tuple[Path, str]:
    """The library for this machine and how to build it; raises CodecUnavailable, which says what was looked for and what is there."""
    machine = this_machine()
    wanted = machine.folders()
    remedy = f"build it with: make -C exi_native TRIPLET={wanted[0]} (needs a C compiler), or take a release that contains it"
    for name in wanted:
        path = LIBRARY_FOLDER / name / LIBRARY_NAME
        if path.is_file():
            return path, remedy
    there = ", ".join(sorted(p.parent.name for p in LIBRARY_FOLDER.glob(f"*/{LIBRARY_NAME}"))) or "none"
    raise CodecUnavailable(f"no EXI library for this machine ({machine}): looked for {' and '.join(wanted)} in {LIBRARY_FOLDER}, "
                           f"there are: {there}; {remedy}")


def open_library(path: Optional[Path], table_hash: str) -> ctypes.PyDLL:
    """Open and check the library at `path`, or the one for this machine; raises CodecUnavailable."""
    if path is None:
        path, remedy = _find()
    else:
        remedy = "build it with: make -C exi_native (needs a C compiler), or take a release that contains it"
    if not path.is_file():
        raise CodecUnavailable(f"EXI library {path} does not exist; {remedy}")
    try:
        # PyDLL keeps the interpreter lock: a call takes about a microsecond, and a lock handed over would cost more.
        library = ctypes.PyDLL(str(path))
        library.exi_abi_version.restype = ctypes.c_uint32
        library.exi_workspace_size.restype = ctypes.c_uint32
        library.exi_table_hash.restype = ctypes.c_char_p
        version = library.exi_abi_version()
        if version != ABI_VERSION:
            raise CodecUnavailable(f"EXI library {path} has interface version {version}, this program needs {ABI_VERSION}; {remedy}")
        found = library.exi_table_hash().decode("ascii", "replace")
        if found != table_hash:
            raise CodecUnavailable(f"EXI library {path} was built from other tables ({found[:12]}, this program has "
                                   f"{table_hash[:12]}); {remedy}")
        if library.exi_workspace_size() != ctypes.sizeof(Workspace):
            raise CodecUnavailable(f"EXI library {path} lays out its workspace differently; {remedy}")
        library.exi_decode.restype = ctypes.c_int64
        library.exi_decode.argtypes = [ctypes.c_uint32, ctypes.c_char_p, ctypes.c_uint64, ctypes.c_void_p]
        library.exi_encode.restype = ctypes.c_int64
        library.exi_encode.argtypes = [ctypes.c_uint32, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_char_p, ctypes.c_uint64,
                                       ctypes.c_void_p]
    except (OSError, AttributeError) as problem:
        raise CodecUnavailable(f"EXI library {path} cannot be used ({problem}); {remedy}") from problem
    return library
