"""The numbered steps of a charging session (field-pyplc-clara sheet 6) as far as messages on the wire tell them: message -> number."""
from __future__ import annotations

FIRST_SEEN = {           # the first message of that name in a session
    "CM_SLAC_PARM.REQ": 100, "CM_SLAC_PARM.CNF": 102, "CM_START_ATTEN_CHAR.IND": 103, "CM_MNBC_SOUND.IND": 104, "CM_ATTEN_CHAR.IND": 120,
    "CM_ATTEN_CHAR.RSP": 140, "CM_SLAC_MATCH.REQ": 150, "CM_SLAC_MATCH.CNF": 160, "CM_SET_KEY.CNF": 170,
    "SDP request": 200, "SDP response": 203, "SYN": 301, "SYN, ACK": 302, "supportedAppProtocolReq": 400, "supportedAppProtocolRes": 403,
    "SessionSetupReq": 500, "SessionSetupRes": 506, "ServiceDiscoveryReq": 510, "ServicePaymentSelectionReq": 520, "PaymentServiceSelectionReq": 520,
    "ContractAuthenticationReq": 530, "AuthorizationReq": 530, "ChargeParameterDiscoveryReq": 540, "CableCheckReq": 560, "PreChargeReq": 570,
    "CurrentDemandReq": 700, "ChargingStatusReq": 700, "WeldingDetectionReq": 850, "SessionStopReq": 900, "SessionStopRes": 905,
    "DC_CableCheckReq": 560, "DC_PreChargeReq": 570, "DC_ChargeLoopReq": 700, "AC_ChargeLoopReq": 700, "DC_WeldingDetectionReq": 850,
}
START, STOP, STOPPED = 600, 800, 806     # PowerDeliveryReq that begins, that ends, its answer
CHARGER_STOPS = 790
