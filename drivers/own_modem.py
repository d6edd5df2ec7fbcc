"""The only transmitter that a listener may have: a socket whose every frame must be for the own modem.

The modem's local address is handled on this side of it and never goes out on the power line (slac-and-network sheet 1.2).
Constructed only when `listen.join` is true; everything but the few requests below is refused and counted.
"""
from __future__ import annotations

import socket
from typing import Callable

from drivers.errors import DriverError
from drivers.nic_ears import SYS_NET, no_permission, own_mac

LOCAL_DEVICE = bytes.fromhex("00b052000001")
HOMEPLUG = b"\x88\xe1"
MAX_FRAME = 1514
HEAD = 17                        # octets that the guard looks at: addresses, EtherType, MMV, MMTYPE
ALLOWED = {                      # MMTYPE -> what for; all are answered by the own modem alone
    0x6008: "CM_SET_KEY.REQ", 0xA000: "VS_SW_VER.REQ", 0xA038: "VS_NW_INFO.REQ", 0xA0B8: "VS_PL_LINK_STATUS.REQ", 0xA068: "VS_OP_ATTRIBUTES.REQ",
    0x6048: "CM_NW_STATS.REQ", 0xAC6C: "NSCM_GET_VERSION.REQ", 0xAC98: "NSCM_GET_DEVICE_STATE.REQ", 0xAC9C: "NSCM_GET_D_LINK_STATUS.REQ",
}


class OwnModemOnly:
    """OwnModem: passes on what is from `mac` to the modem's local address and of an allowed type; `refused` counts the rest."""

    __slots__ = ("errors", "refused", "_mac", "_out")

    def __init__(self, mac: bytes, out: Callable[[bytes], bool]) -> None:
        self.errors = 0
        self.refused = 0
        self._mac = mac
        self._out = out

    def send(self, frame: bytes, now: int) -> bool:
        if not allowed(frame, self._mac):
            self.refused += 1
            return False
        if not self._out(frame):
            self.errors += 1
            return False
        return True


def allowed(frame: bytes, mac: bytes) -> bool:
    """True for a request to the own modem under our own address; never broadcast, SLAC, IPv6 or a foreign source."""
    return (HEAD <= len(frame) <= MAX_FRAME and frame[:6] == LOCAL_DEVICE and frame[6:12] == mac and frame[12:14] == HOMEPLUG
            and int.from_bytes(frame[15:17], "little") in ALLOWED)


def open_own_modem(interface: str) -> OwnModemOnly:
    """DriverError when the interface or the permission is missing."""
    mac = own_mac(interface, SYS_NET)
    try:
        line = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, 0)      # protocol 0: receives nothing
    except PermissionError as error:
        raise no_permission(interface) from error
    try:
        line.bind((interface, 0))
    except OSError as error:
        line.close()
        raise DriverError(f"Network interface {interface!r} cannot be used for joining ({error.strerror}).",
                          "Bring it up, or set listen.join: false.") from error

    def out(frame: bytes) -> bool:
        try:
            return line.send(frame) == len(frame)
        except OSError:
            return False
    return OwnModemOnly(mac, out)
