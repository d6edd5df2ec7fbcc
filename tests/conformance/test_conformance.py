"""Every conformance case is a test; the list itself is complete, without doubles, and large enough."""
from __future__ import annotations

from collections import Counter

import pytest

from tests.conformance import sheet
from tests.conformance.cases import everything

CASES = everything()


@pytest.mark.parametrize("case", [
    pytest.param(case, id=case.id, marks=pytest.mark.xfail(reason=case.defect, strict=True) if case.defect else ()) for case in CASES])
def test_case(case):
    case.run()


def test_ids_are_unique():
    assert [name for name, count in Counter(case.id for case in CASES).items() if count > 1] == []


def test_there_are_at_least_two_hundred():
    assert len(CASES) >= 200


@pytest.mark.parametrize("protocol", sheet.BOTH)
@pytest.mark.parametrize("role", ["EVCC", "SECC"])
def test_every_message_has_a_case(role, protocol):
    assert set(sheet.of(protocol)) - {case.message for case in CASES if (case.role, case.protocol) == (role, protocol)} == set()


def test_every_case_says_what_is_required_and_where_that_is_written():
    known = {*sheet.of(sheet.DIN), *sheet.of(sheet.ISO2), "SupportedAppProtocol"}
    for case in CASES:
        assert case.role in ("EVCC", "SECC") and case.protocol in sheet.NAMES and case.message in known, case.id
        assert case.requirement.endswith(".") and case.requirement.count(". ") == 0 and case.source, case.id
