"""The C library under address and undefined-behaviour sanitizers, fed with damaged messages and damaged tapes."""
from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import exi_native
from exi_messages import Random, roots_of
from exi_native import codec
from exi_native.generated import SCHEMAS

ROOT = Path(exi_native.__file__).parent
ROUNDS = 60_000


def test_damaged_messages_and_tapes_do_no_harm(tmp_path: Path) -> None:
    if shutil.which("cc") is None:
        pytest.skip("no C compiler here")
    program = tmp_path / "fuzz"
    sources = [Path(__file__).parent / "fuzz_exi.c", *sorted(ROOT.glob("src/*.c")), *sorted(ROOT.glob("generated/*.c"))]
    built = subprocess.run(["cc", "-std=c11", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all",
                            f"-I{ROOT / 'include'}", "-o", str(program), *map(str, sources)], capture_output=True, text=True)
    if built.returncode != 0 and "sanitize" in built.stderr:
        pytest.skip("this compiler has no sanitizers")
    assert built.returncode == 0, built.stderr
    exi = codec.load()
    lines = []
    for schema in ("SAP", "DIN"):
        for root in roots_of(schema):
            for seed in range(6):
                octets = exi.encode(schema, Random(schema, ("fuzz", root.__name__, seed)).message(root))  # type: ignore[arg-type]
                if len(octets) < 1500:
                    lines.append(f"{SCHEMAS[schema][0]} {octets.hex()}\n")  # type: ignore[index]
    done = subprocess.run([str(program), str(ROUNDS)], input="".join(lines), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr[:3000]
    result = re.fullmatch(r"(\d+) seeds, (\d+) rounds, (\d+) decoded\n", done.stdout)
    assert result is not None
    seeds, rounds, decoded = map(int, result.groups())
    assert seeds > 300 and rounds == ROUNDS and decoded > ROUNDS // 10
