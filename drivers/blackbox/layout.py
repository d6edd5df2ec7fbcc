"""The octets of a black box file: a pcapng capture that Wireshark opens, with blocks of our own between the packets.

    section header, one interface per channel that carries frames (network, CAN ports)
    HEAD    what was recorded: program, configuration, names of channels and signals (JSON)
    then, about each second: packets and journal entries, TAPE (their notes, JSON), SEAL
    END     how it went (JSON), SEAL

A packet stands before the notes that speak of it, so that a file may be cut anywhere: what a whole TAPE block says can be played. SEAL carries a
hash over all octets since the one before and that one's hash: a chain. It finds what a card or a hand has changed; it is no signature.
GAP stands where the middle of a long session was given up (JSON: octets, and the hash after which the chain goes on).
"""
from __future__ import annotations

import hashlib
import json
import zlib
from struct import Struct
from typing import Any, Iterable, Sequence

from drivers import pcapng
from drivers.blackbox.tape import ETHERNET
from kernel.journal import Event

FORMAT = 1
ENTERPRISE = 32473           # the number for examples (RFC 5612): we have none of our own; MAGIC tells our blocks from other examples
MAGIC = b"ccsbox"
HEAD, TAPE, SEAL, GAP, END = b"H", b"T", b"S", b"G", b"E"
HASH_OCTETS = 32
LEVEL = 1                    # of zlib: a TAPE of a second has 3 KiB and shrinks to a third
_OWN = Struct("<6scBI")      # MAGIC, kind, 1 if compressed, octets that follow (a custom block is padded)
SEVERITY = {"error": "3", "warning": "4", "checkpoint": "5", "info": "6"}      # syslog's


def own_block(kind: bytes, data: bytes, *, compress: bool = True) -> bytes:
    octets = zlib.compress(data, LEVEL) if compress else data
    return pcapng.custom_block(ENTERPRISE, _OWN.pack(MAGIC, kind, compress, len(octets)) + octets)


def own_content(data: bytes) -> tuple[bytes, bool, bytes] | None:
    """Kind, whether it is compressed, and octets of what a custom block has after its enterprise number; None: not one of ours. ValueError: damaged."""
    if len(data) < _OWN.size or data[:6] != MAGIC:
        return None
    _, kind, compressed, length = _OWN.unpack_from(data)
    if length > len(data) - _OWN.size:
        raise ValueError(f"a block of kind {kind!r} says {length} octets and has {len(data) - _OWN.size}")
    return kind, bool(compressed), data[_OWN.size:_OWN.size + length]


def seal_block(hash: bytes) -> bytes:
    return own_block(SEAL, hash, compress=False)


def gap_block(octets: int, after: bytes) -> bytes:
    """`octets` that were here; `after`: the hash of the last seal among them."""
    return own_block(GAP, _json({"octets": octets, "after": after.hex()}))


class BoxOctets:
    """Makes the octets of one file, in their order; keeps the chain. Nothing here touches a disk."""

    def __init__(self, epoch: int) -> None:
        """`epoch`: ns since 1970 at which the tape's clock stood at 0."""
        self._epoch = epoch
        self._interfaces: dict[int, int] = {}
        self._hash = bytes(HASH_OCTETS)
        self._since = hashlib.blake2b(self._hash, digest_size=HASH_OCTETS)
        self.seals = 0

    def begin(self, head: dict[str, Any], ports: Sequence[tuple[int, str]], interface: str, about: str) -> bytes:
        """`ports`: channel and name of each CAN port. `interface`: name of the network interface. `about`: program and version."""
        octets = pcapng.section_header(application=about, comment="black box of a charging controller: frames, journal, and the tape that python -m tools.replay plays")
        octets += pcapng.interface_description(name=interface)
        self._interfaces = {ETHERNET: 0}
        for channel, name in ports:
            self._interfaces[channel] = len(self._interfaces)
            octets += pcapng.interface_description(pcapng.LINK_SOCKETCAN, name=name)
        return self._sealed(octets + own_block(HEAD, _json({"format": FORMAT, **head, "epoch_ns": self._epoch})))

    def packed(self, compressed: bytes, packets: Iterable[tuple[int, int, int, bytes]], events: Iterable[Event]) -> bytes:
        """As `batch`, of notes that `pack` has made smaller before."""
        epoch = self._epoch
        parts = [pcapng.enhanced_packet(max(0, at + epoch), octets, interface=self._interfaces[channel], direction=direction)
                 for channel, at, direction, octets in packets]
        parts += [self._entry(event) for event in events]
        if compressed:
            parts.append(pcapng.custom_block(ENTERPRISE, _OWN.pack(MAGIC, TAPE, True, len(compressed)) + compressed))
        return self._sealed(b"".join(parts)) if parts else b""

    def batch(self, notes: Sequence[Any], packets: Iterable[tuple[int, int, int, bytes]], events: Iterable[Event]) -> bytes:
        """What `Tape.take` gave; b"" when that was nothing."""
        return self.packed(pack(notes), packets, events)

    def end(self, verdict: dict[str, Any]) -> bytes:
        return self._sealed(own_block(END, _json(verdict)))

    def _entry(self, event: Event) -> bytes:
        fields = {"__REALTIME_TIMESTAMP": str(max(0, event.at + self._epoch) // 1000), "MESSAGE": event.message(), "PRIORITY": SEVERITY.get(event.level, "6"),
                  "SYSLOG_IDENTIFIER": event.source, "CCSBOX_LEVEL": event.level, "CCSBOX_AT": str(event.at)}
        if event.number:
            fields["CCSBOX_CHECKPOINT"] = str(event.number)
        return pcapng.journal_block(fields)

    def _sealed(self, octets: bytes) -> bytes:
        self._since.update(octets)
        self._hash = self._since.digest()
        self.seals += 1
        seal = seal_block(self._hash)
        self._since = hashlib.blake2b(self._hash + seal, digest_size=HASH_OCTETS)
        return octets + seal


def pack(notes: Sequence[Any]) -> bytes:
    """Notes as a TAPE block holds them; b"" for none."""
    return zlib.compress(_json(notes), LEVEL) if notes else b""


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=repr).encode("utf-8", "backslashreplace")
