"""Settings of one CAN bus, and what its two kinds of links have in common."""
from __future__ import annotations

from typing import Protocol

from kernel.record import settings_class
from kernel.settings import setting

EXTENDED = 0x8000_0000          # CAN_EFF_FLAG of linux/can.h: set in a key where the identifier has 29 bits
MAX_STANDARD, MAX_EXTENDED = 0x7FF, 0x1FFF_FFFF
MAX_OCTETS = 8                  # classical CAN
MAX_FILTERS = 64                # identifiers that are asked for by themselves; more than that, and everything is fetched (Linux allows 512)

ACTIVE, PASSIVE, BUS_OFF = "active", "passive", "bus off"
"""Fault confinement states of ISO 11898-1."""


@settings_class(slots=True)
class CanConfig:
    """Section `can` of the configuration."""

    interface: str = setting("socketcan", meaning="socketcan (a network interface of Linux), or an adapter that python-can knows: slcan, gs_usb, pcan, udp_multicast, virtual ...")
    channel: str = setting("can0", meaning="socketcan: `ip link` lists them; slcan: the serial port; others: as python-can wants it")
    bitrate: int = setting(500_000, low=5_000, high=1_000_000, meaning="bit/s; a socketcan interface has it already from `ip link set can0 up type can bitrate 500000`")
    options: list[str] = setting([], meaning="key=value that an adapter of python-can wants besides, as index=0 or tty_baudrate=115200")
    filter_ids: list[int] = setting([], low=0, high=MAX_EXTENDED, meaning="fetch these identifiers besides those that the box itself asks for; above 0x7FF they have 29 bits")


class LinkDown(Exception):
    """The bus cannot be used now. `fault` has at most 19 characters, `remedy` is a sentence."""

    def __init__(self, fault: str, remedy: str) -> None:
        super().__init__(f"{fault}. {remedy}")
        self.fault = fault
        self.remedy = remedy


class Link(Protocol):
    """The way to one bus. A key is the identifier, with EXTENDED set where it has 29 bits."""

    state: str                  # ACTIVE, PASSIVE or BUS_OFF
    ready: bool                 # it is open and heard of
    error_frames: int           # what the controller told of bad frames, overflows and its own state
    lost: int                   # frames that nobody fetched in time
    malformed: int              # what is no data frame of classical CAN

    def start(self, keys: tuple[int, ...] | None) -> None:
        """Begin to open; `keys` to fetch, None for all. LinkDown when that failed at once."""
        ...

    def receive(self, limit: int) -> list[tuple[int, bytes]]:
        """At most `limit` frames. LinkDown when the bus is gone."""
        ...

    def send(self, key: int, data: bytes) -> bool:
        """False while there is no room. LinkDown when the bus is gone."""
        ...

    def stop(self) -> None: ...
