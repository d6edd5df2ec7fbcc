"""One line of text per record: time, who to whom, what, and the values that matter."""
from __future__ import annotations

from typing import Any

from kernel.timer import MS, S
from tasks.listen.record import Category, Record, Role
from tasks.listen.values import fields_of, mac_text

_ROLE = {Role.CAR: "car", Role.CHARGER: "charger", Role.MODEM: "modem"}
MASKED = "(hidden, see listen.show_nmk)"
MAX_TEXT = 400           # characters of values in one line; certificates and lists of schedules are cut

# leaf name of the schema -> label; "" shows the value alone. In the order of the message.
_LABELS = {
    "average_db": "attenuation", "EVSECurrentLimitAchieved": "current limit", "EVSEVoltageLimitAchieved": "voltage limit",
    "EVSEPowerLimitAchieved": "power limit", "EVSENotification": "", "SelectedServiceList": "", "PaymentOption": "",
    "ResponseCode": "", "EVSEProcessing": "", "EVSEStatusCode": "", "EVErrorCode": "", "EVRESSSOC": "SoC", "EVSEPresentVoltage": "U",
    "EVSEPresentCurrent": "I", "EVTargetVoltage": "U target", "EVTargetCurrent": "I target", "EVSEMaximumVoltageLimit": "U max",
    "EVSEMaximumCurrentLimit": "I max", "EVSEMaximumPowerLimit": "P max", "EVSEMinimumVoltageLimit": "U min",
    "EVSEMinimumCurrentLimit": "I min", "EVMaximumVoltageLimit": "U max", "EVMaximumCurrentLimit": "I max",
    "EVMaximumPowerLimit": "P max", "EVSEPeakCurrentRipple": "ripple", "EVSEIsolationStatus": "isolation",
    "EVEnergyCapacity": "capacity", "EVEnergyRequest": "energy request", "EVRequestedEnergyTransferType": "",
    "SelectedPaymentOption": "", "EnergyTransferType": "", "ProtocolNamespace": "", "RemainingTimeToFullSoC": "to full",
    "RemainingTimeToBulkSoC": "to bulk", "EVSECurrentRegulationTolerance": "tolerance", "EVSEEnergyToBeDelivered": "energy to be delivered",
}
_UNIT = {"EVRESSSOC": " %", "FullSOC": " %", "BulkSOC": " %", "average_db": " dB"}
_ORDINARY = {            # values that say nothing new: left out
    "EVErrorCode": "NO_ERROR", "EVSENotification": "None", "NotificationMaxDelay": 0, "EVCabinConditioning": False,
    "EVRESSConditioning": False, "EVSECurrentLimitAchieved": False, "EVSEVoltageLimitAchieved": False,
    "EVSEPowerLimitAchieved": False, "BulkChargingComplete": False, "ChargingComplete": False, "EVReady": True,
    "VersionNumberMinor": 0, "resp_type": 1, "my_nonce": None, "your_nonce": None,
}
_QUIET = frozenset(("VersionNumberMajor", "SAScheduleTupleID", "PMaxScheduleID", "seq", "ack", "flags", "octets", "window",
                    "my_nonce", "your_nonce", "status", "forwarding_sta", "source_address", "FreeService", "ServiceID",
                    "ServiceCategory", "cookie", "snid", "cco_tei"))


class Line:
    """A record that becomes text only when somebody reads it (journal events are formatted off the hot path)."""

    __slots__ = ("record", "keys")

    def __init__(self, record: Record, keys: bool = True) -> None:
        """`keys` False: the NMK is not shown."""
        self.record = record
        self.keys = keys

    def __str__(self) -> str:
        return text(self.record, self.keys)


def printable(value: object) -> str:
    """Text from the wire without control characters; the terminal must not obey a charger's EVSEID."""
    string = str(value)
    return string if string.isprintable() else ascii(string)[1:-1]


def seconds(ns: int) -> str:
    """`12.345678`, microseconds, also for negative times (a capture of two clocks)."""
    sign = "-" if ns < 0 else ""
    ns = abs(ns)
    return f"{sign}{ns // S}.{ns % S // 1000:06d}"


def who(record: Record) -> str:
    """`car > charger`, MAC addresses where the roles are not known."""
    if not record.src:
        return "?"
    sender = _ROLE[record.sender] if record.sender else mac_text(record.src)
    if record.dst[0] & 1:
        return f"{sender} > all"
    return f"{sender} > {_ROLE[record.receiver] if record.receiver else mac_text(record.dst)}"


def text(record: Record, keys: bool = True) -> str:
    """Everything but the time; without `keys` an NMK is masked: who has it can join the network."""
    parts = [f"{who(record):<16} {record.name}"]
    known = fields_of(record)
    if not keys and known.get("nmk"):
        known["nmk"] = MASKED
    values = listed(known)
    if values:
        parts.append(values if len(values) <= MAX_TEXT else values[:MAX_TEXT] + " ...")
    if record.latency is not None:
        parts.append(f"[{record.latency / MS:.1f} ms]")
    if record.category is Category.MALFORMED:
        parts.append(f"MALFORMED: {printable(record.reason)}")
    elif record.category is Category.NAMED and record.octets:
        parts.append(f"{record.octets} octets")
    if record.note:
        parts.append(f"({printable(record.note)})")
    return "  ".join(parts)


def listed(values: dict[str, Any]) -> str:
    """`OK, EVSE_Ready, U 389.9 V`: nested groups are flattened, ordinary values left out."""
    parts: list[str] = []
    _collect(values, parts)
    return ", ".join(parts)


def _collect(values: dict[str, Any], parts: list[str]) -> None:
    for name, value in values.items():
        if name in _QUIET or name in _ORDINARY and value == _ORDINARY[name]:
            continue
        if isinstance(value, dict):
            if "unit" in value and "value" in value:
                parts.append(f"{_label(name)}{value['value']:g} {value['unit']}")
            else:
                _collect(value, parts)
        elif isinstance(value, list):
            for item in value:
                if isinstance(item, dict):
                    _collect(item, parts)
                else:
                    parts.append(f"{_label(name)}{printable(item)}")
        else:
            parts.append(f"{_label(name)}{printable(value)}{_UNIT.get(name, '')}")


def _label(name: str) -> str:
    label = _LABELS.get(name, name)
    return f"{label} " if label else ""
