"""The course of one attempt, for people: numbered steps with their durations beside what is usual, and what stood out in each."""
from __future__ import annotations

from kernel.record import dataclass
from tools.explain.evidence import Evidence, Step
from tools.explain.usual import Usual, compared, usual

CHECKPOINTS = {
    "matching": 100, "joining the network": 170, "SDP": 200, "TCP connection": 301, "supportedAppProtocol": 400, "SessionSetup": 500,
    "ServiceDiscovery": 510, "ServicePaymentSelection": 520, "PaymentServiceSelection": 520, "ContractAuthentication": 530, "Authorization": 530,
    "ChargeParameterDiscovery": 540, "CableCheck": 560, "PreCharge": 570, "PowerDelivery": 600, "CurrentDemand": 700, "ChargingStatus": 720,
    "WeldingDetection": 850, "SessionStop": 900}
"""The numbered checkpoint at which a step begins (field sheet 6)."""
STOP_CHECKPOINT = 800
MAX_POINTS = 24
SHORT = ("supportedAppProtocol", "SessionSetup", "ServiceDiscovery", "ServiceDetail", "ServicePaymentSelection", "PaymentServiceSelection", "PaymentDetails")
BEFORE = frozenset({"matching", "joining the network", "SDP", "TCP connection"})     # these overlap
SILENCE = 2.0                            # s
SLOW = 1.2                               # times the most that is usual


@dataclass(frozen=True, slots=True)
class Point:
    """One line: when it began in s, what, how long in s, the usual values, what stood out."""

    at: float
    checkpoint: int | None
    name: str
    took: float
    usual: Usual | None
    slow: bool
    text: str


def times(n: int) -> str:
    """`once`, `3 times`."""
    return "once" if n == 1 else f"{n} times"


def count(n: int, word: str) -> str:
    """`1 request`, `3 requests`."""
    return f"{n} {word}" if n == 1 else f"{n} {word}s"


def course(e: Evidence) -> list[Point]:
    """The steps in order; the short ones of the setup in one line where nothing stood out."""
    points: list[Point] = []
    setup: list[Step] = []
    stopping = False
    for step in e.steps[:MAX_POINTS + len(SHORT)]:
        if step.name in SHORT and not _remarks(e, step) and step.open_for is None and not _slow(step):
            setup.append(step)
            continue
        if setup:
            points.append(_setup(setup))
            setup = []
        stopping = stopping or step.name == "PowerDelivery" and any(p.name == "CurrentDemand" for p in points)
        points.append(_point(e, step, stopping and step.name == "PowerDelivery", _silence(e, step)))
    if setup:
        points.append(_setup(setup))
    return points[:MAX_POINTS]


def _slow(step: Step) -> bool:
    row = usual(step.name)
    return row is not None and step.took > row.most * SLOW


def _silence(e: Evidence, step: Step) -> float:
    """s between the end of this step and the next one, where they are more than a car needs to think."""
    if step.name in BEFORE:
        return 0.0
    following = next((other for other in e.steps if other.began >= step.ended and other is not step), None)
    silence = following.began - step.ended if following is not None else 0.0
    return silence if silence > SILENCE else 0.0


def _setup(steps: list[Step]) -> Point:
    took = steps[-1].ended - steps[0].began
    return Point(steps[0].began, CHECKPOINTS.get(steps[0].name), "session setup", took, None, False, f"{', '.join(step.name for step in steps)}: {took:.1f} s")


def _point(e: Evidence, step: Step, stop: bool, silence: float) -> Point:
    again = step.name == "matching" and e.slac.parm_requests > 1
    text = f"{step.took:.1f} s" if again else compared(step.name, step.took) if step.took > 0 or step.answers else ""
    parts = [text] if text else []
    if step.ongoing:
        parts.append(f"Ongoing {times(step.ongoing)}")
    elif step.answers > 2:
        parts.append(f"{step.answers} answers")
    parts += _values(e, step) + _remarks(e, step)
    if step.open_for is not None and step.open_for > 0.25 and step is e.last_step:
        parts.append(f"the last request stayed without an answer for {step.open_for:.1f} s")
    if silence:
        parts.append(f"then {silence:.1f} s of silence")
    name = f"{step.name}{' (stop)' if stop else ''}"
    checkpoint = STOP_CHECKPOINT if stop else CHECKPOINTS.get(step.name)
    return Point(step.began, checkpoint, name, step.took, usual(step.name), _slow(step) and not again, "; ".join(parts))


def _values(e: Evidence, step: Step) -> list[str]:
    parts = []
    if step.name == "matching":
        if e.slac.parm_requests > 1:
            parts.append(f"asked {times(e.slac.parm_requests)}")
        if e.slac.chargers and e.slac.chargers[0][1] is not None:
            parts.append(f"{count(len(e.slac.chargers), 'charger')}, {e.slac.chargers[0][1]:.1f} dB")
    elif step.name == "SDP":
        tls = f" ({e.network.sdp_tls_requests} for TLS)" if e.network.sdp_tls_requests else ""
        parts.append(f"{count(e.network.sdp_requests, 'request')}{tls}, {count(e.network.sdp_answers, 'answer')}")
    elif step.name == "PreCharge" and e.precharge.target is not None and e.precharge.highest is not None:
        parts.append(f"{e.precharge.target:.0f} V wanted, {e.precharge.first:.0f} to {e.precharge.highest:.0f} V, at the end {e.precharge.last:.0f} V")
    elif step.name == "WeldingDetection" and e.welding.first is not None:
        parts.append(f"{e.welding.first:.0f} to {e.welding.last:.0f} V")
    elif step.name == "CurrentDemand":
        p = e.power
        if p.asked_a is not None and p.delivered_a is not None:
            parts.append(f"{p.asked_a:.0f} A wanted, {p.delivered_a:.0f} A delivered at most" + (f", {p.voltage:.0f} V" if p.voltage is not None else ""))
        if p.energy_wh:
            parts.append(f"{p.energy_wh / 1000:.2f} kWh")
    return parts


def _remarks(e: Evidence, step: Step) -> list[str]:
    """What stood out while this step went on."""
    found = []
    for sign in e.signs:
        if step.began <= sign.at <= step.ended and sign.message.removesuffix("Res").removesuffix("Req") in (step.name, ""):
            found.append(f"{sign.side.value}: {sign.text}" if sign.kind != "not ready" else f"{sign.message}: {sign.text}")
    return found[:4]
