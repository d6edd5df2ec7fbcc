"""Real cars and real chargers, as recorded, against our machines: what they said is understood and leads to the right end."""
from __future__ import annotations

import pytest

from drivers.interfaces import PilotState
from exi_native.messages import din
from kernel.timer import MS
from tasks.stop_reasons import StopReason as R
from tasks.v2g.din_evse_table import ACCEPTED, Evse
from tasks.v2g.din_pev_table import ROWS, Pev

from tests.v2g.evse_bench import EvseBench
from tests.v2g.pev_bench import PevBench
from tests.v2g.recordings import FOLDER, messages

pytestmark = [pytest.mark.needs_shared, pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no captures at {FOLDER}")]
IONIQ = "spi_ioniq_alpiHYC150_makerspace_landsberg_left_small_2024-04-03_ok.csv.pcap"
POLESTAR = "2024-06-18_Griffigroen_pyPLC_polestar2_discharging_with_additional_prechargeCircuit.pcapng"
JOSEV = "DIN_DC_DS5366_Josev.pcapng"


def replay_charger(name, battery):
    """Feed a recorded charger's answers to our car; answers of loops that we leave earlier are skipped.

    `battery`: V, None = what the last PreChargeRes reports. Real cars repeat every 80 to 120 ms.
    """
    bench = PevBench(tolerant_timeouts=True, repeat_interval_ms=100).start()
    bench.facts.battery_voltage = battery
    recorded = [m for m in messages(name) if type(m.Body.BodyElement).__name__.endswith("Res")]
    for message in recorded:
        body = message.Body.BodyElement
        while bench.ended is None and not bench.machine._exchange.awaiting:
            bench.wake(max(bench.machine.next_timer(), bench.now))
        if bench.ended or (bench.state is Pev.SessionSetup and bench.machine.stopping):
            break
        if type(body) is not ROWS[bench.state].response:
            if type(body) is din.SessionSetupRes:          # the recording's car began a second session
                break
            if bench.state is Pev.CurrentDemand:           # the recorded car stopped here
                bench.stop(R.USER_STOP)
                bench.answer(body=last_loop, session=message.Header.SessionID)
            else:
                continue
            while bench.ended is None and not bench.machine._exchange.awaiting:
                bench.wake(max(bench.machine.next_timer(), bench.now))
        if type(body) is din.CurrentDemandRes:
            last_loop = body
        if type(body) is din.PreChargeRes:                 # the inlet carries what the charger says; the battery likewise at the end
            value = body.EVSEPresentVoltage
            bench.facts.inlet_voltage = value.Value * 10.0 ** value.Multiplier
            if battery is None:
                later = [m.Body.BodyElement for m in recorded if type(m.Body.BodyElement) is din.PreChargeRes][-1].EVSEPresentVoltage
                bench.facts.battery_voltage = later.Value * 10.0 ** later.Multiplier
        bench.answer(body=body, session=message.Header.SessionID)
    if bench.state is Pev.WeldingDetection:                # the recorded car was content with less rounds
        while bench.ended is None:
            if bench.machine._exchange.awaiting:
                bench.answer(volts=10.0, session=bench.machine.session_id)
            else:
                bench.until_sent()
    return bench


@pytest.mark.parametrize("name, battery, end", [
    (IONIQ, None, (R.CHARGER_STOP, True)),                                 # alpitronic, complete, stopped at the charger
    (JOSEV, None, (R.USER_STOP, True)),
    (POLESTAR, None, (R.CHARGER_STOP, True)),
    ("2022-12-13_compleo_with_bulb.pcapng", 230.0, (R.CHARGER_EMERGENCY, None)),                          # overshoot in precharge
    ("2022-12-20_alpi_currentDemandSequenceErrorShutdown.pcapng", None, (R.FAILED_RESPONSE, False)),
    # the charger's session id of 4 octets was ignored by that car
    ("2023-03-02_SuperCharger_CableCheck_error.pcapng", None, (R.UNKNOWN_SESSION, False)),
])
def test_recorded_chargers(name, battery, end):
    bench = replay_charger(name, battery)
    reason, normal = end
    if normal is None:
        assert bench.machine.stopping is reason and not bench.machine.wants_pilot_c
    else:
        assert bench.ended == (reason, normal), bench.notes


def replay_car(name):
    """Feed a recorded car's requests to our charger; repetitions of loops that we end earlier are skipped, or asked more often."""
    bench = EvseBench(max_voltage_v=500.0).start()
    for message in messages(name):
        body = message.Body.BodyElement
        kind = type(body)
        if kind.__name__.endswith("Res") or bench.ended:
            continue
        if kind is din.SessionSetupReq and bench.state is not Evse.SessionSetup:
            break                                          # the recording goes on with another session
        if kind is din.CableCheckReq:
            bench.facts.pilot = PilotState.C
        elif kind in (din.WeldingDetectionReq, din.SessionStop):
            bench.facts.pilot = PilotState.B
        while bench.state is Evse.CableCheck and kind is din.PreChargeReq:
            bench.ask(din.CableCheckReq, after=100 * MS)
        if kind not in ACCEPTED[bench.state] and kind in (din.CableCheckReq, din.ChargeParameterDiscoveryReq, din.ContractAuthenticationReq):
            continue
        bench.ask(kind, body=body, after=100 * MS)
    return bench


@pytest.mark.parametrize("name, last, end", [
    (IONIQ, Evse.Ended, (R.CAR_STOP, True)),
    (JOSEV, Evse.Ended, (R.BATTERY_FULL, True)),
    (POLESTAR, Evse.Ended, (R.CAR_STOP, True)),
    ("2023-04-16_at_home_Ioniq_in_currentDemandLoop.pcapng", Evse.CurrentDemand, None),
    ("2023-05-24_pyPlc_with_Ioniq93prcSoc.pcapng", Evse.CurrentDemand, None),
])
def test_recorded_cars(name, last, end):
    bench = replay_car(name)
    assert bench.state is last and bench.ended == end, bench.notes
    assert all(a.ResponseCode in (din.responseCode.OK, din.responseCode.OK_NewSessionEstablished) for a in bench.answers)


def test_an_audi_that_gives_up_in_the_cable_check_is_answered():
    bench = replay_car("2026-02-08_pyPLC_FoccciCape_AudiQ4_break_after_cableCheck.pcap")
    assert bench.ended is None or bench.ended[1]
    assert all(a.ResponseCode in (din.responseCode.OK, din.responseCode.OK_NewSessionEstablished) for a in bench.answers)
