"""Through which interface the operating system would send to an address: one question to the kernel over rtnetlink(7), answered at once."""
from __future__ import annotations

import ipaddress
import os
import socket
import struct
from pathlib import Path

from kernel.record import dataclass

# linux/rtnetlink.h, linux/netlink.h
RTM_GETROUTE, RTM_NEWROUTE, NLMSG_ERROR, NLM_F_REQUEST = 26, 24, 2, 1
RTA_DST, RTA_OIF = 1, 4
RTN_UNICAST, RTN_LOCAL = 1, 2
HEADER = struct.Struct("=IHHII")         # nlmsghdr: length, type, flags, sequence, port
ROUTE = struct.Struct("=BBBBBBBBI")      # rtmsg: family, dst_len, src_len, tos, table, protocol, scope, type, flags
ATTRIBUTE = struct.Struct("=HH")         # rtattr: length, type
ANSWER = 4096                            # octets; a route has some 120
MAX_DEPTH = 8                            # bridge over bond over VLAN over ...: deeper nests are taken as leading to the interface
SYS_NET = Path("/sys/class/net")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(slots=True, frozen=True)
class Route:
    """`interface`: its name. `single`: to one host (or to this one), not broadcast or multicast."""

    interface: str
    single: bool


def route_to(address: Address) -> Route:
    """OSError when there is no route, or the kernel does not say."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, 0) as s:      # 0: NETLINK_ROUTE
        s.send(question(address))
        index, kind = answer(s.recv(ANSWER))       # the kernel has answered before send returns
    return Route(socket.if_indextoname(index), kind in (RTN_UNICAST, RTN_LOCAL))


def question(address: Address) -> bytes:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    octets = address.packed
    body = ROUTE.pack(family, 8 * len(octets), 0, 0, 0, 0, 0, 0, 0) + ATTRIBUTE.pack(ATTRIBUTE.size + len(octets), RTA_DST) + octets
    return HEADER.pack(HEADER.size + len(body), RTM_GETROUTE, NLM_F_REQUEST, 1, 0) + body


def answer(data: bytes) -> tuple[int, int]:
    """(index of the interface, kind of the route). OSError as the kernel says it, or for an answer that is none."""
    if len(data) < HEADER.size + 4:
        raise OSError(f"rtnetlink: an answer of {len(data)} octets")
    length, message, _, _, _ = HEADER.unpack_from(data)
    if message == NLMSG_ERROR:
        code = -struct.unpack_from("=i", data, HEADER.size)[0]
        raise OSError(code, os.strerror(code))
    end, place = min(length, len(data)), HEADER.size + ROUTE.size
    if message != RTM_NEWROUTE or end < place:
        raise OSError(f"rtnetlink: a message of type {message} with {length} octets")
    kind = data[HEADER.size + 7]
    while place + ATTRIBUTE.size <= end:
        size, attribute = ATTRIBUTE.unpack_from(data, place)
        if attribute == RTA_OIF and size == ATTRIBUTE.size + 4 and place + size <= end:
            return struct.unpack_from("=I", data, place + ATTRIBUTE.size)[0], kind
        place += max(ATTRIBUTE.size, size + 3 & ~3)
    raise OSError("rtnetlink: a route without an interface")


def leads_over(name: str, avoided: str, sys_net: Path = SYS_NET, depth: int = 0) -> bool:
    """What is sent into `name` comes out of `avoided` as well: the same, or a bridge, bond, VLAN or macvlan over it."""
    if name == avoided or depth > MAX_DEPTH:
        return True
    try:
        below = [entry.name.removeprefix("lower_") for entry in (sys_net / name).iterdir() if entry.name.startswith("lower_")]
    except OSError:
        return False
    return any(leads_over(lower, avoided, sys_net, depth + 1) for lower in below)
