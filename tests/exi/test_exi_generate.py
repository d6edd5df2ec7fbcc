"""The generator: what is checked in is what the schemas give, --check notices a difference, odd schemas are refused."""
from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import exi_native
from exi_native.generate import check, output, source
from exi_native.generate.grammar import Grammar
from exi_native.generate.model import Model
from exi_native.generate.declarations import SchemaError
from exi_native.generate.xsd import SchemaSet

ROOT = Path(exi_native.__file__).parent


def package_folder() -> Path:
    """The folder that the schema package is installed in; skips where it is not."""
    found = importlib.util.find_spec("iso15118")
    if found is None or found.origin is None:
        pytest.skip("iso15118 is not installed here (exi_native/README.md says how)")
    return Path(found.origin).parent.parent


def run_check(root: Path, xsd: Path) -> tuple[int, str]:
    done = subprocess.run([sys.executable, "-B", "-m", "exi_native.generate", "--check", "--xsd", str(xsd), "--root", str(root)],
                          cwd=ROOT.parent, capture_output=True, text=True)
    return done.returncode, done.stderr


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT, tmp_path / "exi_native", ignore=shutil.ignore_patterns("__pycache__")))


def test_checked_in_files_are_what_the_schemas_give() -> None:
    assert run_check(ROOT, package_folder()) == (0, "")


def test_check_notices_an_edited_message(tree: Path) -> None:
    path = tree / "messages" / "din.py"
    path.write_text(path.read_text().replace("EVRESSSOC", "Soc"))
    code, sentences = run_check(tree, package_folder())
    assert code == 1
    assert "messages/din.py differs from what the schemas give" in sentences


def test_check_notices_a_changed_table_source_and_library(tree: Path) -> None:
    with (tree / "generated" / "din_tables.c").open("a") as table:
        table.write("\n")
    with (tree / "src" / "decode.c").open("a") as decoder:
        decoder.write("\n")
    (tree / "include" / "tables.h").unlink()
    (tree / "src" / "more.c").write_text("\n")
    code, sentences = run_check(tree, package_folder())
    assert code == 1
    assert "generated/din_tables.c differs" in sentences
    assert "src/decode.c changed after lib/x86_64-linux-gnu was built; run python -m exi_native.boards" in sentences
    assert "include/tables.h, from which lib/x86_64-linux-gnu was built, is missing" in sentences
    assert "lib/x86_64-linux-gnu was built without src/more.c" in sentences


def test_check_notices_a_missing_and_a_left_over_file(tree: Path) -> None:
    shutil.copy(tree / "generated" / "din_tape.py", tree / "generated" / "iso9_tape.py")
    (tree / "generated" / "schemas.c").unlink()
    sentences = run_check(tree, package_folder())[1]
    assert "generated/schemas.c is missing" in sentences
    assert "generated/iso9_tape.py is no longer generated" in sentences


def test_check_notices_another_schema(tmp_path: Path) -> None:
    copy = shutil.copytree(source.schema_folder(package_folder(), tmp_path), tmp_path / "xsd")
    path = copy / "V2G_CI_AppProtocol.xsd"
    path.write_text(path.read_text().replace('maxOccurs="20"', 'maxOccurs="21"'))
    code, sentences = run_check(ROOT, copy)
    assert code == 1
    assert "generated/appproto_tables.c differs" in sentences


def test_check_without_schemas_says_what_it_looked_for(tmp_path: Path) -> None:
    code, sentences = run_check(ROOT, tmp_path)
    assert code == 2
    assert "V2G_CI_AppProtocol.xsd" in sentences


def test_library_was_built_from_these_sources() -> None:
    assert check.libraries(ROOT) == []


def test_library_check_notices_an_exchanged_library(tree: Path) -> None:
    (tree / "lib" / "x86_64-linux-gnu" / "libccsexi.so").write_bytes(b"other")
    assert check.libraries(tree) == ["lib/x86_64-linux-gnu/libccsexi.so changed after lib/x86_64-linux-gnu was built; "
                                     "run python -m exi_native.boards"]


def test_library_check_misses_a_board_and_another_compiler(tree: Path) -> None:
    shutil.rmtree(tree / "lib" / "armv6-linux-gnueabihf")
    record = tree / "lib" / "aarch64-linux-gnu" / "libccsexi.sha256"
    record.write_text("# cc: another\n" + record.read_text().partition("\n")[2])
    wrong_compiler, missing = check.libraries(tree)
    assert missing == "lib/armv6-linux-gnueabihf has no library with a record; run python -m exi_native.boards"
    assert wrong_compiler.startswith("lib/aarch64-linux-gnu was not built by ziglang")
    assert wrong_compiler.endswith("but by cc: another; run python -m exi_native.boards")


def test_generating_twice_changes_nothing(tree: Path) -> None:
    files = output.generate(source.schema_folder(package_folder(), tree))
    assert output.write(tree, files) == []
    (tree / "generated" / "schemas.c").write_text("")
    assert output.write(tree, files) == ["generated/schemas.c"]


# ---- small schemas, written here ---------------------------------------------------------------

HEAD = '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:t" xmlns="urn:t" elementFormDefault="qualified">'


def read(tmp_path: Path, text: str) -> Model:
    path = tmp_path / "t.xsd"
    path.write_text(HEAD + text + "</xs:schema>")
    return Model(SchemaSet(path))


def shape(grammar: Grammar, name: str) -> list[tuple[int, list[str]]]:
    """The states of a type along its longest way: bits, and the events with their names."""
    record = next(r for r in grammar.model.records if r.name == name)
    number, counter, shapes, seen = grammar.start[record], 0, [], set()
    while (number, counter) not in seen:
        seen.add((number, counter))
        state = grammar.states[number]
        shapes.append((state.bits, [f"{p.event} {p.name}".strip() for p in state.productions]))
        first = state.productions[0]
        number = first.next
        if first.event == "EE":
            break
        if first.loop is not None:
            counter = first.loop.start or counter + 1
            if counter == first.loop.limit:
                number = first.loop.full
    return shapes


@pytest.mark.parametrize("most", [1, 2, 3, 4, 9])
@pytest.mark.parametrize("least", [0, 1, 2, 3])
def test_a_bounded_list_has_the_states_of_an_unrolled_one(tmp_path: Path, least: int, most: int) -> None:
    if least > most:
        pytest.skip("no such list")
    model = read(tmp_path, f'<xs:complexType name="LType"><xs:sequence><xs:element name="i" type="xs:int" minOccurs="{least}" maxOccurs="{most}"/>'
                           '<xs:element name="j" type="xs:int"/></xs:sequence></xs:complexType><xs:element name="L" type="LType"/>')
    grammar = Grammar(model)
    expected = [(1, ["SE i"]) if n < least else (2, ["SE i", "SE j"]) for n in range(most)] + [(1, ["SE j"]), (1, ["EE"])]
    assert shape(grammar, "L") == expected
    assert len(grammar.states) <= 2 + max(least, 2) + 4          # a list of 2048 costs no more


def test_two_lists_after_each_other_count_for_themselves(tmp_path: Path) -> None:
    model = read(tmp_path, '<xs:complexType name="LType"><xs:sequence><xs:element name="i" type="xs:int" maxOccurs="3"/>'
                           '<xs:element name="k" type="xs:int" maxOccurs="4"/></xs:sequence></xs:complexType><xs:element name="L" type="LType"/>')
    assert shape(Grammar(model), "L") == [(1, ["SE i"]), (2, ["SE i", "SE k"]), (2, ["SE i", "SE k"]), (1, ["SE k"]),
                                          *[(2, ["SE k", "EE"])] * 3, (1, ["EE"])]


def test_attributes_options_and_substitution(tmp_path: Path) -> None:
    model = read(tmp_path, '''
        <xs:element name="Head" type="HeadType"/><xs:complexType name="HeadType" abstract="true"/>
        <xs:element name="B" type="BType" substitutionGroup="Head"/><xs:complexType name="BType"/>
        <xs:element name="A" type="AType" substitutionGroup="B"/><xs:complexType name="AType"/>
        <xs:element name="R" type="RType"/>
        <xs:complexType name="RType"><xs:sequence><xs:element name="o" type="xs:boolean" minOccurs="0"/><xs:element ref="Head"/></xs:sequence>
          <xs:attribute name="z" type="xs:ID"/><xs:attribute name="b" type="xs:ID"/></xs:complexType>''')
    states = shape(Grammar(model), "R")
    assert states[0] == (3, ["AT b", "AT z", "SE o", "SE A", "SE B", "SE Head"])
    assert states[1] == (3, ["AT z", "SE o", "SE A", "SE B", "SE Head"])
    record = next(r for r in model.records if r.name == "R")
    assert [(f.name, f.required, f.many) for f in record.fields] == [
        ("b", False, False), ("z", False, False), ("o", False, False), ("Head", True, False)]


@pytest.mark.parametrize(("text", "sentence"), [
    ('<xs:simpleType name="d"><xs:restriction base="xs:string"><xs:pattern value="x"/></xs:restriction></xs:simpleType>', "facet pattern"),
    ('<xs:simpleType name="d"><xs:list itemType="xs:int"/></xs:simpleType>', "not a restriction"),
    ('<xs:element name="e" type="xs:dateTime"/>', "xs:dateTime"),
    ('<xs:element name="e" type="eType"/>', "not declared"),
    ('<xs:element name="e"/>', "has no type"),
    ('<xs:element name="e" type="xs:int" nillable="true"/>', "nillable"),
    ('<xs:complexType name="c"><xs:all/></xs:complexType>', "all is not understood"),
    ('<xs:import namespace="urn:u" schemaLocation="u.xsd"/>', "u.xsd, which was not found"),
    ('<xs:complexType name="c"><xs:sequence><xs:element name="i" type="c" minOccurs="0"/></xs:sequence></xs:complexType>', "contains itself"),
    ('<xs:complexType name="c"><xs:sequence><xs:element name="i" type="xs:int" minOccurs="0"/><xs:element name="i" type="xs:long"/>'
     '</xs:sequence></xs:complexType>', "two types"),
])
def test_what_is_not_understood_stops_the_generator(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(SchemaError, match=sentence):
        Grammar(read(tmp_path, text))
