"""The columns of `measured.Row` from a sequence of messages: a recording, or what passed on a simulated line."""
from __future__ import annotations

from statistics import median
from typing import Any, Iterable

from kernel.timer import MS, S
from tasks.homeplug.wire import (CM_ATTEN_CHAR_IND, CM_ATTEN_CHAR_RSP, CM_MNBC_SOUND_IND, CM_SLAC_MATCH_CNF, CM_SLAC_MATCH_REQ, CM_SLAC_PARM_CNF,
                                 CM_SLAC_PARM_REQ, CM_START_ATTEN_CHAR_IND)

COLUMNS = ("cnf", "start", "start_gap", "sound1", "sound_gap", "ind", "ind_from_start", "sounds", "db", "rsp", "match", "match_from_start", "matched",
           "total_s")


def columns(passed: Iterable[tuple[int, Any]]) -> dict[str, Any]:
    """The COLUMNS of the first complete matching in (time in ns, message) pairs, empty without one; of what was repeated the last before the
    answer counts, as in the sheet: of CM_SLAC_PARM the last request and its answer, of CM_ATTEN_CHAR.IND the one that was answered."""
    at: dict[type, list[int]] = {}
    last: dict[type, Any] = {}
    for time, message in passed:
        kind = type(message)
        if kind is CM_SLAC_PARM_REQ and (CM_START_ATTEN_CHAR_IND in at):
            at, last = {}, {}                                                # a new attempt
        at.setdefault(kind, []).append(time)
        last[kind] = message
        if kind is CM_SLAC_MATCH_CNF:
            break
    needed = (CM_SLAC_PARM_REQ, CM_SLAC_PARM_CNF, CM_START_ATTEN_CHAR_IND, CM_MNBC_SOUND_IND, CM_ATTEN_CHAR_IND, CM_ATTEN_CHAR_RSP, CM_SLAC_MATCH_REQ,
              CM_SLAC_MATCH_CNF)
    if any(kind not in at for kind in needed):
        return {}
    request, confirmation, starts, sounds, indications, responses, match, matched = (at[kind] for kind in needed)
    gaps = [(b - a) / MS for a, b in zip(sounds, sounds[1:])]
    answered = [t for t in indications if t <= responses[0]][-1]
    confirmed = [t for t in confirmation if t <= starts[0]][-1]
    return {
        "cnf": (confirmed - [t for t in request if t <= confirmed][-1]) / MS, "start": (starts[0] - confirmed) / MS,
        "start_gap": median((b - a) / MS for a, b in zip(starts, starts[1:])) if len(starts) > 1 else 0.0,
        "sound1": (sounds[0] - starts[-1]) / MS, "sound_gap": (median(gaps), min(gaps), max(gaps)) if gaps else (0.0, 0.0, 0.0),
        "ind": (answered - sounds[-1]) / MS, "ind_from_start": (answered - starts[0]) / MS,
        "sounds": last[CM_ATTEN_CHAR_IND].num_sounds, "db": sum(last[CM_ATTEN_CHAR_IND].aag) / max(1, len(last[CM_ATTEN_CHAR_IND].aag)),
        "rsp": (responses[0] - answered) / MS, "match": (match[0] - responses[0]) / MS, "match_from_start": (match[0] - starts[0]) / MS,
        "matched": (matched[0] - match[-1]) / MS, "total_s": (matched[0] - [t for t in request if t <= confirmed][-1]) / S}
