"""The kernel's dataclass behaves as the standard library's."""
from __future__ import annotations

import dataclasses
from dataclasses import field
from typing import Any, Callable

import pytest

from kernel.record import dataclass, settings_class

KINDS: list[tuple[Callable[..., Any], dict[str, bool]]] = [
    (dataclass, {}), (dataclass, {"slots": True}), (dataclass, {"slots": True, "frozen": True}), (dataclass, {"frozen": True}), (dataclass, {"slots": True, "eq": False}),
    (settings_class, {"slots": True}),
]


def pair(make: Callable[..., Any], options: dict[str, bool]) -> tuple[Any, Any]:
    """The same class made here and by the library."""
    def of(decorator: Callable[..., Any]) -> Any:
        class Point:
            """A point."""

            x: float
            y: float = 2.0
            names: list[str] = field(default_factory=list, hash=False)
            seen: int = field(default=0, compare=False, repr=False)
        return decorator(**options)(Point)
    return of(make), of(dataclasses.dataclass)


@pytest.mark.parametrize("make, options", KINDS)
def test_it_is_equal_prints_and_hashes_as_the_library_s(make: Callable[..., Any], options: dict[str, bool]) -> None:
    ours, theirs = pair(make, options)
    for kind in (ours, theirs):
        assert (kind(1.0) == kind(1.0, 2.0, [], 7)) == options.get("eq", True) and kind(1.0) != kind(1.5) and kind(1.0) != (1.0, 2.0, [])
        assert repr(kind(1.0, names=["a"])).endswith("Point(x=1.0, y=2.0, names=['a'])")
        assert dataclasses.replace(kind(1.0), y=3.0).y == 3.0 and dataclasses.asdict(kind(1.0)) == {"x": 1.0, "y": 2.0, "names": [], "seen": 0}
        assert kind(1.0).names is not kind(1.0).names
        for wrong in ({}, {"x": 1.0, "z": 1.0}):
            with pytest.raises(TypeError):
                kind(**wrong)
        for values in ((1.0, 2.0, [], 0, 5), (1.0,)):
            with pytest.raises(TypeError):
                kind(*values, x=1.0)
    assert (ours.__hash__ is None) == (theirs.__hash__ is None) and hasattr(ours(1.0), "__dict__") == hasattr(theirs(1.0), "__dict__")


def test_frozen_ones_are_keys_and_do_not_change() -> None:
    @dataclass(slots=True, frozen=True)
    class Key:
        """A key."""

        name: str
    assert {Key("a"): 1}[Key("a")] == 1 and len({Key("a"), Key("b")}) == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        Key("a").name = "b"     # type: ignore[misc]


def test_settings_are_checked_when_they_are_made() -> None:
    @settings_class(slots=True)
    class Section:
        """A section."""

        low: int = 1

        def __post_init__(self) -> None:
            if self.low < 0:
                raise ValueError("low")
    assert Section().low == 1 and Section(3) == Section(low=3)
    with pytest.raises(ValueError):
        Section(low=-1)
