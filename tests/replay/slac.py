"""Matching as recorded: a car's messages to our charger's machine, a charger's to our car's.

Our machine has the recorded one's MAC. Charger: its modem measures at each sound what the recorded CM_ATTEN_CHAR.IND reported (where
the modem's own CM_ATTEN_PROFILE.IND were recorded, those are fed instead); what the recorded car said in answer to its charger comes
not before ours has said the same, and the rest as much later. Car: its RunID is the recorded one; each answer comes after the recorded
time since the message that it answers, and not before the recorded charger had begun to answer at all.
"""
from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

from kernel.timer import MS, NEVER, S
from tasks.homeplug import wire as mme
from tasks.homeplug.config import SlacConfig
from tasks.homeplug.events import KeyTaken, LinkEstablished, LinkFailed, LinkSeen, ModemBack, UseKey
from tasks.homeplug.slac_evse import EvseSlac
from tasks.homeplug.slac_pev import PevSlac
from tasks.homeplug.wire import (CM_ATTEN_CHAR_IND, CM_ATTEN_CHAR_RSP, CM_ATTEN_PROFILE_IND, CM_MNBC_SOUND_IND, CM_SLAC_MATCH_CNF, CM_SLAC_MATCH_REQ,
                                 CM_SLAC_PARM_CNF, CM_SLAC_PARM_REQ, CM_START_ATTEN_CHAR_IND)
from tasks.listen.record import Role
from tests.replay import compare
from tests.replay.recording import Item
from tests.replay.result import Answer, Difference, Result
from tests.replay.stand import Hang

Attempt = list[tuple[Role | None, Item]]
FROM_CAR = (CM_SLAC_PARM_REQ, CM_START_ATTEN_CHAR_IND, CM_MNBC_SOUND_IND, CM_ATTEN_CHAR_RSP, CM_SLAC_MATCH_REQ)
REACTIONS = {CM_ATTEN_CHAR_RSP: CM_ATTEN_CHAR_IND, CM_SLAC_MATCH_REQ: CM_ATTEN_CHAR_IND}
ANSWERS = {CM_SLAC_PARM_CNF: CM_SLAC_PARM_REQ, CM_ATTEN_CHAR_IND: CM_MNBC_SOUND_IND, CM_SLAC_MATCH_CNF: CM_SLAC_MATCH_REQ}
"""What the charger says -> what of the car it answers."""
WAIT = 2 * S                 # how long a reaction of the recorded car waits for ours; TT_EVSE_match_MNBC is 0.6 s
MODEM = bytes.fromhex("00b052000001")
STEPS = 10_000
LEAST = 3 * S                # of virtual time; a car repeats CM_SLAC_PARM.REQ for so long in any case


class RecordedRun:
    """Stands for the car's random numbers: the recorded RunID, then any."""

    def __init__(self, run_id: bytes) -> None:
        self._first = run_id
        self._rng = Random(1)

    def randbytes(self, count: int) -> bytes:
        if count == len(self._first):
            found, self._first = self._first, b""
            return found
        return self._rng.randbytes(count)


def of(attempt: Attempt, kind: type) -> list[Item]:
    """All messages of one kind."""
    return [item for _, item in attempt if type(item.message) is kind]


def name(message: Any) -> str:
    """As people write it: CM_SLAC_PARM.REQ."""
    head, _, tail = type(message).__name__.rpartition("_")
    return f"{head}.{tail}"


class _Machine:
    """One of the two machines with what it sent and told. `joins`: its modem takes keys and sees the link at once after matching."""

    def __init__(self, machine: Any) -> None:
        self.machine = machine
        self.now = 0
        self.sent: list[tuple[int, Any]] = []
        self.matched = False
        self.failed = ""

    def receive(self, message: Any, at: int) -> None:
        self.now = at
        self.machine.receive(message, at)
        self.take()

    def take(self) -> None:
        """What it says now; keys are taken at once."""
        for _ in range(8):
            self.sent += [(self.now, m) for m in self.machine.outgoing()]
            told = self.machine.events()
            for event in told:
                if type(event) is UseKey:
                    self.machine.receive(KeyTaken(), self.now)
                    self.machine.receive(ModemBack(), self.now)
                elif type(event) is LinkEstablished:
                    self.matched = True
                elif type(event) is LinkFailed:
                    self.failed = event.reason.text
            if not told:
                return
        raise Hang("the matching machine does not come to rest")

    def until(self, at: int) -> None:
        """Its own deadlines up to `at`."""
        for _ in range(STEPS):
            due = self.machine.next_timer()
            if due > at:
                break
            self.now = max(self.now, due)
            self.machine.handle_timer(self.now)
            self.take()
        else:
            raise Hang(f"{STEPS} deadlines in state {self.machine.state.name}")
        self.now = max(self.now, at)


def _compare(result: Result, ours: list[tuple[int, Any]], recorded: dict[str, list[Item]], took: dict[int, tuple[int | None, int | None]]) -> None:
    """The n-th of a name beside the n-th recorded one."""
    count: dict[str, int] = {}
    for n, (at, message) in enumerate(ours):
        title = name(message)
        place = count.get(title, 0)
        count[title] = place + 1
        same = recorded.get(title, [])
        theirs = same[place] if place < len(same) else None
        mine = compare.mme(message)
        answer = Answer(at, title, compare.short(mine), compare.short(compare.mme(theirs.message)) if theirs else "", *took.get(n, (None, None)))
        if theirs is not None:
            answer.differences = compare.differences(title, compare.mme(theirs.message), mine)
        elif same:
            answer.differences = [Difference(f"{title}.count", str(len(same)), "more")]
        else:
            answer.differences = [Difference(f"{title}.answer", "none", title)]
        result.answers.append(answer)
    for title, same in recorded.items() if result.fed else ():
        missing = len(same) - count.get(title, 0)
        if missing > 0:
            result.remarks.append(Difference(f"{title}.count", str(len(same)), str(count.get(title, 0))))


def _recorded(attempt: Attempt, kinds: tuple[type, ...]) -> dict[str, list[Item]]:
    out: dict[str, list[Item]] = {}
    for _, item in attempt:
        if type(item.message) in kinds:
            out.setdefault(name(item.message), []).append(item)
    return out


def _recorded_end(attempt: Attempt) -> str:
    return "matched" if of(attempt, CM_SLAC_MATCH_CNF) else f"stops after {attempt[-1][1].name}" if attempt else ""


def charger(attempt: Attempt) -> Result:
    """A recorded car against our charger."""
    result = Result("SLAC", "charger", recorded_end=_recorded_end(attempt))
    begin = attempt[0][1].at
    answered = [i for _, i in attempt if not isinstance(i.message, FROM_CAR + (CM_ATTEN_PROFILE_IND,))]
    mac = answered[0].message.src if answered else b"\x02" + bytes(5)
    indications = of(attempt, CM_ATTEN_CHAR_IND)
    aag = indications[0].message.aag if indications else bytes([10]) * 58
    profiles = bool(of(attempt, CM_ATTEN_PROFILE_IND))
    m = _Machine(EvseSlac(SlacConfig(), mac, Random(1)))
    m.machine.start(0)
    m.take()
    shift, took, seen = 0, {}, 0
    for _, item in attempt:
        message = item.message
        if not isinstance(message, FROM_CAR + (CM_ATTEN_PROFILE_IND,)):
            continue
        at = item.at - begin + shift
        reasons = [i for i in indications if i.at <= item.at] if type(message) in REACTIONS else []
        said = _await(m, REACTIONS[type(message)], at + WAIT) if reasons else None
        if said is not None:                                 # the same time after ours as after the recorded one
            shift += said - (reasons[-1].at - begin + shift)
            at = item.at - begin + shift
        m.until(max(m.now, at))
        count = len(m.sent)
        m.receive(message, m.now)
        result.fed += 1
        if isinstance(message, CM_MNBC_SOUND_IND) and not profiles:
            m.receive(CM_ATTEN_PROFILE_IND(mac, MODEM, message.src, aag), m.now)
        if len(m.sent) > count:
            took[count] = (0, _latency(attempt, item))
        seen = m.now
    m.until(seen + WAIT)
    _sound_times(m, attempt, took)
    if m.machine.state.name == "WaitLink":
        m.receive(LinkSeen(), m.now)
    _compare(result, m.sent, _recorded(attempt, (CM_SLAC_PARM_CNF, CM_ATTEN_CHAR_IND, CM_SLAC_MATCH_CNF)), took)
    asked = {i.message.run_id.hex() for i in of(attempt, CM_SLAC_PARM_REQ)}
    for d in result.differences():
        if d.field == "CM_SLAC_PARM.CNF.run_id" and d.ours in asked:
            d.field += " (echoed)"
    result.end = "matched" if m.matched else f"waits in state {m.machine.state.name}"
    return result


def _await(m: _Machine, kind: type, until: int) -> int | None:
    """When ours first said this, None when it has not by `until`."""
    while m.now < until and not any(type(s) is kind for _, s in m.sent):
        m.until(m.now + MS)
    return next((at for at, s in m.sent if type(s) is kind), None)


def _latency(attempt: Attempt, item: Item) -> int | None:
    """ns until the recorded charger answered this."""
    for kind, asked in ANSWERS.items():
        if type(item.message) is asked:
            return next((i.at - item.at for i in of(attempt, kind) if i.at >= item.at), None)
    return None


def _sound_times(m: _Machine, attempt: Attempt, took: dict[int, tuple[int | None, int | None]]) -> None:
    """CM_ATTEN_CHAR.IND counts from the last sound."""
    sounds = of(attempt, CM_MNBC_SOUND_IND)
    indications = of(attempt, CM_ATTEN_CHAR_IND)
    starts = of(attempt, CM_START_ATTEN_CHAR_IND)
    for n, (at, message) in enumerate(m.sent):
        if type(message) is CM_ATTEN_CHAR_IND and sounds and indications and starts:
            took[n] = (at - (sounds[-1].at - attempt[0][1].at), indications[0].at - sounds[-1].at)


def car(attempt: Attempt) -> Result:
    """A recorded charger against our car."""
    result = Result("SLAC", "car", recorded_end=_recorded_end(attempt))
    told = [(kind, item) for kind in ANSWERS for item in of(attempt, kind)]
    asked = [i for _, i in attempt if isinstance(i.message, FROM_CAR)]
    if told:
        mac = told[0][1].message.dst
        run_id = told[0][1].message.run_id
    else:
        mac, run_id = asked[0].message.src, b""
    if asked:                                                # pyPLC as charger answers with a RunID of its own making
        mac, run_id = asked[0].message.src, asked[0].message.run_id
    m = _Machine(PevSlac(SlacConfig(), mac, RecordedRun(run_id)))
    begin = attempt[0][1].at
    m.machine.start(0)
    m.take()
    length = max(LEAST, attempt[-1][1].at - begin)
    pending: list[tuple[int, Any]] = []
    planned = 0
    given: dict[type, int] = {}
    joined_at = NEVER
    for _ in range(STEPS):
        for at, message in m.sent[planned:]:
            planned += 1
            for kind, question in ANSWERS.items():
                item = _next_answer(attempt, kind, given.get(kind, 0)) if type(message) is question else None
                if item is not None and not (kind is CM_ATTEN_CHAR_IND and message.cnt):
                    given[kind] = given.get(kind, 0) + 1
                    pending.append((_when(attempt, kind, item, at, begin), item.message))
        if m.machine.state.name == "Join" and joined_at == NEVER:
            joined_at = m.now + MS
        pending.sort(key=_time)
        at = min(pending[0][0] if pending else NEVER, m.machine.next_timer(), joined_at)
        if at > length + LEAST or m.matched or m.failed:
            break
        m.until(max(m.now, min(at, pending[0][0] if pending else at)))
        if pending and pending[0][0] <= m.now:
            message = pending.pop(0)[1]
            if message.run_id == run_id:                     # the charger echoes it; ours may have begun anew since the recorded one
                message = replace(message, run_id=m.machine.run_id)
            m.receive(message, m.now)
            result.fed += 1
        elif joined_at <= m.now:
            m.receive(LinkSeen(), m.now)
    else:
        raise Hang(f"{STEPS} steps in state {m.machine.state.name}")
    _compare(result, m.sent, _recorded(attempt, FROM_CAR), {})
    result.end = "matched" if m.matched else m.failed or f"waits in state {m.machine.state.name}"
    return result


def others(items: list[Item], side: str) -> Result:
    """What is of no matching (modems, power line tools, vendors): heard by our machine, which has nothing to say to it."""
    result = Result("MME", side)
    mac = b"\x02" + bytes(5)
    m = _Machine(EvseSlac(SlacConfig(), mac, Random(1)) if side == "charger" else PevSlac(SlacConfig(), mac, Random(1)))
    if side == "charger":                                    # a car would ask by itself, which is no answer
        m.machine.start(0)
        m.take()
    for item in items:
        m.receive(mme.parse(item.octets) if item.message is None else item.message, item.at - items[0].at)
        result.fed += 1
    result.answers = [Answer(at, name(message), "", "", differences=[Difference(f"{name(message)}.answer", "none", name(message))]) for at, message in m.sent]
    result.end = "silent" if not m.sent else "answers"
    return result


def _time(planned: tuple[int, Any]) -> int:
    return planned[0]


def _next_answer(attempt: Attempt, kind: type, place: int) -> Item | None:
    """The n-th answer of this kind."""
    same = of(attempt, kind)
    return same[place] if place < len(same) else None


def _when(attempt: Attempt, kind: type, item: Item, asked: int, begin: int) -> int:
    """Its time: as long after our question as it came after the recorded one, CM_SLAC_PARM.CNF not before the recorded charger woke up."""
    questions = [i for i in of(attempt, ANSWERS[kind]) if i.at <= item.at]
    after = item.at - questions[-1].at if questions else 0
    return max(asked + after, item.at - begin) if kind is CM_SLAC_PARM_CNF else asked + after
