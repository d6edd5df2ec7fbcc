"""Defects that the matrix has found and that are not mended yet: pattern of the case's name -> what is wrong."""
from __future__ import annotations

KNOWN: dict[str, str] = {
    r"\+charger-stage-stuck-on$": "unlocks at a first sample below 60 V while the inlet's voltage rises, and does not lock again",
}
