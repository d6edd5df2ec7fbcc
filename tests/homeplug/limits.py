"""Our own times on the wire beside what ISO 15118-3 allows (slac-and-network sheet 2.1), from the messages of a meeting."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kernel.timer import MS
from tasks.homeplug import timing as t
from tasks.homeplug.wire import (CM_ATTEN_CHAR_IND, CM_ATTEN_CHAR_RSP, CM_MNBC_SOUND_IND, CM_SLAC_MATCH_CNF, CM_SLAC_MATCH_REQ, CM_SLAC_PARM_CNF,
                                 CM_SLAC_PARM_REQ, CM_START_ATTEN_CHAR_IND)

TICK_MS = 10.0                   # our kernel's: what is due between two ticks leaves at the second
NO_LIMIT = float("inf")


@dataclass(frozen=True, slots=True)
class Measured:
    """One interval in ms with its limits."""

    name: str
    value: float
    least: float
    most: float

    @property
    def kept(self) -> bool:
        return self.least <= self.value <= self.most


def _of(passed: list[tuple[int, Any]], *kinds: type) -> list[int]:
    return [at for at, m in passed if type(m) in kinds]


def _after(times: list[int], at: int) -> int | None:
    return next((x for x in times if x >= at), None)


def _answers(name: str, asked: list[int], answered: list[int], most: int) -> list[Measured]:
    """Each question and the first answer after it."""
    return [Measured(name, (found - at) / MS, 0.0, most / MS) for at in asked if (found := _after(answered, at)) is not None]


def without_copies(asked: list[int]) -> list[int]:
    """Our car sends each CM_SLAC_PARM.REQ twice, PARM_AGAIN and at most a tick apart: the first of both."""
    return [at for i, at in enumerate(asked) if not i or at - asked[i - 1] > t.PARM_AGAIN + TICK_MS * MS]


def of_car(passed: list[tuple[int, Any]]) -> list[Measured]:
    """Our car's."""
    found: list[Measured] = []
    requests, confirmed = without_copies(_of(passed, CM_SLAC_PARM_REQ)), _of(passed, CM_SLAC_PARM_CNF)
    found += [Measured("TT_match_response", (b - a) / MS, t.TT_match_response / MS, NO_LIMIT) for a, b in zip(requests, requests[1:])]
    starts, batch = _of(passed, CM_START_ATTEN_CHAR_IND), _of(passed, CM_START_ATTEN_CHAR_IND, CM_MNBC_SOUND_IND)
    for start in starts[::t.C_EV_start_atten_char_inds]:
        asked = [at for at in requests if at <= start][-1]
        first = next((at for at in confirmed if asked <= at <= start), None)
        if first is not None:
            found.append(Measured("TP_match_sequence", (start - first) / MS, 0.0, t.TP_match_sequence / MS))
        match = _after(_of(passed, CM_SLAC_MATCH_REQ), start)
        after = _after(requests, start)
        if match is not None and (after is None or match < after):
            found.append(Measured("TT_EV_atten_results", (match - start) / MS, 0.0, t.TT_EV_atten_results / MS + TICK_MS))
            answered = [at for at in _of(passed, CM_ATTEN_CHAR_RSP) if at <= match]
            found.append(Measured("RSP to MATCH.REQ", (match - answered[-1]) / MS, 0.0, NO_LIMIT))
    for a, b in zip(batch, batch[1:]):
        if not any(a < at < b for at in requests):
            found.append(Measured("TP_EV_batch_msg_interval", (b - a) / MS, t.TP_EV_batch_msg_interval_min / MS, t.TP_EV_batch_msg_interval_max / MS))
    found += _answers("TP_match_response (RSP)", _of(passed, CM_ATTEN_CHAR_IND), _of(passed, CM_ATTEN_CHAR_RSP), t.TP_match_response)
    matches = _of(passed, CM_SLAC_MATCH_REQ)
    found += [Measured("TT_match_response (MATCH)", (b - a) / MS, t.TT_match_response / MS, NO_LIMIT) for a, b in zip(matches, matches[1:])]
    return found


def of_charger(passed: list[tuple[int, Any]]) -> list[Measured]:
    """Our charger's."""
    found = _answers("TP_match_response (PARM)", _of(passed, CM_SLAC_PARM_REQ), _of(passed, CM_SLAC_PARM_CNF), t.TP_match_response)
    starts, sounds, indications = _of(passed, CM_START_ATTEN_CHAR_IND), _of(passed, CM_MNBC_SOUND_IND), _of(passed, CM_ATTEN_CHAR_IND)
    for start in starts[::t.C_EV_start_atten_char_inds]:
        first = _after(indications, start)
        if first is None:
            continue
        heard = [at for at in sounds if start <= at <= first]
        over = min(heard[-1], start + t.TT_EVSE_match_MNBC) if len(heard) == t.C_EV_match_MNBC else start + t.TT_EVSE_match_MNBC
        found.append(Measured("TP_EVSE_avg_atten_calc", (first - over) / MS, 0.0, t.TP_EVSE_avg_atten_calc / MS))
    found += [Measured("TT_match_response (IND)", (b - a) / MS, t.TT_match_response / MS, NO_LIMIT) for a, b in zip(indications, indications[1:])]
    found += _answers("TP_match_response (MATCH)", _of(passed, CM_SLAC_MATCH_REQ), _of(passed, CM_SLAC_MATCH_CNF), t.TP_match_response)
    return found
