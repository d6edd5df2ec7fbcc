"""Compares states and messages with an independent EXI implementation; runs where EXI_ORACLE_HOME names one.

The oracle (../shared/oracle/setup.sh DIR, needs a JDK) builds its grammars from the XSD files at run time.
"""
from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable

import pytest

from exi_messages import Random, roots_of
from exi_native import codec
from exi_native.generate.grammar import Grammar, Production
from exi_native.generate.model import Model
from exi_native.generate.schemas import SCHEMAS
from exi_native.generate.source import schema_folder
from exi_native.generate.xsd import SchemaSet, SimpleType

HOME = os.environ.get("EXI_ORACLE_HOME", "")
PROGRAM = Path(__file__).resolve().parents[3] / "shared" / "oracle" / "oracle.py"
pytestmark = pytest.mark.skipif(not HOME or not PROGRAM.is_file(), reason="EXI_ORACLE_HOME does not name the oracle of ../shared/oracle")

EVENTS = {"START_ELEMENT": "SE", "END_ELEMENT": "EE", "ATTRIBUTE": "AT", "CHARACTERS": "CH", "CHARACTERS_GENERIC": "TEXT",
          "START_ELEMENT_GENERIC": "ANY"}


def oracle(*arguments: str, lines: str = "") -> list[Any]:
    done = subprocess.run([sys.executable, str(PROGRAM), *arguments], input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{\"")]


def same_datatype(simple: SimpleType, dumped: dict[str, Any]) -> bool:
    if simple.enumeration:
        return bool(dumped["t"] == "ENUMERATION" and dumped["values"] == simple.enumeration)
    names = {"boolean": "BOOLEAN", "string": "STRING", "hexBinary": "BINARY_HEX", "base64Binary": "BINARY_BASE64"}
    if simple.primitive != "integer":
        return bool(dumped["t"] == names[simple.primitive])
    if simple.lo is not None and simple.hi is not None and simple.hi - simple.lo < 4096:
        return (dumped["t"], int(dumped["lo"]), int(dumped["hi"])) == ("NBIT_UNSIGNED_INTEGER", simple.lo, simple.hi)
    return bool(dumped["t"] == ("UNSIGNED_INTEGER" if simple.lo is not None and simple.lo >= 0 else "INTEGER"))


@pytest.mark.parametrize("row", SCHEMAS, ids=lambda row: row.key)
def test_states_are_those_of_the_oracle(row: Any, tmp_path: Path) -> None:
    package = next(Path(HOME).glob("venv/lib/python3*/site-packages"))
    grammar = Grammar(Model(SchemaSet(schema_folder(package, tmp_path) / row.entry)))
    dump_file = tmp_path / "grammar.json"
    oracle("grammar", row.key, str(dump_file), "--engine", "xsd")
    dump = json.loads(dump_file.read_text())
    states = dump["states"]
    content = states[dump["document"]]["ev"][0]["next"]
    compared: set[tuple[int, int]] = set()
    waiting = [(0, content)]
    while waiting:
        pair = waiting.pop()
        if pair in compared:
            continue
        compared.add(pair)
        ours, theirs = grammar.states[pair[0]], states[pair[1]]
        label = f"{row.key} state {pair[0]} of {ours.title}"
        assert (ours.bits, len(ours.productions)) == (theirs["bits1"], theirs["n"]), label
        if ours.kind != "document":
            assert ours.second_bits == (theirs["n2"] - 1).bit_length(), label
            assert (not ours.ends) == (theirs["second"][0] == "END_ELEMENT_UNDECLARED"), label
        for production, event in zip(ours.productions, theirs["ev"]):
            compare_production(label, production, event, states)
            if production.record is not None:
                waiting.append((grammar.start[production.record], event["elem"]))
            if ours.kind != "document" and production.event not in ("EE", "TEXT"):
                waiting.append((production.next, event["next"]))
    assert len(compared) > len(grammar.states) * 0.9  # the rest belongs to types that no element has


def compare_production(label: str, production: Production, event: dict[str, Any], states: list[dict[str, Any]]) -> None:
    assert production.event == EVENTS[event["e"]], label
    if production.event in ("SE", "AT"):
        assert f"{{{production.namespace}}}{production.name}" == event["name"], label
    if production.simple is None:
        return
    if production.event == "SE":
        inner = states[event["elem"]]
        assert (inner["n"], inner["bits1"], inner["n2"]) == (1, 1, 7), label
        event = inner["ev"][0]
        after = states[event["next"]]
        assert (event["e"], after["bits1"], after["ev"][0]["e"]) == ("CHARACTERS", 1, "END_ELEMENT"), label
    assert same_datatype(production.simple, event["dt"]), f"{label}: {production.name}"


@pytest.mark.parametrize("schema", ["SAP", "DIN"])
def test_random_messages_come_back_from_the_oracle(schema: str) -> None:
    exi = codec.load()
    sent = []
    for root in roots_of(schema):
        for seed in range(6):
            # Empty values are excluded: the oracle answers them with the second-level EE (exi.md section 3).
            message = Random(schema, (root.__name__, seed), empty_strings=False).message(root)
            sent.append(exi.encode(schema, message).hex())  # type: ignore[arg-type]
    answers = oracle("roundtrip", "-", "--engine", "xsd", lines="".join(f"{schema} {octets}\n" for octets in sent))
    assert len(answers) == len(sent)
    different = [(octets, answer.get("error"), answer.get("enc_error"), answer.get("xml")) for octets, answer in zip(sent, answers) if not answer.get("same")]
    assert different == []


def test_empty_values_in_the_form_of_the_oracle_are_understood() -> None:
    exi = codec.load()
    roots = [root for root in roots_of("DIN") if root.__name__ in ("V2G_Message", "PaymentDetailsReq", "Signature", "MeteringReceiptReq")]
    messages = [Random("DIN", ("empty", root.__name__, seed)).message(root) for root in roots for seed in range(20)]
    lines = "".join(f"DIN {exi.encode('DIN', message).hex()}\n" for message in messages)
    other_form = 0
    for message, answer in zip(messages, oracle("roundtrip", "-", "--engine", "xsd", lines=lines), strict=True):
        assert exi.decode("DIN", bytes.fromhex(answer["hex2"])) == message
        other_form += not answer["same"]
    assert other_form > 5
