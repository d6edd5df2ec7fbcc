"""Where the lines go: text or JSON, never a character that the terminal would obey or could not show."""
from __future__ import annotations

import json
from typing import Any, TextIO

from tasks.listen.lines import printable, seconds, text
from tasks.listen.record import Record
from tasks.listen.values import fields_of, mac_text

FLUSH_LINES = 256                # lines collected before they are written


class Output:
    """Buffered lines to a text stream. Without `keys` an NMK is masked in text."""

    def __init__(self, stream: TextIO, keys: bool = True) -> None:
        self._stream = stream
        self._keys = keys
        self._lines: list[str] = []
        self._encoding = getattr(stream, "encoding", None) or "utf-8"

    def line(self, content: str) -> None:
        self._lines.append(content)
        if len(self._lines) >= FLUSH_LINES:
            self._write()

    def record(self, record: Record, start: int, as_json: bool) -> None:
        """`start`: time of the first frame."""
        if as_json:
            self.json(as_dict(record, start))
        else:
            self.line(f"{record.number:>7} {seconds(record.at - start):>13}  {text(record, self._keys)}")

    def json(self, value: dict[str, Any]) -> None:
        self.line(json.dumps(value))

    def flush(self) -> None:
        self._write()
        self._stream.flush()

    def _write(self) -> None:
        if self._lines:
            content = "\n".join(self._lines) + "\n"
            self._lines.clear()
            self._stream.write(content.encode(self._encoding, "backslashreplace").decode(self._encoding))


def as_dict(record: Record, start: int) -> dict[str, Any]:
    """The record for programs: times in s, absent values left out."""
    out: dict[str, Any] = {
        "frame": record.number, "time_s": (record.at - start) / 1e9, "layer": record.layer.value, "category": record.category.value,
        "name": record.name, "src": mac_text(record.src), "dst": mac_text(record.dst)}
    if record.sender is not None:
        out["sender"] = record.sender.value
    if record.receiver is not None:
        out["receiver"] = record.receiver.value
    if record.protocol:
        out["protocol"] = record.protocol
    if record.session_id:
        out["session_id"] = record.session_id.hex()
    values = fields_of(record)
    if values:
        out["values"] = values
    if record.octets:
        out["octets"] = record.octets
    if record.latency is not None:
        out["latency_ms"] = record.latency / 1e6
    if record.note:
        out["note"] = printable(record.note)
    if record.reason:
        out["reason"] = record.reason
    return out
