"""The Python part: arbitrary octets are a message or one ExiError, arbitrary objects become octets or one ExiError."""
from __future__ import annotations

import time
from enum import Enum
from functools import cache
from typing import Any, Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from exi_messages import Random, fields_of, roots_of
from exi_native import codec
from exi_native.codec import ExiError, ExiErrorCode
from exi_native.generated import SCHEMAS, tape_of
from exi_native.library import MAX_DEPTH
from tests.exi.fuzz import hostile, seeds

EXAMPLES = 150
#: No input may take longer; the longest here is a megabyte. A thousand times what it needs, so that a busy machine does
#: not matter: only an input that makes the codec loop is noticed.
SECONDS_AT_MOST = 5.0
ODD = settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
NAMES = sorted(SCHEMAS)


@cache
def exi() -> codec.Codec:
    return codec.load()


@cache
def good(schema: str) -> tuple[seeds.Seed, ...]:
    return tuple(seeds.own(exi(), schema, per_root=1, per_fragment=1))


def decoded(schema: str, octets: bytes, fragment: bool) -> Any:
    """The message, or None after exactly one ExiError that says where and why."""
    try:
        message = exi().decode_fragment(schema, octets) if fragment else exi().decode(schema, octets)  # type: ignore[arg-type]
    except ExiError as error:
        assert type(error.code) is ExiErrorCode and 0 <= error.bit_position <= 8 * len(octets)
        assert f"bit {error.bit_position}" in str(error) and error.code.name in str(error)
        traced = exi().trace(schema, octets, fragment)  # type: ignore[arg-type]
        assert traced.error is not None and (traced.error.code, traced.error.bit_position, traced.error.field) == (error.code, error.bit_position, error.field)
        return None
    assert type(message) in fields_of(schema)
    return message


def check_octets(schema: str, octets: bytes, fragment: bool) -> None:
    message = decoded(schema, octets, fragment)
    if message is None:
        return
    report = exi().decode_with_report(schema, octets, fragment)  # type: ignore[arg-type]
    again = (exi().encode_fragment if fragment else exi().encode)(schema, message, report.root)  # type: ignore[operator]
    assert report.message == message and decoded(schema, again, fragment) == message
    steps = exi().trace(schema, octets, fragment).steps  # type: ignore[arg-type]
    assert sum(step.bits for step in steps) == steps[-1].bit + steps[-1].bits <= 8 * (len(octets) - report.trailing_octets)


@st.composite
def damaged(draw: st.DrawFn, schema: str) -> tuple[bytes, bool]:
    """A good message, cut, with octets inserted, removed and replaced."""
    seed = draw(st.sampled_from(good(schema)))
    octets = bytearray(seed.octets)
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(octets)))
        octets[at:at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(octets), bool(seed.flags & seeds.FRAGMENT_FLAG)


@pytest.mark.parametrize("schema", NAMES)
def test_arbitrary_octets(schema: str) -> None:
    @ODD
    @given(st.binary(max_size=200).map(lambda rest: b"\x80" + rest) | st.binary(max_size=40), st.booleans())
    @example(b"", False)
    @example(b"\x80", True)
    def check(octets: bytes, fragment: bool) -> None:
        check_octets(schema, octets, fragment)
    check()


@pytest.mark.parametrize("schema", NAMES)
def test_damaged_messages(schema: str) -> None:
    @ODD
    @given(damaged(schema))
    def check(case: tuple[bytes, bool]) -> None:
        check_octets(schema, *case)
    check()


@pytest.mark.parametrize("schema", NAMES)
def test_inputs_made_to_harm_have_the_right_error(schema: str) -> None:
    wrong = []
    for case in [*hostile.of_schema(exi(), schema, list(good(schema))), *hostile.repeated(schema)]:
        started = time.perf_counter()
        try:
            exi()._decode(SCHEMAS[schema][0] | (1 << 31 if case.flags else 0), tape_of(schema), case.octets)
            code = None
        except ExiError as error:
            code = error.code
            assert error.bit_position <= 8 * len(case.octets)
        if case.expected and code not in case.expected:
            wrong.append(f"{case.what}: {code!r}, expected {sorted(e.name for e in case.expected)}")
        if time.perf_counter() - started > SECONDS_AT_MOST:
            wrong.append(f"{case.what}: took {time.perf_counter() - started:.1f} s")
    assert wrong == []


@pytest.mark.parametrize("schema", NAMES)
def test_the_wrong_schema(schema: str) -> None:
    for other in NAMES:
        for seed in good(other) if other != schema else ():
            check_octets(schema, seed.octets, bool(seed.flags))
    for seed in good(schema):
        check_octets(schema, seed.octets, not seed.flags)


@pytest.mark.parametrize("schema", NAMES)
def test_nothing_nests_deeper_than_the_schema(schema: str) -> None:
    """No class contains itself, so that deep nesting can only come from a schema; the library refuses it besides."""
    fields = fields_of(schema)

    def depth(cls: type, above: tuple[type, ...]) -> int:
        assert cls not in above, f"{cls.__name__} contains itself"
        inner = [c for row in fields[cls] if row.kind == "record" for c in row.classes]
        return 1 + max((depth(c, (*above, cls)) for c in inner), default=0)

    assert 1 < max(depth(cls, ()) for cls in fields) < MAX_DEPTH  # the document is one level more


class Other(Enum):
    """An enumeration of nobody."""

    A = 1


#: Things that have no place in a message, or only in some fields.
OBJECTS = (st.none() | st.booleans() | st.integers() | st.sampled_from([-(1 << 63), (1 << 63), -(1 << 62) - 1, 1 << 62, 1 << 200, -(1 << 200), 1 << 16000])
           | st.floats() | st.text(max_size=5) | st.sampled_from(["\ud800", "a\0b", "x" * 70000, "\U0010ffff"]) | st.binary(max_size=5)
           | st.sampled_from([b"x" * 70000, bytearray(3), memoryview(b"abc"), Other.A, Other, object(), int, len, range(3), (), {}, 1j, NotImplemented])
           | st.lists(st.none() | st.integers() | st.text(max_size=2) | st.binary(max_size=2), max_size=3))


def places(message: Any, fields: Any) -> Iterator[tuple[Any, str]]:
    """Every field of a message and of what is in it."""
    for row in fields[type(message)]:
        yield message, row.name
        value = getattr(message, row.name)
        for item in value if isinstance(value, list) else [value]:
            if type(item) in fields:
                yield from places(item, fields)


@pytest.mark.parametrize("schema", NAMES)
def test_arbitrary_objects_in_arbitrary_fields(schema: str) -> None:
    roots, fields = roots_of(schema), fields_of(schema)

    @ODD
    @given(st.data())
    def check(data: st.DataObject) -> None:
        cls = data.draw(st.sampled_from(roots))
        message = Random(schema, ("objects", data.draw(st.integers(0, 50)))).message(cls)
        owner, name = data.draw(st.sampled_from(list(places(message, fields)) or [(message, "")]))
        if name and data.draw(st.booleans()):
            # something that belongs into some other field, or a message of its own
            another = Random(schema, "another").message(cls)
            setattr(owner, name, data.draw(st.sampled_from([another, [another], *values_of(message, fields)])))
        elif name:
            setattr(owner, name, data.draw(OBJECTS))
        check_message(schema, message)
    check()


def values_of(message: Any, fields: Any) -> list[Any]:
    return [getattr(owner, name) for owner, name in places(message, fields)]


def check_message(schema: str, message: Any) -> None:
    try:
        octets = exi().encode(schema, message)  # type: ignore[arg-type]
    except ExiError as error:
        assert type(error.code) is ExiErrorCode and str(error)
        return
    assert type(exi().decode(schema, octets)) is type(message)  # type: ignore[arg-type]


@pytest.mark.parametrize("schema", NAMES)
def test_a_message_that_contains_itself(schema: str) -> None:
    fields = fields_of(schema)
    for cls in roots_of(schema):
        for number in range(len(list(places(Random(schema, 0).message(cls), fields)))):
            message = Random(schema, 0).message(cls)
            owner, name = list(places(message, fields))[number]
            setattr(owner, name, [message] if isinstance(getattr(owner, name), list) else message)
            with pytest.raises(ExiError):
                exi().encode(schema, message)  # type: ignore[arg-type]


@ODD
@given(OBJECTS)
def test_arbitrary_objects_as_message(thing: Any) -> None:
    for schema in NAMES:
        for put in (exi().encode, exi().encode_fragment):
            with pytest.raises(ExiError):
                put(schema, thing)  # type: ignore[operator]
