"""The public list of minimum required error codes of charging stations: number and name (ChargeX consortium, INL/RPT-23-74308; EVerest uses these names)."""
from __future__ import annotations

NAMES = {
    1: "ConnectorLockFailure", 2: "GroundFailure", 3: "HighTemperature", 4: "OverCurrentFailure", 5: "OverVoltage", 6: "UnderVoltage", 7: "WeakSignal",
    8: "EmergencyStop", 9: "AuthorizationTimeout", 10: "InvalidVehicleMode", 11: "CableCheckFault", 12: "PreChargeFailure", 13: "NoInternet",
    14: "PilotFault", 15: "PowerLoss", 16: "EVContactorFault", 17: "EVSEContactorFault", 18: "CableOverTempDerate", 19: "CableOverTempStop",
    20: "PartialInsertion", 21: "CapacitanceFault", 22: "ResistanceFault", 23: "ProximityFault", 24: "ConnectorVoltageHigh", 25: "BrokenLatch", 26: "CutCable",
}


def code(number: int) -> str:
    """`CX012 PreChargeFailure`."""
    return f"CX{number:03d} {NAMES[number]}"
