"""Messages as indented text: one line per value, what a person wants to know beside it as a comment."""
from __future__ import annotations

from enum import Enum
from typing import Any, Iterator

from tasks.listen.lines import listed, printable
from tasks.listen.values import is_physical, physical, plain
from tools.exi.names import Names

INDENT = "  "
COMMENT_COLUMN = 56
#: Octets of a binary value, or characters of a text, that are shown; the rest is counted (--full shows all).
SHOWN = 48
#: Fewer octets than this that happen to be letters are no text.
LEAST_TEXT = 2


class TextForm:
    """Writes messages of one schema; `full`: long values are not cut."""

    def __init__(self, names: Names, full: bool = False) -> None:
        self._names = names
        self._shown = None if full else SHOWN

    def lines(self, message: Any, root: str) -> Iterator[str]:
        yield from self._record(message, root, "")

    def _record(self, value: Any, key: str, indent: str) -> Iterator[str]:
        comment = ""
        if is_physical(value):
            known = physical(value, key)
            comment = f"{known['value']} {known['unit']}".rstrip()
        yield _line(f"{indent}{key}", comment)
        for member, item in self._names.present(value):
            if member.row.many:
                for number, one in enumerate(item):
                    yield from self._item(one, f"{member.key}[{number}]", indent + INDENT)
            else:
                yield from self._item(item, member.key, indent + INDENT)

    def _item(self, item: Any, key: str, indent: str) -> Iterator[str]:
        if type(item) in self._names.fields:
            yield from self._record(item, key, indent)
            return
        text, comment = self.value(item)
        yield _line(f"{indent}{key}: {text}", comment)

    def value(self, item: Any) -> tuple[str, str]:
        """A value and the remark about it: letters behind octets, the length of what was cut."""
        if isinstance(item, Enum):
            return str(item.value), ""
        if isinstance(item, bool):
            return ("true" if item else "false"), ""
        if isinstance(item, bytes):
            cut = item if self._shown is None else item[:self._shown]
            more = f"{len(item)} octets" if len(cut) < len(item) or not item else ""
            letters = item.decode("ascii", "replace")
            if not more and len(item) >= LEAST_TEXT and letters.isascii() and letters.isprintable():
                return cut.hex(), f'"{letters}"'
            return cut.hex() + ("..." if len(cut) < len(item) else ""), more
        if isinstance(item, str):
            cut_text = item if self._shown is None else item[:2 * self._shown]
            more = f"{len(item)} characters" if len(cut_text) < len(item) else "empty" if not item else ""
            return printable(cut_text) + ("..." if len(cut_text) < len(item) else ""), more
        return (str(item) if item.bit_length() <= 512 else hex(item)), ""


def one_line(message: Any) -> str:
    """The values that matter in one line, as the listener writes them (tasks.listen.lines); the header is left out."""
    element = getattr(getattr(message, "Body", None), "BodyElement", None)
    values = plain(message if element is None else element, "")
    values.pop("Header", None)
    return listed(values)


def _line(text: str, comment: str) -> str:
    return f"{text:<{COMMENT_COLUMN - 2}}  # {comment}" if comment else text
