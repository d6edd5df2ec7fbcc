"""The charger before power: session ids, payment and services, transfer mode and limits, what stays Ongoing, cable check."""
from __future__ import annotations

from functools import partial
from typing import Any, Iterator

from drivers.interfaces import PilotState
from exi_native.messages import din, iso2
from kernel.timer import MS, S
from tasks.stop_reasons import StopReason as R
from tasks.v2g.evse_states import Evse
from tests.conformance import sheet
from tests.conformance.cases import Case, family
from tests.conformance.secc_ways import WIRE, Step, ask, assert_refused, bench_of, charger, code, kind, number, off, step
from tests.conformance.sheet import BOTH, DIN, ISO2
from tests.v2g.iso2_evse_bench import parameter

SCHEMA = "exi sheet 3, words of responseCode"
AUTHORISATION = {DIN: "ContractAuthentication", ISO2: "Authorization"}
PAYMENT = {DIN: "ServicePaymentSelection", ISO2: "PaymentServiceSelection"}
WRONG_MODE = {DIN: "FAILED_WrongEnergyTransferType", ISO2: "FAILED_WrongEnergyTransferMode"}


# --- session ids

def new_ids(protocol: str) -> None:
    ids = set()
    for seed in range(20):
        for asked in (bytes(8), b"", b"\x01\x02\x03\x04\x05\x06\x07\x08"):
            bench = bench_of(protocol, seed=seed).start().ask(kind(protocol, "SessionSetup"), session=asked)
            assert code(bench) == "OK_NewSessionEstablished" and bench.headers[-1].SessionID != asked
        ids.add(bench.headers[-1].SessionID)
    assert len(ids) == 20 and all(len(i) == 8 and any(i) for i in ids)


def joined() -> None:
    bench = bench_of(ISO2, paused_id=b"\x08" * 8).start().ask(iso2.SessionSetupReq, session=b"\x08" * 8)
    assert code(bench) == "OK_OldSessionJoined" and bench.headers[-1].SessionID == b"\x08" * 8


def not_joined() -> None:
    for asked in (bytes(8), b"", b"\x08" * 7, b"\x09" * 8):
        bench = bench_of(ISO2, paused_id=b"\x08" * 8).start().ask(iso2.SessionSetupReq, session=asked)
        assert code(bench) == "OK_NewSessionEstablished" and bench.headers[-1].SessionID not in (asked, b"\x08" * 8, bytes(8))


def setup_repeated(protocol: str) -> None:
    bench = charger(step(protocol, "ServiceDiscovery"))
    bench.ask(kind(protocol, "SessionSetup"), session=bytes(8))
    assert_refused(bench, "SessionSetup", "FAILED_SequenceError", R.SEQUENCE_ERROR)


@family
def session_setup() -> Iterator[Case]:
    for protocol in BOTH:
        yield Case("SECC", protocol, "SessionSetup", "SessionSetup_SessionId_New",
                   "A charger gives every new session a random id of 8 octets that is not zero, whatever id the car brings.",
                   "safety sheet 3.2, random numbers",
                   partial(new_ids, protocol))
        yield Case("SECC", protocol, "SessionSetup", "SessionSetup_Repeated", "A charger takes no second SessionSetupReq in a session.",
                   "safety sheet 3.3, State",
                   partial(setup_repeated, protocol))
    yield Case("SECC", ISO2, "SessionSetup", "SessionSetup_OldSessionJoined",
               "A charger whose car has paused takes its session up again under the old id, and says so.", SCHEMA, joined)
    yield Case("SECC", ISO2, "SessionSetup", "SessionSetup_OldSessionNotJoined",
               "A charger takes no paused session up again for a car that does not bring exactly its id.", "safety sheet 3.3, State", not_joined)


# --- refusals

def refusal(protocol: str, name: str, word: str, fields: dict[str, Any]) -> None:
    where = step(protocol, name)
    bench = charger(where)
    ask(bench, where, **fields)
    assert_refused(bench, where.message, word)


REFUSALS = [
    # protocol, step, subject, word, fields, what the car does wrong
    (DIN, PAYMENT[DIN], "Contract", "FAILED_PaymentSelectionInvalid", {"payment": din.paymentOption.Contract},
     "wants to pay by contract, which is not offered"),
    (ISO2, PAYMENT[ISO2], "Contract", "FAILED_PaymentSelectionInvalid", {"payment": iso2.paymentOption.Contract},
     "wants to pay by contract, which is not offered"),
    (DIN, PAYMENT[DIN], "ForeignService", "FAILED_ServiceSelectionInvalid", {"service": 9}, "selects a service that was not offered"),
    (ISO2, PAYMENT[ISO2], "ForeignService", "FAILED_ServiceSelectionInvalid", {"services": (1, 9)}, "selects a service that was not offered"),
    (ISO2, PAYMENT[ISO2], "NoService", "FAILED_NoChargeServiceSelected", {"services": ()}, "selects no service at all"),
    (ISO2, "ServiceDetail", "ForeignService", "FAILED_ServiceIDInvalid", {"service": 9}, "asks for the details of a service that was not offered"),
    (DIN, "ChargeParameterDiscovery", "AcMode", WRONG_MODE[DIN], {"transfer": din.EVRequestedEnergyTransfer.AC_three_phase_core}, "wants AC from a DC charger"),
    (ISO2, "ChargeParameterDiscovery", "AcMode", WRONG_MODE[ISO2], {"mode": iso2.EnergyTransferMode.AC_three_phase_core}, "wants AC from a DC charger"),
    (DIN, "ChargeParameterDiscovery", "VoltageTooLow", "FAILED_WrongChargeParameter", {"max_volts": 40.0}, "takes less than the charger's lowest voltage"),
    (ISO2, "ChargeParameterDiscovery", "VoltageTooLow", "FAILED_WrongChargeParameter", {"max_volts": 40.0}, "takes less than the charger's lowest voltage"),
    (DIN, "ChargeParameterDiscovery", "NegativeVoltage", "FAILED_WrongChargeParameter", {"max_volts": -1.0}, "gives a negative limit"),
    (ISO2, "ChargeParameterDiscovery", "NegativeVoltage", "FAILED_WrongChargeParameter", {"max_volts": -1.0}, "gives a negative limit"),
    (DIN, "ChargeParameterDiscovery", "NegativeCurrent", "FAILED_WrongChargeParameter", {"amps": -1.0}, "gives a negative current limit"),
    (ISO2, "ChargeParameterDiscovery", "NoSchedules", "FAILED_WrongChargeParameter", {"tuples": 0}, "takes no schedule at all"),
]


@family
def refusals() -> Iterator[Case]:
    for protocol, name, subject, word, fields, what in REFUSALS:
        source = "safety sheet 3.3, Semantics" if "Negative" in subject or "Low" in subject else SCHEMA
        yield Case("SECC", protocol, name, f"{name}_{subject}", f"A charger whose car {what} answers {word}, switches off and ends.", source,
                   partial(refusal, protocol, name, word, fields))


# --- what takes its time

def authorisation(protocol: str) -> None:
    where = step(protocol, AUTHORISATION[protocol])
    bench = charger(where, authorisation_delay_ms=3000)
    ask(bench, where)
    begin = bench.now
    while bench.state is where.state:
        assert code(bench) == "OK" and bench.last.EVSEProcessing.name.startswith("Ongoing") and bench.now - begin <= 3 * S
        ask(bench, where, after=250 * MS)
    assert bench.last.EVSEProcessing.name == "Finished" and bench.now - begin >= 3 * S


def parameters_bounded(protocol: str) -> None:
    where = step(protocol, "ChargeParameterDiscovery")
    bench = charger(where)
    bench.follow, bench.facts.output_voltage = False, None
    ask(bench, where)
    begin = bench.now
    while bench.ended is None:
        assert bench.last.EVSEProcessing.name == "Ongoing" and bench.now - begin < sheet.ONGOING_PERFORMANCE
        ask(bench, where, after=1 * S)
    assert bench.now - begin <= sheet.ONGOING_PERFORMANCE
    assert_refused(bench, where.message, "FAILED", R.ONGOING_TIMEOUT)


def offered(protocol: str) -> None:
    where = step(protocol, "ServiceDiscovery")
    bench = ask(charger(where), where)
    res = bench.last
    options = res.PaymentOptions.PaymentOption if protocol == DIN else res.PaymentOptionList.PaymentOption
    assert [o.name for o in options] == ["ExternalPayment"]
    if protocol == DIN:
        assert res.ChargeService.EnergyTransferType.name.startswith("DC")
    else:
        assert all(m.name.startswith("DC") for m in res.ChargeService.SupportedEnergyTransferMode.EnergyTransferMode)


def schedules(protocol: str) -> None:
    where = step(protocol, "ChargeParameterDiscovery")
    res = ask(charger(where), where).last
    offer = res.SASchedules.SAScheduleTuple
    assert res.EVSEProcessing.name == "Finished" and 1 <= len(offer) <= 3 and offer[0].SAScheduleTupleID >= 1
    entry = offer[0].PMaxSchedule.PMaxScheduleEntry[0]
    power = entry.PMax if protocol == DIN else number(entry.PMax)
    assert entry.TimeInterval.start == 0 and power > 0


def limits(protocol: str) -> None:
    where = step(protocol, "ChargeParameterDiscovery")
    p = ask(charger(where, max_voltage_v=450.0, min_voltage_v=200.0, max_current_a=80.0, max_power_kw=30.0), where).last.EVSEChargeParameter
    assert (number(p.EVSEMaximumVoltageLimit), number(p.EVSEMinimumVoltageLimit)) == (450, 200)
    assert (number(p.EVSEMaximumCurrentLimit), number(p.EVSEMaximumPowerLimit)) == (80, 30000)


@family
def negotiation() -> Iterator[Case]:
    for protocol in BOTH:
        name = AUTHORISATION[protocol]
        yield Case("SECC", protocol, name, name + "_Ongoing", f"A charger that waits for its customer answers {name}Req by Ongoing, then once by Finished.",
                   "field-pyplc-clara 4.2", partial(authorisation, protocol))
        name = "ChargeParameterDiscovery"
        yield Case("SECC", protocol, name, name + "_OngoingPerformance",
                   f"A charger that cannot tell its parameters says Ongoing for at most {sheet.ONGOING_PERFORMANCE / S:g} s and then FAILED.", sheet.PHASES,
                   partial(parameters_bounded, protocol))
        yield Case("SECC", protocol, name, name + "_Schedule", "A charger that has finished gives a schedule with a sensible PMax and an id that is not 0.",
                   "field-pyplc-clara 7.1, pyPLC 14; peers sheet, traits", partial(schedules, protocol))
        yield Case("SECC", protocol, name, name + "_Limits", "A charger tells the limits of its power stage.", "field-pyplc-clara 7.1, pyPLC 14",
                   partial(limits, protocol))
        yield Case("SECC", protocol, "ServiceDiscovery", "ServiceDiscovery_Offer",
                   "A DC charger without contracts offers external payment and DC, nothing else.",
                   "field-pyplc-clara 4.1", partial(offered, protocol))


# --- cable check

def checking(protocol: str, **config: Any) -> tuple[Any, Step]:
    where = step(protocol, "CableCheck")
    bench = charger(where, **config)
    bench.follow = False
    ask(bench, where)
    return bench, where


def check_ongoing(protocol: str) -> None:
    bench, where = checking(protocol)
    assert code(bench) == "OK" and bench.last.EVSEProcessing.name == "Ongoing"
    assert bench.status.EVSEStatusCode.name == "EVSE_IsolationMonitoringActive" and not off(bench)


def check_finished(protocol: str) -> None:
    bench, where = checking(protocol)
    bench.follow = True
    while bench.state is where.state:
        ask(bench, where)
    assert bench.last.EVSEProcessing.name == "Finished" and bench.status.EVSEStatusCode.name == "EVSE_Ready"
    assert bench.status.EVSEIsolationStatus.name == "Valid" and off(bench)


def check_voltage(protocol: str) -> None:
    for car, rating, volts in ((410, 1000, 460), (410, 420, 420), (480, 1000, 500), (800, 1000, 880), (920, 1000, 1000)):
        where = step(protocol, "ChargeParameterDiscovery")
        bench = charger(where, max_voltage_v=float(rating))
        ask(bench, where, max_volts=float(car))
        bench.facts.pilot = PilotState.C
        bench.ask(kind(protocol, "CableCheck"))
        assert abs(bench.machine.wants_output[0] - volts) < 1e-6


def check_discharged(protocol: str) -> None:
    bench, where = checking(protocol)
    bench.facts.output_voltage = 460.0
    bench.run(5 * S)
    bench.facts.output_voltage = sheet.DISCHARGED
    ask(bench, where)
    assert off(bench) and bench.last.EVSEProcessing.name == "Ongoing"
    bench.facts.output_voltage = sheet.DISCHARGED - 1
    bench.run(100 * MS)
    ask(bench, where)
    assert bench.last.EVSEProcessing.name == "Finished"


def check_failed(bench: Any) -> None:
    assert_refused(bench, "CableCheck", "FAILED", R.CABLE_CHECK_FAILED)
    assert bench.status.EVSEIsolationStatus.name == "Fault" and bench.status.EVSEStatusCode.name == "EVSE_Malfunction"


def check_fault(protocol: str) -> None:
    for ohm, good in ((sheet.ISOLATION_FAULT - 1, False), (sheet.ISOLATION_FAULT + 1, True)):
        bench, where = checking(protocol)
        bench.follow, bench.facts.isolation = True, ohm
        while bench.state is where.state and bench.ended is None:
            ask(bench, where)
        assert (bench.ended is None) is good
        if not good:
            check_failed(bench)


def check_bounded(protocol: str) -> None:
    bench, where = checking(protocol)                # the output never rises
    begin = bench.now
    while bench.ended is None:
        ask(bench, where, after=1 * S)
        assert bench.now - begin <= sheet.CABLE_CHECK_PERFORMANCE
    check_failed(bench)


def check_state_c(protocol: str) -> None:
    where = step(protocol, "CableCheck")
    bench = charger(where)
    bench.facts.pilot = PilotState.B
    ask(bench, where)
    begin = bench.now
    while bench.ended is None:
        assert off(bench) and bench.now - begin < sheet.CP_STATE
        ask(bench, where, after=100 * MS)
    check_failed(bench)


def check_left(protocol: str) -> None:
    bench, where = checking(protocol)
    assert not off(bench)
    bench.facts.pilot = PilotState.B
    bench.run(30 * MS)
    assert off(bench)
    ask(bench, where)
    check_failed(bench)


CHECKS = [
    ("Ongoing", check_ongoing, "A charger whose cable check is under way says Ongoing with EVSE_IsolationMonitoringActive.", "field-pyplc-clara 3.4, 4.2"),
    ("Finished", check_finished, "A charger whose cable check has passed says Finished with EVSE_Ready and isolation Valid.",
     "field-pyplc-clara 7.1, OpenV2Gx 0244f1a"),
    ("Voltage", check_voltage, "A charger checks the cable at the voltage that follows from the car's maximum and its own.", "safety sheet S13"),
    ("Discharged", check_discharged, "A charger says Finished only once its output is below 60 V again.", "safety sheet S6"),
    ("IsolationFault", check_fault, "A charger that measures less than 100 kOhm says FAILED with isolation Fault.", "safety sheet S20"),
    ("Performance_Phase", check_bounded, "A charger ends a cable check that comes to nothing by FAILED within 38 s.", sheet.PHASES),
    ("StateC", check_state_c, "A charger gives no voltage to a car in state B, and fails the cable check after 1.5 s of it.", sheet.PHASES),
    ("StateLeft", check_left, "A charger switches off when the car leaves state C in the cable check, and fails it.", "safety sheet S8"),
]


@family
def cable_check() -> Iterator[Case]:
    for protocol in BOTH:
        for subject, run, requirement, source in CHECKS:
            yield Case("SECC", protocol, "CableCheck", "CableCheck_" + subject, requirement, source, partial(run, protocol))


def other_modes() -> None:
    bench = bench_of(ISO2, ac=True).at(Evse.ChargeParameterDiscovery).ask(iso2.ChargeParameterDiscoveryReq, mode=iso2.EnergyTransferMode.DC_extended)
    assert_refused(bench, "ChargeParameterDiscovery", WRONG_MODE[ISO2])
    assert type(bench.status).__name__ == "AC_EVSEStatus"


def mixed_parameters() -> None:
    wire = WIRE[ISO2]
    for ac in (False, True):
        bench = bench_of(ISO2, ac=ac).at(Evse.ChargeParameterDiscovery)
        mode = iso2.EnergyTransferMode.AC_three_phase_core if ac else iso2.EnergyTransferMode.DC_extended
        mixed = wire.ChargeParameterDiscoveryReq(RequestedEnergyTransferMode=mode,
                                                 EVChargeParameter=parameter(not ac))
        bench.ask(wire.ChargeParameterDiscoveryReq, body=mixed)
        assert_refused(bench, "ChargeParameterDiscovery", "FAILED_WrongChargeParameter")


@family
def transfer_modes() -> Iterator[Case]:
    yield Case("SECC", ISO2, "ChargeParameterDiscovery", "AC_ChargeParameterDiscovery_DcMode",
               "An AC charger refuses a car that wants DC, with an AC status.", SCHEMA,
               other_modes)
    yield Case("SECC", ISO2, "ChargeParameterDiscovery", "ChargeParameterDiscovery_MixedParameters",
               "A charger refuses parameters that do not belong to the transfer mode that the car asks for.", "safety sheet 3.3, Semantics", mixed_parameters)
