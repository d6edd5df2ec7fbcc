"""The boards that a prebuilt library exists for, and how it is compiled: part of what each library's hash record covers."""
from __future__ import annotations

from typing import NamedTuple, Optional

#: The compiler: clang, linker and targets in one wheel of PyPI. The same pin stands in install/requirements-build.txt.
ZIG_VERSION = "0.17.0"

#: The goal of the project for one stripped library with all schemas, in octets.
SIZE_BUDGET = 400_000

COMPILE = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wshadow", "-fPIC", "-fvisibility=hidden", "-fno-ident",
           "-fno-unwind-tables", "-fno-asynchronous-unwind-tables", "-Iinclude")
#: -s and no build id: nothing in the file depends on where and when it was built.
LINK = ("-shared", "-s", "-Wl,--build-id=none", "-Wl,-z,relro", "-Wl,-z,now", "-Wl,-z,noexecstack", "-Wl,-z,defs")
#: The library calls nothing, so that no version of a C library can be too old for it; the linker refuses what is missing.
BARE = ("-ffreestanding", "-nostdlib")


class Board(NamedTuple):
    """One folder of lib/, and what must be true of the library in it."""

    folder: str
    target: str
    cpu: str  # the least processor it must run on
    machine: int  # e_machine of the ELF header (ELF gABI; EM_ARM: ELF for the Arm Architecture)
    bits: int
    arm_architectures: Optional[tuple[int, ...]] = None  # Tag_CPU_arch values that this processor executes
    what: str = ""

    def flags(self) -> tuple[str, ...]:
        return ("-target", self.target, f"-mcpu={self.cpu}", *BARE)

    def compiler(self) -> str:
        """What the hash record says about the compiler."""
        return f"ziglang {ZIG_VERSION} {' '.join(self.flags())}"


# The glibc in a target only chooses headers and stubs; none is linked (BARE). Tag_CPU_arch (Addenda to the ABI for the Arm
# Architecture, "Target-related attributes"): 6 ARMv6, 7 v6KZ, 8 v6T2, 9 v6K, 10 v7. ARM1176 is v6KZ and has no Thumb-2.
# Processors: BeagleBone Cortex-A8, Raspberry Pi 2 Cortex-A7; VFPv3-D16 without NEON is also what Debian armhf asks for.
BOARDS = (
    Board("x86_64-linux-gnu", "x86_64-linux-gnu.2.28", "x86_64", 62, 64, what="PC"),
    Board("aarch64-linux-gnu", "aarch64-linux-gnu.2.28", "generic", 183, 64, what="Raspberry Pi 3 and later, 64 bit"),
    Board("arm-linux-gnueabihf", "arm-linux-gnueabihf.2.28", "generic+v7a+vfp3d16-neon", 40, 32, (6, 7, 8, 9, 10), "BeagleBone, Raspberry Pi 2 and later, 32 bit"),
    Board("armv6-linux-gnueabihf", "arm-linux-gnueabihf.2.28", "arm1176jzf_s", 40, 32, (6, 7, 9), "Raspberry Pi 1 and Zero"),
)
