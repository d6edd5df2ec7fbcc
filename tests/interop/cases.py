"""The pairings: who plays the car, who the charger, with which configuration, and what must have happened."""
from __future__ import annotations

from dataclasses import dataclass

OURS = "ours"
PEER = "iso15118"


SHORT_CHARGE = ("--soc-start", "90", "--soc-stop", "91", "--battery-kwh", "3")
"""30 Wh: some seconds of CurrentDemand in real time."""


@dataclass(frozen=True, slots=True)
class Case:
    """One pairing. `requests` and `homeplug` are the least that a complete session shows on the wire."""

    name: str
    about: str
    pev: str
    evse: str
    config: str = ""
    requests: int = 20       # SupportedAppProtocol to SessionStop with some CurrentDemand between
    homeplug: int = 0
    limit_s: float = 120.0
    charge: tuple[str, ...] = SHORT_CHARGE


CASES = (
    Case("harness", "EVCC and SECC of iso15118: tells whether the harness itself works here", PEER, PEER),
    Case("two-processes", "our car and our charger, SLAC by emulated modems, in real time", OURS, OURS, "emulated.yaml", homeplug=30),
    Case("pev-secc", "our car at the SECC of iso15118", OURS, PEER, "assume_link.yaml"),
    Case("evcc-evse", "the EVCC of iso15118 at our charger", PEER, OURS, "assume_link.yaml"),
)

EVCC_LOOPS = 20
EVCC_PAUSE_S = 0
