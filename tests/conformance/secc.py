"""The charger at every request: its response, performance, silence of the car, wrong order, foreign session ids, SessionStop, unplugging."""
from __future__ import annotations

from functools import partial
from typing import Iterator

from drivers.interfaces import PilotState
from kernel.timer import MS, NEVER, S
from tasks.stop_reasons import StopReason as R
from tasks.v2g.evse_states import Evse
from tests.conformance import sheet
from tests.conformance.cases import Case, family
from tests.conformance.secc_ways import Step, WIRE, ask, assert_refused, charger, code, kind, off, respond_time, response_name, steps

POWERED = {"PreCharge", "PowerDeliveryStart", "CurrentDemand", "PowerDeliveryRenegotiate", "MeteringReceipt"}
"""After the answer to these a DC output carries voltage."""
SLACK = 50 * MS                          # an ideal way into a state may end so long after its response


# --- the response

def positive(step: Step) -> None:
    bench = charger(step)
    count = len(bench.answers)
    ask(bench, step)
    assert len(bench.answers) == count + 1 and type(bench.last).__name__ == response_name(step.message)
    assert code(bench) == ("OK_NewSessionEstablished" if step.name == "SessionSetup" else "OK")
    assert bench.headers[-1].SessionID == bench.machine.session_id and len(bench.machine.session_id) == 8 and any(bench.machine.session_id)
    assert bench.ended is None or step.message == "SessionStop"


@family
def responses() -> Iterator[Case]:
    for step in steps():
        word = "OK_NewSessionEstablished" if step.name == "SessionSetup" else "OK"
        yield Case("SECC", step.protocol, step.message, step.name + "_Response",
                   f"A charger answers a {step.message}Req ({step.name}) in its place with one {step.message}Res, {word} and the session's id.",
                   "field-pyplc-clara 4.1, 4.2", partial(positive, step))


def performance(step: Step, limit: int) -> None:
    bench = charger(step)
    if step.name == "PowerDeliveryStop":
        bench.facts.output_current = 80.0            # and it never falls
    assert respond_time(bench, step, limit) <= limit
    assert code(bench) in ("OK", "OK_NewSessionEstablished")


@family
def performances() -> Iterator[Case]:
    for step in steps():
        limit = sheet.MESSAGES[step.message].performance(step.protocol)
        worst = ", even when the current does not fall" if step.name == "PowerDeliveryStop" else ""
        yield Case("SECC", step.protocol, step.message, step.name + "_Performance",
                   f"A charger answers a {step.message}Req ({step.name}) within {limit / S:g} s{worst}.", sheet.PER_MESSAGE + ", column SECC performance",
                   partial(performance, step, limit))


# --- a silent car

def sequence_timeout(step: Step) -> None:
    bench = charger(step)
    bench.run(sheet.SEQUENCE - SLACK)
    assert bench.ended is None and bench.state is step.state
    bench.run(SLACK)
    assert bench.ended == (R.TIMEOUT, False) and off(bench) and bench.machine.next_timer() == NEVER


def ongoing_sequence_timeout(step: Step) -> None:
    bench = charger(step)
    ask(bench, step)
    assert bench.state is step.state and bench.ended is None
    bench.run(sheet.SEQUENCE - 1)
    assert bench.ended is None
    bench.run(1)
    assert bench.ended == (R.TIMEOUT, False) and off(bench)


def silent_under_power(step: Step) -> None:
    bench = charger(step)
    if step.name not in ("PreCharge", "PowerDeliveryStart"):
        bench.ask(kind(step.protocol, "CurrentDemand"))
    ask(bench, step)
    assert not off(bench)
    bench.run(sheet.SILENT_CAR)
    assert off(bench)
    if step.name != "PreCharge":                     # once let go of, a battery is not connected again in this session
        bench.facts.pilot = PilotState.C
        bench.ask(kind(step.protocol, "CurrentDemand"))
        assert off(bench)
    bench.run(sheet.SEQUENCE)
    assert bench.ended is not None and bench.ended[1] is False


@family
def sequence_timeouts() -> Iterator[Case]:
    reached = {"ServiceDetail", "PowerDeliveryStart", "PowerDeliveryStop", "PowerDeliveryRenegotiate", "CurrentDemand", "MeteringReceipt", "SessionStop"}
    for step in steps():
        if step.name not in reached:
            yield Case("SECC", step.protocol, step.message, step.name + "_SequenceTimeout",
                       f"A charger that awaits {step.message}Req ends the session {sheet.SEQUENCE / S:g} s after its last response, and no sooner.",
                       sheet.PHASES,
                       partial(sequence_timeout, step))
        if step.name in ("CableCheck", "WeldingDetection", "ChargingStatus"):
            yield Case("SECC", step.protocol, step.message, step.name + "_SequenceTimeout_Again",
                       f"A charger counts the {sheet.SEQUENCE / S:g} s anew from each {step.message}Res.", sheet.PHASES,
                       partial(ongoing_sequence_timeout, step))
        if step.name in POWERED:
            yield Case("SECC", step.protocol, step.message, step.name + "_SilentCar",
                       f"A charger whose car is silent after {step.message}Res ({step.name}) gives no output {sheet.SILENT_CAR / S:g} s later, and none again.",
                       "field-pyplc-clara 3.2, 4.1", partial(silent_under_power, step))


# --- the wrong request

def out_of_sequence(step: Step) -> None:
    here = {s.message for s in steps([step.protocol]) if s.state is step.state} | {"SessionStop", "PowerDelivery"}
    if step.state is Evse.PowerDelivery:
        here.add("PreCharge")                        # a car goes on with it until the voltages match
    if step.name == "ChargingStatus":
        here.add("MeteringReceipt")                  # in either loop
    wrong = [m for m in sheet.of(step.protocol) if m not in here]
    if step.state is Evse.SessionSetup:
        wrong += ["SessionStop", "PowerDelivery"]
    assert len(wrong) >= 6
    for message in wrong:
        bench = charger(step)
        bench.ask(kind(step.protocol, message))
        assert_refused(bench, message, "FAILED_SequenceError", R.SEQUENCE_ERROR)


@family
def sequence_errors() -> Iterator[Case]:
    seen = set()
    for step in steps():
        if (step.protocol, step.state) not in seen:
            seen.add((step.protocol, step.state))
            yield Case("SECC", step.protocol, step.message, step.state.name + "_SequenceError",
                       f"A charger in the state {step.state.name} answers each request out of its place by that one's response with FAILED_SequenceError, "
                       "switches off and ends.", "safety sheet 3.3, State", partial(out_of_sequence, step))


def foreign_session(step: Step) -> None:
    for session in (bytes(8), b"", b"\xde\xad\xbe\xef", None):
        bench = charger(step)
        ask(bench, step, session=bench.machine.session_id[:7] if session is None else session)
        assert_refused(bench, step.message, "FAILED_UnknownSession", R.UNKNOWN_SESSION)


@family
def session_ids() -> Iterator[Case]:
    for step in steps():
        if step.name != "SessionSetup":
            yield Case("SECC", step.protocol, step.message, step.name + "_SessionId_Foreign",
                       f"A charger answers a {step.message}Req ({step.name}) with another session id, zero among them, by FAILED_UnknownSession and ends.",
                       "safety sheet 3.2, 3.3; field-pyplc-clara 7.1, issue 18", partial(foreign_session, step))


# --- ends that are possible anywhere

def session_stop(step: Step) -> None:
    bench = charger(step)
    bench.ask(kind(step.protocol, "SessionStop"))
    assert type(bench.last).__name__ == "SessionStopRes" and code(bench) == "OK"
    assert bench.ended is not None and bench.ended[1] is True and off(bench)


def unplugged(step: Step) -> None:
    bench = charger(step)
    bench.pilot(PilotState.A)
    assert bench.ended == (R.UNPLUGGED, False) and off(bench)


def lost(step: Step) -> None:
    bench = charger(step)
    bench.machine.lost(R.TCP_RESET, bench.now)
    bench._collect()
    assert bench.ended == (R.TCP_RESET, False) and off(bench) and bench.machine.next_timer() == NEVER


@family
def ends() -> Iterator[Case]:
    seen = set()
    for step in steps():
        if (step.protocol, step.state) in seen:
            continue
        seen.add((step.protocol, step.state))
        name = step.state.name
        if step.state not in (Evse.SessionSetup, Evse.WeldingDetection):
            yield Case("SECC", step.protocol, "SessionStop", name + "_SessionStop",
                       f"A charger in the state {name} takes a SessionStopReq, answers OK and has no output any more.", "field-pyplc-clara 4.2",
                       partial(session_stop, step))
        yield Case("SECC", step.protocol, step.message, name + "_Unplugged",
                   f"A charger in the state {name} ends the session and switches off when the pilot says that the plug is out.", "safety sheet S8",
                   partial(unplugged, step))
        yield Case("SECC", step.protocol, step.message, name + "_ConnectionLost",
                   f"A charger in the state {name} that loses its connection switches off and ends at once.", "field-pyplc-clara 4.1, 4.2", partial(lost, step))


def unanswerable(protocol: str) -> None:
    wire = WIRE[protocol]
    for body in (wire.SessionStopRes(ResponseCode=wire.responseCode.OK), None):
        for step in steps([protocol]):
            bench = charger(step)
            count = len(bench.answers)
            header = wire.MessageHeader(SessionID=bench.machine.session_id or bytes(8))
            bench.machine.receive(wire.V2G_Message(Header=header, Body=wire.Body(BodyElement=body)), bench.now)
            bench._collect()
            assert bench.ended == (R.SEQUENCE_ERROR, False) and len(bench.answers) == count and off(bench)


@family
def not_requests() -> Iterator[Case]:
    for protocol in sheet.BOTH:
        yield Case("SECC", protocol, "SessionStop", "AnyState_NotARequest",
                   "A charger answers nothing to a message that is no request, and ends in whatever state.", "safety sheet 3.3, State",
                   partial(unanswerable, protocol))
