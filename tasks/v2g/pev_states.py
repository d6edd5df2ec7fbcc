"""The car's states of either protocol, and what a row of a protocol's table says about one."""
from __future__ import annotations

from enum import auto
from typing import Callable

from kernel.record import dataclass
from kernel.timer import NEVER
from kernel.word import Word
from tasks.stop_reasons import StopReason


class Pev(Word):
    """Named after the message that is awaited, or after what is waited for. DIN 70121 and ISO 15118-2 each use a part of them."""

    Idle = auto()
    SessionSetup = auto()
    ServiceDiscovery = auto()
    ServiceDetail = auto()               # ISO 15118-2
    ServicePaymentSelection = auto()     # DIN 70121
    PaymentServiceSelection = auto()     # ISO 15118-2
    ContractAuthentication = auto()      # DIN 70121
    Authorization = auto()               # ISO 15118-2
    ChargeParameterDiscovery = auto()
    WaitReady = auto()                   # lock confirmed, then state C confirmed
    CableCheck = auto()
    WaitVehicle = auto()                 # a bridge: its vehicle gets ready
    PreCharge = auto()
    WaitContactorsClosed = auto()
    PowerDeliveryStart = auto()
    CurrentDemand = auto()
    ChargingStatus = auto()              # ISO 15118-2, AC
    MeteringReceipt = auto()             # ISO 15118-2
    PowerDeliveryRenegotiate = auto()    # ISO 15118-2
    WaitLoadEnded = auto()               # ISO 15118-2, AC: the on-board charger ends its load
    PowerDeliveryStop = auto()
    WaitContactorsOpen = auto()
    WeldingDetection = auto()
    SessionStop = auto()
    Ended = auto()


@dataclass(frozen=True, slots=True)
class Row:
    """One state. Times in ns, strict and tolerant; `limit` counts from the state's first request."""

    text: str                                        # for the display, at most 20 characters
    request: Callable | None = None                  # builds what we send
    response: type | None = None                     # what we await
    timeout: tuple[int, int] = (NEVER, NEVER)
    limit: tuple[int, int] = (NEVER, NEVER)
    reason: StopReason = StopReason.TIMEOUT          # when `limit` passes
    sent: int = 0                                    # checkpoint of the first request
    received: int = 0                                # checkpoint of the first response
    failed_goes_on: bool = False                     # at the end of a session a FAILED changes nothing any more


def same(value: int) -> tuple[int, int]:
    return value, value


LAST_STEPS = frozenset({Pev.WaitLoadEnded, Pev.PowerDeliveryStop, Pev.WaitContactorsOpen, Pev.WeldingDetection, Pev.SessionStop, Pev.Ended})
"""On their way out already; from all others a stop changes the course."""
STOPPABLE = frozenset(Pev) - LAST_STEPS
UNDER_WAY = frozenset({Pev.WaitReady, Pev.CableCheck, Pev.WaitVehicle, Pev.PreCharge, Pev.WaitContactorsClosed, Pev.PowerDeliveryStart})
"""From lock to power: the battery management's veto ends these."""
POLLING = frozenset({Pev.WaitReady, Pev.WaitVehicle, Pev.WaitContactorsClosed, Pev.WaitContactorsOpen, Pev.WaitLoadEnded})
CHARGING = frozenset({Pev.CurrentDemand, Pev.ChargingStatus, Pev.MeteringReceipt, Pev.PowerDeliveryRenegotiate})
"""The charge loop and what interrupts it for a message."""
