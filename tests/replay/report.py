"""The list for people: one line per replay while it runs, the table, and the differences of each row in one line per reason."""
from __future__ import annotations

import re
from collections import Counter
from statistics import median

from kernel.timer import MS
from tests.replay.peers import peers
from tests.replay.plays import Replay
from tests.replay.result import ORDER, Difference, Result, Verdict

COLUMNS = (Verdict.EQUAL, Verdict.BETTER, Verdict.OTHER, Verdict.WORSE)
SHOWN = re.compile(r"[A-Za-z_]+|-?[0-9.]+ (s|ms)|another than announced|as announced|no answer|FAILED\w+")
"""Values that may stand in the list: codes, words and times; neither addresses, keys and ids nor measured values of the captures."""
FIELDS = 4                   # named per reason; the others are counted
HEAD = """# The recorded sessions, replayed

Written by `python -m tests.replay --write`; a test holds it to what that writes. The rule is in `README.md`.
Answers count messages of ours; the worst difference of a message is its class, a free choice (*other*) beside one that is better does not count.
Fed: messages of the recorded peer that our machine was given. Times in ms, V2G only, median and greatest of the recorded stack / of ours: a charger's to
answer, a car's from an answer to its next request. Our charger answers in the visit that took the request: 0 in virtual time, except where it waits
for the world. What our machines take in real time is measured by `python -m tools.bench`.
"""


def short(capture: str) -> str:
    """The capture's name without its suffix."""
    return re.sub(r"(\.csv)?\.pcap(ng)?$", "", capture)


def _counted(texts: list[str]) -> str:
    """Equal texts once, with how many."""
    return "; ".join(f"{n} × {text}" if n > 1 else text for text, n in Counter(t for t in texts if t).items())


def ends(replay: Replay) -> tuple[str, str]:
    """How the recorded stack ended, and how ours: of each part that says more than that it went well."""
    shown = [r for r in replay.results if r.fed or r.answers]
    last = [r for r in shown if r.part in ("V2G", "TLS")] or shown[-1:]
    return _counted([_end(r.recorded_end) for r in last]), _counted([r.end for r in last])


def _end(text: str) -> str:
    """The listener's sentence without its seconds."""
    return re.sub(r" [0-9.]+ s after", " after", re.sub(r" \([^)]*for [0-9.]+ s\)", "", text))


def times(replay: Replay) -> str:
    """Median and greatest time of the recorded stack, then of ours: a charger's to answer, a car's pause before its next request."""
    pairs = [(a.recorded_took, a.took) for r in replay.results if r.part == "V2G" for a in r.answers if a.recorded_took is not None and a.took is not None]
    if not pairs:
        return ""
    return " / ".join(f"{median(side) / MS:.0f}, {max(side) / MS:.0f}" for side in zip(*pairs))


def line(replay: Replay) -> str:
    """While it runs."""
    counts = "  ".join(f"{replay.count(v):4} {v.value}" for v in COLUMNS)
    unexplained = len(replay.unexplained())
    more = f"  {unexplained} UNEXPLAINED" if unexplained else ""
    return f"{short(replay.capture)[:52]:52}  {replay.side:7}  {replay.fed:5} fed  {counts}{more}   {ends(replay)[1]}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def row(replay: Replay) -> str:
    """One row of the table."""
    car, charger = peers(replay.capture)
    peer = car if replay.side == "charger" else charger
    counts = " | ".join(str(replay.count(v)) for v in COLUMNS)
    recorded, ours = ends(replay)
    return (f"| {short(replay.capture)} | {replay.side} | {_cell(peer)} | {replay.fed} | {counts} | {times(replay)} | "
            f"{_cell(recorded) or '-'} | {_cell(ours) or '-'} |")


def table(replays: list[Replay]) -> list[str]:
    """All rows and their sum."""
    out = ["| capture | ours | recorded peer | fed | equal | better | other | worse | times, ms | recorded stack ended | ours ended |",
           "|---|---|---|---|---|---|---|---|---|---|---|"]
    out += [row(r) for r in replays]
    sums = " | ".join(str(sum(r.count(v) for r in replays)) for v in COLUMNS)
    return out + [f"| **{len(replays)} replays** | | | {sum(r.fed for r in replays)} | {sums} | | | |"]


def differences(replay: Replay) -> list[str]:
    """One line for each reason: verdict, how many, fields, an example where it may be shown."""
    groups: dict[tuple[Verdict, str, str], list[tuple[Difference, int]]] = {}
    for part, difference, count in replay.grouped():
        if difference.verdict is not Verdict.EQUAL:
            groups.setdefault((difference.verdict, part, difference.reason), []).append((difference, count))
    out = []
    for (verdict, part, reason), found in sorted(groups.items(), key=_worst_first):
        names = [_name(d.field) for d, _ in found]
        fields = ", ".join(names[:FIELDS]) + (f" and {len(names) - FIELDS} more" if len(names) > FIELDS else "")
        example = _example(found[0][0]) if found[0][0].field != "end" else ""
        out.append(f"- **{verdict.value}** {sum(n for _, n in found)} × {part} {fields}{example}: {reason or 'unexplained'}")
    return out


def _name(field: str) -> str:
    """Message and last name of the path."""
    parts = field.split(".")
    head = 2 if parts[0].startswith("CM_") else 1
    return ".".join(parts[:head] + parts[max(head, len(parts) - 1):])


def _worst_first(group: tuple[tuple[Verdict, str, str], list[tuple[Difference, int]]]) -> tuple[int, str, str]:
    verdict, part, reason = group[0]
    return -ORDER.index(verdict), part, reason


def _example(d: Difference) -> str:
    """Recorded and ours, where both are codes or times."""
    if all(text == "-" or SHOWN.fullmatch(text) for text in (d.recorded, d.ours)):
        return f" (recorded {d.recorded}, ours {d.ours})"
    return ""


def _remarks(replay: Replay) -> list[str]:
    """What was left out or asked again, and rows in which nothing is to be answered."""
    out = []
    left, again = replay.left_out, sum(r.again for r in replay.results)
    if left:
        out.append(f"- {left} recorded requests left out: ours was ready sooner, or had ended")
    if again:
        out.append(f"- {again} requests asked again: ours still measured its insulation where the recorded one said Finished")
    if replay.unanswered:
        out.append(f"- {replay.unanswered} requests of ours have no answer in the recording")
    others = sum(r.fed for r in replay.results if r.part == "MME")
    if others:
        out.append(f"- {others} management messages of other kinds were heard as well: nothing was said to them")
    if not any(r.answers for r in replay.results):
        out.append("- nothing to answer: no matching, SDP or V2G message of this peer is in the capture")
    return out


def document(replays: list[Replay]) -> str:
    """The whole list."""
    out = [HEAD, *table(replays), "", "## Differences", ""]
    for r in replays:
        car, charger = peers(r.capture)
        met = f"the recorded car ({car})" if r.side == "charger" else f"the recorded charger ({charger})"
        out += [f"### {short(r.capture)}: our {r.side} and {met}", "", *_remarks(r), *differences(r), ""]
    return "\n".join(out).rstrip() + "\n"


def answers(result: Result) -> list[str]:
    """Each of our answers beside the recorded one, for `--answers`."""
    return [f"  {result.part}, {result.side}: recorded: {result.recorded_end or '-'}; ours: {result.end or '-'}"] + ["  " + a.line() for a in result.answers]
