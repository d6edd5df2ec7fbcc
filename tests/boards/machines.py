"""Emulated boards: a Debian Python of each architecture in a folder, run by qemu-user with the processor of the board."""
from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple, Optional

#: Python and what it needs, by Debian's own dependencies; ctypes is in libpython3-stdlib.
PACKAGES = ("python3-minimal", "libpython3-stdlib", "libffi8")
#: Seconds for the packages of one architecture (30 MB), and for one run over all vectors (measured: 15 on two cores).
FETCH_LIMIT, RUN_LIMIT = 600, 600
#: e_flags of an ARM ELF header (ELF for the Arm Architecture, "Processor-specific flags"): place, and the two conventions.
E_FLAGS, SOFT, HARD = 36, 0x200, 0x400


class Emulated(NamedTuple):
    """A board: the folder of its library, and the machine that stands for it."""

    folder: str
    qemu: str
    processor: str  # qemu's name of it
    debian: str  # architecture of the packages
    soft_float: bool = False


# qemu64: an x86-64 of the first level. BeagleBone has a Cortex-A8, Raspberry Pi 3 a Cortex-A53, Raspberry Pi 1 and Zero an
# ARM1176. Debian's armhf needs ARMv7, so the ARM1176 runs Debian's armel (ARMv5, soft float), see as_soft_float.
EMULATED = (
    Emulated("x86_64-linux-gnu", "qemu-x86_64-static", "qemu64", "amd64"),
    Emulated("aarch64-linux-gnu", "qemu-aarch64-static", "cortex-a53", "arm64"),
    Emulated("arm-linux-gnueabihf", "qemu-arm-static", "cortex-a8", "armhf"),
    Emulated("armv6-linux-gnueabihf", "qemu-arm-static", "arm1176", "armel", soft_float=True),
)


class Unavailable(Exception):
    """The emulation cannot be had here; the sentence says why."""


def as_soft_float(library: bytes) -> bytes:
    """The same library under the other mark: a soft-float glibc opens no hard-float library, though none of its functions takes a float.

    One flag of the header changes, no instruction.
    """
    flags = int.from_bytes(library[E_FLAGS:E_FLAGS + 4], "little")
    if not flags & HARD:
        raise ValueError("the library is not marked as hard float")
    return library[:E_FLAGS] + (flags & ~HARD | SOFT).to_bytes(4, "little") + library[E_FLAGS + 4:]


def missing() -> Optional[str]:
    """Why nothing can be emulated here, or None."""
    commands = sorted({*(machine.qemu for machine in EMULATED), "apt-get", "dpkg-deb"})
    absent = [command for command in commands if shutil.which(command) is None]
    return f"{', '.join(absent)} not here; on Debian: apt-get install qemu-user-static" if absent else None


def userland(machine: Emulated, cache: Path) -> Path:
    """The folder with Python for this machine; fetched from Debian's packages the first time. Raises Unavailable."""
    root = cache / machine.debian
    done = root / ".complete"
    if done.is_file():
        return root
    shutil.rmtree(root, ignore_errors=True)
    state = cache / f"{machine.debian}.apt"
    for folder in ("lists/partial", "cache/archives/partial"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    # A state of its own, as if nothing were installed: the packages of this system are not touched, and no root is needed.
    options = {"Dir::State": str(state), "Dir::State::status": "/dev/null", "Dir::Cache": str(state / "cache"), "APT::Architecture": machine.debian,
               "APT::Architectures": machine.debian, "Debug::NoLocking": "1", "APT::Install-Recommends": "0", "APT::Sandbox::User": "root"}
    apt = ["apt-get", "-qq", "-y", *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]
    # update fails when one of several indexes is not to be had; whether enough came is for the second command to say
    subprocess.run([*apt, "update"], capture_output=True, timeout=FETCH_LIMIT)
    fetched = subprocess.run([*apt, "--download-only", "install", *PACKAGES], capture_output=True, text=True, timeout=FETCH_LIMIT)
    archives = sorted((state / "cache" / "archives").glob("*.deb"))
    if fetched.returncode or not archives:
        detail = (fetched.stderr.strip().splitlines() or ["no packages came"])[-1]
        raise Unavailable(f"Debian's packages {', '.join(PACKAGES)} for {machine.debian} are not to be had: {detail}")
    for archive in archives:
        subprocess.run(["dpkg-deb", "-x", str(archive), str(root)], check=True, capture_output=True, timeout=FETCH_LIMIT)
    if not (root / "lib").exists():  # Debian 13 and later ship everything in usr/ and leave the link to base-files
        (root / "lib").symlink_to("usr/lib")
    shutil.rmtree(state)
    done.touch()
    return root


def run(machine: Emulated, root: Path, arguments: list[str], text: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run that machine's Python; `text` is its standard input. The return code of a signal is 128 plus its number, as shells say it."""
    command = [machine.qemu, "-cpu", machine.processor, "-L", str(root), str(root / "usr" / "bin" / "python3"), *arguments]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=RUN_LIMIT, env={**os.environ, **environment})
    if done.returncode < 0:
        done.returncode = 128 - done.returncode
    return done
