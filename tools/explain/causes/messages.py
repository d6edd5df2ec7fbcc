"""Causes in the conversation itself: protocol, order, session, silence, services, payment, parameters."""

from __future__ import annotations

from tasks.stop_reasons import StopReason as R
from tools.explain.causes.cause import INFERRED, POSSIBLE, REMARK, SEEN, SILENT, TOLD, Cause, Found, place, seconds, told, unfinished
from tools.explain.causes.matching import REPLUG
from tools.explain.evidence import Evidence, Side
from tools.explain.usual import usual

SEND = "If it repeats, send the record to whoever maintains the side at fault."
SESSION_CODES = ("FAILED_UnknownSession",)
SEQUENCE_CODES = ("FAILED_SequenceError",)
PAYMENT_CODES = (
    "FAILED_PaymentSelectionInvalid",
    "FAILED_CertificateExpired",
    "FAILED_SignatureError",
    "FAILED_NoCertificateAvailable",
    "FAILED_CertChainError",
    "FAILED_ChallengeInvalid",
    "FAILED_ContractCanceled",
    "FAILED_CertificateNotAllowedAtThisEVSE",
    "FAILED_CertificateRevoked",
)
SERVICE_CODES = ("FAILED_ServiceIDInvalid", "FAILED_ServiceSelectionInvalid", "FAILED_NoChargeServiceSelected")
MODE_CODES = ("FAILED_WrongEnergyTransferType", "FAILED_WrongEnergyTransferMode")
PARAMETER_CODES = ("FAILED_WrongChargeParameter", "FAILED_ChargingProfileInvalid", "FAILED_TariffSelectionInvalid")
POWER_CODES = ("FAILED_PowerDeliveryNotApplied", "FAILED_ContactorError", "FAILED_EVSEPresentVoltageToLow")
LOOPS = ("CurrentDemand", "DC_ChargeLoop")
LOOP_SILENT = 1.0  # s: a car asks four times a second there
KNOWN_CODES = frozenset((*SESSION_CODES, *SEQUENCE_CODES, *PAYMENT_CODES, *SERVICE_CODES, *MODE_CODES, *PARAMETER_CODES, *POWER_CODES))
OWN_CODE = ("CableCheckRes", "PreChargeRes", "PowerDeliveryRes")  # whose plain FAILED has a row in power.py


def _no_protocol(e: Evidence) -> Found | None:
    if e.refused_offers:
        return Found(TOLD, f"The charger speaks none of what the car offered ({_offers(e)})", ("supportedAppProtocolRes with Failed_NoNegotiation",))
    if e.schema_id is not None:
        what = f"The charger agreed on SchemaID {e.schema_id}, which the car had not offered"
        return Found(REMARK if e.charged else TOLD, what, (f"offered were {_offers(e)}",))
    return None


def _offers(e: Evidence) -> str:
    return ", ".join(e.offers) or "unknown"


def _answer(e: Evidence) -> Found | None:
    """A request that nobody answered, and not because the record ends."""
    end = e.ending
    if not end.request or end.waited is None or end.waited < 0:
        return None
    base = end.request.removesuffix("Req")
    limit = usual(base)
    patience = 0.25 if base == "CurrentDemand" else limit.limit if limit is not None and limit.limit and limit.limit < 6 else SILENT
    waited = min(end.waited, 1e6)
    over_by_now = end.closed_by is not None or end.after > SILENT
    if not over_by_now or end.closed_by is Side.CHARGER and waited < 0.2:
        return None
    if waited < min(1.0, patience):
        return None
    what = f"The charger did not answer {end.request}" + (f" within {seconds(waited)}" if waited < 1000 else "")
    pro = ["the charger's TCP acknowledged it: its program hangs, the line does not"] if end.acknowledged else []
    late = base in ("WeldingDetection", "SessionStop") and e.charged
    score = POSSIBLE if late else SEEN
    if end.repeated >= 2 and not end.acknowledged:
        score = INFERRED
    return Found(score, what + f" (limit {patience:g} s)", tuple(pro), ("power was off by then",) if late else (), end.last_at)


def _request(e: Evidence) -> Found | None:
    """The car fell silent after a good answer."""
    end = e.ending
    if not unfinished(e) or end.request or end.last_at is None or end.last_side is not Side.CHARGER or end.repeated >= 2:
        return None
    silence = (end.closed_at - end.last_at) if end.closed_at is not None else end.after
    last = e.last_step
    if silence < (LOOP_SILENT if last is not None and last.name in LOOPS else SILENT):
        return None
    by = end.closed_by
    if by is Side.CAR and silence < 10:
        return None
    return Found(
        SEEN if silence > 10 or by is not Side.CAR else INFERRED,
        f"The car said nothing any more after {end.last_message} in {place(e)}, for {seconds(silence)}",
        (),
        (),
        end.last_at,
    )


def _sequence(e: Evidence) -> Found | None:
    sign, code = next((s for s in e.signs if s.kind == "sequence" and s.side is Side.CAR), None), e.first("failed", *SEQUENCE_CODES)
    if code is not None:
        pro = [f"{code.message} with {code.text}"]
        if sign is not None:
            pro.append(f"out of order: {sign.text}")
        if e.ending.stop_asked is not None and code.message == "CurrentDemandRes" and e.ending.stop_asked < code.at:
            pro.append("PowerDeliveryReq before it did not ask for power (ReadyToChargeState false): a charger then expects no CurrentDemandReq")
        return told(e, code, f"The charger answered {code.text} in {code.message}", pro)
    if sign is None or not (unfinished(e) or not e.charged):
        return None
    soon = e.ending.last_at is not None and e.ending.last_at - sign.at < 1.0
    return Found(SEEN + 15 if soon else INFERRED, f"The car sent a message out of order: {sign.text}", (f"in {sign.message}",), (), sign.at)


def _wrong_answer(e: Evidence) -> Found | None:
    sign = next((s for s in e.signs if s.kind == "sequence" and s.side is Side.CHARGER), None)
    if sign is None:
        return None
    return told(e, sign, f"The charger answered out of order: {sign.text}", score=SEEN + 15)


def _session(e: Evidence) -> Found | None:
    sign, code = e.first("session id"), e.first("failed", *SESSION_CODES)
    if code is None and sign is None:
        return None
    pro = []
    if sign is not None:
        pro.append(f"{sign.message} carries the SessionID {sign.text}: the {sign.side.value} says another one than was agreed")
    if code is not None:
        pro.append(f"{code.message} with {code.text}")
    what = f"The charger answered {code.text} in {code.message}" if code else ""
    if sign is not None:
        what = f"The {sign.side.value} went on with another SessionID than the charger had given"
    return told(e, sign or code, what, pro, TOLD + 5 if code and sign else TOLD)


def _malformed(e: Evidence) -> Found | None:
    sign = e.first("malformed")
    if sign is None:
        return None
    return told(e, sign, f"The {sign.side.value} sent octets that are no message ({sign.text})", (), SEEN + 15)


def _value(e: Evidence, side: Side) -> Found | None:
    sign = next((s for s in e.signs if s.kind == "value" and s.side is side), None)
    if sign is None:
        return None
    return told(e, sign, f"The {side.value} sent a value that cannot be true in {sign.message}: {sign.text}", (), SEEN + 10)


def _other(e: Evidence) -> Found | None:
    sign = next((s for s in e.signs if s.kind == "failed" and s.text not in KNOWN_CODES and s.message not in OWN_CODE), None)
    if sign is None:
        return None
    return told(e, sign, f"The charger answered {sign.text} in {sign.message}", (), TOLD - 5)


def _left(e: Evidence) -> Found | None:
    """An orderly end by the car before any power."""
    end = e.ending
    if end.session_stop is None or e.charged or e.power.rounds > 3 or e.first("failed") or e.first("status"):
        return None
    return Found(INFERRED - 5, f"The car ended the session in order in {place(e)}, before any power", (), (), end.session_stop)


CAUSES = (
    Cause(
        "no_common_protocol",
        Side.CHARGER,
        "one of them speaks only a protocol that the other does not know",
        ("Own box: allow more in ev.protocols or evse.protocols.", "Another charger; or an update of this one."),
        "exi.md 2.1; field sheet 7.1, pyPLC #9",
        _no_protocol,
        (r"charger refuses ", r"charger chose SchemaID", r"car offers only"),
        (R.NO_COMMON_PROTOCOL,),
    ),
    Cause(
        "answer_missing",
        Side.CHARGER,
        "the charger's program hangs or is too slow",
        (REPLUG, "Let the charger be restarted, or use another one.", SEND),
        "slac-and-network.md 7.2",
        _answer,
        (r"no \w+ message in time", r"no answer to"),
        (R.TIMEOUT, R.TCP_TIMEOUT),
    ),
    Cause(
        "request_missing",
        Side.CAR,
        "the car waits for something that did not come, or its controller is off",
        (REPLUG, "Look at the car's display.", SEND),
        "slac-and-network.md 7.1, V2G_SECC_Sequence_Timeout",
        _request,
        (r"car silent for",),
        (R.TIMEOUT, R.CAR_LEFT_C),
    ),
    Cause(
        "sequence_error",
        Side.CAR,
        "the car's program left a message out or repeated one, or the charger counts otherwise",
        (REPLUG, SEND),
        "field sheet 7.1 issues 10, 12, 16",
        _sequence,
        (),
        (R.SEQUENCE_ERROR,),
    ),
    Cause(
        "wrong_answer",
        Side.CHARGER,
        "the charger's program mixes up its answers",
        (REPLUG, SEND),
        "slac-and-network.md 7",
        _wrong_answer,
        (),
        (R.SEQUENCE_ERROR,),
    ),
    Cause(
        "unknown_session",
        Side.CAR,
        "the two count on different sessions: one did not take over the SessionID (its length may be 4 octets), or mixed up two",
        (REPLUG, SEND),
        "field sheet 7.1 issue 18",
        _session,
        (r"session id is",),
        (R.UNKNOWN_SESSION,),
    ),
    Cause("bad_message", Side.LINK, "a fault in the sender's program", (REPLUG, SEND), "exi.md", _malformed, (), (R.BAD_MESSAGE,)),
    Cause(
        "value_of_charger",
        Side.CHARGER,
        "a fault in the charger's program",
        (REPLUG, "Use another charger.", SEND),
        "safety sheet 3.3",
        lambda e: _value(e, Side.CHARGER),
        (r"expected unit \w+, came", r"the starts of the entries do not rise", r"EVSE\w+: expected"),
        (R.BAD_VALUE,),
    ),
    Cause(
        "value_of_car",
        Side.CAR,
        "a fault in the car's program, or it misread what the charger offers",
        (REPLUG, SEND),
        "safety sheet 3.3",
        lambda e: _value(e, Side.CAR),
        (r"ChargingProfileEntryMaxPower: expected", r"EV[A-DF-Z]\w+: expected"),
        (R.BAD_VALUE,),
    ),
    Cause(
        "failed_response",
        Side.CHARGER,
        "the charger refuses without saying why; the message that it refuses is the hint",
        (REPLUG, "Use another charger.", SEND),
        "slac-and-network.md 7",
        _other,
        (),
        (R.FAILED_RESPONSE,),
    ),
    Cause(
        "car_ended_early",
        Side.CAR,
        "the car does not want to charge here or now: full, a timer, or something that it does not tell",
        ("Look at the car's display and its charging timer.", REPLUG),
        "field sheet 7.3",
        _left,
        (),
        (R.CAR_STOP,),
    ),
)
