"""A capture as the course of one session: where its time went, whose it was, and how fast each side answered.

Every interval between two steps belongs to the phase that the earlier one began and to the side whose message ended it: the time between a request and
its response is the charger's, the time until the next request the car's (its computing and its deliberate pauses). The reader is the product's own
listening machine (tasks/listen), which counts and names; frames are judged elsewhere.
"""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Iterable

from exi_native.codec import load
from tasks.listen.exi import decoder
from tasks.listen.follow import Follow
from tasks.listen.record import Category, Layer, Record
from tests.interop.report import frames, quantile

CAR, CHARGER = "car", "charger"
MATCHING, JOINING, FINDING = "match", "join", "find"
PHASES = (MATCHING, JOINING, FINDING, "auth", "param", "cable", "prech", "charge", "end")
_SLAC = ("CM_SLAC_PARM", "CM_START_ATTEN_CHAR", "CM_MNBC_SOUND", "CM_ATTEN_CHAR", "CM_VALIDATE", "CM_SLAC_MATCH")
_MATCHED = "CM_SLAC_MATCH.CNF"
_LAST = "SessionStopRes"
_V2G = {                         # message without Req or Res -> phase
    **dict.fromkeys(("supportedAppProtocol", "SessionSetup", "ServiceDiscovery", "ServiceDetail", "ServicePaymentSelection", "PaymentServiceSelection",
                     "PaymentDetails", "ContractAuthentication", "Authorization"), "auth"),
    "ChargeParameterDiscovery": "param", "CableCheck": "cable", "PreCharge": "prech",
    **dict.fromkeys(("PowerDelivery", "CurrentDemand", "ChargingStatus", "MeteringReceipt"), "charge"),
    **dict.fromkeys(("WeldingDetection", "SessionStop"), "end"),
}


@dataclass(slots=True)
class Share:
    """One side's part of a session: `seconds` by phase, `turnaround_ms` from the other side's message to its own, `messages` that it sent."""

    seconds: dict[str, float] = field(default_factory=dict)
    turnaround_ms: list[float] = field(default_factory=list)
    messages: int = 0

    @property
    def total(self) -> float:
        return sum(self.seconds.values())

    def quantile(self, part: float) -> float | None:
        return quantile(self.turnaround_ms, part)


@dataclass(slots=True)
class Step:
    """One message on the way through the session."""

    at: int                      # ns
    side: str
    phase: str
    name: str
    v2g: bool


def course(data: bytes, car: Iterable[bytes], charger: Iterable[bytes], slac_only: bool = False) -> dict[str, Share]:
    """Both shares of a pcap. `car`, `charger`: the MAC addresses of each side. `slac_only`: messages and turnaround are those of the matching,
    and it ends with the car's first SDP request; otherwise they are those of V2G."""
    sides = {**dict.fromkeys(car, CAR), **dict.fromkeys(charger, CHARGER)}
    shares = {CAR: Share(), CHARGER: Share()}
    before: Step | None = None
    for step in _steps(data, sides):
        share = shares[step.side]
        over = slac_only and step.phase == FINDING
        counted = not over if slac_only else step.v2g
        share.messages += counted
        if before is not None:
            share.seconds[before.phase] = share.seconds.get(before.phase, 0.0) + (step.at - before.at) / 1e9
            if counted and before.side != step.side and before.v2g == step.v2g:
                share.turnaround_ms.append((step.at - before.at) / 1e6)
        if over or step.name == _LAST:
            break
        before = step
    return shares


def _steps(data: bytes, sides: dict[bytes, str]) -> Iterable[Step]:
    follow = Follow(decoder(load()))
    phase = MATCHING
    for at, frame in frames(data):
        follow.receive(frame, at)
        for record in follow.events():
            side, begun = sides.get(record.src), _phase(record)
            if side is None or begun is None:
                continue
            phase = begun or phase
            yield Step(record.at, side, phase, record.name, record.layer is Layer.V2G)


def _phase(record: Record) -> str | None:
    """The phase that a record belongs to; "" for a V2G message without a phase of its own, None for what is no step of a session."""
    if record.layer is Layer.V2G:
        return _V2G.get(record.name[:-3], "") if record.category is Category.DECODED else ""
    if record.layer is Layer.SDP or record.layer is Layer.TCP and record.name in ("SYN", "SYN, ACK"):
        return FINDING
    if record.layer is Layer.MME and record.name.partition(".")[0] in _SLAC:
        return JOINING if record.name == _MATCHED else MATCHING
    return None
