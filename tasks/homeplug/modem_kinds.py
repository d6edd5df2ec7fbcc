"""The kinds of modems and how they differ for their host: which questions they know, and what their answers mean.

Sources: slac-and-network sheet 1.5 (results of CM_SET_KEY), 1.7 (device classes, IDENT), 1.9 and 4.1 (makers), 4.3 (tests of
the link). `Kind` is a fact about a product, not a state: what is known of the own modem now stands in modem_own.py.
"""
from __future__ import annotations

from enum import Enum, auto

from kernel.record import dataclass

QUALCOMM, LUMISSIL = "qualcomm", "lumissil"


class Test(Enum):
    """The questions by which a link can be proven (sheet 4.3), those that name the peer and the rates first."""

    __test__ = False                     # not a test class, whatever pytest thinks of its name

    NW_INFO_MMV0 = auto()
    NW_INFO_MMV1 = auto()
    NW_STATS = auto()                    # CM_NW_STATS, of the standard
    PL_LINK_STATUS = auto()
    D_LINK_STATUS = auto()               # Lumissil: NSCM_GET_D_LINK_STATUS, NSCM_GET_DEVICE_STATE and what it tells by itself
    GET_KEY = auto()                     # broadcast: how many modems answer


QUALCOMM_TESTS = frozenset({Test.NW_INFO_MMV0, Test.NW_INFO_MMV1, Test.PL_LINK_STATUS, Test.NW_STATS, Test.GET_KEY})
NAMES_PEER = frozenset({Test.NW_INFO_MMV0, Test.NW_INFO_MMV1, Test.NW_STATS})
"""Their answers tell the peer's modem and the rates."""


@dataclass(frozen=True, slots=True)
class Kind:
    """`taken`: results of CM_SET_KEY.CNF that mean the modem has the key; every other one is a refusal.

    `doubtful`: of those the ones that the maker's other modems use for a refusal: taken, told, and the link test decides.
    `sleeps`: a station of this kind is silent while it hears no coordinator (sheet 2.8 row 11).
    """

    name: str
    maker: str = ""
    taken: frozenset[int] = frozenset({0, 1})
    doubtful: frozenset[int] = frozenset()
    tests: frozenset[Test] = frozenset({Test.GET_KEY})
    sleeps: bool = False


def _qualcomm(name: str, sleeps: bool = False) -> Kind:
    return Kind(name, QUALCOMM, doubtful=frozenset({0}), tests=QUALCOMM_TESTS, sleeps=sleeps)


QCA7000, QCA7005, QCA7000_FAMILY = _qualcomm("QCA7000", True), _qualcomm("QCA7005", True), _qualcomm("QCA7000/QCA7005", True)
BY_CLASS = {0x03: _qualcomm("INT6400"), 0x04: _qualcomm("AR7400"), 0x20: _qualcomm("QCA7420"), 0x21: _qualcomm("AR6410/QCA7006"),
            0x22: QCA7000_FAMILY, 0x30: _qualcomm("QCA7500")}
BY_IDENT = {0x001B587C: QCA7005, 0x001B589C: QCA7000, 0x001B58DC: QCA7000}
"""IDENT strap register, in firmware that tells it; it tells 7000 and 7005 apart (sheet 1.7)."""
BY_HARDWARE = {kind.name: kind for kind in (QCA7000, QCA7005, *BY_CLASS.values())}
CG5317 = Kind("CG5317", LUMISSIL, taken=frozenset({0}), tests=frozenset({Test.D_LINK_STATUS, Test.NW_STATS}))
VERTEXCOM = Kind("VertexCom", taken=frozenset({0}), tests=frozenset({Test.NW_STATS, Test.GET_KEY}))
GENERIC = Kind("generic")
UNKNOWN = Kind("generic", tests=frozenset(Test))
"""Nobody has answered yet: everything is asked."""


def qualcomm_kind(device_class: int, ident: int | None) -> Kind:
    """The kind behind a VS_SW_VER.CNF; an unknown class is one more Qualcomm modem with its number as name."""
    if device_class == 0x22 and ident in BY_IDENT:
        return BY_IDENT[ident]
    return BY_CLASS.get(device_class) or _qualcomm(f"class 0x{device_class:02x}")


def hardware_kind(hardware: str) -> Kind:
    """The kind behind the hardware text of a VS_OP_ATTRIBUTES.CNF."""
    return BY_HARDWARE.get(hardware.strip()) or _qualcomm(hardware.strip() or "Qualcomm")


ASKED = {"auto": (QUALCOMM, LUMISSIL), "qualcomm": (QUALCOMM,), "lumissil": (LUMISSIL,), "vertexcom": (), "generic": ()}
"""Whose vendor questions are asked with which setting `slac.modem_kind`."""
PRESET = {"auto": UNKNOWN, "qualcomm": _qualcomm("Qualcomm"), "lumissil": CG5317, "vertexcom": VERTEXCOM, "generic": GENERIC}
"""What the modem is taken for until it has answered."""
