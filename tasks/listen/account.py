"""One session as a person files it: a row of the SECC log, and everything about it as a plain dictionary for programs."""
from __future__ import annotations

from dataclasses import asdict
from typing import Any

from kernel.timer import S
from tasks.listen.columns import field, id_text, mac
from tasks.listen.readings import Readings
from tasks.listen.session import Session
from tasks.listen.verdict import stop_reason


def secc_row(session: Session, modem: bytes, last: int) -> list[str]:
    """The columns of SECC_LOG after the time. `modem`: the charger's modem where its raw attenuation was heard, else b""."""
    return [field(text) for text in (
        mac(session.charger), mac(modem), mac(session.car), "" if session.attenuation is None else f"{session.attenuation:.1f}",
        session.nid.hex(), session.protocol, id_text(session.evseid), id_text(session.evccid, False), session.reached, stop_reason(session, last))]


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
