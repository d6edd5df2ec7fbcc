"""The values of both sides by the standards' names: DIN 70121 and ISO 15118-20, what is absent, and what was delivered."""
import pytest

from exi_native.messages import din, iso20_dc
from kernel.timer import MS, S
from tasks.listen.limiting import Limits
from tasks.listen.readings import MAX_STEP, Readings, leaves
from tasks.listen.record import Category, Layer, Record, Role
from tests.listen import line

HEADER = iso20_dc.MessageHeader(SessionID=bytes(8), TimeStamp=0)


def number(value, exponent=0):
    return iso20_dc.RationalNumber(Exponent=exponent, Value=value)


def record(message, name, at=0, sender=Role.CHARGER, latency=None):
    return Record(at, 1, Layer.V2G, Category.DECODED, name, line.CHARGER, line.CAR, sender, None, message, latency=latency)


def loop_20(readings, at, wish, current, charger=200):
    control = iso20_dc.Scheduled_DC_CLReqControlMode(EVTargetCurrent=number(wish), EVTargetVoltage=number(4128, -1), EVMaximumChargeCurrent=number(250))
    request = iso20_dc.DC_ChargeLoopReq(
        Header=HEADER, DisplayParameters=iso20_dc.DisplayParameters(PresentSOC=61), MeterInfoRequested=False, EVPresentVoltage=number(400),
        CLReqControlMode=control)
    readings.take(record(request, "DC_ChargeLoopReq", at, Role.CAR))
    answer = iso20_dc.DC_ChargeLoopRes(
        Header=HEADER, ResponseCode=iso20_dc.responseCode.OK, EVSEPresentCurrent=number(current), EVSEPresentVoltage=number(400),
        EVSEPowerLimitAchieved=False, EVSECurrentLimitAchieved=False, EVSEVoltageLimitAchieved=False,
        CLResControlMode=iso20_dc.Scheduled_DC_CLResControlMode(EVSEMaximumChargeCurrent=number(charger), EVSEMaximumVoltage=number(920)))
    readings.take(record(answer, "DC_ChargeLoopRes", at, latency=7 * MS))


def test_a_loop_of_iso_15118_20():
    r = Readings()
    loop_20(r, 0, 200, 199)
    assert (r.soc, r.target_voltage, r.target_current, r.voltage, r.current) == (61, 412.8, 200, 400, 199)
    assert r.car == Limits(None, 250, None) and r.charger == Limits(920, 200, None)
    assert (r.limiting.side, r.limiting.by) == (Role.CHARGER, "current") and r.judged == {(Role.CHARGER, "current"): 1}
    assert (r.requests, r.responses, r.answers.count, r.answers.last, r.response) == (1, 1, 1, 7 * MS, "OK")


def test_energy_is_summed_up_while_it_is_told():
    r = Readings()
    for n in range(11):
        loop_20(r, n * S, 100, 90)
    assert r.energy == pytest.approx(400 * 90 * 10 / 3600)
    loop_20(r, 10 * S + MAX_STEP + 1, 100, 90)               # a gap counts for nothing
    assert r.energy == pytest.approx(400 * 90 * 10 / 3600)


def test_what_an_answer_does_not_tell_is_not_known_any_more():
    r = Readings()
    loop_20(r, 0, 100, 90)
    answer = iso20_dc.DC_WeldingDetectionRes(Header=HEADER, ResponseCode=iso20_dc.responseCode.FAILED,
                                             EVSEPresentVoltage=number(1, -1))
    r.take(record(answer, "DC_WeldingDetectionRes", S))
    assert (r.voltage, r.current, r.power, r.limiting) == (0.1, None, None, None)
    assert r.troubles == ["DC_WeldingDetectionRes: FAILED"] and r.charger.current == 200


def test_signs_of_trouble_of_both_sides():
    r = Readings()
    status = din.DC_EVSEStatus(EVSEIsolationStatus=din.isolationLevel.Fault, EVSEStatusCode=din.DC_EVSEStatusCode.EVSE_EmergencyShutdown,
                               NotificationMaxDelay=0, EVSENotification=din.EVSENotification.StopCharging)
    answer = din.CableCheckRes(ResponseCode=din.responseCode.FAILED, DC_EVSEStatus=status, EVSEProcessing=din.EVSEProcessing.Finished)
    message = din.V2G_Message(Header=din.MessageHeader(SessionID=bytes(8)), Body=din.Body(BodyElement=answer))
    for _ in range(3):
        r.take(record(message, "CableCheckRes"))
    r.take(record(din.CableCheckReq(DC_EVStatus=line.ev_status(7, din.DC_EVErrorCode.FAILED_RESSTemperatureInhibit)), "CableCheckReq", sender=Role.CAR))
    assert (r.isolation, r.charger_status, r.processing, r.notification) == ("Fault", "EVSE_EmergencyShutdown", "Finished", "StopCharging")
    assert sorted(r.troubles) == ["CableCheckRes: FAILED", "car: FAILED_RESSTemperatureInhibit", "charger: EVSE_EmergencyShutdown"]


def test_what_is_not_decoded_is_only_counted():
    r = Readings()
    r.take(Record(0, 1, Layer.V2G, Category.NAMED, "ISO 15118-2 message", line.CHARGER, line.CAR, Role.CHARGER))
    assert (r.responses, r.voltage, r.troubles) == (1, None, [])


def test_lists_are_passed_over():
    """Schedules and certificates may be long; nothing that is wanted stands in them."""
    assert list(leaves(din.PMaxSchedule(PMaxScheduleID=1, PMaxScheduleEntry=[1, 2]))) == [("PMaxScheduleID", 1)]
    assert dict(leaves(line.ev_status(7))) == {"EVReady": True, "EVErrorCode": "NO_ERROR", "EVRESSSOC": 7}
