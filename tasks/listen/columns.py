"""What the SECC log's columns are, and how a name or an address of somebody stands in them."""
from __future__ import annotations

from tasks.listen.lines import printable
from tasks.listen.values import mac_text

SECC_LOG = ("time", "secc_mac", "modem_mac", "car_mac", "attenuation_db", "nid", "protocol", "evseid", "evccid", "reached", "end")
"""Columns of the SECC log; the time is put in front by what writes the file."""
MAX_FIELD = 200              # characters; an EVSEID has at most 37
_FORMULA = ("=", "+", "-", "@")          # a spreadsheet would take such a field for a formula


def field(text: str) -> str:
    """Text from the wire that a terminal and a spreadsheet may show: no control characters, nothing that is a formula."""
    text = printable(text)[:MAX_FIELD]
    return "'" + text if text.startswith(_FORMULA) else text


def mac(octets: bytes) -> str:
    return mac_text(octets) if octets else ""


def id_text(octets: bytes | str, maybe_text: bool = True) -> str:
    """An EVSEID or EVCCID as text where it is text, else as hexadecimal digits."""
    if isinstance(octets, str):
        return octets
    if maybe_text and octets and all(0x20 <= octet < 0x7F for octet in octets):
        return octets.decode("ascii")
    return octets.hex()
