"""The configuration of the box: every key explains itself, defaults obey their own rules, the shipped file is complete."""
import hashlib

import pytest

from kernel.settings import UNITS, build, describe, to_dict
from kernel.settings_text import dump
from tasks.config import Config
from tasks.config_file import load
from tasks.shipped import SHA256, is_shipped
from tests.architecture.source import ROOT

ENTRIES = list(describe(Config))
SUFFIX = {"%": "percent", "%/min": "min", "degc": "c", "ohm": "ohm", "mbit/s": "mbit"}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.key)
def test_every_key_explains_itself(entry):
    assert len(entry.meaning) > 10, "say what it means and how the right value is found"
    number = entry.type in (int, float) or entry.type == float | None or entry.type == int | None
    if number and entry.choices is None:
        assert entry.low is not None and entry.high is not None, "a number needs both ends of its range"
        assert entry.low < entry.high


@pytest.mark.parametrize("entry", [e for e in ENTRIES if e.unit not in ("", "octets")], ids=lambda e: e.key)
def test_a_key_carries_its_unit_in_its_name(entry):
    unit = entry.unit.lower()
    assert entry.path[-1].lower().endswith("_" + SUFFIX.get(unit, unit)), f"unit {entry.unit} is not the end of the name"
    assert SUFFIX.get(unit, unit) in UNITS, "so that a mix-up of units is explained"


def test_the_defaults_pass_their_own_checks():
    assert build(Config, to_dict(Config()), {}, "defaults") == Config()


def test_what_print_config_shows_reads_back(tmp_path):
    (tmp_path / "shown.yaml").write_text(dump(Config()))
    assert build(Config, *load(tmp_path / "shown.yaml"), "shown.yaml") == Config()


def test_the_shipped_file_names_every_key_with_its_default():
    data, lines = load(ROOT / "config.yaml")
    assert build(Config, data, lines, "config.yaml") == Config(), "the shipped file is the default"
    assert [e.key for e in ENTRIES if e.path not in lines] == [], "every option stands in the shipped file"


def test_the_shipped_file_is_known_by_its_digest_and_need_not_be_read(tmp_path):
    """After a change: main.py --print-config > config.yaml, then this digest into tasks/shipped.py."""
    text = (ROOT / "config.yaml").read_bytes()
    assert SHA256 == hashlib.sha256(text).hexdigest() and is_shipped(ROOT / "config.yaml")
    assert text.decode() == dump(Config())
    changed = tmp_path / "config.yaml"
    changed.write_bytes(text + b"# mine\n")
    assert not is_shipped(changed) and not is_shipped(tmp_path / "none.yaml")


def test_the_shipped_file_comments_every_key():
    text = (ROOT / "config.yaml").read_text().split("\n")
    _, lines = load(ROOT / "config.yaml")
    told = set()
    for entry in ENTRIES:
        number = lines[entry.path] - 1
        commented = "#" in text[number] or text[number - 1].strip().startswith("#")
        what = entry.path[0], entry.path[-1], entry.meaning          # what repeats within a section is explained the first time
        assert commented or what in told, f"{entry.key} has no comment"
        told.add(what)
