"""The car at every message: silence, late answers, FAILED, foreign session ids, wrong messages; what it keeps in its headers."""
from __future__ import annotations

from functools import partial
from typing import Iterator

from kernel.timer import MS, S
from tasks.stop_reasons import StopReason as R
from tasks.v2g.pev_states import Pev
from tests.conformance import sheet
from tests.conformance.cases import Case, family
from tests.conformance.evcc_ways import BEFORE_STOP, WIRE, Step, assert_cut, bench_of, car, forward_to, request_name, steps, to_the_end
from tests.v2g.pev_bench import SESSION, PevBench

COURTESIES = ("WeldingDetection", "SessionStop")
"""What an ABB and an alpitronic leave unanswered (field-pyplc-clara 7.2); by then power is off."""


# --- silence

def silence(step: Step, limit: int, tolerant: bool) -> None:
    bench = car(step, tolerant_timeouts=tolerant)
    sent = len(bench.sent)
    bench.run(limit - 1)
    assert bench.ended is None and bench.state is step.state and len(bench.sent) == sent
    bench.run(1)
    if step.name == "WeldingDetection":
        assert bench.state is Pev.SessionStop and len(bench.sent) == sent + 1 and not bench.machine.wants_contactors
    elif step.name == "SessionStop":
        assert bench.ended == (BEFORE_STOP, True) and bench.released
    else:
        assert_cut(bench, sent, BEFORE_STOP if step.ending else R.TIMEOUT)


def after_silence(step: Step) -> str:
    if step.name == "WeldingDetection":
        return "goes on to SessionStopReq"
    return "ends the session, which is over already" if step.name == "SessionStop" else "ends the session with everything released"


@family
def timeouts() -> Iterator[Case]:
    for step in steps():
        limit = sheet.MESSAGES[step.message].timeout(step.protocol)
        yield Case("EVCC", step.protocol, step.message, step.name + "_Timeout",
                   f"A car that waits in vain for {step.message}Res ({step.name}) {after_silence(step)} after {limit / S:g} s, and no sooner.",
                   sheet.PER_MESSAGE + ("; field-pyplc-clara 7.2" if step.name in COURTESIES else ""), partial(silence, step, limit, False))


@family
def tolerant_timeouts() -> Iterator[Case]:
    for step in steps():
        if step.message in sheet.FIELD_WAITS:
            limit, source = sheet.FIELD_WAITS[step.message]
        elif step.message in sheet.FIELD_SEEN:
            continue                                     # the sheets say how late they have come, not how long to wait
        else:
            limit, source = sheet.MESSAGES[step.message].timeout(step.protocol), sheet.PER_MESSAGE
        yield Case("EVCC", step.protocol, step.message, step.name + "_Timeout_Tolerant",
                   f"A car that bears with real chargers waits {limit / S:g} s for {step.message}Res ({step.name}) and then {after_silence(step)}.",
                   source, partial(silence, step, limit, True))


def late(step: Step, delay: int, tolerant: bool) -> None:
    bench = car(step, tolerant_timeouts=tolerant)
    sent = len(bench.sent)
    if step.name == "PreCharge":
        bench.facts.inlet_voltage = bench.facts.battery_voltage
    bench.run(delay)
    if tolerant:
        bench.answer(after=0)
        assert bench.ended is None and (bench.state is not step.state or step.name == "CurrentDemand")
    else:
        assert_cut(bench, sent, BEFORE_STOP if step.ending else R.TIMEOUT)


@family
def late_answers() -> Iterator[Case]:
    for step in steps():
        if step.message not in sheet.FIELD_SEEN or step.name == "PowerDeliveryRenegotiate":
            continue
        delay, source = sheet.FIELD_SEEN[step.message]
        yield Case("EVCC", step.protocol, step.message, step.name + "_LateAnswer_Tolerant",
                   f"A car that bears with real chargers takes a {step.message}Res that comes after {delay / S:g} s.", source, partial(late, step, delay, True))
        if delay > sheet.MESSAGES[step.message].timeout(step.protocol):
            yield Case("EVCC", step.protocol, step.message, step.name + "_LateAnswer_Strict",
                       f"A car that keeps to the standard has given up {delay / S:g} s after {step.message}Req.", sheet.PER_MESSAGE,
                       partial(late, step, delay, False))


# --- answers that are no good

def refused(step: Step, code: str) -> None:
    bench = car(step)
    sent = len(bench.sent)
    bench.answer(rc=WIRE[step.protocol].responseCode[code])
    if step.ending:
        assert not bench.machine.wants_pilot_c and not bench.machine.wants_contactors
        to_the_end(bench)
        assert bench.ended == (BEFORE_STOP, True) and bench.released
        return
    expected = R.UNKNOWN_SESSION if code == "FAILED_UnknownSession" else R.CABLE_CHECK_FAILED if step.name == "CableCheck" else R.FAILED_RESPONSE
    assert_cut(bench, sent, expected)
    assert any(code in note for note in bench.notes), "the log names the code"


@family
def failed_responses() -> Iterator[Case]:
    for step in steps():
        for code, source in (("FAILED", "field-pyplc-clara 5, cases 2, 7 to 9"), ("FAILED_SequenceError", "field-pyplc-clara 5, cases 1, 3 to 5"),
                             ("FAILED_UnknownSession", "field-pyplc-clara 7.1, issue 18")):
            what = "goes on to its end, power off" if step.ending else "ends the session with everything released and sends nothing more"
            yield Case("EVCC", step.protocol, step.message, f"{step.name}_ResponseCode_{code}", f"A car that is answered {code} in {step.message}Res "
                       f"({step.name}) {what}.", "field-pyplc-clara 3.2, states 13 to 16; safety sheet S9" if step.ending else source,
                       partial(refused, step, code))


def foreign_session(step: Step) -> None:
    for session in (bytes(8), b"", SESSION[:7], SESSION[:-1] + b"\0", b"\xde\xad\xbe\xef"):
        bench = car(step)
        sent = len(bench.sent)
        bench.answer(session=session)
        assert_cut(bench, sent, BEFORE_STOP if step.ending else R.UNKNOWN_SESSION)


@family
def session_ids() -> Iterator[Case]:
    for step in steps():
        if step.name != "SessionSetup":
            yield Case("EVCC", step.protocol, step.message, step.name + "_SessionId_Foreign",
                       f"A car takes no {step.message}Res ({step.name}) that carries another session id than that of SessionSetupRes.",
                       "safety sheet 3.3, State",
                       partial(foreign_session, step))


def another_message(step: Step) -> None:
    for other in steps([step.protocol]):
        if other.message == step.message or other.name != other.message:
            continue
        bench = car(step)
        sent = len(bench.sent)
        bench.answer(body=bench.response(other.state))
        assert_cut(bench, sent, BEFORE_STOP if step.ending else R.SEQUENCE_ERROR)


@family
def wrong_messages() -> Iterator[Case]:
    for step in steps():
        yield Case("EVCC", step.protocol, step.message, step.name + "_WrongResponse",
                   f"A car that awaits {step.message}Res ({step.name}) ends the session when any other response comes.", "safety sheet 3.3, State",
                   partial(another_message, step))


def second_answer(step: Step) -> None:
    bench = car(step)
    body = bench.response(step.state, finished=False, volts=0.0)
    bench.answer(body=body)
    if bench.state is not step.state or bench.machine._exchange.awaiting:
        raise AssertionError("the first answer must leave a pause before the next request")
    sent = len(bench.sent)
    bench.answer(body=body, after=1 * MS)
    assert_cut(bench, sent, R.SEQUENCE_ERROR)


@family
def unasked_messages() -> Iterator[Case]:
    for step in steps():
        if step.name in ("ContractAuthentication", "Authorization", "ChargeParameterDiscovery", "CableCheck", "PreCharge", "CurrentDemand"):
            yield Case("EVCC", step.protocol, step.message, step.name + "_SecondResponse",
                       f"A car that has not asked again takes no second {step.message}Res.", "safety sheet 3.3, State", partial(second_answer, step))


# --- headers

def header_of(step: Step) -> None:
    for session in (SESSION, b"\x01\x02\x03\x04"):
        bench = bench_of(step.protocol, step.ac, ask_service_detail=step.name == "ServiceDetail")
        bench.start().answer(session=session)
        drive(bench, step, session)
        assert type(bench.last).__name__ == request_name(step) and bench.headers[-1].SessionID == session


def drive(bench: PevBench, step: Step, session: bytes) -> None:
    """As bench.at, with a session id of one's own."""
    bench.answer = partial(bench.answer, session=session)
    if step.name == "MeteringReceipt":
        forward_to(bench, Pev.CurrentDemand)
        bench.answer(receipt=True)
    elif step.name == "PowerDeliveryRenegotiate":
        forward_to(bench, Pev.CurrentDemand)
        bench.answer(notification=WIRE[step.protocol].EVSENotification.ReNegotiation)
    else:
        forward_to(bench, step.state)


@family
def headers() -> Iterator[Case]:
    for step in steps():
        if step.name != "SessionSetup":
            yield Case("EVCC", step.protocol, step.message, step.name + "_SessionId_Kept",
                       f"A car sends {step.message}Req ({step.name}) with the session id of SessionSetupRes, be it 8 octets or 4.",
                       "field-pyplc-clara 7.1, issue 18", partial(header_of, step))
