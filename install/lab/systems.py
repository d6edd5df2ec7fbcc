"""Which boards can be emulated: a processor, a Debian, and whether it is a Raspberry Pi's. `python systems.py ARCH SUITE [raspberry]` tells shell scripts."""
from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass

MEMORY_MIB = 768


@dataclass(frozen=True)
class Processor:
    """What runs the kernel. Its name is Debian's."""

    uname: str                   # as Linux says, and the name of its wheels
    qemu: str                    # what qemu calls it
    triple: str                  # what compilers call it
    bits: int
    kernel: str                  # Debian's package
    machine: str                 # qemu's
    cpu: str
    console: str                 # the machine's first serial line, as Linux calls it


PROCESSORS = {
    "amd64": Processor("x86_64", "x86_64", "x86_64-linux-gnu", 64, "linux-image-amd64", "q35", "max", "ttyS0"),
    "arm64": Processor("aarch64", "aarch64", "aarch64-linux-gnu", 64, "linux-image-arm64", "virt,gic-version=3", "cortex-a53", "ttyAMA0"),
    "armhf": Processor("armv7l", "arm", "arm-linux-gnueabihf", 32, "linux-image-armmp", "virt,highmem=off", "cortex-a15", "ttyAMA0"),
}


@dataclass(frozen=True)
class Release:
    """What a Debian has. Its name is the suite's."""

    number: str
    python: str
    compiler: str                # of gcc: what has made its kernel
    source: str                  # the package of its kernel's source
    libraries: str               # libpcap and libgpiod


RELEASES = {
    "bookworm": Release("12", "3.11", "12", "linux-source-6.1", "libpcap0.8,libgpiod2"),
    "trixie": Release("13", "3.13", "14", "linux-source-6.12", "libpcap0.8t64,libgpiod3"),
}
EVERYWHERE = ("systemd-sysv,udev,dbus,kmod,procps,iproute2,ethtool,python3,python3-venv,python3-pip,python3-libgpiod,initramfs-tools,zstd,overlayroot,busybox,e2fsprogs")
# 32 bit: the index has no compiled packages, so install.sh takes Debian's own (install/lib/platform.sh); here they are on the board already
PACKAGES_32BIT = "python3-pil,python3-yaml,python3-smbus2,python3-luma.oled,python3-serial,python3-can,python3-paho-mqtt,python3-tornado"
RASPBERRY = "network-manager"    # what Raspberry Pi OS has and a Debian of this size has not, as far as it concerns a box


@dataclass(frozen=True)
class System:
    """One kind of board. `raspberry`: what Raspberry Pi OS adds to Debian's programs, as far as Debian's packages can show it: 64 bit in the kernel under programs
    of 32 bit, ID=raspbian there, NetworkManager, a firmware's FAT with config.txt, a Raspberry Pi's name in the device tree.
    """

    arch: str                    # of its programs
    suite: str = "bookworm"
    raspberry: bool = False

    @classmethod
    def of(cls, words: list[str]) -> System:
        """`str` of it again. ValueError for a board that there is not."""
        arch, suite, *raspberry = words
        if arch not in PROCESSORS:
            raise ValueError(f"there is no board with the processor {arch!r}; there are {', '.join(PROCESSORS)}")
        if suite not in RELEASES:
            raise ValueError(f"there is no board with Debian {suite!r}; there are {', '.join(RELEASES)}")
        if raspberry and arch == "amd64":
            raise ValueError("no Raspberry Pi has the processor 'amd64'; --arch arm64 or armhf")
        return cls(arch, suite, bool(raspberry))

    def __str__(self) -> str:
        return f"{self.arch} {self.suite}{' raspberry' if self.raspberry else ''}"

    @property
    def name(self) -> str:
        return str(self).replace(" ", "-")

    @property
    def processor(self) -> Processor:
        """The kernel's."""
        return PROCESSORS[self._kernel]

    @property
    def wheels(self) -> str:
        return f"{PROCESSORS[self.arch].uname}-{RELEASES[self.suite].python}"

    @property
    def _kernel(self) -> str:
        return "arm64" if self.raspberry else self.arch

    def shell(self) -> str:
        """Lines NAME=value for a shell."""
        user, kernel, release = PROCESSORS[self.arch], self.processor, RELEASES[self.suite]
        packages = [EVERYWHERE, release.libraries, kernel.kernel + (f":{self._kernel}" if self._kernel != self.arch else "")]
        if user.bits == 32:
            packages.append(PACKAGES_32BIT)
        if self.raspberry:
            packages.append(RASPBERRY)
        here = [f"qemu-system-{kernel.qemu}=qemu-system-{'x86' if kernel.qemu == 'x86_64' else 'arm'}"]
        if self.arch != "amd64":
            here += [f"qemu-{user.qemu}-static=qemu-user-static", "arch-test=arch-test"]
        if self.raspberry:
            here += ["fdtput=device-tree-compiler", "mkfs.vfat=dosfstools", "mcopy=mtools"]
        words = {"name": self.name, "wheels": self.wheels, "board_uname": user.uname, "python": release.python, "qemu_user": user.qemu, "packages": ",".join(packages),
                 "kernel_arch": self._kernel, "qemu": kernel.qemu, "qemu_machine": kernel.machine, "qemu_cpu": kernel.cpu, "memory": str(MEMORY_MIB),
                 "cross": f"{kernel.triple}-", "bits": str(kernel.bits), "linux_source": release.source, "debian": release.number,
                 "compiler": f"gcc-{release.compiler}" + ("" if self._kernel == "amd64" else f"-{kernel.triple}"), "tools_here": " ".join(here)}
        return "\n".join(f"{word}={shlex.quote(value)}" for word, value in words.items())


if __name__ == "__main__":
    try:
        print(System.of(sys.argv[1:]).shell())
    except ValueError as refusal:
        sys.exit(str(refusal))
