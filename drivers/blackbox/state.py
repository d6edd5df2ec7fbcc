"""What a tree of objects remembers, as plain JSON; and the same put into a tree that was made anew, perhaps by newer code.

For a tape that begins in the middle of a life. Objects are found by their place (attribute, index, key) from named roots, so what today's code does not
have any more is left out and told, and what it has besides stays as it was made. What belongs to others (devices, settings, functions, the codec) is
left alone: it is there already. Only classes of the packages in TRANSPARENT are ever made, by their name, without running any of their code.
"""
from __future__ import annotations

import importlib
import random
import sys
from collections import deque
from enum import Enum
from functools import cache
from struct import Struct
from types import FunctionType, MethodDescriptorType, ModuleType
from typing import Any, Callable, Hashable, Iterator, NamedTuple

TRANSPARENT = ("tasks.", "kernel.", "exi_native.messages.", "drivers.interfaces")
CONSTANT = frozenset({"meaning", "witness", "writer", "max_age", "low", "high", "unit"})      # of signals: the same in every life
MAX_OBJECTS = 100_000
MAX_TOLD = 50
_SIMPLE = (bool, int, float, str)


def attributes(thing: Any) -> list[str]:
    """Names of what an object holds, slots and others."""
    return [*getattr(thing, "__dict__", ()), *(name for name in _slots(type(thing)) if hasattr(thing, name))]


@cache
def _slots(cls: type) -> tuple[str, ...]:
    """As they are called from outside."""
    found: list[str] = []
    for base in cls.__mro__:
        slots = base.__dict__.get("__slots__", ())
        found += [f"_{base.__name__.lstrip('_')}{name}" if name.startswith("__") else name for name in ((slots,) if isinstance(slots, str) else slots)
                  if name not in ("__dict__", "__weakref__")]
    return tuple(found)


class Memory:
    """`of(roots)` makes the plain form of named roots. `others`: objects that belong to others, by names that they will have again."""

    def __init__(self, others: dict[str, Any] | None = None) -> None:
        self._others = {id(thing): name for name, thing in (others or {}).items()}
        self._numbers: dict[int, int] = {}
        self._entries: list[Any] = []
        self._keep: list[Any] = []               # identities stay those of living objects
        self._constants = constants()
        self.opaque: dict[str, int] = {}         # kinds that were left alone although nobody said so

    def of(self, roots: dict[str, Any]) -> dict[str, Any]:
        plain = {name: self._value(root) for name, root in roots.items()}
        return {"roots": plain, "objects": self._entries}

    def _value(self, value: Any) -> Any:
        if value is None or type(value) in _SIMPLE:
            return value
        kind = type(value)
        if kind is bytes:
            return ["b", value.hex()]
        if kind is tuple:
            return ["t", [self._value(item) for item in value]]
        if isinstance(value, Enum):
            return ["e", _name(kind), value.name]
        if isinstance(value, type):
            return ["c", _name(value)] if _transparent(value) else ["o"]
        if kind is frozenset:
            return ["f", [self._value(item) for item in sorted(value, key=repr)]]
        if id(value) in self._others:
            return ["g", self._others[id(value)]]
        constant = self._constants.get(id(value))
        if constant is not None:
            return ["k", *constant[:2], *(["a", key.name] if type(key) is _Attribute else self._value(key) for key in constant[2:])]
        if isinstance(value, FunctionType) and _transparent(value) and "<" not in value.__qualname__:
            return ["k", value.__module__, value.__qualname__]
        owner = getattr(value, "__self__", None)
        if owner is not None and callable(value) and (_transparent(type(owner)) or type(owner) in _PLAIN_CONTAINERS) and not isinstance(owner, type):
            return ["m", self._value(owner), value.__name__]
        if not (kind in (list, dict, set, deque, bytearray) or _transparent(kind)) or isinstance(value, (BaseException, random.Random)):
            self.opaque[kind.__name__] = self.opaque.get(kind.__name__, 0) + 1
            return ["o"]
        if isinstance(value, tuple):             # a NamedTuple
            return ["n", _name(kind), [self._value(item) for item in value]]
        number = self._numbers.get(id(value))
        if number is None:
            number = self._numbers[id(value)] = len(self._entries)
            self._keep.append(value)
            self._entries.append(None)
            self._entries[number] = self._entry(value, kind)
        return ["r", number]

    def _entry(self, value: Any, kind: type) -> Any:
        if kind is list:
            return ["l", [self._value(item) for item in value]]
        if kind is dict:
            return ["d", [[self._value(key), self._value(item)] for key, item in value.items()]]
        if kind is set:
            return ["s", [self._value(item) for item in sorted(value, key=repr)]]
        if kind is deque:
            return ["q", [self._value(item) for item in value], value.maxlen]
        if kind is bytearray:
            return ["y", bytes(value).hex()]
        return ["x", _name(kind), {name: self._value(getattr(value, name)) for name in attributes(value) if name not in CONSTANT}]


class Recollection:
    """Puts a plain form into roots that were made anew. `told`: sentences about what could not be put there."""

    def __init__(self, plain: Any, others: dict[str, Any] | None = None) -> None:
        """`others`: as `Memory` was given."""
        self._others = others or {}
        if not isinstance(plain, dict) or not isinstance(plain.get("objects"), list) or len(plain["objects"]) > MAX_OBJECTS:
            raise ValueError("a state without its objects, or with too many")
        self._objects = plain["objects"]
        self._roots: dict[str, Any] = plain.get("roots", {})
        self._made: dict[int, Any] = {}
        self._shared = constants()
        self._places: dict[tuple[Any, ...], Any] = {}
        self._modules: set[str] = set()
        self.told: list[str] = []

    def into(self, roots: dict[str, Any]) -> None:
        """ValueError: it is no such form (the file is damaged, or made by somebody who means ill)."""
        try:
            self._into(roots)
        except (TypeError, LookupError, AttributeError, OverflowError, RecursionError) as wrong:
            raise ValueError(f"no form of a state: {type(wrong).__name__}: {str(wrong)[:80]}") from None

    def _into(self, roots: dict[str, Any]) -> None:
        for name, root in roots.items():
            if name in self._roots:
                self._value(self._roots[name], root, name)
            else:
                self._tell(f"{name}: the record knows nothing of it")
        for name in self._roots.keys() - roots.keys():
            self._tell(f"{name}: there is no such thing any more")

    def _value(self, form: Any, fresh: Any, path: str) -> Any:
        """What is to stand at a place where `fresh` stands now."""
        if form is None or isinstance(form, _SIMPLE):
            return form
        if not isinstance(form, list) or not form:
            raise ValueError(f"{path}: {str(form)[:60]} is no form")
        tag = form[0]
        if not isinstance(tag, str) or len(tag) != 1:
            raise ValueError(f"{path}: {str(tag)[:60]} is no form")
        if tag == "o":
            return fresh
        if tag == "g":
            if form[1] not in self._others:
                self._tell(f"{path}: there is no {form[1]} any more")
            return self._others.get(form[1], fresh)
        if tag == "k":
            return self._constant(form, fresh, path)
        if tag == "b":
            return bytes.fromhex(form[1])
        if tag in "tnf":
            items = form[-1]
            old = list(fresh) if isinstance(fresh, tuple) and len(fresh) == len(items) else [None] * len(items)
            values = [self._value(item, before, f"{path}[{place}]") for place, (item, before) in enumerate(zip(items, old))]
            if tag == "n":
                return self._named_tuple(form[1], values, fresh, path)
            return tuple(values) if tag == "t" else frozenset(values)
        if tag == "e":
            cls = self._class(form[1], path)
            if cls is None or not issubclass(cls, Enum) or form[2] not in cls.__members__:
                self._tell(f"{path}: {form[1]} has no {form[2]} any more")
                return fresh
            return cls[form[2]]              # type: ignore[index]
        if tag == "c":
            return self._class(form[1], path) or fresh
        if tag == "m":
            return self._method(self._value(form[1], getattr(fresh, "__self__", None), path), form[2], fresh, path)
        if tag == "r":
            return self._object(form[1], fresh, path)
        raise ValueError(f"{path}: {tag!r} is no form")

    def _object(self, number: Any, fresh: Any, path: str) -> Any:
        if not isinstance(number, int) or not 0 <= number < len(self._objects):
            raise ValueError(f"{path}: there is no object {number}")
        if number in self._made:
            return self._made[number]
        entry = self._objects[number]
        fill: Callable[[Any, Any, str], None]
        kind = entry[0]
        if kind == "x":
            cls = self._class(entry[1], path)
            if cls is None:
                return fresh
            thing = fresh if type(fresh) is cls and not _frozen(cls) and id(fresh) not in self._shared else _bare(cls, path)
            self._made[number] = thing
            self._fill_attributes(thing, entry[2], fresh if type(fresh) is cls else thing, path)
            return thing
        plain, fill = _CONTAINERS[kind]
        thing = fresh if type(fresh) is plain and id(fresh) not in self._shared else deque(maxlen=entry[2]) if plain is deque else plain()
        self._made[number] = thing
        getattr(self, fill)(thing, entry[1], path)       # type: ignore[arg-type]
        return thing

    def _fill_attributes(self, thing: Any, forms: dict[str, Any], fresh: Any, path: str) -> None:
        """`fresh`: what stands there now, itself or another of its class."""
        has = set(attributes(thing)) | {slot for cls in type(thing).__mro__ for slot in cls.__dict__.get("__slots__", ())}
        for name, form in forms.items():
            if name.startswith("__"):
                raise ValueError(f"{path}.{name[:60]}: no object remembers that")
            if name not in has and not hasattr(thing, "__dict__"):
                self._tell(f"{path}.{name}: there is no such thing any more")
                continue
            try:
                before = getattr(fresh, name, None)
                value = self._value(form, before, f"{path}.{name}")
                if value is not before or value is None or thing is not fresh:
                    object.__setattr__(thing, name, value)
            except AttributeError:
                self._tell(f"{path}.{name} cannot be set")

    def _fill_list(self, thing: Any, forms: list[Any], path: str) -> None:
        old = list(thing)
        values = [self._value(form, old[place] if place < len(old) else None, f"{path}[{place}]") for place, form in enumerate(forms)]
        thing.clear()
        thing.extend(values)

    def _fill_dict(self, thing: dict[Any, Any], forms: list[Any], path: str) -> None:
        old = dict(thing)
        pairs = []
        for key_form, form in forms:
            key = self._value(key_form, None, f"{path} key")
            pairs.append((key, self._value(form, old.get(key), f"{path}[{str(key)[:30]}]")))
        thing.clear()
        thing.update(pairs)

    def _fill_set(self, thing: set[Any], forms: list[Any], path: str) -> None:
        values = [self._value(form, None, path) for form in forms]
        thing.clear()
        thing.update(values)

    def _fill_octets(self, thing: bytearray, text: str, path: str) -> None:
        thing[:] = bytes.fromhex(text)

    def _constant(self, form: list[Any], fresh: Any, path: str) -> Any:
        """A thing of a module that `constants` knows by this place, or a function of ours: nothing that a module has only imported."""
        try:
            module = _module(form[1], path)
        except ImportError:
            self._tell(f"{path}: there is no {form[1]} any more")
            return fresh
        if not self._places or module.__name__ not in self._modules:
            self._shared = constants()
            self._places = {place: thing for thing, place in _held()}
            self._modules = {place[0] for place in self._places}
        place = (form[1], form[2], *(_Attribute(key[1]) if isinstance(key, list) and key[0] == "a" else self._value(key, None, path) for key in form[3:]))
        found = self._places.get(place)
        if found is None and len(form) == 3:
            found = _qualified(module, form[2])
            found = found if isinstance(found, FunctionType) else None
        if found is None:
            self._tell(f"{path}: {form[1]} has no {form[2]}{form[3:] or ''} any more")
            return fresh
        if callable(found) and not (_transparent(found) if isinstance(found, FunctionType) else _transparent(type(found)) or type(getattr(found, "__self__", None)) is Struct):
            raise ValueError(f"{path}: {form[1]} has {form[2]} from elsewhere")
        return found

    def _class(self, name: Any, path: str) -> Any:
        """A class of ours, by the name that it has itself."""
        module, _, qualified = str(name).partition(":")
        try:
            found: Any = _qualified(_module(module, path), qualified)
        except ImportError:
            found = None
        if found is None:
            self._tell(f"{path}: there is no class {name} any more")
            return None
        if not isinstance(found, type) or not _transparent(found):
            raise ValueError(f"{path}: {name} is no class of ours")
        return found

    def _named_tuple(self, name: Any, values: list[Any], fresh: Any, path: str) -> Any:
        cls = self._class(name, path)
        if cls is None:
            return fresh
        if not issubclass(cls, tuple) or not hasattr(cls, "_fields"):
            raise ValueError(f"{path}: {name} is no tuple with names")
        if len(values) != len(cls._fields):
            self._tell(f"{path}: {name} has {len(cls._fields)} fields today, and had {len(values)}")
            return fresh
        return tuple.__new__(cls, values)

    def _method(self, owner: Any, name: Any, fresh: Any, path: str) -> Any:
        """A bound method; only of what `Memory` says methods of, and no attribute that runs code when it is looked at."""
        kind = type(owner)
        if not (_transparent(kind) or kind in _PLAIN_CONTAINERS) or not isinstance(name, str) or name.startswith("__"):
            raise ValueError(f"{path}: a method {str(name)[:60]} of {kind.__name__}")
        if not isinstance(getattr(kind, name, None), (FunctionType, MethodDescriptorType)):
            self._tell(f"{path}: {kind.__name__} has no {name} any more")
            return fresh
        return getattr(owner, name)

    def _tell(self, sentence: str) -> None:
        if len(self.told) < MAX_TOLD:
            self.told.append(sentence)


_CONTAINERS: dict[str, tuple[type, Any]] = {"l": (list, "_fill_list"), "q": (deque, "_fill_list"), "d": (dict, "_fill_dict"), "s": (set, "_fill_set"),
                                            "y": (bytearray, "_fill_octets")}


def constants() -> dict[int, tuple[Any, ...]]:
    """Identity of what stands in modules of ours: (module, name) or (module, name, key). Rows of tables are such, and hold what no form can say."""
    out: dict[int, tuple[Any, ...]] = {}
    for thing, place in _held():
        out.setdefault(id(thing), place)
    return out


def _held() -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Each thing with its place."""
    for module, held in [(name, vars(found)) for name, found in list(sys.modules.items()) if (name + ".").startswith(TRANSPARENT) and found is not None]:
        yield sys.modules[module], (module, "__self__")
        for name, value in list(held.items()):
            if isinstance(value, (type, ModuleType, *_SIMPLE)) or value is None or name.startswith("__") or isinstance(value, Enum):
                continue
            yield value, (module, name)
            yield from _functions(value, (module, name))
            for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, (list, tuple)) else ():
                if not isinstance(item, (type, bytes, Enum, *_SIMPLE)) and item is not None and isinstance(key, Hashable):
                    yield item, (module, name, key)
                    yield from _functions(item, (module, name, key))


class _Attribute(NamedTuple):
    name: str


def _functions(thing: Any, place: tuple[Any, ...]) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """The nameless functions that a row of a table holds: its conditions."""
    for name in getattr(type(thing), "__dataclass_fields__", ()) if _frozen(type(thing)) else ():
        held = getattr(thing, name)
        if isinstance(held, FunctionType):
            yield held, (*place, _Attribute(name))


def _module(name: Any, path: str) -> ModuleType:
    """A module of ours; one that was not needed yet is imported, which makes classes and does nothing else."""
    name = str(name)
    if not (name + ".").startswith(TRANSPARENT) or not all(part.isidentifier() and not part.startswith("__") for part in name.split(".")):
        raise ValueError(f"{path}: a thing of {name[:60]}, which is none of ours")
    return importlib.import_module(name)


def _qualified(module: ModuleType, name: Any) -> Any:
    """What has this name within a module, through classes only; None: nothing that the module itself has made."""
    found: Any = module
    for part in str(name).split("."):
        found = vars(found).get(part) if part.isidentifier() and isinstance(found, (ModuleType, type)) else None
        if found is None or isinstance(found, ModuleType) or getattr(found, "__module__", None) != module.__name__:
            return None
    return found if getattr(found, "__qualname__", None) == name else None


def _bare(cls: Any, path: str) -> Any:
    """An object of a class of ours, without running its code."""
    try:
        return object.__new__(cls)
    except TypeError:
        raise ValueError(f"{path}: no object of {cls.__name__} can be made like this") from None


def _frozen(cls: Any) -> bool:
    params = getattr(cls, "__dataclass_params__", None)
    return params is not None and params.frozen


_PLAIN_CONTAINERS = frozenset((list, dict, set, deque))


def _transparent(kind: type) -> bool:
    return (kind.__module__ + ".").startswith(TRANSPARENT)


def _name(kind: type) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"
