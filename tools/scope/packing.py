"""The neutral model in fewer octets for a page: columns instead of records, times as differences of 0.1 ms, each text once; then deflated.

The page's store.js (`unpackModel`) makes the neutral model of it again. An hour of charging has 36 000 messages and more.
"""
from __future__ import annotations

import base64
import json
import zlib
from typing import Any

from tools.history.model import MARK_KINDS, History

TICKS = 10_000               # per s
LEVEL = 9                    # 0.1 s for an hour's session


def packed(history: History) -> dict[str, Any]:
    """What `unpackModel` takes."""
    model = history.json()
    words: dict[str, int] = {"": 0}
    marks: dict[str, list[int]] = {"t": [], "kind": [], "lane": [], "text": [], "detail": []}
    last = 0
    for mark in model["marks"]:
        tick = round(mark["t"] * TICKS)
        marks["t"].append(tick - last)
        last = tick
        marks["kind"].append(MARK_KINDS.index(mark["kind"]))
        for name in ("lane", "text", "detail"):
            marks[name].append(words.setdefault(mark.get(name, ""), len(words)))
    for series in model["series"]:
        last, steps, values = 0, [], []
        for at, value in series.pop("points"):
            tick = round(at * TICKS)
            steps.append(tick - last)
            values.append(value if value is None or value % 1 else int(value))
            last = tick
        series |= {"t": steps, "v": values}
    return model | {"marks": marks, "words": list(words), "kinds": list(MARK_KINDS)}


def embedded(histories: list[History]) -> str:
    """Base64 of the deflated JSON of all sessions: letters that no HTML parser takes for anything else."""
    text = json.dumps([packed(history) for history in histories], separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode(), LEVEL)).decode()
