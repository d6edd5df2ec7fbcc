"""A replay in words: identical, or where today's code first does something else, and what was around it."""
from __future__ import annotations

from typing import Any

from drivers.blackbox.reader import Box
from kernel.timer import S
from tools.replay.context import around
from tools.replay.engine import Difference, Replay

KINDS = {"did": "a device is told something else", "sent": "another frame is sent", "signal": "a signal has another value", "said": "the journal says something else",
         "drew": "randomness is asked for otherwise"}
SHOWN = 12                   # differences below the first one
CUT = 160                    # characters of a value


def lines(name: str, box: Box, replay: Replay, cpu_s: float, codec: Any, *, all_of_them: bool = False) -> list[str]:
    """For a person."""
    lived = max(0, replay.now - int(box.head.get("tape_from_ns", 0))) / S
    out = [f"{name}: {summary(replay, lived, cpu_s)}"]
    out += [f"  note: {remark}" for remark in (*([f"the file: {box.problem}"] if box.problem else []), *replay.remarks)]
    if replay.identical:
        return out
    first = replay.differences[0]
    begin = int(box.head.get("tape_from_ns", 0))
    out += ["", f"The first difference, {(first.at - begin) / S:.3f} s after the tape began (visit {first.visit}): {KINDS[first.kind]}", *_told(first, "  "), "", "Around it:"]
    out += [f"  {line}" for line in around(box, first, codec)]
    rest = replay.differences[1:] if all_of_them else replay.differences[1:1 + SHOWN]
    if rest:
        out += ["", "What follows:"]
        for difference in rest:
            out.append(f"  {(difference.at - begin) / S:10.3f} {difference.kind:<6} {difference.what}: {_short(difference.recorded) or 'nothing'} -> {_short(difference.today) or 'nothing'}")
    if replay.counted > 1 + len(rest):
        out.append(f"  and {replay.counted - 1 - len(rest)} more; most follow from the first one.")
    return out


def summary(replay: Replay, lived_s: float, cpu_s: float) -> str:
    """One line."""
    pace = f"{lived_s:.1f} s of the box's life played in {cpu_s:.2f} s ({lived_s / max(cpu_s, 1e-6):.0f} times real time)"
    if replay.identical:
        return f"identical: {replay.compared} deeds, signals and words; {pace}"
    return f"{replay.counted} differences in {replay.compared} deeds, signals and words; {pace}"


def as_dict(name: str, box: Box, replay: Replay, cpu_s: float) -> dict[str, Any]:
    """For programs; times in s since the tape began."""
    begin = int(box.head.get("tape_from_ns", 0))
    return {"file": name, "identical": replay.identical, "compared": replay.compared, "differences": replay.counted, "visits": replay.visits,
            "lived_s": max(0, replay.now - begin) / S, "cpu_s": round(cpu_s, 3), "remarks": replay.remarks, "damage": box.problem,
            "first": [_as_dict(difference, begin) for difference in replay.differences[:SHOWN]]}


def _as_dict(difference: Difference, begin: int) -> dict[str, Any]:
    return {"at_s": (difference.at - begin) / S, "kind": difference.kind, "what": difference.what, "recorded": difference.recorded, "today": difference.today}


def _told(difference: Difference, indent: str) -> list[str]:
    return [f"{indent}{difference.what}", f"{indent}  recorded: {_short(difference.recorded) or 'nothing'}", f"{indent}  today:    {_short(difference.today) or 'nothing'}"]


def _short(text: str) -> str:
    return text if len(text) <= CUT else text[:CUT] + " ..."
