"""The V2G timers by the standard's names (ns), their sources, and the rows in which the field deviates from them."""
from __future__ import annotations

from kernel.timer import MS, S

# --- per message, EVCC waits (slac-and-network sheet 7.2, DIN column)
V2G_EVCC_Msg_Timeout_SupportedAppProtocolReq = 2 * S
V2G_EVCC_Msg_Timeout_SessionSetupReq = 2 * S
V2G_EVCC_Msg_Timeout_ServiceDiscoveryReq = 2 * S
V2G_EVCC_Msg_Timeout_ServicePaymentSelectionReq = 2 * S
V2G_EVCC_Msg_Timeout_ContractAuthenticationReq = 2 * S
V2G_EVCC_Msg_Timeout_ChargeParameterDiscoveryReq = 2 * S
V2G_EVCC_Msg_Timeout_CableCheckReq = 2 * S
V2G_EVCC_Msg_Timeout_PreChargeReq = 2 * S
V2G_EVCC_Msg_Timeout_PowerDeliveryReq = 2 * S
V2G_EVCC_Msg_Timeout_CurrentDemandReq = 250 * MS
V2G_EVCC_Msg_Timeout_WeldingDetectionReq = 2 * S
V2G_EVCC_Msg_Timeout_SessionStopReq = 2 * S

# --- the same for ISO 15118-2 where it differs (sheet 7.2, ISO-2 column)
V2G_EVCC_Msg_Timeout_ServiceDetailReq = 5 * S
V2G_EVCC_Msg_Timeout_PaymentServiceSelectionReq = 2 * S
V2G_EVCC_Msg_Timeout_AuthorizationReq = 2 * S
V2G_EVCC_Msg_Timeout_PowerDeliveryReq_ISO2 = 5 * S
V2G_EVCC_Msg_Timeout_ChargingStatusReq = 2 * S
V2G_EVCC_Msg_Timeout_MeteringReceiptReq = 2 * S

# --- phases (sheet 7.1)
V2G_EVCC_CommunicationSetup_Timeout = 20 * S
V2G_EVCC_Ongoing_Timeout = 60 * S
V2G_EVCC_CableCheck_Timeout = 40 * S
V2G_EVCC_PreCharge_Timeout = 7 * S
V2G_EVCC_ReadyToCharge_Timeout = 150 * S
V2G_SECC_CommunicationSetup_Performance = 18 * S
V2G_SECC_Sequence_Timeout = 60 * S
V2G_SECC_Ongoing_Performance = 55 * S
V2G_SECC_CableCheck_Performance = 38 * S
V2G_SECC_CPState_Detection_Timeout = 1500 * MS
V2G_SECC_CPOscillator_Retain = 1500 * MS
V2G_SECC_Msg_Performance_PowerDeliveryRes = 1500 * MS

# --- deviations that the field has proven (used unless `tolerant_timeouts: false`)
FIELD_Msg_Timeout_ChargeParameterDiscoveryReq = 5 * S
FIELD_Msg_Timeout_CableCheckReq = 5 * S
FIELD_Msg_Timeout_PreChargeReq = 5 * S
FIELD_Msg_Timeout_PowerDeliveryReq = 6 * S
FIELD_Msg_Timeout_CurrentDemandReq = 2 * S
FIELD_Ongoing_Timeout_ContractAuthentication = 120 * S
FIELD_PreCharge_Timeout = 30 * S

# --- own bounds, where the standard has none
VEHICLE_READY_LIMIT = 3 * S          # a bridge: precharge waits so long for its vehicle's permission (chademo sheet 3.4); some chargers bear 5 to 7 s of precharge
CONFIRMATION_LIMIT = 5 * S           # lock, state C, contactors: Clara waits 5 s for its contactors (field sheet 8.1)
CONTACTORS_OPEN_LIMIT = 5 * S        # the safety sequence is bounded as well; this one is the longer of the two
REQUEST_SILENCE_LIMIT = 5 * S        # output off when a car in precharge or the charge loop is silent; pyPLC's car gives up after 5 s as well
PERMIT_LIMIT = 5 * S                 # an output that is asked for and not granted for so long is a defect (as CONFIRMATION_LIMIT)
MEASUREMENT_LIMIT = 3 * S            # the cable check without its voltmeter; as long as a silent battery management is borne
BATTERY_SILENCE_LIMIT = 3 * S        # Clara STOP_REASON_CAN_TIMEOUT (safety sheet S21)
EVSE_SHUTDOWN_LIMIT = 10 * S         # EVSE_Shutdown shown until the car stops; an Ioniq needs 0.25 s (field sheet 6)
SECC_PRECHARGE_LIMIT = 60 * S        # twice the patience of the most patient car known (pyPLC 30 s)
RAMP_DOWN_LIMIT = 1400 * MS          # PowerDeliveryRes(stop) waits for the current at most so long (sheet 7.3: hard limit 1.4 s)
CONTACTOR_CLOSED_LIMIT = 2500 * MS   # AC: after state C; lock 1.5 s and contactor 1 s at most (safety.ac). With state C's 1.5 s below the 4.5 s of
                                     # PowerDeliveryRes (sheet 7.2); EvseV2G gives its contactor 3 s (sheet 7.3)
CONTACTOR_OPEN_LIMIT = 4000 * MS     # AC: the car has 3 s to end its load (safety.ac.load_end_ms), then the contactor opens; below 4.5 s as well
LOAD_END_LIMIT = 3 * S               # AC car: its on-board charger ends its load in this time, or power is ended all the same (IEC 61851-1: 3 s)
FACT_POLL = 20 * MS                  # how often a waiting state looks at the facts

_DIN = "DIN 70121 message timeout, slac-and-network sheet 7.2"
_ISO2 = "ISO 15118-2 message timeout, slac-and-network sheet 7.2"
_PHASE = "slac-and-network sheet 7.1"
SOURCES: dict[str, str] = {
    "V2G_EVCC_Msg_Timeout_SupportedAppProtocolReq": _DIN,
    "V2G_EVCC_Msg_Timeout_SessionSetupReq": _DIN,
    "V2G_EVCC_Msg_Timeout_ServiceDiscoveryReq": _DIN,
    "V2G_EVCC_Msg_Timeout_ServicePaymentSelectionReq": _DIN,
    "V2G_EVCC_Msg_Timeout_ContractAuthenticationReq": _DIN,
    "V2G_EVCC_Msg_Timeout_ChargeParameterDiscoveryReq": _DIN,
    "V2G_EVCC_Msg_Timeout_CableCheckReq": _DIN,
    "V2G_EVCC_Msg_Timeout_PreChargeReq": _DIN,
    "V2G_EVCC_Msg_Timeout_PowerDeliveryReq": _DIN,
    "V2G_EVCC_Msg_Timeout_CurrentDemandReq": _DIN,
    "V2G_EVCC_Msg_Timeout_WeldingDetectionReq": _DIN,
    "V2G_EVCC_Msg_Timeout_SessionStopReq": _DIN,
    "V2G_EVCC_Msg_Timeout_ServiceDetailReq": _ISO2,
    "V2G_EVCC_Msg_Timeout_PaymentServiceSelectionReq": _ISO2,
    "V2G_EVCC_Msg_Timeout_AuthorizationReq": _ISO2,
    "V2G_EVCC_Msg_Timeout_PowerDeliveryReq_ISO2": _ISO2,
    "V2G_EVCC_Msg_Timeout_ChargingStatusReq": _ISO2,
    "V2G_EVCC_Msg_Timeout_MeteringReceiptReq": _ISO2,
    "V2G_EVCC_CommunicationSetup_Timeout": _PHASE + ": link ready to SessionSetupRes",
    "V2G_EVCC_Ongoing_Timeout": _PHASE + ": first Ongoing to Finished",
    "V2G_EVCC_CableCheck_Timeout": _PHASE + "; safety sheet S14",
    "V2G_EVCC_PreCharge_Timeout": _PHASE + "; safety sheet S4",
    "V2G_EVCC_ReadyToCharge_Timeout": _PHASE + ": SessionSetup to CurrentDemand",
    "V2G_SECC_CommunicationSetup_Performance": _PHASE + ": link ready to SessionSetupReq",
    "V2G_SECC_Sequence_Timeout": _PHASE + ": response to next request",
    "V2G_SECC_Ongoing_Performance": _PHASE,
    "V2G_SECC_CableCheck_Performance": _PHASE + " (marked uncertain there)",
    "V2G_SECC_CPState_Detection_Timeout": _PHASE + "; safety sheet S10",
    "V2G_SECC_CPOscillator_Retain": _PHASE + "; safety sheet S10",
    "V2G_SECC_Msg_Performance_PowerDeliveryRes": "slac-and-network sheet 7.2, DIN column",
    "FIELD_Msg_Timeout_ChargeParameterDiscoveryReq": "pyPLC and Clara wait 5 s (field sheet 3.2, 8.1); 1.35 s measured",
    "FIELD_Msg_Timeout_CableCheckReq": "2.9 s seen (safety sheet 4.4)",
    "FIELD_Msg_Timeout_PreChargeReq": "4.1 s seen (safety sheet 4.4)",
    "FIELD_Msg_Timeout_PowerDeliveryReq": "Compleo 1.5 s ramp-down; pyPLC and Clara wait 6 s (field sheet 6, 8.1)",
    "FIELD_Msg_Timeout_CurrentDemandReq": "Compleo exceeds 0.25 s (slac-and-network sheet 7.3)",
    "FIELD_Ongoing_Timeout_ContractAuthentication": "pyPLC polls 120 times a second apart (field sheet 3.2)",
    "FIELD_PreCharge_Timeout": "alpitronic took 8 s; pyPLC and Clara wait 30 s (field sheet 7.5, safety sheet S4)",
}

# --- SECC performance of ISO 15118-2 (sheet 7.2): nobody times them; each answer is ready within the run that took the request, except
# PowerDeliveryRes, which waits for the current (RAMP_DOWN_LIMIT) or, in AC, for state C (V2G_SECC_CPState_Detection_Timeout)
V2G_SECC_Msg_Performance = 1500 * MS                         # all that have no row of their own
V2G_SECC_Msg_Performance_ServiceDetailRes = 4500 * MS
V2G_SECC_Msg_Performance_PowerDeliveryRes_ISO2 = 4500 * MS
V2G_SECC_Msg_Performance_CurrentDemandRes = 25 * MS

_PERFORMANCE = "slac-and-network sheet 7.2, column SECC performance"
SOURCES.update({name: _PERFORMANCE for name in (
    "V2G_SECC_Msg_Performance", "V2G_SECC_Msg_Performance_ServiceDetailRes", "V2G_SECC_Msg_Performance_PowerDeliveryRes_ISO2",
    "V2G_SECC_Msg_Performance_CurrentDemandRes")})
