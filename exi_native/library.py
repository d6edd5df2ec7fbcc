"""Finds the prebuilt C library for this machine and makes sure that it belongs to the checked-in tables."""
from __future__ import annotations

import ctypes
import platform
import sys
from pathlib import Path
from typing import Optional

#: include/ccsexi.h, EXI_ABI_VERSION and EXI_MAX_DEPTH.
ABI_VERSION = 1
MAX_DEPTH = 24

LIBRARY_FOLDER = Path(__file__).resolve().parent / "lib"


class CodecUnavailable(Exception):
    """There is no usable EXI library for this machine; the sentence names what was looked for and the remedy."""


class Workspace(ctypes.Structure):
    """struct exi_workspace of include/ccsexi.h."""

    _fields_ = [
        ("tape", ctypes.c_void_p),
        ("blob", ctypes.c_void_p),
        ("output", ctypes.c_void_p),
        ("tape_words", ctypes.c_uint64),
        ("blob_size", ctypes.c_uint64),
        ("output_size", ctypes.c_uint64),
        ("bit_position", ctypes.c_uint64),
        ("trailing", ctypes.c_uint64),
        ("depth", ctypes.c_uint64),
        ("path", ctypes.c_uint32 * (2 * MAX_DEPTH)),
    ]


def triplet(machine: Optional[str] = None, libc: Optional[str] = None, bits: Optional[int] = None) -> str:
    """The name of the folder in lib/ for a machine: processor, kernel, C library, as compilers name it.

    A 32-bit Python on a 64-bit kernel (Raspberry Pi OS) needs the 32-bit library, hence `bits`.
    """
    machine = platform.machine() if machine is None else machine
    libc = platform.libc_ver()[0] if libc is None else libc
    bits = 64 if bits is None and sys.maxsize > 1 << 32 else 32 if bits is None else bits
    suffix = "gnu" if libc == "glibc" else "musl"
    if machine in ("aarch64", "armv8l", "armv7l") and bits == 32:
        return f"arm-linux-{suffix}eabihf"
    if machine == "armv6l":  # Raspberry Pi 1 and Zero: a library built for ARMv7 would stop with SIGILL
        return f"armv6-linux-{suffix}eabihf"
    if machine in ("x86_64", "i686", "i386") and bits == 32:
        return f"i386-linux-{suffix}"
    return f"{machine}-linux-{suffix}"


def open_library(path: Optional[Path], table_hash: str) -> ctypes.PyDLL:
    """Open and check the library at `path`, or the one for this machine; raises CodecUnavailable."""
    if path is None:
        path = LIBRARY_FOLDER / triplet() / "libccsexi.so"
    remedy = "build it with: make -C exi_native (needs a C compiler), or take a release that contains it"
    if not path.is_file():
        raise CodecUnavailable(f"EXI library {path} for {platform.machine()} does not exist; {remedy}")
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
