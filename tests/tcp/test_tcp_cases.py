"""The table of cases is whole: every number of the sheet, 1 to 62, has tests, and every test that it names is there."""
from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.tcp.cases import CASES

ROOT = Path(__file__).resolve().parents[2]
KERNEL = ("tests/tcp_kernel/scenarios.py", "tests/tcp_kernel/closing.py")
AGAINST_LINUX = "T01 T02 T03 T04 T08 T09 T11 T12 T20 T23 T33 T35 T37 T38 T39 T40 T41 T44 T45 T46 T47 T48 T49 T53 T54 T55 T56"


def functions(path: str) -> set[str]:
    return {node.name for node in ast.parse((ROOT / path).read_text()).body if isinstance(node, ast.FunctionDef)}


def test_every_number_is_in_the_table() -> None:
    assert list(CASES) == [f"T{n:02}" for n in range(1, 63)]


@pytest.mark.parametrize("case", list(CASES))
def test_every_test_that_the_table_names_is_there(case: str) -> None:
    what, tests = CASES[case]
    assert what and tests
    missing = [test for test in tests if test.partition("::")[2] not in functions(test.partition("::")[0])]
    assert not missing


def test_every_numbered_test_stands_under_its_number() -> None:
    """A test called test_t23_... is about T23 and no other row of the table names it alone."""
    named = {test for _, tests in CASES.values() for test in tests}
    for case, (_, tests) in CASES.items():
        for test in tests:
            words = test.partition("::")[2].split("_")
            numbers = {w.upper() for w in words if len(w) == 3 and w[0] == "t" and w[1:].isdigit()}
            assert not numbers or case in numbers, f"{case} names {test}"
    assert len(named) >= 62


def test_the_cases_against_the_kernel_that_the_sheet_wants() -> None:
    """Section 6.5: T01 to T04, T09, T12, T20, T33, T35, T37 to T40, T44 to T48, T54, and what else there is."""
    numbers = {w.upper() for path in KERNEL for name in functions(path) for w in name.split("_") if len(w) == 3 and w[0] == "t" and w[1:].isdigit()}
    assert numbers == set(AGAINST_LINUX.split())
