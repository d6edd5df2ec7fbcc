"""The results as lines of at most 160 characters, and as JSON."""
from __future__ import annotations

from collections import Counter
from typing import Iterable

from tests.interop.cases import SlacCase
from tests.interop.outcome import Outcome, Side
from tests.interop.phases import CAR, PHASES

HEADER = (f"{'case':<18} {'':<7} {'s':>6} {'frames':>6} {'slac':>5} {'sdp':>4} {'tcp':>5} {'rst':>4} {'v2g':>5} | {'ours':>5} {'scapy':>5} {'header':>6} "
          f"{'objected':>8}")
SIDES_HEADER = (f"{'case':<18} {'side':<7} {'software':<13} | " + " ".join(f"{name:>6}" for name in PHASES)
                + f" {'sum s':>6} | {'msgs':>5} {'n':>4} {'p50 ms':>8} {'p95 ms':>8} | {'CPU s':>6} {'RSS MB':>7}")
LEGEND = """\
Phases: s until a message of this side, since the message before (sum of both sides = duration of the phase): match CM_SLAC_PARM.REQ to MATCH.CNF, join to
  the first SDP request (modems take up the key), find SDP and TCP SYN, auth supportedAppProtocol to authorization, param ChargeParameterDiscovery, cable,
  prech, charge PowerDelivery and CurrentDemand or ChargingStatus, end WeldingDetection and SessionStop. msgs: V2G messages sent (matchings: SLAC messages).
Turnaround of n messages: charger = request to response; car = response to its next request, with its deliberate pauses (the polling interval of CableCheck,
  PreCharge and CurrentDemand); matchings: to a message of the other side, with the pauses of SLAC (START 60 ms after CM_SLAC_PARM.CNF, result 45 ms after
  the last sound).
CPU: user and system time of the whole process, its start included, with what it started (our guard; the Java machine of iso15118).
RSS: peak of the process + sum of the peaks of what it started; pages shared between them count in each."""


def row(outcome: Outcome) -> str:
    """One line as soon as a case is over."""
    f, r = outcome.figures, outcome.reading
    return (f"{outcome.case.name:<18} {'FAILED' if outcome.objections else 'passed':<7} {outcome.seconds:6.1f} {f.frames:6d} {f.homeplug:5d} {f.sdp:4d} "
            f"{f.tcp:5d} {f.resets:4d} {f.requests:5d} | {r.frames:5d} {r.by_scapy:5d} {sum(r.header_only.values()):6d} {len(r.objections):8d}")


def sides(outcomes: Iterable[Outcome]) -> list[str]:
    """Two lines per case: where the time went, how fast each side answered, what it cost."""
    lines = [SIDES_HEADER]
    for outcome in outcomes:
        for name, side in outcome.sides.items():
            lines.append(_side(outcome.case.name if name == CAR else "", name, side))
    return lines


def _side(case: str, name: str, side: Side) -> str:
    share = side.share
    phases = " ".join(f"{share.seconds[phase]:6.2f}" if phase in share.seconds else f"{'-':>6}" for phase in PHASES)
    p50, p95 = share.quantile(0.5), share.quantile(0.95)
    times = f"{p50:8.2f} {p95:8.2f}" if p50 is not None and p95 is not None else f"{'-':>8} {'-':>8}"
    cpu = f"{side.cpu_s:6.2f}" if side.cpu_s is not None else f"{'-':>6}"
    memory = f"{side.memory.own_mb:.0f}+{side.memory.others_mb:.0f}"
    return (f"{case:<18} {name:<7} {side.software:<13} | {phases} {share.total:6.2f} | {share.messages:5d} {len(share.turnaround_ms):4d} {times} "
            f"| {cpu} {memory:>7}")


def not_judged(outcomes: Iterable[Outcome]) -> list[str]:
    """What scapy has no layer for, as it turned out in this run."""
    outcomes = list(outcomes)
    total: Counter[str] = Counter()
    for outcome in outcomes:
        total.update(outcome.reading.header_only)
    if not total:
        return []
    where = ", ".join(f"{o.case.name} {sum(o.reading.header_only.values())}" for o in outcomes if o.reading.header_only)
    return ["Of these scapy judges the header only: " + "; ".join(f"{count} {name}" for name, count in total.most_common()), f"  in {where}"]


def as_json(outcomes: Iterable[Outcome], missing: dict[str, str]) -> dict:
    """Everything that the tables show, with all values of the turnaround; times in the unit of their name."""
    return {"cases": [_case(outcome) for outcome in outcomes], "not_run": missing}


def _case(outcome: Outcome) -> dict:
    f, r = outcome.figures, outcome.reading
    case = outcome.case
    return {
        "name": case.name, "about": case.about, "passed": not outcome.objections, "objections": outcome.objections, "session_s": round(outcome.seconds, 3),
        "whole_s": round(outcome.whole_s, 3),
        "protocol": "SLAC" if isinstance(case, SlacCase) else case.protocol,
        "wire": {"frames": f.frames, "homeplug": f.homeplug, "neighbor": f.neighbor, "sdp": f.sdp, "tcp": f.tcp, "resets": f.resets, "requests": f.requests},
        "reading": {"frames": r.frames, "scapy": r.by_scapy, "header_only": dict(r.header_only), "objections": r.objections},
        "sides": {name: {
            "software": side.software, "phase_s": {phase: round(s, 6) for phase, s in side.share.seconds.items()}, "messages": side.share.messages,
            "turnaround_ms": [round(ms, 3) for ms in side.share.turnaround_ms], "p50_ms": side.share.quantile(0.5), "p95_ms": side.share.quantile(0.95),
            "cpu_s": side.cpu_s, "rss_mb": round(side.memory.own_mb, 1), "rss_others_mb": round(side.memory.others_mb, 1)}
            for name, side in outcome.sides.items()},
    }
