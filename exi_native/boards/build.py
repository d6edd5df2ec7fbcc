"""Compiles the library, for a board with the pinned compiler or for this machine with its own, and writes its hash record."""
from __future__ import annotations

import hashlib
import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

from .table import COMPILE, LINK, ZIG_VERSION, Board

LIBRARY = "libccsexi.so"
RECORD = "libccsexi.sha256"
#: Seconds for one library, the compiler's own parts included; measured: 3 on two cores of an idle PC.
COMPILE_LIMIT = 600


class BuildError(Exception):
    """The compiler is not to be had or refuses the sources; the sentence says which and what to do."""


class Zig:
    """The pinned ziglang: the installed one, or one that pip fetches into a scratch folder."""

    def __init__(self, scratch: Path) -> None:
        self._environment = dict(os.environ)
        for place in ("ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR"):  # nothing of an earlier run takes part
            self._environment[place] = str(scratch / "cache")
        try:
            installed = importlib.metadata.version("ziglang")
        except importlib.metadata.PackageNotFoundError:
            installed = ""
        if installed != ZIG_VERSION:
            self._fetch(scratch / "ziglang")

    def _fetch(self, folder: Path) -> None:
        wanted = f"ziglang=={ZIG_VERSION}"
        print(f"fetching {wanted} with pip for this run (about 100 MB); to keep it: pip install {wanted}", flush=True)
        try:
            subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-compile",
                            "--target", str(folder), wanted], check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as problem:
            detail = (getattr(problem, "stderr", "") or str(problem)).strip().splitlines()[-1]
            raise BuildError(f"pip could not fetch {wanted}, the compiler of all boards ({detail}); in an environment with pip: "
                             "pip install -r install/requirements-build.txt") from problem
        self._environment["PYTHONPATH"] = str(folder)

    def compile(self, root: Path, board: Board, out: Path, *more: str) -> None:
        """Build the library of `board` from the sources in `root` as the file `out`; raises BuildError."""
        _run([sys.executable, "-m", "ziglang", "cc", *board.flags(), *COMPILE, *more, *LINK, "-o", str(out), *translation_units(root)],
             root, self._environment)


def compile_here(root: Path, compiler: str, out: Path) -> None:
    """Build with the compiler of this machine, against its C library; raises BuildError."""
    out.parent.mkdir(parents=True, exist_ok=True)
    beside = out.with_name(f"{out.name}.{os.getpid()}")  # renamed at the end: a running program never sees half a file
    _run([*compiler.split(), *COMPILE, *LINK, "-o", str(beside), *translation_units(root)], root, dict(os.environ))
    beside.replace(out)


def _run(command: list[str], root: Path, environment: dict[str, str]) -> None:
    try:
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=COMPILE_LIMIT)
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise BuildError(f"cannot run {command[0]}: {problem}; install a C compiler (gcc and libc6-dev) or name one with --cc") from problem
    if done.returncode:
        raise BuildError(f"the compiler refused the sources:\n{done.stderr.strip()}\ncommand: {' '.join(command)}")


def translation_units(root: Path) -> list[str]:
    """The C files, relative to exi_native/, in an order that is the same everywhere."""
    return sorted(str(path.relative_to(root)) for folder in ("src", "generated") for path in (root / folder).glob("*.c"))


def sources(root: Path) -> list[str]:
    """What a library is built from: C files, headers, flags."""
    headers = (str(path.relative_to(root)) for path in (root / "include").glob("*.h"))
    return sorted(["boards/table.py", *headers, *translation_units(root)])


def record(root: Path, folder: str, compiler: str, library: bytes) -> str:
    """The text of lib/<folder>/libccsexi.sha256: the compiler, then `sha256sum --check` lines relative to exi_native/."""
    rows = [f"{hashlib.sha256((root / name).read_bytes()).hexdigest()}  {name}" for name in sources(root)]
    rows.append(f"{hashlib.sha256(library).hexdigest()}  lib/{folder}/{LIBRARY}")
    return "\n".join([f"# {compiler}", *rows, ""])


def write(path: Path, content: bytes) -> bool:
    """Replace a file in one step; False when it has this content already."""
    if path.is_file() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    beside.write_bytes(content)
    beside.chmod(0o755 if path.suffix == ".so" else 0o644)
    beside.replace(path)
    return True
