"""Defects that the matrix has found and that are not mended yet: pattern of the case's name -> what is wrong."""
from __future__ import annotations

KNOWN: dict[str, str] = {
    r"charger-stage-too-high": "closes on a rising voltage: a charger that regulates far too high ramps through the match window, 20.2 V at contact (S1: 20 V)",
}
