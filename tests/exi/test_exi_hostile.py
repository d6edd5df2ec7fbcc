"""The C library under address and undefined-behaviour sanitizers: the whole corpus damaged in every way, and inputs made to harm."""
from __future__ import annotations

import random
import re
import subprocess
from array import array
from pathlib import Path
from typing import Iterable

import pytest

from exi_native import codec
from exi_native.codec import ExiErrorCode
from exi_native.generated import SCHEMAS, tape_of
from exi_native.messages import xmldsig
from tests.exi.fuzz import build, hostile, seeds
from tests.exi.fuzz.seeds import VECTORS, Seed

FLIPPED = 200            # messages of which every bit is inverted in turn
BOUNDED = 150            # messages that are decoded within every smaller buffer
LONGEST_BOUNDED = 120    # octets: the number of bounds grows with the length
EDITED = 30_000          # tapes
BIG = -(1 << 63) + 1
REGRESSIONS = Path(build.HERE) / "regressions.txt"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = build.find("cc", "gcc", "clang")
    if compiler is None:
        pytest.skip("no C compiler here")
    try:
        return build.replay(tmp_path_factory.mktemp("replay") / "replay", compiler)
    except build.NoCompiler as problem:
        pytest.skip(str(problem))


@pytest.fixture(scope="module")
def good() -> list[Seed]:
    """Messages of the own encoder, of every class of every schema, as documents and as fragments."""
    exi = codec.load()
    return [seed for schema in SCHEMAS for seed in seeds.own(exi, schema, per_root=2, per_fragment=1)]


def replay(program: Path, lines: Iterable[str]) -> dict[int, int]:
    """Run inputs through the program; how often each result came (0: a value), and the executions under -1."""
    done = subprocess.run([str(program)], input="".join(lines), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:3000]
    results = {int(code): int(count) for code, count in re.findall(r"^result (\d+) (\d+)$", done.stdout, re.M)}
    executions = re.search(r"^executions (\d+)$", done.stdout, re.M)
    assert executions is not None
    results[-1] = int(executions[1])
    return results


def line(verb: str, seed: Seed) -> str:
    return f"{verb} {SCHEMAS[seed.schema][0]} {seed.flags} {seed.octets.hex()}\n"


def test_own_messages_cut_after_every_bit(program: Path, good: list[Seed]) -> None:
    assert {seed.schema for seed in good} == set(SCHEMAS) and {seed.flags for seed in good} == {0, seeds.FRAGMENT_FLAG}
    short = [seed for seed in good if len(seed.octets) <= 300]
    results = replay(program, [line("cuts", seed) for seed in short])
    assert results[-1] == sum(8 * len(seed.octets) + 1 for seed in short)
    assert results[ExiErrorCode.TRUNCATED] > results[-1] // 2


@pytest.mark.skipif(not VECTORS.is_dir(), reason=f"the recorded vectors are not at {VECTORS}")
def test_recorded_messages_cut_after_every_bit(program: Path) -> None:
    recorded = list(seeds.recorded())
    results = replay(program, [line("cuts", seed) for seed in recorded])
    assert results[-1] == sum(8 * len(seed.octets) + 1 for seed in recorded) > 500_000
    assert results[ExiErrorCode.TRUNCATED] > results[-1] // 2


def test_every_bit_of_200_messages_inverted(program: Path, good: list[Seed]) -> None:
    recorded = random.Random("flips").sample(list(seeds.recorded()), FLIPPED // 2) if VECTORS.is_dir() else []
    own = random.Random("flips").sample([s for s in good if len(s.octets) <= 1000], FLIPPED - len(recorded))
    results = replay(program, [line("flips", seed) for seed in recorded + own])
    assert results[-1] == sum(8 * len(seed.octets) for seed in recorded + own)
    assert results[0] > 1000 and results[ExiErrorCode.BAD_HEADER] == 8 * FLIPPED


def test_every_smaller_buffer_and_step_limit(program: Path, good: list[Seed]) -> None:
    short = [seed for seed in good if len(seed.octets) <= LONGEST_BOUNDED]
    chosen = random.Random("bounds").sample(short, BOUNDED)
    results = replay(program, [line("bounds", seed) for seed in chosen])
    assert results[-1] > 20 * BOUNDED


def test_inputs_made_to_harm(program: Path, good: list[Seed]) -> None:
    exi = codec.load()
    inputs = [h for schema in SCHEMAS for h in hostile.of_schema(exi, schema, [s for s in good if s.schema == schema])]
    inputs += [h for schema in SCHEMAS for h in hostile.repeated(schema)]
    inputs += [hostile.Hostile("a root alone", *seed, frozenset()) for schema in SCHEMAS for seed in seeds.roots(schema)]
    inputs += hostile.wrong_schema([s for s in good if len(s.octets) < 500])
    results = replay(program, [f"decode {SCHEMAS[h.schema][0]} {bytes((h.flags, 0)).hex()}{h.octets.hex()}\n" for h in inputs])
    assert results[-1] == len(inputs) > 5000
    assert {ExiErrorCode.TOO_LONG, ExiErrorCode.STRING_TABLE, ExiErrorCode.BAD_CHARACTER, ExiErrorCode.BLOB_FULL} <= set(results)


def test_edited_tapes(program: Path, good: list[Seed]) -> None:
    results = replay(program, hostile.edited_tapes([s for s in good if len(s.octets) < 500], EDITED))
    assert results[-1] == EDITED
    # edits are accepted, refused by value, refused by grammar, refused as a tape
    assert {0, ExiErrorCode.OUT_OF_RANGE, ExiErrorCode.NOT_ALLOWED_HERE, ExiErrorCode.BAD_TAPE, ExiErrorCode.INCOMPLETE} <= set(results)


@pytest.mark.parametrize("zeros, expected", [(0, 0), (1, ExiErrorCode.BAD_TAPE), (3000, ExiErrorCode.BAD_TAPE)])
def test_leading_zeros_of_a_large_integer_are_no_work(program: Path, zeros: int, expected: int) -> None:
    """Otherwise every item of a list could refer to the same zeros, which are read but not written."""
    tape_functions = tape_of("XMLDSIG")
    item = xmldsig.X509IssuerSerial(X509IssuerName="", X509SerialNumber=1 << 100)
    words, blob = [0], bytearray(1)
    words[0] = tape_functions.ROOTS[xmldsig.X509Data](xmldsig.X509Data(X509IssuerSerial=[item] * 50, X509SKI=[], X509SubjectName=[],
                                                                     X509Certificate=[], X509CRL=[]), words, blob)
    zeroed = (1 << 100).to_bytes(13 + zeros, "little")
    large = BIG + len(blob)  # include/ccsexi.h, EXI_BIG
    blob += len(zeroed).to_bytes(4, "little") + b"\0" + zeroed
    tape = array("q", [large if BIG <= word < -(1 << 62) else word for word in words])
    line = f"encode {SCHEMAS['XMLDSIG'][0]} {seeds.raw_input(0, tape.tobytes(), bytes(blob)).hex()}\n"
    assert replay(program, [line]) == {expected: 1, -1: 1}


def test_findings_of_the_fuzzer(program: Path) -> None:
    lines = [text + "\n" for text in REGRESSIONS.read_text().splitlines() if text and not text.startswith("#")]
    assert replay(program, lines)[-1] == len(lines) > 0


def test_the_replay_program_notices_what_does_not_hold(tmp_path: Path) -> None:
    """The properties are seen to fail: the same program with a library that forgets one check of a bound."""
    compiler = build.find("cc", "gcc", "clang")
    if compiler is None:
        pytest.skip("no C compiler here")
    check = "return code < type->count ? EXI_OK : EXI_BAD_ENUMERATION;"
    source = next(path for path in build.library_sources() if check in path.read_text())
    (tmp_path / source.name).write_text(source.read_text().replace(check, "return EXI_OK;"))
    sources = [path for path in build.library_sources() if path != source] + [tmp_path / source.name]
    try:
        program = build.replay(tmp_path / "replay", compiler, sources=sources)
    except build.NoCompiler as problem:
        pytest.skip(str(problem))
    # SAP supportedAppProtocolRes: ResponseCode has 3 values in 2 bits, this is the fourth
    done = subprocess.run([str(program)], input="decode 0 0000" + hostile.to_octets("10000000" "01" "0" "0" "11" "0" "01" "0").hex() + "\n",
                          capture_output=True, text=True)
    assert done.returncode != 0 and "PROPERTY VIOLATED" in done.stderr
