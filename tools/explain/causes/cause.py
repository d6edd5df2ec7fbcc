"""What one row of the table of causes is, how strongly evidence may speak for it, and the few questions that many rows ask."""

from __future__ import annotations

from typing import Callable, Sequence

from kernel.record import dataclass
from tasks.stop_reasons import StopReason
from tools.explain.evidence import Evidence, Side, Sign, Step

TRIPPED = 95  # our own supervisor has measured it
NAMED = 85  # a line of our own journal names it
TOLD = 80  # a message says it in the standard's words
REASON = 70  # our box's reason is this one; a message may know it better
SEEN = 60  # the course shows it and little else
INFERRED = 45  # the course fits
POSSIBLE = 25
REMARK = 10  # true, and no reason to stop
LATER = 25  # off the score of what came after something else had gone wrong
AT_ONCE = 0.5  # s: what comes closer together is one event
BORNE = 1.0              # s of charging after a sign that was the reason for nothing
WENT_ON = 5.0  # s of conversation after a sign: it was no reason to stop by itself
SILENT = 2.0  # s: V2G_EVCC_Msg_Timeout
END_STEPS = frozenset({"PowerDelivery", "WeldingDetection", "SessionStop"})


@dataclass(slots=True)
class Found:
    """How strongly (0 to 100) the evidence speaks for a cause. `what` happened, in one sentence; what speaks for and against; `at` s, None: no instant."""

    score: int
    what: str
    pro: tuple[str, ...] = ()
    con: tuple[str, ...] = ()
    at: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Cause:
    """One row. `why`: the likely explanation, a phrase after "most likely". `remedies` in the order of trying. `words`: regular expressions of lines of our
    journal that name it; `reasons`: our stop reasons that it explains, `mrec` a number of mrec.py. `in_order`: nothing went wrong.
    `judged` False: the record says too little."""

    name: str
    side: Side
    why: str
    remedies: tuple[str, ...]
    source: str
    weigh: Callable[[Evidence], Found | None]
    words: tuple[str, ...] = ()
    reasons: tuple[StopReason, ...] = ()
    mrec: int | None = None
    in_order: bool = False
    judged: bool = True


def nothing(e: Evidence) -> Found | None:
    """Of a cause that only our journal can name."""
    return None


def told(e: Evidence, sign: Sign | None, what: str, pro: Sequence[str] = (), score: int = TOLD) -> Found | None:
    """A cause that a message names. It counts less where the conversation went on for long, and hardly where the charge ended in order."""
    if sign is None:
        return None
    con = []
    last, stop = e.ending.last_at, e.ending.stop_asked
    if e.charged and stop is not None and sign.at > stop and sign.kind != "session id":
        return Found(REMARK + 10, what, tuple(pro), ("the charge had been ended by then",), sign.at)
    if last is not None and last - sign.until > WENT_ON:
        score -= 15
        con.append(f"the conversation went on for {last - sign.until:.1f} s after it")
    loop = e.step("CurrentDemand ChargingStatus DC_ChargeLoop AC_ChargeLoop")
    if e.charged and loop is not None and loop.ended - sign.until > BORNE and e.ending.session_stop is not None:
        score = REMARK
        con.append("power flowed after it, and the session ended in order")
    return Found(score, what, tuple(pro), tuple(con), sign.at)


def reached(e: Evidence) -> Step | None:
    """The last step that is no part of an orderly end: where it got to."""
    steps = [s for s in e.steps if s.name not in END_STEPS or s.name == "PowerDelivery" and e.ending.stop_asked is None]
    return steps[-1] if steps else e.last_step


def place(e: Evidence) -> str:
    """Where it got to, for a sentence."""
    step = reached(e)
    return step.name if step is not None else "the beginning"


def stopped_at(e: Evidence, names: str) -> Step | None:
    """The step, when the conversation got as far as it and no farther; what belongs to an end may follow."""
    step = e.step(names)
    if step is None:
        return None
    later = e.steps[max(n for n, s in enumerate(e.steps) if s is step) + 1:]
    ending = e.ending.stop_asked is not None
    return step if all(s.name == "SessionStop" or ending and s.name in END_STEPS for s in later) else None


def unfinished(e: Evidence) -> bool:
    """There was a conversation, and no SessionStop in it."""
    return e.messages > 0 and e.ending.session_stop is None


def seconds(value: float | None) -> str:
    """`0.25 s`, `41 s`; of None a dash."""
    return "-" if value is None else f"{value:.2f} s" if value < 1 else f"{value:.1f} s" if value < 100 else f"{value:.0f} s"


def volts(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.0f} V"
