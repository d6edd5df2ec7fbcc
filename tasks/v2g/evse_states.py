"""The charger's states of both protocols and their words for people; each protocol uses its part (din_evse_table.py, iso2_evse_table.py)."""
from __future__ import annotations

from enum import auto

from kernel.word import Word


class Evse(Word):
    """Named after the request that is expected next."""

    Idle = auto()
    SessionSetup = auto()
    ServiceDiscovery = auto()
    ServicePaymentSelection = auto()     # DIN 70121
    PaymentServiceSelection = auto()     # ISO 15118-2; ServiceDetailReq may come before
    ContractAuthentication = auto()      # DIN 70121
    Authorization = auto()               # ISO 15118-2
    ChargeParameterDiscovery = auto()
    CableCheck = auto()
    PreCharge = auto()
    PowerDelivery = auto()               # precharging, until the car wants power
    PowerDeliveryStart = auto()          # AC: nothing is on yet
    CurrentDemand = auto()
    ChargingStatus = auto()              # AC
    Renegotiation = auto()               # ISO 15118-2: ChargeParameterDiscoveryReq once more, while power stays on
    PowerDeliveryRestart = auto()        # ISO 15118-2: parameters are agreed anew, back to the charge loop
    WeldingDetection = auto()
    SessionStop = auto()                 # AC: power is off, there is nothing to weld
    Ended = auto()


TEXTS: dict[Evse, str] = {
    Evse.Idle: "Idle", Evse.SessionSetup: "Session setup", Evse.ServiceDiscovery: "Service discovery",
    Evse.ServicePaymentSelection: "Payment selection", Evse.PaymentServiceSelection: "Payment selection",
    Evse.ContractAuthentication: "Authorisation", Evse.Authorization: "Authorisation",
    Evse.ChargeParameterDiscovery: "Charge parameters", Evse.CableCheck: "Cable check", Evse.PreCharge: "Precharge",
    Evse.PowerDelivery: "Precharge", Evse.PowerDeliveryStart: "Power on", Evse.CurrentDemand: "Charging",
    Evse.ChargingStatus: "Charging", Evse.Renegotiation: "Renegotiation", Evse.PowerDeliveryRestart: "Renegotiation",
    Evse.WeldingDetection: "Welding detection", Evse.SessionStop: "Ending session", Evse.Ended: "Session ended",
}
"""Display text of each state, at most 20 characters."""
