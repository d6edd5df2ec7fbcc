"""Two messages field by field: whatever differs is a difference; what to think of it is said in rules.py."""
from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

from tasks.listen.values import plain
from tests.replay.result import Difference

KEY_FIELDS = ("ResponseCode", "SchemaID", "EVSEProcessing", "EVSEStatusCode", "EVSENotification", "EVSEPresentVoltage", "EVSEPresentCurrent",
              "ReadyToChargeState", "ChargeProgress", "EVErrorCode", "EVRESSSOC", "EVTargetVoltage", "EVTargetCurrent", "ChargingComplete",
              "run_id", "num_sounds", "result", "attenuation", "security", "port")
"""What a line of `--answers` shows."""
ABSENT = "-"
INDEX = re.compile(r"\[[0-9]+\]")


def flat(value: Any, path: str = "") -> dict[str, str]:
    """Path -> text. A physical value is one leaf; a number is written the same way whatever its power of ten is."""
    if isinstance(value, dict):
        if value.keys() == {"value", "unit"}:
            return {path: f"{value['value']:g} {value['unit']}".strip()}
        return {p: t for name, item in value.items() for p, t in flat(item, f"{path}.{name}" if path else name).items()}
    if isinstance(value, list):
        return {p: t for n, item in enumerate(value) for p, t in flat(item, f"{path}[{n}]").items()}
    return {path: str(value)}


def exi(body: Any) -> dict[str, str]:
    """The fields of a V2G body or of a handshake message."""
    return flat(plain(body, ""))


def mme(message: Any) -> dict[str, str]:
    """The fields of a management message but for the two addresses of its frame."""
    out = {}
    for each in fields(message):
        value = getattr(message, each.name)
        if each.name == "aag" and value:
            out["attenuation"] = f"{sum(value) / len(value):.1f} dB, {len(value)} groups"
        elif each.name not in ("dst", "src"):
            out[each.name] = value.hex() if isinstance(value, bytes) else str(value)
    return out


def short(values: dict[str, str]) -> str:
    """The key fields among them."""
    return ", ".join(text for path, text in values.items() if path.rpartition(".")[2] in KEY_FIELDS)


def differences(name: str, recorded: dict[str, str], ours: dict[str, str]) -> list[Difference]:
    """Every field that differs or that only one of them has; indices of lists are left out of the field's name."""
    found = []
    for path in dict.fromkeys([*recorded, *ours]):
        a, b = recorded.get(path, ABSENT), ours.get(path, ABSENT)
        if a != b:
            found.append(Difference(f"{name}.{INDEX.sub('', path)}", a, b))
    return found


def number(text: str) -> float | None:
    """The number of a physical value's text, None when it is none."""
    try:
        return float(text.split(" ")[0])
    except ValueError:
        return None
