"""The V2G protocols that can be agreed: how the handshake names them and which schema codes them."""
from __future__ import annotations

from dataclasses import replace

from kernel.record import dataclass


@dataclass(frozen=True, slots=True)
class Protocol:
    """One row. `schema_id` is what our car calls it in its offer; a charger echoes what it was offered."""

    key: str                 # in the configuration
    text: str
    schema: str              # of the codec
    namespace: str
    major: int
    minor: int
    schema_id: int


DIN = Protocol("din", "DIN 70121", "DIN", "urn:din:70121:2012:MsgDef", 2, 0, 1)            # version as an Ioniq offers it
ISO2 = Protocol("iso2", "ISO 15118-2", "ISO2", "urn:iso:15118:2:2013:MsgDef", 2, 0, 2)     # version as Polestar and BMW offer it (exi sheet 2.1)
PROTOCOLS = {p.key: p for p in (DIN, ISO2)}


def chosen(keys: list[str], ac: bool = False, **schema_ids: int) -> tuple[Protocol, ...]:
    """The protocols of a configuration, in its order, each once; for `ac` alone without DIN 70121, which has DC only.

    `schema_ids`: by key, what our car calls them.
    """
    spoken = [PROTOCOLS[key] for key in dict.fromkeys(keys) if not ac or key != DIN.key]
    return tuple(p if schema_ids.get(p.key, p.schema_id) == p.schema_id else replace(p, schema_id=schema_ids[p.key]) for p in spoken)
