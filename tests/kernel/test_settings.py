"""Settings: every mistake is refused with file, line, key, value, what is allowed and the nearest right key."""
import math
from dataclasses import dataclass, field

import pytest

from kernel.settings import REQUIRED, SettingsError, build, describe, setting, to_dict
from kernel.settings_text import dump


@dataclass(slots=True)
class Pump:
    """How the pump is driven."""

    open_delay_ms: int = setting(200, unit="ms", low=10, high=5000, meaning="from the command to open")
    flow: float = setting(2.5, unit="l/min", low=0, high=10)
    kind: str = setting("auto", choices=("auto", "manual"), meaning="who decides")
    enabled: bool = setting(True)
    steps: list[int] = setting([1, 2], low=0, high=9)
    limit_v: float | None = setting(None, unit="V", low=0)
    name: str = setting("pump")


@dataclass(slots=True)
class Window:
    low_v: int = setting(1, unit="V", low=0, high=100)
    high_v: int = setting(2, unit="V", low=0, high=100)

    def __post_init__(self) -> None:
        if self.low_v >= self.high_v:
            raise ValueError(f"has low_v {self.low_v} at or above high_v {self.high_v}")


@dataclass(slots=True)
class Root:
    """All of it."""

    pump: Pump = field(default_factory=Pump)
    window: Window = field(default_factory=Window)
    role: str = setting("a", choices=("a", "b"))


@dataclass(slots=True)
class Needy:
    port: int = field(metadata={"unit": "", "low": 1, "high": 9, "choices": None, "meaning": "no default"})


LINES = {("pump",): 3, ("pump", "open_delay_ms"): 4, ("window",): 8}


def problems(data, cls=Root, lines=LINES):
    with pytest.raises(SettingsError) as caught:
        build(cls, data, lines, "config.yaml")
    return caught.value.problems


def only_problem(data, **more):
    found = problems(data, **more)
    assert len(found) == 1, found
    return found[0]


def test_defaults_when_nothing_is_said():
    assert build(Root, {}, {}, "x") == Root()
    assert build(Root, {"pump": None}, {}, "x") == Root(), "a section without keys is a section with its defaults"


def test_values_are_taken_and_whole_numbers_become_floats_where_a_float_is_meant():
    got = build(Root, {"pump": {"flow": 3, "steps": [4], "limit_v": 5, "kind": "manual"}, "role": "b"}, {}, "x")
    assert got == Root(pump=Pump(flow=3.0, steps=[4], limit_v=5.0, kind="manual"), role="b")
    assert type(got.pump.flow) is float and type(got.pump.limit_v) is float


def test_a_refusal_names_file_line_key_value_type_range_and_unit():
    text = only_problem({"pump": {"open_delay_ms": 9}})
    assert text == "config.yaml line 4: pump.open_delay_ms is 9, but must be a whole number from 10 to 5000 ms."


def test_the_ends_of_a_range_are_allowed_and_one_beyond_is_not():
    for good in (10, 5000):
        assert build(Root, {"pump": {"open_delay_ms": good}}, {}, "x").pump.open_delay_ms == good
    for bad in (9, 5001):
        assert "from 10 to 5000 ms" in only_problem({"pump": {"open_delay_ms": bad}})


@pytest.mark.parametrize("key, value, expected", [
    ("open_delay_ms", True, "is true, but must be a whole number"),
    ("open_delay_ms", 20.0, "is 20.0, but must be a whole number"),
    ("open_delay_ms", "20", "without quotes"),
    ("open_delay_ms", "20 ms", "without its unit"),
    ("open_delay_ms", None, "is empty, but must be a whole number from 10 to 5000 ms; leave the key out"),
    ("open_delay_ms", 10 ** 400, "beyond 64 bit"),
    ("open_delay_ms", [1], "is [1], but"),
    ("open_delay_ms", {"a": 1}, "is a section, but"),
    ("flow", False, "is false, but must be a number"),
    ("flow", math.nan, "is nan, but"),
    ("flow", math.inf, "is inf, but"),
    ("flow", -math.inf, "is -inf, but"),
    ("flow", 10 ** 400, "beyond 64 bit"),
    ("kind", "manul", "must be one of auto, manual (nearest: manual)"),
    ("kind", False, "put it in quotes"),
    ("enabled", 1, "is 1, but must be true or false"),
    ("enabled", "yes", "must be true or false"),
    ("steps", 3, "must be a list of whole numbers from 0 to 9"),
    ("steps", [1, 10], "has an item 2 that is 10, but must be a whole number"),
    ("steps", [None], "has an item 1 that is empty"),
    ("limit_v", -1, "must be a number of at least 0 V, or null"),
    ("name", 5, "must be a text; put it in quotes"),
])
def test_wrong_values_are_refused_with_the_reason(key, value, expected):
    text = only_problem({"pump": {key: value}})
    assert f"pump.{key}" in text and expected in text


def test_none_where_the_type_allows_it():
    assert build(Root, {"pump": {"limit_v": None}}, {}, "x").pump.limit_v is None


@pytest.mark.parametrize("data, expected", [
    ({"pump": {"open_delay_s": 1}}, "the key is pump.open_delay_ms and counts in ms"),
    ({"pump": {"open_delay": 1}}, "the key is pump.open_delay_ms and counts in ms"),
    ({"pump": {"open_dellay_ms": 1}}, "did you mean pump.open_delay_ms (a whole number from 10 to 5000 ms)?"),
    ({"open_delay_ms": 20}, "did you mean pump.open_delay_ms"),
    ({"window": {"pump": {}}}, "did you mean pump (a section)?"),
    ({"pmup": {}}, "did you mean pump (a section)?"),
    ({"zzz": 1}, "the file knows pump, role, window"),
    ({"window": {"qqq": 1}}, "window knows high_v, low_v"),
    ({"a\nb": 1}, "config.yaml: 'a\\nb' is 1"),
    ({"window": {5: 1}}, "window.5 is 1, but there is no such key"),
])
def test_unknown_keys_are_refused_with_the_nearest_right_one(data, expected):
    text = only_problem(data)
    assert expected in text and "there is no such key" in text


def test_a_likeness_that_is_no_unit_is_not_called_one():
    assert "counts in" not in only_problem({"pump": {"open_delay_foo": 1}})


def test_all_problems_are_found_at_once_in_the_order_of_the_lines():
    lines = {("role",): 9, ("pump", "flow"): 2, ("pump", "nonsense"): 5}
    found = problems({"role": "c", "pump": {"nonsense": 1, "flow": 11}}, lines=lines)
    assert [t.split(":")[0] for t in found] == ["config.yaml line 2", "config.yaml line 5", "config.yaml line 9"]


def test_a_key_without_a_line_of_its_own_is_given_that_of_its_section():
    assert only_problem({"pump": {"flow": 11}}).startswith("config.yaml line 3: pump.flow")


def test_a_section_that_is_a_scalar_is_refused():
    assert "must be a section" in only_problem({"pump": 3})
    assert "must be a section" in only_problem([1])


def test_rules_between_keys():
    assert only_problem({"window": {"low_v": 5, "high_v": 4}}) == "config.yaml line 8: window has low_v 5 at or above high_v 4."


def test_rules_between_keys_wait_until_each_key_is_right():
    assert "must be a whole number" in only_problem({"window": {"low_v": "x", "high_v": 0}})


def test_a_key_without_default_must_be_given():
    assert "port is missing; it needs a whole number from 1 to 9" in only_problem({}, cls=Needy)
    assert build(Needy, {"port": 3}, {}, "x").port == 3


def test_thousands_of_unknown_keys_are_all_named_but_not_all_looked_up():
    found = problems({f"open_delay_{n}": n for n in range(3000)})
    assert len(found) == 3000
    assert sum("did you mean" in t or "knows" in t for t in found) == 50


def test_describe_lists_every_key_with_what_the_manual_needs():
    entries = {e.key: e for e in describe(Root)}
    assert list(entries) == ["pump.open_delay_ms", "pump.flow", "pump.kind", "pump.enabled", "pump.steps", "pump.limit_v",
                             "pump.name", "window.low_v", "window.high_v", "role"]
    e = entries["pump.open_delay_ms"]
    assert (e.type, e.default, e.unit, e.low, e.high, e.choices, e.meaning) == (int, 200, "ms", 10, 5000, None, "from the command to open")
    assert e.brief() == "10 to 5000 ms" and entries["pump.kind"].brief() == "auto | manual"
    assert next(describe(Needy)).default is REQUIRED


def test_to_dict_and_back():
    changed = Root(pump=Pump(steps=[7], limit_v=4.0), role="b")
    assert build(Root, to_dict(changed), {}, "x") == changed


def test_lists_are_not_shared_between_instances():
    a, b = Root(), Root()
    a.pump.steps.append(3)
    assert b.pump.steps == [1, 2]


def test_dump_writes_value_range_and_meaning_beside_each_key():
    text = dump(Root())
    assert "# How the pump is driven.\npump:\n" in text
    assert "  open_delay_ms: 200  # 10 to 5000 ms: from the command to open\n" in text
    assert "  kind: auto  # auto | manual: who decides\n" in text
    assert "  limit_v: null  # at least 0 V or null\n" in text
    assert "Window(low_v" not in text, "the signature that dataclass writes is no explanation"


def test_a_number_longer_than_python_prints_is_refused_like_any_other():
    assert "beyond 64 bit" in only_problem({"pump": {"open_delay_ms": 1 << 20_000}})
