"""The pairings: who plays the car, who the charger, with which configuration, and what must have happened."""
from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Iterable

OURS = "ours"
PEER = "iso15118"
PEV, EVSE, PYSLAC = "pev", "evse", "pyslac"
"""Programs of the matchings: two of open-plc-utils, one of PyPI."""

DIN, ISO2 = "DIN_SPEC_70121", "ISO_15118_2"
"""Names of the protocols as iso15118 has them."""
DC, AC = "DC_extended", "AC_three_phase_core"

SHORT_CHARGE = ("--soc-start", "90", "--soc-stop", "91", "--battery-kwh", "2")
"""20 Wh: some seconds of CurrentDemand in real time."""


LONGER_CHARGE = ("--soc-start", "90", "--soc-stop", "92", "--battery-kwh", "2")
"""40 Wh: time enough to press a key in the middle."""


@dataclass(frozen=True, slots=True)
class Key:
    """A person at our box `role` (pev, evse): `key`, so many seconds after its journal has said `words`."""

    role: str
    words: str
    seconds: float
    key: str


@dataclass(frozen=True, slots=True)
class Case:
    """One pairing. `requests` and `homeplug` are the least that a complete session shows on the wire.

    `told`: words that our journals must have; `sessions`: that the peer must have seen to their end.
    """

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
    keys: tuple[Key, ...] = ()
    told: tuple[str, ...] = ()
    sessions: int = 1
    kernel: bool = False     # the operating system's IPv6 is on at our ends too, as on a system that nobody has prepared


CASES = (
    Case("harness", "EVCC and SECC of iso15118: tells whether the harness itself works here", PEER, PEER),
    Case("two-processes", "our car and our charger, SLAC by emulated modems, in real time", OURS, OURS, "emulated.yaml", homeplug=30),
    Case("pev-secc", "our car at the SECC of iso15118", OURS, PEER, "assume_link.yaml"),
    Case("evcc-evse", "the EVCC of iso15118 at our charger", PEER, OURS, "assume_link.yaml"),
    Case("pev-secc-iso2", "our car at the SECC of iso15118, ISO 15118-2 DC", OURS, PEER, "iso2.yaml", protocol=ISO2),
    Case("evcc-evse-iso2", "the EVCC of iso15118 at our charger, ISO 15118-2 DC", PEER, OURS, "iso2.yaml", protocol=ISO2),
    Case("pev-secc-ac", "our car at the SECC of iso15118, ISO 15118-2 AC, stopped by the charger", OURS, PEER, "iso2_ac.yaml", requests=12,
         protocol=ISO2, transfer=AC),
    Case("evcc-evse-ac", "the EVCC of iso15118 at our charger, ISO 15118-2 AC", PEER, OURS, "iso2_ac.yaml", requests=12, protocol=ISO2, transfer=AC),
    Case("pev-secc-pause", "our car pauses at the SECC of iso15118 and takes its session up again, by key", OURS, PEER, "iso2.yaml", requests=40,
         charge=LONGER_CHARGE, protocol=ISO2, keys=(Key("pev", "-> CurrentDemand", 2.0, "p"), Key("pev", "-> Paused", 3.0, "s")),
         told=("old session joined",), sessions=2),
    Case("evcc-evse-reneg", "our charger is turned down by key, and the EVCC of iso15118 renegotiates; AC, for in DC it does not listen", PEER, OURS,
         "iso2_ac.yaml", requests=15, protocol=ISO2, transfer=AC, keys=(Key("evse", "-> ChargingStatus", 0.0, "-"),),
         told=("-> Renegotiation", "-> PowerDeliveryRestart")),
    Case("two-kernel-off", "as two-processes where the operating system's IPv6 is on: it is switched off", OURS, OURS, "emulated.yaml", homeplug=30,
         kernel=True, told=("switched the operating system's IPv6 off",)),
    Case("two-kernel-left", "the same where it must stay: another address is taken, and the remedy told", OURS, OURS, "kernel_left.yaml", homeplug=30,
         kernel=True, told=("the operating system has our address", "sysctl -w net.ipv6.conf.")),
    Case("two-iso2", "our car and our charger, ISO 15118-2 DC, SLAC by emulated modems, in real time", OURS, OURS, "iso2_emulated.yaml", homeplug=30),
)


@dataclass(frozen=True, slots=True)
class SlacCase:
    """A matching alone. `program`: whose SLAC it is, ours plays the other role. `loss`: percent of the frames that the power line between them loses."""

    name: str
    about: str
    program: str
    loss: float = 0.0
    seed: int = 1
    homeplug: int = 18       # frames of a whole matching on the wire


SLAC_CASES = (
    SlacCase("slac-pev", "the car `pev` of open-plc-utils matches with our charger", PEV),
    SlacCase("slac-evse", "our car matches with the charger `evse` of open-plc-utils", EVSE),
    SlacCase("slac-pyslac", "our car matches with the charger of pyslac", PYSLAC),
    SlacCase("slac-pev-loss", "as slac-pev over a power line that loses 5 % of the frames: the matching begins anew", PEV, loss=5.0, seed=5),
    SlacCase("slac-evse-loss", "as slac-evse over a power line that loses 5 % of the frames: the matching begins anew", EVSE, loss=5.0, seed=5),
)
ALL = (*CASES, *SLAC_CASES)


def chosen(patterns: Iterable[str]) -> list[Case | SlacCase]:
    """The cases that one of the patterns names (`*` and `?` as in file names), in the order of the table; all without patterns. ValueError for a
    pattern that names none."""
    patterns = list(patterns)
    for pattern in patterns:
        if not any(fnmatchcase(case.name, pattern) for case in ALL):
            raise ValueError(f"no case is named {pattern!r}; --list shows them")
    return [case for case in ALL if not patterns or any(fnmatchcase(case.name, pattern) for pattern in patterns)]


EVCC_LOOPS = 12
EVCC_PAUSE_S = 0
