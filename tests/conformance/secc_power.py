"""The charger under power, alike in both protocols: stops and trips as the car is told, precharge, limits, state C, ramp, welding detection."""
from __future__ import annotations

from functools import partial
from typing import Any, Callable, Iterator

from drivers.interfaces import PilotState
from kernel.timer import MS, S
from tasks.stop_reasons import StopReason as R
from tasks.v2g.evse_states import Evse
from tests.conformance import sheet
from tests.conformance.cases import Case, family
from tests.conformance.secc_ways import WIRE, Step, ask, assert_refused, bench_of, charger, code, kind, number, off, step
from tests.conformance.sheet import BOTH, DIN, ISO2
from tests.v2g.evse_bench import request as din_request
from tests.v2g.iso2_evse_bench import request as iso2_request

REQUEST = {DIN: din_request, ISO2: iso2_request}
TELLING = ("ChargeParameterDiscovery", "CableCheck", "PreCharge", "CurrentDemand", "WeldingDetection")
"""Requests whose response carries an EVSE status."""


def charging(protocol: str, **config: Any) -> tuple[Any, Step]:
    where = step(protocol, "CurrentDemand")
    bench = charger(where, **config)
    ask(bench, where)
    assert not off(bench)
    return bench, where


# --- the EVSE status

def told(protocol: str, name: str, how: str, status: str) -> None:
    where = step(protocol, name)
    bench = charger(where)
    if how == "user":
        bench.stop(R.USER_STOP)
    else:
        bench.facts.trip, bench.facts.stop_button = "tripped", how == "button"
    ask(bench, where)
    assert bench.status.EVSEStatusCode.name == status and bench.ended is None
    if protocol == ISO2:                             # in DIN the status code says it; cars of DIN do not read the notification
        assert bench.status.EVSENotification.name == "StopCharging"
    if how != "user":
        assert off(bench)


@family
def statuses() -> Iterator[Case]:
    for protocol in BOTH:
        for name in TELLING:
            for how, status, what in (("user", "EVSE_Shutdown", "is stopped by its user"),
                                      ("button", "EVSE_EmergencyShutdown", "has its emergency stop pressed"),
                                      ("trip", "EVSE_Malfunction", "has tripped")):
                yield Case("SECC", protocol, name, f"{name}_Status_{status}",
                           f"A charger that {what} says {status}{' and StopCharging' if protocol == ISO2 else ''} in {name}Res.",
                           "field-pyplc-clara 3.4, 3.7", partial(told, protocol, name, how, status))


# --- one function for each requirement, the same in both protocols

def precharge_current(protocol: str) -> None:
    where = step(protocol, "PreCharge")
    bench = charger(where)
    for volts, amps in ((350.0, 100.0), (352.0, 0.0)):
        ask(bench, where, volts=volts, amps=amps)
        assert code(bench) == "OK" and bench.machine.wants_output[0] == volts and 0 < bench.machine.wants_output[1] <= sheet.PRECHARGE_CURRENT


def precharge_limit(protocol: str) -> None:
    where = step(protocol, "PreCharge")
    for volts in (411.0, 501.0):                     # the car's maximum is 410 V, the charger's 500 V
        bench = charger(where)
        ask(bench, where, volts=volts)
        assert_refused(bench, "PreCharge", "FAILED")


def precharge_present(protocol: str) -> None:
    where = step(protocol, "PreCharge")
    bench = charger(where)
    bench.follow = False
    for volts in (0.0, 123.0, 355.0):
        bench.facts.output_voltage = volts
        ask(bench, where)
        assert number(bench.last.EVSEPresentVoltage) == volts


def current_present(protocol: str) -> None:
    bench, where = charging(protocol)
    bench.follow = False
    bench.facts.output_voltage, bench.facts.output_current = 351.0, 42.0
    ask(bench, where, volts=400.0, amps=100.0)
    assert (number(bench.last.EVSEPresentVoltage), number(bench.last.EVSEPresentCurrent)) == (351, 42)


def unknown_voltage(protocol: str, name: str) -> None:
    where = step(protocol, name)
    bench = charger(where)
    bench.follow, bench.facts.output_voltage = False, None
    ask(bench, where)
    assert_refused(bench, where.message, "FAILED")
    assert bench.status.EVSEStatusCode.name == "EVSE_Malfunction"


LIMITS: list[tuple[str, dict[str, float], float, float, tuple[float, float], str]] = [
    ("Within", {}, 400.0, 100.0, (400.0, 100.0), ""),
    ("Voltage", {}, 430.0, 100.0, (410.0, 100.0), "EVSEVoltageLimitAchieved"),
    ("Current", {"max_current_a": 60.0}, 400.0, 100.0, (400.0, 60.0), "EVSECurrentLimitAchieved"),
    ("Power", {"max_power_kw": 20.0}, 400.0, 100.0, (400.0, 50.0), "EVSEPowerLimitAchieved"),
]


def limited(protocol: str, config: dict[str, float], volts: float, amps: float, output: tuple[float, float], flag: str) -> None:
    bench, where = charging(protocol, **config)
    ask(bench, where, volts=volts, amps=amps)
    got = bench.machine.wants_output
    assert abs(got[0] - output[0]) < 1e-6 and abs(got[1] - output[1]) < 1e-6
    for name in ("EVSEVoltageLimitAchieved", "EVSECurrentLimitAchieved", "EVSEPowerLimitAchieved"):
        assert getattr(bench.last, name) is (name == flag)


def impossible(protocol: str, name: str) -> None:
    wire, where = WIRE[protocol], step(protocol, name)
    units = wire.unitSymbol
    for field, unit, multiplier, value in (
            ("EVTargetVoltage", units.A, 0, 400), ("EVTargetVoltage", units.V, 0, -1), ("EVTargetVoltage", units.V, 3, 32767),
            ("EVTargetVoltage", units.V, 4, 1),
            ("EVTargetCurrent", units.V, 0, 10), ("EVTargetCurrent", units.A, 0, -5), ("EVTargetCurrent", units.A, 3, 5)):
        bench = charger(where)
        body = REQUEST[protocol](where.kind, **where.fields)
        setattr(body, field, wire.PhysicalValue(Multiplier=multiplier, Unit=unit, Value=value))
        bench.ask(where.kind, body=body)
        assert_refused(bench, where.message, "FAILED", R.BAD_VALUE)


def state_left(protocol: str, name: str) -> None:
    where = step(protocol, name)
    bench = charger(where)
    ask(bench, where)
    assert not off(bench)
    bench.pilot(PilotState.B)
    assert off(bench)
    ask(bench, where) if name != "PowerDeliveryStart" else bench.ask(kind(protocol, "CurrentDemand"))
    assert off(bench) and bench.status.EVSEStatusCode.name == "EVSE_Shutdown"


def start_in_b(protocol: str) -> None:
    where = step(protocol, "PowerDeliveryStart")
    bench = charger(where)
    bench.facts.pilot = PilotState.B
    ask(bench, where)
    assert_refused(bench, "PowerDelivery", "FAILED_PowerDeliveryNotApplied")


def start_too_early(protocol: str) -> None:
    where = step(protocol, "PowerDeliveryStart")
    for state in (Evse.CableCheck, Evse.PreCharge):
        bench = bench_of(protocol).at(state)
        bench.facts.pilot = PilotState.C
        ask(bench, where)
        assert_refused(bench, "PowerDelivery", "FAILED_SequenceError")


def stop_early(protocol: str) -> None:
    where = step(protocol, "PowerDeliveryStop")
    for state in (Evse.CableCheck, Evse.PreCharge, Evse.PowerDelivery):
        bench = ask(bench_of(protocol).at(state), where)
        assert code(bench) == "OK" and off(bench) and bench.ended is None


def ramp(protocol: str) -> None:
    bench, _ = charging(protocol)
    where = step(protocol, "PowerDeliveryStop")
    bench.follow, bench.facts.output_current = False, 80.0
    count = len(bench.answers)
    ask(bench, where)
    assert off(bench) and len(bench.answers) == count
    bench.run(1 * S)
    assert len(bench.answers) == count
    bench.facts.output_current = 0.9
    bench.run(50 * MS)
    assert len(bench.answers) == count + 1 and code(bench) == "OK"


def welding_state(protocol: str) -> None:
    where = step(protocol, "WeldingDetection")
    for pilot, good in ((PilotState.B, True), (PilotState.C, False)):
        bench = charger(where)
        bench.facts.pilot = pilot
        ask(bench, where)
        assert code(bench) == "OK"
        ask(bench, where, after=sheet.CP_STATE)
        assert (code(bench) == "OK") is good and (bench.ended is None) is good


def welding_voltage(protocol: str) -> None:
    where = step(protocol, "WeldingDetection")
    bench = charger(where)
    bench.follow = False
    for volts in (362.0, 290.0, 12.0):
        bench.facts.output_voltage = volts
        ask(bench, where)
        assert code(bench) == "OK" and number(bench.last.EVSEPresentVoltage) == volts and off(bench)


def zero_current(protocol: str) -> None:
    bench, where = charging(protocol)
    ask(bench, where, amps=0.0)
    assert code(bench) == "OK" and bench.machine.wants_output == (400.0, 0.0)


def car_error(protocol: str) -> None:
    bench, where = charging(protocol)
    ask(bench, where, error=WIRE[protocol].DC_EVErrorCode.FAILED_ChargingCurrentdifferential)
    assert bench.machine.wants_output[1] == 0.0
    ask(bench, step(protocol, "PowerDeliveryStop")).ask(kind(protocol, "SessionStop"))
    assert bench.ended[0] is R.CAR_ERROR


def stop_is_bounded(protocol: str) -> None:
    bench, where = charging(protocol)
    bench.stop(R.USER_STOP)
    begin = bench.now
    while bench.ended is None:
        assert bench.status is not None and bench.now - begin <= sheet.SEQUENCE
        ask(bench, where, after=200 * MS)
    assert bench.ended == (R.USER_STOP, False) and off(bench)


COMMON: list[tuple[str, str, Callable[[str], None], str, str]] = [
    ("PreCharge", "Current", precharge_current, "A charger that precharges gives what voltage the car asks for and at most 2 A.", "safety sheet S3"),
    ("PreCharge", "TargetTooHigh", precharge_limit, "A charger refuses a precharge beyond the car's own maximum or its rating.", "safety sheet I6"),
    ("PreCharge", "PresentVoltage", precharge_present, "A charger that precharges reports the voltage that it measures, not the one asked for.",
     "field-pyplc-clara 7.1, 44; 7.3"),
    ("PreCharge", "VoltageUnknown", partial(unknown_voltage, name="PreCharge"), "A charger without a measured voltage says FAILED to PreChargeReq.",
     "safety sheet 3.3, Trust split"),
    ("CurrentDemand", "VoltageUnknown", partial(unknown_voltage, name="CurrentDemand"), "A charger without a measured voltage says FAILED to CurrentDemandReq.",
     "safety sheet 3.3, Trust split"),
    ("WeldingDetection", "VoltageUnknown", partial(unknown_voltage, name="WeldingDetection"),
     "A charger without a measured voltage says FAILED to WeldingDetectionReq.",
     "safety sheet 3.3, Trust split"),
    ("CurrentDemand", "Present", current_present, "A charger that charges reports voltage and current as measured, not as asked for.",
     "field-pyplc-clara 7.1, 44"),
    ("CurrentDemand", "ZeroCurrent", zero_current, "A charger holds its voltage for a car that asks for 0 A.", "safety sheet 6"),
    ("CurrentDemand", "CarError", car_error, "A charger gives no current to a car that reports an error.", "field-pyplc-clara 7.3"),
    ("CurrentDemand", "StopBounded", stop_is_bounded, "A charger whose car ignores EVSE_Shutdown switches off by itself.", "field-pyplc-clara 4.2"),
    ("PreCharge", "Impossible", partial(impossible, name="PreCharge"), "A charger refuses targets of precharge in a wrong unit or beyond all range.",
     "safety sheet 3.3, Semantics"),
    ("CurrentDemand", "Impossible", partial(impossible, name="CurrentDemand"), "A charger refuses targets of charging in a wrong unit or beyond all range.",
     "safety sheet 3.3, Semantics"),
    ("PreCharge", "StateLeft", partial(state_left, name="PreCharge"),
     "A charger in precharge switches off when the car leaves state C, and says EVSE_Shutdown.",
     "safety sheet S8"),
    ("PowerDelivery", "StateLeft", partial(state_left, name="PowerDeliveryStart"), "A charger that has just begun switches off when the car leaves state C.",
     "safety sheet S8"),
    ("CurrentDemand", "StateLeft", partial(state_left, name="CurrentDemand"),
     "A charger that charges switches off when the car leaves state C, and says EVSE_Shutdown.",
     "safety sheet S8"),
    ("PowerDelivery", "StartInStateB", start_in_b, "A charger gives no power to a car in state B: FAILED_PowerDeliveryNotApplied.", "safety sheet S8"),
    ("PowerDelivery", "StartTooEarly", start_too_early, "A charger takes no PowerDeliveryReq(start) before precharge.", "safety sheet 3.3, State"),
    ("PowerDelivery", "StopEarly", stop_early, "A charger takes PowerDeliveryReq(stop) from cable check on.", "field-pyplc-clara 4.1"),
    ("PowerDelivery", "Ramp", ramp, "A charger answers PowerDeliveryReq(stop) only once the current has fallen to 1 A, in its time.",
     "safety sheet S5, S10; field-pyplc-clara 6"),
    ("WeldingDetection", "StateB", welding_state, "A charger wants state B within 1.5 s for welding detection, and says FAILED after that.",
     "safety sheet S10; field-pyplc-clara 6"),
    ("WeldingDetection", "PresentVoltage", welding_voltage, "A charger tells the falling voltage in each round of welding detection.",
     "field-pyplc-clara 6, 7.3"),
]


@family
def power() -> Iterator[Case]:
    for protocol in BOTH:
        for message, subject, run, requirement, source in COMMON:
            yield Case("SECC", protocol, message, f"{message}_{subject}", requirement, source, partial(run, protocol))
        for subject, config, volts, amps, output, flag in LIMITS:
            what = f"is asked for more and says {flag}" if flag else "is asked for what it has and reports no limit"
            yield Case("SECC", protocol, "CurrentDemand", "CurrentDemand_Limit_" + subject, f"A charger that {what} gives the least of car's and own limits.",
                       "safety sheet I6", partial(limited, protocol, config, volts, amps, output, flag))
