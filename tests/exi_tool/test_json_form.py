"""Messages as JSON and back give the same octets, for every schema; what is wrong is named by its path."""
from __future__ import annotations

import json
from pathlib import Path

import pytest

from exi_messages import Random, roots_of
from exi_native.codec import ExiError, load
from exi_native.generated import SCHEMAS
from tools.exi.json_form import WrongJson, from_json, to_json
from tools.exi.names import Names

VECTORS = Path(__file__).resolve().parents[3] / "shared" / "vectors"
NOT_DECODABLE = 3        # messages of 15118-2:2016 and a fragment that stands under DIN (tests/exi/test_exi_vectors.py)
NOT_MESSAGES = 3         # that begin by chance like an element of ISO 15118-20 (their own notes say so): octets are left over
DIN = {"V2G_Message": {"Header": {"SessionID": "0102030405060708"}, "Body": {"PreChargeReq": {
    "DC_EVStatus": {"EVReady": True, "EVErrorCode": "NO_ERROR", "EVRESSSOC": 27},
    "EVTargetVoltage": {"Multiplier": 0, "Unit": "V", "Value": 389}, "EVTargetCurrent": {"Multiplier": 0, "Value": 1}}}}}


@pytest.fixture(scope="module")
def codec():
    return load()


@pytest.mark.parametrize("schema", SCHEMAS)
def test_random_messages_survive_json(codec, schema):
    names, random, through = Names(schema), Random(schema, "json"), 0
    for cls in roots_of(schema):
        message = random.message(cls)
        text = json.dumps(to_json(message, names.element(cls), names))
        again, root = from_json(json.loads(text), names)
        assert again == message and root == names.element(cls)
        through += 1
    assert through >= 2


@pytest.mark.skipif(not VECTORS.is_dir(), reason=f"the recorded vectors are not at {VECTORS}")
def test_recorded_messages_encode_to_the_same_octets(codec):
    names = {schema: Names(schema) for schema in SCHEMAS}
    same, refused, by_chance, wrong = 0, 0, 0, []
    for file in sorted(VECTORS.glob("*.jsonl")):
        for line in file.read_text().splitlines():
            entry = json.loads(line)
            schema, data = entry["schema"], bytes.fromhex(entry["hex"])
            try:
                found = codec.decode_with_report(schema, data)
            except ExiError:
                refused += 1
                continue
            document = json.loads(json.dumps(to_json(found.message, found.root, names[schema])))
            message, root = from_json(document, names[schema])
            if found.trailing_octets and "not a DIN/ISO-2/-20 message" in entry["note"]:
                by_chance += 1
            elif codec.encode(schema, message, root=root) == data:
                same += 1
            else:
                wrong.append(f"{file.name}: {schema} {entry['hex']}")
    assert wrong == [] and refused == NOT_DECODABLE and by_chance == NOT_MESSAGES and same > 1600


def changed(path, value):
    """DIN with one value replaced, or taken out (None)."""
    document = json.loads(json.dumps(DIN))
    at = document
    *above, last = path
    for key in above:
        at = at[key]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return document


REQUEST = ("V2G_Message", "Body", "PreChargeReq")
WRONG = [
    ((*REQUEST, "DC_EVStatus", "EVRESSSOC"), 101, "$.V2G_Message.Body.PreChargeReq.DC_EVStatus.EVRESSSOC", "101 is out of range, allowed are 0 .. 100"),
    ((*REQUEST, "DC_EVStatus", "EVRESSSOC"), True, "$.V2G_Message.Body.PreChargeReq.DC_EVStatus.EVRESSSOC", "expected an integer, not true"),
    ((*REQUEST, "DC_EVStatus", "EVRESSSOC"), 1.5, "$.V2G_Message.Body.PreChargeReq.DC_EVStatus.EVRESSSOC", "expected an integer, not 1.5"),
    ((*REQUEST, "DC_EVStatus", "EVReady"), 1, "$.V2G_Message.Body.PreChargeReq.DC_EVStatus.EVReady", "expected true or false, not 1"),
    ((*REQUEST, "DC_EVStatus", "EVErrorCode"), "NO_EROR", "$.V2G_Message.Body.PreChargeReq.DC_EVStatus.EVErrorCode", "did you mean NO_ERROR?"),
    ((*REQUEST, "DC_EVStatus"), None, "$.V2G_Message.Body.PreChargeReq", "DC_EVStatus is missing"),
    ((*REQUEST, "DC_EVStatus"), [], "$.V2G_Message.Body.PreChargeReq.DC_EVStatus", "expected an object, not a list without content"),
    ((*REQUEST, "EVTargetVolts"), 1, "$.V2G_Message.Body.PreChargeReq.EVTargetVolts", "did you mean EVTargetVoltage?"),
    (("V2G_Message", "Header", "SessionID"), "abc", "$.V2G_Message.Header.SessionID", "hexadecimal"),
    (("V2G_Message", "Header", "SessionID"), "00" * 9, "$.V2G_Message.Header.SessionID", "9 octets, allowed are 0 .. 8"),
    (("V2G_Message", "Body", "SessionStopReq"), {}, "$.V2G_Message.Body.SessionStopReq", "only one of PreChargeReq and SessionStopReq"),
    (("V2G_Mesage",), {}, "$", "expected an object with one key"),
]


@pytest.mark.parametrize("where, value, path, sentence", WRONG)
def test_errors_name_path_and_remedy(where, value, path, sentence):
    with pytest.raises(WrongJson) as refused:
        from_json(changed(where, value), Names("DIN"))
    assert refused.value.path == path and sentence in str(refused.value)


def test_the_document_of_those_errors_is_right_itself(codec):
    message, root = from_json(DIN, Names("DIN"))
    assert to_json(message, root, Names("DIN")) == DIN and codec.decode("DIN", codec.encode("DIN", message)) == message


def test_a_member_of_a_group_has_its_own_name_on_both_ways():
    names = Names("DIN")
    document = {"V2G_Message": {"Header": {"SessionID": ""}, "Body": {"SessionStopReq": {}}}}
    message, root = from_json(document, names)
    assert type(message.Body.BodyElement).__name__ == "SessionStop" and to_json(message, root, names) == document


@pytest.mark.parametrize("schema", SCHEMAS)
def test_no_two_fields_of_a_class_answer_to_the_same_key(schema):
    names = Names(schema)
    for cls in names.fields:
        keys = [member.key for member in names.members(cls)]
        assert len(set(keys)) == len(keys), (cls.__name__, keys)


def test_integers_of_any_size():
    names = Names("DIN")
    number = 1 << 20000
    document = {"X509IssuerSerial": {"X509IssuerName": "x", "X509SerialNumber": hex(-number)}}
    roots = {"X509IssuerSerial": next(cls for cls in names.fields if cls.__name__ == "X509IssuerSerial")}
    names.documents.update(roots)
    message, root = from_json(document, names)
    assert message.X509SerialNumber == -number and to_json(message, root, names) == document
