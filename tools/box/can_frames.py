"""CAN frames with invented names: those known to carry a position, a vehicle's number, a MAC address or a maker's code; all others stay."""
from __future__ import annotations

from tasks.can_info.wire import CAR
from tasks.chademo.wire import MAKER
from tools.box.pseudonyms import MAC_LENGTH, Pseudonyms

IDENTIFIER = 0x1FFFFFFF
DIAGNOSIS = range(0x700, 0x800)          # ISO 15765-4 and its neighbours: questions to and answers of control units, among them the vehicle's number
OURS = range(0x678, 0x67B)               # tasks/can_info
POSITIONS = frozenset({0x04F, 0x3D8, 0x3D9, 0x2F8})              # Tesla Model 3 and Y: latitude and longitude, accuracy, speed
NAMES = frozenset({0x405, 0x51E, 0x6FA, 0x508})                  # vehicle's number: Tesla, Outlander and i-MiEV (0x6FA, 0x51E), Tesla Model S
NAMING_GROUPS = frozenset({0xFEEC, 0xFEEB, 0xFEF3, 0xFEE8, 0xECFF, 0xEBFF, 0xEC00, 0xEB00, 0xF801, 0xF802, 0xF805, 0x1F801, 0x1F802, 0x1F805, 0xEE00, 0xEEFF})
"""Groups of SAE J1939 and NMEA 2000 (bits 8 to 25 of a long identifier): vehicle and component identification, position, course, long messages, names of units."""
LEAST_LETTERS = 5                        # as many printable octets in a row are a piece of a text


def collect_can(packet: bytes, names: Pseudonyms) -> None:
    """Learns what a frame names."""
    id, data = _parts(packet)
    if id == MAKER and len(data) > 2:
        names.octets(data)
    elif id == CAR and len(data) >= MAC_LENGTH:
        names.mac(data[:MAC_LENGTH])


def can_packet(packet: bytes, names: Pseudonyms) -> bytes:
    """As LINKTYPE_CAN_SOCKETCAN has it."""
    id, data = _parts(packet)
    return packet[:8] + rewrite_can(id, data, names) + bytes(max(0, len(packet) - 8 - len(data)))


def rewrite_can(id: int, data: bytes, names: Pseudonyms) -> bytes:
    """The octets of one frame; `id` without flags."""
    if id == MAKER:
        return names.octets(data) if len(data) > 2 else data
    if id == CAR and len(data) >= MAC_LENGTH:
        return names.mac(data[:MAC_LENGTH]) + data[MAC_LENGTH:]
    if id in OURS:
        return data
    group = id >> 8 & 0x3FFFF
    naming = group in NAMING_GROUPS or group & 0x3FF00 in NAMING_GROUPS if id > 0x7FF else id in DIAGNOSIS or id in POSITIONS or id in NAMES
    letters = sum(48 <= octet < 58 or 65 <= octet < 91 for octet in data)
    return bytes(len(data)) if naming or letters >= LEAST_LETTERS else data


def _parts(packet: bytes) -> tuple[int, bytes]:
    return int.from_bytes(packet[:4], "big") & IDENTIFIER, packet[8:8 + min(8, packet[4] if len(packet) > 4 else 0)]
