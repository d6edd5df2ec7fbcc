"""One session as a person files it: a row of the SECC log, and everything about it as a plain dictionary for programs."""
from __future__ import annotations

from dataclasses import asdict
from typing import Any

from kernel.timer import S
from tasks.listen.lines import printable
from tasks.listen.readings import Readings
from tasks.listen.session import Session
from tasks.listen.values import mac_text
from tasks.listen.verdict import stop_reason

SECC_LOG = ("time", "secc_mac", "modem_mac", "car_mac", "attenuation_db", "nid", "protocol", "evseid", "evccid", "reached", "end")
"""Columns of the SECC log; the time is put in front by what writes the file."""
MAX_FIELD = 200              # characters; an EVSEID has at most 37
_FORMULA = ("=", "+", "-", "@")          # a spreadsheet would take such a field for a formula


def secc_row(session: Session, modem: bytes, last: int) -> list[str]:
    """The columns of SECC_LOG after the time. `modem`: the charger's modem where its raw attenuation was heard, else b""."""
    return [field(text) for text in (
        mac(session.charger), mac(modem), mac(session.car), "" if session.attenuation is None else f"{session.attenuation:.1f}",
        session.nid.hex(), session.protocol, id_text(session.evseid), id_text(session.evccid, False), session.reached, stop_reason(session, last))]


def field(text: str) -> str:
    """Text from the wire that a terminal and a spreadsheet may show: no control characters, nothing that is a formula."""
    text = printable(text)[:MAX_FIELD]
    return "'" + text if text.startswith(_FORMULA) else text


def mac(octets: bytes) -> str:
    return mac_text(octets) if octets else ""


def session_dict(s: Session, first: int, last: int, r: Readings | None = None) -> dict[str, Any]:
    """Times in s since `first`, absent values None. `last`: time of the last frame heard. `r`: its readings, V, A, W, Wh."""
    values: dict[str, Any] = {} if r is None else {
        "energy_wh": r.energy, "car_limits": asdict(r.car), "charger_limits": asdict(r.charger), "isolation": r.isolation or None,
        "limited_by": {f"{side.value if side else 'neither'}: {by}": count for (side, by), count in r.judged.items()}, "troubles": list(r.troubles),
    }
    return values | {
        "number": s.number, "start_s": (s.start - first) / S, "duration_s": (s.end - s.start) / S,
        "car": mac(s.car) or None, "charger": mac(s.charger) or None, "protocol": s.protocol or None,
        "evccid": id_text(s.evccid, False) or None, "evseid": id_text(s.evseid) or None, "session_id": s.session_id.hex() or None,
        "attenuation_db": s.attenuation, "nid": s.nid.hex() or None,
        "phases": [{"name": p.name, "start_s": (p.start - s.start) / S, "duration_s": (p.end - p.start) / S, "messages": p.messages}
                   for p in s.phases],
        "soc_first": s.soc_first, "soc_last": s.soc_last, "voltage_max_v": s.voltage_max, "voltage_last_v": s.voltage_last,
        "current_max_a": s.current_max, "remarks": s.remarks, "reached": s.reached, "ended": stop_reason(s, last),
    }


def id_text(octets: bytes | str, maybe_text: bool = True) -> str:
    """An EVSEID or EVCCID as text where it is text, else as hexadecimal digits."""
    if isinstance(octets, str):
        return octets
    if maybe_text and octets and all(0x20 <= octet < 0x7F for octet in octets):
        return octets.decode("ascii")
    return octets.hex()
