"""The car's way through a session: limits of phases, order of messages, the end and its order, stops and trips, renegotiation, receipts, pause."""
from __future__ import annotations

from functools import partial
from typing import Callable, Iterator

from exi_native.messages import iso2
from kernel.timer import MS, S
from tasks.stop_reasons import StopReason as R
from tasks.v2g.pev_states import Pev
from tests.conformance import sheet
from tests.conformance.cases import Case, family
from tests.conformance.evcc_ways import WIRE, Step, assert_cut, bench_of, car, forward_to, number, steps, to_the_end
from tests.conformance.sheet import BOTH, DIN, ISO2
from tests.v2g.iso2_pev_bench import Iso2PevBench
from tests.v2g.pev_bench import BATTERY, SESSION, PevBench

AUTHORISATION = {DIN: "ContractAuthentication", ISO2: "Authorization"}
UNREACHED = 20.0                         # V: no precharge, and no reason to refuse it


# --- limits of phases: the charger answers each request in time and never comes to an end

def phase(protocol: str, state: str, limit: int, reason: R, tolerant: bool) -> None:
    bench = bench_of(protocol, tolerant_timeouts=tolerant).at(Pev[state])
    begin = bench.now
    while bench.machine.stopping is None:
        assert bench.now - begin <= limit, "the car is too patient"
        bench.answer(finished=False, volts=UNREACHED)
        until = begin + limit - 1
        if bench.machine.next_timer() > until >= bench.now:
            bench.run(until - bench.now)
            assert bench.machine.stopping is None, "the car is impatient"
        bench.wake(max(bench.machine.next_timer(), bench.now))
    assert bench.now - begin == limit and bench.machine.stopping is reason
    assert not bench.machine.wants_pilot_c and not bench.machine.wants_contactors
    assert to_the_end(bench).ended[0] is reason


@family
def phases() -> Iterator[Case]:
    for protocol in BOTH:
        for state, subject, limit, reason, tolerant, source in (
                (AUTHORISATION[protocol], "OngoingTimeout", sheet.ONGOING, R.ONGOING_TIMEOUT, False, sheet.PHASES),
                ("ChargeParameterDiscovery", "OngoingTimeout", sheet.ONGOING, R.ONGOING_TIMEOUT, False, sheet.PHASES),
                ("CableCheck", "PhaseTimeout", sheet.CABLE_CHECK, R.CABLE_CHECK_FAILED, False, sheet.PHASES + "; safety sheet S9, S14"),
                ("PreCharge", "PhaseTimeout", sheet.PRECHARGE, R.PRECHARGE_TIMEOUT, False, sheet.PHASES + "; safety sheet S4"),
                (AUTHORISATION[protocol], "OngoingTimeout_Tolerant", sheet.FIELD_AUTHORISATION, R.ONGOING_TIMEOUT, True, "field-pyplc-clara 3.2, state 7"),
                ("ChargeParameterDiscovery", "OngoingTimeout_Tolerant", sheet.ONGOING, R.ONGOING_TIMEOUT, True, sheet.PHASES),
                ("CableCheck", "PhaseTimeout_Tolerant", sheet.CABLE_CHECK, R.CABLE_CHECK_FAILED, True, sheet.PHASES),
                ("PreCharge", "PhaseTimeout_Tolerant", sheet.FIELD_PRECHARGE, R.PRECHARGE_TIMEOUT, True, "safety sheet S4")):
            how = "bears with real chargers" if tolerant else "keeps to the standard"
            yield Case("EVCC", protocol, state, f"{state}_{subject}",
                       f"A car that {how} gives {state} up {limit / S:g} s after its first request, in state B at once.",
                       source, partial(phase, protocol, state, limit, reason, tolerant))


def ready_to_charge(protocol: str) -> None:
    bench = bench_of(protocol)
    bench.start().answer()
    begin = bench.now
    for name, patience in ((AUTHORISATION[protocol], 55 * S), ("ChargeParameterDiscovery", 55 * S), ("CableCheck", 39 * S), ("PreCharge", 60 * S)):
        forward_to(bench, Pev[name])
        entered = bench.now
        while bench.state is Pev[name] and bench.now - entered < patience and bench.machine.stopping is None:
            assert bench.now - begin <= sheet.READY_TO_CHARGE
            bench.answer(finished=False, volts=UNREACHED)
            bench.wake(max(bench.machine.next_timer(), bench.now))
    assert bench.machine.stopping is R.READY_TO_CHARGE_TIMEOUT
    assert sheet.READY_TO_CHARGE <= bench.now - begin < sheet.READY_TO_CHARGE + 100 * MS, "an answer may be under way"
    assert not bench.machine.wants_pilot_c and to_the_end(bench).ended[0] is R.READY_TO_CHARGE_TIMEOUT


@family
def readiness() -> Iterator[Case]:
    for protocol in BOTH:
        yield Case("EVCC", protocol, "PreCharge", "ReadyToCharge_Timeout",
                   f"A car that does not charge {sheet.READY_TO_CHARGE / S:g} s after SessionSetupRes ends the session.",
                   sheet.PHASES, partial(ready_to_charge, protocol))


# --- stops

def user_stop(step: Step) -> None:
    bench = car(step)
    sent, powered = len(bench.sent), bench.machine.wants_contactors or step.ac
    bench.stop(R.USER_STOP)
    assert len(bench.sent) == sent, "half duplex: the answer comes first"
    bench.answer(finished=False, volts=UNREACHED)
    first = type(bench.sent[sent]).__name__
    assert first == ("PowerDeliveryReq" if powered else type(bench.response(Pev.SessionStop)).__name__.replace("Res", "" if step.protocol == DIN else "Req"))
    assert to_the_end(bench).ended == (R.USER_STOP, True) and bench.released


def trip(step: Step) -> None:
    bench = car(step)
    bench.facts.trip = "inlet too hot"
    bench.machine.handle_timer(bench.now)
    bench._collect()
    assert bench.machine.stopping is R.SAFETY_TRIP and not bench.machine.wants_pilot_c and not bench.machine.wants_contactors
    assert to_the_end(bench).ended == (R.SAFETY_TRIP, True)


def lost(step: Step) -> None:
    bench = car(step)
    sent = len(bench.sent)
    bench.machine.lost(R.TCP_RESET, bench.now)
    bench._collect()
    if step.name == "SessionStop":
        assert bench.ended is not None and bench.ended[1] is True and bench.released
    else:
        assert_cut(bench, sent, R.USER_STOP if step.ending else R.TCP_RESET)


@family
def stops() -> Iterator[Case]:
    for step in steps():
        if not step.ending:
            yield Case("EVCC", step.protocol, step.message, step.name + "_UserStop",
                       f"A car that is stopped while it awaits {step.message}Res ({step.name}) takes that answer and then ends in order.",
                       "field-pyplc-clara 3.7",
                       partial(user_stop, step))
            yield Case("EVCC", step.protocol, step.message, step.name + "_Trip",
                       f"A car that trips while it awaits {step.message}Res ({step.name}) lets go of state C and contactors at once.", "safety sheet S9",
                       partial(trip, step))
        yield Case("EVCC", step.protocol, step.message, step.name + "_ConnectionLost",
                   f"A car that loses its connection while it awaits {step.message}Res ({step.name}) lets go of everything and ends.",
                   "field-pyplc-clara 8.1; safety sheet S9",
                   partial(lost, step))


# --- the order of a session and of its end

def order(protocol: str) -> None:
    bench = to_the_end(bench_of(protocol).start())
    names = [type(body).__name__.removesuffix("Req") for body in bench.sent]
    once = [name for n, name in enumerate(names) if n == 0 or names[n - 1] != name]
    payment = ["ServicePaymentSelection", "ContractAuthentication"] if protocol == DIN else ["PaymentServiceSelection", "Authorization"]
    assert once == ["SessionSetup", "ServiceDiscovery", *payment, "ChargeParameterDiscovery", "CableCheck", "PreCharge", "PowerDelivery", "CurrentDemand",
                    "PowerDelivery", "WeldingDetection", "SessionStop"]
    assert bench.headers[0].SessionID == bytes(8) and bench.ended == (R.USER_STOP, True)


def order_of_the_end(protocol: str) -> None:
    bench = bench_of(protocol).at(Pev.PowerDeliveryStop)
    bench.follow = False
    assert bench.machine.wants_contactors and bench.machine.wants_pilot_c, "until the charger has answered"
    sent = len(bench.sent)
    bench.answer()
    assert not bench.machine.wants_pilot_c and not bench.machine.wants_contactors and bench.machine.wants_lock
    bench.run(200 * MS)
    assert len(bench.sent) == sent, "first the contactors open"
    bench.facts.contactors_closed = False
    bench.until_sent()
    assert type(bench.last).__name__ == "WeldingDetectionReq" and bench.machine.wants_lock
    bench.answer(volts=10.0)
    assert type(bench.last).__name__.startswith("SessionStop") and bench.machine.wants_lock
    bench.answer()
    assert bench.ended == (R.USER_STOP, True) and not bench.machine.wants_lock


def welding_rounds(protocol: str) -> None:
    bench = bench_of(protocol).at(Pev.WeldingDetection)
    for volts in (362.0, 290.0, sheet.DISCHARGED + 1):
        bench.answer(volts=volts).until_sent()
        assert type(bench.last).__name__ == "WeldingDetectionReq"
    bench.answer(volts=sheet.DISCHARGED - 1)
    assert bench.state is Pev.SessionStop


def welding_bounded(protocol: str) -> None:
    bench = bench_of(protocol).at(Pev.WeldingDetection)
    for rounds in range(1, 11):
        assert bench.state is Pev.WeldingDetection, rounds
        bench.answer(volts=BATTERY)
        if bench.state is Pev.WeldingDetection:
            bench.until_sent()
    assert bench.state is Pev.SessionStop and any("welded" in note for note in bench.notes)


def evccid(protocol: str) -> None:
    assert bench_of(protocol).start().last.EVCCID == bytes.fromhex("020000000001")


def start_and_stop(protocol: str) -> None:
    bench = to_the_end(bench_of(protocol).start())
    bodies = [b for b in bench.sent if type(b) is WIRE[protocol].PowerDeliveryReq]
    said = [b.ReadyToChargeState for b in bodies] if protocol == DIN else [b.ChargeProgress.name for b in bodies]
    assert said == ([True, False] if protocol == DIN else ["Start", "Stop"])


def battery_full(protocol: str) -> None:
    bench = bench_of(protocol).at(Pev.CurrentDemand)
    bench.facts.soc = 98.0
    bench.answer()
    assert bench.state is Pev.PowerDeliveryStop and bench.last.EVPowerDeliveryParameter.ChargingComplete is True
    assert to_the_end(bench).ended == (R.BATTERY_FULL, True)


def not_ready(protocol: str) -> None:
    bench = bench_of(protocol).at(Pev.ChargeParameterDiscovery)
    bench.answer(code=WIRE[protocol].DC_EVSEStatusCode.EVSE_NotReady)
    forward_to(bench, Pev.CableCheck)


def state_c_before_cable_check(protocol: str) -> None:
    bench = bench_of(protocol).at(Pev.ChargeParameterDiscovery)
    bench.follow = False
    sent = len(bench.sent)
    bench.answer()
    bench.run(200 * MS)
    assert bench.machine.wants_lock and not bench.machine.wants_pilot_c and len(bench.sent) == sent
    bench.facts.lock_confirmed = True
    bench.run(200 * MS)
    assert bench.machine.wants_pilot_c and len(bench.sent) == sent
    bench.facts.pilot_c = True
    bench.until_sent()
    assert type(bench.last).__name__ == "CableCheckReq"


def setup_ok(protocol: str) -> None:
    for word in ("OK", "OK_NewSessionEstablished"):
        bench = bench_of(protocol).start()
        bench.answer(rc=WIRE[protocol].responseCode[word])
        assert bench.state is Pev.ServiceDiscovery


COURSE: list[tuple[str, str, Callable[[str], None], str, str]] = [
    ("SessionSetup", "SessionSetup_Order", order, "A car sends its requests in the order of the standard, the first with the session id 0.",
     "field-pyplc-clara 3.2"),
    ("SessionSetup", "SessionSetup_Evccid", evccid, "A car tells its MAC as EVCCID.", "field-pyplc-clara 7.1, issue 20"),
    ("SessionSetup", "SessionSetup_ResponseCode_OK", setup_ok, "A car takes OK and OK_NewSessionEstablished in SessionSetupRes.",
     "field-pyplc-clara 3.2, state 4"),
    ("PowerDelivery", "PowerDelivery_StartStop", start_and_stop, "A car says start before and stop after the charge loop.", "field-pyplc-clara 7.1, issue 16"),
    ("PowerDelivery", "PowerDeliveryStop_Order", order_of_the_end,
     "A car goes to state B and opens after PowerDeliveryRes(stop), then detects welding, stops the session and unlocks last.", "safety sheet S10"),
    ("WeldingDetection", "WeldingDetection_Rounds", welding_rounds, "A car repeats welding detection until the voltage is below 60 V.",
     "safety sheet S6; field-pyplc-clara 6"),
    ("WeldingDetection", "WeldingDetection_Bounded", welding_bounded, "A car ends welding detection after 10 rounds and says what it fears.",
     "field-pyplc-clara 8.1"),
    ("CurrentDemand", "CurrentDemand_BatteryFull", battery_full, "A car that is full says ChargingComplete with PowerDeliveryReq(stop).",
     "field-pyplc-clara 3.7"),
    ("ChargeParameterDiscovery", "ChargeParameterDiscovery_NotReady", not_ready, "A car goes on to CableCheckReq after Finished with EVSE_NotReady.",
     "field-pyplc-clara 7.1, Compleo"),
    ("CableCheck", "CableCheck_LockAndStateC", state_c_before_cable_check, "A car sends CableCheckReq only once it is locked and then in state C.",
     "field-pyplc-clara 3.2, states 8, 9"),
]


@family
def course() -> Iterator[Case]:
    for protocol in BOTH:
        for message, subject, run, requirement, source in COURSE:
            yield Case("EVCC", protocol, message, subject, requirement, source, partial(run, protocol))


# --- ISO 15118-2 alone

def renegotiation(ac: bool) -> None:
    loop = Pev.ChargingStatus if ac else Pev.CurrentDemand
    bench: PevBench = bench_of(ISO2, ac).at(loop)
    sent = len(bench.sent)
    bench.answer(notification=iso2.EVSENotification.ReNegotiation)
    for _ in range(3):
        assert bench.machine.wants_pilot_c and bench.machine.wants_lock and bench.machine.wants_contactors is not ac
        bench.answer()
    assert bench.state is loop
    assert [type(b).__name__ for b in bench.sent[sent:sent + 3]] == ["PowerDeliveryReq", "ChargeParameterDiscoveryReq", "PowerDeliveryReq"]
    assert [bench.sent[sent].ChargeProgress.name, bench.sent[sent + 2].ChargeProgress.name] == ["Renegotiate", "Start"]


def receipt(ac: bool) -> None:
    loop = Pev.ChargingStatus if ac else Pev.CurrentDemand
    bench = bench_of(ISO2, ac).at(loop).answer(receipt=True)
    assert type(bench.last) is iso2.MeteringReceiptReq and bench.last.SessionID == SESSION and bench.last.Id is None
    assert (bench.last.MeterInfo.MeterID, bench.last.MeterInfo.MeterReading) == ("meter", 1234)
    assert bench.answer().state is loop


def pause(reason: R, word: str) -> None:
    bench = bench_of(ISO2).at(Pev.CurrentDemand)
    bench.stop(reason)
    to_the_end(bench.answer())
    assert bench.sent[-1].ChargingSession.name == word and bench.ended == (reason, True)


def resume() -> None:
    bench = Iso2PevBench(resume=SESSION).start()
    assert bench.headers[0].SessionID == SESSION
    bench.answer(rc=iso2.responseCode.OK_NewSessionEstablished, session=b"\x09" * 8)
    assert bench.headers[-1].SessionID == b"\x09" * 8 and bench.ended is None


def ac_has_no_dc() -> None:
    names = {type(b).__name__ for b in to_the_end(bench_of(ISO2, True).start()).sent}
    assert "ChargingStatusReq" in names and not names & {"CableCheckReq", "PreChargeReq", "CurrentDemandReq", "WeldingDetectionReq"}


def ac_current() -> None:
    bench = bench_of(ISO2, True, ac_max_current_a=20.0).at(Pev.ChargeParameterDiscovery)
    assert number(bench.last.EVChargeParameter.EVMaxCurrent) == 20


@family
def iso2_alone() -> Iterator[Case]:
    for ac, message in ((False, "CurrentDemand"), (True, "ChargingStatus")):
        yield Case("EVCC", ISO2, message, message + "_Renegotiation",
                   f"A car that is told ReNegotiation in {message}Res agrees on parameters anew and stays connected.",
                   "safety sheet I1", partial(renegotiation, ac))
        yield Case("EVCC", ISO2, "MeteringReceipt", message + "_Receipt",
                   f"A car that is asked for a receipt in {message}Res returns it unsigned and charges on.",
                   "exi sheet 3; slac-and-network 7.2", partial(receipt, ac))
    for subject, message, run, requirement in (
            ("SessionStop_Pause", "SessionStop", partial(pause, R.PAUSED, "Pause"), "A car that pauses ends in order and says Pause."),
            ("SessionStop_Terminate", "SessionStop", partial(pause, R.USER_STOP, "Terminate"), "A car that is stopped ends in order and says Terminate."),
            ("SessionSetup_Resume", "SessionSetup", resume, "A car that comes back from a pause asks for its old session and takes a new one."),
            ("AC_NoDcMessages", "ChargingStatus", ac_has_no_dc, "A car that charges with AC sends no message of DC."),
            ("AC_ChargeParameterDiscovery_Current", "ChargeParameterDiscovery", ac_current, "A car tells the AC current that it was set to.")):
        yield Case("EVCC", ISO2, message, subject, requirement, "exi sheet 3, words of the schema; slac-and-network 7.2", run)
