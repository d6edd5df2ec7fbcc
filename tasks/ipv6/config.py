"""Settings of the IPv6 host and of SECC discovery."""
from __future__ import annotations

from kernel.record import settings_class
from kernel.settings import setting


@settings_class(slots=True)
class Ipv6Config:
    """Section `ipv6`."""

    duplicate_detection: bool = setting(True, meaning="ask the network once whether the own address is taken; nobody waits for it")
    kernel_ipv6: str = setting("disable", choices=("disable", "leave"), meaning=(
        "the operating system's own IPv6 on the interface, which would answer for us: switch it off where it is permitted and the "
        "interface carries nothing else, or leave it; told in both cases"))
    answer_echo: bool = setting(True, meaning="answer ping (ICMPv6 echo), for diagnosis")


@settings_class(slots=True)
class SdpConfig:
    """Section `sdp`."""

    tls_request: str = setting("answer_no_tls", choices=("answer_no_tls", "ignore"),
                               meaning="charger: a car that asks for TLS is offered an unencrypted connection, or ignored until it asks for one")
