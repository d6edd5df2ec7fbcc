"""Whether the independent readers notice anything at all: good frames of every kind that we send, and the same with one thing wrong."""
from __future__ import annotations

import re
from pathlib import Path

from tasks.ethernet.wire import ETHERTYPE_IPV6, emit as emit_ethernet
from tasks.homeplug import wire as mme
from tasks.homeplug.wire_header import BROADCAST
from tasks.homeplug.wire_keys import CM_SET_KEY_REQ
from tasks.homeplug.wire_module import VS_MODULE_OPERATION_REQ, ReadModule
from tasks.ipv6.wire import (ICMPV6, NEIGHBOR_SOLICITATION, TCP, UDP, NeighborMessage, emit_ipv6, emit_neighbor, emit_udp, link_local, pseudo_sum)
from tasks.tcp.wire import ACK, PSH, emit as emit_tcp
from tests.interop.capture import header, record
from tests.interop.readers import scapy_reading, tshark_objections

CAR, CHARGER = bytes.fromhex("020000cc5001"), bytes.fromhex("020000cc5002")
RUN_ID = bytes(range(8))


def packet(next_header: int, payload: bytes) -> bytes:
    """From the car to the charger."""
    return emit_ethernet(CHARGER, CAR, ETHERTYPE_IPV6, emit_ipv6(link_local(CAR), link_local(CHARGER), next_header, 255, payload))


def good() -> dict[str, bytes]:
    """One frame of each kind."""
    src, dst = link_local(CAR), link_local(CHARGER)
    return {
        "CM_SLAC_PARM.REQ": mme.CM_SLAC_PARM_REQ(BROADCAST, CAR, RUN_ID).emit(),
        "CM_ATTEN_CHAR.IND": mme.CM_ATTEN_CHAR_IND(CHARGER, CAR, RUN_ID, CAR, 10, bytes(range(1, 59))).emit(),
        "CM_ATTEN_CHAR.RSP": mme.CM_ATTEN_CHAR_RSP(CHARGER, CAR, RUN_ID, CAR).emit(),
        "CM_SLAC_MATCH.REQ": mme.CM_SLAC_MATCH_REQ(CHARGER, CAR, RUN_ID, CAR, CHARGER).emit(),
        "CM_SET_KEY.REQ": CM_SET_KEY_REQ(CHARGER, CAR, bytes(7), bytes(range(16))).emit(),
        "VS_MODULE_OPERATION.REQ": VS_MODULE_OPERATION_REQ(CHARGER, CAR, ReadModule(144, 1024)).emit(),
        "neighbour solicitation": packet(ICMPV6, emit_neighbor(NeighborMessage(NEIGHBOR_SOLICITATION, 0, dst, CAR), src, dst)),
        "SDP request": packet(UDP, emit_udp(src, dst, 50000, 15118, b"\x01\xfe\x90\x00\x00\x00\x00\x02\x10\x00")),
        "TCP segment": packet(TCP, emit_tcp(50000, 15118, 1, 1, ACK | PSH, 8000, b"\x01\xfe\x80\x01\x00\x00\x00\x01\x80", pseudo_sum(src, dst, TCP))),
    }


def changed(frame: bytes, at: int, by: int = 1) -> bytes:
    return frame[:at] + bytes(((frame[at] + by) % 256,)) + frame[at + 1:]


def damaged() -> dict[str, bytes]:
    """Every one must be objected to by scapy; those of NOTICED_BY_TSHARK by tshark too."""
    whole = good()
    return {
        "padding that is not zero": changed(whole["CM_SLAC_PARM.REQ"], 59),
        "an octet after the last field": whole["CM_ATTEN_CHAR.RSP"] + b"\0",
        "an attenuation group too few": whole["CM_ATTEN_CHAR.IND"][:-1],
        "an attenuation group too many": whole["CM_ATTEN_CHAR.IND"] + b"\1",
        "MVFLength": changed(whole["CM_SLAC_MATCH.REQ"], 21),
        "a match request cut short": whole["CM_SLAC_MATCH.REQ"][:70],
        "ICMPv6 checksum": changed(whole["neighbour solicitation"], 14 + 40 + 2),
        "UDP checksum": changed(whole["SDP request"], 14 + 40 + 6),
        "UDP length": changed(whole["SDP request"], 14 + 40 + 5),
        "TCP checksum": changed(whole["TCP segment"], 14 + 40 + 16),
        "IPv6 payload length": changed(whole["TCP segment"], 14 + 5),
    }


NOTICED_BY_TSHARK = ("an attenuation group too few", "a match request cut short", "ICMPv6 checksum", "UDP checksum", "UDP length", "TCP checksum")


def write(path: Path, found: dict[str, bytes]) -> None:
    path.write_bytes(header() + b"".join(record(n, frame) for n, frame in enumerate(found.values())))


def noticed(lines: list[str], found: dict[str, bytes], reader: str) -> set[str]:
    """Names of the frames to which the reader objects."""
    numbers = {int(match[1]) for line in lines if (match := re.match(rf"{reader}: (?:frame )?(\d+) ", line))}
    return {name for number, name in enumerate(found, 1) if number in numbers}


def check(folder: Path, python: str) -> list[str]:
    """What a reader should have noticed and did not, and the other way round; `python` has scapy, "" leaves it out."""
    folder.mkdir(parents=True, exist_ok=True)
    whole, broken = folder / "good.pcap", folder / "damaged.pcap"
    write(whole, good())
    write(broken, damaged())
    readers = [("tshark", tshark_objections, NOTICED_BY_TSHARK)]
    if python:
        readers.append(("scapy", lambda path: scapy_reading(path, python, [CAR.hex(":")]).objections, tuple(damaged())))
    faults = []
    for reader, objections, wanted in readers:
        faults += [f"control, a good frame: {line}" for line in objections(whole)]
        found = noticed(objections(broken), damaged(), reader)
        faults += [f"control: {reader} does not notice: {name}" for name in wanted if name not in found]
    return faults
