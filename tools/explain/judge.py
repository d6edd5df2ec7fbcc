"""Weighs every cause against the evidence of each attempt, puts them in order, and chooses the attempt that tells most."""
from __future__ import annotations

import re
from typing import Sequence

from kernel.record import dataclass
from tasks.stop_reasons import NORMAL_ENDS, StopReason
from tools.explain.causes import measured
from tools.explain.causes.cause import AT_ONCE, LATER, NAMED, REASON, SEEN, TRIPPED, Cause, Found
from tools.explain.causes.table import BY_NAME, CAUSES
from tools.explain.evidence import Evidence

FOLLOWS = frozenset({"answer_missing", "request_missing"})       # what our journal says of these follows from whatever silenced the other side
AGREES = 8                   # more for a cause that our box's own reason is compatible with
OF_A_CAR = ("pev", "bridge")             # roles of a box that ends a session itself
GENERAL = frozenset({StopReason.SAFETY_TRIP, StopReason.INTERNAL_ERROR})      # a trip says it better
STAGES = (
    "matching", "joining the network", "SDP", "TCP connection", "TLS", "supportedAppProtocol", "SessionSetup", "ServiceDiscovery",
    "AuthorizationSetup", "ServiceDetail", "ServicePaymentSelection", "PaymentServiceSelection", "ServiceSelection", "PaymentDetails",
    "ContractAuthentication", "Authorization", "ChargeParameterDiscovery", "DC_ChargeParameterDiscovery", "AC_ChargeParameterDiscovery",
    "ScheduleExchange", "CableCheck", "DC_CableCheck", "PreCharge", "DC_PreCharge", "PowerDelivery", "CurrentDemand", "ChargingStatus",
    "MeteringReceipt", "DC_ChargeLoop", "AC_ChargeLoop", "WeldingDetection", "DC_WeldingDetection", "SessionStop")
POWER = frozenset({"CurrentDemand", "ChargingStatus", "DC_ChargeLoop", "AC_ChargeLoop"})
RANK = {name: n for n, name in enumerate(STAGES, 1)}
UNKNOWN = "unknown"
WITHOUT_POWER = frozenset({"paused", "soc_read"})        # in order although nothing flowed


@dataclass(slots=True)
class Judged:
    """A cause and how it fits."""

    cause: Cause
    found: Found


@dataclass(slots=True)
class Diagnosis:
    """Of one attempt: its causes, the likeliest first; empty when nothing fits."""

    evidence: Evidence
    causes: list[Judged]

    @property
    def first(self) -> Judged | None:
        return self.causes[0] if self.causes else None

    @property
    def name(self) -> str:
        """Of the likeliest cause."""
        return self.causes[0].cause.name if self.causes else UNKNOWN

    @property
    def in_order(self) -> bool:
        return bool(self.causes) and self.causes[0].cause.in_order and (self.evidence.charged or not self.evidence.messages or self.name in WITHOUT_POWER)

    @property
    def judged(self) -> bool:
        """False: the record says too little."""
        return bool(self.causes) and self.causes[0].cause.judged


def diagnose(evidence: Evidence) -> Diagnosis:
    """Every cause that has something for it, in order."""
    found = [Judged(cause, what) for cause in CAUSES if (what := _weigh(cause, evidence)) is not None]
    wrong = [j for j in found if not j.cause.in_order and j.cause.judged and j.found.at is not None and j.found.score >= SEEN]
    if wrong:
        began = min(j.found.at for j in wrong if j.found.at is not None)
        for j in wrong:
            if j.found.at is not None and j.found.at > began + AT_ONCE:
                j.found.score -= LATER
                j.found.con += ("something else went wrong before it",)
    found.sort(key=lambda j: -j.found.score)
    return Diagnosis(evidence, found)


def _weigh(cause: Cause, e: Evidence) -> Found | None:
    """What frames, journal and signals say together."""
    found = cause.weigh(e) or measured.shown(cause.name, e)
    if e.box is None:
        return found
    line = next((line for line in e.box.lines if any(re.search(word, line.text) for word in cause.words)), None)
    if line is not None and not _well(e):        # else it told of something on the way to a good end
        if found is None:
            found = Found(0, _sentence(line.text), (), (), line.at)
        found.score = max(found.score, SEEN if cause.name in FOLLOWS else NAMED)
        found.pro += (f"our journal, {line.at:.1f} s: {line.text}",)
    reason = next(((at, r) for at, r in _reasons(e) if r in cause.reasons and not (r in GENERAL and e.box.trips)), None)
    if reason is not None:
        at, why = reason
        own = f"box_{why.name.lower()}"
        by_can = e.box.role == "bridge" and own in BY_NAME       # a bridge hears of its car by CAN, not by a message
        if by_can and found is None and cause.name != own:
            return None
        general = (len(cause.reasons) > 1 or cause.reasons and sum(why in other.reasons for other in CAUSES) > 1) and not by_can
        if found is not None:
            found.score = min(TRIPPED - 1, found.score + AGREES)
        elif not cause.in_order or not e.box.trips and (e.charged or not e.messages):
            found = Found(REASON - (15 if general else 0), f"Our box ended it: {why.text}", (), (), at)
        if found is not None:
            found.pro += (f"our box's own reason: {why.text}",)
    if found is not None and cause.in_order and e.box.role in OF_A_CAR and (other := _other_end(e)) is not None:
        found.score -= LATER
        found.con += (f"our box, which ended it, says: {other.text}",)
    if found is not None:
        found.pro += measured.sentences(cause.name, found.at, e)
    return found


def _other_end(e: Evidence) -> StopReason | None:
    """Our box's first reason, where none of its reasons is an end in order."""
    reasons = [reason for _, reason in _reasons(e) if reason is not StopReason.UNPLUGGED]
    return reasons[0] if reasons and not any(reason in NORMAL_ENDS for reason in reasons) else None


def _well(e: Evidence) -> bool:
    """Power was delivered, and our box ended it in order."""
    box = e.box
    reasons = _reasons(e)
    return (box is not None and e.charged and e.ending.stop_asked is not None and not box.trips and bool(reasons)
            and all(reason in NORMAL_ENDS or reason is StopReason.UNPLUGGED for _, reason in reasons))


def _reasons(e: Evidence) -> list[tuple[float, StopReason]]:
    """Of our box; where power flowed, those from then on: what was told on the way to it is made up for."""
    loop = next((step for step in e.steps if step.name in POWER), None) if e.charged else None
    return [(at, reason) for at, reason in e.box.reasons if loop is None or at >= loop.began] if e.box is not None else []


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".")


def reached(e: Evidence) -> int:
    """How far an attempt got: more is farther."""
    return max((RANK.get(step.name, 1) for step in e.steps), default=0)


def main_attempt(diagnoses: Sequence[Diagnosis]) -> int:
    """The index of the attempt that tells most: one with power, else the one that got farthest, of equal ones the first that can be judged."""
    def weight(n: int) -> tuple[int, int, int, int]:
        d = diagnoses[n]
        return int(d.evidence.charged), reached(d.evidence), int(d.judged), -n
    return max(range(len(diagnoses)), key=weight)
