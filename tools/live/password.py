"""The digest of the live view's password: scrypt (RFC 7914), one line in a file, never the password itself."""
from __future__ import annotations

import grp
import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

COST, BLOCK, PARALLEL = 1 << 14, 8, 1        # 16 MiB and 50 ms on a PC, half a second on a Raspberry Pi 3; what RFC 7914 calls interactive
MEMORY = 64 << 20                            # octets that hashlib may take for it; a file that asks for more is refused
SALT, LENGTH = 16, 32                        # octets
MAX_FILE = 4096                              # octets
MAX_PASSWORD = 256                           # octets; a longer one is no password but an attack on the processor
BOX_GROUP = "ccsbox"
LEAST_PASSWORD = 8                           # characters of a new one


class DigestError(Exception):
    """The file cannot be used; one sentence says why."""


@dataclass(frozen=True, slots=True)
class Digest:
    """What is known of a password."""

    cost: int
    block: int
    parallel: int
    salt: bytes
    octets: bytes

    @classmethod
    def of(cls, password: str) -> Digest:
        """A new one with a salt of its own."""
        salt = secrets.token_bytes(SALT)
        return cls(COST, BLOCK, PARALLEL, salt, _scrypt(password.encode(), salt, COST, BLOCK, PARALLEL, LENGTH))

    @classmethod
    def parse(cls, text: str) -> Digest:
        """`scrypt$16384$8$1$SALT$DIGEST` in hexadecimal digits; DigestError otherwise."""
        words = text.strip().split("$")
        try:
            kind, cost, block, parallel = words[0], *map(int, words[1:4])
            salt, octets = map(bytes.fromhex, words[4:])
        except ValueError:
            raise DigestError("this is no digest of a password (scrypt$COST$BLOCK$PARALLEL$SALT$DIGEST)") from None
        if kind != "scrypt" or len(salt) < SALT or len(octets) < LENGTH or not 2 <= cost <= 1 << 20 or cost & cost - 1 or not 1 <= block <= 32 or parallel != 1 \
                or 128 * cost * block > MEMORY:
            raise DigestError("these are no parameters of scrypt that this box takes; make the file anew")
        return cls(cost, block, parallel, salt, octets)

    @classmethod
    def read(cls, path: Path) -> Digest:
        """Of a file; DigestError where there is none that can be used."""
        try:
            with path.open("rb") as file:
                data = file.read(MAX_FILE + 1)
        except OSError as error:
            raise DigestError(f"{path} cannot be read ({error.strerror})") from error
        if len(data) > MAX_FILE or not data.isascii():
            raise DigestError(f"{path} is no file with the digest of a password")
        try:
            return cls.parse(data.decode())
        except DigestError as error:
            raise DigestError(f"{path}: {error}") from None

    def line(self) -> str:
        return f"scrypt${self.cost}${self.block}${self.parallel}${self.salt.hex()}${self.octets.hex()}\n"

    def fits(self, password: str) -> bool:
        """Takes as long for a wrong one as for the right one."""
        octets = password.encode("utf-8", "replace")
        if len(octets) > MAX_PASSWORD:
            return False
        return hmac.compare_digest(_scrypt(octets, self.salt, self.cost, self.block, self.parallel, len(self.octets)), self.octets)


def write(path: Path, digest: Digest) -> None:
    """Replaces the file as a whole; only its owner and its group may read it. OSError where it cannot be written."""
    fresh = path.with_name(path.name + ".new")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
    with os.fdopen(fd, "w", encoding="ascii") as file:
        file.write(digest.line())
    if os.geteuid() == 0 and BOX_GROUP in (entry.gr_name for entry in grp.getgrall()):
        os.chown(fresh, -1, grp.getgrnam(BOX_GROUP).gr_gid)      # of an installed box, which has to read it
    fresh.replace(path)


def _scrypt(password: bytes, salt: bytes, cost: int, block: int, parallel: int, length: int) -> bytes:
    return hashlib.scrypt(password, salt=salt, n=cost, r=block, p=parallel, maxmem=MEMORY + (1 << 20), dklen=length)
