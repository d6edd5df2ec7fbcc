"""Messages of real cars, chargers and other stacks decode to the recorded values and encode to the same octets."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Iterator

import pytest

from exi_messages import as_recorded, fields_of
from exi_native import codec
from exi_native.codec import ExiErrorCode

VECTORS = Path(__file__).resolve().parents[3] / "shared" / "vectors"
FILES = ("real-cars-and-chargers.jsonl", "iso2-iso20-equipment.jsonl", "peer-test-suites.jsonl")
pytestmark = pytest.mark.skipif(not VECTORS.is_dir(), reason=f"the recorded vectors are not at {VECTORS}")

# Entries of peer-test-suites.jsonl that are recorded under a schema they do not belong to (its own notes say so).
NOT_OF_THE_SCHEMA = {
    # SignedInfo as a fragment: read as a document it begins with an event that the schema does not declare
    "808112b43a3a381d1797bbbbbb973b999737b93397aa2917b1b0b737b734b1b0b616b2bc3497a1ab43a3a381d1797bbbbbb973b999737b933979918181897"
    "981a17bc36b63239b4b396b6b7b93291b2b1b239b096b9b430991a9b220623494431025687474703a2f2f7777772e77332e6f72672f54522f63616e6f6e69"
    "63616c2d6578692f4852d0e8e8e0745e5eeeeeee5cee665cdee4ce5e646060625e60685ef0dad8cadcc646e6d0c2646a6c841a36bc07a00cb7dcad662f308"
    "8a60a3d6a99431f81c122c2e9f1678ef531e9552370": ExiErrorCode.SECOND_LEVEL,
    # messages of urn:iso:15118:2:2016, never published
    "80d6020000000000000004099802093132333435363704acd779d000": ExiErrorCode.BAD_EVENT_CODE,
    "80d60200000000000000000990020200": ExiErrorCode.BAD_EVENT_CODE,
}
# The oracle could not express these as JSON (abstract element SASchedules): no recorded values, octets are compared.
ABSTRACT_HEAD = "ChargeParameterDiscoveryRes"


def entries() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for name in FILES:
        for line in (VECTORS / name).read_text().splitlines():
            entry = json.loads(line)
            if entry["schema"] in ("SAP", "DIN"):
                yield f"{name}: {entry['hex']}", entry["hex"], entry


@pytest.fixture(scope="module")
def exi() -> codec.Codec:
    return codec.load()


def test_recorded_messages(exi: codec.Codec) -> None:
    fields = {schema: fields_of(schema) for schema in ("SAP", "DIN")}
    seen, without_values, wrong = 0, [], []
    for label, octets, entry in entries():
        if octets in NOT_OF_THE_SCHEMA:
            continue
        data = bytes.fromhex(octets)
        message, trailing, _ = exi.decode_with_report(entry["schema"], data)
        seen += 1
        if "decoded" not in entry:
            without_values.append(entry["message"])
        elif as_recorded(message, fields[entry["schema"]]) != entry["decoded"]:
            wrong.append(f"{label}: values {as_recorded(message, fields[entry['schema']])} != {entry['decoded']}")
        if trailing:
            wrong.append(f"{label}: {trailing} trailing octets")
        if exi.encode(entry["schema"], message) != data:
            wrong.append(f"{label}: octets {exi.encode(entry['schema'], message).hex()}")
    assert wrong == []
    assert set(without_values) <= {ABSTRACT_HEAD}
    assert seen > 1000


def test_entries_that_are_no_messages_of_their_schema(exi: codec.Codec) -> None:
    left = dict(NOT_OF_THE_SCHEMA)
    for _, octets, entry in entries():
        if octets in left:
            with pytest.raises(codec.ExiError) as refused:
                exi.decode(entry["schema"], bytes.fromhex(octets))
            assert refused.value.code == left.pop(octets)
    assert left == {}
