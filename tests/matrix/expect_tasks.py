"""What is expected when a row of a box's table raises or silently does nothing any more (task_faults.py).

Raised: the kernel stops that row and no other, and the supervisor shuts down as an emergency in the same visit. The reason is
that trip where the row left over can tell it, else what its silence does to the session. Silent: what it wrote grows old, what
it promised lapses, what it should have said is missed.
"""
from __future__ import annotations

from kernel.timer import MS, S
from tasks.safety.trips import INTERNAL_FAULT
from tests.matrix.row import CAR_TRIP, CHARGER_SAYS, CHARGER_TRIP, CONFIRMATION, HEARD, MESSAGE, PERMIT, REACTION, SAMPLE, Row, row
from tests.matrix.task_faults import RAISES, ROLE, ROWS

SILENCE = 3 * S + 2 * S                  # BATTERY_SILENCE_LIMIT; signals of the battery are stale after up to 2 s
CORE = S + REACTION                      # a supervisor is asked once a second at least (adapter ASK)
LEASE = 3 * S + SAMPLE                   # a request that nobody renews (tasks/signals.py REQUEST)
ALIVE = 2 * S + REACTION                 # connection_alive
ANSWER = MESSAGE + 500 * MS              # the message timeout from a request on that waits for contacts to travel
SLAC = " NO_MODEM NO_CHARGER_SLAC NO_LINK SDP_FAILED"
"""What a car says whose frames do not pass; in a session GONE."""
UNSAID = "CABLE_CHECK_FAILED"
"""What a charger says whose car has left state C in the cable check and cannot tell it, when TCP repeats a request later."""

CAR_SILENT: dict[str, Row] = {
    "sense": row("what is old is unknown after 500 ms, the pilot after 200 ms: trip while armed", CAR_TRIP + " NO_PILOT", "", harmless=True,
                 b=200 * MS + SAMPLE),
    "vehicle": row("the same after 500 ms (2 s for its limits); before power, the end after 3 s",
                   "SAFETY_TRIP BATTERY_SILENT NOT_CONFIRMED CAR_STOP" + HEARD, "", harmless=True, b=SILENCE),
    "user": row("keys are not read any more; the stop button and the charger's are", harmless=True),
    "frame_rx": row("nothing is heard: the message timeout", "TIMEOUT" + SLAC, "", harmless=True, b=ANSWER),
    "homeplug": row("no matching; a session that runs needs none", "NO_LINK" + SLAC, "", harmless=True),
    "ipv6": row("nothing is heard: the message timeout", "TIMEOUT" + SLAC, "", harmless=True, b=ANSWER),
    "sdp": row("no discovery within the 20 s of the setup; a session that runs needs none", "COMMUNICATION_SETUP_TIMEOUT", "", harmless=True),
    "tcp": row("nothing is heard: the message timeout", "TIMEOUT", "", harmless=True, b=ANSWER),
    "connection": row("a person's stop is not heard any more: no closing, trip while powered after 2 s", CAR_TRIP, "", harmless=True,
                      b=CONFIRMATION, powered=ALIVE),
    # SAFETY_TRIP: a charger whose stream has ended for another reason takes its PWM away before the wishes lapse
    "v2g": row("wishes lapse after 3 s: the orderly shutdown; the charger's stream ends", "TCP_CLOSED SAFETY_TRIP", UNSAID, harmless=True, b=LEASE),
    "frame_tx": row("nothing is said: the message timeout, at the charger the sequence timeout", "TIMEOUT" + SLAC, "", harmless=True, b=ANSWER),
    "display": row("dark or old", harmless=True),
    "health": row("no sign of life to the service manager, which starts the program anew after 2 s; not part of this world", harmless=True),
}
CHARGER_SILENT: dict[str, Row] = {
    "sense": row("what is old is unknown: output off, no cable check, FAILED", CHARGER_TRIP + " NO_PILOT", CHARGER_SAYS + " ONGOING_TIMEOUT",
                 harmless=True, b=PERMIT),
    "user": row("keys are not read any more; the stop button is", harmless=True),
    "frame_rx": row("nothing is heard, nothing answered: the car's message timeout", "TIMEOUT" + SLAC, "NO_MODEM", harmless=True, b=ANSWER),
    "homeplug": row("no key, no matching; a session that runs needs none", "NO_LINK" + SLAC, "NO_MODEM", harmless=True),
    "ipv6": row("nothing is answered: the car's message timeout", "TIMEOUT" + SLAC, "", harmless=True, b=ANSWER),
    "sdp": row("no answer to SDP; a session that runs needs none", "SDP_FAILED", "", harmless=True),
    "tcp": row("nothing is answered: the car's message timeout", "TIMEOUT", "", harmless=True, b=ANSWER),
    "connection": row("a person's stop is not heard any more: trip while it delivers after 2 s, no permit before; the PWM lapses after 3 s",
                      CHARGER_TRIP + SLAC, CHARGER_SAYS, harmless=True, b=PERMIT),
    "v2g": row("nothing is answered: the car's message timeout", "TIMEOUT", "", harmless=True, b=ANSWER),
    "frame_tx": row("nothing is said: the car's message timeout", "TIMEOUT" + SLAC, "NO_MODEM", harmless=True, b=ANSWER),
    "display": row("dark or old", harmless=True),
    "health": row("as in the car", harmless=True),
}
UNTOLD = "the row raises: an emergency in the same visit; what it leaves unsaid may be the reason"


def _raised(silent: Row, tripped: str, says: str, b: int) -> Row:
    """What the silence of the row allows, and the trip; the session never goes on, but it may have been over."""
    return Row(UNTOLD, silent.car | row("", tripped, "").car, silent.charger | row("", tripped, says).charger, True, b)


TASKS: dict[str, Row] = {
    **{f"car-{name}-silent": given for name, given in CAR_SILENT.items()},
    **{f"car-{name}{RAISES}": _raised(given, CAR_TRIP, UNSAID, REACTION) for name, given in CAR_SILENT.items()},
    "car-supervisor-raises": row("the last resort: state B at once, open 1.5 s later, never unlocked", CAR_TRIP, "", harmless=True, b=CORE),
    **{f"charger-{name}-silent": given for name, given in CHARGER_SILENT.items()},
    **{f"charger-{name}{RAISES}": _raised(given, CHARGER_TRIP, CHARGER_SAYS, ANSWER) for name, given in CHARGER_SILENT.items()},
    "charger-supervisor-raises": row("the last resort: power off at once, steady pilot 1.5 s later, never unlocked", CHARGER_TRIP, CHARGER_SAYS,
                                     harmless=True, b=CORE + PERMIT),
}


def must_trip(plant: str) -> tuple[str, str, int] | None:
    """(role, text of the trip, ns after the fault at the latest) of a fault that has to trip whatever goes on; None: of no such fault."""
    node, _, name = plant.partition("-")
    if not plant.endswith(RAISES) or node not in ROWS:
        return None
    return ROLE[node], INTERNAL_FAULT.text, CORE if name == "supervisor-raises" else REACTION
