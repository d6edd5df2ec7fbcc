"""What a line of a controller's own log says beside messages: checkpoints, pilot, contactors, states, trouble (pyPLC's and Clara's wording).

Wording: pyPLC's syslog frames in recorded captures; Clara logs the same way (field-pyplc-clara sheet 1.7, 6, 8).
"""
from __future__ import annotations

import re
from typing import NamedTuple

MAX_TEXT = 200
_CHECKPOINT = re.compile(r"checkpoint\s*(\d{1,4})\s*[:=]?\s*(.*)", re.IGNORECASE)
_PILOT = re.compile(r"(?:setting\s+)?\bCP\b[^.]{0,20}?\bstate\s+([A-F])\b", re.IGNORECASE)
_RELAY = re.compile(r"(?:switching\s+)?(power ?relay|contactors?)\s*(?:is|are|:|=)?\s*(on|off|opened|closed|open|close)\b", re.IGNORECASE)
_LOCK = re.compile(r"\b(lock|unlock)ing\b(?: the)? (?:connector|plug)", re.IGNORECASE)
_LEVEL = re.compile(r"ConnectionLevel changed from \d+ to (\d+)")
_STATE = re.compile(r"\bfrom ([\w]+) entering ([\w]+)")
_TROUBLE = re.compile(r"\b(error|failed|emergency|malfunction)\b", re.IGNORECASE)
_DELAY = re.compile(r"\btime-?out\b", re.IGNORECASE)
_DECODED = ('"msgName"', "bytes to convert", "responding (", "received (")       # the messages themselves, which are shown decoded
_CLOSED = {"on": "closed", "close": "closed", "closed": "closed", "off": "open", "open": "open", "opened": "open"}


class Finding(NamedTuple):
    """Either a state of a lane or a mark: `kind` is "lane", "checkpoint", "warning" or "error"; `lane` is "" for marks."""

    kind: str
    lane: str
    text: str


def findings(line: str) -> list[Finding]:
    """Nothing, or what the line tells; never raises."""
    text = line.strip()[:MAX_TEXT]
    if any(word in text for word in _DECODED):
        return []
    found: list[Finding] = []
    if match := _CHECKPOINT.search(text):
        found.append(Finding("checkpoint", "", f"{match[1]} {match[2]}".strip()))
    if match := _PILOT.search(text):
        found.append(Finding("lane", "pilot (CP)", f"state {match[1].upper()}"))
    if match := _RELAY.search(text):
        found.append(Finding("lane", "contactors", _CLOSED[match[2].lower()]))
    if match := _LOCK.search(text):
        found.append(Finding("lane", "lock", "locked" if match[1].lower() == "lock" else "unlocked"))
    if match := _LEVEL.search(text):
        found.append(Finding("lane", "connection level", match[1]))
    if match := _STATE.search(text):
        found.append(Finding("lane", "controller", match[2]))
    if not found:
        if _TROUBLE.search(text):
            found.append(Finding("error", "", text))
        elif _DELAY.search(text):
            found.append(Finding("warning", "", text))
    return found
