"""Messages as JSON and back: element names as keys, octets as hexadecimal text, enumerations as the standard's words."""
from __future__ import annotations

from difflib import get_close_matches
from enum import Enum
from typing import Any

from exi_native.tape import FieldRow
from tools.exi.names import Member, Names

#: Integers of more bits than this are written as "0x..." text, because Python limits decimal text to 4300 digits.
MAX_DECIMAL_BITS = 8192
#: Characters of a wrong value that an error repeats.
MAX_SHOWN = 60


class WrongJson(ValueError):
    """JSON that is no message; `path` is the place ($.V2G_Message.Body), the sentence says what was expected there."""

    def __init__(self, path: str, sentence: str) -> None:
        self.path = path
        super().__init__(f"{path}: {sentence}")


def to_json(message: Any, root: str, names: Names) -> dict[str, Any]:
    """{"V2G_Message": {...}}: the message under the name of its root element."""
    return {root: _plain(message, names)}


def _plain(value: Any, names: Names) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    if isinstance(value, list):
        return [_plain(item, names) for item in value]
    if type(value) in names.fields:
        return {member.key: _plain(item, names) for member, item in names.present(value)}
    if isinstance(value, int) and value.bit_length() > MAX_DECIMAL_BITS:
        return hex(value)
    return value


def from_json(document: Any, names: Names, fragment: bool = False) -> tuple[Any, str]:
    """The message in a JSON document and the name of its root element. Raises WrongJson."""
    roots = names.fragments if fragment else names.documents
    if not isinstance(document, dict) or len(document) != 1:
        raise WrongJson("$", f"expected an object with one key, the root element (such as {_example(roots)}), not {_shown(document)}")
    (root, content), = document.items()
    if root not in roots:
        raise WrongJson("$", f"{root!r} is no root element of schema {names.schema}{_nearest(root, roots)}")
    return _record(content, roots[root], f"$.{root}", names), root


def _record(content: Any, cls: type, path: str, names: Names) -> Any:
    if not isinstance(content, dict):
        raise WrongJson(path, f"expected an object, not {_shown(content)}")
    members = {member.key: member for member in names.members(cls)}
    values: dict[str, Any] = {}
    given: dict[str, str] = {}
    for key, item in content.items():
        member = members.get(key)
        if member is None:
            raise WrongJson(f"{path}.{key}", f"not an element or attribute that may stand here{_nearest(key, members)}")
        if item is None:                             # null is the same as left out
            continue
        field = member.row.name
        if field in given:
            raise WrongJson(f"{path}.{key}", f"only one of {given[field]} and {key} may be given")
        given[field] = key
        values[field] = _field(item, member, f"{path}.{key}", names)
    for row in names.fields[cls]:
        if row.name not in values:
            if row.required:
                raise WrongJson(path, f"{_missing(row, names)} is missing")
            values[row.name] = [] if row.many else None
    return cls(**values)


def _field(item: Any, member: Member, path: str, names: Names) -> Any:
    row = member.row
    if not row.many:
        return _value(item, row, member.cls, path, names)
    if not isinstance(item, list):
        raise WrongJson(path, f"expected a list, not {_shown(item)}")
    if row.required and not item:
        raise WrongJson(path, "expected at least one item")
    return [_value(one, row, None, f"{path}[{number}]", names) for number, one in enumerate(item)]


def _value(item: Any, row: FieldRow, cls: type | None, path: str, names: Names) -> Any:
    if row.kind == "record":
        return _record(item, row.classes[0] if cls is None else cls, path, names)
    if row.kind == "enumeration":
        return _word(item, row.classes[0], path)
    if row.kind == "boolean":
        if not isinstance(item, bool):
            raise WrongJson(path, f"expected true or false, not {_shown(item)}")
        return item
    if row.kind == "integer":
        return _integer(item, row, path)
    if not isinstance(item, str):
        raise WrongJson(path, f"expected {'octets as hexadecimal text' if row.kind == 'binary' else 'text'}, not {_shown(item)}")
    value: str | bytes = item
    if row.kind == "binary":
        try:
            value = bytes.fromhex(item)
        except ValueError:
            raise WrongJson(path, f"expected octets as hexadecimal text, two digits each, not {_shown(item)}") from None
    unit = "octets" if row.kind == "binary" else "characters"
    if row.low is not None and len(value) < row.low or row.high is not None and len(value) > row.high:
        raise WrongJson(path, f"{len(value)} {unit}, allowed are {_range(row)}")
    return value


def _word(item: Any, cls: type, path: str) -> Any:
    words = {member.value: member for member in cls}  # type: ignore[attr-defined]
    if not isinstance(item, str) or item not in words:
        raise WrongJson(path, f"{_shown(item)} is not one of the words of the schema{_nearest(item, words)}")
    return words[item]


def _integer(item: Any, row: FieldRow, path: str) -> int:
    if isinstance(item, str) and item.removeprefix("-").startswith("0x"):
        try:
            item = int(item, 16)
        except ValueError:
            raise WrongJson(path, f"expected an integer, not {_shown(item)}") from None
    if isinstance(item, bool) or not isinstance(item, int):
        raise WrongJson(path, f"expected an integer, not {_shown(item)}")
    if row.low is not None and item < row.low or row.high is not None and item > row.high:
        raise WrongJson(path, f"{_shown(item)} is out of range, allowed are {_range(row)}")
    return item


def _missing(row: FieldRow, names: Names) -> str:
    """What a mandatory field is called: its key, or the keys of which one must be there."""
    if row.kind != "record" or len(row.classes) == 1 or row.many:
        return row.name
    keys = [names.element(cls) for cls in row.classes]
    return keys[0] if len(keys) == 1 else f"one of {', '.join(keys)}"


def _nearest(word: Any, known: Any) -> str:
    """What may have been meant, or everything that is possible when that is short."""
    close = get_close_matches(str(word), list(known), n=1)
    if close:
        return f"; did you mean {close[0]}?"
    listed = ", ".join(known)
    if not listed:
        return "; nothing may stand here"
    return f"; possible: {listed if len(listed) <= 8 * MAX_SHOWN else listed[:8 * MAX_SHOWN] + ' ...'}"


def _example(roots: dict[str, type]) -> str:
    return next((name for name in ("V2G_Message", *roots) if name in roots), "?")


def _range(row: FieldRow) -> str:
    if row.high is None:
        return f"at least {row.low}"
    return f"{'at most' if row.low is None else f'{row.low} ..'} {row.high}"


def _shown(value: Any) -> str:
    if isinstance(value, int) and value.bit_length() > MAX_DECIMAL_BITS:
        return f"an integer of {value.bit_length()} bits"
    kind = {dict: "an object", list: "a list"}.get(type(value))
    if kind is not None:
        return kind if value else f"{kind} without content"
    if isinstance(value, str):
        text = ascii(value)
    else:
        text = "null" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "..."
