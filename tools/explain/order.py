"""In which order the requests of DIN 70121 and ISO 15118-2 come, and what a request out of order is; asked only while nothing of the record is missing."""
from __future__ import annotations

MUST_FOLLOW = {
    "ServiceDiscovery": ("SessionSetup",),
    "ServicePaymentSelection": ("ServiceDiscovery",), "PaymentServiceSelection": ("ServiceDiscovery",),
    "ContractAuthentication": ("ServicePaymentSelection",), "Authorization": ("PaymentServiceSelection", "PaymentDetails"),
    "ChargeParameterDiscovery": ("ContractAuthentication", "Authorization"),
    "CableCheck": ("ChargeParameterDiscovery",),
    "PreCharge": ("CableCheck",),
    "CurrentDemand": ("PowerDelivery",), "ChargingStatus": ("PowerDelivery",),
    "WeldingDetection": ("PowerDelivery",),
}
"""Request -> one of these must have come before it in the session (message order of both standards)."""
ORDER = ("supportedAppProtocol", "SessionSetup", "ServiceDiscovery", "ServiceDetail", "ServicePaymentSelection", "PaymentServiceSelection", "PaymentDetails",
         "ContractAuthentication", "Authorization", "ChargeParameterDiscovery", "CableCheck", "PreCharge", "PowerDelivery", "CurrentDemand", "ChargingStatus",
         "MeteringReceipt", "WeldingDetection", "SessionStop")
_RANK = {name: n for n, name in enumerate(ORDER)}
REPEATED = frozenset({"ContractAuthentication", "Authorization", "ChargeParameterDiscovery", "CableCheck", "PreCharge", "CurrentDemand", "ChargingStatus",
                      "WeldingDetection", "PowerDelivery", "ServiceDetail", "MeteringReceipt"})
_AGAIN = {"ChargeParameterDiscovery": ("PowerDelivery", "CurrentDemand", "ChargingStatus", "MeteringReceipt"),      # renegotiation
          "CableCheck": ("ChargeParameterDiscovery",), "PreCharge": ("CableCheck",),
          "PowerDelivery": ("CurrentDemand", "ChargingStatus", "MeteringReceipt", "WeldingDetection"),
          "CurrentDemand": ("MeteringReceipt",), "ChargingStatus": ("MeteringReceipt",)}


def out_of_order(request: str, before: str, seen: frozenset[str]) -> str:
    """A sentence about a request that may not come here; "" when it may. `before`: the request before, `seen`: all of the session (without Req)."""
    wanted = MUST_FOLLOW.get(request)
    if wanted is not None and not seen.intersection(wanted):
        return f"{request}Req without {' or '.join(wanted)} before it"
    if request not in _RANK or before not in _RANK:
        return ""
    if request == before:
        return "" if request in REPEATED else f"{request}Req a second time"
    if _RANK[request] < _RANK[before] and before not in _AGAIN.get(request, ()) and request != "SessionStop":
        return f"{request}Req after {before}Req"
    return ""
