"""Loading the library: the right one is found, a missing or foreign one is refused with a sentence that helps."""
from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Optional

import pytest

import exi_native
from exi_native import codec, library
from exi_native.codec import CodecUnavailable
from exi_native.generated import TABLE_HASH
from exi_native.library import ABI_VERSION, open_library
from exi_native.machine import Machine, this_machine

ROOT = Path(exi_native.__file__).parent


def pretend(monkeypatch: pytest.MonkeyPatch, processor: str, libc: str = "glibc", bits: int = 64, built_for: str = "", system: str = "Linux") -> None:
    monkeypatch.setattr("platform.machine", lambda: processor)
    monkeypatch.setattr("platform.system", lambda: system)
    monkeypatch.setattr("platform.libc_ver", lambda: (libc, "2.36" if libc else ""))
    monkeypatch.setattr(sys, "maxsize", (1 << (bits - 1)) - 1)
    monkeypatch.setattr("sysconfig.get_config_var", lambda name: built_for if name == "HOST_GNU_TYPE" else None)


def test_missing_library_names_path_and_remedy(tmp_path: Path) -> None:
    path = tmp_path / "libccsexi.so"
    with pytest.raises(CodecUnavailable) as refused:
        codec.load(path)
    assert str(path) in str(refused.value)
    assert "make -C exi_native" in str(refused.value)


@pytest.mark.parametrize(("processor", "libc", "bits", "built_for", "expected"), [
    ("x86_64", "glibc", 64, "x86_64-pc-linux-gnu", ("x86_64-linux-gnu",)),
    ("x86_64", "glibc", 32, "i686-pc-linux-gnu", ("i386-linux-gnu",)),
    ("x86_64", "", 64, "x86_64-pc-linux-musl", ("x86_64-linux-musl",)),
    ("x86_64", "musl", 64, "", ("x86_64-linux-musl",)),
    ("aarch64", "glibc", 64, "aarch64-unknown-linux-gnu", ("aarch64-linux-gnu",)),
    ("aarch64", "glibc", 32, "arm-unknown-linux-gnueabihf", ("arm-linux-gnueabihf", "armv6-linux-gnueabihf")),  # Raspberry Pi OS, 64-bit kernel
    ("armv8l", "glibc", 32, "", ("arm-linux-gnueabihf", "armv6-linux-gnueabihf")),
    ("armv7l", "glibc", 32, "armv8l-unknown-linux-gnueabihf", ("arm-linux-gnueabihf", "armv6-linux-gnueabihf")),  # Debian 12 armhf says this
    ("armv7l", "", 32, "armv7-alpine-linux-musleabihf", ("arm-linux-musleabihf", "armv6-linux-musleabihf")),
    ("armv6l", "glibc", 32, "arm-linux-gnueabihf", ("armv6-linux-gnueabihf",)),  # never the ARMv7 one
    ("armv6l", "glibc", 32, "arm-unknown-linux-gnueabi", ("armv6-linux-gnueabi",)),  # Debian armel: soft float
    ("riscv64", "glibc", 64, "riscv64-unknown-linux-gnu", ("riscv64-linux-gnu",)),
])
def test_folders_of_machines(monkeypatch: pytest.MonkeyPatch, processor: str, libc: str, bits: int, built_for: str, expected: tuple[str, ...]) -> None:
    pretend(monkeypatch, processor, libc, bits, built_for)
    assert this_machine().folders() == expected


def test_other_systems_have_a_name_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, "arm64", "", system="Darwin")
    assert this_machine() == Machine("arm64", 64, "darwin", True)
    with pytest.raises(CodecUnavailable, match="C library darwin"):
        codec.load()


@pytest.mark.parametrize(("processor", "libc", "bits", "built_for", "described", "looked_for"), [
    ("riscv64", "glibc", 64, "", "processor riscv64, 64-bit Python, C library glibc", "riscv64-linux-gnu"),
    ("x86_64", "musl", 64, "", "processor x86_64, 64-bit Python, C library musl", "x86_64-linux-musl"),
    ("armv6l", "glibc", 32, "arm-linux-gnueabi", "processor armv6l, 32-bit Python, C library glibc, soft float", "armv6-linux-gnueabi"),
    ("armv7l", "musl", 32, "", "processor armv7l, 32-bit Python, C library musl, hard float", "arm-linux-musleabihf and armv6-linux-musleabihf"),
])
def test_refusal_says_what_was_looked_for_and_what_is_there(monkeypatch: pytest.MonkeyPatch, processor: str, libc: str, bits: int, built_for: str,
                                                            described: str, looked_for: str) -> None:
    pretend(monkeypatch, processor, libc, bits, built_for)
    with pytest.raises(CodecUnavailable) as refused:
        codec.load()
    sentence = str(refused.value)
    assert f"({described})" in sentence
    assert f"looked for {looked_for} in {library.LIBRARY_FOLDER}" in sentence
    assert "there are: aarch64-linux-gnu, arm-linux-gnueabihf, armv6-linux-gnueabihf, x86_64-linux-gnu" in sentence
    assert f"make -C exi_native TRIPLET={looked_for.split()[0]}" in sentence


@pytest.mark.parametrize(("processor", "there", "expected"), [
    ("armv7l", ("arm-linux-gnueabihf", "armv6-linux-gnueabihf"), "arm-linux-gnueabihf"),
    ("armv7l", ("armv6-linux-gnueabihf",), "armv6-linux-gnueabihf"),
    ("armv6l", ("arm-linux-gnueabihf", "armv6-linux-gnueabihf"), "armv6-linux-gnueabihf"),
    ("armv6l", ("arm-linux-gnueabihf",), None),
    ("armv7l", (), None),
])
def test_an_armv7_board_falls_back_to_armv6_and_never_the_other_way(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, processor: str,
                                                                   there: tuple[str, ...], expected: Optional[str]) -> None:
    pretend(monkeypatch, processor, bits=32)
    monkeypatch.setattr(library, "LIBRARY_FOLDER", tmp_path)
    for folder in there:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "libccsexi.so").write_bytes(b"not for this machine")
    with pytest.raises(CodecUnavailable) as refused:
        codec.load()
    if expected:
        assert f"{tmp_path / expected / 'libccsexi.so'} cannot be used" in str(refused.value)
    else:
        assert f"there are: {', '.join(there) or 'none'};" in str(refused.value)


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
    if shutil.which("cc") is None:
        pytest.skip("no C compiler here")
    return Path(shutil.copytree(ROOT, tmp_path / "exi_native", ignore=shutil.ignore_patterns("__pycache__", "lib")))


def build(tree: Path, *options: str) -> Path:
    """The library that the compiler of this machine makes of the sources in `tree`, as `make -C exi_native` does."""
    subprocess.run([sys.executable, "-m", "exi_native.boards", "--here", "--root", str(tree), *options], check=True, capture_output=True, text=True,
                   cwd=ROOT.parent)
    return next(tree.glob("lib/*/libccsexi.so"))


def test_build_here_is_deterministic_and_works(tree: Path, tmp_path: Path) -> None:
    first = build(tree)
    second = build(Path(shutil.copytree(tree, tmp_path / "elsewhere" / "exi", ignore=shutil.ignore_patterns("lib"))))
    assert first.read_bytes() == second.read_bytes()
    assert first.parent.name == this_machine().folders()[0]
    assert codec.load(first).decode("SAP", bytes.fromhex("804880")).SchemaID is None


def test_make_builds_for_a_machine_without_a_prebuilt_library(tree: Path) -> None:
    if shutil.which("make") is None:
        pytest.skip("no make here")
    subprocess.run(["make", "-s", "-C", str(tree), f"PYTHON={sys.executable}", "TRIPLET=riscv64-linux-gnu"], check=True, capture_output=True, text=True,
                   env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    folder = tree / "lib" / "riscv64-linux-gnu"
    assert codec.load(folder / "libccsexi.so").decode("SAP", bytes.fromhex("804880")).SchemaID is None
    assert (folder / "libccsexi.sha256").read_text().startswith("# cc: ")


def test_other_interface_version_is_refused(tree: Path) -> None:
    header = tree / "include" / "ccsexi.h"
    text = header.read_text()
    changed = text.replace(f"#define EXI_ABI_VERSION {ABI_VERSION}\n", "#define EXI_ABI_VERSION 99\n")
    assert changed != text
    header.write_text(changed)
    with pytest.raises(CodecUnavailable, match=f"interface version 99, this program needs {ABI_VERSION}"):
        open_library(build(tree), TABLE_HASH)
