"""What the compiler says about the C part: no warning, no allocator, no recursion, no writable data, a bounded stack."""
from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Mapping

import pytest

from tests.exi.fuzz import build

WARNINGS = ("-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wshadow")
#: What a compiler may call of its own accord, for copies and for a watched stack.
COMPILERS_OWN = {"memcpy", "memset", "memmove", "__stack_chk_fail", "_GLOBAL_OFFSET_TABLE_"}
#: Sections that a program can write; .data.rel.ro is made read-only by the loader (-z relro).
WRITABLE = re.compile(r"\.(data|bss|tdata|tbss)(\.(?!rel\.ro).*)?$")
#: Octets on the stack at most, without optimisation, of a call and all that it calls. An array of EXI_MAX_DEPTH frames
#: takes about 1000; threads of small systems have 8192 and more.
STACK = 4096

SOURCES = sorted((build.LIBRARY / "src").glob("*.c"))

ALLOCATES = """#include <stdlib.h>
void *keep(unsigned long n); void *keep(unsigned long n) { return malloc(n); }"""
RECURSES = """unsigned down(unsigned n); static unsigned other(unsigned n) { return n == 0 ? 0 : down(n - 1) + 1; }
unsigned down(unsigned n) { return other(n) + 1; }"""
REMEMBERS = "int count(void); int count(void) { static int calls; return ++calls; }"
LARGE_FRAME = "void use(char *at); void large(void); void large(void) { char room[100000]; use(room); }"


def compiled(compiler: str, sources: list[Path], folder: Path, *options: str) -> list[Path]:
    """Object files; fails with the compiler's words when there is a warning."""
    objects = []
    for source in sources:
        target = folder / (source.stem + ".o")
        done = subprocess.run([compiler, "-std=c11", *WARNINGS, *options, f"-I{build.LIBRARY / 'include'}", "-c", "-o", str(target), str(source)],
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[:3000]
        objects.append(target)
    return objects


def foreign(objects: list[Path]) -> set[str]:
    """Symbols that these objects need from elsewhere."""
    needed, own = set(), set()
    for path in objects:
        for line in subprocess.run(["nm", str(path)], capture_output=True, text=True, check=True).stdout.splitlines():
            kind, name = line.split()[-2:]
            (needed if kind == "U" else own).add(name)
    return needed - own - COMPILERS_OWN


def writable(objects: list[Path]) -> list[str]:
    """Sections of these objects that hold writable data."""
    found = []
    for path in objects:
        for line in subprocess.run(["size", "-A", str(path)], capture_output=True, text=True, check=True).stdout.splitlines():
            fields = line.split()
            if len(fields) == 3 and WRITABLE.match(fields[0]) and int(fields[1]) > 0:
                found.append(f"{path.name}: {line}")
    return found


def call_graph(folder: Path) -> tuple[dict[str, set[str]], dict[str, int]]:
    """Who calls whom, and the octets of each frame, from what gcc -fcallgraph-info=su wrote."""
    calls: dict[str, set[str]] = {}
    frames: dict[str, int] = {}
    for path in folder.glob("*.ci"):
        text = path.read_text()
        for title, label in re.findall(r'node: \{ title: "([^"]+)" label: "([^"]*)"', text):
            size = re.search(r"(\d+) bytes \(static\)", label)
            calls.setdefault(title, set())
            if size is not None:
                frames[title] = int(size[1])
            else:
                assert "dynamic" not in label, f"{title} has a frame without bound"
        for source, target in re.findall(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"', text):
            calls.setdefault(source, set()).add(target)
    return calls, frames


def deepest(name: str, calls: Mapping[str, set[str]], frames: Mapping[str, int], above: tuple[str, ...] = ()) -> int:
    """Octets on the stack from this function on; fails when a function comes back to itself, or calls through a pointer."""
    assert name not in above, f"recursion: {' -> '.join((*above, name))}"
    assert name != "__indirect_call", f"a call through a pointer: {' -> '.join(above)}"
    return frames.get(name, 0) + max((deepest(called, calls, frames, (*above, name)) for called in calls.get(name, ())), default=0)


def need(*commands: str) -> None:
    missing = [name for name in commands if shutil.which(name) is None]
    if missing:
        pytest.skip(f"no {', '.join(missing)} here")


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("level", ["-O0", "-O2"])
def test_no_warnings_no_allocator_no_writable_data(compiler: str, level: str, tmp_path: Path) -> None:
    need(compiler, "nm", "size")
    objects = compiled(compiler, build.library_sources(), tmp_path, level, "-fPIC")
    assert foreign(objects) == set()
    assert writable(objects) == []


def stack(folder: Path, sources: list[Path]) -> int:
    compiled("gcc", sources, folder, "-O0", "-fno-inline", "-fcallgraph-info=su")
    calls, frames = call_graph(folder)
    assert set(frames) <= set(calls)
    return max(deepest(name, calls, frames) for name in calls)


def test_no_recursion_and_a_bounded_stack(tmp_path: Path) -> None:
    need("gcc")
    found = stack(tmp_path, SOURCES)
    calls, frames = call_graph(tmp_path)
    assert {"exi_decode", "exi_encode"} <= set(frames) and len(frames) > 30
    assert 500 < found <= STACK


def test_each_check_can_say_no(tmp_path: Path) -> None:
    need("gcc", "nm", "size")
    (tmp_path / "bad.c").write_text(ALLOCATES)
    assert foreign(compiled("gcc", [tmp_path / "bad.c"], tmp_path)) == {"malloc"}
    (tmp_path / "bad.c").write_text(REMEMBERS)
    assert writable(compiled("gcc", [tmp_path / "bad.c"], tmp_path))
    (tmp_path / "bad.c").write_text(RECURSES)
    with pytest.raises(AssertionError, match="recursion"):
        stack(tmp_path, [tmp_path / "bad.c"])
    (tmp_path / "bad.c").write_text(LARGE_FRAME)
    assert stack(tmp_path, [tmp_path / "bad.c"]) > STACK
    (tmp_path / "bad.c").write_text("int narrow(long x); int narrow(long x) { return x; }")
    with pytest.raises(AssertionError, match="conversion"):
        compiled("gcc", [tmp_path / "bad.c"], tmp_path)
