"""A metering receipt and a renegotiation in the charge loop of ISO 15118-2, each at a round of its own.

In the product they come by time (`evse.receipt_interval_s`) and by a person's key. The matrix names its triggers by the n-th message, so here the
machine is driven from outside: one of its CurrentDemandRes carries a meter's reading, at a later one it wants to renegotiate.
"""
from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

from exi_native.messages.iso2 import CurrentDemandRes, MeterInfo
from tasks.v2g.protocols import ISO2, Protocol

RECEIPT = 4              # this CurrentDemandRes of a session; its content is tried, too (generate.CONTENT_AGAIN)
RENEGOTIATION = 6
METER = MeterInfo(MeterID="METER-0001", MeterReading=12345, MeterStatus=0, TMeter=1_600_000_000)     # Wh; s since 1970


def ask(side: Any) -> None:
    """The machines that this EvseSide makes from now on ask for both."""
    make = side._make

    def made(protocol: Protocol) -> Any:
        machine = make(protocol)
        if protocol is ISO2:
            machine.build = SimpleNamespace(**{**vars(machine.build), "current_demand": _Asking(machine.build.current_demand)})
        return machine
    side._make = made


class _Asking:
    """In the place of iso2_evse_responses.current_demand, for one machine."""

    def __init__(self, build: Any) -> None:
        self._build = build
        self._rounds = 0

    def __call__(self, machine: Any, *code: Any) -> CurrentDemandRes:
        self._rounds += 1
        if self._rounds == RENEGOTIATION:
            machine.renegotiate(0)
        res = self._build(machine, *code)
        return dataclasses.replace(res, ReceiptRequired=True, MeterInfo=METER) if self._rounds == RECEIPT else res
