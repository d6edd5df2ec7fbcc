"""Every timer has a source, and the values are those of the sheet."""
from __future__ import annotations

from kernel.timer import MS, S
from tasks.v2g import timing


def test_every_timer_has_a_source_and_every_source_a_timer():
    names = {n for n in vars(timing) if n.startswith(("V2G_", "FIELD_"))}
    assert names == set(timing.SOURCES) and all(timing.SOURCES.values())
    assert all(type(getattr(timing, n)) is int for n in names)


def test_values_of_the_standard():
    assert timing.V2G_EVCC_Msg_Timeout_CurrentDemandReq == 250 * MS
    five = {timing.V2G_EVCC_Msg_Timeout_ServiceDetailReq, timing.V2G_EVCC_Msg_Timeout_PowerDeliveryReq_ISO2}
    assert five == {5 * S}
    two = [n for n in vars(timing) if n.startswith("V2G_EVCC_Msg_Timeout_") and not n.endswith(("CurrentDemandReq", "ServiceDetailReq", "_ISO2"))]
    assert len(two) == 15 and all(getattr(timing, n) == 2 * S for n in two)
    assert (timing.V2G_EVCC_CommunicationSetup_Timeout, timing.V2G_EVCC_Ongoing_Timeout, timing.V2G_EVCC_CableCheck_Timeout,
            timing.V2G_EVCC_PreCharge_Timeout, timing.V2G_EVCC_ReadyToCharge_Timeout) == (20 * S, 60 * S, 40 * S, 7 * S, 150 * S)
    assert (timing.V2G_SECC_Sequence_Timeout, timing.V2G_SECC_CommunicationSetup_Performance) == (60 * S, 18 * S)
    assert timing.V2G_SECC_CPState_Detection_Timeout == timing.V2G_SECC_CPOscillator_Retain == 1500 * MS


def test_the_field_is_more_patient_than_the_standard():
    for name in timing.SOURCES:
        if name.startswith("FIELD_Msg_"):
            assert getattr(timing, name) > getattr(timing, "V2G_EVCC_" + name.removeprefix("FIELD_"))


def test_what_a_charger_waits_for_fits_into_its_performance():
    assert timing.RAMP_DOWN_LIMIT + timing.FACT_POLL < timing.V2G_SECC_Msg_Performance_PowerDeliveryRes
    longest = timing.V2G_SECC_CPState_Detection_Timeout + timing.FACT_POLL
    assert longest < timing.V2G_SECC_Msg_Performance_PowerDeliveryRes_ISO2 < timing.V2G_EVCC_Msg_Timeout_PowerDeliveryReq_ISO2
    assert timing.V2G_SECC_Msg_Performance_ServiceDetailRes < timing.V2G_EVCC_Msg_Timeout_ServiceDetailReq
    assert timing.V2G_SECC_Msg_Performance < timing.V2G_EVCC_Msg_Timeout_ChargingStatusReq
    assert timing.V2G_SECC_Msg_Performance_CurrentDemandRes < timing.V2G_EVCC_Msg_Timeout_CurrentDemandReq
