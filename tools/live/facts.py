"""What the live view shows of a box, as plain values: its signals, and what people ask first (phase, who limits, what is waited for). Pure."""
from __future__ import annotations

import math
from enum import Enum
from typing import Any

from tasks.display.limit import limit_text
from tasks.display.phases import phase_of
from tasks.display.screens import notice_of
from tasks.signals import Signals
from tasks.stop_reasons import NORMAL_ENDS, StopReason
from tools.live.wire import MAX_TEXT

LEFT_OUT = frozenset({"display_keys", "vehicle_says", "charger_offer", "output_request", "kernel_addresses"})
"""Signals that are no single value."""
PRECISION = 3                # decimals of a number
FACTS = ("box.phase", "box.detail", "box.limits", "box.waits", "box.notice", "box.end", "box.hint", "box.end_normal")


def plain(value: Any) -> Any:
    """None, bool, int, str or a finite float, rounded."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return round(value, PRECISION) if math.isfinite(value) else None
    if isinstance(value, StopReason):
        return value.text
    if isinstance(value, Enum):
        return value.value if isinstance(value.value, str) else value.name
    if isinstance(value, bytes):
        return value.hex(":")
    return str(value)[:MAX_TEXT]


def facts(s: Signals, now: int, role: str) -> tuple[Any, ...]:
    """Values of FACTS, in their order. `role`: pev, evse, bridge or listen."""
    if role == "listen":
        return s.listen_state.value, "", s.listen_limiting.value, "", notice_of(s), s.listen_end.value, "", None
    phase, detail = phase_of(s)
    reason = s.stop_reason.value
    return (phase.headline, detail, limit_text(s, now, role != "evse"), waits(s, now, role), notice_of(s),
            None if reason is None else reason.text, s.safety_hint.value or ("" if reason is None else reason.hint),
            None if reason is None else reason in NORMAL_ENDS)


def waits(s: Signals, now: int, role: str) -> str:
    """What the box waits for, in a few words; empty when for nothing that it knows of."""
    held = s.safety_blocked.value or s.bridge_wait.value or s.session_hold.get(now)
    if held:
        return held
    state, v2g = s.connection_state.value, s.v2g_state.value
    if state == "Session" and v2g:
        return f"{v2g}{'Req' if role == 'evse' else 'Res'}"       # a V2G state is named after the message that is awaited
    return {"Unplugged": "a plug", "WaitPilot": "the pilot", "Matching": f"matching ({s.link_state.value})", "Discovering": "SDP", "Connecting": "TCP",
            "Paused": "somebody who goes on", "Finished": "the plug to be pulled", "Failed": "the plug to be pulled"}.get(state or "", "")
