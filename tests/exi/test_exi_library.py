"""Loading the library: the right one is found, a missing or foreign one is refused with a sentence that helps."""
from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

import exi_native
from exi_native import codec
from exi_native.codec import CodecUnavailable
from exi_native.generated import TABLE_HASH
from exi_native.library import open_library, triplet

ROOT = Path(exi_native.__file__).parent


def test_missing_library_names_path_and_remedy(tmp_path: Path) -> None:
    path = tmp_path / "libccsexi.so"
    with pytest.raises(CodecUnavailable) as refused:
        codec.load(path)
    assert str(path) in str(refused.value)
    assert "make -C exi_native" in str(refused.value)


def test_library_is_looked_for_by_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    monkeypatch.setattr("platform.libc_ver", lambda: ("glibc", "2.36"))
    with pytest.raises(CodecUnavailable, match="lib/riscv64-linux-gnu/libccsexi.so for riscv64 does not exist"):
        codec.load()


@pytest.mark.parametrize(("machine", "libc", "bits", "expected"), [
    ("x86_64", "glibc", 64, "x86_64-linux-gnu"),
    ("x86_64", "", 64, "x86_64-linux-musl"),
    ("aarch64", "glibc", 64, "aarch64-linux-gnu"),
    ("aarch64", "glibc", 32, "arm-linux-gnueabihf"),  # 32-bit Raspberry Pi OS on a 64-bit kernel
    ("armv7l", "glibc", 32, "arm-linux-gnueabihf"),
    ("armv6l", "glibc", 32, "armv6-linux-gnueabihf"),
])
def test_names_of_machines(machine: str, libc: str, bits: int, expected: str) -> None:
    assert triplet(machine, libc, bits) == expected


def test_library_of_other_tables_is_refused() -> None:
    with pytest.raises(CodecUnavailable, match="built from other tables"):
        open_library(None, "0" * 64)


def test_what_is_no_library_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "libccsexi.so"
    path.write_bytes(b"not a library")
    with pytest.raises(CodecUnavailable, match="cannot be used"):
        codec.load(path)


def test_two_codecs_do_not_share_buffers() -> None:
    one, two = codec.load(), codec.load()
    octets = bytes.fromhex("804880")
    message = one.decode("SAP", octets)
    assert two.encode("SAP", message) == one.encode("SAP", message) == octets
    assert one._work_address != two._work_address


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    if shutil.which("cc") is None or shutil.which("make") is None:
        pytest.skip("no C compiler here")
    return Path(shutil.copytree(ROOT, tmp_path / "exi_native", ignore=shutil.ignore_patterns("__pycache__", "lib")))


def build(tree: Path) -> Path:
    subprocess.run(["make", "-s", "-C", str(tree)], check=True, capture_output=True, text=True)
    return next(tree.glob("lib/*/libccsexi.so"))


def test_build_is_deterministic_and_works(tree: Path, tmp_path: Path) -> None:
    first = build(tree)
    second = build(Path(shutil.copytree(tree, tmp_path / "elsewhere" / "exi", ignore=shutil.ignore_patterns("lib"))))
    assert first.read_bytes() == second.read_bytes()
    assert codec.load(first).decode("SAP", bytes.fromhex("804880")).SchemaID is None


def test_other_interface_version_is_refused(tree: Path) -> None:
    header = tree / "include" / "ccsexi.h"
    header.write_text(header.read_text().replace("#define EXI_ABI_VERSION 1\n", "#define EXI_ABI_VERSION 99\n"))
    with pytest.raises(CodecUnavailable, match="interface version 99"):
        open_library(build(tree), TABLE_HASH)
