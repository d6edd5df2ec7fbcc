"""`dataclass` as that of the standard library, with less of it made anew for each class: a box starts with 300 of them, and each function that the library
generates is source text that is compiled at every start.

Equality, hash and text of all of them are the functions here; `__init__` is generated for each, because it runs often. `settings_class` leaves out that, too:
for sections of the configuration, which are built once. What is saved: `python -m tools.bench start`.
"""
from __future__ import annotations

import dataclasses
import operator
import reprlib
from dataclasses import MISSING
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:                                # all that a reader and a checker have to know
    from dataclasses import dataclass as dataclass
    from dataclasses import dataclass as settings_class
else:
    def dataclass(cls: type | None = None, /, *, eq: bool = True, frozen: bool = False, slots: bool = False, kw_only: bool = False) -> Any:
        """As dataclasses.dataclass, with those of its options that are used here."""
        def make(plain: type) -> type:
            own = vars(plain)
            made = dataclasses.dataclass(plain, repr=False, eq=False, frozen=frozen, slots=slots, kw_only=kw_only)
            if "__repr__" not in own:
                made.__repr__ = _repr
            if eq and "__eq__" not in own:
                _compare_by_fields(made)
                if own.get("__hash__") is None:
                    made.__hash__ = _hash if frozen else None
            return made
        return make if cls is None else make(cls)

    def settings_class(cls: type | None = None, /, *, slots: bool = False) -> Any:
        """The same with the `__init__` that all of them share."""
        def make(plain: type) -> type:
            made = dataclasses.dataclass(plain, init=False, repr=False, eq=False, slots=slots)
            made.__init__, made.__repr__, made.__hash__ = _init, _repr, None
            _compare_by_fields(made)
            return made
        return make if cls is None else make(cls)


def _compare_by_fields(cls: Any) -> None:
    """`_record_values` gives the values of all fields that count, as a tuple."""
    names = [f.name for f in dataclasses.fields(cls) if f.compare]
    cls._record_values = staticmethod(operator.attrgetter(*names) if len(names) > 1 else lambda record: tuple(getattr(record, name) for name in names))
    cls.__eq__ = _eq


def _eq(self: Any, other: object) -> Any:
    return self._record_values(self) == self._record_values(other) if other.__class__ is self.__class__ else NotImplemented


def _hash(self: Any) -> int:
    return hash(self._record_values(self))


@reprlib.recursive_repr()
def _repr(self: Any) -> str:
    return f"{self.__class__.__qualname__}({', '.join(f'{f.name}={getattr(self, f.name)!r}' for f in dataclasses.fields(self) if f.repr)})"


def _init(self: Any, *values: Any, **named: Any) -> None:
    """Each field from its value, else from its default; then `__post_init__`, where there is one."""
    kind = self.__class__
    fields = kind.__dataclass_fields__
    if values:
        if len(values) > len(fields) or named.keys() & list(fields)[:len(values)]:
            raise TypeError(f"{kind.__qualname__} is given a field too many, or twice")
        named.update(zip(fields, values))
    for name, field in fields.items():
        if name in named:
            value = named.pop(name)
        elif field.default is not MISSING:
            value = field.default
        elif field.default_factory is not MISSING:
            value = field.default_factory()
        else:
            raise TypeError(f"{kind.__qualname__}: {name} has no default and is not given")
        setattr(self, name, value)
    if named:
        raise TypeError(f"{kind.__qualname__} has no field {', '.join(named)}")
    if hasattr(kind, "__post_init__"):
        self.__post_init__()
