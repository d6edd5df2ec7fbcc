"""Compares states and messages with an independent EXI implementation; runs where EXI_ORACLE_HOME names one.

The oracle (../shared/oracle/setup.sh DIR, needs a JDK) builds its grammars from the XSD files at run time. What it said
is stored in tests/exi/campaign/ and compared without it by test_exi_campaign.py.
"""
from __future__ import annotations

from pathlib import Path
from typing import Any, Iterator

import pytest

from exi_messages import Random, roots_of
from exi_native import codec
from exi_native.generate.schemas import SCHEMAS
from exi_native.generate.source import schema_folder
from tests.exi.campaign import grammars, shape
from tests.exi.campaign.compare import Bench, Findings, compare
from tests.exi.campaign.instances import fragments, messages
from tests.exi.campaign.oracle import Oracle, OracleMissing, home, schema_package

#: Instances of each message in this test; the campaign makes 200.
INSTANCES = 2


@pytest.fixture(scope="module")
def oracle() -> Iterator[Oracle]:
    try:
        home()
    except OracleMissing as problem:
        pytest.skip(str(problem))
    with Oracle() as running:
        yield running


@pytest.fixture(scope="module")
def exi() -> codec.Codec:
    return codec.load()


@pytest.mark.parametrize("row", SCHEMAS, ids=lambda row: row.key)
def test_states_are_those_of_the_oracle(row: Any, oracle: Oracle, tmp_path: Path) -> None:
    outcome = grammars.compare_schema(row, schema_folder(schema_package(), tmp_path), oracle)
    assert outcome.differences == []
    assert outcome.fingerprints == grammars.stored(row.key)
    # ISO 15118-2 alone signs an element whose name has two types
    assert [name.rpartition("}")[2] for name in outcome.relaxed] == (["eMAID"] if row.key == "ISO2" else [])
    assert outcome.pairs >= outcome.their_states > 0


@pytest.mark.parametrize("row", SCHEMAS, ids=lambda row: row.key)
def test_instances_agree_with_the_oracle(row: Any, oracle: Oracle, exi: codec.Codec) -> None:
    total = Findings()
    for fragment in (False, True):
        bench = Bench(shape.stored(row.key), exi, fragment)
        for message in (fragments if fragment else messages)(bench.shape, bench.points):
            total.add(compare(bench, message, INSTANCES, oracle)[1])
    assert total.described == []
    assert total.disagreements == 0 and total.identical > 0


def test_empty_values_in_the_form_of_the_oracle_are_understood(oracle: Oracle, exi: codec.Codec) -> None:
    roots = [root for root in roots_of("DIN") if root.__name__ in ("V2G_Message", "PaymentDetailsReq", "Signature", "MeteringReceiptReq")]
    sent = [Random("DIN", ("empty", root.__name__, seed)).message(root) for root in roots for seed in range(20)]
    questions = [{"op": "roundtrip", "schema": "DIN", "hex": exi.encode("DIN", message).hex()} for message in sent]
    other_form = 0
    for message, answer in zip(sent, oracle.ask_all(questions), strict=True):
        assert exi.decode("DIN", bytes.fromhex(answer["hex2"])) == message
        other_form += not answer["same"]
    assert other_form > 5
