"""Which prebuilt library fits this machine: the folders of lib/ by processor, word size, float convention and C library."""
from __future__ import annotations

import platform
import sys
from typing import NamedTuple

#: What uname says where 32-bit ARM programs run that may use ARMv7 instructions; armv8l: a 64-bit kernel under setarch.
_ARMV7 = ("aarch64", "armv8l", "armv7l")
#: Raspberry Pi 1 and Zero (ARM1176): a library built for ARMv7 stops there with SIGILL.
_ARMV6 = "armv6l"
_X86 = ("x86_64", "i686", "i586", "i386")


class Machine(NamedTuple):
    """What decides which library this Python can open."""

    processor: str  # as uname says, of the kernel
    bits: int  # of this Python: Raspberry Pi OS has a 64-bit kernel under 32-bit programs
    c_library: str  # "glibc" or another name
    hard_float: bool  # ARM 32 bit: the procedure call standard that the C library was built for (AAPCS, VFP variant)

    def folders(self) -> tuple[str, ...]:
        """Names of folders in lib/, the best first, written as compilers name their targets."""
        suffix = "gnu" if self.c_library == "glibc" else self.c_library
        if self.bits == 32 and self.processor in (*_ARMV7, _ARMV6):
            abi = f"linux-{suffix}eabihf" if self.hard_float else f"linux-{suffix}eabi"
            # an ARMv7 processor runs what was built for ARMv6, not the other way round
            return (f"armv6-{abi}",) if self.processor == _ARMV6 else (f"arm-{abi}", f"armv6-{abi}")
        if self.bits == 32 and self.processor in _X86:
            return (f"i386-linux-{suffix}",)
        return (f"{self.processor}-linux-{suffix}",)

    def __str__(self) -> str:
        floats = "" if self.bits == 64 or not self.processor.startswith(("arm", "aarch64")) else ", hard float" if self.hard_float else ", soft float"
        return f"processor {self.processor}, {self.bits}-bit Python, C library {self.c_library}{floats}"


def this_machine() -> Machine:
    """The machine and the Python that run now."""
    if platform.system() != "Linux":
        c_library = platform.system().lower()
    else:
        c_library = platform.libc_ver()[0] or "musl"  # Python 3.11 knows the name of glibc only
    if sys.maxsize > 1 << 32:
        return Machine(platform.machine(), 64, c_library, True)
    import sysconfig  # reads 1,200 settings of Python's own making: 32-bit ARM alone has two kinds of floats

    # The name that Python itself was built for, such as armv7l-unknown-linux-gnueabihf; soft float ends in gnueabi.
    built_for = str(sysconfig.get_config_var("HOST_GNU_TYPE") or "")
    return Machine(platform.machine(), 32, c_library, not built_for.endswith("eabi"))
