"""Who may look and who may command: sessions, tries at the password, names of this box. Pure: time comes in as seconds."""
from __future__ import annotations

import hmac
import ipaddress
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import Iterable
from urllib.parse import urlsplit

MAX_SESSIONS = 64            # the oldest goes first
SESSION_S = 12 * 3600.0      # a session ends so long after its beginning
MAX_ADDRESSES = 256          # of which tries are remembered
TRIES = 5                    # wrong passwords of one address within WINDOW_S; then it waits
ALL_TRIES = 60               # of all addresses together: who has many gets no further
WINDOW_S = 600.0
MAX_NAME = 255               # characters of a Host header


@dataclass(slots=True)
class Session:
    """One browser that was let in. `token`: what its commands must carry besides the cookie."""

    token: str
    began: float


class Sessions:
    """Cookies that are valid."""

    def __init__(self) -> None:
        self._by_cookie: OrderedDict[str, Session] = OrderedDict()

    def begin(self, now: float) -> tuple[str, Session]:
        """A new cookie and its session."""
        while len(self._by_cookie) >= MAX_SESSIONS:
            self._by_cookie.popitem(last=False)
        cookie, session = secrets.token_urlsafe(32), Session(secrets.token_urlsafe(32), now)
        self._by_cookie[cookie] = session
        return cookie, session

    def find(self, cookie: str | None, now: float) -> Session | None:
        """None: not known, or over."""
        session = self._by_cookie.get(cookie or "")      # 256 random bits: looking one up tells nothing about another
        if session is None or now - session.began <= SESSION_S:
            return session
        del self._by_cookie[cookie or ""]
        return None

    def end(self, cookie: str | None) -> None:
        self._by_cookie.pop(cookie or "", None)


def same(told: str | None, token: str) -> bool:
    """Without telling by its duration how much of it fits."""
    return hmac.compare_digest((told or "").encode("utf-8", "replace"), token.encode())


class Tries:
    """Wrong passwords, by address and together. `refused` counts those that were not even compared."""

    def __init__(self) -> None:
        self.refused = 0
        self._by_address: OrderedDict[str, list[float]] = OrderedDict()
        self._all: list[float] = []

    def wait(self, address: str, now: float) -> float:
        """Seconds until this address may try again; 0: it may now."""
        waits = 0.0
        for times, most in ((self._by_address.get(address, []), TRIES), (self._all, ALL_TRIES)):
            times[:] = [at for at in times if now - at < WINDOW_S]
            if len(times) >= most:
                waits = max(waits, WINDOW_S - (now - times[-most]))
        if waits:
            self.refused += 1
        return waits

    def failed(self, address: str, now: float) -> None:
        while len(self._by_address) >= MAX_ADDRESSES:
            self._by_address.popitem(last=False)
        self._by_address.setdefault(address, []).append(now)
        self._by_address[address] = self._by_address[address][-TRIES:]
        self._all = [*self._all, now][-ALL_TRIES:]

    def succeeded(self, address: str) -> None:
        self._by_address.pop(address, None)


def host_name(host: str | None) -> str | None:
    """`Box.local:8088` -> `box.local`, `[::1]:8088` -> `::1`; None where it is no Host header."""
    if not host or len(host) > MAX_NAME or any(c in host for c in "/\\@?# \t,"):
        return None
    try:
        parts = urlsplit("//" + host)
        parts.port       # noqa: B018 - ValueError where it is no number
        return parts.hostname
    except ValueError:
        return None


def right_host(host: str | None, names: Iterable[str]) -> bool:
    """Is this a name of this box? Where a browser was led here by a name of somebody else (DNS rebinding), that name stands in Host: refused.
    Plain addresses cannot be such a name."""
    name = host_name(host)
    if name is None:
        return False
    try:
        ipaddress.ip_address(name)
        return True
    except ValueError:
        return name.rstrip(".") in names


def right_origin(origin: str | None, host: str | None) -> bool:
    """Did the page that sends this come from here? Without an Origin it is no browser that could be misused, but none that is served either: refused."""
    return bool(origin) and bool(host) and origin == f"http://{host}"


def own_names(hostname: str, further: Iterable[str]) -> frozenset[str]:
    """Under which names this box is right."""
    short = hostname.lower().split(".")[0]
    return frozenset({"localhost", hostname.lower(), short, f"{short}.local", *(name.lower().rstrip(".") for name in further if name)})
