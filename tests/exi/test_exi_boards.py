"""The prebuilt libraries: each one is what its board can load, and what would not be is noticed."""
from __future__ import annotations

import importlib.metadata
import re
import shutil
import struct
from pathlib import Path

import pytest

import exi_native
from exi_native.boards import build, elf, figures
from exi_native.boards.table import BOARDS, SIZE_BUDGET, ZIG_VERSION, Board
from exi_native.machine import this_machine
from tests.boards.__main__ import differences
from tests.boards.machines import E_FLAGS, EMULATED, as_soft_float

ROOT = Path(exi_native.__file__).parent
BY_FOLDER = {board.folder: board for board in BOARDS}
ARMV6, ARMV7, PC = BY_FOLDER["armv6-linux-gnueabihf"], BY_FOLDER["arm-linux-gnueabihf"], BY_FOLDER["x86_64-linux-gnu"]


def library(board: Board) -> bytes:
    return (ROOT / "lib" / board.folder / build.LIBRARY).read_bytes()


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.folder)
def test_library_keeps_the_promises_of_its_board(board: Board) -> None:
    data = library(board)
    assert elf.faults(data, board) == []
    facts = elf.read(data)
    assert {"exi_abi_version", "exi_decode", "exi_encode", "exi_table_hash", "exi_workspace_size"} <= set(facts.exported)
    assert facts.undefined == ()


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.folder)
def test_library_says_nothing_about_where_it_was_built(board: Board) -> None:
    data = library(board)
    for trace in (b"/home/", b"/root/", b"/tmp/", b"/work/", b"ccsexi.h", b".c\0"):
        assert trace not in data


def test_every_board_is_emulated_and_the_pin_is_one() -> None:
    assert {machine.folder for machine in EMULATED} == set(BY_FOLDER)
    assert f"\nziglang=={ZIG_VERSION}\n" in (ROOT.parent / "install" / "requirements-build.txt").read_text()


def test_architecture_is_read_from_the_build_attributes() -> None:
    assert elf.read(library(ARMV6)).arm[6] == 6  # Tag_CPU_arch of ARMv6
    assert elf.read(library(ARMV7)).arm[6] == 10  # ARMv7
    assert any("ARM architecture 10" in sentence for sentence in elf.faults(library(ARMV7), ARMV6))
    assert elf.faults(library(ARMV6), ARMV7) == []


def test_soft_float_is_noticed() -> None:
    assert elf.faults(as_soft_float(library(ARMV6)), ARMV6) == ["is not marked as hard float"]


def test_soft_float_mark_is_all_that_the_emulation_changes() -> None:
    before, after = library(ARMV6), as_soft_float(library(ARMV6))
    changed = [n for n, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
    assert changed == [E_FLAGS + 1]
    with pytest.raises(ValueError, match="not marked as hard float"):
        as_soft_float(after)


def test_library_of_another_machine_is_noticed() -> None:
    assert elf.faults(library(ARMV7), PC) == ["made for ELF machine 40 with 32 bits, expected 62 with 64"]


def test_executable_stack_is_noticed() -> None:
    data = bytearray(library(PC))
    start, size, count = struct.unpack_from("<Q", data, 32)[0], *struct.unpack_from("<HH", data, 54)
    for entry in range(start, start + size * count, size):
        if struct.unpack_from("<I", data, entry)[0] == 0x6474E551:  # PT_GNU_STACK
            struct.pack_into("<I", data, entry + 4, 7)
    assert elf.faults(bytes(data), PC) == ["asks for an executable stack"]


def test_too_large_a_library_is_noticed() -> None:
    assert elf.faults(library(PC) + bytes(SIZE_BUDGET), PC) == [f"has {len(library(PC)) + SIZE_BUDGET} octets, the budget is {SIZE_BUDGET}"]


@pytest.mark.parametrize("octets", [b"", b"text", b"\x7fELF\x02\x02\x01" + bytes(60), b"\x7fELF\x02\x01\x01" + b"\xff" * 90], ids=["nothing", "text", "big endian", "no place fits"])
def test_what_is_no_library_is_a_sentence(octets: bytes) -> None:
    assert len(elf.faults(octets, PC)) == 1
    assert "ELF file" in elf.faults(octets, PC)[0]


def test_build_attributes_without_length_end() -> None:
    data = library(ARMV6)
    at = data.index(b"aeabi\0")
    for place in (at - 4, at + 7):  # lengths of the subsection and of the part about the whole file
        assert elf.faults(data[:place] + bytes(4) + data[place + 4:], ARMV6) == ["damaged ELF file (build attributes with a length of 0)"]


def test_damaged_libraries_are_read_without_any_other_exception() -> None:
    whole = library(ARMV6)
    for end in range(0, 400):
        elf.faults(whole[:end], ARMV6)
    header = bytearray(whole)
    for place in range(16, 52):
        header[place] ^= 0xFF
        elf.faults(bytes(header), ARMV6)
        header[place] ^= 0xFF


def test_a_call_of_the_c_library_and_symbols_left_in_are_noticed(tmp_path: Path) -> None:
    if shutil.which("cc") is None:
        pytest.skip("no C compiler here")
    source = tmp_path / "exi" / "src" / "calls.c"
    source.parent.mkdir(parents=True)
    source.write_text("void *malloc(unsigned long size);\nvoid *calls(void);\nvoid *calls(void) { return malloc(1); }\n")
    out = tmp_path / "calls.so"
    build.compile_here(tmp_path / "exi", "cc -g -Wl,-z,execstack", out)
    board = next((b for b in BOARDS if b.folder == this_machine().folders()[0]), None)
    if board is None:
        pytest.skip("this machine is no board of the table")
    assert any("malloc" in sentence for sentence in elf.faults(out.read_bytes(), board))
    with pytest.raises(build.BuildError, match="the compiler refused the sources"):
        build.compile_here(tmp_path / "exi", "cc -DBROKEN=( -include missing.h", out)
    with pytest.raises(build.BuildError, match="install a C compiler"):
        build.compile_here(tmp_path / "exi", "no-such-compiler", out)


def installed_zig() -> str:
    try:
        return importlib.metadata.version("ziglang")
    except importlib.metadata.PackageNotFoundError:
        return ""


@pytest.mark.skipif(installed_zig() != ZIG_VERSION, reason="ziglang is not installed here; ./install/test.sh --boards has it")
@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.folder)
def test_same_octets_from_another_folder(board: Board, tmp_path: Path) -> None:
    elsewhere = tmp_path / "a longer name" / "tree"
    shutil.copytree(ROOT, elsewhere, ignore=shutil.ignore_patterns("__pycache__", "lib"))
    build.Zig(tmp_path).compile(elsewhere, board, tmp_path / "library")
    assert (tmp_path / "library").read_bytes() == library(board)


def test_record_names_compiler_sources_and_library() -> None:
    text = (ROOT / "lib" / ARMV6.folder / build.RECORD).read_text()
    first, *rows = text.splitlines()
    assert first == f"# ziglang {ZIG_VERSION} -target arm-linux-gnueabihf.2.28 -mcpu=arm1176jzf_s -ffreestanding -nostdlib"
    assert [row.split("  ")[1] for row in rows] == [*build.sources(ROOT), f"lib/{ARMV6.folder}/{build.LIBRARY}"]
    assert all(re.fullmatch(r"[0-9a-f]{64}", row.split("  ")[0]) for row in rows)
    assert build.record(ROOT, ARMV6.folder, ARMV6.compiler(), library(ARMV6)) == text


def test_write_replaces_only_what_differs(tmp_path: Path) -> None:
    path = tmp_path / "lib" / "board" / "libccsexi.so"
    assert build.write(path, b"one") is True
    assert build.write(path, b"one") is False
    assert build.write(path, b"two") is True
    assert path.read_bytes() == b"two"
    assert [p.name for p in path.parent.iterdir()] == ["libccsexi.so"]


def test_memory_that_opening_adds_is_small() -> None:
    if not Path("/proc/self/smaps_rollup").is_file():
        pytest.skip("no smaps_rollup here (Linux 4.14)")
    alone, loaded, used = figures.loading_here(ROOT)
    assert 0 <= alone <= SIZE_BUDGET // 1024 + 200  # its pages, and what ctypes and the dynamic linker touch
    assert 0 <= loaded <= 30_000 and 0 <= used <= 30_000


ENTRIES = [{"schema": "SAP", "hex": "804880"}, {"schema": "SAP", "hex": "8000", "note": "no message"}]
GOOD = [["one", "804880"], ["refused", ""]]


@pytest.mark.parametrize(("answers", "same", "sentence"), [
    (GOOD, 1, None),
    (GOOD[:1], 1, "1 answers to 2 messages"),
    ([["one", "804881"], GOOD[1]], 0, "encoded to 804881"),
    ([["other values", "804880"], GOOD[1]], 1, "other values here one"),
    ([GOOD[0], ["another refusal", ""]], 1, "another refusal here refused"),
])
def test_what_a_board_answered_is_compared(answers: list[list[str]], same: int, sentence: str | None) -> None:
    count, wrong = differences(ENTRIES, answers, GOOD)
    assert count == same
    assert (sentence is None) == (wrong == [])
    assert sentence is None or any(sentence in line for line in wrong)
