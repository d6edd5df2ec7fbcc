"""pyPLC's info numbers (field sheet 1.5) for the states of our machines, in one table.

pyPLC tells what was handled last, we tell what is going on. What lasts no time there (20, 21, 22 of SLAC are shown for 20 ticks of 30 ms)
is held for HOLD here, and so are the other two that are only passed through: 6 and 19.
"""
from __future__ import annotations

from tasks.stop_reasons import StopReason

HOLD = 600_000_000          # ns: 20 ticks of 30 ms

WAITING_HANDSHAKE, STOPPED, SCHEMA_NEGOTIATED, SESSION_ESTABLISHED, SERVICES_DISCOVERED, PAYMENT_SELECTED = 1, 2, 3, 4, 5, 6
POWER_DELIVERY, CHARGE_PARAMETER, CABLE_CHECK, PRECHARGING, CONTRACT_AUTHENTICATION, AUTHORIZATION = 7, 8, 9, 10, 11, 12
CURRENT_DEMAND, WELDING, SESSION_STOP, STOPPED_FOREVER, TCP_BROKEN, TCP_LISTENING, TCP_CONNECTED = 13, 14, 15, 16, 17, 18, 19
SLAC_PARAM_REQ, SOUNDING, MATCH = 20, 21, 22

SESSION = "Session"         # of tasks.connection: v2g_state decides
MATCHING = "Matching"       # of tasks.connection: link_state decides

CONNECTION = {              # names of tasks.connection.ladder.State
    "Unplugged": WAITING_HANDSHAKE, "WaitPilot": WAITING_HANDSHAKE, "Preparing": WAITING_HANDSHAKE, "Matching": WAITING_HANDSHAKE,
    "Discovering": TCP_LISTENING, "Connecting": TCP_LISTENING, "Session": WAITING_HANDSHAKE,
    "Ending": STOPPED, "Pausing": STOPPED, "Paused": STOPPED, "Nominal": WAITING_HANDSHAKE, "Finished": STOPPED_FOREVER, "Failed": STOPPED_FOREVER,
}
LINK = {                    # names of tasks.homeplug.slac_evse.State, while matching
    "Off": WAITING_HANDSHAKE, "WaitKey": WAITING_HANDSHAKE, "WaitParm": WAITING_HANDSHAKE, "Matching": SOUNDING, "WaitLink": MATCH, "Matched": MATCH,
    "Paused": WAITING_HANDSHAKE, "Resume": WAITING_HANDSHAKE,
}
V2G = {                     # names of tasks.v2g.evse_states.Evse: the request that is expected next, or that repeats
    "Idle": WAITING_HANDSHAKE, "SessionSetup": SCHEMA_NEGOTIATED, "ServiceDiscovery": SESSION_ESTABLISHED,
    "ServicePaymentSelection": SERVICES_DISCOVERED, "PaymentServiceSelection": SERVICES_DISCOVERED,
    "ContractAuthentication": CONTRACT_AUTHENTICATION, "Authorization": AUTHORIZATION, "ChargeParameterDiscovery": CHARGE_PARAMETER,
    "CableCheck": CABLE_CHECK, "PreCharge": PRECHARGING, "PowerDelivery": PRECHARGING, "PowerDeliveryStart": POWER_DELIVERY,
    "CurrentDemand": CURRENT_DEMAND, "ChargingStatus": CURRENT_DEMAND, "Renegotiation": CHARGE_PARAMETER, "PowerDeliveryRestart": POWER_DELIVERY,
    "WeldingDetection": WELDING, "SessionStop": SESSION_STOP, "Ended": SESSION_STOP,
}
PASSED = {                  # (machine, its new state) -> number that is shown first, for HOLD
    ("link", "Matching"): SLAC_PARAM_REQ,
    ("connection", "Session"): TCP_CONNECTED,
    ("v2g", "ContractAuthentication"): PAYMENT_SELECTED, ("v2g", "Authorization"): PAYMENT_SELECTED,
    ("v2g", "CurrentDemand"): POWER_DELIVERY,
}
MACHINES = ("v2g", "connection", "link")        # of those that change together the first one is told
BROKEN = frozenset({StopReason.TCP_RESET, StopReason.TCP_TIMEOUT, StopReason.TCP_CLOSED, StopReason.TCP_REFUSED})


class InfoNumber:
    """`update` with the names of the states gives the number to tell now."""

    __slots__ = ("_before", "_held", "_held_until")

    def __init__(self) -> None:
        self._before: tuple[str | None, str | None, str | None] = (None, None, None)
        self._held = 0
        self._held_until = 0

    def update(self, connection: str | None, link: str | None, v2g: str | None, reason: StopReason | None, now: int) -> int:
        """Names as the signals have them; None before the machines have run."""
        states = (v2g, connection, link)
        if states != self._before:
            changed = (PASSED.get((machine, state)) for machine, state, before in zip(MACHINES, states, self._before) if state is not None and state != before)
            self._held = next((number for number in changed if number is not None), 0)
            self._held_until = now + HOLD
            self._before = states
        if self._held and now < self._held_until:
            return self._held
        if connection == SESSION:
            return V2G.get(v2g or "Idle", WAITING_HANDSHAKE)
        if connection == MATCHING:
            return LINK.get(link or "Off", WAITING_HANDSHAKE)
        number = CONNECTION.get(connection or "Unplugged", STOPPED)
        return TCP_BROKEN if number == STOPPED and reason in BROKEN else number
