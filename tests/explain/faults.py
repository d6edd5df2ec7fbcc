"""Faults of tests/matrix, at every message and in every state, as labelled cases: the label is what was injected, never what came of it.

A fault without any effect (the car went on until its driver pressed stop) is a charge in order. A fault whose effect nobody can foresee (octets that still
are a message, most changed values) has no label and is left out, counted.
"""
from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Iterable

from tasks.v2g.protocols import DIN, ISO2
from tests.explain.confusion import Case as Told
from tests.explain.confusion import case as told
from tests.explain.heard import listen_to
from tests.matrix import choose, expect_tasks, generate
from tests.matrix.expect import parts
from tests.matrix.play import play
from tests.matrix.row import GOOD
from tests.matrix.trial import Case, Outcome, Trial
from tools.explain.causes import messages
from tools.explain.causes.table import BY_NAME, CAUSES

IN_ORDER = tuple(c.name for c in CAUSES if c.in_order)
LINE = ("link_lost",)
BEFORE = {"slac": ("slac_unanswered", "slac_no_sounds", "slac_no_attenuation", "slac_not_chosen", "slac_no_match", "no_network", "attenuation_high"),
          "network": ("no_network", "sdp_unanswered", "neighbour_unanswered", "tcp_unanswered", "tcp_mute")}
SILENT = {"pev": ("answer_missing",), "evse": ("request_missing",)}
CLOSED = {"pev": "closed_by_charger", "evse": "closed_by_car"}
CAR_CODES = {"FAILED_RESSTemperatureInhibit": "car_too_hot", "FAILED_EVShiftPosition": "car_not_parked", "FAILED_ChargerConnectorLockFault": "car_lock",
             "FAILED_EVRESSMalfunction": "car_battery_fault", "FAILED_ChargingCurrentdifferential": "car_current",
             "FAILED_ChargingVoltageOutOfRange": "car_voltage", "FAILED_ChargingSystemIncompatibility": "car_incompatible"}
CODES = {**dict.fromkeys(messages.SESSION_CODES, "unknown_session"), **dict.fromkeys(messages.SEQUENCE_CODES, "sequence_error"),
         **dict.fromkeys(messages.PAYMENT_CODES, "payment_contract"), **dict.fromkeys(messages.SERVICE_CODES, "service_refused"),
         **dict.fromkeys(messages.MODE_CODES, "transfer_mode"), **dict.fromkeys(messages.PARAMETER_CODES, "parameters_refused"),
         **dict.fromkeys(messages.POWER_CODES, "power_refused")}
PLAIN = {"CableCheckRes": "cable_check_isolation", "PreChargeRes": "precharge_failed", "PowerDeliveryRes": "power_refused"}
ENDLESS = {"ContractAuthentication": "authorisation_never", "Authorization": "authorisation_never", "ChargeParameterDiscovery": "parameters_refused",
           "CableCheck": "cable_check_endless"}
STATUS = {"EVSE_EmergencyShutdown": ("charger_emergency",), "EVSE_Malfunction": ("charger_malfunction",), "EVSE_UtilityInterruptEvent": ("charger_utility",),
          "EVSE_Shutdown": ("charger_shutdown", "charged_charger_ended")}
IMPOSSIBLE = ("other-unit", "negative", "slightly-negative", "huge")

SILENCED = frozenset(name for name in expect_tasks.TASKS if not name.endswith("-raises"))
"""A row of the program that does nothing any more says nothing, either: without a label."""
PLANT = (
    (r"(?:car|charger)-\w+-raises", r"trip_(?:evse_)?internal_fault|box_internal_error|trip_(?:evse_)?supervision_silent"),
    # fault of the plant -> causes of our own journal that are about that very thing
    (r"car-contactor-", r"trip_contactor_\w+|box_not_confirmed|trip_output_refused|trip_current_not_gone|trip_mismatch|trip_voltage_stays"),
    (r"car-lock-", r"trip_lock_lost|trip_live_unlocked|box_not_confirmed|trip_output_refused"),
    (r"car-inlet-volt", r"trip_\w*voltage\w*|trip_mismatch|trip_unmatch|precharge_disagreement|trip_live_unlocked"),
    (r"car-battery-voltage", r"trip_battery_unknown|precharge_disagreement|precharge_not_reached|trip_mismatch|trip_unmatch|box_battery_silent"),
    (r"car-inlet-current", r"trip_\w*current\w*|box_not_confirmed"),
    (r"car-inlet-(?:temperature|hot)", r"trip_temperature_\w+|box_not_confirmed"),
    (r"car-supply", r"trip_supply_low|box_not_confirmed"),
    (r"car-pilot-", r"trip_pilot_\w+|trip_pwm_lost|pilot_no_5_percent|box_not_confirmed|trip_output_refused|unplugged"),
    (r"car-battery-", r"trip_battery_unknown|trip_permission|box_battery_silent|box_not_confirmed|charged_car_ended|car_ended_early"),
    (r"car-stop-button", r"trip_stop_button|stopped_by_user"),
    (r"car-unplugged", r"unplugged|trip_pilot_lost"),
    (r"charger-(?:meter|output-voltage|stage)",
     r"trip_evse_output_\w+|power_stage_silent|cable_check_\w+|box_not_confirmed|trip_evse_\w*voltage\w*|precharge_\w+|trip_evse_output_refused"),
    (r"charger-output-current", r"trip_evse_output_\w+|trip_evse_current_not_gone|box_not_confirmed|cable_check_\w+"),
    (r"charger-pilot|charger-pwm",
     r"trip_evse_pilot_lost|trip_evse_output_refused|state_c_not_seen|box_not_confirmed|pilot_no_5_percent|cable_check_\w+|unplugged|trip_evse_lock_lost"),
    (r"charger-lock", r"trip_evse_lock_lost|box_not_confirmed|trip_evse_output_refused|cable_check_\w+"),
    (r"charger-isolation", r"trip_evse_isolation\w*|cable_check_\w+|box_not_confirmed"),
    (r"charger-stop-button", r"trip_evse_stop_button|stopped_by_user"),
)


@dataclass(slots=True)
class HeardOutcome(Outcome):
    """What the explainer says from the box at which the fault is: from its frames alone, and with its journal."""

    alone: list[tuple[str, int]] = field(default_factory=list)
    both: list[tuple[str, int]] = field(default_factory=list)


class HeardTrial(Trial):
    """A trial whose boxes are recorded."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.heard = {role: listen_to(self, node, role) for role, node in (("pev", self.car), ("evse", self.charger))}

    def _judge(self) -> None:
        super()._judge()
        for node in (self.car, self.charger):
            node.journal.flush()
        o = self.outcome
        heard = self.heard[at(o.name, o.group)]
        self.outcome = HeardOutcome(*(getattr(o, f.name) for f in fields(Outcome)))
        self.outcome.alone = told("", (), heard.explain(False).diagnosis).came
        self.outcome.both = told("", (), heard.explain(True).diagnosis).came


def at(name: str, group: str) -> str:
    """Whose record: that of the box that the message goes to, or whose device it is."""
    plant = parts(group)[1]
    return ("pev" if plant.startswith("car-") else "evse") if plant else name.split("/", 1)[0]


def wanted(o: Outcome) -> tuple[str, ...] | None:
    """The right causes of what was injected; None: nobody can say."""
    if o.error:
        return None
    right = _injected(o)
    if o.reasons.get("pev") in GOOD and o.session:
        said = any(word in o.name for word in ("EVErrorCode", "EVSEStatusCode", "EVSENotification"))
        return (*IN_ORDER, *(right or ())) if o.stopped or o.trips or said else IN_ORDER         # after the driver's stop both are true
    return right


def _injected(o: Outcome) -> tuple[str, ...] | None:
    first, plant = parts(o.group)
    if plant:
        pattern = next((causes for fault, causes in PLANT if re.match(fault, plant)), None)
        return None if pattern is None else tuple(name for name in BY_NAME if re.fullmatch(pattern, name))
    role, what, fault = o.name.split("/", 2)
    message = what.split("#")[0]
    if what.startswith("@"):
        return (*LINE, *SILENT[role], *BEFORE["slac"], *BEFORE["network"]) if first == "blackout" else None
    return _of_message(first, role, message, fault, o)


def _of_message(first: str, role: str, message: str, fault: str, o: Outcome) -> tuple[str, ...] | None:
    other = SILENT["evse" if role == "pev" else "pev"]
    word = fault.removesuffix(f"/{o.world}").rpartition("=")[2].removesuffix("-for-ever")
    if first == "blackout":
        return (*LINE, *SILENT[role], *(() if o.session else BEFORE["slac"] + BEFORE["network"]))
    if first in ("silence", "late"):
        # the receiver of a lost request hears nothing and then the end; half open: neither hears the other
        closed = ("closed_by_car",) if role == "evse" else ()
        return (*SILENT[role], *closed, *LINE, *(other if fault.startswith("half-open") else ()))
    if first in ("rst", "fin"):
        # a car that knows nothing of its RST goes on: from outside that is what an operating system does
        return (CLOSED[role], *(("own_reset",) if fault.startswith("rst") else ()))
    if first in ("twice", "type"):
        ended = ("car_ended_early",) if "SessionStop" in fault else ()       # a car that ends looks so
        return ("wrong_answer",) if role == "pev" else ("sequence_error", *ended)
    if first == "header" or first == "octets" and o.reasons.get(role) == "BAD_MESSAGE":
        longer = fault.startswith(("length-huge", "length-more", "header-4", "header-5", "header-6", "header-7"))      # the rest is waited for
        return ("bad_message", *(SILENT[role] if longer else ()))
    if first == "schema":
        return ("no_common_protocol", "bad_message", "wrong_answer", "sequence_error")
    if first == "session":
        return ("unknown_session",)
    if first == "failed":
        return (CODES.get(word) or (PLAIN.get(message, "failed_response") if word == "FAILED" else "failed_response"),)
    if first in ("status", "urgent"):
        return STATUS.get(word)
    if first == "ongoing":
        return (ENDLESS[message[:-3]],) if message[:-3] in ENDLESS else None
    if first == "value":
        return _of_value(role, fault, word)
    return None


def _of_value(role: str, fault: str, word: str) -> tuple[str, ...] | None:
    path = fault.rpartition("=")[0].split(".")[-1]
    if path == "EVErrorCode":
        return (CAR_CODES.get(word, "car_error"),)
    if path == "EVSEIsolationStatus" and word == "Fault":
        return ("cable_check_isolation",)
    if path == "EVSENotification" and word == "StopCharging":
        return ("charger_shutdown", "charged_charger_ended")
    if word in IMPOSSIBLE:
        return ("value_of_charger",) if role == "pev" else ("value_of_car",)
    return None


def cases(seed: int, count: int) -> list[Case]:
    """`count` single faults of both protocols, every class and every fault of the plant among them, chosen by seed."""
    everything = [c for protocol in (DIN, ISO2) for c in generate.singles_of(protocol, 1)[1]]
    return choose.covering([c for c in everything if parts(c.group)[1] not in SILENCED], count, seed, of=choose.once)[:count]


def measured(seed: int, count: int, jobs: int = 2) -> tuple[list[Told], list[Told], Counter]:
    """(of faults of messages from the frames alone, of all faults with the journal, classes that have no label)."""
    return sorted_out(play(cases(seed, count), jobs, 1, HeardTrial))


def sorted_out(outcomes: Iterable[Outcome]) -> tuple[list[Told], list[Told], Counter]:
    alone, both, without = [], [], Counter()
    for o in outcomes:
        right = wanted(o)
        if right is None or not isinstance(o, HeardOutcome):
            without[o.error or parts(o.group)[0] or o.group] += 1
            continue
        if not parts(o.group)[1]:
            alone.append(Told(o.name, right, o.alone, ""))
        both.append(Told(o.name, right, o.both, ""))
    return alone, both, without
