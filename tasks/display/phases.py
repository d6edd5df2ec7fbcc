"""Which phase of a charge the box is in, as a person would say it: derived from the names of the machines' states."""
from __future__ import annotations

from enum import Enum

from drivers.interfaces import PilotState
from tasks.signals import Signals
from tasks.stop_reasons import NORMAL_ENDS


class Phase(Enum):
    """(headline, at most ten characters; step of the charging sequence for the progress bar, None outside it)."""

    IDLE = ("Ready", None)
    MODEM = ("Modem?", None)
    PLUGGED = ("Plugged in", 0)
    ASKING = ("Asking car", 0)      # a bridge: the vehicle tells its values before the charger is spoken to
    MATCHING = ("Matching", 1)
    JOINING = ("Joining", 2)
    DISCOVERY = ("Searching", 3)
    CONNECTING = ("Connecting", 4)
    SESSION = ("Session", 5)
    AUTHORISATION = ("Authorise", 6)
    PARAMETERS = ("Parameters", 7)
    CABLE_CHECK = ("CableCheck", 8)
    VEHICLE = ("Car starts", 8)     # a bridge: the charger waits for the vehicle
    PRECHARGE = ("Precharge", 9)
    STARTING = ("Starting", 10)
    CHARGING = ("Charging", None)
    BY_PILOT = ("By pilot", None)   # AC charger: the car does not speak and charges by the pilot alone
    STOPPING = ("Stopping", None)
    FINISHED = ("Finished", None)
    STOPPED = ("Stopped", None)
    PAUSED = ("Paused", None)       # until somebody wakes the other side
    RETRYING = ("Retrying", None)   # the reason why, until the next try
    TRIPPED = ("Tripped", None)
    OTHER = ("Busy", None)          # a state that this list does not know: its own name is shown

    def __init__(self, headline: str, step: int | None) -> None:
        self.headline = headline
        self.step = step


STEPS = 10

STAGES = {Phase.IDLE: "idle", Phase.MODEM: "idle", Phase.CHARGING: "charging", Phase.STOPPING: "stopping", Phase.FINISHED: "over", Phase.STOPPED: "over",
          Phase.TRIPPED: "tripped", Phase.PAUSED: "paused"}
"""Phases that people tell apart from across the yard; all others are one, the way to a charge."""


class Scope(Enum):
    """What a state of the connection supervision leaves to the finer machines."""

    LINK = "link_state decides"
    V2G = "v2g_state decides"
    END = "stop_reason decides"


# States are named after the message that is awaited (house 2.6), so one table serves both sides.
V2G_PHASES = {
    "Idle": Phase.SESSION,
    "SupportedAppProtocol": Phase.SESSION,
    "Agreed": Phase.SESSION,
    "SessionSetup": Phase.SESSION,
    "ServiceDiscovery": Phase.SESSION,
    "ServicePaymentSelection": Phase.SESSION,
    "ServiceDetail": Phase.SESSION,
    "PaymentServiceSelection": Phase.SESSION,
    "ContractAuthentication": Phase.AUTHORISATION,
    "Authorization": Phase.AUTHORISATION,
    "ChargeParameterDiscovery": Phase.PARAMETERS,
    "WaitReady": Phase.CABLE_CHECK,              # lock and state C are confirmed before the first CableCheckReq
    "Renegotiation": Phase.PARAMETERS,           # power stays on meanwhile
    "PowerDeliveryRestart": Phase.STARTING,
    "CableCheck": Phase.CABLE_CHECK,
    "WaitVehicle": Phase.VEHICLE,
    "PreCharge": Phase.PRECHARGE,
    "PowerDelivery": Phase.PRECHARGE,            # a charger regulates until the car wants power
    "WaitContactorsClosed": Phase.STARTING,
    "PowerDeliveryStart": Phase.STARTING,
    "CurrentDemand": Phase.CHARGING,
    "ChargingStatus": Phase.CHARGING,            # AC
    "MeteringReceipt": Phase.CHARGING,
    "PowerDeliveryRenegotiate": Phase.PARAMETERS,
    "WaitLoadEnded": Phase.STOPPING,             # AC
    "PowerDeliveryStop": Phase.STOPPING,
    "WaitContactorsOpen": Phase.STOPPING,
    "WeldingDetection": Phase.STOPPING,
    "SessionStop": Phase.STOPPING,
    "Ended": Phase.STOPPING,
}

AT_REST = (None, "Idle", "Ended")
"""States of a bridge's CHAdeMO side in which its plug is dead and free; None: not a bridge."""

LINK_PHASES = {
    "Parm": Phase.MATCHING, "Pause": Phase.MATCHING, "Sounding": Phase.MATCHING, "Collect": Phase.MATCHING,
    "Validate": Phase.MATCHING, "Toggle": Phase.MATCHING, "Match": Phase.MATCHING,
    "WaitKey": Phase.PLUGGED, "WaitParm": Phase.PLUGGED, "Matching": Phase.MATCHING,
    "Join": Phase.JOINING, "WaitLink": Phase.JOINING,
    "Off": Phase.PLUGGED, "Matched": Phase.DISCOVERY, "Paused": Phase.PAUSED, "Resume": Phase.JOINING,
}

CONNECTION_PHASES = {
    "Unplugged": Phase.IDLE,
    "WaitPilot": Phase.PLUGGED,
    "Preparing": Phase.PLUGGED,
    "Matching": Scope.LINK,
    "Discovering": Phase.DISCOVERY,
    "Connecting": Phase.CONNECTING,
    "Session": Scope.V2G,
    "Ending": Phase.STOPPING,
    "Pausing": Phase.RETRYING,
    "Paused": Phase.PAUSED,
    "Nominal": Phase.BY_PILOT,
    "Finished": Scope.END,
    "Failed": Phase.STOPPED,
}


def phase_of(signals: Signals) -> tuple[Phase, str]:
    """The phase, and the name that explains it where the phase alone does not (OTHER: the unknown state's name)."""
    phase, detail = _phase_of_charger(signals)
    if phase is Phase.PLUGGED and signals.bridge_phase.value == "Look":
        return Phase.ASKING, ""
    if phase in (Phase.FINISHED, Phase.STOPPED, Phase.RETRYING) and signals.chademo_state.value not in AT_REST:
        return Phase.STOPPING, ""                    # the vehicle's side of a bridge is still under way: its plug may be live
    return phase, detail


def _phase_of_charger(signals: Signals) -> tuple[Phase, str]:
    """As a car or a charger sees it."""
    if signals.safety_trip.value:
        return Phase.TRIPPED, signals.safety_trip.value
    state = signals.connection_state.value
    if state is None:
        return (Phase.MODEM if signals.modem.value is None else Phase.IDLE), ""
    phase = CONNECTION_PHASES.get(state)
    if phase is Scope.V2G:
        if signals.ac_session.value and signals.v2g_state.value == "WaitReady":
            return Phase.STARTING, ""                # no cable check in AC
        return _known(V2G_PHASES, signals.v2g_state.value, Phase.SESSION)
    if phase is Scope.LINK:
        if signals.modem.value is None:
            return Phase.MODEM, ""
        return _known(LINK_PHASES, signals.link_state.value, Phase.PLUGGED)
    if phase is Scope.END:
        reason = signals.stop_reason.value
        return (Phase.FINISHED if reason is None or reason in NORMAL_ENDS else Phase.STOPPED), ""
    if phase is None:
        return Phase.OTHER, state
    if phase is Phase.IDLE and signals.modem.value is None:
        return Phase.MODEM, ""
    return phase, ""


def _known(table: dict[str, Phase], state: str | None, when_unset: Phase) -> tuple[Phase, str]:
    if state is None:
        return when_unset, ""
    phase = table.get(state)
    return (Phase.OTHER, state) if phase is None else (phase, "")


def pilot_text(signals: Signals, now: int) -> str:
    """`CP C 5%`; without PWM `CP B`; `CP ?` while the pilot is unknown."""
    state: PilotState | None = signals.pilot_state.get(now)
    if state is None:
        return "CP ?"
    duty = signals.pilot_duty.get(now)
    return f"CP {state.value}" if duty is None or duty >= 99.5 else f"CP {state.value} {duty:.0f}%"
