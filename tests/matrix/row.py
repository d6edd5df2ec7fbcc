"""One row of the table of expectations, and the bounds and reasons that many rows share."""
from __future__ import annotations

from dataclasses import dataclass

from kernel.scheduler import TICK
from kernel.timer import MS, S

REACTION = 2 * TICK
SAMPLE = 50 * MS + REACTION              # a sensor is read, the supervisor acts
MESSAGE = 6 * S + REACTION               # the longest message timeout (PowerDelivery, field)
CLIMB = 7 * S                            # a clean cable check and precharge, as these two boxes do them
CONFIRMATION = CLIMB + 5 * S + REACTION  # what is not confirmed when the car wants to close (CONFIRMATION_LIMIT), from state C on
PERMIT = 8 * S                           # a permit or a voltmeter that the charger lacks: 5 s, the interval of its poll and of the car's
CABLE_CHECK = 40 * S + REACTION
PRECHARGE = 42 * S                       # cable check and the patience of precharge

GOOD = frozenset({"USER_STOP"})                          # the session went on until the driver pressed stop
CHARGER_GOOD = frozenset({"CAR_STOP", "BATTERY_FULL", "CAR_ERROR"})
GONE = frozenset({"TCP_CLOSED", "TCP_RESET", "TCP_TIMEOUT", "TIMEOUT", "LINK_LOST", "COMMUNICATION_SETUP_TIMEOUT"})
"""What a side says whose peer has left."""
CAR_LEFT = GONE | {"CAR_STOP", "CAR_LEFT_C", "CABLE_CHECK_FAILED", "CAR_ERROR", "BATTERY_FULL", "UNPLUGGED"}     # state B ends a cable check
CHARGER_LEFT = GONE | {"FAILED_RESPONSE", "CHARGER_MALFUNCTION", "CHARGER_SHUTDOWN", "CHARGER_STOP", "CABLE_CHECK_FAILED", "NO_PILOT", "UNKNOWN_SESSION"}
HEARD = " FAILED_RESPONSE CHARGER_SHUTDOWN"       # what a car that has left state C may hear from its charger before it says so itself
CAR_TRIP = "SAFETY_TRIP NOT_CONFIRMED" + HEARD
# A charger that has tripped takes its 5 % PWM away after 2.5 s: a trip of the car where no message told it before (SAFETY_TRIP).
# A charger that lacks a permit raises no voltage and says so after 5 s (its reason: NOT_CONFIRMED).
CHARGER_TRIP = "CHARGER_MALFUNCTION CHARGER_EMERGENCY CABLE_CHECK_FAILED PRECHARGE_TIMEOUT SAFETY_TRIP" + HEARD
CHARGER_SAYS = "NOT_CONFIRMED SAFETY_TRIP CABLE_CHECK_FAILED"
UP = frozenset({None, "NO_PILOT", "NO_CHARGER_SLAC", "NO_LINK", "SLAC_FAILED", "SDP_FAILED", "NO_MODEM"})
"""Ends before there was a session."""


@dataclass(frozen=True, slots=True)
class Row:
    """`car`, `charger`: allowed reasons when the session does not go on. `harmless`: it may go on. `b`: ns to state B.
    `powered`: the same where contactors were closed when the fault came, None: no other."""

    words: str
    car: frozenset = frozenset()
    charger: frozenset = frozenset()
    harmless: bool = False
    b: int | None = None
    powered: int | None = None


def row(words: str, car: str = "", charger: str = "", *, harmless: bool = False, b: int | None = None, powered: int | None = None,
        gone: bool = True) -> Row:
    """Names separated by blanks; `gone`: each side may also have been left by the other."""
    return Row(words, frozenset(car.split()) | (GONE if gone and car else frozenset()),
               frozenset(charger.split()) | (CAR_LEFT if gone and car else frozenset()), harmless, b, powered)
