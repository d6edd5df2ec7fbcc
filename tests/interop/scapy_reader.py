"""Reads frames with scapy's own layers and prints one JSON object per frame; run by the peers' interpreter, nothing of this project is imported.

`PYTHON scapy_reader.py MAC[,MAC ...] PCAP ...`: only frames that one of the MAC addresses sent. A frame has `file`, `number` (from 1), `layers` (class
names from Ethernet on), `fields` of all layers (MAC addresses as text, octets as hex), `faults` (what scapy objects to) and `why`: not empty when scapy
has no layer for what the HomePlug header announces, so that only the header was judged.
"""
from __future__ import annotations

import json
import sys
from typing import Iterator

from scapy.config import conf
from scapy.contrib import homepluggp      # noqa: F401  its import binds the layers of both HomePlug contributions
from scapy.contrib.homeplugav import HomePlugAV
from scapy.fields import FieldLenField
from scapy.layers.inet import TCP, UDP
from scapy.layers.inet6 import ICMPv6Unknown, IPv6, _ICMPv6
from scapy.layers.l2 import Ether
from scapy.packet import NoPayload, Packet, Padding, Raw
from scapy.utils import RawPcapReader

MIN_FRAME = 60                            # Ethernet without FCS
VENDOR = 0xA000
COMPUTED = {IPv6: ("plen",), TCP: ("chksum", "dataofs"), UDP: ("chksum", "len"), _ICMPv6: ("cksum",)}    # what scapy computes when it is not there


def layers(packet: Packet) -> Iterator[Packet]:
    while not isinstance(packet, NoPayload):
        yield packet
        packet = packet.payload


def inner(packet: Packet) -> Iterator[Packet]:
    """Packets that are values of fields."""
    for value in packet.fields.values():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, Packet):
                yield one


def plain(value: object) -> object:
    """A field's value as JSON has it."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Packet):
        return {name: plain(one) for name, one in value.fields.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value if isinstance(value, (int, str, type(None))) else str(value)


def read(frame: bytes) -> dict:
    """What scapy makes of one frame."""
    try:
        packet = Ether(frame)
        found = list(layers(packet))
        fresh = rebuilt(frame)
    except Exception as error:            # conf.debug_dissector: a layer that does not fit raises whatever it likes
        return {"layers": [], "fields": {}, "why": "", "faults": [f"scapy raised {error!r}"[:200]]}
    known = [layer for layer in found if not isinstance(layer, (Raw, Padding))]
    rest = b"".join(layer.load for layer in found if isinstance(layer, (Raw, Padding)))
    fields = {f"{type(layer).__name__}.{name}": plain(value) for layer in known for name, value in layer.fields.items()}
    fields["data"] = "" if HomePlugAV in packet else b"".join(layer.load for layer in found if type(layer) is Raw).hex()
    faults = [f"{type(one).__name__} within a field has {len(one.payload)} octets too many" for layer in known for one in inner(layer) if one.payload]
    why = ""
    if fresh != frame:
        faults.append("built again from its fields, lengths and checksums computed by scapy, it is another frame")
    if HomePlugAV in packet:
        header = packet[HomePlugAV]
        if header.HPtype >= VENDOR and "VendorField" not in header.fields:
            why = "OUI not read with MMV 1"
        elif type(known[-1]) is HomePlugAV:
            why = "no layer"
        elif rest.strip(b"\0") or rest and len(frame) > MIN_FRAME:
            faults.append(f"after {type(known[-1]).__name__} {len(rest)} octets remain that are no padding")
    elif not any(isinstance(layer, tuple(COMPUTED)[1:]) for layer in known) or isinstance(known[-1], ICMPv6Unknown):
        faults.append(f"ends as {type(known[-1]).__name__}")
    return {"layers": [type(layer).__name__ for layer in known], "fields": fields, "why": why, "faults": faults}


def rebuilt(frame: bytes) -> bytes:
    """The frame made anew from its fields; lengths, counts and checksums are those that scapy computes."""
    packet = Ether(frame)
    packet.clear_cache()
    for layer in layers(packet):
        for field in layer.fields_desc:
            computed = isinstance(field, FieldLenField) or any(isinstance(layer, kind) and field.name in names for kind, names in COMPUTED.items())
            if computed and field.name in layer.fields:
                layer.delfieldval(field.name)
    return bytes(packet)


def main() -> int:
    conf.debug_dissector = True
    senders = {bytes.fromhex(mac.replace(":", "")) for mac in sys.argv[1].split(",")}
    for name in sys.argv[2:]:
        for number, (frame, _) in enumerate(RawPcapReader(name), 1):
            if frame[6:12] in senders:
                print(json.dumps({"file": name, "number": number, **read(frame)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
