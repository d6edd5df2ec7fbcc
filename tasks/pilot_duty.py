"""What a PWM duty on the control pilot means in A per phase, and the way back (IEC 61851-1; slac-and-network sheet 3).

Shared by who sets the duty (connection) and who answers for it (safety).
"""
from __future__ import annotations

from math import floor

NOMINAL_LOW, NOMINAL_HIGH = 10.0, 96.0       # percent: a current is allowed by the PWM alone
LINEAR_UP_TO = 85.0                          # percent: 0.6 A for each; from there 2.5 A for each above 64
LEAST_CURRENT = 6.0                          # A: less cannot be said
STEP = 0.5                                   # percent: what a pulse generator resolves at least (own choice)
TINY = 1e-9


def nominal(duty: float) -> bool:
    """A duty under which a car may draw without any session: the nominal duty cycle of ISO 15118-3."""
    return NOMINAL_LOW <= duty <= NOMINAL_HIGH


def promised_current(duty: float) -> float:
    """A per phase that a nominal duty promises; 0.0 for every other one."""
    if not nominal(duty):
        return 0.0
    return duty * 0.6 if duty <= LINEAR_UP_TO else (duty - 64.0) * 2.5


def nominal_duty(current: float) -> float | None:
    """The highest duty, in whole STEPs, that promises no more than `current` A; None where that is less than can be said."""
    if current < LEAST_CURRENT:
        return None
    exact = current / 0.6 if current <= LINEAR_UP_TO * 0.6 else current / 2.5 + 64.0
    return min(floor(exact / STEP + TINY) * STEP, NOMINAL_HIGH)
