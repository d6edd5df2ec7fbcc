"""The journal of our own box -> facts: trips, reasons, warnings and checkpoints, shared out to the attempts by their times."""
from __future__ import annotations

import re
from dataclasses import replace
from typing import Iterable, Sequence

from tasks.stop_reasons import StopReason
from tools.explain.evidence import Box, Evidence, Line

TEXT = re.compile(r" {0,5}(\d{1,9}\.\d{3}) ([\w/]+) +(?:\[ *(\d{1,3})\] )?(?:(WARNING|ERROR): )?(.*)")
TRIP = re.compile(r"TRIP (\w+): ([^.]+)\.")
WAITS = re.compile(r"waits before granting: ([^.]+)\. (.*?)(?: \(\d+ more like this since\))?")
MAX_WAITS = 32                       # different ones of one attempt: a table of permits and trips has about as many
ENDED = re.compile(r"ended in state (\w+): (.+)")
OVER = re.compile(r"session ended: (.+?)(?: \(not in order\))?")
CHANGE = re.compile(r"(\w+) -> (\w+)")
REASONS = {reason.text: reason for reason in StopReason}
MAX_LINES = 200_000                  # of one journal: 20 hours of a chatty one
KEPT = 400                           # warnings and errors of one attempt: the first half and the newest


def parse(lines: Iterable[str], shift: float) -> list[Line]:
    """Lines of a journal.txt; a line of no known form belongs to the one before and is left out. `shift`: s to add to its times."""
    found: list[Line] = []
    for number, text in enumerate(lines):
        if number >= MAX_LINES:
            break
        match = TEXT.fullmatch(text.rstrip("\n"))
        if match is not None:
            seconds, source, checkpoint, level, said = match.groups()
            kind = "checkpoint" if checkpoint else (level or "info").lower()
            found.append(Line(float(seconds) + shift, source.rpartition("/")[2], kind, int(checkpoint or 0), said))
    return found


def shared_out(attempts: Sequence[Evidence], lines: Sequence[Line], role: str) -> list[Evidence]:
    """Each attempt with what was said from its beginning to that of the next one; what came before the first belongs to the first.
    Without any frame of an attempt there is one made of the journal alone."""
    if not lines and not role:
        return list(attempts)
    if not attempts:
        began, ended = (lines[0].at, lines[-1].at) if lines else (0.0, 0.0)
        attempts = [Evidence(1, began, ended - began)]
    found = []
    for n, attempt in enumerate(attempts):
        # a try of the box begins a moment before its first frame: 0.2 s is less than any try lasts
        since = -1e12 if n == 0 else attempt.at - 0.2
        until = attempts[n + 1].at - 0.2 if n + 1 < len(attempts) else 1e12
        its = [line for line in lines if since <= line.at < until]
        found.append(replace(attempt, box=_box(its, role, attempt.at)))
    return found


def _box(lines: Sequence[Line], role: str, began: float) -> Box:
    trips: list[tuple[float, str, str]] = []
    reasons: list[tuple[float, StopReason]] = []
    told: list[Line] = []
    checkpoints: list[tuple[float, int]] = []
    waits: dict[str, tuple[float, float, str, str]] = {}
    state = ""
    for line in lines:
        at = line.at - began
        if line.number:
            checkpoints.append((at, line.number))
            continue
        if line.source == "safety" and (trip := TRIP.match(line.text)):
            trips.append((at, trip[1], trip[2]))
        elif line.source == "safety" and (wait := WAITS.fullmatch(line.text)):
            text = wait[1].strip()
            known = waits.pop(text, None)
            if len(waits) < MAX_WAITS:
                waits[text] = (known[0] if known else at, at, text, wait[2])
        elif (ended := ENDED.fullmatch(line.text) or OVER.fullmatch(line.text)) is not None:
            reason = REASONS.get(ended[ended.lastindex or 1])
            if reason is not None and reason not in [known for _, known in reasons]:
                reasons.append((at, reason))
        elif line.source == "v2g" and (change := CHANGE.fullmatch(line.text)):
            state = change[2]
        if line.level in ("warning", "error"):
            told.append(Line(at, line.source, line.level, 0, line.text))
    if len(told) > KEPT:
        told = told[:KEPT // 2] + told[-KEPT // 2:]
    return Box(role, tuple(trips), tuple(reasons), tuple(told), tuple(waits.values()), tuple(checkpoints), state)
