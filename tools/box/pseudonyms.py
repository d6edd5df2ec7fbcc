"""Invented names for real ones: the same name gets the same one everywhere in a file, of the same length and kind; nobody can reckon back.

All come from a hash keyed by `secret`, which is thrown away. Octets: a pseudorandom function of the whole. Texts: letter by letter, each depending on what
stands before it, so that a name which a display or a message has cut short is still the beginning of its invented one.
"""
from __future__ import annotations

import base64
import re
from hashlib import blake2b
from typing import Iterable

from tasks.homeplug.keys import NMK_LENGTH, nid_from_nmk
from tasks.ipv6.wire import link_local

MAC_LENGTH, NID_LENGTH = 6, 7
LEAST_SEARCHED = 5                   # octets of a name that is searched for everywhere; shorter ones are replaced only where their field is known
LEAST_DISTINCT = 3                   # different octets that it has: 02 00 00 00 00 00 would be found where it is no name
LEAST_TEXT = 4
PUBLIC_MACS = frozenset({bytes.fromhex("00b052000001"), bytes.fromhex("00b052000003")})      # the own modem, and one without settings: the same everywhere
SOLICITED = bytes.fromhex("ff0200000000000000000001ff")
LINK_LOCAL = bytes.fromhex("fe80000000000000")
UNIQUE_LOCAL = b"\xfd"
_HEX = re.compile(r"(?:[0-9a-f]{2}){6,}|(?:[0-9A-F]{2}){6,}")


class Pseudonyms:
    """`octets`, `mac`, `address`, `text` give the invented name and keep it; `known` and `texts` have what was met so far."""

    def __init__(self, secret: bytes, *, keep_vendor: bool = False, public: Iterable[str] = ()) -> None:
        """`keep_vendor`: the first three octets of MAC addresses stay (who made the modem). `public`: texts that name nobody: defaults, words of the program."""
        self._secret = secret
        self._keep_vendor = keep_vendor
        self.public = frozenset(public)
        self._public_octets = frozenset(word.encode() for word in self.public) | {
            bytes.fromhex(word) for word in self.public if len(word) > 3 and _HEX.fullmatch(word)}
        self.known: dict[bytes, bytes] = {}
        self.texts: dict[str, str] = {}
        self.numbers: dict[int, int] = {}
        self.addresses: dict[bytes, bytes] = {}
        self._suffixes: dict[bytes, bytes] = {}

    # --- octets

    def octets(self, real: bytes) -> bytes:
        """A key, an identifier, a random number: octets of one field. What says nothing (all octets the same) stays."""
        real = bytes(real)
        invented = self.known.get(real)
        if invented is None:
            invented = self._octets(real)
            self.learn(real, invented)
        return invented

    def mac(self, real: bytes) -> bytes:
        """Groups and the addresses that every modem has stay; the group of a neighbour follows its address."""
        if real in PUBLIC_MACS or len(real) != MAC_LENGTH:
            return real if len(real) == MAC_LENGTH else self.octets(real)
        if real[:3] == b"\x33\x33\xff":
            return real[:3] + self.suffix(real[3:])
        return real if real[0] & 1 else self.octets(real)

    def address(self, real: bytes) -> bytes:
        """An IPv6 address: link-local ones that a MAC makes belong to that MAC's invented name; global ones become unique local ones."""
        invented = self.addresses.get(real)
        if invented is None:
            invented = self.addresses[real] = self._address(real)
            if real[0] != 0xFF and invented != real:
                self._suffixes.setdefault(real[13:], invented[13:])
                self.learn(real, invented)
        return invented

    def suffix(self, real: bytes) -> bytes:
        """The last three octets of an address, as its group has them."""
        return self._suffixes.setdefault(real, self.random(b"suffix" + real, 3))

    def learn(self, real: bytes, invented: bytes) -> None:
        """`real` is written as `invented` from here on, in both octet orders, and as a number."""
        self.known[real] = invented
        if real != invented:
            self.known.setdefault(real[::-1], invented[::-1])
            if len(real) >= MAC_LENGTH:
                for order in ("big", "little"):
                    self.numbers.setdefault(int.from_bytes(real, order), int.from_bytes(invented, order))      # type: ignore[arg-type]

    def marry(self) -> None:
        """A network's identifier follows from its key: its invented one has to follow from the invented key. Before anything is written."""
        for key in [real for real in self.known if len(real) == NMK_LENGTH]:
            for level in range(16):
                nid = nid_from_nmk(key, level)
                if nid in self.known:
                    self.learn(nid, nid_from_nmk(self.known[key], level))
                    self.known[nid[::-1]] = self.known[nid][::-1]
                    self.numbers[int.from_bytes(nid, "big")] = int.from_bytes(self.known[nid], "big")
                    self.numbers[int.from_bytes(nid, "little")] = int.from_bytes(self.known[nid], "little")

    def searched(self) -> dict[bytes, bytes]:
        """What is replaced wherever it stands."""
        out = {real: invented for real, invented in self.known.items()
               if real != invented and len(real) >= LEAST_SEARCHED and len(set(real)) >= LEAST_DISTINCT}
        for real, invented in list(self.texts.items()):
            if len(real) >= LEAST_TEXT + 1 and real != invented:
                out.setdefault(real.encode(), invented.encode())
        return out

    def in_base64(self) -> dict[str, str]:
        return {base64.b64encode(real).decode(): base64.b64encode(invented).decode() for real, invented in self.searched().items()}

    # --- texts

    def text(self, real: str) -> str:
        """A name: digits stay digits, letters letters, everything else as it is. Hexadecimal digits are taken for the octets that they are."""
        if real in self.public or len(real) < 2:
            return real
        if _HEX.fullmatch(real) and (plain := bytes.fromhex(real)) and not (real.isdigit() and plain not in self.known):
            return _like(real, self.octets(plain).hex())
        invented = self.texts.get(real)
        if invented is None:
            invented = self.texts[real] = self.lettered(real)
        return invented

    def lettered(self, real: str) -> str:
        """As `text`, without keeping it. Upper and lower case get the same letters."""
        out = []
        for place, letter in enumerate(real):
            if letter.isascii() and letter.isalnum():
                base, size = (48, 10) if letter.isdigit() else (97, 26)
                move = 1 + int.from_bytes(self.random(b"text" + real[:place].lower().encode("utf-8", "replace"), 4), "big") % (size - 1)
                new = chr(base + (ord(letter.lower()) - base + move) % size)
                letter = new.upper() if letter.isupper() else new
            elif not letter.isascii() and letter.isalnum():
                letter = "x"
            out.append(letter)
        return "".join(out)

    # --- details

    def _octets(self, real: bytes) -> bytes:
        if len(set(real)) < 2 or real in self._public_octets or real in PUBLIC_MACS:
            return real
        if len(real) == MAC_LENGTH:
            random = self.random(b"mac" + real, MAC_LENGTH)
            first = bytes((random[0] & 0xFC | real[0] & 3,))
            return real[:3] + random[3:] if self._keep_vendor else first + random[1:]
        core = real.strip(b"\0")
        if len(core) < len(real) and len(core) >= 2 and (len(real) - len(core) >= 2 or _printable(core)):      # padded: the padding stays
            at = real.index(core)
            return real[:at] + self.octets(core) + real[at + len(core):]
        if _printable(real):
            return self.text(real.decode()).encode()
        return self.random(b"octets" + real, len(real))

    def _address(self, real: bytes) -> bytes:
        if real[:13] == SOLICITED:
            return SOLICITED + self.suffix(real[13:])
        if real[0] == 0xFF or not any(real[:14]):
            return real
        host = real[8:]
        if host[3:5] == b"\xff\xfe":
            made = link_local(self.mac(bytes((host[0] ^ 2,)) + host[1:3] + host[5:]))[8:]
        else:
            made = self.octets(host) if any(host[:6]) else host
        if real[:8] == LINK_LOCAL:
            return LINK_LOCAL + made
        return UNIQUE_LOCAL + self.random(b"net" + real[:8], 7) + made

    def random(self, what: bytes, octets: int) -> bytes:
        """The same for the same `what`."""
        out = b""
        while len(out) < octets:
            out += blake2b(what + len(out).to_bytes(4, "big"), key=self._secret, digest_size=64).digest()
        return out[:octets]


def _printable(octets: bytes) -> bool:
    return len(octets) > 1 and all(32 <= octet < 127 for octet in octets)


def _like(real: str, hexadecimal: str) -> str:
    return hexadecimal.upper() if real.upper() == real else hexadecimal
