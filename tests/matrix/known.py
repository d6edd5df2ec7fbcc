"""Defects that the matrix has found and that are not mended yet: pattern of the case's name -> what is wrong."""
from __future__ import annotations

KNOWN: dict[str, str] = {
    r"charger-stage-too-high": "closes on a rising voltage: a charger that regulates far too high ramps through the match window, 20.2 V at contact (S1: 20 V)",
    r"car-sensors-stale": "unlocks on a voltage that was measured before the shutdown began (up to 500 ms old) while the inlet's rises",
    r"-foreign-mac": "a third station in the network with the peer's address, ports and numbers resets, closes or speaks in the session",
}
