"""The CAN bus, where one is used: interface, bit rate, state of the controller; asked of `ip`, which needs no right."""
from __future__ import annotations

import json
from typing import Any, Iterator

from tools.doctor.findings import Finding, fail, ok, warn
from tools.doctor.machine import TOO_SLOW
from tools.doctor.program import uses_can

MAX_SAID = 80        # characters of a complaint
GOOD, BUS_OFF, STOPPED = "ERROR-ACTIVE", "BUS-OFF", "STOPPED"        # iproute2, ip/iplink_can.c


def can(patient: Any) -> Iterator[Finding]:
    """ok without a line to mend; a wrong bit rate disturbs everybody on the bus, so it fails."""
    config = patient.config
    settings = config.can
    if not uses_can(config) or config.board == "simulated" or patient.simulate_io:
        yield ok("CAN", "not used with these settings")
        return
    if settings.interface != "socketcan":
        yield ok("CAN", f"{settings.channel} by python-can ({settings.interface}): opened by the box only")
        return
    name, bitrate = settings.channel, settings.bitrate
    bring_up = f"ip link set {name} up type can bitrate {bitrate} restart-ms 100"
    if not patient.machine.path(f"/sys/class/net/{name}").is_dir():
        yield fail("CAN", f"there is no interface {name}",
                   "Enable the overlay of the CAN hat (dtoverlay=mcp2515-can0,...), or correct can.channel; `ip -br link` lists them.", "no CAN interface")
        return
    answer = patient.machine.command(["ip", "-details", "-json", "link", "show", "dev", name])
    link = parsed(answer)
    if link is None:
        yield _unknown(name, answer)
        return
    info = link.get("linkinfo", {})
    data = info.get("info_data", {})
    if info.get("info_kind") == "vcan":
        yield from _up(link, name, f"{name}, virtual: no bit rate, no bus state", f"ip link set {name} up")
        return
    if info.get("info_kind") != "can":
        yield fail("CAN", f"{name} is no CAN interface", "Correct can.channel; `ip -br link` lists them.", "no CAN interface")
        return
    if "UP" not in link.get("flags", []) or data.get("state") == STOPPED:
        yield fail("CAN", f"{name} is down", f"{bring_up}; the service needs it so at each start.", "CAN is down")
        return
    have, state, restart = data.get("bittiming", {}).get("bitrate"), data.get("state"), data.get("restart_ms", 0)
    if have is not None and have != bitrate:
        yield fail("CAN", f"{name} runs at {have} bit/s, but can.bitrate = {bitrate}", f"ip link set {name} down, then: {bring_up}.", "CAN bit rate")
        return
    if state == BUS_OFF:
        yield fail("CAN", f"{name} is bus off", "Bit rate, CAN-H and CAN-L swapped, 120 Ohm at both ends? Then: " + f"ip link set {name} down, {bring_up}.",
                   "CAN bus off")
        return
    if state != GOOD:
        yield warn("CAN", f"{name}: {state or 'state not told'}, {have or 'unknown'} bit/s",
                   "Nobody acknowledges, or frames are disturbed: is the other side on? Wiring, 120 Ohm at both ends?")
    elif not restart:
        yield warn("CAN", f"{name}: {state}, {have} bit/s, but stays off after a bus-off (restart-ms 0)",
                   f"ip link set {name} type can restart-ms 100 (with the interface down).")
    else:
        yield ok("CAN", f"{name}: {state}, {have} bit/s, restarts after {restart} ms")


def _unknown(name: str, answer: tuple[int, str] | None) -> Finding:
    """Why `ip` did not tell."""
    unknown = f"{name} is there; its state is not known"
    if answer is None:
        return warn("CAN", f"{unknown}: there is no command ip", "apt install iproute2.")
    if answer[0] == TOO_SLOW:
        return warn("CAN", f"{unknown}: ip gave no answer in time, this machine is busy", "Ask again when it has started: ccsbox doctor.")
    said = " ".join(answer[1].split())[:MAX_SAID]
    return warn("CAN", f"{unknown}: ip -details -json link show dev {name} tells nothing that can be read (exit code {answer[0]}{', ' + said if said else ''})",
                "Try it by hand, as root and as the service's user (sudo -u ccsbox).")


def _up(link: dict, name: str, told: str, remedy: str) -> Iterator[Finding]:
    yield ok("CAN", told) if "UP" in link.get("flags", []) else fail("CAN", f"{name} is down", f"{remedy}.", "CAN is down")


def parsed(answer: tuple[int, str] | None) -> dict | None:
    """The one link of `ip -json`; None for anything else."""
    if answer is None or answer[0] != 0:
        return None
    try:
        links = json.loads(answer[1])
    except ValueError:
        return None
    links = [link for link in links if link] if isinstance(links, list) else []
    return links[0] if len(links) == 1 and isinstance(links[0], dict) else None
