"""Who made a charger or a car, from its MAC address, as far as that can be known; what an EVSEID says about its operator.

As pyPLC's converter does it (field-pyplc-clara sheet 1.1). Many chargers use an address that they made up themselves, or one of the maker of
their Ethernet chip: then that is what is said. With the package netaddr (extra `vendors`) every registered address is known.
"""
from __future__ import annotations

from functools import cache

LOCAL = "address made up by itself"
KNOWN = {                # first three octets -> registered to; those of the recorded sessions (field-pyplc-clara sheet 11, slac-and-network sheet 4.1)
    "dc4427": "Tesla", "5410ec": "Microchip (chip of an ABB Terra)", "801f12": "Microchip (chip of a Compleo)", "bcf2af": "devolo (modem)",
    "644d70": "dSPACE (test equipment)", "b827eb": "Raspberry Pi", "2ccf67": "Raspberry Pi", "dca632": "Raspberry Pi", "e45f01": "Raspberry Pi",
    "984827": "TP-Link (modem)", "98ded0": "TP-Link (modem)", "00b052": "Qualcomm (modem)", "0016e8": "Lumissil (modem)", "000187": "I2SE",
    "046565": "Testop (Hyundai, Kia)", "e00ee1": "We Corporation (Hyundai, Kia)", "48c58d": "Lear (Polestar, Volvo)", "007dfa": "Volkswagen Group",
    "001887": "Metasystem (Porsche, Audi)", "dc0ea1": "Compal (a laptop)", "00e04c": "Realtek (a USB adapter)", "f8e43b": "ASIX (a USB adapter)",
}


def maker(mac: str) -> str | None:
    """`mac` as aa:bb:cc:dd:ee:ff; None for none or an unknown one."""
    digits = mac.replace(":", "").lower()
    if len(digits) != 12 or digits == "0" * 12:
        return None
    known = KNOWN.get(digits[:6])
    if known is not None:
        return known
    if int(digits[:2], 16) & 2:
        return LOCAL
    return _registered(digits)


@cache
def _registered(digits: str) -> str | None:
    try:
        from netaddr import EUI
        from netaddr.core import AddrFormatError, NotRegisteredError
    except ImportError:
        return None
    try:
        return str(EUI(digits).oui.registration().org)[:60]
    except (NotRegisteredError, AddrFormatError):
        return None


def operator(evseid: str) -> str | None:
    """`DE*ABC` of an EVSEID such as DE*ABC*E12345 (DIN SPEC 91286, ISO 15118-2 annex H): who runs the charger; None where it is no such text."""
    text = evseid.replace("*", "")
    if len(text) < 7 or not text.isascii() or not text.isprintable() or not text[:2].isalpha() or not text[2:5].isalnum() or text[5:6].upper() != "E":
        return None
    return None if text.startswith("ZZ") else f"{text[:2]}*{text[2:5]}".upper()


def of_charger(mac: str, modem: str, evseid: str) -> str | None:
    """The best that is known: the address's maker, the modem's where the address says nothing, and the operator."""
    made = maker(mac)
    if made in (None, LOCAL) and modem:
        made = f"modem by {str(maker(modem)).replace(' (modem)', '')}" if maker(modem) not in (None, LOCAL) else made
    run = operator(evseid)
    return ", ".join(part for part in (made, f"operator {run}" if run else None) if part) or None
