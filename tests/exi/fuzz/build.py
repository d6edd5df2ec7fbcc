"""Builds the fuzzers: the library's sources together with properties.c, for libFuzzer or for the replay program."""
from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Optional

HERE = Path(__file__).resolve().parent
LIBRARY = HERE.parents[2] / "exi_native"
#: The instrumentation that a build can have. Without one, volume: the properties are still checked.
SANITIZERS = {"address": ("-fsanitize=address,undefined", "-fno-sanitize-recover=all"), "memory": ("-fsanitize=memory",), "none": ()}
COVERAGE = ("-fprofile-instr-generate", "-fcoverage-mapping")
WARNINGS = ("-Wall", "-Wextra", "-Werror", "-Wconversion")
BUILD_SECONDS = 300  # a compiler that takes longer hangs


class NoCompiler(Exception):
    """There is no compiler that can do it; the sentence names what was looked for and the remedy."""


def library_sources() -> list[Path]:
    return [*sorted(LIBRARY.glob("src/*.c")), *sorted(LIBRARY.glob("generated/*.c"))]


def fingerprint() -> str:
    """SHA-256 over the library's sources: executions count for exactly these."""
    total = hashlib.sha256()
    for path in [*library_sources(), *sorted(LIBRARY.glob("include/*.h"))]:
        total.update(path.name.encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def find(*names: str) -> Optional[str]:
    """The first of these commands that exists; $CC goes before them."""
    for name in (os.environ.get("CC", ""), *names):
        if name and shutil.which(name):
            return name
    return None


def replay(program: Path, compiler: str, flags: tuple[str, ...] = SANITIZERS["address"], sources: Optional[list[Path]] = None) -> Path:
    """Build the replay program, of the library's `sources` or others.

    Raises NoCompiler when this compiler cannot, CalledProcessError when the sources are wrong.
    """
    return _build(program, compiler, ("-O1", *flags), "replay.c", library_sources() if sources is None else sources)


def fuzzer(program: Path, sanitizer: str) -> Path:
    """Build the libFuzzer target with clang."""
    if shutil.which("clang") is None:
        raise NoCompiler("no clang here. Remedy: sudo apt-get install clang llvm")
    fuzzing = ("-fsanitize=fuzzer",) if not SANITIZERS[sanitizer] else ("-fsanitize=fuzzer", *SANITIZERS[sanitizer])
    return _build(program, "clang", ("-O2", *fuzzing), "fuzz_target.c", library_sources())


def _build(program: Path, compiler: str, flags: tuple[str, ...], main: str, sources: list[Path]) -> Path:
    program.parent.mkdir(parents=True, exist_ok=True)
    command = [compiler, "-std=c11", "-g", *WARNINGS, *flags, f"-I{LIBRARY / 'include'}", "-o", f"{program}.new",
               str(HERE / "properties.c"), str(HERE / main), *map(str, sources)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_SECONDS)
    if done.returncode != 0:
        if "san" in done.stderr and ("cannot find" in done.stderr or "unsupported" in done.stderr or "unrecognized" in done.stderr):
            raise NoCompiler(f"{compiler} has no sanitizers here: {done.stderr[:200]}")
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
    os.replace(f"{program}.new", program)
    return program
