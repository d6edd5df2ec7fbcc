"""The habits of ISO 15118-2 and of the handshake are really there, measured on the line."""
from __future__ import annotations

import pytest

from exi_native.messages import iso2
from tests.fleet.wiretap import Tapped


def watts(request):
    """What a CurrentDemandReq asks for, at its target voltage."""
    def number(value):
        return value.Value * 10.0 ** value.Multiplier
    return number(request.EVTargetVoltage) * number(request.EVTargetCurrent)


@pytest.mark.parametrize("car, offered, chosen", [
    ("iso2-car", [("urn:iso:15118:2:2013:MsgDef", 111), ("urn:din:70121:2012:MsgDef", 222)], 111),
    ("polestar-2", [("urn:din:70121:2012:MsgDef", 1), ("urn:iso:15118:2:2013:MsgDef", 0)], 1),
    ("rise-v2g", [("urn:iso:15118:2:2013:MsgDef", 10)], 10),
    ("tesla-iso2", [("urn:tesla:din:2018", 3), ("urn:iso:15118:2:2013:MsgDef", 1), ("urn:din:70121:2012:MsgDef", 2)], 1),
])
def test_a_car_calls_its_protocols_by_its_own_numbers(car, offered, chosen):
    t = Tapped(car)
    request, response = t.said("supportedAppProtocolReq")[0], t.said("supportedAppProtocolRes")[0]
    assert [(o.ProtocolNamespace, o.SchemaID) for o in request.AppProtocol] == offered
    assert [o.Priority for o in request.AppProtocol] == list(range(1, len(offered) + 1)) and response.SchemaID == chosen


def test_a_list_is_refused_until_the_offer_is_one():
    for charger, offers in (("one-offer", [2, 1]), ("one-offer-iso2", [2, 1, 1])):
        t = Tapped(charger)
        assert [len(r.AppProtocol) for r in t.said("supportedAppProtocolReq")] == offers and t.charge.charged


@pytest.mark.parametrize("who", ["renegotiates", "renegotiating-car"])
def test_a_renegotiation_agrees_on_parameters_anew_and_checks_no_cable(who):
    t = Tapped(who)
    progress = [r.ChargeProgress.name for r in t.said("PowerDeliveryReq")]
    assert progress == ["Start", "Renegotiate", "Start", "Stop"]
    order = [type(body).__name__ for _, sender, body in t.v2g if sender == "pev"]
    again = order.index("CurrentDemandReq")
    assert order.count("ChargeParameterDiscoveryReq") == 2 and "CableCheckReq" not in order[again:] and "PreChargeReq" not in order[again:]
    asked = iso2.EVSENotification.ReNegotiation
    assert any(r.DC_EVSEStatus.EVSENotification is asked for r in t.said("CurrentDemandRes")) is (who == "renegotiates")


def test_a_charger_that_never_takes_its_wish_back_gets_it_once_a_second():
    t = Tapped("renegotiates-always")
    at = [ms for ms, _, body in t.v2g if type(body).__name__ == "PowerDeliveryReq" and body.ChargeProgress.name == "Renegotiate"]
    assert len(at) >= 5 and min(b - a for a, b in zip(at, at[1:])) >= 1000


def test_receipts_are_given_for_each_reading_and_for_none_without():
    receipts = Tapped("receipts").said("MeteringReceiptReq")
    assert len(receipts) >= 3 and {r.MeterInfo.MeterID for r in receipts} == {"DC-METER"}
    assert not Tapped("receipts-blank").said("MeteringReceiptReq")


def test_our_car_obeys_a_schedule_that_falls():
    asked = [watts(r) for r in Tapped("many-schedules").said("CurrentDemandReq")]
    assert max(asked[:20]) > 10_000 and max(asked[-20:]) <= 2_000 * 1.1          # 2 kW at the voltage of now; the target is up to a tenth above it


def test_a_rise_v2g_asks_for_details_and_sends_its_profile():
    t = Tapped("rise-v2g")
    assert t.said("ServiceDetailReq") and t.said("ChargeParameterDiscoveryReq")[0].EVChargeParameter.DepartureTime == 600
    start = t.said("PowerDeliveryReq")[0]
    assert start.ChargeProgress is iso2.chargeProgress.Start and start.ChargingProfile.ProfileEntry


def test_a_paused_session_says_so():
    assert [r.ChargingSession.name for r in Tapped("pausing-car").said("SessionStopReq")] == ["Pause"]


def test_a_stop_with_delay_is_obeyed_at_once():
    t = Tapped("stop-delayed")
    told = [r.DC_EVSEStatus.EVSENotification is iso2.EVSENotification.StopCharging for r in t.said("CurrentDemandRes")]
    assert told.count(True) == 1 and t.said("CurrentDemandRes")[-1].DC_EVSEStatus.NotificationMaxDelay == 60
