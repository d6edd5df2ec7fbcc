"""The configuration file: lines of keys, refusals with the line, and nothing that can grow or be constructed."""
import os
import random
from dataclasses import dataclass, field

import pytest

from kernel.settings import SettingsError, build, setting, to_dict
from kernel.settings_text import dump
from tasks.config_file import MAX_DEPTH, MAX_OCTETS, load


@dataclass(slots=True)
class Section:
    """A section."""

    text: str = setting("", meaning="a meaning that is long enough to be written above its key, not beside it: " + "word " * 20)
    number: float = setting(0.0, unit="V")
    count: int = setting(0)
    maybe: float | None = setting(None)
    words: list[str] = setting([])
    flag: bool = setting(False)


@dataclass(slots=True)
class Root:
    """Everything."""

    section: Section = field(default_factory=Section)


def reading(tmp_path, text):
    path = tmp_path / "config.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(path)


def refusal(tmp_path, text):
    with pytest.raises(SettingsError) as caught:
        reading(tmp_path, text)
    assert len(caught.value.problems) == 1
    return caught.value.problems[0]


def test_values_and_lines(tmp_path):
    data, lines = reading(tmp_path, "# head\nrole: pev\nslac:\n  delay_ms: 20   # why\n\n  list: [1, 2.5, x]\n  flag: true\n  none:\n  \"q\": '5'\n")
    assert data == {"role": "pev", "slac": {"delay_ms": 20, "list": [1, 2.5, "x"], "flag": True, "none": None, "q": "5"}}
    assert lines == {("role",): 2, ("slac",): 3, ("slac", "delay_ms"): 4, ("slac", "list"): 6, ("slac", "flag"): 7,
                     ("slac", "none"): 8, ("slac", "q"): 9}


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "\ufeff", "null\n"])
def test_an_empty_file_means_all_defaults(tmp_path, text):
    assert reading(tmp_path, text) == ({}, {})


def test_what_only_looks_like_something_else_is_text(tmp_path):
    assert reading(tmp_path, "a: 2024-01-01\nb: 2024-13-99\nc: =\nd: 1e3\n")[0] == {"a": "2024-01-01", "b": "2024-13-99", "c": "=", "d": "1e3"}


@pytest.mark.parametrize("text, expected", [
    ("a: 1\nb: 2\na: 3\n", "line 3: a stands here a second time, first in line 1"),
    ("s:\n  x: 1\n  x: 2\n", "line 3: s.x stands here a second time, first in line 2"),
    ("s:\n\tx: 1\n", "line 2: a tab in the indentation"),
    ("s:\tx\n\ty: 1", "line 2: a tab"),
    ("- 1\n- 2\n", "the file must hold sections"),
    ("just words\n", "the file must hold sections"),
    ("a: &x 1\n", "line 1: anchors"),
    ("a: 1\nb: *x\n", "line 2: anchors"),
    ("a: &x [1]\nb: &y [*x, *x]\n", "line 1: anchors"),
    ("a: !!python/object/apply:os.system ['true']\n", "line 1: a tag"),
    ("a: !!str 5\n", "line 1: a tag"),
    ("a: 1\n---\nb: 2\n", "line 2: a second document"),
    ("a: [1, 2\n", "line 2"),
    ("a: 1\n b: 2\n", "line 2"),
    ("a: {b: {c: {d: {e: {f: {g: {h: {i: 1}}}}}}}}\n", f"deeper than {MAX_DEPTH}"),
    ("? [1, 2]\n: 3\n", "line 1: a key must be a plain word"),
    ("? {a: 1}\n: 3\n", "line 1: a key must be a plain word"),
    ("a: 1\nb: \x01\n", "line 2: a character U+0001"),
    (b"a: 1\nb: \xff\n", "line 2: an octet 0xFF that is not UTF-8"),
    ("a: " + "9" * 5000 + "\n", "is not a number that can be used"),
    ("a: 0x_\n", "line 1"),
])
def test_refusals_name_the_line(tmp_path, text, expected):
    if text == "a: 0x_\n":        # YAML 1.1 resolves it as a number, Python cannot read it
        assert "is not a number that can be used" in refusal(tmp_path, text)
    assert expected in refusal(tmp_path, text)


def test_a_huge_nesting_is_refused_without_recursion(tmp_path):
    assert "deeper than" in refusal(tmp_path, "a: " + "[" * 60000)


def test_a_huge_file_is_not_read(tmp_path):
    assert f"at most {MAX_OCTETS}" in refusal(tmp_path, "a: 1\n" * MAX_OCTETS)


def test_files_that_are_not_there_or_not_files(tmp_path):
    with pytest.raises(SettingsError, match="does not exist; name an existing file with --config"):
        load(tmp_path / "nowhere.yaml")
    with pytest.raises(SettingsError, match="is not a file"):
        load(tmp_path)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(SettingsError, match="is not a file"):
        load(tmp_path / "fifo")
    with pytest.raises(SettingsError, match="cannot be read"):
        load("nul\0name")


def test_what_dump_writes_reads_back_equal(tmp_path):
    rng = random.Random(5)
    alphabet = "ab yn:#'\"\\[]{},&*!|>%@`-?~=\n\t\x00\x7f\u0085\u2028äß€😀\ufeff0123456789.eE+_"
    words = ["", "yes", "no", "on", "off", "y", "null", "~", "true", "1", "1.5", "1e5", "0x10", "12:30:00", "2024-01-01", "-", " x ", "a: b", "# c", "=", "<<",
             "a.b/c-d"]
    for _ in range(150):
        words.append("".join(rng.choice(alphabet) for _ in range(rng.randrange(12))))
    numbers = [0.0, -0.0, 1e-7, 1e22, 1.5e300, 5e-324, 123456.789, -3.0] + [rng.uniform(-1e9, 1e9) for _ in range(50)]
    for n, word in enumerate(words):
        root = Root(Section(text=word, number=numbers[n % len(numbers)], count=rng.randrange(-10**18, 10**18), words=rng.sample(words, 3),
                            maybe=rng.choice([None, 1.25]), flag=rng.random() < 0.5))
        again = build(Root, *reading(tmp_path, dump(root)), "again")
        assert again == root, word
        assert to_dict(again) == to_dict(root)


def test_any_octets_give_a_value_or_a_settings_error(tmp_path):
    rng = random.Random(11)
    good = dump(Root(Section(text="hello", words=["a", "b"]))).encode()
    pieces = [b":", b"\n", b"  ", b"[", b"]", b"{", b"}", b"&a ", b"*a", b"!!", b"'", b'"', b"|", b">", b"%YAML 9.9\n", b"---", b"...", b"? ", b"- ", b"\t", b"\xff",
              b"\xe2\x80\xa8", b"<<: ", b"0o9", b"1:99", b".inf", b"#"]
    for _ in range(400):
        text = bytearray(good)
        for _ in range(rng.randrange(1, 6)):
            at = rng.randrange(len(text) + 1)
            text[at:at + rng.randrange(3)] = rng.choice(pieces)
        try:
            data, lines = reading(tmp_path, bytes(text))
            build(Root, data, lines, "fuzz")
        except SettingsError as error:
            assert all(p.endswith((".", "?")) and "\n" not in p for p in error.problems), error.problems
