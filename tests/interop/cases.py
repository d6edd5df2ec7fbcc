"""The pairings: who plays the car, who the charger, with which configuration, and what must have happened."""
from __future__ import annotations

from dataclasses import dataclass

OURS = "ours"
PEER = "iso15118"


DIN, ISO2 = "DIN_SPEC_70121", "ISO_15118_2"
"""Names of the protocols as iso15118 has them."""
DC, AC = "DC_extended", "AC_three_phase_core"

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
    protocol: str = DIN      # of the peer
    transfer: str = DC       # energy transfer mode of a peer's car


CASES = (
    Case("harness", "EVCC and SECC of iso15118: tells whether the harness itself works here", PEER, PEER),
    Case("two-processes", "our car and our charger, SLAC by emulated modems, in real time", OURS, OURS, "emulated.yaml", homeplug=30),
    Case("pev-secc", "our car at the SECC of iso15118", OURS, PEER, "assume_link.yaml"),
    Case("evcc-evse", "the EVCC of iso15118 at our charger", PEER, OURS, "assume_link.yaml"),
    Case("pev-secc-iso2", "our car at the SECC of iso15118, ISO 15118-2 DC", OURS, PEER, "iso2.yaml", protocol=ISO2),
    Case("evcc-evse-iso2", "the EVCC of iso15118 at our charger, ISO 15118-2 DC", PEER, OURS, "iso2.yaml", protocol=ISO2),
    Case("pev-secc-ac", "our car at the SECC of iso15118, ISO 15118-2 AC, stopped by the charger", OURS, PEER, "iso2_ac.yaml", requests=12, protocol=ISO2, transfer=AC),
    Case("evcc-evse-ac", "the EVCC of iso15118 at our charger, ISO 15118-2 AC", PEER, OURS, "iso2_ac.yaml", requests=12, protocol=ISO2, transfer=AC),
    Case("two-iso2", "our car and our charger, ISO 15118-2 DC, SLAC by emulated modems, in real time", OURS, OURS, "iso2_emulated.yaml", homeplug=30),
)

EVCC_LOOPS = 20
EVCC_PAUSE_S = 0
