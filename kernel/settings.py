"""Typed settings: a field with unit, range and meaning; unknown key, wrong type, unit or range refuses to start."""
from __future__ import annotations

import dataclasses
import functools
import math
import types
import typing
from dataclasses import field
from typing import Any, Iterator, Mapping

from kernel.record import dataclass

SHOWN = 60               # characters of a wrong value that are repeated in the message
MAX_SUGGESTIONS = 50     # unknown keys for which a nearest one is looked up; a foreign file is not worth more
UNITS = frozenset("""ns us ms s min h mv v kv ma a w kw wh kwh hz khz ohm kohm mbit percent db c k m mm mib octets""".split())
"""Last parts of key names that state a unit; only they are taken for a mix-up of units."""

Path = tuple[str, ...]


def setting(default: Any, *, unit: str = "", low: float | None = None, high: float | None = None,
            choices: tuple[str, ...] | None = None, meaning: str = "") -> Any:
    """A dataclass field that knows its unit, its allowed range or choices, and what it means to the user."""
    metadata = {"unit": unit, "low": low, "high": high, "choices": choices, "meaning": meaning}
    if isinstance(default, (list, dict)):
        return field(default_factory=lambda: type(default)(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def section(kind: Any, meaning: str) -> Any:
    """A dataclass field that is a section of its own, with what this one of several is for."""
    return field(default_factory=kind, metadata={"meaning": meaning})


def dotted(path: Path) -> str:
    """A key path as people write it; what a file invents is cut and kept on one line."""
    return ".".join(p if p.isprintable() and len(p) <= SHOWN else repr(p[:SHOWN]) for p in path) or "the file"


class SettingsError(Exception):
    """Everything that is wrong with a configuration, one sentence each in `problems`."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class _Required:
    """Stands for the default of a key that has none."""

    def __repr__(self) -> str:
        return "(required)"


REQUIRED = _Required()


@dataclass(slots=True, frozen=True)
class Entry:
    """One key as users and the manual see it. `type` is the Python type of the value, `path` its place in the file."""

    path: Path
    type: Any
    default: Any
    unit: str
    low: float | None
    high: float | None
    choices: tuple[str, ...] | None
    meaning: str

    @property
    def key(self) -> str:
        return dotted(self.path)

    def allowed(self) -> str:
        """What may stand here: `a whole number from 10 to 5000 ms`, `one of auto, generic`."""
        return _allowed(self.type, self)

    def brief(self) -> str:
        """The same in the few words that fit beside a key: `10 to 5000 ms`, `auto | generic`."""
        kind, optional = _without_none(self.type)
        if self.choices is not None:
            return " | ".join(self.choices)
        bounds = _bounds(self).strip()
        if not bounds:
            return self.allowed()
        listed = "list of " if _item_type(kind) else ""
        return listed + bounds.removeprefix("from ").removeprefix("of ").removeprefix("in ") + (" or null" if optional else "")


def describe(cls: type) -> Iterator[Entry]:
    """Every key below a section class, in the order of declaration; sections are walked into."""
    return _describe(cls, (), None)


def _default(f: dataclasses.Field, within: Any) -> Any:
    """What stands for a field that is not named: of the section's own default `within`, where one is given, else of its class."""
    if within is not None:
        value = getattr(within, f.name)
        return list(value) if isinstance(value, list) else value
    if f.default is not dataclasses.MISSING:
        return f.default
    return f.default_factory() if f.default_factory is not dataclasses.MISSING else REQUIRED


def _required(f: dataclasses.Field) -> bool:
    """It has no default."""
    return f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING


def _describe(cls: type, path: Path, within: Any) -> Iterator[Entry]:
    hints = typing.get_type_hints(cls)
    for f in dataclasses.fields(cls):
        here, kind, default = (*path, f.name), hints[f.name], _default(f, within)
        if dataclasses.is_dataclass(kind):
            yield from _describe(kind, here, None if default is REQUIRED else default)
            continue
        yield _entry(f, here, kind, default)


def _entry(f: dataclasses.Field, path: Path, kind: Any, default: Any) -> Entry:
    m = f.metadata
    return Entry(path, kind, default, m.get("unit", ""), m.get("low"), m.get("high"), m.get("choices"), m.get("meaning", ""))


def to_dict(instance: Any) -> dict[str, Any]:
    """Nested dict of all values in force; `build` of it gives an equal instance."""
    out: dict[str, Any] = {}
    for f in dataclasses.fields(instance):
        value = getattr(instance, f.name)
        if dataclasses.is_dataclass(value):
            out[f.name] = to_dict(value)
        else:
            out[f.name] = list(value) if isinstance(value, (list, tuple)) else value
    return out


def build(cls: type, data: Mapping[str, Any], lines: Mapping[Path, int], source: str) -> Any:
    """An instance of the section class `cls` from nested dicts, or SettingsError with all that is wrong.

    `lines` gives the line of each key path in the file `source`. A section without any key under it is a section with
    all its defaults. A section class may raise ValueError in `__post_init__` for rules between its keys.
    """
    builder = _Builder(cls, lines, source)
    instance = builder.section(cls, data, (), None)
    if builder.problems:
        raise SettingsError([sentence for _, sentence in sorted(builder.problems, key=lambda p: p[0])])
    return instance


class _Builder:
    """Walks the data once and collects sentences."""

    def __init__(self, cls: type, lines: Mapping[Path, int], source: str) -> None:
        self.cls = cls
        self.lines = lines
        self.source = source
        self.problems: list[tuple[int, str]] = []      # (line, sentence)
        self.suggested = 0

    @functools.cached_property
    def entries(self) -> dict[Path, Entry]:
        """Every key; only who has to suggest one looks: with all its sections this is half of the time that a start spends on its settings."""
        return {entry.path: entry for entry in describe(self.cls)}

    def section(self, cls: type, data: Any, path: Path, within: Any) -> Any:
        """The instance, None when a problem was found in it. `within`: what its owner has by default, where that is not the class's own."""
        if data is None:
            data = {}
        if not isinstance(data, Mapping):
            self.problem(path, f"is {_show(data)}, but must be a section with keys under it")
            return None
        fields = {f.name: f for f in dataclasses.fields(cls)}
        if not data:                             # nothing to look at: it is what its owner or its class says
            if within is not None:
                return within
            if not any(_required(f) for f in fields.values()):
                return self.made(cls, {}, path)
        before = len(self.problems)
        for key, value in data.items():
            if key not in fields:
                self.unknown((*path, str(key)), value)
        hints = typing.get_type_hints(cls)       # compiles each annotation: only of sections that somebody has written something into
        values: dict[str, Any] = {}
        for name in fields:
            if name not in data and within is None and not _required(fields[name]):
                continue                         # its class knows
            here, kind, default = (*path, name), hints[name], _default(fields[name], within)
            if name not in data and default is not REQUIRED:
                values[name] = default
            elif dataclasses.is_dataclass(kind):
                values[name] = self.section(kind, data.get(name), here, None if default is REQUIRED else default)
            elif name in data:
                values[name] = self.value(kind, data[name], _entry(fields[name], here, kind, default))
            else:
                self.problem(here, f"is missing; it needs {_entry(fields[name], here, kind, REQUIRED).allowed()}")
        return None if len(self.problems) > before else self.made(cls, values, path)

    def made(self, cls: type, values: dict[str, Any], path: Path) -> Any:
        """None when rules between its keys are broken."""
        try:
            return cls(**values)
        except ValueError as error:
            self.problem(path, str(error))
            return None

    def value(self, kind: Any, value: Any, entry: Entry) -> Any:
        """The value as the field wants it; what is wrong becomes a problem and the value stays as it is."""
        kind, optional = _without_none(kind)
        if value is None and optional:
            return None
        items = _item_type(kind)
        if items is None:
            complaint = _complaint(kind, value, entry, entry.allowed())
            if complaint:
                self.problem(entry.path, complaint)
                return value
            return float(value) if kind is float else value
        if not isinstance(value, (list, tuple)):
            self.problem(entry.path, f"is {_show(value)}, but must be {entry.allowed()}{_quote_hint(kind, value)}")
            return value
        out = []
        for index, item in enumerate(value):
            complaint = _complaint(items, item, entry, _allowed(items, entry))
            if complaint:
                self.problem(entry.path, f"has an item {index + 1} that {complaint}")
            else:
                out.append(float(item) if items is float else item)
        return tuple(out) if typing.get_origin(kind) is tuple else out

    def unknown(self, path: Path, value: Any) -> None:
        """Name the nearest right key: same name with another unit, same name in another section, or a likeness."""
        text = f"is {_show(value)}, but there is no such key"
        self.suggested += 1
        if self.suggested <= MAX_SUGGESTIONS:
            text += self.suggestion(path)
        self.problem(path, text)

    def suggestion(self, path: Path) -> str:
        import difflib                           # for who has made a mistake
        section, key = path[:-1], path[-1]
        siblings = sorted({p[len(section)] for p in self.entries if len(p) > len(section) and p[:len(section)] == section})
        for known in siblings:
            entry = self.entries.get((*section, known))
            if entry is not None and _other_unit(key, known):
                return f"; the key is {entry.key} and counts in {entry.unit or known.rsplit('_', 1)[1]} ({entry.allowed()})"
        nearest = difflib.get_close_matches(key, siblings, 1, 0.6)
        if nearest and difflib.SequenceMatcher(None, key, nearest[0]).ratio() >= 0.8:
            return self.did_you_mean((*section, nearest[0]))
        for entry in self.entries.values():
            if entry.path[-1] == key or (len(entry.path) > 1 and key in entry.path[:-1]):
                return self.did_you_mean(entry.path[:entry.path.index(key) + 1])
        if nearest:
            return self.did_you_mean((*section, nearest[0]))
        elsewhere = difflib.get_close_matches(key, [e.path[-1] for e in self.entries.values()], 1, 0.8)
        if elsewhere:
            return self.did_you_mean(next(p for p in self.entries if p[-1] == elsewhere[0]))
        return f"; {dotted(section)} knows {', '.join(siblings)}"

    def did_you_mean(self, path: Path) -> str:
        entry = self.entries.get(path)
        what = entry.allowed() if entry else "a section"
        return f"; did you mean {dotted(path)} ({what})?"

    def problem(self, path: Path, text: str) -> None:
        line = next((self.lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self.lines), None)
        where = f"{self.source} line {line}" if line else self.source
        sentence = f"{where}: {dotted(path)} {text}"
        self.problems.append((line or 0, sentence if sentence.endswith("?") else sentence + "."))


def _without_none(kind: Any) -> tuple[Any, bool]:
    """(`float | None`) -> (float, True)."""
    if isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union:
        args = [a for a in typing.get_args(kind) if a is not type(None)]
        return args[0], len(args) < len(typing.get_args(kind))
    return kind, False


def _item_type(kind: Any) -> Any:
    """Type of the items of a list or tuple type, None for a scalar."""
    if typing.get_origin(kind) in (list, tuple):
        return typing.get_args(kind)[0]
    return None


def _other_unit(key: str, known: str) -> bool:
    """True when the two names differ only in a unit at the end."""
    stem, _, suffix = known.rpartition("_")
    if not stem or suffix not in UNITS:
        return False
    other, _, other_suffix = key.rpartition("_")
    return key == stem or (other == stem and other_suffix.lower() in UNITS)


_NOUNS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
_PLURALS = {bool: "true or false", int: "whole numbers", float: "numbers", str: "texts"}


def _allowed(kind: Any, entry: Entry) -> str:
    kind, optional = _without_none(kind)
    items = _item_type(kind)
    if entry.choices is not None:
        what = "one of " + ", ".join(entry.choices)
    else:
        what = (_PLURALS[items] if items else _NOUNS[kind]) + _bounds(entry)
    if items:
        what = f"a list of {what}" if entry.choices is None else f"a list; each item {what}"
    return what + (", or null" if optional else "")


def _bounds(entry: Entry) -> str:
    """Range and unit in words with a leading blank, empty when there are none."""
    low, high, unit = entry.low, entry.high, f" {entry.unit}" if entry.unit else ""
    if low is not None and high is not None:
        return f" from {low} to {high}{unit}"
    if low is not None:
        return f" of at least {low}{unit}"
    if high is not None:
        return f" of at most {high}{unit}"
    return f" in{unit}" if unit else ""


def _complaint(kind: Any, value: Any, entry: Entry, allowed: str) -> str:
    """What is wrong with a scalar, empty when nothing is."""
    wrong = f"is {_show(value)}, but must be {allowed}"
    if kind is bool or kind is str:
        if not isinstance(value, kind):
            return wrong + _quote_hint(kind, value)
    elif isinstance(value, bool) or not isinstance(value, (int, float) if kind is float else int):
        return wrong + _quote_hint(kind, value)
    elif not math.isfinite(value) if isinstance(value, float) else abs(value) >= 1 << 63:
        return wrong
    if entry.choices is not None and value not in entry.choices:
        import difflib
        nearest = difflib.get_close_matches(str(value)[:SHOWN], entry.choices, 1)
        return wrong + (f" (nearest: {nearest[0]})" if nearest else "")
    if entry.low is not None and value < entry.low or entry.high is not None and value > entry.high:
        return wrong
    return ""


def _quote_hint(kind: Any, value: Any) -> str:
    """The usual accidents of YAML: unquoted words that are truth values, quoted numbers, a unit behind the number."""
    if value is None:
        return "; leave the key out for its default"
    if kind is str and isinstance(value, (bool, int, float)):
        return "; put it in quotes"
    if kind in (int, float) and isinstance(value, str):
        return "; write only the number, without quotes and without its unit"
    return ""


def _show(value: Any) -> str:
    """A wrong value, short enough for one line."""
    if isinstance(value, Mapping):
        return "a section"
    if isinstance(value, int) and abs(value) >= 1 << 63:
        return "a number beyond 64 bit"      # not printed: CPython refuses to format very long ones
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = repr(value[:SHOWN]) if isinstance(value, (str, list, tuple)) else repr(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."
