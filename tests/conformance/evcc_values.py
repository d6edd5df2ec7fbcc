"""What the car makes of values: EVSE status and notification, physical values, limits, precharge, and what it asks for."""
from __future__ import annotations

from functools import partial
from typing import Any, Iterator

from exi_native.messages import iso2
from kernel.timer import MS
from tasks.stop_reasons import StopReason as R
from tasks.v2g.pev_states import Pev
from tests.conformance import sheet
from tests.conformance.cases import Case, family
from tests.conformance.evcc_ways import WIRE, assert_cut, bench_of, forward_to, number, to_the_end
from tests.conformance.sheet import BOTH, DIN, ISO2
from tests.v2g import iso2_pev_bench, pev_bench
from tests.v2g.pev_bench import BATTERY, PevBench

BENCH = {DIN: pev_bench, ISO2: iso2_pev_bench}
CALM = ("EVSE_NotReady", "EVSE_Ready", "EVSE_IsolationMonitoringActive", "Reserved_8", "Reserved_C")
STOPS = {
    # code: (reason before charging, reason in the charge loop, at once)
    "EVSE_Shutdown": (R.CHARGER_SHUTDOWN, R.CHARGER_STOP, False),
    "EVSE_UtilityInterruptEvent": (R.CHARGER_UTILITY, R.CHARGER_UTILITY, False),
    "EVSE_EmergencyShutdown": (R.CHARGER_EMERGENCY, R.CHARGER_EMERGENCY, True),
    "EVSE_Malfunction": (R.CHARGER_MALFUNCTION, R.CHARGER_MALFUNCTION, True),
}
JUDGED = ("ChargeParameterDiscovery", "CableCheck", "PreCharge", "PowerDeliveryStart", "CurrentDemand")
"""States whose response carries a status that still matters."""


def message(state: str) -> str:
    return "PowerDelivery" if state.startswith("PowerDelivery") else state


# --- EVSE status and notification

def calm(protocol: str, state: str, code: str) -> None:
    bench = bench_of(protocol).at(Pev[state])
    bench.answer(code=WIRE[protocol].DC_EVSEStatusCode[code])
    assert bench.ended is None and bench.machine.stopping is None


def stopped(protocol: str, state: str, code: str) -> None:
    before, loop, at_once = STOPS[code]
    bench = bench_of(protocol).at(Pev[state])
    powered = bench.machine.wants_contactors
    bench.answer(code=WIRE[protocol].DC_EVSEStatusCode[code])
    reason = loop if state == "CurrentDemand" else before
    assert bench.machine.stopping is reason and bench.state is (Pev.PowerDeliveryStop if powered else Pev.SessionStop)
    assert bench.machine.wants_contactors is (powered and not at_once) and bench.machine.wants_pilot_c is (powered and not at_once)
    assert to_the_end(bench).ended == (reason, True) and bench.released


@family
def statuses() -> Iterator[Case]:
    source = "field-pyplc-clara 3.4"
    for protocol in BOTH:
        for state in JUDGED:
            for code in STOPS:
                how = "letting go of state C and contactors at once" if STOPS[code][2] else "in order"
                yield Case("EVCC", protocol, message(state), f"{state}_Status_{code}",
                           f"A car that reads {code} in {message(state)}Res ends the session, {how}.",
                           source + "; safety sheet S9", partial(stopped, protocol, state, code))
            for code in CALM:
                if code.startswith("EVSE") or state in ("PreCharge", "CurrentDemand"):
                    yield Case("EVCC", protocol, message(state), f"{state}_Status_{code}", f"A car that reads {code} in {message(state)}Res goes on.", source,
                               partial(calm, protocol, state, code))


def stop_charging(protocol: str, ac: bool) -> None:
    bench = bench_of(protocol, ac).at(Pev.ChargingStatus if ac else Pev.CurrentDemand)
    bench.answer(notification=WIRE[protocol].EVSENotification.StopCharging)
    assert bench.state is Pev.PowerDeliveryStop and to_the_end(bench).ended == (R.CHARGER_STOP, True)


def isolation(protocol: str, level: str, good: bool) -> None:
    bench = bench_of(protocol).at(Pev.CableCheck)
    bench.answer(isolation=WIRE[protocol].isolationLevel[level])
    assert bench.state is (Pev.PreCharge if good else Pev.SessionStop)
    if not good:
        assert not bench.machine.wants_pilot_c and to_the_end(bench).ended == (R.CABLE_CHECK_FAILED, True)


@family
def notifications() -> Iterator[Case]:
    for protocol in BOTH:
        yield Case("EVCC", protocol, "CurrentDemand", "CurrentDemand_Notification_StopCharging",
                   "A car that is told StopCharging in CurrentDemandRes ends charging in order.",
                   "field-pyplc-clara 3.7", partial(stop_charging, protocol, False))
        for level, good in (("Valid", True), ("Warning", True), ("Fault", False)):
            yield Case("EVCC", protocol, "CableCheck", "CableCheck_Isolation_" + level,
                       f"A car whose cable check ends with isolation {level} {'goes on' if good else 'ends the session'}.", "safety sheet S20",
                       partial(isolation, protocol, level, good))
    yield Case("EVCC", ISO2, "ChargingStatus", "ChargingStatus_Notification_StopCharging",
               "A car that is told StopCharging in ChargingStatusRes ends charging in order.",
               "field-pyplc-clara 3.7", partial(stop_charging, ISO2, True))


# --- physical values

def impossible(protocol: str, state: str, field: str, unit: str, multiplier: int, value: int) -> None:
    wire = WIRE[protocol]
    bench = bench_of(protocol).at(Pev[state])
    sent = len(bench.sent)
    body = bench.response(bench.state)
    holder = body.EVSEChargeParameter if state == "ChargeParameterDiscovery" else body
    setattr(holder, field, wire.PhysicalValue(Multiplier=multiplier, Unit=wire.unitSymbol[unit], Value=value))
    bench.answer(body)
    assert_cut(bench, sent, R.BAD_VALUE)


def nonsense_limit(protocol: str, field: str, unit: str) -> None:
    """An encoder has sent 20 GW (field-pyplc-clara 7.1, pyPLC 14)."""
    wire = WIRE[protocol]
    bench = bench_of(protocol, max_current_a=70.0, max_voltage_v=390.0).at(Pev.ChargeParameterDiscovery)
    parameter = BENCH[protocol].parameters()
    setattr(parameter, field, wire.PhysicalValue(Multiplier=3, Unit=wire.unitSymbol[unit], Value=32767))
    bench.answer(parameter=parameter)
    forward_to(bench, Pev.CurrentDemand)
    volts, amps = asked(bench)
    assert 0 < volts <= 390 and 0 < amps <= 70


WRONG = [("Unit", 0, 300), ("Negative", 0, -200), ("TooLarge", 3, 32767), ("Multiplier", 4, 1)]
FIELDS = [("ChargeParameterDiscovery", "EVSEMaximumVoltageLimit", "V", "A"), ("ChargeParameterDiscovery", "EVSEMaximumCurrentLimit", "A", "V"),
          ("PreCharge", "EVSEPresentVoltage", "V", "A"), ("CurrentDemand", "EVSEPresentVoltage", "V", "A"), ("CurrentDemand", "EVSEPresentCurrent", "A", "V")]


@family
def values() -> Iterator[Case]:
    for protocol in BOTH:
        for state, field, right, wrong in FIELDS:
            for name, multiplier, value in WRONG:
                unit = wrong if name == "Unit" else right
                if (field, name) == ("EVSEPresentCurrent", "Negative"):
                    continue                             # a small current backwards is a matter of the meter
                if state == "ChargeParameterDiscovery" and name == "TooLarge":
                    yield Case("EVCC", protocol, state, f"{state}_{field}_{name}",
                               f"A car that reads {value}e{multiplier} {unit} as {field} asks for no more than its own limits.",
                               "safety sheet 3.3, Semantics; I6",
                               partial(nonsense_limit, protocol, field, unit))
                    continue
                yield Case("EVCC", protocol, state, f"{state}_{field}_{name}",
                           f"A car that reads {value}e{multiplier} {unit} as {field} ends the session with everything released.", "safety sheet 3.3, Semantics",
                           partial(impossible, protocol, state, field, unit, multiplier, value))


# --- limits: what is asked for

def asked(bench: PevBench) -> tuple[float, float]:
    bench.answer().until_sent()
    return number(bench.last.EVTargetVoltage), number(bench.last.EVTargetCurrent)


def least(protocol: str, config: dict[str, Any], facts: dict[str, Any], limits: dict[str, float], expected: tuple[float, float]) -> None:
    bench = bench_of(protocol, **config)
    for name, value in facts.items():
        setattr(bench.facts, name, value)
    bench.at(Pev.ChargeParameterDiscovery).answer(parameter=BENCH[protocol].parameters(**limits))
    forward_to(bench, Pev.CurrentDemand)
    got = asked(bench)
    assert abs(got[0] - expected[0]) < 0.2 and expected[1] - 0.2 < got[1] <= expected[1], got


LEAST = [
    ("Battery", {}, {}, {}, (400, 100), "its battery wants"),
    ("ChargerVoltage", {}, {}, {"max_v": 380.0}, (380, 100), "the charger's voltage limit allows"),
    ("ChargerCurrent", {}, {}, {"max_a": 40.0}, (400, 40), "the charger's current limit allows"),
    ("ChargerPower", {}, {}, {"max_w": 20000.0}, (400, 20000 / BATTERY), "the charger's power limit allows"),
    ("OwnVoltage", {"max_voltage_v": 390.0}, {}, {}, (390, 100), "its own voltage limit allows"),
    ("OwnCurrent", {"max_current_a": 30.0}, {}, {}, (400, 30), "its own current limit allows"),
    ("OwnPower", {"max_power_kw": 10.0}, {}, {}, (400, 10000 / BATTERY), "its own power limit allows"),
    ("Supervisor", {}, {"current_limit": 12.0}, {}, (400, 12), "its supervisor allows (temperature)"),
    ("NoSupervisor", {}, {"current_limit": None}, {}, (400, 0), "an unknown limit allows, which is nothing"),
]


def limits_follow(protocol: str) -> None:
    wire = WIRE[protocol]
    bench = bench_of(protocol).at(Pev.CurrentDemand)
    body = bench.response(bench.state)
    body.EVSEMaximumCurrentLimit = wire.PhysicalValue(Multiplier=0, Unit=wire.unitSymbol.A, Value=20)
    bench.answer(body).until_sent()
    assert number(bench.last.EVTargetCurrent) <= 20


def incompatible(protocol: str) -> None:
    for limits in ({"max_v": BATTERY - 10}, {"min_v": BATTERY + 10}):
        bench = bench_of(protocol).at(Pev.ChargeParameterDiscovery)
        bench.answer(parameter=BENCH[protocol].parameters(**limits))
        assert not bench.machine.wants_lock and to_the_end(bench).ended == (R.INCOMPATIBLE_VOLTAGE, True)


def silent_battery(protocol: str) -> None:
    bench = bench_of(protocol).at(Pev.CurrentDemand)
    bench.answer().until_sent()
    begin = bench.now
    bench.facts.permission = bench.facts.target_current = bench.facts.target_voltage = None
    while bench.machine.stopping is None:
        assert bench.now - begin <= sheet.BATTERY_SILENT + 300 * MS
        bench.answer()
        if bench.machine.stopping is None:
            bench.until_sent()
            assert type(bench.last).__name__ != "CurrentDemandReq" or number(bench.last.EVTargetCurrent) == 0
    assert to_the_end(bench).ended == (R.BATTERY_SILENT, True)


@family
def limits() -> Iterator[Case]:
    for protocol in BOTH:
        for subject, config, facts, charger, expected, what in LEAST:
            yield Case("EVCC", protocol, "CurrentDemand", "CurrentDemand_Target_" + subject, f"A car asks for no more than {what}.", "safety sheet I6",
                       partial(least, protocol, config, facts, charger, expected))
        yield Case("EVCC", protocol, "CurrentDemand", "CurrentDemand_LimitsFollowed",
                   "A car keeps to a limit that CurrentDemandRes brings anew from the next request on.",
                   "safety sheet I6", partial(limits_follow, protocol))
        yield Case("EVCC", protocol, "CurrentDemand", "CurrentDemand_BatterySilent",
                   "A car whose battery says nothing asks for 0 A and ends in order within 3 s.",
                   "safety sheet S21", partial(silent_battery, protocol))
        yield Case("EVCC", protocol, "ChargeParameterDiscovery", "ChargeParameterDiscovery_IncompatibleVoltage",
                   "A car whose battery is outside the charger's voltages ends in order before anything is locked.", "field-pyplc-clara 8.1, precharge end",
                   partial(incompatible, protocol))


# --- precharge

def precharge_request(protocol: str) -> None:
    bench = bench_of(protocol).at(Pev.PreCharge)
    assert number(bench.last.EVTargetVoltage) == BATTERY and 0 < number(bench.last.EVTargetCurrent) <= sheet.PRECHARGE_CURRENT


def precharge_match(protocol: str) -> None:
    for inlet, said, good in ((BATTERY, BATTERY, True), (BATTERY - sheet.MATCH - 1, BATTERY, False), (BATTERY + sheet.MATCH + 1, BATTERY, False),
                              (0.0, BATTERY, False), (None, BATTERY, False)):
        bench = bench_of(protocol).at(Pev.PreCharge)
        bench.follow, bench.facts.inlet_voltage = False, inlet
        bench.answer(volts=said)
        assert bench.machine.wants_contactors is good, (inlet, said)


def precharge_witnesses(protocol: str) -> None:
    bench = bench_of(protocol).at(Pev.PreCharge)
    bench.facts.inlet_voltage = BATTERY
    bench.answer(volts=BATTERY - 60.0)
    assert not bench.machine.wants_contactors and bench.state is Pev.PreCharge


def precharge_unknown_battery(protocol: str) -> None:
    bench = bench_of(protocol).at(Pev.PreCharge)
    bench.facts.battery_voltage, bench.facts.inlet_voltage = None, 0.0
    bench.answer(volts=0.0)
    assert not bench.machine.wants_contactors


def contactors_first(protocol: str) -> None:
    bench = bench_of(protocol).at(Pev.PreCharge)
    bench.follow, bench.facts.inlet_voltage = False, BATTERY
    sent = len(bench.sent)
    bench.answer()
    bench.run(500 * MS)
    assert bench.machine.wants_contactors and len(bench.sent) == sent
    bench.facts.contactors_closed = True
    bench.until_sent()
    assert type(bench.last).__name__ == "PowerDeliveryReq"


PRECHARGE = [
    ("PreCharge", "PreCharge_Request", precharge_request, "A car precharges to its battery's voltage with at most 2 A.",
     "safety sheet S3; field-pyplc-clara 3.5"),
    ("PreCharge", "PreCharge_Match", precharge_match,
     "A car closes its contactors only while its own measurement at the inlet is within 20 V of the battery.", "safety sheet S1, I1"),
    ("PreCharge", "PreCharge_TwoWitnesses", precharge_witnesses, "A car closes nothing while the charger reports another voltage than the inlet has.",
     "safety sheet 3.3, Trust split"),
    ("PreCharge", "PreCharge_BatteryUnknown", precharge_unknown_battery, "A car that does not know its battery's voltage closes nothing.", "safety sheet I1"),
    ("PowerDelivery", "PowerDeliveryStart_ContactorsFirst", contactors_first,
     "A car sends PowerDeliveryReq(start) only once its contactors are confirmed closed.",
     "field-pyplc-clara 3.2, state 12"),
]


@family
def precharge() -> Iterator[Case]:
    for protocol in BOTH:
        for name, subject, run, requirement, source in PRECHARGE:
            yield Case("EVCC", protocol, name, subject, requirement, source, partial(run, protocol))


# --- ISO 15118-2 in AC

def residual_current() -> None:
    bench = bench_of(ISO2, True).at(Pev.ChargingStatus)
    bench.answer(rcd=True)
    assert bench.machine.stopping is R.CHARGER_MALFUNCTION and not bench.machine.wants_pilot_c


def dc_parameters_in_ac() -> None:
    bench = bench_of(ISO2, True).at(Pev.ChargeParameterDiscovery)
    sent = len(bench.sent)
    bench.answer(body=iso2_pev_bench.response(Pev.ChargeParameterDiscovery))
    assert_cut(bench, sent, R.BAD_VALUE)


def ac_parameters_in_dc() -> None:
    bench = bench_of(ISO2).at(Pev.ChargeParameterDiscovery)
    sent = len(bench.sent)
    bench.answer(parameter=iso2_pev_bench.ac_parameters())
    assert_cut(bench, sent, R.BAD_VALUE)


def no_mode() -> None:
    bench = bench_of(ISO2).at(Pev.ServiceDiscovery)
    bench.answer(modes=("AC_single_phase_core",))
    assert to_the_end(bench).ended == (R.NO_TRANSFER_MODE, True)


def schedule_power() -> None:
    bench = bench_of(ISO2).at(Pev.ChargeParameterDiscovery)
    bench.answer(schedules=iso2_pev_bench.schedule((0, 8000.0)))
    forward_to(bench, Pev.CurrentDemand)
    volts, amps = asked(bench)
    assert BATTERY * amps <= 8000.0 < volts * (amps + 3)


def schedule_id() -> None:
    bench = bench_of(ISO2).at(Pev.ChargeParameterDiscovery)
    bench.answer(schedules=iso2_pev_bench.schedule((0, 60000.0), tuple_id=5))
    to_the_end(bench)
    assert {b.SAScheduleTupleID for b in bench.sent if type(b) is iso2.PowerDeliveryReq} == {5}


def schedule_backwards() -> None:
    bench = bench_of(ISO2).at(Pev.ChargeParameterDiscovery)
    sent = len(bench.sent)
    bench.answer(schedules=iso2_pev_bench.schedule((10, 1000.0), (5, 2000.0)))
    assert_cut(bench, sent, R.BAD_VALUE)


ALONE = [
    ("ChargingStatus", "ChargingStatus_ResidualCurrent", residual_current, "A car lets go of state C at once when an AC post reports a residual current.",
     "safety sheet S9"),
    ("ChargeParameterDiscovery", "AC_ChargeParameterDiscovery_DcParameters", dc_parameters_in_ac, "A car that asked for AC takes no parameters of DC.",
     "safety sheet 3.3, Semantics"),
    ("ChargeParameterDiscovery", "ChargeParameterDiscovery_AcParameters", ac_parameters_in_dc, "A car that asked for DC takes no parameters of AC.",
     "safety sheet 3.3, Semantics"),
    ("ServiceDiscovery", "ServiceDiscovery_NoMode", no_mode, "A car that is offered no transfer mode of its own ends in order.", "safety sheet 3.3, Semantics"),
    ("ChargeParameterDiscovery", "ChargeParameterDiscovery_Schedule_Power", schedule_power, "A car asks for no more power than the schedule's PMax.",
     "safety sheet I6"),
    ("PowerDelivery", "PowerDelivery_ScheduleId", schedule_id, "A car names the schedule that it was offered in each PowerDeliveryReq.", "peers sheet, traits"),
    ("ChargeParameterDiscovery", "ChargeParameterDiscovery_Schedule_Backwards", schedule_backwards,
     "A car takes no schedule whose entries do not rise in time.",
     "safety sheet 3.3, Semantics"),
]


@family
def iso2_alone() -> Iterator[Case]:
    for name, subject, run, requirement, source in ALONE:
        yield Case("EVCC", ISO2, name, subject, requirement, source, run)
