"""The charger's ISO 15118-2 alone: schedules and profiles, renegotiation, receipts, pause, AC."""
from __future__ import annotations

from functools import partial
from typing import Callable, Iterator

from drivers.interfaces import PilotState
from exi_native.messages import iso2
from kernel.timer import MS, S
from tasks.stop_reasons import StopReason as R
from tasks.v2g.evse_states import Evse
from tests.conformance import sheet
from tests.conformance.cases import Case, family
from tests.conformance.secc_setup import SCHEMA
from tests.conformance.secc_ways import ask, assert_refused, bench_of, charger, code, off, step
from tests.conformance.sheet import ISO2
from tests.v2g.iso2_evse_bench import Iso2Bench, Renegotiate, Start, Stop, profile


def schedule_unknown() -> None:
    where = step(ISO2, "PowerDeliveryStart")
    for unknown in (2, 255):
        assert_refused(ask(charger(where), where, schedule=unknown), "PowerDelivery", "FAILED_TariffSelectionInvalid")


def profiles() -> None:
    where = step(ISO2, "PowerDeliveryStart")
    for plan, good in ((profile(50_000.0), True), (profile(1000.0, 500.0), True), (profile(50_010.0), False), (profile(-1.0), False),
                       (profile(1000.0, 500.0, starts=[60, 0]), False)):
        bench = ask(charger(where), where, plan=plan)
        if good:
            assert code(bench) == "OK" and bench.ended is None
        else:
            assert_refused(bench, "PowerDelivery", "FAILED_ChargingProfileInvalid")


def renegotiation_told(ac: bool) -> None:
    bench = bench_of(ISO2, ac).at(Evse.ChargingStatus if ac else Evse.CurrentDemand)
    message = iso2.ChargingStatusReq if ac else iso2.CurrentDemandReq
    bench.ask(message)
    assert bench.status.EVSENotification.name == "None_"
    bench.renegotiate().ask(message)
    assert bench.status.EVSENotification.name == "ReNegotiation" and bench.ended is None and not off(bench)


def renegotiation(ac: bool) -> None:
    loop = Evse.ChargingStatus if ac else Evse.CurrentDemand
    message = iso2.ChargingStatusReq if ac else iso2.CurrentDemandReq
    bench = bench_of(ISO2, ac).at(loop).ask(message).ask(iso2.PowerDeliveryReq, progress=Renegotiate)
    assert code(bench) == "OK" and not off(bench)
    assert ac or bench.machine.wants_output[1] == 0.0
    bench.ask(iso2.ChargeParameterDiscoveryReq)
    assert code(bench) == "OK" and not off(bench)
    bench.ask(iso2.PowerDeliveryReq).ask(message)
    assert code(bench) == "OK" and bench.state is loop and not off(bench)


def renegotiation_without_check() -> None:
    for message in (iso2.CableCheckReq, iso2.PreChargeReq):
        bench = bench_of(ISO2).at(Evse.Renegotiation).ask(iso2.ChargeParameterDiscoveryReq).ask(message)
        assert_refused(bench, message.__name__[:-3], "FAILED_SequenceError")


def renegotiation_too_early() -> None:
    bench = bench_of(ISO2).at(Evse.PowerDelivery).ask(iso2.PowerDeliveryReq, progress=Renegotiate)
    assert_refused(bench, "PowerDelivery", "FAILED_SequenceError")


def receipt_foreign() -> None:
    for ac in (False, True):
        bench = bench_of(ISO2, ac).at(Evse.ChargingStatus if ac else Evse.CurrentDemand).ask(iso2.MeteringReceiptReq, body=iso2.MeteringReceiptReq(
            SessionID=b"\xde\xad", MeterInfo=iso2.MeterInfo(MeterID="1")))
        assert_refused(bench, "MeteringReceipt", "FAILED_UnknownSession", R.UNKNOWN_SESSION)


def receipt_signed() -> None:
    bench = bench_of(ISO2).at(Evse.CurrentDemand)
    bench.ask(iso2.MeteringReceiptReq, body=iso2.MeteringReceiptReq(Id="id1", SessionID=bench.machine.session_id, MeterInfo=iso2.MeterInfo(MeterID="1")))
    assert_refused(bench, "MeteringReceipt", "FAILED_MeteringSignatureNotValid")


def pause(wanted: bool) -> None:
    bench = bench_of(ISO2).at(Evse.WeldingDetection).ask(iso2.SessionStopReq, pause=wanted)
    assert code(bench) == "OK" and bench.ended[1] is True and bench.machine.paused is wanted
    assert bench.ended[0] is (R.CAR_PAUSE if wanted else R.CAR_STOP)


def pause_too_early() -> None:
    bench = bench_of(ISO2).at(Evse.Authorization).ask(iso2.SessionStopReq, pause=True)
    assert code(bench) == "OK" and not bench.machine.paused


def ac_state_c() -> None:
    for after, good in ((700 * MS, True), (None, False)):
        bench = bench_of(ISO2, ac=True).at(Evse.PowerDeliveryStart)
        bench.follow, bench.facts.pilot = False, PilotState.B
        count = len(bench.answers)
        bench.ask(iso2.PowerDeliveryReq)
        assert len(bench.answers) == count and off(bench)
        if after:
            bench.run(after)
            bench.facts.pilot = PilotState.C
        bench.run(sheet.CP_STATE + 50 * MS)
        assert len(bench.answers) == count + 1 and (code(bench) == "OK") is good
        assert bench.machine.wants_ac is good and (good or code(bench) == "FAILED_PowerDeliveryNotApplied")


def ac_stop() -> None:
    bench = bench_of(ISO2, ac=True).at(Evse.ChargingStatus).ask(iso2.ChargingStatusReq)
    assert bench.machine.wants_ac
    bench.ask(iso2.PowerDeliveryReq, progress=Stop)
    assert code(bench) == "OK" and off(bench)
    bench.ask(iso2.WeldingDetectionReq)
    assert_refused(bench, "WeldingDetection", "FAILED_SequenceError")


def ac_left() -> None:
    bench = bench_of(ISO2, ac=True).at(Evse.ChargingStatus).ask(iso2.ChargingStatusReq)
    bench.pilot(PilotState.B)
    assert off(bench)
    bench.ask(iso2.ChargingStatusReq)
    assert bench.status.EVSENotification.name == "StopCharging" and off(bench)


def ac_patience() -> None:
    bench = bench_of(ISO2, ac=True).at(Evse.ChargingStatus).ask(iso2.ChargingStatusReq).ask(iso2.ChargingStatusReq, after=40 * S)
    assert code(bench) == "OK" and bench.machine.wants_ac


def ac_is_not_dc() -> None:
    for message in (iso2.CableCheckReq, iso2.PreChargeReq, iso2.CurrentDemandReq):
        bench = bench_of(ISO2, ac=True).at(Evse.PowerDeliveryStart).ask(message)
        assert_refused(bench, message.__name__[:-3], "FAILED_SequenceError")


def waiting(progress: object = Start) -> Iso2Bench:
    """The car has asked for power (or for its end) in state C, and the contactor has not moved."""
    bench = bench_of(ISO2, ac=True).at(Evse.PowerDeliveryStart if progress is Start else Evse.ChargingStatus)
    bench.contactor = bench.follow = False
    bench.facts.pilot, bench.facts.contactors_closed = PilotState.C, progress is not Start
    return bench.ask(iso2.PowerDeliveryReq, progress=progress)


def ac_contactor_closes() -> None:
    bench = waiting()
    count = len(bench.answers)
    bench.run(S)
    assert len(bench.answers) == count
    bench.facts.contactors_closed = True
    bench.run(50 * MS)
    assert len(bench.answers) == count + 1 and code(bench) == "OK"
    late = waiting()
    begin = late.now
    while late.ended is None:
        late.wake(late.machine.next_timer())
    assert late.now - begin + sheet.CP_STATE < sheet.MESSAGES["PowerDelivery"].performance(ISO2)
    assert_refused(late, "PowerDelivery", "FAILED_ContactorError")


def ac_contactor_opens() -> None:
    bench = waiting(Stop)
    count = len(bench.answers)
    bench.run(S)
    assert len(bench.answers) == count and off(bench)
    bench.facts.contactors_closed = False
    bench.run(50 * MS)
    assert len(bench.answers) == count + 1 and code(bench) == "OK"
    late = waiting(Stop)
    begin = late.now
    while late.ended is None:
        late.wake(late.machine.next_timer())
    assert late.now - begin < sheet.MESSAGES["PowerDelivery"].performance(ISO2)
    assert_refused(late, "PowerDelivery", "FAILED_ContactorError")


def ac_rcd() -> None:
    bench = bench_of(ISO2, ac=True).at(Evse.ChargingStatus).ask(iso2.ChargingStatusReq)
    assert bench.status.RCD is False
    bench.facts.residual_current, bench.facts.trip = True, "Residual current"
    bench.ask(iso2.ChargingStatusReq)
    assert bench.status.RCD is True and bench.status.EVSENotification.name == "StopCharging" and off(bench)


def ac_meter() -> None:
    bench = bench_of(ISO2, ac=True).at(Evse.ChargingStatus).ask(iso2.ChargingStatusReq)
    assert bench.last.MeterInfo is None
    bench.facts.ac_energy = 4321.0
    bench.ask(iso2.ChargingStatusReq)
    assert bench.last.MeterInfo.MeterReading == 4321 and bench.last.ReceiptRequired is False


ALONE: list[tuple[str, str, Callable[[], None], str, str]] = [
    ("PowerDelivery", "PowerDeliveryStart_ScheduleUnknown", schedule_unknown, "A charger refuses a schedule that it has not offered.", SCHEMA),
    ("PowerDelivery", "PowerDeliveryStart_Profile", profiles, "A charger takes a profile within its schedule and in rising time, and no other.", SCHEMA),
    ("CurrentDemand", "CurrentDemand_Renegotiation_Told", partial(renegotiation_told, False),
     "A DC charger that wants other limits says ReNegotiation in the loop.", SCHEMA),
    ("ChargingStatus", "ChargingStatus_Renegotiation_Told", partial(renegotiation_told, True),
     "An AC charger that wants other limits says ReNegotiation in the loop.", SCHEMA),
    ("PowerDelivery", "PowerDelivery_Renegotiation", partial(renegotiation, False),
     "A DC charger renegotiates with its voltage held, without current, and goes on charging.", "safety sheet I1"),
    ("PowerDelivery", "AC_PowerDelivery_Renegotiation", partial(renegotiation, True), "An AC charger renegotiates while power flows on.", SCHEMA),
    ("ChargeParameterDiscovery", "Renegotiation_NoCableCheck", renegotiation_without_check,
     "A charger takes neither cable check nor precharge in a renegotiation, since a battery hangs at its output.", "safety sheet I1, 3.3"),
    ("PowerDelivery", "PowerDeliveryRenegotiate_TooEarly", renegotiation_too_early, "A charger renegotiates only from the charge loop.",
     "safety sheet 3.3, State"),
    ("MeteringReceipt", "MeteringReceipt_ForeignSession", receipt_foreign, "A charger refuses a receipt for another session.", "safety sheet 3.3, State"),
    ("MeteringReceipt", "MeteringReceipt_Signed", receipt_signed, "A charger without contracts refuses a signed receipt.", SCHEMA),
    ("SessionStop", "SessionStop_Pause", partial(pause, True), "A charger keeps a session that the car pauses.", SCHEMA),
    ("SessionStop", "SessionStop_Terminate", partial(pause, False), "A charger forgets a session that the car terminates.", SCHEMA),
    ("SessionStop", "SessionStop_PauseTooEarly", pause_too_early, "A charger keeps no session that was never authorised.", SCHEMA),
    ("PowerDelivery", "AC_PowerDeliveryStart_StateC", ac_state_c, "An AC charger closes only in state C, and says FAILED when there is none within 1.5 s.",
     sheet.PHASES),
    ("PowerDelivery", "AC_PowerDeliveryStop", ac_stop, "An AC charger opens with PowerDeliveryReq(stop), after which only SessionStopReq comes.",
     "field-pyplc-clara 4.2"),
    ("PowerDelivery", "AC_PowerDeliveryStart_Contactor", ac_contactor_closes,
     "An AC charger says OK when its contactor is confirmed closed, and FAILED_ContactorError in time when it is not.", sheet.PER_MESSAGE),
    ("PowerDelivery", "AC_PowerDeliveryStop_Contactor", ac_contactor_opens,
     "An AC charger answers the end of power when its contactor is confirmed open, and FAILED_ContactorError in time when it is not.", sheet.PER_MESSAGE),
    ("ChargingStatus", "ChargingStatus_Rcd", ac_rcd, "An AC charger whose residual current device has tripped opens, says RCD and StopCharging.", SCHEMA),
    ("ChargingStatus", "ChargingStatus_Meter", ac_meter, "An AC charger with a meter tells its reading; without one it tells none.", SCHEMA),
    ("ChargingStatus", "ChargingStatus_StateLeft", ac_left, "An AC charger opens when the car leaves state C, and says StopCharging.", "safety sheet S8"),
    ("ChargingStatus", "ChargingStatus_SlowCar", ac_patience, "An AC charger bears with a car that leaves 40 s between two ChargingStatusReq.", sheet.PHASES),
    ("ChargingStatus", "AC_NoDcMessages", ac_is_not_dc, "An AC charger answers the messages of DC by FAILED_SequenceError.", "safety sheet 3.3, State"),
]


@family
def iso2_alone() -> Iterator[Case]:
    for message, subject, run, requirement, source in ALONE:
        yield Case("SECC", ISO2, message, subject, requirement, source, run)
