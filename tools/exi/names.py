"""What the schemas call things: the element names below and above the classes of exi_native.messages."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterator

from exi_native.generated import tape_of
from exi_native.tape import FieldRow


@dataclass(frozen=True, slots=True)
class Member:
    """One key of the readable forms: the field, and the class when the field holds one of several (a substitution group)."""

    key: str
    row: FieldRow
    cls: type | None


class Names:
    """The tables of one schema (exi_native/generated), turned so that names of elements lead to fields and back."""

    def __init__(self, schema: str) -> None:
        tape = tape_of(schema)
        self.schema = schema
        self.fields: dict[type, tuple[FieldRow, ...]] = dict(tape.FIELDS)
        #: global elements that have a class, by name
        self.documents = {name: tape.FIELDS[record][0] for name, record in tape.DOCUMENT if record}
        self.fragments = {name: tape.FIELDS[record][0] for name, record in tape.FRAGMENT if record}
        self._elements: dict[type, str] = {}
        for name, cls in self.documents.items():
            if cls not in self._elements or name == cls.__name__:
                self._elements[cls] = name
        self._members: dict[type, tuple[Member, ...]] = {}

    def element(self, cls: type) -> str:
        """The global element of a class; where several share it, the one with the name of the class."""
        return self._elements.get(cls, cls.__name__)

    def members(self, cls: type) -> tuple[Member, ...]:
        """The keys that an object of the class can have, in the order of the schema."""
        known = self._members.get(cls)
        if known is None:
            known = tuple(member for row in self.fields[cls] for member in self._of(row))
            self._members[cls] = known
        return known

    def present(self, value: Any) -> Iterator[tuple[Member, Any]]:
        """The keys that this object has, with their values; absent fields and empty lists are left out."""
        for member in self.members(type(value)):
            item = getattr(value, member.row.name)
            if item is None or member.row.many and not item:
                continue
            if member.cls is None or type(item) is member.cls:
                yield member, item

    def is_message(self, root: str) -> bool:
        """True for what V2G sends as a whole document: V2G_Message where the schema has it, else requests and responses."""
        if "V2G_Message" in self.documents:
            return root == "V2G_Message"
        return root.endswith(("Req", "Res"))

    def _of(self, row: FieldRow) -> tuple[Member, ...]:
        if row.kind == "record" and len(row.classes) > 1 and not row.many:
            return tuple(Member(self.element(cls), row, cls) for cls in row.classes)
        return (Member(row.name, row, None),)
