"""What both sides make of time in ISO 15118-2: notifications with NotificationMaxDelay, schedules with gaps, pauses for want of power."""
from __future__ import annotations

from functools import partial
from typing import Callable, Iterator

from exi_native.messages import iso2
from kernel.timer import S
from tasks.stop_reasons import StopReason as R
from tasks.v2g.evse_states import Evse
from tasks.v2g.pev_states import Pev
from tests.conformance import secc_ways
from tests.conformance.cases import Case, family
from tests.conformance.evcc_ways import bench_of as car_of
from tests.conformance.evcc_ways import forward_to, to_the_end
from tests.conformance.secc_setup import SCHEMA
from tests.conformance.sheet import ISO2
from tests.v2g.iso2_evse_bench import Renegotiate, Stop, profile
from tests.v2g.iso2_pev_bench import schedule
from tests.v2g.pev_bench import BATTERY

SHEET = "exi sheet 3, words of the schema"


def loop_of(ac: bool) -> tuple[Evse, type]:
    return (Evse.ChargingStatus, iso2.ChargingStatusReq) if ac else (Evse.CurrentDemand, iso2.CurrentDemandReq)


def charger(ac: bool, **config: object) -> secc_ways.Any:
    return secc_ways.bench_of(ISO2, ac, **config).at(loop_of(ac)[0])


def notice(bench: secc_ways.Any) -> tuple[str, int]:
    return bench.status.EVSENotification.name, bench.status.NotificationMaxDelay


# --- the charger

def planned_end(ac: bool, obeys: bool) -> None:
    bench = charger(ac, stop_after_min=1.0, notification_max_delay_s=20)
    loop, message = loop_of(ac)
    begun, told = bench.now, []
    while bench.now - begun < 58 * S:
        bench.ask(message, after=1 * S)
        told.append((bench.now - begun, *notice(bench)))
    assert all(name == ("StopCharging" if at >= 40 * S else "None_") for at, name, _ in told if not 39 * S < at < 41 * S)
    delays = [delay for _, name, delay in told if name == "StopCharging"]
    assert delays[0] in (19, 20) and delays == sorted(delays, reverse=True) and delays[-1] in (1, 2, 3)
    assert ac or bench.status.EVSEStatusCode.name == "EVSE_Ready", "the shutdown comes when the delay has passed"
    if obeys:
        bench.ask(iso2.PowerDeliveryReq, progress=Stop)
        assert bench.answers[-1].ResponseCode.name == "OK"
        if not ac:
            bench.ask(iso2.WeldingDetectionReq)
        bench.ask(iso2.SessionStopReq)
        assert bench.ended == (R.CHARGER_STOP, True)
    else:
        for _ in range(4):
            bench.ask(message, after=1 * S)
        assert notice(bench) == ("StopCharging", 0)
        assert ac or bench.status.EVSEStatusCode.name == "EVSE_Shutdown"


def stop_now(ac: bool) -> None:
    bench = charger(ac, notification_max_delay_s=60)
    bench.stop(R.USER_STOP)
    bench.ask(loop_of(ac)[1])
    assert notice(bench) == ("StopCharging", 0)


def renegotiation_delay(ac: bool) -> None:
    bench = charger(ac, notification_max_delay_s=5)
    message = loop_of(ac)[1]
    bench.renegotiate().ask(message)
    assert notice(bench) == ("ReNegotiation", 5)
    for _ in range(3):
        bench.ask(message, after=2 * S)
    assert notice(bench) == ("ReNegotiation", 0) and bench.ended is None
    bench.ask(iso2.PowerDeliveryReq, progress=Renegotiate).ask(iso2.ChargeParameterDiscoveryReq).ask(iso2.PowerDeliveryReq).ask(message)
    assert notice(bench) == ("None_", 0)


def schedule_told() -> None:
    bench = secc_ways.bench_of(ISO2, power_schedule=["0 50", "600 0", "1200 22"]).at(Evse.CableCheck)
    res = next(a for a in bench.answers if type(a) is iso2.ChargeParameterDiscoveryRes)
    entries = res.SASchedules.SAScheduleTuple[0].PMaxSchedule.PMaxScheduleEntry
    assert [(e.TimeInterval.start, e.PMax.Value * 10 ** e.PMax.Multiplier) for e in entries] == [(0, 50_000), (600, 0), (1200, 22_000)]
    assert [e.TimeInterval.duration for e in entries] == [None, None, 86_400 - 1200]


def schedule_kept() -> None:
    bench = charger(False, power_schedule=["0 50", "30 0", "60 22"])
    bench.machine.offer.plugged_at = bench.now
    seen = []
    for _ in range(5):
        bench.ask(iso2.CurrentDemandReq, after=4 * S).ask(iso2.CurrentDemandReq, after=4 * S).ask(iso2.CurrentDemandReq, after=4 * S)
        seen.append(round(bench.machine.wants_output[1] * bench.facts.output_voltage))
    assert seen[0] > 30_000 and seen[2] == 0 == seen[3] and 21_000 <= seen[4] <= 22_000, seen


def profile_within_schedule() -> None:
    for plan, good in ((profile(50_000.0, 0.0, 22_000.0, starts=[0, 600, 1200]), True), (profile(50_000.0), True),
                       (profile(50_000.0, 10.0, starts=[0, 700]), False), (profile(22_000.0, 22_010.0, starts=[0, 1300]), False)):
        bench = secc_ways.bench_of(ISO2, power_schedule=["0 50", "600 0", "1200 22"]).at(Evse.PowerDelivery).ask(iso2.PowerDeliveryReq, plan=plan)
        assert (bench.answers[-1].ResponseCode.name == "OK") is good, plan


def pause_until() -> None:
    bench = secc_ways.bench_of(ISO2, power_schedule=["0 50", "1 0", "1200 22"]).at(Evse.CurrentDemand)
    bench.machine.offer.plugged_at = begun = bench.now
    bench.ask(iso2.PowerDeliveryReq, after=2 * S, progress=Stop).ask(iso2.SessionStopReq, pause=True)
    assert bench.ended == (R.CAR_PAUSE, True) and bench.machine.resume_at == begun + 1200 * S


# --- the car

def no_power(before: bool) -> None:
    bench = car_of(ISO2).at(Pev.ChargeParameterDiscovery)
    bench.answer(schedules=schedule((0, 0.0), (7200, 22000.0)) if before else schedule((0, 22000.0), (30, 0.0), (7200, 22000.0)))
    if not before:
        forward_to(bench, Pev.CurrentDemand)
        for _ in range(200):                     # 250 ms each: 30 s and a little
            if bench.state is not Pev.CurrentDemand:
                break
            bench.answer()
            if bench.machine.stopping is None:
                bench.until_sent()
    to_the_end(bench)
    names = [type(b).__name__ for b in bench.sent]
    assert bench.sent[-1].ChargingSession.name == "Pause" and bench.ended == (R.PAUSED, True)
    assert ("CableCheckReq" not in names and "PowerDeliveryReq" not in names) if before else names.index("CurrentDemandReq") < names.index("SessionStopReq")
    assert bench.machine.resume_at is not None and bench.machine.resume_at - bench.now > 7100 * S


def never_again() -> None:
    bench = car_of(ISO2).at(Pev.ChargeParameterDiscovery)
    to_the_end(bench.answer(schedules=schedule((0, 0.0))))
    assert bench.ended == (R.PAUSED, True) and bench.machine.resume_at is None


def short_gap() -> None:
    bench = car_of(ISO2).at(Pev.ChargeParameterDiscovery)
    forward_to(bench.answer(schedules=schedule((0, 22000.0), (10, 0.0), (60, 22000.0))), Pev.CurrentDemand)
    begun, asked = bench.now, {}
    while bench.now - begun < 80 * S:
        bench.answer().until_sent()
        asked[(bench.now - begun) // S] = bench.last.EVTargetCurrent.Value
    assert bench.ended is None and asked[5] > 0 and asked[30] == 0 and asked[70] > 0


def power_is_of_now() -> None:
    bench = car_of(ISO2).at(Pev.ChargeParameterDiscovery)
    forward_to(bench.answer(schedules=schedule((0, 18000.0))), Pev.CurrentDemand)
    amps = bench.last.EVTargetCurrent
    assert 17_900 <= amps.Value * 10.0 ** amps.Multiplier * BATTERY <= 18_000


CASES: list[tuple[str, str, str, Callable[[], None], str, str]] = [
    ("SECC", "CurrentDemand", "CurrentDemand_Notification_PlannedEnd", partial(planned_end, False, True),
     "A charger announces its end with NotificationMaxDelay that counts down; a car that stops within it ends in order.", SHEET),
    ("SECC", "ChargingStatus", "ChargingStatus_Notification_PlannedEnd", partial(planned_end, True, True), "The same with AC.", SHEET),
    ("SECC", "CurrentDemand", "CurrentDemand_Notification_Ignored", partial(planned_end, False, False),
     "When NotificationMaxDelay has passed the charger says EVSE_Shutdown.", SHEET),
    ("SECC", "ChargingStatus", "ChargingStatus_Notification_Ignored", partial(planned_end, True, False), "The same with AC: StopCharging, delay 0.", SHEET),
    ("SECC", "CurrentDemand", "CurrentDemand_Notification_StopNow", partial(stop_now, False), "A person's stop leaves the car no delay.", SHEET),
    ("SECC", "ChargingStatus", "ChargingStatus_Notification_StopNow", partial(stop_now, True), "The same with AC.", SHEET),
    ("SECC", "CurrentDemand", "CurrentDemand_Notification_Renegotiation", partial(renegotiation_delay, False),
     "ReNegotiation is announced with a delay, repeated until the car comes, and then taken back.", SHEET),
    ("SECC", "ChargingStatus", "ChargingStatus_Notification_Renegotiation", partial(renegotiation_delay, True), "The same with AC.", SHEET),
    ("SECC", "ChargeParameterDiscovery", "ChargeParameterDiscovery_Schedule_Told", schedule_told,
     "A charger tells the schedule of its site from now on, its end with the last entry.", SCHEMA),
    ("SECC", "CurrentDemand", "CurrentDemand_Schedule_Kept", schedule_kept, "A charger gives no more than its schedule allows now.", SCHEMA),
    ("SECC", "PowerDelivery", "PowerDeliveryStart_Profile_Schedule", profile_within_schedule,
     "A charger takes a profile whose entries keep within the schedule at their times.", SCHEMA),
    ("SECC", "SessionStop", "SessionStop_Pause_Until", pause_until, "A charger whose site has power later knows when a paused session can go on.", SCHEMA),
    ("EVCC", "ChargeParameterDiscovery", "Schedule_NoPower_Before", partial(no_power, True),
     "A car whose charger has no power for long pauses before the cable check.", SHEET),
    ("EVCC", "CurrentDemand", "Schedule_NoPower_InTheLoop", partial(no_power, False), "A car whose charger has no power any more for long pauses.", SHEET),
    ("EVCC", "ChargeParameterDiscovery", "Schedule_NoPower_Ever", never_again, "A car that is told no power at all pauses until it is woken.", SHEET),
    ("EVCC", "CurrentDemand", "Schedule_ShortGap", short_gap, "A car waits out a short lack of power in the loop, asking for nothing.", SHEET),
    ("EVCC", "CurrentDemand", "Schedule_PowerOfNow", power_is_of_now,
     "A car uses the power that it is offered: current times the voltage of now.", "capture spi_ioniq_alpiHYC150"),
]


@family
def time() -> Iterator[Case]:
    for role, message, subject, run, requirement, source in CASES:
        yield Case(role, ISO2, message, subject, requirement, source, run)
