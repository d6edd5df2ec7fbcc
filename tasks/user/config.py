"""Section `live` of the configuration: the page that shows in a browser what the box does."""
from __future__ import annotations

from kernel.record import settings_class
from kernel.settings import setting

LOCAL = "127.0.0.1"


@settings_class(slots=True)
class LiveConfig:
    """The live view: a web page of this box, made by a process of its own that may ask for an end or for less power and for nothing else."""

    enabled: bool = setting(False, meaning="serve the page (needs the package tornado); off: nothing of it is started or loaded")
    bind: str = setting(LOCAL, meaning=(
        "address at which the page is served: 127.0.0.1 or ::1 for this computer alone (from elsewhere: ssh -L 8088:127.0.0.1:8088 USER@BOX), "
        "0.0.0.0 or an address of this box for its network, which needs password_file"))
    port: int = setting(8088, low=1024, high=65535, meaning="TCP port of the page: http://ADDRESS:PORT/")
    password_file: str = setting("", meaning=(
        "file with the digest of the password, made by `python -m tools.live password FILE` (an installed box: `sudo ccsbox live-password`); empty: none is asked for"))
    names: list[str] = setting([], meaning=(
        "further names under which browsers reach this box (a router's, a domain's). Its own name, NAME.local, localhost and plain addresses are always right; "
        "any other is refused, because a strange page could hide behind it"))
    commands: bool = setting(True, meaning="the page may end a charge and lower its power, never more; false: it only shows")
    max_viewers: int = setting(8, low=1, high=32, meaning="so many pages are served at a time; the next one is told to wait")

    def __post_init__(self) -> None:
        if not is_address(self.bind):
            raise ValueError(f"bind = {self.bind} is no address: write 127.0.0.1, ::1, 0.0.0.0 or an address of this box (ip addr lists them), not a name")
        if not is_local(self.bind) and not self.password_file:
            raise ValueError(f"bind = {self.bind} serves the page to others, but password_file is empty: make one with `python -m tools.live password FILE` "
                             "(an installed box: `sudo ccsbox live-password`) and name it there, or bind to 127.0.0.1")


def is_address(text: str) -> bool:
    """A numeric IPv4 address; IPv6 as far as its characters go, the rest says the operating system."""
    if ":" in text:
        return all(c in "0123456789abcdefABCDEF:." for c in text)
    parts = text.split(".")
    return len(parts) == 4 and all(part.isascii() and part.isdigit() and len(part) <= 3 and int(part) <= 255 for part in parts)


def is_local(address: str) -> bool:
    """Reached from this computer only."""
    return address == "::1" or address.startswith("127.") and is_address(address)
