"""Settings as YAML that people read and the loader reads back equal: one key per line, what it means beside it."""
from __future__ import annotations

import dataclasses
from typing import Any, Iterator

from kernel.settings import Entry, Path, describe

WIDTH = 120              # --print-config: longer lines put their comment above the key
INDENT = "  "
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-./")
_YAML_WORDS = frozenset("y n yes no on off true false null".split())     # plain scalars that YAML 1.1 does not read as text


def dump(instance: Any) -> str:
    """The settings in force as YAML that reads back equal: one `key: value  # range: meaning` per line, sections with their docstring above.

    What repeats within a section (ten pins) is explained the first time.
    """
    entries = {entry.path: entry for entry in describe(type(instance))}
    return "\n".join(_section(instance, (), entries, set())) + "\n"


def _section(instance: Any, path: Path, entries: dict[Path, Entry], told: set) -> Iterator[str]:
    indent = INDENT * len(path)
    for f in dataclasses.fields(instance):
        value, here = getattr(instance, f.name), (*path, f.name)
        if dataclasses.is_dataclass(value):
            if not path:
                yield ""
                told = set()
            about = (type(value).__doc__ or "").strip().split("\n")[0]
            if about and not about.startswith(type(value).__name__ + "(") and type(value) not in told:      # the docstring dataclass makes by itself
                yield f"{indent}# {about}"
            told.add(type(value))
            if f.metadata.get("meaning"):
                yield from _wrapped(f.metadata["meaning"], indent)
            body = list(_section(value, here, entries, told))
            yield f"{indent}{f.name}:" + ("" if body else " {}")
            yield from body
            continue
        entry, line = entries[here], f"{indent}{f.name}: {scalar(value)}"
        if (type(instance), f.name) in told:
            yield line
            continue
        told.add((type(instance), f.name))
        comment = "# " + entry.brief() + (f": {entry.meaning}" if entry.meaning else "")
        if len(line) + 2 + len(comment) <= WIDTH:
            yield f"{line}  {comment}"
        else:
            yield from _wrapped(comment[2:], indent)
            yield line


def _wrapped(text: str, indent: str) -> Iterator[str]:
    """Comment lines of at most WIDTH columns."""
    line = f"{indent}#"
    for word in text.split():
        if len(line) + 1 + len(word) > WIDTH and not line.endswith("#"):
            yield line
            line = f"{indent}#"
        line += " " + word
    yield line


def scalar(value: Any) -> str:
    """A value as YAML 1.1 reads it back: numbers with a point, text quoted unless it is a plain word."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(scalar(item) for item in value) + "]"
    if isinstance(value, float):
        mantissa, e, exponent = repr(value).partition("e")
        return mantissa + (".0" if e and "." not in mantissa else "") + e + exponent
    if isinstance(value, int):
        return str(value)
    if value and value[0].isalpha() and _PLAIN.issuperset(value) and value not in _YAML_WORDS:
        return value
    return '"' + "".join(_escaped(c) for c in value) + '"'


def _escaped(c: str) -> str:
    if c in '"\\':
        return "\\" + c
    return c if c.isprintable() else f"\\U{ord(c):08X}"
