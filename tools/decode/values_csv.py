"""Values over time as CSV, one row per message: what a spreadsheet or a plotting program takes."""
from __future__ import annotations

import csv
import io
from typing import Any

from kernel.timer import S
from tasks.listen.columns import field
from tasks.listen.readings import LOOPS, leaves
from tasks.listen.record import Category, Layer, Record
from tools.history.values import FIELDS, PLAUSIBLE, POWER, Value

YEAR_2000 = 946_684_800 * S              # an earlier clock is not a clock
WORDS = ("ResponseCode", "EVSEProcessing", "EVSEStatusCode", "EVSEIsolationStatus", "EVErrorCode", "EVSENotification")
_SERIES: dict[str, Value] = {value.name: value for value in FIELDS.values()}        # a series once, whatever its field is called
COLUMNS = ("time_s", "unix_s", "session", "sender", "message", "answer_ms",
           *(f"{value.name}_{'percent' if value.unit == '%' else value.unit}" for value in _SERIES.values()), *WORDS)


def header() -> str:
    return _line(list(COLUMNS))


def name(path: str) -> str:
    """A file's name as a cell."""
    return _line([field(path)])


def row(record: Record, start: int, session: int | None) -> str | None:
    """A V2G message; None for other records. `start`: ns of the first record. What a message does not say is empty, what cannot be as well."""
    if record.layer is not Layer.V2G or record.category is not Category.DECODED:
        return None
    values = dict(leaves(record.message))
    told: dict[str, str] = {}
    for name, value in values.items():
        kind = FIELDS.get(name)
        if kind is not None and not isinstance(value, (str, bool)):
            low, high = PLAUSIBLE[kind.unit]
            if low <= value * kind.factor <= high:
                told[kind.name] = f"{value * kind.factor:.6g}"
    if record.name in LOOPS and POWER.name not in told and "EVSEPresentVoltage" in told and "EVSEPresentCurrent" in told:
        told[POWER.name] = f"{float(told['EVSEPresentVoltage']) * float(told['EVSEPresentCurrent']) / 1000:.6g}"
    return _line([f"{(record.at - start) / 1e9:.4f}", f"{record.at / 1e9:.4f}" if record.at > YEAR_2000 else "", "" if session is None else session,
                  record.sender.value if record.sender else "", field(record.name), "" if record.latency is None else f"{record.latency / 1e6:.1f}",
                  *(told.get(name, "") for name in _SERIES), *(field(str(values.get(name, ""))) for name in WORDS)])


def _line(cells: list[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()
