"""Settings of the REST call: where the values go, how often, and how long an answer is waited for."""
from __future__ import annotations

from urllib.parse import urlsplit

from kernel.record import settings_class
from kernel.settings import setting

FURTHER = ("fsm_state", "contactors", "cpstate", "power", "energy", "charger_voltage", "charger_current", "target_voltage", "target_current", "stop_reason", "stop_text")
"""Topics of tasks/mqtt that may be told besides; a car and a charger have them."""
LONGEST = 512             # characters of an address


@settings_class(slots=True)
class RestConfig:
    """Section `rest` of the configuration: one HTTP server."""

    enabled: bool = setting(False, meaning="call rest.endpoint while a car is connected and says something, with pyPLC's parameters (its soc_callback_enabled)")
    endpoint: str = setting("", meaning="address that is called by POST, for example http://192.168.1.20/ev_state of a SmartEVSE; https checks the certificate")
    every_s: float = setting(5.0, unit="s", low=0.5, high=3600, meaning="pause between two calls of which only numbers differ; what becomes known for the first time is told at once")
    repeat_s: float = setting(60.0, unit="s", low=0, high=3600, meaning="tell it again after so long, changed or not, while the session goes on; 0: never")
    timeout_s: float = setting(5.0, unit="s", low=0.5, high=60, meaning="to connect, and then for the whole answer; nothing waits for it")
    retries: int = setting(5, low=0, high=100, meaning="further calls of the same values when one fails, after 1, 2, 4 ... 60 s; newer values replace them")
    also: list[str] = setting([], choices=FURTHER, meaning="further parameters, called and told as the topics of tasks/mqtt/README.md")
    ca_file: str = setting("", meaning="https: PEM file of the authority that signed the server's certificate; empty: those of the system")

    def __post_init__(self) -> None:
        if self.enabled and not self.endpoint:
            raise ValueError("enabled = true but endpoint is empty; set the address that is to be called, for example http://192.168.1.20/ev_state")
        if self.endpoint:
            address(self.endpoint)
        if self.ca_file and not self.endpoint.startswith("https:"):
            raise ValueError("ca_file is named but endpoint does not begin with https:; it would never be read")


def address(endpoint: str) -> tuple[bool, str, int, str, str]:
    """(TLS, host, port, host as the Host field has it, path and query) of the setting; the path ends where parameters may follow. ValueError says what is wrong."""
    shown = f"endpoint = {endpoint[:80]!r}"
    if len(endpoint) > LONGEST or not all("!" <= c <= "~" for c in endpoint):
        raise ValueError(f"{shown}; expected at most {LONGEST} characters of ASCII without spaces")
    try:
        parts = urlsplit(endpoint)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"{shown}; {error}") from error
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError(f"{shown}; expected http://HOST/PATH or https://HOST/PATH")
    if parts.username is not None or parts.fragment:
        raise ValueError(f"{shown}; expected no user name and no #: a key that the server wants may stand in the query (?key=...)")
    if port == 0:
        raise ValueError(f"{shown}; expected a port of 1 to 65535")
    tls = parts.scheme == "https"
    return tls, host, port or (443 if tls else 80), parts.netloc, (parts.path or "/") + ("?" + parts.query + "&" if parts.query else "?")
