"""The values inside a record's message, as plain dictionaries with the names of the standard."""
from __future__ import annotations

from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from tasks.homeplug.wire_modem import DEVICE_CLASSES
from tasks.ipv6.sdp_wire import SECURITY_NONE, SECURITY_TLS, SdpRequest, SdpResponse
from tasks.ipv6.wire import NA_OVERRIDE, NA_ROUTER, NA_SOLICITED, NeighborMessage
from tasks.listen.record import Record
from tasks.tcp.wire import ACK, FIN, PSH, RST, SYN, Segment

_SECURITY = {SECURITY_TLS: "TLS", SECURITY_NONE: "none"}
_TCP_FLAGS = ((SYN, "SYN"), (FIN, "FIN"), (RST, "RST"), (PSH, "PSH"), (ACK, "ACK"))
_NA_FLAGS = ((NA_ROUTER, "router"), (NA_SOLICITED, "solicited"), (NA_OVERRIDE, "override"))
_UNITS = (("Voltage", "V"), ("Current", "A"), ("Power", "W"), ("Energy", "Wh"), ("RemainingTime", "s"), ("EAmount", "Wh"))
_NOT_SHOWN = frozenset(("dst", "src", "random", "sender_id", "source_id", "resp_id", "pev_id", "evse_id", "m_sound_target", "mmv"))
_MAC_FIELDS = frozenset(("forwarding_sta", "source_address", "pev_mac", "evse_mac", "cco_mac", "mac", "bda"))


def mac_text(mac: bytes) -> str:
    return mac.hex(":") if mac else "?"


def address_text(address: bytes) -> str:
    """An IPv6 address with its longest run of zero groups left out (RFC 5952)."""
    groups = [f"{address[i] << 8 | address[i + 1]:x}" for i in range(0, 16, 2)]
    best, run = (0, 0), 0
    for i, group in enumerate((*groups, "end")):
        if group == "0":
            run += 1
        else:
            if run > best[1]:
                best = (i - run, run)
            run = 0
    if best[1] < 2:
        return ":".join(groups)
    return ":".join(groups[:best[0]]) + "::" + ":".join(groups[best[0] + best[1]:])


def average(aag: bytes) -> float | None:
    """Mean attenuation in dB over the groups, None without groups."""
    return round(sum(aag) / len(aag), 1) if aag else None


def fields_of(record: Record) -> dict[str, Any]:
    """All values of the record's message; a physical value is {"value": .., "unit": ..}."""
    message = record.message
    if message is None:
        return {}
    if isinstance(message, Segment):
        flags = [name for bit, name in _TCP_FLAGS if message.flags & bit]
        values: dict[str, Any] = {"src_port": message.src_port, "dst_port": message.dst_port, "flags": "+".join(flags),
                                  "seq": message.seq, "ack": message.ack, "window": message.window, "octets": len(message.data)}
        if message.mss is not None:
            values["mss"] = message.mss
        return values
    if isinstance(message, NeighborMessage):
        values = {"target": address_text(message.target)}
        if message.link_layer is not None:
            values["link_layer"] = mac_text(message.link_layer)
        flags = [name for bit, name in _NA_FLAGS if message.flags & bit]
        return values | {"flags": "+".join(flags)} if flags else values
    if isinstance(message, SdpRequest):
        return {"security": _SECURITY.get(message.security, f"0x{message.security:02x}")}
    if isinstance(message, SdpResponse):
        return {"security": _SECURITY.get(message.security, f"0x{message.security:02x}"), "address": address_text(message.address),
                "port": message.port}
    body, header = getattr(message, "Body", None), getattr(message, "Header", None)
    if body is not None and header is not None:              # a V2G_Message
        values = plain(body.BodyElement, "") if body.BodyElement is not None else {}
        if header.Notification is not None:
            values["Notification"] = plain(header.Notification, "")
        return values
    if is_dataclass(message):
        return plain(message, "") if record.octets else _mme(message)
    return {}


def plain(value: Any, name: str) -> Any:
    """Dataclasses of the codec as dictionaries, enumerations as their words, octets as hex; what is absent is left out."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return [plain(item, name) for item in value]
    if not is_dataclass(value):
        return value
    if is_physical(value):
        return physical(value, name)
    out = {}
    for field in fields(value):
        item = getattr(value, field.name)
        if item is not None:
            out[field.name] = plain(item, field.name)
    return out


def is_physical(value: Any) -> bool:
    """True for a value with its power of ten: PhysicalValue of DIN and ISO 15118-2, RationalNumber of -20."""
    return hasattr(value, "Value") and (hasattr(value, "Multiplier") or hasattr(value, "Exponent"))


def physical(value: Any, name: str) -> dict[str, Any]:
    """Value and power of ten as one number in the unit; where the unit is left out, the field's own is meant."""
    exponent = value.Multiplier if hasattr(value, "Multiplier") else value.Exponent
    number = value.Value * 10 ** exponent if exponent >= 0 else value.Value / 10 ** -exponent
    unit = getattr(value, "Unit", None)
    if unit is not None:
        return {"value": number, "unit": unit.value}
    return {"value": number, "unit": next((unit for word, unit in _UNITS if word in name), "")}


def _mme(message: Any) -> dict[str, Any]:
    """The fields of a management message that matter; attenuation profiles as average and number of groups.

    Of a module's octets only the number: a PIB holds the network's key, and 1400 octets are no line.
    """
    values: dict[str, Any] = {}
    for field in fields(message):
        name = field.name
        if name in _NOT_SHOWN:
            continue
        value = getattr(message, name)
        if name == "aag":
            if value:
                values["average_db"] = average(value)
            values["groups"] = len(value)
        elif name == "device_class":
            values["chip"] = DEVICE_CLASSES.get(value, f"0x{value:02x}")
        elif name in _MAC_FIELDS:
            values[name] = mac_text(value)
        elif name == "octets":
            values[name] = len(value)
        elif value is None and name in ("module", "session", "offset"):
            continue                             # of VS_MODULE_OPERATION.CNF: what this answer does not carry
        elif name == "step":                     # of VS_MODULE_OPERATION: what it is stands in the type
            values |= {"step": type(value).__name__} | _mme(value)
        elif name == "module" and is_dataclass(value):
            values |= _mme(value)
        elif name == "modules":
            values["modules"] = [_mme(module) for module in value]
        elif name == "networks":
            values["networks"] = [_mme(network) for network in value]
        elif name == "stations":
            values["stations"] = [_mme(station) for station in value]
        elif isinstance(value, bytes):
            values[name] = value.hex()
        else:
            values[name] = value
    return values
