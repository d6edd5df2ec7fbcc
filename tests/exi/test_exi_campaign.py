"""The stored campaign against the oracle, replayed without it; and whether its parts would notice a mistake."""
from __future__ import annotations

import copy
import importlib.util
from pathlib import Path
from typing import Any

import pytest

from exi_native import codec
from exi_native.generate.model import Model
from exi_native.generate.schemas import SCHEMAS
from exi_native.generate.xsd import SchemaSet
from exi_native.generated import names_of, tape_of
from tests.exi.campaign import grammars, results, shape
from tests.exi.campaign.automata import OurFiles
from tests.exi.campaign.compare import OTHER_FORM, Bench, oracle_writes
from tests.exi.campaign.document import difference, has_empty_value, xml
from tests.exi.campaign.instances import Maker, Node, fragments, messages
from tests.exi.campaign.replay import replay

KEYS = [row.key for row in SCHEMAS]
#: What issue and door plate promise of the stored campaign.
LEAST_INSTANCES = 200
#: Everything that is kept, in octets.
GREATEST_SIZE = 1_000_000


@pytest.fixture(scope="module")
def exi() -> codec.Codec:
    return codec.load()


def stored(key: str) -> results.SchemaResult:
    return results.read(results.STORED / f"{key}.txt")


def instances(key: str, name: str, exi: codec.Codec, count: int) -> tuple[Bench, list[Node]]:
    """The first instances of a message."""
    bench = Bench(shape.stored(key), exi)
    message = next(one for one in messages(bench.shape, bench.points) if one.name == name)
    maker = Maker(bench.points, message)
    return bench, [maker.next() for _ in range(count)]


# ---- the stored campaign ------------------------------------------------------------------------


@pytest.mark.parametrize("key", KEYS)
def test_octets_are_those_that_the_oracle_wrote(key: str, exi: codec.Codec) -> None:
    """The instances that cover every point of every message; all of them: python -m tests.exi.campaign replay --all."""
    found = replay(stored(key), exi)
    assert found.wrong == []
    assert found.points > 0


@pytest.mark.parametrize("key", KEYS)
def test_every_message_is_stored_with_enough_instances(key: str) -> None:
    kept = stored(key)
    bench_shape = shape.stored(key)
    roots = {element.local for element in bench_shape.globals}
    names = {one.name.split("/")[0] for one in kept.messages} - {"fragment"}
    # only wildcard content: cannot be made, and no peer sends it (exi.md section 3)
    assert roots - names == ({"SignatureProperty", "SignatureProperties"} if key != "SAP" else set())
    assert min(len(one.digests) for one in kept.messages) >= LEAST_INSTANCES
    assert all(0 < one.covered_after <= len(one.digests) for one in kept.messages if one.points)


def test_what_is_kept_is_small() -> None:
    kept = [*results.STORED.glob("*"), *shape.SHAPES.glob("*"), *grammars.FOLDER.glob("*")]
    assert len(kept) == 3 * len(KEYS)
    assert sum(path.stat().st_size for path in kept) < GREATEST_SIZE


@pytest.mark.parametrize("row", SCHEMAS, ids=lambda row: row.key)
def test_generated_grammar_has_the_fingerprints_of_the_oracle(row: Any) -> None:
    kept = grammars.stored(row.key)
    assert grammars.fingerprints(OurFiles(row.module, names_of(row.key))) == kept
    assert len(kept) > 5


@pytest.mark.parametrize("row", SCHEMAS, ids=lambda row: row.key)
def test_shapes_have_the_fields_of_the_classes(row: Any) -> None:
    kept = shape.stored(row.key)
    rows = [(cls.__name__, fields) for cls, fields in tape_of(row.key).FIELDS[1:]]
    assert [name for name, _ in rows] == [record.name for record in kept.records]
    for (name, fields), record in zip(rows, kept.records):
        names = [attribute.name for attribute in record.attributes] + ["value"] * (record.text is not None)
        waiting = [record.content] if record.content is not None else []
        while waiting:
            particle = waiting.pop()
            waiting += particle.children
            names += [particle.name] if particle.kind == "element" else []
        assert {field.name for field in fields} == set(names), name


@pytest.mark.parametrize("row", SCHEMAS, ids=lambda row: row.key)
def test_shapes_are_those_of_the_schema_files(row: Any) -> None:
    found = importlib.util.find_spec("iso15118")
    if found is None or found.origin is None:
        pytest.skip("iso15118 is not installed here (exi_native/README.md says how)")
    entry = Path(found.origin).parent / "shared" / "schemas" / row.entry
    text = shape.to_text(shape.from_model(row.key, row.module, Model(SchemaSet(entry))))
    assert (shape.SHAPES / f"{row.key}.jsonl").read_text() == text
    assert shape.to_text(shape.from_text(text)) == text


# ---- would a mistake be noticed? ----------------------------------------------------------------


def test_one_wrong_octet_string_is_found_by_name(exi: codec.Codec) -> None:
    kept = stored("SAP")
    kept.messages[1].digests[2] = results.digest(b"")
    kept.messages.append(results.MessageResult("gone"))
    wrong = replay(kept, exi, everything=True).wrong
    assert [text.split(":")[0] for text in wrong] == ["SAP supportedAppProtocolRes 2", "SAP gone"]


def test_missing_message_and_uncovered_points_are_found(exi: codec.Codec) -> None:
    kept = stored("SAP")
    kept.messages[0].digests = kept.messages[0].digests[:1]
    del kept.messages[1]
    wrong = replay(kept, exi).wrong
    assert any("supportedAppProtocolRes: nothing is stored" in text for text in wrong)
    assert any("AppProtocol.Priority = highest is not covered" in text or "x19 is not covered" in text for text in wrong)


def test_instances_do_not_depend_on_what_was_made_before(exi: codec.Codec) -> None:
    first, again = (instances("ISO2", "V2G_Message/PaymentDetailsReq", exi, 30) for _ in range(2))
    assert [xml(node, first[0].shape) for node in first[1]] == [xml(node, again[0].shape) for node in again[1]]


@pytest.mark.parametrize("key", KEYS)
def test_xml_of_an_instance_is_not_different_from_it(key: str, exi: codec.Codec) -> None:
    bench = Bench(shape.stored(key), exi)
    for message in (*messages(bench.shape, bench.points), *fragments(bench.shape, bench.points)):
        node = Maker(bench.points, message).next()
        assert difference(node, xml(node, bench.shape), bench.shape) is None


def test_a_change_anywhere_in_the_xml_is_noticed(exi: codec.Codec) -> None:
    bench, nodes = instances("ISO2", "V2G_Message/CertificateInstallationReq", exi, 40)
    node = next(n for n in nodes if len(n.children[0].children) == 3 and n.children[1].children[0].attributes)
    text = xml(node, bench.shape)
    assert difference(node, text, bench.shape) is None
    places = list(_all(node))
    assert len(places) > 20
    for number, place in enumerate(places):
        other = copy.deepcopy(node)
        changed = list(_all(other))[number]
        if changed.children:
            changed.children.pop()
        elif changed.value is not None:
            changed.value = _another(changed.value)
        else:
            continue
        assert difference(other, text, bench.shape) is not None, place.member.local
        if changed.attributes:
            attribute, value = changed.attributes[0]
            other = copy.deepcopy(node)
            list(_all(other))[number].attributes[0] = (attribute, _another(value))
            assert difference(other, text, bench.shape) is not None, attribute.name


def _all(node: Node) -> Any:
    yield node
    for child in node.children:
        yield from _all(child)


def _another(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    return value + (1 if isinstance(value, int) else b"\1" if isinstance(value, bytes) else "x")


def test_verdicts_on_what_the_oracle_writes(exi: codec.Codec) -> None:
    bench, nodes = instances("DIN", "V2G_Message/SessionSetupReq", exi, 60)
    empty = next(n for n in nodes if has_empty_value(n, bench.shape))
    full = next(n for n in nodes if not has_empty_value(n, bench.shape))
    message = next(m for m in messages(bench.shape, bench.points) if m.name == "V2G_Message/SessionSetupReq")
    for node in (empty, full):
        made, octets = bench.encode(message, node)
        assert oracle_writes(bench, node, made, octets, {"hex": octets.hex()}) is None
        damaged = octets[:-1] + bytes([octets[-1] ^ 0x40])
        verdict = oracle_writes(bench, node, made, octets, {"hex": damaged.hex()})
        assert verdict is not None and verdict != OTHER_FORM
        assert "refuses" in str(oracle_writes(bench, node, made, octets, {"error": "no"}))
    # octets with a trailing zero decode to the same: only an empty value excuses them
    made, octets = bench.encode(message, empty)
    assert oracle_writes(bench, empty, made, octets, {"hex": octets.hex() + "00"}) == OTHER_FORM
    made, octets = bench.encode(message, full)
    assert oracle_writes(bench, full, made, octets, {"hex": octets.hex() + "00"}) == "the octets differ"


@pytest.mark.parametrize("part", ["width", "second level", "successor", "loop", "datatype", "name"])
def test_a_changed_table_has_another_fingerprint(part: str) -> None:
    files: Any = OurFiles("appproto", names_of("SAP"))
    kept = grammars.fingerprints(files)
    state = next(n for n, (title, *_) in enumerate(files._names.STATES) if title == "AppProtocol")
    if part == "width":
        files._states[-1][2] = str(int(files._states[-1][2]) + 1)
    elif part == "second level":
        files._states[-1][3] = str(int(files._states[-1][3]) + 1)
    elif part == "successor":
        row = files._productions[int(files._states[state][0])]
        row[3] = str(int(row[3]) + 1)
    elif part == "loop":
        for loop in files._loops[1:]:
            loop[1] = "19"
    elif part == "datatype":
        files._types[next(n for n, row in enumerate(files._types) if row[0] == "EXI_UNSIGNED")][0] = "EXI_SIGNED"
    else:
        files._names = _renamed(files._names, state)
    assert grammars.fingerprints(files) != kept


def _renamed(names: Any, state: int) -> Any:
    class Names:
        TYPES = names.TYPES
        STATES = [(title, bits, tuple((e, n + "X" if number == state else n, t) for e, n, t in rows))
                  for number, (title, bits, rows) in enumerate(names.STATES)]

    return Names
