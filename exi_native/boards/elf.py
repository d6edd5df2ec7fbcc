"""Reads ELF shared libraries: what one needs from its machine, and whether that is what its board promises."""
from __future__ import annotations

import struct
from typing import NamedTuple

from .table import SIZE_BUDGET, Board

# Numbers of the ELF gABI, of "ELF for the Arm Architecture" (e_flags) and of its "Addenda" (build attributes).
_PT_DYNAMIC, _PT_GNU_STACK, _EXECUTABLE = 2, 0x6474E551, 1
_DT_NEEDED, _DT_TEXTREL = 1, 22
_SHT_DYNSYM, _SHT_ARM_ATTRIBUTES = 11, 0x70000003
EF_ARM_ABI_FLOAT_SOFT, EF_ARM_ABI_FLOAT_HARD = 0x200, 0x400
_TAG_CPU_ARCH, _TAG_SIMD_ARCH, _TAG_VFP_ARGS, _TAG_COMPATIBILITY = 6, 12, 28, 32
_TAG_FILE = 1


class NotElf(Exception):
    """The octets are no little-endian ELF file."""


class Section(NamedTuple):
    """One section header."""

    name: str
    kind: int
    data: bytes
    entry_size: int


class Elf(NamedTuple):
    """What of a shared library decides where it runs."""

    machine: int
    bits: int
    flags: int
    needed: int  # how many libraries it asks for
    text_relocations: bool
    executable_stack: bool  # also where the mark is missing: then the kernel decides
    undefined: tuple[str, ...]  # symbols that others must give
    exported: tuple[str, ...]
    sections: tuple[str, ...]
    arm: dict[int, int]  # build attributes by tag, those whose value is a number


def read(data: bytes) -> Elf:
    """The facts of a library; raises NotElf."""
    if data[:4] != b"\x7fELF" or len(data) < 52 or data[4] not in (1, 2) or data[5] != 1:
        raise NotElf("no little-endian ELF file")
    wide = data[4] == 2
    try:
        return _read(data, wide)
    except (struct.error, IndexError, ValueError, OverflowError) as problem:
        raise NotElf(f"damaged ELF file ({problem})") from problem


def _read(data: bytes, wide: bool) -> Elf:
    machine, = struct.unpack_from("<H", data, 18)
    at = 32 if wide else 28
    program_start, section_start, flags, _, program_size, programs, section_size, section_count, names = struct.unpack_from(
        "<QQIHHHHHH" if wide else "<IIIHHHHHH", data, at)
    needed, relocations, stack = 0, False, True
    for n in range(programs):
        entry = program_start + n * program_size
        if wide:
            kind, access, offset, _, _, size = struct.unpack_from("<IIQQQQ", data, entry)
        else:
            kind, offset, _, _, size, _, access = struct.unpack_from("<7I", data, entry)
        if kind == _PT_GNU_STACK:
            stack = bool(access & _EXECUTABLE)
        elif kind == _PT_DYNAMIC:
            tags = [tag for tag, _ in struct.iter_unpack("<qQ" if wide else "<iI", data[offset:offset + size])]
            needed, relocations = tags.count(_DT_NEEDED), _DT_TEXTREL in tags
    sections = _sections(data, wide, section_start, section_size, section_count, names)
    undefined, exported = _symbols(sections, wide)
    attributes = next((s.data for s in sections if s.kind == _SHT_ARM_ATTRIBUTES), b"")
    return Elf(machine, 64 if wide else 32, flags, needed, relocations, stack, undefined, exported,
               tuple(s.name for s in sections if s.name), _arm_attributes(attributes))


def _sections(data: bytes, wide: bool, start: int, size: int, count: int, names: int) -> list[Section]:
    rows = []
    for n in range(count):
        fields = struct.unpack_from("<IIQQQQIIQQ" if wide else "<10I", data, start + n * size)
        rows.append((fields[0], fields[1], data[fields[4]:fields[4] + fields[5]], fields[9]))
    texts = rows[names][2] if rows else b""
    return [Section(_text(texts, name), kind, content, entry) for name, kind, content, entry in rows]


def _symbols(sections: list[Section], wide: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    table = next((s for s in sections if s.kind == _SHT_DYNSYM), None)
    texts = next((s.data for s in sections if s.name == ".dynstr"), b"")
    undefined, exported = [], []
    for row in struct.iter_unpack("<IBBHQQ" if wide else "<IIIBBH", table.data if table else b""):
        name, home = _text(texts, row[0]), row[3 if wide else 5]
        if name:
            (exported if home else undefined).append(name)
    return tuple(undefined), tuple(sorted(exported))


def _arm_attributes(data: bytes) -> dict[int, int]:
    """Attributes of the whole file of vendor aeabi: 'A', then length, vendor, and sub-subsections of tag, length, pairs."""
    found: dict[int, int] = {}
    at = 1
    while at + 4 < len(data):
        end = at + _length(struct.unpack_from("<I", data, at)[0])
        vendor = _text(data, at + 4)
        at += 4 + len(vendor) + 1
        while vendor == "aeabi" and at + 5 <= end:
            tag, length = struct.unpack_from("<BI", data, at)
            if tag == _TAG_FILE:
                found.update(_pairs(data[at + 5:at + length]))
            at += _length(length)
        at = end
    return found


def _length(octets: int) -> int:
    """A length that counts itself; less than its own four octets would go round for ever."""
    if octets < 4:
        raise ValueError(f"build attributes with a length of {octets}")
    return octets


def _pairs(data: bytes) -> dict[int, int]:
    found, at = {}, 0
    while at < len(data):
        tag, at = _uleb(data, at)
        text = tag in (4, 5) or tag > _TAG_COMPATIBILITY and tag % 2 == 1  # names; odd tags above 32 are strings
        if not text or tag == _TAG_COMPATIBILITY:
            value, at = _uleb(data, at)
            found[tag] = value
        if text or tag == _TAG_COMPATIBILITY:
            at = data.index(0, at) + 1
    return found


def _uleb(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while data[at] & 0x80:
        value |= (data[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
    return value | data[at] << shift, at + 1


def _text(data: bytes, at: int) -> str:
    return data[at:data.index(0, at)].decode("ascii", "replace")


def faults(data: bytes, board: Board) -> list[str]:
    """One sentence for each promise of the board that this library breaks."""
    try:
        elf = read(data)
    except NotElf as problem:
        return [str(problem)]
    found = []
    if (elf.machine, elf.bits) != (board.machine, board.bits):
        found.append(f"made for ELF machine {elf.machine} with {elf.bits} bits, expected {board.machine} with {board.bits}")
    if elf.needed or elf.undefined:
        found.append(f"needs {elf.needed} other libraries and {', '.join(elf.undefined) or 'no symbol'}; the library of a board calls "
                     "nothing, so that it fits any glibc")
    if elf.executable_stack:
        found.append("asks for an executable stack")
    if elf.text_relocations:
        found.append("has relocations in its code")
    unstripped = [name for name in elf.sections if name == ".symtab" or name.startswith((".debug", ".note.gnu.build-id"))]
    if unstripped:
        found.append(f"is not stripped: {', '.join(unstripped)}")
    if len(data) > SIZE_BUDGET:
        found.append(f"has {len(data)} octets, the budget is {SIZE_BUDGET}")
    if board.arm_architectures is not None:
        if not elf.flags & EF_ARM_ABI_FLOAT_HARD or elf.arm.get(_TAG_VFP_ARGS) != 1:
            found.append("is not marked as hard float")
        if elf.arm.get(_TAG_CPU_ARCH) not in board.arm_architectures:
            found.append(f"is for ARM architecture {elf.arm.get(_TAG_CPU_ARCH)} (Tag_CPU_arch), this board executes "
                         f"{', '.join(map(str, board.arm_architectures))}")
        if elf.arm.get(_TAG_SIMD_ARCH, 0):
            found.append("uses NEON, which not every board has")
    return found
