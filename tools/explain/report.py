"""An explanation as text for a person and as JSON for a program."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timezone
from textwrap import wrap
from typing import Any, Iterator

from tasks.listen.columns import mac
from tasks.listen.lines import printable
from tools.explain import mrec
from tools.explain.causes.cause import place, seconds
from tools.explain.causes.measured import LOCKS, SWITCHES, pilot_words
from tools.explain.course import course
from tools.explain.evidence import Evidence, Plant
from tools.explain.explain import Explanation
from tools.explain.judge import Diagnosis, Judged

WIDTH = 100
SHOWN = 3  # causes without --all
SURE, FAIR = 75, 55  # scores in words
CHANGES = 12  # of one kind in a line
MOVING = 2.0  # s: a lock or a contactor that takes longer is stuck
YEAR_2000 = 946_684_800.0


def answer(d: Diagnosis) -> str:
    """The first line: what happened, and why most likely."""
    first = d.first
    if first is None:
        return f"It ended in {place(d.evidence)}, and nothing in the record says why."
    code = f" [{mrec.code(first.cause.mrec)}]" if first.cause.mrec is not None else ""
    if first.cause.in_order or not first.cause.judged:
        return f"{first.found.what}."
    return f"{first.found.what}.{code} Most likely: {first.cause.why}."


def text(x: Explanation, every: bool = False) -> Iterator[str]:
    """Lines; `every`: all causes that have something for them, and all attempts in full. Nothing in them can command a terminal."""
    for line in _text(x, every):
        yield printable(line)


def _text(x: Explanation, every: bool) -> Iterator[str]:
    d = x.diagnosis
    yield from wrap(printable(answer(d)), WIDTH)
    yield ""
    yield from _head(x, d.evidence)
    if len(x.diagnoses) > 1:
        yield ""
        yield f"{len(x.diagnoses)} attempts in this record; explained is number {x.main + 1}:"
        for n, other in enumerate(x.diagnoses):
            what = other.first.found.what if other.first is not None else "no reason to be seen"
            yield f"  {'*' if n == x.main else ' '} {n + 1}. at {other.evidence.at:.1f} s, until {place(other.evidence)}: {what}"
    yield from _course(d.evidence)
    yield from _causes(d, every)
    yield from _remedies(d)
    for note in (*x.notes, *d.evidence.blind[:2]):
        yield ""
        yield from wrap(f"Note: {printable(note)}", WIDTH)
    if every:
        for n, other in enumerate(x.diagnoses):
            if n != x.main:
                yield ""
                yield f"--- attempt {n + 1}: " + printable(answer(other))
                yield from _course(other.evidence)
                yield from _causes(other, True)


def _head(x: Explanation, e: Evidence) -> Iterator[str]:
    when = f", {datetime.fromtimestamp(x.began, timezone.utc):%Y-%m-%d %H:%M:%S} UTC" if x.began is not None and YEAR_2000 < x.began < 9e9 else ""
    yield f"{printable(x.title)}: {x.frames} frames in {seconds(x.duration)}{when}" + (
        f", with the journal of our box ({e.box.role or 'role unknown'})" if e.box is not None else ""
    )
    who = [f"car {mac(e.car)}" if e.car else "", f"charger {mac(e.charger)}" if e.charger else "", e.protocol]
    if any(who):
        yield ", ".join(word for word in who if word)


def _course(e: Evidence) -> Iterator[str]:
    points = course(e)
    if not points:
        return
    yield ""
    yield "What happened (s since it began; checkpoint):"
    for n, point in enumerate(points, 1):
        number = f"[{point.checkpoint}]" if point.checkpoint is not None else ""
        yield f"  {n:>2}. {point.at:>7.1f} {number:<6}{point.name:<24} {'SLOW ' if point.slow else ''}{printable(point.text)}"
    end = e.ending
    besides: list[tuple[float, str]] = []
    if e.box is not None:
        besides += [(at, f"our box tripped: {words} ({name})") for at, name, words in e.box.trips[:3]]
    if end.closed_at is not None and end.closed_by is not None:
        besides.append((end.closed_at, f"the {end.closed_by.value} closed the connection ({end.closed_how})"))
    if e.box is not None:
        besides += [(at, f"our box said: {reason.text}") for at, reason in e.box.reasons[:3]]
    for at, words in sorted(besides, key=lambda item: item[0]):
        yield f"      {at:>7.1f}       {words}"
    if e.plant is not None:
        yield ""
        yield "What our box measured and switched (s since the attempt began; unknown: moving, or no answer):"
        for what, told in _plant(e.plant):
            yield from wrap(f"{what + ':':<12}{printable(told)}", WIDTH, initial_indent="  ", subsequent_indent=" " * 14)


def _plant(p: Plant) -> Iterator[tuple[str, str]]:
    """(what, its changes in a line)."""
    def line(changes: list[str]) -> str:
        return ", ".join(changes if len(changes) <= CHANGES else [*changes[:CHANGES // 2], "...", *changes[-CHANGES // 2:]])

    if p.pilot:
        yield "pilot", line([f"{pilot_words(state, duty)} at {at:.1f}" for at, state, duty in p.pilot])
    for what, switches, words in (("contactors", p.contactors, SWITCHES), ("lock", p.lock, LOCKS), ("switch k", p.permission, SWITCHES)):
        # on the way from one end to the other a feedback is unknown: told where it stays so
        settled = [(at, state) for n, (at, state) in enumerate(switches) if state is not None or n == len(switches) - 1 or switches[n + 1][0] - at > MOVING]
        if settled:
            yield what, line([f"{words[state].split(' ')[0]} at {at:.1f}" for at, state in settled])
    for at, name, argument in p.refused[:3]:
        yield "refused", f"{name} {argument} at {at:.1f}"
    first: dict[str, float] = {}  # a device's own word and the notice made of it are one
    for at, _, said in p.notices:
        first.setdefault(said, at)
    for said, at in list(first.items())[:5]:
        yield "notice", f"{said} at {at:.1f}"
    rest = [f"modem {p.modem}" if p.modem else "no modem has answered", f"attenuation {p.attenuation:.1f} dB" if p.attenuation is not None else "",
            f"supply at least {p.supply_least:.1f} V" if p.supply_least is not None else "",
            f"inlet at most {p.hottest:.0f} degC" if p.hottest is not None else ""]
    yield "else", ", ".join(word for word in rest if word)


def _sure(score: int) -> str:
    return "sure" if score >= SURE else "likely" if score >= FAIR else "possible"


def _causes(d: Diagnosis, every: bool) -> Iterator[str]:
    shown = d.causes if every else [j for j in d.causes[:SHOWN] if j is d.first or j.found.score >= 20]
    if not shown:
        return
    yield ""
    yield "Causes, the likeliest first:"
    for n, judged in enumerate(shown, 1):
        cause, found = judged.cause, judged.found
        code = f", {mrec.code(cause.mrec)}" if cause.mrec is not None else ""
        yield from wrap(
            f"{n}. {_sure(found.score)} ({cause.side.value}{code}): {printable(found.what if n > 1 else cause.why)}"
            + (f" - {cause.why}" if n > 1 and not cause.in_order else ""),
            WIDTH,
            initial_indent="  ",
            subsequent_indent="     ",
        )
        for sign, sentences in (("+", found.pro), ("-", found.con)):
            for sentence in dict.fromkeys(sentences):
                yield from wrap(f"{sign} {printable(sentence)}", WIDTH, initial_indent="     ", subsequent_indent="       ")
        if every:
            yield f"     [{cause.name}, {found.score}; {cause.source}]"


def _remedies(d: Diagnosis) -> Iterator[str]:
    if d.first is None or d.first.cause.in_order:
        return
    yield ""
    yield "What to try, in this order:"
    said = list(dict.fromkeys(remedy for j in _worth(d) for remedy in j.cause.remedies))
    for n, remedy in enumerate(said[:6], 1):
        yield from wrap(f"{n}. {remedy}", WIDTH, initial_indent="  ", subsequent_indent="     ")


def _worth(d: Diagnosis) -> list[Judged]:
    """The first cause, and others that come near to it."""
    first = d.causes[0]
    return [first] + [j for j in d.causes[1:SHOWN] if j.found.score >= first.found.score - 15 and not j.cause.in_order and j.cause.judged]


def as_json(x: Explanation) -> dict[str, Any]:
    """Times in s, absent values None; `exit_code` as of the program."""
    return {
        "title": x.title,
        "kind": x.kind,
        "began_unix_s": x.began,
        "duration_s": x.duration,
        "frames": x.frames,
        "notes": list(x.notes),
        "explained": x.main + 1,
        "answer": answer(x.diagnosis),
        "in_order": x.diagnosis.in_order,
        "can_be_judged": x.diagnosis.judged,
        "attempts": [_attempt(d) for d in x.diagnoses],
    }


def _attempt(d: Diagnosis) -> dict[str, Any]:
    e = d.evidence
    return {
        "number": e.number,
        "at_s": e.at,
        "duration_s": e.duration,
        "car": mac(e.car) or None,
        "charger": mac(e.charger) or None,
        "protocol": e.protocol or None,
        "reached": place(e),
        "charged": e.charged,
        "answer": answer(d),
        "course": [
            {
                "at_s": p.at,
                "checkpoint": p.checkpoint,
                "name": p.name,
                "took_s": p.took,
                "slow": p.slow,
                "text": p.text,
                "usual_s": None if p.usual is None else [p.usual.least, p.usual.median, p.usual.most],
                "limit_s": None if p.usual is None else p.usual.limit,
                "limit_name": None if p.usual is None else p.usual.limit_name,
            }
            for p in course(e)
        ],
        "measured": None if e.plant is None else asdict(e.plant),
        "causes": [
            {
                "name": j.cause.name,
                "side": j.cause.side.value,
                "score": j.found.score,
                "what": j.found.what,
                "why": j.cause.why,
                "for": list(j.found.pro),
                "against": list(j.found.con),
                "remedies": list(j.cause.remedies),
                "code": None if j.cause.mrec is None else mrec.code(j.cause.mrec),
                "source": j.cause.source,
                "at_s": j.found.at,
            }
            for j in d.causes
        ],
    }
