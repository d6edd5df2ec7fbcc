"""The table of the sheet's 57 cases: all there, each with a test that exists."""
from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tasks.errors import WireError
from tasks.homeplug.wire import CM_SLAC_MATCH_REQ, parse
from tests.homeplug.cases import CASES, Case
from tests.homeplug.test_measured import SHEET
from tests.interop.cases import SLAC_CASES
from tools.bench.__main__ import FIGURES

TESTS = Path(__file__).resolve().parents[1]
GROUPS = {"M": 13, "P": 19, "E": 20, "X": 5}


@cache
def functions(file: str) -> frozenset[str]:
    """The tests of a file, none when there is no such file."""
    path = TESTS / file
    body = ast.parse(path.read_text(encoding="utf-8")).body if path.is_file() else []
    return frozenset(node.name for node in body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"))


def missing(test: str) -> str:
    """Why a named test does not count; empty when it is there."""
    kind, _, name = test.partition(":")
    if kind == "interop":
        return "" if name in {case.name for case in SLAC_CASES} else f"no interop case {name}"
    if kind == "bench":
        return "" if name in FIGURES else f"no figure {name}"
    file, _, function = test.partition("::")
    return "" if function in functions(file) else f"no test {function} in {file}"


def objections(cases: tuple[Case, ...]) -> list[str]:
    """What is wrong with a table."""
    names = [case.name for case in cases]
    wanted = [f"{group}{number:02}" for group, count in GROUPS.items() for number in range(1, count + 1)]
    found = [f"{name} is missing" for name in wanted if name not in names]
    found += [f"{name} is no case, or is there twice" for name in names if name not in wanted or names.count(name) > 1]
    found += [f"{case.name} has no test" for case in cases if not case.tests]
    return found + [f"{case.name}: {why}" for case in cases for test in case.tests if (why := missing(test))]


def test_every_case_has_a_test_that_exists():
    assert objections(CASES) == []


def test_the_checker_can_say_no():
    good = CASES[0]
    assert "M01 is missing" in objections(CASES[1:])
    assert "M01 is no case, or is there twice" in objections((*CASES, good))
    assert "M01 has no test" in objections((good._replace(tests=()), *CASES[1:]))
    for bad in ("homeplug/test_wire.py::test_that_is_not_there", "homeplug/test_nowhere.py::test_x", "homeplug/test_wire.py::pair", "interop:slac-nobody",
                "bench:nothing"):
        assert len(objections((good._replace(tests=(bad,)), *CASES[1:]))) == 1


@pytest.mark.needs_shared
@pytest.mark.skipif(not SHEET.is_file(), reason=f"no sheet at {SHEET}")
def test_the_cases_are_those_of_the_sheet():
    text = SHEET.read_text(encoding="utf-8").split("## 9. Test cases")[1].split("\n## 10")[0]
    assert sorted(set(re.findall(r"\b[MPEX]\d\d\b", text))) == sorted(case.name for case in CASES)


def test_wrong_mvf_length():
    """E11, its octets: any MVFLength but 62 is no CM_SLAC_MATCH.REQ."""
    frame = CM_SLAC_MATCH_REQ(bytes(6), b"\2" * 6, bytes(8), b"\2" * 6, bytes(6)).emit()
    for wrong in (0, 61, 63, 86, 0xFFFF):
        with pytest.raises(WireError, match="MVFLength"):
            parse(frame[:21] + wrong.to_bytes(2, "little") + frame[23:])
    assert type(parse(frame)) is CM_SLAC_MATCH_REQ
