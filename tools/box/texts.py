"""Free text and plain JSON with invented names: known ones are replaced, what looks like a name, an address, a place or a date is replaced as well."""
from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from ipaddress import AddressValueError, IPv6Address
from typing import Any

from kernel.timer import MS, S, US
from tools.box.exi_messages import Messages
from tools.box.frames import V2GTP, searcher
from tools.box.pseudonyms import LEAST_TEXT, LINK_LOCAL, SOLICITED, Pseudonyms

DAY = 86400 * S
WINDOW = 400 * DAY                   # what is so near to the time of the file is a time of day
LEAST_HEX = 8                        # hexadecimal digits in a row that are looked at; unknown ones from 12 on are replaced
LEAST_DIGITS = 10
LEAST_NUMBER = 1 << 40               # smaller whole numbers are no identifiers
LEAST_WITHIN = 8
PREFIX = 6                           # so much of a name that was cut off is known again
PUBLIC_WORDS = frozenset({"ISO15118", "DIN70121", "IEC61851", "CHAdeMO2", "RFC5612", "raspberrypi4"})
PUBLIC_IPV4 = frozenset({"0.0.0.0", "127.0.0.1", "255.255.255.255"})
_PATTERNS = (
    r"(?P<date>\b(?:19|20)\d\d-?[01]\d-?[0-3]\d[T ][0-2]\d:?[0-5]\d(?::?[0-6]\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)",
    r"(?P<nmea>\$G[A-Z]{4},[^\s*]*)",
    r"(?P<place>[+-]?\d{1,3}\.\d{3,}\s*°?\s*[NSns]?\s*[,;/ ]\s*[+-]?\d{1,3}\.\d{3,}\s*°?\s*[EWew]?\b)",
    r"(?P<mail>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)",
    r"""(?P<url>\b[a-z][a-z0-9+]*://[^\s'"]+)""",
    r"(?P<pairs>\b[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5,}\b)",
    r"(?P<dotted>\b[0-9A-Fa-f]{4}(?:\.[0-9A-Fa-f]{4}){2}\b)",
    r"(?P<six>(?<![\w:])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:]))",
    r"(?P<four>(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]))",
    r"(?P<evse>\b[A-Z]{2}[*-][A-Z0-9]{3}[*-][A-Z0-9*-]{2,}\b)",
    r"(?P<base64>(?<![\w+/])[A-Za-z0-9+/]{7,}={1,2}(?![\w+/=]))",
    r"(?P<word>(?<![\w.])[A-Za-z0-9]{8,}(?![\w]))",
)


def _literal(real: str) -> str:
    """A long name is found within words, too (a topic and what was put behind it); a short one only where it is a word."""
    return re.escape(real) if len(real) >= LEAST_WITHIN else rf"(?<![A-Za-z0-9_]){re.escape(real)}(?![A-Za-z0-9_])"


class Texts:
    """`text`, `value` (plain JSON), `octets` (of no known kind), `number`. Made when every name has been collected."""

    def __init__(self, names: Pseudonyms, messages: Messages, frame: Callable[[bytes], bytes], epoch: int, shift: int) -> None:
        """`epoch`: ns since 1970 of the file; `shift`: ns that are added to every time of day. `frame`: rewrites a frame."""
        self._names = names
        self._messages = messages
        self._frame = frame
        self._epoch = epoch
        self._shift = shift
        self.search = searcher(names.searched())
        self._base64 = names.in_base64()
        literal = sorted((real for real in names.texts if len(real) >= LEAST_TEXT and names.texts[real] != real), key=len, reverse=True)
        first = f"(?P<known>{'|'.join(map(_literal, literal))})|" if literal else ""
        self._pattern = re.compile(first + "|".join(_PATTERNS))
        self._done: dict[str, str] = {}
        self._hex: dict[str, str] = {}

    # --- texts

    def text(self, real: str) -> str:
        if len(real) < LEAST_TEXT or real in self._names.public:
            return real
        made = self._done.get(real)
        if made is None:
            if len(self._done) > 65536:
                self._done.clear()
            made = self._done[real] = self._pattern.sub(self._replace, real)
        return made

    def _replace(self, found: re.Match[str]) -> str:
        kind, real = found.lastgroup, found[0]
        if kind == "known":
            return self._names.texts[real]
        if kind == "pairs":
            mark = real[2]
            made = self.octets(bytes.fromhex(real.replace(mark, "")), unknown=True).hex(mark)
            return made.upper() if real.upper() == real else made
        if kind == "dotted":
            made = self.octets(bytes.fromhex(real.replace(".", "")), unknown=True).hex()
            return f"{made[:4]}.{made[4:8]}.{made[8:]}"
        if kind == "six":
            return self._six(real)
        if kind == "four":
            return real if real in PUBLIC_IPV4 else "10." + ".".join(str(octet % 254 + 1) for octet in self._names.random(b"four" + real.encode(), 3))
        if kind == "date":
            return self._date(real)
        if kind in ("place", "nmea"):
            return re.sub(r"\d", "0", real)
        if kind == "base64":
            return self._base64.get(real) or self._names.lettered(real)
        if kind == "word":
            return self._word(real)
        return self._names.lettered(real)

    def _word(self, real: str) -> str:
        if real in self._base64:
            return self._base64[real]
        if real in self._names.public or real in PUBLIC_WORDS:
            return real
        if all(letter in "0123456789abcdefABCDEF" for letter in real):
            return self._digits(real)
        if any(letter.isdigit() for letter in real) and any(letter.isalpha() for letter in real):
            return self._cut_off(real) or self._names.lettered(real)
        return self._cut_off(real) or real

    def _cut_off(self, real: str) -> str:
        """The beginning of a known name, as displays have it; "" if it is none."""
        known = any(name.startswith(real) for name in self._names.texts) if len(real) >= PREFIX else False
        return self._names.lettered(real) if known else ""

    def _digits(self, real: str) -> str:
        made = self._hex.get(real)
        if made is None:
            made = self._hex[real] = self._of_digits(real)
        return made

    def _of_digits(self, real: str) -> str:
        even = real[:len(real) & ~1]
        plain = bytes.fromhex(even)
        made = self.octets(plain)
        if made == plain and len(set(real)) > 1:
            if real.isdigit():
                number = int(real)
                if number in self._names.numbers:
                    return str(self._names.numbers[number])
                if abs(number - self.number(number)) > 0:
                    return str(self.number(number))
                return self._names.lettered(real) if len(real) > LEAST_DIGITS and not self._is_known(plain) else real
            if len(real) >= 12 and not self._is_known(plain):
                made = self._names.octets(plain)
        text = made.hex() + real[len(even):]
        return text.upper() if real.upper() == real else text

    def _is_known(self, plain: bytes) -> bool:
        return plain in self._names.known

    def _six(self, real: str) -> str:
        try:
            packed = IPv6Address(real).packed
        except AddressValueError:
            return real
        return str(IPv6Address(self._names.address(packed)))

    def _date(self, real: str) -> str:
        """Written as it was."""
        digits = re.sub(r"\D", "", real)[:14].ljust(14, "0")
        try:
            moment = datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=timezone.utc) + timedelta(seconds=self._shift // S)
        except (ValueError, OverflowError):
            return re.sub(r"\d", "0", real)
        new = iter(moment.strftime("%Y%m%d%H%M%S"))
        return re.sub(r"\d", lambda _: next(new, "0"), real)

    # --- JSON

    def value(self, plain: Any, *, seconds: bool = True) -> Any:
        """`seconds`: whole numbers may be s since 1970 (where no ns of the tape stand)."""
        kind = type(plain)
        if kind is float or kind is int:
            return self.number(plain, seconds=seconds)
        if kind is str:
            return self.text(plain)
        if kind is list:
            return [self.value(item, seconds=seconds) for item in plain]
        if kind is dict:
            if plain.keys() == {"x"} and isinstance(plain["x"], str):
                return {"x": self.octets(bytes.fromhex(plain["x"])).hex()}
            return {self.text(key): self.value(item, seconds=seconds) for key, item in plain.items()}
        return plain

    def number(self, real: Any, *, seconds: bool = True) -> Any:
        """A time of day is moved; an identifier written as a number is replaced."""
        if self._epoch > DAY:
            for unit in (S, MS, US, 1) if seconds or type(real) is float else (1,):
                if abs(real * unit - self._epoch) < WINDOW:
                    return real + self._shift // unit if type(real) is int else real + self._shift / unit
        if type(real) is int and real >= LEAST_NUMBER:
            return self._names.numbers.get(real, real)
        return real

    def octets(self, real: bytes, *, unknown: bool = False) -> bytes:
        """Octets of no known kind: a name, or something that has names in it. `unknown`: what is not known is a name."""
        known = self._names.known.get(real)
        if known is not None:
            return known
        if len(real) == 16 and (real[:8] == LINK_LOCAL or real[:13] == SOLICITED):
            return self._names.address(real)
        if len(real) == 6 and real[:3] == b"\x33\x33\xff":
            return self._names.mac(real)
        if real[:4] == V2GTP and len(real) > 8:
            return real[:8] + self._messages.rewrite(real[8:], "")
        if real[:1] == b"\x80" and len(real) > 8:
            made = self._messages.find(real)
            if made is not None:
                return made
        if len(real) >= 60 and real[12:14] in (b"\x88\xe1", b"\x86\xdd"):
            return self._frame(real)
        made = self.search(real)
        if made == real and len(real) >= 4:
            longer = next((name for name in self._names.known if len(name) > len(real) and name.startswith(real)), None)
            if longer is not None and len(set(real)) > 1:
                return self._names.known[longer][:len(real)]
        return self._names.octets(real) if unknown and made == real else made
