"""The numbers and sequences that the cases expect, written anew from the fact sheets; nothing here is read from the code under test."""
from __future__ import annotations

from typing import NamedTuple

from kernel.timer import MS, S

DIN, ISO2, SAP = "DIN", "ISO2", "SAP"
BOTH = (DIN, ISO2)
NAMES = {DIN: "DIN 70121", ISO2: "ISO 15118-2", SAP: "the handshake"}


class Row(NamedTuple):
    """slac-and-network 7.2: seconds; None where the protocol has no such message."""

    din: float | None
    iso2: float | None
    din_answer: float | None
    iso2_answer: float | None

    def timeout(self, protocol: str) -> int:
        return ns(self.din if protocol == DIN else self.iso2)

    def performance(self, protocol: str) -> int:
        return ns(self.din_answer if protocol == DIN else self.iso2_answer)


def ns(seconds: float) -> int:
    return round(seconds * 1000) * MS


MESSAGES: dict[str, Row] = {
    "SessionSetup": Row(2, 2, 1.5, 1.5),
    "ServiceDiscovery": Row(2, 2, 1.5, 1.5),
    "ServiceDetail": Row(None, 5, None, 4.5),
    "ServicePaymentSelection": Row(2, None, 1.5, None),
    "PaymentServiceSelection": Row(None, 2, None, 1.5),
    "ContractAuthentication": Row(2, None, 1.5, None),
    "Authorization": Row(None, 2, None, 1.5),
    "ChargeParameterDiscovery": Row(2, 2, 1.5, 1.5),
    "CableCheck": Row(2, 2, 1.5, 1.5),
    "PreCharge": Row(2, 2, 1.5, 1.5),
    "PowerDelivery": Row(2, 5, 1.5, 4.5),
    "CurrentDemand": Row(0.25, 0.25, 0.025, 0.025),
    "ChargingStatus": Row(None, 2, None, 1.5),
    "MeteringReceipt": Row(None, 2, None, 1.5),
    "WeldingDetection": Row(2, 2, 1.5, 1.5),
    "SessionStop": Row(2, 2, 1.5, 1.5),
}
"""slac-and-network 7.2, without those of contracts and certificates, which external payment does not use."""
HANDSHAKE_TIMEOUT = 2 * S                # slac-and-network 7.2
PER_MESSAGE = "slac-and-network 7.2"


def of(protocol: str) -> list[str]:
    """Messages of a protocol."""
    return [name for name, row in MESSAGES.items() if (row.din if protocol == DIN else row.iso2) is not None]


FIELD_WAITS: dict[str, tuple[int, str]] = {
    "ChargeParameterDiscovery": (5 * S, "field-pyplc-clara 3.2"),
    "PowerDelivery": (6 * S, "field-pyplc-clara 3.2"),
    "CurrentDemand": (2 * S, "slac-and-network 7.3"),
}
"""How long a car waits that bears with real chargers; all others as in the standard."""
FIELD_SEEN: dict[str, tuple[int, str]] = {
    "ChargeParameterDiscovery": (1350 * MS, "safety sheet 4.4"),
    "CableCheck": (2900 * MS, "safety sheet 4.4"),
    "PreCharge": (4100 * MS, "safety sheet 4.4"),
    "PowerDelivery": (1500 * MS, "field-pyplc-clara 6"),
    "CurrentDemand": (515 * MS, "slac-and-network 7.3"),
}
"""The latest answers of real chargers; a car that bears with them takes these."""

# --- slac-and-network 7.1
ONGOING = 60 * S
CABLE_CHECK = 40 * S
PRECHARGE = 7 * S
READY_TO_CHARGE = 150 * S
SEQUENCE = 60 * S
ONGOING_PERFORMANCE = 55 * S
CABLE_CHECK_PERFORMANCE = 38 * S
CP_STATE = 1500 * MS
PHASES = "slac-and-network 7.1"
# --- field
FIELD_AUTHORISATION = 120 * S            # field-pyplc-clara 3.2: 120 requests, a second apart
FIELD_PRECHARGE = 30 * S                 # field-pyplc-clara 3.2, safety sheet S4
SILENT_CAR = 5 * S                       # field-pyplc-clara 3.2: pyPLC's car waits 5 s in the charge loop; an output has no reason to last longer
# --- safety sheet 4.3
MATCH = 20.0                             # V, S1
PRECHARGE_CURRENT = 2.0                  # A, S3
DISCHARGED = 60.0                        # V, S6
ISOLATION_FAULT = 100e3                  # Ohm, S20
BATTERY_SILENT = 3 * S                   # S21
