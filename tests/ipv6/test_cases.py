"""Every ND and SDP case of the sheet has its tests, and they exist."""
from __future__ import annotations

import ast
from pathlib import Path

from ipv6.cases import CASES

TESTS = Path(__file__).resolve().parents[1]


def functions(path: Path) -> set[str]:
    return {node.name for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)}


def missing(cases: dict[str, tuple[str, tuple[str, ...]]]) -> list[str]:
    """What is wrong with a table."""
    found = [f"{case} is not in the table" for case in [f"N{i:02}" for i in range(1, 13)] + [f"S{i:02}" for i in range(1, 9)] if case not in cases]
    for case, (text, tests) in cases.items():
        if not text or not tests:
            found.append(f"{case} has no test")
        for test in tests:
            file, _, name = test.partition("::")
            if not (TESTS / file).is_file() or name not in functions(TESTS / file):
                found.append(f"{case}: there is no {test}")
        if not any(case.lower() in test for test in tests):
            found.append(f"{case}: no test carries its number")
    return found


def test_every_case_has_tests_that_exist() -> None:
    assert missing(CASES) == []


def test_no_numbered_test_is_missing_in_the_table() -> None:
    listed = {test for _, tests in CASES.values() for test in tests}
    for file in ("ipv6/test_neighbor.py", "ipv6/test_sdp.py", "ipv6/test_nd_rules.py", "ipv6/test_sdp_charges.py"):
        for name in functions(TESTS / file):
            if name[5:8].upper() in CASES:
                assert f"{file}::{name}" in listed, name


def test_the_check_can_say_no() -> None:
    assert "N01 is not in the table" in missing({})
    assert missing({**CASES, "N06": ("x", ("ipv6/test_neighbor.py::test_n06_nothing",))}) == ["N06: there is no ipv6/test_neighbor.py::test_n06_nothing"]
    assert missing({**CASES, "N06": ("x", ())}) == ["N06 has no test", "N06: no test carries its number"]
